//! Ast to plan: names, references, types, defaults.
//!
//! Total: always a plan, with diagnostics for what could not be resolved. Says nothing about flows or order; that is
//! the checker's. Called by whoever loads a `.rot` file, with the trees of all files that it uses.

mod errors;
mod exprs;
mod http;
mod items;
mod scope;
mod steps;

pub use items::parse_host;

use super::{Dialect, Plan};
use crate::diagnostic::Diagnostic;
use crate::syntax::ast::{Ast, Item};
use scope::Scope;

/// Resolves `main` with the trees that it uses, in an order in which each stands after those that it uses itself.
pub fn resolve(used: &[&Ast], main: &Ast) -> (Plan, Vec<Diagnostic>) {
    let mut resolver = Resolver { plan: Plan::new(Dialect::Rot), diagnostics: Vec::new(), scope: Scope::default(), callable: Vec::new() };
    let trees: Vec<&Ast> = used.iter().copied().chain([main]).collect();
    for tree in &trees {
        for item in &tree.items {
            match item {
                Item::Env(env) => resolver.env(env),
                Item::Secret(secret) => resolver.secret(secret),
                Item::Rotation(rotation) => resolver.callable.push(rotation.name.text.clone()),
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
    resolver.diagnostics.sort_by_key(|d| (d.span().file, d.span().start));
    (resolver.plan, resolver.diagnostics)
}

/// What is known while resolving.
struct Resolver {
    plan: Plan,
    diagnostics: Vec<Diagnostic>,
    /// Names of the rotation that is being resolved.
    scope: Scope,
    /// Names of all rotations, for `call` and `recover with`.
    callable: Vec<String>,
}

impl Resolver {
    fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }
}
