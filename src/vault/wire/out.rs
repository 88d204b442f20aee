//! The document as it is written: borrowed, so that no value is copied on the way.

use super::BASE64;
use crate::vault::Secret;
use crate::vault::ancestry::Ancestry;
use crate::vault::document::{
    Document, Facts, SCHEMA, SecretEntry, State, StoredValue, Unrevoked, VersionEntry,
};
use base64::Engine;
use jiff::Timestamp;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

#[derive(Serialize)]
pub(super) struct Payload<'d> {
    schema: &'static str,
    vault_id: &'d str,
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<&'d str>,
    generation: u64,
    prev: Option<&'d str>,
    #[serde(skip_serializing_if = "Ancestry::is_empty")]
    ancestors: &'d Ancestry,
    #[serde(serialize_with = "base64")]
    continuity: &'d [u8],
    #[serde(skip_serializing_if = "Keys::is_empty")]
    former: Keys<'d>,
    recipients: &'d [String],
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    names: &'d BTreeMap<String, String>,
    secrets: Secrets<'d>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    removed: &'d BTreeMap<String, Timestamp>,
    meta: &'d serde_json::Map<String, serde_json::Value>,
}

impl<'d> Payload<'d> {
    pub(super) fn of(doc: &'d Document) -> Self {
        Self {
            schema: SCHEMA,
            vault_id: &doc.vault_id,
            environment: doc.environment.as_deref(),
            generation: doc.generation,
            prev: doc.prev.as_deref(),
            ancestors: &doc.ancestry,
            continuity: &doc.continuity,
            former: Keys(&doc.former),
            recipients: &doc.recipients,
            names: &doc.names,
            secrets: Secrets(&doc.secrets),
            removed: &doc.removed,
            meta: &doc.meta,
        }
    }
}

/// Keys in base64.
struct Keys<'d>(&'d [Zeroizing<Vec<u8>>]);

impl Keys<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Keys<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let keys = self.0.iter().map(|key| Zeroizing::new(BASE64.encode(key)));
        serializer.collect_seq(keys.map(Text))
    }
}

struct Text(Zeroizing<String>);

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

struct Secrets<'d>(&'d BTreeMap<String, SecretEntry>);

impl Serialize for Secrets<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, entry)| (name, Entry::of(entry))))
    }
}

#[derive(Serialize)]
pub(super) struct Entry<'d> {
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    fields: &'d [String],
    current: Option<&'d str>,
    previous: Option<&'d str>,
    pending: Option<&'d str>,
    versions: Versions<'d>,
    #[serde(skip_serializing_if = "Facts::is_empty")]
    ext: &'d Facts,
}

impl<'d> Entry<'d> {
    pub(super) fn of(entry: &'d SecretEntry) -> Self {
        Self {
            fields: &entry.fields,
            current: entry.current.as_deref(),
            previous: entry.previous.as_deref(),
            pending: entry.pending.as_deref(),
            versions: Versions(&entry.versions),
            ext: &entry.ext,
        }
    }
}

struct Versions<'d>(&'d [VersionEntry]);

impl Serialize for Versions<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Version::of))
    }
}

#[derive(Serialize)]
struct Version<'d> {
    id: &'d str,
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'d str>,
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "some_base64"
    )]
    base64: Option<&'d [u8]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fields: Option<Fields<'d>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rotation: Option<&'d str>,
    state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unrevoked: Option<Unrevoked>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    exposed_to: &'d [String],
    #[serde(skip_serializing_if = "Facts::is_empty")]
    ext: &'d Facts,
}

impl<'d> Version<'d> {
    fn of(version: &'d VersionEntry) -> Self {
        let single = match &version.value {
            Some(StoredValue::Single(secret)) => Some(secret),
            _ => None,
        };
        let fields = match &version.value {
            Some(StoredValue::Fields(parts)) => Some(Fields(parts)),
            _ => None,
        };
        let value = single.and_then(Secret::expose_text);
        Self {
            id: &version.id,
            created_at: version.created_at,
            value,
            base64: single.filter(|_| value.is_none()).map(Secret::expose),
            fields,
            expires_at: version.expires_at,
            run: version.run.as_deref(),
            rotation: version.rotation.as_deref(),
            state: version.state,
            note: version.note.as_deref(),
            unrevoked: version.unrevoked,
            exposed_to: &version.exposed_to,
            ext: &version.ext,
        }
    }
}

/// The fields of a record, in their order.
struct Fields<'d>(&'d [(String, Secret)]);

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, secret)| (name, Part(secret))))
    }
}

/// Text as it is; other bytes as `{"base64": …}`.
struct Part<'d>(&'d Secret);

#[derive(Serialize)]
struct Bytes<'d> {
    #[serde(serialize_with = "base64")]
    base64: &'d [u8],
}

impl Serialize for Part<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.expose_text() {
            Some(text) => serializer.serialize_str(text),
            None => Bytes {
                base64: self.0.expose(),
            }
            .serialize(serializer),
        }
    }
}

fn base64<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&Zeroizing::new(BASE64.encode(bytes)))
}

fn some_base64<S: Serializer>(bytes: &Option<&[u8]>, serializer: S) -> Result<S::Ok, S::Error> {
    match bytes {
        Some(bytes) => base64(bytes, serializer),
        None => serializer.serialize_none(),
    }
}
