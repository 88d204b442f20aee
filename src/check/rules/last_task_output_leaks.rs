//! # ROT609 last-task-output-leaks
//!
//! What it finds: a Conductor definition without `outputParameters` whose last task returns a credential.
//!
//! ## Why it matters
//!
//! The output of the last task then becomes the output of the workflow: it is kept with it, and given to whoever started it.
//!
//! ## Fails
//!
//! ```json
//! {"name": "r", "version": 1, "schemaVersion": 2,
//!  "tasks": [{"name": "login", "taskReferenceName": "login", "type": "HTTP", "inputParameters": {
//!    "uri": "https://api.example.com/token", "method": "POST", "headers": {"X-Key": "${workflow.secrets.apiKey}"}}}]}
//! ```
//!
//! ## Mended
//!
//! ```json
//! {"name": "r", "version": 1, "schemaVersion": 2,
//!  "tasks": [{"name": "login", "taskReferenceName": "login", "type": "HTTP", "inputParameters": {
//!    "uri": "https://api.example.com/token", "method": "POST", "headers": {"X-Key": "${workflow.secrets.apiKey}"}}}],
//!  "outputParameters": {"status": "${login.output.response.statusCode}"}}
//! ```

use crate::check::context::{Context, Once};
use crate::diagnostic::{Confidence, Diagnostic, Severity, codes};

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    let mut once = Once::default();
    for event in cx.flow.events.iter().filter(|e| cx.is_implied(e)) {
        let Some(rotation) = cx.plan.rotations.get(event.rotation) else { continue };
        let Some(last) = rotation.steps.last() else { continue };
        let mut found = Vec::new();
        for leak in cx.leaks(event) {
            if once.is_first(event, leak.entry.atom) {
                let message =
                    format!("without `outputParameters` what `{}` returns becomes the output: {}", last.name, leak.origin.describe());
                found.push(cx.finding(codes::LAST_TASK_OUTPUT_LEAKS, event, &leak.entry, message, "leaves the workflow"));
            }
        }
        if found.is_empty()
            && let Some(entry) = cx.likely_credential(event)
        {
            let message =
                format!("without `outputParameters` the whole answer of `{}`, probably a credential, becomes the output", last.name);
            found.push(
                cx.finding(codes::LAST_TASK_OUTPUT_LEAKS, event, &entry, message, "leaves the workflow")
                    .severity(Severity::Warning)
                    .confidence(Confidence::Medium),
            );
        }
        out.extend(found.into_iter().map(|d| {
            d.label(rotation.at.0, "has no `outputParameters`")
                .help("add `\"outputParameters\": {…}` with what callers need, and no credential among it")
        }));
    }
}
