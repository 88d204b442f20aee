//! # ROT111 cyclic-dependency
//!
//! What it finds: things that need each other in a ring: files that use each other; rotations (in Conductor JSON, workflows) that call each other
//! whatever happens, so that no run of them ends.
//!
//! ## Why it matters
//!
//! There is no first one to begin with, and no last one to end with. A call on which a condition decides, or that a `stop` may precede, is let through: it
//! may end.
//!
//! ## Fails
//!
//! ```rot
//! rotation one {
//!   call other = two
//! }
//!
//! rotation two {
//!   call back = one
//! }
//! ```
//!
//! ```json
//! {"name": "r", "version": 1, "schemaVersion": 2,
//!  "tasks": [{"name": "again", "taskReferenceName": "again", "type": "SUB_WORKFLOW", "subWorkflowParam": {"name": "r", "version": 1}}],
//!  "outputParameters": {"done": "yes"}}
//! ```
//!
//! ## Mended
//!
//! ```rot
//! rotation one {
//!   call other = two
//! }
//!
//! rotation two {
//!   log "the end of it"
//! }
//! ```
//!
//! ```json
//! {"name": "r", "version": 1, "schemaVersion": 2,
//!  "tasks": [{"name": "open", "taskReferenceName": "open", "type": "HTTP", "inputParameters": {"uri": "https://example.com/", "method": "GET"}}],
//!  "outputParameters": {"done": "yes"}}
//! ```

use crate::check::context::Context;
use crate::diagnostic::{Diagnostic, codes};
use crate::plan::Task;
use crate::source::Span;
use std::collections::HashMap;

/// How far the search is with a rotation.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    Open,
    Done,
}

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    // Definitions within others may share a name; which one a call means is not known here.
    let mut by_name: HashMap<&str, Option<usize>> = HashMap::new();
    for (index, rotation) in cx.plan.rotations.iter().enumerate() {
        by_name.entry(&rotation.name).and_modify(|known| *known = None).or_insert(Some(index));
    }
    let calls: Vec<Vec<(usize, Span)>> = (0..cx.plan.rotations.len()).map(|rotation| certain(cx, rotation, &by_name)).collect();
    let mut states = vec![State::New; calls.len()];
    for start in 0..calls.len() {
        let mut way: Vec<(usize, usize)> = if states.get(start) == Some(&State::New) { vec![(start, 0)] } else { Vec::new() };
        while let Some((rotation, next)) = way.last_mut() {
            let (rotation, call) = (*rotation, calls.get(*rotation).and_then(|c| c.get(*next)));
            *next += 1;
            let after = if call.is_some() { State::Open } else { State::Done };
            states.iter_mut().skip(rotation).take(1).for_each(|s| *s = after);
            let Some((callee, _)) = call else {
                way.pop();
                continue;
            };
            match states.get(*callee) {
                Some(State::New) => way.push((*callee, 0)),
                Some(State::Open) => {
                    let ring = way.iter().skip_while(|(rotation, _)| rotation != callee);
                    let made = ring.filter_map(|(r, next)| Some((*r, calls.get(*r)?.get(next.checked_sub(1)?)?.1)));
                    out.extend(found(cx, &made.collect::<Vec<_>>()));
                }
                _ => {}
            }
        }
    }
}

/// The calls of a rotation that are made whatever happens.
fn certain(cx: &Context<'_, '_>, rotation: usize, by_name: &HashMap<&str, Option<usize>>) -> Vec<(usize, Span)> {
    let mut calls = Vec::new();
    for (_, node) in cx.order().of_rotation(rotation) {
        if matches!(node.step.task, Task::Stop(_) | Task::Fail(_)) {
            break;
        }
        if let Task::Call(call) = &node.step.task
            && node.parent.is_none()
            && !node.on_failure
            && call.each.is_none()
        {
            calls.extend(by_name.get(call.rotation.as_str()).copied().flatten().map(|callee| (callee, node.step.at.0)));
        }
    }
    calls
}

/// The calls of a ring, each with the rotation that makes it.
fn found(cx: &Context<'_, '_>, way: &[(usize, Span)]) -> Option<Diagnostic> {
    let name = |rotation: usize| cx.plan.rotations.get(rotation).map_or("", |r| r.name.as_str());
    let ((first, _), (_, last)) = (way.first()?, way.last()?);
    let names: Vec<&str> = way.iter().map(|(rotation, _)| name(*rotation)).chain([name(*first)]).collect();
    let mut found = Diagnostic::new(codes::CYCLIC_DEPENDENCY, *last, format!("this call closes a ring: {}", names.join(" → ")))
        .at("begins again")
        .help("take one of the calls out, or put it under a condition that ends the ring");
    for (_, span) in way.iter().take(way.len() - 1) {
        found = found.label(*span, "called here");
    }
    Some(found)
}
