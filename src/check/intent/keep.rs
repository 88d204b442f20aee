//! Whether a new credential is kept where it belongs, and the old one where it was to be kept.

use super::{Mint, Store};
use crate::check::context::Context;
use crate::diagnostic::{Confidence, Diagnostic, Severity, codes};
use crate::plan::expr::Root;
use crate::plan::task::lifecycle::NewValue;
use crate::plan::{ExprKind, Task};
use std::collections::HashSet;

/// Words of a secret that holds what is not yet in use, and of one that holds what was.
const NEXT: [&str; 7] = [
    "next",
    "new",
    "staged",
    "staging",
    "pending",
    "candidate",
    "incoming",
];
const BEFORE: [&str; 8] = [
    "previous", "prev", "old", "former", "last", "backup", "fallback", "retired",
];
/// Secrets, and parts of one answer, that are compared by name.
const NAMES: usize = 256;
const PARTS: usize = 16;
/// Fields of an answer that say whether a call succeeded, whatever its status is.
const FLAGS: [&str; 4] = ["ok", "success", "succeeded", "successful"];

pub(crate) fn stored_elsewhere(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    for mint in &cx.intent.mints {
        staged_alone(cx, mint, out);
        near_miss(cx, mint, out);
        exchanged(cx, mint, out);
        both_in_one(cx, mint, out);
    }
    copied_too_late(cx, out);
}

/// The words of a name: `API_KEY_NEXT`, `apiKeyNext`.
pub(crate) fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut lower = false;
    for c in name.chars() {
        let begins = !c.is_alphanumeric() || c.is_uppercase() && lower;
        if begins || words.is_empty() {
            words.push(String::new());
        }
        lower = c.is_lowercase() || c.is_ascii_digit();
        if let Some(word) = words.last_mut().filter(|_| c.is_alphanumeric()) {
            word.extend(c.to_lowercase());
        }
    }
    words.retain(|w| !w.is_empty());
    words
}

/// Whether a secret is one for what is not yet in use.
pub(crate) fn is_staged(name: &str) -> bool {
    let words = words(name);
    words.len() > 1 && words.iter().any(|w| NEXT.contains(&w.as_str()))
}

/// The new credential reaches the place for what is to come, and never that of what is in use, whose credential is revoked.
fn staged_alone(cx: &Context<'_, '_>, mint: &Mint<'_>, out: &mut Vec<Diagnostic>) {
    let held: Vec<&Store<'_>> = mint.credentials().collect();
    let Some(first) = held
        .first()
        .filter(|_| held.iter().all(|s| s.secret.is_some_and(is_staged)))
    else {
        return;
    };
    let revocations = cx
        .intent
        .revocations_of(mint.rotation)
        .iter()
        .filter(|r| super::relation(r.http, mint.http).is_some());
    let revoked = revocations
        .filter(|r| !super::revoke::is_undo(cx, r.step))
        .find(|r| cx.order().may_precede(first.step, r.step));
    let (Some(store), Some(revoked), Some(secret)) = (
        cx.order().get(first.step),
        revoked.and_then(|r| cx.order().get(r.step)),
        first.secret,
    ) else {
        return;
    };
    // Another step may copy it.
    if !cx.intent.is_copied(secret) {
        out.push(
            Diagnostic::new(codes::STORED_ELSEWHERE, store.step.at.0, format!("the new credential reaches `{secret}` alone, and what is in use is revoked"))
                .at("staged here, and never brought into use")
                .label(revoked.step.at.0, "the old one dies here")
                .help("store it under the name that is in use too, behind the check and before the revocation")
                .severity(Severity::Warning),
        );
    }
}

fn new_value(value: &NewValue) -> Option<&crate::plan::Expr> {
    match value {
        NewValue::Single(value) => Some(value),
        NewValue::Fields(_) => None,
    }
}

/// A secret that is written and never read, beside one of nearly that name that is read and never written.
fn near_miss(cx: &Context<'_, '_>, mint: &Mint<'_>, out: &mut Vec<Diagnostic>) {
    for store in mint.credentials() {
        let Some(secret) = store.secret.filter(|s| cx.intent.uses_of(s).is_empty()) else {
            continue;
        };
        let written = words(secret);
        let near = cx
            .intent
            .secrets_read()
            .take(NAMES)
            .filter(|other| cx.writes_of(other).is_empty() && is_slip(&written, &words(other)))
            .min();
        let (Some(near), Some(node)) = (near, cx.order().get(store.step)) else {
            continue;
        };
        out.push(
            Diagnostic::new(
                codes::STORED_ELSEWHERE,
                node.step.at.0,
                format!("stored as `{secret}`, which nothing reads; what is read is `{near}`"),
            )
            .at("nearly the same name")
            .help(format!("store it as `{near}`"))
            .severity(Severity::Warning)
            .confidence(Confidence::Medium),
        );
    }
}

/// Whether one name is a slip for the other: one of their words differs by a letter or two, and is no number, region or colour.
fn is_slip(a: &[String], b: &[String]) -> bool {
    if a.concat() == b.concat() {
        return a != b;
    }
    let differ: Vec<(&String, &String)> = a.iter().zip(b).filter(|(x, y)| x != y).collect();
    let [(x, y)] = differ.as_slice() else {
        return false;
    };
    a.len() == b.len()
        && x.len().min(y.len()) >= 4
        && !x.chars().chain(y.chars()).any(|c| c.is_ascii_digit())
        && strsim::damerau_levenshtein(x, y) <= if x.len().min(y.len()) > 5 { 2 } else { 1 }
}

/// Two parts of one answer, each stored under the name of the other.
fn exchanged(cx: &Context<'_, '_>, mint: &Mint<'_>, out: &mut Vec<Diagnostic>) {
    for (at, one) in mint.stores.iter().take(PARTS).enumerate() {
        for other in mint.stores.iter().take(PARTS).skip(at + 1) {
            let (Some(first), Some(second)) = (one.secret, other.secret) else {
                continue;
            };
            if first == second || one.part == other.part {
                continue;
            }
            let ((own, theirs), (home, away)) =
                (apart(&one.part, &other.part), apart(first, second));
            let crossed = meet(&own, &away) || meet(&theirs, &home);
            let straight = meet(&own, &home) || meet(&theirs, &away);
            let Some(node) = cx.order().get(one.step).filter(|_| crossed && !straight) else {
                continue;
            };
            let mut found = Diagnostic::new(
                codes::STORED_ELSEWHERE,
                node.step.at.0,
                format!(
                    "`{}` is stored as `{first}`, and `{}` as `{second}`",
                    one.part, other.part
                ),
            )
            .at("each under the name of the other")
            .help("exchange the two values")
            .severity(Severity::Warning)
            .confidence(Confidence::Medium);
            if let Some(node) = cx.order().get(other.step) {
                found = found.label(node.step.at.0, "the other half");
            }
            out.push(found);
            return;
        }
    }
}

/// Two parts of one answer under one name: the second takes the place of the first, and its own is never written.
fn both_in_one(cx: &Context<'_, '_>, mint: &Mint<'_>, out: &mut Vec<Diagnostic>) {
    for (at, one) in mint.stores.iter().take(PARTS).enumerate() {
        for other in mint.stores.iter().take(PARTS).skip(at + 1) {
            let Some(secret) = one.secret.filter(|_| one.secret == other.secret) else {
                continue;
            };
            if one.part == other.part || !cx.order().dominates(one.step, other.step) {
                continue;
            }
            let (Some(first), Some(second)) =
                (cx.order().get(one.step), cx.order().get(other.step))
            else {
                continue;
            };
            out.push(
                Diagnostic::new(
                    codes::STORED_ELSEWHERE,
                    second.step.at.0,
                    format!(
                        "`{}` is stored as `{secret}`, over `{}` that was stored there just before",
                        other.part, one.part
                    ),
                )
                .at("overwrites the other half")
                .label(first.step.at.0, "stored here first")
                .help("store each under a name of its own")
                .severity(Severity::Warning),
            );
            return;
        }
    }
}

/// The words that only one of two names has.
fn apart(a: &str, b: &str) -> (HashSet<String>, HashSet<String>) {
    let (a, b): (HashSet<String>, HashSet<String>) = (
        words(a).into_iter().collect(),
        words(b).into_iter().collect(),
    );
    (
        a.difference(&b).cloned().collect(),
        b.difference(&a).cloned().collect(),
    )
}

fn meet(a: &HashSet<String>, b: &HashSet<String>) -> bool {
    !a.is_disjoint(b)
}

/// The value of before is kept only when it is overwritten already.
fn copied_too_late(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    for write in cx.writes() {
        let Some(node) = cx.order().get(write.step) else {
            continue;
        };
        let Task::Update(update) = &node.step.task else {
            continue;
        };
        let Some(ExprKind::Ref(Root::Secret {
            name: source,
            field: None,
            ..
        })) = new_value(&update.value).map(|v| &v.kind)
        else {
            continue;
        };
        let (kept, of) = (words(write.secret), words(source));
        let is_before = kept.iter().any(|w| BEFORE.contains(&w.as_str()))
            && of.iter().all(|w| kept.contains(w))
            && kept.len() > of.len();
        let overwritten = cx
            .writes_of(source)
            .iter()
            .find(|w| cx.order().dominates(w.step, write.step));
        let Some(overwritten) = overwritten.filter(|_| is_before) else {
            continue;
        };
        out.push(
            Diagnostic::new(
                codes::STORED_ELSEWHERE,
                node.step.at.0,
                format!(
                    "`{}` gets the new `{source}`: the one of before is lost",
                    write.secret
                ),
            )
            .at("copied when it is overwritten already")
            .label(overwritten.span, "overwritten here")
            .help(format!("copy `{source}` before it is overwritten")),
        );
    }
}

/// A loop that makes another credential in each of its rounds, and keeps none of them before it ends.
pub(crate) fn made_in_rounds(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    let order = cx.order();
    for mint in &cx.intent.mints {
        let inmost = order.loop_around(mint.step);
        let Some((outer, around)) = inmost.and_then(|id| Some((id, order.get(id)?))) else {
            continue;
        };
        if mint.stores.iter().any(|s| order.is_within(s.step, outer)) || polled(cx, mint, outer) {
            continue;
        }
        // What a round gives may end the loop, so that only the last one made anything.
        let ends = if let Task::Repeat(repeat) = &around.step.task {
            repeat.at_most < 2 || reads_within(cx, outer, &repeat.until)
        } else {
            false
        };
        let Some(made) = order.get(mint.step).filter(|_| !ends) else {
            continue;
        };
        out.push(
            Diagnostic::new(
                codes::NEW_SECRET_DROPPED,
                made.step.at.0,
                format!(
                    "each round of `{}` makes `{}` issue another credential",
                    around.step.name, made.step.name
                ),
            )
            .at("those of earlier rounds are lost, and live on")
            .label(around.step.at.0, "repeated here")
            .severity(Severity::Warning)
            .help("issue it before the loop, or store each within it"),
        );
    }
}

/// A loop that stores something else in each of its rounds, under one name.
pub(crate) fn overwritten_in_rounds(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    let order = cx.order();
    for write in cx.writes() {
        let Some(node) = order.get(write.step) else {
            continue;
        };
        let Task::Update(update) = &node.step.task else {
            continue;
        };
        let inmost = order.loop_around(write.step);
        let Some((outer, around)) = inmost.and_then(|id| Some((id, order.get(id)?))) else {
            continue;
        };
        // What a condition chooses may be another secret in each round, or come in one of them alone.
        if order
            .around(write.step)
            .take_while(|up| *up != outer)
            .any(|up| order.is_choice(up))
        {
            continue;
        }
        let (item, ends) = if let Task::ForEach(each) = &around.step.task {
            let once = matches!(&each.items.kind, ExprKind::List(items) if items.len() < 2);
            let until = each
                .until
                .as_ref()
                .is_some_and(|until| reads_within(cx, outer, until));
            (Some(each.item.as_str()), once || until)
        } else if let Task::Repeat(repeat) = &around.step.task {
            (
                None,
                repeat.at_most < 2 || reads_within(cx, outer, &repeat.until),
            )
        } else {
            continue;
        };
        let of_round = || {
            let sources = cx.intent.sources(write.rotation, update.value.exprs());
            sources.steps.iter().any(|(step, _)| {
                order
                    .find(write.rotation, step)
                    .is_some_and(|id| order.is_within(id, outer))
            }) || item.is_some_and(|item| sources.words.iter().any(|word| word == item))
        };
        if ends || !of_round() {
            continue;
        }
        out.push(
            Diagnostic::new(
                codes::NEW_SECRET_DROPPED,
                node.step.at.0,
                format!(
                    "each round of `{}` overwrites the `{}` of the round before",
                    around.step.name, write.secret
                ),
            )
            .at("only the last one is kept")
            .label(around.step.at.0, "repeated here")
            .severity(Severity::Warning)
            .help("make the name of the secret from what the round is about, or store it behind the loop"),
        );
    }
}

/// Whether the loop is that of one task, which asks until there is an answer.
fn polled(cx: &Context<'_, '_>, mint: &Mint<'_>, outer: usize) -> bool {
    let name = |id| cx.flow.step_name(id);
    name(outer)
        .strip_prefix("poll ")
        .is_some_and(|polled| polled == name(mint.step))
}

/// Whether a condition reads what a task within the loop gives.
fn reads_within(cx: &Context<'_, '_>, outer: usize, until: &crate::plan::Expr) -> bool {
    let order = cx.order();
    let within: HashSet<&str> = order
        .range(outer + 1..usize::MAX)
        .take_while(|(id, _)| order.is_within(*id, outer))
        .map(|(_, n)| n.step.name.as_str())
        .collect();
    let mut reads = false;
    until.walk(&mut |part| match &part.kind {
        ExprKind::Ref(
            Root::Capture { step, .. }
            | Root::Output(step)
            | Root::TaskField { step, .. }
            | Root::Let(step),
        ) => reads |= within.contains(step.as_str()),
        ExprKind::Ref(Root::Variable(_)) => reads = true,
        _ => {}
    });
    reads
}

/// An answer that says of itself whether it succeeded, which nothing reads, while what it gives overwrites what it was asked with.
pub(crate) fn flag_unread(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    for mint in &cx.intent.mints {
        let flag = mint
            .http
            .captures
            .iter()
            .find(|c| !c.secret && FLAGS.contains(&c.name.to_ascii_lowercase().as_str()));
        let Some(flag) = flag.filter(|f| {
            !cx.flow.used.contains(&(mint.step, f.name.as_str()))
                && !cx.flow.used.contains(&(mint.step, ""))
        }) else {
            continue;
        };
        let own = |s: &&Store<'_>| {
            let carried = cx.requests_of(mint.step).flat_map(|r| cx.carried(r));
            carried
                .into_iter()
                .any(|o| matches!(o, crate::plan::Origin::Secret(name) if s.secret == Some(name)))
        };
        let Some((secret, store)) = mint
            .stores
            .iter()
            .find(own)
            .and_then(|s| Some((s.secret?, cx.order().get(s.step)?)))
        else {
            continue;
        };
        out.push(
            Diagnostic::new(
                codes::STATUS_NEVER_CHECKED,
                store.step.at.0,
                format!("`{}` says in `{}` whether it succeeded, and nothing reads that: a failure is stored over `{secret}`", cx.flow.step_name(mint.step), flag.name),
            )
            .at("stored whatever the answer says")
            .label(flag.at.0, "kept here, and never looked at")
            .help(format!("store it behind a SWITCH on `${{{}.output.{}}}`", cx.flow.step_name(mint.step), flag.name))
            .severity(Severity::Warning)
            .confidence(Confidence::Medium),
        );
    }
}
