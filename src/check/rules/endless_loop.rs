//! # ROT209 endless-loop
//!
//! What it finds: a `repeat` that nothing bounds but the 1000 rounds that every loop has (no `at most`, and no `timeout` of the rotation), or
//! whose `until` reads nothing that a round changes. In Conductor JSON a DO_WHILE whose condition reads nothing that a round changes, or joins its
//! bound and what is waited for with `||`, so that either is enough to go on.
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
use crate::plan::{Expr, ExprKind, Function, Root, Task};
use std::collections::HashSet;

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    let scripts = cx.plan.dialect.semantics().script_conditions;
    for (id, node) in cx.order().iter() {
        let Task::Repeat(repeat) = &node.step.task else {
            continue;
        };
        let rotation = cx.plan.rotations.get(node.rotation);
        if !scripts && repeat.at_most == DEFAULT_ROUNDS && rotation.is_some_and(|r| r.timeout.is_none()) {
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
        let read = names(&repeat.until);
        if read.is_empty() || read.contains(&&Root::Answer) || changes(cx, id, &repeat.until) {
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

/// Whether something that a condition reads is made within the loop, or changes of itself. Secrets may be stored there.
fn changes(cx: &Context<'_, '_>, id: usize, until: &Expr) -> bool {
    let order = cx.order();
    let Some(node) = order.get(id) else {
        return true;
    };
    let within: HashSet<&str> = order
        .range(id + 1..usize::MAX)
        .take_while(|(inner, _)| order.is_within(*inner, id))
        .flat_map(|(_, node)| {
            let mut names = vec![node.step.name.as_str()];
            if let Task::Let(item) = &node.step.task {
                names.push(item.name.as_str());
            } else if let Task::SetVariables(set) = &node.step.task {
                names.extend(set.values.iter().map(|(name, _)| name.as_str()));
            }
            names
        })
        .collect();
    // What runs beside the loop may change what it reads.
    let of_step = |step: &str| {
        let beside = || order.find(node.rotation, step).is_none_or(|other| order.are_parallel(other, id));
        step == node.step.name || within.contains(step) || beside()
    };
    names(until).into_iter().any(|root| match root {
        Root::Capture { step, .. } | Root::Output(step) | Root::TaskField { step, .. } => of_step(step),
        Root::Let(name) => within.contains(name.as_str()),
        Root::Variable(name) => within.contains(name.as_str()) || !only_before(cx, id, name),
        Root::Secret { .. } | Root::Answer => true,
        Root::Input(_) | Root::Inputs | Root::Env(_) | Root::Run(_) => false,
    }) || tells_time(until)
}

/// Whether a variable is set, and only by steps in front of a loop.
fn only_before(cx: &Context<'_, '_>, id: usize, name: &str) -> bool {
    let order = cx.order();
    let Some(node) = order.get(id) else {
        return false;
    };
    let mut set = order.of_rotation(node.rotation).filter(|(_, other)| {
        matches!(&other.step.task, Task::SetVariables(set) if set.values.iter().any(|(of, _)| of == name))
    });
    let mut any = false;
    let only = set.all(|(step, _)| {
        any = true;
        !order.are_parallel(step, id)
    });
    any && only
}

/// Whether a script asks for the time, or for chance.
fn tells_time(until: &Expr) -> bool {
    let mut tells = false;
    until.walk(&mut |part| {
        if let ExprKind::Call(Function::JavaScript, arguments) = &part.kind {
            let program = arguments.first().and_then(Expr::as_str);
            tells |= program.is_none_or(|text| ["Date", "random", "now"].iter().any(|word| text.contains(word)));
        }
    });
    tells
}
