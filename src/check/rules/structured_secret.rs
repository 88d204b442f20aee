//! # ROT204 structured-secret-field
//!
//! What it finds: a reference into the JSON value of a secret, `${workflow.secrets.NAME.field}`.
//!
//! ## Why it matters
//!
//! Masks that look for the value of a secret look for all of it. A part of it is found by none. A secret that is no JSON gives null.
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
//! ## Mended
//!
//! ```json
//! {"name": "r", "version": 1, "schemaVersion": 2,
//!  "tasks": [
//!   {"name": "me", "taskReferenceName": "me", "type": "HTTP", "inputParameters": {
//!     "uri": "https://api.example.com/me", "method": "GET", "headers": {"X-Key": "${workflow.secrets.apiKey}"}}}],
//!  "outputParameters": {}}
//! ```

use crate::check::context::Context;
use crate::diagnostic::{Confidence, Diagnostic, codes};
use crate::plan::expr::Root;
use crate::plan::{Expr, ExprKind};

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    if !cx.plan.dialect.semantics().is_json {
        return;
    }
    for (_, node) in cx.order().iter() {
        for expr in node.step.task.exprs() {
            expr.walk(&mut |part| reference(part, out));
        }
    }
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
