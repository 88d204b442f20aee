//! What is intact of a `.rot` file in which something could not be read or resolved.
//!
//! A mistake in one rotation says nothing of the others: they are checked as ever. Nothing is said of a rotation that could not be read as
//! a whole, nor of one that calls such a one or reads a name that may stand in what could not be read; of one with names
//! that are wrong, only what is about flows, which is right for the rest of it.

use super::load::is_of_flows;
use crate::diagnostic::{Diagnostic, Severity};
use crate::plan::{Plan, Task};
use crate::source::Span;
use crate::syntax::ast::{Ast, Item};
use std::collections::{HashMap, HashSet};

/// The parts of a text that are not intact.
#[derive(Debug, Default)]
pub(super) struct Torn {
    /// Places of which nothing is said, in order.
    hidden: Vec<Span>,
    /// Places of which only flows are spoken, in order.
    doubtful: Vec<Span>,
    /// Something is wrong somewhere.
    any: bool,
}

impl Torn {
    /// `unread` was found while reading, `unresolved` while resolving names; `consequence` tells which of these may follow from what
    /// could not be read.
    pub(super) fn of<'a>(
        files: impl Iterator<Item = &'a Ast>,
        plan: &Plan,
        unread: &[Diagnostic],
        unresolved: &[Diagnostic],
        consequence: &dyn Fn(&Diagnostic) -> bool,
    ) -> Self {
        let errors = |found: &[Diagnostic]| -> Vec<Span> {
            let wrong = found.iter().filter(|d| d.severity == Severity::Error);
            wrong.map(Diagnostic::span).collect()
        };
        let (mut unread_at, mut unresolved_at) = (errors(unread), errors(unresolved));
        if unread_at.is_empty() && unresolved_at.is_empty() {
            return Self::default();
        }
        let mut follows: Vec<Span> = unresolved
            .iter()
            .filter(|d| consequence(d))
            .map(Diagnostic::span)
            .collect();
        for places in [&mut unread_at, &mut unresolved_at, &mut follows] {
            places.sort_unstable();
        }
        let torn = !unread_at.is_empty();
        let (mut places, mut hidden, mut doubtful) = (HashMap::new(), Vec::new(), Vec::new());
        let mut broken: HashSet<&str> = HashSet::new();
        for item in files.flat_map(|file| &file.items) {
            match item {
                Item::Rotation(rotation) => {
                    let (name, span) = (rotation.name.text.as_str(), rotation.span);
                    places.insert(name, span);
                    if holds(&unread_at, span) || (torn && holds(&follows, span)) {
                        broken.insert(name);
                        hidden.push(span);
                    } else if holds(&unresolved_at, span) {
                        doubtful.push(span);
                    }
                }
                // What is made from it has its findings there.
                Item::Template(template) => {
                    if holds(&unread_at, template.span) {
                        hidden.push(template.span);
                    }
                }
                Item::Error(span) => hidden.push(*span),
                Item::Use(_)
                | Item::Env(_)
                | Item::Secret(_)
                | Item::Target(_)
                | Item::Deliver(_) => {}
            }
        }
        for name in callers(plan, &broken, torn) {
            hidden.extend(places.get(name));
        }
        hidden.sort_unstable();
        doubtful.sort_unstable();
        Self {
            hidden,
            doubtful,
            any: true,
        }
    }

    /// Whether something is wrong somewhere, so that nothing can be said of the text as a whole.
    pub(super) fn is_part(&self) -> bool {
        self.any
    }

    /// Whether a finding is about what is intact.
    pub(super) fn lets(&self, finding: &Diagnostic) -> bool {
        let place = finding.span();
        !within(&self.hidden, place)
            && (is_of_flows(finding.code) || !within(&self.doubtful, place))
    }
}

/// The rotations that call one of `broken`, directly or not; where a part could not be read also those that call one that is
/// not there.
fn callers<'p>(plan: &'p Plan, broken: &HashSet<&str>, torn: bool) -> Vec<&'p str> {
    let known: HashSet<&str> = plan.rotations.iter().map(|r| r.name.as_str()).collect();
    let mut calling: HashMap<&str, Vec<&'p str>> = HashMap::new();
    for rotation in &plan.rotations {
        rotation.walk(&mut |step| {
            if let Task::Call(call) = &step.task {
                calling
                    .entry(&call.rotation)
                    .or_default()
                    .push(&rotation.name);
            }
        });
    }
    let gone = calling
        .keys()
        .copied()
        .filter(|name| torn && !known.contains(name));
    let mut open: Vec<&str> = broken.iter().copied().chain(gone).collect();
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    while let Some(name) = open.pop() {
        for caller in calling.get(name).into_iter().flatten() {
            if seen.insert(*caller) {
                found.push(*caller);
                open.push(caller);
            }
        }
    }
    found
}

/// Whether one of some places, in order, begins within another.
fn holds(places: &[Span], outer: Span) -> bool {
    let from = places.partition_point(|p| (p.file, p.start) < (outer.file, outer.start));
    places
        .get(from)
        .is_some_and(|p| p.file == outer.file && p.start <= outer.end)
}

/// Whether a place begins within one of others that stand apart, in order.
fn within(others: &[Span], place: Span) -> bool {
    let behind = others.partition_point(|o| (o.file, o.start) <= (place.file, place.start));
    let outer = behind.checked_sub(1).and_then(|at| others.get(at));
    outer.is_some_and(|o| o.file == place.file && place.start <= o.end)
}
