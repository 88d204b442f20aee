//! The names that steps bring into scope: gathered before any is resolved, so that a use before the definition can be told from a typo.

use super::items::check_identifier;
use super::{Resolver, errors};
use crate::syntax::ast::{self, Entry, Name, StepKind};

impl Resolver {
    /// Notes all names of a rotation, so that a use before the definition can be told from a typo.
    pub(super) fn collect_names(&mut self, body: &[Entry]) {
        for entry in body {
            match entry {
                Entry::Step(step) => self.collect(step),
                Entry::OnFailure { steps, .. } => steps.iter().for_each(|s| self.collect(s)),
                _ => {}
            }
        }
    }

    fn collect(&mut self, step: &ast::Step) {
        if let Some(name) = defined_name(step) {
            if let Some(first) = self.scope.all.get(&name.text) {
                let first = *first;
                self.report(errors::duplicate("name", name, first));
                self.scope.twice.insert(name.text.clone());
            } else {
                check_identifier(self, "a step", name);
                self.scope.all.insert(name.text.clone(), name.span);
            }
        }
        for block in step.blocks() {
            block.iter().for_each(|s| self.collect(s));
        }
    }
}

/// The name that a step brings into scope.
fn defined_name(step: &ast::Step) -> Option<&Name> {
    match &step.kind {
        StepKind::Http(http) => http.name.as_ref(),
        StepKind::Let { name, .. }
        | StepKind::Generate { name, .. }
        | StepKind::Manual { name, .. }
        | StepKind::Call { name, .. } => Some(name),
        StepKind::ForEach { item, .. } => Some(item),
        _ => None,
    }
}

pub(super) fn names_in<'s>(steps: &'s [ast::Step], visit: &mut dyn FnMut(&'s Name)) {
    for step in steps {
        defined_name(step).into_iter().for_each(&mut *visit);
        for block in step.blocks() {
            names_in(block, visit);
        }
    }
}
