//! Runs that wait for a person, the ways out that the manual names, and files that are mended before a resume.

use super::manual;
use super::project::{Ended, Project, rot};
use super::scenario::{ADDITIVE, BARE, KEYED};
use rot::demo::issuer::{Fault, Kind, Rule};
use serde_json::Value as Json;

const ROTATE: &str = "/api/v4/personal_access_tokens/self/rotate";

/// A run of the bare replacing kind whose answer was lost after the old credential had died.
fn halted() -> Project {
    let mut project = Project::with(&BARE, |state| {
        state.config.faults = vec![Rule::once(ROTATE, Fault::ResetAfterExecuting)]
    });
    let ended = project.rot("run p.rot");
    assert_eq!(ended.code, Some(22), "{}", ended.stderr);
    project
}

fn status(project: &mut Project) -> Json {
    let ended = project.rot("status --report json");
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    serde_json::from_str(&ended.stdout).unwrap()
}

fn run_id(project: &mut Project) -> String {
    status(project)["runs"][0]["run_id"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// An owner makes a token in the web interface.
fn token_by_hand(project: &Project) -> String {
    let mut state = project.issuer.state();
    let mut made = state
        .credentials
        .iter()
        .find(|c| c.kind == Kind::Personal)
        .unwrap()
        .clone();
    (made.id, made.value, made.dies_at, made.family) = (
        "personal-by-hand".into(),
        "demo_personal_by_hand".into(),
        None,
        9999,
    );
    state.credentials.push(made.clone());
    made.value
}

/// The commands of a section of the manual, with the run and the secret of this project, as a person types them.
fn as_written(project: &mut Project, title: &str, value: &str) -> Vec<Ended> {
    let run = run_id(project);
    manual::commands(title)
        .into_iter()
        .map(|line| {
            let line = line
                .replace("RUN", &run)
                .replace("NAME", "personal")
                .replace("FILE", "p.rot");
            let folder = std::path::PathBuf::from(rot());
            let mut command = project.around("/bin/sh");
            command.env(
                "PATH",
                format!("{}:/usr/bin:/bin", folder.parent().unwrap().display()),
            );
            // The value comes on standard input, as from a password manager.
            command
                .args(["-c", &format!("printf %s \"$VALUE\" | {line}")])
                .env("VALUE", value);
            project.wait(command)
        })
        .collect()
}

#[test]
fn a_lost_answer_of_a_replacing_call_waits_for_a_person_and_says_so() {
    let mut project = halted();
    let calls = project.issuer.state().requests.len();
    let said = status(&mut project);
    let run = &said["runs"][0];
    assert_eq!(run["state"], "needs-operator");
    assert_eq!(run["code"], "ROT710");
    let id = run["run_id"].as_str().unwrap();
    let message = run["message"].as_str().unwrap();
    assert!(
        message.contains("`rotate`") && message.contains("old credential does not work any more"),
        "{message}"
    );
    let commands: Vec<&str> = run["commands"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c.as_str().unwrap())
        .collect();
    assert_eq!(
        commands,
        [
            format!("rot resume {id} --retry"),
            format!("rot resume {id} --accept"),
            format!("rot resume {id} --abandon")
        ]
    );
    let text = project.rot("status").stdout;
    for way in &commands {
        assert!(text.contains(way), "{text}");
    }
    // Nothing is called while it waits, neither by the next run nor by a resume.
    for line in ["run p.rot", "resume", "run p.rot --rotation personal"] {
        let next = project.rot(line);
        assert_eq!(next.code, Some(22), "{line}: {}", next.stderr);
        assert!(
            next.stderr.contains("waits for a person"),
            "{}",
            next.stderr
        );
    }
    assert_eq!(project.issuer.state().requests.len(), calls);
    assert_eq!(project.canary(), None);
}

#[test]
fn retry_calls_again_and_is_tried_once() {
    let mut project = halted();
    let before = project.issuer.state().requests.len();
    let ended = as_written(&mut project, "Call again", "");
    // The old token is dead, so the issuer refuses it: the run failed, and nobody calls it a success.
    assert_eq!(ended.last().unwrap().code, Some(21), "{}", project.said);
    let state = project.issuer.state();
    let again = state
        .requests
        .iter()
        .skip(before)
        .filter(|(r, _)| r.path == ROTATE)
        .count();
    assert_eq!(again, 1);
}

#[test]
fn accept_ends_the_run_with_what_a_person_stored() {
    let mut project = halted();
    let value = token_by_hand(&project);
    for ended in as_written(&mut project, "Store a new credential by hand", &value) {
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    }
    assert_eq!(project.current().as_deref(), Some(value.as_str()));
    assert_eq!(status(&mut project)["runs"].as_array().unwrap().len(), 0);
    assert_eq!(project.rot("run p.rot").code, Some(0), "{}", project.said);
    let current = project.current().unwrap();
    assert!((BARE.accepted)(&project.issuer.state(), &current) && current != value);
    assert_eq!(project.canary(), None);
}

#[test]
fn abandon_ends_the_run_and_changes_no_secret() {
    let mut project = halted();
    let calls = project.issuer.state().requests.len();
    for ended in as_written(&mut project, "Give the run up", "") {
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    }
    assert_eq!(project.current().as_deref(), Some("demo-personal-0"));
    assert_eq!(project.issuer.state().requests.len(), calls);
    assert_eq!(status(&mut project)["runs"].as_array().unwrap().len(), 0);
}

#[test]
fn an_old_credential_that_still_works_means_that_the_call_is_made_again() {
    let mut project = Project::with(&BARE, |state| {
        state.config.faults = vec![Rule::once(ROTATE, Fault::ResetBeforeExecuting)]
    });
    assert_eq!(project.rot("run p.rot").code, Some(0), "{}", project.said);
    assert_eq!(project.lost(0), None);
}

#[test]
fn a_mistyped_capture_is_mended_without_a_second_call() {
    for (scenario, right, wrong, path) in [
        (&ADDITIVE, "body $.token", "body $.tokn", "/api/token"),
        (&BARE, "body $.token", "body $.tokn", ROTATE),
        (&KEYED, "body $.key", "body $.kee", "/keys"),
    ] {
        let mut project = Project::new(scenario);
        let first = project.issuer.state().executed("POST", path);
        project.write_plan(&scenario.plan.replace(right, wrong));
        let ended = project.rot("run p.rot");
        assert_eq!(ended.code, Some(21), "{}", ended.stderr);
        assert!(ended.stderr.contains("ROT703"), "{}", ended.stderr);
        project.write_plan(scenario.plan);
        let ended = project.rot("resume");
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert_eq!(
            project.issuer.state().executed("POST", path) - first,
            1,
            "{}",
            scenario.name
        );
        assert_eq!(project.lost(0), None);
    }
    println!("3 answers kept until the file was mended, 0 lost");
}

#[test]
fn a_changed_request_is_refused_before_anything_is_called() {
    let edits: &[(&str, &str, &str)] = &[
        (
            "json { keyId: secrets.appKeyId, keySecret: secrets.appKeySecret }",
            "json { keyId: secrets.appKeyId, keySecret: secrets.appKeySecret, more: 1 }",
            "its body",
        ),
        ("BASE/api/token", "BASE/api/token?x=1", "its URL or query"),
        ("POST", "PUT", "its method"),
        (
            "json {",
            "header \"X-Other\": \"1\"\n    json {",
            "its headers",
        ),
        ("issues additive", "issues additive at most 3", "its effect"),
    ];
    // Once with an answer in the journal, once with a call whose outcome is unknown.
    for lost in [false, true] {
        for (from, to, part) in edits {
            let mut project = Project::with(&ADDITIVE, |state| {
                if lost {
                    state.config.faults = vec![Rule {
                        times: Some(3),
                        ..Rule::once("/api/token", Fault::ResetAfterExecuting)
                    }];
                }
            });
            project.write_plan(&ADDITIVE.plan.replace("body $.token", "body $.tokn"));
            assert_eq!(project.rot("run p.rot").code, Some(21), "{}", project.said);
            let calls = project.issuer.state().requests.len();
            project.write_plan(&ADDITIVE.plan.replace(from, to));
            for line in ["resume", "run p.rot"] {
                let ended = project.rot(line);
                assert_eq!(ended.code, Some(21), "{part}: {}", ended.stderr);
                assert!(
                    ended.stderr.contains("ROT715") && ended.stderr.contains(part),
                    "{part}: {}",
                    ended.stderr
                );
            }
            assert_eq!(
                project.issuer.state().requests.len(),
                calls,
                "{part}: something was called"
            );
            project.write_plan(ADDITIVE.plan);
            assert_eq!(project.rot("resume").code, Some(0), "{}", project.said);
            assert_eq!(project.lost(0), None);
        }
    }
    println!(
        "{} edits of a request that was made already, {} refused, 0 lost",
        edits.len() * 2,
        edits.len() * 2
    );
}

#[test]
fn a_secret_that_was_changed_by_hand_meanwhile_is_not_overwritten_and_ends_with_a_person() {
    let mut project = Project::new(&KEYED);
    project.write_plan(&KEYED.plan.replace("body $.key", "body $.kee"));
    assert_eq!(project.rot("run p.rot").code, Some(21), "{}", project.said);
    let mut command = project.around("/bin/sh");
    command.args([
        "-c",
        "printf by-hand-12345 | \"$0\" vault set ci_key",
        &rot(),
    ]);
    assert_eq!(project.wait(command).code, Some(0));
    project.write_plan(KEYED.plan);
    let code = project.until_over(8);
    assert_eq!(code, 22, "{}", project.said);
    assert_eq!(project.current().as_deref(), Some("by-hand-12345"));
}
