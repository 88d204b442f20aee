//! What a person decides about an interrupted run, written down. Whatever the run had obtained and did not bring into use goes on
//! the list of what is not revoked: neither giving a run up nor mending it by hand forgets a credential.

use super::StoredAnswer;
use super::journal::event::{Decision, End, EndStatus};
use super::journal::{self, CallState, Event, Journal, StepEvent};
use super::open::OpenRun;
use super::step::origin::issuing_steps;
use crate::diagnostic::{Error, Failure, Result, codes};
use crate::plan::effect::{Effect, Old};
use crate::plan::task::walk_steps;
use crate::plan::{Plan, Rotation, document};
use crate::vault::{Document, NewUnkept, State, StoredValue, Vault, Why};
use crate::world::World;
use serde_json::Value as Json;
use std::time::Duration;

/// What a decision left for somebody to revoke: the secrets of which a credential may live on, now on the list.
pub type Left = Vec<String>;

/// Writes a decision down, when no process is at work on the run. After `Abandon` and `Accept` the run is over.
///
/// # Errors
/// ROT714 for a run that is over, those of the journal and of a commit.
pub fn acknowledge(
    world: &World,
    vault: &mut Vault,
    open: &OpenRun,
    decision: Decision,
    lock_wait: Duration,
) -> Result<Left> {
    let run_id = open.run_id.as_str();
    let _turn = super::turn::take(world, vault, &open.rotation, lock_wait)?;
    let mut journal = Journal::resume(world, vault, run_id)?;
    if journal.ended() {
        return Err(Error::plain(
            Failure::Usage,
            codes::RUN_INTERRUPTED,
            format!("run {run_id} is over"),
        )
        .help("`rot status` lists the runs that are not"));
    }
    // Every step whose outcome is unknown counts as not executed from here on.
    let unknown = match decision {
        Decision::Retry => journal.unknown_calls(),
        Decision::Abandon | Decision::Accept => Vec::new(),
    };
    let mut write = |event: Event, sync: bool| {
        let written = journal.append(world, vault, event, None, sync);
        written.map_err(|e| journal::storage(journal.path(), "written", &e))
    };
    for id in unknown {
        let event = StepEvent::Cleared;
        write(Event::Step { id, event }, false)?;
    }
    write(Event::Decided(decision), true)?;
    let status = match decision {
        Decision::Retry => return Ok(Vec::new()),
        Decision::Accept => EndStatus::Accepted,
        Decision::Abandon => EndStatus::Abandoned,
    };
    let left = leave(world, vault, open, &journal, decision)?;
    let end = End {
        status,
        code: None,
        notes: Vec::new(),
    };
    journal
        .append(world, vault, Event::Ended(end), None, true)
        .map_err(|e| journal::storage(journal.path(), "written", &e))?;
    Ok(left)
}

/// Ends what the run holds in the vault, and puts on the list what it had obtained.
fn leave(
    world: &World,
    vault: &mut Vault,
    open: &OpenRun,
    journal: &Journal,
    decision: Decision,
) -> Result<Left> {
    let why = match decision {
        Decision::Accept => Why::Replaced,
        Decision::Retry | Decision::Abandon => Why::Abandoned,
    };
    let run_id = open.run_id.as_str();
    let now = world.clock.now();
    let plan = super::journaled_plan(world, vault, run_id);
    let plan = plan.ok().and_then(|text| document::decode(&text).ok());
    let rotation = plan
        .as_ref()
        .and_then(|plan| plan.rotation(&open.rotation).map(|r| (plan, r)));
    let staged: Vec<_> = journal.staged().into_iter().cloned().collect();
    let unstored = rotation.map_or_else(Vec::new, |(plan, rotation)| {
        unstored(journal, vault, plan, rotation, decision)
    });
    let mut left: Left = Vec::new();
    vault.commit(|doc| {
        left.clear();
        for stored in &staged {
            let entry = doc.get(&stored.secret);
            let state = entry
                .and_then(|entry| entry.version(&stored.version))
                .map(|version| version.state);
            // What was in use goes by its revocation. A value that a person stored meanwhile has taken the place of the pending one.
            let Some(State::Pending | State::Failed) = state else {
                continue;
            };
            doc.mark_failed(&stored.secret, &stored.version)?;
            // What a person has set by hand is in the place of a value of ours; what an issuer made lives beside it.
            let replaced = decision == Decision::Accept
                && (rotation.is_some_and(|(_, r)| !is_issued(r, &stored.secret))
                    || is_current(doc, &stored.secret, &stored.version));
            if !replaced {
                doc.mark_unrevoked(&stored.secret, &stored.version, now, why)?;
                left.push(stored.secret.clone());
            }
        }
        doc.release(&open.rotation, run_id);
        doc.settle(run_id);
        for secret in &unstored {
            let version = NewUnkept {
                id: run_id,
                created_at: open.begun_at,
                run: run_id,
                rotation: &open.rotation,
            };
            doc.note_unkept(secret, version, now, why)?;
            left.push(secret.clone());
        }
        Ok(())
    })?;
    left.sort();
    left.dedup();
    Ok(left)
}

/// Whether a version holds what is in use, under whatever id.
fn is_current(doc: &Document, secret: &str, version: &str) -> bool {
    let Some(entry) = doc.get(secret) else {
        return false;
    };
    let current = entry.current_version().and_then(|v| v.value.as_ref());
    let value = entry.version(version).and_then(|v| v.value.as_ref());
    matches!((current, value), (Some(a), Some(b)) if a.same_as(b))
}

/// Whether what a rotation stores in a secret comes from a call that makes a credential.
fn is_issued(rotation: &Rotation, secret: &str) -> bool {
    let mut issued = false;
    walk_steps(&rotation.steps, &mut |step| {
        if let Some(write) = step.task.write()
            && write.secret == Some(secret)
            && let Some(value) = write.value
        {
            issued |= !issuing_steps(rotation, value).is_empty();
        }
    });
    issued
}

/// The secrets for which a run may have obtained a credential that it never stored: whoever ends it must hear of them. Who
/// accepts a run has stored a credential by hand. Where that is the one of an answer that is kept, nothing is left; and where
/// a call that replaces the old one was not answered, the one that was made by hand is in its place.
fn unstored(
    journal: &Journal,
    vault: &Vault,
    plan: &Plan,
    rotation: &Rotation,
    decision: Decision,
) -> Vec<String> {
    let mut issuing: Vec<(&str, bool)> = Vec::new();
    plan.walk(&mut |_, step| {
        for http in step.task.requests() {
            if let Effect::Issues(issues) = &http.effect {
                issuing.push((&step.name, matches!(issues.old, Old::Stays)));
            }
        }
    });
    let called = |step: &str| issuing.iter().any(|(name, _)| *name == step);
    let stays = |step: &str| issuing.iter().any(|(name, stays)| *name == step && *stays);
    let answers = answers(journal, vault, &called);
    let all = super::due::stored_by(rotation).into_iter();
    let all = all.filter(|secret| !journal.stored(secret));
    match decision {
        Decision::Abandon if journal.may_have_called(&called) => all.collect(),
        Decision::Abandon | Decision::Retry => Vec::new(),
        Decision::Accept => {
            let unknown = journal.unknown_calls();
            let lost = unknown.iter().any(|id| stays(id.step()));
            let issued = all.filter(|secret| is_issued(rotation, secret));
            issued
                .filter(|secret| {
                    lost || answers
                        .iter()
                        .any(|answer| !holds(answer, journal, vault, secret))
                })
                .collect()
        }
    }
}

/// The kept answers of steps.
fn answers(journal: &Journal, vault: &Vault, wanted: &dyn Fn(&str) -> bool) -> Vec<StoredAnswer> {
    let mut ids: Vec<_> = journal.steps().map(|(id, _)| id).collect();
    ids.retain(|id| wanted(id.step()));
    ids.sort();
    ids.dedup();
    let mut found = Vec::new();
    for id in ids {
        let (CallState::Answered(record) | CallState::Rejected(record)) = journal.call(id) else {
            continue;
        };
        let payload = journal.payload(vault, record).ok();
        found.extend(payload.and_then(|payload| StoredAnswer::decode(&payload)));
    }
    found
}

/// Whether the current version of a secret is what an answer brought: all of it that is not as it was when the run began.
fn holds(answer: &StoredAnswer, journal: &Journal, vault: &Vault, secret: &str) -> bool {
    let Some(entry) = vault.doc().get(secret) else {
        return false;
    };
    let then = journal
        .begin()
        .and_then(|(begin, _)| begin.pinned.get(secret)?.current.as_deref())
        .and_then(|id| entry.version(id))
        .and_then(|version| version.value.as_ref());
    let Some(now) = entry.current_version().and_then(|v| v.value.as_ref()) else {
        return false;
    };
    let mut new = changed(now, then).into_iter().peekable();
    let Ok(text) = answer.text() else {
        return false;
    };
    let body = serde_json::from_str::<Json>(&text).ok();
    let is_there = |value: &str| {
        body.as_ref()
            .map_or_else(|| text.contains(value), |body| has_leaf(body, value))
    };
    new.peek().is_some() && new.all(|value| value.is_some_and(&is_there))
}

/// The parts of a value that another one does not have, as texts.
fn changed<'v>(now: &'v StoredValue, then: Option<&StoredValue>) -> Vec<Option<&'v str>> {
    let parts = now.parts().into_iter();
    let new = parts.filter(|(field, value)| {
        let before = then.and_then(|then| then.part(*field));
        !before.is_some_and(|before| before.same_as(value))
    });
    new.map(|(_, value)| value.expose_text()).collect()
}

fn has_leaf(body: &Json, value: &str) -> bool {
    match body {
        Json::String(text) => text == value,
        Json::Number(number) => number.to_string() == value,
        Json::Array(items) => items.iter().any(|item| has_leaf(item, value)),
        Json::Object(members) => members.values().any(|member| has_leaf(member, value)),
        Json::Null | Json::Bool(_) => false,
    }
}
