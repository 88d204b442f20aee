//! What a run does that lost its claim: another machine rotates, so nothing is stored as a new value and nothing is called
//! but to revoke what this run had obtained. What cannot be revoked is kept, and shown until it is.

use super::engine::{BlockContext, Engine, Frame, StepContext, StepError, Trace};
use super::identity::StepId;
use super::step::http::HttpExchange;
use super::step::origin::issuing_steps;
use super::sweep::{self, Due};
use crate::plan::Version;
use crate::plan::effect::{Effect, Old};
use crate::plan::task::lifecycle::{Allow, NewValue};
use crate::plan::task::{Http, Revoke, Step, Task, walk_steps};
use crate::run::exchange::Exchange;
use crate::vault::{State, Why};

/// A value that a rotation stores.
struct Stores<'p> {
    step: &'p Step,
    secret: String,
    value: &'p NewValue,
}

impl<'a> Engine<'a> {
    /// Settles what the steps of a frame had obtained. What fails here is left to the next run: nothing is lost by it.
    pub(super) async fn settle_overtaken(&self, frame: &Frame<'a>) {
        let mut swept: Vec<String> = Vec::new();
        let mut issuing: Vec<(&'a Step, &'a Http)> = Vec::new();
        let rotation = frame.rotation;
        walk_steps(&rotation.steps, &mut |step| {
            if let Task::Http(http) = &step.task
                && matches!(&http.effect, Effect::Issues(issues) if issues.old == Old::Stays)
                && http.strays.is_some()
            {
                issuing.push((step, http));
            }
        });
        let stored = stores(&rotation.steps);
        for (step, http) in issuing {
            let id = StepId::new(&frame.path, &step.name, &[]);
            let feeds =
                |stores: &&Stores<'_>| issuing_steps(rotation, stores.value).contains(&step.name);
            // What came into use before the claim was lost belongs to the run that has it now.
            let used = stored
                .iter()
                .filter(feeds)
                .any(|stores| self.was_used(frame, stores));
            if used || self.journal.borrow().first_call_at(&id).is_none() {
                continue;
            }
            let trace = Trace::default();
            let cx = StepContext {
                frame,
                block: BlockContext::PROBE,
                step,
                id: &id,
                trace: &trace,
            };
            if let Some(strays) = HttpExchange(http).strays()
                && self.reap(cx, strays).await.is_ok()
            {
                swept.push(step.name.clone());
            }
        }
        self.set_back(frame).await;
        for stores in stored {
            let from = issuing_steps(rotation, stores.value);
            if from.is_empty() {
                continue;
            }
            let revoked = from.iter().all(|name| swept.contains(name));
            if let Err(error) = self.keep_unused(frame, &stores, revoked) {
                self.note(format!(
                    "what step `{}` was to store could not be kept: {}",
                    stores.step.name,
                    super::failure::reason(&error)
                ));
            }
        }
    }

    /// A value of ours that this run has set at a server, perhaps after the other run had set its own: what is in use now is
    /// set again.
    async fn set_back(&self, frame: &Frame<'a>) {
        let mut setting: Vec<(&'a Step, &'a Http)> = Vec::new();
        walk_steps(&frame.rotation.steps, &mut |step| {
            if let Task::Http(http) = &step.task
                && matches!(http.effect, Effect::Sets | Effect::SetsSlot)
            {
                setting.push((step, http));
            }
        });
        for (step, http) in setting {
            let id = StepId::new(&frame.path, &step.name, &[]);
            if self.journal.borrow().first_call_at(&id).is_none() {
                continue;
            }
            let read = HttpExchange(http).secrets();
            for (name, _) in read.iter().filter(|(_, read)| *read == Version::Pending) {
                let current = {
                    let vault = self.vault.borrow();
                    let entry = vault.doc().get(name);
                    let version = entry.and_then(|entry| entry.current_version());
                    version
                        .and_then(|v| v.value.as_ref())
                        .map(super::start::stored)
                };
                let mut scope = frame.scope.borrow_mut();
                scope.secrets.set(name, Version::Pending, current);
            }
            let trace = Trace::default();
            let cx = StepContext {
                frame,
                block: BlockContext::PROBE,
                step,
                id: &id,
                trace: &trace,
            };
            if let Err(error) = self.exchange(cx, HttpExchange(http)).await {
                self.note(format!(
                    "step `{}` may have set a value that is not in use, and the current one could not be set again: {}",
                    step.name,
                    super::failure::reason(&error)
                ));
            }
        }
    }

    fn was_used(&self, frame: &Frame<'a>, stores: &Stores<'_>) -> bool {
        let id = StepId::new(&frame.path, &stores.step.name, &[]);
        let version = self.version_id(&id, &stores.secret);
        let vault = self.vault.borrow();
        let entry = vault.doc().get(&stores.secret);
        let state = entry.and_then(|e| e.version(&version)).map(|v| v.state);
        matches!(
            state,
            Some(State::Current | State::Previous | State::Retired)
        )
    }

    /// Keeps a value that is not used as a version that failed, and has it revoked where the rotation says how.
    fn keep_unused(
        &self,
        frame: &Frame<'a>,
        stores: &Stores<'_>,
        revoked: bool,
    ) -> Result<(), StepError> {
        let Stores {
            step,
            secret,
            value,
        } = stores;
        let id = StepId::new(&frame.path, &step.name, &[]);
        let version = self.version_id(&id, secret);
        let allow = Allow {
            unchanged: true,
            ..Allow::default()
        };
        // A value that was never captured was never obtained; one that is no credential is in the journal alone.
        let Ok(stored) = self.new_value(frame, secret, value, allow, step.at.0) else {
            return Ok(());
        };
        let now = self.world.clock.now();
        let new = self.version(&version, &stored, None, frame);
        let due = self.due_of(frame, step, secret, &version, now);
        self.vault.borrow_mut().commit(|doc| {
            doc.keep_unused(secret, new)?;
            if revoked {
                return doc.mark_revoked(secret, &version, now);
            }
            let is_live = doc
                .get(secret)
                .and_then(|entry| entry.version(&version))
                .is_some_and(|version| version.state == State::Failed);
            if is_live {
                doc.mark_unrevoked(secret, &version, now, Why::Overtaken)?;
                if let Some(due) = &due {
                    sweep::schedule(doc, due);
                }
            }
            Ok(())
        })?;
        Ok(())
    }

    /// The revocation of a version by the `revoke` of its secret, due now.
    fn due_of(
        &self,
        frame: &Frame<'a>,
        step: &Step,
        secret: &str,
        version: &str,
        now: jiff::Timestamp,
    ) -> Option<Due> {
        let mut found: Option<(&Step, &Revoke)> = None;
        walk_steps(&frame.rotation.steps, &mut |step| {
            if let Task::Revoke(revoke) = &step.task
                && revoke.secret == secret
            {
                found.get_or_insert((step, revoke));
            }
        });
        let (revoking, revoke) = found?;
        let id = StepId::new(&frame.path, &step.name, &[]);
        let trace = Trace::default();
        let cx = StepContext {
            frame,
            block: BlockContext::PROBE,
            step: revoking,
            id: &id,
            trace: &trace,
        };
        let work = self.revocation_work(cx, revoke).ok()?;
        let current = |doc: &crate::vault::Document| doc.get(secret)?.current.clone();
        Some(Due {
            secret: secret.to_owned(),
            version: version.to_owned(),
            rotation: frame.rotation.name.clone(),
            step: revoking.name.clone(),
            due_at: now,
            run: self.journal.borrow().run_id().to_owned(),
            successor: current(self.vault.borrow().doc()),
            failures: 0,
            grace: None,
            work: Some(work),
        })
    }
}

/// The steps that store a value under a literal name.
fn stores(steps: &[Step]) -> Vec<Stores<'_>> {
    let mut found = Vec::new();
    walk_steps(steps, &mut |step| {
        let Some(write) = step.task.write() else {
            return;
        };
        if let (Some(secret), Some(value)) = (write.secret, write.value) {
            found.push(Stores {
                step,
                secret: secret.to_owned(),
                value,
            });
        }
    });
    found
}
