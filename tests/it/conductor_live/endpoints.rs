//! The endpoints of `tests/live/echo.py`, without a socket.

use super::super::support::scripted::NOW;
use rot::world::BoxFuture;
use rot::world::http::{Attempt, Http, Request, Response, Trouble, TroubleKind};
use serde_json::{Map, Value as Json, json};
use std::collections::HashMap;
use std::sync::Mutex;
use zeroize::Zeroizing;

/// Where they stand.
pub const BASE: &str = "http://127.0.0.1:18080";

/// The endpoints that the recorded definitions call, as they answered then.
#[derive(Default)]
pub struct Endpoints {
    calls: Mutex<HashMap<String, u64>>,
}

impl Http for Endpoints {
    fn call<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Attempt> {
        let answer = self.answer(request);
        Box::pin(async move { answer })
    }
}

impl Endpoints {
    /// Forgets what was called.
    pub fn clear(&self) {
        self.calls.lock().unwrap().clear();
    }

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
            ["empty"] => bare(200, &[]),
            ["utf8"] => answered(200, "text/plain", "café 名 😀"),
            ["statustext", code] => answered(
                code.parse().unwrap(),
                "text/plain",
                &format!("plain {code}"),
            ),
            ["s204"] => bare(204, &[]),
            ["emptyjson"] => json(""),
            ["badjson"] => json("{\"a\":"),
            ["utf8json"] => json("{\"n\":\"café 名 😀\",\"к\":1}"),
            ["dupkeys"] => json("{\"a\":1,\"a\":2}"),
            ["nan"] => json("{\"a\":NaN}"),
            ["big", kibibytes] => {
                let length = kibibytes.parse::<usize>().unwrap() * 1024;
                if length as u64 > request.limits.body {
                    let message = "the answer is too large".to_owned();
                    let kind = TroubleKind::TooLarge;
                    return Attempt::Unknown(Trouble { kind, message }, None);
                }
                json(&json!({ "s": "x".repeat(length) }).to_string())
            }
            ["redirect", code] if request.limits.follow > 0 && !request.secret => {
                let again = matches!(*code, "307" | "308");
                let kept = ["get", "head"]
                    .iter()
                    .any(|m| request.method.eq_ignore_ascii_case(m));
                let method = if again || kept {
                    request.method.as_str()
                } else {
                    "GET"
                };
                let body = request.body.as_ref().filter(|_| again || kept);
                let body = body.map_or(String::new(), |b| String::from_utf8_lossy(b).into_owned());
                let path = format!("/echo?from={code}");
                let headers = match again || kept {
                    true => sent(request),
                    false => Map::new(),
                };
                json(
                    &json!({ "method": method, "path": path, "headers": headers, "body": body })
                        .to_string(),
                )
            }
            ["latin1"] => Attempt::Answered(Response {
                status: 200,
                headers: vec![header("content-type", "text/plain; charset=iso-8859-1")],
                body: Zeroizing::new(b"caf\xe9".to_vec()),
                received_at: NOW.parse().unwrap(),
            }),
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
                let headers = sent(request);
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

fn sent(request: &Request) -> Map<String, Json> {
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    (request.headers.iter())
        .map(|(name, value)| (name.to_ascii_lowercase(), text(value).into()))
        .collect()
}

fn answered(status: u16, media: &str, body: &str) -> Attempt {
    Attempt::Answered(Response {
        status,
        headers: vec![
            header("server", "echo"),
            header("date", "Thu, 01 Jan 1970 00:00:00 GMT"),
            header("content-type", media),
            header("content-length", &body.len().to_string()),
        ],
        body: Zeroizing::new(body.as_bytes().to_vec()),
        received_at: NOW.parse().unwrap(),
    })
}

fn header(name: &str, value: &str) -> (String, Zeroizing<Vec<u8>>) {
    (name.to_owned(), Zeroizing::new(value.as_bytes().to_vec()))
}

fn bare(status: u16, headers: &[(&str, &str)]) -> Attempt {
    Attempt::Answered(Response {
        status,
        headers: headers.iter().map(|(n, v)| header(n, v)).collect(),
        body: Zeroizing::new(Vec::new()),
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
