//! Which names are names.

pub use crate::vault::name::{MAX_SEGMENT as MAX_NAME, is_secret_name};

/// The keys under which Conductor hides values from whoever looks at an execution.
pub const MASKS: [&str; 2] = ["_secrets", "_masked"];

/// Whether Conductor hides what stands under `key`.
pub fn is_mask(key: &str) -> bool {
    MASKS.contains(&key)
}

/// Whether `name` may stand bare in `.rot` source: `[A-Za-z_][A-Za-z0-9_-]*`, at most 128 characters, and not ending in `-`.
pub fn is_identifier(name: &str) -> bool {
    let mut chars = name.chars();
    chars
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && name.len() <= MAX_NAME
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

/// Whether a name is of a pattern, in which `*` stands for any characters but `/`.
pub fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = name.strip_prefix(parts.next().unwrap_or_default()) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, between)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in between {
        let Some((skipped, behind)) = rest.split_once(part) else {
            return false;
        };
        if skipped.contains('/') {
            return false;
        }
        rest = behind;
    }
    rest.strip_suffix(last)
        .is_some_and(|skipped| !skipped.contains('/'))
}

/// A header of an answer by the name that servers give it over HTTP/1.1: `Content-Type`. The same header has one name, in
/// whatever case it came or is asked for (RFC 9110 section 5.1).
pub fn header_name(name: &str) -> String {
    const OTHERS: [&str; 4] = ["ETag", "WWW-Authenticate", "DNT", "TE"];
    if let Some(known) = OTHERS.iter().find(|known| known.eq_ignore_ascii_case(name)) {
        return (*known).to_owned();
    }
    let mut begins = true;
    let letter = |c: char| {
        let upper = std::mem::replace(&mut begins, c == '-');
        if upper {
            c.to_ascii_uppercase()
        } else {
            c.to_ascii_lowercase()
        }
    };
    name.chars().map(letter).collect()
}
