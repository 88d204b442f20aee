//! The control flow of `.rot`: what runs, in which order, what is told, and where an interrupted run goes on.

use super::support::scripted::Stage;
use rot::diagnostic::Severity;
use rot::plan::Plan;
use rot::source::SourceFile;
use rot::workspace::{config::Config, load};
use serde_json::{Map, Value as Json, json};
use std::collections::HashMap;

fn plan(case: &Json) -> Plan {
    let lines = |key: &str| -> Vec<String> {
        case[key]
            .as_array()
            .map(|l| l.iter().map(|t| t.as_str().unwrap().to_owned()).collect())
            .unwrap_or_default()
    };
    let text = format!(
        "{}\nrotation main {{\n{}\n}}\n",
        lines("rotations").join("\n"),
        lines("rot").join("\n")
    );
    let loaded = load::analyse(
        &SourceFile::new("main.rot", text.as_str()),
        &Config::default(),
    );
    let errors: Vec<String> = loaded
        .findings
        .iter()
        .filter(|d| d.severity == Severity::Error)
        .map(|d| format!("{} {}", d.code.id(), d.message))
        .collect();
    assert!(errors.is_empty(), "{}: {errors:?}\n{text}", case["name"]);
    let mut plan = loaded.plan;
    // The one that is run is the first that is not called.
    for rotation in plan.rotations.iter_mut().filter(|r| r.name != "main") {
        rotation.imported = true;
    }
    plan
}

#[test]
fn runs_and_resumes() {
    let path = format!(
        "{}/tests/spec/control/cases.json",
        env!("CARGO_MANIFEST_DIR")
    );
    let file: Json = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut wrong = Vec::new();
    for case in file["cases"].as_array().unwrap() {
        let plan = plan(case);
        let together = case["together"]
            .as_u64()
            .map(|n| usize::try_from(n).unwrap());
        let stage = Stage::with(
            case["answers"].as_array().map_or(&[][..], Vec::as_slice),
            together,
            HashMap::new(),
            None,
        );
        let inputs: Vec<(String, Json)> = case["input"]
            .as_object()
            .map(|m| m.iter().map(|(n, v)| (n.clone(), v.clone())).collect())
            .unwrap_or_default();
        let (mut sent_before, mut slept_before) = (0, 0);
        for (number, expect) in case["runs"].as_array().unwrap().iter().enumerate() {
            let seen = once(&stage, &plan, &inputs, sent_before, slept_before);
            (sent_before, slept_before) = (stage.sent().len(), stage.slept().len());
            for (key, wanted) in expect.as_object().unwrap() {
                let found = seen.get(key).cloned().unwrap_or(Json::Null);
                if found != *wanted {
                    wrong.push(format!(
                        "{} run {}: {key}\n  expected {wanted}\n  found    {found}\n  {}",
                        case["name"],
                        number + 1,
                        seen["message"]
                    ));
                }
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

fn once(
    stage: &Stage,
    plan: &Plan,
    inputs: &[(String, Json)],
    sent_before: usize,
    slept_before: usize,
) -> Map<String, Json> {
    let mut seen = Map::new();
    match stage.run(plan, inputs) {
        Ok(report) => {
            let failure = report.failure.as_ref().and_then(|e| e.diagnostics.first());
            seen.insert("status".into(), json!(report.status.as_str()));
            seen.insert("resumed".into(), json!(report.resumed));
            seen.insert("output".into(), report.output.clone());
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
        }
        Err(error) => {
            seen.insert("status".into(), json!("refused"));
            seen.insert("message".into(), json!(error.message()));
        }
    }
    let host = "https://api.example.com";
    let sent = stage.sent();
    let lines = sent.iter().skip(sent_before).map(|s| {
        json!(format!(
            "{} {}",
            s.method,
            s.url.strip_prefix(host).unwrap_or(&s.url)
        ))
    });
    seen.insert("sent".into(), lines.collect());
    seen.insert(
        "slept".into(),
        json!(stage.slept().iter().skip(slept_before).sum::<u64>()),
    );
    seen
}

/// A captured credential goes where its capture says, and nowhere else; where nothing is said, to a host that is written out.
#[test]
fn a_login_at_one_host_works_at_another_as_its_capture_says() {
    for (to, goes) in [
        ("", true),
        ("to \"work.example.com\"", true),
        ("to \"work.example.com\" in body", false),
        ("to \"other.example.com\"", false),
    ] {
        let text = format!(
            r#"rotation main {{
  http login POST "https://login.example.com/token" issues additive {{ secret token = body $.token {to} }}
  http GET "https://work.example.com/jobs" {{ bearer login.token }}
}}"#
        );
        let loaded = load::analyse(
            &SourceFile::new("main.rot", text.as_str()),
            &Config::default(),
        );
        let wrong = loaded
            .findings
            .iter()
            .any(|d| d.severity == Severity::Error);
        assert_eq!(wrong, !goes, "{to}");
        let stage = Stage::with(
            &[json!({ "to": "/token", "body": { "token": "t-0123456789" } })],
            None,
            HashMap::new(),
            None,
        );
        let report = stage.run(&loaded.plan, &[]);
        let hosts: Vec<String> = stage.sent().into_iter().map(|s| s.url).collect();
        assert_eq!(
            hosts.iter().any(|url| url.contains("work.example.com")),
            goes,
            "{to}: {hosts:?}"
        );
        let refused = match report {
            Ok(report) => report
                .failure
                .iter()
                .flat_map(|f| &f.diagnostics)
                .any(|d| d.code.id() == "ROT705"),
            Err(error) => error.diagnostics.iter().any(|d| d.code.id() == "ROT705"),
        };
        assert_eq!(refused, !goes, "{to}");
    }
}
