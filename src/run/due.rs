//! Whether a rotation is due: what its schedule says about what happened.

use super::open::OpenRun;
use crate::diagnostic::{Error, Failure, Result, codes};
use crate::plan::Rotation;
use crate::plan::schedule::{Due, Trigger};
use crate::plan::task::walk_steps;
use crate::vault::{Document, Vault};
use jiff::{SignedDuration, Timestamp};

/// A clock that is further behind than this was set back.
const BACK: SignedDuration = SignedDuration::from_mins(5);
/// No issuer gives out a credential for less: what expires sooner after it was made has an expiry that means something else.
const SHORTEST_LIFE: SignedDuration = SignedDuration::from_mins(5);
/// First pause after a failed attempt; doubled for each further one.
const BACKOFF: SignedDuration = SignedDuration::from_secs(30);

/// What is known of a rotation's past.
#[derive(Debug, Clone, Default)]
pub struct Past {
    /// When it last succeeded.
    pub last_success: Option<Timestamp>,
    /// The nearest expiry among the current versions that it stored, with the time that version was made.
    pub expiry: Option<(Timestamp, Timestamp)>,
    /// The latest time that any record of it bears.
    pub latest: Option<Timestamp>,
    /// When somebody first asked whether it is due, while it had never run.
    pub first_look: Option<Timestamp>,
}

/// Where the vault remembers first looks, by rotation.
const META: &str = "first_looks";
/// Where the vault remembers when a rotation was tried, by rotation: a journal may be gone by the next time.
const FACTS: &str = "schedule";

/// When a rotation was tried.
#[derive(Debug, Clone, Copy, Default, serde::Serialize, serde::Deserialize)]
struct Facts {
    /// When it last succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_success: Option<Timestamp>,
    /// When it last ended, well or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_attempt: Option<Timestamp>,
}

fn facts(doc: &Document, rotation: &str) -> Facts {
    doc.meta
        .get(FACTS)
        .and_then(|all| all.get(rotation))
        .and_then(|facts| serde_json::from_value(facts.clone()).ok())
        .unwrap_or_default()
}

/// Writes down that a rotation was tried.
pub(super) fn note(doc: &mut Document, rotation: &str, now: Timestamp, succeeded: bool) {
    let mut facts = facts(doc, rotation);
    facts.last_attempt = Some(now);
    if succeeded {
        facts.last_success = Some(now);
    }
    let all = doc
        .meta
        .entry(FACTS.to_owned())
        .or_insert_with(|| serde_json::json!({}));
    if let (Some(all), Ok(facts)) = (all.as_object_mut(), serde_json::to_value(facts)) {
        all.insert(rotation.to_owned(), facts);
    }
}

/// What the vault says of a rotation.
pub fn past(vault: &Vault, rotation: &Rotation) -> Past {
    let looks = vault
        .doc()
        .meta
        .get(META)
        .and_then(|looks| looks.get(&rotation.name));
    let first_look = looks
        .and_then(|at| at.as_str())
        .and_then(|at| at.parse().ok());
    let facts = facts(vault.doc(), &rotation.name);
    let mut past = Past {
        first_look,
        last_success: facts.last_success,
        latest: facts.last_attempt.max(facts.last_success),
        ..Past::default()
    };
    let note =
        |past: &mut Past, at: Timestamp| past.latest = Some(past.latest.map_or(at, |l| l.max(at)));
    for name in stored_by(rotation) {
        let Some(entry) = vault.doc().get(&name) else {
            continue;
        };
        let Some(current) = entry.current.as_deref().and_then(|id| entry.version(id)) else {
            continue;
        };
        if current.rotation.as_deref() == Some(rotation.name.as_str()) {
            past.last_success = Some(
                past.last_success
                    .map_or(current.created_at, |l| l.max(current.created_at)),
            );
            note(&mut past, current.created_at);
        }
        if let Some(expires) = current.expires_at
            && past.expiry.is_none_or(|(e, _)| expires < e)
        {
            past.expiry = Some((expires, current.created_at));
        }
    }
    past
}

/// The secrets that a rotation stores under literal names.
pub fn stored_by(rotation: &Rotation) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    walk_steps(&rotation.steps, &mut |step| {
        let stores = step.task.write().filter(|write| write.act.stores());
        if let Some(name) = stores.and_then(|write| write.secret)
            && !names.iter().any(|n| n == name)
        {
            names.push(name.to_owned());
        }
    });
    names
}

/// Remembers that a rotation was looked at before its first run: its cron expression counts from there. Without that, its
/// next time would be ahead at each look.
///
/// # Errors
/// Those of a commit.
pub fn look(vault: &mut Vault, rotation: &Rotation, past: &mut Past, now: Timestamp) -> Result<()> {
    let cron = rotation
        .schedule
        .as_ref()
        .is_some_and(|s| matches!(s.trigger, Trigger::Cron(_)));
    if !cron || past.last_success.is_some() || past.expiry.is_some() || past.first_look.is_some() {
        return Ok(());
    }
    vault.commit(|doc| {
        let looks = doc
            .meta
            .entry(META.to_owned())
            .or_insert_with(|| serde_json::json!({}));
        if let Some(looks) = looks.as_object_mut() {
            looks.insert(rotation.name.clone(), serde_json::json!(now));
        }
        Ok(())
    })?;
    past.first_look = Some(now);
    Ok(())
}

/// When a rotation is due next, if it has a schedule.
pub fn next(vault: &Vault, rotation: &Rotation, past: &Past, now: Timestamp) -> Option<Due> {
    let schedule = rotation.schedule.as_ref()?;
    let key = format!("{}\n{}", vault.id(), rotation.name);
    // An expiry that is over at once would make the rotation due at every look: then the schedule alone counts.
    let (expires, issued) = past.expiry.map_or((None, None), |(e, i)| {
        (
            Some(e).filter(|e| e.duration_since(i) >= SHORTEST_LIFE),
            Some(i),
        )
    });
    let reference = issued.or(past.last_success).or(past.first_look);
    schedule.next_due(past.last_success, now, expires, reference, key.as_bytes())
}

/// Whether an interrupted run may be tried again by itself now: the pause doubles with each failed attempt.
pub fn may_resume(open: &OpenRun, now: Timestamp) -> bool {
    let Some(last) = open.last_failure else {
        return true;
    };
    let doublings = u32::try_from(open.failures.saturating_sub(1).min(10)).unwrap_or(10);
    let pause = BACKOFF
        .checked_mul(2i32.saturating_pow(doublings))
        .unwrap_or(SignedDuration::MAX);
    last.checked_add(pause).is_ok_and(|next| now >= next)
}

/// Refuses to act on a schedule when the clock went back.
pub fn check_clock(past: &Past, now: Timestamp) -> Result<()> {
    match past.latest {
        Some(latest) if latest.duration_since(now) > BACK => Err(Error::plain(
            Failure::Clock,
            codes::CLOCK_ANOMALY,
            format!("the clock shows {now}, and the last run was at {latest}: this clock went back, or that of another machine is ahead"),
        )
        .note("`rot status` says which version is ahead of this clock")
        .help(
            "set the clock (is time synchronised?); `rot run` without `--due` runs all the same",
        )),
        _ => Ok(()),
    }
}
