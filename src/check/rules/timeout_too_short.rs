//! # ROT213 timeout-too-short
//!
//! What it finds: a `timeout` of a rotation that is over before the fixed waits are which every run goes through.
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
use crate::diagnostic::{Diagnostic, codes};
use crate::plan::schedule::Dur;
use crate::plan::task::Wait;
use crate::plan::{ExprKind, Root, Task};
use crate::source::Span;

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    if !cx.plan.dialect.semantics().declares_intent {
        return;
    }
    for (index, rotation) in cx.plan.rotations.iter().enumerate() {
        let Some(timeout) = rotation.timeout else {
            continue;
        };
        let mut waits = Dur(0);
        let mut last = None;
        for (id, node) in cx.order().of_rotation(index) {
            // What a condition may leave out, or a branch beside it shares, is not added up.
            if node.on_failure || node.parent.is_some() || !cx.order().is_certain(id) {
                continue;
            }
            if let Some((wait, span)) = fixed(cx, index, &node.step.task) {
                waits = Dur(waits.0.saturating_add(wait.0));
                last = last.or((waits >= timeout).then_some(span));
            }
        }
        let Some(span) = last else { continue };
        let enough = show(Dur(waits.0.saturating_mul(2)));
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
            .help(format!(
                "give the rotation more time than its waits take: `timeout {enough}`"
            )),
        );
    }
}

/// How long a step waits in any case.
fn fixed(cx: &Context<'_, '_>, rotation: usize, task: &Task) -> Option<(Dur, Span)> {
    let Task::Wait(Wait::For(expr)) = task else {
        return None;
    };
    let meant = match &expr.kind {
        ExprKind::Ref(Root::Let(name)) => cx.let_value(rotation, name)?,
        _ => expr,
    };
    match &meant.kind {
        ExprKind::Duration(wait) => Some((*wait, expr.at.0)),
        _ => None,
    }
}
