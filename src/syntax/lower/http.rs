//! Requests and their effects.

use super::{Lower, Node, Rule};
use crate::diagnostic::{Diagnostic, codes};
use crate::syntax::ast::{Clause, Effect, EffectKind, Expr, ExprKind, Http, Protocol, SqlDialect};
use crate::syntax::explain::Place;

impl<'a> Lower<'a> {
    /// The node of rule `request`.
    pub(super) fn request(&mut self, node: Node<'a>) -> Option<Http> {
        let (mut name, mut method, mut url, mut effect, mut clauses) =
            (None, None, None, None, Vec::new());
        for child in node.into_inner() {
            match child.as_rule() {
                Rule::ident => name = Some(self.name(child)),
                Rule::method => method = Some(self.name(child)),
                Rule::expr => url = Some(self.expr(child)),
                Rule::effect => effect = self.effect(child),
                Rule::clauses => clauses = self.clauses(child),
                _ => {}
            }
        }
        Some(Http {
            protocol: Protocol::Http,
            name,
            method: method?,
            url: url?,
            effect,
            clauses,
        })
    }

    /// The node of rule `sql`, `redis` or `exec`.
    pub(super) fn exchange(&mut self, node: Node<'a>) -> Option<Http> {
        let protocol = match node.as_rule() {
            Rule::sql => Protocol::Sql(dialect_of(&node)?),
            Rule::redis => Protocol::Redis,
            Rule::exec => Protocol::Exec,
            _ => return self.request(node),
        };
        let (mut name, mut method, mut url, mut effect, mut clauses) =
            (None, None, None, None, Vec::new());
        for child in node.into_inner() {
            match child.as_rule() {
                Rule::kw_sql | Rule::kw_redis | Rule::kw_exec => method = Some(self.name(child)),
                Rule::ident => name = Some(self.name(child)),
                Rule::string => url = Some(self.string_expr(child)),
                Rule::effect => effect = self.effect(child),
                Rule::clauses => clauses = self.clauses(child),
                _ => {}
            }
        }
        Some(Http {
            protocol,
            name,
            method: method?,
            url: url?,
            effect,
            clauses,
        })
    }

    /// A string with what is interpolated in it.
    pub(super) fn string_expr(&mut self, node: Node<'a>) -> Expr {
        let span = self.token(&node);
        Expr {
            kind: ExprKind::String(self.parts(node)),
            span,
        }
    }

    fn clauses(&mut self, node: Node<'a>) -> Vec<Clause> {
        let mut clauses = Vec::new();
        let mut previous = None;
        let mut strays_broken = false;
        for child in node.into_inner() {
            match child.as_rule() {
                Rule::open | Rule::close => {}
                // The second half of `strays`, when the first is broken.
                Rule::bad if strays_broken && child.as_str().starts_with("revoke") => {
                    strays_broken = false
                }
                Rule::bad => {
                    strays_broken = child.as_str().starts_with("strays");
                    self.bad(&child, previous, Place::Clauses);
                }
                _ => {
                    previous = Some(self.span(&child));
                    clauses.extend(self.clause(child));
                }
            }
        }
        clauses
    }

    fn effect(&mut self, node: Node<'a>) -> Option<Effect> {
        let span = self.span(&node);
        let (mut key, mut grace, mut recover, mut accept, mut at_most) =
            (None, None, None, None, None);
        let mut words = Vec::new();
        for child in node.into_inner() {
            match child.as_rule() {
                Rule::at_most => self.option(&mut at_most, child, Self::inner_count),
                Rule::replay_key => self.option(&mut key, child, Self::inner_name),
                Rule::grace => self.option(&mut grace, child, Self::inner_duration),
                Rule::recover => self.option(&mut recover, child, Self::inner_name),
                Rule::accept => self.option(&mut accept, child, Self::inner_name),
                rule => words.push(rule),
            }
        }
        let kind = match words.as_slice() {
            [Rule::kw_reads] => EffectKind::Reads,
            [Rule::kw_issues, Rule::kw_additive] => EffectKind::IssuesAdditive { at_most },
            [Rule::kw_issues, ..] => EffectKind::IssuesReplacing {
                key,
                grace,
                recover,
                accept,
                at_most,
            },
            [Rule::kw_sets] => EffectKind::Sets,
            [Rule::kw_sets, Rule::kw_self] => EffectKind::SetsSelf,
            [Rule::kw_sets, ..] => EffectKind::SetsSlot,
            [Rule::kw_revokes] => EffectKind::Revokes,
            _ => return None,
        };
        Some(Effect { kind, span })
    }

    /// The name or string behind the keywords of an option.
    fn inner_name(&mut self, node: Node<'a>) -> Option<crate::syntax::ast::Name> {
        let token = node
            .into_inner()
            .find(|n| matches!(n.as_rule(), Rule::ident | Rule::string))?;
        Some(self.name(token))
    }

    /// Says that a status is neither three digits nor a class.
    pub(super) fn check_status(&mut self, node: &Node<'_>) {
        let text = node.as_str();
        let class = matches!(text.as_bytes(), [b'1'..=b'5', b'x' | b'X', b'x' | b'X']);
        let number = matches!(text.as_bytes(), [b'1'..=b'9', b'0'..=b'9', b'0'..=b'9']);
        if !class && !number {
            let place = self.token(node);
            self.report(
                Diagnostic::new(
                    codes::SYNTAX_ERROR,
                    place,
                    format!("`{text}` is no status code"),
                )
                .at("not a status")
                .help("write three digits such as `200`, or a class such as `2xx`"),
            );
        }
    }
}

/// The word behind `sql` or its name.
fn dialect_of(node: &Node<'_>) -> Option<SqlDialect> {
    let word = node
        .clone()
        .into_inner()
        .find(|n| n.as_rule() == Rule::dialect)?;
    SqlDialect::find(word.as_str())
}
