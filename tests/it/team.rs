//! People who share a vault by git, with the real git and the real readers of what is exported.

mod friction;
mod helps;
mod needs;
mod status;
mod tools;

use crate::support::project::{Called, Project};
use std::path::Path;
use std::process::Command;

/// Runs git in a folder, as a person who has a name.
fn git(project: &Project, folder: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new("git");
    command
        .args(["-c", "user.name=t", "-c", "user.email=t@example.invalid"])
        .args(arguments)
        .current_dir(project.path(folder))
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("HOME", project.path("home"))
        .env("XDG_CONFIG_HOME", project.path("home/config"))
        .env("XDG_STATE_HOME", project.path("home/state"));
    command.output().is_ok_and(|out| out.status.success())
}

/// `rot` in a clone.
fn rot(project: &Project, folder: &str, arguments: &[&str], input: &str) -> Called {
    use std::io::Write;
    let mut child = project
        .command(arguments)
        .current_dir(project.path(folder))
        // A machine for each.
        .env(
            "XDG_STATE_HOME",
            project.path(&format!("home/state-{folder}")),
        )
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    Called::from(child.wait_with_output().unwrap())
}

/// Ann's clone with a vault, the driver and one secret, committed; nothing where there is no git.
fn ann_has_committed() -> Option<Project> {
    let project = Project::empty();
    for folder in ["ann", "home"] {
        std::fs::create_dir(project.path(folder)).unwrap();
    }
    if !git(&project, "ann", &["init", "-q", "-b", "main", "."]) {
        println!("skipped: no git");
        return None;
    }
    rot(&project, "ann", &["vault", "init"], "").code(0);
    rot(&project, "ann", &["vault", "git-setup"], "").code(0);
    rot(&project, "ann", &["vault", "set", "a"], "a0").code(0);
    assert!(
        git(&project, "ann", &["add", "-A"]) && git(&project, "ann", &["commit", "-qm", "one"])
    );
    Some(project)
}

#[test]
fn git_joins_what_two_clones_have_changed() {
    let Some(project) = ann_has_committed() else {
        return;
    };
    assert!(!git(
        &project,
        "ann",
        &["ls-files", "--error-unmatch", "rot.vault.lock"]
    ));
    assert!(git(&project, "ann", &["clone", "-q", ".", "../bob"]));
    rot(&project, "bob", &["vault", "git-setup"], "").code(0);
    rot(&project, "ann", &["vault", "set", "a"], "a1").code(0);
    rot(&project, "bob", &["vault", "set", "b"], "b1").code(0);
    rot(&project, "bob", &["vault", "set", "b"], "value-b2").code(0);
    for folder in ["ann", "bob"] {
        assert!(git(&project, folder, &["commit", "-qam", folder]));
    }
    assert!(git(
        &project,
        "bob",
        &["pull", "-q", "--no-rebase", "--no-edit", "origin", "main"]
    ));
    let get = |folder: &str, name: &str| {
        rot(&project, folder, &["vault", "get", name], "")
            .code(0)
            .stdout
    };
    assert_eq!(
        (get("bob", "a"), get("bob", "b")),
        ("a1\n".into(), "value-b2\n".into())
    );
    rot(&project, "bob", &["vault", "verify"], "")
        .code(0)
        .says("all checks passed");
    // What git shows of a change has names and no values.
    let shown = Command::new("git")
        .args(["show", "--textconv", "HEAD:rot.vault"])
        .current_dir(project.path("bob"))
        .env("HOME", project.path("home"))
        .env("XDG_CONFIG_HOME", project.path("home/config"))
        .output()
        .unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(
        shown.contains("secret b  ") && !shown.contains("value-b2"),
        "{shown}"
    );
}

#[test]
fn a_variable_that_is_not_set_stops_a_run_before_anything_happens() {
    let project = Project::new();
    project.file("r.rot", "env REGION\nrotation r { log env.REGION }\n");
    project
        .rot("run r.rot")
        .code(20)
        .says("environment variable `REGION` is not set");
    let plan = project.rot("plan r.rot").code(0);
    assert!(plan.stdout.contains("REGION"), "{}", plan.stdout);
    assert!(
        project
            .rot("status")
            .code(0)
            .stdout
            .contains("no run is interrupted")
    );
    let mut command = project.command(&["run", "r.rot"]);
    Called::from(command.env("REGION", "eu").output().unwrap()).code(0);
    // The settings of an environment say it too, and a vault of one environment is not used for another.
    project.file("rot.toml", "[environment.prod]\nvault = \"rot.vault\"\nvariables = { REGION = \"eu\" }\n[environment.dev]\nvault = \"rot.vault\"\n");
    project
        .rot("--environment prod run r.rot")
        .code(2)
        .says("does not say to which environment");
    project
        .rot("--environment prod vault environment prod")
        .code(0);
    project.rot("--environment prod run r.rot").code(0);
    project
        .rot("--environment dev run r.rot")
        .code(2)
        .says("belongs to the environment `prod`");
    project.rot("run r.rot").code(2).says("--environment prod");
    project
        .rot("--environment stage run r.rot")
        .code(2)
        .says("it has: dev, prod");
}

#[test]
fn folders_of_rotations_are_run_with_one_summary() {
    let project = Project::new();
    for name in ["a", "b"] {
        project.file(
            &format!("r/{name}.rot"),
            format!("rotation {name} {{ every 1h log \"x\" }}\n"),
        );
    }
    project.file("r/library.rot", "rotation c { log \"never by itself\" }\n");
    project
        .rot("run --due r")
        .code(0)
        .says("2 files: 2 ran, 0 had nothing due, 0 failed");
    project
        .rot("run --due r")
        .code(10)
        .says("2 files: 0 ran, 2 had nothing due");
    project.file("r/wrong.rot", "rotation d { every 1h nonsense }\n");
    assert_ne!(project.rot("run --due r r/a.rot").says("1 failed").code, 0);
    project.file("empty/x.txt", "");
    project.rot("run --due empty").code(3);
}

/// Values that are hard to quote.
const HARD: [(&str, &str); 8] = [
    ("plain", "abc"),
    ("blanks", "  two  words  "),
    ("hash", "a # b"),
    ("dollar", "$HOME ${X} `id` $(id)"),
    ("double", "say \"hi\""),
    ("equals", "a=b==c"),
    ("unicode", "grüße 🔑"),
    ("lines", "one\ntwo"),
];

fn exported(project: &Project, format: &str) -> Vec<(&'static str, &'static str, Option<String>)> {
    let export = |name: &'static str| {
        let done = project.with(&[
            "vault", "export", "--format", format, "--prefix", "X_", name,
        ]);
        (done.code == 0).then_some(done.stdout)
    };
    HARD.iter()
        .map(|(name, value)| (*name, *value, export(name)))
        .collect()
}

fn shell(script: &str, file: &Path) -> String {
    let out = Command::new("sh")
        .arg("-c")
        .arg(script)
        .arg("sh")
        .arg(file)
        .env_clear()
        .output()
        .unwrap();
    String::from_utf8(out.stdout).unwrap()
}

#[test]
fn what_is_exported_is_read_back_by_its_reader() {
    let project = Project::new();
    for (name, value) in HARD {
        project.set(name, value);
    }
    project.set("path", "x");
    for format in ["env", "dotenv", "docker", "systemd"] {
        project
            .with(&["vault", "export", "--format", format, "path"])
            .code(2)
            .says("`PATH`");
        project
            .with(&[
                "vault", "export", "--format", format, "--prefix", "MY_", "path",
            ])
            .code(0);
    }
    for (name, value, text) in exported(&project, "env") {
        project.file("x.env", text.unwrap());
        let script = format!(". \"$1\" && printf %s \"$X_{}\"", name.to_uppercase());
        assert_eq!(shell(&script, &project.path("x.env")), value, "{name}");
    }
    // A shell reads systemd's quotes as systemd does.
    for (name, value, text) in exported(&project, "systemd") {
        project.file("x.env", text.unwrap());
        let script = format!(". \"$1\" && printf %s \"$X_{}\"", name.to_uppercase());
        assert_eq!(shell(&script, &project.path("x.env")), value, "{name}");
    }
    let node = Command::new("node").arg("--version").output().is_ok();
    for (name, value, text) in exported(&project, "dotenv") {
        project.file("x.env", text.unwrap());
        if !node {
            println!("skipped: no node");
            break;
        }
        let out = Command::new("node")
            .arg(format!("--env-file={}", project.path("x.env").display()))
            .arg("-e")
            .arg(format!(
                "process.stdout.write(process.env.X_{})",
                name.to_uppercase()
            ))
            .output()
            .unwrap();
        assert_eq!(String::from_utf8(out.stdout).unwrap(), value, "{name}");
    }
    for (name, value, text) in exported(&project, "docker") {
        match text {
            None => assert!(value.contains('\n'), "{name}"),
            Some(text) => assert_eq!(text, format!("X_{}={value}\n", name.to_uppercase())),
        }
    }
    // And back again.
    let other = Project::new();
    for format in ["dotenv", "systemd"] {
        for (name, value, text) in exported(&project, format) {
            other.file("x.env", text.unwrap());
            other
                .with(&[
                    "vault",
                    "import",
                    "x.env",
                    "--map",
                    &format!("X_{}={name}", name.to_uppercase()),
                    "--apply",
                ])
                .code(0);
            assert_eq!(other.get(name), value, "{format} {name}");
        }
    }
}

#[test]
fn imports_show_their_names_first() {
    let project = Project::new();
    project.file(
        "foreign.json",
        r#"{ "user@mail": "v1", "github.com": { "user": "u", "token": "t" }, "/path/x": "v2", "a b": "v3", "a-b": "v4" }"#,
    );
    project
        .rot("vault import foreign.json")
        .code(2)
        .says("would both be `a-b`");
    let shown = project
        .with(&["vault", "import", "foreign.json", "--map", "a b=a/b"])
        .code(0);
    for name in [
        "user-mail",
        "github-com",
        "path/x",
        "a/b",
        "record of user, token",
    ] {
        assert!(shown.stdout.contains(name), "{}", shown.stdout);
    }
    assert!(!shown.stdout.contains("v1"));
    project.rot("vault get user-mail").code(2);
    project
        .with(&[
            "vault",
            "import",
            "foreign.json",
            "--map",
            "a b=a/b",
            "--apply",
        ])
        .code(0);
    assert_eq!(
        (project.get("user-mail"), project.get("github-com.token")),
        ("v1".into(), "t".into())
    );
}

#[test]
fn records_are_set_and_changed_whole() {
    let project = Project::new();
    project
        .feed(
            &["vault", "set", "rec", "--record"],
            br#"{"user":"u1","pass":"p1"}"#,
        )
        .code(0);
    project
        .feed(
            &["vault", "set", "rec", "--record"],
            br#"{"user":"u2","pass":"p2","otp":"o"}"#,
        )
        .code(0);
    assert_eq!(
        project.rot("vault history rec --report json").json()["versions"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    project.rot("vault set rec --unset otp").code(0);
    project.rot("vault get rec --field otp").code(2);
    assert_eq!(
        (project.get("rec.user"), project.get("rec.pass")),
        ("u2".into(), "p2".into())
    );
    for wrong in [
        "[]",
        "{\"a\":1}",
        "{\"a\":null}",
        "{}",
        "{\"a\":\"1\",\"a\":\"2\"}",
        "{\"a b\":\"1\"}",
        "CANARY-77",
    ] {
        let done = project
            .feed(&["vault", "set", "rec", "--record"], wrong.as_bytes())
            .code(2);
        assert!(!done.stderr.contains("CANARY"), "{}", done.stderr);
    }
}

/// Each way out that a message names leads out.
#[test]
fn a_lost_vault_comes_back_as_its_help_says() {
    let project = Project::new();
    project.set("a", "one").set("a", "two");
    std::fs::remove_file(project.path("rot.vault")).unwrap();
    project.rot("vault list").code(2).says("rot vault accept");
    project.rot("vault init").code(2).says("there was a vault");
    std::fs::copy(project.path(".rot.vault.prev"), project.path("rot.vault")).unwrap();
    project.rot("vault list").code(23);
    project.rot("--read-only vault list").code(0);
    project
        .rot("vault accept")
        .code(0)
        .says("remembered until now: generation 3");
    assert_eq!(project.get("a"), "one");
    // For good.
    std::fs::remove_file(project.path("rot.vault")).unwrap();
    project
        .rot("vault init --anew")
        .code(0)
        .says("what is left of the vault before is");
    project.set("a", "new");
    // Without a home, nothing is made in the project.
    let bare = Project::empty();
    let mut command = bare.command(&["vault", "init"]);
    for name in ["HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"] {
        command.env_remove(name);
    }
    Called::from(command.output().unwrap())
        .code(2)
        .says("HOME is not set");
    assert!(bare.files().is_empty());
    // Somebody who joins.
    let joins = Project::empty();
    joins.file(
        "rot.vault",
        std::fs::read(project.path("rot.vault")).unwrap(),
    );
    joins.rot("vault list").code(2).says("rot identity new");
    let key = joins.rot("identity new").code(0).stdout;
    joins.rot("identity new").code(2);
    assert_eq!(joins.rot("identity show").code(0).stdout, key);
    joins
        .rot("vault list")
        .code(2)
        .says("rot vault recipients add");
    project
        .with(&["vault", "recipients", "add", key.trim(), "--name", "dan"])
        .code(0);
    joins.file(
        "rot.vault",
        std::fs::read(project.path("rot.vault")).unwrap(),
    );
    joins.rot("vault list").code(0);
    project
        .rot("vault recipients remove dan")
        .code(0)
        .says("which should be rotated: a");
    assert_eq!(
        project.rot("vault recipients --report json").json()["recipients"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}
