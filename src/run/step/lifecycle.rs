//! The life of a secret: stored as pending, verified, promoted, the old one revoked.

use crate::diagnostic::{Diagnostic, Failure, codes};
use crate::plan::schedule::Trigger;
use crate::plan::task::http::{Capture, CaptureSource};
use crate::plan::task::lifecycle::{Allow, NewValue};
use crate::plan::task::{Promote, Revoke, Stage, Step, Update, Verify, walk_steps};
use crate::plan::{Expr, schedule::Dur};
use crate::plan::{ExprKind, Root, Task, Version};
use crate::run::accept;
use crate::run::answer::{self, Expiry};
use crate::run::deliver::{self, Asked, Which};
use crate::run::engine::{Engine, Flow, Frame, StepContext, StepError};
use crate::run::identity::StepId;
use crate::run::journal::StepEvent;
use crate::run::journal::event;
use crate::run::report::SecretReport;
use crate::run::scope::Stored;
use crate::run::step::recover::says_no;
use crate::run::sweep;
use crate::run::value::Value;
use crate::source::Span;
use crate::vault::{Arrival, NewVersion, Secret, StoredValue};
use std::time::Duration;

/// Pause between tries of a `verify within` that says none.
const DEFAULT_EVERY: Dur = Dur::seconds(5);

impl<'a> Engine<'a> {
    pub(in crate::run) fn update(
        &self,
        cx: StepContext<'_, '_>,
        update: &Update,
    ) -> Result<String, StepError> {
        let frame = cx.frame;
        let name = self.secret_name(frame, &update.secret)?;
        let stored = self
            .new_value(
                frame,
                &name,
                &update.value,
                update.allow,
                update.secret.at.0,
            )
            .map_err(|error| self.rejected(cx, &update.value, error))?;
        let expires_at = self.expires(frame, update.expires.as_ref())?;
        let id = self.version_id(cx.id, &name);
        if self.journal.borrow().is_stored(cx.id) {
            cx.trace.replayed.set(true);
        } else {
            let version = self.version(&id, &stored, expires_at, frame);
            let expected = self.pinned(&name);
            self.commit(cx.step, |doc| {
                if doc.get(&name).and_then(|e| e.current.as_deref()) != Some(&id) {
                    doc.expect_current(&name, expected.as_deref())?;
                }
                doc.put_current(&name, version)
            })?;
            let event = StepEvent::Updated(stored_as(&name, &id));
            self.record_step(cx.id, event, None, false)?;
        }
        self.move_current(frame, &name, stored);
        self.tell(&name, "updated", &id, expires_at);
        Ok(name)
    }

    pub(in crate::run) fn stage(
        &self,
        cx: StepContext<'_, '_>,
        stage: &Stage,
    ) -> Result<(), StepError> {
        let StepContext { frame, step, .. } = cx;
        let name = stage.secret.clone();
        let stored = self
            .new_value(frame, &name, &stage.value, stage.allow, step.at.0)
            .map_err(|error| self.rejected(cx, &stage.value, error))?;
        let expires_at = self.expires(frame, stage.expires.as_ref())?;
        let id = self.version_id(cx.id, &name);
        if self.journal.borrow().is_stored(cx.id) {
            cx.trace.replayed.set(true);
        } else {
            let version = self.version(&id, &stored, expires_at, frame);
            let expected = self.pinned(&name);
            self.commit(cx.step, |doc| {
                if doc.get(&name).and_then(|e| e.current.as_deref()) != Some(&id) {
                    doc.expect_current(&name, expected.as_deref())?;
                    doc.stage(&name, version)?;
                }
                Ok(())
            })?;
            let event = StepEvent::Staged(stored_as(&name, &id));
            self.record_step(cx.id, event, None, false)?;
        }
        frame
            .scope
            .borrow_mut()
            .secrets
            .set(&name, Version::Pending, Some(stored));
        self.tell(&name, "staged", &id, expires_at);
        Ok(())
    }

    pub(in crate::run) fn promote(
        &self,
        cx: StepContext<'_, '_>,
        promote: &Promote,
    ) -> Result<(), StepError> {
        let StepContext { frame, step, .. } = cx;
        let name = &promote.secret;
        let Some(id) = self.staged_version(name) else {
            return Err(StepError::Failed(Box::new(
                Diagnostic::new(
                    codes::RUN_EVALUATION,
                    step.at.0,
                    format!("secret `{name}` has no pending version to promote"),
                )
                .at("nothing is staged")
                .help(format!("`stage {name} …` comes first")),
            )));
        };
        if self.journal.borrow().is_promoted(cx.id) {
            cx.trace.replayed.set(true);
        } else {
            self.commit(step, |doc| doc.promote(name, &id))?;
            let event = StepEvent::Promoted(stored_as(name, &id));
            self.record_step(cx.id, event, None, false)?;
        }
        frame.scope.borrow_mut().secrets.promote(name);
        let expires_at = self
            .vault
            .borrow()
            .doc()
            .get(name)
            .and_then(|e| e.version(&id))
            .and_then(|v| v.expires_at);
        self.tell(name, "promoted", &id, expires_at);
        Ok(())
    }

    /// Brings what is current now to where it is used. What fails is tried again by later calls, and holds nothing up but the
    /// end of the old version.
    pub(in crate::run) async fn delivered(
        &self,
        cx: StepContext<'_, '_>,
        secret: &str,
    ) -> Result<(), StepError> {
        if self.plan.targets_of(secret).is_empty() {
            return Ok(());
        }
        let outcomes = deliver::deliver(
            self.world,
            self.vault,
            &Asked {
                plan: self.plan,
                source: self.source,
                secret: Some(secret),
                target: None,
                which: Which::Behind,
                certificates: &self.certificates,
                lock_wait: self.lock_wait,
            },
            self.observer,
        )
        .await
        .map_err(|error| StepError::Broken(error.with(Failure::AfterEffect)))?;
        cx.trace
            .replayed
            .set(cx.trace.replayed.get() && outcomes.is_empty());
        for one in outcomes.iter().filter(|one| one.failure.is_none()) {
            self.tell(&one.secret, "delivered", &one.version, None);
        }
        Ok(())
    }

    pub(in crate::run) async fn verify<'b>(
        &'b self,
        cx: StepContext<'b, 'a>,
        verify: &'b Verify,
    ) -> Result<(), StepError> {
        let StepContext { frame, step, .. } = cx;
        if self.journal.borrow().is_verified(cx.id) {
            cx.trace.replayed.set(true);
            return Ok(());
        }
        let deadline = verify
            .within
            .map(|within| self.world.clock.monotonic() + within.to_std());
        let every = verify.every.unwrap_or(DEFAULT_EVERY).to_std();
        loop {
            let attempts = cx.trace.attempts.get() + 1;
            cx.trace.attempts.set(attempts);
            match self
                .steps(frame, cx.block.unjournaled(), &verify.steps)
                .await
            {
                Ok(_) => break,
                Err(StepError::Failed(mut diagnostic)) => {
                    let now = self.world.clock.monotonic();
                    match deadline {
                        Some(deadline) if now + every <= deadline => {
                            self.pause_for(step, every).await?
                        }
                        _ => {
                            diagnostic.notes.push(format!(
                                "verification failed {} time{}; the old credential is still current, the new one is pending",
                                attempts,
                                if attempts == 1 { "" } else { "s" }
                            ));
                            if says_no(&diagnostic) && !cx.block.volatile {
                                self.set_again(cx, verify)?;
                            }
                            diagnostic
                                .labels
                                .push(crate::diagnostic::Label::new(step.at.0, "verification"));
                            diagnostic.code = codes::RUN_VERIFY_FAILED;
                            return Err(StepError::Failed(diagnostic));
                        }
                    }
                }
                Err(other) => return Err(other),
            }
        }
        let attempts = cx.trace.attempts.get();
        self.record_step(cx.id, StepEvent::Verified { attempts }, None, false)
    }

    pub(in crate::run) async fn revoke<'b>(
        &'b self,
        cx: StepContext<'b, 'a>,
        revoke: &'b Revoke,
    ) -> Result<(), StepError> {
        let StepContext { frame, step, .. } = cx;
        let name = &revoke.secret;
        if self.journal.borrow().is_revoked(cx.id) {
            cx.trace.replayed.set(true);
            return Ok(());
        }
        let Some(old) = self.previous_version(name) else {
            cx.trace.skipped.set(true);
            // The version that is in use now is one that this step would revoke: replaced by hand, it is worth showing.
            self.commit(step, |doc| {
                sweep::revocable(doc, name, &frame.rotation.name);
                Ok(())
            })?;
            self.note(format!(
                "secret `{name}` had no previous version, nothing was revoked"
            ));
            return Ok(());
        };
        if let Some(after) = revoke.after {
            let due = crate::run::functions::later(self.world.clock.now(), after).map_err(|m| {
                StepError::Failed(Box::new(Diagnostic::new(
                    codes::RUN_EVALUATION,
                    step.at.0,
                    m,
                )))
            })?;
            let work = Some(self.revocation_work(cx, revoke)?);
            let entry = sweep::Due {
                grace: Some(after),
                ..self.due(cx, stored_as(name, &old), due, self.pinned(name), work)
            };
            return self.leave_for_later(cx, &entry);
        }
        let successor = self.pinned(name);
        let now = self.world.clock.now();
        let arrival = self.vault.borrow().doc().arrival(name, &old, now);
        if let Arrival::Waits(targets) = arrival {
            let work = Some(self.revocation_work(cx, revoke)?);
            let entry = self.due(cx, stored_as(name, &old), now, successor, work);
            self.note(format!(
                "version {old} of `{name}` is not revoked before it is replaced at {}",
                targets.join(", ")
            ));
            return self.leave_for_later(cx, &entry);
        }
        if let Some(used) = self.revokes_in_use(revoke, &old, successor.as_deref()) {
            cx.trace.skipped.set(true);
            self.note(format!(
                "version {old} of `{name}` is not revoked: the same credential is in use as version {used}"
            ));
            return Ok(());
        }
        // What else is live goes by the same steps, when this run is over.
        let alone = sweep::unrevoked(self.vault.borrow().doc(), name)
            .iter()
            .all(|version| version.id == old);
        let work = if alone {
            None
        } else {
            Some(self.revocation_work(cx, revoke)?)
        };
        let event = StepEvent::RevokeIntent(stored_as(name, &old));
        self.record_step(cx.id, event, None, true)?;
        let revoked = self
            .steps(frame, cx.block.unjournaled(), &revoke.steps)
            .await;
        let now = self.world.clock.now();
        match revoked {
            Ok(Flow::Next | Flow::Stop(_)) => {}
            // The new credential is in use, so the run goes on; the old one is due from now on, as if it had been scheduled.
            Err(StepError::Failed(diagnostic)) if self.can_wait(cx, revoke) => {
                let work = Some(self.revocation_work(cx, revoke)?);
                let entry = sweep::Due {
                    failures: 1,
                    ..self.due(cx, stored_as(name, &old), now, successor, work)
                };
                self.leave_for_later(cx, &entry)?;
                self.done.borrow_mut().unrevoked.push(*diagnostic);
                return Ok(());
            }
            Err(other) => return Err(other),
        }
        let others = self.due(cx, stored_as(name, &old), now, successor, work);
        // It is a fact whoever has the claim now, and moves nothing that is in use.
        self.vault.borrow_mut().commit(|doc| {
            sweep::revoked(doc, name, &old, now)?;
            sweep::revocable(doc, name, &others.rotation);
            schedule_others(doc, &others);
            Ok(())
        })?;
        let event = StepEvent::Revoked {
            of: stored_as(name, &old),
            due_at: None,
        };
        self.record_step(cx.id, event, None, false)?;
        self.tell(name, "revoked", &old, None);
        Ok(())
    }

    /// The revocation of a version by this step, as later calls find it.
    fn due(
        &self,
        cx: StepContext<'_, '_>,
        of: crate::run::journal::event::Stored,
        due_at: jiff::Timestamp,
        successor: Option<String>,
        work: Option<sweep::Work>,
    ) -> sweep::Due {
        sweep::Due {
            secret: of.secret,
            version: of.version,
            rotation: cx.frame.rotation.name.clone(),
            step: cx.step.name.clone(),
            due_at,
            run: self.journal.borrow().run_id().to_owned(),
            successor,
            failures: 0,
            grace: None,
            work,
        }
    }

    /// Leaves a revocation, and those of what else is still live, to a later call.
    fn leave_for_later(
        &self,
        cx: StepContext<'_, '_>,
        entry: &sweep::Due,
    ) -> Result<(), StepError> {
        self.commit(cx.step, |doc| {
            sweep::revocable(doc, &entry.secret, &entry.rotation);
            sweep::schedule(doc, entry);
            schedule_others(doc, entry);
            Ok(())
        })?;
        let due_at = Some(entry.due_at);
        let of = stored_as(&entry.secret, &entry.version);
        self.record_step(cx.id, StepEvent::Revoked { of, due_at }, None, false)?;
        self.tell(
            &entry.secret,
            "revocation scheduled",
            &entry.version,
            due_at,
        );
        Ok(())
    }

    /// Whether a revocation that fails can be made by a later call: all that it reads is known now.
    fn can_wait(&self, cx: StepContext<'_, '_>, revoke: &Revoke) -> bool {
        self.plan.dialect.semantics().declares_intent && self.revocation_work(cx, revoke).is_ok()
    }

    /// A value that is refused comes from an answer that is kept. The next attempt looks at it again, with the file as it is
    /// then; where that attempt refuses it too, the answer is given up, and the call that brought it is recovered by its effect.
    fn rejected(&self, cx: StepContext<'_, '_>, value: &NewValue, error: StepError) -> StepError {
        let StepError::Failed(diagnostic) = error else {
            return error;
        };
        let sources: Vec<StepId> = {
            let journal = self.journal.borrow();
            let names = super::origin::issuing_steps(cx.frame.rotation, value);
            let answered = |name: &String| journal.answered(&cx.frame.path, name);
            names.iter().flat_map(answered).collect()
        };
        if sources.is_empty() {
            return StepError::Failed(diagnostic);
        }
        let heard_before = |id: &StepId| self.done.borrow().replayed.contains(id);
        if !sources.iter().all(heard_before) {
            return StepError::Heals(diagnostic);
        }
        for id in &sources {
            if let Err(error) = self.record_step(id, StepEvent::Rejected, None, false) {
                return error;
            }
        }
        StepError::Replay(diagnostic)
    }

    fn tell(
        &self,
        name: &str,
        action: &'static str,
        version: &str,
        expires_at: Option<jiff::Timestamp>,
    ) {
        self.done.borrow_mut().secrets.push(SecretReport {
            name: name.to_owned(),
            action,
            version: version.to_owned(),
            expires_at,
        });
    }

    fn secret_name(&self, frame: &Frame<'_>, expr: &Expr) -> Result<String, StepError> {
        let value = self.eval(frame, expr)?;
        let name = value
            .scalar_text()
            .map(|t| t.to_string())
            .unwrap_or_default();
        if value.full_label().is_secret() || !crate::plan::name::is_secret_name(&name) {
            return Err(StepError::Failed(Box::new(
                Diagnostic::new(
                    codes::RUN_BAD_INPUT,
                    expr.at.0,
                    "the name of the secret to update is not a valid name",
                )
                .at("evaluated here")
                .help("letters, digits, `_` and `-` in segments joined by `/`; no dots"),
            )));
        }
        let is_written = matches!(expr.kind, crate::plan::ExprKind::String(_));
        if !is_written && !self.plan.secret_names.is_empty() && !self.plan.allows_secret_name(&name)
        {
            return Err(StepError::Failed(Box::new(
                Diagnostic::new(
                    codes::RUN_BAD_INPUT,
                    expr.at.0,
                    "the name of the secret to update is none that may come as data",
                )
                .at("evaluated here")
                .help("the names that may are those of `[conductor] secret-names` in rot.toml"),
            )));
        }
        Ok(name)
    }

    /// Version id: the run's; a second version of the same secret in one run gets a suffix that its step decides.
    pub(in crate::run) fn version_id(&self, id: &StepId, name: &str) -> String {
        let journal = self.journal.borrow();
        let run = journal.run_id();
        match journal.stores_before(name, id) {
            0 => run.to_owned(),
            before => format!("{run}.{}", before + 1),
        }
    }

    /// The version that was current when the run began or that it has made current since, for compare-and-swap.
    fn pinned(&self, name: &str) -> Option<String> {
        let journal = self.journal.borrow();
        journal.current_version(name).map(str::to_owned)
    }

    /// The version that this run staged.
    fn staged_version(&self, name: &str) -> Option<String> {
        let journal = self.journal.borrow();
        journal.staged_version(name).map(str::to_owned)
    }

    /// The version that the promotion of this run replaced.
    fn previous_version(&self, name: &str) -> Option<String> {
        let journal = self.journal.borrow();
        journal.previous_version(name).map(str::to_owned)
    }

    pub(in crate::run) fn version(
        &self,
        id: &str,
        stored: &Stored,
        expires_at: Option<jiff::Timestamp>,
        frame: &Frame<'_>,
    ) -> NewVersion {
        let value = match stored {
            Stored::Single(secret) => StoredValue::Single(secret.clone()),
            Stored::Fields(fields) => StoredValue::Fields(fields.clone()),
        };
        NewVersion {
            id: id.to_owned(),
            value,
            expires_at,
            run: Some(self.journal.borrow().run_id().to_owned()),
            rotation: Some(frame.rotation.name.clone()),
            created_at: self.world.clock.now(),
        }
    }

    fn move_current(&self, frame: &Frame<'_>, name: &str, stored: Stored) {
        let mut scope = frame.scope.borrow_mut();
        scope.secrets.set(name, Version::Pending, Some(stored));
        scope.secrets.promote(name);
    }

    fn expires(
        &self,
        frame: &Frame<'_>,
        expires: Option<&Expr>,
    ) -> Result<Option<jiff::Timestamp>, StepError> {
        let Some(expr) = expires else { return Ok(None) };
        let value = self.eval(frame, expr)?;
        let from = self
            .done
            .borrow()
            .sent_at
            .unwrap_or(frame.scope.borrow().run.started_at);
        let said = answer::expiry(&value, from).map_err(|message| {
            StepError::Failed(Box::new(
                Diagnostic::new(codes::RUN_EVALUATION, expr.at.0, message).at("expiry"),
            ))
        })?;
        let every = frame
            .rotation
            .schedule
            .as_ref()
            .and_then(|s| match s.trigger {
                Trigger::Every(every) => Some(every.to_std()),
                Trigger::Cron(_) => None,
            });
        match said {
            Expiry::Unsaid => Ok(None),
            Expiry::Never(at) => {
                self.note("the server says by its expiry that the new value never expires");
                Ok(at)
            }
            Expiry::At(at) if at <= self.world.clock.now() => {
                self.note(format!(
                    "the new value expired at {at}, by what the server says: the next run goes by the schedule alone"
                ));
                Ok(Some(at))
            }
            Expiry::At(at) => {
                let life = Duration::try_from(at.duration_since(from)).unwrap_or_default();
                if every.is_some_and(|every| life < every) {
                    self.note(format!(
                        "the new value expires at {at}, before the rotation's interval is over: it is renewed earlier"
                    ));
                }
                Ok(Some(at))
            }
        }
    }

    /// The new value, after all that could make it a lock-out: null, empty, blank, `null` as a word, unchanged.
    pub(in crate::run) fn new_value(
        &self,
        frame: &Frame<'_>,
        name: &str,
        value: &NewValue,
        allow: Allow,
        span: Span,
    ) -> Result<Stored, StepError> {
        let refuse = |span: Span, what: String, help: &str| {
            StepError::Failed(Box::new(
                Diagnostic::new(codes::RUN_REFUSED_VALUE, span, what)
                    .at("not stored")
                    .help(help.to_owned())
                    .note("the secret keeps its value"),
            ))
        };
        let semantics = self.plan.dialect.semantics();
        let capture = |step: &str, name: &str| captured(&frame.rotation.steps, step, name);
        let accept = |expr: &Expr, value: &Value, what: &str| -> Result<(), StepError> {
            let span = if expr.at.0.is_some() { expr.at.0 } else { span };
            let several = matches!(&expr.kind, ExprKind::Ref(Root::Capture { step, name })
                if capture(step, name).is_some_and(|c| matches!(&c.source, CaptureSource::Body(path) if !path.is_definite())));
            let from = accept::Provenance {
                structured: accept::is_structured(expr, &|step, name| {
                    capture(step, name).map(|c| c.ty.clone())
                }) && !several,
                spliced: frame.scope.borrow().made.has_spliced(),
                stores_json: semantics.splices_any_value && !several,
            };
            match accept::refusal(value, from, allow) {
                None => Ok(()),
                Some((why, help)) => {
                    Err(refuse(span, format!("the new value of {what} {why}"), help))
                }
            }
        };
        let secret_of = |value: Value| value.into_secret().unwrap_or_default();
        let stored = match value {
            NewValue::Single(expr) => {
                let value = self.eval(frame, expr)?;
                accept(expr, &value, &format!("secret `{name}`"))?;
                self.mask(&value.clone().labelled(&crate::plan::Label::of(
                    crate::plan::Origin::Secret(name.to_owned()),
                )));
                Stored::Single(secret_of(value))
            }
            NewValue::Fields(fields) => {
                let old = frame
                    .scope
                    .borrow()
                    .secrets
                    .get(name, Version::Current)
                    .cloned();
                let mut new: Vec<(String, Secret)> = Vec::new();
                for (field, expr) in fields {
                    let value = self.eval(frame, expr)?;
                    let kept = match &old {
                        Some(Stored::Fields(old)) if value.is_null() => {
                            old.iter().find(|(n, _)| n == field).map(|(_, s)| s.clone())
                        }
                        _ => None,
                    };
                    match kept {
                        // A field that the server leaves out keeps its value (RFC 6749 section 6).
                        Some(secret) => new.push((field.clone(), secret)),
                        None => {
                            accept(expr, &value, &format!("`{name}.{field}`"))?;
                            new.push((field.clone(), secret_of(value)));
                        }
                    }
                }
                if let Some(Stored::Fields(old)) = &old {
                    for (field, secret) in old {
                        if !new.iter().any(|(n, _)| n == field) {
                            new.push((field.clone(), secret.clone()));
                        }
                    }
                }
                let declared = self
                    .plan
                    .secret(name)
                    .map(|s| s.fields.clone())
                    .unwrap_or_default();
                if let Some(absent) = declared.iter().find(|f| !new.iter().any(|(n, _)| n == *f)) {
                    return Err(refuse(
                        span,
                        format!("`{name}.{absent}` has no value, and there is no old one to keep"),
                        "give every field a value the first time",
                    ));
                }
                new.sort_by_key(|(n, _)| {
                    declared.iter().position(|d| d == n).unwrap_or(usize::MAX)
                });
                Stored::Fields(new)
            }
        };
        let unchanged = match (
            &stored,
            frame.scope.borrow().secrets.get(name, Version::Current),
        ) {
            (Stored::Single(new), Some(Stored::Single(old))) => new.same_as(old),
            (Stored::Fields(new), Some(Stored::Fields(old))) => {
                new.len() == old.len()
                    && new
                        .iter()
                        .all(|(n, s)| old.iter().any(|(m, o)| n == m && s.same_as(o)))
            }
            _ => false,
        };
        if unchanged && !allow.unchanged {
            return Err(refuse(
                span,
                format!("the new value of secret `{name}` is the one that it has already"),
                "the issuer made nothing new; if that is right, write `allow unchanged`",
            ));
        }
        Ok(stored)
    }
}

/// What rollbacks and runs that were given up have left of a secret goes the way of the version that is revoked now.
fn schedule_others(doc: &mut crate::vault::Document, with: &sweep::Due) {
    let scheduled: Vec<String> = sweep::list(doc)
        .into_iter()
        .filter(|due| due.secret == with.secret)
        .map(|due| due.version)
        .collect();
    let left: Vec<String> = sweep::unrevoked(doc, &with.secret)
        .into_iter()
        .map(|version| version.id.clone())
        .filter(|id| !scheduled.contains(id))
        .filter(|id| {
            !doc.get(&with.secret)
                .is_some_and(|e| e.is_copy(id, &with.version))
        })
        .collect();
    for version in left {
        let other = sweep::Due {
            version,
            ..with.clone()
        };
        sweep::schedule(doc, &other);
    }
}

fn stored_as(secret: &str, version: &str) -> event::Stored {
    event::Stored {
        secret: secret.to_owned(),
        version: version.to_owned(),
    }
}

/// The longest that a foreground run waits between two looks at the clock.
pub(super) const NAP: Duration = Duration::from_secs(60);

/// A capture of a step of this rotation, wherever it stands.
fn captured<'s>(steps: &'s [Step], step: &str, name: &str) -> Option<&'s Capture> {
    let mut found = None;
    walk_steps(steps, &mut |at| {
        if let (true, Task::Http(http)) = (at.name == step, &at.task) {
            found = http.captures.iter().find(|c| c.name == name).or(found);
        }
    });
    found
}
