//! One case for each thing that is said about a definition: `tests/spec/conductor/*.case.json`.
//!
//! A case is an array of `{"case", "target"?, "text", "finds"}`. `text` is a definition, or only its `tasks` or members
//! (then the rest is filled in). What is found is compared as one line for each finding: severity, code, the text it
//! points at, the message; with `->` and the text of a fix behind it where there is one.

use super::read;
use rot::conductor::ReadOptions;
use rot::diagnostic::Diagnostic;
use rot::plan::{Destination, Dialect, HostPattern, Place, Policy, Task};
use serde_json::{Value, json};
use std::path::PathBuf;

fn definition(case: &Value) -> String {
    if let Some(text) = case["raw"].as_str() {
        return text.to_owned();
    }
    if let Some(whole) = case.get("json") {
        return whole.to_string();
    }
    let mut whole = json!({ "name": "w", "schemaVersion": 2 });
    let members = case
        .get("workflow")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    whole.as_object_mut().unwrap().extend(members);
    if let Some(tasks) = case.get("tasks") {
        whole["tasks"] = tasks.clone();
    }
    for task in whole
        .get_mut("tasks")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        complete(task);
    }
    whole.to_string()
}

/// `"ref"` stands for name and reference name.
fn complete(task: &mut Value) {
    let Some(object) = task.as_object_mut() else {
        return;
    };
    if let Some(name) = object.remove("ref") {
        object.insert("name".into(), name.clone());
        object.insert("taskReferenceName".into(), name);
    }
    for value in object.values_mut() {
        each(value);
    }
}

fn each(value: &mut Value) {
    match value {
        Value::Object(map) if map.contains_key("ref") => complete(value),
        Value::Object(map) => map.values_mut().for_each(each),
        Value::Array(items) => items.iter_mut().for_each(each),
        _ => {}
    }
}

fn line(text: &str, finding: &Diagnostic) -> String {
    let span = finding.span();
    let place: String = text[span.start as usize..span.end as usize]
        .chars()
        .take(40)
        .collect();
    let fix = finding
        .fixes
        .first()
        .map(|f| format!(" -> {}", f.edits[0].text))
        .unwrap_or_default();
    format!(
        "{} {} `{place}` {}{fix}",
        finding.severity.as_str(),
        finding.code.id(),
        finding.message
    )
}

#[test]
fn findings() {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/spec/conductor");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.to_string_lossy().ends_with(".case.json"))
        .collect();
    paths.sort();
    let mut wrong = String::new();
    let mut count = 0;
    for path in paths {
        let cases: Vec<Value> =
            serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        for case in cases {
            let target = if case["target"] == "oss" {
                Dialect::Oss
            } else {
                Dialect::Orkes
            };
            let text = definition(&case);
            let (_, found) = read(
                &text,
                &ReadOptions {
                    target,
                    ..ReadOptions::default()
                },
            );
            let found: Vec<String> = found.iter().map(|f| line(&text, f)).collect();
            let expected: Vec<&str> = case["finds"]
                .as_array()
                .unwrap()
                .iter()
                .map(|f| f.as_str().unwrap())
                .collect();
            count += 1;
            if found != expected {
                wrong.push_str(&format!(
                    "{}: {}\n{}\n",
                    path.display(),
                    case["case"],
                    serde_json::to_string_pretty(&found).unwrap()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(count >= 60, "only {count} cases were found");
}

/// What each kind of task becomes.
#[test]
fn steps() {
    let (plan, findings) = read(&super::spec("kinds.json"), &ReadOptions::default());
    assert_eq!(
        findings
            .iter()
            .filter(|f| f.severity == rot::diagnostic::Severity::Error)
            .count(),
        0,
        "{findings:?}"
    );
    insta::assert_json_snapshot!("kinds_plan", plan);
}

/// What is said of a task that a server runs and this program does not: what to do instead.
#[test]
fn types_that_are_not_run() {
    let types = [
        "START_WORKFLOW",
        "EVENT",
        "KAFKA_PUBLISH",
        "SQS",
        "JDBC",
        "GRPC",
        "DYNAMIC",
        "WAIT_FOR_WEBHOOK",
        "TERMINATE_WORKFLOW",
        "YIELD",
        "LLM_CHAT_COMPLETE",
        "OUR_OWN",
    ];
    let mut said = String::new();
    for kind in types {
        let text = serde_json::json!({
            "name": "wf", "schemaVersion": 2, "tasks": [{ "name": "t", "taskReferenceName": "t", "type": kind, "inputParameters": {} }]
        });
        let (plan, found) = read(&text.to_string(), &ReadOptions::default());
        let there = |task: &rot::plan::Task| matches!(task, rot::plan::Task::Worker(worker) if worker.kind.as_deref() == Some(kind));
        assert!(
            plan.rotations
                .iter()
                .flat_map(|r| &r.steps)
                .all(|s| there(&s.task)),
            "{kind} became a step that is run"
        );
        assert!(
            found
                .iter()
                .all(|f| f.blocks_run || f.severity == rot::diagnostic::Severity::Error),
            "{kind} could be run"
        );
        for finding in found {
            said.push_str(&format!(
                "{}: {}\n  {}\n",
                kind,
                finding.message,
                finding.help.as_deref().unwrap_or("-")
            ));
        }
    }
    insta::assert_snapshot!("types_that_are_not_run", said);
    // A type of somebody's own is a worker's.
    let text = r#"{"name": "wf", "schemaVersion": 2, "tasks": [{"name": "t", "taskReferenceName": "t", "type": "OUR_OWN"}]}"#;
    let (plan, found) = read(
        text,
        &ReadOptions {
            workers: vec!["OUR_OWN".to_owned()],
            ..ReadOptions::default()
        },
    );
    assert!(found.is_empty(), "{found:?}");
    assert!(
        matches!(&plan.rotations[0].steps[0].task, rot::plan::Task::Worker(worker) if worker.name == "OUR_OWN")
    );
}

/// A start request and a schedule give their inputs and times to the rotation.
#[test]
fn requests_and_schedules() {
    let (plan, findings) = read(&super::spec("mixture.json"), &ReadOptions::default());
    assert!(findings.is_empty(), "{findings:?}");
    insta::assert_json_snapshot!("mixture_plan", plan);
}

#[test]
fn host_policies_come_from_the_project() {
    let destination = Destination {
        host: HostPattern("a.example".into()),
        port: None,
        places: vec![Place::Header],
        at: rot::source::At::NOWHERE,
    };
    let options = ReadOptions {
        hosts: [("appKeyId".to_owned(), vec![destination.clone()])].into(),
        ..ReadOptions::default()
    };
    let (plan, _) = read(&super::spec("seed.json"), &options);
    assert_eq!(
        plan.secret("appKeyId").unwrap().policy,
        Policy::Declared(vec![destination])
    );
    assert_eq!(plan.secret("appKeySecret").unwrap().policy, Policy::Implied);
}

#[test]
fn known_secrets_catch_misspelt_ones() {
    let known = vec!["appKeyId".to_owned(), "appKeySecrets".to_owned()];
    let (_, findings) = read(
        &super::spec("seed.json"),
        &ReadOptions {
            known_secrets: Some(known),
            ..ReadOptions::default()
        },
    );
    let finding = findings.iter().find(|f| f.code.id() == "ROT105").unwrap();
    assert_eq!(
        finding.help.as_deref(),
        Some("did you mean `appKeySecrets`?")
    );
}

/// `${NAME}` reads the server's environment only for names that are allowed.
#[test]
fn server_environment_is_off_unless_allowed() {
    let text = json!({"name": "w", "tasks": [{"name": "a", "taskReferenceName": "a", "type": "SET_VARIABLE", "inputParameters": {"x": "${HOME}"}}]});
    let (_, findings) = read(&text.to_string(), &ReadOptions::default());
    assert_eq!(findings[0].code.id(), "ROT101");
    let (plan, findings) = read(
        &text.to_string(),
        &ReadOptions {
            server_env: vec!["HOME".into()],
            ..ReadOptions::default()
        },
    );
    assert!(findings.is_empty() && plan.env[0].name == "HOME");
}

/// A call is known to issue a credential when its answer reaches a secret, by way of variables too.
#[test]
fn effects_are_told_from_what_becomes_of_the_answer() {
    let task = |name: &str, method: &str| json!({"name": name, "taskReferenceName": name, "type": "HTTP", "inputParameters": {"uri": "https://a.example", "method": method}});
    let text = json!({"name": "w", "tasks": [
        task("list", "GET"), task("mint", "POST"), task("other", "POST"),
        {"name": "v", "taskReferenceName": "v", "type": "SET_VARIABLE", "inputParameters": {"t": "${mint.output.response.body.token}"}},
        {"name": "u", "taskReferenceName": "u", "type": "UPDATE_SECRET", "inputParameters": {"_secrets": {"secretKey": "s", "secretValue": "Bearer ${workflow.variables.t}"}}}
    ]});
    let (plan, _) = read(&text.to_string(), &ReadOptions::default());
    let effects: Vec<&str> = plan.rotations[0]
        .steps
        .iter()
        .filter_map(|s| {
            if let Task::Http(http) = &s.task {
                Some(http.effect.describe())
            } else {
                None
            }
        })
        .collect();
    assert_eq!(effects, ["reads", "issues additive", "unspecified"]);
}

/// Hostile sizes take time that grows with the text, and do not overflow the stack.
#[test]
fn hostile_definitions_are_read_to_an_end() {
    let filter: Vec<String> = (0..20_000)
        .map(|i| format!("\"k{i}\": \"$${{t.output.response.body.k{i}}}\""))
        .collect();
    let wide = format!(
        "{{\"name\":\"w\",\"tasks\":[{{\"name\":\"t\",\"taskReferenceName\":\"t\",\"type\":\"HTTP\",\"inputParameters\":{{\"uri\":\"https://a.example\",\"method\":\"GET\",\"outputFilter\":{{{}}}}}}}]}}",
        filter.join(",")
    );
    assert_eq!(read(&wide, &ReadOptions::default()).0.rotations.len(), 1);
    let mut deep = "{\"name\":\"x\",\"taskReferenceName\":\"x\",\"type\":\"NOOP\"}".to_owned();
    for i in 0..40 {
        deep = format!(
            "{{\"name\":\"t{i}\",\"taskReferenceName\":\"t{i}\",\"type\":\"FORK_JOIN\",\"forkTasks\":[[{deep}]]}}"
        );
    }
    read(
        &format!("{{\"name\":\"w\",\"tasks\":[{deep}]}}"),
        &ReadOptions::default(),
    );
    let misspelt: Vec<String> = (0..3_000)
        .map(|i| format!("\"${{workflw.input.k{i}}}\""))
        .collect();
    read(
        &format!(
            "{{\"name\":\"w\",\"tasks\":[{{\"name\":\"t\",\"taskReferenceName\":\"t\",\"inputParameters\":{{\"x\":[{}]}}}}]}}",
            misspelt.join(",")
        ),
        &ReadOptions::default(),
    );
}
