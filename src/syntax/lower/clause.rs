//! Clauses of a request.

use super::{Lower, Node, Rule};
use crate::syntax::ast::{Clause, ClauseKind, Expr, Member, Name, Source};

impl<'a> Lower<'a> {
    pub(super) fn clause(&mut self, node: Node<'a>) -> Option<Clause> {
        let span = self.span(&node);
        let kind = match node.as_rule() {
            Rule::bearer => ClauseKind::Bearer(self.only_expr(node)?),
            Rule::json => ClauseKind::Json(self.only_expr(node)?),
            Rule::text => ClauseKind::Text(self.only_expr(node)?),
            Rule::raw => ClauseKind::Raw(self.only_expr(node)?),
            Rule::basic => self
                .two_exprs(node)
                .map(|(user, password)| ClauseKind::Basic(user, password))?,
            Rule::client => self
                .two_exprs(node)
                .map(|(id, secret)| ClauseKind::Client(id, secret))?,
            Rule::header => {
                let (mut name, mut value) = (None, None);
                for child in node.into_inner() {
                    match child.as_rule() {
                        Rule::string => name = Some(self.plain(child)),
                        Rule::expr => value = Some(self.expr(child)),
                        _ => {}
                    }
                }
                ClauseKind::Header(name?, value?)
            }
            Rule::query => ClauseKind::Query(self.only_members(node)?),
            Rule::form => ClauseKind::Form(self.only_members(node)?),
            Rule::timeout => ClauseKind::Timeout(self.inner_duration(node)?),
            Rule::connect => ClauseKind::Connect(self.inner_duration(node)?),
            Rule::retry => self.retry(node)?,
            Rule::expect => {
                self.expect(node.into_inner().find(|n| n.as_rule() != Rule::kw_expect)?)?
            }
            Rule::capture => self.capture(node)?,
            Rule::ca => {
                ClauseKind::Ca(self.plain(node.into_inner().find(|n| n.as_rule() == Rule::string)?))
            }
            Rule::proxy => ClauseKind::Proxy,
            Rule::follow => ClauseKind::Follow(self.inner_count(node)?),
            Rule::limit => {
                let size = node.into_inner().find(|n| n.as_rule() == Rule::size)?;
                ClauseKind::Limit(self.size(&size))
            }
            Rule::strays => {
                let mut requests = node
                    .into_inner()
                    .filter(|n| !matches!(n.as_rule(), Rule::kw_strays | Rule::kw_revoke));
                let list = Box::new(self.exchange(requests.next()?)?);
                let revoke = Box::new(self.exchange(requests.next()?)?);
                ClauseKind::Strays { list, revoke }
            }
            Rule::sign => {
                let (mut scheme, mut options) = (None, Vec::new());
                for child in node.into_inner() {
                    match child.as_rule() {
                        Rule::ident => scheme = Some(self.name(child)),
                        Rule::options => options = self.options(child),
                        _ => {}
                    }
                }
                ClauseKind::Sign {
                    scheme: scheme?,
                    options,
                }
            }
            Rule::login => self
                .two_exprs(node)
                .map(|(user, password)| ClauseKind::Login(user, password))?,
            Rule::sql_text => {
                let text = node.into_inner().find(|n| n.as_rule() == Rule::string)?;
                ClauseKind::Statement(self.string_expr(text))
            }
            Rule::command => ClauseKind::Command(self.only_list(node)?),
            Rule::stdin => ClauseKind::Stdin(self.only_expr(node)?),
            Rule::environment => ClauseKind::Environment(self.only_members(node)?),
            Rule::arguments => ClauseKind::Arguments(self.only_list(node)?),
            Rule::file => ClauseKind::File(self.only_expr(node)?),
            _ => return None,
        };
        Some(Clause { kind, span })
    }

    fn two_exprs(&mut self, node: Node<'a>) -> Option<(Expr, Expr)> {
        let mut exprs = node.into_inner().filter(|n| n.as_rule() == Rule::expr);
        let first = self.expr(exprs.next()?);
        Some((first, self.expr(exprs.next()?)))
    }

    fn only_members(&mut self, node: Node<'a>) -> Option<Vec<Member>> {
        let members = node.into_inner().find(|n| n.as_rule() == Rule::members)?;
        Some(self.members(members))
    }

    fn only_list(&mut self, node: Node<'a>) -> Option<Expr> {
        let list = node.into_inner().find(|n| n.as_rule() == Rule::list)?;
        self.primary(list)
    }

    /// The word behind `backoff`.
    pub(super) fn backoff(&mut self, node: Node<'a>) -> Option<Name> {
        node.into_inner()
            .find(|n| n.as_rule() == Rule::ident)
            .map(|n| self.name(n))
    }

    fn retry(&mut self, node: Node<'a>) -> Option<ClauseKind> {
        let (mut count, mut every, mut backoff, mut up_to) = (None, None, None, None);
        for child in node.into_inner() {
            match child.as_rule() {
                Rule::integer => count = Some(self.count(&child)),
                Rule::pause => self.option(&mut every, child, Self::inner_duration),
                Rule::backoff => self.option(&mut backoff, child, Self::backoff),
                Rule::up_to => self.option(&mut up_to, child, Self::inner_duration),
                _ => {}
            }
        }
        Some(ClauseKind::Retry {
            count: count?,
            every,
            backoff,
            up_to,
        })
    }

    fn expect(&mut self, node: Node<'a>) -> Option<ClauseKind> {
        let rule = node.as_rule();
        let (mut name, mut operator, mut value, mut statuses) = (None, None, None, Vec::new());
        let mut codes = Vec::new();
        for child in node.into_inner() {
            match child.as_rule() {
                Rule::status => {
                    self.check_status(&child);
                    statuses.push(self.name(child));
                }
                Rule::integer => codes.push(self.count(&child)),
                Rule::string | Rule::jsonpath => name = Some(self.name(child)),
                Rule::comparison => operator = self.sign(&child),
                Rule::expr => value = Some(self.expr(child)),
                _ => {}
            }
        }
        Some(match rule {
            Rule::expect_status => ClauseKind::ExpectStatus(statuses),
            Rule::expect_exit => ClauseKind::ExpectExit(codes),
            Rule::expect_header => ClauseKind::ExpectHeader {
                name: name?,
                operator: operator?,
                value: value?,
            },
            _ => ClauseKind::ExpectBody {
                path: name?,
                operator: operator?,
                value: value?,
            },
        })
    }

    fn capture(&mut self, node: Node<'a>) -> Option<ClauseKind> {
        let (mut secret, mut optional) = (false, false);
        let mut names: Vec<Name> = Vec::new();
        let mut source = None;
        let mut to = Vec::new();
        for child in node.into_inner() {
            match child.as_rule() {
                Rule::destination => to.extend(self.destination(child)),
                Rule::kw_secret => secret = true,
                Rule::kw_optional => optional = true,
                Rule::ident => names.push(self.name(child)),
                Rule::source => source = self.source(child),
                _ => {}
            }
        }
        let mut names = names.into_iter();
        Some(ClauseKind::Capture {
            secret,
            name: names.next()?,
            source: source?,
            ty: names.next(),
            optional,
            to,
        })
    }

    fn source(&mut self, node: Node<'a>) -> Option<Source> {
        let span = self.span(&node);
        let mut source = Source::Text(span);
        for child in node.into_inner() {
            match child.as_rule() {
                Rule::jsonpath => source = Source::Body(self.name(child)),
                Rule::string => source = Source::Header(self.plain(child)),
                Rule::kw_status => source = Source::Status(span),
                _ => {}
            }
        }
        Some(source)
    }
}
