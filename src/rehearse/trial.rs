//! Trials: one thing goes wrong at one call, and then cron comes again until all is at rest.

use super::issuer::{Ended, Issuer};
use super::process::{End, Held, Ran, next_sweep, process, sweep};
use super::script::{Role, names};
use super::stage::{Machine, Stage};
use crate::run::journal::{self, Event, StepEvent};
use crate::sim::{Cut, Disk, HttpFault, Nonsense, Sim, Snapshot};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

/// Runs after which a rotation must have come to rest.
const RUNS: usize = 10;
/// Cron comes again after ten minutes.
const PERIOD: i64 = 600_000;

/// What is done to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mishap {
    /// The process dies, or the power goes, just before it.
    Before,
    /// The process dies, or the power goes, when the server has executed it and the answer is not written down.
    Unheard,
    /// The process dies, or the power goes, when the answer is written down: at any write before the next call.
    Later,
    /// Something goes wrong with the exchange.
    Http(HttpFault),
    /// The disk is full from here on, until the next run.
    DiskFull,
    /// Another machine does the whole rotation while the call is on its way.
    SecondMachine,
}

impl Mishap {
    /// What goes wrong with an exchange, in the order in which it is told.
    pub fn exchanges() -> impl Iterator<Item = HttpFault> {
        [
            HttpFault::NotSent,
            HttpFault::Outage,
            HttpFault::LostRequest,
            HttpFault::LostAnswer,
            HttpFault::HalfAnswer,
            HttpFault::LostAnswerOutage,
            HttpFault::Refused(400),
            HttpFault::Refused(401),
            HttpFault::Refused(403),
            HttpFault::Refused(404),
            HttpFault::Refused(409),
            HttpFault::Refused(422),
            HttpFault::TooMany,
            HttpFault::ErrorBefore,
            HttpFault::ErrorAfter,
            HttpFault::Status(201),
            HttpFault::Status(202),
            HttpFault::Status(204),
            HttpFault::Status(303),
        ]
        .into_iter()
        .chain(HttpFault::ANSWERS)
    }

    /// What happened, in the words of the table: a group, and what of it.
    pub fn describe(self) -> (&'static str, String) {
        let nonsense = |n: Nonsense| match n {
            Nonsense::Page => "a page of HTML",
            Nonsense::Empty => "nothing",
            Nonsense::Error => "{\"error\": …}",
            Nonsense::Nulls => "nulls",
        };
        match self {
            Mishap::Before => ("killed", "before it".into()),
            Mishap::Unheard => ("killed", "after it".into()),
            Mishap::Later => ("killed", "when its answer is kept".into()),
            Mishap::Http(fault) => match fault {
                HttpFault::NotSent => ("unanswered:", "no connection".into()),
                HttpFault::Outage => ("unanswered:", "no network from here on".into()),
                HttpFault::LostRequest => ("unanswered:", "request lost".into()),
                HttpFault::LostAnswer => ("unanswered:", "answer lost".into()),
                HttpFault::HalfAnswer => ("unanswered:", "half an answer".into()),
                HttpFault::LostAnswerOutage => {
                    ("unanswered:", "answer lost, then no network".into())
                }
                HttpFault::LostRequestOutage => {
                    ("unanswered:", "request lost, then no network".into())
                }
                HttpFault::Refused(status) => ("refused:", status.to_string()),
                HttpFault::TooMany => ("refused:", "429".into()),
                HttpFault::ErrorBefore => ("refused:", "500".into()),
                HttpFault::ErrorAfter => ("done, but answered", "500".into()),
                HttpFault::Status(status) => ("done, but answered", status.to_string()),
                HttpFault::Executed(n) => ("done, but answered with", nonsense(n).into()),
                HttpFault::Instead(n) => ("not done, answered with", nonsense(n).into()),
            },
            Mishap::DiskFull => ("", "disk full from here on".into()),
            Mishap::SecondMachine => ("", "a second machine runs it meanwhile".into()),
        }
    }

    /// A word for programs.
    pub fn kind(self) -> &'static str {
        match self {
            Mishap::Before | Mishap::Unheard | Mishap::Later => "killed",
            Mishap::Http(fault) => match fault {
                HttpFault::NotSent
                | HttpFault::Outage
                | HttpFault::LostRequest
                | HttpFault::LostAnswer
                | HttpFault::HalfAnswer
                | HttpFault::LostAnswerOutage
                | HttpFault::LostRequestOutage => "unanswered",
                HttpFault::Refused(_) | HttpFault::TooMany | HttpFault::ErrorBefore => "refused",
                HttpFault::ErrorAfter | HttpFault::Status(_) => "other-status",
                HttpFault::Executed(_) | HttpFault::Instead(_) => "nonsense",
            },
            Mishap::DiskFull => "disk-full",
            Mishap::SecondMachine => "second-machine",
        }
    }
}

/// What the next run does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Next {
    /// The same run goes on by itself.
    SameRun,
    /// It goes on, and makes the call again.
    CallsAgain,
    /// It goes on behind the call.
    GoesOn,
    /// It begins anew.
    StartsAnew,
    /// It waits for a person.
    Waits,
    /// It fails, and so does each run after it.
    Fails,
}

/// How what is in the vault fares in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Old {
    /// It works all the time.
    Works,
    /// It is dead until a later run has put the new one in its place.
    DownUntilNext,
    /// It is dead, and nothing that works takes its place.
    Dead,
}

/// What came of a trial.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Outcome {
    /// Credentials that live at the issuer and are in no vault and no journal.
    pub strays: usize,
    /// Whether all of those end by themselves.
    pub strays_expire: bool,
    /// Whether the report says that something may have been left.
    pub told: bool,
    /// Credentials that were found as left behind, and revoked.
    pub reaped: usize,
    /// What the next run does.
    pub next: Next,
    /// How many runs it takes besides the one in which it happened.
    pub runs: usize,
    /// How what is in the vault fares.
    pub old: Old,
    /// A person is asked for, in these words.
    pub person: Option<String>,
}

/// A world in which something has happened, and the process is gone or over.
pub struct Aftermath {
    world: Snapshot<Issuer>,
    /// The process that met it, when it came to its own end.
    ran: Option<Ran>,
    /// Exchanges before it.
    before: usize,
    others: Vec<Machine>,
}

/// The instants of a run at which it can be killed.
pub struct Tape {
    worlds: Vec<Snapshot<Issuer>>,
    /// Calls, in order: the index of the request, and the executions that were under way.
    pub calls: Vec<(usize, Vec<String>)>,
    /// How the run ended.
    pub ran: Ran,
    /// The world after it.
    pub last: Snapshot<Issuer>,
}

/// Runs the rotation when nothing goes wrong.
pub fn tape(stage: &Stage) -> Tape {
    let sim = Sim::new(&stage.start, 1);
    sim.state().tape = Some(Vec::new());
    let ran = process(&sim, stage, Machine::First);
    let last = sim.snapshot();
    let worlds = sim.state().tape.take().unwrap_or_default();
    let calls = last
        .outside
        .log
        .iter()
        .map(|heard| (heard.part.unwrap_or(usize::MAX), heard.running.clone()))
        .collect();
    Tape {
        worlds,
        calls,
        ran,
        last,
    }
}

impl Tape {
    /// The worlds of a death at this call, each once. When the run is over, nothing is interrupted any more.
    fn deaths(&self, stage: &Stage, call: usize, mishap: Mishap) -> Vec<Snapshot<Issuer>> {
        let part = self.calls.get(call).map_or(usize::MAX, |(part, _)| *part);
        let step = stage.start.outside.script.parts.get(part);
        let step = step.map_or("", |part| part.step.as_str());
        let at = |count: usize| {
            let worlds = self.worlds.iter();
            worlds.filter(move |w| w.outside.log.len() == count)
        };
        let chosen: Vec<&Snapshot<Issuer>> = match mishap {
            Mishap::Before => at(call).next_back().into_iter().collect(),
            _ => at(call + 1).collect(),
        };
        let mut seen = BTreeSet::new();
        let mut deaths = Vec::new();
        for world in chosen {
            for cut in [Cut::Kill, Cut::Nothing] {
                let disk = world.disk.after(cut);
                let written = written(&disk, step);
                let meant = match mishap {
                    Mishap::Before => true,
                    Mishap::Unheard => written == Written::Nothing,
                    _ => written == Written::Answer,
                };
                if meant && seen.insert(disk.fingerprint()) {
                    deaths.push(Snapshot {
                        disk,
                        outside: world.outside.clone(),
                        now: world.now,
                    });
                }
            }
        }
        deaths
    }
}

/// What the journals on a disk know of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Written {
    /// No answer.
    Nothing,
    /// Its answer, or that it has proven what it should.
    Answer,
    /// That the run is over.
    End,
}

fn written(disk: &Disk, step: &str) -> Written {
    let mut found = Written::Nothing;
    let journals = disk.files().into_iter().filter(|(path, _)| {
        path.extension().is_some_and(|e| e == "jnl") && path.starts_with("/state")
    });
    for (_, bytes) in journals {
        let mut at = 0;
        while let Some((header, length)) = bytes.get(at..).and_then(journal::peek) {
            match &header.event {
                // A record that is torn does not count.
                _ if at + length > bytes.len() => {}
                Event::Ended(_) => return Written::End,
                Event::Step { id, event } => match event {
                    StepEvent::Answer { .. } if names(&id.to_string(), step) => {
                        found = Written::Answer;
                    }
                    StepEvent::Verified { .. } => found = Written::Answer,
                    _ => {}
                },
                _ => {}
            }
            at += length;
        }
    }
    found
}

/// What a mishap at a call leads to, each different outcome once.
pub fn outcomes(
    stage: &Arc<Stage>,
    tape: &Tape,
    call: usize,
    mishap: Mishap,
) -> (Vec<Outcome>, usize) {
    let worlds: Vec<Aftermath> = match mishap {
        Mishap::Before | Mishap::Unheard | Mishap::Later => tape
            .deaths(stage, call, mishap)
            .into_iter()
            .map(|mut world| {
                world.outside.running.clear();
                Aftermath {
                    before: world.outside.log.len(),
                    world,
                    ran: None,
                    others: Vec::new(),
                }
            })
            .collect(),
        Mishap::Http(_) | Mishap::DiskFull | Mishap::SecondMachine => {
            vec![meet(stage, call, mishap)]
        }
    };
    let tried = worlds.len();
    let mut found: Vec<Outcome> = Vec::new();
    for aftermath in worlds {
        let outcome = rest(stage, tape, call, aftermath);
        if !found.contains(&outcome) {
            found.push(outcome);
        }
    }
    (found, tried)
}

/// A process that meets a mishap and comes to its own end.
fn meet(stage: &Arc<Stage>, call: usize, mishap: Mishap) -> Aftermath {
    let sim = Sim::new(&stage.start, 1);
    let other: Arc<Mutex<Option<Ran>>> = Arc::default();
    {
        let mut state = sim.state();
        match mishap {
            Mishap::Http(fault) => state.http_fault = Some((call, fault)),
            Mishap::DiskFull => state.full_from = Some(call),
            Mishap::SecondMachine => {
                let (stage, other) = (stage.clone(), other.clone());
                let run = move |sim: &Sim<Issuer>| {
                    let running = std::mem::take(&mut sim.state().outside.running);
                    let ran = process(sim, &stage, Machine::Second);
                    sim.state().outside.running = running;
                    *other
                        .lock()
                        .unwrap_or_else(std::sync::PoisonError::into_inner) = Some(ran);
                };
                state.interruption = Some((call, Box::new(run)));
            }
            Mishap::Before | Mishap::Unheard | Mishap::Later => {}
        }
    }
    let mut ran = process(&sim, stage, Machine::First);
    let other = other
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
        .take();
    let mut others = Vec::new();
    if let Some(other) = other {
        ran.notes.extend(other.notes);
        if !other.end.is_over() {
            others.push(Machine::Second);
        }
    }
    let world = sim.snapshot();
    Aftermath {
        before: world.outside.log.len(),
        world,
        ran: Some(ran),
        others,
    }
}

/// Lets cron come again until all is at rest, and looks.
fn rest(stage: &Stage, tape: &Tape, call: usize, after: Aftermath) -> Outcome {
    let Aftermath {
        mut world,
        ran,
        before,
        mut others,
    } = after;
    let mut notes = ran.as_ref().map_or_else(Vec::new, |r| r.notes.clone());
    let mut person = None;
    let mut done = false;
    match ran.as_ref().map(|r| &r.end) {
        Some(End::Done) => done = true,
        Some(End::Person(message)) => person = Some(message.clone()),
        Some(End::Failed { .. }) | None => {}
    }
    let same_run = done && others.is_empty();
    let mut down = !same_run && refused(&world, stage, ran.as_ref());
    let mut runs = 0;
    let mut resumed = None;
    let mut last = String::new();
    let mut machine = Machine::First;
    while person.is_none() && runs < RUNS && !(done && others.is_empty()) {
        if done {
            machine = others.pop().unwrap_or(machine);
            done = false;
        }
        runs += 1;
        world.now += PERIOD;
        let sim = Sim::new(&world, 1000 + runs as u64);
        let ran = process(&sim, stage, machine);
        world = sim.snapshot();
        down |= !ran.end.is_over() && refused(&world, stage, Some(&ran));
        resumed.get_or_insert(ran.resumed);
        notes.extend(ran.notes);
        match ran.end {
            End::Done => done = true,
            End::Person(message) => person = Some(message),
            end @ End::Failed { .. } => {
                done = end.is_over();
                if let End::Failed { message, .. } = end {
                    last = message;
                }
            }
        }
    }
    let stuck = person.is_none() && !done;
    let held = Held::with_journals(&world, stage);
    let now = world.now;
    let unknown: Vec<i64> = world
        .outside
        .credentials
        .iter()
        .filter(|c| c.works(now) && c.born.is_some())
        .filter(|c| held.as_ref().is_none_or(|held| !held.knows(c)))
        .map(|c| c.until)
        .collect();
    let part = tape.calls.get(call).map(|(part, _)| *part);
    let again = world
        .outside
        .log
        .iter()
        .skip(before)
        .any(|heard| heard.part == part && heard.status != 401);
    let next = match (&person, stuck) {
        (Some(_), _) => Next::Waits,
        (None, true) => Next::Fails,
        _ if same_run => Next::SameRun,
        _ if resumed == Some(false) => Next::StartsAnew,
        _ if again => Next::CallsAgain,
        _ => Next::GoesOn,
    };
    let reaped = world
        .outside
        .credentials
        .iter()
        .filter(|c| c.ended == Some(Ended::Reaped))
        .count();
    // What was scheduled is done; it must not end what is in use.
    if done {
        swept(stage, &mut world);
    }
    let dead = {
        let mut unaged = world.clone();
        unaged.now = now;
        refused(&unaged, stage, None)
    };
    let person = match (person, stuck) {
        (Some(message), _) => Some(message),
        (None, true) => Some(last),
        (None, false) => None,
    };
    Outcome {
        strays: unknown.len(),
        strays_expire: unknown.iter().all(|until| *until != i64::MAX),
        told: notes.iter().any(|n| n.contains("may have left")),
        reaped,
        next,
        runs,
        old: if dead {
            Old::Dead
        } else if down {
            Old::DownUntilNext
        } else {
            Old::Works
        },
        person,
    }
}

/// Whether the issuer refuses what the vault holds, or the vault does not open. The process that was at work last has seen it.
fn refused(world: &Snapshot<Issuer>, stage: &Stage, ran: Option<&Ran>) -> bool {
    let seen = ran.and_then(|ran| ran.held.as_ref());
    let look = |held: &Held| held.refuses(&world.outside, world.now);
    match seen {
        Some(held) => look(held),
        None => Held::of(world, stage).as_ref().is_none_or(look),
    }
}

/// The calls of a run that are tried: each request of each step once, in the order of the first time.
pub fn tried(stage: &Stage, tape: &Tape) -> Vec<usize> {
    let script = &stage.start.outside.script;
    let mut seen: Vec<usize> = Vec::new();
    let mut calls = Vec::new();
    for (index, (part, _)) in tape.calls.iter().enumerate() {
        let known = script
            .parts
            .get(*part)
            .is_some_and(|p| p.role == Role::Main);
        if known && !seen.contains(part) {
            seen.push(*part);
            calls.push(index);
        }
    }
    calls
}

/// Lets the time come for what was scheduled. Gives the time of the last of it.
pub fn swept(stage: &Stage, world: &mut Snapshot<Issuer>) -> Option<i64> {
    let mut last = None;
    for _ in 0..4 {
        let Some(due) = next_sweep(world) else { break };
        world.now = world.now.max(due) + 1000;
        let sim = Sim::new(world, 77);
        if !sweep(&sim, stage) {
            break;
        }
        last = Some(due);
        *world = sim.snapshot();
    }
    last
}
