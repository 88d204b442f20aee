//! One record of a journal: frame, plain header, sealed payload, chain tag.
//!
//! ```text
//! magic "RTJ2" | body length u32 | sequence u32 | check 4 B | header length u32 | header JSON | payload | tag 32 B
//! ```
//!
//! Numbers are big-endian. `check` is the start of the SHA-256 of what stands before it, so that a damaged length is not
//! taken for a torn end. `tag` is HMAC-SHA-256 over the tag of the record before and everything of this one: it finds
//! changed, reordered, dropped and forged records. The header holds nothing secret and no value; the payload is sealed
//! to the vault's recipients.

use super::event::Header;

/// Start of each record, with the number of its form. A record of a step names it by a [`StepId`](crate::run::identity::StepId)
/// from form 2 on.
const MAGIC: &[u8; 4] = b"RTJ2";
/// Start of a record of form 1, in which a step was a text.
const MAGIC_1: &[u8; 4] = b"ROTJ";
/// What every later form begins with.
const FAMILY: &[u8; 3] = b"RTJ";
/// Magic, length, sequence, check.
const FRAME: usize = 16;
/// The chain tag.
pub(super) const TAG: usize = 32;
/// No record is larger: a body of 16 MiB, sealed and in an envelope.
const MAX_BODY: usize = 40 << 20;

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
    /// It is whole, and of another form: written by an earlier or a later version of this program.
    Form,
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
    if frame.get(12..) != Some(&check(frame.get(..12).unwrap_or_default())) {
        return Err(Damage::Corrupt);
    }
    if frame.get(..4) != Some(MAGIC) {
        let other = frame.starts_with(MAGIC_1) || frame.starts_with(FAMILY);
        return Err(if other { Damage::Form } else { Damage::Corrupt });
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
    let (header, length) = head(bytes, MAGIC)?;
    Some((serde_json::from_slice(header).ok()?, length))
}

/// Whether a journal of form 1 is that of a run that is over, for listings only: nothing is verified.
pub fn ended_in_form_1(bytes: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct Old {
        kind: String,
    }
    let mut at = 0;
    let mut ended = false;
    while let Some((header, length)) = bytes.get(at..).and_then(|rest| head(rest, MAGIC_1)) {
        let old = serde_json::from_slice::<Old>(header);
        ended |= old.is_ok_and(|old| old.kind == "ended");
        at += length;
    }
    ended
}

/// The text of a record's header, and how many bytes the record takes.
fn head<'b>(bytes: &'b [u8], magic: &[u8; 4]) -> Option<(&'b [u8], usize)> {
    if bytes.get(..4)? != magic {
        return None;
    }
    let length = number(bytes, 4) as usize;
    let header_length = number(bytes, FRAME) as usize;
    let header = bytes.get(FRAME + 4..(FRAME + 4).checked_add(header_length)?)?;
    Some((header, FRAME.checked_add(length)?.checked_add(TAG)?))
}
