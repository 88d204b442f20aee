//! What a new user runs into: slips that were stored, words that led nowhere, files of others.

use crate::support::project::{Called, Project};
use std::os::unix::fs::{MetadataExt, chown};
use std::process::Command;

#[test]
fn a_slip_in_a_field_is_not_a_new_field() {
    // The record's field, what is typed, whether that is a slip.
    let table = [
        ("password", "pasword", true),
        ("password", "Password", true),
        ("api_key", "api-key", true),
        ("password", "user", false),
        ("password", "passwords_old", false),
        ("key1", "key2", false),
        ("a", "b", false),
        ("password", "password", false),
    ];
    for (known, typed, slip) in table {
        let project = Project::new();
        project.set(&format!("s.{known}"), "1");
        let set = |more: &[&str]| {
            let mut arguments = vec!["vault", "set", "s", "--field", typed];
            arguments.extend(more);
            project.feed(&arguments, b"2")
        };
        if slip {
            set(&[]).code(2).says(&format!("the nearest is `{known}`"));
            assert_eq!(project.get(&format!("s.{known}")), "1");
            project
                .with(&["vault", "get", "s", "--field", typed])
                .code(2);
            set(&["--new-field"]).code(0).says("new field");
        } else {
            let called = set(&[]).code(0);
            assert_eq!(
                called.stderr.contains("new field"),
                known != typed,
                "{typed}: {}",
                called.stderr
            );
        }
        assert_eq!(project.get(&format!("s.{typed}")), "2");
    }
}

#[test]
fn a_template_is_proved_before_anything_is_written() {
    let all = |project: &Project| {
        let mut names: Vec<String> = std::fs::read_dir(project.dir())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    };
    for line in [
        "init --template nothing",
        "init --template gitlab_token --set nothing=x",
        "init --template gitlab_token --set host=not/a/host",
        "init --template gitlab_token --set name=../up",
    ] {
        let project = Project::empty();
        let called = project.rot(line);
        assert_eq!(called.code, 2, "{line}: {}", called.stderr);
        assert_eq!(all(&project), [""; 0], "{line}");
    }
    // One that is there already.
    let project = Project::empty();
    project.file("rotations/gitlab_token.rot", "rotation r { log \"x\" }\n");
    project
        .rot("init --template gitlab_token")
        .code(2)
        .says("is there already");
    assert_eq!(all(&project), ["rotations"]);
    // A host that nobody said is told.
    let project = Project::empty();
    project
        .rot("init --template gitea_token")
        .code(0)
        .says("HOST.example.com");
    project.rot("check").code(0);
}

#[test]
fn a_project_with_rotations_gets_no_first_one() {
    let project = Project::empty();
    project.file("jobs/mine.rot", "rotation r { log \"x\" }\n");
    project.rot("init").code(0);
    assert!(!project.path("rotations").exists());
    assert!(project.path("rot.toml").exists() && project.path("rot.vault").exists());
    let fresh = Project::empty();
    fresh.rot("init").code(0);
    assert!(fresh.path("rotations/first.rot").exists());
}

#[test]
fn words_that_lead_on() {
    let project = Project::new();
    project.set("a", "1");
    project.file("text", "hello\n");
    let canary = "tok-CANARY-77";
    let table: &[(&[&str], i32, &str)] = &[
        (
            &["vault", "set", "a", canary],
            2,
            "a value is never an argument",
        ),
        (
            &["vault", "set", "a", "--field", "b", canary],
            2,
            "pipe it in",
        ),
        (
            &["--identity", "/etc/passwd", "vault", "list"],
            2,
            "holds no identity",
        ),
        (&["vault", "merge", "text"], 2, "is no copy of the vault"),
        (&["vault", "merge", "nothing"], 2, "is no copy of the vault"),
        (&["vault", "merge", "."], 2, "is no copy of the vault"),
        (&["explain", "999"], 2, "no such code"),
    ];
    for (arguments, code, said) in table {
        let called = project.with(arguments);
        assert_eq!(called.code, *code, "{arguments:?}: {}", called.stderr);
        assert!(!called.stderr.contains("CANARY"), "{}", called.stderr);
        called.says(said);
    }
    // A file of the system that is no identity is no file to change the mode of.
    let called = project.with(&["--identity", "/etc/passwd", "vault", "list"]);
    assert!(!called.stderr.contains("chmod"), "{}", called.stderr);
    assert_eq!(project.get("a"), "1");
    for code in ["501", "ROT501", "rot501"] {
        let page = project.with(&["explain", code]).code(0);
        assert!(page.stdout.contains("ROT501"), "{code}: {}", page.stdout);
    }
    for topic in [
        "merging",
        "memory",
        "permissions",
        "team",
        "recover",
        "schedule",
    ] {
        let page = project.with(&["help", topic]).code(0);
        assert!(page.stdout.len() > 200, "{topic}");
    }
    // Settings that cannot be read are no missing vault.
    project.file("rot.toml", "[vault\n");
    let alone = project.with(&[]).code(2);
    assert!(!alone.stdout.contains("no vault"), "{}", alone.stdout);
    alone.says("rot.toml");
}

#[test]
fn letters_of_all_scripts_are_shown_as_they_are() {
    let project = Project::new();
    for (name, shown) in [
        ("schlüssel.x", "schlüssel.x"),
        ("名前", "名前"),
        ("a…b", "a…b"),
        ("a\u{202e}b", "a\\u{202e}b"),
        ("a\u{7}b", "a\\u{7}b"),
    ] {
        project
            .with(&["vault", "get", name])
            .code(2)
            .says(&format!("`{shown}`"));
    }
}

#[cfg(unix)]
#[test]
fn links_are_passed_over_by_due_as_by_check() {
    let project = Project::new();
    let outside = Project::empty();
    outside.file("r.rot", "rotation outside { every 1h log \"x\" }\n");
    project.file("own.rot", "rotation own { every 1h log \"x\" }\n");
    project.file("rot.toml", "");
    std::os::unix::fs::symlink(outside.path("r.rot"), project.path("link.rot")).unwrap();
    let due = project.rot("run --due .").code(0);
    assert!(!due.stderr.contains("outside"), "{}", due.stderr);
    let status = project.rot("status --report json").code(0).json();
    let all = status.to_string();
    assert!(all.contains("own") && !all.contains("outside"), "{all}");
}

#[test]
fn what_root_makes_in_the_folder_of_a_user_is_the_users() {
    if std::fs::metadata("/proc/self").unwrap().uid() != 0 {
        println!("skipped: only root can");
        return;
    }
    const USER: u32 = 54_400;
    let project = Project::empty();
    chown(project.dir(), Some(USER), Some(USER)).unwrap();
    project.file(
        "r.rot",
        "secret a\nrotation r { generate g password { length 32 } update a = g.value }\n",
    );
    let owner = |name: &str| {
        let meta = std::fs::metadata(project.path(name)).unwrap();
        (meta.uid(), meta.mode() & 0o777)
    };
    project.rot("vault init").code(0);
    project.set("a", "1");
    Command::new("chmod")
        .args(["640"])
        .arg(project.path("rot.vault"))
        .status()
        .unwrap();
    project.set("a", "2");
    project.rot("run r.rot").code(0);
    for name in [
        "rot.vault",
        "rot.vault.lock",
        ".rot.vault.prev",
        "home",
        "home/config/rot/identity.txt",
        "home/state/rot/vaults",
        "home/state/rot/runs",
    ] {
        assert_eq!(owner(name).0, USER, "{name}");
    }
    assert_eq!(owner("rot.vault").1, 0o640);
    // So that the user can go on.
    let program = project.path("rot");
    std::fs::copy(env!("CARGO_BIN_EXE_rot"), &program).unwrap();
    Command::new("chmod")
        .arg("755")
        .arg(&program)
        .status()
        .unwrap();
    let mut command = Command::new("setpriv");
    command.args([
        format!("--reuid={USER}"),
        format!("--regid={USER}"),
        "--clear-groups".to_owned(),
    ]);
    command
        .arg(&program)
        .args(["run", "r.rot"])
        .current_dir(project.dir())
        .env_clear();
    let home = project.path("home");
    command
        .env("HOME", &home)
        .env("XDG_CONFIG_HOME", home.join("config"))
        .env("XDG_STATE_HOME", home.join("state"));
    Called::from(command.output().unwrap()).code(0);
}
