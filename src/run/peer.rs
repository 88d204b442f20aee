//! Requests of protocols other than HTTP, and signatures: every value is evaluated and permitted here as those of HTTP are.

use super::eval::{EvalError, eval};
use super::request::{Moment, Outgoing};
use super::scope::Scope;
use super::sign::{AwsSigv4, Header, Signed, facts};
use super::sql;
use super::value::{Data, Value};
use crate::diagnostic::codes;
use crate::plan::task::http::{
    Auth, Body, HmacAlgorithm, HmacEncoding, Http, Jwt, Program, Sign, SqlDialect,
};
use crate::plan::{Expr, Label, Place};
use crate::world::http::Limits;
use crate::world::process::{PATH, Start};
use crate::world::wire::{Call, Session, SqlServer};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use url::Url;
use zeroize::Zeroizing;

/// Refuses what may not stand in a place.
pub type Guard<'g> = &'g dyn Fn(&Value, Place, &Expr) -> Result<(), EvalError>;

/// What was made of an exchange.
pub struct Made {
    /// Ready to go.
    pub request: Outgoing,
    /// Which secrets are in it.
    pub label: Label,
    /// Where it goes, for messages.
    pub shown: String,
}

/// Evaluates values, permits them and joins their labels.
struct Parts<'g> {
    scope: &'g Scope,
    guard: Guard<'g>,
    label: Label,
}

impl Parts<'_> {
    fn value(&mut self, expr: &Expr, place: Place) -> Result<Value, EvalError> {
        let value = eval(expr, self.scope)?;
        (self.guard)(&value, place, expr)?;
        self.label.join(&value.full_label());
        Ok(value)
    }

    fn text(&mut self, expr: &Expr, place: Place) -> Result<Zeroizing<String>, EvalError> {
        let value = self.value(expr, place)?;
        let text = value.scalar_text();
        text.ok_or_else(|| unfit(expr, &format!("a {} cannot stand here", value.kind())))
    }

    /// Without NUL, which ends a text for who reads it.
    fn word(&mut self, expr: &Expr, place: Place) -> Result<Zeroizing<String>, EvalError> {
        let text = self.text(expr, place)?;
        match text.contains('\0') {
            true => Err(unfit(expr, "this value holds NUL")),
            false => Ok(text),
        }
    }

    fn bytes(&mut self, expr: &Expr, place: Place) -> Result<Zeroizing<Vec<u8>>, EvalError> {
        let value = self.value(expr, place)?;
        value
            .bytes()
            .ok_or_else(|| unfit(expr, "this value is null"))
    }
}

fn unfit(expr: &Expr, what: &str) -> EvalError {
    EvalError::new(codes::RUN_EVALUATION, expr, what.to_owned())
}

/// An exchange that is not HTTP.
pub fn build(
    http: &Http,
    url: &Url,
    scope: &Scope,
    guard: Guard<'_>,
    limits: Limits,
) -> Result<Made, EvalError> {
    let mut parts = Parts {
        scope,
        guard,
        label: Label::PUBLIC,
    };
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let port = url.port().or(http.protocol().port()).unwrap_or_default();
    let login = match &http.auth {
        Some(Auth::Login(user, password)) => {
            let pair = (
                parts.word(user, Place::Login)?,
                parts.word(password, Place::Login)?,
            );
            if pair.1.is_empty() {
                return Err(unfit(password, "this password is empty"));
            }
            Some(pair)
        }
        _ => None,
    };
    let session = |limits| Session {
        host: host.to_owned(),
        port,
        login,
        limits,
    };
    let mut shown = format!("{host}:{port}");
    let request = match &http.body {
        Body::Statement { dialect, text } => {
            let text = sql::statement(text, *dialect, scope, |value, expr| {
                guard(value, Place::Statement, expr)?;
                parts.label.join(&value.full_label());
                Ok(())
            })?;
            let server = match dialect {
                SqlDialect::Postgres => SqlServer::Postgres,
                SqlDialect::Mysql | SqlDialect::Mariadb => SqlServer::Mysql,
            };
            let database = percent_decoded(url.path().trim_start_matches('/'));
            Outgoing::Wire(Box::new((
                session(limits),
                Call::Statement {
                    server,
                    database,
                    text,
                },
            )))
        }
        Body::Command(words) => {
            let words = words
                .iter()
                .map(|word| parts.bytes(word, Place::Statement))
                .collect::<Result<_, _>>()?;
            Outgoing::Wire(Box::new((session(limits), Call::Command(words))))
        }
        Body::Program(program) => {
            shown = format!("program `{host}`");
            Outgoing::Program(Box::new(start(host, program, &mut parts, &limits)?))
        }
        Body::None | Body::Json(_) | Body::Form(_) | Body::Text(_) | Body::Raw(_) => {
            return Err(unfit(&http.url, "this exchange asks for nothing"));
        }
    };
    Ok(Made {
        request,
        label: parts.label,
        shown,
    })
}

fn start(
    name: &str,
    program: &Program,
    parts: &mut Parts<'_>,
    limits: &Limits,
) -> Result<Start, EvalError> {
    let scope = parts.scope;
    let mut with_path = program.file.as_ref().map(|_| scope.clone());
    if let Some(with_path) = &mut with_path {
        with_path.variables.insert("path".into(), Value::text(PATH));
    }
    let mut arguments = Vec::new();
    for argument in &program.arguments {
        let mut within = Parts {
            scope: with_path.as_ref().unwrap_or(scope),
            guard: parts.guard,
            label: Label::PUBLIC,
        };
        let text = within.text(argument, Place::Argument)?;
        // The mark of the path is the only NUL that may come of it.
        if with_path.is_none() && text.contains('\0') {
            return Err(unfit(argument, "this value holds NUL"));
        }
        arguments.push(text.as_str().to_owned());
        parts.label.join(&within.label);
    }
    let mut environment = Vec::new();
    for (name, value) in &program.environment {
        environment.push((name.clone(), parts.word(value, Place::Environment)?));
    }
    let stdin = program.stdin.as_ref();
    let stdin = stdin
        .map(|value| parts.bytes(value, Place::Stdin))
        .transpose()?;
    let file = program.file.as_ref();
    let file = file
        .map(|value| parts.bytes(value, Place::File))
        .transpose()?;
    Ok(Start {
        program: name.to_owned(),
        arguments,
        environment,
        stdin,
        file,
        timeout: limits.total,
        limit: limits.body,
    })
}

/// The headers that a signature adds, and the secrets that are in them.
pub fn signature(
    sign: &Sign,
    request: &Signed<'_>,
    scope: &Scope,
    guard: Guard<'_>,
) -> Result<(Vec<Header>, Label), EvalError> {
    let mut parts = Parts {
        scope,
        guard,
        label: Label::PUBLIC,
    };
    match sign {
        Sign::AwsSigv4 {
            key_id,
            secret_key,
            session_token,
            region,
            service,
        } => {
            let key_id = parts.word(key_id, Place::Header)?;
            let secret_key = parts.word(secret_key, Place::Signature)?;
            let session_token = session_token.as_ref();
            let token = session_token.map(|token| parts.word(token, Place::Header));
            let token = token.transpose()?;
            let region = parts.word(region, Place::Signature)?;
            let service = parts.word(service, Place::Signature)?;
            let scheme = AwsSigv4 {
                key_id: &key_id,
                secret_key: &secret_key,
                session_token: token.as_deref().map(String::as_str),
                region: &region,
                service: &service,
            };
            Ok((scheme.headers(request), parts.label))
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
            let secret = parts.bytes(key, Place::Signature)?;
            let facts = facts(request).into_iter();
            let members = facts.map(|(name, fact)| (name.to_owned(), Value::text(fact)));
            let mut within = scope.clone();
            let members = Data::Object(members.collect());
            within.variables.insert("request".into(), members.into());
            let value = eval(text, &within)?;
            guard(&value, Place::Signature, text)?;
            parts.label.join(&value.full_label());
            let bytes = value.bytes().unwrap_or_default();
            let algorithm = match algorithm {
                HmacAlgorithm::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
                HmacAlgorithm::Sha256 => hmac::HMAC_SHA256,
                HmacAlgorithm::Sha512 => hmac::HMAC_SHA512,
            };
            let tag = hmac::sign(&hmac::Key::new(algorithm, &secret), &bytes);
            let tag = match encoding {
                HmacEncoding::Hex => super::functions::hex(tag.as_ref()),
                HmacEncoding::Base64 => STANDARD.encode(tag),
            };
            let own =
                |name: &str, value: String| (name.to_owned(), Zeroizing::new(value.into_bytes()));
            let mut headers = vec![own(header, format!("{prefix}{tag}"))];
            if let Some(name) = time_header {
                headers.push(own(name, request.at.as_second().to_string()));
            }
            Ok((headers, parts.label))
        }
        // Made before the request, which it is a part of.
        Sign::Jwt(_) => Ok((Vec::new(), parts.label)),
    }
}

/// A token of this attempt, and the secrets that are in it.
pub fn assertion(
    jwt: &Jwt,
    moment: &Moment,
    scope: &Scope,
    guard: Guard<'_>,
) -> Result<(Zeroizing<String>, Label), EvalError> {
    let mut parts = Parts {
        scope,
        guard,
        label: Label::PUBLIC,
    };
    let place = match jwt.field {
        Some(_) => Place::Body,
        None => Place::Header,
    };
    let key = parts.bytes(&jwt.key, Place::Signature)?;
    let key_id = jwt.key_id.as_ref().map(|id| parts.word(id, place));
    let key_id = key_id.transpose()?;
    let mut object = |expr: &Expr| {
        let value = eval(expr, scope)?;
        guard(&value, place, expr)?;
        parts.label.join(&value.full_label());
        Ok::<Value, EvalError>(value)
    };
    let claims = object(&jwt.claims)?;
    let header = jwt.header.as_ref().map(&mut object).transpose()?;
    let token = super::jwt::Token {
        algorithm: jwt.algorithm,
        key_id: key_id.as_deref().map(String::as_str),
        header: header.as_ref(),
        claims: &claims,
        at: moment.at,
        seconds: i64::try_from(jwt.lifetime.as_millis() / 1000).unwrap_or(i64::MAX / 4),
        id: super::ids::uuid_from(&moment.nonce, 4),
    };
    let made = token.sign(&key).map_err(|what| unfit(&jwt.key, what))?;
    Ok((made, parts.label))
}

/// A database's name, as it stood before it was put into an address.
fn percent_decoded(text: &str) -> String {
    let pairs = format!("x={}", text.replace('+', "%2B"));
    let mut decoded = url::form_urlencoded::parse(pairs.as_bytes());
    decoded
        .next()
        .map_or_else(String::new, |(_, value)| value.into_owned())
}
