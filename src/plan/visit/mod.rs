//! The one walk over plans: which expressions, blocks, captures, requests and secrets a step has.
//!
//! Checker, interpreter, fingerprint, comparison, preview and writers all ask here. No match has a wildcard arm: a new kind
//! of step, and a new member of one, is a compile error in `step.rs` until it is said what it holds.

mod expr;
mod step;

pub use expr::{Read, RequestPart, Role};
pub use step::{Act, Captured, Control, Write};

use super::task::Http;
use super::{Expr, Plan, Rotation, Step, Task};

/// Calls `visit` on each step of `steps` and of the blocks within, in text order.
pub fn walk_steps<'a>(steps: &'a [Step], visit: &mut dyn FnMut(&'a Step)) {
    for step in steps {
        visit(step);
        for block in step.task.blocks() {
            walk_steps(block, visit);
        }
    }
}

impl Rotation {
    /// Calls `visit` on each step in text order: those of the rotation, then those for a failed run, with all that stand within.
    pub fn walk<'p>(&'p self, visit: &mut dyn FnMut(&'p Step)) {
        walk_steps(&self.steps, visit);
        walk_steps(&self.on_failure, visit);
    }

    /// Each expression of the rotation: defaults and variables first, then the steps (the requests of `strays` with them), the
    /// outputs, and the steps for a failed run. Not the expressions within these; [`Expr::walk`] goes there.
    pub fn exprs<'p>(&'p self, visit: &mut dyn FnMut(&'p Expr)) {
        self.inputs
            .iter()
            .filter_map(|input| input.default.as_ref())
            .for_each(&mut *visit);
        self.variables.iter().for_each(|(_, value)| visit(value));
        walk_steps(&self.steps, &mut |step| {
            step.task.each_expr(&mut |_, expr| visit(expr));
        });
        self.given.iter().for_each(|given| visit(&given.value));
        self.outputs.iter().for_each(|output| visit(&output.value));
        self.result.iter().for_each(&mut *visit);
        walk_steps(&self.on_failure, &mut |step| {
            step.task.each_expr(&mut |_, expr| visit(expr));
        });
    }

    /// The HTTP requests that the rotation may make, each with its step, in text order; those of `strays` follow the request
    /// whose lost answers they look for.
    pub fn requests(&self) -> Vec<(&Step, &Http)> {
        let mut requests = Vec::new();
        self.walk(&mut |step| {
            requests.extend(step.task.requests().into_iter().map(|http| (step, http)));
        });
        requests
    }

    /// The first `let` of this name in text order.
    pub fn find_let(&self, name: &str) -> Option<&Expr> {
        let mut found = None;
        self.walk(&mut |step| {
            if let Task::Let(item) = &step.task
                && item.name == name
                && found.is_none()
            {
                found = Some(&item.value);
            }
        });
        found
    }
}

impl Plan {
    /// Calls `visit` on each step of each rotation, in text order.
    pub fn walk<'p>(&'p self, visit: &mut dyn FnMut(&'p Rotation, &'p Step)) {
        for rotation in &self.rotations {
            rotation.walk(&mut |step| visit(rotation, step));
        }
    }
}

impl Http {
    /// This request and those of its `strays`.
    pub fn with_strays(&self) -> impl Iterator<Item = &Http> {
        let strays = self.strays.as_deref();
        std::iter::once(self).chain(strays.into_iter().flat_map(|s| [&s.list, &s.revoke]))
    }
}
