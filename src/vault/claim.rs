//! Who works on what: a rotation that is under way on one machine is not begun on another one that has the same vault.
//!
//! A claim is a fact of the vault, so it changes in one step with everything else. It ends by itself, for a machine may never
//! come back; whoever takes it over leaves a word for the run that had it.

use super::document::{Document, Facts};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};

/// By rotation.
const CLAIMS: &str = "claims";
/// By run.
const OVERTAKEN: &str = "overtaken";
/// So many runs that were overtaken are remembered.
const KEPT: usize = 100;

/// A run at work on a rotation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The run.
    pub run: String,
    /// The machine that it is on, if it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Since when, by the clock of that machine.
    pub since: Timestamp,
    /// Until when, by the clock of that machine.
    pub until: Timestamp,
    /// Whether a call may have been made that cannot be made again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub engaged: bool,
    /// So many records of its journal were on the disk: one that has fewer was changed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub records: u32,
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// A run whose rotation another one has taken over. It may have obtained something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overtaken {
    /// The rotation.
    pub rotation: String,
    /// The machine that it is on, if it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// When.
    pub at: Timestamp,
    /// The run that took over; none when a person gave it up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Whether a person has seen to what it may have left.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub accepted: bool,
}

impl Document {
    /// The claim on a rotation.
    pub fn claim(&self, rotation: &str) -> Option<Claim> {
        read(self.meta.get(CLAIMS)?.get(rotation)?)
    }

    /// All claims, by rotation.
    pub fn claims(&self) -> BTreeMap<String, Claim> {
        all(&self.meta, CLAIMS)
    }

    /// Notes that a run is at work.
    pub fn hold(&mut self, rotation: &str, claim: &Claim) {
        put(&mut self.meta, CLAIMS, rotation, claim);
    }

    /// Notes that a run is not at work any more. The claim of another run stays.
    pub fn release(&mut self, rotation: &str, run: &str) {
        if self.claim(rotation).is_some_and(|claim| claim.run == run) {
            take(&mut self.meta, CLAIMS, rotation);
        }
    }

    /// Takes a rotation from the run that has it, for the run `by` or for a person.
    pub fn overtake(&mut self, rotation: &str, by: Option<&str>, at: Timestamp) {
        let Some(claim) = self.claim(rotation) else {
            return;
        };
        take(&mut self.meta, CLAIMS, rotation);
        let overtaken = Overtaken {
            rotation: rotation.to_owned(),
            host: claim.host,
            at,
            by: by.map(str::to_owned),
            accepted: false,
        };
        put(&mut self.meta, OVERTAKEN, &claim.run, &overtaken);
        bound(&mut self.meta);
    }

    /// The runs that were overtaken and have not gone on since, by run.
    pub fn overtaken(&self) -> BTreeMap<String, Overtaken> {
        all(&self.meta, OVERTAKEN)
    }

    /// Notes that a run that was overtaken has settled what it had obtained.
    pub fn settle(&mut self, run: &str) {
        take(&mut self.meta, OVERTAKEN, run);
    }

    /// Notes that a person has seen to what a run that was overtaken may have left. That run still must not go on.
    pub fn accept_overtaken(&mut self, run: &str) {
        if let Some(mut overtaken) = self.overtaken().remove(run) {
            overtaken.accepted = true;
            put(&mut self.meta, OVERTAKEN, run, &overtaken);
        }
    }
}

/// The claims of two copies of a vault, in place of what `meta` has of them. Where two runs have claimed one rotation, the one
/// that began first has it.
pub(super) fn merge(meta: &mut Facts, base: Option<&Facts>, a: &Facts, b: &Facts, now: Timestamp) {
    let of = |facts: &Facts| all::<Claim>(facts, CLAIMS);
    let (base, a, b) = (base.map(of).unwrap_or_default(), of(a), of(b));
    let rotations: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    meta.remove(CLAIMS);
    for rotation in rotations {
        let (old, x, y) = (base.get(rotation), a.get(rotation), b.get(rotation));
        let winner = match (x, y) {
            (Some(x), Some(y)) if x.run == y.run => Some(Claim {
                until: x.until.max(y.until),
                engaged: x.engaged || y.engaged,
                records: x.records.max(y.records),
                ..x.clone()
            }),
            (Some(x), Some(y)) => {
                let (first, second) = if (x.since, &x.run) <= (y.since, &y.run) {
                    (x, y)
                } else {
                    (y, x)
                };
                let overtaken = Overtaken {
                    rotation: rotation.clone(),
                    host: second.host.clone(),
                    at: now,
                    by: Some(first.run.clone()),
                    accepted: false,
                };
                put(meta, OVERTAKEN, &second.run, &overtaken);
                Some(first.clone())
            }
            // Released in the other copy.
            (Some(left), None) | (None, Some(left)) if old.is_some_and(|o| o.run == left.run) => {
                None
            }
            (left, right) => left.or(right).cloned(),
        };
        if let Some(claim) = winner {
            put(meta, CLAIMS, rotation, &claim);
        }
    }
    bound(meta);
}

/// Forgets the oldest of too many runs that were overtaken.
fn bound(meta: &mut Facts) {
    let mut by_age: Vec<(Timestamp, String)> = all::<Overtaken>(meta, OVERTAKEN)
        .into_iter()
        .map(|(run, overtaken)| (overtaken.at, run))
        .collect();
    by_age.sort();
    for (_, run) in by_age.iter().take(by_age.len().saturating_sub(KEPT)) {
        take(meta, OVERTAKEN, run);
    }
}

fn read<T: serde::de::DeserializeOwned>(fact: &Json) -> Option<T> {
    serde_json::from_value(fact.clone()).ok()
}

fn all<T: serde::de::DeserializeOwned>(meta: &Facts, kind: &str) -> BTreeMap<String, T> {
    let members = meta.get(kind).and_then(Json::as_object);
    let members = members.into_iter().flatten();
    members
        .filter_map(|(name, fact)| Some((name.clone(), read(fact)?)))
        .collect()
}

fn put(meta: &mut Facts, kind: &str, name: &str, fact: &impl Serialize) {
    let all = meta
        .entry(kind.to_owned())
        .or_insert_with(|| Json::Object(Facts::new()));
    if let (Some(all), Ok(fact)) = (all.as_object_mut(), serde_json::to_value(fact)) {
        all.insert(name.to_owned(), fact);
    }
}

fn take(meta: &mut Facts, kind: &str, name: &str) {
    if let Some(all) = meta.get_mut(kind).and_then(Json::as_object_mut) {
        all.remove(name);
        if all.is_empty() {
            meta.remove(kind);
        }
    }
}
