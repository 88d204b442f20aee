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
//!  "tasks": [
//!   {"name": "keep", "taskReferenceName": "keep", "type": "SET_VARIABLE", "inputParameters": {"a": 1}},
//!   {"name": "login", "taskReferenceName": "login", "type": "INLINE", "inputParameters": {
//!     "evaluatorType": "javascript", "expression": "$.key", "key": "${workflow.secrets.apiKey}"}}]}
//! ```
//!
//! ## Mended
//!
//! ```json
//! {"name": "r", "version": 1, "schemaVersion": 2,
//!  "tasks": [
//!   {"name": "keep", "taskReferenceName": "keep", "type": "SET_VARIABLE", "inputParameters": {"a": 1}}],
//!  "outputParameters": {"done": true}}
//! ```

use crate::check::context::Context;
use crate::diagnostic::{Confidence, Diagnostic, Severity, codes};
use crate::plan::Task;

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    if !cx.plan.dialect.is_conductor() {
        return;
    }
    for (index, rotation) in cx.plan.rotations.iter().enumerate().filter(|(_, r)| r.outputs.is_empty()) {
        let Some(last) = rotation.steps.last() else { continue };
        let name = &last.name;
        let severity = match &last.task {
            Task::Http(http) if http.raw_output => {
                let carries = cx.flow.requests.iter().any(|r| std::ptr::eq(r.http, http.as_ref()) && !cx.carried(r).is_empty());
                match (http.effect.issues(), carries && cx.options.pedantic) {
                    (true, _) => Severity::Error,
                    // The answer to an authenticated request may or may not be a secret.
                    (false, true) => Severity::Note,
                    (false, false) => continue,
                }
            }
            Task::Let(item) => {
                let named = cx.flow.names.iter().find(|n| n.rotation == index && n.step.is_none() && n.name == item.name);
                if named.is_some_and(|n| n.label.is_secret()) { Severity::Error } else { continue }
            }
            _ => continue,
        };
        let mut found = Diagnostic::new(
            codes::LAST_TASK_OUTPUT_LEAKS,
            last.at.0,
            format!("without `outputParameters` what `{name}` returns becomes the output of the workflow"),
        )
        .at("the last task")
        .label(rotation.at.0, "has no `outputParameters`")
        .help("add `\"outputParameters\": {…}` with what callers need, and no credential among it")
        .severity(severity);
        if severity == Severity::Note {
            found = found.confidence(Confidence::Low);
        }
        out.push(found);
    }
}
