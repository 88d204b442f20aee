//! Control flow: `when`, `match`, `parallel`, `for each`, `repeat`, `call`.

use super::{Lower, Node, Rule};
use crate::diagnostic::{Diagnostic, codes};
use crate::source::Span;
use crate::syntax::ast::{Expr, Step, StepKind};
use crate::syntax::explain::Place;

/// Arms with their condition or literal, and `else`.
struct Arms {
    arms: Vec<(Expr, Vec<Step>)>,
    otherwise: Option<Vec<Step>>,
}

impl<'a> Lower<'a> {
    pub(super) fn control(&mut self, node: Node<'a>) -> Option<StepKind> {
        Some(match node.as_rule() {
            Rule::when_step => self.when(node)?,
            Rule::match_step => self.matching(node)?,
            Rule::parallel => {
                let mut branches = Vec::new();
                let mut previous = None;
                for child in node.into_inner() {
                    match child.as_rule() {
                        Rule::bad => self.bad(&child, previous, Place::Branches),
                        Rule::branch => {
                            previous = Some(self.span(&child));
                            let mut inner = child.into_inner();
                            let name = self.name(inner.next()?);
                            branches.push((name, self.block(inner.next()?)));
                        }
                        _ => {}
                    }
                }
                StepKind::Parallel(branches)
            }
            Rule::for_each => {
                let (mut item, mut items, mut steps) = (None, None, None);
                for child in node.into_inner() {
                    match child.as_rule() {
                        Rule::ident => item = Some(self.bare_name(child)),
                        Rule::expr => items = Some(self.expr(child)),
                        Rule::block => steps = Some(self.block(child)),
                        _ => {}
                    }
                }
                StepKind::ForEach {
                    item: item?,
                    items: items?,
                    steps: steps?,
                }
            }
            Rule::repeat => {
                let (mut at_most, mut every, mut backoff, mut steps, mut until) =
                    (None, None, None, None, None);
                for child in node.into_inner() {
                    match child.as_rule() {
                        Rule::at_most => self.option(&mut at_most, child, Self::inner_count),
                        Rule::pause => self.option(&mut every, child, Self::inner_duration),
                        Rule::backoff => self.option(&mut backoff, child, Self::backoff),
                        Rule::block => steps = Some(self.block(child)),
                        Rule::expr => until = Some(self.expr(child)),
                        _ => {}
                    }
                }
                StepKind::Repeat {
                    at_most,
                    every,
                    backoff,
                    steps: steps?,
                    until: until?,
                }
            }
            Rule::call => {
                let mut names = Vec::new();
                let mut inputs = Vec::new();
                for child in node.into_inner() {
                    match child.as_rule() {
                        Rule::ident | Rule::string => names.push(self.name(child)),
                        Rule::members => inputs = self.members(child),
                        _ => {}
                    }
                }
                let mut names = names.into_iter();
                StepKind::Call {
                    name: names.next()?,
                    rotation: names.next()?,
                    inputs,
                }
            }
            _ => return None,
        })
    }

    /// The count in `at most 3`.
    pub(super) fn inner_count(&mut self, node: Node<'a>) -> Option<crate::syntax::ast::Count> {
        let token = node.into_inner().find(|n| n.as_rule() == Rule::integer)?;
        Some(self.count(&token))
    }

    fn when(&mut self, node: Node<'a>) -> Option<StepKind> {
        let mut found = Arms {
            arms: Vec::new(),
            otherwise: None,
        };
        let mut condition = None;
        for child in node.into_inner() {
            match child.as_rule() {
                Rule::expr => condition = Some(self.expr(child)),
                Rule::block => {
                    let steps = self.block(child);
                    found.arms.push((condition.take()?, steps));
                }
                Rule::else_arm => {
                    let place = self.token(&child);
                    let mut test = None;
                    for inner in child.into_inner() {
                        match inner.as_rule() {
                            Rule::expr => test = Some(self.expr(inner)),
                            Rule::block => {
                                let steps = self.block(inner);
                                self.arm(&mut found, test.take(), steps, place);
                            }
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        Some(StepKind::When {
            arms: found.arms,
            otherwise: found.otherwise,
        })
    }

    fn matching(&mut self, node: Node<'a>) -> Option<StepKind> {
        let mut found = Arms {
            arms: Vec::new(),
            otherwise: None,
        };
        let mut subject = None;
        let mut previous = None;
        for child in node.into_inner() {
            match child.as_rule() {
                Rule::expr => subject = Some(self.expr(child)),
                Rule::bad => self.bad(&child, previous, Place::Arms),
                Rule::match_arm => {
                    let place = self.span(&child);
                    previous = Some(place);
                    let mut literal = None;
                    for inner in child.into_inner() {
                        match inner.as_rule() {
                            Rule::expr => literal = Some(self.expr(inner)),
                            Rule::block => {
                                let steps = self.block(inner);
                                self.arm(&mut found, literal.take(), steps, place);
                            }
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        Some(StepKind::Match {
            subject: subject?,
            arms: found.arms,
            otherwise: found.otherwise,
        })
    }

    /// Adds an arm; nothing may come after `else`.
    fn arm(&mut self, found: &mut Arms, test: Option<Expr>, steps: Vec<Step>, place: Span) {
        if found.otherwise.is_some() {
            self.report(
                Diagnostic::new(
                    codes::SYNTAX_ERROR,
                    place,
                    "nothing can follow `else`: it takes all that is left",
                )
                .at("never reached")
                .help("move it before the `else`, or remove it"),
            );
            return;
        }
        match test {
            Some(test) => found.arms.push((test, steps)),
            None => found.otherwise = Some(steps),
        }
    }
}
