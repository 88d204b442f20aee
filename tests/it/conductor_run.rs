//! Conductor definitions run as Conductor runs them: the tables of the dossier as cases, in files of data.

use super::support::scripted::{Stage, conductor};
use rot::plan::Dialect;
use serde_json::{Map, Value as Json, json};
use std::collections::HashMap;

/// One file of cases. `base` is merged into each case.
fn cases(name: &str) -> Vec<Json> {
    let path = format!(
        "{}/tests/spec/conductor-run/{name}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    let text = std::fs::read_to_string(&path).unwrap();
    let file: Json = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{path}: {e}"));
    file["cases"].as_array().unwrap().clone()
}

fn pairs(value: &Json) -> Vec<(String, Json)> {
    value
        .as_object()
        .map(|m| m.iter().map(|(n, v)| (n.clone(), v.clone())).collect())
        .unwrap_or_default()
}

/// A case to a definition: either written out, or `tasks` with `output`.
fn definition(case: &Json) -> String {
    if !case["definition"].is_null() {
        return case["definition"].to_string();
    }
    let mut all = json!({ "name": "wf", "schemaVersion": 2, "tasks": case["tasks"], "outputParameters": case["output"] });
    for key in [
        "variables",
        "inputTemplate",
        "timeoutSeconds",
        "timeoutPolicy",
        "maskedFields",
        "failureWorkflow",
    ] {
        if !case[key].is_null() {
            all[key] = case[key].clone();
        }
    }
    match case["others"].as_array() {
        Some(others) => Json::Array([vec![all], others.clone()].concat()).to_string(),
        None => all.to_string(),
    }
}

fn target(case: &Json) -> Dialect {
    if case["target"] == "oss" {
        Dialect::Oss
    } else {
        Dialect::Orkes
    }
}

/// What came of a case, in the shape of its `expect`.
fn play(case: &Json) -> Map<String, Json> {
    let workers: HashMap<String, Vec<String>> = pairs(&case["workers"])
        .into_iter()
        .map(|(n, c)| {
            (
                n,
                c.as_array()
                    .unwrap()
                    .iter()
                    .map(|a| a.as_str().unwrap().to_owned())
                    .collect(),
            )
        })
        .collect();
    let names: Vec<&str> = workers.keys().map(String::as_str).collect();
    let (plan, findings) = conductor(&definition(case), &names, target(case));
    let together = case["together"]
        .as_u64()
        .map(|n| usize::try_from(n).unwrap());
    let stage = Stage::with(
        case["answers"].as_array().map_or(&[][..], Vec::as_slice),
        together,
        workers.clone(),
        case["person"].as_str(),
    );
    for (name, value) in pairs(&case["secrets"]) {
        stage.put(&name, value.as_str().unwrap());
    }
    let mut seen = Map::new();
    seen.insert(
        "findings".into(),
        json!(
            findings
                .iter()
                .map(|f| f.split(' ').next().unwrap())
                .collect::<Vec<_>>()
        ),
    );
    match stage.run(&plan, &pairs(&case["input"])) {
        Ok(report) => {
            seen.insert("status".into(), json!(report.status.as_str()));
            seen.insert("output".into(), report.output.clone());
            let failure = report.failure.as_ref().and_then(|e| e.diagnostics.first());
            seen.insert(
                "failure".into(),
                failure.map_or(Json::Null, |d| json!(d.code.id())),
            );
            seen.insert(
                "message".into(),
                failure.map_or(Json::Null, |d| json!(d.message)),
            );
            seen.insert(
                "steps".into(),
                report
                    .steps
                    .iter()
                    .map(|s| json!(format!("{} {}", s.name, s.status)))
                    .collect(),
            );
            seen.insert(
                "attempts".into(),
                report
                    .steps
                    .iter()
                    .map(|s| (s.name.clone(), json!(s.attempts)))
                    .collect::<Map<_, _>>()
                    .into(),
            );
            seen.insert(
                "outputs".into(),
                report
                    .steps
                    .iter()
                    .map(|s| (s.name.clone(), s.output.clone()))
                    .collect::<Map<_, _>>()
                    .into(),
            );
        }
        Err(error) => {
            seen.insert("status".into(), json!("refused"));
            seen.insert(
                "failure".into(),
                json!(error.diagnostics.first().map(|d| d.code.id())),
            );
        }
    }
    seen.insert("slept".into(), json!(stage.slept()));
    let sent = stage.sent();
    seen.insert(
        "sent".into(),
        sent.iter()
            .map(|s| json!(format!("{} {}", s.method, s.url)))
            .collect(),
    );
    seen.insert(
        "bodies".into(),
        sent.iter().map(|s| json!(s.body)).collect(),
    );
    let headers = |s: &super::support::scripted::Sent| {
        s.headers
            .iter()
            .map(|(n, v)| (n.clone(), json!(v)))
            .collect::<Map<_, _>>()
    };
    seen.insert(
        "headers".into(),
        sent.iter().map(|s| Json::Object(headers(s))).collect(),
    );
    let vault: Map<String, Json> = pairs(&case["expect"]["vault"])
        .into_iter()
        .map(|(name, _)| (name.clone(), json!(stage.secret(&name))))
        .collect();
    seen.insert("vault".into(), vault.into());
    seen
}

/// Every key that a case expects must be as it says; of objects, the members that it names.
fn check(file: &str) {
    let mut wrong = Vec::new();
    for case in cases(file) {
        let name = case["name"].as_str().unwrap();
        let seen = play(&case);
        let expect = case["expect"]
            .as_object()
            .unwrap_or_else(|| panic!("{name}: a case expects something"));
        assert!(!expect.is_empty(), "{name}: a case expects something");
        for (key, wanted) in expect {
            let found = seen.get(key).cloned().unwrap_or(Json::Null);
            let same = match (wanted, &found) {
                (Json::Object(wanted), Json::Object(found)) => {
                    wanted.iter().all(|(n, v)| found.get(n) == Some(v))
                }
                _ => *wanted == found,
            };
            if !same {
                wrong.push(format!(
                    "{name}: {key}\n  expected {wanted}\n  found    {found}\n  failure  {}",
                    seen["failure"]
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn expressions() {
    let file = cases("expressions");
    let mut wrong = Vec::new();
    for group in file {
        let rows = group["rows"].as_array().unwrap();
        let output: Map<String, Json> = rows
            .iter()
            .enumerate()
            .map(|(i, row)| (format!("r{i}"), row[0].clone()))
            .collect();
        let mut case = group.clone();
        case["output"] = output.into();
        let seen = play(&case);
        for (i, row) in rows.iter().enumerate() {
            let found = seen
                .get("output")
                .and_then(|o| o.get(format!("r{i}")))
                .cloned()
                .unwrap_or(Json::Null);
            if found != row[1] {
                wrong.push(format!(
                    "{}: {}\n  expected {}\n  found    {found}",
                    group["name"], row[0], row[1]
                ));
            }
        }
        assert_eq!(
            seen["status"], "completed",
            "{}: {}",
            group["name"], seen["message"]
        );
    }
    assert!(
        wrong.is_empty(),
        "{} wrong\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn http() {
    check("http");
}

#[test]
fn tasks() {
    check("tasks");
}

#[test]
fn retries_and_status() {
    check("status");
}

#[test]
fn scripts() {
    check("scripts");
}

#[test]
fn forks_whose_tasks_come_at_run_time() {
    check("forks");
}

#[test]
fn inputs_of_tasks() {
    check("inputs");
}

#[test]
fn loops() {
    check("loops");
}

/// The token that GET_SIGNED_JWT makes is what its public key verifies, and it is masked.
#[test]
fn a_signed_token() {
    use base64::Engine;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    let pem = include_str!("../spec/conductor-run/rsa-2048.test.pem");
    let definition = json!({
        "name": "wf", "schemaVersion": 2,
        "tasks": [
            { "name": "j", "taskReferenceName": "j", "type": "GET_SIGNED_JWT", "inputParameters": {
                "subject": "robot@example.com", "issuer": "robot@example.com", "privateKey": "${workflow.secrets.key}", "privateKeyId": "k1",
                "audience": "https://oauth2.example.com/token", "ttlInSecond": 60, "scopes": ["a", "b"], "algorithm": "RS256"
            } },
            { "name": "h", "taskReferenceName": "h", "type": "HTTP", "inputParameters": {
                "uri": "https://oauth2.example.com/token", "method": "POST", "contentType": "application/x-www-form-urlencoded",
                "body": "${j.output._secrets.access_token}"
            } }
        ],
        "outputParameters": { "token": "${j.output._secrets.access_token}" }
    });
    let (plan, findings) = conductor(&definition.to_string(), &[], Dialect::Orkes);
    assert!(findings.is_empty(), "{findings:?}");
    let stage = Stage::with(&[], None, HashMap::new(), None);
    // As it stands in a service account's JSON: line breaks as two characters.
    stage.put("key", &pem.replace('\n', "\\n"));
    let report = stage
        .run(&plan, &[])
        .unwrap_or_else(|e| panic!("{}", e.message()));
    assert_eq!(report.status.as_str(), "completed");
    assert_eq!(report.output, json!({ "token": "***" }));
    let token = stage.sent()[0].body.clone().unwrap();
    let parts: Vec<&str> = token.split('.').collect();
    let decoded = |part: &str| -> Json {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    assert_eq!(
        decoded(parts[0]),
        json!({ "alg": "RS256", "typ": "JWT", "kid": "k1" })
    );
    let expected = json!({
        "iss": "robot@example.com", "sub": "robot@example.com", "aud": "https://oauth2.example.com/token", "scope": "a b",
        "iat": 1_795_435_200, "exp": 1_795_435_260
    });
    assert_eq!(decoded(parts[1]), expected);
    let body: String = pem.lines().filter(|l| !l.starts_with("-----")).collect();
    let pair = ring::signature::RsaKeyPair::from_pkcs8(&STANDARD.decode(body).unwrap()).unwrap();
    let public = ring::signature::UnparsedPublicKey::new(
        &ring::signature::RSA_PKCS1_2048_8192_SHA256,
        pair.public(),
    );
    let signed = format!("{}.{}", parts[0], parts[1]);
    public
        .verify(
            signed.as_bytes(),
            &URL_SAFE_NO_PAD.decode(parts[2]).unwrap(),
        )
        .unwrap();
}

fn api(path: &str) -> Json {
    json!({ "uri": format!("https://api.example.com/{path}"), "method": "POST" })
}

/// What was sent, by path.
fn paths(stage: &Stage) -> Vec<String> {
    stage
        .sent()
        .iter()
        .map(|s| {
            s.url
                .trim_start_matches("https://api.example.com/")
                .to_owned()
        })
        .collect()
}

/// The branches of a fork that are answered are not run again after a crash, and the tasks are those of its beginning, whatever
/// a script makes of chance.
#[test]
fn a_fork_goes_on_where_it_was_interrupted() {
    let script = "(function () { var n = Math.floor(Math.random() * 1e9); return { \
        tasks: ['a', 'b', 'c'].map(function (x) { return { name: x, taskReferenceName: x + n, type: 'HTTP' } }), \
        inputs: ['a', 'b', 'c'].reduce(function (all, x) { all[x + n] = { uri: 'https://api.example.com/' + x + n, method: 'POST' }; return all }, {}) } })()";
    let definition = json!({
        "name": "wf", "schemaVersion": 2,
        "tasks": [
            { "name": "c", "taskReferenceName": "c", "type": "INLINE", "inputParameters": { "expression": script } },
            { "name": "f", "taskReferenceName": "f", "type": "FORK_JOIN_DYNAMIC", "dynamicForkTasksParam": "tasks",
              "dynamicForkTasksInputParamName": "inputs",
              "inputParameters": { "tasks": "${c.output.result.tasks}", "inputs": "${c.output.result.inputs}" } },
            { "name": "j", "taskReferenceName": "j", "type": "JOIN" }
        ],
        "outputParameters": { "all": "${j.output}" }
    });
    let (plan, _) = conductor(&definition.to_string(), &[], Dialect::Orkes);
    let answers = [
        json!({ "body": { "n": 1 } }),
        json!({ "status": 400 }),
        json!({ "body": { "n": 3 } }),
    ];
    let stage = Stage::with(&answers, None, HashMap::new(), None);
    let first = stage
        .run(&plan, &[])
        .unwrap_or_else(|e| panic!("{}", e.message()));
    assert_eq!(first.status.as_str(), "failed");
    let sent = paths(&stage);
    assert_eq!(sent.len(), 3);
    let second = stage
        .run(&plan, &[])
        .unwrap_or_else(|e| panic!("{}", e.message()));
    assert_eq!(
        second.status.as_str(),
        "completed",
        "{:?}",
        second.failure.map(|e| e.message().to_owned())
    );
    assert_eq!(
        paths(&stage),
        [sent.clone(), vec![sent[1].clone()]].concat(),
        "only the branch that failed is run again, under its name"
    );
    let all = second.output["all"].as_object().unwrap();
    assert_eq!(
        all.keys().collect::<Vec<_>>(),
        sent.iter().collect::<Vec<_>>()
    );
}

/// A process that dies in the failure workflow repeats no call of it that was answered; one whose answer was lost goes by the rule
/// of every call. The run that failed is over, whatever its failure workflow did.
#[test]
fn a_failure_workflow_goes_on_where_it_was_interrupted() {
    let http = |name: &str| json!({ "name": name, "taskReferenceName": name, "type": "HTTP", "inputParameters": api(name) });
    let definition = json!([
        { "name": "wf", "schemaVersion": 2, "failureWorkflow": "cleanup",
          "tasks": [{ "name": "t", "taskReferenceName": "t", "type": "TERMINATE", "inputParameters": { "terminationStatus": "FAILED", "terminationReason": "no" } }] },
        { "name": "cleanup", "schemaVersion": 2, "tasks": [http("one"), http("two"), http("three")] }
    ]);
    let (plan, _) = conductor(&definition.to_string(), &[], Dialect::Orkes);
    let answers = [
        json!({ "to": "/one" }),
        json!({ "to": "/two", "fault": "dies" }),
    ];
    let stage = Stage::with(&answers, None, HashMap::new(), None);
    stage.run_until_it_dies(&plan, &[]);
    assert_eq!(paths(&stage), ["one", "two"]);
    let report = stage
        .run(&plan, &[])
        .unwrap_or_else(|e| panic!("{}", e.message()));
    assert!(report.resumed);
    assert_eq!(report.status.as_str(), "failed");
    let steps: Vec<String> = report
        .steps
        .iter()
        .map(|s| format!("{} {}", s.name, s.status))
        .collect();
    let sent = paths(&stage);
    insta::assert_snapshot!(
        "failure_workflow_after_a_crash",
        format!("{steps:#?}\nsent {sent:?}\nnotes {:#?}", report.notes)
    );
    // It had no effect of its own, so it is over: the next run is another one.
    let next = stage
        .run(&plan, &[])
        .unwrap_or_else(|e| panic!("{}", e.message()));
    assert!(!next.resumed);
}

/// Through the program: a sub-workflow of a file beside, and a worker that `rot.toml` declares.
#[test]
fn the_program_finds_files_beside_and_workers() {
    let project = super::support::project::Project::new();
    let parent = json!({
        "name": "parent", "schemaVersion": 2, "inputParameters": ["who"],
        "tasks": [
            { "name": "s", "taskReferenceName": "s", "type": "SUB_WORKFLOW", "subWorkflowParam": { "name": "child" }, "inputParameters": { "who": "${workflow.input.who}" } },
            { "name": "greet", "taskReferenceName": "g", "type": "SIMPLE", "inputParameters": { "text": "${s.output.text}" } }
        ],
        "outputParameters": { "text": "${g.output.text}" }
    });
    let child = json!({
        "name": "child", "schemaVersion": 2, "inputParameters": ["who"],
        "tasks": [{ "name": "i", "taskReferenceName": "i", "type": "INLINE", "inputParameters": { "expression": "'hello ' + $.who", "who": "${workflow.input.who}" } }],
        "outputParameters": { "text": "${i.output.result}" }
    });
    project.file("parent.json", parent.to_string());
    let refused = project.rot("run parent.json --input who=you");
    assert_eq!(refused.code, 25, "{}", refused.stderr);
    assert!(
        refused
            .stderr
            .contains("the workflow `child` is not in this file"),
        "{}",
        refused.stderr
    );
    assert!(refused.stderr.contains("[workers]"), "{}", refused.stderr);

    project.file("child.json", child.to_string());
    project.file("other.json", "{ this is no JSON");
    project.file("rot.toml", "[workers]\ngreet = [\"/bin/cat\"]\n");
    let ran = project.rot("run parent.json --input who=you --report json");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let report: Json = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(report["output"], json!({ "text": "hello you" }));
    let steps: Vec<&str> = report["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["ref"].as_str().unwrap())
        .collect();
    assert_eq!(steps, ["s/i", "s", "g"]);
}

/// One definition for many tenants: the name of the secret is data, and the settings say which names may come so.
#[test]
fn names_of_secrets_come_as_data_where_the_settings_say_which() {
    let definition = json!({
        "name": "wf", "schemaVersion": 2, "inputParameters": ["tenant"],
        "tasks": [
            { "name": "mint", "taskReferenceName": "mint", "type": "HTTP", "inputParameters": {
                "uri": "https://api.example.com/keys", "method": "POST",
                "outputFilter": { "_secrets": { "key": "$${mint.output.response.body.key}" } } } },
            { "name": "keep", "taskReferenceName": "keep", "type": "UPDATE_SECRET", "inputParameters": { "_secrets": {
                "secretKey": "tenant-${workflow.input.tenant}", "secretValue": "${mint.output._secrets.key}" } } }
        ],
        "outputParameters": {}
    });
    let answers = [json!({ "body": { "key": "new-key-1" } })];
    let cases: [(&[&str], &str, &[&str], Option<&str>); 6] = [
        (&["tenant-*"], "a", &[], Some("new-key-1")),
        (&["other", "tenant-?"], "a", &["ROT707"], None),
        (&["tenant-*"], "a/../admin", &["ROT707"], None),
        (&["tenant-*-x"], "a", &["ROT707"], None),
        (&["*"], "a/b", &["ROT707"], None),
        (&[], "a", &["ROT509"], None),
    ];
    for (patterns, tenant, codes, stored) in cases {
        let config = rot::workspace::config::Config {
            secret_names: patterns.iter().map(|p| (*p).to_owned()).collect(),
            ..Default::default()
        };
        let file = rot::source::SourceFile::new("wf.json", definition.to_string());
        let mut loaded = rot::workspace::load::analyse(&file, &config);
        (loaded.findings.iter_mut()).for_each(rot::diagnostic::Diagnostic::for_a_run);
        let mut found: Vec<String> = (loaded.findings.iter())
            .filter(|d| d.severity == rot::diagnostic::Severity::Error)
            .map(|d| d.code.id().to_owned())
            .collect();
        let stage = Stage::with(&answers, None, HashMap::new(), None);
        let name = format!("tenant-{tenant}");
        if rot::plan::name::is_secret_name(&name) {
            stage.put(&name, "old-key-1");
        }
        if found.is_empty() {
            let report = stage.run(&loaded.plan, &[("tenant".to_owned(), json!(tenant))]);
            let report = report.unwrap_or_else(|e| panic!("{patterns:?} {tenant}: {e:?}"));
            found.extend(
                (report.failure.iter().flat_map(|f| &f.diagnostics))
                    .map(|d| d.code.id().to_owned()),
            );
        }
        assert_eq!(found, codes, "{patterns:?} {tenant}");
        if let Some(stored) = stored {
            assert_eq!(stage.secret(&name).as_deref(), Some(stored), "{patterns:?}");
        } else if rot::plan::name::is_secret_name(&name) {
            assert_eq!(
                stage.secret(&name).as_deref(),
                Some("old-key-1"),
                "{patterns:?}"
            );
        }
    }
}
