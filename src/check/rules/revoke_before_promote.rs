//! # ROT502 revoke-before-promote
//!
//! What it finds: the old credential is revoked before the new one is stored and promoted. In Conductor JSON, which does not say
//! what a call does: a DELETE or a call of `revoke` before the new credential is stored, beside that, or after a store that may have
//! failed; and one that names the new credential. An error where the text proves what is revoked: the call names the secret that is
//! stored, or the collection in which the new credential was made.
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

/// Conductor has no word for what a call does: a DELETE, or a call of `revoke`, that comes before a new credential is stored, beside
/// that, or whether it was stored or not; or that names the new one.
fn by_method(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    if cx.plan.dialect.semantics().declares_intent {
        return;
    }
    let mut by_store: Vec<&Keeping<'_>> = cx.keepings().iter().collect();
    by_store.sort_by_key(|k| k.store);
    let mut seen = HashSet::new();
    for request in cx.flow.requests.iter().filter(|r| is_revocation(r.http)) {
        let Some(node) = cx.order().get(request.step) else { continue };
        let own = by_store.iter().filter(|k| k.maker != request.step && cx.order().get(k.store).is_some_and(|s| s.rotation == node.rotation));
        let case = own.filter_map(|kept| Some((*kept, early(cx, request.step, kept)?))).find(|(kept, early)| {
            let proven = is_about(cx, request.http, kept);
            proven || matches!(early, Early::Before) && !cx.carried(request).is_empty()
        });
        if let Some((kept, early)) = case
            && let Some(store) = cx.order().get(kept.store)
            && seen.insert(request.step)
        {
            let message = match early {
                Early::Before => format!("the old `{}` is revoked before the new one is in use", kept.secret),
                Early::Beside => format!("the old `{}` is revoked while the new one is still being stored", kept.secret),
                Early::Regardless => format!("the old `{}` is revoked even where the new one could not be stored", kept.secret),
            };
            let label = match early {
                Early::Before | Early::Beside => "the new value comes into use only here",
                Early::Regardless => "optional: a failure does not stop the workflow",
            };
            let help = match early {
                Early::Before | Early::Beside => "store the new credential first, and revoke the old one after it was tried",
                Early::Regardless => "remove `optional` from the task that stores the new credential",
            };
            let found = Diagnostic::new(codes::REVOKE_BEFORE_PROMOTE, node.step.at.0, message)
                .at("nothing works from here on")
                .label(store.step.at.0, label)
                .help(help);
            out.push(if is_about(cx, request.http, kept) { found } else { found.severity(Severity::Warning).confidence(Confidence::Medium) });
        } else if let Some((kept, place)) = names_the_new(cx, request.step, request.http)
            && seen.insert(request.step)
        {
            out.push(
                Diagnostic::new(codes::REVOKE_BEFORE_PROMOTE, place, format!("this names the new `{}`: the revocation kills it, and the old one lives on", kept.secret))
                    .at("comes from the call that made the new credential")
                    .help("name the old credential: its id is read before the new one is stored"),
            );
        }
    }
}

/// How a revocation stands to the storing of the new credential.
#[derive(Clone, Copy)]
enum Early {
    Before,
    Beside,
    /// The step that stores it may have failed.
    Regardless,
}

fn early(cx: &Context<'_, '_>, revoke: usize, kept: &Keeping<'_>) -> Option<Early> {
    let order = cx.order();
    if order.are_parallel(revoke, kept.store) {
        Some(Early::Beside)
    } else if order.may_precede(revoke, kept.store) {
        Some(Early::Before)
    } else {
        let optional = order.get(kept.store).is_some_and(|n| n.step.optional);
        (optional && order.may_precede(kept.store, revoke)).then_some(Early::Regardless)
    }
}

/// Whether a revocation is of the credential that is replaced: it names the secret, or what stands in the collection in which the
/// new one was made.
fn is_about(cx: &Context<'_, '_>, http: &Http, kept: &Keeping<'_>) -> bool {
    about(http).iter().any(|e| e.reads_secret(kept.secret, &[Version::Current])) || cx.http(kept.maker).is_some_and(|maker| is_of_collection(http, maker))
}

/// Whether the URL of a call lies below that of the call which made a credential.
pub(super) fn is_of_collection(http: &Http, maker: &Http) -> bool {
    let (own, made) = (address(http), address(maker));
    let made = made.trim_end_matches('/');
    maker.method == "POST" && made.len() > "https://".len() && own.strip_prefix(made).is_some_and(|rest| rest.starts_with('/'))
}

/// What is written out of a URL before its query.
fn address(http: &Http) -> String {
    let mut text = String::new();
    http.url.walk(&mut |part| text.extend(part.as_str()));
    text.split(['?', '#']).next().unwrap_or_default().to_owned()
}

/// The new credential that a revocation names behind its storing.
fn names_the_new<'a, 'p>(cx: &'a Context<'_, 'p>, revoke: usize, http: &Http) -> Option<(&'a Keeping<'p>, Span)> {
    if !cx.order().is_certain(revoke) {
        return None;
    }
    cx.keepings().iter().filter(|k| cx.order().may_precede(k.store, revoke)).find_map(|kept| {
        let maker = cx.order().get(kept.maker)?;
        let mut place = None;
        let mut old = false;
        for expr in about(http) {
            old |= expr.reads_secret(kept.secret, &[Version::Current]);
            let mut keys = Vec::new();
            crate::check::flow::access(expr, &mut keys);
            expr.walk(&mut |part| {
                let step = match &part.kind {
                    ExprKind::Ref(Root::Capture { step, name }) if !is_of_the_old(name) => step,
                    ExprKind::Ref(Root::Output(step)) => step,
                    _ => return,
                };
                if *step == maker.step.name {
                    place = place.or(Some(part.at.0));
                }
            });
            old |= keys.iter().any(|key| is_of_the_old(key));
        }
        place.filter(|_| !old).map(|place| (kept, place))
    })
}

/// Whether a field says that it is of the credential before.
fn is_of_the_old(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["old", "prev"].iter().any(|word| name.contains(word))
}

pub(super) fn is_revocation(http: &Http) -> bool {
    let text = address(http);
    let last = text.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    http.method == "DELETE" || (http.method != "GET" && ["revoke", "invalidate", "deactivate", "disable"].iter().any(|w| last.starts_with(w)))
}
