//! Types. Inferred inside, written at the borders (inputs, captures).

use serde::{Deserialize, Serialize};

/// Types within one type that are kept under a name.
const MOST_FIELDS: usize = 1024;

/// The type of a value, apart from whether it is secret (that is a [`Label`](super::Label)).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Type {
    /// Not known before the run; fits everything.
    Any,
    /// `null`.
    Null,
    /// Text.
    String,
    /// A whole number of any size; kept as the digits that were sent.
    Int,
    /// A JSON number; kept as it was sent.
    Number,
    /// `true`, `false`.
    Bool,
    /// A point in time.
    Time,
    /// A length of time.
    Duration,
    /// Bytes.
    Bytes,
    /// Any JSON value.
    Json,
    /// A list.
    List(Box<Type>),
    /// Named fields in order.
    Record(Vec<(String, Type)>),
}

impl Type {
    /// The word in the language.
    pub fn describe(&self) -> String {
        match self {
            Type::Any => "any".into(),
            Type::Null => "null".into(),
            Type::String => "string".into(),
            Type::Int => "int".into(),
            Type::Number => "number".into(),
            Type::Bool => "bool".into(),
            Type::Time => "time".into(),
            Type::Duration => "duration".into(),
            Type::Bytes => "bytes".into(),
            Type::Json => "json".into(),
            Type::List(item) => format!("list of {}", item.describe()),
            Type::Record(fields) => {
                format!(
                    "record {{ {} }}",
                    fields
                        .iter()
                        .map(|(n, t)| format!("{n}: {}", t.describe()))
                        .collect::<Vec<_>>()
                        .join(", ")
                )
            }
        }
    }

    /// From a single word of the language.
    pub fn parse(word: &str) -> Option<Type> {
        Some(match word {
            "string" => Type::String,
            "int" => Type::Int,
            "number" => Type::Number,
            "bool" => Type::Bool,
            "time" => Type::Time,
            "duration" => Type::Duration,
            "bytes" => Type::Bytes,
            "json" => Type::Json,
            "list" => Type::List(Box::new(Type::Any)),
            _ => return None,
        })
    }

    /// The words of [`Type::parse`], for messages.
    pub const WORDS: [&'static str; 9] = [
        "string", "int", "number", "bool", "time", "duration", "bytes", "json", "list",
    ];

    /// The type as far as it is worth knowing: one that is put together from others twice over would have as many fields as two of
    /// them, and so on, so that a large one is any JSON value.
    #[must_use]
    pub fn bounded(self) -> Type {
        if self.size() > MOST_FIELDS {
            Type::Json
        } else {
            self
        }
    }

    fn size(&self) -> usize {
        match self {
            Type::List(item) => 1 + item.size(),
            Type::Record(fields) => 1 + fields.iter().map(|(_, ty)| ty.size()).sum::<usize>(),
            Type::Any
            | Type::Null
            | Type::String
            | Type::Int
            | Type::Number
            | Type::Bool
            | Type::Time
            | Type::Duration
            | Type::Bytes
            | Type::Json => 1,
        }
    }

    /// Whether a value of type `self` may stand where `wanted` is asked for.
    pub fn fits(&self, wanted: &Type) -> bool {
        match (self, wanted) {
            (Type::Any | Type::Json, _) | (_, Type::Any | Type::Json) => true,
            (Type::Int, Type::Number) => true,
            (Type::List(a), Type::List(b)) => a.fits(b),
            (Type::Record(a), Type::Record(b)) => b
                .iter()
                .all(|(name, ty)| a.iter().any(|(n, t)| n == name && t.fits(ty))),
            _ => self == wanted,
        }
    }
}
