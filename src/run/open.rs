//! Interrupted runs: what is known of them, and what a person may decide.

use super::journal::{self, Event, Journal, Standing};
use super::turn;
use crate::diagnostic::Result;
use crate::vault::Vault;
use crate::world::World;

/// Attempts of a whole run before nothing more happens automatically.
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
    // A run claims its rotation when the first record of its journal is on the disk.
    let claims = vault.doc().claims();
    for run_id in journal::list(world, vault)? {
        let claim = claims.values().find(|claim| claim.run == run_id);
        let journal = match Journal::open(world, vault, &run_id) {
            Ok(journal) => journal,
            // Damage in the journal of a run that is over keeps nothing from going on.
            Err(_) if ended_by_peek(world, vault, &run_id) => continue,
            Err(error) => return Err(error),
        };
        if claim.is_some_and(|claim| journal.kept() < claim.records.max(1)) && !journal.ended() {
            return Err(journal::cut_short(journal.path(), journal.records().len()));
        }
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
pub(super) fn tidy(world: &World, vault: &Vault, rotation: &str, ended: Vec<Journal>) {
    let surplus = ended.len().saturating_sub(KEPT);
    let claims = vault.doc().claims();
    for (i, journal) in ended.into_iter().enumerate() {
        // The journal of a claim is looked for, and what is written anew may be lost in a power cut: it waits for the next claim.
        if claims.values().any(|claim| claim.run == journal.run_id()) {
            continue;
        }
        if i < surplus {
            journal.remove(world);
        } else if describe(&journal).rotation == rotation
            && journal
                .records()
                .first()
                .is_some_and(|r| !r.sealed.is_empty())
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
        ended = matches!(header.event, Event::Ended(_));
        at += length;
    }
    ended && at == bytes.len() || journal::ended_in_form_1(&bytes)
}

/// What a journal says of its run.
pub fn describe(journal: &Journal) -> OpenRun {
    let begin = journal.begin().map(|(begin, _)| begin);
    let never = jiff::Timestamp::UNIX_EPOCH;
    let state = match journal.standing() {
        Standing::Open => OpenState::Interrupted,
        Standing::Failed(reason) => OpenState::Failed {
            code: reason.code.clone(),
            message: reason.message.clone(),
        },
        Standing::Halted(reason) => OpenState::NeedsOperator {
            code: reason.code.clone(),
            message: reason.message.clone(),
        },
    };
    let failures = journal.recent_failures();
    OpenRun {
        run_id: journal.run_id().to_owned(),
        rotation: begin.map_or_else(String::new, |b| b.rotation.clone()),
        begun_at: begin.map_or(never, |b| b.started_at),
        scheduled_at: begin.map_or(never, |b| b.scheduled_at),
        source: begin.and_then(|b| b.source.clone()),
        state,
        failures: failures.len(),
        last_failure: failures.last().copied(),
        had_effect: journal.had_effect(),
    }
}

/// The process that is at work on an interrupted run: then it is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnderWay {
    /// The process, as far as it said so.
    pub pid: Option<u32>,
    /// Since when it has the rotation.
    pub since: Option<jiff::Timestamp>,
}

/// Whether a process of this machine is at work on a rotation.
pub fn under_way(world: &World, vault: &Vault, rotation: &str) -> Option<UnderWay> {
    turn::holder(world, vault, rotation).map(|noted| UnderWay {
        pid: noted.pid,
        since: noted.since,
    })
}

pub use super::journal::event::Decision;

/// Takes a rotation from a run that is on another machine, which is gone for good; or notes that a person has seen to what
/// such a run may have left. `None` when no run of another machine has an id that begins so.
///
/// # Errors
/// Those of a commit.
pub fn decide_elsewhere(
    world: &World,
    vault: &mut Vault,
    begins: &str,
    decision: Decision,
) -> Result<Option<Elsewhere>> {
    let found = elsewhere(world, vault)?
        .into_iter()
        .find(|run| run.run_id.starts_with(begins));
    let Some(run) = found else { return Ok(None) };
    let now = world.clock.now();
    match (decision, &run.overtaken) {
        (Decision::Retry, _) | (Decision::Accept, None) => {}
        (Decision::Abandon, None) => vault.commit(|doc| {
            doc.overtake(&run.rotation, None, now);
            Ok(())
        })?,
        (Decision::Abandon | Decision::Accept, Some(_)) => vault.commit(|doc| {
            doc.accept_overtaken(&run.run_id);
            Ok(())
        })?,
    }
    Ok(Some(run))
}

/// A run of another machine that has the same vault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elsewhere {
    /// Its id.
    pub run_id: String,
    /// Rotation name.
    pub rotation: String,
    /// The machine, if it says so.
    pub host: Option<String>,
    /// Since when it is at work, by its own clock; of one that was overtaken, since when it is that.
    pub since: jiff::Timestamp,
    /// Until when nobody else begins, by its own clock.
    pub until: jiff::Timestamp,
    /// Whether it may have made a call that cannot be made again.
    pub engaged: bool,
    /// It was overtaken: by which run, or by a person.
    pub overtaken: Option<Option<String>>,
    /// Where its journal is.
    pub place: Place,
}

/// Where the journal of a run is that is not in this state folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// On another machine.
    Machine,
    /// On a machine that is called as this one is, in another state folder.
    Folder,
    /// It was in this folder, and is gone.
    Gone,
}

/// Where the journal of a claim is that is not in this state folder.
pub(super) fn place(world: &World, run: &str, host: Option<&str>, last: Option<&str>) -> Place {
    if last == Some(run) {
        Place::Gone
    } else if host.is_some() && host == world.env.host().as_deref() {
        Place::Folder
    } else {
        Place::Machine
    }
}

/// The runs of other machines that are under way, and those that were overtaken and have not gone on since.
///
/// # Errors
/// What listing the journals says.
pub fn elsewhere(world: &World, vault: &Vault) -> Result<Vec<Elsewhere>> {
    let here = journal::list(world, vault)?;
    let found = |rotation: &str, run: &str, host: Option<&str>| {
        let last = turn::last_run(world, vault, rotation);
        place(world, run, host, last.as_deref())
    };
    let claims = vault
        .doc()
        .claims()
        .into_iter()
        .map(|(rotation, claim)| Elsewhere {
            place: found(&rotation, &claim.run, claim.host.as_deref()),
            run_id: claim.run,
            rotation,
            host: claim.host,
            since: claim.since,
            until: claim.until,
            engaged: claim.engaged,
            overtaken: None,
        });
    let overtaken = vault.doc().overtaken().into_iter();
    let overtaken = overtaken
        .filter(|(_, run)| !run.accepted)
        .map(|(run_id, run)| Elsewhere {
            place: found(&run.rotation, &run_id, run.host.as_deref()),
            run_id,
            rotation: run.rotation,
            host: run.host,
            since: run.at,
            until: run.at,
            engaged: false,
            overtaken: Some(run.by),
        });
    let all = claims.chain(overtaken);
    Ok(all.filter(|run| !here.contains(&run.run_id)).collect())
}
