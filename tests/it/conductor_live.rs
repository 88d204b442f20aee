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

/// What came of a case.
struct Played {
    status: String,
    output: Json,
    /// The errors for which it was refused.
    codes: Vec<&'static str>,
}

/// A kind of difference: whether a case is of it, by what its definitions say and what came of them.
type Kind = (&'static str, fn(&Json, &Played) -> bool);

/// The kinds of the table, in its order.
const KINDS: &[Kind] = &[
    ("no-value", |_, played| {
        refused(played, &["ROT101", "ROT102", "ROT103", "ROT106", "ROT004"])
    }),
    ("unreadable-path", |_, played| refused(played, &["ROT006"])),
    ("request-from-data", |case, played| {
        refused(played, &["ROT117"]) && says(case, "\"http_request\":\"${")
    }),
    ("header-line-end", |case, played| {
        played.status == "failed"
            && says(case, "\"headers\":{")
            && case["input"].to_string().contains("\\n")
    }),
    ("small-method", |case, played| {
        let small = ["get", "post", "put", "patch", "delete", "head"];
        played.status == "completed"
            && small
                .iter()
                .any(|m| says(case, &format!("\"method\":\"{m}\"")))
    }),
    ("bare-number", |case, _| {
        ["number", "float", "long"]
            .iter()
            .any(|kind| says(case, &format!("/lit/{kind}")))
    }),
    ("half-json", |case, _| {
        says(case, "/bom\"") || says(case, "/trailing\"")
    }),
    ("fraction-in-body", |case, _| {
        says(case, "\"body\":")
            && case["input"]
                .as_object()
                .is_some_and(|all| all.values().any(Json::is_f64))
    }),
    ("media-type-blanks", |case, _| {
        says(case, "\"contentType\":") && says(case, "; ")
    }),
    ("encode", |case, _| says(case, "\"encode\":false")),
    ("header-names", |case, _| says(case, ".response.headers")),
    ("jq-functions", |case, played| {
        says(case, "\"JSON_JQ_TRANSFORM\"")
            && played.status == "completed"
            && case["server"]["status"] == "FAILED"
    }),
    ("jq-values", |case, played| {
        says(case, "\"JSON_JQ_TRANSFORM\"")
            && played.status == "completed"
            && ["floor", "nan", "explode"]
                .iter()
                .any(|word| says(case, word))
    }),
    ("java-objects", |case, _| {
        says(case, "JSON.stringify") || says(case, "typeof")
    }),
    ("beyond-64-bits", |case, _| {
        case["input"].as_object().is_some_and(|all| {
            all.values()
                .any(|v| v.is_f64() && v.as_f64().is_some_and(|n| n.abs() > 1.8e19))
        })
    }),
    ("nested-iteration", |case, played| {
        let loops = case["definitions"]
            .to_string()
            .matches("\"DO_WHILE\"")
            .count();
        loops > 1
            && says(case, "iteration")
            && played.status == "completed"
            && case["server"]["status"] == "FAILED"
    }),
    ("empty-condition", |case, played| {
        refused(played, &["ROT202"]) && says(case, "\"loopCondition\":\"\"")
    }),
    ("items-among-inputs", |case, _| {
        says(case, "\"inputParameters\":{\"items\":") && says(case, "\"DO_WHILE\"")
    }),
    ("join-in-loop", |case, _| {
        says(case, "\"DO_WHILE\"") && says(case, "\"JOIN\"")
    }),
    ("no-outputs", |case, _| {
        let definition = &case["definitions"][0];
        let last = definition["tasks"]
            .as_array()
            .and_then(|tasks| tasks.last());
        definition["outputParameters"]
            .as_object()
            .is_none_or(Map::is_empty)
            && last.is_some_and(|task| task["type"] == "SWITCH" || task["type"] == "EXCLUSIVE_JOIN")
    }),
    ("switch-input", |case, _| {
        (says(case, "\"SWITCH\"") || says(case, "\"DECISION\"")) && says(case, ".input}")
    }),
    ("template-without-input", |case, _| {
        says(case, "\"inputTemplate\":") && case["input"].as_object().is_none_or(Map::is_empty)
    }),
    ("event", |case, played| {
        refused(played, &["ROT117"]) && says(case, "\"EVENT\"")
    }),
];

fn refused(played: &Played, codes: &[&str]) -> bool {
    played.codes.iter().any(|code| codes.contains(code))
}

fn says(case: &Json, text: &str) -> bool {
    case["definitions"].to_string().contains(text)
}

fn play(stage: &Stage, case: &Json) -> Played {
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
    match stage.run(&loaded.plan, &given.into_iter().collect::<Vec<_>>()) {
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
                for case in part {
                    endpoints.calls.lock().unwrap().clear();
                    let id = case["id"].as_str().unwrap();
                    let played = play(&stage, case);
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
            let case = cases.iter().find(|case| case["id"] == name);
            let case = case.unwrap_or_else(|| panic!("`{name}` in the table is no case"));
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
    for id in differing.keys() {
        assert!(in_rows.contains(id), "`{id}` differs and is in no row");
    }
}
