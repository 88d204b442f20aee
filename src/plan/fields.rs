//! Which fields of a record are public: those that are only ever stored from public values.
//!
//! `secret ci_token { value, id }` with `stage ci_token { value: mint.value, id: mint.id }` and `public id = …` keeps an id
//! that may stand in a URL, as the revocation needs it. A field that nothing in the plan stores is secret: nobody
//! said otherwise.

use super::task::Task;
use super::task::lifecycle::NewValue;
use super::{Expr, ExprKind, Plan, Root, Rotation};
use std::collections::BTreeSet;

/// Names and fields of all public fields of a plan.
pub fn public_fields(plan: &Plan) -> BTreeSet<(String, String)> {
    let mut public = BTreeSet::new();
    let mut secret = BTreeSet::new();
    for rotation in &plan.rotations {
        let mut visit = |name: &str, value: &NewValue| match value {
            NewValue::Fields(fields) => {
                for (field, expr) in fields {
                    let key = (name.to_owned(), field.clone());
                    if is_public(expr, rotation, 0) {
                        public.insert(key);
                    } else {
                        secret.insert(key);
                    }
                }
            }
            NewValue::Single(_) => {}
        };
        rotation.walk(&mut |step| {
            if let Some(write) = step.task.write()
                && let (Some(name), Some(value)) = (write.secret, write.value)
            {
                visit(name, value);
            }
        });
    }
    public.retain(|key| !secret.contains(key));
    public
}

/// Whether an expression can only be public, read off its names alone.
fn is_public(expr: &Expr, rotation: &Rotation, depth: usize) -> bool {
    if depth > 32 {
        return false;
    }
    match &expr.kind {
        ExprKind::Reveal { .. } => true,
        ExprKind::Ref(root) => match root {
            Root::Run(_) | Root::Env(_) => true,
            Root::Input(name) => rotation.inputs.iter().any(|i| i.name == *name && !i.secret),
            Root::Capture { step, name } => captured_publicly(rotation, step, name),
            Root::Let(name) => {
                let mut found = None;
                rotation.walk(&mut |step| {
                    if let Task::Let(assign) = &step.task
                        && assign.name == *name
                    {
                        found = Some(&assign.value);
                    }
                });
                found.is_some_and(|value| is_public(value, rotation, depth + 1))
            }
            _ => false,
        },
        _ => expr
            .children()
            .into_iter()
            .all(|child| is_public(child, rotation, depth + 1)),
    }
}

fn captured_publicly(rotation: &Rotation, step: &str, name: &str) -> bool {
    let mut public = false;
    rotation.walk(&mut |candidate| {
        if candidate.name == step {
            let captures = candidate.task.captures();
            public = captures.iter().any(|c| c.name == name && !c.secret);
        }
    });
    public
}
