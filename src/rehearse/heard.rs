//! What a request says, in the clear, and what of the plan it says with it.

use super::script::Part;
use crate::plan::task::http::{Auth, Body};
use crate::plan::{Expr, ExprKind};
use crate::sim::PROGRAM;
use crate::world::http::Request;
use serde_json::Value as Json;

/// Texts that are shorter are not looked for in requests: they stand for nothing alone.
pub const SHORTEST: usize = 6;

/// What a request says, in the clear.
pub struct Texts {
    /// Headers; who logs in, and what a program is given beside its input.
    pub headers: Vec<String>,
    /// URL and body.
    pub rest: Vec<String>,
}

/// Whether a value that is long enough to stand for something is in one of the texts.
pub fn contains(texts: &[String], value: &str) -> bool {
    value.len() >= SHORTEST && texts.iter().any(|text| text.contains(value))
}

/// A header, by its name in any case.
pub fn header(request: &Request, name: &str) -> Option<String> {
    let mut all = request.headers.iter();
    all.find(|(n, _)| n.eq_ignore_ascii_case(name))
        .map(|(_, value)| String::from_utf8_lossy(value).into_owned())
}

/// What a request says for the expressions of its plan that stand alone in it: login, members of a body, environment.
pub fn echoes(part: &Part, request: &Request) -> Vec<(Expr, String)> {
    let mut found = Vec::new();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let header = |name: &str| header(request, name);
    match &part.http.auth {
        Some(Auth::Login(user, password)) => {
            if let Some((name, value)) = request.headers.first() {
                found.push((user.clone(), name.clone()));
                found.push((password.clone(), text(value)));
            }
        }
        Some(Auth::Basic(user, password)) => {
            let pair = header("Authorization").and_then(|v| decoded(v.strip_prefix("Basic ")?));
            if let Some((name, value)) = pair.as_deref().and_then(|pair| pair.split_once(':')) {
                found.push((user.clone(), name.to_owned()));
                found.push((password.clone(), value.to_owned()));
            }
        }
        Some(Auth::Bearer(token)) => {
            let value = header("Authorization");
            let sent = value.as_deref().and_then(|v| v.strip_prefix("Bearer "));
            found.extend(sent.map(|sent| (token.clone(), sent.to_owned())));
        }
        Some(Auth::Client(..)) | None => {}
    }
    for one in &part.http.headers {
        found.extend(header(&one.name).map(|value| (one.value.clone(), value)));
    }
    let query: Vec<(String, String)> = url::Url::parse(&request.url)
        .map(|url| url.query_pairs().into_owned().collect())
        .unwrap_or_default();
    pairs(&part.http.query, &query, &mut found);
    let body = request.body.as_ref().map(|body| body.as_slice());
    match &part.http.body {
        Body::Json(expr) => {
            if let Some(json) = body.and_then(|body| serde_json::from_slice(body).ok()) {
                members(expr, &json, &mut found);
            }
        }
        Body::Form(fields) => {
            let sent: Vec<(String, String)> = url::form_urlencoded::parse(body.unwrap_or_default())
                .into_owned()
                .collect();
            pairs(fields, &sent, &mut found);
        }
        Body::Text(expr) | Body::Raw(expr) => {
            found.extend(body.map(|body| (expr.clone(), text(body))));
        }
        Body::Program(program) => {
            for (name, expr) in &program.environment {
                found.extend(header(name).map(|value| (expr.clone(), value)));
            }
            if let (Some(expr), Some(body)) = (&program.stdin, body) {
                found.push((expr.clone(), text(body)));
            }
        }
        Body::None | Body::Statement { .. } | Body::Command(_) => {}
    }
    found
}

fn pairs(planned: &[(String, Expr)], sent: &[(String, String)], out: &mut Vec<(Expr, String)>) {
    for (name, expr) in planned {
        let value = sent.iter().find(|(n, _)| n == name);
        out.extend(value.map(|(_, value)| (expr.clone(), value.clone())));
    }
}

fn members(expr: &Expr, json: &Json, out: &mut Vec<(Expr, String)>) {
    match (&expr.kind, json) {
        (ExprKind::Object(planned), Json::Object(sent)) => {
            for (name, value) in planned {
                if let Some(sent) = sent.get(name) {
                    members(value, sent, out);
                }
            }
        }
        (ExprKind::List(planned), Json::Array(sent)) => {
            for (value, sent) in planned.iter().zip(sent) {
                members(value, sent, out);
            }
        }
        (_, Json::String(text)) => out.push((expr.clone(), text.clone())),
        (_, Json::Number(number)) => out.push((expr.clone(), number.to_string())),
        (_, Json::Bool(truth)) => out.push((expr.clone(), truth.to_string())),
        (_, Json::Null | Json::Object(_) | Json::Array(_)) => {}
    }
}

impl Texts {
    /// Reads a request.
    pub fn of(request: &Request) -> Self {
        let mut headers = Vec::new();
        for (_, value) in &request.headers {
            let text = String::from_utf8_lossy(value).into_owned();
            if let Some(pair) = text.strip_prefix("Basic ").and_then(decoded) {
                headers.push(percent(&pair));
                headers.push(pair);
            }
            headers.push(text);
        }
        let mut rest = vec![request.url.to_string(), percent(&request.url)];
        if let Some(body) = &request.body {
            let text = String::from_utf8_lossy(body).into_owned();
            match serde_json::from_str::<Json>(&text) {
                Ok(json) => leaves(&json, &mut rest),
                Err(_) => rest.push(percent(&text.replace('+', " "))),
            }
            rest.push(text);
        }
        // What a program is given may be who asks as well as what it says.
        if request.method == PROGRAM {
            rest.extend(headers.iter().cloned());
        }
        Self { headers, rest }
    }

    /// Whether a value is anywhere in it.
    pub fn carry(&self, value: &str) -> bool {
        contains(&self.headers, value) || contains(&self.rest, value)
    }

    /// All of it.
    pub fn all(&self) -> String {
        let all: Vec<&str> = self
            .headers
            .iter()
            .chain(&self.rest)
            .map(String::as_str)
            .collect();
        all.join("\n")
    }
}

fn leaves(json: &Json, out: &mut Vec<String>) {
    match json {
        Json::String(text) => out.push(text.clone()),
        Json::Array(items) => items.iter().for_each(|i| leaves(i, out)),
        Json::Object(members) => members.values().for_each(|m| leaves(m, out)),
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}

fn decoded(text: &str) -> Option<String> {
    use base64::Engine;
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(text.trim())
        .ok()?;
    String::from_utf8(bytes).ok()
}

/// Percent-encoding undone.
fn percent(text: &str) -> String {
    url::form_urlencoded::parse(
        format!("={}", text.replace('+', "%2B").replace('&', "%26")).as_bytes(),
    )
    .next()
    .map(|(_, value)| value.into_owned())
    .unwrap_or_default()
}
