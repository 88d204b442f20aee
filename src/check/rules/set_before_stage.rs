//! # ROT515 set-before-stage
//!
//! What it finds: a value of our own that is set on the server before it is stored, or a pending version that nothing stages. In Conductor JSON
//! a warning: a value that one worker generates and another sets, by its name, before UPDATE_SECRET stores it.
//!
//! ## Why it matters
//!
//! A crash after the call leaves a server with a password that nobody knows. Stored first, the value survives, and setting it again does no harm.
//!
//! ## Fails
//!
//! ```rot
//! secret admin_key to "api.example.com"
//! secret db_password to "api.example.com"
//!
//! rotation r {
//!   generate fresh password { length 32 }
//!   http set PUT "https://api.example.com/users/app/password" sets {
//!     bearer secrets.admin_key
//!     json { password: fresh.value }
//!   }
//!   update db_password = fresh.value
//! }
//! ```
//!
//! ## Mended
//!
//! ```rot
//! secret admin_key to "api.example.com"
//! secret db_password to "api.example.com"
//!
//! rotation r {
//!   generate fresh password { length 32 }
//!   stage db_password = fresh.value
//!   http set PUT "https://api.example.com/users/app/password" sets {
//!     bearer secrets.admin_key
//!     json { password: pending.db_password }
//!   }
//!   verify {
//!     http GET "https://api.example.com/me" { basic "app", pending.db_password }
//!   }
//!   promote db_password
//! }
//! ```

use crate::check::context::Context;
use crate::check::flow::{Request, Sink, Taint};
use crate::check::lifecycle::Act;
use crate::diagnostic::{Diagnostic, codes};
use crate::plan::effect::Effect;
use crate::plan::expr::{Root, Version};
use crate::plan::{ExprKind, Origin};
use crate::source::Span;
use std::collections::HashSet;

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    crate::check::intent::workers::set_unstored(cx, out);
    nothing_staged(cx, out);
    let setters = cx.flow.requests.iter().filter(|r| sets(r)).map(|r| (r.step, &r.carries));
    for (set, taint) in setters.chain(calls_that_set(cx)) {
        for entry in taint.iter().filter(|e| !e.control) {
            let stored = cx.keepings_of_atom(entry.atom);
            let Some(late) = stored.iter().find(|k| cx.order().may_precede(set, k.store)) else { continue };
            if stored.iter().any(|k| cx.order().dominates(k.store, set)) {
                continue;
            }
            let (Some(setter), Some(store)) = (cx.order().get(set), cx.order().get(late.store)) else { continue };
            let name = late.secret;
            out.push(
                Diagnostic::new(
                    codes::SET_BEFORE_STAGE,
                    setter.step.at.0,
                    format!("the new `{name}` is set on the server before it is stored"),
                )
                .at("a crash after this call loses the value")
                .label(store.step.at.0, "stored only here")
                .help(format!("put `stage {name} = …` before `{}` and `promote {name}` after the check", setter.step.name)),
            );
        }
    }
}

fn sets(request: &Request<'_>) -> bool {
    matches!(request.http.effect, Effect::Sets | Effect::SetsSelf)
}

/// The calls that pass a value to a rotation which sets it on a server: for the caller the call is what sets it.
fn calls_that_set<'a>(cx: &'a Context<'_, '_>) -> impl Iterator<Item = (usize, &'a Taint)> {
    let mut set: HashSet<(&str, &str)> = HashSet::new();
    for request in cx.flow.requests.iter().filter(|r| sets(r)) {
        let Some(callee) = cx.order().get(request.step).and_then(|n| cx.plan.rotations.get(n.rotation)) else { continue };
        for origin in cx.carried(request) {
            if let Origin::Input(name) = origin {
                set.insert((callee.name.as_str(), name.as_str()));
            }
        }
    }
    cx.flow.events.iter().filter_map(move |event| {
        let Sink::CallInput { rotation, name } = event.sink else { return None };
        Some((event.step?, &event.taint)).filter(|_| set.contains(&(rotation, name)))
    })
}

/// A pending version that no step makes.
fn nothing_staged(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    let staged = |name: &str| cx.writes_of(name).iter().any(|w| w.act == Act::Stage);
    let mut seen = HashSet::new();
    for (_, node) in cx.order().iter() {
        let promoted = node.step.task.write().filter(|write| write.act == Act::Promote).and_then(|write| write.secret);
        let mut missing: Option<(&str, Span)> = promoted.filter(|name| !staged(name)).map(|name| (name, node.step.at.0));
        for expr in node.step.task.exprs() {
            expr.walk(&mut |part| {
                if let ExprKind::Ref(Root::Secret { name, version: Version::Pending, .. }) = &part.kind
                    && !staged(name)
                {
                    missing = missing.or(Some((name, part.at.0)));
                }
            });
        }
        if let Some((name, span)) = missing.filter(|(name, _)| seen.insert((node.rotation, *name))) {
            out.push(
                Diagnostic::new(codes::SET_BEFORE_STAGE, span, format!("nothing stages a new `{name}`"))
                    .at("there is no pending version")
                    .help(format!("put `stage {name} = …` before it")),
            );
        }
    }
}
