//! Which steps a value comes from, as the plan is written.

use crate::plan::task::lifecycle::NewValue;
use crate::plan::task::{Task, walk_steps};
use crate::plan::{Expr, ExprKind, Root, Rotation};

/// The steps that make a credential and whose answer a new value is taken from, by way of `let`s too.
pub(in crate::run) fn issuing_steps(rotation: &Rotation, value: &NewValue) -> Vec<String> {
    let mut lets: Vec<(&str, &Expr)> = Vec::new();
    let mut issuing: Vec<&str> = Vec::new();
    walk_steps(&rotation.steps, &mut |step| {
        if let Task::Let(assign) = &step.task {
            lets.push((&assign.name, &assign.value));
        }
        if let Task::Http(http) = &step.task
            && http.effect.issues()
        {
            issuing.push(&step.name);
        }
        // What a called rotation gives may come from one.
        if matches!(step.task, Task::Call(_)) {
            issuing.push(&step.name);
        }
    });
    let mut open: Vec<&Expr> = value.exprs();
    let mut seen: Vec<&str> = Vec::new();
    let mut found: Vec<String> = Vec::new();
    while let Some(expr) = open.pop() {
        expr.walk(&mut |e| match &e.kind {
            ExprKind::Ref(Root::Capture { step, .. } | Root::Output(step))
                if issuing.contains(&step.as_str()) && !found.contains(step) =>
            {
                found.push(step.clone());
            }
            ExprKind::Ref(Root::Let(name)) if !seen.contains(&name.as_str()) => {
                seen.push(name);
                let named = lets.iter().filter(|(known, _)| known == name);
                open.extend(named.map(|(_, value)| *value));
            }
            _ => {}
        });
    }
    found
}
