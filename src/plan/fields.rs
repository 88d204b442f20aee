//! Which fields of a record are public: those that are only ever stored from public values.
//!
//! `secret ci_token { value, id }` with `stage ci_token { value: mint.value, id: mint.id }` and `public id = …` keeps an id
//! that may stand in a URL, as the revocation needs it. A field that nothing in the plan stores is secret: nobody
//! said otherwise.

use super::task::lifecycle::NewValue;
use super::task::{Task, walk_steps};
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
        for steps in [&rotation.steps, &rotation.on_failure] {
            walk_steps(steps, &mut |step| match &step.task {
                Task::Stage(stage) => visit(&stage.secret, &stage.value),
                Task::Update(update) => {
                    if let Some(name) = update.secret.as_str() {
                        visit(name, &update.value);
                    }
                }
                _ => {}
            });
        }
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
                walk_steps(&rotation.steps, &mut |step| {
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
    walk_steps(&rotation.steps, &mut |candidate| {
        if candidate.name == step {
            public = match &candidate.task {
                Task::Http(http) => http.captures.iter().any(|c| c.name == name && !c.secret),
                Task::Generate(generate) => generate
                    .generator
                    .captures()
                    .iter()
                    .any(|(n, secret)| *n == name && !secret),
                _ => false,
            };
        }
    });
    public
}
