//! `examples/operate`: units, a timer, a line for cron and manifests, each read by what reads it in earnest, or as it is read.

use serde_json::Value as Json;
use std::path::{Path, PathBuf};
use std::process::Command;

fn text(name: &str) -> String {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/operate"));
    std::fs::read_to_string(folder.join(name)).unwrap()
}

/// The words behind `rot` are a command of this program.
fn is_command(words: &str) {
    let words: Vec<&str> = words.split_whitespace().collect();
    let output = Command::new(env!("CARGO_BIN_EXE_rot"))
        .args(&words)
        .arg("--help")
        .output()
        .unwrap();
    assert!(output.status.success(), "{words:?}");
    // `--help` is heard whatever stands beside it: options that are unknown are looked for in it.
    let help = String::from_utf8(output.stdout).unwrap();
    for option in words.iter().filter(|word| word.starts_with("--")) {
        assert!(help.contains(option), "{option}");
    }
}

fn value<'t>(unit: &'t str, key: &str) -> Vec<&'t str> {
    unit.lines()
        .filter_map(|line| line.strip_prefix(key)?.strip_prefix('='))
        .collect()
}

#[test]
fn units_are_those_of_systemd() {
    let dir = tempfile::tempdir().unwrap();
    let mut files: Vec<PathBuf> = Vec::new();
    for name in ["rot-serve.service", "rot.service", "rot.timer"] {
        let unit = text(name);
        for line in unit
            .lines()
            .filter(|l| !l.is_empty() && !l.starts_with(['#', '[']))
        {
            assert!(line.contains('='), "{name}: {line}");
        }
        for start in value(&unit, "ExecStart") {
            is_command(start.strip_prefix("/usr/local/bin/rot ").unwrap());
        }
        let unit = unit
            .replace("/usr/local/bin/rot", env!("CARGO_BIN_EXE_rot"))
            .replace("User=rot\n", "User=root\n");
        files.push(dir.path().join(name));
        std::fs::write(files.last().unwrap(), unit).unwrap();
    }
    assert_eq!(value(&text("rot.service"), "SuccessExitStatus"), ["10"]);
    let found = Command::new("systemd-analyze").arg("--version").output();
    if !found.is_ok_and(|found| found.status.success()) {
        println!("skipped: systemd-analyze");
        return;
    }
    let verified = Command::new("systemd-analyze")
        .args(["verify", "--man=no"])
        .args(&files)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&verified.stderr).into_owned();
    let ours: Vec<&str> = said.lines().filter(|line| line.contains("rot")).collect();
    assert!(ours.is_empty(), "{said}");
}

#[test]
fn the_line_of_cron_has_five_fields_a_user_and_a_command() {
    let lines = text("rot.cron");
    let line = lines.lines().find(|line| line.starts_with('*')).unwrap();
    let words: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(words[..6], ["*", "*", "*", "*", "*", "rot"]);
    assert!(!line.contains('%'), "cron takes it for an end of line");
    let command = line.split("/usr/local/bin/rot ").nth(1).unwrap();
    is_command(command.split(" ||").next().unwrap());
}

#[test]
fn manifests_are_whole() {
    for (name, at) in [
        ("cronjob.json", "/spec/jobTemplate/spec/template/spec"),
        ("deployment.json", "/spec/template/spec"),
    ] {
        let manifest: Json = serde_json::from_str(&text(name)).unwrap();
        for member in ["/apiVersion", "/kind", "/metadata/name"] {
            assert!(
                manifest.pointer(member).is_some_and(Json::is_string),
                "{name}{member}"
            );
        }
        let pod = manifest.pointer(at).unwrap();
        let volumes: Vec<&Json> = pod["volumes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|v| &v["name"])
            .collect();
        for container in pod["containers"].as_array().unwrap() {
            for mount in container["volumeMounts"].as_array().unwrap() {
                assert!(volumes.contains(&&mount["name"]), "{name}: {mount}");
            }
            let command = container["command"][2].as_str().unwrap();
            let words = command.split("rot ").last().unwrap();
            is_command(words.split(" ||").next().unwrap());
        }
        // The state folder outlives the pod: in it are the journals.
        assert!(pod.to_string().contains("persistentVolumeClaim"), "{name}");
    }
    let deployment: Json = serde_json::from_str(&text("deployment.json")).unwrap();
    assert_eq!(deployment["spec"]["replicas"], 1);
    assert_eq!(deployment["spec"]["strategy"]["type"], "Recreate");
    let selector = &deployment["spec"]["selector"]["matchLabels"];
    assert_eq!(
        *selector,
        deployment["spec"]["template"]["metadata"]["labels"]
    );
    let job: Json = serde_json::from_str(&text("cronjob.json")).unwrap();
    assert_eq!(job["spec"]["concurrencyPolicy"], "Forbid");
}
