//! What a vault holds, as data. How it is written is in [`super::wire`], how labels move in [`super::change`].

use super::Secret;
use super::ancestry::Ancestry;
use jiff::Timestamp;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// Name and version of the payload's form.
pub const SCHEMA: &str = "rot.vault/v2";

/// The form before: read, and written anew as [`SCHEMA`] by the next commit.
pub const SCHEMA_BEFORE: &str = "rot.vault/v1";

/// The largest value of one secret or field, in bytes.
pub const MAX_VALUE: usize = 1024 * 1024;

/// All that is sealed in the age file. Not `Debug`: it holds values.
#[derive(Clone)]
pub struct Document {
    /// A random UUID, made once.
    pub(super) vault_id: String,
    /// The environment that this vault belongs to, such as `prod`.
    pub(super) environment: Option<String>,
    /// Goes up by one with each commit.
    pub(super) generation: u64,
    /// `sha256:…` of the file that this one replaced.
    pub(super) prev: Option<String>,
    /// The files that this one descends from.
    pub(super) ancestry: Ancestry,
    /// Known only to those who can open the vault; carried from generation to generation, and made anew when a recipient is
    /// removed. Who merely knows the recipients, or only an older generation, cannot forge a vault that has it.
    pub(super) continuity: Zeroizing<Vec<u8>>,
    /// The continuity keys before, newest first: what was sealed or signed with them can still be read.
    pub(super) former: Vec<Zeroizing<Vec<u8>>>,
    /// To whom the next generation is sealed. Taken from nowhere else.
    pub(super) recipients: Vec<String>,
    /// What people call the recipients, by key.
    pub(super) names: BTreeMap<String, String>,
    /// By name.
    pub(super) secrets: BTreeMap<String, SecretEntry>,
    /// Secrets that were removed, and when: whoever has an older copy learns that it was on purpose.
    pub(super) removed: BTreeMap<String, Timestamp>,
    /// For those who use the vault: small facts that must change together with the secrets. Never values.
    pub meta: serde_json::Map<String, serde_json::Value>,
}

/// One secret: its versions, and which of them the labels are on.
#[derive(Clone, Default)]
pub struct SecretEntry {
    /// Names of the fields of a record, in the order in which they came; empty for a single value.
    pub fields: Vec<String>,
    /// What readers get.
    pub current: Option<String>,
    /// What was current before.
    pub previous: Option<String>,
    /// Stored but not yet in use.
    pub pending: Option<String>,
    /// From oldest to newest.
    pub versions: Vec<VersionEntry>,
    /// Facts that others keep with the secret. Never values; carried along by programs that do not know them.
    pub ext: Facts,
}

/// Facts as JSON, by name. Never values.
pub type Facts = serde_json::Map<String, serde_json::Value>;

/// One version. Its value never changes; it may be pruned.
#[derive(Clone)]
pub struct VersionEntry {
    /// Chosen by the writer; unique within the secret.
    pub id: String,
    /// When it was stored first.
    pub created_at: Timestamp,
    /// `None` once pruned.
    pub value: Option<StoredValue>,
    /// From when on it does not work any more, as far as is known.
    pub expires_at: Option<Timestamp>,
    /// The run that stored it.
    pub run: Option<String>,
    /// The rotation that stored it.
    pub rotation: Option<String>,
    /// What has become of it.
    pub state: State,
    /// For people.
    pub note: Option<String>,
    /// Not in use, and as far as is known still accepted by its issuer.
    pub unrevoked: Option<Unrevoked>,
    /// Who could read the value and is no recipient any more: names, or the start of a key.
    pub exposed_to: Vec<String>,
    /// Facts that others keep with the version. Never values; carried along by programs that do not know them.
    pub ext: Facts,
}

/// A credential that is not in use and, as far as is known, still works.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Unrevoked {
    /// Since when.
    pub since: Timestamp,
    /// How it came to that.
    pub why: Why,
}

/// How a credential came to be neither in use nor revoked.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// Two copies of the vault were changed apart, and the other one's version is current.
    Merged,
    /// The secret was removed in one copy of the vault and rotated in another.
    Removed,
    /// A run on some machine stored it, and the vault that won does not have it.
    Lost,
    /// It was replaced by hand or by a rollback.
    Replaced,
    /// Its run was given up.
    Abandoned,
    /// Its revocation failed.
    Refused,
    /// Another machine took its rotation over before it came into use.
    Overtaken,
}

impl Why {
    /// For people, after "not revoked: ".
    pub fn explain(self) -> &'static str {
        match self {
            Why::Merged => "it lost a merge of two copies of the vault",
            Why::Removed => "its secret was removed in another copy of the vault",
            Why::Lost => "a run stored it, and this vault never had it",
            Why::Replaced => "it was replaced by hand",
            Why::Abandoned => "its run was given up",
            Why::Refused => "its revocation failed",
            Why::Overtaken => "another machine took its rotation over before it came into use",
        }
    }
}

/// A value, or the fields of a record.
#[derive(Clone)]
pub enum StoredValue {
    /// One value.
    Single(Secret),
    /// Named values, in order.
    Fields(Vec<(String, Secret)>),
}

/// What has become of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Stored, not yet in use.
    Pending,
    /// In use.
    Current,
    /// Was in use before the current one.
    Previous,
    /// Was in use earlier.
    Retired,
    /// Never came into use.
    Failed,
    /// Made invalid at its issuer.
    Revoked,
}

impl State {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Pending => "pending",
            State::Current => "current",
            State::Previous => "previous",
            State::Retired => "retired",
            State::Failed => "failed",
            State::Revoked => "revoked",
        }
    }
}

/// A version to be stored.
#[derive(Clone)]
pub struct NewVersion {
    /// Unique within the secret; storing the same twice changes nothing.
    pub id: String,
    /// The value. Fields that a record has and this lacks keep their current value.
    pub value: StoredValue,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// The run that stores it.
    pub run: Option<String>,
    /// The rotation that stores it.
    pub rotation: Option<String>,
    /// Now.
    pub created_at: Timestamp,
}

impl NewVersion {
    /// As it stands in the vault: in this state, and known to these people who were removed since.
    pub(super) fn entry(self, state: State, exposed_to: Vec<String>) -> VersionEntry {
        VersionEntry {
            id: self.id,
            created_at: self.created_at,
            value: Some(self.value),
            expires_at: self.expires_at,
            run: self.run,
            rotation: self.rotation,
            state,
            note: None,
            unrevoked: None,
            exposed_to,
            ext: Facts::new(),
        }
    }
}

/// A version that was stored somewhere, and whose value this vault does not have.
#[derive(Debug, Clone, Copy)]
pub struct NewUnkept<'a> {
    /// Unique within the secret.
    pub id: &'a str,
    /// When it was stored.
    pub created_at: Timestamp,
    /// The run that stored it.
    pub run: &'a str,
    /// The rotation that stored it.
    pub rotation: &'a str,
}

/// Where a secret that has come back notes when it was removed.
pub(super) const REMOVED: &str = "removed_at";

impl Document {
    /// An empty one.
    pub(super) fn new(
        vault_id: String,
        continuity: Zeroizing<Vec<u8>>,
        recipients: Vec<String>,
    ) -> Self {
        Self {
            vault_id,
            environment: None,
            generation: 1,
            prev: None,
            ancestry: Ancestry::default(),
            continuity,
            former: Vec::new(),
            recipients,
            names: BTreeMap::new(),
            secrets: BTreeMap::new(),
            removed: BTreeMap::new(),
            meta: serde_json::Map::new(),
        }
    }

    /// A secret.
    pub fn get(&self, name: &str) -> Option<&SecretEntry> {
        self.secrets.get(name)
    }

    /// All names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.secrets.keys().map(String::as_str)
    }

    /// All secrets, sorted by name.
    pub fn secrets(&self) -> impl Iterator<Item = (&str, &SecretEntry)> {
        self.secrets
            .iter()
            .map(|(name, entry)| (name.as_str(), entry))
    }

    /// To whom the vault is sealed.
    pub fn recipients(&self) -> &[String] {
        &self.recipients
    }

    /// The environment that this vault belongs to.
    pub fn environment(&self) -> Option<&str> {
        self.environment.as_deref()
    }

    /// Says to which environment this vault belongs.
    pub fn set_environment(&mut self, name: &str) {
        self.environment = Some(name.to_owned());
    }

    /// When a secret was removed, if it was and has not come back.
    pub fn removed_at(&self, name: &str) -> Option<Timestamp> {
        self.removed.get(name).copied()
    }

    /// When a secret was removed last, also if it has come back since.
    pub fn last_removed_at(&self, name: &str) -> Option<Timestamp> {
        let noted = self.get(name).and_then(|entry| entry.ext.get(REMOVED));
        let noted = noted.and_then(|at| at.as_str()?.parse().ok());
        noted.max(self.removed_at(name))
    }

    /// Versions that are not in use and, as far as is known, still work, with the names of their secrets.
    pub fn unrevoked(&self) -> impl Iterator<Item = (&str, &VersionEntry)> {
        self.secrets().flat_map(|(name, entry)| {
            let versions = entry.versions.iter().filter(|v| v.unrevoked.is_some());
            versions.map(move |version| (name, version))
        })
    }

    /// Secrets whose current or pending value somebody could read who is no recipient any more.
    pub fn exposed(&self) -> impl Iterator<Item = (&str, &VersionEntry)> {
        self.secrets().filter_map(|(name, entry)| {
            let shown = [entry.current_version(), entry.pending_version()];
            let exposed = shown
                .into_iter()
                .flatten()
                .find(|v| !v.exposed_to.is_empty());
            exposed.map(|version| (name, version))
        })
    }

    /// `sha256:…` of the file that this one replaced; `None` in the first generation.
    pub fn prev(&self) -> Option<&str> {
        self.prev.as_deref()
    }
}

impl SecretEntry {
    /// A version by its id.
    pub fn version(&self, id: &str) -> Option<&VersionEntry> {
        self.versions.iter().find(|v| v.id == id)
    }

    pub(super) fn version_mut(&mut self, id: &str) -> Option<&mut VersionEntry> {
        self.versions.iter_mut().find(|v| v.id == id)
    }

    /// Whether two versions are the same, or hold the same value.
    pub fn is_copy(&self, one: &str, other: &str) -> bool {
        let value = |id| self.version(id).and_then(|v| v.value.as_ref());
        one == other || matches!((value(one), value(other)), (Some(a), Some(b)) if a.same_as(b))
    }

    /// What readers get.
    pub fn current_version(&self) -> Option<&VersionEntry> {
        self.version(self.current.as_deref()?)
    }

    /// What was current before.
    pub fn previous_version(&self) -> Option<&VersionEntry> {
        self.version(self.previous.as_deref()?)
    }

    /// What is stored but not yet in use.
    pub fn pending_version(&self) -> Option<&VersionEntry> {
        self.version(self.pending.as_deref()?)
    }
}

/// The fact that a person accepts a version as not revoked, with the time.
pub(super) const ACCEPTED: &str = "accepted";

impl VersionEntry {
    /// Whether a person has accepted that it is not revoked.
    pub fn is_accepted(&self) -> bool {
        self.ext.contains_key(ACCEPTED)
    }

    /// Whether it has ended by `now`, as far as is known.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }

    /// Adds a remark to those that are there.
    pub(super) fn remark(&mut self, text: &str) {
        match &mut self.note {
            Some(note) => {
                note.push_str("; ");
                note.push_str(text);
            }
            None => self.note = Some(text.to_owned()),
        }
    }
}

impl StoredValue {
    /// The value of `field`, or the one value when `field` is `None`.
    pub fn part(&self, field: Option<&str>) -> Option<&Secret> {
        match (self, field) {
            (StoredValue::Single(value), None) => Some(value),
            (StoredValue::Fields(fields), Some(name)) => {
                fields.iter().find(|(n, _)| n == name).map(|(_, v)| v)
            }
            _ => None,
        }
    }

    /// All values with their field names.
    pub fn parts(&self) -> Vec<(Option<&str>, &Secret)> {
        match self {
            StoredValue::Single(value) => vec![(None, value)],
            StoredValue::Fields(fields) => fields
                .iter()
                .map(|(name, value)| (Some(name.as_str()), value))
                .collect(),
        }
    }

    /// Whether both hold the same; takes a time that depends on lengths alone.
    pub fn same_as(&self, other: &StoredValue) -> bool {
        match (self, other) {
            (StoredValue::Single(a), StoredValue::Single(b)) => a.same_as(b),
            (StoredValue::Fields(a), StoredValue::Fields(_)) => {
                other.parts().len() == a.len()
                    && a.iter()
                        .all(|(n, v)| other.part(Some(n)).is_some_and(|o| o.same_as(v)))
            }
            _ => false,
        }
    }
}
