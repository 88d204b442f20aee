//! # ROT616 secret-to-subworkflow-plain
//!
//! What it finds: a vault secret that is passed to a sub-workflow under a plain key.
//!
//! ## Why it matters
//!
//! The value is resolved in the parent, and kept with the input of the child, where everybody may read it who may see the execution.
//!
//! ## Fails
//!
//! ```json
//! [{"name": "r", "version": 1, "schemaVersion": 2,
//!  "tasks": [
//!   {"name": "c", "taskReferenceName": "c", "type": "SUB_WORKFLOW", "subWorkflowParam": {"name": "sub", "version": 1},
//!    "inputParameters": {"key": "${workflow.secrets.apiKey}"}}],
//!  "outputParameters": {"state": "${c.status}"}},
//!  {"name": "sub", "version": 1, "schemaVersion": 2, "inputParameters": ["key"],
//!   "tasks": [{"name": "me", "taskReferenceName": "me", "type": "HTTP", "inputParameters": {
//!     "uri": "https://api.example.com/me", "method": "GET", "headers": {"X-Key": "${workflow.input.key}"}}}], "outputParameters": {}}]
//! ```
//!
//! ## Mended
//!
//! ```json
//! [{"name": "r", "version": 1, "schemaVersion": 2,
//!  "tasks": [
//!   {"name": "c", "taskReferenceName": "c", "type": "SUB_WORKFLOW", "subWorkflowParam": {"name": "sub", "version": 1},
//!    "inputParameters": {}}],
//!  "outputParameters": {"state": "${c.status}"}},
//!  {"name": "sub", "version": 1, "schemaVersion": 2, "inputParameters": [],
//!   "tasks": [{"name": "me", "taskReferenceName": "me", "type": "HTTP", "inputParameters": {
//!     "uri": "https://api.example.com/me", "method": "GET", "headers": {"X-Key": "${workflow.secrets.apiKey}"}}}], "outputParameters": {}}]
//! ```

use crate::check::context::{Context, Once};
use crate::check::flow::Sink;
use crate::diagnostic::{Diagnostic, codes};
use crate::plan::{Derivation, Origin};

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    if !cx.plan.dialect.semantics().keeps_executions {
        return;
    }
    let mut once = Once::default();
    for event in &cx.flow.events {
        let place = match event.sink {
            Sink::CallInput { rotation, name } => format!("the input `{name}` of `{rotation}`"),
            Sink::Elsewhere { kind: kind @ ("SUB_WORKFLOW" | "START_WORKFLOW"), masked: false } => format!("the input of the {kind}"),
            _ => continue,
        };
        for leak in cx.leaks(event) {
            let kept = matches!(leak.origin, Origin::Secret(_)) && leak.entry.derivation < Derivation::Opaque;
            if kept && once.is_first(event, leak.entry.atom) {
                let message = format!("{} is kept in the open in {place}", leak.origin.describe());
                out.push(
                    cx.finding(codes::SECRET_TO_SUBWORKFLOW, event, &leak.entry, message, "a plain key")
                        .help("name the secret in the task of the child that needs it, or pass it under `_secrets`"),
                );
            }
        }
    }
}
