//! T9: many processes on one vault; two runners of one rotation.

use super::project::{Project, make_vault, paths, rot};
use super::scenario::ADDITIVE;
use rot::demo::issuer::{Fault, Phase, Rule};
use rot::vault::Vault;
use rot::world::World;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// 64 processes at a time, each storing its own secret `times` times. Every tenth is killed, one is stopped for two seconds.
fn hammer(times: usize) {
    let dir = tempfile::tempdir().unwrap();
    make_vault(dir.path(), &[("first", None, "x".into())]);
    let start = Instant::now();
    let before = Vault::open(&World::real(), &paths(dir.path()))
        .unwrap_or_else(|e| panic!("{}", e.message()))
        .generation();
    let (stored, killed, longest) = (
        AtomicUsize::new(0),
        AtomicUsize::new(0),
        AtomicUsize::new(0),
    );
    let expected: Vec<(String, Vec<String>)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..64)
            .map(|worker: usize| {
                let (dir, stored, killed, longest) = (dir.path(), &stored, &killed, &longest);
                scope.spawn(move || {
                    let name = format!("secret-{worker}");
                    // What may stand there: the last that was acknowledged, or one that was killed after it.
                    let mut possible = Vec::new();
                    for round in 0..times {
                        let value = format!("value-{worker}-{round}");
                        let began = Instant::now();
                        let mut child = Command::new(rot())
                            .args(["--lock-timeout", "5m", "vault", "set", &name])
                            .current_dir(dir)
                            .env_clear()
                            .env("ROT_VAULT", "rot.vault")
                            .env("ROT_IDENTITY", "identity.txt")
                            .env("ROT_STATE", "state")
                            .stdin(Stdio::piped())
                            .stdout(Stdio::null())
                            .stderr(Stdio::piped())
                            .spawn()
                            .unwrap();
                        child
                            .stdin
                            .take()
                            .unwrap()
                            .write_all(value.as_bytes())
                            .unwrap();
                        let one = worker * times + round;
                        if one % 10 == 7 {
                            std::thread::sleep(Duration::from_millis((one * 13 % 400) as u64));
                            let _ = child.kill();
                        } else if one == 3 {
                            let signal = |s: &str| {
                                Command::new("kill")
                                    .args([s, &child.id().to_string()])
                                    .status()
                                    .unwrap()
                            };
                            std::thread::sleep(Duration::from_millis(60));
                            signal("-STOP");
                            std::thread::sleep(Duration::from_secs(2));
                            signal("-CONT");
                        }
                        let output = child.wait_with_output().unwrap();
                        longest.fetch_max(began.elapsed().as_millis() as usize, Ordering::Relaxed);
                        match output.status.code() {
                            Some(0) => {
                                stored.fetch_add(1, Ordering::Relaxed);
                                possible.clear();
                            }
                            None => {
                                killed.fetch_add(1, Ordering::Relaxed);
                            }
                            Some(code) => {
                                panic!("{name}: {code} {}", String::from_utf8_lossy(&output.stderr))
                            }
                        }
                        possible.push(value);
                    }
                    (name, possible)
                })
            })
            .collect();
        workers.into_iter().map(|w| w.join().unwrap()).collect()
    });
    let vault = Vault::open(&World::real(), &paths(dir.path()))
        .unwrap_or_else(|e| panic!("{}", e.message()));
    let mut lost = 0;
    for (name, possible) in &expected {
        let value = vault
            .doc()
            .get(name)
            .and_then(|e| e.current_version())
            .and_then(|v| v.value.as_ref())
            .and_then(|v| v.part(None));
        let value = value.map(|v| String::from_utf8(v.expose().to_vec()).unwrap());
        let all_killed = possible.len() == times;
        if !value.as_ref().map_or(all_killed, |v| possible.contains(v)) {
            lost += 1;
        }
    }
    let (stored, killed) = (stored.into_inner(), killed.into_inner());
    let generations = (vault.generation() - before) as usize;
    println!(
        "64 processes × {times} updates of one vault: {stored} acknowledged, {killed} killed, {generations} generations, longest wait {} ms, {} s, {lost} lost",
        longest.into_inner(),
        start.elapsed().as_secs()
    );
    assert_eq!(lost, 0);
    assert_eq!(stored + killed, 64 * times);
    assert!(
        (stored..=stored + killed).contains(&generations),
        "an acknowledged update has no generation of its own"
    );
}

#[test]
fn many_processes_on_one_vault_lose_no_update() {
    hammer(2);
}

#[test]
#[ignore = "some minutes; see docs/how-it-is-tested.md"]
fn many_processes_with_fifty_updates_each_lose_no_update() {
    hammer(50);
}

#[test]
fn a_second_runner_waits_and_then_gives_up_or_goes_on_from_what_the_first_has_stored() {
    let mut project = Project::with(&ADDITIVE, |state| {
        state.config.faults = vec![Rule::once(
            "/api/token",
            Fault::Stall {
                at: Phase::Execute,
                millis: 2500,
            },
        )];
    });
    let mut first = project.around(&rot());
    let mut first = first
        .args(["run", "p.rot"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while project.issuer.state().config.faults.is_empty() || !project.path("state/locks").exists() {
        std::thread::sleep(Duration::from_millis(10));
    }
    std::thread::sleep(Duration::from_millis(300));
    let second = project.rot("--lock-timeout 200ms run p.rot");
    assert_eq!(second.code, Some(24), "{}", second.stderr);
    assert!(
        second
            .stderr
            .contains("another process is running rotation `token`"),
        "{}",
        second.stderr
    );
    // The one that waits sees the vault as the first one left it, and not as it was when it began to wait.
    let third = project.rot("--lock-timeout 30s run p.rot");
    assert_eq!(third.code, Some(0), "{}", third.stderr);
    assert!(first.wait().unwrap().success());
    assert_eq!(project.issuer.state().executed("POST", "/api/token"), 2);
    assert_eq!(project.lost(0), None);
    println!("2 runners that waited for a third, 1 gave up with 24, 0 lost");
}

#[test]
fn looking_at_a_run_that_goes_on_changes_nothing() {
    // `rot status` while another process runs, again and again.
    let mut project = Project::with(&ADDITIVE, |state| {
        state.config.faults = vec![Rule::once(
            "/api/token",
            Fault::Stall {
                at: Phase::Execute,
                millis: 1500,
            },
        )];
    });
    let mut first = project.around(&rot());
    let mut first = first
        .args(["run", "p.rot"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut looks = 0;
    while first.try_wait().unwrap().is_none() {
        assert_eq!(project.rot("status").code, Some(0), "{}", project.said);
        looks += 1;
    }
    assert!(first.wait().unwrap().success());
    let over = project.rot("status");
    assert!(
        over.stdout.contains("no run is interrupted"),
        "{}",
        over.stdout
    );
    assert_eq!(project.lost(0), None);
    println!("{looks} looks at a run that went on, 0 lost");
}
