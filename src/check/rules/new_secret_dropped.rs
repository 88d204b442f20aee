//! # ROT503 new-secret-dropped
//!
//! What it finds: a request that issues a credential of which nothing is kept, or a new value that is set on a server and never stored,
//! or one that is staged and never promoted, or a field that a call has used up and that is stored or sent once more. In Conductor JSON: a warning for what is masked as a
//! credential and read by nothing, only tried by a workflow whose name says that it rotates, or made in each round of a loop and stored
//! behind it.
//!
//! ## Why it matters
//!
//! Where the old credential dies on the call, nobody has one that works. Else a credential stays valid that nobody knows of and nobody will revoke.
//!
//! ## Fails
//!
//! ```rot
//! secret admin_key to "api.example.com"
//!
//! rotation r {
//!   http mint POST "https://api.example.com/tokens" issues additive {
//!     bearer secrets.admin_key
//!     public id = body $.id
//!   }
//!   log "made ${mint.id}"
//! }
//! ```
//!
//! ## Mended
//!
//! ```rot
//! secret admin_key to "api.example.com"
//! secret api_token
//!
//! rotation r {
//!   http mint POST "https://api.example.com/tokens" issues additive {
//!     bearer secrets.admin_key
//!     secret token = body $.token
//!   }
//!   update api_token = mint.token
//! }
//! ```

use super::revoke_before_promote::is_of_collection;
use crate::check::intent::{self, is_revocation};
use crate::check::context::Context;
use crate::check::flow::{Atom, Request, Sink, Taint};
use crate::check::life::{Kind, is_always_there};
use crate::check::lifecycle::{Act, Keeping};
use crate::diagnostic::{Confidence, Diagnostic, Severity, codes};
use crate::plan::effect::{Effect, Issues, Old};
use crate::plan::expr::{Operator, Root, Version};
use crate::plan::task::{Capture, Http};
use crate::plan::task::lifecycle::NewValue;
use crate::plan::{Derivation, ExprKind, Origin, Task};
use crate::source::Span;
use std::collections::{BTreeSet, HashMap, HashSet};

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    never_promoted(cx, out);
    on_some_way(cx, out);
    never_taken(cx, out);
    each_round(cx, out);
    dead_field_kept(cx, out);
    intent::keep::made_in_rounds(cx, out);
    if !cx.plan.dialect.semantics().declares_intent {
        intent::keep::overwritten_in_rounds(cx, out);
    }
    let (kept, setters, fetches) = (kept(cx), setters(cx), fetches(cx));
    let stored = if !cx.plan.dialect.semantics().declares_intent { stored(cx) } else { HashMap::new() };
    let tried = if !cx.plan.dialect.semantics().declares_intent { tried(cx) } else { HashMap::new() };
    for (id, node) in cx.order().iter() {
        let name = &node.step.name;
        if let Task::Http(http) = &node.step.task {
            let Effect::Issues(Issues { old, assumed, .. }) = &http.effect else { continue };
            if *assumed {
                masked_for_nothing(cx, id, stored.get(&id).map_or(&[], Vec::as_slice), out);
                if tried.get(&id) == Some(&true) {
                    tried_alone(cx, id, out);
                }
                continue;
            }
            let dies = matches!(old, Old::Dies { .. });
            let any_used = http.captures.iter().any(|c| c.secret && cx.flow.used.contains(&(id, c.name.as_str())));
            let message = if !any_used && !cx.flow.used.contains(&(id, "")) && !is_fetched_later(cx, id, name, &fetches) {
                format!("`{name}` issues a credential, and nothing of it is used")
            } else if dies && !kept.contains(&id) {
                format!("`{name}` kills the old credential, and the new one is never stored")
            } else {
                continue;
            };
            out.push(
                Diagnostic::new(codes::NEW_SECRET_DROPPED, node.step.at.0, message)
                    .at("the new credential is lost when the run ends")
                    .help("capture it with `secret NAME = body $.…` and store it with `update` or `stage`; if no credential is made, declare another effect"),
            );
        }
        if matches!(node.step.task, Task::Generate(_))
            && !kept.contains(&id)
            && let Some(request) = setters.get(&id)
        {
            let setter = cx.flow.step_name(request.step);
            out.push(
                Diagnostic::new(
                    codes::NEW_SECRET_DROPPED,
                    node.step.at.0,
                    format!("`{name}` is set by `{setter}` and never stored"),
                )
                .at("the new value is lost when the run ends")
                .label(request.http.url.at.0, "set here")
                .help(format!("store it before `{setter}`: `stage NAME = {name}.value`")),
            );
        }
    }
}

/// Whether the step only ordered the credential: another request names what it captured, and what that one got is stored, be it
/// a secret or, as a certificate is, public.
fn is_fetched_later(cx: &Context<'_, '_>, id: usize, name: &str, fetches: &HashMap<&str, BTreeSet<usize>>) -> bool {
    let makers = fetches.get(name).into_iter().flat_map(|makers| makers.range(id + 1..));
    makers.into_iter().any(|maker| cx.order().may_precede(id, *maker))
}

/// By the name of each step the requests that name what it captured, and of which something is stored.
fn fetches<'p>(cx: &Context<'_, 'p>) -> HashMap<&'p str, BTreeSet<usize>> {
    let order = cx.order();
    let mut makers: BTreeSet<usize> = cx.keepings().iter().map(|kept| kept.maker).collect();
    for (_, node) in order.iter() {
        for value in new_value(&node.step.task).into_iter().flat_map(NewValue::exprs) {
            cx.meant(node.rotation, value).each_captured(&mut |step| makers.extend(order.find(node.rotation, step)));
        }
    }
    let mut fetches: HashMap<&str, BTreeSet<usize>> = HashMap::new();
    for maker in makers {
        for expr in cx.http(maker).into_iter().flat_map(Http::exprs) {
            expr.each_captured(&mut |step| {
                fetches.entry(step).or_default().insert(maker);
            });
        }
    }
    fetches
}

fn sets(effect: &Effect) -> bool {
    matches!(effect, Effect::Sets | Effect::SetsSelf | Effect::SetsSlot)
}

/// The steps that made what is in a taint.
fn makers<'a>(cx: &'a Context<'_, '_>, taint: &'a Taint) -> impl Iterator<Item = usize> {
    taint.iter().filter(|e| !e.control && e.derivation > Derivation::Weak).filter_map(|e| match cx.flow.trails.atom(e.atom) {
        Some(Atom::Origin { rotation: Some(rotation), origin: Origin::Minted { step, .. } }) => cx.order().find(*rotation, step),
        Some(Atom::Answer { step, .. }) => Some(*step),
        _ => None,
    })
}

/// The steps of which something is stored, returned, or passed on.
fn kept(cx: &Context<'_, '_>) -> HashSet<usize> {
    let keeps = |sink: &Sink<'_>| matches!(sink, Sink::Store { .. } | Sink::Output { .. } | Sink::CallInput { .. });
    cx.flow.events.iter().filter(|e| keeps(&e.sink)).flat_map(|e| makers(cx, &e.taint)).collect()
}

/// For each step the first request that sets what it made.
fn setters<'a, 'p>(cx: &Context<'a, 'p>) -> HashMap<usize, &'a Request<'p>> {
    let mut setters = HashMap::new();
    for request in cx.flow.requests.iter().filter(|r| sets(&r.http.effect)) {
        for maker in makers(cx, &request.carries) {
            setters.entry(maker).or_insert(request);
        }
    }
    setters
}

/// A value that is staged and never becomes current.
fn never_promoted(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    for stage in cx.writes().iter().filter(|w| w.act == Act::Stage) {
        let name = stage.secret;
        if !cx.writes_of(name).iter().any(|w| w.act == Act::Promote) {
            out.push(
                Diagnostic::new(codes::NEW_SECRET_DROPPED, stage.span, format!("the new `{name}` is staged, and nothing promotes it"))
                    .at("never comes into use")
                    .help(format!("add `promote {name}` after the check")),
            );
        }
    }
}

/// What is lost on one of the ways through a rotation.
fn on_some_way(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    for fact in &cx.life {
        let name = fact.secret;
        out.push(match fact.kind {
            Kind::LeftStaged { end } => {
                let found = Diagnostic::new(codes::NEW_SECRET_DROPPED, fact.span, format!("on one way through the rotation the new `{name}` stays pending"))
                    .at("staged here")
                    .severity(Severity::Warning)
                    .help(format!("`promote {name}` on each way that ends well, or `fail` where it must not come into use"));
                match end {
                    Some(stop) => found.label(stop, "ends the run as done"),
                    None => found,
                }
            }
            Kind::Unused { end } => {
                let found = Diagnostic::new(codes::NEW_SECRET_DROPPED, fact.span, format!("on one way through the rotation nothing is done with what `{name}` issues"))
                    .at("the new credential is lost there")
                    .severity(Severity::Warning)
                    .help("ask for it only where it is stored, or revoke it where it is not");
                match end {
                    Some(stop) => found.label(stop, "ends the run as done"),
                    None => found,
                }
            }
            Kind::SpentStored { sent } => Diagnostic::new(codes::NEW_SECRET_DROPPED, fact.span, format!("what is stored in `{name}` here was used up by the call before"))
                .at("dead when it is stored")
                .label(sent, "this call ends its life")
                .help("capture the new one from the answer and store it"),
            Kind::SpentSent { sent } => Diagnostic::new(codes::NEW_SECRET_DROPPED, fact.span, format!("what is sent of `{name}` here was used up by a call before"))
                .at("refused, or taken for a theft: many servers then end all that came of it")
                .label(sent, "this call ends its life")
                .help("send what that call answered: capture it, and use the capture"),
            _ => continue,
        });
    }
}

/// `secrets.NAME ?? new`: a secret is never missing, so that the new value is never taken.
fn never_taken(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    if !cx.plan.dialect.semantics().declares_intent {
        return;
    }
    for (_, node) in cx.order().iter() {
        for expr in new_value(&node.step.task).into_iter().flat_map(NewValue::exprs) {
            if let ExprKind::Binary(Operator::Else, old, new) = &cx.meant(node.rotation, expr).kind
                && is_always_there(cx.meant(node.rotation, old))
            {
                out.push(
                    Diagnostic::new(codes::NEW_SECRET_DROPPED, expr.at.0, "the new value is never taken: the secret on the left is always there")
                        .at("stores the old value again")
                        .label(new.at.0, "never taken")
                        .help("put the new value first, or leave the old one out"),
                );
            }
        }
    }
}

/// A loop that issues a credential in each round and keeps that of the last one.
fn each_round(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    if !cx.plan.dialect.semantics().declares_intent {
        return;
    }
    let order = cx.order();
    let mut seen = HashSet::new();
    let is_once = |outer: usize| match order.get(outer).map(|n| &n.step.task) {
        Some(Task::ForEach(each)) => matches!(&each.items.kind, ExprKind::List(items) if items.len() < 2),
        Some(Task::Repeat(repeat)) => repeat.at_most < 2,
        _ => true,
    };
    // Where a step is run: itself, or the calls by which it is.
    let runs = |id: usize| {
        let of = order.get(id).map(|node| node.rotation);
        std::iter::once(id).chain(of.map(|rotation| cx.calls.chain(rotation, order)).unwrap_or_default())
    };
    let is_chosen = |id: usize, outer: usize| {
        order.around(id).take_while(|up| *up != outer).any(|up| order.is_choice(up))
    };
    for kept in cx.keepings() {
        let around = |made: usize| order.loop_around(made).filter(|outer| !is_once(*outer) && runs(kept.store).any(|stored| order.is_within(stored, *outer)));
        let Some(outer) = runs(kept.maker).find_map(around) else { continue };
        // What a condition chooses may be another secret in each round.
        let chosen = runs(kept.store).any(|stored| is_chosen(stored, outer));
        let (Some(node), Some(around)) = (order.get(kept.store), order.get(outer)) else { continue };
        if chosen || !seen.insert(kept.store) {
            continue;
        }
        out.push(
            Diagnostic::new(codes::NEW_SECRET_DROPPED, node.step.at.0, format!("each round of the loop overwrites the `{}` of the round before", kept.secret))
                .at("only the last one is kept")
                .label(around.step.at.0, "for each round")
                .severity(Severity::Warning)
                .help("store each in a secret of its own"),
        );
    }
    for (id, node) in order.iter() {
        let Task::Repeat(_) = &node.step.task else { continue };
        if is_once(id) {
            continue;
        }
        let within = || order.range(id + 1..usize::MAX).take_while(|(inner, _)| order.is_within(*inner, id));
        if within().any(|(_, n)| matches!(&n.step.task, Task::Http(http) if http.effect == Effect::Revokes)) {
            continue;
        }
        let stored: HashSet<usize> = cx.keepings().iter().filter(|k| order.is_within(k.store, id)).map(|k| k.maker).collect();
        for (maker, made) in within() {
            let Task::Http(http) = &made.step.task else { continue };
            let issues = matches!(&http.effect, Effect::Issues(Issues { assumed: false, .. })) && http.captures.iter().any(|c| c.secret);
            if issues && !stored.contains(&maker) {
                out.push(
                    Diagnostic::new(codes::NEW_SECRET_DROPPED, made.step.at.0, format!("each round of the loop makes `{}` issue another credential", made.step.name))
                        .at("those of earlier rounds are lost")
                        .label(node.step.at.0, "repeated here")
                        .severity(Severity::Warning)
                        .help("issue it before the loop, and repeat the request that asks whether it is ready"),
                );
            }
        }
    }
}

/// The names of what is stored or passed on of each step.
fn stored<'a>(cx: &'a Context<'_, '_>) -> HashMap<usize, Vec<&'a str>> {
    let keeps = |sink: &Sink<'_>| matches!(sink, Sink::Store { .. } | Sink::Output { masked: true, .. } | Sink::CallInput { .. });
    let mut stored: HashMap<usize, Vec<&str>> = HashMap::new();
    for entry in cx.flow.events.iter().filter(|e| keeps(&e.sink)).flat_map(|e| e.taint.iter()).filter(|e| !e.control) {
        match cx.flow.trails.atom(entry.atom) {
            Some(Atom::Origin { rotation: Some(rotation), origin: Origin::Minted { step, name, .. } }) => {
                if let Some(id) = cx.order().find(*rotation, step) {
                    stored.entry(id).or_default().push(name);
                }
            }
            Some(Atom::Answer { step, path }) => stored.entry(*step).or_default().extend(path.last().map(String::as_str)),
            _ => {}
        }
    }
    stored
}

/// Conductor: something of an answer is stored, and a credential in it is not.
fn other_stored(cx: &Context<'_, '_>, id: usize, stored: &[&str], out: &mut Vec<Diagnostic>) {
    let Some((node, http)) = cx.order().get(id).zip(cx.http(id)) else { return };
    let lost = http.captures.iter().find(|c| c.secret && !stored.contains(&c.name.as_str()));
    if let (Some(other), Some(lost)) = (stored.first(), lost) {
        out.push(
            Diagnostic::new(
                codes::NEW_SECRET_DROPPED,
                lost.at.0,
                format!("`{}` keeps the credential `{}` and stores `{other}` alone", node.step.name, lost.name),
            )
            .at("masked as a credential, and never stored")
            .help(format!("store `{}` with UPDATE_SECRET; if nobody needs it, leave it out of the `outputFilter`", lost.name))
            .severity(Severity::Warning)
            .confidence(Confidence::Medium),
        );
    }
}

/// A call that kills what it was made with, whose answer is stored in the same record without the field that was sent.
fn dead_field_kept(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    let mut seen = HashSet::new();
    let mut keepings: HashMap<usize, Vec<&Keeping<'_>>> = HashMap::new();
    for kept in cx.keepings() {
        keepings.entry(kept.maker).or_default().push(kept);
    }
    for request in &cx.flow.requests {
        let Effect::Issues(Issues { old: Old::Dies { .. }, .. }) = &request.http.effect else { continue };
        let mut sent: Vec<(&str, &str, Span)> = Vec::new();
        for expr in request.http.exprs() {
            expr.walk(&mut |part| {
                if let ExprKind::Ref(Root::Secret { name, field: Some(field), version: Version::Current }) = &part.kind {
                    sent.push((name, field, part.at.0));
                }
            });
        }
        for kept in keepings.get(&request.step).into_iter().flatten() {
            let Some(NewValue::Fields(stored)) = cx.order().get(kept.store).and_then(|n| new_value(&n.step.task)) else { continue };
            let of_record: Vec<_> = sent.iter().filter(|(name, ..)| *name == kept.secret).collect();
            let is_stored = |field: &str| stored.iter().any(|(name, _)| name == field);
            let Some((name, field, span)) = of_record.first().filter(|_| !of_record.iter().any(|(_, f, _)| is_stored(f))) else { continue };
            let store = cx.order().get(kept.store).map_or(Span::NONE, |n| n.step.at.0);
            if !seen.insert(store) {
                continue;
            }
            let found = Diagnostic::new(
                codes::NEW_SECRET_DROPPED,
                store,
                format!("`{name}.{field}` was sent to a call that kills the old credential, and `{name}` is stored without a new one"),
            )
            .at(format!("`{field}` keeps its old value"))
            .label(*span, "sent here")
            .help(format!("capture the new `{field}` and store it as well; if it stays valid, another effect fits the call: `issues additive`"))
            .severity(Severity::Warning)
            .confidence(Confidence::Medium);
            out.push(found);
        }
    }
}

fn new_value(task: &Task) -> Option<&NewValue> {
    task.write().and_then(|write| write.value)
}

/// The steps that made a credential, and whether it was tried and nothing else; none where a new credential is stored.
fn tried(cx: &Context<'_, '_>) -> HashMap<usize, bool> {
    let mut tried = HashMap::new();
    for event in &cx.flow.events {
        if matches!(event.sink, Sink::Store { .. }) && makers(cx, &event.taint).next().is_some() {
            return HashMap::new();
        }
        let is_trial = match event.sink {
            Sink::Variable { .. } | Sink::Branch => true,
            Sink::Request { .. } => cx.request(event).is_some_and(|(request, _)| matches!(request.http.method.as_str(), "GET" | "HEAD")),
            _ => false,
        };
        for entry in event.taint.iter() {
            let Some(Atom::Origin { rotation: Some(rotation), origin: Origin::Minted { step, .. } }) = cx.flow.trails.atom(entry.atom) else { continue };
            if let Some(id) = cx.order().find(*rotation, step) {
                *tried.entry(id).or_insert(true) &= is_trial;
            }
        }
    }
    tried
}

/// Conductor: a workflow that says of itself that it rotates, masks a credential, tries it, and stores nothing that it got. A
/// token for the calls that follow looks the same elsewhere, so that the name has to say it.
fn tried_alone(cx: &Context<'_, '_>, id: usize, out: &mut Vec<Diagnostic>) {
    let Some((node, http)) = cx.order().get(id).zip(cx.http(id)) else { return };
    let Some(rotation) = cx.plan.rotations.get(node.rotation) else { return };
    let Some(capture) = http.captures.iter().find(|c| c.secret) else { return };
    let says_so = [Some(&rotation.name), rotation.description.as_ref()].into_iter().flatten().any(|text| {
        let text = text.to_ascii_lowercase();
        ["rotat", "renew", "reissue"].iter().any(|word| text.contains(word))
    });
    let kills = revokes_the_old(cx, node.rotation, http);
    if !(says_so || kills) || matches!(http.method.as_str(), "GET" | "HEAD") {
        return;
    }
    out.push(
        Diagnostic::new(codes::NEW_SECRET_DROPPED, node.step.at.0, format!("`{}` issues a credential that is tried and never stored", node.step.name))
            .at("the new credential is lost when the workflow ends")
            .label(capture.at.0, "kept here")
            .help("store it with UPDATE_SECRET")
            .severity(if kills { Severity::Error } else { Severity::Warning })
            .confidence(if kills { Confidence::High } else { Confidence::Medium }),
    );
}

/// Whether the workflow also revokes a credential of the kind that a call makes.
fn revokes_the_old(cx: &Context<'_, '_>, rotation: usize, maker: &Http) -> bool {
    cx.flow.requests.iter().any(|r| {
        cx.order().get(r.step).is_some_and(|n| n.rotation == rotation) && is_revocation(r.http) && is_of_collection(r.http, maker)
    })
}

/// Whether a call logs in with what another one made or a step stored: that tries it, and the token is thrown away.
fn is_trial_login(cx: &Context<'_, '_>, id: usize, rotation: usize, http: &Http) -> bool {
    let order = cx.order();
    let checks = intent::is_login(http) || intent::trial::is_a_check(cx.flow.step_name(id));
    checks
        && cx.requests_of(id).flat_map(|r| cx.carried(r)).any(|origin| match origin {
            Origin::Secret(name) => cx.writes_of(name).iter().any(|w| w.step != id && order.may_precede(w.step, id)),
            Origin::Minted { step, .. } => order.find(rotation, step).is_some_and(|maker| maker != id),
            _ => false,
        })
}

/// Conductor: what is masked as a credential and read by nothing.
fn masked_for_nothing(cx: &Context<'_, '_>, id: usize, stored: &[&str], out: &mut Vec<Diagnostic>) {
    let Some((node, http)) = cx.order().get(id).zip(cx.http(id)) else { return };
    let secret = |c: &&Capture| c.secret;
    if is_trial_login(cx, id, node.rotation, http) {
        return;
    }
    other_stored(cx, id, stored, out);
    let used = http.captures.iter().filter(secret).any(|c| cx.flow.used.contains(&(id, c.name.as_str()))) || cx.flow.used.contains(&(id, ""));
    if let (Some(capture), false) = (http.captures.iter().find(secret), used || http.effect.is_read() || http.method == "GET") {
        out.push(
            Diagnostic::new(codes::NEW_SECRET_DROPPED, node.step.at.0, format!("`{}` keeps a credential that nothing reads", node.step.name))
                .at("the new credential is lost when the workflow ends")
                .label(capture.at.0, "kept here")
                .help("store it with UPDATE_SECRET; if it is no new credential, leave it out of the `outputFilter`")
                .severity(if revokes_the_old(cx, node.rotation, http) { Severity::Error } else { Severity::Warning })
                .confidence(Confidence::Medium),
        );
    }
}
