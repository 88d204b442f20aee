//! An answer: what was expected of it, what is kept of it. Also its sealed form in the journal.

use super::eval::{EvalError, compare, eval, pick};
use super::functions::{instant, later};
use super::scope::Scope;
use super::value::{Data, Value};
use crate::diagnostic::{Diagnostic, codes};
use crate::plan::schedule::Dur;
use crate::plan::task::http::{Capture, CaptureSource, Expectation, Http, StatusPattern};
use crate::plan::{Expr, ExprKind, Label, Origin, Type};
use crate::source::Span;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// An answer, as it is kept.
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Header names in lower case.
    pub headers: Vec<(String, Zeroizing<Vec<u8>>)>,
    /// The body.
    pub body: Zeroizing<Vec<u8>>,
    /// When the request was sent: relative expiries count from here.
    pub sent_at: jiff::Timestamp,
}

impl Answer {
    /// The payload of the journal's record.
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        let headers: Vec<(String, String)> = self
            .headers
            .iter()
            .map(|(n, v)| (n.clone(), STANDARD.encode(&**v)))
            .collect();
        let json = serde_json::json!({ "status": self.status, "sent_at": self.sent_at, "headers": headers, "body": STANDARD.encode(&**self.body) });
        Zeroizing::new(json.to_string().into_bytes())
    }

    /// Back from the journal.
    pub fn decode(payload: &[u8]) -> Option<Answer> {
        #[derive(serde::Deserialize)]
        struct Stored {
            status: u16,
            sent_at: jiff::Timestamp,
            headers: Vec<(String, String)>,
            body: String,
        }
        let stored: Stored = serde_json::from_slice(payload).ok()?;
        let headers = stored
            .headers
            .into_iter()
            .map(|(n, v)| Some((n, Zeroizing::new(STANDARD.decode(v).ok()?))))
            .collect::<Option<Vec<_>>>()?;
        Some(Answer {
            status: stored.status,
            headers,
            body: Zeroizing::new(STANDARD.decode(stored.body).ok()?),
            sent_at: stored.sent_at,
        })
    }

    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v.as_slice())
    }

    /// The body as JSON; why it is not, in words that quote nothing.
    fn json(&self) -> Result<crate::json::Node, String> {
        let kind = self
            .header("content-type")
            .and_then(|v| std::str::from_utf8(v).ok())
            .map(|v| {
                v.split(';')
                    .next()
                    .unwrap_or("")
                    .trim()
                    .to_ascii_lowercase()
            });
        let shape = match kind.as_deref() {
            Some(kind) if kind.len() <= 60 && kind.is_ascii() => {
                format!(
                    "its content type is `{}`, its length {}",
                    kind.escape_debug(),
                    self.body.len()
                )
            }
            _ => format!("its length is {} bytes", self.body.len()),
        };
        let text = std::str::from_utf8(&self.body)
            .map_err(|_| format!("the answer is not UTF-8 text ({shape})"))?;
        if text.trim().is_empty() {
            return Err(format!("the answer has no body ({shape})"));
        }
        crate::json::parse_text(text).map_err(|_| format!("the answer is not JSON ({shape})"))
    }

    /// Conductor's form: `{"response": {headers, statusCode, reasonPhrase, body}}`.
    pub fn document(&self, label: &Label) -> Value {
        let mut headers: Vec<(String, Value)> = Vec::new();
        for (name, value) in &self.headers {
            let text = Value {
                data: Data::Text(Zeroizing::new(String::from_utf8_lossy(value).into_owned())),
                label: label.clone(),
            };
            match headers.iter_mut().find(|(n, _)| n == name) {
                Some((
                    _,
                    Value {
                        data: Data::List(items),
                        ..
                    },
                )) => items.push(text),
                _ => headers.push((name.clone(), Data::List(vec![text]).into())),
            }
        }
        let text = |word: &str| Value {
            data: Data::Text(Zeroizing::new(word.to_owned())),
            label: label.clone(),
        };
        let body = match self.json() {
            // As Conductor decodes it: objects, lists, texts and numbers (kept exact here); the words are text.
            Ok(node) => match node.kind {
                crate::json::NodeKind::Null => text("null"),
                crate::json::NodeKind::Bool(value) => text(if value { "true" } else { "false" }),
                _ => Value::from_node(&node, label),
            },
            Err(_) if self.body.is_empty() => Value::null(),
            Err(_) => Value {
                data: Data::Text(Zeroizing::new(
                    String::from_utf8_lossy(&self.body).into_owned(),
                )),
                label: label.clone(),
            },
        };
        let response = Data::Object(vec![
            ("headers".into(), Data::Object(headers).into()),
            ("statusCode".into(), Value::int(i64::from(self.status))),
            (
                "reasonPhrase".into(),
                Value::text(reason_phrase(self.status)),
            ),
            ("body".into(), body),
        ]);
        Data::Object(vec![("response".into(), response.into())]).into()
    }
}

fn reason_phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        _ => "",
    }
}

/// Whether a status is what the author expects: one of the listed, or any 2xx when none is.
pub fn status_expected(http: &Http, status: u16) -> bool {
    let mut listed = false;
    for expect in &http.expect {
        if let Expectation::Status(patterns) = &expect.what {
            listed = true;
            if patterns.iter().any(|p| p.matches(status)) {
                return true;
            }
        }
    }
    !listed && StatusPattern::Family(2).matches(status)
}

/// Checks headers and body against what the author expects.
pub fn check(http: &Http, answer: &Answer, scope: &Scope) -> Result<(), Box<Diagnostic>> {
    for expect in &http.expect {
        let (found, operator, value, what) = match &expect.what {
            Expectation::Status(_) => continue,
            Expectation::Header {
                name,
                operator,
                value,
            } => {
                let found = answer.header(name).map_or_else(Value::null, |v| {
                    Value::text(String::from_utf8_lossy(v).into_owned())
                });
                (found, *operator, value, format!("header `{name}`"))
            }
            Expectation::Body {
                path,
                operator,
                value,
            } => {
                let json = answer.json().map_err(|m| unexpected(expect.at.0, m))?;
                let place = Expr::new(ExprKind::Null, expect.at);
                let found = pick(&Value::from_node(&json, &Label::PUBLIC), path, &place)
                    .map_err(|e| Box::new(e.into()))?;
                (
                    found,
                    *operator,
                    value,
                    format!("`{}` of the body", path.as_str()),
                )
            }
        };
        let wanted = eval(value, scope).map_err(|e: EvalError| Box::new(Diagnostic::from(e)))?;
        if !compare(operator, &found, &wanted).unwrap_or(false) {
            return Err(unexpected(
                expect.at.0,
                format!(
                    "the answer is not what was expected: {what} is not `{}` the given value",
                    operator.as_str()
                ),
            ));
        }
    }
    Ok(())
}

fn unexpected(span: Span, message: String) -> Box<Diagnostic> {
    Box::new(
        Diagnostic::new(codes::RUN_UNEXPECTED_ANSWER, span, message)
            .at("expected here")
            .help("the server answered, but not with success; look at its logs, and at `status` and body conditions of this step"),
    )
}

/// What is kept of an answer.
pub struct Kept {
    /// Captures by name.
    pub captures: BTreeMap<String, Value>,
    /// The step's output document (Conductor).
    pub output: Option<Value>,
}

/// Takes the captures out of an answer. `label` is that of the request.
pub fn keep(
    step: &str,
    http: &Http,
    answer: &Answer,
    label: &Label,
    scope: &mut Scope,
) -> Result<Kept, Box<Diagnostic>> {
    let raw_label = if label.is_secret() || http.effect.issues() {
        Label::of(Origin::Response(step.to_owned()))
    } else {
        Label::PUBLIC
    };
    let mut captures = BTreeMap::new();
    for capture in &http.captures {
        let origin = Origin::Minted {
            rotation: scope.run.rotation.clone(),
            step: step.to_owned(),
            name: capture.name.clone(),
        };
        let wanted = if capture.secret {
            Label::of(origin)
        } else {
            Label::PUBLIC
        };
        let found = find(capture, answer, &raw_label, scope)?.relabelled(&wanted);
        let value = if found.is_null() {
            if !capture.optional && !scope.dialect.semantics().absent_is_null {
                return Err(missing(capture));
            }
            found
        } else {
            convert(capture, found)?
        };
        captures.insert(capture.name.clone(), value);
    }
    let output = if http.raw_output {
        Some(answer.document(&raw_label))
    } else if scope.dialect.semantics().task_documents {
        Some(filtered(&http.captures, &captures))
    } else {
        None
    };
    Ok(Kept { captures, output })
}

/// The output document that an `outputFilter` leaves: captures at their places.
fn filtered(captures: &[Capture], values: &BTreeMap<String, Value>) -> Value {
    let mut root: Vec<(String, Value)> = Vec::new();
    for capture in captures {
        let Some(value) = values.get(&capture.name) else {
            continue;
        };
        let place: Vec<String> = if capture.place.is_empty() {
            vec![capture.name.clone()]
        } else {
            capture.place.clone()
        };
        insert(&mut root, &place, value.clone());
    }
    Data::Object(root).into()
}

fn insert(members: &mut Vec<(String, Value)>, place: &[String], value: Value) {
    let Some((name, rest)) = place.split_first() else {
        return;
    };
    if rest.is_empty() {
        members.push((name.clone(), value));
        return;
    }
    if let Some((
        _,
        Value {
            data: Data::Object(inner),
            ..
        },
    )) = members.iter_mut().find(|(n, _)| n == name)
    {
        insert(inner, rest, value);
        return;
    }
    let mut inner = Vec::new();
    insert(&mut inner, rest, value);
    members.push((name.clone(), Data::Object(inner).into()));
}

fn find(
    capture: &Capture,
    answer: &Answer,
    raw_label: &Label,
    scope: &mut Scope,
) -> Result<Value, Box<Diagnostic>> {
    let place = Expr::new(ExprKind::Null, capture.at);
    Ok(match &capture.source {
        CaptureSource::Body(path) => {
            let json = match answer.json() {
                Ok(json) => json,
                Err(_) if scope.dialect.semantics().absent_is_null || capture.optional => {
                    return Ok(Value::null());
                }
                Err(message) => {
                    return Err(Box::new(
                        Diagnostic::new(codes::RUN_CAPTURE_FAILED, capture.at.0, message)
                            .at("nothing to capture from")
                            .help("the answer is kept: mend this capture and continue with `rot resume`"),
                    ));
                }
            };
            pick(&Value::from_node(&json, raw_label), path, &place)
                .map_err(|e| Box::new(Diagnostic::from(e)))?
        }
        CaptureSource::Text => match std::str::from_utf8(&answer.body) {
            Ok(text) => Data::Text(Zeroizing::new(
                text.trim_end_matches(['\n', '\r']).to_owned(),
            ))
            .into(),
            Err(_) => Data::Bytes(answer.body.clone()).into(),
        },
        CaptureSource::Header(name) => match answer.header(name).map(std::str::from_utf8) {
            Some(Ok(text)) => Data::Text(Zeroizing::new(text.to_owned())).into(),
            _ => Value::null(),
        },
        CaptureSource::Status => Value::int(i64::from(answer.status)),
        CaptureSource::Expr(expr) => {
            scope.answer = Some(answer.document(raw_label));
            let value = eval(expr, scope).map_err(|e| Box::new(Diagnostic::from(e)));
            scope.answer = None;
            value?
        }
    })
}

fn missing(capture: &Capture) -> Box<Diagnostic> {
    let place = match &capture.source {
        CaptureSource::Body(path) => {
            format!("`{}` finds nothing in the answer's body", path.as_str())
        }
        CaptureSource::Header(name) => format!("the answer has no header `{name}`"),
        _ => "the answer has no such value".to_owned(),
    };
    Box::new(
        Diagnostic::new(codes::RUN_CAPTURE_FAILED, capture.at.0, format!("{place}, so `{}` has no value", capture.name))
            .at("missing in the answer")
            .help("the answer is kept in the journal: mend the path and continue with `rot resume`; write `optional` after it where the server may leave it out"),
    )
}

/// A captured value in the type that the author wrote.
fn convert(capture: &Capture, value: Value) -> Result<Value, Box<Diagnostic>> {
    let label = value.label.clone();
    let wrong = |found: &Value| {
        Box::new(
            Diagnostic::new(
                codes::RUN_CAPTURE_FAILED,
                capture.at.0,
                format!(
                    "`{}` should be {}, the answer has {}",
                    capture.name,
                    capture.ty.describe(),
                    found.kind()
                ),
            )
            .at("captured here")
            .help(
                "the answer is kept in the journal: mend the type and continue with `rot resume`",
            ),
        )
    };
    let data = match (&capture.ty, &value.data) {
        (Type::Any | Type::Json, _) => return Ok(value),
        (Type::String, Data::List(_) | Data::Object(_)) => return Err(wrong(&value)),
        (Type::String, _) => Data::Text(value.scalar_text().ok_or_else(|| wrong(&value))?),
        (Type::Int, Data::Number(digits))
            if digits.parse::<i128>().is_ok() || digits.bytes().all(|b| b.is_ascii_digit()) =>
        {
            return Ok(value);
        }
        (Type::Int, Data::Text(text))
            if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) =>
        {
            Data::Number(text.clone())
        }
        (Type::Number, Data::Number(_))
        | (Type::Bool, Data::Bool(_))
        | (Type::List(_), Data::List(_)) => return Ok(value),
        (Type::Bool, Data::Text(text)) if matches!(text.as_str(), "true" | "false") => {
            Data::Bool(text.as_str() == "true")
        }
        (Type::Time, _) => Data::Time(instant(&value).map_err(|_| wrong(&value))?),
        (Type::Duration, Data::Number(digits)) | (Type::Duration, Data::Text(digits)) => {
            match digits.parse::<f64>() {
                Ok(seconds) if seconds >= 0.0 => Data::Duration(Dur((seconds * 1000.0) as u64)),
                _ => match Dur::parse(digits) {
                    Ok(duration) => Data::Duration(duration),
                    Err(_) => return Err(wrong(&value)),
                },
            }
        }
        (Type::Bytes, Data::Text(text)) => match STANDARD.decode(text.as_bytes()) {
            Ok(bytes) => Data::Bytes(Zeroizing::new(bytes)),
            Err(_) => return Err(wrong(&value)),
        },
        _ => return Err(wrong(&value)),
    };
    Ok(Value { data, label })
}

/// When a stored value expires: a time as it is, a length of time from when the request was sent.
pub fn expiry(value: &Value, sent_at: jiff::Timestamp) -> Result<Option<jiff::Timestamp>, String> {
    match &value.data {
        Data::Null => Ok(None),
        Data::Duration(duration) => later(sent_at, *duration).map(Some),
        Data::Number(digits) => match digits.parse::<f64>() {
            // Nobody's token lives thirty years: a small number is a lifetime in seconds.
            Ok(seconds) if (0.0..1e9).contains(&seconds) => {
                later(sent_at, Dur((seconds * 1000.0) as u64)).map(Some)
            }
            _ => instant(value).map(Some),
        },
        _ => instant(value).map(Some),
    }
}
