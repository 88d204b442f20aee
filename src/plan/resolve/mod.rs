//! Ast to plan: names, references, types, defaults.
//!
//! Total: always a plan, with diagnostics for what could not be resolved. Says nothing about flows or order; that is
//! the checker's. Called by whoever loads a `.rot` file, with the trees of all files that it uses.

mod errors;
mod exprs;
mod generate;
mod http;
mod items;
mod names;
pub mod peers;
mod scope;
mod steps;
mod store;
mod targets;

pub use items::parse_host;

use super::index::{Definition, Index, NameKind, Offer};
use super::template;
use super::{Dialect, Plan, Rotation, SecretDecl, Type};
use crate::diagnostic::Diagnostic;
use crate::source::Span;
use crate::syntax::ast::{self, Ast, Entry, Item, Name};
use scope::Scope;
use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

/// Names that are gathered for suggestions, all in all.
const SUGGESTED: usize = 50_000;

/// Resolves `main` with the trees that it uses, in an order in which each stands after those that it uses itself.
pub fn resolve(used: &[&Ast], main: &Ast) -> (Plan, Vec<Diagnostic>) {
    let mut index = Index::off();
    resolve_into(used, main, &mut index)
}

/// The same, noting in `index` where names are defined and used.
pub fn resolve_into(used: &[&Ast], main: &Ast, index: &mut Index) -> (Plan, Vec<Diagnostic>) {
    let mut resolver = Resolver::new(std::mem::take(index));
    let written: Vec<&Ast> = used.iter().copied().chain([main]).collect();
    let expanded = template::expand(&written);
    let trees: Vec<&Ast> = match &expanded {
        Some(expanded) => expanded.trees.iter().collect(),
        None => written.clone(),
    };
    for tree in &trees {
        for item in &tree.items {
            match item {
                Item::Env(env) => resolver.env(env),
                Item::Secret(secret) => resolver.secret(secret),
                Item::Rotation(rotation) => {
                    resolver.callable.add(rotation);
                    resolver.declare(rotation);
                }
                Item::Use(_)
                | Item::Template(_)
                | Item::Target(_)
                | Item::Deliver(_)
                | Item::Error(_) => {}
            }
        }
    }
    for tree in &trees {
        for item in &tree.items {
            if let Item::Target(target) = item {
                resolver.target(target, tree.file != main.file);
            }
        }
    }
    for item in trees.iter().flat_map(|tree| &tree.items) {
        if let Item::Deliver(deliver) = item {
            resolver.deliver(deliver);
        }
    }
    for tree in &trees {
        for item in &tree.items {
            if let Item::Rotation(rotation) = item {
                resolver.rotation(rotation, tree.file != main.file);
            }
        }
    }
    template::attribute(&mut resolver.diagnostics, &written);
    if let Some(expanded) = expanded {
        resolver.diagnostics.extend(expanded.diagnostics);
        template::once(&mut resolver.diagnostics, &written);
    }
    resolver
        .diagnostics
        .sort_by_key(|d| (d.span().file, d.span().start));
    *index = resolver.index;
    (resolver.plan, resolver.diagnostics)
}

/// What is known while resolving.
struct Resolver {
    plan: Plan,
    index: Index,
    /// The name of the rotation that is being resolved.
    inside: Span,
    /// Places of the fields of secrets.
    field_places: HashMap<(String, String), Span>,
    /// Places of targets.
    target_places: HashMap<String, Span>,
    /// Where what is delivered to where: target, secret and field.
    delivered: HashMap<(String, String, Option<String>), Span>,
    /// The first delivery to each target.
    first_delivery: HashMap<String, Span>,
    /// Places of environment variables.
    env_places: HashMap<String, Span>,
    diagnostics: Vec<Diagnostic>,
    /// Names of the rotation that is being resolved.
    scope: Scope,
    /// All rotations from outside, for `call` and `recover with`: also those that stand further below.
    callable: Callable,
    /// Places in the plan's lists, by name.
    secrets: HashMap<String, usize>,
    rotations: HashMap<String, usize>,
    env: HashSet<String>,
    /// Names that were gathered for suggestions.
    suggested: Cell<usize>,
}

/// Rotations in order, repetitions included; the first of a name counts.
#[derive(Default)]
struct Callable {
    order: Vec<String>,
    known: HashMap<String, Rc<Signature>>,
}

/// A rotation from outside.
struct Signature {
    /// Inputs: name, type if it is one, whether it must be passed, place.
    inputs: Vec<(String, Option<Type>, bool, Span)>,
    outputs: Vec<(String, Span)>,
    at: Span,
}

impl Callable {
    fn add(&mut self, rotation: &ast::Rotation) {
        self.order.push(rotation.name.text.clone());
        self.known
            .entry(rotation.name.text.clone())
            .or_insert_with(|| {
                let mut signature = Signature {
                    inputs: Vec::new(),
                    outputs: Vec::new(),
                    at: rotation.name.span,
                };
                for entry in &rotation.body {
                    match entry {
                        Entry::Input {
                            name, ty, default, ..
                        } => {
                            signature.inputs.push((
                                name.text.clone(),
                                Type::parse(&ty.text),
                                default.is_none(),
                                name.span,
                            ));
                        }
                        Entry::Output { name, .. } => {
                            signature.outputs.push((name.text.clone(), name.span));
                        }
                        _ => {}
                    }
                }
                Rc::new(signature)
            });
    }
}

impl Resolver {
    fn new(index: Index) -> Self {
        Self {
            plan: Plan::new(Dialect::Rot),
            index,
            inside: Span::NONE,
            field_places: HashMap::new(),
            target_places: HashMap::new(),
            delivered: HashMap::new(),
            first_delivery: HashMap::new(),
            env_places: HashMap::new(),
            diagnostics: Vec::new(),
            scope: Scope::default(),
            callable: Callable::default(),
            secrets: HashMap::new(),
            rotations: HashMap::new(),
            env: HashSet::new(),
            suggested: Cell::new(0),
        }
    }

    fn declared_secret(&self, name: &str) -> Option<&SecretDecl> {
        self.secrets
            .get(name)
            .and_then(|at| self.plan.secrets.get(*at))
    }

    fn rotation_named(&self, name: &str) -> Option<&Rotation> {
        self.rotations
            .get(name)
            .and_then(|at| self.plan.rotations.get(*at))
    }

    /// The names to suggest instead of one that is not there; none behind many, so that a hostile file costs no more than its size.
    fn suggestions<'n>(&self, names: impl Iterator<Item = &'n str>) -> Vec<String> {
        if self.suggested.get() > SUGGESTED {
            return Vec::new();
        }
        let names: Vec<String> = names.map(str::to_owned).collect();
        self.suggested.update(|count| count + names.len());
        names
    }

    /// Notes a definition of the rotation that is being resolved.
    fn defines(&mut self, kind: NameKind, name: &Name, ty: Option<Type>) {
        self.define_within(kind, name, self.inside, ty);
    }

    fn define_within(&mut self, kind: NameKind, name: &Name, within: Span, ty: Option<Type>) {
        self.index.define(Definition {
            kind,
            name: name.text.clone(),
            at: name.span,
            within: within.is_some().then_some(within),
            ty,
        });
    }

    /// Notes the names that a rotation shows to others.
    fn declare(&mut self, rotation: &ast::Rotation) {
        let within = rotation.name.span;
        self.define_within(NameKind::Rotation, &rotation.name, Span::NONE, None);
        for entry in &rotation.body {
            match entry {
                Entry::Input { name, ty, .. } => {
                    self.define_within(NameKind::Input, name, within, Type::parse(&ty.text));
                }
                Entry::Output { name, .. } => {
                    self.define_within(NameKind::Output, name, within, None);
                }
                _ => {}
            }
        }
    }

    /// Notes a use of a secret.
    fn uses_secret(&mut self, name: &Name) {
        if let Some(at) = self.declared_secret(&name.text).map(|s| s.at.0) {
            self.index.refer(name.span, at);
        }
    }

    fn uses_field(&mut self, secret: &str, field: &Name) {
        let key = (secret.to_owned(), field.text.clone());
        if let Some(at) = self.field_places.get(&key) {
            self.index.refer(field.span, *at);
        }
    }

    /// What could stand for a name that is not known, when it is the one that is asked about.
    fn offer(&mut self, at: &Name, make: impl FnOnce(&Self) -> Vec<Offer>) {
        if self.index.is_probed(at.span) {
            let offers = make(self);
            self.index.offers.extend(offers);
        }
    }

    fn undeclared(&mut self, secret: &Name) {
        self.offer(secret, |own| {
            let one = |s: &SecretDecl| Offer {
                kind: Some(NameKind::Secret),
                name: s.name.clone(),
                ty: None,
                members: s.fields.clone(),
            };
            own.plan.secrets.iter().map(one).collect()
        });
        let names = self.suggestions(self.plan.secrets.iter().map(|s| s.name.as_str()));
        self.report(errors::undeclared_secret(secret, &names));
    }

    fn check_callable(&mut self, rotation: &Name) {
        if let Some(at) = self.callable.known.get(&rotation.text).map(|r| r.at) {
            self.index.refer(rotation.span, at);
        } else {
            self.offer(rotation, |own| {
                names(NameKind::Rotation, own.callable.order.iter().cloned())
            });
            let names = self.suggestions(self.callable.order.iter().map(String::as_str));
            self.report(errors::unresolved(rotation, &names));
        }
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }
}

/// Offers of names of a kind.
fn names(kind: NameKind, all: impl Iterator<Item = String>) -> Vec<Offer> {
    all.map(|name| Offer {
        kind: Some(kind),
        name,
        ty: None,
        members: Vec::new(),
    })
    .collect()
}

/// Offers of words of the language.
fn words<'w>(all: impl IntoIterator<Item = &'w str>) -> Vec<Offer> {
    let one = |word: &str| Offer {
        kind: None,
        name: word.to_owned(),
        ty: None,
        members: Vec::new(),
    };
    all.into_iter().map(one).collect()
}
