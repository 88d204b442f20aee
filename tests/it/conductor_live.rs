//! What a real Conductor server (OSS 3.32.1) answered, replayed: small definitions, each about one point of the semantics, with
//! the recorded state and output. Each case gives the same here, or belongs to a row of the table "Where the answer is another
//! on purpose" of the reference.
//!
//! The recordings stand beside the repository (`ROT_CORPUS`); without them the test says so and passes.

use super::support::scripted::Stage;
use endpoints::{BASE, Endpoints};
use kinds::{KINDS, Kind, Played};
use rot::diagnostic::Severity;
use rot::run::Passed;
use rot::source::SourceFile;
use rot::workspace::config::Config;
use rot::workspace::load::analyse;
use serde_json::{Map, Value as Json, json};
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

mod endpoints;
mod kinds;
mod written;

const PAGE: &str = include_str!("../../docs/reference/conductor.md");
/// What is recorded in this repository; more stands beside it.
const RECORDED: &str = include_str!("../live/recorded.jsonl");

fn corpus() -> Option<PathBuf> {
    let root = std::env::var_os("ROT_CORPUS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"),
        PathBuf::from,
    );
    Some(root.join("conductor-live/cases.jsonl")).filter(|path| path.exists())
}

fn play(stage: &Stage, line: &str, case: &Json) -> Played {
    play_as(stage, &case["definitions"], line)
}

/// Plays definitions with the input of a case, whose numbers keep their digits.
fn play_as(stage: &Stage, definitions: &Json, line: &str) -> Played {
    let definitions = definitions.to_string().replace("?RUN", "?run");
    let node = rot::json::parse_text(line).unwrap();
    let input = node.get("input").unwrap().span;
    let given = line[input.start as usize..input.end as usize].replace("BASE", BASE);
    let given = Passed::members(&given).unwrap();
    let loaded = analyse(
        &SourceFile::new("case.json", definitions),
        &Config::default(),
    );
    let mut findings = loaded.findings;
    findings
        .iter_mut()
        .for_each(rot::diagnostic::Diagnostic::for_a_run);
    let codes: Vec<&str> = (findings.iter())
        .filter(|d| d.severity == Severity::Error)
        .map(|d| d.code.id())
        .collect();
    let played = |status: &str, output| Played {
        status: status.to_owned(),
        output,
        codes: codes.clone(),
    };
    if !codes.is_empty() {
        return played("refused", Json::Null);
    }
    match stage.run_with(&loaded.plan, given) {
        Ok(report) => played(report.status.as_str(), report.output),
        Err(_) => played("refused", Json::Null),
    }
}

/// Without what changes from run to run.
fn settled(value: &Json) -> Json {
    let text = value.to_string().replace(BASE, "BASE");
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(c) = rest.chars().next() {
        let uuid = rest.get(..36).is_some_and(uuid_like);
        if uuid {
            out.push_str("UUID");
            rest = &rest[36..];
        } else {
            out.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    without_ids(serde_json::from_str(&out).unwrap())
}

fn uuid_like(text: &str) -> bool {
    text.bytes().enumerate().all(|(i, b)| match i {
        8 | 13 | 18 | 23 => b == b'-',
        _ => b.is_ascii_digit() || (b'a'..=b'f').contains(&b),
    })
}

fn without_ids(value: Json) -> Json {
    match value {
        Json::Object(members) => members
            .into_iter()
            .filter(|(name, _)| name != "subWorkflowId")
            .map(|(name, value)| (name, without_ids(value)))
            .collect::<Map<_, _>>()
            .into(),
        Json::Array(items) => items.into_iter().map(without_ids).collect(),
        other => other,
    }
}

/// Whether the server's answer and ours are the same; both may fail, or both refuse.
fn same(case: &Json, status: &str, output: &Json) -> bool {
    let server = case["server"]["status"].as_str().unwrap();
    match (server, status) {
        ("NOT_REGISTERED" | "NOT_STARTED", status) => status == "refused",
        ("COMPLETED", "completed") => {
            let theirs = settled(&case["server"]["output"]);
            let theirs = if theirs.is_null() { json!({}) } else { theirs };
            let ours = settled(output);
            let ours = if ours.is_null() { json!({}) } else { ours };
            theirs == ours
        }
        ("COMPLETED", _) => false,
        ("FAILED" | "TERMINATED" | "TIMED_OUT", status) => status != "completed",
        (_, status) => status == "refused",
    }
}

/// The rows of the table of differences: name, what a server does, what happens here, why, and the cases.
fn rows() -> Vec<Vec<String>> {
    let (_, rest) = PAGE
        .split_once("## Where the answer is another on purpose")
        .expect("the page has the table");
    rest.lines()
        .skip_while(|line| !line.starts_with("| ---"))
        .skip(1)
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            line.trim_matches('|')
                .split(" | ")
                .map(|cell| cell.trim().to_owned())
                .collect()
        })
        .collect()
}

/// The cases that a row names.
fn named(row: &[String]) -> Vec<&str> {
    row.last()
        .unwrap()
        .split(',')
        .map(|name| name.trim().trim_matches('`'))
        .collect()
}

/// The rule of a row, whose first cell begins with its name.
fn kind_of(row: &[String]) -> Option<&'static Kind> {
    let (name, _) = row.first()?.split_once(':')?;
    KINDS.iter().find(|(known, _)| name == format!("`{known}`"))
}

/// The lines of all recordings, and whether those beside the repository are there.
fn recorded() -> (String, bool) {
    let Some(path) = corpus() else {
        println!("only what is recorded in this repository: the rest is not there (ROT_CORPUS)");
        return (RECORDED.to_owned(), false);
    };
    let beside = std::fs::read_to_string(path).unwrap();
    (format!("{RECORDED}\n{beside}"), true)
}

fn cases_of(text: &str) -> Vec<(&str, Json)> {
    text.split('\n')
        .filter(|line| !line.trim().is_empty())
        .map(|line| (line, serde_json::from_str(line).unwrap()))
        .collect()
}

#[test]
fn each_row_of_the_table_says_why() {
    let mut seen = HashSet::new();
    for row in rows() {
        assert_eq!(row.len(), 5, "{row:?}");
        assert!(row.iter().all(|cell| !cell.is_empty()), "{row:?}");
        assert!(kind_of(&row).is_some(), "no rule for {row:?}");
        for name in named(&row) {
            assert!(seen.insert(name.to_owned()), "`{name}` is in two rows");
        }
    }
    assert!(!seen.is_empty());
    assert_eq!(rows().len(), KINDS.len(), "a kind without a row");
}

#[test]
fn a_servers_answers_are_ours() {
    let (text, has_all) = recorded();
    let cases = cases_of(&text);
    let rows = rows();
    let wrong = Mutex::new(Vec::new());
    // By case: what came of it, where that is another answer.
    let differing: Mutex<HashMap<&str, Played>> = Mutex::new(HashMap::new());
    let half = cases.len() / 2 + 1;
    std::thread::scope(|scope| {
        for part in cases.chunks(half) {
            let (differing, wrong) = (&differing, &wrong);
            scope.spawn(move || {
                let endpoints = Arc::new(Endpoints::default());
                let stage = Stage::over(endpoints.clone());
                for (line, case) in part {
                    endpoints.clear();
                    let id = case["id"].as_str().unwrap();
                    let played = play(&stage, line, case);
                    if same(case, &played.status, &played.output) {
                        continue;
                    }
                    if !KINDS.iter().any(|(_, holds)| holds(case, &played)) {
                        wrong.lock().unwrap().push(format!(
                            "{id}: {}\n  server {} {}\n  here   {} {} {:?}",
                            case["point"],
                            case["server"]["status"],
                            case["server"]["output"],
                            played.status,
                            played.output,
                            played.codes
                        ));
                    }
                    differing.lock().unwrap().insert(id, played);
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(
        wrong.is_empty(),
        "{} of {} cases give another answer and are of no kind of the table\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
    let differing = differing.into_inner().unwrap();
    for row in &rows {
        let (_, holds) = kind_of(row).unwrap();
        for name in named(row) {
            let case = cases.iter().find(|(_, case)| case["id"] == name);
            let Some((_, case)) = case else {
                assert!(!has_all, "`{name}` in the table is no case");
                continue;
            };
            let played = differing
                .get(name)
                .unwrap_or_else(|| panic!("`{name}` is the same by now: {row:?} is stale"));
            assert!(
                holds(case, played),
                "`{name}` is not of the kind of its row {row:?}"
            );
        }
    }
    let in_rows: HashSet<&str> = rows.iter().flat_map(|row| named(row)).collect();
    let unsaid: Vec<&&str> = (differing.keys())
        .filter(|id| !in_rows.contains(*id))
        .collect();
    assert!(unsaid.is_empty(), "{unsaid:?} differ and are in no row");
}
