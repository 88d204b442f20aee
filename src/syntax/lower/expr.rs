//! Expressions: precedence, operands, members.

use super::{Lower, Node, Rule};
use crate::diagnostic::{Diagnostic, codes};
use crate::source::{Dur, Span};
use crate::syntax::ast::{Expr, ExprKind, Member, Name, Part, Sign};
use crate::syntax::{MAX_DEPTH, Operator, fault};
use std::iter::Peekable;
use std::vec::IntoIter;

type Chain<'a> = Peekable<IntoIter<Node<'a>>>;

impl<'a> Lower<'a> {
    /// The node of rule `expr`.
    pub(super) fn expr(&mut self, node: Node<'a>) -> Expr {
        let span = self.span(&node);
        self.level += 1;
        let expr = self.expr_inside(node, span).unwrap_or(Expr {
            kind: ExprKind::Error,
            span,
        });
        self.level -= 1;
        if self.level == 0 && depth(&expr) > 2 * MAX_DEPTH {
            self.report(fault::too_long(span));
            return Expr {
                kind: ExprKind::Error,
                span,
            };
        }
        expr
    }

    fn expr_inside(&mut self, node: Node<'a>, span: Span) -> Option<Expr> {
        let mut reveal = false;
        let mut reason = None;
        let mut chain = Vec::new();
        for child in node.into_inner() {
            match child.as_rule() {
                Rule::kw_reveal => reveal = true,
                Rule::because => reason = child.into_inner().find(|n| n.as_rule() == Rule::string),
                _ => chain.push(child),
            }
        }
        if chain.len() > 2 * MAX_DEPTH {
            self.report(fault::too_long(span));
            return None;
        }
        let mut chain = chain.into_iter().peekable();
        let value = self.chain(&mut chain, 0)?;
        let reason = reason.map(|r| self.plain(r));
        Some(if reveal {
            Expr {
                kind: ExprKind::Reveal(Box::new(value), reason),
                span,
            }
        } else {
            value
        })
    }

    fn chain(&mut self, chain: &mut Chain<'a>, least: u8) -> Option<Expr> {
        let first = chain.next()?;
        let mut left = if first.as_rule() == Rule::kw_not {
            let place = self.token(&first);
            if least > Operator::NOT {
                self.report(
                    Diagnostic::new(
                        codes::SYNTAX_ERROR,
                        place,
                        "`not` binds weaker than a comparison and cannot follow one",
                    )
                    .at("in the way here")
                    .help("put `(not …)` in parentheses"),
                );
            }
            let inner = self.chain(chain, Operator::NOT)?;
            Expr {
                span: place.to(inner.span),
                kind: ExprKind::Not(Box::new(inner)),
            }
        } else {
            self.term(first)?
        };
        let mut compared = false;
        while let Some(next) = chain.peek() {
            let operator = self.sign(next)?;
            let binds = operator.operator.precedence();
            if binds < least {
                break;
            }
            if compared && operator.operator.compares() {
                self.report(
                    Diagnostic::new(
                        codes::SYNTAX_ERROR,
                        operator.span,
                        "comparisons cannot be chained",
                    )
                    .at("second comparison")
                    .help("compare two values at a time and join them with `and`"),
                );
            }
            compared = operator.operator.compares();
            chain.next();
            let right = self.chain(chain, binds + 1)?;
            left = Expr {
                span: left.span.to(right.span),
                kind: ExprKind::Binary(Box::new(left), operator, Box::new(right)),
            };
        }
        Some(left)
    }

    /// The operator of a node.
    pub(super) fn sign(&self, node: &Node<'_>) -> Option<Sign> {
        Some(Sign {
            operator: Operator::parse(node.as_str())?,
            span: self.token(node),
        })
    }

    fn term(&mut self, node: Node<'a>) -> Option<Expr> {
        let whole = self.token(&node);
        let mut children = node.into_inner();
        let mut expr = self.primary(children.next()?)?;
        let mut count = 0;
        for postfix in children {
            count += 1;
            if count > MAX_DEPTH {
                self.report(fault::too_long(whole));
                return None;
            }
            let end = self.token(&postfix);
            let rule = postfix.as_rule();
            let inner = postfix.into_inner().next()?;
            let key = if rule == Rule::field {
                let name = self.name(inner);
                let text = Part::Text(name.text.clone(), name.span);
                let parts = if name.text.is_empty() {
                    Vec::new()
                } else {
                    vec![text]
                };
                Expr {
                    kind: ExprKind::String(parts),
                    span: name.span,
                }
            } else {
                self.expr(inner)
            };
            expr = Expr {
                span: expr.span.to(end),
                kind: ExprKind::Index(Box::new(expr), Box::new(key)),
            };
        }
        Some(expr)
    }

    pub(super) fn primary(&mut self, node: Node<'a>) -> Option<Expr> {
        let span = self.token(&node);
        let kind = match node.as_rule() {
            Rule::string
                if self
                    .explain
                    .is_known(span.start as usize, span.start as usize + 1) =>
            {
                ExprKind::Error
            }
            Rule::string => ExprKind::String(self.parts(node)),
            Rule::number => ExprKind::Number(node.as_str().to_owned()),
            Rule::duration => ExprKind::Duration(Dur::sum(node.as_str())),
            Rule::constant => match node.as_str() {
                "null" => ExprKind::Null,
                word => ExprKind::Bool(word == "true"),
            },
            Rule::bare => {
                let inner = Name {
                    text: node.as_str().to_owned(),
                    span,
                };
                ExprKind::Path(vec![inner])
            }
            Rule::path => return Some(self.path(node, span)),
            Rule::list => ExprKind::List(self.exprs(node)),
            Rule::members => ExprKind::Object(self.members(node)),
            Rule::group => {
                let inner = self.expr(node.into_inner().find(|n| n.as_rule() == Rule::expr)?);
                return Some(Expr {
                    kind: inner.kind,
                    span,
                });
            }
            _ => return None,
        };
        Some(Expr { kind, span })
    }

    fn path(&mut self, node: Node<'a>, span: Span) -> Expr {
        let mut names = Vec::new();
        let mut arguments = None;
        for child in node.into_inner() {
            if child.as_rule() == Rule::call_arguments {
                arguments = Some(self.exprs(child));
            } else {
                names.push(self.name(child));
            }
        }
        let kind = match (arguments, names.pop()) {
            (Some(arguments), Some(name)) => ExprKind::Call(name, arguments),
            (None, last) => {
                names.extend(last);
                ExprKind::Path(names)
            }
            (Some(_), None) => ExprKind::Error,
        };
        Expr { kind, span }
    }

    /// The expressions among a node's children.
    fn exprs(&mut self, node: Node<'a>) -> Vec<Expr> {
        node.into_inner()
            .filter(|n| n.as_rule() == Rule::expr)
            .map(|n| self.expr(n))
            .collect()
    }

    /// `{ key: value, … }`
    pub(super) fn members(&mut self, node: Node<'a>) -> Vec<Member> {
        let mut members: Vec<Member> = Vec::new();
        let mut comma = true;
        for child in node.into_inner() {
            match child.as_rule() {
                Rule::comma => comma = true,
                Rule::member => {
                    let mut inner = child.into_inner();
                    let key = inner.next().map(|k| self.name(k));
                    let value = inner
                        .find(|n| n.as_rule() == Rule::expr)
                        .map(|v| self.expr(v));
                    let (Some(key), Some(value)) = (key, value) else {
                        continue;
                    };
                    if let Some(previous) = members.last().filter(|_| !comma) {
                        self.comma_between(
                            previous.key.span.to(previous.value.span),
                            key.span.to(value.span),
                        );
                    }
                    members.push(Member { key, value });
                    comma = false;
                }
                _ => {}
            }
        }
        members
    }
}

/// How deep the tree of an expression is.
fn depth(expr: &Expr) -> usize {
    let deepest =
        |children: &mut dyn Iterator<Item = &Expr>| children.map(depth).max().unwrap_or(0);
    1 + match &expr.kind {
        ExprKind::String(parts) => deepest(&mut parts.iter().filter_map(|p| match p {
            Part::Expr(e) => Some(e),
            Part::Text(..) => None,
        })),
        ExprKind::List(items) | ExprKind::Call(_, items) => deepest(&mut items.iter()),
        ExprKind::Object(members) => deepest(&mut members.iter().map(|m| &m.value)),
        ExprKind::Index(a, b) | ExprKind::Binary(a, _, b) => depth(a).max(depth(b)),
        ExprKind::Not(a) | ExprKind::Reveal(a, _) => depth(a),
        _ => 0,
    }
}
