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
use crate::diagnostic::{Confidence, Diagnostic, Edit, Severity, codes};
use crate::json::layout;
use crate::plan::{Rotation, Task};

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    let mut once = Once::default();
    for event in cx.flow.events.iter().filter(|e| cx.is_implied(e) && !cx.is_whole_result(e)) {
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
                .fix_if("name the status as the only output", false, status_alone(cx, rotation))
        }));
    }
}

/// `outputParameters` with what nobody has to hide: the status of the last answer. An empty one is taken as none.
fn status_alone(cx: &Context<'_, '_>, rotation: &Rotation) -> Option<Vec<Edit>> {
    let last = rotation.steps.last().filter(|s| matches!(s.task, Task::Http(_)))?;
    let around = layout::members_around(cx.texts.json()?, last.at.0);
    let (definition, _) = around.iter().rev().find(|(o, i)| o.members().get(*i).is_some_and(|m| m.key.text == "tasks"))?;
    let status = format!("{{\"status\": \"${{{}.output.response.statusCode}}\"}}", last.name);
    if let Some(member) = definition.member("outputParameters") {
        return Some(vec![Edit { span: member.value.span, text: status }]);
    }
    let (at, before) = layout::behind_last(definition, cx.texts.of(last.at.0)?);
    Some(vec![Edit { span: at, text: format!("{before}\"outputParameters\": {status}") }])
}
