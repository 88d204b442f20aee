//! # ROT602 raw-copy-beside-mask
//!
//! What it finds: a task whose output is filtered under `_secrets`, while another task reads the same value from
//! the raw answer, or the filter keeps it a second time in the open. In `.rot` a `public` capture of the object, or of the whole body, from which the same call takes a
//! secret.
//!
//! ## Why it matters
//!
//! The filter replaces the task's output: on a server that does so the raw place is `null`. On one that does not, the value is kept in the open beside its
//! masked copy.
//!
//! ## Fails
//!
//! ```json
//! {"name": "r", "version": 1, "schemaVersion": 2,
//!  "tasks": [
//!   {"name": "mint", "taskReferenceName": "mint", "type": "HTTP", "inputParameters": {
//!     "uri": "https://api.example.com/token", "method": "POST", "headers": {"X-Key": "${workflow.secrets.apiKey}"},
//!     "outputFilter": {"_secrets": {"token": "$${mint.output.response.body.token}"}}}},
//!   {"name": "keep", "taskReferenceName": "keep", "type": "UPDATE_SECRET", "inputParameters": {"_secrets": {
//!     "secretKey": "api_token", "secretValue": "${mint.output.response.body.token}"}}}]}
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
use crate::check::flow::{access, capture_path, overlap};
use crate::diagnostic::{Diagnostic, Edit, codes};
use crate::plan::expr::Root;
use crate::plan::task::{Capture, CaptureSource};
use crate::plan::{Expr, ExprKind, Task, Type};
use std::collections::HashMap;

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    if !cx.plan.dialect.semantics().keeps_executions {
        public_above(cx, out);
        return;
    }
    for (_, node) in cx.order().iter() {
        for expr in node.step.task.exprs() {
            visit(cx, node.rotation, expr, out);
        }
        if let Task::Http(http) = &node.step.task {
            filtered_twice(&http.captures, &node.step.name, out);
        }
    }
    for (rotation, item) in cx.plan.rotations.iter().enumerate() {
        for output in &item.outputs {
            visit(cx, rotation, &output.value, out);
        }
    }
}

/// In `.rot` a `public` capture of the object, or of the whole body, from which a secret is taken.
fn public_above(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    for request in &cx.flow.requests {
        let captures = &request.http.captures;
        // Keys say nothing of elements: `items[0]` and `items[1]` are two values.
        let plain = |c: &Capture| match &c.source {
            CaptureSource::Body(path) => !path.as_str().replace("['", ".").replace("[\"", ".").contains(['[', '*', '?', '(']),
            CaptureSource::Text => true,
            CaptureSource::Header(_) | CaptureSource::Status | CaptureSource::Expr(_) => false,
        };
        for open in captures.iter().filter(|c| !c.secret && plain(c) && matches!(c.ty, Type::Any | Type::Json | Type::String | Type::Record(_))) {
            let above = capture_path(&open.source);
            let within = |c: &&Capture| {
                let path = capture_path(&c.source);
                c.secret && plain(c) && path.len() > above.len() && path.starts_with(&above)
            };
            let Some(held) = captures.iter().find(within) else { continue };
            out.push(
                Diagnostic::new(
                    codes::RAW_COPY_BESIDE_MASK,
                    open.at.0,
                    format!("`{}` is public, and what it holds has the secret `{}` within", open.name, held.name),
                )
                .at("shown with the secret in it")
                .label(held.at.0, "a part of it")
                .help(format!("capture the fields that are needed, or leave out `public` before `{}`", open.name)),
            );
        }
    }
}

/// A filter that keeps the value, or an object that holds it, once more in the open.
fn filtered_twice(captures: &[Capture], task: &str, out: &mut Vec<Diagnostic>) {
    let (mut exact, mut above) = (HashMap::new(), HashMap::new());
    for masked in captures.iter().filter(|c| c.secret && !c.place.is_empty()) {
        if let CaptureSource::Body(path) = &masked.source {
            exact.entry(path.as_str()).or_insert(masked);
        }
        let mut path = capture_path(&masked.source);
        while !path.is_empty() {
            above.entry(path.clone()).or_insert(masked);
            path.pop();
            above.entry(path.clone()).or_insert(masked);
        }
    }
    for raw in captures.iter().filter(|c| !c.secret) {
        let copied = match &raw.source {
            // Keys say nothing of elements: `items[0]` and `items[1]` are two values.
            CaptureSource::Body(path) if path.as_str().contains(['[', '*', '?', '(']) => {
                exact.get(path.as_str()).or_else(|| exact.iter().find(|(masked, _)| covers(path.as_str(), masked)).map(|(_, m)| m))
            }
            CaptureSource::Expr(expr) => parts_of_answer(expr).iter().find_map(|keys| above.get(keys)),
            source => above.get(&capture_path(source)),
        };
        if let Some(copied) = copied {
            let (place, kept) = (copied.place.join("."), raw.place.join("."));
            out.push(
                Diagnostic::new(
                    codes::RAW_COPY_BESIDE_MASK,
                    raw.at.0,
                    format!("the filter of `{task}` keeps what it masks as `{place}` once more in the open"),
                )
                .at("not masked")
                .label(copied.at.0, "the masked copy")
                .help(format!("leave `{kept}` out, and read `${{{task}.output.{place}}}`")),
            );
        }
    }
}

/// The places of the answer that a value is put together from.
fn parts_of_answer(expr: &Expr) -> Vec<Vec<String>> {
    let mut keys = Vec::new();
    if matches!(access(expr, &mut keys).kind, ExprKind::Ref(Root::Answer)) {
        return vec![keys];
    }
    expr.children().into_iter().flat_map(parts_of_answer).collect()
}

/// Whether a path with several values has that of another among them: it ends with `[*]`, `.*` or a union of names.
fn covers(several: &str, one: &str) -> bool {
    let (above, names) = match several.strip_suffix("[*]").or_else(|| several.strip_suffix(".*")) {
        Some(above) => (above, None),
        None => match several.rsplit_once('[') {
            Some((above, names)) if names.contains(',') => (above, Some(names)),
            _ => return false,
        },
    };
    let Some(rest) = one.strip_prefix(above).filter(|rest| rest.starts_with(['.', '['])) else { return false };
    let first: String = rest.chars().skip(1).take_while(|c| !matches!(c, '.' | '[' | ']')).filter(|c| !matches!(c, '\'' | '"')).collect();
    names.is_none_or(|names| names.split([',', ']']).any(|name| name.trim().trim_matches(['\'', '"']) == first))
}

fn visit(cx: &Context<'_, '_>, rotation: usize, expr: &Expr, out: &mut Vec<Diagnostic>) {
    let mut keys = Vec::new();
    let base = access(expr, &mut keys);
    if let ExprKind::Ref(Root::Output(name)) = &base.kind
        && let Some(step) = cx.order().find(rotation, name)
        && keys.first().is_some_and(|key| key == "response")
        && let Some(capture) = masked_beside(cx, step, &keys)
    {
        let place = capture.place.join(".");
        out.push(
            Diagnostic::new(
                codes::RAW_COPY_BESIDE_MASK,
                expr.at.0,
                format!("this reads the raw answer of `{name}`, whose masked copy is `{place}`"),
            )
            .at("not masked, or null")
            .label(capture.at.0, "the masked copy")
            .help(format!("read `${{{name}.output.{place}}}`"))
            // Where the server filters, the raw place holds nothing that could be lost.
            .fix_if("read the masked copy", cx.plan.dialect.semantics().server_masks, masked_copy(cx, expr, name, &keys, capture)),
        );
        return;
    }
    for child in expr.children() {
        visit(cx, rotation, child, out);
    }
}

/// The reference with the masked place in place of the raw one, if the whole of what is masked is read.
fn masked_copy(cx: &Context<'_, '_>, expr: &Expr, name: &str, keys: &[String], capture: &Capture) -> Option<Vec<Edit>> {
    let text = cx.texts.at(expr.at.0)?;
    let rest = keys.strip_prefix(capture_path(&capture.source).as_slice())?;
    if text != format!("${{{name}.output.{}}}", keys.join(".")) {
        return None;
    }
    let place: Vec<&str> = capture.place.iter().chain(rest).map(String::as_str).collect();
    Some(vec![Edit { span: expr.at.0, text: format!("${{{name}.output.{}}}", place.join(".")) }])
}

/// The masked capture of a step that takes the same value of the answer.
pub(super) fn masked_beside<'p>(cx: &Context<'_, 'p>, step: usize, path: &[String]) -> Option<&'p Capture> {
    let http = cx.http(step)?;
    if path.first().is_none_or(|key| key != "response") {
        return None;
    }
    let whole = ["response".to_owned()];
    http.captures.iter().filter(|c| c.secret && !c.place.is_empty()).find(|c| {
        let taken = capture_path(&c.source);
        taken.len() > whole.len() && overlap(&taken, path)
    })
}
