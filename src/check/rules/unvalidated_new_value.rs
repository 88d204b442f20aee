//! # ROT507 unvalidated-new-value
//!
//! What it finds: a new value that may be missing or empty and is stored all the same, or that a server answers and `allow anything`
//! stores whatever it is; the value in use where the new one is missing (`new ?? secrets.NAME`); a record whose credential may be missing, and
//! whose id is new. In Conductor JSON: an empty text, what an `optional`
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
use crate::plan::expr::{Operator, Root, Version};
use crate::plan::visit::Write;
use crate::plan::task::Capture;
use crate::plan::task::lifecycle::NewValue;
use crate::plan::{Expr, ExprKind, Task};

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
        old_again(cx, node, &write, out);
        half_a_record(cx, node, &write, out);
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

/// `minted ?? secrets.NAME`: where the answer lacks the new value, the old one passes for it, is promoted, and is revoked as the
/// version before.
fn old_again(cx: &Context<'_, '_>, node: &Node<'_>, write: &Write<'_>, out: &mut Vec<Diagnostic>) {
    // A server may leave out a field of a record that it does not change (RFC 6749 section 6).
    let (Some(secret), Some(NewValue::Single(value))) = (write.secret, write.value) else { return };
    let meant = cx.meant(node.rotation, value);
    let ExprKind::Binary(Operator::Else, new, old) = &meant.kind else { return };
    let is_old = matches!(
        &cx.meant(node.rotation, old).kind,
        ExprKind::Ref(Root::Secret { name, version: Version::Current, .. }) if name == secret
    );
    let Some(capture) = capture_of(cx, node.rotation, new).filter(|_| is_old) else { return };
    out.push(
        Diagnostic::new(
            codes::UNVALIDATED_NEW_VALUE,
            value.at.0,
            format!("where the answer lacks the new value, the `{secret}` in use is stored as the new one"),
        )
        .at("the old value again")
        .label(capture.at.0, "may be missing")
        .help("leave out what stands behind `??`, and `optional` at the capture: the run then fails before anything changes"),
    );
}

/// A record that takes its id from an answer whose credential may be missing: the old credential is then kept beside the new id.
fn half_a_record(cx: &Context<'_, '_>, node: &Node<'_>, write: &Write<'_>, out: &mut Vec<Diagnostic>) {
    let Some(NewValue::Fields(fields)) = write.value else { return };
    let of = |value| match &cx.meant(node.rotation, value).kind {
        ExprKind::Ref(Root::Capture { step, .. }) => capture_of(cx, node.rotation, value).map(|capture| (step.as_str(), capture)),
        _ => None,
    };
    let taken: Vec<(&str, &str, &Capture)> = fields.iter().filter_map(|(field, value)| of(value).map(|(step, capture)| (field.as_str(), step, capture))).collect();
    let missing = taken.iter().find(|(_, step, capture)| {
        let same = || taken.iter().filter(|(_, other, _)| other == step);
        capture.secret && same().all(|(_, _, c)| !c.secret || c.optional) && same().any(|(_, _, c)| !c.secret && !c.optional)
    });
    let Some((field, _, capture)) = missing else { return };
    out.push(
        Diagnostic::new(
            codes::UNVALIDATED_NEW_VALUE,
            capture.at.0,
            format!("where the answer lacks it, `{field}` keeps its old value beside what is new of the record"),
        )
        .at("may be missing")
        .label(node.step.at.0, "stored together here")
        .help("remove `optional`: the run then fails before a half of the record is stored"),
    );
}

/// The capture that a value is.
fn capture_of<'p>(cx: &Context<'_, 'p>, rotation: usize, value: &'p Expr) -> Option<&'p Capture> {
    let ExprKind::Ref(Root::Capture { step, name }) = &cx.meant(rotation, value).kind else { return None };
    let http = cx.order().find(rotation, step).and_then(|id| cx.http(id))?;
    http.captures.iter().find(|c| c.name == *name)
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
