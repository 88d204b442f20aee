//! # ROT104 reference-not-on-all-paths
//!
//! What it finds: a value of a step that runs only in some branches, read where the step may not have run: behind the branches, in an
//! output, or in `on failure`, where also a step before it may be the one that failed.
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

use super::revoke_cannot_be_bound::weight;
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
    outputs(cx, &lets, out);
    let failing = first_failing(cx);
    for (reader, node) in order.iter() {
        let mut reads = Vec::new();
        for expr in node.step.task.exprs() {
            collect(expr, &|a, b| is_other_branch(cx, node.rotation, a, b), &mut reads);
        }
        for (root, span) in reads {
            let found = match root {
                Root::Capture { step, .. } | Root::Output(step) => order.find(node.rotation, step),
                Root::Let(name) => lets.get(&(node.rotation, name.as_str())).copied(),
                _ => None,
            };
            let Some(source) = found.filter(|source| *source < reader) else { continue };
            let Some(origin) = order.get(source) else { continue };
            if node.on_failure && !origin.on_failure && !cx.plan.dialect.semantics().absent_is_null {
                let behind = failing.get(&node.rotation).is_some_and(|first| *first < source);
                if (behind || !order.is_certain(source)) && !is_asked_for(cx, reader, root) {
                    out.push(when_failed(&origin.step.name, origin.step.at.0, span));
                }
                continue;
            }
            if origin.on_failure != node.on_failure {
                continue;
            }
            // A step that holds the reader is the loop or branch itself.
            if order.is_within(reader, source) || order.dominates(source, reader) || is_asked_for(cx, reader, root) {
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
                    .severity(weight(cx, reader))
                    .at(format!("`{name}` {why}; {effect}"))
                    .label(origin.step.at.0, format!("`{name}` {why}"))
                    .help(format!("read `{name}` in the branch that runs it, move it before the branch, or give another value with `??`")),
            );
        }
    }
}

/// The first step of each rotation that may fail.
fn first_failing(cx: &Context<'_, '_>) -> HashMap<usize, usize> {
    let mut first = HashMap::new();
    for (id, node) in cx.order().iter().filter(|(_, n)| !n.on_failure) {
        let fails = matches!(
            node.step.task,
            Task::Http(_) | Task::Verify(_) | Task::Manual(_) | Task::Call(_) | Task::Fail(_) | Task::Worker(_)
        );
        if fails {
            first.entry(node.rotation).or_insert(id);
        }
    }
    first
}

fn when_failed(name: &str, origin: Span, span: Span) -> Diagnostic {
    Diagnostic::new(codes::NOT_ON_ALL_PATHS, span, format!("`{name}` may not have run when a step fails"))
        .at("the steps for a failed run then stop here")
        .label(origin, format!("a step before `{name}`, or the condition around it, may be why the run failed"))
        .help(format!("ask first (`when is_set({name}.…) {{ … }}`), or give another value with `??`"))
}

/// Whether a condition around a step asks whether a value is there.
fn is_asked_for(cx: &Context<'_, '_>, reader: usize, root: &Root) -> bool {
    let order = cx.order();
    order.around(reader).any(|outer| {
        let Some(Task::Switch(switch)) = order.get(outer).map(|n| &n.step.task) else { return false };
        let mut asks = false;
        switch.subject.walk(&mut |part| {
            let asked = match &part.kind {
                ExprKind::Call(Function::IsSet, arguments) => arguments.first(),
                ExprKind::Binary(Operator::Ne | Operator::Eq, value, null) if matches!(null.kind, ExprKind::Null) => Some(&**value),
                _ => None,
            };
            asks |= asked.is_some_and(|value| match (&value.kind, root) {
                (ExprKind::Ref(Root::Capture { step: asked, .. }), Root::Capture { step, .. }) => asked == step,
                (ExprKind::Ref(asked), root) => asked == root,
                _ => false,
            });
        });
        asks
    })
}

/// The outputs are read at the end, whatever has run.
fn outputs(cx: &Context<'_, '_>, lets: &HashMap<(usize, &str), usize>, out: &mut Vec<Diagnostic>) {
    let order = cx.order();
    let null = cx.plan.dialect.semantics().absent_is_null;
    for (rotation, item) in cx.plan.rotations.iter().enumerate() {
        for output in item.outputs.iter().filter(|o| !cx.is_implied_output(rotation, &o.name)) {
            let mut reads = Vec::new();
            collect(&output.value, &|a, b| is_other_branch(cx, rotation, a, b), &mut reads);
            for (root, span) in reads {
                let source = match root {
                    Root::Capture { step, .. } | Root::Output(step) => order.find(rotation, step),
                    Root::Let(name) if !null => lets.get(&(rotation, name.as_str())).copied(),
                    _ => continue,
                };
                let Some(origin) = source.filter(|id| !order.is_certain(*id)).and_then(|id| order.get(id)) else { continue };
                let name = &origin.step.name;
                let (whole, effect, help) = if null {
                    ("workflow", "this output is then null", "set a variable in each branch and return that, or move")
                } else {
                    ("rotation", "the run then fails at its end", "give another value with `??`, or move")
                };
                out.push(
                    Diagnostic::new(codes::NOT_ON_ALL_PATHS, span, format!("`{name}` may not have run when the {whole} ends"))
                        .at(effect)
                        .label(origin.step.at.0, format!("`{name}` runs only in some branches"))
                        .help(format!("{help} `{name}` before the branch")),
                );
            }
        }
    }
}

/// Whether of two values each is there where the other is not: they are captured in different branches of one condition.
fn is_other_branch(cx: &Context<'_, '_>, rotation: usize, one: &Expr, other: &Expr) -> bool {
    let source = |expr: &Expr| match &expr.kind {
        ExprKind::Ref(Root::Capture { step, .. }) => cx.order().find(rotation, step),
        _ => None,
    };
    match (source(one), source(other)) {
        (Some(one), Some(other)) => cx.order().are_exclusive(one, other),
        _ => false,
    }
}

/// The names that are read without a provision for their absence. `covers` tells whether the right side of `??` is there
/// whenever the left one is not.
fn collect<'e>(expr: &'e Expr, covers: &dyn Fn(&Expr, &Expr) -> bool, reads: &mut Vec<(&'e Root, Span)>) {
    match &expr.kind {
        ExprKind::Ref(root) => reads.push((root, expr.at.0)),
        ExprKind::Binary(Operator::Else, left, right) => {
            if !covers(left, right) {
                collect(right, covers, reads);
            }
        }
        ExprKind::Call(Function::IsSet, _) => {}
        _ => {
            for child in expr.children() {
                collect(child, covers, reads);
            }
        }
    }
}
