//! What is kept of an answer → `outputFilter`.

use super::context::Writer;
use crate::plan::JsonPath;
use crate::plan::path::Key;
use crate::plan::task::{Capture, CaptureSource, Http};
use crate::source::At;
use serde_json::{Map, Value};

impl<'a> Writer<'a> {
    /// The filter of a task; none where all is kept.
    pub(super) fn output_filter(&mut self, step: &'a str, http: &'a Http, at: At) -> Option<Value> {
        if http.raw_output && http.captures.is_empty() {
            return None;
        }
        if self.oss {
            self.unfiltered(http, at);
            return None;
        }
        let mut filter = Map::new();
        for capture in &http.captures {
            let Some(value) = self.capture(step, capture) else {
                continue;
            };
            let place: Vec<&str> = match capture.place.as_slice() {
                [] if capture.secret => vec!["_secrets", &capture.name],
                [] => vec![&capture.name],
                place => place.iter().map(String::as_str).collect(),
            };
            insert(&mut filter, &place, value);
        }
        Some(Value::Object(filter))
    }

    /// The open-source server keeps the whole answer, in clear.
    fn unfiltered(&mut self, http: &'a Http, at: At) {
        match http.captures.iter().find(|c| c.secret) {
            Some(capture) => {
                let message = format!(
                    "the open-source server keeps the whole answer in clear, the secret `{}` included",
                    capture.name
                );
                self.cannot(
                    capture.at,
                    message,
                    "set `target = \"orkes\"` in rot.toml, or run this rotation with rot",
                );
            }
            None => self.loses(
                at,
                "the open-source server keeps the whole answer, not only what is captured",
            ),
        }
    }

    /// Where a capture stands in an answer that is kept as a whole.
    pub(super) fn open_place(&mut self, http: &Http, name: &str, at: At) -> Option<Vec<Key>> {
        let capture = http.captures.iter().find(|c| c.name == name)?;
        let response = |part: &str| vec![Key::Name("response".into()), Key::Name(part.into())];
        match &capture.source {
            CaptureSource::Body(path) => match path.keys() {
                Some(keys) => Some(response("body").into_iter().chain(keys).collect()),
                None => {
                    self.cannot(
                        at,
                        "without `outputFilter` a path can name one place only",
                        "name the way to the value",
                    );
                    None
                }
            },
            CaptureSource::Status => Some(response("statusCode")),
            CaptureSource::Header(header) => Some(
                response("headers")
                    .into_iter()
                    .chain([Key::Name(header.clone()), Key::Index(0)])
                    .collect(),
            ),
            CaptureSource::Text | CaptureSource::Expr(_) => {
                self.cannot(
                    capture.at,
                    "the open-source server has no `outputFilter`",
                    "refer to the parts of the answer instead",
                );
                None
            }
        }
    }

    fn capture(&mut self, step: &'a str, capture: &'a Capture) -> Option<Value> {
        let own = self.name_of(step)?.to_owned();
        let answer = |rest: &str| Value::String(format!("$${{{own}.output.response{rest}}}"));
        if capture.optional && capture.secret && self.plan.dialect.semantics().declares_intent {
            self.differs(
                capture.at,
                format!(
                    "whether the answer may lack `{}` cannot be expressed: a server stores null",
                    capture.name
                ),
                "make sure that the answer has it",
            );
        }
        match &capture.source {
            CaptureSource::Body(path) => self
                .in_body(path, capture.at)
                .map(|rest| answer(&format!(".body{rest}"))),
            CaptureSource::Status => Some(answer(".statusCode")),
            CaptureSource::Header(name) => {
                let name = self.members(&[Key::Name(name.clone())], capture.at)?;
                Some(answer(&format!(".headers{name}[0]")))
            }
            CaptureSource::Text => {
                self.differs(
                    capture.at,
                    "a server reads a JSON body as JSON: of such an answer the text is not kept",
                    "capture a part of the body with a path",
                );
                Some(answer(".body"))
            }
            CaptureSource::Expr(expr) => {
                self.filter = Some(step);
                let value = self.value(expr);
                self.filter = None;
                Some(value)
            }
        }
    }

    fn in_body(&mut self, path: &JsonPath, at: At) -> Option<String> {
        match path.keys() {
            Some(keys) => self.members(&keys, at),
            None if path.dialect() == crate::plan::path::PathDialect::Conductor
                || !path.as_str().contains('?') =>
            {
                path.as_str().strip_prefix('$').map(str::to_owned)
            }
            None => {
                let message = format!("a server reads the path `{}` differently", path.as_str());
                self.cannot(at, message, "name the way to the value without a filter");
                None
            }
        }
    }
}

/// Puts a value where the keys lead.
fn insert(object: &mut Map<String, Value>, place: &[&str], value: Value) {
    match place {
        [] => {}
        [last] => {
            object.insert((*last).to_owned(), value);
        }
        [first, rest @ ..] => {
            let inner = object
                .entry((*first).to_owned())
                .or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                insert(inner, rest, value);
            }
        }
    }
}
