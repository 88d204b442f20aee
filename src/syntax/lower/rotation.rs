//! Rotations and the clauses in their braces.

use super::{Lower, Node, Rule};
use crate::syntax::ast::{Each, Entry, Family, Rotation, Template};
use crate::syntax::explain::Place;

impl<'a> Lower<'a> {
    pub(super) fn rotation(&mut self, node: Node<'a>) -> Option<Rotation> {
        let span = self.span(&node);
        let (mut name, mut from, mut family) = (None, None, None);
        let mut body = Vec::new();
        let mut previous = None;
        for child in node.into_inner() {
            match child.as_rule() {
                Rule::kw_rotation | Rule::open | Rule::close => {}
                Rule::bad => self.bad(&child, previous, Place::Body),
                Rule::from => from = self.idents(child).into_iter().next(),
                Rule::family => family = self.family(child).map(Family::Each),
                Rule::ident | Rule::string if name.is_none() => name = Some(self.name(child)),
                _ => {
                    previous = Some(self.span(&child));
                    body.extend(self.entry(child));
                }
            }
        }
        Some(Rotation {
            name: name?,
            from,
            family,
            body,
            span,
        })
    }

    fn family(&mut self, node: Node<'a>) -> Option<Each> {
        let span = self.span(&node);
        let (mut item, mut members) = (None, None);
        for child in node.into_inner() {
            match child.as_rule() {
                Rule::ident => item = Some(self.bare_name(child)),
                Rule::list => members = self.primary(child),
                _ => {}
            }
        }
        Some(Each {
            item: item?,
            members: members?,
            span,
        })
    }

    pub(super) fn template(&mut self, node: Node<'a>) -> Option<Template> {
        let span = self.span(&node);
        let mut name = None;
        let mut body = Vec::new();
        let mut previous = None;
        for child in node.into_inner() {
            match child.as_rule() {
                Rule::kw_template | Rule::open | Rule::close => {}
                Rule::bad => self.bad(&child, previous, Place::Body),
                Rule::ident if name.is_none() => name = Some(self.name(child)),
                _ => {
                    previous = Some(self.span(&child));
                    body.extend(self.entry(child));
                }
            }
        }
        Some(Template {
            name: name?,
            body,
            span,
        })
    }

    fn parameter(&mut self, node: Node<'a>) -> Option<Entry> {
        let span = self.span(&node);
        let mut nodes = Vec::new();
        let (mut typed, mut ty) = (false, None);
        let (mut default, mut fields, mut to) = (None, Vec::new(), Vec::new());
        for child in node.into_inner() {
            match child.as_rule() {
                Rule::ident if typed => ty = Some(self.name(child)),
                Rule::ident => nodes.push(child),
                Rule::colon => typed = true,
                Rule::fields => fields = self.fields(std::iter::once(child)),
                Rule::expr => default = Some(self.expr(child)),
                Rule::destination => to.extend(self.destination(child)),
                _ => {}
            }
        }
        let ty = ty?;
        let mut names = Vec::with_capacity(nodes.len());
        for node in nodes {
            // A secret is named behind a dot, or where only secrets stand.
            names.push(match ty.text.as_str() {
                "secret" => self.name(node),
                _ => self.bare_name(node),
            });
        }
        Some(Entry::Parameter {
            ty,
            names,
            fields,
            default,
            to,
            span,
        })
    }

    fn entry(&mut self, node: Node<'a>) -> Option<Entry> {
        let span = self.span(&node);
        Some(match node.as_rule() {
            Rule::description => Entry::Description(
                self.plain(node.into_inner().find(|n| n.as_rule() == Rule::string)?),
            ),
            Rule::timeout => Entry::Timeout(self.inner_duration(node)?),
            Rule::every => {
                let (mut interval, mut jitter) = (None, None);
                for child in node.into_inner() {
                    match child.as_rule() {
                        Rule::duration => interval = Some(self.duration(&child)),
                        Rule::jitter => self.option(&mut jitter, child, Self::inner_duration),
                        _ => {}
                    }
                }
                Entry::Every {
                    interval: interval?,
                    jitter,
                    span,
                }
            }
            Rule::cron => {
                let (mut expression, mut zone, mut jitter) = (None, None, None);
                for child in node.into_inner() {
                    let place = self.token(&child);
                    match child.as_rule() {
                        Rule::string => expression = Some(self.plain(child)),
                        Rule::zone => {
                            let value = child
                                .into_inner()
                                .find(|n| n.as_rule() == Rule::string)
                                .map(|n| self.plain(n));
                            self.once(&mut zone, value, "the zone", place);
                        }
                        Rule::jitter => self.option(&mut jitter, child, Self::inner_duration),
                        _ => {}
                    }
                }
                Entry::Cron {
                    expression: expression?,
                    zone,
                    jitter,
                    span,
                }
            }
            Rule::input => {
                let mut secret = false;
                let mut names = Vec::new();
                let mut default = None;
                for child in node.into_inner() {
                    match child.as_rule() {
                        Rule::kw_secret => secret = true,
                        Rule::ident => names.push(self.name(child)),
                        Rule::expr => default = Some(self.expr(child)),
                        _ => {}
                    }
                }
                let mut names = names.into_iter();
                Entry::Input {
                    name: names.next()?,
                    secret,
                    ty: names.next()?,
                    default,
                    span,
                }
            }
            Rule::output => {
                let mut secret = false;
                let (mut name, mut value) = (None, None);
                for child in node.into_inner() {
                    match child.as_rule() {
                        Rule::kw_secret => secret = true,
                        Rule::ident => name = Some(self.name(child)),
                        Rule::expr => value = Some(self.expr(child)),
                        _ => {}
                    }
                }
                Entry::Output {
                    name: name?,
                    secret,
                    value: value?,
                    span,
                }
            }
            Rule::parameter => self.parameter(node)?,
            Rule::with => Entry::With {
                arguments: self.members(node.into_inner().find(|n| n.as_rule() == Rule::members)?),
                span,
            },
            Rule::about => {
                let facts = node.into_inner().filter(|n| n.as_rule() == Rule::fact);
                let mut read = Vec::new();
                for fact in facts {
                    let mut parts = fact.into_inner();
                    if let (Some(word), Some(text)) = (parts.next(), parts.next()) {
                        read.push((self.name(word), self.plain(text)));
                    }
                }
                Entry::About { facts: read, span }
            }
            Rule::on_failure => Entry::OnFailure {
                steps: self.only_block(node)?,
                span,
            },
            _ => Entry::Step(self.step(node)?),
        })
    }
}
