//! # ROT502 revoke-before-promote
//!
//! What it finds: a credential that is in use is revoked: the old one before the new one is stored and promoted, or on a way where it
//! never is; the new one in place of the old, at once or after a grace; either of them in `on failure`; the old one before the new one has been sent to
//! where it is used. Each way through
//! branches, `parallel` and called rotations is looked at. In Conductor JSON, which does not say
//! what a call does: a DELETE or a call of `revoke` before the new credential is stored, beside that, or after a store that may have
//! failed; and one that names the new credential. An error where the text proves what is revoked: the call names the secret that is
//! stored, or the collection in which the new credential was made. So is a revocation before there is a new credential, one that names a
//! secret which holds the new id by then, one of all that a list holds which was read too late, and one that is reached on a way on which
//! nothing was stored. So is one that ends what is at the
//! address where the new one was made, and one that on the way that failed names the old one. A SWITCH that revokes where the answer is bad and fails where it is good is a warning. What is taken back on a way
//! that fails, and what says that it is out of use (`inactiveIds`), is none of these.
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
use crate::check::intent;
use crate::check::life::Kind;
use crate::check::lifecycle::Keeping;
use crate::diagnostic::{Confidence, Diagnostic, Severity, codes};
use crate::plan::effect::Effect;
use crate::plan::expr::{Root, Version};
use crate::plan::task::Http;
use crate::plan::{ExprKind, Task};
use crate::source::Span;
use std::collections::{HashMap, HashSet};

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    let mut seen = HashSet::new();
    by_method(cx, &mut seen, out);
    before_it_arrives(cx, out);
    intent::revoke::check(cx, &mut seen, out);
    intent::workers::revoked_untried(cx, out);
    for fact in &cx.life {
        let name = fact.secret;
        let diagnostic = match fact.kind {
            Kind::RevokedEarly { published } => found(name, fact.span, published),
            Kind::RevokedUnreplaced { staged } => Diagnostic::new(
                codes::REVOKE_BEFORE_PROMOTE,
                fact.span,
                format!("the `{name}` in use is revoked, and on this way nothing takes its place"),
            )
            .at("nothing works from here on")
            .label(staged, "staged here, and not promoted on this way")
            .help(format!("promote `{name}` on this way first, or revoke only where it is promoted")),
            Kind::RevokedNew { published, deferred } => Diagnostic::new(
                codes::REVOKE_BEFORE_PROMOTE,
                fact.span,
                format!("this names the new `{name}`: the revocation kills it, and the old one lives on"),
            )
            .at(if deferred { "in use by then" } else { "the version in use" })
            .label(published, "in use from here on")
            .help(format!("name the old one: `previous.{name}` is the version before the promotion")),
            Kind::RevokedStaged { published } => Diagnostic::new(
                codes::REVOKE_BEFORE_PROMOTE,
                fact.span,
                format!("the new `{name}` is revoked, and promoted afterwards"),
            )
            .at("the new one is dead from here on")
            .label(published, "comes into use here")
            .help(format!("name the old one: `previous.{name}` after the promotion")),
            Kind::RevokedOnFailure => Diagnostic::new(
                codes::REVOKE_BEFORE_PROMOTE,
                fact.span,
                format!("when a step fails, this revokes the `{name}` that is in use"),
            )
            .at("in use when the run fails")
            .help(format!(
                "in `on failure` revoke only what did not come into use; put `promote {name}` last, so that nothing can fail behind it"
            )),
            _ => continue,
        };
        out.push(diagnostic);
    }
}

fn found(name: &str, span: Span, late: Span) -> Diagnostic {
    Diagnostic::new(codes::REVOKE_BEFORE_PROMOTE, span, format!("the old `{name}` is revoked before the new one is in use"))
        .at("nothing works from here on")
        .label(late, "the new value comes into use only here")
        .help(format!("move it after that step, as `revoke previous.{name} after … {{ … }}`"))
}

/// The old credential is revoked at once, and only behind that is the new one brought to where it is used.
fn before_it_arrives(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    let order = cx.order();
    let brings = brought(cx);
    for (id, node) in order.iter() {
        let Task::Revoke(revoke) = &node.step.task else { continue };
        if revoke.after.is_some() {
            continue;
        }
        let name = &revoke.secret;
        let steps = brings.get(&(node.rotation, name.as_str())).map_or(&[][..], Vec::as_slice);
        let behind = steps.partition_point(|step| *step <= id);
        let late = steps.iter().skip(behind).find(|later| !order.is_within(**later, id) && order.may_precede(id, **later));
        let Some(late) = late.and_then(|later| order.get(*later)).map(|other| other.step.at.0) else { continue };
        out.push(
            Diagnostic::new(
                codes::REVOKE_BEFORE_PROMOTE,
                node.step.at.0,
                format!("the old `{name}` is revoked before the new one has been brought to where it is used"),
            )
            .at("whoever has the old one is refused from here on")
            .label(late, "gets the new one only here")
            .severity(Severity::Warning)
            .help("move the revocation behind that step, or give it time: `after 1h`"),
        );
    }
}

/// By rotation and secret the requests that bring its current version to where it is used, in text order.
fn brought<'p>(cx: &Context<'_, 'p>) -> HashMap<(usize, &'p str), Vec<usize>> {
    let mut brings: HashMap<_, Vec<usize>> = HashMap::new();
    for (id, node) in cx.order().iter() {
        let Task::Http(http) = &node.step.task else { continue };
        if http.effect == Effect::Revokes || http.effect.is_read() {
            continue;
        }
        for (_, expr) in http.request_exprs().into_iter().filter(|(part, _)| !part.authenticates()) {
            expr.walk(&mut |part| {
                if let ExprKind::Ref(Root::Secret { name, version: Version::Current, .. }) = &part.kind {
                    brings.entry((node.rotation, name.as_str())).or_default().push(id);
                }
            });
        }
    }
    brings
}

/// Conductor has no word for what a call does: a DELETE, or a call of `revoke`, that comes before a new credential is stored, beside
/// that, or whether it was stored or not; or that names the new one.
fn by_method(cx: &Context<'_, '_>, seen: &mut HashSet<usize>, out: &mut Vec<Diagnostic>) {
    if cx.plan.dialect.semantics().declares_intent {
        return;
    }
    let mut by_store: Vec<&Keeping<'_>> = cx.keepings().iter().collect();
    by_store.sort_by_key(|k| k.store);
    for request in cx.flow.requests.iter().filter(|r| intent::is_revocation(r.http)) {
        let Some(node) = cx.order().get(request.step) else { continue };
        let names = cx.intent.revocation(request.step);
        // To make room for a new one, what is no longer in use may go first; and what did not work is taken back.
        let is_over = names.is_some_and(|r| r.names.words.iter().any(|word| intent::is_of_the_dead(word)));
        if is_over || intent::revoke::is_undo(cx, request.step) {
            continue;
        }
        let own = by_store.iter().filter(|k| k.maker != request.step && cx.order().get(k.store).is_some_and(|s| s.rotation == node.rotation));
        // Beside each other each branch has its own: what was made and stored before it in its branch is what it replaces.
        let settled = by_store.iter().any(|k| {
            k.maker != request.step && cx.order().dominates(k.store, request.step) && cx.order().around(k.store).any(|up| cx.order().is_within(request.step, up)) && is_about(cx, request.http, k)
        });
        let own = own.filter(|k| !(settled && cx.order().are_parallel(k.store, request.step)));
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
                Early::Elsewhere => format!("the old `{}` is revoked also where the new one is not stored", kept.secret),
            };
            let label = match early {
                Early::Before | Early::Beside => "the new value comes into use only here",
                Early::Regardless => "optional: a failure does not stop the workflow",
                Early::Elsewhere => "stored only in some branches",
            };
            let help = match early {
                Early::Before | Early::Beside => "store the new credential first, and revoke the old one after it was tried",
                Early::Regardless => "remove `optional` from the task that stores the new credential",
                Early::Elsewhere => "revoke it in the branch that stores the new one, or store it in each",
            };
            let found = Diagnostic::new(codes::REVOKE_BEFORE_PROMOTE, node.step.at.0, message)
                .at("nothing works from here on")
                .label(store.step.at.0, label)
                .help(help);
            // What only one way does may have a reason there.
            let certain = !matches!(early, Early::Before) || cx.order().dominates(request.step, kept.store);
            out.push(if certain && is_about(cx, request.http, kept) { found } else { found.severity(Severity::Warning).confidence(Confidence::Medium) });
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
    /// The step that stores it stands in a branch, the revocation behind all of them.
    Elsewhere,
}

fn early(cx: &Context<'_, '_>, revoke: usize, kept: &Keeping<'_>) -> Option<Early> {
    let order = cx.order();
    if order.are_parallel(revoke, kept.store) {
        Some(Early::Beside)
    } else if order.may_precede(revoke, kept.store) {
        Some(Early::Before)
    } else {
        let optional = order.get(kept.store).is_some_and(|n| n.step.optional);
        if !order.may_precede(kept.store, revoke) {
            return None;
        }
        // Where several steps store it, each may be that of a branch.
        let stored = cx.keepings_of(kept.secret).iter().chain(cx.keepings_of_atom(kept.atom));
        let only = !stored.into_iter().any(|other| other.store != kept.store);
        let behind = only && order.is_certain(revoke) && !order.is_certain(kept.store) && order.is_certain(kept.maker);
        match (optional, behind && is_chosen(cx, kept.store)) {
            (true, _) => Some(Early::Regardless),
            (false, true) => Some(Early::Elsewhere),
            (false, false) => None,
        }
    }
}

/// Whether a condition decides that a step runs.
fn is_chosen(cx: &Context<'_, '_>, step: usize) -> bool {
    cx.order().around(step).any(|up| cx.order().is_choice(up))
}

/// Whether nothing but inputs and what is written out decides that a step runs.
fn by_inputs_alone(cx: &Context<'_, '_>, step: usize) -> bool {
    cx.order().around(step).all(|up| match cx.order().get(up).map(|n| &n.step.task) {
        Some(Task::Switch(switch)) => {
            let mut inputs = true;
            switch.subject.walk(&mut |part| {
                inputs &= !matches!(&part.kind, ExprKind::Ref(root) if !matches!(root, Root::Input(_)));
            });
            inputs
        }
        Some(Task::Parallel(_)) => true,
        _ => false,
    })
}

/// Whether a revocation is of the credential that is replaced: it names the secret, or what stands in the collection in which the
/// new one was made.
fn is_about(cx: &Context<'_, '_>, http: &Http, kept: &Keeping<'_>) -> bool {
    intent::about(http).iter().any(|e| e.reads_secret(kept.secret, &[Version::Current])) || cx.http(kept.maker).is_some_and(|maker| is_of_collection(http, maker))
}

/// Whether the URL of a call lies below that of the call which made a credential.
pub(super) fn is_of_collection(http: &Http, maker: &Http) -> bool {
    intent::relation(http, maker) == Some(intent::Relation::Sure)
}

/// The new credential that a revocation names behind its storing.
fn names_the_new<'a, 'p>(cx: &'a Context<'_, 'p>, revoke: usize, http: &Http) -> Option<(&'a Keeping<'p>, Span)> {
    // What comes of a task may say that the new one is no good; an input says nothing of it.
    let certain = cx.order().is_certain(revoke) || by_inputs_alone(cx, revoke);
    let settled = |k: &&Keeping<'_>| certain || intent::revoke::is_settled(cx, revoke, k.maker);
    cx.keepings().iter().filter(|k| cx.order().may_precede(k.store, revoke)).filter(settled).find_map(|kept| {
        let maker = cx.order().get(kept.maker)?;
        let mut place = None;
        let mut old = false;
        for expr in intent::about(http) {
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
