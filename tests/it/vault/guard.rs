//! Whose files they are: what others could have put there, or could change, is refused with the command that mends it; what a
//! container, a shared folder or a group of one's own makes of owners and modes is not.

use crate::support::project::{Called, Project};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::process::Command;

const STRANGER: u32 = 54_321;
const USER: u32 = 54_322;
const GROUP: u32 = 54_323;

fn is_root() -> bool {
    let own = std::fs::metadata("/proc/self").unwrap().uid() == 0;
    if !own {
        println!("skipped: only root can give files away");
    }
    own
}

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn give(path: &Path, uid: u32, gid: u32) {
    if path.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            give(&entry.unwrap().path(), uid, gid);
        }
    }
    chown(path, Some(uid), Some(gid)).unwrap();
}

/// Calls it as another user, who is in these groups.
fn as_user(project: &Project, uid: u32, gid: u32, arguments: &str) -> Called {
    let mut command = Command::new("setpriv");
    let program = project.path("rot");
    if !program.exists() {
        std::fs::copy(env!("CARGO_BIN_EXE_rot"), &program).unwrap();
        mode(&program, 0o755);
    }
    command
        .args([
            format!("--reuid={uid}"),
            format!("--regid={gid}"),
            "--clear-groups".to_owned(),
        ])
        .arg(&program)
        .args(arguments.split_whitespace())
        .current_dir(project.dir())
        .env_clear()
        .env("HOME", project.path("home"))
        .env("PATH", "/usr/bin:/bin");
    Called::from(command.stdin(std::process::Stdio::null()).output().unwrap())
}

const VAULT: &str = "rot.vault";
const IDENTITY: &str = "home/config/rot/identity.txt";
const STATE: &str = "home/state/rot";

#[test]
fn files_that_others_can_change_are_refused_and_named() {
    // Which file, which mode, what is said; nothing where it is right.
    let table: &[(&str, u32, Option<&str>)] = &[
        (VAULT, 0o600, None),
        (VAULT, 0o644, None),
        (VAULT, 0o664, None),
        (VAULT, 0o666, Some("chmod go-w")),
        (VAULT, 0o602, Some("chmod go-w")),
        (STATE, 0o700, None),
        (STATE, 0o755, None),
        (STATE, 0o775, None),
        (STATE, 0o1777, None),
        (STATE, 0o777, Some("chmod go-w")),
        (STATE, 0o702, Some("chmod go-w")),
        ("home/state/rot/vaults", 0o777, Some("chmod go-w")),
        ("home/state", 0o777, Some("chmod go-w")),
        ("home", 0o777, Some("chmod go-w")),
        ("home", 0o1777, None),
        ("home/config/rot", 0o777, Some("chmod go-w")),
        ("home/config", 0o722, Some("chmod go-w")),
        (IDENTITY, 0o600, None),
        (IDENTITY, 0o400, None),
        (IDENTITY, 0o644, Some("chmod 600")),
    ];
    for (file, bits, said) in table {
        let project = Project::new();
        mode(&project.path(file), *bits);
        let called = project.rot("vault list");
        match said {
            None => assert_eq!(called.code, 0, "{file} {bits:o}: {}", called.stderr),
            Some(said) => {
                assert_eq!(called.code, 2, "{file} {bits:o}: {}", called.stderr);
                called.says(said);
            }
        }
        // A look asks nothing of anybody, but for who knows the key.
        if *file != IDENTITY {
            project.rot("--read-only vault list").code(0);
        }
    }
    let project = Project::new();
    let pin = |project: &Project| {
        let folder = std::fs::read_dir(project.path("home/state/rot/vaults")).unwrap();
        let mut paths = folder.map(|entry| entry.unwrap().path());
        paths
            .find(|p| p.extension().is_some_and(|e| e == "pin"))
            .unwrap()
    };
    mode(&pin(&project), 0o646);
    project
        .rot("vault list")
        .code(2)
        .says("chmod go-w")
        .says("ROT833");
}

#[test]
fn files_of_others_are_refused() {
    if !is_root() {
        return;
    }
    // As root: whose is which file, and whose is the project.
    let table: &[(&str, u32, u32, i32)] = &[
        (VAULT, STRANGER, 0, 2),
        (IDENTITY, STRANGER, 0, 2),
        (STATE, STRANGER, 0, 2),
        ("home/state/rot/vaults", STRANGER, 0, 2),
        ("home/state", STRANGER, 0, 2),
        ("home/config/rot", STRANGER, 0, 2),
        // A container: all belongs to the user outside.
        ("", USER, USER, 0),
        (VAULT, USER, USER, 0),
        (STATE, USER, USER, 0),
        (IDENTITY, USER, USER, 0),
        (STATE, STRANGER, USER, 2),
    ];
    for (file, owner, of_project, exit) in table {
        let project = Project::new();
        if *of_project != 0 {
            give(project.dir(), *of_project, *of_project);
        }
        if !file.is_empty() {
            give(&project.path(file), *owner, *owner);
        }
        let called = project.rot("vault list");
        assert_eq!(called.code, *exit, "{file} of {owner}: {}", called.stderr);
        if *exit != 0 {
            called.says("belongs to the user").says("chown 0");
        }
    }
}

#[test]
fn a_user_takes_their_own_and_what_a_group_shares() {
    if !is_root() {
        return;
    }
    let made = || {
        let project = Project::empty();
        give(project.dir(), USER, GROUP);
        mode(project.dir(), 0o755);
        as_user(&project, USER, GROUP, "vault init").code(0);
        project
    };
    let list = |project: &Project| as_user(project, USER, GROUP, "vault list");
    let project = made();
    list(&project).code(0);
    // Root may have put it there.
    give(&project.path(VAULT), 0, GROUP);
    mode(&project.path(VAULT), 0o640);
    list(&project).code(0);
    // Another member wrote last: only where the folder is the group's.
    give(&project.path(VAULT), STRANGER, GROUP);
    list(&project).code(2).says("belongs to the user");
    mode(project.dir(), 0o775);
    list(&project).code(0);
    give(&project.path(VAULT), STRANGER, STRANGER);
    mode(&project.path(VAULT), 0o644);
    list(&project).code(2).says("belongs to the user");
    // A state folder that a foreign group may write to.
    let project = made();
    let state = project.path("home/.local/state/rot");
    mode(&state, 0o770);
    list(&project).code(0);
    give(&state, USER, STRANGER);
    mode(&state, 0o770);
    list(&project).code(2).says("chmod g-w");
}

#[test]
fn second_names_are_refused_but_for_the_backup_of_a_writer_that_died() {
    let project = Project::new();
    project.set("a", "1");
    std::fs::remove_file(project.path(".rot.vault.prev")).unwrap();
    std::fs::hard_link(project.path(VAULT), project.path(".rot.vault.prev")).unwrap();
    project.rot("vault list").code(0);
    std::fs::hard_link(project.path(VAULT), project.path("third")).unwrap();
    project.rot("vault list").code(2).says("has 3 names");
    std::fs::remove_file(project.path(".rot.vault.prev")).unwrap();
    project.rot("vault list").code(2).says("has 2 names");
    std::fs::remove_file(project.path("third")).unwrap();
    // A lock that is another file of ours.
    project.file("precious", "to be kept");
    std::fs::remove_file(project.path("rot.vault.lock")).unwrap();
    std::fs::hard_link(project.path("precious"), project.path("rot.vault.lock")).unwrap();
    project
        .rot("vault environment x")
        .code(2)
        .says("the lock")
        .says("ROT833");
    assert_eq!(project.read("precious"), "to be kept");
}

#[test]
fn settings_move_neither_vault_nor_state_by_themselves() {
    let settings = |project: &Project, text: &str| {
        project.file("rot.toml", text);
    };
    let vault = |path: &str| format!("[vault]\npath = \"{path}\"\n");
    let state = |path: &str| format!("[state]\ndir = \"{path}\"\n");
    // How it was, how it is, and whether that is a move.
    let table: &[(String, String, bool)] = &[
        (String::new(), String::new(), false),
        (String::new(), vault("rot.vault"), false),
        (String::new(), vault("./rot.vault"), false),
        (String::new(), vault("x.vault"), true),
        (vault("x.vault"), String::new(), true),
        (vault("x.vault"), vault("y.vault"), true),
        (vault("x.vault"), vault("x.vault"), false),
        (String::new(), state("s"), true),
        (state("s"), String::new(), true),
        (state("s"), state("t"), true),
        (state("s"), state("./s"), false),
        (
            format!("{}{}", vault("x.vault"), state("s")),
            format!("{}{}", vault("x.vault"), state("t")),
            true,
        ),
    ];
    for (before, after, moved) in table {
        for had_settings in [true, false] {
            if !had_settings && !before.is_empty() {
                continue;
            }
            let project = Project::empty();
            if had_settings {
                settings(&project, before);
            }
            project.rot("vault init").code(0);
            project.set("a", "1");
            for name in ["rot.vault", "x.vault", "y.vault"] {
                let from = ["rot.vault", "x.vault"].map(|n| project.path(n));
                let from = from.iter().find(|p| p.exists()).unwrap().clone();
                if !project.path(name).exists() {
                    std::fs::copy(from, project.path(name)).unwrap();
                }
            }
            settings(&project, after);
            let called = project.rot("vault get a");
            let case = format!("{before:?} {after:?}");
            if !moved {
                assert_eq!(called.code, 0, "{case}: {}", called.stderr);
                continue;
            }
            assert_eq!(called.code, 23, "{case}: {}", called.stderr);
            called.says("ROT832");
            for other in ["status", "vault remove a", "exec --secret a -- true"] {
                project.rot(other).code(23).says("ROT832");
            }
            // A look, and what the user says by name.
            project.rot("--read-only vault get a").code(0);
            project
                .rot("--vault rot.vault --state other vault get a")
                .code(0);
            project.rot("vault accept").code(0);
            project.rot("vault get a").code(0);
            // Both are known now.
            settings(&project, before);
            project.rot("vault get a").code(0);
        }
    }
}

#[test]
fn a_run_without_a_person_takes_no_vault_that_was_never_seen() {
    let project = Project::new();
    project.file("r.rot", "rotation r { every 1h log \"x\" }");
    // Another home is another machine; its identity is at hand by name.
    let elsewhere = |home: &str, line: &str, value: Option<&str>| {
        let identity = project.path(IDENTITY);
        let mut arguments = vec!["--identity", identity.to_str().unwrap()];
        arguments.extend(line.split_whitespace());
        let mut command = project.command(&arguments);
        command.env("XDG_STATE_HOME", project.path(home));
        command.envs(value.map(|value| ("ROT_FIRST_USE", value)));
        Called::from(command.output().unwrap())
    };
    let table = [
        ("new", "run r.rot", None, 2),
        ("new", "run --due r.rot", None, 2),
        ("new", "resume", None, 2),
        ("new", "run r.rot", Some("false"), 2),
        ("new", "run r.rot", Some("0"), 2),
        ("new", "run r.rot", Some(""), 2),
        ("new", "vault list", None, 0),
        ("new", "run r.rot", None, 0),
        ("other", "--first-use run r.rot", None, 0),
        ("other", "run r.rot", None, 0),
        ("a", "run r.rot", Some("true"), 0),
        ("b", "run r.rot", Some("1"), 0),
        // This user has seen it, whichever state folder a command names.
        ("new", "--state mine run r.rot", None, 0),
    ];
    for (home, line, value, exit) in table {
        let called = elsewhere(home, line, value);
        assert_eq!(called.code, exit, "{home} {line}: {}", called.stderr);
        if exit == 2 {
            called.says("ROT818").says("--first-use");
        }
    }
    // A forgery is none that was seen.
    let forged = Project::new();
    std::fs::copy(forged.path(VAULT), project.path(VAULT)).unwrap();
    let identity = forged.path(IDENTITY);
    let line = format!("--identity {} --state third run r.rot", identity.display());
    project.rot(&line).code(2).says("ROT818");
}

#[test]
fn a_pin_that_was_taken_away_is_noticed() {
    let project = Project::new();
    project.set("a", "1").file(
        "r.rot",
        "secret a\nrotation r { generate g password { length 32 } update a = g.value }",
    );
    let vaults = project.path("home/state/rot/vaults");
    for entry in std::fs::read_dir(&vaults).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "pin") {
            std::fs::remove_file(path).unwrap();
        }
    }
    project.rot("vault get a").code(0).says("was taken away");
    project.rot("status").code(0);
    project.rot("run r.rot").code(23).says("ROT806");
    project.rot("vault remove a").code(23).says("ROT806");
    project.rot("vault accept").code(0);
    project.rot("run r.rot").code(0);
    // The whole memory is a first use.
    std::fs::remove_dir_all(project.path("home/state/rot")).unwrap();
    project
        .rot("vault get a")
        .code(0)
        .says("for the first time");
}
