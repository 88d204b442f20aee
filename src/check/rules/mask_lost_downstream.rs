//! # ROT603 mask-lost-downstream
//!
//! What it finds: a masked value that is copied to a plain key of another task: a workflow variable, the input of a sub-workflow, of a worker, of an event,
//! of a person's task or of any other, the result of a script.
//!
//! ## Why it matters
//!
//! Masking goes by the key and not by the value. Under a plain key the credential is kept and shown as it is.
//!
//! ## Fails
//!
//! ```json
//! {"name": "r", "version": 1, "schemaVersion": 2,
//!  "tasks": [
//!   {"name": "mint", "taskReferenceName": "mint", "type": "HTTP", "inputParameters": {
//!     "uri": "https://api.example.com/token", "method": "POST", "headers": {"X-Key": "${workflow.secrets.apiKey}"},
//!     "outputFilter": {"_secrets": {"token": "$${mint.output.response.body.token}"}}}},
//!   {"name": "v", "taskReferenceName": "v", "type": "SET_VARIABLE", "inputParameters": {"token": "${mint.output._secrets.token}"}}]}
//! ```
//!
//! ## Mended
//!
//! ```json
//! {"name": "r", "version": 1, "schemaVersion": 2,
//!  "tasks": [
//!   {"name": "mint", "taskReferenceName": "mint", "type": "HTTP", "inputParameters": {
//!     "uri": "https://api.example.com/token", "method": "POST", "headers": {"X-Key": "${workflow.secrets.apiKey}"},
//!     "outputFilter": {"_secrets": {"token": "$${mint.output.response.body.token}"}}}},
//!   {"name": "v", "taskReferenceName": "v", "type": "SET_VARIABLE", "inputParameters": {"_secrets": {"token": "${mint.output._secrets.token}"}}}]}
//! ```

use crate::check::context::{Context, Once};
use crate::check::flow::{Event, Sink};
use crate::diagnostic::{Diagnostic, Edit, codes};
use crate::json::{Node, NodeKind, layout};
use crate::plan::{Derivation, Origin};

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    if !cx.plan.dialect.semantics().keeps_executions {
        return;
    }
    let mut once = Once::default();
    for event in &cx.flow.events {
        let key = match event.sink {
            Sink::Variable { name, masked: false } => format!("the variable `{name}`"),
            Sink::CallInput { name, .. } => format!("the input `{name}` of another workflow"),
            Sink::Elsewhere { kind, masked: false } => format!("the input of the {kind} task"),
            Sink::Let { name } => format!("the result of `{name}`"),
            _ => continue,
        };
        for leak in cx.leaks(event) {
            // One bit of it, as a comparison gives, is not the credential.
            let kept = matches!(leak.origin, Origin::Minted { .. }) && leak.entry.derivation < Derivation::Opaque;
            if kept && once.is_first(event, leak.entry.atom) {
                let message = format!("{} was masked and is kept in the open in {key}", leak.origin.describe());
                out.push(
                    cx.finding(codes::MASK_LOST_DOWNSTREAM, event, &leak.entry, message, "a plain key")
                        .help("nest it here as well: `\"_secrets\": {…}`")
                        .fix_if("nest it in `_secrets`", true, nested(cx, event)),
                );
            }
        }
    }
}

/// The variable under `_secrets`, where it is set and where it is read. A task that sets `_secrets` replaces all of it, so that
/// another one that does so as well must be looked at by a person.
fn nested(cx: &Context<'_, '_>, event: &Event<'_>) -> Option<Vec<Edit>> {
    let Sink::Variable { name, masked: false } = event.sink else { return None };
    let around = layout::members_around(cx.texts.json()?, event.span);
    let (definition, _) = around.iter().rev().find(|(object, _)| object.get("tasks").is_some())?;
    if definition.get("variables").is_some_and(|v| v.get(name).is_some()) {
        return None;
    }
    let sets = |e: &&Event<'_>| e.rotation == event.rotation && e.step != event.step && matches!(e.sink, Sink::Variable { masked, name: n } if masked || n == name);
    let (object, index) = cx.texts.member(event.span)?;
    if cx.flow.events.iter().any(|e| sets(&e)) || object.members().get(index)?.key.text != name {
        return None;
    }
    let mut edits = cx.texts.masked(event.span)?;
    for member in definition.members() {
        readers(&member.value, &format!("workflow.variables.{name}"), &mut edits);
    }
    Some(edits)
}

/// Puts `_secrets.` into every reference to a variable. A definition within has variables of its own.
fn readers(node: &Node, reference: &str, edits: &mut Vec<Edit>) {
    match &node.kind {
        NodeKind::String(string) => {
            for (at, _) in string.text.match_indices(&format!("${{{reference}")) {
                let end = at + 2 + reference.len();
                if string.text.get(end..).is_some_and(|rest| rest.starts_with(['}', '.', '['])) {
                    let name = at + 2 + "workflow.variables.".len();
                    edits.push(Edit { span: string.span_of(name, name), text: "_secrets.".into() });
                }
            }
        }
        NodeKind::Array(items) => items.iter().for_each(|item| readers(item, reference, edits)),
        NodeKind::Object(members) if node.get("tasks").is_none() => members.iter().for_each(|member| readers(&member.value, reference, edits)),
        _ => {}
    }
}
