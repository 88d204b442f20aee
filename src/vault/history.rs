//! How much of the past is kept, and what may be shown of it: facts, never values.

use super::document::{SecretEntry, State, StoredValue, Unrevoked, VersionEntry};
use jiff::Timestamp;
use serde::Serialize;

/// How many versions without a label keep their value.
pub const KEPT_VALUES: usize = 10;

/// How many versions are remembered at all.
pub const KEPT_VERSIONS: usize = 100;

/// Drops old values, then old versions. Those with a label are kept whole.
pub(super) fn prune(entry: &mut SecretEntry) {
    let labels: Vec<String> = [&entry.current, &entry.previous, &entry.pending]
        .into_iter()
        .flatten()
        .cloned()
        .collect();
    let mut unlabelled = 0;
    let mut all = 0;
    // Newest first; `retain` visits in order, so the list is turned around twice.
    entry.versions.reverse();
    entry.versions.retain_mut(|version| {
        all += 1;
        // What may still work must stay known, and revocable.
        if labels.contains(&version.id) || version.unrevoked.is_some() {
            return true;
        }
        unlabelled += 1;
        if unlabelled > KEPT_VALUES {
            version.value = None;
        }
        all <= KEPT_VERSIONS
    });
    entry.versions.reverse();
}

/// What may be shown of a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SecretSummary {
    /// Its name.
    pub name: String,
    /// The current version.
    pub version: Option<String>,
    /// When the current version was stored.
    pub created_at: Option<Timestamp>,
    /// Seconds since then.
    pub age_seconds: Option<i64>,
    /// When the current version ends.
    pub expires_at: Option<Timestamp>,
    /// State of the current version; `pending` when there is only that.
    pub state: Option<State>,
    /// A version that waits to be used.
    pub pending: Option<String>,
    /// Names of a record's fields.
    pub fields: Vec<String>,
    /// Versions that are not in use and, as far as is known, still work.
    pub unrevoked: Vec<String>,
    /// Who could read the current value and is no recipient any more.
    pub exposed_to: Vec<String>,
    /// How many versions are remembered.
    pub versions: usize,
}

/// What may be shown of a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VersionSummary {
    /// Its id.
    pub version: String,
    /// What has become of it.
    pub state: State,
    /// When it was stored.
    pub created_at: Timestamp,
    /// Seconds since then.
    pub age_seconds: i64,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// The run that stored it.
    pub run: Option<String>,
    /// The rotation that stored it.
    pub rotation: Option<String>,
    /// Whether its value is still kept.
    pub has_value: bool,
    /// Why it is not revoked although it is not in use.
    pub unrevoked: Option<Unrevoked>,
    /// Who could read it and is no recipient any more.
    pub exposed_to: Vec<String>,
    /// For people.
    pub note: Option<String>,
}

/// Sums a secret up.
pub fn summary(name: &str, entry: &SecretEntry, now: Timestamp) -> SecretSummary {
    let shown = entry.current_version().or_else(|| entry.pending_version());
    SecretSummary {
        name: name.to_owned(),
        version: entry.current.clone(),
        created_at: shown.map(|v| v.created_at),
        age_seconds: shown.map(|v| age(v, now)),
        expires_at: shown.and_then(|v| v.expires_at),
        state: shown.map(|v| v.state),
        pending: entry.pending.clone(),
        fields: match shown.and_then(|v| v.value.as_ref()) {
            Some(StoredValue::Fields(parts)) => parts.iter().map(|(n, _)| n.clone()).collect(),
            _ => entry.fields.clone(),
        },
        unrevoked: entry
            .versions
            .iter()
            .filter(|v| v.unrevoked.is_some())
            .map(|v| v.id.clone())
            .collect(),
        exposed_to: shown.map(|v| v.exposed_to.clone()).unwrap_or_default(),
        versions: entry.versions.len(),
    }
}

/// Sums the versions up, newest first.
pub fn versions(entry: &SecretEntry, now: Timestamp) -> Vec<VersionSummary> {
    let newest_first = entry.versions.iter().rev();
    newest_first
        .map(|v| VersionSummary {
            version: v.id.clone(),
            state: v.state,
            created_at: v.created_at,
            age_seconds: age(v, now),
            expires_at: v.expires_at,
            run: v.run.clone(),
            rotation: v.rotation.clone(),
            has_value: v.value.is_some(),
            unrevoked: v.unrevoked,
            exposed_to: v.exposed_to.clone(),
            note: v.note.clone(),
        })
        .collect()
}

fn age(version: &VersionEntry, now: Timestamp) -> i64 {
    now.as_second()
        .saturating_sub(version.created_at.as_second())
        .max(0)
}
