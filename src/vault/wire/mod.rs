//! The document as JSON, the payload of the age file: readable with `age --decrypt` and any JSON tool.
//!
//! This is the only place where values stand in JSON. `serde_json`'s errors quote what they read, so none is passed on.

mod out;

use super::ancestry::Ancestry;
use super::document::{
    Document, Facts, SCHEMA, SCHEMA_BEFORE, SecretEntry, State, StoredValue, Unrevoked,
    VersionEntry,
};
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
    environment: Option<String>,
    generation: u64,
    prev: Option<String>,
    #[serde(default)]
    ancestors: Ancestry,
    continuity: Text,
    #[serde(default)]
    former: Vec<Text>,
    recipients: Vec<String>,
    #[serde(default)]
    names: BTreeMap<String, String>,
    secrets: BTreeMap<String, Entry>,
    #[serde(default)]
    removed: BTreeMap<String, Timestamp>,
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
    #[serde(default)]
    ext: Facts,
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
    unrevoked: Option<Unrevoked>,
    #[serde(default)]
    exposed_to: Vec<String>,
    #[serde(default)]
    ext: Facts,
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
        in_order(deserializer).map(Self)
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        in_order(deserializer).map(Self)
    }
}

/// The members of an object in their order, also those that stand there twice.
fn in_order<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> std::result::Result<Vec<(String, T)>, D::Error> {
    struct Visitor<T>(std::marker::PhantomData<T>);
    impl<'de, T: Deserialize<'de>> serde::de::Visitor<'de> for Visitor<T> {
        type Value = Vec<(String, T)>;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: serde::de::MapAccess<'de>>(
            self,
            mut map: A,
        ) -> std::result::Result<Self::Value, A::Error> {
            let mut members = Vec::new();
            while let Some(entry) = map.next_entry()? {
                members.push(entry);
            }
            Ok(members)
        }
    }
    deserializer.deserialize_map(Visitor(std::marker::PhantomData))
}

/// The fields of a record in a JSON object of its own; `None` when it is none.
pub(super) fn parts(bytes: &[u8]) -> Option<Vec<(String, Secret)>> {
    let fields: Fields = serde_json::from_slice(bytes).ok()?;
    let parts = fields
        .0
        .into_iter()
        .map(|(name, part)| Some((name, part_in(part)?)));
    parts.collect()
}

/// Values and records by name, folders joined by `/`; `None` for anything else.
pub(super) fn tree(bytes: &[u8]) -> Option<Vec<(String, StoredValue)>> {
    let Node::Branch(all) = serde_json::from_slice(bytes).ok()? else {
        return None;
    };
    let mut found = Vec::new();
    for (name, node) in all.0 {
        leaves(name, node, &mut found)?;
    }
    Some(found)
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Node {
    Leaf(Part),
    Branch(Members),
}

/// The members of an object, in their order.
struct Members(Vec<(String, Node)>);

fn leaves(name: String, node: Node, found: &mut Vec<(String, StoredValue)>) -> Option<()> {
    match node {
        Node::Leaf(part) => found.push((name, StoredValue::Single(part_in(part)?))),
        Node::Branch(members) => {
            let folder = members
                .0
                .iter()
                .any(|(_, node)| matches!(node, Node::Branch(_)));
            let mut parts = Vec::new();
            for (member, node) in members.0 {
                match node {
                    Node::Leaf(part) if !folder => parts.push((member, part_in(part)?)),
                    node => leaves(format!("{name}/{member}"), node, found)?,
                }
            }
            if !parts.is_empty() {
                found.push((name, StoredValue::Fields(parts)));
            }
        }
    }
    Some(())
}

fn part_in(part: Part) -> Option<Secret> {
    match part {
        Part::Text(text) => Some(Secret::new(take(text))),
        Part::Bytes(bytes) => unbase64("", &bytes.base64).ok(),
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

/// The bytes of one secret's entry: equal when the entries are, whoever wrote them.
pub(super) fn entry_bytes(entry: &SecretEntry) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(entry.versions.len() * 512 + 512));
    // Writing to memory what `encode` writes cannot fail; an entry that did would differ from every other.
    drop(serde_json::to_writer(&mut *bytes, &out::Entry::of(entry)));
    bytes
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
        Ok(head) if [SCHEMA, SCHEMA_BEFORE].contains(&head.schema.as_str()) => {}
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
    let continuity = key(&payload.continuity)?;
    let former = payload.former.iter().map(key).collect::<Result<Vec<_>>>()?;
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
        environment: payload.environment,
        generation: payload.generation,
        prev: payload.prev,
        ancestry: payload.ancestors,
        continuity,
        former,
        recipients: payload.recipients,
        names: payload.names,
        secrets,
        removed: payload.removed,
        meta: payload.meta,
    })
}

fn key(text: &Text) -> Result<Zeroizing<Vec<u8>>> {
    let key = BASE64.decode(text.0.as_bytes()).map(Zeroizing::new);
    match key {
        Ok(key) if key.len() == 32 => Ok(key),
        Ok(_) => Err(malformed("its continuity key is not 32 bytes long")),
        Err(_) => Err(malformed("its continuity key is not base64")),
    }
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
        ext: entry.ext,
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
        unrevoked: version.unrevoked,
        exposed_to: version.exposed_to,
        ext: version.ext,
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
    .help("restore the file from a copy; the `.prev` file beside it is one change older, and `rot vault accept` takes it")
}
