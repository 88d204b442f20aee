//! # ROT513 grace-exceeds-life
//!
//! What it finds: a `revoke … after` that waits longer than the old credential lives, or a `wait` before the new one comes into use
//! that is not shorter; or a revocation after a grace
//! that is made with a token which this run got for a shorter time. And one that comes sooner than a comment or the description says that
//! its users look for a new value (`read once an hour`).
//!
//! ## Why it matters
//!
//! Whoever still uses the old one during the grace is refused before it ends: the overlap that the text promises is not there.
//!
//! ## Fails
//!
//! ```rot
//! secret api_key { value, id } to "api.example.com"
//!
//! rotation r {
//!   http renew POST "https://api.example.com/renew" issues replacing grace 1h {
//!     bearer secrets.api_key.value
//!     secret key = body $.key
//!     public id  = body $.id
//!   }
//!   update api_key { value: renew.key, id: renew.id }
//!   revoke previous.api_key after 24h {
//!     http DELETE "https://api.example.com/keys/${previous.api_key.id}" revokes { bearer secrets.api_key.value }
//!   }
//! }
//! ```
//!
//! ## Mended
//!
//! ```rot
//! secret api_key { value, id } to "api.example.com"
//!
//! rotation r {
//!   http renew POST "https://api.example.com/renew" issues replacing grace 1h {
//!     bearer secrets.api_key.value
//!     secret key = body $.key
//!     public id  = body $.id
//!   }
//!   update api_key { value: renew.key, id: renew.id }
//!   revoke previous.api_key after 30m {
//!     http DELETE "https://api.example.com/keys/${previous.api_key.id}" revokes { bearer secrets.api_key.value }
//!   }
//! }
//! ```

use crate::check::context::Context;
use crate::check::lifetime::{asked, life, show};
use crate::check::remarks::Remarks;
use crate::diagnostic::{Diagnostic, codes};
use crate::plan::effect::{Effect, Issues, Old};
use crate::plan::schedule::Dur;
use crate::plan::expr::Root;
use crate::plan::task::{Http, Wait, walk_steps};
use crate::plan::{ExprKind, Task};
use crate::source::Span;

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    used_too_late(cx, out);
    by_the_dead(cx, out);
    before_it_is_looked_for(cx, out);
    for (_, node) in cx.order().iter() {
        let Task::Revoke(revoke) = &node.step.task else { continue };
        let Some(after) = revoke.after else { continue };
        for keeping in cx.keepings_of(&revoke.secret) {
            let grace = match cx.http(keeping.maker).map(|h| &h.effect) {
                Some(Effect::Issues(Issues { old: Old::Dies { grace: Some(grace), .. }, .. })) => Some(*grace),
                _ => None,
            };
            let lives = cx.expires(keeping.store).and_then(|e| life(cx, node.rotation, e));
            let Some(limit) = grace.into_iter().chain(lives).min().filter(|limit| after > *limit) else { continue };
            let name = &revoke.secret;
            out.push(
                Diagnostic::new(
                    codes::GRACE_EXCEEDS_LIFE,
                    node.step.at.0,
                    format!("the old `{name}` is dead after {}, before this grace of {} ends", show(limit), show(after)),
                )
                .at(format!("after {}", show(after)))
                .label(
                    cx.order().get(keeping.maker).map_or(crate::source::Span::NONE, |n| n.step.at.0),
                    format!("dies after {}", show(limit)),
                )
                .help(format!("revoke it after less than {}", show(limit))),
            );
            break;
        }
    }
}

/// A revocation that is made after a grace with a token that this run was given for a shorter time.
fn by_the_dead(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    for (revoked, node) in cx.order().iter() {
        let Task::Revoke(revoke) = &node.step.task else { continue };
        let Some(after) = revoke.after else { continue };
        let mut found = None;
        walk_steps(&revoke.steps, &mut |step| {
            for (part, expr) in step.task.requests().into_iter().flat_map(Http::request_exprs) {
                expr.walk(&mut |at| {
                    let ExprKind::Ref(Root::Capture { step: maker, .. }) = &at.kind else { return };
                    // What is fetched within the `revoke` is fetched when that is made.
                    let maker_id = cx.order().find(node.rotation, maker);
                    let http = maker_id.filter(|id| !cx.order().is_within(*id, revoked)).and_then(|id| cx.http(id));
                    let asked = http.and_then(|http| asked(cx, node.rotation, http)).filter(|(life, _)| part.authenticates() && *life < after);
                    found = found.or(asked.map(|(life, place)| (life, place, at.at.0, maker)));
                });
            }
        });
        let Some((life, place, used, maker)) = found else { continue };
        out.push(
            Diagnostic::new(
                codes::GRACE_EXCEEDS_LIFE,
                used,
                format!("what `{maker}` gave is dead after {}, and this revocation is made after {}", show(life), show(after)),
            )
            .at("refused by then")
            .label(place, "asked for here")
            .help("log in within the `revoke`, so that the token is new when it is used"),
        );
    }
}

/// The old one is revoked before those who use it have looked for the new one.
fn before_it_is_looked_for(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    let remarks = Remarks::of(cx);
    for (id, node) in cx.order().iter() {
        let Task::Revoke(revoke) = &node.step.task else { continue };
        let Some((every, said)) = remarks.looked_for_every(node.rotation) else { continue };
        // What is brought to them, and what waits itself, is another thing.
        let waited: u64 = (cx.order().of_rotation(node.rotation).filter(|(before, _)| *before < id))
            .filter_map(|(_, n)| {
                let Task::Wait(Wait::For(time)) = &n.step.task else { return None };
                if let ExprKind::Duration(time) = &time.kind { Some(time.0) } else { None }
            })
            .sum();
        let after = revoke.after.unwrap_or(Dur(0)).0.saturating_add(waited);
        if after >= every.0 || !cx.plan.targets_of(&revoke.secret).is_empty() {
            continue;
        }
        out.push(
            Diagnostic::new(
                codes::GRACE_EXCEEDS_LIFE,
                node.step.at.0,
                format!("the old `{}` is revoked after {}, and its users look for a new one every {}", revoke.secret, show(Dur(after)), show(every)),
            )
            .at("they still use it")
            .label(said, "said here")
            .help(format!("revoke it `after {}` or later", show(Dur(every.0.saturating_mul(2))))),
        );
    }
}

/// The old credential dies while the run waits, and the new one comes into use only behind the wait.
fn used_too_late(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    for rotation in &cx.plan.rotations {
        // The call whose grace runs, and how long the run has waited since, with the last wait.
        let mut running: Option<(Dur, Span)> = None;
        let mut waited = (Dur(0), Span::NONE);
        for step in &rotation.steps {
            if let Task::Http(http) = &step.task
                && let Effect::Issues(Issues { old: Old::Dies { grace: Some(grace), .. }, .. }) = &http.effect
            {
                (running, waited) = (Some((*grace, step.at.0)), (Dur(0), Span::NONE));
            }
            if let Task::Wait(Wait::For(time)) = &step.task
                && let ExprKind::Duration(time) = &time.kind
            {
                waited = (Dur(waited.0.0.saturating_add(time.0)), step.at.0);
            }
            if !matches!(step.task, Task::Promote(_) | Task::Update(_)) {
                continue;
            }
            if let Some((grace, call)) = running.take().filter(|(grace, _)| waited.0 >= *grace) {
                out.push(
                    Diagnostic::new(
                        codes::GRACE_EXCEEDS_LIFE,
                        waited.1,
                        format!("the old credential is dead after {}, and the new one comes into use after {}", show(grace), show(waited.0)),
                    )
                    .at("nothing works meanwhile")
                    .label(call, format!("the old one lives on for {}", show(grace)))
                    .label(step.at.0, "in use from here on")
                    .help(format!("wait for less than {}, or behind the promotion", show(grace))),
                );
            }
        }
    }
}
