//! The interpreter: executes a rotation from its journal.
//!
//! A run is a deterministic replay: pure steps are computed again, a step with an answer in the journal takes it, and
//! only what was never answered is called. Nothing here touches the world but through [`World`] and [`Vault`].

use super::fields;
use super::journal::{Journal, Kind, facts};
use super::report::{Observer, SecretReport, StepReport};
use super::request::Issuers;
use super::scope::Scope;
use super::value::Value;
use crate::diagnostic::{Diagnostic, Error, Failure, codes};
use crate::plan::task::{Overdue, Step, Task};
use crate::plan::{Plan, Rotation};
use crate::vault::Vault;
use crate::world::World;
use serde_json::{Map, Value as Json};
use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;

/// A future of the interpreter; it runs on one thread.
pub(super) type Local<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// How a block of steps ended well.
pub(super) enum Flow {
    /// All its steps ran.
    Next,
    /// A `stop` ended the run, perhaps with an output of its own.
    Stop(Option<Value>),
}

/// Why a run stopped.
pub(super) enum StepError {
    /// A step failed in an ordinary way.
    Failed(Box<Diagnostic>),
    /// The trace of a step is unknown and nothing may be called by itself.
    Halted(Box<Diagnostic>),
    /// The trace is unknown now, and a later resume knows what to do.
    Unresolved(Box<Diagnostic>),
    /// Storage, vault or journal.
    Broken(Error),
}

impl From<super::eval::EvalError> for StepError {
    fn from(error: super::eval::EvalError) -> Self {
        StepError::Failed(Box::new(error.into()))
    }
}

impl From<Error> for StepError {
    fn from(error: Error) -> Self {
        StepError::Broken(error)
    }
}

/// All that a run works on. Cells are borrowed for moments only, never across an await.
pub(super) struct Engine<'a> {
    pub(super) world: &'a World,
    pub(super) plan: &'a Plan,
    pub(super) vault: &'a RefCell<Vault>,
    pub(super) journal: &'a RefCell<Journal>,
    pub(super) observer: &'a dyn Observer,
    pub(super) issuers: RefCell<Issuers>,
    pub(super) done: RefCell<Done>,
    /// PEM texts of the certificate files that the plan names.
    pub(super) certificates: std::collections::HashMap<String, Vec<u8>>,
}

/// What has been done so far.
#[derive(Default)]
pub(super) struct Done {
    pub(super) steps: Vec<StepReport>,
    pub(super) secrets: Vec<SecretReport>,
    pub(super) notes: Vec<String>,
    /// Failures of permissive steps, with the prefix of their frame: they count when the fork or the rotation ends.
    pub(super) owed: Vec<(String, Box<Diagnostic>)>,
    /// The first Conductor task that failed.
    pub(super) failed_task: Option<String>,
    /// When the last effectful request was sent: relative expiries count from it.
    pub(super) sent_at: Option<jiff::Timestamp>,
}

/// A rotation in execution: the run's own, or one that was called.
pub(super) struct Frame<'a> {
    pub(super) rotation: &'a Rotation,
    pub(super) scope: RefCell<Scope>,
    /// Before each step's name in the journal: the call's own key and `/`.
    pub(super) prefix: String,
}

/// Begins the prefix of a failure workflow. What it calls is journaled, and is no effect of the run that failed: no step
/// has such a name.
pub(super) const FAILURE: &str = "failure ";

/// Where in a frame a block stands.
#[derive(Clone, Copy)]
pub(super) struct Place<'p> {
    /// Loop rounds, `[2][1]`.
    pub(super) rounds: &'p str,
    /// Within `verify`, a probe or a listing: nothing is journaled or replayed.
    pub(super) volatile: bool,
    /// Below a `when` on a secret: which branch was taken is nobody's business, so its steps are not told of.
    pub(super) hidden: bool,
}

impl Place<'static> {
    /// The body of a rotation.
    pub(super) const TOP: Self = Self {
        rounds: "",
        volatile: false,
        hidden: false,
    };
    /// Steps beside the body that are never journaled.
    pub(super) const PROBE: Self = Self {
        volatile: true,
        ..Self::TOP
    };
}

impl<'a> Engine<'a> {
    /// The journal's name of a step.
    pub(super) fn key(&self, frame: &Frame<'_>, place: Place<'_>, step: &Step) -> String {
        format!("{}{}{}", frame.prefix, step.name, place.rounds)
    }

    /// Executes steps in order.
    pub(super) fn steps<'b>(
        &'b self,
        frame: &'b Frame<'a>,
        place: Place<'b>,
        steps: &'b [Step],
    ) -> Local<'b, Result<Flow, StepError>> {
        Box::pin(async move {
            for step in steps {
                if let Flow::Stop(output) = self.step(frame, place, step).await? {
                    return Ok(Flow::Stop(output));
                }
            }
            Ok(Flow::Next)
        })
    }

    async fn step<'b>(
        &'b self,
        frame: &'b Frame<'a>,
        place: Place<'b>,
        step: &'b Step,
    ) -> Result<Flow, StepError> {
        let key = self.key(frame, place, step);
        if let Some(delay) = step.start_delay
            && self.journal.borrow().of(&key).next().is_none()
        {
            self.world.clock.sleep(delay.to_std()).await;
        }
        let started_at = self.world.clock.now();
        let started = self.world.clock.monotonic();
        if !place.hidden {
            self.observer.started(&key, step.task.kind());
        }
        let mut trace = Trace::default();
        if self.plan.dialect.semantics().task_documents {
            fields::begun(self, frame, place, step, &key, started_at);
        }
        let result = self.tried(frame, place, step, &key, &mut trace).await;
        let status = match &result {
            Ok(_) if trace.replayed => "replayed",
            Ok(_) if trace.skipped => "skipped",
            Ok(_) => "completed",
            Err(StepError::Failed(_)) if step.optional => "completed_with_errors",
            Err(_) => "failed",
        };
        let duration_ms = u64::try_from(
            self.world
                .clock
                .monotonic()
                .saturating_sub(started)
                .as_millis(),
        )
        .unwrap_or(u64::MAX);
        if self.plan.dialect.semantics().task_documents {
            let failure = result.as_ref().err();
            fields::ended(self, frame, step, &trace, failure, self.world.clock.now());
        }
        let output = shown_output(&frame.scope.borrow(), step);
        let report = StepReport {
            name: key,
            kind: step.task.kind(),
            status,
            attempts: trace.attempts.max(1),
            started_at,
            duration_ms,
            output,
        };
        if (!place.volatile || frame.prefix.starts_with(FAILURE)) && !place.hidden {
            self.observer.ended(&report);
            self.done.borrow_mut().steps.push(report);
        }
        match result {
            Err(StepError::Failed(diagnostic)) if step.optional => {
                self.done.borrow_mut().notes.push(format!(
                    "step `{}` failed and is optional: {}",
                    step.name, diagnostic.message
                ));
                if step.permissive {
                    let owed = (frame.prefix.clone(), diagnostic);
                    self.done.borrow_mut().owed.push(owed);
                }
                Ok(Flow::Next)
            }
            other => other,
        }
    }

    /// One step with its retries; a call over HTTP has its own rules for them.
    async fn tried<'b>(
        &'b self,
        frame: &'b Frame<'a>,
        place: Place<'b>,
        step: &'b Step,
        key: &'b str,
        trace: &'b mut Trace,
    ) -> Result<Flow, StepError> {
        let mut retried = 0;
        loop {
            let result = self.bounded(frame, place, step, key, trace).await;
            trace.attempts = trace.attempts.max(retried + 1);
            match (&result, &step.retry) {
                (Err(StepError::Failed(_)), Some(retry))
                    if retried < retry.count && !matches!(step.task, Task::Http(_)) => {}
                _ => return result,
            }
            self.world
                .clock
                .sleep(self.pause(step, retried, None))
                .await;
            retried += 1;
        }
    }

    /// An attempt within its bound. What was under way then is unknown to the journal, and goes by the rule of its effect.
    async fn bounded<'b>(
        &'b self,
        frame: &'b Frame<'a>,
        place: Place<'b>,
        step: &'b Step,
        key: &'b str,
        trace: &'b mut Trace,
    ) -> Result<Flow, StepError> {
        use futures_util::future::{Either, select};
        let Some(limit) = step.timeout else {
            return self.perform(frame, place, step, key, trace).await;
        };
        match select(
            self.perform(frame, place, step, key, trace),
            self.world.clock.sleep(limit.after.to_std()),
        )
        .await
        {
            Either::Left((result, _)) => result,
            Either::Right((_, body)) if limit.then == Overdue::Note => {
                self.note(format!(
                    "step `{}` took longer than its `timeoutSeconds`",
                    step.name
                ));
                body.await
            }
            Either::Right(_) => {
                let message = format!(
                    "step `{}` took longer than its `timeoutSeconds` of {}",
                    step.name, limit.after
                );
                let late = Diagnostic::new(codes::RUN_TIMEOUT, step.at.0, message).at("this step");
                Err(match limit.then {
                    Overdue::Retry => StepError::Failed(Box::new(late)),
                    _ => StepError::Unresolved(Box::new(
                        late.help("`rot resume` continues where it stopped"),
                    )),
                })
            }
        }
    }

    fn perform<'b>(
        &'b self,
        frame: &'b Frame<'a>,
        place: Place<'b>,
        step: &'b Step,
        key: &'b str,
        trace: &'b mut Trace,
    ) -> Local<'b, Result<Flow, StepError>> {
        Box::pin(async move {
            match &step.task {
                Task::Http(http) => self
                    .http(frame, place, step, http, key, trace)
                    .await
                    .map(|()| Flow::Next),
                Task::Let(assign) => {
                    let value = self.eval(frame, &assign.value)?;
                    self.observer.named(
                        &frame.rotation.name,
                        None,
                        &assign.name,
                        &value.full_label(),
                    );
                    frame
                        .scope
                        .borrow_mut()
                        .lets
                        .insert(assign.name.clone(), value);
                    Ok(Flow::Next)
                }
                Task::SetVariables(set) => {
                    for (name, value) in &set.values {
                        let value = self.eval(frame, value)?;
                        frame
                            .scope
                            .borrow_mut()
                            .variables
                            .insert(name.clone(), value);
                    }
                    Ok(Flow::Next)
                }
                Task::Log(log) => {
                    let value = self.eval(frame, &log.message)?;
                    let line = if value.full_label().is_secret() {
                        "***".to_owned()
                    } else {
                        value
                            .scalar_text()
                            .map_or_else(|| value.json_text().to_string(), |t| t.to_string())
                    };
                    self.observer.log(&line);
                    Ok(Flow::Next)
                }
                Task::Fail(fail) => {
                    let value = self.eval(frame, &fail.message)?;
                    let message = if value.full_label().is_secret() {
                        "***".to_owned()
                    } else {
                        value
                            .scalar_text()
                            .map(|t| t.to_string())
                            .unwrap_or_default()
                    };
                    Err(StepError::Failed(Box::new(
                        Diagnostic::new(
                            codes::RUN_FAILED_BY_AUTHOR,
                            step.at.0,
                            format!("the rotation ended itself: {message}"),
                        )
                        .at("`fail` was reached"),
                    )))
                }
                Task::Stop(stop) => {
                    let output = stop
                        .output
                        .as_ref()
                        .map(|o| self.eval(frame, o))
                        .transpose()?;
                    if let Some(reason) = &stop.reason {
                        let value = self.eval(frame, reason)?;
                        if !value.full_label().is_secret() {
                            self.observer.log(
                                &value
                                    .scalar_text()
                                    .map(|t| t.to_string())
                                    .unwrap_or_default(),
                            );
                        }
                    }
                    Ok(Flow::Stop(output))
                }
                Task::Generate(generate) => self
                    .generate(frame, step, generate, key, trace)
                    .map(|()| Flow::Next),
                Task::Manual(manual) => self
                    .manual(frame, place, step, manual, key, trace)
                    .await
                    .map(|()| Flow::Next),
                Task::Update(update) => self
                    .update(frame, step, update, key, trace)
                    .map(|()| Flow::Next),
                Task::Stage(stage) => self
                    .stage(frame, step, stage, key, trace)
                    .map(|()| Flow::Next),
                Task::Verify(verify) => self
                    .verify(frame, place, step, verify, key, trace)
                    .await
                    .map(|()| Flow::Next),
                Task::Promote(promote) => self
                    .promote(frame, step, promote, key, trace)
                    .map(|()| Flow::Next),
                Task::Revoke(revoke) => self
                    .revoke(frame, place, step, revoke, key, trace)
                    .await
                    .map(|()| Flow::Next),
                Task::Wait(wait) => self.wait(frame, wait, key).await.map(|()| Flow::Next),
                Task::Switch(switch) => self.switch(frame, place, step, switch).await,
                Task::Parallel(parallel) => {
                    self.side_by_side(frame, place, &parallel.branches).await
                }
                Task::Fork(fork) => self.fork(frame, place, step, fork, key, trace).await,
                Task::ForEach(each) => self.for_each(frame, place, step, each).await,
                Task::Repeat(repeat) => self.repeat(frame, place, step, repeat, key).await,
                Task::Call(call) => self
                    .call(frame, place, step, call, key)
                    .await
                    .map(|()| Flow::Next),
                Task::Worker(worker) => self
                    .worker(frame, place, step, worker, key, trace)
                    .await
                    .map(|()| Flow::Next),
            }
        })
    }

    /// The value of an expression in a frame.
    pub(super) fn eval(
        &self,
        frame: &Frame<'_>,
        expr: &crate::plan::Expr,
    ) -> Result<Value, StepError> {
        frame.scope.borrow_mut().now = self.world.clock.now();
        let value = super::eval::eval(expr, &frame.scope.borrow());
        self.mask_made(&frame.scope.borrow());
        Ok(value?)
    }

    /// Masks what was made from secrets since the last time.
    pub(super) fn mask_made(&self, scope: &Scope) {
        for secret in scope.made.take() {
            self.observer.secret(&secret);
        }
    }

    /// Adds a record to the journal.
    pub(super) fn record<const N: usize>(
        &self,
        kind: Kind,
        key: &str,
        pairs: [(&str, Json); N],
        payload: Option<&[u8]>,
        sync: bool,
    ) -> Result<(), StepError> {
        self.record_facts(kind, key, facts(pairs), payload, sync)
    }

    pub(super) fn record_facts(
        &self,
        kind: Kind,
        key: &str,
        facts: Map<String, Json>,
        payload: Option<&[u8]>,
        sync: bool,
    ) -> Result<(), StepError> {
        let vault = self.vault.borrow();
        let mut journal = self.journal.borrow_mut();
        journal
            .append(self.world, &vault, kind, key, facts, payload, sync)
            .map_err(|e| StepError::Broken(super::journal::storage(journal.path(), "written", &e)))
    }

    /// The payload of the last record of a kind of a step, if there is one.
    pub(super) fn recorded(
        &self,
        key: &str,
        kind: Kind,
    ) -> Result<Option<zeroize::Zeroizing<Vec<u8>>>, StepError> {
        let journal = self.journal.borrow();
        match journal.last(key, kind) {
            Some(record) => Ok(Some(journal.payload(&self.vault.borrow(), record)?)),
            None => Ok(None),
        }
    }

    /// Whether a step has a record of a kind.
    pub(super) fn has(&self, key: &str, kind: Kind) -> bool {
        self.journal.borrow().last(key, kind).is_some()
    }

    /// The first failure of a permissive step of a frame that was not told yet.
    pub(super) fn owed(&self, frame: &Frame<'_>) -> Option<StepError> {
        let mut done = self.done.borrow_mut();
        let at = done
            .owed
            .iter()
            .position(|(prefix, _)| *prefix == frame.prefix)?;
        Some(StepError::Failed(done.owed.remove(at).1))
    }

    pub(super) fn note(&self, note: impl Into<String>) {
        let note = note.into();
        let mut done = self.done.borrow_mut();
        if !done.notes.contains(&note) {
            done.notes.push(note);
        }
    }
}

/// What a step gave, as it is shown: its captures, or for a Conductor task its output document.
fn shown_output(scope: &Scope, step: &Step) -> Json {
    if scope.dialect.semantics().task_documents {
        let found = if let Task::Let(assign) = &step.task {
            scope.lets.get(&assign.name)
        } else {
            scope.outputs.get(&step.name)
        };
        return found.map_or(Json::Null, Value::shown);
    }
    let captures = scope.captures.get(&step.name);
    captures.map_or(Json::Null, |captures| {
        Json::Object(
            captures
                .iter()
                .map(|(n, v)| (n.clone(), v.shown()))
                .collect(),
        )
    })
}

/// What is told of a step beside its result.
#[derive(Default)]
pub(super) struct Trace {
    pub(super) attempts: u32,
    pub(super) replayed: bool,
    pub(super) skipped: bool,
}

/// A failure that the journal cannot explain: a bug of ours.
pub(super) fn internal(message: &str) -> StepError {
    StepError::Broken(
        Error::plain(Failure::Internal, codes::INTERNAL, message.to_owned())
            .help("please report this with the output of `rot status`"),
    )
}
