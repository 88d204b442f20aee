//! A run from its lock to its report.

use super::engine::{BlockContext, Done, Engine, Flow, Frame, StepError};
use super::identity::CallPath;
use super::journal::event::{Begin, End, EndStatus, Reason};
use super::journal::{Event, Journal};
use super::masked::masked;
use super::needs::{self, AtHand, NeedKind};
use super::open::{BUDGET, OpenRun, OpenState};
use super::report::{Observer, RunReport, Status};
use super::scope::{RunFacts, Scope, Secrets, Values};
use super::start::Passed;
use super::turn::{self, Turn};
use super::value::Value;
use super::{claim, deliver, due, failure, lost, open, source, start};
use crate::diagnostic::{Diagnostic, Error, Failure, Result, codes};
use crate::json::{self, Node};
use crate::plan::{Egress, Plan, Rotation};
use crate::vault::Vault;
use crate::world::World;
use serde_json::{Map, Value as Json};
use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

/// What is asked for.
pub struct Job<'a> {
    /// The checked plan.
    pub plan: &'a Plan,
    /// Which rotation of it.
    pub rotation: &'a Rotation,
    /// The plan as a compiled document, so that a resume needs no source.
    pub document: &'a str,
    /// What was passed.
    pub inputs: Vec<(String, Passed)>,
    /// When it was due; now for a run by hand.
    pub scheduled_at: Option<jiff::Timestamp>,
    /// The file it comes from.
    pub source: Option<String>,
    /// PEM texts of the certificate files that the plan names.
    pub certificates: HashMap<String, Vec<u8>>,
    /// How long to wait for another run of the same rotation.
    pub lock_wait: Duration,
}

/// As often a run is replayed in one process because a kept answer was of no use.
const MAX_REPLAYS: usize = 8;

/// Starts a run, or continues the interrupted one of this rotation.
pub async fn run(
    world: &World,
    vault: &RefCell<Vault>,
    job: &Job<'_>,
    observer: &dyn Observer,
) -> Result<RunReport> {
    let turn = turn::take(world, &vault.borrow(), &job.rotation.name, job.lock_wait)?;
    catch_up(world, vault, job, &turn).await?;
    let (open, ended) = open::survey(world, &vault.borrow())?;
    lost::keep(&mut vault.borrow_mut(), &ended, world.clock.now())?;
    match open.into_iter().find(|r| r.rotation == job.rotation.name) {
        Some(open) => {
            source::is_same(world, job, &open)?;
            await_pause(world, &open, observer).await;
            continue_run(world, vault, job, &open, observer).await
        }
        None if overtaken(world, vault, job)? => Err(Error {
            failure: Failure::NothingDue,
            diagnostics: Vec::new(),
        }),
        None => {
            open::tidy(world, &vault.borrow(), &job.rotation.name, ended);
            new_run(world, vault, job, &turn, observer).await
        }
    }
}

/// Reads the vault again where it was changed since it was opened: who held the lock before has stored something, and a run
/// that does not see it would ask for a credential that it then cannot store. Where another machine is at work on the rotation,
/// it is waited for. (A commit without a change writes nothing.)
async fn catch_up(world: &World, vault: &RefCell<Vault>, job: &Job<'_>, turn: &Turn) -> Result<()> {
    if claim::is_needed(job.plan) {
        claim::await_turn(world, vault, job, turn).await
    } else {
        vault.borrow_mut().commit(|_| Ok(()))
    }
}

/// Whether a rotation that was due is not any more, because the process that held the lock has run it.
fn overtaken(world: &World, vault: &RefCell<Vault>, job: &Job<'_>) -> Result<bool> {
    if job.scheduled_at.is_none() {
        return Ok(false);
    }
    let now = world.clock.now();
    let past = due::past(&vault.borrow(), job.rotation, now);
    Ok(!due::next(&vault.borrow(), job.rotation, &past, now).is_some_and(|due| due.is_due(now)))
}

/// The pause before another attempt of a run that failed again and again, which grows. Who asks for the run by name
/// (`rot resume`) does not wait.
async fn await_pause(world: &World, open: &OpenRun, observer: &dyn Observer) {
    let OpenState::Failed { .. } = open.state else {
        return;
    };
    let Some(until) = due::next_attempt(open) else {
        return;
    };
    let left = until.duration_since(world.clock.now());
    let Ok(left) = Duration::try_from(left) else {
        return;
    };
    if left.is_zero() {
        return;
    }
    observer.log(&format!(
        "{} attempts failed: the next one is in {} s (`rot resume {}` makes it now)",
        open.failures,
        left.as_secs_f64().ceil(),
        open.run_id
    ));
    let sleep = std::pin::pin!(world.clock.sleep(left));
    futures_util::future::select(sleep, observer.stopped()).await;
}

/// Continues an interrupted run.
pub async fn resume(
    world: &World,
    vault: &RefCell<Vault>,
    job: &Job<'_>,
    open: &OpenRun,
    observer: &dyn Observer,
) -> Result<RunReport> {
    let turn = turn::take(world, &vault.borrow(), &job.rotation.name, job.lock_wait)?;
    catch_up(world, vault, job, &turn).await?;
    // While this process waited for the lock, another one may have gone on with the run.
    let journal = Journal::open(world, &vault.borrow(), &open.run_id)?;
    if journal.ended() {
        return Err(Error::plain(
            Failure::Usage,
            codes::RUN_INTERRUPTED,
            format!("run {} is over", open.run_id),
        )
        .help("`rot status` lists the runs that are not"));
    }
    let open = open::describe(&journal);
    continue_run(world, vault, job, &open, observer).await
}

async fn new_run(
    world: &World,
    vault: &RefCell<Vault>,
    job: &Job<'_>,
    turn: &Turn,
    observer: &dyn Observer,
) -> Result<RunReport> {
    let plan = job.plan;
    let inputs = start::inputs(plan, job.rotation, &job.inputs)?;
    let env = start::environment(world, plan);
    let run_id = super::ids::run_id(world).map_err(|_| {
        Error::plain(
            Failure::BeforeEffect,
            codes::INTERNAL,
            "the system has no randomness",
        )
    })?;
    let now = world.clock.now();
    let pinned = start::pin(plan, &vault.borrow());
    let secrets = start::secrets(plan, &vault.borrow(), &pinned);
    require(job, world, &inputs, &env, Some(&secrets))?;
    let scheduled_at = job.scheduled_at.unwrap_or(now);
    let facts = RunFacts {
        id: run_id.clone(),
        started_at: now,
        scheduled_at,
        rotation: job.rotation.name.clone(),
        reason: None,
    };
    rehearse(job, &facts, &inputs, &env, &secrets)?;
    let begin = Begin {
        rotation: job.rotation.name.clone(),
        scheduled_at,
        started_at: now,
        pinned,
        source: job.source.clone(),
    };
    hold_room(vault, plan)?;
    let payload = begin_payload(&inputs, &env, job.document);
    let journal = RefCell::new(Journal::create(
        world,
        &vault.borrow(),
        &run_id,
        begin,
        &payload,
    )?);
    turn.began(&run_id);
    let begun = Begun {
        journal: &journal,
        facts,
        inputs,
        env,
        secrets,
        resumed: false,
    };
    perform(world, vault, job, begun, observer).await
}

/// Proves, before anything is called, that what the run will need is there. Says all that is missing at once.
fn require(
    job: &Job<'_>,
    world: &World,
    inputs: &Values,
    env: &Values,
    secrets: Option<&Secrets>,
) -> Result<()> {
    let at_hand = AtHand {
        world,
        inputs: &|name| inputs.contains_key(name),
        variables: &|name| env.contains_key(name),
        secrets,
        certificates: &job.certificates,
    };
    let missing = needs::missing(job.plan, job.rotation, &at_hand);
    if missing.is_empty() {
        return Ok(());
    }
    // What is said with the call is a matter of its usage.
    let usage = missing.iter().all(|need| need.kind == NeedKind::Input);
    Err(Error {
        failure: if usage {
            Failure::Usage
        } else {
            Failure::BeforeEffect
        },
        diagnostics: missing.into_iter().map(|need| need.diagnostic).collect(),
    })
}

/// Proves, before anything is called, that what a plan will store can be stored.
fn hold_room(vault: &RefCell<Vault>, plan: &Plan) -> Result<()> {
    let mut stores = false;
    plan.walk(&mut |_, step| stores |= step.task.write().is_some());
    if stores {
        vault.borrow_mut().hold_room()
    } else {
        Ok(())
    }
}

/// Inputs and variables once before there is a journal: a run that lacks an input must leave nothing that a later call, which
/// passes it, would take for an interrupted run and continue without it.
fn rehearse(
    job: &Job<'_>,
    facts: &RunFacts,
    inputs: &Values,
    env: &Values,
    secrets: &Secrets,
) -> Result<()> {
    let mut scope = start::scope(
        job.plan,
        facts.clone(),
        Values::new(),
        env.clone(),
        secrets.clone(),
    );
    let mut inputs = inputs.clone();
    start::defaults(job.rotation, &mut inputs, &scope)
        .map_err(|d| Error::new(Failure::Usage, *d))?;
    scope.inputs = inputs;
    start::variables(job.rotation, &mut scope).map_err(|d| Error::new(Failure::BeforeEffect, *d))
}

async fn continue_run(
    world: &World,
    vault: &RefCell<Vault>,
    job: &Job<'_>,
    open: &OpenRun,
    observer: &dyn Observer,
) -> Result<RunReport> {
    if let OpenState::NeedsOperator { message, .. } = &open.state {
        return Err(Error::plain(
            Failure::Unknown,
            codes::RUN_BLOCKED,
            format!("rotation `{}` waits for a person: {message}", open.rotation),
        )
        .note(format!("run {}, begun {}", open.run_id, open.begun_at))
        .help(ways_out(&open.run_id)));
    }
    hold_room(vault, job.plan).map_err(|e| {
        if open.had_effect {
            e.with(Failure::AfterEffect)
        } else {
            e
        }
    })?;
    let journal = RefCell::new(Journal::resume(world, &vault.borrow(), &open.run_id)?);
    let (inputs, env, pinned) = {
        let journal = journal.borrow();
        let (begin, stored) = beginning(&journal, &vault.borrow())?;
        let pairs = |name: &str| stored.get(name).map(start::members_of).unwrap_or_default();
        let inputs = start::inputs(job.plan, job.rotation, &pairs("inputs"))?;
        let env: Values = pairs("env")
            .into_iter()
            .map(|(n, v)| (n, v.value(&crate::plan::Label::PUBLIC)))
            .collect();
        // What was not set when the run began may be set now; what was, stays as it was.
        let mut env = env;
        for (name, value) in start::environment(world, job.plan) {
            env.entry(name).or_insert(value);
        }
        (inputs, env, begin.pinned.clone())
    };
    // What was not there when the run began may be set now, and what was there may be gone.
    require(job, world, &inputs, &env, None).map_err(|e| match open.had_effect {
        true => e.with(Failure::AfterEffect),
        false => e,
    })?;
    let secrets = start::secrets(job.plan, &vault.borrow(), &pinned);
    let facts = RunFacts {
        id: open.run_id.clone(),
        started_at: open.begun_at,
        scheduled_at: open.scheduled_at,
        rotation: job.rotation.name.clone(),
        reason: None,
    };
    let begun = Begun {
        journal: &journal,
        facts,
        inputs,
        env,
        secrets,
        resumed: true,
    };
    perform(world, vault, job, begun, observer).await
}

/// The plan document that a run was started with, from its journal.
pub fn journaled_plan(world: &World, vault: &Vault, run_id: &str) -> Result<String> {
    let journal = Journal::open(world, vault, run_id)?;
    let (_, stored) = beginning(&journal, vault)?;
    Ok(stored
        .get("plan")
        .and_then(Node::as_str)
        .unwrap_or("")
        .to_owned())
}

/// The first record of a journal, and what is sealed in it.
fn beginning<'j>(journal: &'j Journal, vault: &Vault) -> Result<(&'j Begin, Node)> {
    let corrupt =
        |what: &str| Error::plain(Failure::Tampered, codes::JOURNAL_CORRUPT, what.to_owned());
    let (begin, record) = journal
        .begin()
        .ok_or_else(|| corrupt("the journal is empty"))?;
    let payload = journal.payload(vault, record)?;
    // Numbers keep their digits.
    let stored = json::parse_bytes(&payload)
        .map_err(|_| corrupt("the first record of the journal cannot be read"))?;
    Ok((begin, stored))
}

/// The ways out of a state that needs a person.
pub fn ways_out(run_id: &str) -> String {
    format!(
        "call again, when you know that it is safe: `rot resume {run_id} --retry`; or get a new credential by hand, store it with `rot vault set NAME`, then `rot resume {run_id} --accept`; or give the run up: `rot resume {run_id} --abandon`"
    )
}

fn begin_payload(inputs: &Values, env: &Values, document: &str) -> zeroize::Zeroizing<Vec<u8>> {
    let object = |values: &Values| -> String {
        // In their order: a run that is resumed sees the same.
        let members: Vec<String> = values
            .iter()
            .map(|(name, value)| {
                format!(
                    "{}:{}",
                    Json::String(name.clone()),
                    value.json_text().as_str()
                )
            })
            .collect();
        format!("{{{}}}", members.join(","))
    };
    zeroize::Zeroizing::new(
        format!(
            "{{\"inputs\":{},\"env\":{},\"plan\":{}}}",
            object(inputs),
            object(env),
            Json::String(document.to_owned())
        )
        .into_bytes(),
    )
}

/// A run that is in its journal, as its steps find it.
struct Begun<'j> {
    journal: &'j RefCell<Journal>,
    facts: RunFacts,
    inputs: Values,
    env: Values,
    secrets: Secrets,
    resumed: bool,
}

async fn perform(
    world: &World,
    vault: &RefCell<Vault>,
    job: &Job<'_>,
    begun: Begun<'_>,
    observer: &dyn Observer,
) -> Result<RunReport> {
    let journal = begun.journal;
    for secret in begun.secrets.each() {
        observer.secret(secret);
    }
    let claim = claim::for_run(world, vault, job, journal)?;
    let engine = Engine {
        world,
        plan: job.plan,
        vault,
        journal,
        observer,
        egress: Egress::of(job.plan),
        issuers: RefCell::default(),
        done: RefCell::new(Done::default()),
        claim,
        source: job.source.as_deref(),
        lock_wait: job.lock_wait,
        certificates: job.certificates.clone(),
    };
    let mut replays = 0;
    loop {
        let scope = first_scope(job, &begun, observer)?;
        let frame = Frame {
            rotation: job.rotation,
            scope: RefCell::new(scope),
            path: CallPath::top(),
        };
        let result = match body(&engine, &frame).await {
            Ok(flow) => engine.outputs(&frame, flow),
            Err(stopped) => Err(engine.or_overtaken(job.rotation, stopped)),
        };
        // Each useless answer that was kept is given up once.
        if matches!(result, Err(StepError::Replay(_))) && replays < MAX_REPLAYS {
            replays += 1;
            let notes = std::mem::take(&mut engine.done.borrow_mut().notes);
            engine.done.replace(Done {
                notes,
                ..Done::default()
            });
            continue;
        }
        let overtaken = matches!(result, Err(StepError::Overtaken(_)));
        let mut report = finish(&engine, &frame, &begun.facts, begun.resumed, result).await?;
        if overtaken {
            let swept = super::revocation::sweep_due(world, vault, Some(job), observer).await?;
            if swept.revoked > 0 {
                report
                    .notes
                    .push("what this run had obtained was revoked".to_owned());
            }
            if let (Some(error), false) = (&mut report.failure, swept.trouble.is_empty()) {
                error.failure = Failure::Unrevoked;
            }
            report.notes.extend(swept.trouble);
        }
        return Ok(report);
    }
}

/// The scope at the beginning of a run.
fn first_scope(job: &Job<'_>, begun: &Begun<'_>, observer: &dyn Observer) -> Result<Scope> {
    let mut scope = start::scope(
        job.plan,
        begun.facts.clone(),
        Values::new(),
        begun.env.clone(),
        begun.secrets.clone(),
    );
    let mut inputs = begun.inputs.clone();
    start::defaults(job.rotation, &mut inputs, &scope)
        .map_err(|d| Error::new(Failure::Usage, *d))?;
    for input in inputs.values() {
        if let (true, Some(bytes)) = (input.full_label().is_secret(), input.bytes()) {
            observer.secret(&crate::vault::Secret::new(bytes));
        }
    }
    scope.inputs = inputs;
    start::variables(job.rotation, &mut scope)
        .map_err(|d| Error::new(Failure::BeforeEffect, *d))?;
    Ok(scope)
}

/// The steps of the run's own rotation, within its time.
async fn body<'a>(engine: &Engine<'a>, frame: &Frame<'a>) -> std::result::Result<Flow, StepError> {
    let steps = engine.steps(frame, BlockContext::TOP, &frame.rotation.steps);
    let Some(timeout) = frame.rotation.timeout else {
        return steps.await;
    };
    let limit = engine.world.clock.sleep(timeout.to_std());
    match futures_util::future::select(steps, limit).await {
        futures_util::future::Either::Left((result, _)) => result,
        futures_util::future::Either::Right(_) => Err(StepError::Unresolved(Box::new(
            Diagnostic::new(
                codes::RUN_TIMEOUT,
                frame.rotation.at.0,
                format!("the rotation took longer than its `timeout` of {timeout}"),
            )
            .at("this rotation")
            .help("`rot resume` continues where it stopped"),
        ))),
    }
}

async fn finish<'a>(
    engine: &Engine<'a>,
    frame: &Frame<'a>,
    facts: &RunFacts,
    resumed: bool,
    result: std::result::Result<Value, StepError>,
) -> Result<RunReport> {
    let mut output = Json::Object(Map::new());
    // Before the run is over: lost, it would be due again at once.
    let result = result.and_then(|value| {
        let noted = engine.note_attempt(frame.rotation, Attempted::Well);
        noted.map(|()| value).map_err(StepError::Broken)
    });
    let (status, failure) = match result {
        Ok(value) => {
            output = masked(frame.rotation, &value);
            // Lost, it only means that the run is replayed to its end once more.
            let end = End {
                status: EndStatus::Completed,
                code: None,
                notes: engine.done.borrow().notes.clone(),
            };
            let _ = engine.record(Event::Ended(end), None, false);
            (Status::Completed, left_undone(engine, frame.rotation))
        }
        Err(stopped) => {
            let attempted = match &stopped {
                // Not an attempt that failed: the run is where it was.
                StepError::Interrupted(_) => Attempted::Broken,
                _ => Attempted::Badly,
            };
            if matches!(stopped, StepError::Overtaken(_)) {
                engine.settle_overtaken(frame).await;
            }
            failure::react(engine, frame, &stopped).await;
            let (status, error) = ended_badly(engine, facts, stopped);
            // Lost, it is tried again earlier, and another machine waits longer.
            let _ = engine.note_attempt(frame.rotation, attempted);
            (status, Some(error))
        }
    };
    let done = engine.done.take();
    Ok(RunReport {
        run_id: facts.id.clone(),
        rotation: facts.rotation.clone(),
        status,
        resumed,
        steps: done.steps,
        secrets: done.secrets,
        output,
        failure,
        notes: done.notes,
    })
}

/// What a run that is done says of old credentials that it could not revoke, and of targets that lack the new one.
fn left_undone(engine: &Engine<'_>, rotation: &Rotation) -> Option<Error> {
    let mut failed = std::mem::take(&mut engine.done.borrow_mut().unrevoked);
    for diagnostic in &mut failed {
        diagnostic.code = codes::RUN_NOT_REVOKED;
        diagnostic.message = format!(
            "the new credential is in use, and the old one was not revoked: {}",
            diagnostic.message
        );
        diagnostic.help = Some("each `rot run` and `rot resume` tries it again; `rot status` shows what is not revoked yet".into());
    }
    failed.extend(deliver::behind(
        engine.vault.borrow().doc(),
        &due::stored_by(rotation),
    ));
    deliver::undelivered(failed)
}

impl Engine<'_> {
    /// Writes down when a rotation that has a schedule was tried, and lets go of its claim.
    fn note_attempt(&self, rotation: &Rotation, attempted: Attempted) -> Result<()> {
        let scheduled = rotation.schedule.is_some() && attempted != Attempted::Broken;
        if !scheduled && self.claim.is_none() {
            return Ok(());
        }
        let now = self.world.clock.now();
        let (run, over) = {
            let journal = self.journal.borrow();
            let over = attempted == Attempted::Well || journal.ended();
            (journal.run_id().to_owned(), over)
        };
        let file = {
            let journal = self.journal.borrow();
            let source = journal
                .begin()
                .and_then(|(begin, _)| begin.source.as_deref());
            source.map(|source| source::known_as(&self.vault.borrow(), source))
        };
        let noted = self.vault.borrow_mut().commit(|doc| {
            if scheduled {
                let attempt = due::Attempt {
                    run: &run,
                    host: self.world.env.host(),
                    file: file.clone(),
                    at: now,
                    succeeded: attempted == Attempted::Well,
                };
                due::note(doc, &rotation.name, attempt);
            }
            if let Some(held) = &self.claim {
                claim::leave(doc, held, &run, now, over);
            }
            Ok(())
        });
        // A claim that stays ends by itself.
        if scheduled { noted } else { Ok(()) }
    }
}

/// How an attempt of a run ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Attempted {
    /// All is done.
    Well,
    /// It failed.
    Badly,
    /// The process was asked to end.
    Broken,
}

/// What a run that stopped is: over, to be resumed, or a person's. Writes it down.
fn ended_badly(engine: &Engine<'_>, facts: &RunFacts, stopped: StepError) -> (Status, Error) {
    let effect = engine.journal.borrow().had_effect();
    let reason = |d: &Diagnostic| Reason {
        code: d.code.id().to_owned(),
        message: d.message.clone(),
    };
    // Somebody changed the secret by hand while the run was under way. That does not go away by itself, so the attempts count.
    let stopped = match stopped {
        StepError::Broken(mut error)
            if effect
                && error
                    .diagnostics
                    .iter()
                    .any(|d| d.code == codes::VAULT_CONFLICT) =>
        {
            match error.diagnostics.pop() {
                Some(diagnostic) => StepError::Failed(Box::new(diagnostic)),
                None => StepError::Broken(error),
            }
        }
        other => other,
    };
    match stopped {
        StepError::Broken(mut error) => {
            // A vault that cannot be read is a matter of usage before the run, and of its resumption after an effect.
            if effect && matches!(error.failure, Failure::BeforeEffect | Failure::Usage) {
                error.failure = Failure::AfterEffect;
                error = error
                    .note("what was obtained is safe in the journal")
                    .help(format!("mend it, then `rot resume {}` continues", facts.id));
            }
            (Status::Failed, error)
        }
        StepError::Overtaken(diagnostic) => {
            let end = End {
                status: EndStatus::Abandoned,
                code: Some(diagnostic.code.id().to_owned()),
                notes: engine.done.borrow().notes.clone(),
            };
            let _ = engine.record(Event::Ended(end), None, true);
            (Status::Failed, Error::new(Failure::Locked, *diagnostic))
        }
        StepError::Interrupted(diagnostic) => {
            let error = if effect {
                safe(*diagnostic, &facts.id)
            } else {
                Error::new(Failure::BeforeEffect, *diagnostic)
                    .note("nothing was changed")
                    .help("run it again when there is time")
            };
            // What had not begun is over; a wait that was begun goes on with the next run.
            if engine.journal.borrow().steps().next().is_none() {
                let end = End {
                    status: EndStatus::Failed,
                    code: Some(codes::RUN_INTERRUPTED.id().to_owned()),
                    notes: Vec::new(),
                };
                let _ = engine.record(Event::Ended(end), None, false);
            }
            (Status::Interrupted, error)
        }
        StepError::Halted(diagnostic) => {
            let _ = engine.record(Event::Halted(reason(&diagnostic)), None, true);
            (
                Status::NeedsOperator,
                Error::new(Failure::Unknown, *diagnostic).help(ways_out(&facts.id)),
            )
        }
        StepError::Failed(diagnostic) if !effect => {
            let end = End {
                status: EndStatus::Failed,
                code: Some(diagnostic.code.id().to_owned()),
                notes: Vec::new(),
            };
            let _ = engine.record(Event::Ended(end), None, false);
            (
                Status::Failed,
                Error::new(Failure::BeforeEffect, *diagnostic),
            )
        }
        StepError::Heals(diagnostic) | StepError::Replay(diagnostic) => {
            let _ = engine.record(Event::Failed(reason(&diagnostic)), None, true);
            (Status::Failed, safe(*diagnostic, &facts.id))
        }
        StepError::Failed(diagnostic) | StepError::Unresolved(diagnostic) => {
            let _ = engine.record(Event::Failed(reason(&diagnostic)), None, true);
            let failures = open::describe(&engine.journal.borrow()).failures;
            if failures >= BUDGET {
                let _ = engine.record(Event::Halted(reason(&diagnostic)), None, true);
                let error = Error::new(Failure::Unknown, *diagnostic)
                    .note(format!(
                        "{failures} attempts failed; nothing more happens automatically"
                    ))
                    .help(ways_out(&facts.id));
                return (Status::NeedsOperator, error);
            }
            (Status::Failed, safe(*diagnostic, &facts.id))
        }
    }
}

/// A failure after an effect.
fn safe(diagnostic: Diagnostic, run: &str) -> Error {
    Error::new(Failure::AfterEffect, diagnostic).note(format!(
        "the run changed something before it failed; what was obtained is safe, and `rot resume {run}` continues"
    ))
}
