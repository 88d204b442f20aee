//! What a target is to whoever delivers: something that takes a version, says whether it has it, and may be asked again.
//! One file for each kind.
//!
//! All kinds *set*: after an outcome that is not known the same is set again. None of them shows a value, and no text of the
//! other side that may quote one.

mod aws;
mod azure;
mod command;
mod file;
mod gcp;
mod github;
mod gitlab;
mod kubernetes;
mod kv;
mod service;
mod systemd;

use super::engine::Local;
use crate::plan::egress::{Egress, Ruling};
use crate::plan::service::Word;
use crate::plan::{Plan, Target, TargetKind};
use crate::vault::{Secret, StoredValue, variable};
use crate::world::World;
use crate::world::http;
use crate::world::process::Start;
use jiff::Timestamp;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use zeroize::Zeroizing;

/// A program of a delivery is ended after this.
const PATIENCE: Duration = Duration::from_secs(60);
/// The longest output of a program of a delivery; nothing is done with it.
const OUTPUT: u64 = 1 << 20;

/// Where deliveries are made from.
pub(super) struct Site<'a> {
    pub(super) world: &'a World,
    pub(super) target: &'a Target,
    /// The folder from which relative paths count; `None` where there is no file.
    pub(super) folder: Option<PathBuf>,
    /// The credentials with which the target is asked.
    pub(super) credentials: &'a Credentials,
    /// PEM texts of the certificate files that the plan names.
    pub(super) certificates: &'a HashMap<String, Vec<u8>>,
    /// When the version arrived, where it has.
    pub(super) arrived: Option<Timestamp>,
}

/// The credentials with which a target is asked, each under its option.
#[derive(Default)]
pub(super) struct Credentials(Vec<(Word, Secret)>);

impl Credentials {
    /// Those of a target, out of the vault, where they may go to its hosts.
    pub(super) fn of(
        plan: &Plan,
        doc: &crate::vault::Document,
        target: &Target,
    ) -> Result<Self, Trouble> {
        let mut all = Vec::new();
        let egress = Egress::of(plan);
        for sending in target.sendings() {
            let one = sending.credential;
            if egress.of_target(&sending) != Ruling::Allowed {
                return Err(Trouble::refused(
                    format!(
                        "secret `{}` may not be sent to `{}` in the {}",
                        one.secret,
                        sending.host,
                        sending.place.as_str()
                    ),
                    "declare the destination with the secret: `secret NAME to \"host\"`",
                ));
            }
            let current = doc.get(&one.secret).and_then(|e| e.current_version());
            let value = current.and_then(|version| version.value.as_ref());
            let part = value.and_then(|value| value.part(one.field.as_deref()));
            let Some(part) = part.filter(|part| !part.is_empty()) else {
                return Err(Trouble::refused(
                    format!("the credential `{}` is not in the vault", one.secret),
                    match &one.field {
                        Some(field) => {
                            format!("store it: `rot vault set {} --field {field}`", one.secret)
                        }
                        None => format!("store it: `rot vault set {}`", one.secret),
                    },
                ));
            };
            all.push((sending.word, part.clone()));
        }
        Ok(Self(all))
    }

    fn get(&self, word: Word) -> Option<&Secret> {
        let mut all = self.0.iter();
        all.find(|(known, _)| *known == word).map(|(_, one)| one)
    }
}

/// A version on its way to a target.
pub(super) struct Payload {
    /// The secret.
    pub(super) secret: String,
    /// Its version.
    pub(super) version: String,
    /// What of it goes there.
    pub(super) pieces: Vec<Piece>,
}

/// One `deliver … to …`.
pub(super) struct Piece {
    /// The field, where it is one.
    field: Option<String>,
    /// What it is called there.
    called: Option<String>,
    content: StoredValue,
}

/// Why a delivery failed.
#[derive(Debug, Clone)]
pub(super) struct Trouble {
    /// What happened; no values, and nothing that the other side said.
    pub(super) message: String,
    pub(super) remedy: String,
    /// It may have been executed all the same.
    pub(super) unknown: bool,
    /// How long the other side asks to be left alone.
    pub(super) pause: Option<Duration>,
}

/// What is at a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// What was delivered.
    Same,
    /// Something else.
    Differs(&'static str),
    /// Nothing.
    Absent,
    /// It cannot be read, whatever is there.
    Unreadable(&'static str),
}

impl Found {
    /// What is there beside what was delivered.
    fn compared(there: Option<&[u8]>, own: &[u8]) -> Self {
        match there {
            None => Self::Absent,
            Some(there) if there == own => Self::Same,
            Some(_) => Self::Differs("its content"),
        }
    }
}

/// A kind of target.
pub(super) trait Recipient {
    /// Sets a version.
    fn put<'a>(
        &'a self,
        site: &'a Site<'a>,
        payload: &'a Payload,
    ) -> Local<'a, Result<(), Trouble>>;

    /// Compares what is there with a version.
    fn look<'a>(
        &'a self,
        site: &'a Site<'a>,
        payload: &'a Payload,
    ) -> Local<'a, Result<Found, Trouble>>;
}

/// The recipient of a kind.
pub(super) fn recipient(kind: &TargetKind) -> &dyn Recipient {
    match kind {
        TargetKind::File(file) => file,
        TargetKind::Command(command) => command,
        TargetKind::Systemd(systemd) => systemd,
        TargetKind::Service(target) => target,
    }
}

impl Trouble {
    /// The other side, or this machine, does not do it.
    pub(super) fn refused(message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            remedy: remedy.into(),
            unknown: false,
            pause: None,
        }
    }

    /// It may have been done.
    pub(super) fn unknown(message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            unknown: true,
            ..Self::refused(message, remedy)
        }
    }
}

impl Payload {
    /// The pieces of a version that go to a target.
    pub(super) fn of(
        plan: &Plan,
        secret: &str,
        target: &str,
        version: &str,
        value: &StoredValue,
    ) -> Result<Self, Trouble> {
        let mut pieces = Vec::new();
        for delivery in plan.deliveries_of(secret, target) {
            let content = match &delivery.field {
                None => value.clone(),
                Some(field) => match value.part(Some(field)) {
                    Some(part) => StoredValue::Single(part.clone()),
                    None => {
                        return Err(Trouble::refused(
                            format!("secret `{secret}` has no field `{field}` in the vault"),
                            format!("store it: `rot vault set {secret} --field {field}`"),
                        ));
                    }
                },
            };
            pieces.push(Piece {
                field: delivery.field.clone(),
                called: delivery.called.clone(),
                content,
            });
        }
        Ok(Self {
            secret: secret.to_owned(),
            version: version.to_owned(),
            pieces,
        })
    }

    /// All of it as one document: a value as it is, a record as a JSON object.
    pub(super) fn document(&self) -> Result<Zeroizing<Vec<u8>>, Trouble> {
        let first = self.pieces.first().map(|piece| &piece.content);
        match first {
            Some(StoredValue::Single(value)) => Ok(Zeroizing::new(value.expose().to_vec())),
            Some(StoredValue::Fields(fields)) => object(fields),
            None => Ok(Zeroizing::new(Vec::new())),
        }
    }

    /// Each value under the key by which others know it: what `as` says, the field, or the last part of the secret's name.
    pub(super) fn keys(&self) -> Result<Vec<(String, &Secret)>, Trouble> {
        let mut all = Vec::new();
        for piece in &self.pieces {
            match &piece.content {
                StoredValue::Single(value) => {
                    let own = || {
                        let last = self.secret.rsplit('/').next().unwrap_or_default();
                        piece.field.clone().unwrap_or_else(|| last.to_owned())
                    };
                    all.push((piece.called.clone().unwrap_or_else(own), value));
                }
                StoredValue::Fields(fields) => {
                    all.extend(fields.iter().map(|(field, value)| (field.clone(), value)));
                }
            }
        }
        one_each(all)
    }

    /// Each value under the name of a variable, no two of one name.
    pub(super) fn own_variables(&self) -> Result<Vec<(String, &Secret)>, Trouble> {
        one_each(self.variables())
    }

    /// Each value under the name of a variable.
    pub(super) fn variables(&self) -> Vec<(String, &Secret)> {
        let mut all = Vec::new();
        for piece in &self.pieces {
            match &piece.content {
                StoredValue::Single(value) => {
                    let own = || variable::of_secret(&self.secret, piece.field.as_deref());
                    all.push((piece.called.clone().unwrap_or_else(own), value));
                }
                StoredValue::Fields(fields) => {
                    let stem = piece.called.as_deref().unwrap_or(&self.secret);
                    let named = |(field, value)| (variable::of_secret(stem, Some(field)), value);
                    all.extend(fields.iter().map(|(field, value)| named((field, value))));
                }
            }
        }
        all
    }
}

/// Refuses two values of one name: one would take the other's place.
fn one_each(all: Vec<(String, &Secret)>) -> Result<Vec<(String, &Secret)>, Trouble> {
    for (at, (name, _)) in all.iter().enumerate() {
        if all.iter().take(at).any(|(known, _)| known == name) {
            return Err(Trouble::refused(
                format!("two values would be called `{name}`"),
                "give one of them another name: `deliver … to … as \"NAME\"`",
            ));
        }
    }
    Ok(all)
}

/// A JSON object of texts.
fn object(fields: &[(String, Secret)]) -> Result<Zeroizing<Vec<u8>>, Trouble> {
    let room: usize = fields.iter().map(|(n, v)| n.len() + v.len() * 6 + 8).sum();
    let mut out = Zeroizing::new(Vec::with_capacity(room + 2));
    out.push(b'{');
    for (index, (name, value)) in fields.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        let text = value.expose_text();
        let written = serde_json::to_writer(&mut *out, name).and_then(|()| {
            out.push(b':');
            serde_json::to_writer(&mut *out, text.unwrap_or_default())
        });
        if text.is_none() || written.is_err() {
            return Err(Trouble::refused(
                format!("field `{name}` is not text, which JSON cannot hold"),
                "deliver the fields one by one, or store it as base64",
            ));
        }
    }
    out.push(b'}');
    Ok(out)
}

/// Starts a program of this machine with names in its environment, and hears it out.
async fn started(
    site: &Site<'_>,
    program: &str,
    arguments: Vec<String>,
    payload: &Payload,
    stdin: Option<Zeroizing<Vec<u8>>>,
    timeout: Duration,
) -> Result<Zeroizing<Vec<u8>>, Trouble> {
    let name = |name: &str, value: &str| (name.to_owned(), Zeroizing::new(value.to_owned()));
    let start = Start {
        program: program.to_owned(),
        arguments,
        environment: vec![
            name("ROT_SECRET", &payload.secret),
            name("ROT_VERSION", &payload.version),
            name("ROT_TARGET", &site.target.name),
        ],
        stdin,
        file: None,
        timeout,
        limit: OUTPUT,
    };
    let by_hand = "run it by hand with the same input; every later call of rot tries again";
    match site.world.process.start(&start).await {
        http::Attempt::Answered(answer) if answer.status == 0 => Ok(answer.body),
        http::Attempt::Answered(answer) => Err(Trouble::unknown(
            format!("program `{program}` ended with code {}", answer.status),
            by_hand,
        )),
        http::Attempt::NotSent(trouble) => Err(Trouble::refused(
            trouble.message,
            "name it in `[programs]` of rot.toml: an absolute path that is there and can be executed",
        )),
        http::Attempt::Unknown(trouble, _) => Err(Trouble::unknown(trouble.message, by_hand)),
    }
}

/// Tells the program of a target that a version has arrived.
pub(super) async fn tell(site: &Site<'_>, program: &str, payload: &Payload) -> Result<(), Trouble> {
    let started = started(site, program, Vec::new(), payload, None, PATIENCE);
    started.await.map(drop)
}

/// A path as it is meant.
fn absolute(site: &Site<'_>, path: &str) -> Result<PathBuf, Trouble> {
    let path = Path::new(path);
    match &site.folder {
        _ if path.is_absolute() => Ok(path.to_owned()),
        Some(folder) => Ok(folder.join(path)),
        None => Err(Trouble::refused(
            format!(
                "`{}` counts from the folder of a file, and there is none",
                path.display()
            ),
            "write a path that begins with `/`",
        )),
    }
}
