//! A planned exchange to a request that is ready to go.

use super::eval::{EvalError, eval};
use super::functions::{form_encode, percent_encode};
use super::scope::Scope;
use super::value::{Data, Value};
use super::{peer, sign};
use crate::diagnostic::codes;
use crate::plan::egress::{Egress, Spot};
use crate::plan::task::http::{Auth, Body, Http, Protocol, Sign};
use crate::plan::{Derivation, Expr, ExprKind, Label, Origin, Place, Plan};
use crate::world::http::{Limits, Request};
use crate::world::{process, wire};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::collections::HashMap;
use std::ops::Range;
use zeroize::Zeroizing;

/// A request with what is known of it.
pub struct Built {
    /// Ready to go.
    pub request: Outgoing,
    /// Host, and the port that is written.
    pub host: (String, Option<u16>),
    /// Which secrets are in it.
    pub label: Label,
    /// `host:port`, for messages.
    pub authority: String,
}

/// What goes out.
pub enum Outgoing {
    /// An HTTP request.
    Http(Box<Request>),
    /// A statement or a command at a server.
    Wire(Box<(wire::Session, wire::Call)>),
    /// A program of this machine.
    Program(Box<process::Start>),
}

/// Where minted values may be sent besides what the plan declares: hosts of the steps that issued them, each with its port or
/// the scheme's own.
pub type Issuers = HashMap<Origin, (String, Option<u16>)>;

/// What belongs to one attempt: its time, and what nobody else drew.
pub struct Moment {
    /// Now.
    pub at: jiff::Timestamp,
    /// Random.
    pub nonce: [u8; 16],
}

/// What a request is made with besides its step and what the run knows.
pub struct Sending<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// Where credentials may go.
    pub egress: &'a Egress<'a>,
    /// Where they may go besides: to their issuers.
    pub issuers: &'a Issuers,
    /// Authorities that are trusted besides those of the system, in PEM.
    pub ca: Vec<Vec<u8>>,
    /// When, and by which nonce.
    pub moment: &'a Moment,
}

/// Evaluates every part of a request and enforces destinations again: the interpreter does not rely on the checker.
pub fn build(http: &Http, scope: &Scope, sending: Sending<'_>) -> Result<Built, EvalError> {
    let Sending {
        plan,
        egress,
        issuers,
        ca,
        moment,
    } = sending;
    let mut label = Label::PUBLIC;
    let (url, parts) = url_of(http, scope)?;
    let host = url
        .host_str()
        .unwrap_or("")
        .trim_start_matches('[')
        .trim_end_matches(']')
        .to_owned();
    let literal_host = has_literal_host(&http.url);
    let to = Host {
        egress,
        issuers,
        name: &host,
        port: url.port_or_known_default().or(http.protocol().port()),
        literal: literal_host,
    };
    let port = to.port;
    let guard = |value: &Value, place: Place, expr: &Expr| to.permit(value, place, expr);
    for (value, place, expr) in &parts {
        guard(value, *place, expr)?;
        label.join(&value.full_label());
    }
    if http.protocol() != Protocol::Http {
        let made = peer::build(
            http,
            &url,
            scope,
            &guard,
            limits(http, scope, ca, literal_host),
        )?;
        return Ok(Built {
            request: made.request,
            host: (host.clone(), port),
            label: label.joined(&made.label),
            authority: made.shown,
        });
    }
    let mut headers: Vec<(String, Zeroizing<Vec<u8>>)> = Vec::new();
    for header in &http.headers {
        let value = eval(&header.value, scope)?;
        if value.is_null() {
            continue;
        }
        guard(&value, Place::Header, &header.value)?;
        label.join(&value.full_label());
        let bytes = match scalar(&value, &header.value, scope)? {
            Some(text) => Zeroizing::new(text.as_bytes().to_vec()),
            None => continue,
        };
        headers.push((header.name.clone(), safe_header(bytes, &header.value)?));
    }
    if let Some(auth) = &http.auth {
        let (bytes, secret) = authorization(auth, scope, &guard)?;
        label.join(&secret);
        headers.push(("Authorization".into(), bytes));
    }
    let assertion = match http.sign.as_deref() {
        Some(Sign::Jwt(jwt)) => Some((jwt, peer::assertion(jwt, moment, scope, &guard)?)),
        Some(Sign::AwsSigv4 { .. } | Sign::Hmac { .. }) | None => None,
    };
    if let Some((jwt, (token, secret))) = &assertion {
        label.join(secret);
        if jwt.field.is_none() {
            let bearer = Zeroizing::new(format!("Bearer {}", token.as_str()).into_bytes());
            headers.push(("Authorization".into(), bearer));
        }
    }
    let body = match &http.body {
        Body::None => None,
        Body::Json(expr) => {
            let value = eval(expr, scope)?;
            guard(&value, Place::Body, expr)?;
            label.join(&value.full_label());
            default_header(&mut headers, "Content-Type", "application/json");
            Some(Zeroizing::new(value.json_text().as_bytes().to_vec()))
        }
        Body::Form(members) => {
            let mut text = Zeroizing::new(String::new());
            for (name, expr) in members {
                let value = eval(expr, scope)?;
                guard(&value, Place::Body, expr)?;
                label.join(&value.full_label());
                // A list is its name again and again, as browsers send it.
                let items = match &value.data {
                    Data::List(items) if !scope.dialect.semantics().splices_any_value => {
                        items.as_slice()
                    }
                    _ => std::slice::from_ref(&value),
                };
                for item in items {
                    let Some(value) = scalar(item, expr, scope)? else {
                        continue;
                    };
                    if !text.is_empty() {
                        text.push('&');
                    }
                    text.push_str(&form_encode(name));
                    text.push('=');
                    text.push_str(&Zeroizing::new(form_encode(&value)));
                }
            }
            if let Some((jwt, (token, _))) = &assertion
                && let Some(field) = &jwt.field
            {
                let and = if text.is_empty() { "" } else { "&" };
                text.push_str(&format!("{and}{}=", form_encode(field)));
                text.push_str(token);
            }
            default_header(
                &mut headers,
                "Content-Type",
                "application/x-www-form-urlencoded",
            );
            Some(Zeroizing::new(text.as_bytes().to_vec()))
        }
        // Another protocol's, built above.
        Body::Statement { .. } | Body::Command(_) | Body::Program(_) => None,
        Body::Text(expr) | Body::Raw(expr) => {
            let value = eval(expr, scope)?;
            guard(&value, Place::Body, expr)?;
            label.join(&value.full_label());
            let typed = |known: &[u8]| is_json_type(known) == Some(false);
            if matches!(value.data, Data::List(_) | Data::Object(_))
                && (headers.iter()).any(|(n, v)| n.eq_ignore_ascii_case("Content-Type") && typed(v))
            {
                return Err(EvalError::new(
                    codes::RUN_EVALUATION,
                    expr,
                    format!(
                        "the body is a {}, and its content type is not JSON",
                        value.kind()
                    ),
                )
                .help("give a text of that type, or send it as `application/json`"));
            }
            if matches!(http.body, Body::Text(_)) {
                default_header(&mut headers, "Content-Type", "text/plain; charset=utf-8");
            }
            value.bytes()
        }
    };
    if plan.dialect.semantics().types_empty_bodies {
        default_header(&mut headers, "Content-Type", "application/json");
    }
    default_header(&mut headers, "Accept", "application/json");
    let mut url = url;
    if let Some(sign) = http.sign.as_deref() {
        if matches!(sign, Sign::AwsSigv4 { .. }) && url.query().is_some() {
            let query = sign::query(&url);
            url.set_query(Some(&query));
        }
        let request = sign::Signed {
            method: &http.method,
            url: &url,
            headers: &headers,
            body: body.as_ref().map_or(&[], |b| b.as_slice()),
            at: moment.at,
        };
        let (added, signed) = peer::signature(sign, &request, scope, &guard)?;
        label.join(&signed);
        headers.extend(added);
    }
    let limits = limits(http, scope, ca, literal_host);
    let authority = format!(
        "{}:{}",
        url.host_str().unwrap_or(""),
        url.port_or_known_default().unwrap_or(0)
    );
    let request = Request {
        method: http.method.clone(),
        url: Zeroizing::new(url.to_string()),
        headers,
        body,
        secret: label.is_secret(),
        limits,
    };
    Ok(Built {
        request: Outgoing::Http(Box::new(request)),
        host: (host.clone(), port),
        label,
        authority,
    })
}

fn limits(http: &Http, scope: &Scope, ca: Vec<Vec<u8>>, literal_host: bool) -> Limits {
    let base = Limits::default();
    let semantics = scope.dialect.semantics();
    Limits {
        connect: http.limits.connect.map_or(base.connect, |d| d.to_std()),
        first_byte: http.limits.total.map_or(base.first_byte, |d| d.to_std()),
        total: http.limits.total.map_or(base.total, |d| d.to_std()),
        body: http.limits.body.unwrap_or(semantics.answer_limit),
        follow: http.limits.follow.unwrap_or(semantics.follows),
        follow_any: semantics.follows > 0,
        ca,
        proxy: http.limits.proxy,
        private: literal_host,
    }
}

fn default_header(headers: &mut Vec<(String, Zeroizing<Vec<u8>>)>, name: &str, value: &str) {
    if !headers.iter().any(|(n, _)| n.eq_ignore_ascii_case(name)) {
        headers.push((name.to_owned(), Zeroizing::new(value.as_bytes().to_vec())));
    }
}

/// Whether the host of a URL stands in the plan's own text.
pub fn has_literal_host(url: &Expr) -> bool {
    match &url.kind {
        ExprKind::String(_) => true,
        ExprKind::Template(parts) => parts.first().and_then(Expr::as_str).is_some_and(|text| {
            text.split_once("://")
                .is_some_and(|(_, rest)| rest.contains(['/', '?', '#']))
        }),
        _ => false,
    }
}

type Parts<'a> = Vec<(Value, Place, &'a Expr)>;

/// The URL, with each dynamic part and the place in which it stands.
fn url_of<'a>(http: &'a Http, scope: &Scope) -> Result<(url::Url, Parts<'a>), EvalError> {
    let mut parts: Parts<'a> = Vec::new();
    let mut text = Zeroizing::new(String::new());
    let mut in_path: Vec<(Range<usize>, &Expr)> = Vec::new();
    let pieces: Vec<&Expr> = match &http.url.kind {
        ExprKind::Template(pieces) => pieces.iter().collect(),
        _ => vec![&http.url],
    };
    for piece in pieces {
        let value = eval(piece, scope)?;
        let in_query = text.contains('?');
        let spliced = value.scalar_text().or_else(|| {
            // A server writes what is none as Java does. In a path that would be the call to another place.
            let any = scope.dialect.semantics().splices_any_value && in_query;
            any.then(|| value.java_text())
        });
        let Some(piece_text) = spliced else {
            return Err(EvalError::new(
                codes::RUN_EVALUATION,
                piece,
                format!("this part of the URL is {}", value.kind()),
            ));
        };
        let literal = matches!(piece.kind, ExprKind::String(_));
        let begins = text.len();
        let inserted = scope.dialect.semantics().splices_any_value && !literal;
        if inserted && http.encode {
            if !text.is_empty() {
                stays_in_place(&text, &piece_text, piece)?;
            }
            let piece_text = if is_authority(&text) {
                Zeroizing::new(percent_encode(&piece_text))
            } else {
                escaped(&piece_text)
            };
            text.push_str(&piece_text);
        } else if literal && http.encode && scope.dialect.semantics().splices_any_value {
            let from = behind_authority(&text, &piece_text);
            let (before, rest) = piece_text
                .split_at_checked(from)
                .unwrap_or((&piece_text, ""));
            text.push_str(before);
            text.push_str(&escaped(rest));
        } else if literal || text.is_empty() || !http.encode {
            text.push_str(&piece_text);
        } else {
            // What is spliced into a path or query stays within its segment.
            text.push_str(&Zeroizing::new(percent_encode(&piece_text)));
        }
        if !literal {
            let place = if text.contains('?') {
                Place::Query
            } else if text
                .split_once("://")
                .is_some_and(|(_, rest)| rest.contains('/'))
            {
                Place::Path
            } else {
                Place::UserInfo
            };
            if place == Place::Path && begins > 0 {
                in_path.push((begins..text.len(), piece));
            }
            parts.push((value, place, piece));
        }
    }
    whole_segments(&text, &in_path)?;
    if scope.dialect.semantics().splices_any_value && http.encode {
        text = as_taken_apart(&text);
    }
    let mut url = url::Url::parse(&text).map_err(|_| {
        EvalError::new(codes::BAD_URL, &http.url, "this is not a URL")
            .help("for example `https://api.example.com/tokens`")
    })?;
    let own = http.protocol().scheme();
    if !matches!(url.scheme(), "https" | "http") && own != Some(url.scheme()) {
        return Err(EvalError::new(
            codes::BAD_URL,
            &http.url,
            format!("`{}` is not a supported scheme", url.scheme()),
        )
        .help("use `https://`"));
    }
    for (name, expr) in &http.query {
        let value = eval(expr, scope)?;
        let Some(value_text) = scalar(&value, expr, scope)? else {
            continue;
        };
        url.query_pairs_mut().append_pair(name, &value_text);
        parts.push((value, Place::Query, expr));
    }
    Ok((url, parts))
}

/// Data never shortens a path: an id that is empty, `.` or `..` would make `DELETE /keys/ID` a call to `/keys/`, or to `/`.
fn whole_segments(text: &str, spliced: &[(Range<usize>, &Expr)]) -> Result<(), EvalError> {
    for (range, piece) in spliced {
        let before = text.get(..range.start).unwrap_or_default();
        let after = text.get(range.end..).unwrap_or_default();
        let from = before.rfind('/').map_or(0, |at| at + 1);
        let to = after
            .find(['/', '?', '#'])
            .map_or(text.len(), |at| range.end + at);
        let path = text.get(from..to).unwrap_or_default();
        let dots = |segment: &str| matches!(segment, "." | "..");
        if path.is_empty() || path.split(['/', '\\']).any(dots) {
            return Err(EvalError::new(
                codes::RUN_EVALUATION,
                piece,
                "this part of the path is empty, `.` or `..`: the request would go to another place",
            )
            .help("look at where the value comes from; nothing was sent"));
        }
    }
    Ok(())
}

/// Whether what comes next stands in the part of an address that names the host.
fn is_authority(text: &str) -> bool {
    text.split_once("://")
        .is_some_and(|(_, rest)| !rest.contains(['/', '?', '#']))
}

/// A Conductor server inserts a value into an address as it is. What would cut the address off, or make its path shorter, is
/// refused here: the rest of the address is the author's.
fn stays_in_place(before: &str, value: &str, piece: &Expr) -> Result<(), EvalError> {
    let in_path = !is_authority(before) && !before.contains('?');
    let wrong = if value.contains('#') {
        "`#`, which would cut off the rest of the address"
    } else if in_path && value.contains('?') {
        "`?`, which would end the path of the address"
    } else if in_path && value.contains('\\') {
        "`\\`, which some servers read as `/`"
    } else {
        return Ok(());
    };
    Err(
        EvalError::new(codes::BAD_URL, piece, format!("this value holds {wrong}"))
            .help("encode it where it is made, or send it in the body"),
    )
}

/// As a server escapes an address: what may not stand in one, and `%`.
fn escaped(text: &str) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::with_capacity(text.len()));
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:/?#@!$&'()*+,;=".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Where what is no longer the host begins in a text that goes on with an address.
fn behind_authority(before: &str, text: &str) -> usize {
    let rest = if before.is_empty() {
        text.split_once("://").map_or("", |(_, rest)| rest)
    } else if is_authority(before) {
        text
    } else {
        return 0;
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    text.len() - rest.len() + end
}

/// A server takes an address apart and puts it together again: a slash stands once in its path, each parameter has one `=`, and
/// an empty one is none.
fn as_taken_apart(text: &str) -> Zeroizing<String> {
    let begins = behind_authority("", text);
    let (host, rest) = text.split_at_checked(begins).unwrap_or((text, ""));
    let (rest, fragment) = rest
        .find('#')
        .and_then(|at| rest.split_at_checked(at))
        .unwrap_or((rest, ""));
    let (path, query) = rest
        .split_once('?')
        .map_or((rest, None), |(path, query)| (path, Some(query)));
    let mut out = Zeroizing::new(String::with_capacity(text.len()));
    out.push_str(host);
    for c in path.chars() {
        if c != '/' || !out.ends_with('/') {
            out.push(c);
        }
    }
    if let Some(query) = query {
        for (index, pair) in query.split('&').filter(|p| !p.is_empty()).enumerate() {
            out.push(if index == 0 { '?' } else { '&' });
            match pair.split_once('=') {
                Some((name, value)) => {
                    out.push_str(name);
                    out.push('=');
                    out.push_str(&Zeroizing::new(value.replace('=', "%3D")));
                }
                None => out.push_str(pair),
            }
        }
    }
    out.push_str(fragment);
    out
}

/// Text of a scalar; `None` for null, which leaves a member out.
fn scalar(
    value: &Value,
    expr: &Expr,
    scope: &Scope,
) -> Result<Option<Zeroizing<String>>, EvalError> {
    match &value.data {
        Data::Null => Ok(None),
        Data::List(_) | Data::Object(_) if scope.dialect.semantics().splices_any_value => {
            Ok(Some(value.java_text()))
        }
        _ => match value.scalar_text() {
            Some(text) => Ok(Some(text)),
            None => Err(EvalError::new(
                codes::RUN_EVALUATION,
                expr,
                format!("a {} is not allowed here", value.kind()),
            )
            .help("write `json(…)` for its JSON text")),
        },
    }
}

/// Whether a content type is one of JSON; none where it is no text.
fn is_json_type(value: &[u8]) -> Option<bool> {
    let text = std::str::from_utf8(value).ok()?;
    let media = text.split(';').next().unwrap_or_default().trim();
    let kind = media.rsplit_once('/').map_or(media, |(_, kind)| kind);
    Some(kind.eq_ignore_ascii_case("json") || kind.to_ascii_lowercase().ends_with("+json"))
}

fn safe_header(bytes: Zeroizing<Vec<u8>>, expr: &Expr) -> Result<Zeroizing<Vec<u8>>, EvalError> {
    if bytes.iter().any(|b| matches!(b, b'\r' | b'\n' | 0)) {
        return Err(EvalError::new(codes::RUN_EVALUATION, expr, "a header value holds a line break or NUL")
            .help("such a value would end the header; trim it with `trim(…)`, or encode it with `base64(…)`"));
    }
    Ok(bytes)
}

fn authorization(
    auth: &Auth,
    scope: &Scope,
    guard: &dyn Fn(&Value, Place, &Expr) -> Result<(), EvalError>,
) -> Result<(Zeroizing<Vec<u8>>, Label), EvalError> {
    let mut label = Label::PUBLIC;
    let mut text = |expr: &Expr| -> Result<Zeroizing<String>, EvalError> {
        let value = eval(expr, scope)?;
        guard(&value, Place::Header, expr)?;
        label.join(&value.full_label());
        match value.scalar_text() {
            // An author who writes `""` means it: many services take a key as user and no password.
            Some(text) if !text.is_empty() || expr.as_str() == Some("") => Ok(text),
            _ => Err(
                EvalError::new(codes::RUN_EVALUATION, expr, "this credential is empty")
                    .help("check the secret with `rot vault list`"),
            ),
        }
    };
    let header = match auth {
        Auth::Bearer(token) => {
            let expr = token;
            let token = text(expr)?;
            safe_header(
                Zeroizing::new(format!("Bearer {}", token.as_str()).into_bytes()),
                expr,
            )?
        }
        Auth::Basic(user, password) => {
            let pair = Zeroizing::new(format!(
                "{}:{}",
                text(user)?.as_str(),
                text(password)?.as_str()
            ));
            Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())).into_bytes())
        }
        Auth::Client(id, secret) => {
            let pair = Zeroizing::new(format!(
                "{}:{}",
                form_encode(&text(id)?),
                form_encode(&text(secret)?)
            ));
            Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())).into_bytes())
        }
        // Another protocol's.
        Auth::Login(..) => Zeroizing::new(Vec::new()),
    };
    Ok((header, label))
}

/// The host of a request that is being built, and the rule that it is asked of.
struct Host<'a> {
    egress: &'a Egress<'a>,
    issuers: &'a Issuers,
    name: &'a str,
    /// The port, or the scheme's own.
    port: Option<u16>,
    literal: bool,
}

impl Host<'_> {
    /// Every origin of a value must allow this place of this host.
    fn permit(&self, value: &Value, place: Place, expr: &Expr) -> Result<(), EvalError> {
        let spot = Spot {
            host: Some(self.name),
            port: self.port,
            place,
            literal: self.literal,
        };
        let label = value.full_label();
        let strong = label.iter().filter(|(_, d)| *d > Derivation::Weak);
        for (origin, _) in strong {
            let issuer = self.issuers.get(origin);
            let issuers = issuer.map(|(host, port)| (Some(host.as_str()), *port));
            if !self.egress.lets_out(origin, spot, issuers.into_iter()) {
                return Err(EvalError::new(
                    codes::RUN_EGRESS_REFUSED,
                    expr,
                    format!(
                        "{} may not be sent to `{}` in the {}",
                        origin.describe(),
                        self.name,
                        place.as_str()
                    ),
                )
                .help("declare the destination with the secret: `secret NAME to \"host\"`"));
            }
        }
        Ok(())
    }
}
