//! # ROT217 loop-result-unread
//!
//! What it finds: a DO_WHILE that waits for a state and gives up after a number of rounds, behind which something is revoked or dropped without anything that looks at how it ended.
//! (In `.rot` a `repeat` whose rounds run out fails.)
//!
//! ## Why it matters
//!
//! A loop whose rounds ran out is COMPLETED as one that arrived. The old credential is revoked while half of its users still have it.
//!
//! ## Fails
//!
//! ```json
//! {
//!   "name": "rollout", "version": 1, "schemaVersion": 2, "inputParameters": ["oldKeyId"],
//!   "tasks": [
//!     {"name": "wait_for_it", "taskReferenceName": "wait_for_it", "type": "DO_WHILE",
//!      "loopCondition": "if ($.wait_for_it['iteration'] < 20 && $.look['phase'] != 'done') { true; } else { false; }",
//!      "loopOver": [
//!        {"name": "pause", "taskReferenceName": "pause", "type": "WAIT", "inputParameters": {"duration": "10 seconds"}},
//!        {"name": "look", "taskReferenceName": "look", "type": "SIMPLE", "inputParameters": {"app": "shop"}}]},
//!     {"name": "revoke_key", "taskReferenceName": "revoke_key", "type": "SIMPLE", "inputParameters": {"id": "${workflow.input.oldKeyId}"}}
//!   ]
//! }
//! ```
//!
//! ## Mended
//!
//! ```json
//! {
//!   "name": "rollout", "version": 1, "schemaVersion": 2, "inputParameters": ["oldKeyId"],
//!   "tasks": [
//!     {"name": "wait_for_it", "taskReferenceName": "wait_for_it", "type": "DO_WHILE",
//!      "loopCondition": "if ($.wait_for_it['iteration'] < 20 && $.look['phase'] != 'done') { true; } else { false; }",
//!      "loopOver": [
//!        {"name": "pause", "taskReferenceName": "pause", "type": "WAIT", "inputParameters": {"duration": "10 seconds"}},
//!        {"name": "look", "taskReferenceName": "look", "type": "SIMPLE", "inputParameters": {"app": "shop"}}]},
//!     {"name": "arrived", "taskReferenceName": "arrived", "type": "SWITCH", "evaluatorType": "value-param", "expression": "phase",
//!      "inputParameters": {"phase": "${look.output.phase}"},
//!      "decisionCases": {"done": [
//!        {"name": "revoke_key", "taskReferenceName": "revoke_key", "type": "SIMPLE", "inputParameters": {"id": "${workflow.input.oldKeyId}"}}]},
//!      "defaultCase": [{"name": "gave_up", "taskReferenceName": "gave_up", "type": "TERMINATE", "inputParameters": {"terminationStatus": "FAILED"}}]}
//!   ]
//! }
//! ```

use crate::check::context::Context;
use crate::check::intent;
use crate::diagnostic::{Diagnostic, codes};
use crate::plan::expr::{Operator, Root};
use crate::plan::{Expr, ExprKind, Task};
use std::collections::HashSet;

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    if cx.plan.dialect.semantics().declares_intent {
        return;
    }
    let order = cx.order();
    for (id, node) in order.iter() {
        let Task::Repeat(repeat) = &node.step.task else { continue };
        let mut within: HashSet<&str> = order.range(id + 1..usize::MAX).take_while(|(inner, _)| order.is_within(*inner, id)).map(|(_, n)| n.step.name.as_str()).collect();
        if !gives_up(&repeat.until, &node.step.name) || !waits_for(&repeat.until, &within) {
            continue;
        }
        within.insert(&node.step.name);
        let looks = |step: usize| {
            cx.intent.subject(step).is_some_and(|subject| subject.varies || subject.steps.iter().any(|(name, _)| within.contains(name)))
        };
        let behind = |step: usize| step > id && !order.is_within(step, id) && order.dominates(id, step);
        let ends = order.of_rotation(node.rotation).find(|(step, n)| {
            behind(*step) && (cx.intent.revocation(*step).is_some() || intent::workers::ends(&n.step.task)) && !intent::revoke::is_undo(cx, *step)
        });
        let Some((end, ended)) = ends else { continue };
        // Whoever looks at how the loop ended, or tries what it waited for, may stop the workflow.
        let guarded = order.of_rotation(node.rotation).take_while(|(step, _)| *step < end).any(|(step, n)| {
            let tries = || {
                let reads = matches!(&n.step.task, Task::Http(http) if http.effect.is_read());
                let checks = matches!(&n.step.task, Task::Worker(_)) && intent::trial::is_a_check(&n.step.name);
                !n.step.optional && (reads || checks || matches!(&n.step.task, Task::Worker(w) if w.kind.as_deref() == Some("HUMAN")))
            };
            behind(step) && (looks(step) || order.dominates(step, end) && tries())
        });
        if guarded || order.around(end).any(looks) || ended.step.task.exprs().iter().any(|expr| within.iter().any(|name| expr.reads_step(name))) {
            continue;
        }
        let place = if repeat.until.at.0.is_some() { repeat.until.at.0 } else { node.step.at.0 };
        out.push(
            Diagnostic::new(
                codes::LOOP_RESULT_UNREAD,
                ended.step.at.0,
                format!("`{}` runs whether `{}` arrived or its rounds ran out", ended.step.name, node.step.name),
            )
            .at("ends what may still be in use")
            .label(place, "gives up after a number of rounds, and is COMPLETED all the same")
            .help("choose with SWITCH on what the loop saw last, and end the workflow with TERMINATE where it did not arrive"),
        );
    }
}

/// Whether a condition ends the loop after a number of rounds.
fn gives_up(until: &Expr, own: &str) -> bool {
    let mut found = false;
    until.walk(&mut |part| {
        if let ExprKind::Binary(Operator::Lt | Operator::Le | Operator::Gt | Operator::Ge, left, right) = &part.kind {
            let counts = |expr: &Expr| matches!(&expr.kind, ExprKind::Path(_, path) if path.as_str().contains("iteration")) || matches!(&expr.kind, ExprKind::Field(_, name) if name == "iteration");
            found |= [left, right].into_iter().any(|side| counts(side) || side.reads_step(own));
        }
    });
    found
}

/// Whether it looks at what a task within gives.
fn waits_for(until: &Expr, within: &HashSet<&str>) -> bool {
    let mut found = false;
    until.walk(&mut |part| {
        if let ExprKind::Ref(Root::Capture { step, .. } | Root::Output(step) | Root::TaskField { step, .. } | Root::Let(step)) = &part.kind {
            found |= within.contains(step.as_str());
        }
    });
    found
}
