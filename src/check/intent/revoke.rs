//! Whether what is revoked is what was replaced, and by then.

use super::{Mint, Relation, Revocation, Sources, relation};
use crate::check::context::Context;
use crate::check::order::Order;
use crate::diagnostic::{Confidence, Diagnostic, Severity, codes};
use crate::plan::expr::Root;
use crate::plan::task::{Body, CaptureSource, Switch};
use crate::plan::{ExprKind, Origin, Step, Task};
use std::collections::HashSet;

/// Cases that say yes, and those that say no.
const YES: [&str; 16] = [
    "true",
    "ok",
    "yes",
    "success",
    "succeeded",
    "valid",
    "verified",
    "active",
    "healthy",
    "passed",
    "pass",
    "works",
    "good",
    "ready",
    "up",
    "200",
];
const NO: [&str; 14] = [
    "false",
    "no",
    "failed",
    "failure",
    "fail",
    "error",
    "invalid",
    "bad",
    "broken",
    "refused",
    "denied",
    "unhealthy",
    "401",
    "403",
];
/// Words of a question to which yes is the bad answer.
const BAD_NEWS: [&str; 16] = [
    "fail",
    "err",
    "invalid",
    "revoked",
    "expired",
    "block",
    "denied",
    "missing",
    "exist",
    "use",
    "conflict",
    "stale",
    "leak",
    "compromis",
    "pending",
    "dry",
];

pub(crate) fn check(cx: &Context<'_, '_>, seen: &mut HashSet<usize>, out: &mut Vec<Diagnostic>) {
    inverted(cx, seen, out);
    for mint in &cx.intent.mints {
        for revocation in cx
            .intent
            .revocations_of(mint.rotation)
            .iter()
            .filter(|r| r.step != mint.step)
        {
            if seen.contains(&revocation.step) {
                continue;
            }
            if is_undo(cx, revocation.step) {
                if let Some(found) = undoes_the_old(cx, mint, revocation) {
                    seen.insert(revocation.step);
                    out.push(found);
                }
                continue;
            }
            // Beside each other each branch replaces its own.
            if cx.order().are_parallel(mint.step, revocation.step)
                && has_its_own(cx, mint, revocation)
            {
                continue;
            }
            let related = relation(revocation.http, mint.http);
            let found = names_the_new(cx, mint, revocation)
                .or_else(|| single_slot(cx, mint, revocation))
                .or_else(|| {
                    let related = related?;
                    let listed = || lists_the_new(cx, mint, revocation);
                    let way = || on_another_way(cx, mint, revocation, related);
                    before_it_is_made(cx, mint, revocation, related)
                        .or_else(listed)
                        .or_else(way)
                });
            if let Some(found) = found {
                seen.insert(revocation.step);
                out.push(found);
            }
        }
    }
}

/// Whether another credential was made and stored on the way to a revocation that may end the one before it.
fn has_its_own(cx: &Context<'_, '_>, mint: &Mint<'_>, revocation: &Revocation<'_>) -> bool {
    cx.intent.mints.iter().any(|own| {
        own.step != mint.step
            && own.rotation == mint.rotation
            && relation(revocation.http, own.http).is_some()
            && own
                .credentials()
                .any(|s| cx.order().dominates(s.step, revocation.step))
    })
}

/// Whether these steps end the workflow as failed.
pub(crate) fn fails(steps: &[Step]) -> bool {
    steps.iter().any(|step| {
        let chooses = matches!(step.task, Task::Switch(_));
        let ends = matches!(step.task, Task::Fail(_)) && !step.optional;
        ends || chooses && step.task.blocks().into_iter().all(fails)
    })
}

/// Whether a step stands on a way that ends as failed: what is revoked there is what did not work.
pub(crate) fn is_undo(cx: &Context<'_, '_>, step: usize) -> bool {
    let order = cx.order();
    let mut inner = step;
    while let Some((outer, block)) = order.get(inner).and_then(|n| n.parent) {
        let steps = order
            .get(outer)
            .map(|n| n.step.task.blocks())
            .unwrap_or_default();
        if steps.get(block).is_some_and(|steps| fails(steps)) {
            return true;
        }
        inner = outer;
    }
    order.get(step).is_some_and(|n| n.on_failure)
}

/// Whether the branches in which a step stands were chosen before a credential was made, or behind its coming into use.
pub(crate) fn is_settled(cx: &Context<'_, '_>, step: usize, maker: usize) -> bool {
    let order = cx.order();
    let mint = cx.intent.mints.iter().find(|m| m.step == maker);
    order.around(step).all(|up| {
        let in_use = || {
            mint.is_some_and(|m| {
                let mut stores = live(m).into_iter().chain(promotions(cx, m));
                stores.any(|s| order.dominates(s, step) && order.is_within(s, up))
            })
        };
        !order.is_choice(up)
            || order.is_within(maker, up)
            || is_decided_before(cx, up, maker)
            || in_use()
    })
}

/// Whether a SWITCH decides by what was known before a call.
fn is_decided_before(cx: &Context<'_, '_>, switch: usize, call: usize) -> bool {
    let (order, Some(node)) = (cx.order(), cx.order().get(switch)) else {
        return false;
    };
    cx.intent.subject(switch).is_some_and(|subject| {
        let known = |step: &str| order.find(node.rotation, step).is_some_and(|id| id < call);
        !subject.varies && subject.steps.iter().all(|(step, _)| known(step))
    })
}

/// The steps that store the new credential under the name of what is in use.
fn live(mint: &Mint<'_>) -> Vec<usize> {
    let direct = mint
        .credentials()
        .filter(|s| !s.secret.is_some_and(super::keep::is_staged));
    direct.map(|s| s.step).collect()
}

/// The steps that bring it into use from the place for what is to come.
fn promotions(cx: &Context<'_, '_>, mint: &Mint<'_>) -> Vec<usize> {
    let staged = mint
        .credentials()
        .filter_map(|s| s.secret)
        .filter(|s| super::keep::is_staged(s));
    staged
        .flat_map(|s| cx.intent.copies_of(s))
        .copied()
        .collect()
}

/// On the way that failed the old one is revoked, and not what did not work.
fn undoes_the_old(
    cx: &Context<'_, '_>,
    mint: &Mint<'_>,
    undo: &Revocation<'_>,
) -> Option<Diagnostic> {
    let order = cx.order();
    relation(undo.http, mint.http)?;
    let named = |s: &super::Store<'_>| {
        s.secret
            .is_some_and(|secret| undo.names.secrets.contains(secret))
    };
    let of_new = undo.names.reads(cx.flow.step_name(mint.step)) || mint.stores.iter().any(named);
    let replaced = live(mint).into_iter().chain(promotions(cx, mint));
    if of_new
        || undo.http.url == mint.http.url
        || !order.dominates(mint.step, undo.step)
        || replaced
            .into_iter()
            .any(|s| order.may_precede(s, undo.step))
    {
        return None;
    }
    let twin = cx.intent.revocations_of(mint.rotation).iter().find(|r| {
        let same = r.http.method == undo.http.method
            && r.http.url == undo.http.url
            && r.http.query == undo.http.query
            && r.http.body == undo.http.body;
        r.step != undo.step && same && order.dominates(mint.step, r.step) && !is_undo(cx, r.step)
    });
    let node = order.get(undo.step)?;
    let mut found = Diagnostic::new(
        codes::REVOKE_BEFORE_PROMOTE,
        node.step.at.0,
        format!(
            "where the new `{}` does not work, this revokes the old one, which is still in use",
            mint.name()
        ),
    )
    .at("reached when the check did not succeed")
    .help(format!(
        "name what was just made: its id is in the answer of `{}`",
        cx.flow.step_name(mint.step)
    ));
    match twin.and_then(|r| order.get(r.step)) {
        Some(twin) => {
            found = found.label(
                twin.step.at.0,
                "the same is revoked here, where the new one works",
            )
        }
        None if !names_the_old(undo) => return None,
        None => {}
    }
    Some(found)
}

/// Whether what a call is about says of itself that it is of before.
fn names_the_old(revocation: &Revocation<'_>) -> bool {
    let old = |name: &str| {
        super::keep::words(name)
            .iter()
            .any(|w| ["old", "prev", "previous", "former"].contains(&w.as_str()))
    };
    let mut named = false;
    for expr in super::about(revocation.http) {
        expr.walk(&mut |part| {
            named |= match &part.kind {
                ExprKind::Ref(
                    Root::Input(name) | Root::Capture { name, .. } | Root::Secret { name, .. },
                ) => old(name),
                _ => false,
            };
        });
    }
    named
}

/// The credential has one place, in which the new one is by then.
fn single_slot(
    cx: &Context<'_, '_>,
    mint: &Mint<'_>,
    revocation: &Revocation<'_>,
) -> Option<Diagnostic> {
    let order = cx.order();
    let same = revocation.http.method == "DELETE"
        && revocation.http.url == mint.http.url
        && revocation.http.query.is_empty()
        && matches!(revocation.http.body, Body::None);
    let stored = mint
        .credentials()
        .find(|s| order.dominates(s.step, revocation.step))?;
    let carried = |step| {
        cx.requests_of(step)
            .flat_map(|r| cx.carried(r))
            .collect::<Vec<&Origin>>()
    };
    let (made_with, ended_with) = (carried(mint.step), carried(revocation.step));
    let by_the_same = ended_with.iter().all(|o| {
        made_with.contains(o) && matches!(o, Origin::Secret(name) if !mint.stores.iter().any(|s| s.secret == Some(name.as_str())))
    });
    let mut told = false;
    for header in &revocation.http.headers {
        header.value.walk(&mut |part| {
            told |= matches!(
                &part.kind,
                ExprKind::Ref(Root::Input(_) | Root::Capture { .. } | Root::Output(_))
            );
        });
    }
    if !same || !by_the_same || told {
        return None;
    }
    let (node, made, stored) = (
        order.get(revocation.step)?,
        order.get(mint.step)?,
        order.get(stored.step)?,
    );
    Some(
        Diagnostic::new(
            codes::REVOKE_BEFORE_PROMOTE,
            node.step.at.0,
            format!("this ends what is at the address where the new `{}` was made: the new one dies", mint.name()),
        )
        .at("nothing works from here on")
        .label(made.step.at.0, "took the place of the old one")
        .label(stored.step.at.0, "stored here")
        .help("leave it out where there is one place for the credential, or name the old one by its id"),
    )
}

/// What is revoked is named by a secret that holds the new one by then.
fn names_the_new(
    cx: &Context<'_, '_>,
    mint: &Mint<'_>,
    revocation: &Revocation<'_>,
) -> Option<Diagnostic> {
    let order = cx.order();
    let store = mint.stores.iter().find(|s| {
        s.secret
            .is_some_and(|secret| revocation.names.secrets.contains(secret))
            && order.dominates(s.step, revocation.step)
    })?;
    let (node, stored, secret) = (
        order.get(revocation.step)?,
        order.get(store.step)?,
        store.secret?,
    );
    Some(
        Diagnostic::new(
            codes::REVOKE_BEFORE_PROMOTE,
            node.step.at.0,
            format!("this names `{secret}`, which holds the new one by then: the revocation kills it, and the old one lives on"),
        )
        .at("names what was just made")
        .label(stored.step.at.0, format!("`{secret}` is new from here on"))
        .help("read the old id before it is overwritten, or revoke before this secret is stored and behind the check"),
    )
}

fn before_it_is_made(
    cx: &Context<'_, '_>,
    mint: &Mint<'_>,
    revocation: &Revocation<'_>,
    related: Relation,
) -> Option<Diagnostic> {
    let order = cx.order();
    let dead = revocation
        .names
        .words
        .iter()
        .any(|word| super::address::is_of_the_dead(word));
    if related != Relation::Sure || dead || !order.may_precede(revocation.step, mint.step) {
        return None;
    }
    let (node, made) = (order.get(revocation.step)?, order.get(mint.step)?);
    let certain = order.dominates(revocation.step, mint.step);
    let found = Diagnostic::new(
        codes::REVOKE_BEFORE_PROMOTE,
        node.step.at.0,
        format!(
            "the old `{}` is revoked before there is a new one",
            mint.name()
        ),
    )
    .at("nothing works from here on")
    .label(made.step.at.0, "the new one is made only here")
    .help("make and store the new credential first, try it, and revoke the old one behind that");
    Some(if certain {
        found
    } else {
        found
            .severity(Severity::Warning)
            .confidence(Confidence::Medium)
    })
}

/// What is revoked comes from a list that was read when the new one was in it already.
fn lists_the_new(
    cx: &Context<'_, '_>,
    mint: &Mint<'_>,
    revocation: &Revocation<'_>,
) -> Option<Diagnostic> {
    let order = cx.order();
    let maker = cx.flow.step_name(mint.step);
    let youngest = revocation.names.youngest;
    let excluded = revocation.names.chosen && !youngest
        || revocation.names.reads(maker)
        || is_compared(cx, revocation, maker);
    if excluded || !order.may_precede(mint.step, revocation.step) {
        return None;
    }
    let list = revocation.names.steps.iter().find_map(|(step, name)| {
        let id = order
            .find(mint.rotation, step)
            .filter(|id| order.may_precede(mint.step, *id))?;
        let http = cx.http(id)?;
        let several = youngest || http.captures.iter().any(|c| {
            c.name == *name
                && matches!(&c.source, CaptureSource::Body(path) if path.as_str().contains("[*]"))
        });
        let same = relation(http, mint.http) == Some(Relation::Sure)
            && super::address::written(http).trim_end_matches('/')
                == super::address::written(mint.http).trim_end_matches('/');
        (http.effect.is_read() && several && same).then_some(id)
    })?;
    let (node, list, made) = (
        order.get(revocation.step)?,
        order.get(list)?,
        order.get(mint.step)?,
    );
    Some(
        Diagnostic::new(
            codes::REVOKE_BEFORE_PROMOTE,
            node.step.at.0,
            if youngest {
                format!("`{}` is read when the new `{}` is in it, and the youngest is taken: the new one is revoked", list.step.name, mint.name())
            } else {
                format!("`{}` is read when the new `{}` is in it: that is revoked as well", list.step.name, mint.name())
            },
        )
        .at(if youngest { "revokes what was just made" } else { "revokes all that is listed" })
        .label(made.step.at.0, "made here")
        .label(list.step.at.0, "listed only here")
        .help("read the list before the new credential is made, or leave the new id out of it"),
    )
}

/// Whether a condition around a revocation looks at what a step gave.
fn is_compared(cx: &Context<'_, '_>, revocation: &Revocation<'_>, step: &str) -> bool {
    let mut around = cx.order().around(revocation.step);
    around.any(|outer| {
        cx.intent
            .subject(outer)
            .is_some_and(|subject| subject.reads(step))
    })
}

/// A way on which the new credential is stored nowhere, and the old one revoked all the same.
fn on_another_way(
    cx: &Context<'_, '_>,
    mint: &Mint<'_>,
    revocation: &Revocation<'_>,
    related: Relation,
) -> Option<Diagnostic> {
    let order = cx.order();
    let copied = promotions(cx, mint);
    let stores: HashSet<usize> = if copied.is_empty() {
        mint.credentials().map(|s| s.step).collect()
    } else if is_settled(cx, revocation.step, mint.step)
        || copied
            .iter()
            .any(|s| shares_a_choice(order, *s, revocation.step))
    {
        live(mint).into_iter().chain(copied).collect()
    } else {
        return None;
    };
    let let_through = |s: &usize| {
        order.get(*s).is_some_and(|n| {
            n.step.optional && cx.intent.decided(n.rotation, &n.step.name).is_none()
        })
    };
    let optional = stores.iter().all(let_through);
    let before: Vec<usize> = stores
        .iter()
        .copied()
        .filter(|s| order.may_precede(*s, revocation.step))
        .collect();
    if before.is_empty()
        || before.len() < stores.len()
        || !order.dominates(mint.step, revocation.step)
        || !optional && is_covered(order, &stores, revocation.step)
    {
        return None;
    }
    let (node, stored) = (
        order.get(revocation.step)?,
        order.get(before.into_iter().min()?)?,
    );
    let found = Diagnostic::new(
        codes::REVOKE_BEFORE_PROMOTE,
        node.step.at.0,
        format!("on one way the new `{}` is stored nowhere, and the old one is revoked all the same", mint.name()),
    )
    .at("reached on every way")
    .label(stored.step.at.0, if optional { "optional: a failure does not stop the workflow" } else { "stored on this way alone" })
    .help("revoke only where the new one was stored, or end the workflow with TERMINATE where it was not");
    Some(if related == Relation::Sure {
        found
    } else {
        found
            .severity(Severity::Warning)
            .confidence(Confidence::Medium)
    })
}

/// Whether two steps stand in one branch of a SWITCH.
fn shares_a_choice(order: &Order<'_>, a: usize, b: usize) -> bool {
    order.around(a).any(|up| {
        order.is_choice(up)
            && order.is_within(b, up)
            && order.block_of(a, up) == order.block_of(b, up)
    })
}

/// Whether each way to a step leads through one of `stores`.
fn is_covered(order: &Order<'_>, stores: &HashSet<usize>, target: usize) -> bool {
    let around: Vec<(usize, &Switch)> = order
        .around(target)
        .filter_map(|id| match order.get(id).map(|n| &n.step.task) {
            Some(Task::Switch(switch)) => Some((id, switch)),
            _ => None,
        })
        .collect();
    stores.iter().any(|store| order.dominates(*store, target))
        || stores
            .iter()
            .flat_map(|store| order.around(*store))
            .any(|id| {
                let Some(node) = order.get(id) else {
                    return false;
                };
                let Task::Switch(switch) = &node.step.task else {
                    return false;
                };
                if order.is_within(target, id) || !order.dominates(id, target) {
                    return false;
                }
                // The same question was answered before, and the way there leads through a store.
                let same = around.iter().any(|(_, later)| {
                    later.subject == switch.subject
                        && !matches!(switch.subject.kind, crate::plan::ExprKind::Null)
                });
                let blocks = node.step.task.blocks();
                let stored =
                    |block: usize| stores.iter().any(|s| order.block_of(*s, id) == Some(block));
                let any = (0..blocks.len()).any(stored);
                any && (same
                    || blocks.iter().enumerate().all(|(block, steps)| {
                        stored(block) || crate::check::order::always_ends(steps)
                    }))
            })
}

/// A SWITCH that fails where the answer is good, and revokes where it is not.
fn inverted(cx: &Context<'_, '_>, seen: &mut HashSet<usize>, out: &mut Vec<Diagnostic>) {
    let order = cx.order();
    for revocation in cx.intent.revocations() {
        let decider = order.around(revocation.step).find_map(|id| {
            match order.get(id).map(|n| (n, &n.step.task)) {
                Some((node, Task::Switch(switch))) => Some((id, node, switch)),
                _ => None,
            }
        });
        let Some((id, node, switch)) =
            decider.filter(|(id, ..)| !cx.intent.subject(*id).is_some_and(asks_for_bad_news))
        else {
            continue;
        };
        let Some(block) = order.block_of(revocation.step, id) else {
            continue;
        };
        let says = |block: usize, words: &[&str]| {
            switch
                .cases
                .get(block)
                .is_some_and(|c| words.contains(&c.name.to_ascii_lowercase().as_str()))
        };
        let blocks = node.step.task.blocks();
        let others = || {
            blocks
                .iter()
                .enumerate()
                .filter(|(other, _)| *other != block)
        };
        let good_fails = others().any(|(other, steps)| says(other, &YES) && fails(steps));
        let bad_revokes =
            says(block, &NO) && others().any(|(other, steps)| !says(other, &NO) && fails(steps));
        if (good_fails && !says(block, &YES) || bad_revokes) && seen.insert(revocation.step) {
            let revoked = order
                .get(revocation.step)
                .map_or(node.step.at.0, |n| n.step.at.0);
            out.push(
                Diagnostic::new(codes::REVOKE_BEFORE_PROMOTE, revoked, format!("`{}` revokes where the answer is bad, and fails where it is good", node.step.name))
                    .at("reached when the check did not succeed")
                    .label(node.step.at.0, "decided here")
                    .help("exchange the branches: revoke where the new credential works, fail where it does not")
                    .severity(Severity::Warning),
            );
        }
    }
}

/// Whether a question is one to which yes is the bad answer.
fn asks_for_bad_news(subject: &Sources<'_>) -> bool {
    let steps = subject.steps.iter().map(|(step, _)| *step);
    let mut words = subject.words.iter().map(String::as_str).chain(steps);
    words.any(|word| {
        let word = word.to_ascii_lowercase();
        BAD_NEWS.iter().any(|bad| word.contains(bad))
    })
}
