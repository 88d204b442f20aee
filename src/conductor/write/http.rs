//! HTTP: flat for Orkes, within `http_request` for the open-source server.

use super::context::Writer;
use crate::plan::effect::Old;
use crate::plan::schedule::Dur;
use crate::plan::task::http::Expectation;
use crate::plan::task::{Auth, Body, Header, Http, Step};
use crate::plan::{Effect, Expr, ExprKind, Issues, Root};
use crate::source::At;
use base64::Engine;
use serde_json::{Map, Value};

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

impl<'a> Writer<'a> {
    /// The inputs of an HTTP task.
    pub(super) fn http(&mut self, step: &'a Step, http: &'a Http) -> Map<String, Value> {
        let at = step.at;
        let mut request = Map::new();
        request.insert("uri".into(), Value::String(self.uri(http, at)));
        request.insert("method".into(), http.method.clone().into());
        let mut headers = Map::new();
        self.headers(http, at, &mut headers, &mut request);
        self.authorization(http, at, &mut headers);
        if !headers.is_empty() {
            request.insert("headers".into(), Value::Object(headers));
        }
        self.body(http, at, &mut request);
        self.limits(http, at, &mut request);
        self.expect(http, &mut request);
        if !http.encode {
            if self.oss {
                self.cannot(
                    at,
                    "the open-source server always encodes the address",
                    "write the address without escapes",
                );
            }
            request.insert("encode".into(), false.into());
        }
        if http.strays.is_some() {
            self.cannot(
                at,
                "`strays` cannot be expressed: a server does not look for what a lost answer left",
                "run this rotation with rot",
            );
        }
        let filter = self.output_filter(&step.name, http, at);
        if self.oss {
            return Map::from_iter([("http_request".to_owned(), Value::Object(request))]);
        }
        if let Some(filter) = filter {
            request.insert("outputFilter".into(), filter);
        }
        request
    }

    fn uri(&mut self, http: &'a Http, at: At) -> String {
        let mut uri = self.text(&http.url);
        let literal = match &http.url.kind {
            ExprKind::String(text) => text.as_str(),
            ExprKind::Template(parts)
                if parts
                    .iter()
                    .any(|p| p.as_str().is_some_and(|t| t.contains(['{', '}']))) =>
            {
                "{"
            }
            _ => "",
        };
        if literal.contains(['{', '}']) && !literal.contains("${") {
            self.differs(
                at,
                "a server takes braces in an address for its own variables",
                "write them as %7B and %7D",
            );
        }
        let has_query = match &http.url.kind {
            ExprKind::Template(parts) => parts
                .iter()
                .any(|p| p.as_str().is_some_and(|t| t.contains('?'))),
            _ => literal.contains('?'),
        };
        for (index, (name, value)) in http.query.iter().enumerate() {
            uri.push(if index == 0 && !has_query { '?' } else { '&' });
            uri.push_str(&encoded(name));
            uri.push('=');
            let text = self.encoded_text(value, at);
            uri.push_str(&text);
        }
        uri
    }

    /// A value in a query or form. What is not literal is put in as it is.
    fn encoded_text(&mut self, value: &'a Expr, at: At) -> String {
        match &value.kind {
            ExprKind::String(text) => encoded(text),
            ExprKind::Number(text) => encoded(text),
            ExprKind::Bool(value) => value.to_string(),
            ExprKind::Null => String::new(),
            ExprKind::Ref(Root::Let(name)) => match self.lets.get(name.as_str()).copied() {
                Some(value) => self.encoded_text(value, at),
                None => String::new(),
            },
            _ => {
                self.differs(
                    if value.at.0.is_some() { value.at } else { at },
                    "a server puts this value into the form or query as it is, without encoding it",
                    "make sure that it has no `&`, `+`, `%` or blank; as JSON it needs no encoding",
                );
                self.text(value)
            }
        }
    }

    fn headers(
        &mut self,
        http: &'a Http,
        at: At,
        headers: &mut Map<String, Value>,
        request: &mut Map<String, Value>,
    ) {
        for Header { name, value } in &http.headers {
            let lower = name.to_ascii_lowercase();
            let text = self.text(value);
            if lower == "accept" && value.as_str() != Some(JSON) && !request.contains_key("accept")
            {
                let types: Vec<&str> = text.split(", ").collect();
                let list = value.as_str().is_some() && types.len() > 1;
                request.insert(
                    "accept".into(),
                    if list { types.into() } else { text.into() },
                );
            } else if lower == "content-type"
                && moves(http, value)
                && !request.contains_key("contentType")
            {
                request.insert("contentType".into(), text.into());
            } else if headers.insert(name.clone(), text.into()).is_some() {
                self.cannot(
                    at,
                    format!("a server sends the header `{name}` once"),
                    "put both values into one header",
                );
            }
        }
        if let Effect::Issues(Issues {
            old: Old::Dies { key: Some(key), .. },
            ..
        }) = &http.effect
            && !headers.keys().any(|h| h.eq_ignore_ascii_case(key))
        {
            headers.insert(key.clone(), "${workflow.workflowId}".into());
        }
    }

    fn authorization(&mut self, http: &'a Http, at: At, headers: &mut Map<String, Value>) {
        let value = match &http.auth {
            None | Some(Auth::Login(..)) => return,
            Some(Auth::Bearer(token)) => format!("Bearer {}", self.text(token)),
            Some(Auth::Basic(user, password)) => match (user.as_str(), password.as_str()) {
                (Some(user), Some(password)) => basic(user, password),
                _ => return self.no_basic("basic", at),
            },
            Some(Auth::Client(id, secret)) => match (id.as_str(), secret.as_str()) {
                (Some(id), Some(secret)) => basic(&encoded(id), &encoded(secret)),
                _ => return self.no_basic("client", at),
            },
        };
        headers.insert("Authorization".into(), value.into());
    }

    fn no_basic(&mut self, word: &str, at: At) {
        self.cannot(
            at,
            format!("`{word}` needs base64 of the secret, which an HTTP task of a server cannot compute"),
            "store the whole header value as a secret and send it with `header \"Authorization\"`, or send id and secret in the body",
        );
    }

    fn body(&mut self, http: &'a Http, at: At, request: &mut Map<String, Value>) {
        let body = match &http.body {
            Body::None | Body::Statement { .. } | Body::Command(_) | Body::Program(_) => return,
            Body::Json(value) => {
                let json = self.value(value);
                match (&json, &value.kind) {
                    (Value::Object(_) | Value::Array(_) | Value::Number(_) | Value::Bool(_), _) => {
                        json
                    }
                    (_, ExprKind::String(text)) => {
                        Value::String(self.literal(&Value::from(text.as_str()).to_string()))
                    }
                    _ => {
                        let help = "write the body as an object or list";
                        return self.cannot(
                            at,
                            "a server sends a text as it is, not as JSON",
                            help,
                        );
                    }
                }
            }
            Body::Form(members) if !self.plan.dialect.semantics().declares_intent => {
                request.insert("contentType".into(), FORM.into());
                Value::Object(
                    members
                        .iter()
                        .map(|(name, value)| (name.clone(), self.value(value)))
                        .collect(),
                )
            }
            Body::Form(members) => {
                request.insert("contentType".into(), FORM.into());
                let fields: Vec<String> = members
                    .iter()
                    .map(|(name, value)| {
                        format!("{}={}", encoded(name), self.encoded_text(value, at))
                    })
                    .collect();
                Value::String(fields.join("&"))
            }
            Body::Text(value) => {
                request
                    .entry("contentType")
                    .or_insert_with(|| "text/plain; charset=utf-8".into());
                Value::String(self.text(value))
            }
            Body::Raw(value) => {
                if !request.contains_key("contentType") {
                    self.cannot(
                        at,
                        "a server sends no body without a `Content-Type`",
                        "say which with `header \"Content-Type\"`",
                    );
                }
                Value::String(self.text(value))
            }
        };
        request.insert("body".into(), body);
    }

    fn limits(&mut self, http: &Http, at: At, request: &mut Map<String, Value>) {
        let limits = &http.limits;
        if let Some(connect) = limits.connect {
            request.insert("connectionTimeOut".into(), connect.0.into());
        }
        if let Some(total) = limits.total {
            let read = total
                .saturating_sub(limits.connect.unwrap_or(Dur::ZERO))
                .0
                .max(1);
            request.insert("readTimeOut".into(), read.into());
        }
        if limits.body.is_some() {
            self.loses(
                at,
                "a bound on the size of the answer (`limit`) cannot be expressed",
            );
        }
        if limits.follow.is_some() {
            self.loses(at, "how many redirects are followed (`follow`) cannot be expressed; a server follows those of GET");
        }
        if !limits.ca.is_empty() {
            self.cannot(
                at,
                "a certificate of your own (`ca`) cannot be named in a definition",
                "add it to the server's trust store",
            );
        }
        if limits.proxy {
            self.differs(
                at,
                "`proxy env` cannot be expressed in a definition",
                "set the proxy for the server",
            );
        }
    }

    fn expect(&mut self, http: &'a Http, request: &mut Map<String, Value>) {
        let mut statuses = false;
        for expect in &http.expect {
            match &expect.what {
                Expectation::Status(_) if statuses => {
                    self.cannot(
                        expect.at,
                        "a server has one list of accepted statuses",
                        "write one `expect status`",
                    );
                }
                Expectation::Status(patterns) => {
                    statuses = true;
                    let list: Vec<String> = patterns.iter().map(ToString::to_string).collect();
                    if self.oss && list != ["2xx"] {
                        let message = "the open-source server accepts every 2xx and nothing else";
                        self.cannot(
                            expect.at,
                            message,
                            "leave `expect status` out, or set `target = \"orkes\"`",
                        );
                    } else {
                        request.insert("acceptedStatusCodes".into(), list.into());
                    }
                }
                Expectation::Header { .. } => {
                    self.cannot(
                        expect.at,
                        "`expect header` cannot be expressed in an HTTP task",
                        "run this rotation with rot",
                    );
                }
                Expectation::Body { .. } => self.cannot(
                    expect.at,
                    "`expect body` cannot be expressed in an HTTP task",
                    "capture the value, and end the run by `when … { fail … }` behind the request",
                ),
            }
        }
    }
}

/// Whether a `Content-Type` becomes `contentType` without changing how the body is read.
fn moves(http: &Http, value: &Expr) -> bool {
    match &http.body {
        Body::Text(_) | Body::Raw(_) => true,
        Body::Json(_) => value.as_str().is_some_and(|t| {
            t.split(';')
                .next()
                .is_some_and(|m| m.trim().ends_with("+json"))
        }),
        Body::None
        | Body::Form(_)
        | Body::Statement { .. }
        | Body::Command(_)
        | Body::Program(_) => false,
    }
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn basic(user: &str, password: &str) -> String {
    format!(
        "Basic {}",
        base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"))
    )
}
