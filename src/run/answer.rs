//! An answer: what was expected of it, what is kept of it. Also its sealed form in the journal.

use super::eval::{EvalError, compare, eval, pick};
use super::functions::{instant, later};
use super::scope::Scope;
use super::value::{Data, Value};
use crate::diagnostic::{Diagnostic, codes};
use crate::plan::name::header_name;
use crate::plan::schedule::Dur;
use crate::plan::task::http::{Capture, CaptureSource, Expectation, Http, Protocol, StatusPattern};
use crate::plan::{Expr, ExprKind, JsonPath, Label, Origin, Type};
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

/// Why a body cannot be read, in words that quote nothing.
pub struct Unreadable {
    /// What is wrong.
    pub message: String,
    /// A header says what cannot be followed: no capture can be mended to read it.
    pub of_header: bool,
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

    /// All values of a header, in order: a server may send several `Set-Cookie`.
    fn all<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s [u8]> {
        self.headers
            .iter()
            .filter(move |(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v.as_slice())
    }

    /// The media type and the charset that the server names.
    fn content_type(&self) -> (Option<String>, Option<String>) {
        let Some(text) = self
            .header("content-type")
            .and_then(|v| std::str::from_utf8(v).ok())
        else {
            return (None, None);
        };
        let mut parts = text.split(';').map(str::trim);
        let media = parts
            .next()
            .map(str::to_ascii_lowercase)
            .filter(|kind| kind.len() <= 60 && kind.is_ascii());
        let charset = parts
            .filter_map(|part| part.split_once('='))
            .find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))
            .map(|(_, value)| value.trim().trim_matches('"').to_ascii_lowercase())
            .filter(|charset| charset.len() <= 40 && charset.is_ascii());
        (media, charset)
    }

    /// The body as text, in the charset that its content type names, else UTF-8.
    pub fn text(&self) -> Result<Zeroizing<String>, Unreadable> {
        // The transport undid what it knows; what it could not undo is still named.
        if self
            .header("content-encoding")
            .is_some_and(|v| !v.is_empty())
            && !self.body.is_empty()
        {
            return Err(Unreadable {
                message: "the answer is encoded in a way that could not be undone (its header `Content-Encoding` says how)".into(),
                of_header: true,
            });
        }
        let Some(charset) = self.content_type().1 else {
            let bytes = self
                .body
                .strip_prefix(b"\xef\xbb\xbf")
                .unwrap_or(&self.body);
            return match std::str::from_utf8(bytes) {
                Ok(text) => Ok(Zeroizing::new(text.to_owned())),
                Err(_) => Err(Unreadable {
                    message: format!("the answer is not UTF-8 text ({})", self.shape()),
                    of_header: false,
                }),
            };
        };
        let unreadable = |what: &str| Unreadable {
            message: format!(
                "{what} (header `Content-Type` says charset `{}`)",
                charset.escape_debug()
            ),
            of_header: true,
        };
        let Some(encoding) = encoding_rs::Encoding::for_label(charset.as_bytes()) else {
            return Err(unreadable("the answer is in a charset that is not known"));
        };
        let (encoding, skip) = encoding_rs::Encoding::for_bom(&self.body).unwrap_or((encoding, 0));
        let bytes = self.body.get(skip..).unwrap_or_default();
        match encoding.decode_without_bom_handling_and_without_replacement(bytes) {
            Some(text) => Ok(Zeroizing::new(text.into_owned())),
            None => Err(unreadable("the answer is not in the charset that it names")),
        }
    }

    /// What a server says of a refusal, for people: the secrets of the run and what may be a credential are masked, and no more
    /// than a few lines are shown. `None` where there is nothing to read.
    ///
    /// The secrets go first, whole: a word of one that is masked alone would leave the rest of it to be read.
    pub fn excerpt(&self, secrets: &[Zeroizing<String>]) -> Option<String> {
        let text = self.text().ok()?;
        let said = match serde_json::from_str::<serde_json::Value>(&text) {
            Ok(mut body) => {
                mask_members(&mut body, secrets);
                body.to_string()
            }
            Err(_) => mask_words(&without(&text, secrets)),
        };
        let said: Vec<&str> = said.split_whitespace().collect();
        let said = said.join(" ");
        let mut shown: String = said.chars().take(EXCERPT).collect();
        if shown.len() < said.len() {
            shown.push('…');
        }
        (!shown.is_empty()).then_some(shown)
    }

    /// What may be said of a body: its content type and length.
    fn shape(&self) -> String {
        match self.content_type().0 {
            Some(kind) => format!(
                "its content type is `{}`, its length {}",
                kind.escape_debug(),
                self.body.len()
            ),
            None => format!("its length is {} bytes", self.body.len()),
        }
    }

    /// The body as JSON; why it is not, in words that quote nothing.
    fn json(&self) -> Result<crate::json::Node, Unreadable> {
        let text = self.text()?;
        let wrong = |message: String| Unreadable {
            message,
            of_header: false,
        };
        if text.trim().is_empty() {
            return Err(wrong(format!("the answer has no body ({})", self.shape())));
        }
        crate::json::parse_text(&text)
            .map_err(|_| wrong(format!("the answer is not JSON ({})", self.shape())))
    }

    /// The body as a value that a path can be looked for in: JSON, or XML where the server says that it is.
    fn tree(&self, path: &JsonPath, label: &Label) -> Result<(Value, Option<String>), Unreadable> {
        let media = self.content_type().0.unwrap_or_default();
        if media.ends_with("/xml") || media.ends_with("+xml") {
            let text = self.text()?;
            return super::xml::value(&text, &path.listed(), label)
                .map(|value| (value, None))
                .map_err(|what| Unreadable {
                    message: format!(
                        "the answer is not XML that can be read: {what} ({})",
                        self.shape()
                    ),
                    of_header: false,
                });
        }
        let json = self.json()?;
        let twice = json.duplicate().map(str::to_owned);
        Ok((Value::from_node(&json, label), twice))
    }

    /// Conductor's form: `{"response": {headers, statusCode, reasonPhrase, body}}`.
    pub fn document(&self, label: &Label) -> Value {
        let mut headers: Vec<(String, Value)> = Vec::new();
        for (name, value) in &self.headers {
            let name = header_name(name);
            let text = Value {
                data: Data::Text(Zeroizing::new(String::from_utf8_lossy(value).into_owned())),
                label: label.clone(),
            };
            match headers.iter_mut().find(|(n, _)| *n == name) {
                Some((
                    _,
                    Value {
                        data: Data::List(items),
                        ..
                    },
                )) => items.push(text),
                _ => headers.push((name, Data::List(vec![text]).into())),
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
                data: Data::Text(self.text().unwrap_or_else(|_| {
                    Zeroizing::new(String::from_utf8_lossy(&self.body).into_owned())
                })),
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

/// Characters of a refusal that are shown.
const EXCERPT: usize = 300;
/// A word of so many characters with a digit in it may be a credential, an id or a host: none is needed to understand a refusal.
const LONG_WORD: usize = 12;
/// What stands in the names of members that hold credentials.
const TELLING: [&str; 9] = [
    "token",
    "secret",
    "passw",
    "key",
    "credential",
    "auth",
    "cookie",
    "jwt",
    "signature",
];

/// A text in which secrets are `***`.
fn without(text: &str, secrets: &[Zeroizing<String>]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(text.to_owned());
    for secret in secrets {
        if text.contains(secret.as_str()) {
            text = Zeroizing::new(text.replace(secret.as_str(), "***"));
        }
    }
    text
}

fn mask_members(json: &mut serde_json::Value, secrets: &[Zeroizing<String>]) {
    use serde_json::Value as Json;
    match json {
        Json::String(text) => *text = mask_words(&without(text, secrets)),
        Json::Array(items) => items
            .iter_mut()
            .for_each(|item| mask_members(item, secrets)),
        Json::Object(members) => {
            for (name, member) in members.iter_mut() {
                let name = name.to_ascii_lowercase();
                if member.is_string() && TELLING.iter().any(|word| name.contains(word)) {
                    *member = Json::String("***".to_owned());
                } else {
                    mask_members(member, secrets);
                }
            }
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}

fn mask_words(text: &str) -> String {
    let is_part = |c: char| c.is_alphanumeric() || "_-+/=.~%:$!".contains(c);
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let (word, tail) = rest.split_at(end);
        let telling = word.len() >= LONG_WORD && word.bytes().any(|b| b.is_ascii_digit());
        masked.push_str(if telling { "***" } else { word });
        let gap = tail.find(is_part).unwrap_or(tail.len());
        let (between, next) = tail.split_at(gap);
        masked.push_str(between);
        rest = next;
    }
    masked
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
    let usual = match http.protocol() {
        Protocol::Exec => StatusPattern::Exact(0),
        Protocol::Http | Protocol::Sql(_) | Protocol::Redis => StatusPattern::Family(2),
    };
    !listed && usual.matches(status)
}

/// Whether the author says which statuses are expected.
pub fn lists_status(http: &Http) -> bool {
    let mut expectations = http.expect.iter();
    expectations.any(|expect| matches!(expect.what, Expectation::Status(_)))
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
                let (tree, _) = answer
                    .tree(path, &Label::PUBLIC)
                    .map_err(|u| unexpected(expect.at.0, u.message))?;
                let place = Expr::new(ExprKind::Null, expect.at);
                let found = pick(&tree, path, &place).map_err(|e| Box::new(e.into()))?;
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
            let (tree, twice) = match answer.tree(path, raw_label) {
                Ok(tree) => tree,
                Err(_) if scope.dialect.semantics().absent_is_null => {
                    // The whole of an answer that is text is that text.
                    let document = answer.document(raw_label);
                    let body = document.get("response").and_then(|r| r.get("body"));
                    let text = body.cloned().unwrap_or_else(Value::null);
                    return pick(&text, path, &place).map_err(|e| Box::new(Diagnostic::from(e)));
                }
                Err(_) if capture.optional => return Ok(Value::null()),
                Err(unreadable) => return Err(nothing_to_read(capture, unreadable)),
            };
            if capture.secret
                && let Some(key) = twice.filter(|key| path.as_str().contains(key.as_str()))
            {
                let message = format!(
                    "the answer has the key `{}` twice: which of them is meant cannot be told",
                    key.escape_debug()
                );
                return Err(Box::new(
                    Diagnostic::new(codes::RUN_CAPTURE_FAILED, capture.at.0, message)
                        .at("captured here")
                        .help("the answer is kept in the journal; something between this machine and the server may have written into it"),
                ));
            }
            pick(&tree, path, &place).map_err(|e| Box::new(Diagnostic::from(e)))?
        }
        CaptureSource::Text => match answer.text() {
            Ok(text) => Data::Text(Zeroizing::new(
                text.trim_end_matches(['\n', '\r']).to_owned(),
            ))
            .into(),
            Err(unreadable) if unreadable.of_header => {
                return Err(nothing_to_read(capture, unreadable));
            }
            Err(_) => Data::Bytes(answer.body.clone()).into(),
        },
        CaptureSource::Header(name) if matches!(capture.ty, Type::List(_)) => Data::List(
            answer
                .all(name)
                .filter_map(|value| std::str::from_utf8(value).ok())
                .map(Value::text)
                .collect(),
        )
        .into(),
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

fn nothing_to_read(capture: &Capture, unreadable: Unreadable) -> Box<Diagnostic> {
    let help = if unreadable.of_header {
        "the answer is kept in the journal; ask the server for a form that can be read, for example with `header \"Accept\": …`"
    } else {
        "the answer is kept: mend this capture and continue with `rot resume`"
    };
    Box::new(
        Diagnostic::new(codes::RUN_CAPTURE_FAILED, capture.at.0, unreadable.message)
            .at("nothing to capture from")
            .help(help),
    )
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

/// What a server says about when a value expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// Nothing.
    Unsaid,
    /// Not at all: year 9999, year 1, 0, as frameworks write it. The time is kept where it lies ahead.
    Never(Option<jiff::Timestamp>),
    /// Then.
    At(jiff::Timestamp),
}

/// From here on a time means "never".
const FOREVER: &str = "9999-01-01T00:00:00Z";

/// When a stored value expires: a time as it is, a length of time from when the request was sent. A number is a length of
/// time in seconds when it could not be a date of today, whether it is sent as a number or as text.
pub fn expiry(value: &Value, sent_at: jiff::Timestamp) -> Result<Expiry, String> {
    let at = match &value.data {
        Data::Null => return Ok(Expiry::Unsaid),
        Data::Duration(Dur(0)) => return Ok(Expiry::Never(None)),
        Data::Duration(duration) => later(sent_at, *duration)?,
        Data::Number(digits) | Data::Text(digits) => match digits.trim().parse::<f64>() {
            Ok(seconds) if seconds <= 0.0 => return Ok(Expiry::Never(None)),
            // Nobody's token lives thirty years: a small number is a lifetime in seconds.
            Ok(seconds) if seconds < 1e9 => later(sent_at, Dur((seconds * 1000.0) as u64))?,
            _ => instant(value)?,
        },
        _ => instant(value)?,
    };
    Ok(if at <= jiff::Timestamp::UNIX_EPOCH {
        Expiry::Never(None)
    } else if FOREVER
        .parse()
        .is_ok_and(|forever: jiff::Timestamp| at >= forever)
    {
        Expiry::Never(Some(at))
    } else {
        Expiry::At(at)
    })
}
