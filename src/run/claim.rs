//! One machine at a time for a rotation, where several have the same vault. A run claims its rotation in the vault before
//! its first effect, renews the claim while it lasts, and looks whether it still has it before each effect and in each of
//! its commits. A machine that dies loses its claim after a while; its run is overtaken, and does no more than settle what it
//! had obtained (`run/overtaken.rs`).
//!
//! The lock of a rotation (`run/execute.rs`) keeps apart the processes of one machine; it goes with the process.

use super::due;
use super::engine::{Engine, StepError};
use super::execute::Job;
use super::journal::event::{End, EndStatus};
use super::journal::{self, Event, Journal};
use super::open::{self, Place};
use super::turn::Turn;
use crate::diagnostic::{Diagnostic, Error, Failure, Printable, Result, codes};
use crate::plan::effect::{Effect, Old};
use crate::plan::task::Step;
use crate::plan::{Plan, Rotation, Task};
use crate::source::Span;
use crate::vault::{Claim, Document, Vault};
use crate::world::World;
use jiff::{SignedDuration, Timestamp};
use std::cell::{Cell, RefCell};
use std::time::Duration;

/// How long a claim holds without being renewed: longer than any call is waited for.
const LEASE: SignedDuration = SignedDuration::from_mins(10);
/// A claim with less than this left is renewed.
const RENEW: SignedDuration = SignedDuration::from_mins(7);
/// How long a run that stopped and can go on keeps its rotation.
const STOPPED: SignedDuration = SignedDuration::from_hours(1);
/// As far as the clocks of good machines differ.
const SKEW: SignedDuration = SignedDuration::from_mins(1);
/// How often another machine's claim is looked at while it is waited for.
const LOOK: Duration = Duration::from_secs(1);

/// What a run knows of its own claim.
pub(super) struct Held {
    rotation: String,
    /// Until when it holds, as was last written.
    until: Cell<Timestamp>,
    engaged: Cell<bool>,
    /// Another run has taken over.
    lost: Cell<bool>,
}

/// What a claim allows somebody else.
enum Other {
    /// It may be taken: it has ended, and nothing was done that cannot be done again.
    Free,
    /// It holds.
    Held,
    /// It has ended; what its run did cannot be done again.
    Engaged,
    /// Its clock and ours cannot both be right.
    Ahead,
}

/// Whether a rotation of this plan changes anything outside.
pub(super) fn is_needed(plan: &Plan) -> bool {
    let mut needed = false;
    plan.walk(&mut |_, step| {
        needed |= step.task.write().is_some()
            || matches!(&step.task, Task::Worker(_) | Task::Fork(_))
            || matches!(&step.task, Task::Http(http) if !http.effect.is_read());
    });
    needed
}

fn judge(claim: &Claim, now: Timestamp) -> Other {
    let passed = now.duration_since(claim.until);
    if claim.since.duration_since(now) > SKEW || claim.until.duration_since(now) > STOPPED + SKEW {
        Other::Ahead
    } else if passed <= SKEW {
        Other::Held
    } else if claim.engaged {
        Other::Engaged
    } else {
        Other::Free
    }
}

/// Why a rotation cannot be begun here; `None` when it can.
fn refusal(rotation: &str, claim: &Claim, place: Place, now: Timestamp) -> Option<Error> {
    let run = &claim.run;
    let on = match place {
        Place::Machine => machine(claim.host.as_deref()),
        Place::Folder => OTHER_FOLDER.to_owned(),
        // It is over for nobody: what it had obtained may live.
        Place::Gone => return Some(gone(rotation, claim)),
    };
    let error = |failure, what: String| {
        Error::plain(failure, codes::RUN_CLAIMED, what)
            .note(format!("run {run}, begun {}", claim.since))
    };
    let gone = format!(
        "when that machine is gone for good, `rot resume {run} --abandon` gives its run up"
    );
    Some(match judge(claim, now) {
        Other::Free => return None,
        Other::Held => error(
            Failure::Locked,
            format!("rotation `{rotation}` is under way {on}, until {} at the latest unless it goes on", claim.until),
        )
        .help(format!("wait for it, or run `rot resume` there; {gone}")),
        Other::Engaged => error(
            Failure::Unknown,
            format!("a run of rotation `{rotation}` stopped {on} after a call that cannot be made twice"),
        )
        .note("the new credential, if there is one, is in the journal of that machine alone")
        .help(format!("`rot resume` there; {gone}, after you have seen to the credential")),
        Other::Ahead => error(
            Failure::Clock,
            format!("rotation `{rotation}` is under way {on}, whose clock shows at least {} while this one shows {now}", claim.since),
        )
        .help(format!("set the clocks (is time synchronised?); {gone}")),
    })
}

/// A run of this machine whose journal is not where the others are.
pub const OTHER_FOLDER: &str = "on this machine, or one of its name, with another state folder";

/// The journal of a run that was begun here is gone.
fn gone(rotation: &str, claim: &Claim) -> Error {
    let run = &claim.run;
    Error::plain(
        Failure::Tampered,
        codes::JOURNAL_CORRUPT,
        format!("the journal of a run of rotation `{rotation}` that was begun on this machine is gone"),
    )
    .note(format!("run {run}, begun {}", claim.since))
    .note("what a call brought may have been in it")
    .help(format!("restore the state folder from a backup; or look at what the issuer has live, then give the run up with `rot resume {run} --abandon`"))
}

/// `on machine NAME`, as far as known.
pub fn machine(host: Option<&str>) -> String {
    host.map_or_else(
        || "on another machine".to_owned(),
        |host| format!("on machine {}", host.printable()),
    )
}

/// Waits until no other machine has claimed a rotation, and reads the vault anew.
pub(super) async fn await_turn(
    world: &World,
    vault: &RefCell<Vault>,
    job: &Job<'_>,
    turn: &Turn,
) -> Result<()> {
    let (rotation, wait) = (job.rotation.name.as_str(), job.lock_wait);
    let begun = world.clock.monotonic();
    loop {
        // A commit without a change writes nothing.
        vault.borrow_mut().commit(|_| Ok(()))?;
        let claim = vault.borrow().doc().claim(rotation);
        let Some(claim) = claim else { return Ok(()) };
        if is_here(world, &vault.borrow(), &claim.run)? {
            return Ok(());
        }
        let now = world.clock.now();
        let place = place(world, &claim, turn.last.as_deref());
        let Some(error) = refusal(rotation, &claim, place, now) else {
            return Ok(());
        };
        let waited = world.clock.monotonic().saturating_sub(begun);
        if error.failure != Failure::Locked || waited + LOOK > wait {
            return Err(error);
        }
        world.clock.sleep(LOOK).await;
    }
}

/// Where the journal of a claim is that is not among those of this state folder.
fn place(world: &World, claim: &Claim, last: Option<&str>) -> Place {
    open::place(world, &claim.run, claim.host.as_deref(), last)
}

/// Whether the journal of a run is on this machine.
pub(super) fn is_here(world: &World, vault: &Vault, run: &str) -> Result<bool> {
    Ok(journal::list(world, vault)?.iter().any(|id| id == run))
}

/// Claims a rotation for a run, or finds that the run was overtaken. `unchanged` says what else must hold in that moment.
pub(super) fn take(
    world: &World,
    vault: &RefCell<Vault>,
    rotation: &str,
    journal: &RefCell<Journal>,
    unchanged: impl Fn(&Document) -> Result<()>,
) -> Result<Held> {
    let run = journal.borrow().run_id().to_owned();
    let run = run.as_str();
    let now = world.clock.now();
    let here = journal::list(world, &vault.borrow())?;
    let held = Held {
        rotation: rotation.to_owned(),
        until: Cell::new(now),
        engaged: Cell::new(false),
        lost: Cell::new(false),
    };
    vault.borrow_mut().commit(|doc| {
        if doc.overtaken().contains_key(run) {
            held.lost.set(true);
            return Ok(());
        }
        let mut since = now;
        if let Some(claim) = doc.claim(rotation) {
            if claim.run == run {
                since = claim.since;
                held.engaged.set(claim.engaged);
            } else if here.contains(&claim.run) {
                // The process ended between the end of its run and the end of its claim.
            } else if let Some(refusal) = refusal(rotation, &claim, place(world, &claim, None), now)
            {
                return Err(refusal);
            } else {
                doc.overtake(rotation, Some(run), now);
            }
        }
        unchanged(doc)?;
        held.hold(doc, world, &journal.borrow(), since, now);
        Ok(())
    })?;
    Ok(held)
}

/// Claims the rotation for the run, where it changes anything outside. A run that may not begin is over.
pub(super) fn for_run(
    world: &World,
    vault: &RefCell<Vault>,
    job: &Job<'_>,
    journal: &RefCell<Journal>,
) -> Result<Option<Held>> {
    if !is_needed(job.plan) {
        return Ok(None);
    }
    let pinned = {
        let journal = journal.borrow();
        let begin = journal.begin();
        begin
            .map(|(begin, _)| begin.pinned.clone())
            .unwrap_or_default()
    };
    // Between the time when it was looked at and now, another machine may have run the rotation whole.
    let fresh = !journal.borrow().had_effect();
    let unchanged = |doc: &Document| -> Result<()> {
        let stored = due::stored_by(job.rotation);
        for name in stored.iter().filter(|_| fresh) {
            let current = pinned
                .get(name)
                .and_then(|versions| versions.current.as_deref());
            doc.expect_current(name, current)?;
        }
        Ok(())
    };
    let taken = take(world, vault, &job.rotation.name, journal, unchanged);
    let taken = taken.and_then(|held| {
        let stores = !due::stored_by(job.rotation).is_empty();
        if stores && !held.is_lost() {
            vault.borrow_mut().hold_room_again()?;
        }
        Ok(held)
    });
    taken.map(Some).map_err(|error| {
        let mut journal = journal.borrow_mut();
        let stale = error
            .diagnostics
            .iter()
            .any(|d| d.code == codes::VAULT_CONFLICT);
        if fresh && (stale || journal.steps().next().is_none()) {
            let end = End {
                status: EndStatus::Failed,
                code: error.diagnostics.first().map(|d| d.code.id().to_owned()),
                notes: Vec::new(),
            };
            let _ = journal.append(world, &vault.borrow(), Event::Ended(end), None, false);
            return error;
        }
        match error.failure {
            Failure::BeforeEffect if journal.had_effect() => error.with(Failure::AfterEffect),
            _ => error,
        }
    })
}

/// Ends the claim of a run that is over, or lets one that can go on keep its rotation for a while.
pub(super) fn leave(doc: &mut Document, held: &Held, run: &str, now: Timestamp, over: bool) {
    if over {
        doc.release(&held.rotation, run);
        doc.settle(run);
    } else if let Some(mut claim) = doc.claim(&held.rotation)
        && claim.run == run
    {
        claim.until = now.saturating_add(STOPPED).unwrap_or(now);
        doc.hold(&held.rotation, &claim);
    }
}

impl Held {
    /// Whether another run has taken over.
    pub(super) fn is_lost(&self) -> bool {
        self.lost.get()
    }

    fn hold(
        &self,
        doc: &mut Document,
        world: &World,
        journal: &Journal,
        since: Timestamp,
        now: Timestamp,
    ) {
        self.until.set(now.saturating_add(LEASE).unwrap_or(now));
        let claim = Claim {
            run: journal.run_id().to_owned(),
            records: journal.kept(),
            host: world.env.host(),
            since,
            until: self.until.get(),
            engaged: self.engaged.get(),
        };
        doc.hold(&self.rotation, &claim);
    }
}

impl Engine<'_> {
    /// Changes the vault, when the run still has its claim; and renews that where it is time.
    pub(super) fn commit(
        &self,
        step: &Step,
        change: impl FnOnce(&mut Document) -> Result<()>,
    ) -> std::result::Result<(), StepError> {
        self.commit_at(step.at.0, true, change)
    }

    /// With `notes`, what is on the disk of the journal is noted with the change: for as long as nothing else is written, the
    /// claim alone is no reason to write.
    fn commit_at(
        &self,
        span: Span,
        notes: bool,
        change: impl FnOnce(&mut Document) -> Result<()>,
    ) -> std::result::Result<(), StepError> {
        let Some(held) = &self.claim else {
            return Ok(self.vault.borrow_mut().commit(change)?);
        };
        if !held.is_lost() {
            let now = self.world.clock.now();
            let journal = self.journal.borrow();
            let run = journal.run_id();
            self.vault.borrow_mut().commit(|doc| {
                let claim = doc.claim(&held.rotation);
                if doc.overtaken().contains_key(run)
                    || claim.as_ref().is_some_and(|claim| claim.run != run)
                {
                    held.lost.set(true);
                    return Ok(());
                }
                let engaged = held.engaged.get();
                let fresh = claim.as_ref().is_some_and(|claim| {
                    claim.engaged == engaged
                        && claim.until.duration_since(now) > RENEW
                        && !(notes && claim.records < journal.kept())
                });
                if !fresh {
                    let since = claim.map_or(now, |claim| claim.since);
                    held.hold(doc, self.world, &journal, since, now);
                }
                change(doc)
            })?;
        }
        if held.is_lost() {
            return Err(overtaken(span));
        }
        Ok(())
    }

    /// Makes sure of the claim before a call with this effect.
    pub(super) fn keep_claim(
        &self,
        step: &Step,
        effect: &Effect,
    ) -> std::result::Result<(), StepError> {
        let Some(held) = &self.claim else {
            return Ok(());
        };
        let once = match effect {
            Effect::SetsSelf => true,
            Effect::Issues(issues) => matches!(issues.old, Old::Dies { .. }),
            Effect::Reads
            | Effect::Sets
            | Effect::SetsSlot
            | Effect::Revokes
            | Effect::Unspecified => false,
        };
        if once {
            held.engaged.set(true);
        }
        self.commit_at(step.at.0, false, |_| Ok(()))
    }

    /// Refuses to ask what became of a call once another run has taken over.
    pub(super) fn still_claimed(&self, step: &Step) -> std::result::Result<(), StepError> {
        match &self.claim {
            Some(held) if held.is_lost() => Err(overtaken(step.at.0)),
            Some(_) | None => Ok(()),
        }
    }

    /// Why the steps of a rotation stopped: where another run has taken over meanwhile, that is the reason.
    pub(super) fn or_overtaken(&self, rotation: &Rotation, stopped: StepError) -> StepError {
        match stopped {
            StepError::Failed(_)
            | StepError::Replay(_)
            | StepError::Heals(_)
            | StepError::Halted(_)
            | StepError::Unresolved(_) => {
                match self.commit_at(rotation.at.0, false, |_| Ok(())) {
                    Err(StepError::Overtaken(why)) => StepError::Overtaken(why),
                    // A vault that cannot be read now says nothing.
                    Ok(()) | Err(_) => stopped,
                }
            }
            StepError::Interrupted(_) | StepError::Overtaken(_) | StepError::Broken(_) => stopped,
        }
    }

    /// Renews the claim during a pause.
    pub(super) fn renew_claim(&self, step: &Step) -> std::result::Result<(), StepError> {
        match &self.claim {
            Some(held) if held.until.get().duration_since(self.world.clock.now()) < RENEW => {
                self.commit_at(step.at.0, false, |_| Ok(()))
            }
            Some(_) | None => Ok(()),
        }
    }
}

fn overtaken(span: Span) -> StepError {
    StepError::Overtaken(Box::new(
        Diagnostic::new(
            codes::RUN_CLAIMED,
            span,
            "another machine has taken this rotation over, since this run did not go on for too long",
        )
        .at("not done")
        .help("let the machines of one vault share the time (is it synchronised?); `rot status` shows what is not revoked"),
    ))
}
