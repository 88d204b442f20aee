//! # ROT203 null-in-string
//!
//! What it finds: a text, a sum or a comparison of size with a part that may be missing: an `optional` capture, or in Conductor JSON the output of an optional task.
//!
//! ## Why it matters
//!
//! Conductor writes the word `null` in its place, so that a request goes out with `Bearer null`. In `.rot` the run stops there, after the calls
//! before it have had their effect.
//!
//! ## Fails
//!
//! ```rot
//! secret api_key to "api.example.com"
//!
//! rotation r {
//!   http probe GET "https://api.example.com/info" {
//!     bearer secrets.api_key
//!     public region = body $.region optional
//!   }
//!   log "region ${probe.region}"
//! }
//! ```
//!
//! ## Mended
//!
//! ```rot
//! secret api_key to "api.example.com"
//!
//! rotation r {
//!   http probe GET "https://api.example.com/info" {
//!     bearer secrets.api_key
//!     public region = body $.region optional
//!   }
//!   log "region ${probe.region ?? "unknown"}"
//! }
//! ```

use crate::check::context::Context;
use crate::diagnostic::{Diagnostic, codes};
use super::revoke_cannot_be_bound::weight;
use crate::plan::expr::{Operator, Root};
use crate::plan::{Expr, ExprKind, Task};

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    for (reader, node) in cx.order().iter() {
        let first = out.len();
        for expr in node.step.task.exprs() {
            expr.walk(&mut |expr| {
                match &expr.kind {
                    ExprKind::Template(parts) => {
                        for part in parts {
                            may_be_missing(cx, node.rotation, part, "text", out);
                        }
                    }
                    ExprKind::Binary(Operator::Add, left, right) if !cx.plan.dialect.semantics().absent_is_null => {
                        may_be_missing(cx, node.rotation, left, "sum", out);
                        may_be_missing(cx, node.rotation, right, "sum", out);
                    }
                    ExprKind::Binary(Operator::Lt | Operator::Le | Operator::Gt | Operator::Ge, left, right)
                        if !cx.plan.dialect.semantics().absent_is_null =>
                    {
                        may_be_missing(cx, node.rotation, left, "comparison", out);
                        may_be_missing(cx, node.rotation, right, "comparison", out);
                    }
                    _ => {}
                }
            });
        }
        for found in out.iter_mut().skip(first) {
            found.severity = weight(cx, reader);
        }
    }
}

fn may_be_missing(cx: &Context<'_, '_>, rotation: usize, part: &Expr, whole: &str, out: &mut Vec<Diagnostic>) {
    let mut base = part;
    while let ExprKind::Field(inner, _) | ExprKind::Path(inner, _) | ExprKind::Index(inner, _) = &base.kind {
        base = inner;
    }
    let (ExprKind::Ref(Root::Capture { step, .. }) | ExprKind::Ref(Root::Output(step))) = &base.kind else { return };
    let Some(source) = cx.order().find(rotation, step).and_then(|id| cx.order().get(id)) else { return };
    let missing = match (&base.kind, &source.step.task) {
        _ if cx.plan.dialect.semantics().absent_is_null => source.step.optional,
        (ExprKind::Ref(Root::Capture { name, .. }), Task::Http(http)) => http.captures.iter().any(|c| c.name == *name && c.optional),
        _ => false,
    };
    if missing {
        let effect = if cx.plan.dialect.semantics().splices_any_value { "the text then holds the word `null`" } else { "the run then stops here" };
        out.push(
            Diagnostic::new(codes::NULL_IN_STRING, part.at.0, format!("this part of the {whole} may be missing: {effect}"))
                .at(format!("`{step}` may have left it out"))
                .label(source.step.at.0, "optional")
                .help(format!("give another value with `??`, or build the {whole} only when the value is set")),
        );
    }
}
