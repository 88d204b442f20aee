//! The tree: values with their places.

use super::JsonString;
use crate::source::Span;
use std::collections::HashMap;

/// A JSON value with its place.
#[derive(Debug, Clone)]
pub struct Node {
    /// What it is.
    pub kind: NodeKind,
    /// From its first to its last character; quotes and brackets are within.
    pub span: Span,
}

/// What a value is.
#[derive(Debug, Clone)]
pub enum NodeKind {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A number as it was written.
    Number(String),
    /// A text.
    String(JsonString),
    /// A list.
    Array(Vec<Node>),
    /// An object: members in order, repeated keys included.
    Object(Vec<Member>),
}

/// A key and its value.
#[derive(Debug, Clone)]
pub struct Member {
    /// The key.
    pub key: JsonString,
    /// The value.
    pub value: Node,
}

impl Node {
    /// The value of `key` in an object; the last one where a key is repeated, as Jackson and serde_json take it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.member(key).map(|m| &m.value)
    }

    /// The member of `key` in an object.
    pub fn member(&self, key: &str) -> Option<&Member> {
        self.members().iter().rev().find(|m| m.key.text == key)
    }

    /// A key that stands twice in one object, at any depth.
    pub fn duplicate(&self) -> Option<&str> {
        let mut keys = std::collections::HashSet::new();
        let twice = self
            .members()
            .iter()
            .map(|member| member.key.text.as_ref())
            .find(|key| !keys.insert(*key));
        twice.or_else(|| {
            let inner = self.members().iter().map(|member| &member.value);
            inner.chain(self.items()).find_map(Node::duplicate)
        })
    }

    /// The members of an object; none for anything else.
    pub fn members(&self) -> &[Member] {
        match &self.kind {
            NodeKind::Object(members) => members,
            _ => &[],
        }
    }

    /// The members of an object without those that a later one of the same key replaces; each where its key stood first.
    pub fn unique_members(&self) -> Vec<&Member> {
        let mut unique: Vec<&Member> = Vec::with_capacity(self.members().len());
        let mut seen: HashMap<&str, usize> = HashMap::with_capacity(self.members().len());
        for member in self.members() {
            match seen
                .get(member.key.text.as_str())
                .and_then(|index| unique.get_mut(*index))
            {
                Some(old) => *old = member,
                None => {
                    seen.insert(&member.key.text, unique.len());
                    unique.push(member);
                }
            }
        }
        unique
    }

    /// The elements of an array; none for anything else.
    pub fn items(&self) -> &[Node] {
        match &self.kind {
            NodeKind::Array(items) => items,
            _ => &[],
        }
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        self.as_string().map(|s| s.text.as_str())
    }

    /// A string with its map.
    pub fn as_string(&self) -> Option<&JsonString> {
        match &self.kind {
            NodeKind::String(string) => Some(string),
            _ => None,
        }
    }

    /// Whether it is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self.kind, NodeKind::Null)
    }

    /// Whether it is an object.
    pub fn is_object(&self) -> bool {
        matches!(self.kind, NodeKind::Object(_))
    }

    /// Whether it is an array.
    pub fn is_array(&self) -> bool {
        matches!(self.kind, NodeKind::Array(_))
    }

    /// What it is, for messages.
    pub fn describe(&self) -> &'static str {
        match self.kind {
            NodeKind::Null => "null",
            NodeKind::Bool(_) => "a boolean",
            NodeKind::Number(_) => "a number",
            NodeKind::String(_) => "a string",
            NodeKind::Array(_) => "an array",
            NodeKind::Object(_) => "an object",
        }
    }

    /// As serde_json holds it: the last of repeated keys, numbers as 64-bit integers or doubles. Whoever needs the
    /// exact digits takes them from [`NodeKind::Number`].
    pub fn to_value(&self) -> serde_json::Value {
        match &self.kind {
            NodeKind::Null => serde_json::Value::Null,
            NodeKind::Bool(value) => serde_json::Value::Bool(*value),
            NodeKind::Number(raw) => raw.parse::<serde_json::Number>().map_or_else(
                |_| serde_json::Value::String(raw.clone()),
                serde_json::Value::Number,
            ),
            NodeKind::String(string) => serde_json::Value::String(string.text.clone()),
            NodeKind::Array(items) => {
                serde_json::Value::Array(items.iter().map(Node::to_value).collect())
            }
            NodeKind::Object(members) => serde_json::Value::Object(
                members
                    .iter()
                    .map(|m| (m.key.text.clone(), m.value.to_value()))
                    .collect(),
            ),
        }
    }
}
