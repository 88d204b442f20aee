//! A process that is asked to end, at each of its looks whether it is: the call that is out is heard, and whoever comes next goes on
//! without a second one.

use super::Sim;
use super::explore::{RUNS, Tally, said, spread};
use super::invariants::{Seen, check};
use super::issuer::What;
use super::process::{End, Task, Watch, process, process_watched};
use super::scenario::{SCENARIOS, Stage};
use std::collections::BTreeMap;

/// Cron comes again after ten minutes.
const PERIOD: i64 = 600_000;
/// More looks than any of the rotations takes.
const LOOKS: usize = 80;

/// Explores all scenarios whose name contains `filter`; `only` replays one schedule.
pub(super) fn explore(filter: &str, only: Option<&str>) -> Tally {
    let stages: Vec<Stage> = SCENARIOS
        .iter()
        .filter(|s| s.name.contains(filter))
        .map(Stage::new)
        .collect();
    // The first is stopped, or the first two are.
    let items: Vec<(&Stage, usize, bool)> = stages
        .iter()
        .flat_map(|stage| (0..LOOKS).flat_map(move |at| [(stage, at, false), (stage, at, true)]))
        .collect();
    spread(&items, |(stage, at, twice)| {
        let mut tally = Tally::default();
        let schedule = format!("{:?} stopped={at} twice={twice}", stage.scenario);
        if only.is_none_or(|only| only == schedule) {
            run(stage, *at, *twice, &schedule, &mut tally);
        }
        tally.by_scenario.insert(stage.scenario.name, tally.runs);
        tally
    })
}

fn run(stage: &Stage, at: usize, twice: bool, schedule: &str, tally: &mut Tally) {
    let mut world = stage.start.clone();
    let mut history: Vec<String> = Vec::new();
    let mut notes: Vec<String> = Vec::new();
    for number in 0..RUNS {
        world.now += PERIOD;
        let sim = Sim::new(&world, 1 + number as u64);
        tally.processes += 1;
        let stop_at = match number {
            0 => Some(at),
            1 if twice => Some(at / 2),
            _ => None,
        };
        let ended = match stop_at {
            None => process(&sim, stage, Task::Run, number),
            Some(_) => {
                let watch = Watch {
                    stop_at,
                    ..Watch::default()
                };
                process_watched(0, &sim, stage, Task::Run, number, watch)
            }
        };
        let end = match ended {
            Ok(end) => end,
            Err(panic) => return tally.violations.push(format!("{schedule}: {panic}")),
        };
        world = sim.snapshot();
        history.push(said(&end));
        notes.extend(end.notes().iter().cloned());
        let done = match end {
            // It was not stopped: there were fewer looks.
            End::Done { .. } if number == 0 => return,
            End::Done { .. } => true,
            End::Operator { .. } => false,
            End::Failed { .. } => continue,
        };
        tally.runs += 1;
        tally.longest = tally.longest.max(number);
        let mut wrong = check(stage, &world, done, &mut Seen::default(), &notes);
        if !done {
            wrong.push("a person was asked for after a stop".to_owned());
        }
        let mut issued: BTreeMap<&str, usize> = BTreeMap::new();
        for executed in &world.outside.log {
            if matches!(executed.what, What::Issued(_)) {
                *issued.entry(executed.account.as_str()).or_default() += 1;
            }
        }
        let again = issued.iter().filter(|(_, count)| **count > 1);
        wrong.extend(again.map(|(account, count)| format!("{account} issued {count} times")));
        let wrong = wrong.into_iter();
        let told = wrong.map(|w| format!("{schedule}: {w} (after {history:?})"));
        return tally.violations.extend(told);
    }
    let violation = format!("{schedule}: I8: not at rest: {history:?}");
    tally.violations.push(violation);
}
