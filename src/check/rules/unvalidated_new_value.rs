//! # ROT507 unvalidated-new-value
//!
//! What it finds: a new value that may be missing or empty and is stored all the same, or that a server answers and `allow anything`
//! stores whatever it is. In Conductor JSON: an empty text, what an `optional`
//! task returned, or the value that the secret has already.
//!
//! ## Why it matters
//!
//! A server that answers with an error page or with another field name then overwrites a credential that works with nothing.
//!
//! ## Fails
//!
//! ```rot
//! secret admin_key to "api.example.com"
//! secret api_token
//!
//! rotation r {
//!   http mint POST "https://api.example.com/tokens" issues additive {
//!     bearer secrets.admin_key
//!     secret token = body $.token optional
//!   }
//!   update api_token = mint.token
//! }
//! ```
//!
//! ## Mended
//!
//! ```rot
//! secret admin_key to "api.example.com"
//! secret api_token
//!
//! rotation r {
//!   http mint POST "https://api.example.com/tokens" issues additive {
//!     bearer secrets.admin_key
//!     secret token = body $.token
//!   }
//!   update api_token = mint.token
//! }
//! ```

use crate::check::context::Context;
use crate::check::order::Node;
use crate::diagnostic::{Diagnostic, Severity, codes};
use crate::plan::expr::{Operator, Root};
use crate::plan::visit::Write;
use crate::plan::task::lifecycle::NewValue;
use crate::plan::{ExprKind, Task};

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    if !cx.plan.dialect.semantics().declares_intent {
        conductor(cx, out);
        return;
    }
    for (_, node) in cx.order().iter() {
        let Some(write) = node.step.task.write() else { continue };
        for value in write.value.iter().flat_map(|value| value.exprs()) {
            let meant = cx.meant(node.rotation, value);
            // What is taken where nothing came.
            let meant = match &meant.kind {
                ExprKind::Binary(Operator::Else, _, other) => cx.meant(node.rotation, other),
                _ => meant,
            };
            if meant.as_str().is_some_and(|text| text.trim().is_empty()) && !write.allow.empty {
                out.push(
                    Diagnostic::new(codes::UNVALIDATED_NEW_VALUE, value.at.0, "an empty text is stored as the new value: the run refuses it")
                        .at("empty")
                        .help("store what a step made; to take a credential away, say `allow empty`"),
                );
            }
        }
        anything(cx, node, &write, out);
        // A field of a record that is missing keeps its old value.
        let Some(NewValue::Single(value)) = write.value else { continue };
        if matches!(cx.meant(node.rotation, value).kind, ExprKind::Null) {
            out.push(
                Diagnostic::new(codes::UNVALIDATED_NEW_VALUE, value.at.0, "null is stored as the new value: the run refuses it")
                    .at("null")
                    .help("store what a step made"),
            );
        }
        let allow = write.allow;
        let ExprKind::Ref(Root::Capture { step, name }) = &value.kind else { continue };
        let source = cx.order().find(node.rotation, step).and_then(|id| cx.http(id));
        let Some(capture) = source.and_then(|h| h.captures.iter().find(|c| c.name == *name)) else { continue };
        let (message, help) = if capture.optional {
            (
                format!("`{step}.{name}` may be missing and is stored as the new value"),
                format!("remove `optional` from `{name}`, or give another value with `??`"),
            )
        } else if allow.empty {
            (
                format!("an empty `{step}.{name}` would be stored as the new value"),
                "remove `allow empty`: the run then refuses an empty answer".to_owned(),
            )
        } else {
            continue;
        };
        out.push(
            Diagnostic::new(codes::UNVALIDATED_NEW_VALUE, value.at.0, message)
                .at("stored without a check")
                .label(capture.at.0, "captured here")
                .help(help),
        );
    }
}

/// What a server answered is stored whatever it is: the page of a proxy, the word `null`.
fn anything(cx: &Context<'_, '_>, node: &Node<'_>, write: &Write<'_>, out: &mut Vec<Diagnostic>) {
    if !write.allow.anything {
        return;
    }
    for value in write.value.iter().flat_map(|value| value.exprs()) {
        let meant = cx.meant(node.rotation, value);
        let ExprKind::Ref(Root::Capture { step, name }) = &meant.kind else { continue };
        let source = cx.order().find(node.rotation, step).and_then(|id| cx.http(id));
        if let Some(capture) = source.and_then(|h| h.captures.iter().find(|c| c.secret && c.name == *name)) {
            out.push(
                Diagnostic::new(
                    codes::UNVALIDATED_NEW_VALUE,
                    value.at.0,
                    format!("`allow anything`: an error page or the word `null` in `{step}.{name}` would be stored as the new value"),
                )
                .at("stored whatever it is")
                .label(capture.at.0, "what a server answers")
                .help("remove `allow anything`: the run then refuses what cannot be meant as a credential"),
            );
            return;
        }
    }
}

/// Conductor has no word for what may be missing, but for tasks whose failure is let through; and a text may be empty.
fn conductor(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    for (id, node) in cx.order().iter() {
        let Task::Update(update) = &node.step.task else { continue };
        let NewValue::Single(value) = &update.value else { continue };
        if value.as_str().is_some_and(|text| text.trim().is_empty()) {
            out.push(
                Diagnostic::new(codes::UNVALIDATED_NEW_VALUE, value.at.0, "the new value of the secret is empty")
                    .at("nothing is stored")
                    .help("store what a task returned: `${TASK.output._secrets.NAME}`"),
            );
        }
        if let (ExprKind::Ref(Root::Secret { name, field: None, .. }), Some(stored)) = (&value.kind, cx.stored_by(id))
            && name == stored
        {
            out.push(
                Diagnostic::new(codes::UNVALIDATED_NEW_VALUE, value.at.0, format!("the value that `{name}` has is stored as the new one"))
                    .at("nothing is rotated")
                    .help("store what the task returned that made the new credential: `${TASK.output._secrets.NAME}`")
                    .severity(Severity::Error),
            );
        }
        let mut found = None;
        value.walk(&mut |part| {
            if let ExprKind::Ref(Root::Capture { step, .. } | Root::Output(step)) = &part.kind {
                let source = cx.order().find(node.rotation, step).and_then(|id| cx.order().get(id));
                found = found.or(source.filter(|s| s.step.optional).map(|s| s.step));
            }
        });
        if let Some(source) = found {
            let message = format!("`{}` may have failed, and its missing value is stored as the new one", source.name);
            out.push(
                Diagnostic::new(codes::UNVALIDATED_NEW_VALUE, value.at.0, message)
                    .at("null when the task failed")
                    .label(source.at.0, "optional: a failure does not stop the workflow")
                    .help("remove `optional` from the task that fetches the credential, or choose with SWITCH on its status"),
            );
        }
    }
}
