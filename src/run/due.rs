//! Whether a rotation is due: what its schedule says about what happened.

use super::open::OpenRun;
use crate::diagnostic::{Error, Failure, Printable, Result, codes};
use crate::plan::Rotation;
use crate::plan::schedule::{Due, Trigger};
use crate::plan::task::walk_steps;
use crate::vault::{Document, Vault};
use crate::world::World;
use jiff::{SignedDuration, Timestamp};

/// A clock that is further behind than this was set back.
const BACK: SignedDuration = SignedDuration::from_mins(5);
/// No issuer gives out a credential for less: what expires sooner after it was made has an expiry that means something else.
const SHORTEST_LIFE: SignedDuration = SignedDuration::from_mins(5);
/// First pause after a failed attempt; doubled for each further one.
const BACKOFF: SignedDuration = SignedDuration::from_secs(30);
/// The same for a run that is asked for by the name of its file, after its second failed attempt: the first may be a mended slip.
const NAMED_BACKOFF: SignedDuration = SignedDuration::from_secs(1);

/// What is known of a rotation's past.
#[derive(Debug, Clone, Default)]
pub struct Past {
    /// When it last succeeded, as far as that is not ahead of this clock.
    pub last_success: Option<Timestamp>,
    /// The nearest expiry among the current versions that it stored, with the time that version was made.
    pub expiry: Option<(Timestamp, Timestamp)>,
    /// When somebody first asked whether it is due, while it had never run.
    pub first_look: Option<Timestamp>,
    /// The latest record of it that is ahead of this clock, if there is one.
    pub ahead: Option<Stamp>,
}

/// A time that a record bears, and who wrote it there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// The time.
    pub at: Timestamp,
    /// The run that wrote it, where that is known.
    pub run: Option<String>,
    /// The machine on which it ran, where that is known.
    pub host: Option<String>,
}

/// Where the vault remembers first looks, by rotation.
const META: &str = "first_looks";
/// Where the vault remembers when a rotation was tried, by rotation: a journal may be gone by the next time.
const FACTS: &str = "schedule";

/// When a rotation was tried.
#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
struct Facts {
    /// When it last succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_success: Option<Timestamp>,
    /// When it last ended, well or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_attempt: Option<Timestamp>,
    /// The run that ended then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    run: Option<String>,
    /// The machine that it ran on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    /// The file that it was run from, from the vault's folder: another one may have a rotation of the same name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    /// When it last succeeded on each machine: a clock that is wrong is wrong on one of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    successes: Vec<Success>,
}

/// When a rotation last succeeded on a machine.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
struct Success {
    host: String,
    at: Timestamp,
}

/// As many machines are told apart.
const HOSTS: usize = 8;

fn facts(doc: &Document, rotation: &str) -> Facts {
    doc.meta
        .get(FACTS)
        .and_then(|all| all.get(rotation))
        .and_then(|facts| serde_json::from_value(facts.clone()).ok())
        .unwrap_or_default()
}

/// The file that a rotation with a schedule was last run from, as the vault's folder sees it.
pub fn last_file(vault: &Vault, rotation: &str) -> Option<String> {
    facts(vault.doc(), rotation).file
}

/// The end of a run.
pub(super) struct Attempt<'a> {
    /// Which run.
    pub(super) run: &'a str,
    /// On which machine, where it says what it is called.
    pub(super) host: Option<String>,
    /// From which file, from the vault's folder.
    pub(super) file: Option<String>,
    /// When.
    pub(super) at: Timestamp,
    /// Whether it went well.
    pub(super) succeeded: bool,
}

/// Writes down that a rotation was tried.
pub(super) fn note(doc: &mut Document, rotation: &str, attempt: Attempt<'_>) {
    let mut facts = facts(doc, rotation);
    facts.last_attempt = Some(attempt.at);
    facts.run = Some(attempt.run.to_owned());
    if attempt.succeeded {
        facts.last_success = Some(attempt.at);
        let host = attempt.host.clone().unwrap_or_default();
        facts.successes.retain(|one| one.host != host);
        let at = attempt.at;
        facts.successes.push(Success { host, at });
        while facts.successes.len() > HOSTS {
            let oldest = facts.successes.iter().map(|one| one.at).min();
            let mut dropped = false;
            facts.successes.retain(|one| {
                dropped || Some(one.at) != oldest || !std::mem::replace(&mut dropped, true)
            });
        }
    }
    facts.host = attempt.host;
    facts.file = attempt.file.or(facts.file);
    let all = doc
        .meta
        .entry(FACTS.to_owned())
        .or_insert_with(|| serde_json::json!({}));
    if let (Some(all), Ok(facts)) = (all.as_object_mut(), serde_json::to_value(facts)) {
        all.insert(rotation.to_owned(), facts);
    }
}

/// Whether a time is further ahead of a clock than clocks of good machines differ.
pub fn is_ahead(at: Timestamp, now: Timestamp) -> bool {
    at.duration_since(now) > BACK
}

/// What the vault says of a rotation. Times that are ahead of this clock are not believed: another machine's clock was wrong when
/// it wrote them, and must stop nobody else.
pub fn past(vault: &Vault, rotation: &Rotation, now: Timestamp) -> Past {
    let looks = vault
        .doc()
        .meta
        .get(META)
        .and_then(|looks| looks.get(&rotation.name));
    let first_look = looks
        .and_then(|at| at.as_str())
        .and_then(|at| at.parse().ok())
        .filter(|at| !is_ahead(*at, now));
    let facts = facts(vault.doc(), &rotation.name);
    let mut past = Past {
        first_look,
        ..Past::default()
    };
    let attempt = |at: Timestamp| Stamp {
        at,
        run: facts.run.clone(),
        host: facts.host.clone(),
    };
    for at in facts
        .successes
        .iter()
        .map(|s| s.at)
        .chain(facts.last_success)
    {
        // Of the successes, the last attempt is the one whose run is known.
        past.succeeded(attempt(at), now, facts.last_attempt != Some(at));
    }
    if let Some(at) = facts.last_attempt.filter(|at| is_ahead(*at, now)) {
        past.is_behind(attempt(at));
    }
    for name in stored_by(rotation) {
        let Some(entry) = vault.doc().get(&name) else {
            continue;
        };
        let Some(current) = entry.current_version() else {
            continue;
        };
        if current.rotation.as_deref() == Some(rotation.name.as_str()) {
            let stamp = Stamp {
                at: current.created_at,
                run: current.run.clone(),
                host: None,
            };
            past.succeeded(stamp, now, false);
        }
        if let Some(expires) = current.expires_at
            && !is_ahead(current.created_at, now)
            && past.expiry.is_none_or(|(e, _)| expires < e)
        {
            past.expiry = Some((expires, current.created_at));
        }
    }
    past
}

impl Past {
    /// Takes note of a success; `old` is one that says nothing of the machine's clock as it is now.
    fn succeeded(&mut self, stamp: Stamp, now: Timestamp, old: bool) {
        if !is_ahead(stamp.at, now) {
            self.last_success = self.last_success.max(Some(stamp.at));
        } else if !old {
            self.is_behind(stamp);
        }
    }

    fn is_behind(&mut self, stamp: Stamp) {
        if self.ahead.as_ref().is_none_or(|known| known.at <= stamp.at) {
            self.ahead = Some(stamp);
        }
    }
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

/// A pause that doubles, ten times at most.
pub(super) fn doubled(first: SignedDuration, times: u32) -> SignedDuration {
    first
        .checked_mul(1 << times.min(10))
        .unwrap_or(SignedDuration::MAX)
}

/// Whether an interrupted run may be tried again by itself now: the pause doubles with each failed attempt.
pub fn may_resume(open: &OpenRun, now: Timestamp) -> bool {
    let Some(last) = open.last_failure else {
        return true;
    };
    let before = open.failures.saturating_sub(1);
    let pause = doubled(BACKOFF, u32::try_from(before).unwrap_or(u32::MAX));
    last.checked_add(pause).is_ok_and(|next| now >= next)
}

/// When a run that is called again may make its next attempt: at once after the first failure, then after pauses that double.
pub(super) fn next_attempt(open: &OpenRun) -> Option<Timestamp> {
    let last = open.last_failure?;
    let before = open.failures.checked_sub(2)?;
    let pause = doubled(NAMED_BACKOFF, u32::try_from(before).unwrap_or(u32::MAX));
    last.checked_add(pause).ok()
}

/// Refuses to act on a schedule when this machine's clock went back: its own last run bears a time that has not come yet. What
/// another machine wrote with a clock that was ahead stops nobody: it is told, in what this answers with, and not believed.
///
/// # Errors
/// ROT850, exit 26.
pub fn check_clock(
    world: &World,
    vault: &Vault,
    past: &Past,
    now: Timestamp,
) -> Result<Option<String>> {
    let Some(ahead) = &past.ahead else {
        return Ok(None);
    };
    let own = match &ahead.run {
        Some(run) => super::journal::list(world, vault)?.contains(run),
        None => false,
    };
    if !own {
        let who = match &ahead.host {
            Some(host) => format!("machine {}", host.printable()),
            None => "another machine".to_owned(),
        };
        return Ok(Some(format!(
            "the last run was at {}, which is ahead of this clock ({now}): the clock of {who} is wrong, and the time is not believed",
            ahead.at
        )));
    }
    Err(Error::plain(
        Failure::Clock,
        codes::CLOCK_ANOMALY,
        format!("the clock shows {now}, and the last run of this machine was at {}: this clock went back, or that of another machine with the same state is ahead", ahead.at),
    )
    .note("`rot status` says which version is ahead of this clock")
    .help("set the clock (is time synchronised?); `rot run` without `--due` runs all the same, and the schedule counts from there"))
}
