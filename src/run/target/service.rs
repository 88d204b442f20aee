//! What all services have in common: a call with a credential, and what its failure means for the delivery.

use super::{
    Found, Payload, Recipient, Site, Trouble, aws, azure, gcp, github, gitlab, kubernetes, kv,
};
use crate::plan::service::{Service, ServiceTarget, Word};
use crate::run::engine::Local;
use crate::run::sign::Header;
use crate::vault::Secret;
use crate::world::http::{Attempt, Limits, Request};
use serde_json::Value as Json;
use std::path::Path;
use std::time::Duration;
use zeroize::Zeroizing;

/// A call is given up after this where nothing is said.
const PATIENCE: Duration = Duration::from_secs(30);
/// The longest answer that is read; a secret with all that belongs to it is far shorter.
const ANSWER: u64 = 8 << 20;
/// No certificate or token of a service account is longer.
const FILE: u64 = 1 << 20;
/// How often a write is begun again because somebody else wrote in between.
pub(super) const ROUNDS: u32 = 6;

impl Recipient for ServiceTarget {
    fn put<'a>(
        &'a self,
        site: &'a Site<'a>,
        payload: &'a Payload,
    ) -> Local<'a, Result<(), Trouble>> {
        Box::pin(async move {
            let caller = Caller { site, target: self };
            match self.service {
                Service::Kv => kv::put(&caller, payload).await,
                Service::Kubernetes => kubernetes::put(&caller, payload).await,
                Service::Github => github::put(&caller, payload).await,
                Service::Gitlab => gitlab::put(&caller, payload).await,
                Service::AwsSecrets => aws::put_secret(&caller, payload).await,
                Service::AwsSsm => aws::put_parameter(&caller, payload).await,
                Service::Gcp => gcp::put(&caller, payload).await,
                Service::Azure => azure::put(&caller, payload).await,
            }
        })
    }

    fn look<'a>(
        &'a self,
        site: &'a Site<'a>,
        payload: &'a Payload,
    ) -> Local<'a, Result<Found, Trouble>> {
        Box::pin(async move {
            let caller = Caller { site, target: self };
            match self.service {
                Service::Kv => kv::look(&caller, payload).await,
                Service::Kubernetes => kubernetes::look(&caller, payload).await,
                Service::Github => github::look(&caller, payload).await,
                Service::Gitlab => gitlab::look(&caller, payload).await,
                Service::AwsSecrets => aws::look_at_secret(&caller, payload).await,
                Service::AwsSsm => aws::look_at_parameter(&caller, payload).await,
                Service::Gcp => gcp::look(&caller, payload).await,
                Service::Azure => azure::look(&caller, payload).await,
            }
        })
    }
}

/// A target with what is needed to ask it.
pub(super) struct Caller<'a> {
    pub(super) site: &'a Site<'a>,
    pub(super) target: &'a ServiceTarget,
}

/// A call that is ready to go.
pub(super) struct Call<'c> {
    pub(super) method: &'c str,
    pub(super) url: String,
    pub(super) headers: Vec<Header>,
    pub(super) body: Option<Zeroizing<Vec<u8>>>,
}

/// An answer.
pub(super) struct Reply {
    pub(super) status: u16,
    headers: Vec<(String, Zeroizing<Vec<u8>>)>,
    body: Zeroizing<Vec<u8>>,
}

impl<'c> Call<'c> {
    pub(super) fn new(method: &'c str, url: String) -> Self {
        Self {
            method,
            url,
            headers: Vec::new(),
            body: None,
        }
    }

    pub(super) fn header(mut self, name: &str, value: &[u8]) -> Self {
        self.headers
            .push((name.to_owned(), Zeroizing::new(value.to_vec())));
        self
    }

    /// `Authorization: Bearer …`
    pub(super) fn bearer(self, token: &[u8]) -> Self {
        let mut value = Zeroizing::new(b"Bearer ".to_vec());
        value.extend_from_slice(token);
        self.header("Authorization", &value)
    }

    pub(super) fn json(self, kind: &str, body: &Json) -> Self {
        let text = Zeroizing::new(body.to_string());
        let mut call = self.header("Content-Type", kind.as_bytes());
        call.body = Some(Zeroizing::new(text.as_bytes().to_vec()));
        call
    }

    /// A form, as OAuth's token endpoints want it.
    pub(super) fn form(self, members: &[(&str, &str)]) -> Self {
        let encode = crate::run::functions::form_encode;
        let mut text = Zeroizing::new(String::new());
        for (name, value) in members {
            if !text.is_empty() {
                text.push('&');
            }
            text.push_str(&encode(name));
            text.push('=');
            text.push_str(&Zeroizing::new(encode(value)));
        }
        let mut call = self.header("Content-Type", b"application/x-www-form-urlencoded");
        call.body = Some(Zeroizing::new(text.as_bytes().to_vec()));
        call
    }
}

impl Reply {
    pub(super) fn json(&self) -> Json {
        serde_json::from_slice(&self.body).unwrap_or(Json::Null)
    }

    pub(super) fn is_fine(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether a text stands at a place of the answer.
    pub(super) fn says(&self, at: &str, fits: impl Fn(&str) -> bool) -> bool {
        self.json()
            .pointer(at)
            .and_then(Json::as_str)
            .is_some_and(fits)
    }

    /// Whether there is no body, or an object without members.
    pub(super) fn is_bare(&self) -> bool {
        self.body.trim_ascii().is_empty()
            || self.json().as_object().is_some_and(|all| all.is_empty())
    }

    /// What came, by its form alone: its text may quote a value.
    fn form(&self) -> &'static str {
        let text = self.body.trim_ascii();
        if text.is_empty() {
            return "an empty body";
        }
        match serde_json::from_slice::<serde::de::IgnoredAny>(text) {
            Err(_) if text.starts_with(b"<") => "a page of HTML or XML",
            Err(_) => "a text that is not JSON",
            Ok(_) if text.starts_with(b"[") => "a JSON list",
            Ok(_) if self.is_bare() => "an empty JSON object",
            Ok(_) if text.starts_with(b"{") => "another JSON object",
            Ok(_) => "a JSON value that is no object",
        }
    }

    /// `Retry-After` in seconds; where it is a date, an hour is long enough.
    fn pause(&self) -> Option<Duration> {
        let mut headers = self.headers.iter();
        let (_, value) = headers.find(|(name, _)| name == "retry-after")?;
        let seconds = std::str::from_utf8(value).ok()?.trim().parse().ok();
        Some(Duration::from_secs(seconds.unwrap_or(3600)))
    }
}

impl Caller<'_> {
    /// The token with which the target is asked, where it is given and no login gives it out.
    pub(super) fn own_token(&self) -> Result<Option<Zeroizing<Vec<u8>>>, Trouble> {
        let token = self.has(Word::Token).then(|| self.credential(Word::Token));
        let token = token.transpose()?;
        Ok(token.map(|token| Zeroizing::new(token.expose().to_vec())))
    }

    /// A credential that the resolver has required, or a word on what is lacking.
    pub(super) fn credential(&self, word: Word) -> Result<&Secret, Trouble> {
        self.site.credentials.get(word).ok_or_else(|| {
            Trouble::refused(
                format!(
                    "target `{}` has no `{}`",
                    self.site.target.name,
                    word.as_str()
                ),
                "say with which credential it is asked",
            )
        })
    }

    pub(super) fn has(&self, word: Word) -> bool {
        self.site.credentials.get(word).is_some()
    }

    /// A credential that must be text.
    pub(super) fn text(&self, word: Word) -> Result<&str, Trouble> {
        self.credential(word)?.expose_text().ok_or_else(|| {
            Trouble::refused(
                format!("the credential `{}` is not text", word.as_str()),
                "store it as the service gave it out",
            )
        })
    }

    /// A small file of this machine.
    pub(super) fn file(&self, path: &str) -> Result<Zeroizing<Vec<u8>>, Trouble> {
        let read = self.site.world.fs.read(Path::new(path), FILE);
        read.map_err(|error| {
            Trouble::refused(
                format!(
                    "`{path}` cannot be read: {}",
                    crate::diagnostic::why(&error)
                ),
                "outside of a cluster, say `server` and `token`",
            )
        })
    }

    /// Makes a call: one attempt. `reads` says that nothing can have changed, whatever came of it.
    pub(super) async fn call(&self, call: Call<'_>, reads: bool) -> Result<Reply, Trouble> {
        let patience = self.target.timeout().map_or(PATIENCE, |t| t.to_std());
        let ca = match self.target.text(Word::Ca) {
            Some(name) => self.site.certificates.get(name).cloned(),
            None => self.own_authority()?,
        };
        let request = Request {
            method: call.method.to_owned(),
            url: Zeroizing::new(call.url),
            headers: call.headers,
            body: call.body,
            secret: true,
            limits: Limits {
                total: patience,
                first_byte: patience,
                body: ANSWER,
                ca: ca.into_iter().collect(),
                ..Limits::default()
            },
        };
        match self.site.world.http.call(&request).await {
            Attempt::Answered(answer) => Ok(Reply {
                status: answer.status,
                headers: answer.headers,
                body: answer.body,
            }),
            Attempt::NotSent(trouble) => Err(Trouble::refused(&trouble.message, remedy(&trouble))),
            Attempt::Unknown(trouble, _) if reads => {
                Err(Trouble::refused(&trouble.message, remedy(&trouble)))
            }
            Attempt::Unknown(trouble, _) => {
                Err(Trouble::unknown(&trouble.message, remedy(&trouble)))
            }
        }
    }

    /// The authority of the cluster in which this runs.
    fn own_authority(&self) -> Result<Option<Vec<u8>>, Trouble> {
        let inside =
            self.target.service == Service::Kubernetes && self.target.text(Word::Server).is_none();
        match inside {
            true => Ok(Some(self.file(kubernetes::AUTHORITY)?.to_vec())),
            false => Ok(None),
        }
    }

    /// What an answer means that is not the expected one. Quotes nothing of it.
    pub(super) fn refusal(&self, reply: &Reply) -> Trouble {
        let (host, place) = (self.target.host(), &self.target.place);
        let status = reply.status;
        let again = "every later call tries it again; at once: `rot deliver`";
        let trouble = match status {
            401 => Trouble::refused(
                format!("{host} does not accept the credential of this target (401)"),
                "store a good one with `rot vault set`, then `rot deliver`",
            ),
            403 if reply.pause().is_none() => Trouble::refused(
                format!("{host} does not allow this credential to write `{place}` (403)"),
                "give it that right, then `rot deliver`",
            ),
            404 => Trouble::refused(
                format!(
                    "{host} does not know `{place}`, or does not show it to this credential (404)"
                ),
                "look at the place and at the rights of the credential",
            ),
            409 | 412 => Trouble::refused(
                format!(
                    "`{place}` at {host} was changed by somebody else in the same moment ({status})"
                ),
                again,
            ),
            413 => Trouble::refused(
                format!("the value is too large for {host} (413)"),
                "deliver one field instead of the record, or use another target",
            ),
            403 | 429 => {
                Trouble::refused(format!("{host} asks to be left alone ({status})"), again)
            }
            500.. => Trouble::unknown(format!("{host} failed ({status})"), again),
            _ => Trouble::refused(
                format!("{host} does not take the value for `{place}` ({status})"),
                "look at what that place allows: length, characters, names",
            ),
        };
        Trouble {
            pause: reply.pause(),
            ..trouble
        }
    }

    /// A success that is not the answer of this service: a login page, a proxy, or another API stands before it.
    pub(super) fn unexpected(&self, reply: &Reply, wanted: &str) -> Trouble {
        Trouble::refused(
            format!(
                "{} answers {} with {} in place of {wanted}",
                self.target.host(),
                reply.status,
                reply.form()
            ),
            "is `server` the address of the API itself, with no login page or proxy before it? Then `rot deliver`",
        )
    }

    /// A write has arrived where the answer is the one that this service gives for it; a status alone proves nothing.
    pub(super) fn confirmed(&self, reply: &Reply, fits: bool, wanted: &str) -> Result<(), Trouble> {
        match fits {
            true => Ok(()),
            false => Err(Trouble {
                unknown: true,
                ..self.unexpected(reply, wanted)
            }),
        }
    }

    /// Somebody else wrote again and again.
    pub(super) fn contended(&self) -> Trouble {
        Trouble::refused(
            format!(
                "`{}` at {} was changed by somebody else each time before it could be written",
                self.target.place,
                self.target.host()
            ),
            "every later call tries it again; at once: `rot deliver`",
        )
    }

    /// A value that must not be longer than the service takes.
    pub(super) fn within(&self, length: usize, limit: usize) -> Result<(), Trouble> {
        if length <= limit {
            return Ok(());
        }
        Err(Trouble::refused(
            format!(
                "the value has {length} bytes, and {} takes {limit}",
                self.target.service.word()
            ),
            "deliver one field instead of the record, or use another target",
        ))
    }
}

/// A value that has to stand in JSON.
pub(super) fn as_text<'v>(name: &str, value: &'v Secret) -> Result<&'v str, Trouble> {
    value.expose_text().ok_or_else(|| {
        Trouble::refused(
            format!("the value of `{name}` is not text, which this target cannot hold"),
            "store it as base64",
        )
    })
}

/// A part of a path.
pub(super) fn segment(text: &str) -> String {
    crate::run::functions::percent_encode(text)
}

/// A path, each of its segments as it stands in a URL.
pub(super) fn segments(path: &str) -> String {
    let parts: Vec<String> = path.split('/').map(segment).collect();
    parts.join("/")
}

/// A document for a service that holds texts alone.
pub(super) fn document_text<'v>(value: &'v [u8], holder: &str) -> Result<&'v str, Trouble> {
    std::str::from_utf8(value).map_err(|_| {
        Trouble::refused(
            format!("the value is not text, which {holder} cannot hold"),
            "store it as base64",
        )
    })
}

/// The token that a login gives out.
pub(super) fn token_of(
    caller: &Caller<'_>,
    reply: &Reply,
    at: &str,
) -> Result<Zeroizing<Vec<u8>>, Trouble> {
    let answer = reply.json();
    let token = answer.pointer(at).and_then(Json::as_str);
    match token.filter(|_| reply.is_fine()) {
        Some(token) => Ok(Zeroizing::new(token.as_bytes().to_vec())),
        None if matches!(reply.status, 400 | 401) => Err(Trouble::refused(
            format!(
                "the login with the credential of this target is refused ({})",
                reply.status
            ),
            "store a good one with `rot vault set`, then `rot deliver`",
        )),
        None if reply.is_fine() => Err(caller.unexpected(reply, "a token")),
        None => Err(caller.refusal(reply)),
    }
}

fn remedy(trouble: &crate::world::http::Trouble) -> &'static str {
    use crate::world::http::TroubleKind as Kind;
    match trouble.kind {
        Kind::Timeout => {
            "the server was too slow: give it more time with `timeout 2m`; every later call tries it again"
        }
        Kind::Reset => {
            "the connection ended early; every later call tries it again, at once: `rot deliver`"
        }
        Kind::Refused => "this is not allowed: look at the address of this target",
        _ => trouble.remedy(),
    }
}
