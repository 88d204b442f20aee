//! The questions that the interpreter has for a journal.

use super::event::{Begin, Decision, EndStatus, Event, Reason, RequestDigest, StepEvent};
use super::{Journal, Record};
use crate::run::identity::{CallPath, StepId};
use jiff::Timestamp;

/// What is known of the call that a step makes.
pub enum CallState<'j> {
    /// None was made, or it is certain that it did nothing.
    NotMade,
    /// One was begun, and whether it was executed is not known.
    Unknown,
    /// It was answered.
    Answered(&'j Record),
    /// It was answered, and what was taken from the answer could not be stored.
    Rejected(&'j Record),
}

/// The last word on a run that is not over.
pub enum Standing<'j> {
    /// The process died, or a person said that it may go on.
    Open,
    /// An attempt failed.
    Failed(&'j Reason),
    /// A person is needed.
    Halted(&'j Reason),
}

impl Journal {
    /// The first record.
    pub fn begin(&self) -> Option<(&Begin, &Record)> {
        let record = self.records().first()?;
        match &record.header.event {
            Event::Begin(begin) => Some((begin, record)),
            _ => None,
        }
    }

    /// All records of steps, in order.
    pub fn steps(&self) -> impl DoubleEndedIterator<Item = (&StepId, &StepEvent)> {
        self.records()
            .iter()
            .filter_map(|record| match &record.header.event {
                Event::Step { id, event } => Some((id, event)),
                _ => None,
            })
    }

    /// The records of one step, in order.
    fn of<'j>(
        &'j self,
        id: &StepId,
    ) -> impl DoubleEndedIterator<Item = (&'j StepEvent, &'j Record)> {
        let places = self.index.get(id).map_or(&[][..], Vec::as_slice);
        places.iter().filter_map(|at| {
            let record = self.records().get(*at)?;
            match &record.header.event {
                Event::Step { event, .. } => Some((event, record)),
                _ => None,
            }
        })
    }

    fn any(&self, id: &StepId, wanted: impl Fn(&StepEvent) -> bool) -> bool {
        self.of(id).any(|(event, _)| wanted(event))
    }

    /// Whether anything is written down of a step.
    pub fn knows(&self, id: &StepId) -> bool {
        self.index.contains_key(id)
    }

    /// What is known of a step's call.
    pub fn call(&self, id: &StepId) -> CallState<'_> {
        let mut rejected = false;
        let last = self.of(id).rev().find_map(|(event, record)| match event {
            StepEvent::Intent { .. } | StepEvent::Unknown { .. } => Some(CallState::Unknown),
            StepEvent::Rejected => {
                rejected = true;
                None
            }
            StepEvent::Answer { .. } if rejected => Some(CallState::Rejected(record)),
            StepEvent::Answer { .. } => Some(CallState::Answered(record)),
            StepEvent::NotSent { .. } | StepEvent::Reaped | StepEvent::Cleared => {
                Some(CallState::NotMade)
            }
            _ => None,
        });
        last.unwrap_or(CallState::NotMade)
    }

    /// The executions of a step of a rotation whose call was answered, and not found useless since.
    pub fn answered(&self, path: &CallPath, step: &str) -> Vec<StepId> {
        let mut found: Vec<StepId> = self
            .index
            .keys()
            .filter(|id| id.path() == path && id.step() == step)
            .filter(|id| matches!(self.call(id), CallState::Answered(_)))
            .cloned()
            .collect();
        found.sort();
        found
    }

    /// Whether any call of a step was begun in vain: no answer, and no proof that it was not executed.
    pub fn was_lost(&self, id: &StepId) -> bool {
        let mut open = false;
        let mut lost = false;
        for (event, _) in self.of(id) {
            match event {
                StepEvent::Intent { .. } => {
                    lost |= open;
                    open = true;
                }
                StepEvent::Unknown { .. } => {
                    lost = true;
                    open = false;
                }
                StepEvent::NotSent { .. } | StepEvent::Answer { .. } => open = false,
                _ => {}
            }
        }
        lost || open
    }

    /// Whether a step was called again although an earlier call had been answered.
    pub fn was_superseded(&self, id: &StepId) -> bool {
        let mut answered = false;
        for (event, _) in self.of(id) {
            match event {
                StepEvent::Answer { effect: true, .. } => answered = true,
                StepEvent::Intent { .. } if answered => return true,
                _ => {}
            }
        }
        false
    }

    /// The places of the answers after which their step was called again.
    pub(super) fn superseded_answers(&self) -> Vec<usize> {
        let mut found = Vec::new();
        for places in self.index.values() {
            let mut answered = Vec::new();
            for at in places {
                match self.records().get(*at).map(|r| &r.header.event) {
                    Some(Event::Step {
                        event: StepEvent::Answer { effect: true, .. },
                        ..
                    }) => answered.push(*at),
                    Some(Event::Step {
                        event: StepEvent::Intent { .. },
                        ..
                    }) => found.append(&mut answered),
                    _ => {}
                }
            }
        }
        found
    }

    /// When a step's call was first made.
    pub fn first_call_at(&self, id: &StepId) -> Option<Timestamp> {
        self.of(id)
            .find(|(event, _)| matches!(event, StepEvent::Intent { .. }))
            .map(|(_, record)| record.header.at)
    }

    /// What a step asked for when it last made its call.
    pub fn request(&self, id: &StepId) -> Option<&RequestDigest> {
        self.of(id).rev().find_map(|(event, _)| match event {
            StepEvent::Intent { request, .. } => Some(request),
            _ => None,
        })
    }

    /// The record of the value that a step made or was given.
    pub fn value(&self, id: &StepId) -> Option<&Record> {
        let mut newest = self.of(id).rev();
        newest
            .find(|(event, _)| matches!(event, StepEvent::Value | StepEvent::Discarded))
            .filter(|(event, _)| matches!(event, StepEvent::Value))
            .map(|(_, record)| record)
    }

    /// Until when a step waits.
    pub fn waits_until(&self, id: &StepId) -> Option<Timestamp> {
        self.of(id).rev().find_map(|(event, _)| match event {
            StepEvent::Waiting { until } => Some(*until),
            _ => None,
        })
    }

    /// Whether a `verify` succeeded.
    pub fn is_verified(&self, id: &StepId) -> bool {
        self.any(id, |e| matches!(e, StepEvent::Verified { .. }))
    }

    /// Whether a `stage` or an `update` stored its version.
    pub fn is_stored(&self, id: &StepId) -> bool {
        let last = self.of(id).rev().find_map(|(event, _)| match event {
            StepEvent::Staged(_) | StepEvent::Updated(_) => Some(true),
            StepEvent::Discarded => Some(false),
            _ => None,
        });
        last.unwrap_or(false)
    }

    /// Whether a `promote` is done.
    pub fn is_promoted(&self, id: &StepId) -> bool {
        self.any(id, |e| matches!(e, StepEvent::Promoted(_)))
    }

    /// Whether a `revoke` is done or scheduled.
    pub fn is_revoked(&self, id: &StepId) -> bool {
        self.any(id, |e| matches!(e, StepEvent::Revoked { .. }))
    }

    /// How many versions of a secret were stored before the one that this step stores, or before now.
    pub fn stores_before(&self, secret: &str, id: &StepId) -> usize {
        let discards = |id: &StepId| {
            let discarded =
                |(event, _): &(&StepEvent, &Record)| matches!(event, StepEvent::Discarded);
            self.of(id).filter(discarded).count()
        };
        let mut seen: Vec<&StepId> = Vec::new();
        for (other, event) in self.steps() {
            let (StepEvent::Staged(stored) | StepEvent::Updated(stored)) = event else {
                continue;
            };
            if stored.secret != secret {
                continue;
            }
            if other == id {
                break;
            }
            if !seen.contains(&other) {
                seen.push(other);
            }
        }
        seen.iter().map(|other| 1 + discards(other)).sum::<usize>() + discards(id)
    }

    /// The steps that made or stored a value, where that is all that the run has done so far: nobody has seen the values.
    /// Those that stored one come first: they are given up in this order, and whoever dies in between must not find a value
    /// that was made anew beside the version of the old one.
    pub fn unused_values(&self) -> Vec<StepId> {
        let used = self.steps().any(|(id, event)| match event {
            StepEvent::Answer { effect, .. } => *effect,
            StepEvent::Intent { .. } => matches!(self.call(id), CallState::Unknown),
            StepEvent::Unknown { .. }
            | StepEvent::Updated(_)
            | StepEvent::Promoted(_)
            | StepEvent::RevokeIntent(_)
            | StepEvent::Revoked { .. }
            | StepEvent::Cleared => true,
            StepEvent::NotSent { .. }
            | StepEvent::Reaped
            | StepEvent::Rejected
            | StepEvent::Value
            | StepEvent::Staged(_)
            | StepEvent::Discarded
            | StepEvent::Verified { .. }
            | StepEvent::Waiting { .. } => false,
        });
        if used {
            return Vec::new();
        }
        let mut made: Vec<StepId> = self
            .index
            .keys()
            .filter(|id| self.value(id).is_some() || self.is_stored(id))
            .cloned()
            .collect();
        made.sort_by(|a, b| {
            let is_made = |id: &StepId| !self.is_stored(id);
            is_made(a).cmp(&is_made(b)).then_with(|| a.cmp(b))
        });
        made
    }

    /// The version of a secret that this run staged last.
    pub fn staged_version(&self, secret: &str) -> Option<&str> {
        self.steps().rev().find_map(|(_, event)| match event {
            StepEvent::Staged(stored) if stored.secret == secret => Some(stored.version.as_str()),
            _ => None,
        })
    }

    /// All versions that this run staged, oldest first.
    pub fn staged(&self) -> Vec<&super::event::Stored> {
        self.steps()
            .filter_map(|(_, event)| match event {
                StepEvent::Staged(stored) => Some(stored),
                _ => None,
            })
            .collect()
    }

    /// The version of a secret that this run made current last.
    fn promoted_version(&self, secret: &str) -> Option<&str> {
        self.steps().rev().find_map(|(_, event)| match event {
            StepEvent::Promoted(stored) | StepEvent::Updated(stored) if stored.secret == secret => {
                Some(stored.version.as_str())
            }
            _ => None,
        })
    }

    /// The version of a secret that must be current, as far as this run knows.
    pub fn current_version(&self, secret: &str) -> Option<&str> {
        self.promoted_version(secret)
            .or_else(|| self.begin()?.0.pinned.get(secret)?.current.as_deref())
    }

    /// The version of a secret that is the previous one, as far as this run knows: the one that its promotion replaced.
    pub fn previous_version(&self, secret: &str) -> Option<&str> {
        let pinned = self.begin()?.0.pinned.get(secret)?;
        match self.promoted_version(secret) {
            Some(_) => pinned.current.as_deref(),
            None => pinned.previous.as_deref(),
        }
    }

    /// The steps whose call has been begun and has no known outcome.
    pub fn unknown_calls(&self) -> Vec<StepId> {
        let mut unknown: Vec<StepId> = self
            .index
            .keys()
            .filter(|id| matches!(self.call(id), CallState::Unknown))
            .cloned()
            .collect();
        unknown.sort();
        unknown
    }

    /// Whether a call of one of these steps was answered, or may have been executed.
    pub fn may_have_called(&self, is_wanted: &dyn Fn(&str) -> bool) -> bool {
        self.steps().any(|(id, event)| {
            is_wanted(id.step())
                && match event {
                    StepEvent::Answer { effect, .. } => *effect,
                    StepEvent::Unknown { .. } => true,
                    StepEvent::Intent { .. } => matches!(self.call(id), CallState::Unknown),
                    StepEvent::Rejected
                    | StepEvent::NotSent { .. }
                    | StepEvent::Staged(_)
                    | StepEvent::Updated(_)
                    | StepEvent::Verified { .. }
                    | StepEvent::Promoted(_)
                    | StepEvent::RevokeIntent(_)
                    | StepEvent::Revoked { .. }
                    | StepEvent::Waiting { .. }
                    | StepEvent::Reaped
                    | StepEvent::Value
                    | StepEvent::Discarded
                    | StepEvent::Cleared => false,
                }
        })
    }

    /// Whether this run stored a version of a secret.
    pub fn stored(&self, secret: &str) -> bool {
        self.steps().any(|(_, event)| match event {
            StepEvent::Staged(stored) | StepEvent::Updated(stored) => stored.secret == secret,
            _ => false,
        })
    }

    /// How many attempts of the run failed in all.
    pub fn failures(&self) -> u32 {
        let failed = self
            .records()
            .iter()
            .filter(|r| matches!(r.header.event, Event::Failed(_)))
            .count();
        u32::try_from(failed).unwrap_or(u32::MAX)
    }

    /// When attempts failed since a person last said "retry", which begins a new budget.
    pub fn recent_failures(&self) -> Vec<Timestamp> {
        let records = self.records();
        let since = records
            .iter()
            .rposition(|r| matches!(r.header.event, Event::Decided(Decision::Retry)))
            .map_or(0, |at| at + 1);
        let recent = records.iter().skip(since);
        recent
            .filter(|r| matches!(r.header.event, Event::Failed(_)))
            .map(|r| r.header.at)
            .collect()
    }

    /// The last word on the run.
    pub fn standing(&self) -> Standing<'_> {
        let last = self
            .records()
            .iter()
            .rev()
            .find_map(|r| match &r.header.event {
                Event::Failed(reason) => Some(Standing::Failed(reason)),
                Event::Halted(reason) => Some(Standing::Halted(reason)),
                Event::Decided(_) => Some(Standing::Open),
                _ => None,
            });
        last.unwrap_or(Standing::Open)
    }

    /// Whether the run is over. Only then does a journal lose the payload of its first record, which says so too where a power
    /// cut has left the beginning of the rewritten file.
    pub fn ended(&self) -> bool {
        let mut newest = self.records().iter().rev();
        newest.any(|r| matches!(r.header.event, Event::Ended(_)))
            || self
                .records()
                .first()
                .is_some_and(|begin| begin.sealed.is_empty())
    }

    /// Whether a person has accepted the run or given it up.
    pub(super) fn ended_by_a_person(&self) -> bool {
        self.records().iter().rev().any(|r| {
            matches!(&r.header.event, Event::Ended(end) if matches!(end.status, EndStatus::Accepted | EndStatus::Abandoned))
        })
    }

    /// Whether something outside changed, or may have. What a failure workflow did is over with it.
    pub fn had_effect(&self) -> bool {
        let mut own = self.steps().filter(|(id, _)| !id.path().is_failure());
        own.any(|(id, event)| match event {
            StepEvent::Answer { effect, .. } => *effect,
            StepEvent::Unknown { .. }
            | StepEvent::Staged(_)
            | StepEvent::Updated(_)
            | StepEvent::Promoted(_)
            | StepEvent::RevokeIntent(_)
            | StepEvent::Revoked { .. }
            | StepEvent::Cleared => true,
            StepEvent::Intent { .. } => matches!(self.call(id), CallState::Unknown),
            StepEvent::NotSent { .. }
            | StepEvent::Reaped
            | StepEvent::Rejected
            | StepEvent::Value
            | StepEvent::Discarded
            | StepEvent::Verified { .. }
            | StepEvent::Waiting { .. } => false,
        })
    }
}

/// Whether an event says that a run succeeded.
pub fn is_success(event: &Event) -> bool {
    matches!(event, Event::Ended(end) if end.status == EndStatus::Completed)
}
