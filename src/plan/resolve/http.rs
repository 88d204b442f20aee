//! `http` steps: clauses to a request, effects, captures.

use super::items::check_identifier;
use super::{Resolver, errors};
use crate::diagnostic::{Diagnostic, codes};
use crate::plan::effect::{Effect, Issues, Old};
use crate::plan::index::NameKind;
use crate::plan::path::{JsonPath, PathDialect};
use crate::plan::policy::Destination;
use crate::plan::schedule::Dur;
use crate::plan::task::http::{
    Auth, Body, Capture, CaptureSource, Expect, Expectation, Header, Http, StatusPattern, Strays,
};
use crate::plan::task::{Backoff, Retry};
use crate::plan::{Expr, ExprKind, Type};
use crate::source::{At, Span};
use crate::syntax::ast::{self, Clause, ClauseKind, EffectKind, Name, Source};

/// Where a request stands, which decides its effect when the author is silent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In the flow of the rotation.
    Flow,
    /// In `verify`: it reads.
    Verify,
    /// The listing of `strays`: it reads.
    List,
    /// In `revoke`: what is not a GET revokes.
    Revoke,
}

/// A capture as the author asks for it.
struct AskedCapture<'c> {
    secret: bool,
    name: &'c Name,
    source: &'c Source,
    ty: Option<&'c Name>,
    optional: bool,
    to: Vec<Destination>,
}

/// Largest body that may be asked for.
const MAX_BODY: u64 = 16 << 20;

impl Resolver {
    /// How a pause grows; `fixed` unless said.
    pub(super) fn backoff(&mut self, word: Option<&Name>) -> Backoff {
        match word.map(|b| (b.text.as_str(), b.span)) {
            None | Some(("fixed", _)) => Backoff::Fixed,
            Some(("linear", _)) => Backoff::Linear,
            Some(("exponential", _)) => Backoff::Exponential,
            Some((text, at)) => {
                if let Some(word) = word {
                    self.offer(word, |_| super::words(["fixed", "linear", "exponential"]));
                }
                let word = text;
                self.report(errors::unknown_word(
                    at,
                    "a backoff",
                    word,
                    &["fixed", "linear", "exponential"],
                ));
                Backoff::Fixed
            }
        }
    }

    /// The request, and how often it is tried again.
    pub(super) fn http(&mut self, http: &ast::Http, place: Place) -> (Http, Option<Retry>) {
        let method = http.method.text.to_ascii_uppercase();
        let url = match http.protocol {
            ast::Protocol::Http => self.url(&http.url),
            other => self.peer(&http.url, other),
        };
        let mut made = Http::new(method.clone(), url, Effect::Unspecified);
        made.body = match http.protocol {
            ast::Protocol::Exec => Body::Program(Box::default()),
            _ => Body::None,
        };
        let mut retry = None;
        let mut once = Once::default();
        let own = self.bring_names(http);
        for clause in &http.clauses {
            if self.belongs(http.protocol, clause) {
                self.clause(http.protocol, clause, &mut made, &mut retry, &mut once);
            }
        }
        self.take_names(own);
        self.complete(http, &mut made);
        made.effect = self.effect(http, &method, &made, place);
        (made, retry)
    }

    fn url(&mut self, url: &ast::Expr) -> Expr {
        let resolved = self.typed(url, &[Type::String], "a URL in quotes");
        let literal = match &resolved.kind {
            ExprKind::String(text) => Some(text.as_str()),
            ExprKind::Template(parts) => parts.first().and_then(Expr::as_str),
            _ => None,
        };
        if let Some(text) = literal {
            let scheme = text
                .split_once("://")
                .map(|(scheme, _)| scheme.to_ascii_lowercase());
            let problem = match scheme.as_deref() {
                Some("https" | "http") => match &resolved.kind {
                    ExprKind::String(text) => url::Url::parse(text)
                        .err()
                        .map(|_| "this is not a URL".to_owned()),
                    _ => None,
                },
                Some(other) => Some(format!("`{other}` is not a supported scheme")),
                None => Some("a URL begins with `https://`".to_owned()),
            };
            if let Some(problem) = problem {
                self.report(errors::bad_value(
                    codes::BAD_URL,
                    url.span,
                    problem,
                    "for example `\"https://api.example.com/tokens\"`",
                ));
            }
        }
        resolved
    }

    fn clause(
        &mut self,
        protocol: ast::Protocol,
        clause: &Clause,
        made: &mut Http,
        retry: &mut Option<Retry>,
        once: &mut Once,
    ) {
        let span = clause.span;
        match &clause.kind {
            ClauseKind::Bearer(token) => {
                let token = self.text(token);
                if token.as_str().is_some_and(|text| text.trim().is_empty()) {
                    self.report(errors::bad_value(
                        codes::BAD_VALUE,
                        token.at.0,
                        "the credential is empty",
                        "send a secret: `bearer secrets.NAME`; without one leave the clause out",
                    ));
                }
                self.once(&mut once.auth, "authentication", span);
                made.auth = Some(Auth::Bearer(token));
            }
            ClauseKind::Basic(user, password) => {
                let pair = (self.text(user), self.text(password));
                self.once(&mut once.auth, "authentication", span);
                made.auth = Some(Auth::Basic(pair.0, pair.1));
            }
            ClauseKind::Client(id, secret) => {
                let pair = (self.text(id), self.text(secret));
                self.once(&mut once.auth, "authentication", span);
                made.auth = Some(Auth::Client(pair.0, pair.1));
            }
            ClauseKind::Header(name, value) => {
                if name.text.is_empty() || !name.text.bytes().all(is_token) {
                    self.report(errors::bad_value(
                        codes::BAD_VALUE,
                        name.span,
                        format!("`{}` is not a header name", name.text),
                        "letters, digits and `-` (RFC 9110 section 5.6.2)",
                    ));
                    return;
                }
                let value = self.text(value);
                made.headers.push(Header {
                    name: name.text.clone(),
                    value,
                });
            }
            ClauseKind::Query(members) => {
                let members = self.pairs(members, false);
                made.query.extend(members);
            }
            ClauseKind::Json(value) => {
                let value = self.expr(value).0;
                self.once(&mut once.body, "body", span);
                made.body = Body::Json(value);
            }
            ClauseKind::Form(members) => {
                let members = self.pairs(members, true);
                self.once(&mut once.body, "body", span);
                made.body = Body::Form(members);
            }
            ClauseKind::Text(value) => {
                let value = self.text(value);
                self.once(&mut once.body, "body", span);
                made.body = Body::Text(value);
            }
            ClauseKind::Raw(value) => {
                let value = self.typed(value, &[Type::String, Type::Bytes], "text or bytes");
                self.once(&mut once.body, "body", span);
                made.body = Body::Raw(value);
            }
            ClauseKind::Timeout(duration) => {
                self.positive(duration);
                self.once(&mut once.timeout, "`timeout`", span);
                made.limits.total = Some(duration.value);
            }
            ClauseKind::Connect(duration) => {
                self.positive(duration);
                made.limits.connect = Some(duration.value);
            }
            ClauseKind::Retry {
                count,
                every,
                backoff,
                up_to,
            } => {
                self.once(&mut once.retry, "`retry`", span);
                let backoff = self.backoff(backoff.as_ref());
                if count.value > 100 {
                    self.report(errors::bad_value(
                        codes::BAD_VALUE,
                        count.span,
                        "more than 100 retries",
                        "use `verify within …` to wait for something",
                    ));
                }
                *retry = Some(Retry {
                    count: u32::try_from(count.value.min(100)).unwrap_or(100),
                    delay: every.as_ref().map_or(Dur::seconds(1), |d| d.value),
                    backoff,
                    max_delay: up_to.as_ref().map(|d| d.value),
                });
            }
            ClauseKind::ExpectStatus(patterns) => {
                let patterns: Vec<StatusPattern> =
                    patterns.iter().filter_map(|p| self.status(p)).collect();
                if !patterns.is_empty() {
                    made.expect.push(Expect {
                        what: Expectation::Status(patterns),
                        at: At(span),
                    });
                }
            }
            ClauseKind::ExpectHeader {
                name,
                operator,
                value,
            } => {
                let value = self.expr(value).0;
                made.expect.push(Expect {
                    what: Expectation::Header {
                        name: name.text.clone(),
                        operator: operator.operator,
                        value,
                    },
                    at: At(span),
                });
            }
            ClauseKind::ExpectBody {
                path,
                operator,
                value,
            } => {
                let (value, ty) = self.expr(value);
                if let Some(path) = self.jsonpath(path) {
                    if !path.is_definite() && !matches!(ty, Type::List(_) | Type::Json | Type::Any)
                    {
                        self.report(
                            errors::never_equal(operator.span, "a list", &ty.describe())
                                .help("a path with `[*]`, a filter, a slice or `..` finds a list: name one element, or capture it and look at each"),
                        );
                    }
                    made.expect.push(Expect {
                        what: Expectation::Body {
                            path,
                            operator: operator.operator,
                            value,
                        },
                        at: At(span),
                    });
                }
            }
            ClauseKind::Capture {
                secret,
                name,
                source,
                ty,
                optional,
                to,
            } => {
                let to = to
                    .iter()
                    .filter_map(|target| self.destination(target))
                    .collect();
                let asked = AskedCapture {
                    secret: *secret,
                    name,
                    source,
                    ty: ty.as_ref(),
                    optional: *optional,
                    to,
                };
                self.capture(made, asked);
            }
            ClauseKind::Ca(path) => made.limits.ca.push(path.text.clone()),
            ClauseKind::Proxy => made.limits.proxy = true,
            ClauseKind::Follow(count) => {
                made.limits.follow = Some(u8::try_from(count.value.min(10)).unwrap_or(10))
            }
            ClauseKind::Limit(bytes) => {
                if bytes.value == 0 || bytes.value > MAX_BODY {
                    self.report(errors::bad_value(
                        codes::BAD_VALUE,
                        bytes.span,
                        "a body limit is between 1 B and 16 MiB",
                        "for example `limit 4MiB`",
                    ));
                }
                made.limits.body = Some(bytes.value.clamp(1, MAX_BODY));
            }
            ClauseKind::Strays { list, revoke } => self.strays(made, list, revoke),
            ClauseKind::Sign { scheme, options } => {
                self.once(&mut once.sign, "`sign`", span);
                made.sign = self.sign(scheme, options).map(Box::new);
            }
            ClauseKind::Login(user, password) => {
                let pair = (self.text(user), self.text(password));
                self.once(&mut once.auth, "`login`", span);
                made.auth = Some(Auth::Login(pair.0, pair.1));
            }
            ClauseKind::Statement(text) => {
                self.once(&mut once.body, "`statement`", span);
                if let ast::Protocol::Sql(dialect) = protocol {
                    made.body = Body::Statement {
                        dialect,
                        text: self.statement(text, dialect),
                    };
                }
            }
            ClauseKind::Command(words) => {
                self.once(&mut once.body, "`command`", span);
                made.body = Body::Command(self.words_of(words));
            }
            ClauseKind::Stdin(_)
            | ClauseKind::Environment(_)
            | ClauseKind::Arguments(_)
            | ClauseKind::File(_) => self.of_program(clause, made, once),
            ClauseKind::ExpectExit(codes) => {
                let statuses = codes.iter().map(|code| {
                    StatusPattern::Exact(u16::try_from(code.value).unwrap_or(u16::MAX))
                });
                made.expect.push(Expect {
                    what: Expectation::Status(statuses.collect()),
                    at: At(span),
                });
            }
        }
    }

    fn strays(&mut self, made: &mut Http, list: &ast::Http, revoke: &ast::Http) {
        let (list_request, _) = self.http(list, Place::List);
        if list_request.captures.len() != 1 {
            self.report(errors::bad_value(
                codes::MISSING_REQUIRED,
                list.method.span,
                "the listing must capture one list of ids",
                "`public ids = body $.keys[?@.name == \"rot-…\"].id`",
            ));
        }
        let shadowed = self.scope.set(
            "stray",
            Some((
                super::scope::Symbol::Variable(Type::Any),
                revoke.method.span,
            )),
        );
        let (revoke_request, _) = self.http(revoke, Place::Revoke);
        self.scope.set("stray", shadowed);
        made.strays = Some(Box::new(Strays {
            list: list_request,
            revoke: revoke_request,
        }));
    }

    /// Members that are sent as text, each under its name; a list under its name again and again where `lists` says so.
    pub(super) fn pairs(&mut self, members: &[ast::Member], lists: bool) -> Vec<(String, Expr)> {
        let (resolved, types) = self.members(members);
        for ((_, value), (_, ty)) in resolved.iter().zip(&types) {
            if matches!(ty, Type::Record(_)) || (matches!(ty, Type::List(_)) && !lists) {
                self.report(
                    errors::mismatch(value.at.0, ty, "text, a number, a bool or a time").help(
                        "write its JSON text with `json(…)`, or the text that the server takes",
                    ),
                );
            }
        }
        resolved
    }

    /// Text, a number, a bool or a time: what can stand in a header or be a password.
    pub(super) fn text(&mut self, expr: &ast::Expr) -> Expr {
        self.typed(
            expr,
            &[
                Type::String,
                Type::Int,
                Type::Number,
                Type::Bool,
                Type::Time,
                Type::Null,
            ],
            "text",
        )
    }

    pub(super) fn once(&mut self, slot: &mut Option<Span>, what: &str, span: Span) {
        match slot {
            Some(first) => {
                let diagnostic = Diagnostic::new(
                    codes::DUPLICATE_NAME,
                    span,
                    format!("a request has one {what}"),
                )
                .at("second")
                .label(*first, "first")
                .help("keep one of them");
                self.report(diagnostic);
            }
            None => *slot = Some(span),
        }
    }

    fn status(&mut self, name: &Name) -> Option<StatusPattern> {
        let text = name.text.as_str();
        let pattern = match text.strip_suffix("xx") {
            Some(family) => family
                .parse::<u8>()
                .ok()
                .filter(|f| (1..=5).contains(f))
                .map(StatusPattern::Family),
            None => text
                .parse::<u16>()
                .ok()
                .filter(|s| (100..=599).contains(s))
                .map(StatusPattern::Exact),
        };
        if pattern.is_none() {
            self.report(errors::bad_value(
                codes::BAD_VALUE,
                name.span,
                format!("`{text}` is not a status"),
                "a number such as `201`, or a family such as `2xx`",
            ));
        }
        pattern
    }

    pub(super) fn jsonpath(&mut self, path: &Name) -> Option<JsonPath> {
        match JsonPath::parse(&path.text, PathDialect::Rfc9535) {
            Ok(path) => Some(path),
            Err(error) => {
                let span = Span::new(
                    path.span.file,
                    path.span.start as usize + error.start,
                    (path.span.start as usize + error.end).min(path.span.end as usize),
                );
                let mut diagnostic =
                    Diagnostic::new(codes::BAD_JSONPATH, span, error.message).at("here");
                diagnostic.help = error.help;
                self.report(diagnostic);
                None
            }
        }
    }

    fn capture(&mut self, made: &mut Http, asked: AskedCapture<'_>) {
        let AskedCapture {
            secret,
            name,
            source,
            ty,
            optional,
            to,
        } = asked;
        check_identifier(self, "a capture", name);
        if let Some(first) = made.captures.iter().find(|c| c.name == name.text) {
            let first = first.at.0;
            self.report(errors::duplicate("capture", name, first));
            return;
        }
        if let Some(target) = to.first().filter(|_| !secret) {
            let help = "leave `to` out, or capture it as `secret`";
            self.report(errors::bad_value(
                codes::BAD_VALUE,
                target.at.0,
                "a public value may go anywhere",
                help,
            ));
        }
        let (source, natural) = match source {
            Source::Body(path) => match self.jsonpath(path) {
                // A path that may find several values finds a list, also of one or none.
                Some(path) if !path.is_definite() => {
                    (CaptureSource::Body(path), Type::List(Box::new(Type::Any)))
                }
                Some(path) => (CaptureSource::Body(path), Type::Any),
                None => return,
            },
            Source::Text(_) => (CaptureSource::Text, Type::String),
            Source::Header(header) => (CaptureSource::Header(header.text.clone()), Type::String),
            Source::Status(_) => (CaptureSource::Status, Type::Int),
        };
        let ty = match ty {
            None => natural,
            Some(word) => match Type::parse(&word.text) {
                Some(ty) if !natural.fits(&ty) && matches!(natural, Type::List(_)) => {
                    self.report(errors::mismatch(word.span, &natural, &ty.describe()).help(
                        "this path may find several values, and so gives a list: name one (`$.keys[0].id`), or capture the list and take `NAME[0]`",
                    ));
                    natural
                }
                Some(ty) => ty,
                None => {
                    self.offer(word, |_| super::words(Type::WORDS));
                    self.report(errors::unknown_word(
                        word.span,
                        "a type",
                        &word.text,
                        &Type::WORDS,
                    ));
                    natural
                }
            },
        };
        self.defines(NameKind::Capture, name, Some(ty.clone()));
        made.captures.push(Capture {
            name: name.text.clone(),
            secret,
            source,
            ty,
            optional,
            place: Vec::new(),
            to,
            at: At(name.span),
        });
    }

    fn effect(&mut self, http: &ast::Http, method: &str, made: &Http, place: Place) -> Effect {
        let reads =
            http.protocol == ast::Protocol::Http && matches!(method, "GET" | "HEAD" | "OPTIONS");
        let Some(effect) = &http.effect else {
            let secret = made.captures.iter().find(|c| c.secret);
            return match (place, secret) {
                _ if reads => Effect::Reads,
                (Place::Verify | Place::List, _) => Effect::Reads,
                (Place::Revoke, _) => Effect::Revokes,
                (Place::Flow, Some(capture)) => {
                    let capture = capture.at.0;
                    self.report(errors::missing_effect(
                        http.method.span.to(http.url.span),
                        method,
                        capture,
                    ));
                    Effect::Unspecified
                }
                (Place::Flow, None) => {
                    if http.protocol != ast::Protocol::Http {
                        self.needs_effect(http);
                    }
                    Effect::Unspecified
                }
            };
        };
        let at_most = |count: &Option<ast::Count>| {
            count
                .as_ref()
                .map(|c| u32::try_from(c.value).unwrap_or(u32::MAX))
        };
        let resolved = match &effect.kind {
            EffectKind::Reads => Effect::Reads,
            EffectKind::Sets => Effect::Sets,
            EffectKind::SetsSelf => Effect::SetsSelf,
            EffectKind::SetsSlot => Effect::SetsSlot,
            EffectKind::Revokes => Effect::Revokes,
            EffectKind::IssuesAdditive { at_most: cap } => Effect::Issues(Issues {
                old: Old::Stays,
                at_most: at_most(cap),
                assumed: false,
            }),
            EffectKind::IssuesReplacing {
                key,
                grace,
                recover,
                accept,
                at_most: cap,
            } => {
                if let Some(rotation) = recover {
                    self.check_callable(rotation);
                }
                if let Some(reason) = accept
                    && reason.text.trim().is_empty()
                {
                    self.report(errors::bad_value(
                        codes::BAD_VALUE,
                        reason.span,
                        "a lock-out is accepted without a reason",
                        "say why: `accept lockout-risk \"the dashboard can issue a new one\"`",
                    ));
                }
                Effect::Issues(Issues {
                    old: Old::Dies {
                        key: key.as_ref().map(|k| k.text.clone()),
                        grace: grace.as_ref().map(|g| g.value),
                        recover: recover.as_ref().map(|r| r.text.clone()),
                        accept: accept.as_ref().map(|a| a.text.clone()),
                    },
                    at_most: at_most(cap),
                    assumed: false,
                })
            }
        };
        match &resolved {
            _ if matches!(place, Place::Flow | Place::Revoke) => resolved,
            // Logging in is the test of many credentials. What it issues is used here and nowhere else, and each attempt makes one.
            Effect::Issues(Issues {
                old: Old::Stays, ..
            }) if place == Place::Verify => {
                self.report(errors::issues_in_verify(effect.span));
                Effect::Reads
            }
            Effect::Reads => resolved,
            Effect::Revokes if place == Place::Verify => resolved,
            _ => {
                let (what, help) = if place == Place::Verify {
                    (
                        "a step of `verify` only tries the new value",
                        "move it out of the `verify` block, which is repeated until all of it succeeds",
                    )
                } else {
                    (
                        "the listing of `strays` only reads",
                        "list the credentials with a request that changes nothing",
                    )
                };
                self.report(errors::bad_value(
                    codes::BAD_VALUE,
                    effect.span,
                    format!("{what}, this one {}", resolved.describe()),
                    help,
                ));
                resolved
            }
        }
    }
}

/// What may stand once in a request.
#[derive(Default)]
pub(super) struct Once {
    auth: Option<Span>,
    pub(super) body: Option<Span>,
    pub(super) stdin: Option<Span>,
    pub(super) arguments: Option<Span>,
    pub(super) environment: Option<Span>,
    pub(super) file: Option<Span>,
    sign: Option<Span>,
    timeout: Option<Span>,
    retry: Option<Span>,
}

/// RFC 9110 section 5.6.2.
pub(super) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
