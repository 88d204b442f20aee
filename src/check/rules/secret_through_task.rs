//! # ROT606 secret-through-inline-or-jq
//!
//! What it finds: a vault secret in a workflow variable or in the result of a script task, where the server keeps it in the open: always on open-source
//! Conductor; on Orkes when only a part of it is left, which the masking by value cannot find.
//!
//! ## Why it matters
//!
//! Results of tasks and variables are kept with the execution and shown to everybody who may read it.
//!
//! ## Fails
//!
//! ```json oss
//! {"name": "r", "version": 1, "schemaVersion": 2,
//!  "tasks": [{"name": "v", "taskReferenceName": "v", "type": "SET_VARIABLE", "inputParameters": {"key": "${workflow.secrets.apiKey}"}}],
//!  "outputParameters": {}}
//! ```
//!
//! ## Mended
//!
//! ```json oss
//! {"name": "r", "version": 1, "schemaVersion": 2,
//!  "tasks": [{"name": "me", "taskReferenceName": "me", "type": "HTTP", "inputParameters": {"http_request": {
//!    "uri": "https://api.example.com/me", "method": "GET", "headers": {"X-Key": "${workflow.secrets.apiKey}"}}}}],
//!  "outputParameters": {}}
//! ```

use crate::check::context::{Context, Once};
use crate::check::flow::Sink;
use crate::diagnostic::{Confidence, Severity, codes, Diagnostic};
use crate::plan::{Derivation, ExprKind, Function, Origin, Task};
use std::collections::HashSet;

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    if !cx.plan.dialect.semantics().keeps_executions {
        return;
    }
    let oss = !cx.plan.dialect.semantics().server_masks;
    let mut once = Once::default();
    let mut warned = HashSet::new();
    for event in &cx.flow.events {
        let scripted = matches!(event.sink, Sink::Let { .. }) && event.step.is_some_and(|step| is_script(cx, step));
        let place = match event.sink {
            // On the open-source server a masking key is a key like any other.
            Sink::Variable { name, masked } if oss || !masked => format!("the variable `{name}`"),
            Sink::Let { name } => format!("the result of `{name}`"),
            _ => continue,
        };
        for leak in cx.leaks(event) {
            let derivation = leak.entry.derivation;
            // A program gives what it likes; a copy of a vault's secret Orkes finds by its value.
            let severity = match leak.origin {
                Origin::Secret(_) if (Derivation::Whole..=Derivation::Part).contains(&derivation) => {
                    if oss || derivation == Derivation::Part { Severity::Error } else { Severity::Warning }
                }
                Origin::Secret(_) | Origin::Minted { .. } if scripted && derivation == Derivation::Opaque => Severity::Warning,
                _ => continue,
            };
            // What is copied on from variable to variable is one cause for a warning.
            let again = severity == Severity::Warning && !warned.insert((event.rotation, leak.entry.atom));
            if !again && once.is_first(event, leak.entry.atom) {
                let message = format!("{} is kept in the open in {place}", leak.origin.describe());
                out.push(
                    cx.finding(codes::SECRET_THROUGH_TASK, event, &leak.entry, message, "kept with the execution")
                        .severity(severity)
                        .confidence(if severity == Severity::Error { Confidence::High } else { Confidence::Medium })
                        .help("name the secret in the task that needs it instead of passing it on"),
                );
            }
        }
    }
}

/// Whether a step computes with a program, of which only the inputs are known.
fn is_script(cx: &Context<'_, '_>, step: usize) -> bool {
    let Some(Task::Let(item)) = cx.order().get(step).map(|node| &node.step.task) else { return false };
    let mut found = false;
    item.value.walk(&mut |expr| found |= matches!(expr.kind, ExprKind::Call(Function::JavaScript | Function::Jq, _)));
    found
}
