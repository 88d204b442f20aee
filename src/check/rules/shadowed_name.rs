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

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    if cx.plan.dialect.is_conductor() {
        return;
    }
    for (id, node) in cx.order().iter() {
        let Task::ForEach(each) = &node.step.task else { continue };
        let other = cx.order().of_rotation(node.rotation).find(|(other, n)| match &n.step.task {
            Task::Let(item) => item.name == each.item,
            Task::ForEach(outer) => *other != id && outer.item == each.item && cx.order().is_within(id, *other),
            _ => n.step.name == each.item,
        });
        if let Some((_, other)) = other {
            out.push(
                Diagnostic::new(codes::SHADOWED_NAME, node.step.at.0, format!("`{}` means something else within this loop", each.item))
                    .at(format!("names each element `{}`", each.item))
                    .label(other.step.at.0, "the name is taken here")
                    .help("give the loop variable a name of its own"),
            );
        }
    }
}
