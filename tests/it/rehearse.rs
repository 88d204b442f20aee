//! `rot rehearse`: what it prints for each kind of effect, what it finds in bad files, and what it never touches.

use crate::support::project::Project;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// A rotation of each kind of effect.
const KINDS: &[(&str, &str)] = &[
    ("additive", include_str!("rehearse/plans/additive.rot")),
    ("strays", include_str!("rehearse/plans/strays.rot")),
    ("replacing", include_str!("rehearse/plans/replacing.rot")),
    ("keyed", include_str!("rehearse/plans/keyed.rot")),
    ("grace", include_str!("rehearse/plans/grace.rot")),
    ("recover", include_str!("rehearse/plans/recover.rot")),
    ("sets", include_str!("rehearse/plans/sets.rot")),
    ("sets_self", include_str!("rehearse/plans/sets_self.rot")),
    ("slot", include_str!("rehearse/plans/slot.rot")),
    ("revokes", include_str!("rehearse/plans/revokes.rot")),
];

/// Verdicts by call and kind of mishap: `mint: killed heals; unanswered stray`.
fn verdicts(document: &Value) -> String {
    let mut lines = Vec::new();
    for rotation in document["rotations"].as_array().unwrap() {
        for call in rotation["calls"].as_array().unwrap() {
            let mut kinds: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
            for trial in call["trials"].as_array().unwrap() {
                let all = kinds.entry(trial["kind"].as_str().unwrap()).or_default();
                let verdict = trial["verdict"].as_str().unwrap();
                if !all.contains(&verdict) {
                    all.push(verdict);
                }
            }
            // What two machines do to each other is not the file's; it has a test of its own.
            kinds.remove("second-machine");
            let kinds: Vec<String> = kinds
                .iter_mut()
                .map(|(kind, verdicts)| {
                    verdicts.sort_unstable();
                    format!("{kind} {}", verdicts.join("/"))
                })
                .collect();
            lines.push(format!(
                "  {} ({}): {}",
                call["step"].as_str().unwrap(),
                call["effect"].as_str().unwrap(),
                kinds.join(", ")
            ));
        }
    }
    lines.join("\n")
}

/// The screen without the rows about a second machine: what two of them do to each other is not the file's.
fn screen(project: &Project, line: &str, code: i32) -> String {
    let done = project.rot(line).code(code);
    let mut shown = format!("$ rot {line}\n");
    let mut within = false;
    for line in done.stdout.lines() {
        within = line.starts_with("    a second machine")
            || within && line.starts_with("      ") && !line.trim().is_empty();
        if !within {
            shown.push_str(&format!("{line}\n"));
        }
    }
    shown + &done.stderr
}

#[test]
fn each_kind_of_effect_reads_as_a_table() {
    let project = Project::empty();
    for (name, text) in KINDS {
        project.file(&format!("{name}.rot"), text);
        let shown = screen(&project, &format!("rehearse {name}.rot"), 0);
        insta::assert_snapshot!(format!("kind_{name}"), shown);
    }
}

#[test]
fn a_person_whom_the_file_does_not_announce_is_1() {
    let project = Project::empty();
    let text = include_str!("rehearse/plans/bad.rot");
    project.file("bad.rot", text);
    insta::assert_snapshot!("bad", screen(&project, "rehearse bad.rot", 1));
    // With a reason it is a decision.
    let decided = text.replace(
        "  http change",
        "  # rot: ignore[ROT721] the console has an emergency login\n  http change",
    );
    assert_ne!(decided, text);
    project.file("bad.rot", decided);
    let done = project.rot("rehearse bad.rot").code(0);
    assert!(done.stderr.contains("1 suppressed"), "{}", done.stderr);
    // Only a rehearsal can find it, so that a check does not call the decision unused.
    let checked = project.rot("check bad.rot").code(0);
    assert!(!checked.stdout.contains("ROT901"), "{}", checked.stdout);
    // The settings can say it for files without comments.
    project.file("bad.rot", text);
    project.file(
        "rot.toml",
        "[[ignore]]\nfile = \"bad.rot\"\nrule = \"ROT721\"\nreason = \"the console has an emergency login\"\n",
    );
    project.rot("rehearse bad.rot").code(0);
}

#[test]
fn the_document_tells_each_trial() {
    let project = Project::empty();
    project.file("strays.rot", include_str!("rehearse/plans/strays.rot"));
    let document = project
        .rot("rehearse strays.rot --report json")
        .code(0)
        .json();
    assert_eq!(document["schema"], "rot.rehearsal/v1");
    let call = &document["rotations"][0]["calls"][0];
    let lost = call["trials"]
        .as_array()
        .unwrap()
        .iter()
        .find(|t| t["what"] == "unanswered: answer lost")
        .unwrap();
    insta::assert_json_snapshot!("document_trial", lost);
    let mut head = document.clone();
    for call in head["rotations"][0]["calls"].as_array_mut().unwrap() {
        call["trials"] = json!(call["trials"].as_array().unwrap().len());
    }
    head["summary"]["trials"] = json!(0);
    insta::assert_json_snapshot!("document", head);
    // The word of other tools is understood too.
    project.rot("rehearse strays.rot --format json").code(0);
}

#[test]
fn strict_also_minds_what_is_left() {
    let project = Project::empty();
    project.file("additive.rot", include_str!("rehearse/plans/additive.rot"));
    project.rot("rehearse additive.rot").code(0);
    project.rot("rehearse --strict additive.rot").code(1);
}

#[test]
fn all_examples_are_rehearsed() {
    let mut lines = Vec::new();
    let project = Project::empty();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    for file in files {
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        project.file(&name, std::fs::read(&file).unwrap());
        let done = project.rot(&format!("rehearse {name} --report json"));
        lines.push(format!("{name}: exit {}", done.code));
        lines.push(verdicts(&done.json()));
    }
    insta::assert_snapshot!("examples", lines.join("\n"));
}

#[test]
fn nothing_real_is_touched() {
    let project = Project::empty();
    project.file("r.rot", include_str!("rehearse/plans/strays.rot"));
    let before = project.files();
    // Neither a vault nor an identity is there, the state cannot be made, and the network is not reachable by this proxy.
    let mut command = project.command(&["rehearse", "r.rot"]);
    command
        .env("ROT_STATE", "/proc/nowhere")
        .env("ROT_VAULT", "/proc/nowhere")
        .env("HTTPS_PROXY", "http://127.0.0.1:1");
    let done = command.output().unwrap();
    assert_eq!(
        done.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    assert_eq!(project.files(), before);
}

const ANSWERED: &str = r#"{
  "secrets": { "login": { "user": "deploy", "password": "<new>" } },
  "env": { "REGION": "eu" },
  "answers": { "mint": { "status": 201, "headers": { "X-Key-Id": "<id>" }, "body": { "data": [ { "kind": "key", "value": "<new>" } ] } } }
}"#;

const ASKS: &str = r#"env REGION
secret login { user, password } to "api.example.com"
secret key to "api.example.com"

rotation key {
  every 7d
  http mint POST "https://api.example.com/${env.REGION}/keys" issues additive {
    basic secrets.login.user, secrets.login.password
    expect status 201
    secret all = body $.data as json
    public id = header "X-Key-Id"
  }
  update key = member(member(mint.all, 0), "value")
}
"#;

#[test]
fn answers_tell_what_cannot_be_invented() {
    let project = Project::empty();
    project.file("r.rot", ASKS);
    let failed = project.rot("rehearse r.rot").code(2);
    assert!(failed.stderr.contains("ROT723"), "{}", failed.stderr);
    assert!(failed.stderr.contains("--answers"), "{}", failed.stderr);
    project.file("a.json", ANSWERED);
    project.rot("rehearse r.rot --answers a.json").code(0);
    for (text, says) in [
        ("[", "no file of answers"),
        (r#"{"answer": {}}"#, "no member `answer`"),
        (r#"{"answers": {"mimt": {}}}"#, "close: `mint`"),
        (r#"{"secrets": {"kay": "x"}}"#, "close: `key`"),
        (
            r#"{"answers": {"mint": {"state": 1}}}"#,
            "no file of answers",
        ),
    ] {
        project.file("a.json", text);
        let wrong = project.rot("rehearse r.rot --answers a.json").code(2);
        assert!(wrong.stderr.contains(says), "{text}: {}", wrong.stderr);
    }
    let missing = project.rot("rehearse r.rot --answers none.json").code(2);
    assert!(missing.stderr.contains("none.json"));
}

#[test]
fn a_file_with_errors_is_not_rehearsed() {
    let project = Project::empty();
    project.file("r.rot", "secret a\nrotation r { update a = secrets.b }\n");
    project.rot("rehearse r.rot").code(25);
    project.rot("rehearse none.rot").code(2);
}

/// The canary is what the author tells: it must not be shown.
#[test]
fn no_told_value_is_shown() {
    let project = Project::empty();
    project.file("r.rot", include_str!("rehearse/plans/bad.rot"));
    project.file("a.json", r#"{"secrets": {"password": "canary-9f31c7"}}"#);
    for report in ["text", "json"] {
        let done = project.rot(&format!(
            "-v rehearse r.rot --answers a.json --report {report} --all"
        ));
        assert!(!done.stdout.contains("canary-9f31c7"));
        assert!(!done.stderr.contains("canary-9f31c7"));
    }
}

/// Templates whose issuer was once misunderstood: what is said of them stands in requests that only look alike, in what a
/// program is given, in hashes and signatures, in the name of who logs in.
const PROTOCOLS: &[&str] = &[
    "ldap_password",
    "mongodb_password",
    "mysql_two_users",
    "postgres_two_roles",
    "redis_acl_user",
];

fn rehearsed_template(project: &Project, name: &str) -> Value {
    project.rot(&format!("init --template {name}")).code(0);
    let line = format!("rehearse rotations/{name}.rot --report json");
    project.rot(&line).code(0).json()
}

#[test]
fn each_protocol_is_understood() {
    let project = Project::empty();
    for name in PROTOCOLS {
        let document = rehearsed_template(&project, name);
        assert!(!verdicts(&document).is_empty(), "{name}");
    }
}

#[test]
#[ignore = "some minutes; see docs/how-it-is-tested.md"]
fn all_templates_are_rehearsed() {
    let project = Project::empty();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/templates");
    let files = std::fs::read_dir(folder).unwrap();
    let names = files.map(|entry| entry.unwrap().path());
    let names: Vec<_> = names
        .filter(|path| path.extension().is_some_and(|e| e == "rot"))
        .collect();
    assert!(names.len() > 30);
    for path in names {
        rehearsed_template(&project, path.file_stem().unwrap().to_str().unwrap());
    }
}

/// A grace of less than a minute is told in seconds, as what is longer is in its own unit.
#[test]
fn the_grace_is_told_in_its_unit() {
    let project = Project::empty();
    let text = include_str!("rehearse/plans/revokes.rot");
    let (head, tail) = text.split_once("revoke previous.").expect("a revocation");
    let (secret, steps) = tail.split_once(" {").unwrap();
    let secret = secret.split_whitespace().next().unwrap();
    for (grace, told) in [
        ("after 20s", "is revoked 20s later"),
        ("after 59s", "is revoked 59s later"),
        ("after 90s", "is revoked 2m later"),
    ] {
        let changed = format!("{head}revoke previous.{secret} {grace} {{{steps}");
        project.file("r.rot", changed);
        let done = project.rot("rehearse r.rot");
        assert!(done.stdout.contains(told), "{grace}: {}", done.stdout);
    }
}
