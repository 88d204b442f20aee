//! `http` steps.

use super::hosts::targets;
use super::rotation::Writer;
use super::text::{block, quoted, secret_name};
use crate::plan::effect::Old;
use crate::plan::task::http::{Expectation, HmacAlgorithm, HmacEncoding, Program, Protocol, Sign};
use crate::plan::task::{Auth, Backoff, Body, CaptureSource, Http, Retry};
use crate::plan::{Effect, Expr, ExprKind, JsonPath, Type, compare};
use crate::source::At;

/// Where a request stands, which decides its effect when nothing is said.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Flow,
    Verify,
    Revoke,
}

const MAX_RETRIES: u32 = 100;
/// The source of a capture of a whole body that is JSON.
const WHOLE_BODY: &str = "body $";

impl<'a> Writer<'a> {
    /// `METHOD "url" effect { clauses }`; `step` names the captures that are read out of the whole answer.
    pub(super) fn request(
        &mut self,
        step: &str,
        http: &'a Http,
        retry: Option<&Retry>,
        place: Place,
        at: At,
    ) -> String {
        let mut lines = Vec::new();
        let mut effect = http.effect.clone();
        self.authorization(http, &mut lines);
        if !http.query.is_empty() {
            lines.push(format!("query {}", self.object(&http.query)));
        }
        match &http.body {
            Body::None => {}
            Body::Json(value) => lines.push(format!("json {}", self.expr(value))),
            Body::Form(members) => lines.push(format!("form {}", self.object(members))),
            Body::Text(value) => lines.push(format!("text {}", self.expr(value))),
            Body::Raw(value) => lines.push(format!("raw {}", self.expr(value))),
            Body::Statement { text, .. } => lines.push(format!("statement {}", self.expr(text))),
            Body::Command(words) => lines.push(format!("command {}", self.list(words))),
            Body::Program(program) => self.program(program, &mut lines),
        }
        self.signature(http, &mut lines);
        self.limits(http, &mut lines);
        if let Some(retry) = retry {
            lines.push(self.retry(retry, at));
        }
        self.expect(http, &mut lines);
        let secret = self.captures(step, http, at, &mut lines);
        if secret && effect == Effect::Unspecified && !reads(&http.method) {
            // A secret that comes of a call was issued by it.
            effect = Effect::Issues(crate::plan::Issues {
                old: Old::Stays,
                at_most: None,
                assumed: true,
            });
        }
        if let Some(strays) = &http.strays {
            let list = self.request("", &strays.list, None, Place::Verify, at);
            let outer = self.items.len();
            self.items.push("stray");
            let revoke = self.request("", &strays.revoke, None, Place::Revoke, at);
            self.items.truncate(outer);
            lines.push(format!("strays {list} revoke {revoke}"));
        }
        let url = self.expr(&http.url);
        let head = match http.protocol() {
            Protocol::Http => format!(
                "{} {url}{}",
                http.method,
                effect_words(&effect, &http.method, place)
            ),
            other => {
                let url = match other.scheme() {
                    Some(scheme) => url.replacen(&format!("{scheme}://"), "", 1),
                    None => url,
                };
                let dialect = match other {
                    Protocol::Sql(dialect) => format!("{} ", dialect.word()),
                    Protocol::Http | Protocol::Redis | Protocol::Exec => String::new(),
                };
                format!("{dialect}{url}{}", effect_words(&effect, "POST", place))
            }
        };
        if lines.is_empty() {
            head
        } else {
            block(&head, &lines)
        }
    }

    fn authorization(&mut self, http: &'a Http, lines: &mut Vec<String>) {
        match &http.auth {
            None => {}
            Some(Auth::Bearer(token)) => lines.push(format!("bearer {}", self.expr(token))),
            Some(Auth::Basic(user, password)) => lines.push(format!(
                "basic {}, {}",
                self.expr(user),
                self.expr(password)
            )),
            Some(Auth::Client(id, secret)) => {
                lines.push(format!("client {}, {}", self.expr(id), self.expr(secret)))
            }
            Some(Auth::Login(user, password)) => lines.push(format!(
                "login {}, {}",
                self.expr(user),
                self.expr(password)
            )),
        }
        for header in &http.headers {
            let token = match &header.value.kind {
                ExprKind::Template(parts)
                    if http.auth.is_none() && header.name.eq_ignore_ascii_case("authorization") =>
                {
                    compare::bearer(&header.value).and_then(|_| parts.get(1))
                }
                _ => None,
            };
            match token {
                Some(token) => lines.push(format!("bearer {}", self.expr(token))),
                None => lines.push(format!(
                    "header {}: {}",
                    quoted(&header.name),
                    self.expr(&header.value)
                )),
            }
        }
    }

    fn list(&mut self, items: &'a [Expr]) -> String {
        let items: Vec<String> = items.iter().map(|item| self.expr(item)).collect();
        format!("[{}]", items.join(", "))
    }

    fn program(&mut self, program: &'a Program, lines: &mut Vec<String>) {
        if !program.arguments.is_empty() {
            let shadowed = self.items.len();
            self.items.push("path");
            lines.push(format!("arguments {}", self.list(&program.arguments)));
            self.items.truncate(shadowed);
        }
        if !program.environment.is_empty() {
            lines.push(format!("environment {}", self.object(&program.environment)));
        }
        if let Some(value) = &program.stdin {
            lines.push(format!("stdin {}", self.expr(value)));
        }
        if let Some(value) = &program.file {
            lines.push(format!("file {}", self.expr(value)));
        }
    }

    fn signature(&mut self, http: &'a Http, lines: &mut Vec<String>) {
        let Some(sign) = http.sign.as_deref() else {
            return;
        };
        let options = match sign {
            Sign::AwsSigv4 {
                key_id,
                secret_key,
                session_token,
                region,
                service,
            } => {
                let mut options = vec![
                    format!("key_id {}", self.expr(key_id)),
                    format!("secret_key {}", self.expr(secret_key)),
                ];
                if let Some(token) = session_token {
                    options.push(format!("session_token {}", self.expr(token)));
                }
                options.push(format!("region {}", self.expr(region)));
                options.push(format!("service {}", self.expr(service)));
                ("aws_sigv4", options)
            }
            Sign::Hmac {
                algorithm,
                key,
                text,
                encoding,
                header,
                prefix,
                time_header,
            } => {
                let shadowed = self.items.len();
                self.items.push("request");
                let word = |found: Option<&str>| quoted(found.unwrap_or_default());
                let algorithm = HmacAlgorithm::WORDS.iter().find(|(_, a)| a == algorithm);
                let encoding = HmacEncoding::WORDS.iter().find(|(_, e)| e == encoding);
                let mut options = vec![
                    format!("algorithm {}", word(algorithm.map(|(w, _)| *w))),
                    format!("key {}", self.expr(key)),
                    format!("text {}", self.expr(text)),
                    format!("encoding {}", word(encoding.map(|(w, _)| *w))),
                    format!("header {}", quoted(header)),
                ];
                if !prefix.is_empty() {
                    options.push(format!("prefix {}", quoted(prefix)));
                }
                if let Some(header) = time_header {
                    options.push(format!("time_header {}", quoted(header)));
                }
                self.items.truncate(shadowed);
                ("hmac", options)
            }
            Sign::Jwt(jwt) => {
                let mut options = vec![
                    format!("algorithm {}", quoted(jwt.algorithm.word())),
                    format!("key {}", self.expr(&jwt.key)),
                ];
                if let Some(id) = &jwt.key_id {
                    options.push(format!("key_id {}", self.expr(id)));
                }
                if let Some(header) = &jwt.header {
                    options.push(format!("header {}", self.expr(header)));
                }
                options.push(format!("claims {}", self.expr(&jwt.claims)));
                options.push(format!("lifetime {}", jwt.lifetime));
                if let Some(field) = &jwt.field {
                    options.push(format!("field {}", quoted(field)));
                }
                ("jwt", options)
            }
        };
        lines.push(block(&format!("sign {}", options.0), &options.1));
    }

    fn limits(&mut self, http: &Http, lines: &mut Vec<String>) {
        let limits = &http.limits;
        lines.extend(limits.total.map(|t| format!("timeout {t}")));
        lines.extend(limits.connect.map(|c| format!("connect {c}")));
        lines.extend(limits.body.map(|b| format!("limit {}", size(b))));
        lines.extend(limits.follow.map(|f| format!("follow {f}")));
        lines.extend(limits.ca.iter().map(|ca| format!("ca {}", quoted(ca))));
        if limits.proxy {
            lines.push("proxy env".into());
        }
    }

    fn retry(&mut self, retry: &Retry, at: At) -> String {
        if retry.count > MAX_RETRIES {
            self.cannot(
                at,
                format!("more than {MAX_RETRIES} retries"),
                "use `repeat` or `verify within …` to wait for something",
            );
        }
        let backoff = match retry.backoff {
            Backoff::Fixed => "",
            Backoff::Linear => " backoff linear",
            Backoff::Exponential => " backoff exponential",
        };
        let most = retry
            .max_delay
            .map(|m| format!(" up to {m}"))
            .unwrap_or_default();
        format!("retry {} every {}{backoff}{most}", retry.count, retry.delay)
    }

    fn expect(&mut self, http: &'a Http, lines: &mut Vec<String>) {
        for expect in &http.expect {
            lines.push(match &expect.what {
                Expectation::Status(patterns) => {
                    let patterns: Vec<String> = patterns.iter().map(ToString::to_string).collect();
                    format!("expect status {}", patterns.join(", "))
                }
                Expectation::Header {
                    name,
                    operator,
                    value,
                } => {
                    format!(
                        "expect header {} {} {}",
                        quoted(name),
                        operator.as_str(),
                        self.expr(value)
                    )
                }
                Expectation::Body {
                    path,
                    operator,
                    value,
                } => {
                    let path = self.path(path, expect.at);
                    format!(
                        "expect body {path} {} {}",
                        operator.as_str(),
                        self.expr(value)
                    )
                }
            });
        }
    }

    /// The captures; gives whether one is secret.
    fn captures(&mut self, step: &str, http: &Http, at: At, lines: &mut Vec<String>) -> bool {
        let mut secret = false;
        for capture in &http.captures {
            let (source, natural) = match &capture.source {
                CaptureSource::Body(path) => {
                    (format!("body {}", self.path(path, capture.at)), Type::Any)
                }
                CaptureSource::Text => ("body".to_owned(), Type::String),
                CaptureSource::Header(name) => (format!("header {}", quoted(name)), Type::String),
                CaptureSource::Status => ("status".to_owned(), Type::Int),
                // It stands where it is used.
                CaptureSource::Expr(_) => continue,
            };
            secret |= capture.secret;
            let ty = match &capture.ty {
                ty if *ty == natural || *ty == Type::Any => String::new(),
                Type::List(_) => " as list".into(),
                ty => format!(" as {}", ty.describe()),
            };
            let optional = if capture.optional && capture.source != CaptureSource::Status {
                " optional"
            } else {
                ""
            };
            let word = if capture.secret { "secret" } else { "public" };
            let to = targets(&capture.to);
            lines.push(format!(
                "{word} {} = {source}{ty}{optional}{to}",
                self.capture_name(step, &capture.name)
            ));
        }
        // Of a body that is read as a whole alone nobody knows that it is JSON.
        let own = || self.extras.iter().filter(|e| e.step == step);
        let is_text = own().all(|e| e.source == WHOLE_BODY || !e.source.starts_with("body"))
            && !http
                .captures
                .iter()
                .any(|c| matches!(c.source, CaptureSource::Body(_)));
        let mut whole = false;
        for extra in self
            .extras
            .iter()
            .filter(|e| e.step == step && !step.is_empty())
        {
            let source = if is_text && extra.source == WHOLE_BODY {
                whole = true;
                "body"
            } else {
                extra.source.as_str()
            };
            secret |= extra.secret;
            let (word, optional) = match (extra.secret, extra.source.as_str()) {
                (true, _) => ("secret", ""),
                (false, "status") => ("public", ""),
                (false, _) => ("public", " optional"),
            };
            lines.push(format!("{word} {} = {source}{optional}", extra.name));
        }
        if whole {
            self.differs(
                at,
                "the body is kept as the text that came, where a server makes JSON of it if it can",
                "write `body $` where it is JSON",
            );
        }
        secret
    }

    /// A path in the dialect of `.rot`.
    fn path(&mut self, path: &JsonPath, at: At) -> String {
        if JsonPath::parse(path.as_str(), crate::plan::path::PathDialect::Rfc9535).is_ok() {
            return path.as_str().to_owned();
        }
        self.cannot(
            at,
            format!("the path `{path}` is of Conductor's dialect"),
            "write it by RFC 9535: filters as `[?@.name == 'x']`",
        )
    }
}

fn reads(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS")
}

/// The effect, where it does not go without saying.
fn effect_words(effect: &Effect, method: &str, place: Place) -> String {
    let usual = match place {
        _ if reads(method) => Effect::Reads,
        Place::Flow => Effect::Unspecified,
        Place::Verify => Effect::Reads,
        Place::Revoke => Effect::Revokes,
    };
    if *effect == usual {
        return String::new();
    }
    match effect {
        Effect::Unspecified => String::new(),
        Effect::Reads => " reads".into(),
        Effect::Sets => " sets".into(),
        Effect::SetsSelf => " sets self".into(),
        Effect::SetsSlot => " sets slot".into(),
        Effect::Revokes => " revokes".into(),
        Effect::Issues(issues) => {
            let mut text = match &issues.old {
                Old::Stays => " issues additive".to_owned(),
                Old::Dies {
                    key,
                    grace,
                    recover,
                    accept,
                } => {
                    let mut text = " issues replacing".to_owned();
                    text.extend(key.iter().map(|k| format!(" key {}", quoted(k))));
                    text.extend(grace.iter().map(|g| format!(" grace {g}")));
                    text.extend(
                        recover
                            .iter()
                            .map(|r| format!(" recover with {}", secret_name(r))),
                    );
                    text.extend(
                        accept
                            .iter()
                            .map(|a| format!(" accept lockout-risk {}", quoted(a))),
                    );
                    text
                }
            };
            text.extend(issues.at_most.map(|n| format!(" at most {n}")));
            text
        }
    }
}

fn size(bytes: u64) -> String {
    const MIB: u64 = 1 << 20;
    match bytes {
        b if b > 0 && b % MIB == 0 => format!("{}MiB", b / MIB),
        b if b > 0 && b % 1024 == 0 => format!("{}KiB", b / 1024),
        b => format!("{b}B"),
    }
}
