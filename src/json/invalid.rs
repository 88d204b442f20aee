//! Why a text is not JSON: where, and what was expected there. Never holds a piece of the text.

use crate::diagnostic::{Diagnostic, Edit, codes};
use crate::source::{FileId, Span};

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
            Problem::SingleQuotes => "JSON strings are written in double quotes",
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

    /// Whether something of the text is not in the tree that is read behind it.
    pub(super) fn loses(self) -> bool {
        !matches!(
            self,
            Problem::TrailingComma
                | Problem::MissingComma
                | Problem::Comment
                | Problem::SingleQuotes
                | Problem::ControlCharacter
        )
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
                "text is written in double quotes; bare words are `true`, `false` and `null`"
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

/// The nearest character border at or before `offset`.
fn border(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}
