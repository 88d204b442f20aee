//! The compiled plan as a file: versioned JSON in canonical form with a digest inside.
//!
//! The digest finds damage and careless edits; it is no signature, since who writes the file can write the digest too.
//! Errors name keys and places, never values of the file.

pub mod canonical;
mod strict;

use super::Plan;
use crate::diagnostic::{Code, Error, Failure, Result, codes};
use serde_json::{Map, Value};

/// The format and its version.
pub const SCHEMA: &str = "rot.plan/v1";
/// The format without its version.
const FAMILY: &str = "rot.plan/v";
const VERSION: u32 = 1;
/// Largest file that is read.
pub const MAX_BYTES: usize = 16 * 1024 * 1024;

/// The text of a compiled plan: an object with `digest`, `made_by`, `plan` and `schema`, keys in canonical order, indented
/// for diffs. The digest is over the canonical compact form (RFC 8785) of `plan`.
pub fn encode(plan: &Plan) -> String {
    let plan = to_value(plan);
    let mut document = Map::new();
    document.insert("schema".into(), SCHEMA.into());
    document.insert("digest".into(), digest(&plan).into());
    document.insert(
        "made_by".into(),
        concat!("rot ", env!("CARGO_PKG_VERSION")).into(),
    );
    document.insert("plan".into(), plan);
    let mut text = canonical::pretty(&Value::Object(document));
    text.push('\n');
    text
}

/// The digest of a plan as it stands in its file: `sha256:` and lower-case hexadecimal. Equal plans have equal digests.
pub fn digest_of(plan: &Plan) -> String {
    digest(&to_value(plan))
}

/// Reads a compiled plan. Refuses what is no JSON, of another format, of a newer version, changed since it was made, or
/// holds a member that this version does not know.
pub fn decode(text: &str) -> Result<Plan> {
    if text.len() > MAX_BYTES {
        let message = format!("the compiled plan is larger than {} MiB", MAX_BYTES >> 20);
        return Err(refuse(codes::UNREADABLE_INPUT, message)
            .help("no plan is that large: look whether this is the right file"));
    }
    let Value::Object(mut document) = strict::read(text)? else {
        return Err(refuse(
            codes::SCHEMA_VERSION,
            "the file is JSON, but no compiled plan: it is not an object",
        )
        .help(REMAKE));
    };
    check_schema(&document)?;
    if let Some(key) = document
        .keys()
        .find(|key| !["schema", "digest", "made_by", "plan"].contains(&key.as_str()))
    {
        return Err(unknown_member(&format!("/{}", shown(key))));
    }
    if !document.get("made_by").is_some_and(Value::is_string) {
        return Err(missing("made_by"));
    }
    let Some(Value::String(stated)) = document.remove("digest") else {
        return Err(missing("digest"));
    };
    let Some(plan) = document.remove("plan") else {
        return Err(missing("plan"));
    };
    if digest(&plan) != stated {
        return Err(Error::plain(
            Failure::Tampered,
            codes::PLAN_TAMPERED,
            "the compiled plan was changed after it was made: its content does not match its digest",
        )
        .help("compile it again from its source; if nobody edited it, find out who did before you run it"));
    }
    let read: Plan = serde_json::from_value(plan.clone()).map_err(|_| {
        refuse(codes::PLAN_NEWER, "the compiled plan holds something that this version of rot, or this machine, does not know")
            .help("compile it again with this version; a time zone in it must be in this machine's time-zone database")
    })?;
    // What was not understood is lost on the way back.
    match difference(&plan, &to_value(&read), &mut String::new()) {
        Some(place) => Err(unknown_member(&format!("/plan{place}"))),
        None => Ok(read),
    }
}

const REMAKE: &str = "make it with `rot compile FILE -o OUT.plan.json`";

fn refuse(code: Code, message: impl Into<String>) -> Error {
    Error::plain(Failure::Usage, code, message)
}

fn missing(key: &str) -> Error {
    refuse(
        codes::MISSING_REQUIRED,
        format!("the compiled plan has no `{key}`"),
    )
    .help(REMAKE)
}

fn unknown_member(pointer: &str) -> Error {
    refuse(
        codes::PLAN_NEWER,
        format!("the compiled plan holds `{pointer}`, which this version of rot does not know"),
    )
    .help("compile it again with this version of rot, or update rot")
}

fn check_schema(document: &Map<String, Value>) -> Result<()> {
    let schema = document.get("schema").and_then(Value::as_str);
    if schema == Some(SCHEMA) {
        return Ok(());
    }
    let version = schema
        .and_then(|s| s.strip_prefix(FAMILY))
        .filter(|v| !v.is_empty() && v.bytes().all(|b| b.is_ascii_digit()));
    match version.map(|v| v.parse::<u32>().unwrap_or(u32::MAX)) {
        Some(version) if version > VERSION => Err(refuse(
            codes::PLAN_NEWER,
            format!(
                "the compiled plan has a newer format than this version of rot reads (`{SCHEMA}`)"
            ),
        )
        .help("update rot, or compile the source again with this version")),
        _ => Err(refuse(
            codes::SCHEMA_VERSION,
            format!("the file is no compiled plan: its `schema` is not `{SCHEMA}`"),
        )
        .help(REMAKE)),
    }
}

fn digest(plan: &Value) -> String {
    let hash = ring::digest::digest(&ring::digest::SHA256, canonical::compact(plan).as_bytes());
    hash.as_ref()
        .iter()
        .fold(String::from("sha256:"), |mut text, byte| {
            text.push_str(&format!("{byte:02x}"));
            text
        })
}

/// Plans hold nothing that JSON cannot: no maps with other keys than texts, no numbers but whole ones.
fn to_value(plan: &Plan) -> Value {
    serde_json::to_value(plan).unwrap_or(Value::Null)
}

/// A key for a message: no control characters, not long.
fn shown(key: &str) -> String {
    let mut text: String = key.chars().take(64).flat_map(char::escape_debug).collect();
    if key.chars().nth(64).is_some() {
        text.push('…');
    }
    text
}

/// JSON Pointer of the first place where `theirs` says something else than `ours`.
fn difference(theirs: &Value, ours: &Value, place: &mut String) -> Option<String> {
    let step = |place: &mut String, name: &str, theirs: &Value, ours: &Value| {
        let length = place.len();
        place.push('/');
        place.push_str(name);
        let found = difference(theirs, ours, place);
        place.truncate(length);
        found
    };
    match (theirs, ours) {
        (Value::Object(theirs), Value::Object(ours)) => {
            if let Some((key, _)) = theirs.iter().find(|(key, _)| !ours.contains_key(*key)) {
                return Some(format!("{place}/{}", shown(key)));
            }
            if let Some((key, _)) = ours.iter().find(|(key, _)| !theirs.contains_key(*key)) {
                return Some(format!("{place}/{}", shown(key)));
            }
            theirs
                .iter()
                .find_map(|(key, value)| step(place, &shown(key), value, ours.get(key)?))
        }
        (Value::Array(theirs), Value::Array(ours)) if theirs.len() == ours.len() => theirs
            .iter()
            .zip(ours)
            .enumerate()
            .find_map(|(i, (a, b))| step(place, &i.to_string(), a, b)),
        (theirs, ours) if theirs == ours => None,
        _ => Some(place.clone()),
    }
}
