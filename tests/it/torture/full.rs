//! T6: really full disks, and a limit on the size of files. A credential that was issued is in the vault, in the journal,
//! in the rescue file, or sealed on standard error.

use super::project::{Project, files, rot};
use super::scenario::{ADDITIVE, LIFE, Scenario};
use super::strace;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A file system in memory of a fixed size; gone with this.
struct Small(PathBuf);

impl Small {
    fn mount(at: &Path, bytes: u64) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let done = Command::new("mount")
            .args([
                "-t",
                "tmpfs",
                "-o",
                &format!("size={bytes},mode=700"),
                "none",
            ])
            .arg(at)
            .output();
        done.is_ok_and(|o| o.status.success())
            .then(|| Self(at.to_owned()))
    }

    fn grow(&self) {
        let done = Command::new("mount")
            .args(["-o", "remount,size=64m"])
            .arg(&self.0)
            .status()
            .unwrap();
        assert!(done.success());
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// What the rescue files of a project and its standard error hold, opened with the vault's identity.
fn rescued(project: &Project) -> Vec<u8> {
    let vault = project.vault();
    let mut plain = Vec::new();
    let mut open = |sealed: &[u8]| {
        let Ok(answer) = vault.unseal(sealed) else {
            return;
        };
        let Ok(json) = serde_json::from_slice::<serde_json::Value>(&answer) else {
            return;
        };
        plain.extend(STANDARD.decode(json["body"].as_str().unwrap()).unwrap());
    };
    let places = [project.dir.path().to_owned(), project.path("small")];
    for file in places
        .iter()
        .filter(|place| place.exists())
        .flat_map(|place| files(place))
    {
        if file
            .file_name()
            .unwrap()
            .to_string_lossy()
            .starts_with(".rot-rescue-")
        {
            open(&std::fs::read(file).unwrap());
        }
    }
    const BEGIN: &str = "-----BEGIN AGE ENCRYPTED FILE-----";
    const END: &str = "-----END AGE ENCRYPTED FILE-----";
    for part in project.said.split(BEGIN).skip(1) {
        open(format!("{BEGIN}{}{END}\n", part.split(END).next().unwrap()).as_bytes());
    }
    plain
}

/// Where on the small disk the files are, and how its space is told of.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    State,
    Everything,
}

/// One run on a full disk, then one with room. Answers with how many credentials had to be rescued.
fn fill(
    scenario: &'static Scenario,
    bytes: u64,
    place: Place,
    blind: bool,
    codes: &mut BTreeMap<i32, usize>,
) -> Option<Result<usize, String>> {
    let mut project = Project::new(scenario);
    let small = project.path("small");
    let disk = Small::mount(&small, bytes)?;
    let state = small.join("state");
    let fits = |from: &str| {
        Command::new("cp")
            .arg("-r")
            .arg(project.path(from))
            .arg(&small)
            .output()
            .unwrap()
            .status
            .success()
    };
    if !fits("state") || (place == Place::Everything && !fits("rot.vault")) {
        // Not even the vault fits.
        return Some(Ok(0));
    }
    std::fs::remove_dir_all(project.path("state")).unwrap();
    std::os::unix::fs::symlink(&state, project.path("state")).unwrap();
    let mut line = String::from("run p.rot");
    if place == Place::Everything {
        std::fs::remove_file(project.path("rot.vault")).unwrap();
        line = format!("--vault {} run p.rot", small.join("rot.vault").display());
    }
    let ended = match blind {
        // A file system that cannot reserve room: the disk is found to be full only when the answer is there.
        true => project.traced(
            &[
                "-o",
                "/dev/null",
                "-e",
                "trace=fallocate",
                "-e",
                "inject=fallocate:error=EOPNOTSUPP",
            ],
            &line,
        ),
        false => project.rot(&line),
    };
    *codes.entry(ended.code.unwrap_or(-1)).or_default() += 1;
    let made = |project: &Project| project.issuer.state().credentials.len();
    if !blind && !matches!(ended.code, Some(0 | 20)) {
        return Some(Err(format!(
            "{bytes} bytes: exit code {:?} where the room was reserved before\n{}",
            ended.code, ended.stderr
        )));
    }
    if !matches!(ended.code, Some(0 | 2 | 20 | 21 | 22)) {
        return Some(Err(format!(
            "{bytes} bytes: exit code {:?}\n{}",
            ended.code, ended.stderr
        )));
    }
    let before = made(&project);
    disk.grow();
    for _ in 0..5 {
        if project.rot(&line).code == Some(0) {
            break;
        }
    }
    if place == Place::Everything {
        // So that the checks find it where they look.
        std::fs::copy(small.join("rot.vault"), project.path("rot.vault")).unwrap();
    }
    let Some(current) = project.current() else {
        return Some(Err(format!(
            "{bytes} bytes: nothing is current\n{}",
            project.said
        )));
    };
    let (known, saved) = (project.known(), rescued(&project));
    let state = project.issuer.state();
    if !(scenario.accepted)(&state, &current) {
        return Some(Err(format!(
            "{bytes} bytes: what is current is dead\n{}",
            project.said
        )));
    }
    let live = scenario
        .makes
        .iter()
        .flat_map(|kind| state.live_all(*kind))
        .filter(|c| !known.contains(&c.value));
    let (safe, lost): (Vec<_>, Vec<_>) =
        live.partition(|c| super::project::contains(&saved, c.value.as_bytes()));
    if !lost.is_empty() {
        return Some(Err(format!(
            "{bytes} bytes: {} of {before} credentials lost\n{}",
            lost.len(),
            project.said
        )));
    }
    Some(Ok(safe.len()))
}

fn run(sizes: &[u64]) {
    let traced = strace::ready("full disks (those that cannot reserve)");
    let mut codes = BTreeMap::new();
    let (mut disks, mut rescues, mut wrong) = (0, 0, Vec::new());
    for kib in sizes {
        for (scenario, place, blind) in [
            (&ADDITIVE, Place::State, false),
            (&ADDITIVE, Place::State, true),
            (&LIFE, Place::Everything, true),
            (&ADDITIVE, Place::Everything, true),
        ] {
            if blind && !traced {
                continue;
            }
            match fill(scenario, kib * 1024, place, blind, &mut codes) {
                None => {
                    println!("full disks: skipped, mounting needs root");
                    return;
                }
                Some(Ok(safe)) => rescues += safe,
                Some(Err(message)) => wrong.push(message),
            }
            disks += 1;
        }
    }
    println!(
        "{disks} full disks, exit codes {codes:?}, {rescues} credentials in the rescue file or sealed on standard error, {} lost",
        wrong.len()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn full_disks_lose_nothing() {
    run(&[4, 8, 12, 16, 20, 24, 32, 64]);
}

#[test]
#[ignore = "about five minutes; see docs/how-it-is-tested.md"]
fn full_disks_of_every_size_lose_nothing() {
    run(&(1..=128).map(|n| n * 4).collect::<Vec<_>>());
}

#[test]
fn a_limit_on_file_sizes_loses_nothing() {
    let (mut limits, mut rescues) = (0, 0);
    // Blocks of 512 bytes (POSIX `ulimit -f`).
    for blocks in 1..=16 {
        let mut project = Project::new(&ADDITIVE);
        let mut command = project.around("/bin/sh");
        command.args([
            "-c",
            &format!("ulimit -f {blocks}; exec \"$0\" run p.rot"),
            &rot(),
        ]);
        let ended = project.wait(command);
        assert!(
            matches!(ended.code, Some(0 | 20 | 21 | 22)),
            "{blocks}: {:?}\n{}",
            ended.code,
            ended.stderr
        );
        let code = project.until_over(5);
        assert_eq!(code, 0, "{}", project.said);
        let (known, saved) = (project.known(), rescued(&project));
        for live in project
            .issuer
            .state()
            .live_all(rot::demo::issuer::Kind::Orkes)
        {
            let safe = super::project::contains(&saved, live.value.as_bytes());
            assert!(
                known.contains(&live.value) || safe,
                "{blocks} blocks: a credential is lost\n{}",
                project.said
            );
            rescues += usize::from(safe);
        }
        limits += 1;
    }
    println!(
        "{limits} limits on file sizes, {rescues} credentials in the rescue file or sealed on standard error, 0 lost"
    );
}
