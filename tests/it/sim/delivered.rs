//! A target beside the secret: at every instant a crash, and never is a token revoked that the target still serves.

use super::issuer::{CANARY, Kind, What};
use super::process::{End, Task, open, process};
use super::scenario::{Scenario, Stage, bond};
use super::{Sim, Snapshot};
use rot::run::Silent;
use rot::run::deliver::{Asked, Which, deliver};
use rot::sim::{Cut, Disk, Entry};
use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

const FILE: &str = "/home/ci.key";
/// Cron comes again after ten minutes.
const PERIOD: i64 = 600_000;

static SCENARIO: Scenario = Scenario::new(
    "delivered",
    include_str!("plans/delivered.rot"),
    &[bond("ci", Kind::AdditiveSlow, "ci_token", Some("value"))],
);
static AWAY: Scenario = Scenario::new(
    "delivered",
    include_str!("plans/delivered_away.rot"),
    &[bond("ci", Kind::AdditiveSlow, "ci_token", Some("value"))],
);

/// What a target serves.
fn served(disk: &Disk, file: &str) -> Option<String> {
    match disk.entry(Path::new(file)) {
        Some(Entry::File(inode)) => Some(String::from_utf8(disk.content(inode).to_vec()).unwrap()),
        _ => None,
    }
}

/// As cron: what is behind first, then the task.
fn turn(stage: &Stage, world: &mut Snapshot, task: Task, number: usize) -> Option<End> {
    world.now += PERIOD;
    let sim = Sim::new(world, 900 + number as u64);
    if let Ok(vault) = open(&sim) {
        let vault = RefCell::new(vault);
        let asked = Asked {
            plan: stage.plan(number),
            source: None,
            secret: None,
            target: None,
            which: Which::Due,
            certificates: &HashMap::new(),
            lock_wait: Duration::from_secs(1),
        };
        let _said = sim.block_on(deliver(&sim.world(), &vault, &asked, &Silent));
    }
    let end = process(&sim, stage, task, number).unwrap();
    *world = sim.snapshot();
    matches!(end, End::Done { .. }).then_some(end)
}

/// What was revoked while the target served it, or before it served anything newer.
fn too_early(world: &Snapshot, file: &str) -> Vec<String> {
    let first = format!("{CANARY}-ci_token-first");
    let mut wrong = Vec::new();
    for executed in &world.outside.log {
        if !matches!(executed.what, What::Revoked(_)) {
            continue;
        }
        match served(&executed.disk.after(Cut::Nothing), file) {
            Some(value) if !executed.live.contains(&value) => {
                wrong.push("what the target serves was revoked".to_owned());
            }
            None if !executed.live.contains(&first) => {
                wrong.push("the old one was revoked before anything arrived".to_owned());
            }
            _ => {}
        }
    }
    wrong
}

fn current(world: &Snapshot) -> String {
    let vault = open(&Sim::new(world, 3)).unwrap_or_else(|e| panic!("{}", e.message()));
    let entry = vault.doc().get("ci_token").unwrap().current_version();
    let value = entry.unwrap().value.as_ref().unwrap();
    value
        .part(Some("value"))
        .unwrap()
        .expose_text()
        .unwrap()
        .to_owned()
}

#[test]
fn killed_anywhere_no_target_is_left_with_a_dead_token() {
    let stage = Stage::new(&SCENARIO);
    let sim = Sim::new(&stage.start, 1);
    sim.state().tape = Some(Vec::new());
    assert!(matches!(
        process(&sim, &stage, Task::Run, 0),
        Ok(End::Done { .. })
    ));
    let tape = sim.state().tape.take().unwrap();
    let mut looked = 0;
    for (at, instant) in tape.iter().enumerate() {
        for cut in [Cut::Kill, Cut::Nothing] {
            // Each cut at every other instant: a quarter of a minute is enough.
            if (at + usize::from(cut == Cut::Kill)) % 4 != 0 {
                continue;
            }
            let mut world = Snapshot {
                disk: instant.disk.after(cut),
                ..instant.clone()
            };
            let done = (1..8).any(|number| turn(&stage, &mut world, Task::Run, number).is_some());
            assert!(done, "at {at} {cut:?}: not at rest");
            turn(&stage, &mut world, Task::Sweep, 9);
            assert_eq!(
                too_early(&world, FILE),
                Vec::<String>::new(),
                "at {at} {cut:?}"
            );
            assert_eq!(
                served(&world.disk, FILE),
                Some(current(&world)),
                "at {at} {cut:?}"
            );
            looked += 1;
        }
    }
    assert!(looked > 20, "{looked}");
}

#[test]
fn a_target_that_is_away_holds_the_old_token_and_lets_it_go_when_it_is_back() {
    let stage = Stage::new(&AWAY);
    let mut world = stage.start.clone();
    for number in 0..3 {
        assert!(turn(&stage, &mut world, Task::Run, number).is_some());
        turn(&stage, &mut world, Task::Sweep, number);
    }
    let revoked = |world: &Snapshot| {
        let log = world.outside.log.iter();
        log.filter(|e| matches!(e.what, What::Revoked(_))).count()
    };
    assert_eq!(
        revoked(&world),
        0,
        "nothing is revoked while the target is away"
    );
    world.disk.name(Path::new("/away"), Entry::Dir);
    world.disk.settle();
    world.now += 2 * 3_600_000;
    turn(&stage, &mut world, Task::Sweep, 4);
    assert_eq!(served(&world.disk, "/away/ci.key"), Some(current(&world)));
    assert_eq!(revoked(&world), 3);
    assert_eq!(too_early(&world, "/away/ci.key"), Vec::<String>::new());
}
