//! # ROT502 revoke-before-promote
//!
//! What it finds: the old credential is revoked before the new one is stored and promoted. In Conductor JSON, which does not say
//! what a call does: a warning for a DELETE or a call of `revoke` between the new credential and its storing.
//!
//! ## Why it matters
//!
//! Between the two nothing works, and a crash there leaves nothing that does.
//!
//! ## Fails
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
//!   http DELETE "https://api.example.com/tokens/${secrets.api_token.id}" revokes {
//!     bearer secrets.admin_key
//!   }
//!   update api_token { value: mint.token, id: mint.id }
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
//!   update api_token { value: mint.token, id: mint.id }
//!   revoke previous.api_token after 1h {
//!     http DELETE "https://api.example.com/tokens/${previous.api_token.id}" revokes {
//!       bearer secrets.admin_key
//!     }
//!   }
//! }
//! ```

use crate::check::context::Context;
use crate::check::lifecycle::{Act, Keeping};
use crate::diagnostic::{Confidence, Diagnostic, Severity, codes};
use crate::plan::effect::Effect;
use crate::plan::expr::{Root, Version};
use crate::plan::task::lifecycle::NewValue;
use crate::plan::task::{Body, Http, walk_steps};
use crate::plan::{Expr, ExprKind, Task};
use crate::source::Span;
use std::collections::{BTreeSet, HashMap, HashSet};

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    by_method(cx, out);
    the_new_one(cx, out);
    for revoke in cx.writes().iter().filter(|w| w.act == Act::Revoke) {
        if let Some(late) = comes_later(cx, revoke.step, revoke.secret) {
            out.push(found(revoke.secret, revoke.span, late));
        }
    }
    let mut of_callee: HashMap<&str, About<'_>> = HashMap::new();
    for (id, node) in cx.order().iter() {
        let Task::Http(http) = &node.step.task else { continue };
        if http.effect != Effect::Revokes {
            continue;
        }
        let mut named = About::default();
        about(http).into_iter().for_each(|expr| named.add(cx, node.rotation, expr));
        too_early(cx, id, named.secrets.iter().copied(), out);
        if let Some(rotation) = cx.plan.rotations.get(node.rotation) {
            let known = of_callee.entry(rotation.name.as_str()).or_default();
            known.secrets.extend(named.secrets);
            known.inputs.extend(named.inputs);
        }
    }
    // For the caller the call is what revokes.
    for (id, node) in cx.order().iter() {
        let Task::Call(call) = &node.step.task else { continue };
        let Some(callee) = of_callee.get(call.rotation.as_str()) else { continue };
        let mut passed = About::default();
        for (_, value) in call.inputs.iter().filter(|(name, _)| callee.inputs.contains(name.as_str())) {
            passed.add(cx, node.rotation, value);
        }
        too_early(cx, id, callee.secrets.union(&passed.secrets).copied(), out);
    }
}

/// What a revocation names: secrets in their current version, and inputs.
#[derive(Default)]
struct About<'p> {
    secrets: BTreeSet<&'p str>,
    inputs: HashSet<&'p str>,
}

impl<'p> About<'p> {
    fn add(&mut self, cx: &Context<'_, 'p>, rotation: usize, expr: &'p Expr) {
        expr.walk(&mut |part| match &part.kind {
            ExprKind::Ref(Root::Let(name)) => {
                if let Some(value) = cx.let_value(rotation, name) {
                    value.walk(&mut |part| self.note(part));
                }
            }
            _ => self.note(part),
        });
    }

    fn note(&mut self, part: &'p Expr) {
        match &part.kind {
            ExprKind::Ref(Root::Secret { name, version: Version::Current, .. }) => {
                self.secrets.insert(name);
            }
            ExprKind::Ref(Root::Input(name)) => {
                self.inputs.insert(name);
            }
            _ => {}
        }
    }
}

/// Those of the secrets that a step revokes and its own rotation renews only later, in the order in which it does.
fn too_early<'p>(cx: &Context<'_, 'p>, step: usize, secrets: impl Iterator<Item = &'p str>, out: &mut Vec<Diagnostic>) {
    let Some(node) = cx.order().get(step) else { return };
    let mut written: Vec<(usize, &str)> = secrets
        .filter_map(|name| cx.writes_of(name).iter().find(|w| w.rotation == node.rotation).map(|first| (first.step, name)))
        .collect();
    written.sort_unstable();
    for (_, name) in written {
        if let Some(late) = comes_later(cx, step, name) {
            out.push(found(name, node.step.at.0, late));
        }
    }
}

/// What a request is about stands in its URL, query and body; the current version in a header only authenticates it.
fn about(http: &Http) -> Vec<&Expr> {
    let mut about: Vec<&Expr> = vec![&http.url];
    about.extend(http.query.iter().map(|(_, e)| e));
    match &http.body {
        Body::None => {}
        Body::Json(e) | Body::Text(e) | Body::Raw(e) => about.push(e),
        Body::Form(members) => about.extend(members.iter().map(|(_, e)| e)),
    }
    about
}

/// A `revoke previous.NAME` whose request names what has just been stored, and nothing of the version before.
fn the_new_one(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    for (_, node) in cx.order().iter() {
        let Task::Revoke(revoke) = &node.step.task else { continue };
        let (mut new, mut old) = (None, false);
        walk_steps(&revoke.steps, &mut |step| {
            old |= step.task.exprs().iter().any(|e| e.reads_secret(&revoke.secret, &[Version::Previous]));
            let Task::Http(http) = &step.task else { return };
            for expr in about(http) {
                expr.walk(&mut |part| match &part.kind {
                    ExprKind::Ref(Root::Secret { name, field, version: Version::Current })
                        if *name == revoke.secret && is_written(cx, name, field.as_deref()) =>
                    {
                        new = new.or(Some(part.at.0));
                    }
                    _ => {}
                });
            }
        });
        if let (Some(place), false) = (new, old) {
            let name = &revoke.secret;
            out.push(
                Diagnostic::new(codes::REVOKE_BEFORE_PROMOTE, place, format!("this names the new `{name}`: the revocation kills it, and the old one lives on"))
                    .at("the version in use")
                    .label(node.step.at.0, "meant for the version before")
                    .help(format!("write `previous.{name}` in place of `secrets.{name}`")),
            );
        }
    }
}

/// Whether some step stores a new value of a field of a secret.
fn is_written(cx: &Context<'_, '_>, name: &str, field: Option<&str>) -> bool {
    cx.writes_of(name).iter().any(|w| {
        let value = match cx.order().get(w.step).map(|node| &node.step.task) {
            Some(Task::Update(update)) => &update.value,
            Some(Task::Stage(stage)) => &stage.value,
            _ => return false,
        };
        match (value, field) {
            (NewValue::Fields(fields), Some(field)) => fields.iter().any(|(stored, _)| stored == field),
            _ => true,
        }
    })
}

/// The step that makes the new value current after `step`, where none does before it.
fn comes_later(cx: &Context<'_, '_>, step: usize, secret: &str) -> Option<Span> {
    let publishes = || cx.writes_of(secret).iter().filter(|w| matches!(w.act, Act::Promote | Act::Update));
    if publishes().any(|w| cx.order().may_precede(w.step, step) || cx.order().is_within(step, w.step)) {
        return None;
    }
    publishes().find(|w| cx.order().may_precede(step, w.step)).map(|w| w.span)
}

fn found(name: &str, span: Span, late: Span) -> Diagnostic {
    Diagnostic::new(codes::REVOKE_BEFORE_PROMOTE, span, format!("the old `{name}` is revoked before the new one is in use"))
        .at("nothing works from here on")
        .label(late, "the new value comes into use only here")
        .help(format!("move it after that step, as `revoke previous.{name} after … {{ … }}`"))
}

/// Conductor has no word for what a call does: a DELETE, or a call of `revoke`, between a new credential and its storing.
fn by_method(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    if cx.plan.dialect.semantics().declares_intent {
        return;
    }
    let mut by_store: Vec<&Keeping<'_>> = cx.keepings().iter().collect();
    by_store.sort_by_key(|k| k.store);
    let mut seen = HashSet::new();
    for request in cx.flow.requests.iter().filter(|r| is_revocation(r.http) && !cx.carried(r).is_empty()) {
        let behind = by_store.partition_point(|k| k.store <= request.step);
        let late = by_store.iter().skip(behind).find(|kept| {
            request.step != kept.maker
                && cx.order().may_precede(request.step, kept.store)
                && !cx.order().are_parallel(request.step, kept.store)
        });
        let Some((kept, store)) = late.and_then(|kept| Some((kept, cx.order().get(kept.store)?))) else { continue };
        let Some(node) = cx.order().get(request.step).filter(|_| seen.insert(request.step)) else { continue };
        out.push(
            found(kept.secret, node.step.at.0, store.step.at.0)
                .severity(Severity::Warning)
                .confidence(Confidence::Medium)
                .help("store the new credential first, and revoke the old one after it was tried"),
        );
    }
}

fn is_revocation(http: &Http) -> bool {
    let mut text = String::new();
    http.url.walk(&mut |part| text.extend(part.as_str()));
    let last = text.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    http.method == "DELETE" || (http.method != "GET" && ["revoke", "invalidate", "deactivate", "disable"].iter().any(|w| last.starts_with(w)))
}
