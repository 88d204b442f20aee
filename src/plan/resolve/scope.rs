//! The names of one rotation: steps with their captures, `let`s, loop variables, inputs.

use super::Resolver;
use crate::plan::Type;
use crate::source::Span;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

/// What a first segment stands for.
#[derive(Debug, Clone)]
pub(super) enum Symbol {
    /// A step and its captures: name, type.
    Step {
        /// Unique step name in the plan.
        step: String,
        /// Typed.
        captures: Rc<Typed>,
    },
    /// A `let`.
    Let(Type),
    /// A loop variable.
    Variable(Type),
}

/// Names with types, in order and by name: the captures of a step, the inputs of a rotation.
#[derive(Debug, Default)]
pub(super) struct Typed {
    order: Vec<(String, Type, Span)>,
    by_name: HashMap<String, usize>,
}

impl Typed {
    pub(super) fn add(&mut self, name: &str, ty: Type, at: Span) {
        self.by_name
            .entry(name.to_owned())
            .or_insert(self.order.len());
        self.order.push((name.to_owned(), ty, at));
    }

    pub(super) fn get(&self, name: &str) -> Option<&Type> {
        self.by_name
            .get(name)
            .and_then(|at| self.order.get(*at))
            .map(|(_, ty, _)| ty)
    }

    /// Where a name is defined; nowhere for what a step has by its kind.
    pub(super) fn place(&self, name: &str) -> Span {
        let found = self.by_name.get(name).and_then(|at| self.order.get(*at));
        found.map_or(Span::NONE, |(.., at)| *at)
    }

    pub(super) fn types(&self) -> impl Iterator<Item = (&str, &Type)> {
        self.order.iter().map(|(name, ty, _)| (name.as_str(), ty))
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.order.iter().map(|(name, ..)| name.as_str())
    }
}

impl FromIterator<(String, Type, Span)> for Typed {
    fn from_iter<I: IntoIterator<Item = (String, Type, Span)>>(captures: I) -> Self {
        let mut all = Self::default();
        for (name, ty, at) in captures {
            all.add(&name, ty, at);
        }
        all
    }
}

/// A name that is defined, with its place.
pub(super) type Defined = (Symbol, Span);

/// Names of one rotation.
#[derive(Debug, Default)]
pub(super) struct Scope {
    /// What is defined so far, with its place.
    symbols: HashMap<String, Defined>,
    /// What each change within a `parallel` replaced.
    log: Vec<(String, Option<Defined>)>,
    marks: usize,
    /// All names of the rotation, for "used before it is defined".
    pub(super) all: HashMap<String, Span>,
    /// Names that are defined twice: which of the two is meant, and what it has, is not known.
    pub(super) twice: HashSet<String>,
    /// Names of the branches of the inmost `parallel`: each with its branch.
    pub(super) branches: Rc<HashMap<String, Vec<(usize, Span)>>>,
    /// The branch that is being resolved.
    pub(super) branch: usize,
    /// Inputs.
    pub(super) inputs: Typed,
    /// Step names taken.
    taken: HashMap<String, u32>,
}

impl Scope {
    /// A step name that is not taken: `wanted`, `wanted #2`, …
    pub(super) fn unique(&mut self, wanted: &str) -> String {
        let count = self.taken.entry(wanted.to_owned()).or_insert(0);
        *count += 1;
        if *count == 1 {
            wanted.to_owned()
        } else {
            format!("{wanted} #{count}")
        }
    }

    /// What a name stands for here.
    pub(super) fn get(&self, name: &str) -> Option<&Symbol> {
        self.symbols.get(name).map(|(symbol, _)| symbol)
    }

    /// Where a name is defined.
    pub(super) fn place(&self, name: &str) -> Span {
        self.symbols.get(name).map_or(Span::NONE, |(_, at)| *at)
    }

    /// All that is defined here.
    pub(super) fn visible(&self) -> impl Iterator<Item = (&str, &Symbol)> {
        self.symbols
            .iter()
            .map(|(name, (symbol, _))| (name.as_str(), symbol))
    }

    /// Defines a name, or takes it away; gives what it was before.
    pub(super) fn set(&mut self, name: &str, defined: Option<Defined>) -> Option<Defined> {
        let old = match defined {
            Some(defined) => self.symbols.insert(name.to_owned(), defined),
            None => self.symbols.remove(name),
        };
        if self.marks > 0 {
            self.log.push((name.to_owned(), old.clone()));
        }
        old
    }

    /// The names as `inside` changed them; they are again as they were before.
    pub(super) fn undone<T>(
        resolver: &mut Resolver,
        inside: impl FnOnce(&mut Resolver) -> T,
    ) -> (T, Vec<(String, Option<Defined>)>) {
        resolver.scope.marks += 1;
        let mark = resolver.scope.log.len();
        let result = inside(resolver);
        let scope = &mut resolver.scope;
        scope.marks -= 1;
        let mut changes = Vec::new();
        while scope.log.len() > mark
            && let Some((name, old)) = scope.log.pop()
        {
            let new = match old {
                Some(old) => scope.symbols.insert(name.clone(), old),
                None => scope.symbols.remove(&name),
            };
            changes.push((name, new));
        }
        changes.reverse();
        (result, changes)
    }

    /// Where another branch than this one defines a name.
    pub(super) fn in_sibling(&self, name: &str) -> Option<Span> {
        self.branches
            .get(name)?
            .iter()
            .rfind(|(branch, _)| *branch != self.branch)
            .map(|(_, span)| *span)
    }

    /// Names to suggest.
    pub(super) fn candidates(&self) -> Vec<String> {
        let mut names: Vec<String> = self.symbols.keys().cloned().collect();
        names.sort();
        names.extend(["secrets", "pending", "previous", "input", "run", "env"].map(str::to_owned));
        names
    }
}
