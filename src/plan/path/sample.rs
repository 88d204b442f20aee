//! The other way round: a document in which a path finds given values. A rehearsal's issuer answers with it.

use super::function::Relation;
use super::model::{Filter, Leaf, Operand, Query, Segment, Selector, Side};
use super::{Anchor, JsonPath};
use jsonpath_rust::parser::model as jp;
use serde_json::{Value, json};

impl JsonPath {
    /// Puts values where the path finds them, in a document that may hold other values already. False where that cannot be
    /// done: the path ends in a function, has a filter that is more than comparisons with literals, or another value is there.
    pub fn place(&self, document: &mut Value, values: &[Value]) -> bool {
        self.query.tail.is_none() && place(&self.query.segments, document, values)
    }
}

fn place(segments: &[Segment], at: &mut Value, values: &[Value]) -> bool {
    let Some((segment, rest)) = segments.split_first() else {
        return match values {
            [value] if at.is_null() || at == value => {
                *at = value.clone();
                true
            }
            _ => values.is_empty(),
        };
    };
    let [selector] = segment.selectors.as_slice() else {
        return false;
    };
    match selector {
        Selector::Name(name) => {
            let Some(members) = object(at) else {
                return false;
            };
            place(
                rest,
                members.entry(name.clone()).or_insert(Value::Null),
                values,
            )
        }
        Selector::Index(index) => {
            let Some(items) = list(at) else { return false };
            let wanted = usize::try_from(*index).unwrap_or(0);
            while items.len() <= wanted {
                items.push(Value::Null);
            }
            items
                .get_mut(wanted)
                .is_some_and(|item| place(rest, item, values))
        }
        Selector::Wildcard | Selector::Slice(..) | Selector::Filter(_) => {
            let Some(items) = list(at) else { return false };
            while items.len() < values.len() {
                items.push(Value::Null);
            }
            items.iter_mut().zip(values).all(|(item, value)| {
                let fits = match selector {
                    Selector::Filter(filter) => satisfy(filter, item),
                    _ => true,
                };
                fits && place(rest, item, std::slice::from_ref(value))
            })
        }
    }
}

fn object(at: &mut Value) -> Option<&mut serde_json::Map<String, Value>> {
    if at.is_null() {
        *at = json!({});
    }
    at.as_object_mut()
}

fn list(at: &mut Value) -> Option<&mut Vec<Value>> {
    if at.is_null() {
        *at = json!([]);
    }
    at.as_array_mut()
}

/// Gives an element what a filter asks for.
fn satisfy(filter: &Filter, item: &mut Value) -> bool {
    match filter {
        Filter::All(filters) => filters.iter().all(|filter| satisfy(filter, item)),
        Filter::Any(filters) => filters.first().is_none_or(|filter| satisfy(filter, item)),
        Filter::Exists(query) => member(query, item, &json!(true)),
        Filter::Leaf(Leaf::Compare("==", left, right)) => match (left, right) {
            (Operand::Singular(query), Operand::Literal(literal))
            | (Operand::Literal(literal), Operand::Singular(query)) => {
                steps(query).is_some_and(|steps| walk(&steps, item, &value(literal)))
            }
            _ => false,
        },
        Filter::Like(Relation::Equal | Relation::Same, left, right) => match (left, right) {
            (Side::Found(query), Side::Written(value))
            | (Side::Written(value), Side::Found(query)) => member(query, item, value),
            _ => false,
        },
        Filter::Not(_) | Filter::Leaf(_) | Filter::Like(..) | Filter::Word(..) => false,
    }
}

fn member(query: &Query, item: &mut Value, wanted: &Value) -> bool {
    match (query.anchor, query.singular()) {
        (Anchor::Current, Some(steps)) => walk(&steps, item, wanted),
        _ => false,
    }
}

fn steps(query: &jp::SingularQuery) -> Option<Vec<jp::SingularQuerySegment>> {
    match query {
        jp::SingularQuery::Current(steps) => Some(steps.clone()),
        jp::SingularQuery::Root(_) => None,
    }
}

fn walk(steps: &[jp::SingularQuerySegment], at: &mut Value, wanted: &Value) -> bool {
    match steps.split_first() {
        None => {
            let vacant = at.is_null();
            if vacant {
                *at = wanted.clone();
            }
            vacant || at == wanted
        }
        Some((jp::SingularQuerySegment::Name(name), rest)) => object(at).is_some_and(|members| {
            walk(
                rest,
                members.entry(name.clone()).or_insert(Value::Null),
                wanted,
            )
        }),
        Some((jp::SingularQuerySegment::Index(_), _)) => false,
    }
}

fn value(literal: &jp::Literal) -> Value {
    match literal {
        jp::Literal::Int(number) => json!(number),
        jp::Literal::Float(number) => json!(number),
        jp::Literal::String(text) => json!(text),
        jp::Literal::Bool(truth) => json!(truth),
        jp::Literal::Null => Value::Null,
    }
}
