//! What needs somebody at three in the morning: each kind of thing is brought about, found, and gone after the command that is
//! shown for it.

use super::{git, rot};
use crate::support::loopback::{at, faulty, issuer};
use crate::support::project::{Called, Project};
use rot::demo::issuer::{Config, Fault, IssuerHandle, Rule};
use serde_json::Value as Json;
use std::process::Command;

const TOKEN: &str = r#"secret appKeyId, appKeySecret to "api.example.com"
secret my_token

rotation my_token {
  every 45m
  http get POST "https://api.example.com/api/token" issues additive {
    json { keyId: secrets.appKeyId, keySecret: secrets.appKeySecret }
    secret token = body $.token
  }
  update my_token = get.token
}
"#;

fn project(issuer: &IssuerHandle, text: &str) -> Project {
    let project = Project::new();
    project
        .file("rot.toml", "")
        .file("r.rot", at(issuer, text))
        .set("appKeyId", "demo-key-id")
        .set("appKeySecret", "demo-key-secret");
    project
}

fn status(project: &Project) -> Json {
    project.rot("status --report json").code(0).json()
}

/// The kinds of what needs somebody.
fn kinds(project: &Project) -> Vec<String> {
    let report = project.rot("status --report json").json();
    let all = report["attention"].as_array().unwrap().clone();
    let kind = |one: &Json| one["kind"].as_str().unwrap().to_owned();
    all.iter().map(kind).collect()
}

/// Runs a command as it is shown, in a shell; what it asks for is on standard input.
fn shell(project: &Project, command: &str) -> Called {
    let _ = std::fs::create_dir(project.path("bin"));
    let _ = std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_rot"), project.path("bin/rot"));
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &format!("printf a-new-value | {command}")])
        .current_dir(project.dir())
        .env_clear()
        .env(
            "PATH",
            format!("{}:/usr/bin:/bin", project.path("bin").display()),
        )
        .env("HOME", project.path("home"))
        .env("XDG_CONFIG_HOME", project.path("home/config"))
        .env("XDG_STATE_HOME", project.path("home/state"))
        .env("HOSTNAME", "here");
    Called::from(shell.output().unwrap())
}

/// `rot` at another time, on another machine where `state` says so.
fn then(project: &Project, shift: &str, state: &str, line: &str) -> Option<Called> {
    let own = project.command(&line.split_whitespace().collect::<Vec<_>>());
    let mut command = Command::new("faketime");
    command
        .args(["-f", shift])
        .arg(own.get_program())
        .args(own.get_args());
    command.current_dir(project.dir()).env_clear();
    for (name, value) in own.get_envs() {
        command.env(name, value.unwrap());
    }
    command
        .env("XDG_STATE_HOME", project.path(&format!("home/{state}")))
        .env("HOSTNAME", state);
    Some(Called::from(command.output().ok()?))
}

/// The one thing that needs somebody is of this kind, its exit code is 12, the text shows its commands, and each of the commands
/// that `tried` names (all by default) makes it go. The project is made anew for each.
fn helps(kind: &str, tried: &[usize], make: &dyn Fn() -> Option<Project>) {
    let Some(project) = make() else {
        println!("skipped: no faketime");
        return;
    };
    let report = project.rot("status --report json").json();
    let all = report["attention"].as_array().unwrap();
    assert!(!all.is_empty(), "{kind}: nothing needs anybody");
    assert!(all.iter().all(|one| one["kind"] == kind), "{kind}: {all:?}");
    assert_eq!(report["look"], "now");
    project.rot("status --exit-code").code(12);
    let text = project.rot("status").stdout;
    let commands: Vec<String> = all[0]["commands"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c.as_str().unwrap().to_owned())
        .collect();
    assert!(!commands.is_empty());
    for (index, command) in commands.iter().enumerate() {
        assert!(
            text.contains(command.as_str()),
            "{kind}: `{command}` is not in\n{text}"
        );
        if !tried.is_empty() && !tried.contains(&index) {
            continue;
        }
        let fresh = make().unwrap();
        let report = fresh.rot("status --report json").json();
        let command = report["attention"][0]["commands"][index]
            .as_str()
            .unwrap()
            .to_owned();
        let done = shell(&fresh, &command);
        assert_eq!(
            done.code, 0,
            "{kind}: `{command}`: {}{}",
            done.stdout, done.stderr
        );
        assert!(
            !kinds(&fresh).contains(&kind.to_owned()),
            "{kind}: `{command}` left it: {:?}",
            kinds(&fresh)
        );
    }
}

fn once(fault: Fault) -> IssuerHandle {
    faulty(vec![Rule::once("/api/token", fault)])
}

#[test]
fn runs_that_are_not_over() {
    let issuers = std::cell::RefCell::new(Vec::new());
    let lost = || Fault::ResetAfterExecuting;
    // The answer to a call that makes a credential and cannot be made again is lost.
    let replacing = TOKEN.replace(
        "issues additive",
        "issues replacing accept lockout-risk \"a test\"",
    );
    helps("blocked", &[0, 1, 2], &|| {
        let issuer = once(lost());
        let project = project(&issuer, &replacing);
        project.rot("run r.rot").code(22);
        issuers.borrow_mut().push(issuer);
        Some(project)
    });
    // It got something that it could not read: mended in the file, the same run goes on.
    helps("failed", &[], &|| {
        let issuer = issuer(Config::default());
        let project = project(&issuer, &TOKEN.replace("$.token", "$.tokn"));
        project.rot("run r.rot").code(21);
        issuers.borrow_mut().push(issuer);
        let text = project.read("r.rot").replace("$.tokn", "$.token");
        project.file("r.rot", text);
        Some(project)
    });
}

#[test]
fn a_run_that_was_given_up_leaves_what_it_obtained_on_the_list() {
    let issuers = std::cell::RefCell::new(Vec::new());
    helps("abandoned", &[], &|| {
        let issuer = issuer(Config::default());
        let project = project(&issuer, &TOKEN.replace("$.token", "$.tokn"));
        project.rot("run r.rot").code(21);
        project.rot("resume --abandon").code(0);
        let list = project.rot("vault list").code(0).stdout;
        assert!(
            list.contains("my_token") && list.contains("1 not revoked"),
            "{list}"
        );
        let history = project.rot("vault history my_token").code(0).stdout;
        assert!(history.contains("its run was given up"), "{history}");
        issuers.borrow_mut().push(issuer);
        Some(project)
    });
    // A run that had called nothing leaves nothing.
    let issuer = once(Fault::ResetBeforeExecuting);
    let project = project(&issuer, TOKEN);
    project.rot("run r.rot");
    project.rot("resume --abandon");
    assert!(!kinds(&project).contains(&"abandoned".to_owned()));
}

#[test]
fn what_is_expired_missing_or_broken() {
    let issuer = issuer(Config::default());
    let of = |make: &dyn Fn(&Project)| {
        let project = project(&issuer, TOKEN);
        project.rot("run r.rot").code(0);
        make(&project);
        Some(project)
    };
    helps("expired", &[], &|| {
        of(&|project| {
            project
                .feed(
                    &["vault", "set", "old", "--expires", "2020-01-01T00:00:00Z"],
                    b"x",
                )
                .code(0);
        })
    });
    // One that a rotation makes is renewed by it.
    helps("expired", &[], &|| {
        of(&|project| {
            let set = [
                "vault",
                "set",
                "my_token",
                "--expires",
                "2020-01-01T00:00:00Z",
            ];
            project.feed(&set, b"x").code(0);
        })
    });
    helps("missing", &[], &|| {
        of(&|project| {
            project.file(
                "s.rot",
                "secret nobody\nrotation s { every 1h let x = base64(secrets.nobody) log \"x\" }\n",
            );
        })
    });
    helps("missing", &[], &|| {
        of(&|project| {
            let text = at(&issuer, TOKEN)
                .replace("my_token", "by_hand")
                .replace("  every 45m\n", "");
            project.file("s.rot", text);
        })
    });
    let broken = of(&|project| {
        project.file("s.rot", "rotation s { nonsense }\n");
    })
    .unwrap();
    assert_eq!(kinds(&broken), ["broken"]);
    let report = status(&broken);
    let command = report["attention"][0]["commands"][0].as_str().unwrap();
    assert_eq!(shell(&broken, command).code, 1, "it says what is wrong");
    broken.file("s.rot", "rotation s { log \"x\" }\n");
    broken.rot("status --exit-code").code(0);
}

#[test]
fn what_is_due_soon_and_overdue() {
    let issuer = issuer(Config::default());
    let project = project(&issuer, TOKEN);
    // Never run: due, and nobody's fault yet.
    let text = project.rot("status --exit-code").code(11).stdout;
    assert!(
        text.contains("my_token") && text.contains("it never ran"),
        "{text}"
    );
    project.rot("run --due r.rot").code(0);
    project.rot("status --exit-code").code(0);
    project.file("r.rot", project.read("r.rot").replace("45m", "7d"));
    project.rot("status --exit-code").code(0);
    assert_eq!(status(&project)["look"], "no");
    assert_eq!(status(&project)["rotations"][0]["state"], "later");
    project.rot("status r.rot --exit-code").code(0);
    project.rot("status missing.rot --exit-code").code(12);
    helps("overdue", &[], &|| {
        let project = Project::new();
        project
            .file("rot.toml", "")
            .file("r.rot", at(&issuer, TOKEN))
            .set("appKeyId", "demo-key-id")
            .set("appKeySecret", "demo-key-secret");
        then(&project, "-3d", "state", "run --due r.rot")?.code(0);
        Some(project)
    });
}

#[test]
fn a_wrong_clock_stops_nobody_else() {
    let issuer = issuer(Config::default());
    let make = || {
        let project = project(&issuer, TOKEN);
        // Another machine, whose clock is a month ahead, shares the vault.
        then(&project, "+30d", "other", "run --first-use --due r.rot")?.code(0);
        Some(project)
    };
    let Some(project) = make() else {
        println!("skipped: no faketime");
        return;
    };
    let calls = || {
        issuer
            .state()
            .requests
            .iter()
            .filter(|(r, _)| r.path == "/api/token")
            .count()
    };
    let before = calls();
    // The right clock goes on, and says whose is wrong.
    project
        .rot("run --due r.rot")
        .code(0)
        .says("ahead of this clock")
        .says("the clock of machine other is wrong");
    project.rot("run --due r.rot").code(10);
    // Both keep their own pace: neither makes the other one rotate at each look.
    for _ in 0..3 {
        then(&project, "+30d", "other", "run --due r.rot")
            .unwrap()
            .code(10);
        project.rot("run --due r.rot").code(10);
    }
    assert_eq!(calls() - before, 1);
    // The machine itself, set right: its own clock went back, which it is told once it acts on a schedule.
    let own = make().unwrap();
    then(&own, "+0d", "other", "run --due r.rot")
        .unwrap()
        .code(26)
        .says("this clock went back");
    then(&own, "+0d", "other", "run r.rot").unwrap().code(0);
    then(&own, "+0d", "other", "run --due r.rot")
        .unwrap()
        .code(10);
    helps("ahead", &[], &make);
}

#[test]
fn a_second_environment_has_due_times_of_its_own() {
    let issuer = issuer(Config::default());
    let project = Project::empty();
    project
        .file("rot.toml", "[environment.dev]\n[environment.prod]\n")
        .file("r.rot", at(&issuer, TOKEN));
    for name in ["dev", "prod"] {
        let with = |line: &str| project.rot(&format!("--environment {name} {line}"));
        with("vault init").code(0);
        for (secret, value) in [
            ("appKeyId", "demo-key-id"),
            ("appKeySecret", "demo-key-secret"),
        ] {
            let set = ["--environment", name, "vault", "set", secret];
            project.feed(&set, value.as_bytes()).code(0);
        }
        with("run --due r.rot").code(0);
        with("run --due r.rot").code(10);
    }
    // Each status names its vault, and its commands name the environment.
    let text = project.rot("--environment prod status").code(0).stdout;
    assert!(text.contains("environment prod"), "{text}");
    let set = [
        "--environment",
        "prod",
        "vault",
        "set",
        "x",
        "--expires",
        "2020-01-01T00:00:00Z",
    ];
    project.feed(&set, b"x").code(0);
    let report = project
        .rot("--environment prod status --report json")
        .code(0)
        .json();
    let command = report["attention"][0]["commands"][0].as_str().unwrap();
    assert_eq!(command, "rot --environment prod vault set x");
    assert_eq!(shell(&project, command).code, 0);
    project.rot("--environment prod status --exit-code").code(0);
}

/// What a run of this machine obtained, and a merge lost, goes to the list that all who share the vault have.
#[test]
fn what_a_merge_lost_goes_to_the_list() {
    let issuers = std::cell::RefCell::new(Vec::new());
    let make = || {
        let issuer = issuer(Config::default());
        let project = project(&issuer, &TOKEN.replace("45m", "7d"));
        let before = std::fs::read(project.path("rot.vault")).unwrap();
        project.rot("run r.rot").code(0);
        // git checkout --theirs: the other side's file, which never had the token.
        project.file("rot.vault", before);
        project.rot("vault accept").code(0);
        issuers.borrow_mut().push(issuer);
        Some(project)
    };
    let project = make().unwrap();
    let list = project.rot("vault list --report json").code(0).json();
    assert_eq!(list["lost"].as_array().unwrap().len(), 1, "{list}");
    project.rot("vault list").code(0).says("may be live");
    // The next run puts it into the vault.
    project.rot("run r.rot").code(0);
    let list = project.rot("vault list --report json").code(0).json();
    assert_eq!(list["lost"].as_array().unwrap().len(), 0, "{list}");
    let token = list["secrets"]
        .as_array()
        .unwrap()
        .iter()
        .find(|s| s["name"] == "my_token");
    assert_eq!(
        token.unwrap()["unrevoked"].as_array().unwrap().len(),
        1,
        "{list}"
    );
    let elsewhere = project.command(&["vault", "list", "--report", "json"]);
    let mut elsewhere = elsewhere;
    let seen = Called::from(
        elsewhere
            .env("XDG_STATE_HOME", project.path("home/other"))
            .output()
            .unwrap(),
    );
    assert!(
        seen.stdout.contains("unrevoked")
            && seen.json()["secrets"].to_string().contains("my_token")
    );
    let text = project.rot("status").code(0).stdout;
    assert!(
        text.contains("a run stored it, and this vault never had it"),
        "{text}"
    );
    helps("lost", &[], &make);
    // A secret that was removed and came back has lost nothing.
    let issuer = issuer(Config::default());
    let project = self::project(&issuer, &TOKEN.replace("45m", "7d"));
    project.rot("run r.rot").code(0);
    project.rot("vault remove my_token").code(0);
    project.set("my_token", "by hand");
    assert!(kinds(&project).is_empty(), "{:?}", kinds(&project));
}

/// The other version of a secret that was changed on both sides.
#[test]
fn what_lost_a_merge_is_revoked_by_hand_and_goes_from_the_list() {
    let Some(project) = super::ann_has_committed() else {
        return;
    };
    assert!(git(&project, "ann", &["clone", "-q", ".", "../bob"]));
    rot(&project, "bob", &["vault", "git-setup"], "").code(0);
    for (folder, value) in [("ann", "a1"), ("bob", "a2")] {
        rot(&project, folder, &["vault", "set", "a"], value).code(0);
        assert!(git(&project, folder, &["commit", "-qam", folder]));
    }
    assert!(git(
        &project,
        "bob",
        &["pull", "-q", "--no-rebase", "--no-edit", "origin", "main"]
    ));
    let report = rot(&project, "bob", &["status", "--report", "json"], "")
        .code(0)
        .json();
    assert_eq!(report["attention"][0]["kind"], "unrevoked", "{report}");
    rot(&project, "bob", &["status", "--exit-code"], "").code(12);
    let command = report["attention"][0]["commands"][0]
        .as_str()
        .unwrap()
        .to_owned();
    let words: Vec<&str> = command.split_whitespace().skip(1).collect();
    rot(&project, "bob", &words, "").code(0);
    rot(&project, "bob", &["status", "--exit-code"], "").code(0);
    rot(&project, "bob", &words, "").code(0);
    // A current version is not made invalid by a word.
    let history = rot(
        &project,
        "bob",
        &["vault", "history", "a", "--report", "json"],
        "",
    )
    .json();
    let current = history["current"].as_str().unwrap().to_owned();
    rot(&project, "bob", &["vault", "revoked", "a", &current], "").code(2);
    rot(&project, "bob", &["vault", "revoked", "a"], "")
        .code(2)
        .says("no version on the list");
}

#[test]
fn what_a_removed_person_knows_is_listed_until_it_is_rotated() {
    helps("exposed", &[], &|| {
        let project = Project::new();
        let other = Project::empty();
        let key = other.rot("identity new").code(0).stdout;
        let add = ["vault", "recipients", "add", key.trim(), "--name", "dan"];
        project.with(&add).code(0);
        project.set("a", "one");
        project.rot("vault recipients remove dan").code(0);
        Some(project)
    });
}

#[test]
fn recipients_do_not_change_while_a_run_is_open() {
    let issuer = issuer(Config::default());
    let project = project(&issuer, &TOKEN.replace("$.token", "$.tokn"));
    let other = Project::empty();
    let key = other.rot("identity new").code(0).stdout;
    let add = ["vault", "recipients", "add", key.trim(), "--name", "dan"];
    project.with(&add).code(0);
    project.rot("run r.rot").code(21);
    let run = status(&project)["runs"][0]["run_id"]
        .as_str()
        .unwrap()
        .to_owned();
    project
        .rot("vault recipients remove dan")
        .code(2)
        .says(&run)
        .says("is open");
    project.rot("resume --abandon").code(0);
    project.rot("vault recipients remove dan").code(0);
}
