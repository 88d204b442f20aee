//! # ROT511 unprotected-replacing
//!
//! What it finds: a request that kills the old credential on the call, without a way back when the answer is lost; or with one that asks with the
//! credential that is dead by then.
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
use crate::diagnostic::{Diagnostic, codes};
use crate::plan::effect::{Effect, Issues, Old};
use crate::plan::expr::Version;
use crate::plan::task::Http;
use crate::source::Span;

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
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
