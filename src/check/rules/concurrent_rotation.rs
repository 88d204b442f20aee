//! # ROT508 concurrent-rotation
//!
//! What it finds: two scheduled rotations of one file that write the same secret, or two branches of one `parallel` that do, by
//! themselves or by rotations that they call.
//!
//! ## Why it matters
//!
//! The vault lets one of them win and keeps the value of the other only in its history. A revocation by one may kill what the other has just
//! stored.
//!
//! ## Fails
//!
//! ```rot
//! secret admin_key to "api.example.com"
//! secret api_token
//!
//! rotation a {
//!   every 1h
//!   http mint POST "https://api.example.com/tokens" issues additive {
//!     bearer secrets.admin_key
//!     secret token = body $.token
//!   }
//!   update api_token = mint.token
//! }
//!
//! rotation b {
//!   every 2h
//!   http mint POST "https://api.example.com/tokens" issues additive {
//!     bearer secrets.admin_key
//!     secret token = body $.token
//!   }
//!   update api_token = mint.token
//! }
//! ```
//!
//! ## Mended
//!
//! ```rot
//! secret admin_key to "api.example.com"
//! secret api_token
//!
//! rotation a {
//!   every 1h
//!   http mint POST "https://api.example.com/tokens" issues additive {
//!     bearer secrets.admin_key
//!     secret token = body $.token
//!   }
//!   update api_token = mint.token
//! }
//! ```

use crate::check::context::Context;
use crate::check::lifecycle::{Act, Write};
use crate::diagnostic::{Diagnostic, Severity, codes};
use crate::plan::Task;
use crate::source::Span;
use std::collections::{BTreeMap, HashMap, HashSet};

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    at_once(cx, out);
    let mut first: HashMap<&str, Write<'_>> = HashMap::new();
    for write in cx.writes().iter().copied().filter(|w| matches!(w.act, Act::Update | Act::Stage)) {
        let scheduled = cx.plan.rotations.get(write.rotation).is_some_and(|r| !r.imported && r.schedule.is_some());
        if !scheduled {
            continue;
        }
        match first.get(write.secret) {
            Some(other) if other.rotation != write.rotation => {
                out.push(found(write.span, other.span, "two scheduled rotations write", write.secret));
            }
            Some(_) => {}
            None => {
                first.insert(write.secret, write);
            }
        }
    }
}

/// Branches of one `parallel` that write one secret, by themselves or by what they call.
fn at_once(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    let order = cx.order();
    if !order.iter().any(|(_, node)| matches!(node.step.task, Task::Parallel(_))) {
        return;
    }
    // By secret and rotation: the steps that write it there, or call what does.
    let mut called: HashSet<(&str, usize)> = HashSet::new();
    let mut writers: BTreeMap<(&str, usize), Vec<usize>> = BTreeMap::new();
    for write in cx.writes().iter().filter(|w| matches!(w.act, Act::Update | Act::Stage | Act::Promote)) {
        writers.entry((write.secret, write.rotation)).or_default().push(write.step);
        // Whoever calls a rotation writes once what it writes many times.
        if !called.insert((write.secret, write.rotation)) {
            continue;
        }
        for call in cx.calls.chain(write.rotation, order) {
            if let Some(node) = order.get(call) {
                writers.entry((write.secret, node.rotation)).or_default().push(call);
            }
        }
    }
    for ((secret, _), mut steps) in writers {
        steps.sort_unstable();
        steps.dedup();
        // Of each `parallel` the first step in it, and the first one of another branch.
        let mut first: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
        let mut beside: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
        for step in steps {
            for (outer, branch) in order.branches(step) {
                let (begun, known) = *first.entry(outer).or_insert((branch, step));
                if begun != branch {
                    beside.entry(outer).or_insert((known, step));
                }
            }
        }
        let span = |id: usize| order.get(id).map_or(Span::NONE, |node| node.step.at.0);
        if let Some((step, other)) = beside.into_values().min() {
            let called = [step, other].iter().any(|id| cx.calls.callee(*id).is_some());
            let certain = cx.plan.dialect.semantics().declares_intent || !called;
            out.push(
                found(span(other), span(step), "two branches that run at the same time write", secret)
                    .severity(if certain { Severity::Error } else { Severity::Warning }),
            );
        }
    }
}

fn found(here: Span, other: Span, who: &str, secret: &str) -> Diagnostic {
    Diagnostic::new(codes::CONCURRENT_ROTATION, here, format!("{who} `{secret}`"))
        .at("written here")
        .label(other, "and here")
        .help("let one rotation write each secret; others can call it")
}
