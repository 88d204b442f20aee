//! What a real Conductor server (OSS 3.32.1) answered, replayed: small definitions, each about one point of the semantics, with
//! the recorded state and output. Each case gives the same here, or belongs to a row of the table "Where the answer is another
//! on purpose" of the reference.
//!
//! The recordings stand beside the repository (`ROT_CORPUS`); without them the test says so and passes.

use super::support::scripted::{NOW, Stage};
use rot::diagnostic::Severity;
use rot::source::SourceFile;
use rot::workspace::config::Config;
use rot::workspace::load::analyse;
use rot::world::BoxFuture;
use rot::world::http::{Attempt, Http, Request, Response, Trouble, TroubleKind};
use serde_json::{Map, Value as Json, json};
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use zeroize::Zeroizing;

const PAGE: &str = include_str!("../../docs/reference/conductor.md");
const BASE: &str = "http://127.0.0.1:18080";

fn corpus() -> Option<PathBuf> {
    let root = std::env::var_os("ROT_CORPUS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"),
        PathBuf::from,
    );
    Some(root.join("conductor-live/cases.jsonl")).filter(|path| path.exists())
}

/// The endpoints that the recorded definitions call, as they answered then.
#[derive(Default)]
struct Endpoints {
    calls: Mutex<HashMap<String, u64>>,
}

impl Http for Endpoints {
    fn call<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Attempt> {
        let answer = self.answer(request);
        Box::pin(async move { answer })
    }
}

impl Endpoints {
    fn answer(&self, request: &Request) -> Attempt {
        let Some(rest) = request.url.strip_prefix(BASE) else {
            return Attempt::NotSent(Trouble {
                kind: TroubleKind::Connect,
                message: "no connection".to_owned(),
            });
        };
        let target = rest.split('#').next().unwrap();
        let path = target.split('?').next().unwrap();
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        if request.method == "HEAD" {
            return answered(200, "application/json", "");
        }
        let json = |body: &str| answered(200, "application/json", body);
        match parts.as_slice() {
            ["json"] => json(
                r#"{"a":1,"b":[true,null,"x"],"f":1.5,"one":1.0,"t":"tok-123","nest":{"k-d":{"z":"deep"}}}"#,
            ),
            ["bignum"] => json(
                r#"{"big":12345678901234567890,"edge":9007199254740993,"neg":-9223372036854775808,"dec":0.1234567890123456789,"exp":1e3,"e21":1e21}"#,
            ),
            ["text"] => answered(200, "text/plain", "hello"),
            ["lit", kind] => json(match *kind {
                "number" => "42",
                "float" => "4.20",
                "true" => "true",
                "null" => "null",
                "string" => "\"quoted\"",
                "list" => "[1,\"two\",null]",
                "long" => "12345678901234567890",
                "ws" => "  {\"a\": 1}  ",
                "digits" => "0042",
                "emptyobj" => "{}",
                "emptylist" => "[]",
                "emptystr" => "\"\"",
                other => panic!("no literal `{other}`"),
            }),
            ["html"] => answered(200, "text/html; charset=utf-8", "<html><b>hi</b></html>"),
            ["xml"] => answered(200, "application/xml", "<a><b>1</b></a>"),
            ["trailing"] => json("{\"a\":1} trailing"),
            ["jsontext"] => answered(200, "text/plain", "{\"a\":1}"),
            ["bom"] => json("\u{feff}{\"a\":1}"),
            ["order"] => json("{\"z\":1,\"a\":2,\"m\":{\"y\":1,\"b\":2}}"),
            ["dots"] => json(
                r#"{"a.b":1,"c d":2,"e-f":3,"@t":4,"$v":5,"1":6,"items":[{"id":1,"n":"x"},{"id":2,"n":"y"}]}"#,
            ),
            ["headers"] => with_headers(
                answered(200, "application/json", "{}"),
                &[
                    ("x-multi", "a"),
                    ("x-multi", "b"),
                    ("x-one", "1"),
                    ("x-lower", "l"),
                    ("set-cookie", "c=1; Path=/"),
                ],
            ),
            ["status", code] => answered(
                code.parse().unwrap(),
                "application/json",
                &format!("{{\"error\":\"e{code}\"}}"),
            ),
            ["fail", first, rest @ ..] => {
                let mut calls = self.calls.lock().unwrap();
                let count = calls.entry(target.to_owned()).or_default();
                *count += 1;
                if *count > first.parse().unwrap() {
                    return json(&format!("{{\"calls\":{count}}}"));
                }
                let status = rest.first().map_or(500, |code| code.parse().unwrap_or(500));
                answered(status, "application/json", &format!("{{\"fail\":{count}}}"))
            }
            ["slow", seconds] => {
                let wanted = std::time::Duration::from_secs_f64(seconds.parse().unwrap());
                if wanted > request.limits.first_byte.min(request.limits.total) {
                    return Attempt::Unknown(
                        Trouble {
                            kind: TroubleKind::Timeout,
                            message: "the server was too slow".to_owned(),
                        },
                        None,
                    );
                }
                json("{\"slow\":true}")
            }
            ["echo", ..] => {
                let headers: Map<String, Json> = request
                    .headers
                    .iter()
                    .map(|(name, value)| {
                        let text = String::from_utf8_lossy(value).into_owned();
                        (name.to_ascii_lowercase(), text.into())
                    })
                    .collect();
                let body = request.body.as_ref().map_or(String::new(), |body| {
                    String::from_utf8_lossy(body).into_owned()
                });
                json(
                    &json!({ "method": request.method, "path": target, "headers": headers, "body": body })
                        .to_string(),
                )
            }
            other => panic!("no endpoint {other:?}"),
        }
    }
}

fn answered(status: u16, media: &str, body: &str) -> Attempt {
    Attempt::Answered(Response {
        status,
        headers: vec![(
            "content-type".to_owned(),
            Zeroizing::new(media.as_bytes().to_vec()),
        )],
        body: Zeroizing::new(body.as_bytes().to_vec()),
        received_at: NOW.parse().unwrap(),
    })
}

fn with_headers(attempt: Attempt, headers: &[(&str, &str)]) -> Attempt {
    let Attempt::Answered(mut response) = attempt else {
        return attempt;
    };
    response.headers.extend(headers.iter().map(|(name, value)| {
        (
            (*name).to_owned(),
            Zeroizing::new(value.as_bytes().to_vec()),
        )
    }));
    Attempt::Answered(response)
}

/// What came of a case: a state and an output.
fn play(stage: &Stage, case: &Json) -> (String, Json) {
    let definitions = case["definitions"].to_string().replace("?RUN", "?run");
    let given = case["input"].to_string().replace("BASE", BASE);
    let given: Map<String, Json> = serde_json::from_str(&given).unwrap();
    let loaded = analyse(
        &SourceFile::new("case.json", definitions),
        &Config::default(),
    );
    let mut findings = loaded.findings;
    findings
        .iter_mut()
        .for_each(rot::diagnostic::Diagnostic::for_a_run);
    if findings.iter().any(|d| d.severity == Severity::Error) {
        return ("refused".to_owned(), Json::Null);
    }
    match stage.run(&loaded.plan, &given.into_iter().collect::<Vec<_>>()) {
        Ok(report) => (report.status.as_str().to_owned(), report.output),
        Err(_) => ("refused".to_owned(), Json::Null),
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

#[test]
fn each_row_of_the_table_says_why() {
    let mut seen = HashSet::new();
    for row in rows() {
        assert_eq!(row.len(), 5, "{row:?}");
        assert!(row.iter().all(|cell| !cell.is_empty()), "{row:?}");
        for name in named(&row) {
            assert!(seen.insert(name.to_owned()), "`{name}` is in two rows");
        }
    }
    assert!(!seen.is_empty());
}

#[test]
fn a_servers_answers_are_ours() {
    let Some(path) = corpus() else {
        println!("skipped: the recorded answers are not there (ROT_CORPUS)");
        return;
    };
    let text = std::fs::read_to_string(path).unwrap();
    let cases: Vec<Json> = text
        .lines()
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let rows = rows();
    let explained: HashSet<&str> = rows.iter().flat_map(|row| named(row)).collect();
    let wrong = Mutex::new(Vec::new());
    let half = cases.len() / 2 + 1;
    std::thread::scope(|scope| {
        for part in cases.chunks(half) {
            let (explained, wrong) = (&explained, &wrong);
            scope.spawn(move || {
                let endpoints = Arc::new(Endpoints::default());
                let stage = Stage::over(endpoints.clone());
                for case in part {
                    endpoints.calls.lock().unwrap().clear();
                    let id = case["id"].as_str().unwrap();
                    let (status, output) = play(&stage, case);
                    if !same(case, &status, &output) && !explained.contains(id) {
                        wrong.lock().unwrap().push(format!(
                            "{id}: {}\n  server {} {}\n  here   {status} {output}",
                            case["point"], case["server"]["status"], case["server"]["output"]
                        ));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(
        wrong.is_empty(),
        "{} of {} cases give another answer and are in no row of the table\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
    let known: HashSet<&str> = cases.iter().filter_map(|c| c["id"].as_str()).collect();
    for name in &explained {
        assert!(known.contains(name), "`{name}` in the table is no case");
    }
}
