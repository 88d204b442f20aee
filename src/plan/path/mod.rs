//! JSONPath, parsed once, in two dialects.
//!
//! Our own grammar (`grammar/path.pest`) reads the text, because jsonpath-rust's parser takes too much (it swallows
//! blanks into names) and has no places; jsonpath-rust evaluates the conditions of filters. The walk over segments is ours:
//! it counts what it visits, keeps the order of RFC 9535 and knows the place of each hit, so that the caller can fetch a
//! number's exact digits from the text.

mod eval;
mod filter;
mod function;
mod lower;
mod model;
mod parse;
mod sample;
mod text;

use model::Anchor;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::borrow::Cow;
use std::sync::Arc;

/// Which rules a path is read and evaluated by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PathDialect {
    /// RFC 9535 as it is written. The dialect of `.rot`.
    Rfc9535,
    /// RFC 9535 and the forms of Jayway's json-path that Conductor definitions use.
    Conductor,
}

/// A JSONPath as it was written, known to be valid. Equal when text and dialect are.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "Form", into = "Form")]
pub struct JsonPath {
    text: Arc<str>,
    dialect: PathDialect,
    query: Arc<model::Query>,
}

impl JsonPath {
    /// The names behind which the path looks at several, or at one by its number: `items` of `$.items[*].id`. In a form without
    /// lists, XML, these are lists, and all others are the first child of their name.
    pub fn listed(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.query.listed(&mut names);
        names
    }
}

/// What is wrong with a path, or with evaluating it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PathError {
    /// What is wrong: lower case, no full stop.
    pub message: String,
    /// First byte in the path's text.
    pub start: usize,
    /// Byte after the last.
    pub end: usize,
    /// What to do, with the corrected text where there is one.
    pub help: Option<String>,
}

/// What a path finds.
#[derive(Debug, Clone, PartialEq)]
pub enum Found<'a> {
    /// Nothing stands at the one place that the path names.
    Missing,
    /// The value at the one place that the path names; a key union of Conductor makes an object of its own.
    One(Cow<'a, Value>),
    /// The values of a path that may find several, perhaps none.
    Many(Vec<Cow<'a, Value>>),
}

/// One step from a JSON value to a value within.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// Member of an object.
    Name(String),
    /// Element of a list, from 0.
    Index(usize),
}

/// A place in a JSON value: the steps from its root.
pub type Location = Vec<Step>;

/// One step of a path that names one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// Member of an object.
    Name(String),
    /// Element of a list; negative counts from the end.
    Index(i64),
}

impl JsonPath {
    /// Longest path in characters.
    pub const MAX_LENGTH: usize = 10_000;
    /// Deepest nesting of brackets and parentheses.
    pub const MAX_NESTING: usize = 64;
    /// Most values that one evaluation visits.
    pub const MAX_VISITS: usize = 100_000;

    /// Reads a path.
    pub fn parse(text: &str, dialect: PathDialect) -> Result<JsonPath, PathError> {
        let query = parse::parse(text, dialect)?;
        Ok(JsonPath {
            text: text.into(),
            dialect,
            query: Arc::new(query),
        })
    }

    /// The text as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The dialect that it was read by.
    pub fn dialect(&self) -> PathDialect {
        self.dialect
    }

    /// Whether it is made of names and indexes alone, and so names one place.
    pub fn is_definite(&self) -> bool {
        self.query.tail.is_none() && self.query.singular().is_some()
    }

    /// Whether a server splices what it finds into a text as Java writes it: one value, or the names of one object. A list of
    /// findings it writes as JSON.
    pub fn is_spliced_as_one(&self) -> bool {
        let names = |tail: &function::Tail| tail.function == function::Function::Keys;
        self.query.singular().is_some() && self.query.tail.as_ref().is_none_or(names)
    }

    /// The names and indexes of a path that is made of nothing else.
    pub fn keys(&self) -> Option<Vec<Key>> {
        let segments = self
            .query
            .singular()
            .filter(|_| self.query.tail.is_none())?;
        Some(
            segments
                .into_iter()
                .map(|segment| match segment {
                    jsonpath_rust::parser::model::SingularQuerySegment::Name(name) => {
                        Key::Name(name)
                    }
                    jsonpath_rust::parser::model::SingularQuerySegment::Index(index) => {
                        Key::Index(index)
                    }
                })
                .collect(),
        )
    }

    /// The path of these names and indexes in its plainest form: `$.name['two words'][0]`. None beyond the bounds of paths.
    pub fn of(keys: &[Key]) -> Option<JsonPath> {
        JsonPath::parse(&text::of(keys), PathDialect::Rfc9535).ok()
    }

    /// What stands at the places that it names.
    pub fn query<'a>(&self, json: &'a Value) -> Result<Found<'a>, PathError> {
        eval::query(&self.query, self.dialect, json).map_err(|error| self.describe(error))
    }

    /// The places of what it finds. What a function at the end makes has none; a key union has those of its members.
    pub fn locate(&self, json: &Value) -> Result<Vec<Location>, PathError> {
        if self.query.tail.is_some() {
            return Ok(Vec::new());
        }
        eval::locate(&self.query, json).map_err(|error| self.describe(error))
    }

    fn describe(&self, error: eval::EvalError) -> PathError {
        let (message, help) = match error {
            eval::EvalError::TooMany => (
                format!(
                    "too many values: the path visits more than {} of them in this document",
                    Self::MAX_VISITS
                ),
                "name the way to the value instead of searching with `..`",
            ),
            eval::EvalError::Engine => (
                "the filter of the path cannot be evaluated".to_string(),
                "write a simpler filter",
            ),
        };
        PathError {
            message,
            start: 0,
            end: self.text.len(),
            help: Some(help.to_string()),
        }
    }
}

impl std::fmt::Debug for JsonPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("JsonPath")
            .field(&self.text)
            .field(&self.dialect)
            .finish()
    }
}

impl std::fmt::Display for JsonPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for JsonPath {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.dialect == other.dialect
    }
}
impl Eq for JsonPath {}
impl std::hash::Hash for JsonPath {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.text.hash(state);
        self.dialect.hash(state);
    }
}

/// How a path stands in a compiled plan: its text, under a word when its dialect is not RFC 9535, since the same text finds
/// other things there.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Form {
    Rfc9535(String),
    Conductor(Tagged),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tagged {
    conductor: String,
}

impl From<JsonPath> for Form {
    fn from(path: JsonPath) -> Self {
        match path.dialect {
            PathDialect::Rfc9535 => Form::Rfc9535(path.text.to_string()),
            PathDialect::Conductor => Form::Conductor(Tagged {
                conductor: path.text.to_string(),
            }),
        }
    }
}

impl TryFrom<Form> for JsonPath {
    type Error = PathError;

    fn try_from(form: Form) -> Result<Self, PathError> {
        match form {
            Form::Rfc9535(text) => JsonPath::parse(&text, PathDialect::Rfc9535),
            Form::Conductor(Tagged { conductor }) => {
                JsonPath::parse(&conductor, PathDialect::Conductor)
            }
        }
    }
}
