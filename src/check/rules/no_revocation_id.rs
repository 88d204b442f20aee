//! # ROT512 no-revocation-id
//!
//! What it finds: a credential that lives until it is revoked, of which nothing is kept by which it could be; or a `revoke` that does not say which
//! credential it means; or a server that allows `at most` so many, and nothing that revokes one.
//!
//! ## Why it matters
//!
//! The old credentials pile up on the server, all of them valid. Most servers allow only so many, and then the rotation fails.
//!
//! ## Fails
//!
//! ```rot
//! secret admin_key to "api.example.com"
//! secret api_token to "api.example.com"
//!
//! rotation r {
//!   http mint POST "https://api.example.com/tokens" issues additive {
//!     bearer secrets.admin_key
//!     secret token = body $.token
//!   }
//!   stage api_token = mint.token
//!   verify {
//!     http GET "https://api.example.com/me" { bearer pending.api_token }
//!   }
//!   promote api_token
//! }
//! ```
//!
//! ## Mended
//!
//! ```rot
//! secret admin_key to "api.example.com"
//! secret api_token { value, id } to "api.example.com"
//!
//! rotation r {
//!   http mint POST "https://api.example.com/tokens" issues additive {
//!     bearer secrets.admin_key
//!     secret token = body $.token
//!     public id    = body $.id
//!   }
//!   stage api_token { value: mint.token, id: mint.id }
//!   verify {
//!     http GET "https://api.example.com/me" { bearer pending.api_token.value }
//!   }
//!   promote api_token
//!   revoke previous.api_token after 24h {
//!     http DELETE "https://api.example.com/tokens/${previous.api_token.id}" revokes {
//!       bearer secrets.admin_key
//!     }
//!   }
//! }
//! ```

use crate::check::context::Context;
use crate::check::lifecycle::Act;
use crate::diagnostic::{Diagnostic, codes};
use crate::plan::{ExprKind, Root, Task};
use crate::plan::effect::{Effect, Issues, Old};
use crate::plan::expr::Version;
use crate::check::order::Node;
use crate::plan::task::Http;
use crate::plan::task::lifecycle::NewValue;
use crate::plan::task::walk_steps;
use std::collections::HashSet;

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    for (_, node) in cx.order().iter() {
        let Task::Revoke(revoke) = &node.step.task else { continue };
        let name = &revoke.secret;
        let mut told = false;
        walk_steps(&revoke.steps, &mut |step| {
            told |= step.task.exprs().iter().any(|e| e.reads_secret(name, &[Version::Previous, Version::Current]));
        });
        if !told {
            out.push(
                Diagnostic::new(codes::NO_REVOCATION_ID, node.step.at.0, format!("nothing in this `revoke` says which `{name}` dies"))
                    .at(format!("does not use `previous.{name}`"))
                    .help(format!("keep the credential's id in a record and name it: `previous.{name}.id`")),
            );
        }
    }
    never_written(cx, out);
    let (mut seen, mut full) = (HashSet::new(), HashSet::new());
    let (recovering, none_revoked) = (recovering(cx), !revokes_any(cx));
    let revoked: HashSet<&str> = cx.writes().iter().filter(|w| w.act == Act::Revoke).map(|w| w.secret).collect();
    for keeping in cx.keepings() {
        let (Some(http), Some(store)) = (cx.http(keeping.maker), cx.order().get(keeping.store)) else { continue };
        let additive = matches!(&http.effect, Effect::Issues(Issues { old: Old::Stays, assumed: false, .. }));
        let name = keeping.secret;
        let revoked = revoked.contains(name);
        if !revoked && none_revoked && full.insert(http.url.at.0) {
            out.extend(unbounded(http, store));
        }
        let Task::Stage(stage) = &store.step.task else { continue };
        let has_more = matches!(&stage.value, NewValue::Fields(fields) if fields.len() > 1);
        let (rotation, maker) = (store.rotation, cx.order().get(keeping.maker));
        if additive && !is_short_lived(cx, rotation, http, &recovering) && stage.expires.is_none() && !revoked && !has_more && seen.insert(keeping.store) {
            out.push(
                Diagnostic::new(
                    codes::NO_REVOCATION_ID,
                    store.step.at.0,
                    format!("the old `{name}` stays valid, and nothing is kept by which it could be revoked"),
                )
                .at("stored without an id and without an expiry")
                .label(
                    maker.map_or(crate::source::Span::NONE, |n| n.step.at.0),
                    "issues additive: the old one lives on",
                )
                .help(format!(
                    "keep its id (`secret {name} {{ value, id }}`) and `revoke previous.{name}`; or say when it dies: `expires …`"
                )),
            );
        }
    }
}

/// Whether a token is one that a login gives for a while, or the rotation the way back of another one: what was there before is dead
/// then, or nobody knows it.
fn is_short_lived(cx: &Context<'_, '_>, rotation: usize, http: &Http, recovering: &HashSet<&str>) -> bool {
    let name = cx.plan.rotations.get(rotation).map(|r| r.name.as_str());
    name.is_some_and(|name| recovering.contains(name)) || crate::check::intent::is_login(http)
}

/// The rotations that are the way back of a call.
fn recovering<'p>(cx: &Context<'_, 'p>) -> HashSet<&'p str> {
    let ways = cx.order().iter().filter_map(|(_, node)| {
        if let Task::Http(http) = &node.step.task
            && let Effect::Issues(Issues { old: Old::Dies { recover: Some(by), .. }, .. }) = &http.effect
        {
            Some(by.as_str())
        } else {
            None
        }
    });
    ways.collect()
}

/// A server that allows so many credentials, of which none is ever revoked: it is full after as many runs.
fn unbounded(http: &Http, store: &Node<'_>) -> Option<Diagnostic> {
    let Effect::Issues(Issues { old: Old::Stays, at_most: Some(limit), assumed: false, .. }) = &http.effect else { return None };
    let dies = store.step.task.write().is_some_and(|write| write.expires.is_some());
    (!dies).then(|| {
        Diagnostic::new(codes::NO_REVOCATION_ID, http.url.at.0, format!("the server allows {limit} of these, and nothing revokes the old ones"))
            .at(format!("refused after {limit} runs"))
            .label(store.step.at.0, "stored here")
            .help("`revoke previous.SECRET …` behind the promotion; or say when it dies: `expires …`")
    })
}

/// Whether any request of the plan revokes something.
fn revokes_any(cx: &Context<'_, '_>) -> bool {
    cx.order().iter().any(|(_, node)| matches!(&node.step.task, Task::Http(http) if http.effect == Effect::Revokes))
}

/// A revocation by a field of the version before that no step stores: it is that of some earlier credential.
fn never_written(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    for (_, node) in cx.order().iter() {
        let Task::Http(http) = &node.step.task else { continue };
        let mut named = None;
        if http.effect == Effect::Revokes {
            for expr in http.exprs() {
                expr.walk(&mut |part| {
                    if let ExprKind::Ref(Root::Secret { name, field: Some(field), version: Version::Previous }) = &part.kind {
                        named = named.or(Some((name, field, part.at.0)));
                    }
                });
            }
        }
        let Some((name, field, span)) = named else { continue };
        let stores = || {
            cx.writes_of(name).iter().filter_map(|w| match cx.order().get(w.step).map(|n| &n.step.task) {
                Some(Task::Update(update)) => Some((&update.value, w.span)),
                Some(Task::Stage(stage)) => Some((&stage.value, w.span)),
                _ => None,
            })
        };
        let writes = |value: &NewValue| !matches!(value, NewValue::Fields(fields) if !fields.iter().any(|(stored, _)| stored == field));
        if let Some((_, stored)) = stores().next().filter(|_| !stores().any(|(value, _)| writes(value))) {
            out.push(
                Diagnostic::new(codes::NO_REVOCATION_ID, span, format!("no step stores `{name}.{field}`: this names the credential of some earlier run"))
                    .at("not of the version before")
                    .label(stored, format!("stored without `{field}`"))
                    .help(format!("capture it where the credential is issued and store it as well: `{name} {{ …, {field}: STEP.{field} }}`")),
            );
        }
    }
}
