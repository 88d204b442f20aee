//! Crash everywhere, cut the power in every way, recover, look.

use super::invariants::{Seen, check};
use super::process::{End, RESCUED, Task, open, process};
use super::scenario::{SCENARIOS, Stage};
use super::{Sim, Snapshot};
use rot::diagnostic::Failure;
use rot::sim::Cut;
use rot::sim::{FsFault, HttpFault, Random};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Processes after which a rotation must have come to rest (I8).
pub(super) const RUNS: usize = 12;
/// Cron comes again after ten minutes.
const PERIOD: i64 = 600_000;
/// Until what is revoked "after 24h" is due.
const DAY: i64 = 25 * 3_600_000;

/// What goes wrong besides the crash.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fault {
    None,
    Http(usize, HttpFault),
    Fs(usize, FsFault),
}

/// How much is explored.
#[derive(Clone)]
pub(super) struct Depth {
    /// Kinds of HTTP fault, each at every call.
    pub(super) http: &'static [HttpFault],
    /// Random power cuts for each crash.
    pub(super) seeds: &'static [u64],
    /// One in so many recoveries is interrupted again, at every call.
    pub(super) again: u64,
    /// Power cuts of the second crash.
    pub(super) second: &'static [Cut],
    /// One in so many instants is a crash.
    pub(super) every: usize,
    /// Only that the process dies, and that the power goes with all that is not synced.
    pub(super) plain: bool,
}

/// What was found.
#[derive(Default)]
pub(super) struct Tally {
    /// Crash-and-recover runs: a world after a crash, run until it rests, looked at.
    pub(super) runs: usize,
    /// Of them, those whose recovery was interrupted again.
    pub(super) again: usize,
    /// Processes of `rot`.
    pub(super) processes: usize,
    /// Worlds after a crash that had been seen before.
    pub(super) known: usize,
    /// Runs that ended with a person.
    pub(super) halted: usize,
    /// The most processes that a recovery took.
    pub(super) longest: usize,
    pub(super) violations: Vec<String>,
    pub(super) by_scenario: BTreeMap<&'static str, usize>,
}

impl Tally {
    fn add(&mut self, other: Tally) {
        self.runs += other.runs;
        self.again += other.again;
        self.processes += other.processes;
        self.known += other.known;
        self.halted += other.halted;
        self.longest = self.longest.max(other.longest);
        self.violations.extend(other.violations);
        for (name, count) in other.by_scenario {
            *self.by_scenario.entry(name).or_default() += count;
        }
    }

    pub(super) fn print(&self, what: &str) {
        println!(
            "{what}: {} crash-and-recover runs, {} violations",
            self.runs,
            self.violations.len()
        );
        println!(
            "  {} of them with the recovery interrupted again, {} processes, at most {} to recover, {} ended with a person, {} worlds met again",
            self.again, self.processes, self.longest, self.halted, self.known
        );
        for (name, count) in &self.by_scenario {
            println!("  {name:14} {count:7}");
        }
        for violation in self.violations.iter().take(40) {
            println!("VIOLATION {violation}");
        }
    }
}

/// One scenario with one fault: the unit of work.
struct Item<'s> {
    stage: &'s Stage,
    task: Task,
    fault: Fault,
    start: Snapshot,
    depth: &'s Depth,
    /// Only this schedule.
    only: Option<&'s str>,
    seen: BTreeSet<(u64, usize, usize)>,
    tally: Tally,
}

/// Explores all scenarios whose name contains `filter`; `only` replays one schedule.
pub(super) fn explore(depth: &Depth, filter: &str, only: Option<&str>) -> Tally {
    let stages: Vec<Stage> = SCENARIOS
        .iter()
        .filter(|s| s.name.contains(filter))
        .map(Stage::new)
        .collect();
    let mut items: Vec<(&Stage, Task, Fault, Snapshot)> = Vec::new();
    for stage in &stages {
        items.push((stage, Task::Run, Fault::None, stage.start.clone()));
        for at in 0..http_calls(stage) {
            items.extend(depth.http.iter().map(|fault| {
                (
                    stage,
                    Task::Run,
                    Fault::Http(at, *fault),
                    stage.start.clone(),
                )
            }));
        }
        if let Some(due) = due(stage) {
            items.push((stage, Task::Sweep, Fault::None, due.clone()));
            items.extend(
                depth
                    .http
                    .iter()
                    .map(|fault| (stage, Task::Sweep, Fault::Http(0, *fault), due.clone())),
            );
        }
    }
    spread(&items, |(stage, task, fault, start)| {
        let mut item = Item {
            stage,
            task: *task,
            fault: *fault,
            start: start.clone(),
            depth,
            only,
            seen: BTreeSet::new(),
            tally: Tally::default(),
        };
        item.explore();
        item.tally
            .by_scenario
            .insert(stage.scenario.name, item.tally.runs);
        item.tally
    })
}

/// Explores answers that the file does not expect. What is useless may be asked for again, so that a second call is no fault.
pub(super) fn odd(depth: &Depth, filter: &str, only: Option<&str>) -> Tally {
    let stages: Vec<Stage> = SCENARIOS
        .iter()
        .filter(|s| s.name.contains(filter))
        .map(Stage::new)
        .collect();
    let mut items: Vec<(&Stage, Fault, usize)> = Vec::new();
    for stage in &stages {
        for at in 0..http_calls(stage) {
            for (number, fault) in depth.http.iter().enumerate() {
                items.push((stage, Fault::Http(at, *fault), number + at));
            }
        }
    }
    spread(&items, |(stage, fault, offset)| {
        let mut start = stage.start.clone();
        start.outside.may_ask_again = true;
        let mut item = Item {
            stage,
            task: Task::Run,
            fault: *fault,
            start,
            depth,
            only,
            seen: BTreeSet::new(),
            tally: Tally::default(),
        };
        item.explore_from(*offset);
        item.tally
            .by_scenario
            .insert(stage.scenario.name, item.tally.runs);
        item.tally
    })
}

/// Each call to the file system fails in each of these ways, without a crash: the run must say so with the right exit code,
/// lose nothing, and go on later.
pub(super) fn errors(ways: &[FsFault], filter: &str, only: Option<&str>) -> Tally {
    const DEPTH: Depth = Depth {
        http: &[],
        seeds: &[],
        again: 0,
        second: &[],
        every: 1,
        plain: false,
    };
    let stages: Vec<Stage> = SCENARIOS
        .iter()
        .filter(|s| s.name.contains(filter))
        .map(Stage::new)
        .collect();
    let mut items = Vec::new();
    for stage in &stages {
        let sim = Sim::new(&stage.start, 1);
        let _end = process(&sim, stage, Task::Run, 0);
        let calls = sim.state().fs_calls;
        items.extend(
            (0..calls).flat_map(|at| ways.iter().map(move |way| (stage, Fault::Fs(at, *way)))),
        );
    }
    spread(&items, |(stage, fault)| {
        let mut item = Item {
            stage,
            task: Task::Run,
            fault: *fault,
            start: stage.start.clone(),
            depth: &DEPTH,
            only,
            seen: BTreeSet::new(),
            tally: Tally::default(),
        };
        item.fail();
        item.tally
            .by_scenario
            .insert(stage.scenario.name, item.tally.runs);
        item.tally
    })
}

/// Does the work on all processors.
pub(super) fn spread<T: Sync>(items: &[T], work: impl Fn(&T) -> Tally + Sync) -> Tally {
    let next = AtomicUsize::new(0);
    let total = Mutex::new(Tally::default());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let tally = work(item);
                    total.lock().unwrap().add(tally);
                }
            });
        }
    });
    total.into_inner().unwrap()
}

/// How many HTTP calls a rotation makes when nothing goes wrong.
fn http_calls(stage: &Stage) -> usize {
    let sim = Sim::new(&stage.start, 1);
    let end = process(&sim, stage, Task::Run, 0);
    assert!(
        stage.scenario.name == "typo" || matches!(end, Ok(End::Done { .. })),
        "{:?} does not run: {:?}",
        stage.scenario,
        end.as_ref().map(said)
    );
    sim.state().http_calls
}

pub(super) fn said(end: &End) -> String {
    match end {
        End::Done { .. } => "done".into(),
        End::Operator { .. } => "needs a person".into(),
        End::Failed {
            failure, message, ..
        } => format!("{failure:?}: {message}"),
    }
}

/// The world a day after a run that left a revocation for later.
fn due(stage: &Stage) -> Option<Snapshot> {
    let sim = Sim::new(&stage.start, 1);
    process(&sim, stage, Task::Run, 0).ok()?;
    let vault = open(&sim).ok()?;
    (!rot::run::sweep::list(vault.doc()).is_empty()).then(|| {
        let mut snapshot = sim.snapshot();
        snapshot.now += DAY;
        snapshot.outside.log.clear();
        snapshot
    })
}

impl Item<'_> {
    fn explore(&mut self) {
        self.explore_from(0);
    }

    /// The instants are those after `offset`, so that different items look at different ones.
    fn explore_from(&mut self, offset: usize) {
        let sim = Sim::new(&self.start, 1);
        {
            let mut state = sim.state();
            state.tape = Some(Vec::new());
            match self.fault {
                Fault::None => {}
                Fault::Http(at, fault) => state.http_fault = Some((at, fault)),
                Fault::Fs(at, fault) => state.fs_fault = Some((at, fault)),
            }
        }
        let label = format!("{:?} {:?} {:?}", self.stage.scenario, self.task, self.fault);
        self.tally.processes += 1;
        let end = match process(&sim, self.stage, self.task, 0) {
            Ok(end) => end,
            Err(panic) => return self.tally.violations.push(format!("{label}: {panic}")),
        };
        let last = sim.snapshot();
        let tape = sim.state().tape.take().unwrap_or_default();
        // The process came to its end by itself; its notes were read by whoever looked.
        if !matches!(end, End::Failed { .. }) {
            let wrong = check(
                self.stage,
                &last,
                matches!(end, End::Done { .. }),
                &mut Seen::default(),
                end.notes(),
            );
            self.tally
                .violations
                .extend(wrong.into_iter().map(|w| format!("{label} end: {w}")));
        }
        let count = tape.len();
        for (at, world) in tape.into_iter().enumerate() {
            if !(at + offset).is_multiple_of(self.depth.every) {
                continue;
            }
            let cuts = if self.depth.plain {
                vec![Cut::Nothing, Cut::Kill]
            } else {
                world.disk.cuts(self.depth.seeds)
            };
            for cut in cuts {
                let image = Snapshot {
                    disk: world.disk.after(cut),
                    ..world.clone()
                };
                let schedule = format!("{label} at={at}/{count} cut={cut:?}");
                self.recover(&image, &schedule, true);
            }
        }
        let schedule = format!("{label} at=end");
        self.recover(&last, &schedule, false);
    }

    /// One failing call, and what follows.
    fn fail(&mut self) {
        let label = format!("{:?} {:?}", self.stage.scenario, self.fault);
        if self.only.is_some_and(|only| !only.starts_with(&label)) {
            return;
        }
        let sim = Sim::new(&self.start, 1);
        if let Fault::Fs(at, fault) = self.fault {
            sim.state().fs_fault = Some((at, fault));
        }
        self.tally.processes += 1;
        let end = match process(&sim, self.stage, self.task, 0) {
            Ok(end) => end,
            Err(panic) => return self.tally.violations.push(format!("{label}: {panic}")),
        };
        let last = sim.snapshot();
        let effect = !last.outside.log.is_empty();
        let wrong = match &end {
            End::Done { .. } | End::Operator { .. } => check(
                self.stage,
                &last,
                matches!(end, End::Done { .. }),
                &mut Seen::default(),
                end.notes(),
            ),
            End::Failed {
                failure: Failure::AfterEffect | Failure::Unknown | Failure::Tampered,
                ..
            } => Vec::new(),
            End::Failed {
                failure: Failure::BeforeEffect | Failure::Usage | Failure::Locked,
                ..
            } if !effect => Vec::new(),
            End::Failed {
                failure, message, ..
            } => vec![format!(
                "ended with {failure:?} (an effect: {effect}): {message}"
            )],
        };
        self.tally
            .violations
            .extend(wrong.into_iter().map(|w| format!("{label}: {w}")));
        let notes: Vec<String> = end
            .notes()
            .iter()
            .filter(|n| n.starts_with(RESCUED))
            .cloned()
            .collect();
        for cut in [Cut::Kill, Cut::Nothing, Cut::Random(5)] {
            let image = Snapshot {
                disk: last.disk.after(cut),
                ..last.clone()
            };
            if cut == Cut::Kill || last.disk.pending() > 0 {
                self.rest(
                    &image,
                    &format!("{label} cut={cut:?}"),
                    false,
                    notes.clone(),
                );
            }
        }
    }

    /// Runs a world that a crash left until it rests, and looks at it. Interrupts one in some again.
    fn recover(&mut self, image: &Snapshot, schedule: &str, may_again: bool) {
        if !self.seen.insert((
            image.disk.fingerprint(),
            image.outside.log.len(),
            image.outside.proven.len(),
        )) {
            self.tally.known += 1;
            return;
        }
        let chosen = Random::new(
            self.seen.len() as u64 ^ (image.disk.fingerprint().rotate_left(7) & 0xffff),
        )
        .next();
        let replayed = self.only.is_none_or(|only| schedule == only);
        let again = may_again
            && (chosen.is_multiple_of(self.depth.again.max(1)) && self.depth.again > 0
                || self
                    .only
                    .is_some_and(|only| only.starts_with(schedule) && only != schedule));
        if !replayed && !again {
            return;
        }
        let tape = self.rest(image, schedule, again, Vec::new());
        let count = tape.len();
        for (at, world) in tape.into_iter().enumerate() {
            for cut in self.depth.second.iter().copied() {
                if cut != Cut::Nothing && world.disk.pending() == 0 {
                    continue;
                }
                let second = Snapshot {
                    disk: world.disk.after(cut),
                    ..world.clone()
                };
                let schedule = format!("{schedule} again={at}/{count} cut={cut:?}");
                if self.only.is_none_or(|only| schedule == only)
                    && self.seen.insert((
                        second.disk.fingerprint(),
                        second.outside.log.len(),
                        second.outside.proven.len(),
                    ))
                {
                    self.tally.again += 1;
                    self.rest(&second, &schedule, false, Vec::new());
                }
            }
        }
    }

    /// Lets cron come again and again until all is done or a person is asked for. Returns the tape of the first process.
    fn rest(
        &mut self,
        image: &Snapshot,
        schedule: &str,
        taped: bool,
        mut notes: Vec<String>,
    ) -> Vec<Snapshot> {
        self.tally.runs += 1;
        let mut world = image.clone();
        let mut seen = Seen::default();
        let mut tape = Vec::new();
        let mut failures = Vec::new();
        for number in 1..=RUNS {
            world.now += PERIOD;
            let sim = Sim::new(&world, 1000 + number as u64);
            if taped && number == 1 {
                sim.state().tape = Some(Vec::new());
            }
            if let Err(error) = open(&sim)
                .map_err(|e| format!("the vault does not open: {}", e.message()))
                .and_then(|vault| seen.look(&vault))
            {
                self.tally.violations.push(format!("{schedule}: {error}"));
                return tape;
            }
            self.tally.processes += 1;
            let end = match process(&sim, self.stage, self.task, number) {
                Ok(end) => end,
                Err(panic) => {
                    self.tally.violations.push(format!("{schedule}: {panic}"));
                    return tape;
                }
            };
            if number == 1 {
                tape = sim.state().tape.take().unwrap_or_default();
            }
            world = sim.snapshot();
            notes.extend(end.notes().iter().cloned());
            let done = match end {
                End::Done { .. } => true,
                End::Operator { .. } => false,
                End::Failed {
                    failure: failure @ (Failure::Tampered | Failure::Internal | Failure::Usage),
                    message,
                    ..
                } => {
                    self.tally.violations.push(format!(
                        "{schedule}: process {number} ended with {failure:?}: {message}"
                    ));
                    return tape;
                }
                End::Failed {
                    failure, message, ..
                } => {
                    failures.push(format!("{failure:?}: {message}"));
                    continue;
                }
            };
            self.tally.halted += usize::from(!done);
            self.tally.longest = self.tally.longest.max(number);
            let wrong = check(self.stage, &world, done, &mut seen, &notes);
            self.tally.violations.extend(
                wrong
                    .into_iter()
                    .map(|w| format!("{schedule}: {w} (after {failures:?})")),
            );
            return tape;
        }
        self.tally.violations.push(format!(
            "{schedule}: I8: not at rest after {RUNS} processes: {failures:?}"
        ));
        tape
    }
}
