//! A second machine that has the same vault, with a clock of its own: it comes while the first waits for an answer, or after
//! the first was killed, which then comes back.

use super::explore::{Tally, spread};
use super::invariants::{Seen, check, forgotten};
use super::process::{End, Task, process, process_on};
use super::scenario::{SCENARIOS, Stage};
use super::{Sim, Snapshot};
use rot::sim::Cut;
use std::sync::{Arc, Mutex};

/// How far the second clock is ahead of the first, in milliseconds.
const AHEAD: [i64; 5] = [0, -20_000, 20_000, -7_200_000, 7_200_000];
/// Cron comes again after ten minutes.
const PERIOD: i64 = 600_000;
/// So many times the second machine comes before the first is back.
const ALONE: usize = 3;
/// So many processes there are in all.
const PROCESSES: usize = 24;

/// One process on one of the machines: what it leaves, and how it ended.
fn turn(
    machine: usize,
    ahead: i64,
    world: &Snapshot,
    stage: &Stage,
    number: usize,
) -> (Snapshot, Result<End, String>) {
    let ahead = if machine == 0 { 0 } else { ahead };
    let mut from = world.clone();
    from.now += ahead;
    from.outside.ahead = ahead;
    let sim = Sim::new(&from, 5_000 + 2 * number as u64 + machine as u64);
    let end = process_on(machine, &sim, stage, Task::Run, number.max(1));
    let mut left = sim.snapshot();
    left.now -= ahead;
    left.outside.ahead = 0;
    (left, end)
}

/// When the second machine comes.
#[derive(Clone, Copy)]
enum When {
    /// While this exchange of the first is on its way.
    During(usize),
    /// After the first was killed at this change of the world.
    After(usize),
}

struct Item {
    stage: Arc<Stage>,
    when: When,
    ahead: i64,
    /// The world that a killed process left.
    left: Option<Snapshot>,
}

/// Explores all scenarios whose name contains `filter`; `only` replays one schedule.
pub(super) fn explore(filter: &str, only: Option<&str>) -> Tally {
    let mut items: Vec<Item> = Vec::new();
    for scenario in SCENARIOS.iter().filter(|s| s.name.contains(filter)) {
        let stage = Arc::new(Stage::new(scenario));
        let sim = Sim::new(&stage.start, 1);
        sim.state().tape = Some(Vec::new());
        let _end = process(&sim, &stage, Task::Run, 0);
        let (calls, tape) = {
            let mut state = sim.state();
            (state.http_calls, state.tape.take().unwrap_or_default())
        };
        let item = |when, ahead, left| Item {
            stage: stage.clone(),
            when,
            ahead,
            left,
        };
        for ahead in AHEAD {
            items.extend((0..calls).map(|at| item(When::During(at), ahead, None)));
            // What differs by seconds alone is tried at the exchanges.
            let killed = tape.iter().enumerate().filter(|(at, _)| at % 2 == 0);
            let killed = killed.filter(|_| ahead >= 0 && ahead != 20_000);
            items.extend(killed.map(|(at, world)| {
                let left = Snapshot {
                    disk: world.disk.after(Cut::Kill),
                    ..world.clone()
                };
                item(When::After(at), ahead, Some(left))
            }));
        }
    }
    spread(&items, |item| {
        let mut tally = Tally::default();
        let schedule = format!(
            "{:?} machines {} ahead={}s",
            item.stage.scenario,
            match item.when {
                When::During(at) => format!("during={at}"),
                When::After(at) => format!("after={at}"),
            },
            item.ahead / 1000
        );
        if only.is_none_or(|only| only == schedule) {
            item.run(&schedule, &mut tally);
        }
        tally
            .by_scenario
            .insert(item.stage.scenario.name, tally.runs);
        tally
    })
}

impl Item {
    fn run(&self, schedule: &str, tally: &mut Tally) {
        tally.runs += 1;
        let mut notes: Vec<String> = Vec::new();
        let mut history: Vec<String> = Vec::new();
        let mut world = match (&self.left, self.when) {
            (Some(left), _) => left.clone(),
            (None, When::During(at)) => match self.meet(at, &mut notes, &mut history) {
                Ok(world) => world,
                Err(panic) => return tally.violations.push(format!("{schedule}: {panic}")),
            },
            (None, When::After(_)) => return,
        };
        let mut done = [false, false];
        for number in 1..=PROCESSES {
            // The first is away for a while when it was killed; then they take turns.
            let away = self.left.is_some() && number <= ALONE;
            let machine = if away { 1 } else { number % 2 };
            world.now += PERIOD;
            tally.processes += 1;
            let (left, end) = turn(machine, self.ahead, &world, &self.stage, number);
            world = left;
            match end {
                Err(panic) => return tally.violations.push(format!("{schedule}: {panic}")),
                Ok(end) => {
                    notes.extend(end.notes().iter().cloned());
                    history.push(format!("{machine}: {}", super::explore::said(&end)));
                    done[machine] = matches!(end, End::Done { .. });
                    let halted = matches!(end, End::Operator { .. });
                    if halted {
                        tally.halted += 1;
                        return self.judge(schedule, &world, false, (&notes, &history), tally);
                    }
                }
            }
            if done == [true, true] {
                tally.longest = tally.longest.max(number);
                return self.judge(schedule, &world, true, (&notes, &history), tally);
            }
        }
        tally
            .violations
            .push(format!("{schedule}: I8: not at rest: {history:?}"));
    }

    /// The first machine runs, and the second comes while an exchange is on its way.
    fn meet(
        &self,
        at: usize,
        notes: &mut Vec<String>,
        history: &mut Vec<String>,
    ) -> Result<Snapshot, String> {
        let (ahead, stage) = (self.ahead, self.stage.clone());
        let met: Arc<Mutex<Option<Result<End, String>>>> = Arc::default();
        let seen = met.clone();
        let sim = Sim::new(&self.stage.start, 1);
        sim.state().interruption = Some((
            at,
            Box::new(move |first: &Sim| {
                let (left, end) = turn(1, ahead, &first.snapshot(), &stage, 0);
                *seen.lock().unwrap() = Some(end);
                let mut state = first.state();
                state.disk = left.disk;
                state.outside = left.outside;
                state.now = state.now.max(left.now);
            }),
        ));
        let end = process(&sim, &self.stage, Task::Run, 0)?;
        if let Some(met) = met.lock().unwrap().take() {
            let met = met?;
            notes.extend(met.notes().iter().cloned());
            history.push(format!("meanwhile: {}", super::explore::said(&met)));
        }
        notes.extend(end.notes().iter().cloned());
        history.push(format!("first: {}", super::explore::said(&end)));
        Ok(sim.snapshot())
    }

    fn judge(
        &self,
        schedule: &str,
        world: &Snapshot,
        done: bool,
        (notes, history): (&[String], &[String]),
        tally: &mut Tally,
    ) {
        let mut wrong = check(&self.stage, world, done, &mut Seen::default(), notes);
        if done {
            wrong.extend(forgotten(&self.stage, world, notes));
        }
        // That the other machine has an answer does not keep this one from asking.
        let wrong = wrong.into_iter().filter(|w| !w.starts_with("I5"));
        tally
            .violations
            .extend(wrong.map(|w| format!("{schedule}: {w} (after {history:?})")));
    }
}
