//! Whether what is meant to try a new credential tries it.

use super::{Intent, Mint, Use};
use crate::check::context::Context;
use crate::diagnostic::{Confidence, Diagnostic, Severity, codes};
use crate::plan::task::StatusPattern;
use crate::plan::task::http::Expectation;
use crate::plan::{Origin, Task};

/// Who works with a new credential, and when.
struct Trials {
    /// Behind the call that made it, or behind the step that stores it.
    new: Vec<Use>,
    /// Between the two, with the secret that still holds the old one.
    old: Vec<Use>,
}

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    for mint in &cx.intent.mints {
        let trials = trials(cx, mint);
        let revoked = revoked_after(cx, mint);
        at_a_stranger(cx, mint, out);
        if let Some(dead) = trials
            .old
            .first()
            .filter(|_| super::address::kills(mint.http))
        {
            tries_the_old(cx, mint, *dead, true, out);
        } else if trials.new.is_empty() {
            match trials.old.first() {
                Some(tried) => tries_the_old(cx, mint, *tried, false, out),
                None => tries_another(cx, mint, revoked, out),
            }
        } else if !trials.new.iter().any(|of| of.elsewhere) {
            proves_nothing(cx, mint, &trials.new, revoked, out);
        }
    }
}

fn trials(cx: &Context<'_, '_>, mint: &Mint<'_>) -> Trials {
    let (order, intent): (_, &Intent<'_>) = (cx.order(), &cx.intent);
    let (mut new, mut old) = (Vec::new(), Vec::new());
    for store in mint.credentials() {
        let behind = |of: &&Use| of.step != mint.step && order.may_precede(mint.step, of.step);
        new.extend(
            intent
                .uses_of_atom(store.atom)
                .iter()
                .filter(behind)
                .copied(),
        );
        let Some(secret) = store.secret else {
            // Whoever is called may look it up by a name that is computed as well.
            new.extend(elsewhere_behind(cx, store.step));
            continue;
        };
        for of in intent
            .uses_of(secret)
            .iter()
            .filter(|of| of.step != mint.step)
        {
            if order.may_precede(store.step, of.step)
                || order
                    .get(of.step)
                    .is_some_and(|n| n.rotation != mint.rotation)
            {
                new.push(*of);
            } else if order.dominates(mint.step, of.step)
                && order.may_precede(of.step, store.step)
                && !of.elsewhere
                && intent.revocation(of.step).is_none()
            {
                old.push(*of);
            }
        }
    }
    for uses in [&mut new, &mut old] {
        uses.sort_unstable_by_key(|of| of.step);
        uses.dedup();
    }
    Trials { new, old }
}

/// Calls of others behind a step.
fn elsewhere_behind(cx: &Context<'_, '_>, step: usize) -> Option<Use> {
    let rotation = cx.order().get(step)?.rotation;
    let calls = |task: &Task| matches!(task, Task::Worker(_) | Task::Call(_) | Task::Fork(_));
    let mut behind = cx
        .order()
        .of_rotation(rotation)
        .filter(|(id, node)| *id > step && calls(&node.step.task));
    behind.next().map(|(id, _)| Use {
        step: id,
        elsewhere: true,
    })
}

/// The first call behind the storing that revokes what was replaced.
fn revoked_after(cx: &Context<'_, '_>, mint: &Mint<'_>) -> Option<usize> {
    let stored = mint.credentials().map(|s| s.step).min()?;
    let revocations = cx.intent.revocations_of(mint.rotation).iter();
    revocations
        .filter(|r| {
            super::relation(r.http, mint.http).is_some() && !super::revoke::is_undo(cx, r.step)
        })
        .map(|r| r.step)
        .find(|step| cx.order().may_precede(stored, *step))
}

/// A check with the secret as it was; `dead` where the call that made the new one has killed that, so that the check fails and the
/// new one is lost.
fn tries_the_old(
    cx: &Context<'_, '_>,
    mint: &Mint<'_>,
    tried: Use,
    dead: bool,
    out: &mut Vec<Diagnostic>,
) {
    let Some(node) = cx.order().get(tried.step) else {
        return;
    };
    let read = |s: &&super::Store<'_>| {
        s.secret
            .is_some_and(|secret| cx.intent.uses_of(secret).contains(&tried))
    };
    let store = mint.credentials().find(|s| read(s) && s.step > tried.step);
    let name = store.and_then(|s| s.secret).unwrap_or_else(|| mint.name());
    let store = store.and_then(|s| cx.order().get(s.step));
    let message = if dead {
        format!(
            "`{}` is made with the old `{name}`, which `{}` has killed: it fails, and the new one is never stored",
            node.step.name,
            cx.flow.step_name(mint.step)
        )
    } else {
        format!(
            "`{}` tries the old `{name}`: the new one is stored only behind it",
            node.step.name
        )
    };
    let mut found = Diagnostic::new(codes::OVERWRITE_BEFORE_VERIFY, node.step.at.0, message)
        .at("reads the secret as it was")
        .help("try the value that the call gave, `${TASK.output._secrets.NAME}`, or move this behind the task that stores it")
        .severity(if dead && !node.step.optional { Severity::Error } else { Severity::Warning });
    if let Some(store) = store {
        found = found.label(store.step.at.0, "stored here");
    }
    out.push(found);
}

/// Names under which one owner runs several domains.
const OWNERS: [&[&str]; 10] = [
    &[
        "microsoftonline",
        "microsoft",
        "azure",
        "windows",
        "office",
        "visualstudio",
    ],
    &["google", "googleapis", "gcr"],
    &["amazonaws", "amazon", "aws"],
    &["github", "githubusercontent", "ghcr"],
    &["atlassian", "bitbucket", "jira"],
    &["salesforce", "force", "heroku"],
    &["npmjs", "npm"],
    &["twilio", "sendgrid"],
    &["docker", "dockerhub"],
    &["newrelic", "nr-data"],
];

/// The word of a domain by which its owner is known: `acme` of `api.acme.co.uk`.
fn owner(host: &str) -> Option<&str> {
    let mut labels = host.rsplit('.');
    let (top, second) = (labels.next()?, labels.next()?);
    if top.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let register = top.len() == 2 && second.len() <= 3;
    if register {
        labels.next().or(Some(second))
    } else {
        Some(second)
    }
}

fn is_one_owner(a: &str, b: &str) -> bool {
    a.contains(b)
        || b.contains(a)
        || OWNERS
            .iter()
            .any(|names| names.contains(&a) && names.contains(&b))
}

/// The new credential is tried at a host that has nothing to do with the one that issued it, nor with any other call.
fn at_a_stranger(cx: &Context<'_, '_>, mint: &Mint<'_>, out: &mut Vec<Diagnostic>) {
    let (order, intent) = (cx.order(), &cx.intent);
    let requests = || {
        intent
            .requests_of(mint.rotation)
            .iter()
            .filter_map(|at| cx.flow.requests.get(*at))
    };
    let host_of = |step: usize| cx.requests_of(step).find_map(|r| r.target.host.as_deref());
    // What a login gives is meant for others.
    let Some(issuer) = host_of(mint.step)
        .and_then(owner)
        .filter(|_| !super::is_login(mint.http))
    else {
        return;
    };
    for store in mint.credentials() {
        let uses = store
            .secret
            .map_or(&[][..], |secret| intent.uses_of(secret))
            .iter();
        let tried = uses.chain(intent.uses_of_atom(store.atom)).find(|of| {
            let check = cx.http(of.step).is_some_and(|http| http.effect.is_read())
                || is_a_check(cx.flow.step_name(of.step));
            let Some(there) = host_of(of.step)
                .and_then(owner)
                .filter(|_| check && !of.elsewhere && order.may_precede(mint.step, of.step))
            else {
                return false;
            };
            let known = requests().any(|r| {
                r.step != of.step
                    && r.target
                        .host
                        .as_deref()
                        .and_then(owner)
                        .is_some_and(|other| is_one_owner(other, there))
            });
            !is_one_owner(issuer, there) && !known
        });
        let Some((node, host)) =
            tried.and_then(|of| Some((order.get(of.step)?, host_of(of.step)?)))
        else {
            continue;
        };
        out.push(
            Diagnostic::new(codes::SECRET_TO_UNDECLARED_HOST, node.step.at.0, format!("the new `{}` goes to `{host}`, which belongs to another than the host that issued it", mint.name()))
                .at("whoever runs that host has the credential")
                .help("try it where it was issued, or where it is used")
                .severity(Severity::Warning)
                .confidence(Confidence::Medium),
        );
        return;
    }
}

/// A check that is made with what made the credential, and with nothing of the new one.
fn tries_another(
    cx: &Context<'_, '_>,
    mint: &Mint<'_>,
    revoked: Option<usize>,
    out: &mut Vec<Diagnostic>,
) {
    let order = cx.order();
    let Some(stored) = mint.credentials().map(|s| s.step).min() else {
        return;
    };
    let admin: Vec<&Origin> = cx
        .requests_of(mint.step)
        .flat_map(|r| cx.carried(r))
        .collect();
    let maker = cx.flow.step_name(mint.step);
    let host = |http| {
        super::address::written(http)
            .split('/')
            .nth(2)
            .map(str::to_owned)
    };
    let mut requests = cx
        .intent
        .requests_of(mint.rotation)
        .iter()
        .filter_map(|at| cx.flow.requests.get(*at));
    let check = requests.find(|r| {
        let Some(node) = order.get(r.step) else {
            return false;
        };
        let carried = cx.carried(r);
        let about = super::sources::Names::default().sources(mint.rotation, &r.http.exprs());
        r.http.effect.is_read()
            && order.may_precede(stored, r.step)
            && host(r.http) == host(mint.http)
            && !carried.is_empty()
            && carried
                .iter()
                .all(|o| matches!(o, Origin::Secret(_)) && admin.contains(o))
            && !about.reads(maker)
            && (cx
                .intent
                .decided(node.rotation, &node.step.name)
                .is_some_and(|d| d.fails)
                || revoked.is_some_and(|step| order.dominates(r.step, step))
                    && is_a_check(&node.step.name))
    });
    let Some(node) = check.and_then(|r| order.get(r.step)) else {
        return;
    };
    let message = format!(
        "`{}` is made with the credential of `{maker}`: it proves nothing of the new `{}`",
        node.step.name,
        mint.name()
    );
    out.push(
        Diagnostic::new(codes::OVERWRITE_BEFORE_VERIFY, node.step.at.0, message)
            .at("nothing tries the new value")
            .help("send the new credential to a page that refuses a wrong one")
            .severity(Severity::Warning)
            .confidence(Confidence::Medium),
    );
}

/// Whether a task says by its name that it tries something.
pub(crate) fn is_a_check(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [
        "verif", "valid", "check", "test", "try", "prob", "prove", "smoke", "confirm", "whoami",
    ]
    .iter()
    .any(|word| name.contains(word))
}

/// Trials of which each may fail and be let through, or takes a refusal for an answer.
fn proves_nothing(
    cx: &Context<'_, '_>,
    mint: &Mint<'_>,
    trials: &[Use],
    revoked: Option<usize>,
    out: &mut Vec<Diagnostic>,
) {
    let order = cx.order();
    let before = |of: &&Use| revoked.is_none_or(|step| order.may_precede(of.step, step));
    let own: Vec<usize> = trials.iter().filter(before).map(|of| of.step).collect();
    let looked_at = |step: &usize| {
        order
            .get(*step)
            .and_then(|n| cx.intent.decided(n.rotation, &n.step.name))
    };
    let let_through = |step: &usize| {
        order.get(*step).is_some_and(|n| n.step.optional) && looked_at(step).is_none()
    };
    let Some(node) = own.first().and_then(|step| order.get(*step)) else {
        return;
    };
    // Before the storing a rule of its own says so.
    let behind = own.first().is_some_and(|first| {
        mint.credentials()
            .any(|s| order.may_precede(s.step, *first))
    });
    if own.iter().all(let_through) {
        if let Some(revoked) = revoked.and_then(|step| order.get(step)).filter(|_| behind) {
            out.push(
                Diagnostic::new(
                    codes::OVERWRITE_BEFORE_VERIFY,
                    node.step.at.0,
                    format!("`{}` tries the new `{}`, and what comes of it is let through", node.step.name, mint.name()),
                )
                .at("optional: a failure does not stop the workflow")
                .label(revoked.step.at.0, "the old one is revoked all the same")
                .help("remove `optional` from the task that tries the new value, or choose with SWITCH on its status")
                .severity(Severity::Error),
            );
        }
        return;
    }
    let refusal = |step: &usize| {
        let http = cx.http(*step)?;
        http.expect.iter().find_map(|expect| {
            let Expectation::Status(patterns) = &expect.what else {
                return None;
            };
            patterns
                .iter()
                .find(|p| is_refusal(**p))
                .map(|pattern| (*pattern, expect.at.0))
        })
    };
    // What is looked at, and answered by a message alone.
    let idle = |step: &usize| looked_at(step).is_some_and(|d| !d.fails && !d.acts);
    if behind && own.iter().all(idle) {
        out.push(
            Diagnostic::new(
                codes::OVERWRITE_BEFORE_VERIFY,
                node.step.at.0,
                format!("what `{}` says of the new `{}` decides nothing: the workflow ends as done whatever it is", node.step.name, mint.name()),
            )
            .at("meant to try the new value")
            .help("end the workflow with TERMINATE where the answer is not the one that was hoped for")
            .severity(Severity::Warning)
            .confidence(Confidence::Medium),
        );
        return;
    }
    if own
        .iter()
        .all(|step| refusal(step).is_some() && looked_at(step).is_none())
        && let Some((pattern, place)) = own.first().and_then(refusal)
    {
        out.push(
            Diagnostic::new(
                codes::OVERWRITE_BEFORE_VERIFY,
                place,
                format!(
                    "`{}` takes status {pattern} for an answer: a refused `{}` passes as well",
                    node.step.name,
                    mint.name()
                ),
            )
            .at("accepts a refusal")
            .label(node.step.at.0, "meant to try the new value")
            .help("accept only the statuses of success where the new value is tried")
            .severity(if revoked.is_some() {
                Severity::Error
            } else {
                Severity::Warning
            }),
        );
    }
}

/// Statuses with which a server refuses a credential.
fn is_refusal(pattern: StatusPattern) -> bool {
    match pattern {
        StatusPattern::Exact(code) => matches!(code, 400 | 401 | 403),
        StatusPattern::Family(family) => family == 4,
    }
}
