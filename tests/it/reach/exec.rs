//! Programs of this machine.

use crate::support::project::Project;
use std::os::unix::fs::PermissionsExt;

/// A project with programs: name and shell script.
fn with(programs: &[(&str, &str)]) -> Project {
    let project = Project::new();
    let mut settings = String::from("[programs]\n");
    for (name, script) in programs {
        let path = project.path(&format!("{name}.sh"));
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        settings.push_str(&format!("{name} = [{:?}]\n", path.display().to_string()));
    }
    project.file("rot.toml", settings);
    project
}

const CANARY: &str = "canary-0f3a9b7c51";

#[test]
fn a_secret_comes_by_stdin_environment_or_file_and_nowhere_else() {
    let dump = "tr '\\0' ' ' < /proc/$$/cmdline > DIR/cmdline; tr '\\0' '\\n' < /proc/$$/environ > DIR/environ; cat > DIR/stdin; cat \"$2\" > DIR/file; ls -l /proc/$$/fd > DIR/fd; echo '{\"id\": \"k1\", \"made\": \"made-value-123456\"}'";
    let project = with(&[]);
    let dump = dump.replace("DIR", &project.dir().display().to_string());
    let path = project.path("dump.sh");
    std::fs::write(&path, format!("#!/bin/sh\n{dump}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    project.file(
        "rot.toml",
        format!("[programs]\ndump = [{:?}]\n", path.display().to_string()),
    );
    project.file(
        "e.rot",
        "secret a to program \"dump\" in stdin, program \"dump\" in environment, program \"dump\" in file\nsecret b\n\nrotation r {\n  exec start \"dump\" issues additive {\n    arguments [\"-f\", path, \"public\"]\n    file \"F${secrets.a}\"\n    stdin \"S${secrets.a}\"\n    environment { TOKEN: \"E${secrets.a}\", PATH: \"/usr/bin:/bin\" }\n    secret made = body $.made\n    public id = body $.id\n  }\n  update b = start.made\n  log \"id ${run.id}\"\n}\n",
    );
    project.set("a", CANARY);
    project.rot("check --fail-on warning e.rot").code(0);
    project.rot("run e.rot").code(0);
    assert_eq!(project.get("b"), "made-value-123456");
    assert_eq!(project.read("stdin"), format!("S{CANARY}"));
    assert_eq!(project.read("file"), format!("F{CANARY}"));
    let environ = project.read("environ");
    let mut names: Vec<&str> = environ
        .lines()
        .filter_map(|l| Some(l.split_once('=')?.0))
        .collect();
    names.retain(|name| !["PWD", "SHLVL", "_", "OLDPWD"].contains(name));
    names.sort_unstable();
    assert_eq!(names, ["PATH", "TOKEN"], "{environ}");
    assert!(environ.contains(&format!("TOKEN=E{CANARY}")));
    let cmdline = project.read("cmdline");
    assert!(
        cmdline.contains("-f /proc/self/fd/") && cmdline.contains("public"),
        "{cmdline}"
    );
    assert!(!cmdline.contains("canary"), "{cmdline}");
    // In no file of ours but those that the program itself wrote.
    for (path, content) in project.files() {
        let own = ["stdin", "file", "environ"].map(|n| project.path(n));
        let found = content
            .windows(CANARY.len())
            .any(|w| w == CANARY.as_bytes());
        assert!(!found || own.contains(&path), "{}", path.display());
    }
}

#[test]
fn a_secret_in_an_argument_is_an_error_before_and_during_a_run() {
    let project = with(&[("tool", "exit 0")]);
    project.file(
        "e.rot",
        "secret a to program \"tool\"\nrotation r {\n  exec \"tool\" sets {\n    arguments [\"--password\", secrets.a]\n  }\n}\n",
    );
    let found = project.rot("check --report concise e.rot").code(1);
    assert!(
        found.stdout.contains("ROT309") && found.stdout.contains("arguments"),
        "{}",
        found.stdout
    );
    // Nothing can be declared for an argument.
    project.file(
        "f.rot",
        "secret a to program \"tool\" in arguments\nrotation r { log \"x\" }\n",
    );
    project.rot("check f.rot").code(1);
}

#[test]
fn codes_of_programs_go_by_the_effect() {
    let project = with(&[("fails", "exit 3"), ("works", "echo ok")]);
    let run = |text: &str| {
        project.file("e.rot", text);
        project.rot("run e.rot")
    };
    run("rotation r { exec \"fails\" reads { expect exit 3 } }").code(0);
    run("rotation r { exec \"fails\" reads }")
        .code(20)
        .says("program `fails` ended with code 3");
    // What it did before it ended is not known: the run can be resumed, and a value that is set is set again.
    let failed = run("rotation r { exec \"fails\" sets }");
    assert_ne!(failed.code, 0);
    failed.says("ended with code 3");
}

#[test]
fn what_hangs_writes_too_much_or_is_another_file_is_ended_or_never_started() {
    let project = with(&[
        ("hangs", "sleep 1000 & echo $! > child; echo $$ > own; wait"),
        ("floods", "yes"),
        ("signal", "kill -9 $$"),
    ]);
    let run = |text: &str| {
        project.file("e.rot", text);
        project.rot("run e.rot")
    };
    let hang = run("rotation r { exec \"hangs\" reads { timeout 300ms } }");
    assert_ne!(hang.code, 0);
    hang.says("ran too long and was ended");
    for file in ["child", "own"] {
        let pid = project.read(file);
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", pid.trim())).unwrap_or_default();
        assert!(
            status.is_empty() || status.contains("State:\tZ"),
            "{file} lives on: {status}"
        );
    }
    run("rotation r { exec \"floods\" reads { limit 4KiB } }").says("wrote more than the limit");
    run("rotation r { exec \"signal\" reads }").says("ended by a signal");
    run("rotation r { exec \"nothing\" reads }")
        .code(20)
        .says("no program `nothing` is declared");
    project.file("rot.toml", "[programs]\nworks = { command = [\"/bin/true\"], sha256 = \"0000000000000000000000000000000000000000000000000000000000000000\" }\n");
    run("rotation r { exec \"works\" reads }").says("another file than the settings name");
    project.file("rot.toml", "[programs]\nworks = [\"true\"]\n");
    run("rotation r { exec \"works\" reads }").says("absolute path");
}
