//! Names are names: whatever characters are in them, they never change what a run does.

use crate::support::scripted::{Stage, conductor, done};
use proptest::prelude::*;
use rot::plan::{Dialect, Plan};
use rot::run::Status;
use serde_json::{Value as Json, json};
use std::collections::HashMap;

fn stage() -> Stage {
    let stage = Stage::with(&[], None, HashMap::new(), None);
    stage.put("api", "api-key-123456");
    stage
}

fn call(name: &str, path: &str) -> Json {
    json!({
        "name": "call", "taskReferenceName": name, "type": "HTTP",
        "inputParameters": { "http_request": {
            "uri": format!("https://api.example.com/{path}"), "method": "POST",
            "headers": { "Authorization": "Bearer ${workflow.secrets.api}" } } }
    })
}

fn sent(stage: &Stage) -> Vec<String> {
    let sent = stage.sent().into_iter();
    sent.map(|s| s.url.rsplit('/').next().unwrap_or_default().to_owned())
        .collect()
}

/// A definition with a loop over one task, and one behind it.
fn looped(inner: &str, outer: &str, around: &str) -> Json {
    json!({ "name": "w", "version": 1, "schemaVersion": 2, "tasks": [
        { "name": "loop", "taskReferenceName": around, "type": "DO_WHILE",
          "inputParameters": {}, "loopCondition": format!("$.{around}['iteration'] < 2"),
          "evaluatorType": "graaljs", "loopOver": [call(inner, "inner")] },
        call(outer, "outer")
    ] })
}

#[test]
fn a_task_is_not_taken_for_a_round_of_another() {
    let text = looped("x", "x[1]", "loop").to_string();
    let (plan, findings) = conductor(&text, &[], Dialect::Orkes);
    let stage = stage();
    let report = done(stage.run(&plan, &[]));
    assert_eq!(report.status, Status::Completed, "{findings:?}");
    assert_eq!(sent(&stage), ["inner", "inner", "outer"], "{findings:?}");
}

#[test]
fn a_task_is_not_taken_for_one_of_a_called_rotation() {
    let text = json!([
        { "name": "main", "version": 1, "schemaVersion": 2, "tasks": [
            { "name": "sub", "taskReferenceName": "a", "type": "SUB_WORKFLOW",
              "subWorkflowParam": { "name": "inner", "version": 1 } },
            call("a/b", "outer")
        ] },
        { "name": "inner", "version": 1, "schemaVersion": 2, "tasks": [call("b", "inner")] }
    ]);
    let (plan, findings) = conductor(&text.to_string(), &[], Dialect::Orkes);
    let stage = stage();
    assert_eq!(
        done(stage.run(&plan, &[])).status,
        Status::Completed,
        "{findings:?}"
    );
    assert_eq!(sent(&stage), ["inner", "outer"], "{findings:?}");
}

#[test]
fn the_depth_of_calls_is_not_counted_in_names() {
    let deep = "/".repeat(17);
    let text = json!([
        { "name": "main", "version": 1, "schemaVersion": 2, "tasks": [
            { "name": "sub", "taskReferenceName": deep, "type": "SUB_WORKFLOW",
              "subWorkflowParam": { "name": "inner", "version": 1 } }
        ] },
        { "name": "inner", "version": 1, "schemaVersion": 2, "tasks": [
            { "name": "sub", "taskReferenceName": "again", "type": "SUB_WORKFLOW",
              "subWorkflowParam": { "name": "innermost", "version": 1 } }
        ] },
        { "name": "innermost", "version": 1, "schemaVersion": 2, "tasks": [call("b", "inner")] }
    ]);
    let (plan, findings) = conductor(&text.to_string(), &[], Dialect::Orkes);
    let stage = stage();
    assert_eq!(
        done(stage.run(&plan, &[])).status,
        Status::Completed,
        "{findings:?}"
    );
    assert_eq!(sent(&stage), ["inner"]);
}

/// Two updates of one secret, named so.
fn updates(first: &str, second: &str) -> Json {
    let update = |name: &str, value: &str| {
        json!({ "name": "update", "taskReferenceName": name, "type": "UPDATE_SECRET",
            "inputParameters": { "_secrets": { "secretKey": "tok", "secretValue": value } } })
    };
    json!({ "name": "w", "version": 1, "schemaVersion": 2, "tasks": [
        update(first, "value-one-123"), call("between", "between"), update(second, "value-two-456")
    ] })
}

#[test]
fn the_id_of_a_version_does_not_hang_on_a_name() {
    for first in ["promote one", "stage one", "one"] {
        let (plan, findings) = conductor(&updates(first, "two").to_string(), &[], Dialect::Orkes);
        let stage = stage();
        assert_eq!(
            done(stage.run(&plan, &[])).status,
            Status::Completed,
            "{findings:?}"
        );
        assert_eq!(
            stage.secret("tok").as_deref(),
            Some("value-two-456"),
            "{findings:?}"
        );
    }
}

/// Names of all kinds, those of the journal's former spelling among them.
fn name() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "x",
        "y",
        "a",
        "/",
        "[1]",
        "[2]",
        "[",
        "]",
        " ",
        ".",
        "é",
        "日",
        "promote ",
        "failure ",
        " recover",
        " pause[1]",
        "\u{200b}",
        "\"",
        "\\",
        "\n",
    ]);
    prop::collection::vec(piece, 1..5).prop_map(|pieces| pieces.concat())
}

/// Puts other texts in the place of names, wherever they stand in a plan.
fn renamed(value: &Json, names: &HashMap<&str, &str>) -> Json {
    let new = |text: &str| names.get(text).map_or(text, |new| new).to_owned();
    match value {
        Json::String(text) => Json::String(new(text)),
        Json::Array(items) => items.iter().map(|i| renamed(i, names)).collect(),
        Json::Object(members) => members
            .iter()
            .map(|(key, member)| (key.clone(), renamed(member, names)))
            .collect(),
        other => other.clone(),
    }
}

/// What a run of a plan does, with these in the place of its names.
fn does(plan: &Plan, old: &[&str], new: &[String]) -> (Vec<String>, Option<String>) {
    let names = old
        .iter()
        .copied()
        .zip(new.iter().map(String::as_str))
        .collect();
    let json = serde_json::to_value(plan).unwrap();
    let plan: Plan = serde_json::from_value(renamed(&json, &names)).unwrap();
    let stage = stage();
    let report = done(stage.run(&plan, &[]));
    assert_eq!(
        report.status,
        Status::Completed,
        "{new:?}: {:?}",
        report.failure.map(|f| f.diagnostics)
    );
    (sent(&stage), stage.secret("tok"))
}

/// Names of steps, branches, elements, `let`s, captures, inputs, outputs and rotations, each read after it is made.
const EVERY_KIND_OF_NAME: &str = r#"secret api to "api.example.com"
secret tok to "api.example.com"
rotation main {
  input given: string = "v"
  call one = inner { given: input.given }
  let named = "${one.made}"
  http POST "https://api.example.com/${named}" sets { bearer secrets.api }
  parallel {
    branch { for each item in ["e-1", "e-2"] { http two POST "https://api.example.com/${item}" sets { bearer secrets.api } } }
    other { let alone = 1 }
  }
  http three POST "https://api.example.com/three" issues additive { bearer secrets.api  expect status 200 }
  generate four password { length 20 }
  stage tok = four.value
  verify { http GET "https://api.example.com/${named}" { bearer pending.tok } }
  promote tok
  http five POST "https://api.example.com/five" sets { bearer secrets.api }
}
rotation inner {
  input given: string
  http six POST "https://api.example.com/six" sets { bearer secrets.api  public taken = status }
  output made = "${input.given}-${six.taken}"
}
"#;

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn names_never_change_what_a_run_does(names in prop::collection::hash_set(name(), 14)) {
        let new: Vec<String> = names.into_iter().collect();
        let json = json!([
            { "name": "main", "version": 1, "schemaVersion": 2, "tasks": [
                { "name": "sub", "taskReferenceName": "TASK_A", "type": "SUB_WORKFLOW",
                  "subWorkflowParam": { "name": "WORKFLOW_A", "version": 1 } },
                call("TASK_B", "b"),
                { "name": "update", "taskReferenceName": "TASK_C", "type": "UPDATE_SECRET",
                  "inputParameters": { "_secrets": { "secretKey": "tok", "secretValue": "value-one-123" } } },
                call("TASK_D", "d"),
                { "name": "update", "taskReferenceName": "TASK_E", "type": "UPDATE_SECRET",
                  "inputParameters": { "_secrets": { "secretKey": "tok", "secretValue": "value-two-456" } } }
            ] },
            { "name": "WORKFLOW_A", "version": 1, "schemaVersion": 2, "tasks": [call("TASK_F", "f")] }
        ]);
        let old = ["TASK_A", "TASK_B", "TASK_C", "TASK_D", "TASK_E", "TASK_F"];
        let (plan, _) = conductor(&json.to_string(), &[], Dialect::Orkes);
        let expected = does(&plan, &old, &old.map(str::to_owned));
        prop_assert_eq!(&expected.0, &["f", "b", "d"]);
        prop_assert_eq!(does(&plan, &old, &new), expected);

        let old = ["one", "two", "three", "four", "five", "six", "branch", "other", "item", "named", "taken", "given", "made", "inner"];
        let plan = crate::support::plans::plan(EVERY_KIND_OF_NAME);
        let expected = does(&plan, &old, &old.map(str::to_owned));
        prop_assert_eq!(&expected.0, &["six", "v-200", "e-1", "e-2", "three", "v-200", "five"]);
        // The password is another in each run.
        let (sent, stored) = does(&plan, &old, &new);
        prop_assert_eq!(sent, expected.0);
        prop_assert!(stored.is_some());
    }
}

#[test]
fn where_a_credential_may_go_is_a_matter_of_its_own_rotation() {
    // The other rotation has a step and a capture of the same names, and its secret may go where this one may not.
    let text = |host: &str| {
        format!(
            r#"secret api to "api.example.com"
secret mine to "api.example.com"
secret theirs to "elsewhere.example.com"
rotation here {{
  let host = "{host}"
  http mint POST "https://api.example.com/mint" issues additive {{ bearer secrets.api  secret token = body $.token }}
  http use POST "https://${{host}}/use" sets {{ bearer mint.token }}
  update mine = mint.token
}}
rotation there {{
  http mint POST "https://api.example.com/mint" issues additive {{ bearer secrets.api  secret token = body $.token }}
  update theirs = mint.token
}}
"#
        )
    };
    let run = |host: &str| {
        let answers = [json!({ "to": "/mint", "body": { "token": "a-new-token-1" } })];
        let stage = Stage::with(&answers, None, HashMap::new(), None);
        stage.put("api", "api-key-123456");
        let report = done(stage.run(&crate::support::plans::plan(&text(host)), &[]));
        (report.status, sent(&stage))
    };
    assert_eq!(run("api.example.com").0, Status::Completed);
    let (status, sent) = run("elsewhere.example.com");
    assert_eq!((status, sent), (Status::Failed, vec!["mint".to_owned()]));
}
