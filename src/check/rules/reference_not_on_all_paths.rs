//! # ROT104 reference-not-on-all-paths
//!
//! What it finds: a value of a step that runs only in some branches, read where the step may not have run.
//!
//! ## Why it matters
//!
//! On the other branches there is no value: `.rot` stops with an error in the middle of a rotation, Conductor puts `null` in its place
//! and goes on, so that `null` may be sent or stored as a credential.
//!
//! ## Fails
//!
//! ```rot
//! secret api_key to "api.example.com"
//!
//! rotation r {
//!   input full: bool = false
//!   when input.full {
//!     http probe GET "https://api.example.com/info" {
//!       bearer secrets.api_key
//!       public region = body $.region
//!     }
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
//!   input full: bool = false
//!   when input.full {
//!     http probe GET "https://api.example.com/info" {
//!       bearer secrets.api_key
//!       public region = body $.region
//!     }
//!     log "region ${probe.region}"
//!   }
//! }
//! ```

use crate::check::context::Context;
use crate::diagnostic::{Diagnostic, codes};
use crate::plan::expr::{Function, Operator, Root};
use crate::plan::{Expr, ExprKind, Task};
use crate::source::Span;
use std::collections::HashMap;

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    let order = cx.order();
    let mut lets: HashMap<(usize, &str), usize> = HashMap::new();
    for (id, node) in order.iter() {
        if let Task::Let(item) = &node.step.task {
            lets.entry((node.rotation, item.name.as_str())).or_insert(id);
        }
    }
    if cx.plan.dialect.semantics().is_json {
        outputs(cx, out);
    }
    for (reader, node) in order.iter() {
        let mut reads = Vec::new();
        for expr in node.step.task.exprs() {
            collect(expr, &mut reads);
        }
        for (root, span) in reads {
            let found = match root {
                Root::Capture { step, .. } | Root::Output(step) => order.find(node.rotation, step),
                Root::Let(name) => lets.get(&(node.rotation, name.as_str())).copied(),
                _ => None,
            };
            let Some(source) = found.filter(|source| *source < reader) else { continue };
            let Some(origin) = order.get(source).filter(|o| o.on_failure == node.on_failure) else { continue };
            // A step that holds the reader is the loop or branch itself.
            if order.is_within(reader, source) || order.dominates(source, reader) {
                continue;
            }
            let name = &origin.step.name;
            let why = if order.are_exclusive(source, reader) {
                "stands in another branch"
            } else if order.are_parallel(source, reader) {
                "runs at the same time"
            } else {
                "runs only in some branches"
            };
            let effect = if cx.plan.dialect.semantics().absent_is_null { "the value is then null" } else { "the run then stops here" };
            out.push(
                Diagnostic::new(codes::NOT_ON_ALL_PATHS, span, format!("`{name}` may not have run before this is read"))
                    .at(format!("`{name}` {why}; {effect}"))
                    .label(origin.step.at.0, format!("`{name}` {why}"))
                    .help(format!("read `{name}` in the branch that runs it, move it before the branch, or give another value with `??`")),
            );
        }
    }
}

/// Conductor: the outputs of a workflow are read at its end, whatever has run.
fn outputs(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    let order = cx.order();
    for (rotation, item) in cx.plan.rotations.iter().enumerate() {
        for output in &item.outputs {
            let mut reads = Vec::new();
            collect(&output.value, &mut reads);
            for (root, span) in reads {
                let (Root::Capture { step, .. } | Root::Output(step)) = root else { continue };
                let source = order.find(rotation, step);
                let Some(origin) = source.filter(|id| !order.is_certain(*id)).and_then(|id| order.get(id)) else { continue };
                let name = &origin.step.name;
                out.push(
                    Diagnostic::new(codes::NOT_ON_ALL_PATHS, span, format!("`{name}` may not have run when the workflow ends"))
                        .at("this output is then null")
                        .label(origin.step.at.0, format!("`{name}` runs only in some branches"))
                        .help(format!("set a variable in each branch and return that, or move `{name}` before the branch")),
                );
            }
        }
    }
}

/// The names that are read without a provision for their absence.
fn collect<'e>(expr: &'e Expr, reads: &mut Vec<(&'e Root, Span)>) {
    match &expr.kind {
        ExprKind::Ref(root) => reads.push((root, expr.at.0)),
        ExprKind::Binary(Operator::Else, _, right) => collect(right, reads),
        ExprKind::Call(Function::IsSet, _) => {}
        _ => {
            for child in expr.children() {
                collect(child, reads);
            }
        }
    }
}
