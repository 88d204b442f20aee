//! # ROT213 timeout-too-short
//!
//! What it finds: a `timeout` of a rotation that is over before the fixed waits are which every run goes through: one behind
//! another, the shorter of two branches, the longest of a `parallel`, those of called rotations. In Conductor JSON the
//! `timeoutSeconds` of a workflow whose `timeoutPolicy` is TIME_OUT_WF. So is the time of a single wait that is shorter than the wait.
//!
//! ## Why it matters
//!
//! Each run then ends with an error, however well everything goes.
//!
//! ## Fails
//!
//! ```rot
//! secret api_key to "api.example.com"
//!
//! rotation r {
//!   timeout 1m
//!   http GET "https://api.example.com/me" { bearer secrets.api_key }
//!   wait 5m
//!   log "done"
//! }
//! ```
//!
//! ## Mended
//!
//! ```rot
//! secret api_key to "api.example.com"
//!
//! rotation r {
//!   timeout 10m
//!   http GET "https://api.example.com/me" { bearer secrets.api_key }
//!   wait 5m
//!   log "done"
//! }
//! ```

use crate::check::context::Context;
use crate::check::lifetime::show;
use crate::diagnostic::{Diagnostic, Severity, codes};
use crate::plan::schedule::Dur;
use crate::plan::task::{Overdue, Wait};
use crate::plan::visit::Control;
use crate::plan::{ExprKind, Step, Task};
use crate::source::Span;

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    overdue_waits(cx, out);
    for (index, rotation) in cx.plan.rotations.iter().enumerate() {
        let Some(timeout) = rotation.timeout else {
            continue;
        };
        let mut waits = Waits { cx, calls: Vec::new() };
        let waited = waits.block(index, &rotation.steps);
        let Some((waits, span)) = waited.least().filter(|(waits, _)| *waits >= timeout) else { continue };
        let enough = Dur(waits.0.saturating_mul(2));
        let written = if cx.plan.dialect.semantics().is_json {
            format!("give the workflow more time than its waits take: `\"timeoutSeconds\": {}`", enough.0.div_ceil(1000))
        } else {
            format!("give the rotation more time than its waits take: `timeout {}`", show(enough))
        };
        out.push(
            Diagnostic::new(
                codes::TIMEOUT_TOO_SHORT,
                span,
                format!(
                    "the run waits for {}, and its time is over after {}",
                    show(waits),
                    show(timeout)
                ),
            )
            .at("never comes to its end")
            .help(written),
        );
    }
}

/// A wait whose own time is over before it is.
fn overdue_waits(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    for (_, node) in cx.order().iter() {
        let (Task::Wait(Wait::For(expr)), Some(limit)) = (&node.step.task, &node.step.timeout) else { continue };
        let ExprKind::Duration(wait) = &cx.meant(node.rotation, expr).kind else { continue };
        if limit.then != Overdue::Note && *wait > limit.after {
            out.push(
                Diagnostic::new(
                    codes::TIMEOUT_TOO_SHORT,
                    expr.at.0,
                    format!("`{}` waits for {}, and its own time is over after {}", node.step.name, show(*wait), show(limit.after)),
                )
                .at("never comes to its end")
                .help("give the wait more time than it takes, or none of its own")
                .severity(Severity::Warning),
            );
        }
    }
}

/// How long steps wait in any case, where each wait is written out.
struct Waits<'a, 'c, 'p> {
    cx: &'a Context<'c, 'p>,
    /// The rotations around, so that a ring ends.
    calls: Vec<usize>,
}

/// The shortest of the ways through some steps.
#[derive(Clone, Copy, Default)]
struct Waited {
    /// To their end, with the last wait; none where no way comes there.
    through: Option<(Dur, Span)>,
    /// To a `stop`.
    stopped: Option<(Dur, Span)>,
}

/// No wait at all.
const NOTHING: (Dur, Span) = (Dur(0), Span::NONE);

impl Waited {
    fn least(self) -> Option<(Dur, Span)> {
        shorter(self.through, self.stopped)
    }
}

fn shorter(a: Option<(Dur, Span)>, b: Option<(Dur, Span)>) -> Option<(Dur, Span)> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if b.0 < a.0 { b } else { a }),
        (a, b) => a.or(b),
    }
}

/// One wait behind another.
fn behind(first: (Dur, Span), then: (Dur, Span)) -> (Dur, Span) {
    let last = if then.0.0 > 0 { then.1 } else { first.1 };
    (Dur(first.0.0.saturating_add(then.0.0)), last)
}

impl<'p> Waits<'_, '_, 'p> {
    fn block(&mut self, rotation: usize, steps: &'p [Step]) -> Waited {
        let mut all = Waited { through: Some(NOTHING), stopped: None };
        for step in steps {
            let Some(so_far) = all.through else { break };
            let one = self.step(rotation, step);
            all.stopped = shorter(all.stopped, one.stopped.map(|w| behind(so_far, w)));
            all.through = one.through.map(|w| behind(so_far, w));
        }
        all
    }

    fn step(&mut self, rotation: usize, step: &'p Step) -> Waited {
        let through = |wait| Waited { through: Some(wait), stopped: None };
        let blocks = step.task.blocks();
        match step.task.control() {
            Control::Ends if matches!(step.task, Task::Stop(_)) => Waited { through: None, stopped: Some(NOTHING) },
            // A run that fails is over, in time or not.
            Control::Ends => Waited::default(),
            Control::Choice => {
                let mut all = Waited::default();
                for steps in blocks {
                    let one = self.block(rotation, steps);
                    all.through = shorter(all.through, one.through);
                    all.stopped = shorter(all.stopped, one.stopped);
                }
                all
            }
            Control::Together => {
                let branches: Vec<Waited> = blocks.iter().map(|steps| self.block(rotation, steps)).collect();
                let longest = branches.iter().map(|b| b.through.unwrap_or(NOTHING)).max_by_key(|(wait, _)| *wait);
                let stopped = branches.iter().fold(None, |least, b| shorter(least, b.stopped));
                Waited { through: Some(longest.unwrap_or(NOTHING)), stopped }
            }
            Control::Elements => {
                let one = blocks.iter().map(|steps| self.block(rotation, steps)).next().unwrap_or_default();
                let items = step.task.decides().map(|items| &self.cx.meant(rotation, items).kind);
                match items {
                    Some(ExprKind::List(items)) if !items.is_empty() => {
                        let rounds = u64::try_from(items.len()).unwrap_or(u64::MAX);
                        let all = |(wait, span): (Dur, Span)| (Dur(wait.0.saturating_mul(rounds)), span);
                        Waited { through: one.through.map(all), stopped: one.stopped }
                    }
                    _ => Waited { through: Some(NOTHING), stopped: one.stopped },
                }
            }
            // The first round is run in any case.
            Control::Rounds => blocks.iter().map(|steps| self.block(rotation, steps)).next().unwrap_or_default(),
            Control::Call => self.call(rotation, step),
            Control::Straight => through(self.alone(rotation, step)),
        }
    }

    /// What a step waits for that leads straight on.
    fn alone(&mut self, rotation: usize, step: &'p Step) -> (Dur, Span) {
        if let Task::Verify(verify) = &step.task {
            return self.block(rotation, &verify.steps).through.unwrap_or(NOTHING);
        }
        let Task::Wait(Wait::For(expr)) = &step.task else { return NOTHING };
        match &self.cx.meant(rotation, expr).kind {
            ExprKind::Duration(wait) => (*wait, expr.at.0),
            _ => NOTHING,
        }
    }

    /// What a called rotation waits for; its `stop` ends it alone.
    fn call(&mut self, rotation: usize, step: &Step) -> Waited {
        let nothing = Waited { through: Some(NOTHING), stopped: None };
        let callee = self.cx.order().find(rotation, &step.name).and_then(|id| self.cx.calls.callee(id));
        let Some(index) = callee.filter(|index| !self.calls.contains(index) && self.calls.len() < CALLS) else { return nothing };
        let Some(rotation) = self.cx.plan.rotations.get(index) else { return nothing };
        self.calls.push(index);
        let waited = self.block(index, &rotation.steps).least();
        self.calls.pop();
        Waited { through: waited.map(|(wait, _)| (wait, step.at.0)), stopped: None }
    }
}

/// Calls within calls that are followed.
const CALLS: usize = 8;
