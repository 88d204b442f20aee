//! A person changes a secret by hand between two processes, at every so many instants of the first: rolls it back, or stores a value
//! that works. Whatever the run does then, it revokes nothing that is in use or on its way there, under any id, and forgets nothing.

use super::explore::{Tally, said, spread};
use super::invariants::{Seen, spared};
use super::process::{End, Task, open, process};
use super::scenario::{SCENARIOS, Stage, version};
use super::{Sim, Snapshot};
use rot::sim::Cut;
use rot::vault::{Secret, StoredValue, Vault};

/// Cron comes again after ten minutes.
const PERIOD: i64 = 600_000;
/// Until what is revoked "after 24h" is due.
const DAY: i64 = 25 * 3_600_000;
/// Processes after the hand.
const RUNS: usize = 7;

/// What a person does to every secret of the rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hand {
    /// `rot vault rollback NAME`
    Rollback,
    /// `rot vault set NAME` with the value of the pending version.
    SetPending,
    /// `rot vault set NAME` with the value that is current.
    SetCurrent,
}

const HANDS: [Hand; 3] = [Hand::Rollback, Hand::SetPending, Hand::SetCurrent];

struct Item<'s> {
    stage: &'s Stage,
    hand: Hand,
    schedule: String,
    left: Snapshot,
}

/// Explores all scenarios whose name contains `filter`, at one in `every` instants; `only` replays one schedule.
pub(super) fn explore(every: usize, filter: &str, only: Option<&str>) -> Tally {
    let stages: Vec<Stage> = SCENARIOS
        .iter()
        .filter(|s| s.name.contains(filter))
        .map(Stage::new)
        .collect();
    let mut items = Vec::new();
    for stage in &stages {
        // A second rotation has versions of the first behind it, and revocations that are due.
        for rotations in [1, 2] {
            let mut world = stage.start.clone();
            for number in 1..rotations {
                let sim = Sim::new(&world, 50 + number as u64);
                let _end = process(&sim, stage, Task::Run, number);
                world = sim.snapshot();
                world.now += PERIOD;
            }
            let sim = Sim::new(&world, 1);
            sim.state().tape = Some(Vec::new());
            let _end = process(&sim, stage, Task::Run, 0);
            let mut tape = sim.state().tape.take().unwrap_or_default();
            tape.push(sim.snapshot());
            let count = tape.len();
            for (at, world) in tape.into_iter().enumerate() {
                for (number, hand) in HANDS.into_iter().enumerate() {
                    if !(at + number).is_multiple_of(every) && at + 1 != count {
                        continue;
                    }
                    let left = Snapshot {
                        disk: world.disk.after(Cut::Kill),
                        ..world.clone()
                    };
                    items.push(Item {
                        stage,
                        hand,
                        schedule: format!(
                            "{:?} rotations={rotations} at={at}/{count} {hand:?}",
                            stage.scenario
                        ),
                        left,
                    });
                }
            }
        }
    }
    spread(&items, |item| {
        let mut tally = Tally::default();
        if only.is_none_or(|only| only == item.schedule) {
            item.run(&mut tally);
        }
        tally
            .by_scenario
            .insert(item.stage.scenario.name, tally.runs);
        tally
    })
}

impl Item<'_> {
    fn run(&self, tally: &mut Tally) {
        let mut world = self.left.clone();
        world.now += PERIOD;
        let sim = Sim::new(&world, 900);
        let Ok(mut vault) = open(&sim) else {
            return;
        };
        if !self.act(&mut vault, &world) {
            return;
        }
        world = sim.snapshot();
        world.outside.log.clear();
        tally.runs += 1;
        let mut seen = Seen::default();
        let mut history: Vec<String> = Vec::new();
        let mut notes: Vec<String> = Vec::new();
        for number in 1..=RUNS {
            // What was scheduled is due in the end.
            world.now += if number > RUNS - 2 { DAY } else { PERIOD };
            let task = if number == RUNS {
                Task::Sweep
            } else {
                Task::Run
            };
            let sim = Sim::new(&world, 1000 + number as u64);
            tally.processes += 1;
            match process(&sim, self.stage, task, number) {
                Ok(end) => {
                    history.push(said(&end));
                    notes.extend(end.notes().iter().cloned());
                    tally.halted += usize::from(matches!(end, End::Operator { .. }));
                }
                Err(panic) => return self.wrong(tally, &panic, &history),
            }
            world = sim.snapshot();
            if let Err(error) = open(&sim)
                .map_err(|e| e.message().to_owned())
                .and_then(|vault| seen.look(&vault))
            {
                return self.wrong(tally, &error, &history);
            }
        }
        for what in spared(self.stage, &world, &notes) {
            self.wrong(tally, &what, &history);
        }
    }

    fn wrong(&self, tally: &mut Tally, what: &str, history: &[String]) {
        let violation = format!("{}: {what} (after {history:?})", self.schedule);
        tally.violations.push(violation);
    }

    /// Whether there was anything to do, and the value that is in use then works.
    fn act(&self, vault: &mut Vault, world: &Snapshot) -> bool {
        let now = jiff::Timestamp::from_millisecond(world.now).unwrap();
        let mut did = false;
        for bond in self.stage.scenario.bonds {
            let entry = vault.doc().get(bond.secret).expect("it is there");
            let wanted = match self.hand {
                Hand::Rollback => entry.previous_version(),
                Hand::SetPending => entry.pending_version(),
                Hand::SetCurrent => entry.current_version(),
            };
            let Some(value) = wanted.and_then(|v| v.value.clone()) else {
                continue;
            };
            let text = value.part(bond.field).and_then(Secret::expose_text);
            if !text.is_some_and(|text| world.outside.accepts(bond.account, text, world.now)) {
                continue;
            }
            let copy = match &value {
                StoredValue::Single(value) => StoredValue::Single(value.clone()),
                StoredValue::Fields(fields) => StoredValue::Fields(fields.clone()),
            };
            let done = vault.commit(|doc| match self.hand {
                Hand::Rollback => doc
                    .rollback(bond.secret, None, false, "by-hand", now)
                    .map(drop),
                Hand::SetPending | Hand::SetCurrent => {
                    doc.put_current(bond.secret, version("by-hand", copy, now))
                }
            });
            did |= done.is_ok();
        }
        did
    }
}
