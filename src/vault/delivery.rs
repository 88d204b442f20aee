//! What has arrived where: facts that stand beside the versions of a secret, so that they change in one step with them.
//!
//! The targets of a secret are remembered too: whoever revokes an old version later may not have the file that names them.

use super::document::{Document, Facts, SecretEntry, State, VersionEntry};
use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Of a secret: its targets, by name.
const TARGETS: &str = "targets";
/// Of a version: what became of it at each target, by name.
const DELIVERED: &str = "delivered";
/// A call that is out for longer is not waited for.
const OUT: SignedDuration = SignedDuration::from_mins(10);

/// A target of a secret as the vault remembers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registered {
    /// A digest of what the declaration says: what is declared anew is delivered anew.
    pub what: String,
    /// Whether a program is told of a new version before it counts as arrived.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hooked: bool,
    /// For people: kind and place.
    pub shown: String,
    /// The rotations of the file that declares it. Only a file with one of them takes it away again: that another file does
    /// not name it says nothing.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub by: BTreeSet<String>,
}

/// What became of a version at a target.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivered {
    /// The declaration by which it went there.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub what: String,
    /// Since when a call may be out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begun_at: Option<Timestamp>,
    /// When it arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// When the program that is told of it ended well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hooked_at: Option<Timestamp>,
    /// How often it failed since it last went well.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failures: u32,
    /// Why it failed the last time: the code, and words without values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<(String, String)>,
    /// Not tried by itself before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_at: Option<Timestamp>,
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl Delivered {
    /// When all was done for this target that its declaration asks for.
    pub fn arrived(&self, target: &Registered) -> Option<Timestamp> {
        match target.hooked {
            _ if self.what != target.what => None,
            true => self.at.and(self.hooked_at),
            false => self.at,
        }
    }
}

/// A target that does not have the current version of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behind {
    /// Its name.
    pub target: String,
    /// How the vault remembers it.
    pub registered: Registered,
    /// What is known of the current version there.
    pub state: Delivered,
}

/// Whether the way is free for an old version to be revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arrival {
    /// These targets are waited for.
    Waits(Vec<String>),
    /// All have a newer one since then; `None` where the secret has no targets.
    Since(Option<Timestamp>),
}

impl Document {
    /// The targets of a secret.
    pub fn targets(&self, secret: &str) -> BTreeMap<String, Registered> {
        self.get(secret)
            .and_then(|entry| read(&entry.ext, TARGETS))
            .unwrap_or_default()
    }

    /// Remembers the targets of a secret. One that the vault does not know yet has none to remember.
    pub fn set_targets(&mut self, secret: &str, targets: &BTreeMap<String, Registered>) {
        if let Some(entry) = self.secrets.get_mut(secret) {
            write(&mut entry.ext, TARGETS, targets, targets.is_empty());
        }
    }

    /// What became of a version at a target.
    pub fn delivered(&self, secret: &str, version: &str, target: &str) -> Delivered {
        let version = self.get(secret).and_then(|entry| entry.version(version));
        let of = |version: &VersionEntry| of_version(version).remove(target);
        version.and_then(of).unwrap_or_default()
    }

    /// Notes what became of a version at a target.
    pub fn note_delivered(&mut self, secret: &str, version: &str, target: &str, now: Delivered) {
        let entry = self.secrets.get_mut(secret);
        if let Some(version) = entry.and_then(|entry| entry.version_mut(version)) {
            let mut all = of_version(version);
            all.insert(target.to_owned(), now);
            write(&mut version.ext, DELIVERED, &all, false);
        }
    }

    /// The targets that lack the current version of a secret.
    pub fn behind(&self, secret: &str) -> Vec<Behind> {
        let current = self.get(secret).and_then(SecretEntry::current_version);
        let Some(current) = current else {
            return Vec::new();
        };
        let mut known = of_version(current);
        let targets = self.targets(secret).into_iter();
        targets
            .map(|(target, registered)| Behind {
                state: known.remove(&target).unwrap_or_default(),
                target,
                registered,
            })
            .filter(|one| one.state.arrived(&one.registered).is_none())
            .collect()
    }

    /// Whether all targets of a secret have its current version, so that `old` may go, and since when each has had one that
    /// came after it. A call that may still be out with another version is waited for.
    pub fn arrival(&self, secret: &str, old: &str, now: Timestamp) -> Arrival {
        let Some(entry) = self.get(secret) else {
            return Arrival::Since(None);
        };
        // What never came into use stands nowhere.
        if entry.version(old).is_none_or(|v| v.state == State::Failed) {
            return Arrival::Since(None);
        }
        let targets = self.targets(secret);
        let behind = self.behind(secret);
        let out = |target: &str| {
            entry.versions.iter().any(|version| {
                let state = of_version(version).remove(target);
                let begun = state.and_then(|state| state.begun_at);
                begun.is_some_and(|at| now.duration_since(at) < OUT)
            })
        };
        let waits: Vec<String> = targets
            .keys()
            .filter(|target| behind.iter().any(|b| b.target == **target) || out(target))
            .cloned()
            .collect();
        if !waits.is_empty() {
            return Arrival::Waits(waits);
        }
        let after = entry.versions.iter().skip_while(|v| v.id != old).skip(1);
        let after: Vec<BTreeMap<String, Delivered>> = after.map(of_version).collect();
        let first = |(target, registered): (&String, &Registered)| {
            let states = after.iter().filter_map(|states| states.get(target));
            states.filter_map(|s| s.at.max(s.arrived(registered))).min()
        };
        Arrival::Since(targets.iter().filter_map(first).max())
    }
}

fn of_version(version: &VersionEntry) -> BTreeMap<String, Delivered> {
    read(&version.ext, DELIVERED).unwrap_or_default()
}

fn read<T: DeserializeOwned>(facts: &Facts, key: &str) -> Option<T> {
    serde_json::from_value(facts.get(key)?.clone()).ok()
}

fn write<T: Serialize>(facts: &mut Facts, key: &str, value: &T, none: bool) {
    match serde_json::to_value(value) {
        Ok(value) if !none => drop(facts.insert(key.to_owned(), value)),
        _ => drop(facts.remove(key)),
    }
}
