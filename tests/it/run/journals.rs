//! The journal of a run that is open, emptied, cut, or gone: that is no torn end, and nothing is called again as if nothing had
//! happened. And who is at work on a run, and where.

use super::{TOKEN, good, project};
use crate::support::loopback::{self, calls};
use crate::support::project::{Called, Project};
use rot::demo::issuer::{Fault, IssuerHandle, Phase, Rule};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

fn journals(project: &Project) -> Vec<PathBuf> {
    let all = project.files().into_iter().map(|(path, _)| path);
    all.filter(|path| path.extension().is_some_and(|e| e == "jnl"))
        .collect()
}

/// A run that failed behind its call: the answer is in the journal alone.
fn interrupted(issuer: &IssuerHandle) -> (Project, PathBuf, String) {
    let project = project(issuer, &TOKEN.replace("body $.token", "body $.tokn"));
    project.rot("run r.rot").code(21);
    project.file("r.rot", loopback::at(issuer, TOKEN));
    let path = journals(&project).pop().unwrap();
    let run = path.file_stem().unwrap().to_string_lossy().into_owned();
    (project, path, run)
}

#[test]
fn a_journal_that_was_emptied_cut_or_deleted_is_missed() {
    type Damage = fn(&std::path::Path);
    let damages: [(&str, Damage); 4] = [
        ("emptied", |path| std::fs::write(path, b"").unwrap()),
        ("halved", |path| {
            let bytes = std::fs::read(path).unwrap();
            std::fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
        }),
        ("cut within its first record", |path| {
            let bytes = std::fs::read(path).unwrap();
            std::fs::write(path, &bytes[..40]).unwrap();
        }),
        ("deleted", |path| std::fs::remove_file(path).unwrap()),
    ];
    for (what, damage) in damages {
        let issuer = good();
        let (project, path, run) = interrupted(&issuer);
        let kept = std::fs::read(&path).unwrap();
        damage(&path);
        for call in ["run r.rot", "run --due r.rot"] {
            let refused = project.rot(call).code(23);
            assert!(
                refused.stderr.contains("ROT821"),
                "{what}: {}",
                refused.stderr
            );
            assert!(refused.stderr.contains(&run), "{what}: {}", refused.stderr);
        }
        assert_eq!(
            calls(&issuer, "POST", "/api/token"),
            1,
            "{what}: called again"
        );
        // One way out: the file comes back.
        let damaged = std::fs::read(&path).ok();
        std::fs::write(&path, &kept).unwrap();
        project.rot("run r.rot").code(0);
        assert_eq!(
            calls(&issuer, "POST", "/api/token"),
            1,
            "{what}: called again"
        );
        drop(damaged);
        // The other: the run is given up.
        let issuer = good();
        let (project, path, run) = interrupted(&issuer);
        damage(&path);
        let _gone = std::fs::remove_file(&path);
        let status = project.rot("status").code(0).stdout;
        assert!(status.contains("its journal is gone"), "{what}: {status}");
        assert!(
            status.contains(&format!("resume {run} --abandon")),
            "{what}: {status}"
        );
        let found = project.rot("status --report json").code(0).json();
        assert_eq!(found["elsewhere"][0]["journal"], "gone", "{what}");
        project.rot("status --exit-code").code(12);
        project.rot("doctor").code(1);
        project.rot(&format!("resume {run} --abandon")).code(0);
        project.rot("run r.rot").code(0);
        assert_eq!(calls(&issuer, "POST", "/api/token"), 2, "{what}");
    }
}

#[test]
fn a_journal_that_is_shorter_than_the_vault_knows_is_missed() {
    // The new value is staged, and the verification fails: the vault knows how much was written by then.
    let text = TOKEN.replace(
        "  update my_token = get.token\n",
        "  stage my_token = get.token\n  verify {\n    http GET \"https://api.example.com/nowhere\" { bearer pending.my_token }\n  }\n  promote my_token\n",
    );
    let text = text.replace(
        "secret my_token\n",
        "secret my_token to \"api.example.com\"\n",
    );
    let issuer = good();
    let project = project(&issuer, &text);
    project.rot("run r.rot").code(21);
    let path = journals(&project).pop().unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let starts: Vec<usize> = (0..bytes.len())
        .filter(|at| bytes[*at..].starts_with(b"RTJ2"))
        .collect();
    let mut missed = 0;
    for cut in starts.iter().copied().skip(1).chain([bytes.len() - 1]) {
        std::fs::write(&path, &bytes[..cut]).unwrap();
        let called = project.rot("status");
        match called.code {
            23 => missed += 1,
            // What came behind the last change of the vault, a power cut may have taken.
            0 => break,
            other => panic!("{other}: {}", called.stderr),
        }
    }
    assert!(
        missed >= 2,
        "only {missed} of {} cuts were noticed",
        starts.len()
    );
    std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    project.rot("status").code(0);
    assert_eq!(calls(&issuer, "POST", "/api/token"), 1);
}

#[test]
fn another_state_folder_of_this_machine_is_no_other_machine() {
    let issuer = good();
    let (project, _, run) = interrupted(&issuer);
    let other = project
        .rot("--state other run r.rot --lock-timeout 0s")
        .code(24);
    let other = other.says("on this machine, or one of its name, with another state folder");
    assert!(other.stderr.contains(&run), "{}", other.stderr);
    let status = project.rot("--state other status").code(0).stdout;
    assert!(status.contains("with another state folder"), "{status}");
    assert!(!status.contains("on machine here"), "{status}");
}

#[test]
fn a_run_that_is_under_way_is_not_interrupted() {
    let issuer = loopback::faulty(vec![Rule {
        path: Some("/api/token".to_owned()),
        ..Rule::always(Fault::Stall {
            at: Phase::Answer,
            millis: 2_500,
        })
    }]);
    let project = project(&issuer, TOKEN);
    let mut command = project.command(&["run", "r.rot"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let begun = Instant::now();
    while calls(&issuer, "POST", "/api/token") == 0 {
        assert!(begun.elapsed() < Duration::from_secs(30), "never called");
        std::thread::sleep(Duration::from_millis(10));
    }
    let pid = child.id();
    let status = project.rot("status").code(0).stdout;
    assert!(
        status.contains(&format!("running in process {pid} since ")),
        "{status}"
    );
    assert!(!status.contains("interrupted;"), "{status}");
    assert!(status.contains("nothing needs anybody"), "{status}");
    let found = project.rot("status --report json").code(0).json();
    assert_eq!(found["runs"][0]["state"], "running");
    assert_eq!(found["runs"][0]["pid"], pid);
    assert!(found["runs"][0]["since"].is_string());
    let runs = project.rot("runs").code(0).stdout;
    assert!(
        runs.contains(&format!("running in process {pid}")),
        "{runs}"
    );
    let doctor = project.rot("doctor").stdout;
    assert!(doctor.contains("1 run under way"), "{doctor}");
    Called::from(child.wait_with_output().unwrap()).code(0);
    assert!(
        project
            .rot("status")
            .code(0)
            .stdout
            .contains("no run is interrupted")
    );
}
