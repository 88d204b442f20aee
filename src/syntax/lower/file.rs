//! Top-level items.

use super::{Lower, Node, Rule};
use crate::syntax::ast::{Deliver, Destination, Env, Item, Name, Secret, Target, Use};
use pest::iterators::Pairs;

impl<'a> Lower<'a> {
    /// The pairs of rule `item`.
    pub fn item(&mut self, pairs: Pairs<'a, Rule>) -> Option<Item> {
        let node = pairs.into_iter().next()?.into_inner().next()?;
        let span = self.span(&node);
        Some(match node.as_rule() {
            Rule::use_item => {
                let path = node.into_inner().find(|n| n.as_rule() == Rule::string)?;
                Item::Use(Use {
                    path: self.plain(path),
                    span,
                })
            }
            Rule::env_item => Item::Env(Env {
                names: self.idents(node),
                span,
            }),
            Rule::secret_item => Item::Secret(self.secret(node)),
            Rule::rotation => Item::Rotation(self.rotation(node)?),
            Rule::template => Item::Template(self.template(node)?),
            Rule::target_item => Item::Target(self.target(node)?),
            Rule::deliver_item => Item::Deliver(self.deliver(node)?),
            _ => return None,
        })
    }

    /// The plain names among a node's children.
    pub(super) fn idents(&mut self, node: Node<'a>) -> Vec<Name> {
        node.into_inner()
            .filter(|n| n.as_rule() == Rule::ident)
            .map(|n| self.name(n))
            .collect()
    }

    fn secret(&mut self, node: Node<'a>) -> Secret {
        let span = self.span(&node);
        let mut secret = Secret {
            names: Vec::new(),
            to: Vec::new(),
            span,
        };
        for child in node.into_inner() {
            match child.as_rule() {
                Rule::secret_decl => secret.names.extend(self.declared(child)),
                Rule::destination => secret.to.extend(self.destination(child)),
                _ => {}
            }
        }
        secret
    }

    fn target(&mut self, node: Node<'a>) -> Option<Target> {
        let span = self.span(&node);
        let mut names = Vec::new();
        let (mut place, mut options) = (None, Vec::new());
        for child in node.into_inner() {
            match child.as_rule() {
                Rule::ident => names.push(self.name(child)),
                Rule::string => place = Some(self.plain(child)),
                Rule::options => options = self.options(child),
                _ => {}
            }
        }
        let mut names = names.into_iter();
        Some(Target {
            name: names.next()?,
            kind: names.next()?,
            place: place?,
            options,
            span,
        })
    }

    fn deliver(&mut self, node: Node<'a>) -> Option<Deliver> {
        let span = self.span(&node);
        let (mut secret, mut field, mut to) = (None, None, Vec::new());
        for child in node.into_inner() {
            match child.as_rule() {
                Rule::delivered => {
                    let mut parts = child.into_inner();
                    secret = parts.next().map(|n| self.name(n));
                    field = parts.next().map(|n| self.name(n));
                }
                Rule::recipient => {
                    let (mut name, mut called) = (None, None);
                    for part in child.into_inner() {
                        match part.as_rule() {
                            Rule::ident => name = Some(self.name(part)),
                            Rule::string => called = Some(self.plain(part)),
                            _ => {}
                        }
                    }
                    to.extend(name.map(|name| (name, called)));
                }
                _ => {}
            }
        }
        Some(Deliver {
            secret: secret?,
            field,
            to,
            span,
        })
    }

    fn declared(&mut self, node: Node<'a>) -> Option<(Name, Vec<Name>)> {
        let mut children = node.into_inner();
        let name = self.name(children.next()?);
        Some((name, self.fields(children)))
    }

    /// The names in `{ … }`.
    pub(super) fn fields(&mut self, nodes: impl Iterator<Item = Node<'a>>) -> Vec<Name> {
        let mut fields: Vec<Name> = Vec::new();
        let mut comma = true;
        for child in nodes.flat_map(Node::into_inner) {
            match child.as_rule() {
                Rule::comma => comma = true,
                Rule::ident => {
                    let field = self.name(child);
                    if let Some(previous) = fields.last().filter(|_| !comma) {
                        self.comma_between(previous.span, field.span);
                    }
                    fields.push(field);
                    comma = false;
                }
                _ => {}
            }
        }
        fields
    }

    pub(super) fn destination(&mut self, node: Node<'a>) -> Option<Destination> {
        let span = self.span(&node);
        let mut children = node.into_inner().peekable();
        let program = children
            .next_if(|n| n.as_rule() == Rule::kw_program)
            .is_some();
        let host = children.next()?;
        let written = host.as_str();
        let inner = written
            .strip_prefix("\"${")
            .and_then(|rest| rest.strip_suffix("}\""))
            .map(str::trim)
            .filter(|inner| {
                let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
                inner.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                    && inner.chars().all(word)
            });
        let parameter = inner.is_some();
        let host = match inner {
            Some(inner) => Name {
                text: inner.to_owned(),
                span: self.token(&host),
            },
            None => self.plain(host),
        };
        let places = children
            .filter(|n| n.as_rule() == Rule::ident)
            .map(|n| self.name(n))
            .collect();
        Some(Destination {
            host,
            parameter,
            program,
            places,
            span,
        })
    }
}
