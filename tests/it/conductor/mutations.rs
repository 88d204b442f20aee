//! Nothing is dropped in silence: a value of another JSON kind anywhere in a public definition is either found, or changes nothing
//! of what is done.

use super::{corpus_dir, files, read};
use rot::conductor::ReadOptions;
use rot::diagnostic::Diagnostic;
use rot::plan::task::{Body, Step, Task, Wait};
use rot::plan::{ExprKind, Plan, Rotation};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;

/// Values that are put in the place of another; the reader sees each kind of JSON.
fn kinds() -> [Value; 6] {
    [
        Value::Null,
        json!(true),
        json!(7),
        json!("another"),
        json!(["another"]),
        json!({"another": "value"}),
    ]
}

/// What is done: the steps with the parts that decide what happens, and what comes out.
fn done(plan: &Plan) -> String {
    let mut text = String::new();
    for rotation in &plan.rotations {
        let _ = write!(text, "rotation(");
        steps(&rotation.steps, &mut text);
        let _ = write!(text, ") {}", around(rotation));
    }
    text
}

fn around(rotation: &Rotation) -> String {
    let defaults: Vec<&str> = rotation
        .inputs
        .iter()
        .filter(|i| i.default.is_some())
        .map(|i| i.name.as_str())
        .collect();
    let outputs: Vec<&str> = rotation.outputs.iter().map(|o| o.name.as_str()).collect();
    let variables: Vec<&str> = rotation.variables.iter().map(|(n, _)| n.as_str()).collect();
    format!(
        "{defaults:?} {outputs:?} {variables:?} {:?} {:?} {:?} {:?}",
        rotation.failure_rotation.is_some(),
        rotation.schedule.is_some(),
        rotation.timeout,
        rotation.masked_fields,
    )
}

fn steps(list: &[Step], text: &mut String) {
    // Where nothing reads a task's input it is not kept.
    for step in list.iter().filter(|s| !s.name.starts_with("input of ")) {
        let _ = write!(text, "{}", step.task.kind());
        match &step.task {
            Task::Http(http) => {
                let body = match &http.body {
                    Body::None => "none",
                    _ => "some",
                };
                let _ = write!(
                    text,
                    "({} headers {}, {body}, {} captures, {} expect, {:?}, {})",
                    http.method,
                    // Those two stand for fields of their own, whose value may be what says nothing.
                    http.headers
                        .iter()
                        .filter(|h| !["Accept", "Content-Type"].contains(&h.name.as_str()))
                        .count(),
                    http.captures.len(),
                    http.expect.len(),
                    (http.limits.connect.is_some(), http.limits.total.is_some()),
                    http.encode
                );
            }
            Task::Wait(Wait::For(_)) => text.push_str(" for"),
            Task::Wait(Wait::Until(_)) => text.push_str(" until"),
            Task::SetVariables(set) => {
                let _ = write!(text, "({})", set.values.len());
            }
            Task::Switch(switch) => {
                for case in &switch.cases {
                    let _ = write!(text, " {}", case.name);
                }
            }
            Task::Stop(stop) => {
                let _ = write!(text, "({})", stop.output.is_some());
            }
            Task::Call(call) => {
                let _ = write!(text, "({})", call.inputs.len());
            }
            Task::Update(update) => {
                let literal = update.secret.as_str().is_some();
                let _ = write!(
                    text,
                    "({literal} {} {})",
                    update.expires.is_some(),
                    update.unmasked
                );
            }
            Task::Fork(fork) => {
                let _ = write!(text, "({})", fork.inputs.is_some());
            }
            Task::Worker(worker) => {
                let object = matches!(worker.input.kind, ExprKind::Object(_));
                let _ = write!(text, "({:?} {object})", worker.kind);
            }
            Task::Fail(fail) => {
                let _ = write!(text, "({})", fail.output.is_some());
            }
            Task::Repeat(repeat) => {
                let _ = write!(
                    text,
                    "({} {:?} {:?} {:?})",
                    repeat.at_most, repeat.every, repeat.backoff, repeat.keep_last
                );
            }
            _ => {}
        }
        let _ = write!(
            text,
            "[{} {:?} {:?} {:?}]",
            step.optional, step.retry, step.timeout, step.start_delay
        );
        for block in step.task.blocks() {
            text.push('{');
            steps(block, text);
            text.push('}');
        }
        text.push(';');
    }
}

/// A place in a document: the members and elements that lead to it.
#[derive(Clone)]
enum Hop {
    Key(String),
    Index(usize),
}

fn places(value: &Value, at: &mut Vec<Hop>, found: &mut Vec<Vec<Hop>>) {
    found.push(at.clone());
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                at.push(Hop::Index(index));
                places(item, at, found);
                at.pop();
            }
        }
        Value::Object(members) => {
            for (key, item) in members {
                at.push(Hop::Key(key.clone()));
                places(item, at, found);
                at.pop();
            }
        }
        _ => {}
    }
}

fn at<'v>(value: &'v mut Value, place: &[Hop]) -> &'v mut Value {
    place.iter().fold(value, |value, hop| match hop {
        Hop::Key(key) => &mut value[key.as_str()],
        Hop::Index(index) => &mut value[index],
    })
}

/// The kind of a place: the type of the nearest task around it and the keys from there.
fn pattern(document: &Value, place: &[Hop]) -> String {
    let (mut value, mut text) = (document, String::new());
    for hop in place {
        value = match hop {
            Hop::Key(key) => {
                let _ = write!(text, ".{key}");
                &value[key.as_str()]
            }
            Hop::Index(index) => {
                text.push_str("[]");
                &value[index]
            }
        };
        if let Some(task) = value.get("taskReferenceName") {
            let own = value
                .get("type")
                .and_then(Value::as_str)
                .unwrap_or("SIMPLE");
            // One that a script decides is another kind than one that a name decides.
            let evaluator = value.get("evaluatorType").and_then(Value::as_str);
            text = if task.is_string() {
                format!(
                    "<{own}{}>",
                    evaluator.map_or(String::new(), |e| format!(" {e}"))
                )
            } else {
                text
            };
        }
    }
    text
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// How often a cause is found, so that one that was there before is told from a new one.
fn causes(found: &[Diagnostic]) -> BTreeMap<(&'static str, &str), usize> {
    let mut causes = BTreeMap::new();
    for one in found {
        *causes
            .entry((one.code.id(), one.message.as_str()))
            .or_default() += 1;
    }
    causes
}

fn removed(document: &Value, place: &[Hop]) -> Option<Value> {
    let mut copy = document.clone();
    match place.split_last()? {
        (Hop::Key(key), before) => {
            at(&mut copy, before)
                .as_object_mut()?
                .shift_remove(key.as_str())?;
        }
        (Hop::Index(_), _) => return None,
    }
    Some(copy)
}

/// Places of one pattern that are tried; in `ROT_ALL_MUTATIONS` all.
const OF_A_PATTERN: usize = 1;

#[test]
fn a_value_of_another_kind_is_found_or_changes_nothing() {
    let Some(dir) = corpus_dir("conductor") else {
        return;
    };
    let all = std::env::var_os("ROT_ALL_MUTATIONS").is_some();
    let mut paths = files(&dir);
    // The smallest first, so that each pattern is tried in a small file.
    paths.sort_by_key(|p| std::fs::metadata(p).unwrap().len());
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let (mut tried, mut silent) = (0, Vec::new());
    let said = |text: &str| read(text, &ReadOptions::default());
    for path in &paths {
        let Ok(document) = serde_json::from_str::<Value>(&std::fs::read_to_string(path).unwrap())
        else {
            continue;
        };
        let text = document.to_string();
        let (plan, before) = said(&text);
        let (was, known) = (done(&plan), causes(&before));
        let mut found = Vec::new();
        places(&document, &mut Vec::new(), &mut found);
        for place in found {
            let mut changed = document.clone();
            let old = kind(at(&mut changed, &place));
            let mut pattern = pattern(&document, &place);
            // What an author names freely is one pattern below each kind of task.
            if let Some((head, names)) = pattern.split_once(".inputParameters.") {
                let depth = if names.starts_with("http_request") {
                    2
                } else {
                    1
                };
                let names: Vec<&str> = names.split('.').take(depth).collect();
                pattern = match head {
                    head if (head == "<SIMPLE>" || head.starts_with("<INLINE"))
                        && !names.concat().contains("xpression") =>
                    {
                        format!("{head}.inputParameters.*")
                    }
                    _ => format!("{head}.inputParameters.{}", names.join(".")),
                };
            }
            let count = seen.entry(format!("{pattern} {old}")).or_default();
            *count += 1;
            if !all && *count > OF_A_PATTERN {
                continue;
            }
            for other in kinds().into_iter().filter(|k| kind(k) != old) {
                let new = kind(&other);
                *at(&mut changed, &place) = other;
                tried += 1;
                let (plan, now) = said(&changed.to_string());
                let fresh = causes(&now)
                    .iter()
                    .any(|(cause, n)| known.get(cause).copied().unwrap_or(0) < *n);
                let same = || done(&plan) == was;
                // Null is a field that is not there.
                let absent = || {
                    new == "null"
                        && removed(&document, &place)
                            .is_some_and(|copy| done(&said(&copy.to_string()).0) == done(&plan))
                };
                if !fresh && !same() && !absent() {
                    silent.push(format!("{pattern}: {new} for {old} ({})", path.display()));
                }
            }
        }
    }
    println!("{tried} values tried, {} kinds of place", seen.len());
    let silent: HashSet<String> = silent.into_iter().collect();
    let mut silent: Vec<String> = silent.into_iter().collect();
    silent.sort();
    assert!(
        silent.is_empty(),
        "{} in silence:\n{}",
        silent.len(),
        silent.join("\n")
    );
}
