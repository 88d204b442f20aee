//! What is looked for of a value: itself, without what surrounds it, and its lines; and which values are not looked for.
//!
//! A value that any text holds (a blank, a number of three digits, a common word) cannot be masked: its stars would stand
//! all over the output, and where they stand would tell what it is. Such values are kept out by their type alone.

/// Values shorter than this are looked for as whole tokens only: as parts of words they would wreck the output.
const SHORT: usize = 6;
/// Lines of a value that spans several are looked for one by one from this length on.
const LINE: usize = 8;

/// How a value is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Match {
    /// Wherever it stands.
    Anywhere,
    /// As a whole token.
    Token,
}

/// Gives `add` everything that is looked for of `value`.
pub(super) fn parts(
    value: &[u8],
    is_public: impl Fn(&str) -> bool,
    mut add: impl FnMut(&[u8], Match),
) {
    let Ok(text) = std::str::from_utf8(value) else {
        if value.len() >= LEAST {
            add(value, how(value));
        }
        return;
    };
    let mut piece = |part: &str| {
        if !is_common(part) && !is_public(part) {
            add(part.as_bytes(), how(part.as_bytes()));
        }
    };
    piece(text);
    let trimmed = text.trim();
    if trimmed != text {
        piece(trimmed);
    }
    if let Some(inner) = trimmed.strip_prefix('"').and_then(|t| t.strip_suffix('"')) {
        piece(inner);
    }
    if trimmed.contains('\n') {
        text.lines()
            .map(str::trim)
            .filter(|line| line.chars().count() >= LINE && !is_armor(line))
            .for_each(piece);
    }
}

fn how(part: &[u8]) -> Match {
    if part.len() < SHORT {
        Match::Token
    } else {
        Match::Anywhere
    }
}

/// `-----BEGIN PRIVATE KEY-----`: the same around every key.
fn is_armor(line: &str) -> bool {
    line.starts_with("-----") && line.ends_with("-----")
}

/// Fewer characters say nothing.
const LEAST: usize = 3;
/// Fewer letters or digits alone are in any text: status codes, ports, abbreviations.
const PLAIN: usize = 5;

/// Whether a value is in any text, whatever the secret is.
fn is_common(part: &str) -> bool {
    let count = part.trim().chars().count();
    if count < LEAST {
        return true;
    }
    if !part.chars().any(char::is_alphanumeric) {
        return part.len() < SHORT;
    }
    let (digits, letters) = (
        part.bytes().all(|b| b.is_ascii_digit()),
        part.bytes().all(|b| b.is_ascii_alphabetic()),
    );
    if digits || letters {
        return count < PLAIN || (letters && is_word(part));
    }
    false
}

fn is_word(part: &str) -> bool {
    WORDS
        .split_ascii_whitespace()
        .any(|word| word.eq_ignore_ascii_case(part))
}

/// Words of this program's own output and of the texts around it, and what people take for passwords.
const WORDS: &str = include_str!("words.txt");
