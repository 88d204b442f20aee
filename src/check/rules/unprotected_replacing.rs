//! # ROT511 unprotected-replacing
//!
//! What it finds: a request that kills the old credential on the call, without a way back when the answer is lost; or with one that asks with the
//! credential that is dead by then. In Conductor JSON, which has no word for a way back: a task that waits for a person or for a time between such a call (`…/rotate`, `…/reset`) and the UPDATE_SECRET that
//! stores what it gave, and one that may fail there.
//!
//! ## Why it matters
//!
//! If the connection breaks after the server has acted, the old credential is dead and the new one was never received. Nothing that the program can do
//! afterwards brings one back.
//!
//! ## Fails
//!
//! ```rot
//! secret api_key to "api.example.com"
//!
//! rotation r {
//!   http renew POST "https://api.example.com/renew" issues replacing {
//!     bearer secrets.api_key
//!     secret key = body $.key
//!   }
//!   update api_key = renew.key
//! }
//! ```
//!
//! ## Mended
//!
//! ```rot
//! secret api_key to "api.example.com"
//!
//! rotation r {
//!   http renew POST "https://api.example.com/renew" issues replacing key "Idempotency-Key" {
//!     bearer secrets.api_key
//!     secret key = body $.key
//!   }
//!   update api_key = renew.key
//! }
//! ```

use crate::check::context::Context;
use crate::check::intent;
use crate::diagnostic::{Diagnostic, Severity, codes};
use crate::plan::effect::{Effect, Issues, Old};
use crate::plan::expr::Version;
use crate::plan::schedule::Dur;
use crate::plan::task::{Http, Wait};
use crate::plan::{ExprKind, Task};
use crate::source::Span;

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    stored_late(cx, out);
    in_use_late(cx, out);
    for (id, node) in cx.order().iter() {
        let Some(Effect::Issues(Issues { old: Old::Dies { key, grace, recover, accept }, .. })) = cx.http(id).map(|h| &h.effect) else {
            continue;
        };
        let accepted = accept.as_deref().is_some_and(|reason| reason.chars().any(char::is_alphanumeric));
        if key.is_none() && grace.is_none() && recover.is_none() && !accepted {
            out.push(
                Diagnostic::new(codes::UNPROTECTED_REPLACING, node.step.at.0, format!("`{}` kills the old credential: if its answer is lost, nobody has one that works", node.step.name))
                    .at("issues replacing, without a way back")
                    .help("say what the server offers: `key \"Idempotency-Key\"` or `grace 10m`; or what helps: `recover with ROTATION`; or why it is right: `accept lockout-risk \"reason\"`"),
            );
        }
        if let Some(recover) = recover.as_deref() {
            by_the_dead(cx, id, recover, out);
        }
    }
}

/// Conductor: the old credential is dead, and the new one is stored only when a person has answered, a time has passed, or something else
/// has succeeded.
fn stored_late(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    let order = cx.order();
    for mint in cx.intent.mints.iter().filter(|mint| intent::kills(mint.http) && !intent::is_login(mint.http)) {
        let Some(store) = mint.credentials().map(|s| s.step).min().filter(|store| order.dominates(mint.step, *store)) else { continue };
        let between = || order.range(mint.step + 1..store).filter(|(id, n)| n.rotation == mint.rotation && order.dominates(mint.step, *id) && order.dominates(*id, store));
        let read = |secret: Option<&'_ str>| secret.map_or(&[][..], |secret| cx.intent.uses_of(secret));
        let uses: Vec<usize> = mint.credentials().flat_map(|s| cx.intent.uses_of_atom(s.atom).iter().chain(read(s.secret))).map(|of| of.step).collect();
        let waits = between().find(|(_, n)| is_pause(&n.step.task));
        let may_fail = || {
            between().find(|(id, n)| {
                let acts = matches!(&n.step.task, Task::Http(_) | Task::Worker(_) | Task::Call(_));
                // Who tries the new value, or computes with it, has a reason to come first.
                acts && !n.step.optional && !uses.contains(id) && !n.step.task.exprs().iter().any(|e| e.reads_step(cx.flow.step_name(mint.step)))
            })
        };
        let (Some(made), Some(stored)) = (order.get(mint.step), order.get(store)) else { continue };
        let (late, message, certain) = match (waits, may_fail()) {
            (Some((_, n)), _) => (n, format!("the old `{}` is dead, and the new one is stored only when `{}` is over", mint.name(), n.step.name), true),
            (None, Some((_, n))) => (n, format!("the old `{}` is dead, and the new one is lost where `{}` fails", mint.name(), n.step.name), false),
            (None, None) => continue,
        };
        out.push(
            Diagnostic::new(codes::UNPROTECTED_REPLACING, late.step.at.0, message)
                .at("nobody has a credential that works until then")
                .label(made.step.at.0, "kills the old one")
                .label(stored.step.at.0, "stored only here")
                .help("store what the call gave right behind it")
                .severity(if certain { Severity::Error } else { Severity::Warning }),
        );
    }
}

/// Whether a step asks a person, or lets a minute and more pass.
fn is_pause(task: &Task) -> bool {
    let person = matches!(task, Task::Manual(_)) || matches!(task, Task::Worker(worker) if worker.kind.as_deref() == Some("HUMAN"));
    person || matches!(task, Task::Wait(wait) if is_long(wait))
}

/// A minute and more.
fn is_long(wait: &Wait) -> bool {
    match wait {
        Wait::For(time) => match &time.kind {
            ExprKind::Duration(time) => time.0 >= 60_000,
            ExprKind::String(text) => Dur::parse(text).map_or(true, |time| time.0 >= 60_000),
            _ => true,
        },
        Wait::Until(_) => true,
    }
}

/// `.rot`: the old credential dies on the call, and the new one comes into use only when a person has answered or a time has passed.
fn in_use_late(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    for rotation in cx.plan.rotations.iter().filter(|_| cx.plan.dialect.semantics().declares_intent) {
        let mut killed: Option<Span> = None;
        let mut waits: Option<Span> = None;
        for step in &rotation.steps {
            if let Task::Http(http) = &step.task
                && matches!(&http.effect, Effect::Issues(Issues { old: Old::Dies { grace: None, .. }, .. }))
            {
                (killed, waits) = (Some(step.at.0), None);
            } else if is_pause(&step.task) {
                waits = waits.or(killed.and(Some(step.at.0)));
            } else if step.task.write().is_some_and(|write| write.act.makes_current())
                && let (Some(call), Some(late)) = (killed.take(), waits.take())
            {
                out.push(
                    Diagnostic::new(codes::UNPROTECTED_REPLACING, late, "the old credential is dead, and the new one comes into use only when this is over")
                        .at("nobody has a credential that works until then")
                        .label(call, "kills the old one")
                        .label(step.at.0, "in use from here on")
                        .help("put this before the call, or behind the promotion")
                        .severity(Severity::Warning),
                );
            }
        }
    }
}

/// The rotation that helps asks with the credential that the lost call has killed.
fn by_the_dead(cx: &Context<'_, '_>, id: usize, recover: &str, out: &mut Vec<Diagnostic>) {
    let (Some(node), Some(call), Some(rotation)) = (cx.order().get(id), cx.http(id), cx.plan.rotation(recover)) else { return };
    let (sent, stored) = (current(call), replaced(cx, id, &node.step.name));
    let dead = |secret: &&str| sent.iter().any(|(name, _)| name == secret) && stored.contains(secret);
    let asks = rotation.requests().into_iter().map(|(_, http)| http).filter(|http| http.effect.issues());
    let Some((secret, at)) = asks.flat_map(current).find(|(secret, _)| dead(secret)) else { return };
    out.push(
        Diagnostic::new(
            codes::UNPROTECTED_REPLACING,
            node.step.at.0,
            format!("`{recover}` asks with `{secret}`, which this call has killed when its answer is lost"),
        )
        .at("no way back")
        .label(at, "dead by then")
        .help("let it ask with a credential that this call leaves alive, such as an administrator's"),
    );
}

/// The secrets in use that tell who makes a request, each with its place.
fn current(http: &Http) -> Vec<(&str, Span)> {
    let mut found = Vec::new();
    for (part, expr) in http.request_exprs() {
        if part.authenticates() {
            expr.each_secret(&mut |read| {
                if read.version == Version::Current {
                    found.push((read.secret, expr.at.0));
                }
            });
        }
    }
    found
}

/// The secrets whose new values a step brings.
fn replaced<'p>(cx: &Context<'_, 'p>, id: usize, name: &str) -> Vec<&'p str> {
    let rotation = cx.order().get(id).map_or(usize::MAX, |node| node.rotation);
    let mut stored = Vec::new();
    for (_, node) in cx.order().of_rotation(rotation) {
        let Some((secret, value)) = node.step.task.write().and_then(|write| write.secret.zip(write.value)) else { continue };
        for expr in value.exprs() {
            cx.meant(rotation, expr).each_captured(&mut |step| {
                if step == name {
                    stored.push(secret);
                }
            });
        }
    }
    stored
}
