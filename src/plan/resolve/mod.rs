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
mod scope;
mod steps;
mod store;

pub use items::parse_host;

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
    let mut resolver = Resolver::new();
    let trees: Vec<&Ast> = used.iter().copied().chain([main]).collect();
    for tree in &trees {
        for item in &tree.items {
            match item {
                Item::Env(env) => resolver.env(env),
                Item::Secret(secret) => resolver.secret(secret),
                Item::Rotation(rotation) => resolver.callable.add(rotation),
                Item::Use(_) | Item::Error(_) => {}
            }
        }
    }
    for tree in &trees {
        for item in &tree.items {
            if let Item::Rotation(rotation) = item {
                resolver.rotation(rotation, tree.file != main.file);
            }
        }
    }
    resolver
        .diagnostics
        .sort_by_key(|d| (d.span().file, d.span().start));
    (resolver.plan, resolver.diagnostics)
}

/// What is known while resolving.
struct Resolver {
    plan: Plan,
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
#[derive(Default)]
struct Signature {
    /// Inputs: name, type if it is one, whether it must be passed, place.
    inputs: Vec<(String, Option<Type>, bool, Span)>,
    outputs: Vec<String>,
}

impl Callable {
    fn add(&mut self, rotation: &ast::Rotation) {
        self.order.push(rotation.name.text.clone());
        self.known
            .entry(rotation.name.text.clone())
            .or_insert_with(|| {
                let mut signature = Signature::default();
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
                        Entry::Output { name, .. } => signature.outputs.push(name.text.clone()),
                        _ => {}
                    }
                }
                Rc::new(signature)
            });
    }
}

impl Resolver {
    fn new() -> Self {
        Self {
            plan: Plan::new(Dialect::Rot),
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

    fn undeclared(&mut self, secret: &Name) {
        let names = self.suggestions(self.plan.secrets.iter().map(|s| s.name.as_str()));
        self.report(errors::undeclared_secret(secret, &names));
    }

    fn check_callable(&mut self, rotation: &Name) {
        if !self.callable.known.contains_key(&rotation.text) {
            let names = self.suggestions(self.callable.order.iter().map(String::as_str));
            self.report(errors::unresolved(rotation, &names));
        }
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }
}
