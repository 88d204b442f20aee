//! Names that `.rot` takes, for steps, captures and variables.

use crate::plan::name::is_identifier;
use crate::plan::task::{Step, Task, walk_steps};
use crate::plan::{Plan, Rotation};
use std::collections::HashSet;

/// First segments that mean something of their own.
const ROOTS: [&str; 7] = [
    "secrets", "pending", "previous", "input", "run", "env", "stray",
];
/// Endings that Conductor authors put behind reference names.
const ENDINGS: [&str; 4] = ["_task_ref", "_ref", "Ref", "-ref"];

/// A name for what `wanted` names, not among those taken.
pub(super) fn fresh(wanted: &str, taken: &mut HashSet<String>) -> String {
    let base = identifier(wanted);
    let base = if ROOTS.contains(&base.as_str()) || crate::syntax::is_keyword(&base) {
        format!("{base}_")
    } else {
        base
    };
    let mut name = base.clone();
    let mut count = 1;
    while !taken.insert(name.clone()) {
        count += 1;
        name = format!("{base}_{count}");
    }
    name
}

/// A step's name without the ending that only says that it is one.
pub(super) fn without_ending(name: &str) -> &str {
    ENDINGS
        .into_iter()
        .find_map(|e| name.strip_suffix(e))
        .filter(|n| !n.is_empty())
        .unwrap_or(name)
}

/// The nearest name that may stand bare.
pub(super) fn identifier(text: &str) -> String {
    if is_identifier(text) && !text.ends_with('-') {
        return text.to_owned();
    }
    let mut name = String::new();
    for c in text.chars() {
        match c {
            c if c.is_ascii_alphabetic() => name.push(c),
            c if c.is_ascii_digit() => {
                if name.is_empty() {
                    name.push('n');
                }
                name.push(c);
            }
            '_' if name.is_empty() => name.push('_'),
            _ if name.is_empty() || name.ends_with('_') => {}
            _ => name.push('_'),
        }
    }
    let name: String = name.trim_end_matches('_').chars().take(100).collect();
    if name.is_empty() {
        "value".to_owned()
    } else {
        name
    }
}

/// The rotations, each behind those that it calls, so that their outputs are known where they are used.
pub(super) fn callees_first(plan: &Plan) -> Vec<&Rotation> {
    fn add<'a>(
        plan: &'a Plan,
        rotation: &'a Rotation,
        out: &mut Vec<&'a Rotation>,
        open: &mut Vec<&'a str>,
    ) {
        if open.contains(&rotation.name.as_str()) || out.iter().any(|r| r.name == rotation.name) {
            return;
        }
        open.push(&rotation.name);
        let mut called = Vec::new();
        let mut visit = |step: &'a Step| {
            if let Task::Call(call) = &step.task {
                called.push(call.rotation.as_str());
            }
        };
        walk_steps(&rotation.steps, &mut visit);
        walk_steps(&rotation.on_failure, &mut visit);
        called.extend(rotation.failure_rotation.as_deref());
        for name in called {
            if let Some(callee) = plan.rotation(name) {
                add(plan, callee, out, open);
            }
        }
        open.pop();
        out.push(rotation);
    }
    let mut out = Vec::new();
    for rotation in &plan.rotations {
        add(plan, rotation, &mut out, &mut Vec::new());
    }
    out
}
