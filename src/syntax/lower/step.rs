//! Steps that are not control flow, and blocks of steps.

use super::{Lower, Node, Rule};
use crate::syntax::ast::{Expr, Name, Step, StepKind, Store, StoreValue};
use crate::syntax::explain::Place;

impl<'a> Lower<'a> {
    /// The node of rule `block`.
    pub(super) fn block(&mut self, node: Node<'a>) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut previous = None;
        for child in node.into_inner() {
            match child.as_rule() {
                Rule::open | Rule::close => {}
                Rule::bad => self.bad(&child, previous, Place::Steps),
                _ => {
                    previous = Some(self.span(&child));
                    steps.extend(self.step(child));
                }
            }
        }
        steps
    }

    /// The block among a node's children.
    pub(super) fn only_block(&mut self, node: Node<'a>) -> Option<Vec<Step>> {
        let block = node.into_inner().find(|n| n.as_rule() == Rule::block)?;
        Some(self.block(block))
    }

    /// The expression among a node's children.
    pub(super) fn only_expr(&mut self, node: Node<'a>) -> Option<Expr> {
        let expr = node.into_inner().find(|n| n.as_rule() == Rule::expr)?;
        Some(self.expr(expr))
    }

    pub(super) fn step(&mut self, node: Node<'a>) -> Option<Step> {
        let span = self.span(&node);
        let kind = match node.as_rule() {
            Rule::http => StepKind::Http(
                self.request(node.into_inner().find(|n| n.as_rule() == Rule::request)?)?,
            ),
            Rule::sql | Rule::redis | Rule::exec => StepKind::Http(self.exchange(node)?),
            Rule::update => StepKind::Update(
                self.store(node.into_inner().find(|n| n.as_rule() == Rule::store)?)?,
            ),
            Rule::stage => StepKind::Stage(
                self.store(node.into_inner().find(|n| n.as_rule() == Rule::store)?)?,
            ),
            Rule::let_step => {
                let (mut name, mut value) = (None, None);
                for child in node.into_inner() {
                    match child.as_rule() {
                        Rule::ident => name = Some(self.bare_name(child)),
                        Rule::expr => value = Some(self.expr(child)),
                        _ => {}
                    }
                }
                StepKind::Let {
                    name: name?,
                    value: value?,
                }
            }
            Rule::log => StepKind::Log(self.only_expr(node)?),
            Rule::fail => StepKind::Fail(self.only_expr(node)?),
            Rule::stop => StepKind::Stop(self.only_expr(node)),
            Rule::promote => {
                let name = node
                    .into_inner()
                    .find(|n| n.as_rule() != Rule::kw_promote)?;
                StepKind::Promote(self.name(name))
            }
            Rule::verify => {
                let (mut within, mut every, mut steps) = (None, None, None);
                for child in node.into_inner() {
                    match child.as_rule() {
                        Rule::within => self.option(&mut within, child, Self::inner_duration),
                        Rule::pause => self.option(&mut every, child, Self::inner_duration),
                        Rule::block => steps = Some(self.block(child)),
                        _ => {}
                    }
                }
                StepKind::Verify {
                    within,
                    every,
                    steps: steps?,
                }
            }
            Rule::revoke => {
                let (mut secret, mut after, mut steps) = (None, None, None);
                for child in node.into_inner() {
                    match child.as_rule() {
                        Rule::previous => secret = child.into_inner().next().map(|n| self.name(n)),
                        Rule::after => self.option(&mut after, child, Self::inner_duration),
                        Rule::block => steps = Some(self.block(child)),
                        _ => {}
                    }
                }
                StepKind::Revoke {
                    secret: secret?,
                    after,
                    steps: steps?,
                }
            }
            Rule::generate => {
                let mut names = Vec::new();
                let mut options = Vec::new();
                for child in node.into_inner() {
                    match child.as_rule() {
                        Rule::ident => names.push(self.name(child)),
                        Rule::options => options = self.options(child),
                        _ => {}
                    }
                }
                let mut names = names.into_iter();
                StepKind::Generate {
                    name: names.next()?,
                    kind: names.next()?,
                    options,
                }
            }
            Rule::manual => {
                let (mut name, mut instructions, mut verify) = (None, None, Vec::new());
                for child in node.into_inner() {
                    match child.as_rule() {
                        Rule::ident => name = Some(self.name(child)),
                        Rule::expr => instructions = Some(self.expr(child)),
                        Rule::block => verify = self.block(child),
                        _ => {}
                    }
                }
                StepKind::Manual {
                    name: name?,
                    instructions: instructions?,
                    verify,
                }
            }
            Rule::wait => {
                let until = node
                    .clone()
                    .into_inner()
                    .any(|n| n.as_rule() == Rule::kw_until);
                StepKind::Wait {
                    until,
                    value: self.only_expr(node)?,
                }
            }
            _ => self.control(node)?,
        };
        Some(Step { kind, span })
    }

    /// Words with their values.
    pub(super) fn options(&mut self, node: Node<'a>) -> Vec<(Name, Expr)> {
        let options = node.into_inner().filter(|n| n.as_rule() == Rule::option);
        options
            .filter_map(|option| {
                let mut inner = option.into_inner();
                let name = self.name(inner.next()?);
                Some((name, self.expr(inner.next()?)))
            })
            .collect()
    }

    fn store(&mut self, node: Node<'a>) -> Option<Store> {
        let (mut secret, mut value, mut expires, mut allow) = (None, None, None, None);
        for child in node.into_inner() {
            match child.as_rule() {
                Rule::secret_word | Rule::string => secret = Some(self.name(child)),
                Rule::expr => value = Some(StoreValue::Single(self.expr(child))),
                Rule::members => value = Some(StoreValue::Fields(self.members(child))),
                Rule::expires => self.option(&mut expires, child, Self::only_expr),
                Rule::allow => {
                    self.option(&mut allow, child, |lower, child| Some(lower.idents(child)))
                }
                _ => {}
            }
        }
        Some(Store {
            secret: secret?,
            value: value?,
            expires,
            allow: allow.unwrap_or_default(),
        })
    }
}
