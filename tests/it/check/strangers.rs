//! Definitions as strangers write them, small ones: the order of a rotation told from the text, and what is right beside it.
//!
//! A case of `tests/spec/strangers` is `{"case", "finds", "tasks", "outputs"?, "also"?}`, its tasks in short. What is found as a
//! warning or an error is compared as a whole, one `severity code` for each kind.

use rot::diagnostic::Severity;
use rot::source::SourceFile;
use rot::workspace::config::{Config, Target};
use rot::workspace::load::analyse;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::path::Path;

const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/// A task written out: `{"ref", "POST": address, "by": secret, "keeps": filter}`, `{"ref", "store": secret, "value"}`,
/// `{"ref", "when": value, "cases", "else"}`, `{"ref", "each"|"loop", "do"}`, `{"ref", "worker", "inputs"}`, `{"ref", "script",
/// "inputs"}`, `{"ref", "wait"}`, `{"ref", "fail"}`. Other members stay as they are.
fn task(short: &Value) -> Value {
    let mut rest = short.as_object().unwrap().clone();
    let mut take = |key: &str| rest.remove(key);
    let name = take("ref").unwrap();
    let mut full = Map::new();
    full.insert("name".into(), name.clone());
    full.insert("taskReferenceName".into(), name);
    let tasks = |list: Option<Value>| {
        list.map_or(json!([]), |l| {
            l.as_array().unwrap().iter().map(task).collect()
        })
    };
    if let Some((method, uri)) = METHODS.iter().find_map(|m| Some((*m, take(m)?))) {
        let mut headers = take("header").unwrap_or(json!({}));
        if let Some(secret) = take("by") {
            headers["X-Key"] = json!(format!(
                "${{workflow.secrets.{}}}",
                secret.as_str().unwrap()
            ));
        }
        if let Some(value) = take("by_value") {
            headers["X-Key"] = value;
        }
        let mut inputs = json!({"uri": uri, "method": method, "headers": headers});
        for (key, field) in [
            ("body", "body"),
            ("keeps", "outputFilter"),
            ("accepts", "acceptedStatusCodes"),
        ] {
            if let Some(value) = take(key) {
                inputs[field] = value;
            }
        }
        full.insert("type".into(), json!("HTTP"));
        full.insert("inputParameters".into(), inputs);
    } else if let Some(secret) = take("store") {
        let value = take("value");
        full.insert("type".into(), json!("UPDATE_SECRET"));
        full.insert(
            "inputParameters".into(),
            json!({"_secrets": {"secretKey": secret, "secretValue": value}}),
        );
    } else if let Some(subject) = take("when") {
        let cases = take("cases").unwrap_or(json!({}));
        let cases: Map<String, Value> = cases
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, list)| (name.clone(), tasks(Some(list.clone()))))
            .collect();
        full.insert("type".into(), json!("SWITCH"));
        full.insert("evaluatorType".into(), json!("value-param"));
        full.insert("expression".into(), json!("subject"));
        full.insert("inputParameters".into(), json!({"subject": subject}));
        full.insert("decisionCases".into(), Value::Object(cases));
        full.insert("defaultCase".into(), tasks(take("else")));
    } else if let Some(items) = take("each") {
        full.insert("type".into(), json!("DO_WHILE"));
        full.insert("inputParameters".into(), json!({"items": items}));
        full.insert("loopOver".into(), tasks(take("do")));
    } else if let Some(condition) = take("loop") {
        full.insert("type".into(), json!("DO_WHILE"));
        full.insert("loopCondition".into(), condition);
        full.insert("loopOver".into(), tasks(take("do")));
    } else if let Some(worker) = take("worker") {
        full.insert("name".into(), worker);
        full.insert("type".into(), json!("SIMPLE"));
        full.insert(
            "inputParameters".into(),
            take("inputs").unwrap_or(json!({})),
        );
    } else if let Some(script) = take("script") {
        let mut inputs = take("inputs").unwrap_or(json!({}));
        inputs["evaluatorType"] = json!("graaljs");
        inputs["expression"] = script;
        full.insert("type".into(), json!("INLINE"));
        full.insert("inputParameters".into(), inputs);
    } else if let Some(duration) = take("wait") {
        full.insert("type".into(), json!("WAIT"));
        full.insert("inputParameters".into(), json!({"duration": duration}));
    } else if let Some(reason) = take("fail") {
        full.insert("type".into(), json!("TERMINATE"));
        full.insert(
            "inputParameters".into(),
            json!({"terminationStatus": "FAILED", "terminationReason": reason}),
        );
    }
    full.extend(rest);
    Value::Object(full)
}

fn texts(list: &Value) -> impl Iterator<Item = String> {
    list.as_array()
        .into_iter()
        .flatten()
        .map(|f| f.as_str().unwrap().to_owned())
}

#[test]
fn the_order_of_a_rotation_is_told_from_its_text() {
    compare("order");
}

/// Those of which names and times tell: of workers, addresses, inputs and fields.
#[test]
fn what_workers_and_addresses_do_is_told_from_their_names() {
    compare("names");
}

/// Kinds of slips, eight of each with eight that are right beside it.
#[test]
fn each_kind_of_slip_is_told_from_what_is_right_beside_it() {
    compare("neighbours");
}

fn compare(file: &str) {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/spec/strangers/{file}.json"));
    let cases: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut wrong = String::new();
    let (mut clean, mut defects) = (0, 0);
    for case in &cases {
        let tasks: Value = case["tasks"].as_array().unwrap().iter().map(task).collect();
        let mut definition = json!({"name": "r", "version": 1, "schemaVersion": 2, "tasks": tasks});
        definition["outputParameters"] = case
            .get("outputs")
            .cloned()
            .unwrap_or(json!({"done": "yes"}));
        for (key, value) in case["with"].as_object().into_iter().flatten() {
            definition[key] = value.clone();
        }
        let mut config = Config::default();
        if case["target"] == "oss" {
            config.target = Target::Oss;
        }
        let text = serde_json::to_string_pretty(&definition).unwrap();
        let found = analyse(&SourceFile::new("r.json", text.as_str()), &config).findings;
        let told = found.iter().filter(|d| d.severity >= Severity::Warning);
        let codes: BTreeSet<String> = told
            .clone()
            .map(|d| format!("{} {}", d.severity.as_str(), d.code.id()))
            .collect();
        let wanted: BTreeSet<String> = texts(&case["finds"]).chain(texts(&case["also"])).collect();
        *(if wanted.is_empty() {
            &mut clean
        } else {
            &mut defects
        }) += 1;
        if codes != wanted {
            wrong.push_str(&format!("{}: wanted {wanted:?}\n", case["case"]));
            told.for_each(|d| {
                wrong.push_str(&format!(
                    "    {} {} {}\n",
                    d.severity.as_str(),
                    d.code.id(),
                    d.message
                ))
            });
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(
        clean >= 20 && defects >= 20,
        "{clean} clean, {defects} with a defect"
    );
}
