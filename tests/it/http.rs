//! The HTTP client against a real server that misbehaves, and the built-in issuer's own semantics.

mod egress;
mod hostile;
mod issuer;
mod leaks;
mod requests;
mod tls;

use rot::demo::issuer::{Config, Issuer, IssuerHandle, Rule};
use rot::world::http::{Attempt, Http, Limits, RealHttp, Request, Response, TroubleKind};
use serde_json::Value;
use std::time::Duration;
use zeroize::Zeroizing;

fn issuer(faults: Vec<Rule>) -> IssuerHandle {
    Issuer::spawn(Config {
        faults,
        ..Config::default()
    })
    .unwrap()
}

/// Limits that no test reaches unless it is about them.
fn limits() -> Limits {
    let long = Duration::from_secs(30);
    Limits {
        connect: long,
        first_byte: long,
        total: long,
        ..Limits::default()
    }
}

fn get(url: impl Into<String>) -> Request {
    request("GET", url, &[], None)
}

fn request(
    method: &str,
    url: impl Into<String>,
    headers: &[(&str, &str)],
    body: Option<&str>,
) -> Request {
    Request {
        method: method.to_owned(),
        url: Zeroizing::new(url.into()),
        headers: headers
            .iter()
            .map(|(name, value)| {
                (
                    (*name).to_owned(),
                    Zeroizing::new(value.as_bytes().to_vec()),
                )
            })
            .collect(),
        body: body.map(|body| Zeroizing::new(body.as_bytes().to_vec())),
        secret: true,
        limits: limits(),
    }
}

fn with_json(
    method: &str,
    url: impl Into<String>,
    headers: &[(&str, &str)],
    body: &Value,
) -> Request {
    let mut headers = headers.to_vec();
    headers.push(("Content-Type", "application/json"));
    request(method, url, &headers, Some(&body.to_string()))
}

fn with_form(
    url: impl Into<String>,
    headers: &[(&str, &str)],
    members: &[(&str, &str)],
) -> Request {
    let mut headers = headers.to_vec();
    headers.push(("Content-Type", "application/x-www-form-urlencoded"));
    let body = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(members)
        .finish();
    request("POST", url, &headers, Some(&body))
}

fn call(request: &Request) -> Attempt {
    call_with(&RealHttp::new(), request)
}

fn call_with(http: &RealHttp, request: &Request) -> Attempt {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(http.call(request))
}

#[track_caller]
fn answered(request: &Request) -> Response {
    match call(request) {
        Attempt::Answered(response) => response,
        other => panic!("not answered: {}", summary(&other)),
    }
}

#[track_caller]
fn json(request: &Request) -> (u16, Value) {
    let response = answered(request);
    (
        response.status,
        serde_json::from_slice(&response.body).unwrap_or(Value::Null),
    )
}

#[track_caller]
fn not_sent(request: &Request) -> (TroubleKind, String) {
    match call(request) {
        Attempt::NotSent(trouble) => (trouble.kind, trouble.message),
        other => panic!("sent: {}", summary(&other)),
    }
}

/// The outcome in a few words, without what was sent or received.
fn summary(attempt: &Attempt) -> String {
    match attempt {
        Attempt::NotSent(trouble) => format!("not sent, {:?}", trouble.kind),
        Attempt::Answered(response) => format!(
            "answered {}, {} bytes",
            response.status,
            response.body.len()
        ),
        Attempt::Unknown(trouble, None) => format!("unknown, {:?}, no answer", trouble.kind),
        Attempt::Unknown(trouble, Some(response)) => {
            format!(
                "unknown, {:?}, {} with {} bytes",
                trouble.kind,
                response.status,
                response.body.len()
            )
        }
    }
}
