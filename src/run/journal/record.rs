//! One record of a journal: frame, plain header, sealed payload, chain tag.
//!
//! ```text
//! magic "ROTJ" | body length u32 | sequence u32 | check 4 B | header length u32 | header JSON | payload | tag 32 B
//! ```
//!
//! Numbers are big-endian. `check` is the start of the SHA-256 of what stands before it, so that a damaged length is not
//! taken for a torn end. `tag` is HMAC-SHA-256 over the tag of the record before and everything of this one: it finds
//! changed, reordered, dropped and forged records. The header holds nothing secret and no value; the payload is sealed
//! to the vault's recipients.

use serde::{Deserialize, Serialize};

/// Start of each record.
const MAGIC: &[u8; 4] = b"ROTJ";
/// Magic, length, sequence, check.
const FRAME: usize = 16;
/// The chain tag.
pub(super) const TAG: usize = 32;
/// No record is larger: a body of 16 MiB, sealed and in an envelope.
const MAX_BODY: usize = 40 << 20;

/// What a record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The run began. Payload: inputs, environment, versions of secrets.
    Begin,
    /// A call that changes something is about to be made.
    Intent,
    /// A whole answer came. Payload: the raw answer.
    Answer,
    /// No byte left this machine, or the server proved that it did nothing.
    NotSent,
    /// It may or may not have been executed. Payload: what came of the answer.
    Unknown,
    /// A value that cannot be computed again. Payload: the value.
    Value,
    /// A new version is pending in the vault.
    Staged,
    /// Verification succeeded.
    Verified,
    /// The pending version is current.
    Promoted,
    /// The old credential is about to be revoked.
    RevokeIntent,
    /// The old credential is revoked, or its revocation is scheduled.
    Revoked,
    /// A wait was begun; header: until when.
    Waiting,
    /// An attempt of the whole run failed; header: code.
    Failed,
    /// Nothing more happens by itself: a person is needed.
    Halted,
    /// A person decided; header: `retry`, `abandon`, `accept`.
    Acknowledged,
    /// The run is over; header: status.
    Ended,
}

/// What stands in clear beside a record: nothing secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// What it says.
    pub kind: Kind,
    /// The step, with its loop rounds; empty for the run itself.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub step: String,
    /// When.
    pub at: jiff::Timestamp,
    /// More facts: attempt, status, rotation, digest, code, until.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub facts: serde_json::Map<String, serde_json::Value>,
}

/// A record as read.
#[derive(Debug)]
pub struct Record {
    /// In clear.
    pub header: Header,
    /// Sealed; empty when there is none.
    pub sealed: Vec<u8>,
}

/// Why bytes are not a record.
#[derive(Debug, PartialEq, Eq)]
pub enum Damage {
    /// The file ends within it: the process died while writing it.
    Torn,
    /// Anything else.
    Corrupt,
}

/// The bytes of a record, and its tag.
pub fn encode(
    key: &ring::hmac::Key,
    previous: &[u8; TAG],
    sequence: u32,
    header: &Header,
    sealed: &[u8],
) -> Option<(Vec<u8>, [u8; TAG])> {
    let header = serde_json::to_vec(header).ok()?;
    let body = 4 + header.len() + sealed.len();
    if body > MAX_BODY {
        return None;
    }
    let mut bytes = Vec::with_capacity(FRAME + body + TAG);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&u32::try_from(body).ok()?.to_be_bytes());
    bytes.extend_from_slice(&sequence.to_be_bytes());
    let check = check(&bytes);
    bytes.extend_from_slice(&check);
    bytes.extend_from_slice(&u32::try_from(header.len()).ok()?.to_be_bytes());
    bytes.extend_from_slice(&header);
    bytes.extend_from_slice(sealed);
    let tag = tag(key, previous, &bytes);
    bytes.extend_from_slice(&tag);
    Some((bytes, tag))
}

/// Reads the record at the start of `bytes`: the record, its tag, how many bytes it took.
pub fn decode(
    key: &ring::hmac::Key,
    previous: &[u8; TAG],
    sequence: u32,
    bytes: &[u8],
) -> Result<(Record, [u8; TAG], usize), Damage> {
    let Some(frame) = bytes.get(..FRAME) else {
        // A prefix of the magic, or zeros that a file system left, is a torn start; anything else was never ours.
        let torn = bytes.iter().zip(MAGIC).all(|(a, b)| a == b) || bytes.iter().all(|b| *b == 0);
        return Err(if torn { Damage::Torn } else { Damage::Corrupt });
    };
    if bytes.iter().all(|b| *b == 0) {
        return Err(Damage::Torn);
    }
    if frame.get(..4) != Some(MAGIC)
        || frame.get(12..) != Some(&check(frame.get(..12).unwrap_or_default()))
    {
        return Err(Damage::Corrupt);
    }
    let length = number(frame, 4) as usize;
    if number(frame, 8) != sequence || !(4..=MAX_BODY).contains(&length) {
        return Err(Damage::Corrupt);
    }
    let whole = FRAME + length + TAG;
    let Some(record) = bytes.get(..whole) else {
        return Err(Damage::Torn);
    };
    let (content, found) = record.split_at(whole - TAG);
    let expected = tag(key, previous, content);
    if found != expected {
        return Err(Damage::Corrupt);
    }
    let header_length = number(content, FRAME) as usize;
    let header = content
        .get(FRAME + 4..FRAME + 4 + header_length)
        .ok_or(Damage::Corrupt)?;
    let sealed = content
        .get(FRAME + 4 + header_length..)
        .ok_or(Damage::Corrupt)?;
    let header: Header = serde_json::from_slice(header).map_err(|_| Damage::Corrupt)?;
    Ok((
        Record {
            header,
            sealed: sealed.to_vec(),
        },
        expected,
        whole,
    ))
}

fn number(bytes: &[u8], at: usize) -> u32 {
    bytes
        .get(at..at + 4)
        .and_then(|b| b.try_into().ok())
        .map_or(0, u32::from_be_bytes)
}

fn check(bytes: &[u8]) -> [u8; 4] {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    digest
        .as_ref()
        .get(..4)
        .and_then(|b| b.try_into().ok())
        .unwrap_or_default()
}

fn tag(key: &ring::hmac::Key, previous: &[u8; TAG], content: &[u8]) -> [u8; TAG] {
    let mut context = ring::hmac::Context::with_key(key);
    context.update(previous);
    context.update(content);
    context.sign().as_ref().try_into().unwrap_or_default()
}

/// The header of a record without knowing the key, for listings only: nothing is verified.
pub fn peek(bytes: &[u8]) -> Option<(Header, usize)> {
    if bytes.get(..4)? != MAGIC {
        return None;
    }
    let length = number(bytes, 4) as usize;
    let header_length = number(bytes, FRAME) as usize;
    let header = bytes.get(FRAME + 4..(FRAME + 4).checked_add(header_length)?)?;
    Some((
        serde_json::from_slice(header).ok()?,
        FRAME.checked_add(length)?.checked_add(TAG)?,
    ))
}
