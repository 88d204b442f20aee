//! The names of one rotation: steps with their captures, `let`s, loop variables, inputs.

use crate::plan::Type;
use crate::source::Span;
use std::collections::HashMap;

/// What a first segment stands for.
#[derive(Debug, Clone)]
pub(super) enum Symbol {
    /// A step and its captures: name, type.
    Step {
        /// Unique step name in the plan.
        step: String,
        /// Captures.
        captures: Vec<(String, Type)>,
    },
    /// A `let`.
    Let(Type),
    /// A loop variable.
    Variable(Type),
}

/// Names of one rotation.
#[derive(Debug, Default)]
pub(super) struct Scope {
    /// What is defined so far, with its place.
    pub(super) symbols: HashMap<String, (Symbol, Span)>,
    /// All names of the rotation, for "used before it is defined".
    pub(super) all: HashMap<String, Span>,
    /// Names of parallel branches that are not this one.
    pub(super) siblings: HashMap<String, Span>,
    /// Inputs.
    pub(super) inputs: Vec<(String, Type)>,
    /// Step names taken.
    taken: HashMap<String, u32>,
}

impl Scope {
    /// A step name that is not taken: `wanted`, `wanted #2`, …
    pub(super) fn unique(&mut self, wanted: &str) -> String {
        let count = self.taken.entry(wanted.to_owned()).or_insert(0);
        *count += 1;
        if *count == 1 { wanted.to_owned() } else { format!("{wanted} #{count}") }
    }

    /// Names to suggest.
    pub(super) fn candidates(&self) -> Vec<String> {
        let mut names: Vec<String> = self.symbols.keys().cloned().collect();
        names.sort();
        names.extend(["secrets", "pending", "previous", "input", "run", "env"].map(str::to_owned));
        names
    }
}
