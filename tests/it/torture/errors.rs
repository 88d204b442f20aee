//! T5: every error at the calls that matter; when it is gone, a healthy run.

use super::project::{Project, on_two};
use super::scenario::{ADDITIVE, ALL, BARE, LIFE, SETS, Scenario};
use super::strace;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Which errors each call can give.
const ERRORS: &[(&str, &[&str])] = &[
    (
        "open",
        &["EIO", "EACCES", "EMFILE", "EROFS", "ENOSPC", "EDQUOT"],
    ),
    ("read", &["EIO"]),
    ("write", &["EIO", "ENOSPC", "EDQUOT"]),
    ("fsync", &["EIO", "ENOSPC"]),
    ("fdatasync", &["EIO", "ENOSPC"]),
    ("rename", &["EIO", "EROFS", "ENOSPC", "EACCES"]),
    ("link", &["EIO", "EROFS"]),
    ("linkat", &["EIO", "EROFS"]),
    ("unlink", &["EIO", "EROFS"]),
    ("fallocate", &["ENOSPC", "EDQUOT", "EIO"]),
    ("ftruncate", &["EIO"]),
    ("flock", &["EIO", "ENOLCK"]),
    ("mkdir", &["EROFS", "EACCES", "ENOSPC", "EDQUOT"]),
    ("socket", &["EMFILE"]),
    ("connect", &["ECONNREFUSED", "EACCES"]),
    ("writev", &["EIO", "EPIPE"]),
    ("sendto", &["EIO", "EPIPE"]),
    ("recvfrom", &["EIO", "ECONNRESET"]),
    ("newfstatat", &["EIO", "EACCES"]),
    ("getdents64", &["EIO"]),
];

struct Point {
    scenario: &'static Scenario,
    call: String,
    nth: String,
    error: &'static str,
}

fn points(scenario: &'static Scenario) -> Vec<Point> {
    let calls: Vec<&str> = ERRORS.iter().map(|(call, _)| *call).collect();
    let counts = strace::count(&mut Project::new(scenario), &calls, "run p.rot");
    let mut points = Vec::new();
    for (call, count) in counts {
        let errors = ERRORS
            .iter()
            .find(|(c, _)| *c == call)
            .map_or(&[][..], |(_, errors)| errors);
        for error in errors {
            for nth in 1..=count {
                points.push(Point {
                    scenario,
                    call: call.clone(),
                    nth: nth.to_string(),
                    error,
                });
                // A full disk stays full.
                if matches!(call.as_str(), "write" | "fdatasync" | "fsync" | "open") {
                    points.push(Point {
                        scenario,
                        call: call.clone(),
                        nth: format!("{nth}+"),
                        error,
                    });
                }
            }
        }
    }
    points
}

fn inject(point: &Point, codes: &Mutex<BTreeMap<i32, usize>>) -> Option<String> {
    let mut project = Project::new(point.scenario);
    let ended = project.failing(&point.call, &point.nth, point.error, "run p.rot");
    let code = ended.code.unwrap_or(-1);
    *codes.lock().unwrap().entry(code).or_default() += 1;
    let wrong = |what: String| {
        Some(format!(
            "{}: {} at {} #{}: {what}",
            point.scenario.name, point.error, point.call, point.nth
        ))
    };
    // 127 is the loader's: the program did not start.
    // A wake-up call within the runtime cannot fail on a real system; it says so by a panic when it is made to.
    // With all writes failing, not even that.
    let unreal = code == 70
        && point.call == "write"
        && (ended.stderr.contains("tokio") || point.nth.ends_with('+'));
    if !unreal && !matches!(code, 0 | 2 | 20 | 21 | 22 | 24 | 127) {
        return wrong(format!(
            "exit code {code}\n{}{}",
            ended.stdout, ended.stderr
        ));
    }
    if code == 20
        && project.issuer.state().requests.iter().any(|(r, status)| {
            r.method == "POST" && status.is_some_and(|s| s < 300) && r.path != "/keys"
        })
        && point.scenario.name != LIFE.name
    {
        return wrong(format!(
            "exit code 20 says that nothing happened\n{}",
            ended.stderr
        ));
    }
    project.vault();
    let over = project.until_over(5);
    project.lost(over).and_then(wrong)
}

fn run(work: Vec<Point>, limit: Duration) -> usize {
    let codes = Mutex::default();
    let done = AtomicUsize::new(0);
    let (_, wrong) = on_two(&work, limit, |point| {
        done.fetch_add(1, Ordering::Relaxed);
        inject(point, &codes)
    });
    let done = done.into_inner();
    println!(
        "{done} injected errors, exit codes {:?}, {} lost",
        codes.into_inner().unwrap(),
        wrong.len()
    );
    for message in wrong.iter().take(5) {
        println!("{message}\n");
    }
    assert!(wrong.is_empty(), "{} of {done}", wrong.len());
    done
}

#[test]
fn errors_of_the_system_lose_nothing() {
    if !strace::ready("errors_of_the_system_lose_nothing") {
        return;
    }
    let mut work = Vec::new();
    for (i, scenario) in [&ADDITIVE, &SETS, &BARE].into_iter().enumerate() {
        work.extend(points(scenario).into_iter().skip(i).step_by(5));
    }
    let done = run(work, Duration::from_secs(1800));
    assert!(done >= 100, "only {done}");
}

#[test]
#[ignore = "about twenty minutes; see docs/how-it-is-tested.md"]
fn every_error_at_every_call_loses_nothing() {
    if !strace::ready("every_error_at_every_call_loses_nothing") {
        return;
    }
    let work: Vec<Point> = ALL.into_iter().flat_map(points).collect();
    let done = run(work, Duration::from_secs(3600));
    assert!(done >= 2000, "only {done}");
}
