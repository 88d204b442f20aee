//! # ROT618 overbroad-output
//!
//! What it finds: an output of a Conductor workflow that is all that an authenticated task returned: body, headers and status,
//! or all that a task with masked fields keeps.
//!
//! ## Why it matters
//!
//! Whoever may see the execution sees all of it, also fields that the server adds tomorrow.
//!
//! ## Fails
//!
//! ```json
//! {"name": "r", "version": 1, "schemaVersion": 2,
//!  "tasks": [
//!   {"name": "me", "taskReferenceName": "me", "type": "HTTP", "inputParameters": {
//!     "uri": "https://api.example.com/me", "method": "GET", "headers": {"X-Key": "${workflow.secrets.apiKey}"}}}],
//!  "outputParameters": {"result": "${me.output.response}"}}
//! ```
//!
//! ## Mended
//!
//! ```json
//! {"name": "r", "version": 1, "schemaVersion": 2,
//!  "tasks": [
//!   {"name": "me", "taskReferenceName": "me", "type": "HTTP", "inputParameters": {
//!     "uri": "https://api.example.com/me", "method": "GET", "headers": {"X-Key": "${workflow.secrets.apiKey}"}}}],
//!  "outputParameters": {"login": "${me.output.response.body.login}"}}
//! ```

use crate::conductor::task_type::TaskType;
use crate::check::context::{Context, Once};
use crate::check::flow::{Atom, Sink};
use crate::diagnostic::{Confidence, Diagnostic, codes};
use crate::plan::{Derivation, Origin};
use std::collections::HashSet;

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    if !cx.plan.dialect.semantics().keeps_executions {
        return;
    }
    let mut once = Once::default();
    failed_execution(cx, out);
    masked_whole(cx, out);
    for event in &cx.flow.events {
        let shown = matches!(event.sink, Sink::Output { masked: false, .. }) && !cx.is_implied(event);
        // Where a credential is known to be in it, that is the finding.
        if !shown || !cx.leaks(event).is_empty() || cx.likely_credential(event).is_some() {
            continue;
        }
        let authenticated = event.taint.iter().any(|e| matches!(cx.flow.trails.origin(e.atom), Some(Origin::Response(_))));
        for entry in event.taint.iter().filter(|e| authenticated && !e.control) {
            let Some(Atom::Answer { step, path }) = cx.flow.trails.atom(entry.atom) else { continue };
            let whole = path.is_empty() || matches!(path.as_slice(), [only] if only == "response");
            if whole && once.is_first(event, entry.atom) {
                let message = format!("all that `{}` returned becomes an output, its headers included", cx.flow.step_name(*step));
                out.push(
                    cx.finding(codes::OVERBROAD_OUTPUT, event, entry, message, "body, headers and status")
                        .confidence(Confidence::Medium)
                        .help("name the fields that callers need: `${TASK.output.response.body.FIELD}`"),
                );
            }
        }
    }
}

/// All that a task with masked fields keeps.
fn masked_whole(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    let mut seen = HashSet::new();
    for (rotation, item) in cx.plan.rotations.iter().enumerate() {
        for output in item.outputs.iter().filter(|o| !o.masked) {
            output.value.walk(&mut |expr| {
                let text = cx.texts.at(expr.at.0).unwrap_or_default();
                let Some(name) = text.strip_prefix("${").and_then(|text| text.strip_suffix(".output}")) else { return };
                let Some(http) = cx.order().find(rotation, name).and_then(|step| cx.http(step)) else { return };
                let Some(masked) = http.captures.iter().find(|c| c.secret && !c.place.is_empty()) else { return };
                // What stands at one place is an object of several expressions.
                if !seen.insert(expr.at.0) {
                    return;
                }
                let message = format!("all that `{name}` keeps becomes an output, its masked fields included");
                out.push(
                    Diagnostic::new(codes::OVERBROAD_OUTPUT, expr.at.0, message)
                        .at("all of it")
                        .label(masked.at.0, "masked")
                        .confidence(Confidence::Medium)
                        .help("name the fields that callers need: `${TASK.output.FIELD}`"),
                );
            });
        }
    }
}

/// A failure workflow is given the whole failed execution, with what its tasks were given and gave.
fn failed_execution(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    let mut once = Once::default();
    for event in &cx.flow.events {
        let place = match event.sink {
            Sink::Output { masked: false, .. } => "becomes an output".to_owned(),
            // What computes within the workflow hands nothing on.
            Sink::Elsewhere { kind, .. } if !TaskType::find(kind).is_some_and(|t| t.is_run() && t.name != "SIMPLE") => format!("is given to the {kind}"),
            Sink::Request { .. } => match cx.request(event).and_then(|(request, _)| request.target.host.as_deref()) {
                Some(host) => format!("is sent to `{host}`"),
                None => continue,
            },
            _ => continue,
        };
        let is_it = |atom: &Atom| matches!(atom, Atom::Caller { name: "failedWorkflow", .. });
        // A field of it, or what is computed of it, was chosen.
        let Some(entry) = event.taint.iter().find(|e| !e.control && e.derivation == Derivation::Whole && cx.flow.trails.atom(e.atom).is_some_and(is_it)) else { continue };
        if once.is_first(event, entry.atom) {
            let message = format!("the failed execution {place}, with the inputs and outputs of its tasks");
            out.push(
                cx.finding(codes::OVERBROAD_OUTPUT, event, entry, message, "all of the failed workflow")
                    .confidence(Confidence::Medium)
                    .help("name what is needed: `${workflow.input.workflowId}`, `${workflow.input.reason}`, `${workflow.input.failureStatus}`"),
            );
        }
    }
}
