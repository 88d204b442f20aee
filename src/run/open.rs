//! Interrupted runs: what is known of them, and what a person may decide.

use super::journal::{self, Journal, Kind, facts};
use crate::diagnostic::{Error, Failure, Result, codes};
use crate::vault::Vault;
use crate::world::World;
use serde_json::{Value as Json, json};
use std::time::Duration;

/// Attempts of a whole run before nothing more happens by itself.
pub const BUDGET: usize = 5;
/// No process takes longer to write the first record of its journal.
const FORGOTTEN: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);

/// A run that is not over.
#[derive(Debug, Clone)]
pub struct OpenRun {
    /// Its id.
    pub run_id: String,
    /// Rotation name.
    pub rotation: String,
    /// When it began.
    pub begun_at: jiff::Timestamp,
    /// When it was due.
    pub scheduled_at: jiff::Timestamp,
    /// The file that it was started from, if any.
    pub source: Option<String>,
    /// What it waits for.
    pub state: OpenState,
    /// How many attempts failed.
    pub failures: usize,
    /// When the last attempt failed.
    pub last_failure: Option<jiff::Timestamp>,
    /// Whether something outside changed, or may have.
    pub had_effect: bool,
}

/// What an interrupted run waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpenState {
    /// The process died; a resume continues.
    Interrupted,
    /// An attempt failed; a resume continues.
    Failed {
        /// Code of the failure.
        code: String,
        /// Step that failed, as far as known.
        message: String,
    },
    /// A person must decide.
    NeedsOperator {
        /// Code of the failure.
        code: String,
        /// What happened.
        message: String,
    },
}

/// All runs that are not over, oldest first.
pub fn open_runs(world: &World, vault: &Vault) -> Result<Vec<OpenRun>> {
    Ok(survey(world, vault)?.0)
}

/// All runs that are not over and the journals of those that are, oldest first.
pub(super) fn survey(world: &World, vault: &Vault) -> Result<(Vec<OpenRun>, Vec<Journal>)> {
    let mut open = Vec::new();
    let mut ended = Vec::new();
    for run_id in journal::list(world, vault)? {
        let journal = match Journal::open(world, vault, &run_id) {
            Ok(journal) => journal,
            // Damage in the journal of a run that is over keeps nothing from going on.
            Err(_) if ended_by_peek(world, vault, &run_id) => continue,
            Err(error) => return Err(error),
        };
        if journal.records().is_empty() {
            // The process died before it had written the first record, and nothing happened; or it is about to write it.
            if super::ids::made_at(&run_id)
                .is_some_and(|made| world.clock.now().duration_since(made) > FORGOTTEN)
            {
                journal.remove(world);
            }
            continue;
        }
        if journal.ended() {
            ended.push(journal);
        } else {
            open.push(describe(&journal));
        }
    }
    Ok((open, ended))
}

/// How many journals of ended runs are kept, without their payloads, for whoever asks what happened.
const KEPT: usize = 100;

/// Drops what ended runs of a rotation no longer need: payloads (the values are in the vault, or were of no use) with the room
/// that was reserved for them, and the oldest journals of all. Best effort: what cannot be tidied now is tidied by the next
/// run. Under the lock of the rotation, so that no two processes write the same journal anew.
pub(super) fn tidy(world: &World, rotation: &str, ended: Vec<Journal>) {
    let surplus = ended.len().saturating_sub(KEPT);
    for (i, journal) in ended.into_iter().enumerate() {
        if i < surplus {
            journal.remove(world);
        } else if describe(&journal).rotation == rotation
            && journal.records().iter().any(|r| !r.sealed.is_empty())
        {
            let _ = journal.strip(world);
        }
    }
}

/// Whether a journal's last record says that the run is over, of a journal that cannot be verified. Never of one that can: the
/// head of its last record may be on the disk and the rest of it not.
fn ended_by_peek(world: &World, vault: &Vault, run_id: &str) -> bool {
    let path = journal::folder(vault).join(format!("{run_id}.jnl"));
    let Ok(bytes) = world.fs.read(&path, 1 << 30) else {
        return false;
    };
    let mut at = 0;
    let mut ended = false;
    while let Some((header, length)) = bytes.get(at..).and_then(journal::peek) {
        ended = header.kind == Kind::Ended;
        at += length;
    }
    ended && at == bytes.len()
}

/// What a journal says of its run.
pub fn describe(journal: &Journal) -> OpenRun {
    let begin = journal.records().first();
    let fact = |name: &str| {
        begin
            .and_then(|r| r.header.facts.get(name))
            .and_then(Json::as_str)
            .map(str::to_owned)
    };
    let written_at = begin.map_or(jiff::Timestamp::UNIX_EPOCH, |r| r.header.at);
    // To the very instant that the first process saw: expiries are counted from it.
    let begun_at = fact("started_at")
        .and_then(|t| t.parse().ok())
        .unwrap_or(written_at);
    let text = |record: &journal::Record, name: &str| {
        record
            .header
            .facts
            .get(name)
            .and_then(Json::as_str)
            .unwrap_or("")
            .to_owned()
    };
    let last = journal.records().iter().rev().find(|r| {
        matches!(
            r.header.kind,
            Kind::Failed | Kind::Halted | Kind::Acknowledged
        )
    });
    let state = match last {
        Some(record) if record.header.kind == Kind::Halted => OpenState::NeedsOperator {
            code: text(record, "code"),
            message: text(record, "message"),
        },
        Some(record) if record.header.kind == Kind::Failed => OpenState::Failed {
            code: text(record, "code"),
            message: text(record, "message"),
        },
        _ => OpenState::Interrupted,
    };
    // A person who said "retry" begins a new budget.
    let since = journal
        .records()
        .iter()
        .rposition(|r| r.header.kind == Kind::Acknowledged)
        .map_or(0, |i| i + 1);
    let failed: Vec<&journal::Record> = journal
        .records()
        .iter()
        .skip(since)
        .filter(|r| r.header.kind == Kind::Failed)
        .collect();
    OpenRun {
        run_id: journal.run_id().to_owned(),
        rotation: fact("rotation").unwrap_or_default(),
        begun_at,
        scheduled_at: fact("scheduled_at")
            .and_then(|t| t.parse().ok())
            .unwrap_or(begun_at),
        source: fact("source"),
        state,
        failures: failed.len(),
        last_failure: failed.last().map(|r| r.header.at),
        had_effect: journal.had_effect(),
    }
}

/// What a person decides about a run that needs one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Call again, or go on: the person knows that it is safe.
    Retry,
    /// Give the run up; what it staged is marked as failed.
    Abandon,
    /// The person mended it by hand: the run is over.
    Accept,
}

impl Decision {
    /// The word of the option.
    pub fn as_str(self) -> &'static str {
        match self {
            Decision::Retry => "retry",
            Decision::Abandon => "abandon",
            Decision::Accept => "accept",
        }
    }
}

/// Writes a decision down, when no process is at work on the run. After `Abandon` and `Accept` the run is over.
pub fn acknowledge(
    world: &World,
    vault: &mut Vault,
    open: &OpenRun,
    decision: Decision,
    lock_wait: Duration,
) -> Result<()> {
    let run_id = open.run_id.as_str();
    let _lock = super::execute::lock(world, vault, &open.rotation, lock_wait)?;
    let mut journal = Journal::resume(world, vault, run_id)?;
    if journal.ended() {
        return Err(Error::plain(
            Failure::Usage,
            codes::RUN_INTERRUPTED,
            format!("run {run_id} is over"),
        )
        .help("`rot status` lists the runs that are not"));
    }
    let failed =
        |journal: &Journal, e: std::io::Error| journal::storage(journal.path(), "written", &e);
    if decision == Decision::Retry {
        // Every step whose outcome is unknown counts as not executed from here on.
        let unknown: Vec<String> = journal
            .records()
            .iter()
            .filter(|r| matches!(r.header.kind, Kind::Intent | Kind::Unknown))
            .map(|r| r.header.step.clone())
            .collect();
        for step in unknown {
            journal
                .append(
                    world,
                    vault,
                    Kind::Acknowledged,
                    &step,
                    facts([("decision", json!(decision.as_str()))]),
                    None,
                    false,
                )
                .map_err(|e| failed(&journal, e))?;
        }
    }
    journal
        .append(
            world,
            vault,
            Kind::Acknowledged,
            "",
            facts([("decision", json!(decision.as_str()))]),
            None,
            true,
        )
        .map_err(|e| failed(&journal, e))?;
    if decision == Decision::Retry {
        return Ok(());
    }
    let staged: Vec<(String, String)> = journal
        .records()
        .iter()
        .filter(|r| r.header.kind == Kind::Staged)
        .filter_map(|r| {
            Some((
                r.header.facts.get("secret")?.as_str()?.to_owned(),
                r.header.facts.get("version")?.as_str()?.to_owned(),
            ))
        })
        .collect();
    vault.commit(|doc| {
        for (secret, version) in &staged {
            if doc.get(secret).and_then(|e| e.pending.as_deref()) == Some(version) {
                doc.mark_failed(secret, version)?;
            }
        }
        Ok(())
    })?;
    journal
        .append(
            world,
            vault,
            Kind::Ended,
            "",
            facts([(
                "status",
                json!(if decision == Decision::Accept {
                    "accepted"
                } else {
                    "abandoned"
                }),
            )]),
            None,
            true,
        )
        .map_err(|e| failed(&journal, e))
}
