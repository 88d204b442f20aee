//! T3: SIGKILL at every system call that matters, then a healthy run.

use super::project::{Project, on_two};
use super::scenario::{ALL, Scenario};
use super::strace::{self, CALLS};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Where one run is killed, and where the run after it, which recovers, is killed as well.
struct Point {
    scenario: &'static Scenario,
    call: String,
    nth: usize,
    again: Option<(String, usize)>,
}

fn points(scenario: &'static Scenario) -> Vec<(String, usize)> {
    let mut project = Project::new(scenario);
    let counts = strace::count(&mut project, CALLS, "run p.rot");
    counts
        .into_iter()
        .flat_map(|(call, count)| (1..=count).map(move |nth| (call.clone(), nth)))
        .collect()
}

fn kill(point: &Point, kills: &AtomicUsize, halts: &AtomicUsize) -> Option<String> {
    let mut project = Project::new(point.scenario);
    let place = || {
        format!(
            "{}: killed at {} #{} {:?}",
            point.scenario.name, point.call, point.nth, point.again
        )
    };
    let die = |project: &mut Project, call: &str, nth: usize| {
        let ended = project.killed(call, nth, "run p.rot");
        if ended.code.is_none_or(|c| c > 128) {
            kills.fetch_add(1, Ordering::Relaxed);
        }
        // It opens after each kill, not only after the recovery.
        project.vault();
    };
    die(&mut project, &point.call, point.nth);
    if let Some((call, nth)) = &point.again {
        die(&mut project, call, *nth);
    }
    let code = project.until_over(5);
    if code == 22 {
        halts.fetch_add(1, Ordering::Relaxed);
    }
    let mut wrong = project.lost(code);
    if wrong.is_none() && code == 0 {
        // A second run is an ordinary one: nothing is left over from the first.
        let next = project.rot("run p.rot");
        if next.code != Some(0) {
            wrong = Some(format!(
                "the next run ended with {:?}:\n{}",
                next.code, next.stderr
            ));
        }
    }
    wrong.map(|what| format!("{}: {what}", place()))
}

fn run(work: Vec<Point>, limit: Duration) -> (usize, usize) {
    let (kills, halts) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let (_, wrong) = on_two(&work, limit, |point| kill(point, &kills, &halts));
    let (kills, halts) = (kills.into_inner(), halts.into_inner());
    println!(
        "{kills} kills at system calls in {} kinds of rotation, {halts} waited for a person (replacing without key or grace), {} lost",
        ALL.len(),
        wrong.len()
    );
    for message in wrong.iter().take(5) {
        println!("{message}\n");
    }
    assert!(
        wrong.is_empty(),
        "{} of {kills} kills lost something",
        wrong.len()
    );
    (kills, halts)
}

/// How many kills an ordinary run is content with: about a minute on two cores.
const WANTED: usize = 250;

#[test]
fn killed_at_system_calls_it_loses_nothing() {
    if !strace::ready("killed_at_system_calls_it_loses_nothing") {
        return;
    }
    // Every call that changes a file or talks to the issuer, and every sixth of the others.
    let telling = [
        "write",
        "fsync",
        "fdatasync",
        "rename",
        "fallocate",
        "ftruncate",
        "sendto",
        "writev",
        "recvfrom",
        "link",
        "linkat",
    ];
    let all = Mutex::new(Vec::new());
    on_two(&ALL, Duration::from_secs(60), |scenario| {
        let points = points(scenario);
        let mut all = all.lock().unwrap();
        for (i, (call, nth)) in points.into_iter().enumerate() {
            if telling.contains(&call.as_str()) || i % 6 == 0 {
                all.push(Point {
                    scenario,
                    call,
                    nth,
                    again: None,
                });
            }
        }
        None
    });
    let mut work = all.into_inner().unwrap();
    work.sort_by_key(|p| (p.scenario.name, p.call.clone(), p.nth));
    let step = (work.len() / WANTED).max(1);
    let mut work: Vec<Point> = work.into_iter().step_by(step).collect();
    // The answer is lost, and the run that recovers dies as well, wherever it stores something: it knew of the lost answer.
    for scenario in ALL {
        let stores = points(scenario)
            .into_iter()
            .filter(|(call, _)| matches!(call.as_str(), "fdatasync" | "rename"));
        work.extend(stores.map(|again| Point {
            scenario,
            call: "recvfrom".into(),
            nth: 1,
            again: Some(again),
        }));
    }
    let (kills, _) = run(work, Duration::from_secs(1800));
    assert!(kills >= 300, "only {kills} kills");
}

#[test]
#[ignore = "about twenty minutes; see docs/how-it-is-tested.md"]
fn killed_at_every_system_call_and_again_while_it_recovers_it_loses_nothing() {
    if !strace::ready("killed_at_every_system_call_and_again_while_it_recovers_it_loses_nothing") {
        return;
    }
    let mut work = Vec::new();
    for scenario in ALL {
        let points = points(scenario);
        for (i, (call, nth)) in points.iter().enumerate() {
            work.push(Point {
                scenario,
                call: call.clone(),
                nth: *nth,
                again: None,
            });
            // The recovery is killed too, at a place that goes around through all of them.
            let again = points[(i * 37 + 11) % points.len()].clone();
            work.push(Point {
                scenario,
                call: call.clone(),
                nth: *nth,
                again: Some(again),
            });
        }
    }
    let (kills, _) = run(work, Duration::from_secs(3600));
    assert!(kills >= 3000, "only {kills} kills");
}
