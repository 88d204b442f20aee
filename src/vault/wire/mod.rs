//! The document as JSON, the payload of the age file: readable with `age --decrypt` and any JSON tool.
//!
//! This is the only place where values stand in JSON. `serde_json`'s errors quote what they read, so none is passed on.

mod out;

use super::document::{Document, SCHEMA, SecretEntry, State, StoredValue, VersionEntry};
use super::{Secret, name};
use crate::diagnostic::{Error, Failure, Result, codes};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use std::collections::{BTreeMap, HashSet};
use zeroize::Zeroizing;

/// A text that is wiped on drop.
#[derive(Clone)]
struct Text(Zeroizing<String>);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Zeroizing::new(text)))
    }
}

#[derive(Deserialize)]
struct Head {
    schema: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Payload {
    /// Looked at before the rest ([`Head`]).
    #[serde(rename = "schema")]
    _schema: String,
    vault_id: String,
    generation: u64,
    prev: Option<String>,
    continuity: Text,
    recipients: Vec<String>,
    secrets: BTreeMap<String, Entry>,
    #[serde(default)]
    meta: serde_json::Map<String, serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    #[serde(default)]
    fields: Vec<String>,
    current: Option<String>,
    previous: Option<String>,
    pending: Option<String>,
    versions: Vec<Version>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Version {
    id: String,
    created_at: Timestamp,
    value: Option<Text>,
    base64: Option<Text>,
    fields: Option<Fields>,
    expires_at: Option<Timestamp>,
    run: Option<String>,
    rotation: Option<String>,
    state: State,
    note: Option<String>,
}

/// The fields of a record, in their order.
struct Fields(Vec<(String, Part)>);

#[derive(Deserialize)]
#[serde(untagged)]
enum Part {
    Text(Text),
    Bytes(Bytes),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bytes {
    base64: Text,
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Fields;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object of fields")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> std::result::Result<Fields, A::Error> {
                let mut fields = Vec::new();
                while let Some(entry) = map.next_entry::<String, Part>()? {
                    fields.push(entry);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

/// Writes a document. The same document gives the same bytes.
pub(super) fn encode(doc: &Document) -> Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(room(doc)));
    serde_json::to_writer_pretty(&mut *bytes, &out::Payload::of(doc)).map_err(|_| {
        Error::plain(
            Failure::Internal,
            codes::INTERNAL,
            "the vault's document could not be written as JSON",
        )
    })?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// An estimate, so that the buffer seldom grows and leaves copies behind.
fn room(doc: &Document) -> usize {
    let values = doc.secrets.values().flat_map(|e| &e.versions).map(|v| {
        let value = v.value.as_ref().map_or(0, |value| {
            value.parts().iter().map(|(_, s)| s.len() * 2 + 64).sum()
        });
        value + 512
    });
    values.sum::<usize>() + doc.secrets.len() * 512 + 4096
}

/// Reads a document and checks that it hangs together.
pub(super) fn decode(bytes: &[u8]) -> Result<Document> {
    match serde_json::from_slice::<Head>(bytes) {
        Ok(head) if head.schema == SCHEMA => {}
        Ok(head) if head.schema.starts_with("rot.vault/") => {
            return Err(Error::plain(
                Failure::Usage,
                codes::VAULT_FORMAT,
                "the vault was written by a newer rot",
            )
            .note(format!("this program knows `{SCHEMA}`"))
            .help("update rot; `age --decrypt` still shows the content"));
        }
        _ => return Err(malformed("its content is not a vault's document")),
    }
    let payload: Payload = serde_json::from_slice(bytes).map_err(|error| {
        malformed(&format!(
            "its document is not of the form {SCHEMA}, at line {}, column {}",
            error.line(),
            error.column()
        ))
    })?;
    let continuity = Zeroizing::new(
        BASE64
            .decode(payload.continuity.0.as_bytes())
            .map_err(|_| malformed("its continuity key is not base64"))?,
    );
    if continuity.len() != 32 {
        return Err(malformed("its continuity key is not 32 bytes long"));
    }
    if !is_uuid(&payload.vault_id) {
        return Err(malformed("its id is not a UUID"));
    }
    let mut secrets = BTreeMap::new();
    for (name, entry) in payload.secrets {
        let entry = entry_in(&name, entry)?;
        secrets.insert(name, entry);
    }
    Ok(Document {
        vault_id: payload.vault_id,
        generation: payload.generation,
        prev: payload.prev,
        continuity,
        recipients: payload.recipients,
        secrets,
        meta: payload.meta,
    })
}

fn entry_in(secret: &str, entry: Entry) -> Result<SecretEntry> {
    if !name::is_secret_name(secret) {
        return Err(malformed("it holds a secret with a name that is none"));
    }
    let mut ids = HashSet::new();
    let mut versions = Vec::with_capacity(entry.versions.len());
    for version in entry.versions {
        if !ids.insert(version.id.clone()) {
            return Err(malformed(&format!(
                "secret `{secret}` has two versions with one id"
            )));
        }
        versions.push(version_in(secret, version)?);
    }
    for label in [&entry.current, &entry.previous, &entry.pending]
        .into_iter()
        .flatten()
    {
        if !ids.contains(label) {
            return Err(malformed(&format!(
                "secret `{secret}` has a label on a version that is not there"
            )));
        }
    }
    Ok(SecretEntry {
        fields: entry.fields,
        current: entry.current,
        previous: entry.previous,
        pending: entry.pending,
        versions,
    })
}

fn version_in(secret: &str, version: Version) -> Result<VersionEntry> {
    let value = match (version.value, version.base64, version.fields) {
        (None, None, None) => None,
        (Some(text), None, None) => Some(StoredValue::Single(Secret::new(take(text)))),
        (None, Some(text), None) => Some(StoredValue::Single(unbase64(secret, &text)?)),
        (None, None, Some(fields)) => {
            let mut parts: Vec<(String, Secret)> = Vec::with_capacity(fields.0.len());
            for (field, part) in fields.0 {
                if !name::is_field_name(&field) || parts.iter().any(|(n, _)| *n == field) {
                    return Err(malformed(&format!(
                        "secret `{secret}` has a field twice, or with a name that is none"
                    )));
                }
                let value = match part {
                    Part::Text(text) => Secret::new(take(text)),
                    Part::Bytes(bytes) => unbase64(secret, &bytes.base64)?,
                };
                parts.push((field, value));
            }
            Some(StoredValue::Fields(parts))
        }
        _ => {
            return Err(malformed(&format!(
                "secret `{secret}` has a version with more than one value"
            )));
        }
    };
    Ok(VersionEntry {
        id: version.id,
        created_at: version.created_at,
        value,
        expires_at: version.expires_at,
        run: version.run,
        rotation: version.rotation,
        state: version.state,
        note: version.note,
    })
}

/// Moves the bytes out without a copy.
fn take(mut text: Text) -> Vec<u8> {
    std::mem::take(&mut *text.0).into_bytes()
}

fn unbase64(secret: &str, text: &Text) -> Result<Secret> {
    let bytes = BASE64.decode(text.0.as_bytes());
    bytes
        .map(Secret::new)
        .map_err(|_| malformed(&format!("secret `{secret}` has a value that is not base64")))
}

/// Eight, four, four, four and twelve lower-case hexadecimal digits. The id becomes a file name, so nothing else may pass.
fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    groups.iter().map(|g| g.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|g| {
            g.bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        })
}

fn malformed(what: &str) -> Error {
    Error::plain(
        Failure::Tampered,
        codes::VAULT_FORMAT,
        format!("the vault opened, but {what}"),
    )
    .note("a file that only the holder of a recipient could write is not proof of who wrote it")
    .help("restore the file from a copy, for example the `.prev` file beside it")
}
