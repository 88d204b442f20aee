//! What decides that a rotation begins, that it fails, and that a step is tried again.
//!
//! The steps for a failed run, and the rotations that a failure starts, tell of all that decided the failure. So do the first
//! steps of a `verify` that is tried again because of the last ones.

use super::engine::Engine;
use super::taint::Taint;
use crate::plan::task::Verify;
use crate::plan::{Plan, Rotation, Step, Task};
use std::collections::HashSet;

impl<'p> Engine<'p> {
    /// What decided that a rotation begins: the calls of it, and the failures that start it.
    pub(super) fn begun(&mut self, index: usize, rotation: &'p Rotation) -> Taint {
        let mut begun = Taint::default();
        if self.called.contains(&index) {
            begun.join(
                &self
                    .caller(super::call::REACHED, rotation.at.0)
                    .as_control(),
            );
        }
        let failing = self.failing.get(rotation.name.as_str());
        for other in failing.into_iter().flatten() {
            if let Some((failed, _)) = self.failures.get(other) {
                begun.join(failed);
            }
        }
        begun
    }

    /// Notes that the present rotation may fail here, by what, and with a message that tells `reason`.
    pub(super) fn may_fail(&mut self, because: &Taint, reason: &Taint) {
        let (failed, told) = self.failures.entry(self.rotation).or_default();
        let grew = failed.join(because) | told.join(reason);
        self.changed |= grew;
    }

    /// What the message of a failure tells.
    pub(super) fn reason(&self) -> Taint {
        let (failed, told) = self
            .failures
            .get(&self.rotation)
            .cloned()
            .unwrap_or_default();
        told.joined(&failed)
    }

    /// What follows is reached only where a condition held, or later the longer it took.
    pub(super) fn ends_unless(&mut self, condition: &Taint) {
        self.guard.join(condition);
        let reached = self.reached();
        self.may_fail(&reached, &Taint::default());
    }

    /// Steps that are tried again until none of them fails: the first of them tell what made the last ones fail.
    pub(super) fn verify(&mut self, id: usize, verify: &'p Verify) {
        if !polls_on_a_value(verify) {
            self.block(&verify.steps);
            return;
        }
        self.looped(id, &Taint::default(), |engine| {
            engine.block(&verify.steps);
            engine.guard.clone()
        });
    }
}

/// Whether steps are tried again until an answer compares with more than a literal.
pub(super) fn polls_on_a_value(verify: &Verify) -> bool {
    let judged = |step: &Step| matches!(&step.task, Task::Http(http) if super::http::judges(http));
    verify.within.is_some() && verify.steps.iter().any(judged)
}

/// The rotations that others call.
pub(super) fn called(plan: &Plan) -> HashSet<usize> {
    let mut names = HashSet::new();
    plan.walk(&mut |_, step| {
        if let Task::Call(call) = &step.task {
            names.insert(call.rotation.as_str());
        }
    });
    let indexed = plan.rotations.iter().enumerate();
    indexed
        .filter(|(_, rotation)| names.contains(rotation.name.as_str()))
        .map(|(index, _)| index)
        .collect()
}
