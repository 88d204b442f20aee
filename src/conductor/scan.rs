//! The scanner of `${…}`: what `grammar/template.pest` says, by hand, because every string of a definition goes through it.
//! `tests/it/conductor/grammar.rs` holds it to the grammar.

use super::template::{Path, Step, StepKind};
use std::ops::Range;

/// What a token of a string is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// `${` behind this many further `$`.
    Opening(usize),
    /// A `{` that only counts.
    Brace,
    /// `}`
    Close,
    /// Everything else.
    Text,
}

/// A token of a string with its place in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// First byte.
    pub start: usize,
    /// Byte after the last.
    pub end: usize,
}

/// Cuts a string into tokens; together they are the string.
pub fn tokens(text: &str) -> Vec<Token> {
    let bytes = text.as_bytes();
    let mut tokens = Vec::new();
    let (mut at, mut literal) = (0, 0);
    while let Some(step) = bytes
        .get(at..)
        .and_then(|rest| rest.iter().position(|b| matches!(b, b'$' | b'{' | b'}')))
    {
        at += step;
        let dollars = bytes.iter().skip(at).take_while(|b| **b == b'$').count();
        let (kind, end) = match (dollars, bytes.get(at + dollars)) {
            (0, Some(b'{')) => (TokenKind::Brace, at + 1),
            (0, _) => (TokenKind::Close, at + 1),
            (_, Some(b'{')) => (TokenKind::Opening(dollars - 1), at + dollars + 1),
            // Dollars alone are text.
            _ => {
                at += dollars;
                continue;
            }
        };
        if literal < at {
            tokens.push(Token {
                kind: TokenKind::Text,
                start: literal,
                end: at,
            });
        }
        tokens.push(Token {
            kind,
            start: at,
            end,
        });
        (at, literal) = (end, end);
    }
    if literal < bytes.len() {
        tokens.push(Token {
            kind: TokenKind::Text,
            start: literal,
            end: bytes.len(),
        });
    }
    tokens
}

/// Takes `name.field['key'][0]…` apart; what follows the last step that names one place is the tail. `None` when the text does
/// not begin with a name.
pub fn path(text: &str) -> Option<Path> {
    let mut at = if text.starts_with("$.") { 2 } else { 0 };
    let mut steps = Vec::new();
    while let Some(step) = step(text, at, steps.is_empty()) {
        at = step.range.end;
        steps.push(step);
    }
    let tail = text.get(at..).unwrap_or_default().to_owned();
    if steps.is_empty() {
        None
    } else {
        Some(Path {
            steps,
            tail,
            tail_start: at,
        })
    }
}

/// The step at `at`. The first is a bare name or a quoted one; behind it a name stands behind a dot, and must be all that stands there.
fn step(text: &str, at: usize, first: bool) -> Option<Step> {
    let rest = text.get(at..)?;
    if let Some(inside) = rest.strip_prefix('[') {
        return if first {
            quoted(inside, at)
        } else {
            quoted(inside, at).or_else(|| index(inside, at))
        };
    }
    let start = if first {
        at
    } else {
        at + (rest.len() - rest.strip_prefix('.')?.len())
    };
    let behind = text.get(start..)?;
    let end = start
        + behind
            .find(['.', '[', '(', '*', ' '])
            .unwrap_or(behind.len());
    let bounded = first || matches!(text.as_bytes().get(end), None | Some(b'.' | b'['));
    let name = text
        .get(start..end)
        .filter(|name| bounded && !name.is_empty())?;
    Some(Step {
        kind: StepKind::Name(name.to_owned()),
        range: start..end,
    })
}

/// `['key']` or `["key"]`, of which `inside` follows the bracket at `at`.
fn quoted(inside: &str, at: usize) -> Option<Step> {
    let quote = inside.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let mut name = String::new();
    let mut chars = inside.char_indices().skip(1);
    while let Some((offset, c)) = chars.next() {
        match c {
            '\\' => name.push(chars.next()?.1),
            c if c == quote => {
                let closed = inside.get(offset + 1..)?.starts_with(']');
                return closed.then(|| Step {
                    kind: StepKind::Name(name),
                    range: bracket(at, offset + 1),
                });
            }
            c => name.push(c),
        }
    }
    None
}

/// `[0]` or `[-1]`. An index beyond 64 bits is no place in any list.
fn index(inside: &str, at: usize) -> Option<Step> {
    let number = inside.split_once(']')?.0;
    let digits = number.strip_prefix('-').unwrap_or(number);
    let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| Step {
        kind: StepKind::Index(number.parse().unwrap_or(i64::MAX)),
        range: bracket(at, number.len()),
    })
}

/// The place of brackets that open at `at` and hold this many bytes.
fn bracket(at: usize, inside: usize) -> Range<usize> {
    at..at + inside + 2
}
