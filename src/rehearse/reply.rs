//! The answer that a step expects, made up: captures find values of their type, expectations hold.

use super::answers::Answer;
use super::script::{Part, answer_members};
use crate::plan::task::http::{CaptureSource, Expectation, Protocol, StatusPattern};
use crate::plan::{Expr, ExprKind, JsonPath, Operator, Type};
use crate::sim::Reply;
use serde_json::{Value as Json, json};

/// Makes up values that are nobody's yet.
pub trait Inventor {
    /// A new credential.
    fn credential(&mut self) -> String;
    /// A new id.
    fn id(&mut self) -> String;
    /// A new number that stands for something.
    fn number(&mut self) -> i64;
    /// What an expression of the plan stands for, as far as the request or an earlier answer tells.
    fn said(&self, expr: &Expr) -> Option<String>;
    /// Keeps what a capture finds.
    fn tell(&mut self, step: &str, capture: &str, value: &str);
    /// When a credential that is made now ends, in milliseconds since 1970, and how many seconds that is from now.
    fn life(&self) -> (i64, u64);
}

/// What came of making up an answer.
pub struct Made {
    /// The answer.
    pub reply: Reply,
    /// Values by capture; credentials of places that no capture names stand under an empty name.
    pub values: Vec<(String, String)>,
}

/// Makes up the answer of a request. `given` is what the author says of it, `ids` what a list of ids holds, where it is one.
pub fn make(
    part: &Part,
    given: Option<&Answer>,
    ids: Option<Vec<Json>>,
    inventor: &mut dyn Inventor,
) -> Made {
    let http = &part.http;
    let mut headers: Vec<(String, String)> = Vec::new();
    let mut values = Vec::new();
    let mut body = Json::Null;
    let mut text = None;
    if let Some(given) = given {
        body = given.body.clone();
        fill(&mut body, &mut values, inventor);
        for (name, value) in &given.headers {
            headers.push((
                name.to_ascii_lowercase(),
                filled(value, &mut values, inventor),
            ));
        }
    }
    let given_body = !body.is_null();
    for capture in &http.captures {
        let is_list = ids.is_some();
        let made = match &ids {
            Some(ids) => ids.clone(),
            None => vec![invent(&capture.ty, capture.secret, inventor)],
        };
        let told = made.first().and_then(said).unwrap_or_default();
        let placed = match &capture.source {
            CaptureSource::Body(path) if !given_body => match (is_list, path.is_definite()) {
                (true, true) => path.place(&mut body, &[Json::Array(made)]),
                _ => path.place(&mut body, &made),
            },
            CaptureSource::Text if !given_body => {
                text = Some(told.clone());
                true
            }
            CaptureSource::Header(name)
                if !headers.iter().any(|(n, _)| *n == name.to_ascii_lowercase()) =>
            {
                headers.push((name.to_ascii_lowercase(), told.clone()));
                true
            }
            _ => false,
        };
        if placed && !is_list {
            inventor.tell(&part.step, &capture.name, &told);
            values.push((capture.name.clone(), told));
        }
    }
    if !given_body {
        for keys in answer_members(http).iter().chain(&part.read_elsewhere) {
            let credential = inventor.credential();
            if !keys.is_empty()
                && JsonPath::of(keys)
                    .is_some_and(|path| path.place(&mut body, &[json!(credential)]))
            {
                values.push((String::new(), credential));
            }
        }
    }
    for expect in &http.expect {
        match &expect.what {
            Expectation::Status(_) => {}
            Expectation::Header {
                name,
                operator,
                value,
            } => {
                if let Some(wanted) = wanted(*operator, value, inventor).as_ref().and_then(said) {
                    headers.push((name.to_ascii_lowercase(), wanted));
                }
            }
            Expectation::Body {
                path,
                operator,
                value,
            } if !given_body => {
                if let Some(wanted) = wanted(*operator, value, inventor) {
                    path.place(&mut body, &[wanted]);
                }
            }
            Expectation::Body { .. } => {}
        }
    }
    let body = match (text, &body) {
        (Some(text), _) => text.into_bytes(),
        (None, Json::Null) => Vec::new(),
        (None, Json::String(text)) if given_body => text.clone().into_bytes(),
        (None, body) => body.to_string().into_bytes(),
    };
    let status = given.and_then(|g| g.status).unwrap_or_else(|| status(part));
    Made {
        reply: Reply {
            status,
            headers,
            body,
        },
        values,
    }
}

/// The status that the step expects first; 200 where it names none.
pub fn status(part: &Part) -> u16 {
    let listed = part.http.expect.iter().find_map(|e| match &e.what {
        Expectation::Status(patterns) => patterns.first().copied(),
        Expectation::Header { .. } | Expectation::Body { .. } => None,
    });
    match listed {
        Some(StatusPattern::Exact(status)) => status,
        Some(StatusPattern::Family(family)) => u16::from(family) * 100,
        None if part.http.protocol() == Protocol::Exec => 0,
        None => 200,
    }
}

/// Whether the step expects this status by name.
pub fn expects(part: &Part, status: u16) -> bool {
    part.http.expect.iter().any(|e| match &e.what {
        Expectation::Status(patterns) => patterns.iter().any(|p| p.matches(status)),
        Expectation::Header { .. } | Expectation::Body { .. } => false,
    })
}

/// A value of a type.
fn invent(ty: &Type, secret: bool, inventor: &mut dyn Inventor) -> Json {
    match ty {
        Type::Int | Type::Number => json!(inventor.number()),
        Type::Bool => json!(true),
        Type::Time => {
            let at = jiff::Timestamp::from_millisecond(inventor.life().0).unwrap_or_default();
            json!(at.to_string())
        }
        Type::Duration => json!(inventor.life().1),
        Type::List(item) => json!([invent(item, secret, inventor)]),
        Type::Record(fields) => fields
            .iter()
            .map(|(name, ty)| (name.clone(), invent(ty, secret, inventor)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Type::Json => json!({ "value": inventor.credential() }),
        Type::Bytes => {
            use base64::Engine;
            json!(base64::engine::general_purpose::STANDARD.encode(inventor.credential()))
        }
        Type::Null => Json::Null,
        Type::Any | Type::String if secret => json!(inventor.credential()),
        Type::Any | Type::String => json!(inventor.id()),
    }
}

/// Replaces the words of an answer that stand for what is new.
fn fill(json: &mut Json, values: &mut Vec<(String, String)>, inventor: &mut dyn Inventor) {
    match json {
        Json::String(text) => *text = filled(text, values, inventor),
        Json::Array(items) => items.iter_mut().for_each(|i| fill(i, values, inventor)),
        Json::Object(members) => members
            .values_mut()
            .for_each(|member| fill(member, values, inventor)),
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}

fn filled(text: &str, values: &mut Vec<(String, String)>, inventor: &mut dyn Inventor) -> String {
    let mut text = text.to_owned();
    for word in ["<new>", "<id>"] {
        while text.contains(word) {
            let made = if word == "<new>" {
                inventor.credential()
            } else {
                inventor.id()
            };
            text = text.replacen(word, &made, 1);
            values.push((String::new(), made));
        }
    }
    text
}

/// A value for which an expectation holds: of literals, and of what the request or an earlier answer tells.
fn wanted(operator: Operator, value: &Expr, inventor: &dyn Inventor) -> Option<Json> {
    let literal = literal(value).or_else(|| Some(json!(inventor.said(value)?)))?;
    let shifted = |by: i64| literal.as_i64().map(|n| json!(n.saturating_add(by)));
    match operator {
        Operator::Eq | Operator::Same | Operator::Le | Operator::Ge => Some(literal),
        Operator::Gt => shifted(1),
        Operator::Lt => shifted(-1),
        Operator::Ne | Operator::Different => Some(match literal {
            Json::Bool(truth) => json!(!truth),
            _ => json!("another"),
        }),
        Operator::And | Operator::Or | Operator::Add | Operator::Else => None,
    }
}

/// A literal as JSON.
pub fn literal(expr: &Expr) -> Option<Json> {
    match &expr.kind {
        ExprKind::Null => Some(Json::Null),
        ExprKind::Bool(truth) => Some(json!(truth)),
        ExprKind::Number(digits) => serde_json::from_str(digits).ok(),
        ExprKind::String(text) => Some(json!(text)),
        _ => None,
    }
}

/// A value as the text that a request would carry.
pub fn said(json: &Json) -> Option<String> {
    match json {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(truth) => Some(truth.to_string()),
        Json::Object(members) => members.values().find_map(said),
        Json::Array(items) => items.first().and_then(said),
        Json::Null => None,
    }
}
