//! Why a text is not JSON: where, and what was expected there. Never holds a piece of the text.

use crate::diagnostic::{Diagnostic, Edit, codes};
use crate::source::{FileId, Span};
use jsonc_parser::errors::{ParseError, ParseErrorKind};

/// Why a text is not JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    /// What is wrong.
    pub problem: Problem,
    /// First byte of the place.
    pub start: usize,
    /// Byte after the last.
    pub end: usize,
    /// 1-based line.
    pub line: usize,
    /// 1-based column in characters.
    pub column: usize,
}

/// What is wrong with a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// There is nothing in it.
    Empty,
    /// It is not UTF-8.
    NotUtf8,
    /// Arrays and objects are nested too deep.
    TooDeep,
    /// A comma before a closing bracket.
    TrailingComma,
    /// No comma between two values.
    MissingComma,
    /// No colon behind a key.
    MissingColon,
    /// No value where one must stand.
    MissingValue,
    /// A key that is not a string in double quotes.
    Key,
    /// A comment.
    Comment,
    /// A string in single quotes.
    SingleQuotes,
    /// A string without its closing quote.
    OpenString,
    /// A backslash with something behind it that is no escape.
    Escape,
    /// A `\u` escape that is half of a pair.
    Surrogate,
    /// A control character within a string.
    ControlCharacter,
    /// A number in a form that JSON does not have.
    Number,
    /// An array without `]`.
    OpenArray,
    /// An object without `}`.
    OpenObject,
    /// Something behind the value.
    Trailing,
    /// A bare word or sign.
    Unexpected,
}

impl Problem {
    /// What is wrong, as a message without a full stop.
    pub fn message(self) -> &'static str {
        match self {
            Problem::Empty => "the text is empty, a JSON value was expected",
            Problem::NotUtf8 => "the text is not UTF-8",
            Problem::TooDeep => "arrays and objects are nested more than 128 deep",
            Problem::TrailingComma => "JSON has no comma before a closing bracket",
            Problem::MissingComma => "a comma is missing between two values",
            Problem::MissingColon => "a colon is missing behind this key",
            Problem::MissingValue => "a value is missing here",
            Problem::Key => "a key must be a string in double quotes",
            Problem::Comment => "JSON has no comments",
            Problem::SingleQuotes => "JSON strings stand in double quotes",
            Problem::OpenString => "this string has no closing quote",
            Problem::Escape => "this is not an escape that JSON knows",
            Problem::Surrogate => "this `\\u` escape is half of a surrogate pair",
            Problem::ControlCharacter => "a control character within a string must be escaped",
            Problem::Number => "this is not a number as JSON writes it",
            Problem::OpenArray => "this array has no closing `]`",
            Problem::OpenObject => "this object has no closing `}`",
            Problem::Trailing => "something stands behind the end of the JSON value",
            Problem::Unexpected => "a JSON value, a key or a bracket was expected here",
        }
    }

    fn help(self) -> &'static str {
        match self {
            Problem::Empty => "write a Conductor workflow definition, or remove the file",
            Problem::NotUtf8 => "save the file as UTF-8",
            Problem::TooDeep => "flatten the value; nothing that Conductor runs is that deep",
            Problem::TrailingComma => "remove the comma",
            Problem::MissingComma => "put a comma between them",
            Problem::MissingColon => "write `\"key\": value`",
            Problem::MissingValue => "write a value, or `null`",
            Problem::Key => "put the key in double quotes",
            Problem::Comment => "move the remark to the `description` field",
            Problem::SingleQuotes => "use double quotes",
            Problem::OpenString => {
                "close the string with `\"`; a line break within it is written `\\n`"
            }
            Problem::Escape => {
                "the escapes are `\\\"` `\\\\` `\\/` `\\b` `\\f` `\\n` `\\r` `\\t` and `\\u` with four hexadecimal digits"
            }
            Problem::Surrogate => "write both halves, or the character itself",
            Problem::ControlCharacter => "write `\\n`, `\\t` or `\\u` with four hexadecimal digits",
            Problem::Number => "write it as `12`, `-0.5` or `1e9`, or as a string",
            Problem::OpenArray => "close it with `]`",
            Problem::OpenObject => "close it with `}`",
            Problem::Trailing => "a file holds one value; put several definitions into an array",
            Problem::Unexpected => {
                "text stands in double quotes; bare words are `true`, `false` and `null`"
            }
        }
    }
}

impl std::fmt::Display for Invalid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} (line {}, column {})",
            self.problem.message(),
            self.line,
            self.column
        )
    }
}

impl std::error::Error for Invalid {}

impl Invalid {
    pub(super) fn new(text: &str, problem: Problem, start: usize, end: usize) -> Self {
        let start = border(text, start);
        let before = text.get(..start).unwrap_or("");
        let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        Self {
            problem,
            start,
            end: border(text, end).max(start),
            line,
            column,
        }
    }

    pub(super) fn not_utf8(bytes: &[u8], valid: usize) -> Self {
        let text = bytes
            .get(..valid)
            .and_then(|b| std::str::from_utf8(b).ok())
            .unwrap_or("");
        let mut invalid = Self::new(text, Problem::NotUtf8, valid, valid);
        invalid.end = valid + 1;
        invalid
    }

    pub(super) fn from_parser(text: &str, base: usize, error: &ParseError) -> Self {
        use ParseErrorKind as K;
        let range = error.range();
        let (start, end) = (base + range.start, base + range.end);
        let problem = match error.kind() {
            K::TrailingCommasNotAllowed => Problem::TrailingComma,
            K::ExpectedComma => Problem::MissingComma,
            K::ExpectedColonAfterObjectKey => Problem::MissingColon,
            K::ExpectedObjectValue => Problem::MissingValue,
            K::ExpectedStringObjectProperty => Problem::Key,
            K::CommentsNotAllowed | K::UnterminatedCommentBlock => Problem::Comment,
            K::SingleQuotedStringsNotAllowed => Problem::SingleQuotes,
            K::String(kind) => string_problem(kind),
            K::BareDecimalPointNumbersNotAllowed
            | K::ExpectedDigit
            | K::ExpectedDigitFollowingNegativeSign
            | K::ExpectedPlusMinusOrDigitInNumberLiteral
            | K::HexadecimalNumbersNotAllowed
            | K::NonFiniteNumbersNotAllowed
            | K::UnaryPlusNumbersNotAllowed => Problem::Number,
            K::UnterminatedArray => Problem::OpenArray,
            K::UnterminatedObject => Problem::OpenObject,
            K::MultipleRootJsonValues => Problem::Trailing,
            K::NestingDepthExceeded => Problem::TooDeep,
            _ => Problem::Unexpected,
        };
        // `01` reads as two numbers without a comma.
        let digit = |at: Option<usize>| {
            at.and_then(|at| text.as_bytes().get(at))
                .is_some_and(u8::is_ascii_digit)
        };
        if problem == Problem::MissingComma && digit(start.checked_sub(1)) && digit(Some(start)) {
            return Self::new(text, Problem::Number, start, start + 1);
        }
        // An unclosed bracket is shown at the bracket, not over all that follows.
        let end = match problem {
            Problem::OpenArray | Problem::OpenObject | Problem::OpenString | Problem::TooDeep => {
                start + 1
            }
            Problem::Surrogate => end.min(start + 6),
            _ => end,
        };
        Self::new(text, problem, start, end)
    }

    pub(super) fn from_gate(text: &str, base: usize, error: &serde_json::Error) -> Self {
        let body = text.get(base..).unwrap_or(text);
        let line = error.line().saturating_sub(1);
        let line_start = match line {
            0 => 0,
            n => body
                .match_indices('\n')
                .nth(n - 1)
                .map_or(body.len(), |(i, _)| i + 1),
        };
        let start = (base + line_start + error.column().saturating_sub(1)).min(text.len());
        // serde_json counts up to the character before a control character.
        let at = |offset: usize| text.as_bytes().get(offset).copied();
        let start =
            if at(start).is_some_and(|b| b >= 0x20) && at(start + 1).is_some_and(|b| b < 0x20) {
                start + 1
            } else {
                start
            };
        let byte = at(start);
        let problem = match byte {
            Some(b) if b < 0x20 => Problem::ControlCharacter,
            Some(b) if b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-') => {
                Problem::Number
            }
            None => Problem::MissingValue,
            _ => Problem::Unexpected,
        };
        Self::new(text, problem, start, start + 1)
    }

    pub(super) fn diagnostic(&self, file: FileId) -> Diagnostic {
        let code = if self.problem == Problem::TooDeep {
            codes::NESTING_TOO_DEEP
        } else {
            codes::INVALID_JSON
        };
        let span = Span::new(file, self.start, self.end);
        let diagnostic =
            Diagnostic::new(code, span, self.problem.message()).help(self.problem.help());
        match self.problem {
            Problem::TrailingComma => diagnostic.at("this comma").fix(
                "remove the comma",
                true,
                vec![Edit {
                    span,
                    text: String::new(),
                }],
            ),
            Problem::OpenArray | Problem::OpenObject | Problem::OpenString => {
                diagnostic.at("opened here")
            }
            _ => diagnostic,
        }
    }
}

fn string_problem(kind: &jsonc_parser::ParseStringErrorKind) -> Problem {
    use jsonc_parser::ParseStringErrorKind as K;
    match kind {
        K::UnterminatedStringLiteral => Problem::OpenString,
        K::InvalidUnicodeEscapeSequence(_) => Problem::Surrogate,
        _ => Problem::Escape,
    }
}

/// The nearest character border at or before `offset`.
fn border(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}
