//! Values in the forms of other programs, read. What is wrong is named by line or name, never by a value.

use super::document::StoredValue;
use super::{Secret, wire};
use crate::diagnostic::{Error, Failure, Result, codes};
use zeroize::Zeroizing;

/// One value under the name that it has elsewhere.
pub struct Foreign {
    /// That name.
    pub name: String,
    /// The value, or the fields of a record.
    pub value: StoredValue,
}

/// A record from a JSON object of texts.
///
/// # Errors
/// ROT812 when it is none.
pub fn record(bytes: &[u8]) -> Result<Vec<(String, Secret)>> {
    wire::parts(bytes).ok_or_else(|| {
        bad("that is no record").help(
            "write one JSON object of texts: `{\"user\": \"…\", \"password\": \"…\"}`; numbers in quotes, other bytes as `{\"base64\": \"…\"}`",
        )
    })
}

/// One JSON object: a text is a value, an object of texts a record; objects in objects are folders.
///
/// # Errors
/// ROT812 when it is none.
pub fn json(bytes: &[u8]) -> Result<Vec<Foreign>> {
    let all = wire::tree(bytes).ok_or_else(|| {
        bad("the file is no JSON object of texts and records")
            .help("numbers, lists and nulls have no place in it; write numbers in quotes")
    })?;
    Ok(all
        .into_iter()
        .map(|(name, value)| Foreign { name, value })
        .collect())
}

/// `NAME=value` lines: bare, in single quotes (as it stands) or in double quotes (`\\n`, `\\"`, `\\\\`, `\\$`). Comments and
/// `export` are passed over.
///
/// # Errors
/// ROT812 with the line.
pub fn dotenv(bytes: &[u8]) -> Result<Vec<Foreign>> {
    let text = std::str::from_utf8(bytes).map_err(|_| bad("the file is not UTF-8 text"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let behind = |at: usize| text.get(at..).unwrap_or_default();
    let line_of = |at: usize| behind(at).split('\n').next().unwrap_or_default();
    let mut found: Vec<Foreign> = Vec::new();
    let mut at = 0;
    let mut number = 1;
    while at < text.len() {
        let start = at;
        let line = line_of(at);
        let at_line = |what: &str| bad(&format!("line {number} {what}"));
        if line.trim().is_empty() || line.trim_start().starts_with('#') {
            at += line.len() + 1;
            number += 1;
            continue;
        }
        let Some((head, value)) = line.split_once('=') else {
            return Err(at_line("is not `NAME=value`"));
        };
        let name = head.trim();
        let name = name.strip_prefix("export ").unwrap_or(name).trim();
        if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c == '"') {
            return Err(at_line("has no name before its `=`"));
        }
        if found.iter().any(|f| f.name == name) {
            return Err(at_line("sets a name that was set before"));
        }
        let blanks = value.len() - value.trim_start_matches([' ', '\t']).len();
        let value_at = at + head.len() + 1 + blanks;
        let first = behind(value_at).chars().next();
        let secret = match first.filter(|c| matches!(c, '\'' | '"')) {
            None => {
                let bare = line_of(value_at);
                at = value_at + bare.len() + 1;
                let bare = bare.split_once(" #").map_or(bare, |(bare, _)| bare);
                Secret::from_text(bare.trim_end())
            }
            // It may go over several lines.
            Some(quote) => {
                let (secret, length) = quoted(behind(value_at + 1), quote)
                    .ok_or_else(|| at_line("has a quote that is never closed"))?;
                let end = value_at + 1 + length;
                let tail = line_of(end);
                if !tail.trim().is_empty() && !tail.trim_start().starts_with('#') {
                    return Err(at_line("has something behind its closing quote"));
                }
                at = end + tail.len() + 1;
                secret
            }
        };
        let passed = text.get(start..at.min(text.len())).unwrap_or_default();
        number += passed.matches('\n').count();
        found.push(Foreign {
            name: name.to_owned(),
            value: StoredValue::Single(secret),
        });
    }
    Ok(found)
}

/// What stands before the closing quote, and how many bytes it takes with that.
fn quoted(text: &str, quote: char) -> Option<(Secret, usize)> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut chars = text.char_indices();
    let mut buffer = [0u8; 4];
    while let Some((at, c)) = chars.next() {
        if c == quote {
            return Some((Secret::new(bytes), at + 1));
        }
        let c = match (quote, c) {
            ('"', '\\') => match chars.next()?.1 {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                escaped @ ('"' | '\\' | '$' | '`') => escaped,
                other => {
                    bytes.push(b'\\');
                    other
                }
            },
            _ => c,
        };
        bytes.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes());
    }
    None
}

/// A name of ours for one of another program: what it allows and we do not becomes `-`, and no segment stays empty.
pub fn name_for(theirs: &str) -> String {
    let segments = theirs.split('/').map(|segment| {
        let clean: String = segment
            .chars()
            .map(|c| match c {
                c if c.is_ascii_alphanumeric() || c == '_' || c == '-' => c,
                _ => '-',
            })
            .collect();
        clean.trim_matches(['-', '_']).to_owned()
    });
    let segments: Vec<String> = segments.filter(|segment| !segment.is_empty()).collect();
    segments.join("/")
}

fn bad(message: &str) -> Error {
    Error::plain(Failure::Usage, codes::VAULT_BAD_VALUE, message)
}
