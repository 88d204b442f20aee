//! HTTP: the request in both shapes (flat, and within `http_request`), and what is kept of the answer.

use crate::conductor::read::context::Reader;
use crate::conductor::read::shape::{
    HTTP, Kind, field, flag_of, masking_field, number_of, text_of,
};
use crate::conductor::template::{self, Mode};
use crate::diagnostic::{Diagnostic, Edit, Severity, codes};
use crate::json::{Node, NodeKind};
use crate::plan::name::MASKS;
use crate::plan::schedule::Dur;
use crate::plan::task::http::Expectation;
use crate::plan::task::{Body, Expect, Header, Http, Limits, StatusPattern, Task};
use crate::plan::{Effect, Expr, ExprKind};

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// A media type as a server sends it: without blanks around its parameters.
fn without_blanks(value: Expr) -> Expr {
    let Some(text) = value.as_str() else {
        return value;
    };
    let parts: Vec<&str> = text.split(';').map(str::trim).collect();
    Expr::new(ExprKind::String(parts.join(";")), value.at)
}

/// Methods of RFC 9110 and RFC 5789, and `LIST` of Vault.
const METHODS: [&str; 10] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "LIST",
];

/// Fields of a request whose kind is not looked at where they are read.
const KINDS: &[(&str, Kind)] = &[
    ("encode", Kind::Flag),
    ("asyncComplete", Kind::Flag),
    ("hedgingConfig", Kind::Object),
    ("cacheConfig", Kind::Object),
    ("vipAddress", Kind::Text),
    ("appName", Kind::Text),
    ("terminationCondition", Kind::Text),
    ("pollingInterval", Kind::Whole),
    ("pollingStrategy", Kind::Text),
    ("maxPollCount", Kind::Whole),
];

impl<'a> Reader<'a> {
    pub(super) fn http(&mut self, node: &'a Node) -> Option<Task> {
        let inputs = self.inputs_of(node, "HTTP", "name `uri` and `method` there")?;
        let nested = field(inputs, "http_request");
        if let Some(text) = nested.filter(|n| !n.is_object()) {
            self.check_references(text);
            self.unsupported(
                text.span,
                "a request that is computed as a whole is not run here",
                "write the fields of `http_request` out",
            );
            return None;
        }
        let request = nested.unwrap_or(inputs);
        // Beside a nested request the task's other inputs are the author's own.
        let polled: &[&str] = if crate::conductor::read::scope::type_of(node) == "HTTP_POLL" {
            &super::http_poll::KEYS
        } else {
            &[]
        };
        let known: Vec<&str> = HTTP.iter().chain(polled).copied().collect();
        self.check_keys(request, &known, "an HTTP request", &[]);
        if nested.is_some() {
            self.check_free_keys(inputs);
            self.check_filter_spelling(inputs);
        }
        self.check_input_kinds(request, KINDS);
        self.not_run_fields(node, request);

        let url = self.uri(request);
        let method = self.method(request);
        let effect = if matches!(method.as_str(), "GET" | "HEAD") {
            Effect::Reads
        } else {
            Effect::Unspecified
        };
        let mut http = Http::new(method, url, effect);
        http.encode = request.get("encode").and_then(flag_of).unwrap_or(true);
        http.headers = self.headers(request);
        self.accept(request, &mut http);
        self.body(request, &mut http);
        http.limits = self.limits(request);
        http.expect = self.expect(request);
        match masking_field(inputs, "outputFilter")
            .or_else(|| masking_field(request, "outputFilter"))
        {
            Some(filter) => http.captures = self.captures(filter),
            None => http.raw_output = true,
        }
        Some(Task::Http(Box::new(http)))
    }

    fn uri(&mut self, request: &Node) -> Expr {
        match field(request, "uri") {
            Some(node) if node.as_str().is_some() => {
                self.check_address(node);
                self.check_scheme(request, node);
                self.value(node)
            }
            Some(node) => {
                self.wrong_type(node, "uri", "a string");
                Expr::string("")
            }
            None => {
                self.missing(
                    request,
                    "uri",
                    "the HTTP task",
                    "name the address: `\"uri\": \"https://…\"`",
                );
                Expr::string("")
            }
        }
    }

    /// An address that begins as none does. An old server completes those of services that it knows by name.
    fn check_scheme(&mut self, request: &Node, node: &Node) {
        let text = node.as_str().unwrap_or_default().trim();
        if text.is_empty()
            || text.starts_with(['$', '{', '#'])
            || field(request, "vipAddress").is_some()
        {
            return;
        }
        let scheme = text.split_once("://").map(|(scheme, _)| scheme);
        let problem = match scheme {
            Some(scheme)
                if ["http", "https"]
                    .iter()
                    .any(|known| scheme.eq_ignore_ascii_case(known)) =>
            {
                return;
            }
            Some(scheme) if scheme.contains('$') => return,
            Some(scheme) => format!("`{scheme}` is not a supported scheme"),
            None => "a URL begins with `https://`".to_owned(),
        };
        self.report(
            Diagnostic::new(codes::BAD_URL, node.span, problem)
                .at("no request can be made to this")
                .help("for example `\"https://api.example.com/tokens\"`"),
        );
    }

    /// An address with characters that nobody sees, written as escapes. Those that stand there raw are found with the text.
    fn check_address(&mut self, node: &Node) {
        let Some(text) = node
            .as_str()
            .filter(|t| t.len() + 2 < (node.span.end - node.span.start) as usize)
        else {
            return;
        };
        if let Some(hidden) = text.chars().find(|c| crate::json::deceives(*c)) {
            let name = format!("U+{:04X}", hidden as u32);
            self.report(
                Diagnostic::new(
                    codes::BIDI_OR_INVISIBLE,
                    node.span,
                    format!("the address holds {name}, which is invisible: it leads elsewhere than it reads"),
                )
                .at(format!("{name} as an escape"))
                .help("remove it; no host name has such a character"),
            );
        }
    }

    fn method(&mut self, request: &Node) -> String {
        let Some(node) = field(request, "method") else {
            self.missing(
                request,
                "method",
                "the HTTP task",
                "name the method: `\"method\": \"POST\"`",
            );
            return "GET".to_owned();
        };
        let text = node
            .as_str()
            .and_then(|t| template::parse(t, Mode::Now).constant());
        let Some(text) = text
            .filter(|t| !t.is_empty() && t.bytes().all(|b| b.is_ascii_alphabetic() || b == b'-'))
        else {
            self.check_references(node);
            let found = Diagnostic::new(
                codes::BAD_VALUE,
                node.span,
                "the method must be written out, such as `POST`",
            )
            .help("what a call changes depends on it, and that is checked before anything runs");
            // A server takes what a reference gives.
            let given = node.as_str().is_some_and(|text| text.contains("${"));
            self.report(if given { found.only_elsewhere() } else { found });
            return "POST".to_owned();
        };
        let upper = text.to_ascii_uppercase();
        if !METHODS.contains(&upper.as_str()) {
            let near = self
                .nearest(&upper, METHODS)
                .map(|n| format!("did you mean `{n}`?"));
            self.report(
                Diagnostic::new(
                    codes::BAD_VALUE,
                    node.span,
                    format!("there is no HTTP method `{upper}`"),
                )
                .at("the call fails")
                .help(near.unwrap_or_else(|| format!("one of {}", METHODS.join(", "))))
                .severity(Severity::Warning),
            );
        } else if upper != text {
            let span = node
                .as_string()
                .map_or(node.span, crate::json::JsonString::inner_span);
            self.report(
                Diagnostic::new(
                    codes::BAD_VALUE,
                    node.span,
                    format!("the server knows `{upper}`, not `{text}`"),
                )
                .help("write methods in upper case")
                .fix(
                    format!("write `{upper}`"),
                    true,
                    vec![Edit {
                        span,
                        text: upper.clone(),
                    }],
                )
                .severity(Severity::Warning),
            );
        }
        upper
    }

    fn headers(&mut self, request: &Node) -> Vec<Header> {
        let Some(node) = field(request, "headers") else {
            return Vec::new();
        };
        if !node.is_object() {
            self.wrong_type(node, "headers", "an object");
            return Vec::new();
        }
        let mut headers = Vec::new();
        for member in node.members() {
            let value = match &member.value.kind {
                NodeKind::Null => continue,
                NodeKind::Array(_) | NodeKind::Object(_) => {
                    self.report(
                        Diagnostic::new(
                            codes::BAD_VALUE,
                            member.value.span,
                            format!("`{}` is sent as Java writes a list or an object: `[a, b]`, `{{a=1}}`", member.key.text),
                        )
                        .help("write the header as one text")
                        .severity(Severity::Warning),
                    );
                    self.value(&member.value)
                }
                NodeKind::String(_) => self.value(&member.value),
                _ => Expr::new(
                    ExprKind::String(text_of(&member.value).unwrap_or_default()),
                    member.value.span,
                ),
            };
            headers.push(Header {
                name: member.key.text.clone(),
                value,
            });
        }
        headers
    }

    /// `accept`: JSON unless said, which goes without saying.
    fn accept(&mut self, request: &Node, http: &mut Http) {
        let Some(node) = field(request, "accept") else {
            return;
        };
        let span = node.span;
        let value = match &node.kind {
            NodeKind::Array(items) => {
                self.check_input_kinds(request, &[("accept", Kind::Texts)]);
                let names: Vec<&str> = items.iter().filter_map(Node::as_str).collect();
                Expr::new(ExprKind::String(names.join(", ")), span)
            }
            NodeKind::String(_) => self.value(node),
            _ => return self.wrong_type(node, "accept", "a media type or a list of them"),
        };
        if value.as_str() != Some(JSON) && !has_header(http, "accept") {
            http.headers.push(Header {
                name: "Accept".to_owned(),
                value,
            });
        }
    }

    fn body(&mut self, request: &Node, http: &mut Http) {
        let content_type = match field(request, "contentType") {
            Some(node) if node.as_str().is_some() => Some(without_blanks(self.value(node))),
            Some(node) => {
                self.wrong_type(node, "contentType", "a string");
                None
            }
            None => None,
        };
        let Some(node) = field(request, "body") else {
            return;
        };
        let declared = content_type
            .as_ref()
            .map_or(Some(JSON), Expr::as_str)
            .unwrap_or_default();
        let media = declared
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        let structured = matches!(node.kind, NodeKind::Object(_) | NodeKind::Array(_));
        let value = self.value(node);
        let mut header = content_type.filter(|t| t.as_str() != Some(JSON));
        http.body = if !structured && matches!(node.kind, NodeKind::String(_)) {
            header =
                header.or_else(|| Some(Expr::new(ExprKind::String(JSON.to_owned()), node.span)));
            Body::Text(value)
        } else if media == JSON || media.ends_with("+json") {
            Body::Json(value)
        } else if media == FORM
            && let ExprKind::Object(members) = value.kind
        {
            self.differs(
                node.span,
                "a server fails on an object as a form body; here its members are sent as form fields",
                "for a server, write the form as one string: `\"grant_type=client_credentials&…\"`",
            );
            header = None;
            Body::Form(members)
        } else {
            self.report(
                Diagnostic::new(
                    codes::BAD_VALUE,
                    node.span,
                    "only JSON can be made of an object or a list: the call would fail",
                )
                .help("set `contentType` to `application/json`, or write the body as a string"),
            );
            return;
        };
        if let Some(value) = header.filter(|_| !has_header(http, "content-type")) {
            http.headers.push(Header {
                name: "Content-Type".to_owned(),
                value,
            });
        }
    }

    fn limits(&mut self, request: &Node) -> Limits {
        let connect = self.milliseconds(request, "connectionTimeOut");
        let read = self.milliseconds(request, "readTimeOut");
        let total = read.map(|r| Dur(r.0.saturating_add(connect.map_or(0, |c| c.0))));
        Limits {
            total,
            connect,
            body: self.options.answer_limit,
            ..Limits::default()
        }
    }

    fn milliseconds(&mut self, request: &Node, key: &str) -> Option<Dur> {
        let node = field(request, key)?;
        let number = number_of(node).filter(|n| *n > 0);
        if number.is_none() {
            self.check_references(node);
            self.report(
                Diagnostic::new(
                    codes::BAD_VALUE,
                    node.span,
                    format!("`{key}` must be a number of milliseconds that is written out"),
                )
                .help("leave it out for the usual bounds"),
            );
        }
        number.map(Dur)
    }

    fn expect(&mut self, request: &Node) -> Vec<Expect> {
        let Some(node) = field(request, "acceptedStatusCodes") else {
            return Vec::new();
        };
        let mut patterns = Vec::new();
        for item in node.items() {
            match text_of(item).as_deref().and_then(status_pattern) {
                Some(pattern) => patterns.push(pattern),
                None => self.report(
                    Diagnostic::new(
                        codes::BAD_VALUE,
                        item.span,
                        "a status is three digits, or a family such as `2xx`",
                    )
                    .help("write `\"200\"` or `\"2xx\"`"),
                ),
            }
        }
        if !node.is_array() {
            self.wrong_type(node, "acceptedStatusCodes", "a list of status codes");
        }
        if patterns.is_empty() {
            Vec::new()
        } else {
            vec![Expect {
                what: Expectation::Status(patterns),
                at: node.span.into(),
            }]
        }
    }

    /// Fields that change what a call does and that this program does not have.
    fn not_run_fields(&mut self, task: &Node, request: &Node) {
        for source in [task, request] {
            if let Some(node) = field(source, "asyncComplete").filter(|n| flag_of(n) == Some(true))
            {
                self.unsupported(
                    node.span,
                    "a task that somebody else completes is not run here",
                    "remove `asyncComplete`, and poll for the result in a DO_WHILE loop",
                );
            }
        }
        if let Some(hedging) = field(request, "hedgingConfig")
            && let Some(attempts) =
                field(hedging, "maxAttempts").filter(|n| number_of(n).is_none_or(|n| n > 1))
        {
            if let Some(name) = self.site.task.clone() {
                self.hedged.insert(name, attempts.span);
            }
            self.unsupported(
                attempts.span,
                "the same call several times at once is not made here: each could issue a credential",
                "remove `hedgingConfig`, and set `retryCount` for a call that may be repeated",
            );
        }
        let masked = |source: &Node| {
            let inputs = field(source, "inputParameters").unwrap_or(source);
            field(inputs, "outputFilter")
                .is_some_and(|filter| MASKS.iter().any(|key| masking_field(filter, key).is_some()))
        };
        let issues = masked(task) || masked(request);
        for source in [task, request] {
            if let Some(cache) = source.member("cacheConfig").filter(|m| !m.value.is_null()) {
                if issues {
                    self.report(
                        Diagnostic::new(
                            codes::CONDUCTOR_DIFFERENCE,
                            cache.key.span,
                            "the answer that holds the new credential is cached: on a server the next run stores the old one again",
                        )
                        .at("kept, and given again")
                        .help("remove `cacheConfig`")
                        .severity(Severity::Warning),
                    );
                    continue;
                }
                self.differs(
                    cache.key.span,
                    "answers are never cached here: a new credential is asked for each time",
                    "remove `cacheConfig`",
                );
            }
        }
    }
}

fn has_header(http: &Http, name: &str) -> bool {
    http.headers
        .iter()
        .any(|h| h.name.eq_ignore_ascii_case(name))
}

fn status_pattern(text: &str) -> Option<StatusPattern> {
    let text = text.trim();
    if let Some(family) = text.strip_suffix("xx").or_else(|| text.strip_suffix("XX")) {
        return family
            .parse()
            .ok()
            .filter(|f| (1..=5).contains(f))
            .map(StatusPattern::Family);
    }
    text.parse()
        .ok()
        .filter(|code| (100..600).contains(code))
        .map(StatusPattern::Exact)
}
