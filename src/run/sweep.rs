//! Revocations that are due later: noted in the vault, done by whichever run comes next.
//!
//! An entry goes only when the revocation is done; a crash between the call and the commit leads to a second call, whose
//! 404 or 410 counts as done.

use crate::diagnostic::Result;
use crate::plan::Label;
use crate::plan::schedule::Dur;
use crate::vault::{Arrival, Document, State, VersionEntry};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const META: &str = "revocations";
/// Secrets whose old versions a rotation revokes, with its name: what is not revoked of them is worth showing.
const REVOCABLE: &str = "revocable";

/// One revocation that is due at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Due {
    /// Secret name.
    pub secret: String,
    /// Version that dies.
    pub version: String,
    /// Rotation whose step revokes it.
    pub rotation: String,
    /// The step.
    pub step: String,
    /// When.
    pub due_at: jiff::Timestamp,
    /// The run that noted it.
    pub run: String,
    /// The version that took its place: what both have in common does not tell them apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub successor: Option<String>,
    /// How often it failed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failures: u32,
    /// How long the old version lives on once every target has a newer one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace: Option<Dur>,
    /// How it is done, whichever file is at hand then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work: Option<Work>,
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// What a revocation needs when it is due: the run that scheduled it is over by then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// The rotation as a compiled plan.
    pub plan: String,
    /// PEM texts of the certificate files that it names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub certificates: BTreeMap<String, String>,
    /// The values that its steps read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bound: Vec<Bound>,
}

/// A value that the steps of a revocation read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bound {
    /// Its name.
    pub name: BoundName,
    /// What it is.
    pub value: serde_json::Value,
    /// Which secrets are in it.
    pub label: Label,
}

/// Names that a run gives values to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BoundName {
    /// `input.NAME`
    Input(String),
    /// A `let`.
    Let(String),
    /// A variable, or the element of a loop.
    Variable(String),
    /// A capture of a step.
    Capture {
        /// The step.
        step: String,
        /// The capture.
        name: String,
    },
    /// The output of a Conductor task.
    Output(String),
    /// `env.NAME`
    Env(String),
}

/// What is noted.
pub fn list(doc: &Document) -> Vec<Due> {
    doc.meta
        .get(META)
        .and_then(|v| serde_json::from_value(v.clone()).ok())
        .unwrap_or_default()
}

/// When a revocation may be made: not before every target of the secret has its current version, and the grace counts from the
/// last arrival. `Err` names the targets that are waited for.
///
/// # Errors
/// The targets that are waited for.
pub fn ready_at(
    doc: &Document,
    due: &Due,
    now: jiff::Timestamp,
) -> std::result::Result<jiff::Timestamp, Vec<String>> {
    match doc.arrival(&due.secret, &due.version, now) {
        Arrival::Waits(targets) => Err(targets),
        Arrival::Since(None) => Ok(due.due_at),
        Arrival::Since(Some(arrived)) => {
            let grace = due.grace.unwrap_or(Dur(0));
            let over = super::functions::later(arrived, grace).unwrap_or(due.due_at);
            Ok(due.due_at.max(over))
        }
    }
}

/// Whether a revocation may be made now.
pub(super) fn is_due(doc: &Document, due: &Due, now: jiff::Timestamp) -> bool {
    due.due_at <= now && ready_at(doc, due, now).is_ok_and(|at| at <= now)
}

/// Notes a revocation; the same version twice is one.
pub fn schedule(doc: &mut Document, due: &Due) {
    let mut all = list(doc);
    all.retain(|d| d.secret != due.secret || d.version != due.version);
    all.push(due.clone());
    store(doc, &all);
}

/// Makes a scheduled revocation due now: what has leaked is revoked as soon as every target has a newer version.
pub fn without_grace(doc: &mut Document, secret: &str, version: &str, now: jiff::Timestamp) {
    let mut all = list(doc);
    for due in &mut all {
        if due.secret == secret && due.version == version {
            due.due_at = due.due_at.min(now);
            due.grace = None;
        }
    }
    store(doc, &all);
}

/// Removes a revocation that was done.
pub fn done(doc: &mut Document, secret: &str, version: &str) {
    let mut all = list(doc);
    all.retain(|d| d.secret != secret || d.version != version);
    store(doc, &all);
}

/// Notes that a version was revoked: what a rollback stored anew is the same credential, under whatever id.
///
/// # Errors
/// ROT811 without such a secret or version.
pub fn revoked(doc: &mut Document, secret: &str, version: &str, at: jiff::Timestamp) -> Result<()> {
    doc.mark_revoked(secret, version, at)?;
    for copy in copies(doc, secret, version) {
        doc.mark_revoked(secret, &copy, at)?;
        done(doc, secret, &copy);
    }
    done(doc, secret, version);
    Ok(())
}

/// The versions that hold what a version holds, and itself.
pub fn copies(doc: &Document, secret: &str, version: &str) -> Vec<String> {
    let Some(entry) = doc.get(secret) else {
        return Vec::new();
    };
    let ids = entry.versions.iter().map(|v| &v.id);
    ids.filter(|id| entry.is_copy(id, version))
        .cloned()
        .collect()
}

fn store(doc: &mut Document, all: &[Due]) {
    if all.is_empty() {
        doc.meta.remove(META);
    } else if let Ok(value) = serde_json::to_value(all) {
        doc.meta.insert(META.to_owned(), value);
    }
}

/// Notes that a rotation revokes the old versions of a secret.
pub fn revocable(doc: &mut Document, secret: &str, rotation: &str) {
    let all = doc
        .meta
        .entry(REVOCABLE.to_owned())
        .or_insert_with(|| serde_json::json!({}));
    if let Some(all) = all.as_object_mut() {
        all.insert(secret.to_owned(), rotation.into());
    }
}

/// The versions of a secret that its rotation made, that are not in use, and that nobody has revoked: a rollback, a run that
/// was given up, or a revocation that never came about leaves them.
pub fn unrevoked<'d>(doc: &'d Document, secret: &str) -> Vec<&'d VersionEntry> {
    let rotation = doc.meta.get(REVOCABLE).and_then(|all| all.get(secret));
    let (Some(entry), Some(rotation)) = (doc.get(secret), rotation.and_then(|r| r.as_str())) else {
        return Vec::new();
    };
    let left = entry.versions.iter().filter(|version| {
        matches!(
            version.state,
            State::Previous | State::Retired | State::Failed
        ) && version.rotation.as_deref() == Some(rotation)
            && version.value.is_some()
            && !version.is_accepted()
            && !same_as_used(entry, version)
    });
    left.collect()
}

fn same_as_used(entry: &crate::vault::SecretEntry, version: &VersionEntry) -> bool {
    let used = [entry.current_version(), entry.pending_version()];
    used.into_iter().flatten().any(|used| {
        let values = (used.value.as_ref(), version.value.as_ref());
        used.id == version.id || matches!(values, (Some(a), Some(b)) if a.same_as(b))
    })
}

/// Counts a revocation that failed.
pub fn failed(doc: &mut Document, due: &Due) {
    let mut all = list(doc);
    for entry in &mut all {
        if entry.secret == due.secret && entry.version == due.version {
            entry.failures += 1;
        }
    }
    store(doc, &all);
}

/// A version that is on its way out.
#[derive(Clone, Copy)]
pub struct Outgoing<'a> {
    /// The secret.
    pub secret: &'a str,
    /// The version.
    pub version: &'a str,
    /// The version that takes its place, where one is known.
    pub successor: Option<&'a str>,
}

impl Due {
    /// The version that it revokes.
    pub fn outgoing(&self) -> Outgoing<'_> {
        Outgoing {
            secret: &self.secret,
            version: &self.version,
            successor: self.successor.as_deref(),
        }
    }
}

/// The version under a label that is the same credential as the old one, whatever its id is: a rollback and a person may have
/// stored the same value anew. What `version` has in common with its successor does not count. Of a record, one secret field
/// that is the same is enough, or all public fields that the revocation reads.
pub fn in_use<'d>(
    doc: &'d Document,
    old: &Outgoing<'_>,
    reads: &[String],
    is_public: &dyn Fn(&str) -> bool,
) -> Option<&'d str> {
    let Outgoing {
        secret,
        version,
        successor,
    } = *old;
    let entry = doc.get(secret)?;
    let labelled = [&entry.current, &entry.pending];
    let mut labelled = labelled.into_iter().flatten().map(String::as_str);
    let Some(old) = entry.version(version).and_then(|v| v.value.as_ref()) else {
        return labelled.find(|id| *id == version);
    };
    let after = successor
        .and_then(|id| entry.version(id))
        .and_then(|v| v.value.as_ref());
    let telling: Vec<(Option<&str>, &crate::vault::Secret)> = old
        .parts()
        .into_iter()
        .filter(|(field, value)| {
            let same = after.and_then(|after| after.part(*field));
            !same.is_some_and(|same| same.same_as(value))
        })
        .collect();
    labelled.find(|id| {
        let Some(used) = entry.version(id).and_then(|v| v.value.as_ref()) else {
            return *id == version;
        };
        if *id == version || used.same_as(old) {
            return true;
        }
        let same = |(field, value): &(Option<&str>, &crate::vault::Secret)| {
            used.part(*field).is_some_and(|other| other.same_as(value))
        };
        let public = |field: &Option<&str>| field.is_some_and(is_public);
        let secrets = telling.iter().filter(|(field, _)| !public(field));
        let mut ids = telling
            .iter()
            .filter(|(field, _)| {
                public(field) && field.is_some_and(|f| reads.iter().any(|r| r == f))
            })
            .peekable();
        secrets.into_iter().any(same) || (ids.peek().is_some() && ids.all(same))
    })
}
