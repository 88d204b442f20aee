//! Jayway's functions at the end of a path, and its operators that are words: what json-path 2.9 of a Conductor server makes of
//! them. What that fails on finds nothing.

use serde_json::Value;
use std::cmp::Ordering;

/// A function at the end of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Length,
    Min,
    Max,
    Avg,
    Sum,
    Stddev,
    Keys,
    First,
    Last,
    Index,
    Concat,
    Append,
}

/// A function with its parameters.
#[derive(Debug, Clone)]
pub(super) struct Tail {
    pub(super) function: Function,
    pub(super) parameters: Vec<Value>,
}

/// An operator that is a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    Contains,
    Size,
    Empty,
    AnyOf,
    NoneOf,
    SubsetOf,
    All,
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    Equal,
    Unequal,
    /// Of one type, and equal.
    Same,
    Different,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

impl Relation {
    /// The relation of a sign.
    pub(super) fn find(sign: &str) -> Option<Self> {
        Some(match sign {
            "==" => Self::Equal,
            "!=" => Self::Unequal,
            "===" => Self::Same,
            "!==" => Self::Different,
            "<" => Self::Less,
            "<=" => Self::AtMost,
            ">" => Self::Greater,
            ">=" => Self::AtLeast,
            _ => return None,
        })
    }

    /// Whether it holds; what is not there is equal to nothing.
    pub(super) fn holds(self, left: Option<&Value>, right: Option<&Value>) -> bool {
        let both = left.zip(right);
        let order = || {
            Some(match both? {
                (Value::Number(a), Value::Number(b)) => a.as_f64()?.partial_cmp(&b.as_f64()?)?,
                (Value::String(a), Value::String(b)) => a.encode_utf16().cmp(b.encode_utf16()),
                _ => return None,
            })
        };
        match self {
            Self::Equal => both.is_some_and(|(a, b)| like(a, b)),
            Self::Unequal => !Self::Equal.holds(left, right),
            Self::Same => both.is_some_and(|(a, b)| is_of_one_type(a, b) && like(a, b)),
            Self::Different => !Self::Same.holds(left, right),
            Self::Less => order().is_some_and(Ordering::is_lt),
            Self::AtMost => order().is_some_and(Ordering::is_le),
            Self::Greater => order().is_some_and(Ordering::is_gt),
            Self::AtLeast => order().is_some_and(Ordering::is_ge),
        }
    }
}

fn is_of_one_type(a: &Value, b: &Value) -> bool {
    std::mem::discriminant(a) == std::mem::discriminant(b)
}

/// A number and a text are equal where one is the form of the other.
fn like(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(number), Value::String(text)) => number
            .as_f64()
            .zip(text.trim().parse::<f64>().ok())
            .is_some_and(|(a, b)| a == b),
        (Value::String(text), Value::Number(number)) => *text == number.to_string(),
        _ => same(a, b),
    }
}

impl Function {
    /// The function of a name; `size` is `length`.
    pub(super) fn find(name: &str) -> Option<Self> {
        Some(match name {
            "length" | "size" => Self::Length,
            "min" => Self::Min,
            "max" => Self::Max,
            "avg" => Self::Avg,
            "sum" => Self::Sum,
            "stddev" => Self::Stddev,
            "keys" => Self::Keys,
            "first" => Self::First,
            "last" => Self::Last,
            "index" => Self::Index,
            "concat" => Self::Concat,
            "append" => Self::Append,
            _ => return None,
        })
    }

    /// How many parameters it takes: at least, at most.
    pub(super) fn arity(self) -> (usize, usize) {
        match self {
            Self::Index => (1, 1),
            Self::Concat | Self::Append => (1, usize::MAX),
            _ => (0, 0),
        }
    }

    /// Whether it computes with the numbers of one list.
    pub(super) fn is_aggregate(self) -> bool {
        matches!(
            self,
            Self::Min | Self::Max | Self::Avg | Self::Sum | Self::Stddev
        )
    }
}

impl Tail {
    /// What it makes of one value.
    pub(super) fn apply(&self, value: &Value) -> Option<Value> {
        let items = value.as_array();
        let numbers = || -> Option<Vec<f64>> {
            let numbers: Vec<f64> = items?.iter().filter_map(Value::as_f64).collect();
            (!numbers.is_empty()).then_some(numbers)
        };
        match self.function {
            Function::Length => match value {
                Value::Array(items) => Some(items.len().into()),
                Value::Object(members) => Some(members.len().into()),
                _ => None,
            },
            Function::Min => numbers()?.into_iter().reduce(f64::min).map(Value::from),
            Function::Max => numbers()?.into_iter().reduce(f64::max).map(Value::from),
            Function::Sum => Some(numbers()?.iter().sum::<f64>().into()),
            Function::Avg => {
                let numbers = numbers()?;
                Some((numbers.iter().sum::<f64>() / numbers.len() as f64).into())
            }
            Function::Stddev => {
                let numbers = numbers()?;
                let count = numbers.len() as f64;
                let mean = numbers.iter().sum::<f64>() / count;
                let squares = numbers.iter().map(|n| n * n).sum::<f64>() / count;
                Some((squares - mean * mean).sqrt().into())
            }
            Function::Keys => Some(
                value
                    .as_object()?
                    .keys()
                    .map(|key| Value::from(key.as_str()))
                    .collect::<Vec<_>>()
                    .into(),
            ),
            Function::First => items?.first().cloned(),
            Function::Last => items?.last().cloned(),
            Function::Index => {
                let (items, index) = (items?, self.parameters.first()?.as_i64()?);
                let place = match usize::try_from(index) {
                    Ok(place) => place,
                    Err(_) => items
                        .len()
                        .checked_sub(usize::try_from(index.unsigned_abs()).ok()?)?,
                };
                items.get(place).cloned()
            }
            Function::Concat => {
                // Texts of the list, and of the parameters what is written as JSON: numbers, and texts in `"`.
                let texts = items.into_iter().flatten().filter_map(Value::as_str);
                let mut joined: String = texts.collect();
                for parameter in &self.parameters {
                    match parameter {
                        Value::String(text) => joined.push_str(text),
                        other => joined.push_str(&other.to_string()),
                    }
                }
                Some(joined.into())
            }
            Function::Append => match value {
                Value::Array(items) => {
                    Some(items.iter().chain(&self.parameters).cloned().collect())
                }
                other => Some(other.clone()),
            },
        }
    }
}

impl Word {
    /// The word as it is written, in any case.
    pub(super) fn find(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "contains" => Self::Contains,
            "size" => Self::Size,
            "empty" => Self::Empty,
            "anyof" => Self::AnyOf,
            "noneof" => Self::NoneOf,
            "subsetof" => Self::SubsetOf,
            "all" => Self::All,
            _ => return None,
        })
    }

    /// Whether it holds; a value that is not there is none.
    pub(super) fn holds(self, left: Option<&Value>, right: Option<&Value>) -> bool {
        let (Some(left), Some(right)) = (left, right) else {
            return false;
        };
        let within = |list: &Vec<Value>, item: &Value| list.iter().any(|other| same(other, item));
        let size = || match left {
            Value::Array(items) => Some(items.len()),
            Value::String(text) => Some(text.encode_utf16().count()),
            Value::Object(members) => Some(members.len()),
            _ => None,
        };
        let lists = || Some((left.as_array()?, right.as_array()?));
        match self {
            Self::Contains => match (left, right) {
                (Value::String(text), Value::String(part)) => text.contains(part.as_str()),
                (Value::Array(items), item) => within(items, item),
                _ => false,
            },
            Self::Size => size().is_some_and(|size| right.as_u64() == Some(size as u64)),
            Self::Empty => size().is_some_and(|size| right.as_bool() == Some(size == 0)),
            Self::AnyOf => lists().is_some_and(|(a, b)| a.iter().any(|item| within(b, item))),
            Self::NoneOf => lists().is_some_and(|(a, b)| !a.iter().any(|item| within(b, item))),
            Self::SubsetOf => lists().is_some_and(|(a, b)| a.iter().all(|item| within(b, item))),
            Self::All => lists().is_some_and(|(a, b)| b.iter().all(|item| within(a, item))),
        }
    }
}

/// Numbers by value, all else as it is.
fn same(a: &Value, b: &Value) -> bool {
    match (a.as_f64(), b.as_f64()) {
        (Some(x), Some(y)) => x == y,
        _ => a == b,
    }
}
