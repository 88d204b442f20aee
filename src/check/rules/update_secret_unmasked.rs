//! # ROT613 update-secret-unmasked-input
//!
//! What it finds: an `UPDATE_SECRET` task whose `secretValue` does not stand under `_secrets`.
//!
//! ## Why it matters
//!
//! The input of a task is kept and shown: the new value of the secret stands there in the open.
//!
//! ## Fails
//!
//! ```json
//! {"name": "r", "version": 1, "schemaVersion": 2,
//!  "tasks": [
//!   {"name": "mint", "taskReferenceName": "mint", "type": "HTTP", "inputParameters": {
//!     "uri": "https://api.example.com/token", "method": "POST", "headers": {"X-Key": "${workflow.secrets.apiKey}"},
//!     "outputFilter": {"_secrets": {"token": "$${mint.output.response.body.token}"}}}},
//!   {"name": "keep", "taskReferenceName": "keep", "type": "UPDATE_SECRET", "inputParameters": {
//!     "secretKey": "api_token", "secretValue": "${mint.output._secrets.token}"}}]}
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
//!   {"name": "keep", "taskReferenceName": "keep", "type": "UPDATE_SECRET", "inputParameters": {"_secrets": {
//!     "secretKey": "api_token", "secretValue": "${mint.output._secrets.token}"}}}]}
//! ```

use crate::check::context::Context;
use crate::diagnostic::{Diagnostic, Edit, codes};
use crate::json::layout;
use crate::plan::Task;
use crate::source::Span;

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    for (_, node) in cx.order().iter() {
        let Task::Update(update) = &node.step.task else { continue };
        if update.unmasked {
            let span = update.value.exprs().first().map_or(node.step.at.0, |e| e.at.0);
            out.push(
                Diagnostic::new(
                    codes::UPDATE_SECRET_UNMASKED,
                    span,
                    format!("the new value stands unmasked in the input of `{}`", node.step.name),
                )
                .at("kept and shown with the task")
                .label(node.step.at.0, "this task")
                .help("nest both keys: `\"_secrets\": {\"secretKey\": …, \"secretValue\": …}`")
                .fix_if("nest both keys in `_secrets`", true, nested(cx, span)),
            );
        }
    }
}

/// Both keys under `_secrets`: as they stand when they are neighbours, else one after the other.
fn nested(cx: &Context<'_, '_>, value: Span) -> Option<Vec<Edit>> {
    let (inputs, index) = cx.texts.member(value)?;
    let own = inputs.members().get(index).filter(|m| m.key.text == "secretValue")?;
    let key = inputs.members().iter().position(|m| m.key.text == "secretKey");
    let (Some(other), None) = (key.and_then(|k| inputs.members().get(k).map(|m| (k, m))), inputs.get("_secrets")) else {
        return cx.texts.masked(value);
    };
    let (key, member) = other;
    let (first, last) = if key < index { (member, own) } else { (own, member) };
    if key.abs_diff(index) == 1 {
        let start = Span { end: first.key.span.start, ..first.key.span };
        let end = last.value.span.after();
        return Some(vec![Edit { span: start, text: "\"_secrets\": {".into() }, Edit { span: end, text: "}".into() }]);
    }
    let nested = format!("\"_secrets\": {{{}, {}}}", cx.texts.at(layout::place(member))?, cx.texts.at(layout::place(own))?);
    let gone = Edit { span: layout::without_member(inputs, key)?, text: String::new() };
    Some(vec![gone, Edit { span: layout::place(own), text: nested }])
}
