//! # ROT610 masked-vs-secrets-restart
//!
//! What it finds: a definition that says `"restartable": true` and reads a value of its own input or of a task under `_secrets`. Only with `--pedantic`:
//! servers write `restartable` into what they export.
//!
//! ## Why it matters
//!
//! Archiving replaces what stands under `_secrets` by `***` for good. A run that is started again from its archive works with the three stars. What
//! stands under `_masked` is hidden in the same way and survives.
//!
//! ## Fails
//!
//! ```json
//! {"name": "r", "version": 1, "schemaVersion": 2, "restartable": true,
//!  "tasks": [
//!   {"name": "mint", "taskReferenceName": "mint", "type": "HTTP", "inputParameters": {
//!     "uri": "https://api.example.com/token", "method": "POST", "headers": {"X-Key": "${workflow.secrets.apiKey}"},
//!     "outputFilter": {"_secrets": {"token": "$${mint.output.response.body.token}"}}}},
//!   {"name": "keep", "taskReferenceName": "keep", "type": "UPDATE_SECRET", "inputParameters": {"_secrets": {
//!     "secretKey": "api_token", "secretValue": "${mint.output._secrets.token}"}}}]}
//! ```
//!
//! ## Mended
//!
//! ```json
//! {"name": "r", "version": 1, "schemaVersion": 2, "restartable": true,
//!  "tasks": [
//!   {"name": "mint", "taskReferenceName": "mint", "type": "HTTP", "inputParameters": {
//!     "uri": "https://api.example.com/token", "method": "POST", "headers": {"X-Key": "${workflow.secrets.apiKey}"},
//!     "outputFilter": {"_masked": {"token": "$${mint.output.response.body.token}"}}}},
//!   {"name": "keep", "taskReferenceName": "keep", "type": "UPDATE_SECRET", "inputParameters": {"_secrets": {
//!     "secretKey": "api_token", "secretValue": "${mint.output._masked.token}"}}}]}
//! ```

use crate::check::context::Context;
use crate::diagnostic::{Diagnostic, Edit, codes};
use crate::json::{JsonString, Node, NodeKind};
use crate::source::Span;

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    if cx.options.pedantic
        && cx.plan.dialect.semantics().server_masks
        && let Some(root) = cx.texts.json()
    {
        definitions(root, out);
    }
}

/// Every definition in a file, those within start requests and lists included.
fn definitions(node: &Node, out: &mut Vec<Diagnostic>) {
    if let (Some(flag), Some(tasks)) = (node.member("restartable"), node.get("tasks"))
        && matches!(flag.value.kind, NodeKind::Bool(true))
    {
        let mut read: Option<Span> = None;
        strings(tasks, &mut |string| {
            let at = string.text.find(".output._secrets.").filter(|_| !string.text.contains("$${"));
            if let (Some(at), None) = (at, read) {
                read = Some(string.span_of(at + 1, at + ".output._secrets".len()));
            }
        });
        if let Some(place) = read {
            out.push(
                Diagnostic::new(codes::RESTART_LOSES_SECRET, place, "archiving destroys what is read here, and the definition may be restarted")
                    .at("`***` after archiving")
                    .label(flag.key.span, "may be started again")
                    .help("write `_masked`, which is hidden as well and kept, or `\"restartable\": false`")
                    .fix("forbid the restart", false, vec![Edit { span: flag.value.span, text: "false".into() }]),
            );
        }
        return;
    }
    node.items().iter().chain(node.members().iter().map(|m| &m.value)).for_each(|inner| definitions(inner, out));
}

fn strings<'n>(node: &'n Node, visit: &mut dyn FnMut(&'n JsonString)) {
    match &node.kind {
        NodeKind::String(string) => visit(string),
        NodeKind::Array(items) => items.iter().for_each(|item| strings(item, visit)),
        NodeKind::Object(members) => members.iter().for_each(|member| strings(&member.value, visit)),
        _ => {}
    }
}
