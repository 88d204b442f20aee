//! # ROT209 endless-loop
//!
//! What it finds: a `repeat` that nothing bounds but the 1000 rounds that every loop has (no `at most`, and no `timeout` of the rotation), or
//! whose `until` reads nothing that a round changes.
//!
//! ## Why it matters
//!
//! A server that never answers as hoped is asked a thousand times, and the rotation hangs until then. A condition over an input is true in the
//! first round or never.
//!
//! ## Fails
//!
//! ```rot
//! secret api_key to "api.example.com"
//!
//! rotation r {
//!   repeat every 5s {
//!     http poll GET "https://api.example.com/jobs/7" {
//!       bearer secrets.api_key
//!       public state = body $.state
//!     }
//!   } until poll.state == "done"
//! }
//! ```
//!
//! ## Mended
//!
//! ```rot
//! secret api_key to "api.example.com"
//!
//! rotation r {
//!   repeat at most 20 every 5s {
//!     http poll GET "https://api.example.com/jobs/7" {
//!       bearer secrets.api_key
//!       public state = body $.state
//!     }
//!   } until poll.state == "done"
//! }
//! ```

use crate::check::context::Context;
use crate::diagnostic::{Diagnostic, codes};
use crate::plan::task::control::DEFAULT_ROUNDS;
use crate::plan::{Expr, ExprKind, Root, Task};
use std::collections::HashSet;

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    if !cx.plan.dialect.semantics().declares_intent {
        return;
    }
    for (id, node) in cx.order().iter() {
        let Task::Repeat(repeat) = &node.step.task else {
            continue;
        };
        let rotation = cx.plan.rotations.get(node.rotation);
        if repeat.at_most == DEFAULT_ROUNDS && rotation.is_some_and(|r| r.timeout.is_none()) {
            out.push(
                Diagnostic::new(
                    codes::ENDLESS_LOOP,
                    node.step.at.0,
                    "nothing but the 1000 rounds that every loop has ends this one",
                )
                .at("no bound")
                .label(repeat.until.at.0, "as long as this is not true")
                .help("write `repeat at most N`, or give the rotation a `timeout`"),
            );
        }
        // `until true` is the usual way to say "once".
        if names(&repeat.until).is_empty() || changes(cx, id, &repeat.until) {
            continue;
        }
        out.push(
            Diagnostic::new(
                codes::ENDLESS_LOOP,
                repeat.until.at.0,
                "no round changes what this condition reads: it is true after the first or never",
            )
            .at("the same in each round")
            .label(node.step.at.0, "repeated here")
            .help("compare what a step of the loop captures"),
        );
    }
}

/// The names that an expression reads.
fn names(expr: &Expr) -> Vec<&Root> {
    let mut found = Vec::new();
    expr.walk(&mut |part| {
        if let ExprKind::Ref(root) = &part.kind {
            found.push(root);
        }
    });
    found
}

/// Whether something that a condition reads is made within the loop. Secrets may be stored there.
fn changes(cx: &Context<'_, '_>, id: usize, until: &Expr) -> bool {
    let within: HashSet<&str> = cx
        .order()
        .range(id + 1..usize::MAX)
        .take_while(|(inner, _)| cx.order().is_within(*inner, id))
        .flat_map(|(_, node)| {
            let mut names = vec![node.step.name.as_str()];
            if let Task::Let(item) = &node.step.task {
                names.push(item.name.as_str());
            }
            names
        })
        .collect();
    names(until).into_iter().any(|root| match root {
        Root::Capture { step, .. } | Root::Output(step) | Root::TaskField { step, .. } => {
            within.contains(step.as_str())
        }
        Root::Let(name) => within.contains(name.as_str()),
        Root::Secret { .. } | Root::Variable(_) | Root::Answer => true,
        Root::Input(_) | Root::Inputs | Root::Env(_) | Root::Run(_) => false,
    })
}
