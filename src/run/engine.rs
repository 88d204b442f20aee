//! The interpreter: executes a rotation from its journal.
//!
//! A run is a deterministic replay: pure steps are computed again, a step with an answer in the journal takes it, and
//! only what was never answered is called. Nothing here touches the world but through [`World`] and [`Vault`].

use super::fields;
use super::identity::{CallPath, StepId};
use super::journal::{Event, Journal, Record, StepEvent};
use super::report::{Observer, SecretReport, StepReport};
use super::request::Issuers;
use super::scope::Scope;
use super::value::{Data, Value};
use crate::diagnostic::{Diagnostic, Error, Failure, codes};
use crate::plan::task::{Overdue, Step, Task};
use crate::plan::{Egress, Plan, Rotation};
use crate::vault::Vault;
use crate::world::World;
use serde_json::Value as Json;
use std::cell::{Cell, RefCell};
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
    /// The process was asked to end; a later one goes on.
    Interrupted(Box<Diagnostic>),
    /// Another machine has taken the rotation over: what was obtained is to be settled, and nothing else done.
    Overtaken(Box<Diagnostic>),
    /// What an earlier process heard is of no use and was given up: the run is replayed from its journal, which calls again.
    Replay(Box<Diagnostic>),
    /// A step failed, and the next attempt of the run mends that by itself, however often it takes.
    Heals(Box<Diagnostic>),
    /// The outcome of a step is unknown and nothing may be called by itself.
    Halted(Box<Diagnostic>),
    /// The outcome is unknown now, and a later resume knows what to do.
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
    /// Where each credential may go.
    pub(super) egress: Egress<'a>,
    pub(super) issuers: RefCell<Issuers>,
    pub(super) done: RefCell<Done>,
    /// The claim on the rotation, where it needs one.
    pub(super) claim: Option<super::claim::Held>,
    /// The file that the plan comes from.
    pub(super) source: Option<&'a str>,
    /// How long to wait for another process.
    pub(super) lock_wait: std::time::Duration,
    /// PEM texts of the certificate files that the plan names.
    pub(super) certificates: std::collections::HashMap<String, Vec<u8>>,
}

/// What has been done so far.
#[derive(Default)]
pub(super) struct Done {
    pub(super) steps: Vec<StepReport>,
    pub(super) secrets: Vec<SecretReport>,
    pub(super) notes: Vec<String>,
    /// Old credentials whose revocation failed; it is due.
    pub(super) unrevoked: Vec<Diagnostic>,
    /// Failures of permissive steps, with the path of their frame: they count when the fork or the rotation ends.
    pub(super) owed: Vec<(CallPath, Box<Diagnostic>)>,
    /// The first Conductor task that failed.
    pub(super) failed_task: Option<String>,
    /// When the last effectful request was sent: relative expiries count from it.
    pub(super) sent_at: Option<jiff::Timestamp>,
    /// The calls whose answers an earlier process had heard.
    pub(super) replayed: std::collections::HashSet<StepId>,
}

/// A rotation in execution: the run's own, or one that was called.
pub(super) struct Frame<'a> {
    pub(super) rotation: &'a Rotation,
    pub(super) scope: RefCell<Scope>,
    /// The calls that lead to it.
    pub(super) path: CallPath,
}

/// How the steps of a block are executed.
#[derive(Clone, Copy)]
pub(super) struct BlockContext<'b> {
    /// Rounds of the loops around it, outermost first.
    pub(super) rounds: &'b [u32],
    /// Within `verify`, a probe or a listing: nothing is journaled or replayed.
    pub(super) volatile: bool,
    /// Below a `when` on a secret: which branch was taken is nobody's business, so its steps are not told of.
    pub(super) hidden: bool,
}

impl BlockContext<'static> {
    /// The body of a rotation.
    pub(super) const TOP: Self = Self {
        rounds: &[],
        volatile: false,
        hidden: false,
    };
    /// Steps beside the body that are never journaled.
    pub(super) const PROBE: Self = Self {
        volatile: true,
        ..Self::TOP
    };
}

impl<'b> BlockContext<'b> {
    /// The same, with nothing journaled.
    pub(super) fn unjournaled(self) -> Self {
        Self {
            volatile: true,
            ..self
        }
    }

    /// The same in these rounds.
    pub(super) fn in_rounds<'c>(self, rounds: &'c [u32]) -> BlockContext<'c> {
        BlockContext {
            rounds,
            volatile: self.volatile,
            hidden: self.hidden,
        }
    }
}

/// A step in execution.
#[derive(Clone, Copy)]
pub(super) struct StepContext<'b, 'a> {
    /// The rotation that it stands in.
    pub(super) frame: &'b Frame<'a>,
    /// How its block is executed.
    pub(super) block: BlockContext<'b>,
    /// The step.
    pub(super) step: &'b Step,
    /// Which execution of it.
    pub(super) id: &'b StepId,
    /// What is told of it.
    pub(super) trace: &'b Trace,
}

impl StepContext<'_, '_> {
    /// Whether a failure of the step does not stop the run: its own, and not that of a step within it.
    pub(super) fn is_passed_over(&self) -> bool {
        self.step.optional && !self.trace.within.get()
    }
}

impl<'a> Engine<'a> {
    /// Executes the steps within a step.
    pub(super) async fn within<'b>(
        &'b self,
        cx: StepContext<'b, 'a>,
        block: BlockContext<'b>,
        steps: &'b [Step],
    ) -> Result<Flow, StepError> {
        let result = self.steps(cx.frame, block, steps).await;
        cx.trace.within.set(result.is_err());
        result
    }

    /// Executes steps in order.
    pub(super) fn steps<'b>(
        &'b self,
        frame: &'b Frame<'a>,
        block: BlockContext<'b>,
        steps: &'b [Step],
    ) -> Local<'b, Result<Flow, StepError>> {
        Box::pin(async move {
            for step in steps {
                self.go_on(step)?;
                if let Flow::Stop(output) = self.step(frame, block, step).await? {
                    return Ok(Flow::Stop(output));
                }
            }
            Ok(Flow::Next)
        })
    }

    async fn step<'b>(
        &'b self,
        frame: &'b Frame<'a>,
        block: BlockContext<'b>,
        step: &'b Step,
    ) -> Result<Flow, StepError> {
        let id = StepId::new(&frame.path, &step.name, block.rounds);
        let trace = Trace::default();
        let cx = StepContext {
            frame,
            block,
            step,
            id: &id,
            trace: &trace,
        };
        if let Some(delay) = step.start_delay
            && !self.journal.borrow().knows(&id)
        {
            self.pause_for(step, delay.to_std()).await?;
        }
        let started_at = self.world.clock.now();
        let started = self.world.clock.monotonic();
        let name = id.to_string();
        if !block.hidden {
            self.observer.started(&name, step.task.kind());
        }
        if self.plan.dialect.semantics().task_documents {
            fields::begun(cx, started_at);
        }
        let result = self.tried(cx).await;
        let status = match &result {
            Ok(_) if trace.replayed.get() => "replayed",
            Ok(_) if trace.skipped.get() => "skipped",
            Ok(_) => "completed",
            Err(StepError::Failed(_)) if cx.is_passed_over() => "completed_with_errors",
            Err(StepError::Interrupted(_)) => "interrupted",
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
            fields::ended(self, cx, result.as_ref().err(), self.world.clock.now());
        }
        let output = shown_output(&frame.scope.borrow(), step);
        let report = StepReport {
            name,
            kind: step.task.kind(),
            status,
            attempts: trace.attempts.get().max(1),
            started_at,
            duration_ms,
            output,
        };
        if (!block.volatile || frame.path.is_failure()) && !block.hidden {
            self.observer.ended(&report);
            self.done.borrow_mut().steps.push(report);
        }
        match result {
            Err(StepError::Failed(diagnostic)) if cx.is_passed_over() => {
                self.done.borrow_mut().notes.push(format!(
                    "step `{}` failed and is optional: {}",
                    step.name, diagnostic.message
                ));
                self.keep_failure(cx, &diagnostic);
                if step.permissive {
                    let owed = (frame.path.clone(), diagnostic);
                    self.done.borrow_mut().owed.push(owed);
                }
                Ok(Flow::Next)
            }
            other => other,
        }
    }

    /// One step with its retries; a call over HTTP has its own rules for them.
    async fn tried<'b>(&'b self, cx: StepContext<'b, 'a>) -> Result<Flow, StepError> {
        let step = cx.step;
        let mut retried = 0;
        loop {
            let result = self.bounded(cx).await;
            cx.trace
                .attempts
                .set(cx.trace.attempts.get().max(retried + 1));
            match (&result, &step.retry) {
                (Err(StepError::Failed(_)), Some(retry))
                    if retried < retry.count && !matches!(step.task, Task::Http(_)) => {}
                _ => return result,
            }
            self.pause_for(step, self.pause(step, retried, None))
                .await?;
            retried += 1;
        }
    }

    /// An attempt within its bound. What was under way then is unknown to the journal, and goes by the rule of its effect.
    async fn bounded<'b>(&'b self, cx: StepContext<'b, 'a>) -> Result<Flow, StepError> {
        use futures_util::future::{Either, select};
        let step = cx.step;
        let Some(limit) = step.timeout else {
            return self.perform(cx).await;
        };
        match select(
            self.perform(cx),
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

    fn perform<'b>(&'b self, cx: StepContext<'b, 'a>) -> Local<'b, Result<Flow, StepError>> {
        let StepContext { frame, step, .. } = cx;
        Box::pin(async move {
            match &step.task {
                Task::Http(http) => self.http(cx, http).await.map(|()| Flow::Next),
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
                    // None of them sees the new value of another.
                    let values = (set.values.iter())
                        .map(|(name, value)| Ok((name.clone(), self.eval(frame, value)?)))
                        .collect::<Result<Vec<_>, StepError>>()?;
                    frame.scope.borrow_mut().variables.extend(values);
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
                    let left = self.put_out(frame, fail.output.as_ref())?;
                    frame.scope.borrow_mut().left = left;
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
                    let output = self.put_out(frame, stop.output.as_ref())?;
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
                Task::Generate(generate) => self.generate(cx, generate).map(|()| Flow::Next),
                Task::Manual(manual) => self.manual(cx, manual).await.map(|()| Flow::Next),
                Task::Update(update) => {
                    let name = self.update(cx, update)?;
                    self.delivered(cx, &name).await.map(|()| Flow::Next)
                }
                Task::Stage(stage) => self.stage(cx, stage).map(|()| Flow::Next),
                Task::Verify(verify) => self.verify(cx, verify).await.map(|()| Flow::Next),
                Task::Promote(promote) => {
                    self.promote(cx, promote)?;
                    self.delivered(cx, &promote.secret)
                        .await
                        .map(|()| Flow::Next)
                }
                Task::Revoke(revoke) => self.revoke(cx, revoke).await.map(|()| Flow::Next),
                Task::Wait(wait) => self.wait(cx, wait, cx.id).await.map(|()| Flow::Next),
                Task::Switch(switch) => self.switch(cx, switch).await,
                Task::Parallel(parallel) => {
                    self.side_by_side(frame, cx.block, &parallel.branches).await
                }
                Task::Fork(fork) => self.fork(cx, fork).await,
                Task::ForEach(each) => self.for_each(cx, each).await,
                Task::Repeat(repeat) => self.repeat(cx, repeat).await,
                Task::Call(call) => self.call(cx, call).await.map(|()| Flow::Next),
                Task::Worker(worker) => self.worker(cx, worker).await.map(|()| Flow::Next),
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

    /// What a computation that failed and does not stop the run puts out.
    fn keep_failure(&self, cx: StepContext<'_, '_>, diagnostic: &Diagnostic) {
        if let Task::Let(assign) = &cx.step.task
            && assign.name == cx.step.name
            && self.plan.dialect.semantics().task_documents
        {
            let said = Value::text(diagnostic.message.clone());
            let output = Data::Object(vec![("error".to_owned(), said)]).into();
            let mut scope = cx.frame.scope.borrow_mut();
            scope.lets.insert(assign.name.clone(), output);
        }
    }

    /// What a step that ends the run puts out. A task puts out an object: nothing is an empty one, and what is none is its
    /// member `output`.
    fn put_out(
        &self,
        frame: &Frame<'_>,
        output: Option<&crate::plan::Expr>,
    ) -> Result<Option<Value>, StepError> {
        let value = output.map(|o| self.eval(frame, o)).transpose()?;
        if !self.plan.dialect.semantics().task_documents {
            return Ok(value);
        }
        Ok(Some(match value {
            Some(value) if matches!(value.data, Data::Object(_)) => value,
            Some(value) if !value.is_null() => {
                Data::Object(vec![("output".to_owned(), value)]).into()
            }
            _ => Data::Object(Vec::new()).into(),
        }))
    }

    /// Masks what was made from secrets since the last time.
    pub(super) fn mask_made(&self, scope: &Scope) {
        for secret in scope.made.take() {
            self.observer.secret(&secret);
        }
    }

    /// Adds a record of the run to the journal.
    pub(super) fn record(
        &self,
        event: Event,
        payload: Option<&[u8]>,
        sync: bool,
    ) -> Result<(), StepError> {
        let vault = self.vault.borrow();
        let mut journal = self.journal.borrow_mut();
        journal
            .append(self.world, &vault, event, payload, sync)
            .map_err(|e| StepError::Broken(super::journal::storage(journal.path(), "written", &e)))
    }

    /// Adds a record of a step to the journal; with `sync` it is durable when this returns.
    pub(super) fn record_step(
        &self,
        id: &StepId,
        event: StepEvent,
        payload: Option<&[u8]>,
        sync: bool,
    ) -> Result<(), StepError> {
        let id = id.clone();
        self.record(Event::Step { id, event }, payload, sync)
    }

    /// The opened payload of the record that a question to the journal finds.
    pub(super) fn payload(
        &self,
        find: impl FnOnce(&Journal) -> Option<&Record>,
    ) -> Result<Option<zeroize::Zeroizing<Vec<u8>>>, StepError> {
        let journal = self.journal.borrow();
        match find(&journal) {
            Some(record) => Ok(Some(journal.payload(&self.vault.borrow(), record)?)),
            None => Ok(None),
        }
    }

    /// The first failure of a permissive step of a frame that was not told yet.
    pub(super) fn owed(&self, frame: &Frame<'_>) -> Option<StepError> {
        let mut done = self.done.borrow_mut();
        let at = done.owed.iter().position(|(path, _)| *path == frame.path)?;
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
    pub(super) attempts: Cell<u32>,
    pub(super) replayed: Cell<bool>,
    pub(super) skipped: Cell<bool>,
    /// What failed is a step within it.
    pub(super) within: Cell<bool>,
}

/// A failure that the journal cannot explain: a bug of ours.
pub(super) fn internal(message: &str) -> StepError {
    StepError::Broken(
        Error::plain(Failure::Internal, codes::INTERNAL, message.to_owned())
            .help("please report this with the output of `rot status`"),
    )
}
