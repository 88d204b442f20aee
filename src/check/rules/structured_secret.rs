//! # ROT204 structured-secret-field
//!
//! What it finds: a reference into the JSON value of a secret, `${workflow.secrets.NAME.field}`; in `.rot`, a part of a secret that `parse_json`, `split`,
//! `jq` or a script takes out of it: of one that is stored, just issued, or given to a rotation.
//!
//! ## Why it matters
//!
//! Masks that look for the value of a secret look for all of it. A part of it is found by none but those of this program, which knows the parts that
//! a run takes; a server's log and a CI system know the whole only. A secret that is no JSON gives null.
//!
//! ## Fails
//!
//! ```json
//! {"name": "r", "version": 1, "schemaVersion": 2,
//!  "tasks": [
//!   {"name": "me", "taskReferenceName": "me", "type": "HTTP", "inputParameters": {
//!     "uri": "https://api.example.com/me", "method": "GET", "headers": {"X-Key": "${workflow.secrets.creds.key}"}}}],
//!  "outputParameters": {}}
//! ```
//!
//! ```rot
//! secret account to "api.example.com"
//!
//! rotation r {
//!   http POST "https://api.example.com/login" reads {
//!     basic split(secrets.account, ":")[0], split(secrets.account, ":")[1]
//!   }
//! }
//! ```
//!
//! ## Mended
//!
//! ```json
//! {"name": "r", "version": 1, "schemaVersion": 2,
//!  "tasks": [
//!   {"name": "me", "taskReferenceName": "me", "type": "HTTP", "inputParameters": {
//!     "uri": "https://api.example.com/me", "method": "GET", "headers": {"X-Key": "${workflow.secrets.apiKey}"}}}],
//!  "outputParameters": {}}
//! ```
//!
//! ```rot
//! secret account { user, password } to "api.example.com"
//!
//! rotation r {
//!   http POST "https://api.example.com/login" reads {
//!     basic secrets.account.user, secrets.account.password
//!   }
//! }
//! ```

use crate::check::context::Context;
use crate::diagnostic::{Confidence, Diagnostic, codes};
use crate::plan::expr::Root;
use crate::plan::task::Capture;
use crate::plan::{Expr, ExprKind, Function, Task, Type};

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    let json = cx.plan.dialect.semantics().is_json;
    if !json {
        returned_lists(cx, out);
    }
    for (_, node) in cx.order().iter() {
        for expr in node.step.task.exprs() {
            if json {
                expr.walk(&mut |part| reference(part, out));
            } else {
                taken(cx, node.rotation, expr, out);
            }
        }
    }
}

/// The outermost function that takes a part of a secret.
fn taken<'p>(cx: &Context<'_, 'p>, rotation: usize, expr: &'p Expr, out: &mut Vec<Diagnostic>) {
    if let ExprKind::Call(function @ (Function::ParseJson | Function::Split | Function::Jq | Function::JavaScript), arguments) = &expr.kind
        && let Some(name) = arguments.iter().find_map(|argument| whole(cx, rotation, argument))
    {
        let message = format!("`{}` takes a part of secret `{name}`, which masks by value do not find elsewhere", function.name());
        out.push(
            Diagnostic::new(codes::STRUCTURED_SECRET, expr.at.0, message)
                .at("a part of a secret")
                .confidence(Confidence::Low)
                .help(format!("keep each value in a field of its own: `secret {name} {{ user, password }}`")),
        );
        return;
    }
    expr.children().into_iter().for_each(|child| taken(cx, rotation, child, out));
}

/// The secret that a value is, or is made from: stored, just issued, generated, or given by a caller.
fn whole<'p>(cx: &Context<'_, 'p>, rotation: usize, expr: &'p Expr) -> Option<String> {
    let mut found = None;
    expr.walk(&mut |part| {
        let name = match &cx.meant(rotation, part).kind {
            ExprKind::Ref(Root::Secret { name, .. }) => name.clone(),
            ExprKind::Ref(Root::Capture { step, name }) if is_secret(cx, rotation, step, name) => format!("{step}.{name}"),
            ExprKind::Ref(Root::Input(name)) if is_secret_input(cx, rotation, name) => format!("input.{name}"),
            _ => return,
        };
        found.get_or_insert(name);
    });
    found
}

fn is_secret(cx: &Context<'_, '_>, rotation: usize, step: &str, name: &str) -> bool {
    let node = cx.order().find(rotation, step).and_then(|id| cx.order().get(id));
    node.is_some_and(|node| node.step.task.captures().iter().any(|c| c.secret && c.name == name))
}

fn is_secret_input(cx: &Context<'_, '_>, rotation: usize, name: &str) -> bool {
    cx.plan.rotations.get(rotation).is_some_and(|r| r.inputs.iter().any(|i| i.secret && i.name == name))
}

fn reference(expr: &Expr, out: &mut Vec<Diagnostic>) {
    if let ExprKind::Ref(Root::Secret { name, field: Some(field), .. }) = &expr.kind {
        out.push(
            Diagnostic::new(codes::STRUCTURED_SECRET, expr.at.0, format!("`{field}` is a part of secret `{name}`, which masks by value do not find"))
                .at("a part of a secret")
                .confidence(Confidence::Low)
                .help("keep each value in a secret of its own"),
        );
    }
}

/// `.rot`: a list that comes from a called rotation and is stored as one value. Where it is captured in the same rotation its
/// type is known, and that is an error.
fn returned_lists(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    for (_, node) in cx.order().iter() {
        let Some(value) = node.step.task.write().and_then(|write| write.value) else { continue };
        for expr in value.exprs() {
            let Some((rotation, output)) = returned(cx, node.rotation, expr) else { continue };
            let Some(capture) = captured(cx, rotation, output) else { continue };
            if matches!(capture.ty, Type::List(_)) {
                out.push(
                    Diagnostic::new(codes::STRUCTURED_SECRET, expr.at.0, "a list is stored as one secret")
                        .at("a list, however many values it holds")
                        .label(capture.at.0, "this path may find several values")
                        .help("store one of them (`NAME[0]`), or its JSON text with `json(…)`"),
                );
            }
        }
    }
}

/// The rotation and the output that a value comes from.
fn returned<'p>(cx: &Context<'_, 'p>, rotation: usize, expr: &'p Expr) -> Option<(usize, &'p Expr)> {
    let ExprKind::Ref(Root::Capture { step, name }) = &expr.kind else { return None };
    let node = cx.order().get(cx.order().find(rotation, step)?)?;
    let Task::Call(call) = &node.step.task else { return None };
    let (index, callee) = cx.plan.rotations.iter().enumerate().find(|(_, r)| r.name == call.rotation)?;
    let output = callee.outputs.iter().find(|o| o.name == *name)?;
    Some((index, &output.value))
}

fn captured<'p>(cx: &Context<'_, 'p>, rotation: usize, expr: &'p Expr) -> Option<&'p Capture> {
    let ExprKind::Ref(Root::Capture { step, name }) = &expr.kind else { return None };
    cx.http(cx.order().find(rotation, step)?)?.captures.iter().find(|c| c.name == *name)
}
