//! # ROT109 shadowed-name
//!
//! What it finds: a loop variable with the name of a step, of a `let` or of another loop variable of the rotation.
//!
//! ## Why it matters
//!
//! Within the loop the name means something else than around it. A line that is moved in or out changes what it sends.
//!
//! ## Fails
//!
//! ```rot
//! rotation r {
//!   input hosts: list
//!   let host = "api.example.com"
//!   for each host in input.hosts { log host }
//!   log host
//! }
//! ```
//!
//! ## Mended
//!
//! ```rot
//! rotation r {
//!   input hosts: list
//!   let fallback = "api.example.com"
//!   for each host in input.hosts { log host }
//!   log fallback
//! }
//! ```

use crate::check::context::Context;
use crate::diagnostic::{Diagnostic, codes};
use crate::plan::Task;
use std::collections::HashMap;

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    if cx.plan.dialect.is_conductor() {
        return;
    }
    let mut first: HashMap<(usize, &str), usize> = HashMap::new();
    for (id, node) in cx.order().iter() {
        let name = match &node.step.task {
            Task::Let(item) => &item.name,
            Task::ForEach(_) => continue,
            _ => &node.step.name,
        };
        first.entry((node.rotation, name)).or_insert(id);
    }
    for (id, node) in cx.order().iter() {
        let Task::ForEach(each) = &node.step.task else { continue };
        let same = |outer: &usize| matches!(cx.order().get(*outer).map(|n| &n.step.task), Some(Task::ForEach(o)) if o.item == each.item);
        let named = first.get(&(node.rotation, each.item.as_str())).copied();
        let other = cx.order().around(id).filter(same).chain(named).min();
        if let Some(other) = other.and_then(|other| cx.order().get(other)) {
            out.push(
                Diagnostic::new(codes::SHADOWED_NAME, node.step.at.0, format!("`{}` means something else within this loop", each.item))
                    .at(format!("names each element `{}`", each.item))
                    .label(other.step.at.0, "the name is taken here")
                    .help("give the loop variable a name of its own"),
            );
        }
    }
}
