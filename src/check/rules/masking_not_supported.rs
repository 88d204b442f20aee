//! # ROT605 masking-not-supported-by-target
//!
//! What it finds: `_secrets`, `_masked` or `maskedFields` in a definition that is meant for open-source Conductor.
//!
//! ## Why it matters
//!
//! The open-source server knows none of them: what stands there is kept and shown in clear.
//!
//! ## Fails
//!
//! ```json oss
//! {"name": "r", "version": 1, "schemaVersion": 2,
//!  "tasks": [{"name": "mint", "taskReferenceName": "mint", "type": "HTTP", "inputParameters": {
//!    "uri": "https://api.example.com/token", "method": "POST", "headers": {"X-Key": "${workflow.secrets.apiKey}"},
//!    "outputFilter": {"_secrets": {"token": "$${mint.output.response.body.token}"}}}}],
//!  "outputParameters": {}}
//! ```
//!
//! ## Mended
//!
//! ```json
//! {"name": "r", "version": 1, "schemaVersion": 2,
//!  "tasks": [{"name": "mint", "taskReferenceName": "mint", "type": "HTTP", "inputParameters": {
//!    "uri": "https://api.example.com/token", "method": "POST", "headers": {"X-Key": "${workflow.secrets.apiKey}"},
//!    "outputFilter": {"_secrets": {"token": "$${mint.output.response.body.token}"}}}}],
//!  "outputParameters": {}}
//! ```

use crate::check::context::Context;
use crate::diagnostic::{Diagnostic, codes};
use crate::plan::{Dialect, Task};
use crate::source::Span;

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    if cx.plan.dialect != Dialect::Oss {
        return;
    }
    for rotation in &cx.plan.rotations {
        if !rotation.masked_fields.is_empty() {
            out.push(found("maskedFields", rotation.at.0));
        }
        out.extend(rotation.outputs.iter().filter(|o| o.masked).map(|o| found(&o.name, o.at.0)));
    }
    for (_, node) in cx.order().iter() {
        match &node.step.task {
            Task::Http(http) => {
                for capture in &http.captures {
                    if let Some(mask) = capture.place.iter().find(|key| is_mask(key)) {
                        out.push(found(mask, capture.at.0));
                    }
                }
            }
            Task::SetVariables(set) => out.extend(set.values.iter().filter(|(n, _)| is_mask(n)).map(|(n, e)| found(n, e.at.0))),
            Task::Call(call) => out.extend(call.inputs.iter().filter(|(n, _)| is_mask(n)).map(|(n, e)| found(n, e.at.0))),
            _ => {}
        }
    }
}

fn found(key: &str, span: Span) -> Diagnostic {
    Diagnostic::new(codes::MASKING_NOT_SUPPORTED, span, format!("`{key}` masks nothing on open-source Conductor"))
        .at("kept and shown in clear")
        .help("run it on a server that masks (`target = \"orkes\"`), or with `rot run`, which keeps no task outputs")
}

fn is_mask(key: &str) -> bool {
    matches!(key, "_secrets" | "_masked")
}

/// Whether what stands at a place of a task's output is shown as `***`.
pub(super) fn is_masked(cx: &Context<'_, '_>, rotation: usize, path: &[String]) -> bool {
    let fields = cx.plan.rotations.get(rotation).map(|r| r.masked_fields.as_slice()).unwrap_or_default();
    path.iter().any(|key| is_mask(key) || fields.contains(key))
}
