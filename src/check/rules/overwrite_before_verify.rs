//! # ROT501 overwrite-before-verify
//!
//! What it finds: a staged value that is promoted, on some way, without a request that proves that it works; or an update that comes
//! before the request that tries the new value. A request proves something when it sends the new value after it was last set,
//! and not only a name or id of it, to a server that refuses a wrong one: an open page, `expect status 200, 401`, the login of another
//! secret and waiting prove nothing. So is a slot that is set in the branch in which it is the one in use.
//!
//! In Conductor JSON, which has no word for it, a warning where the new value is stored before the request that tries it, unless the call that
//! made it put it in the place of the old one (`PUT`, `…/rotate`) or it is the token of a login; a note where that request reads it from the store, and the
//! old one is revoked behind that at the earliest. An error where what is meant to try it
//! is `optional` and the old one is revoked all the same, or takes a 401 for an answer; a warning where it reads the secret before the new value
//! is in it, is made with the credential of the maker, or where nothing comes of its answer.
//!
//! ## Why it matters
//!
//! From the promotion on everybody uses the new value. If the server did not accept it after all, everything that uses it stops, and the old one may be
//! revoked next.
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
//!     secret token   = body $.token
//!     public expires = body $.expires_at as time
//!   }
//!   stage api_token = mint.token expires mint.expires
//!   promote api_token
//! }
//! ```
//!
//! ## Mended
//!
//! ```rot
//! secret admin_key to "api.example.com"
//! secret api_token to "api.example.com"
//!
//! rotation r {
//!   http mint POST "https://api.example.com/tokens" issues additive {
//!     bearer secrets.admin_key
//!     secret token   = body $.token
//!     public expires = body $.expires_at as time
//!   }
//!   stage api_token = mint.token expires mint.expires
//!   verify {
//!     http GET "https://api.example.com/me" { bearer pending.api_token }
//!   }
//!   promote api_token
//! }
//! ```

use crate::check::context::Context;
use crate::check::intent;
use crate::check::flow::AtomId;
use crate::check::life::{Attempt, Kind};
use crate::check::lifecycle::Keeping;
use crate::diagnostic::{Diagnostic, Severity, codes};
use crate::plan::effect::{Effect, Issues, Old};
use crate::plan::expr::{Operator, Root, Version};
use crate::plan::task::lifecycle::NewValue;
use crate::plan::task::{Http, Switch};
use crate::plan::{Derivation, Expr, ExprKind, Origin, Task};
use std::collections::{HashMap, HashSet};

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    tried_too_late(cx, out);
    intent::trial::check(cx, out);
    slot_in_use(cx, out);
    for fact in &cx.life {
        let Kind::Untried { staged, attempt } = fact.kind else { continue };
        let name = fact.secret;
        let mut found = Diagnostic::new(
            codes::OVERWRITE_BEFORE_VERIFY,
            fact.span,
            format!("`{name}` is promoted before anything proves that the new value works"),
        )
        .at("everybody uses the new value from here on")
        .label(staged, "staged here");
        let mut help = format!("put `verify {{ … }}` with a request that uses `pending.{name}` before it");
        if let Some((place, attempt)) = attempt {
            found = found.label(place, why(attempt));
            help = format!("send `pending.{name}` in `verify` to a page that refuses a wrong one, after the value is set");
        }
        out.push(found.help(help));
    }
}

/// A branch that is taken where a record names a slot as the one in use, sets a slot, and stores the record with that same name.
fn slot_in_use(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    for (id, node) in cx.order().iter() {
        let Task::Switch(switch) = &node.step.task else { continue };
        for (number, branch) in switch.cases.iter().enumerate() {
            let Some((secret, field, slot)) = names_slot(cx, node.rotation, switch, &branch.name) else { continue };
            let mut set = None;
            let mut again = false;
            for (inner, step) in cx.order().range(id + 1..usize::MAX).take_while(|(inner, _)| cx.order().is_within(*inner, id)) {
                if cx.order().block_of(inner, id) != Some(number) {
                    continue;
                }
                if let Task::Http(http) = &step.step.task
                    && http.effect == Effect::SetsSlot
                {
                    set = set.or(Some(http.url.at.0));
                }
                if let Some(write) = step.step.task.write()
                    && let (Some(stored), Some(NewValue::Fields(fields))) = (write.secret, write.value)
                {
                    again |= stored == secret && fields.iter().any(|(name, value)| name == field && cx.meant(node.rotation, value).as_str() == Some(slot));
                }
            }
            let Some(set) = set.filter(|_| again) else { continue };
            out.push(
                Diagnostic::new(
                    codes::OVERWRITE_BEFORE_VERIFY,
                    set,
                    format!("the slot `{slot}` of `{secret}` is set while it is the one in use"),
                )
                .at("everybody who uses it is refused from here on")
                .label(branch.at.0, "here it is the one in use")
                .help("set the idle slot in each branch, and store its name"),
            );
        }
    }
}

/// The record, its field and the text that it has where a case is chosen.
fn names_slot<'p>(cx: &Context<'_, 'p>, rotation: usize, switch: &'p Switch, case: &'p str) -> Option<(&'p str, &'p str, &'p str)> {
    let of = |expr: &'p Expr| match &cx.meant(rotation, expr).kind {
        ExprKind::Ref(Root::Secret { name, field: Some(field), version: Version::Current }) => Some((name.as_str(), field.as_str())),
        _ => None,
    };
    match &switch.subject.kind {
        ExprKind::Binary(Operator::Eq, left, right) if case == "true" => {
            [(left, right), (right, left)].into_iter().find_map(|(secret, text)| {
                let (name, field) = of(secret)?;
                Some((name, field, cx.meant(rotation, text).as_str()?))
            })
        }
        _ => of(&switch.subject).map(|(name, field)| (name, field, case)),
    }
}

/// Why a request proves nothing.
fn why(attempt: Attempt) -> &'static str {
    match attempt {
        Attempt::Open => "answers anybody: no secret is sent",
        Attempt::Current => "tries the version in use, not the new one",
        Attempt::Other => "tries another secret",
        Attempt::Part => "sends only the name or id of it",
        Attempt::Refused => "accepts a refusal as well",
        Attempt::SetLater => "set here, after it was tried",
    }
}

/// An `update` followed by the request that tries the new value, where that could have come first.
fn tried_too_late(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    let tried = Tried::of(cx);
    let mut seen = HashSet::new();
    for kept in cx.keepings() {
        let Some(store) = cx.order().get(kept.store).filter(|n| matches!(n.step.task, Task::Update(_))) else { continue };
        // Where the old value died on the call there is nothing to go back to, and storing at once is right. So it is with what lives
        // for minutes, and can be fetched again.
        let unsaid = !cx.plan.dialect.semantics().declares_intent;
        let dies = |http: &Http| {
            matches!(&http.effect, Effect::Issues(Issues { old: Old::Dies { grace: None, .. }, .. }))
                || unsaid && (intent::is_in_place(http) || intent::is_login(http) || replaces_itself(cx, kept))
        };
        // A place for what is to come is there to be tried.
        if cx.http(kept.maker).is_some_and(dies) || unsaid && intent::keep::is_staged(kept.secret) {
            continue;
        }
        let tries = tried.atoms.get(&kept.atom).map_or(&[][..], Vec::as_slice);
        let before = tries.iter().any(|id| *id > kept.maker && cx.order().dominates(*id, kept.store));
        if before {
            optional_alone(cx, kept, tries, out);
            continue;
        }
        let reads = tried.secrets.get(kept.secret).map_or(&[][..], Vec::as_slice);
        let first = |steps: &[usize]| {
            let behind = steps.partition_point(|id| *id <= kept.store);
            steps.iter().skip(behind).copied().find(|id| cx.order().may_precede(kept.store, *id))
        };
        let after = first(tries).into_iter().chain(first(reads)).min();
        if let Some(late) = after.and_then(|id| Some((id, cx.order().get(id)?)))
            && seen.insert(kept.store)
        {
            // Read from the store, it shows that what was stored works; and as long as the old one lives there is a way back.
            let recoverable = unsaid && (first(tries).is_none_or(|id| id > late.0) || asked_before_revoking(cx, kept, late.0)) && !revoked_between(cx, kept, late.0);
            let late = late.1;
            let name = kept.secret;
            let message = format!("`{name}` is overwritten before `{}` tries the new value", late.step.name);
            out.push(
                Diagnostic::new(codes::OVERWRITE_BEFORE_VERIFY, store.step.at.0, message)
                    .at("the old value is gone from here on")
                    .label(late.step.at.0, "used for the first time here")
                    .help("move the request that uses the new value before the step that stores it")
                    .severity(if recoverable { Severity::Note } else { Severity::Warning }),
            );
        }
    }
}

/// Whether a person is asked between the trial of the new credential and whatever ends the old one: until then there is a way back.
fn asked_before_revoking(cx: &Context<'_, '_>, kept: &Keeping<'_>, trial: usize) -> bool {
    let (order, Some(node)) = (cx.order(), cx.order().get(kept.maker)) else { return false };
    let asks = |task: &Task| matches!(task, Task::Manual(_)) || matches!(task, Task::Worker(worker) if worker.kind.as_deref() == Some("HUMAN"));
    let mut asked = order.of_rotation(node.rotation).filter(|(id, n)| *id > trial && asks(&n.step.task));
    asked.any(|(person, _)| {
        let ends = |id: usize, n: &crate::check::order::Node<'_>| id > kept.store && (cx.intent.revocation(id).is_some() || intent::workers::ends(&n.step.task));
        order.dominates(trial, person) && order.of_rotation(node.rotation).filter(|(id, n)| ends(*id, n)).all(|(id, _)| order.dominates(person, id))
    })
}

/// Whether the old credential may be revoked before the new one is tried.
fn revoked_between(cx: &Context<'_, '_>, kept: &Keeping<'_>, trial: usize) -> bool {
    let (order, Some(maker)) = (cx.order(), cx.http(kept.maker)) else { return true };
    let rotation = order.get(kept.maker).map_or(usize::MAX, |n| n.rotation);
    cx.intent
        .revocations_of(rotation)
        .iter()
        .filter(|r| r.step != trial && intent::relation(r.http, maker).is_some() && !intent::revoke::is_undo(cx, r.step))
        .any(|r| !order.may_precede(trial, r.step))
}

/// Conductor: the new value is tried before it is stored, by tasks alone whose failure is let through.
fn optional_alone(cx: &Context<'_, '_>, kept: &Keeping<'_>, tries: &[usize], out: &mut Vec<Diagnostic>) {
    if cx.plan.dialect.semantics().declares_intent {
        return;
    }
    let mut before = tries.iter().filter(|id| **id > kept.maker && cx.order().dominates(**id, kept.store)).filter_map(|id| cx.order().get(*id));
    let Some(first) = before.next().filter(|n| n.step.optional) else { return };
    // What the workflow looks at itself is not let through.
    let read = |name: &str| {
        cx.order().of_rotation(first.rotation).any(|(_, node)| {
            node.step.task.exprs().into_iter().any(|expr| expr.reads_step(name))
        })
    };
    if before.all(|n| n.step.optional) && !read(&first.step.name) {
        out.push(
            Diagnostic::new(
                codes::OVERWRITE_BEFORE_VERIFY,
                first.step.at.0,
                format!("`{}` tries the new `{}`, and what comes of it is let through", first.step.name, kept.secret),
            )
            .at("optional: a failure does not stop the workflow")
            .help("remove `optional` from the task that tries the new value")
            .severity(Severity::Error),
        );
    }
}

/// Whether a call is made with the secret that its answer is stored in, or says by its name that it takes the old one's place.
fn replaces_itself(cx: &Context<'_, '_>, kept: &Keeping<'_>) -> bool {
    let own = |o: &&Origin| matches!(o, Origin::Secret(name) if name == kept.secret);
    let name = cx.flow.step_name(kept.maker).to_ascii_lowercase();
    let says = ["regenerat", "reset", "renew", "reissue"].iter().any(|word| name.contains(word));
    says || cx.requests_of(kept.maker).any(|r| cx.carried(r).iter().any(own))
}

/// The steps whose requests try a value, in order: by what they carry, and by the secret whose current version they read.
#[derive(Default)]
struct Tried<'p> {
    atoms: HashMap<AtomId, Vec<usize>>,
    secrets: HashMap<&'p str, Vec<usize>>,
}

impl<'p> Tried<'p> {
    fn of(cx: &Context<'_, 'p>) -> Self {
        let mut tried = Self::default();
        for request in cx.flow.requests.iter().filter(|r| r.http.effect.is_read()) {
            for entry in request.carries.iter().filter(|e| !e.control && e.derivation > Derivation::Weak) {
                tried.atoms.entry(entry.atom).or_default().push(request.step);
            }
            for expr in request.http.exprs() {
                expr.walk(&mut |part| {
                    if let ExprKind::Ref(Root::Secret { name, version: Version::Current, .. }) = &part.kind {
                        tried.secrets.entry(name).or_default().push(request.step);
                    }
                });
            }
        }
        tried.atoms.values_mut().chain(tried.secrets.values_mut()).for_each(|steps| steps.sort_unstable());
        tried
    }
}
