//! The tree of jsonc-parser → ours.

use super::{Duplicate, Invalid, JsonString, MAX_DEPTH, Member, Node, NodeKind, Problem};
use crate::source::{FileId, Span};
use jsonc_parser::ast::{ObjectPropName, StringLit, Value};
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
use std::collections::HashMap;

/// Above this many members a map finds repeated keys; below, comparing is faster.
const FEW_MEMBERS: usize = 12;

const STRICT: ParseOptions = ParseOptions {
    allow_comments: false,
    allow_loose_object_property_names: false,
    allow_trailing_commas: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

/// Reads `text`; places are in `file`. Repeated keys are added to `duplicates` and kept in the tree.
pub(super) fn tree(
    file: FileId,
    text: &str,
    duplicates: &mut Vec<Duplicate>,
) -> Result<Node, Invalid> {
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    let base = text.len() - body.len();
    if body
        .bytes()
        .all(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r'))
    {
        return Err(Invalid::new(text, Problem::Empty, text.len(), text.len()));
    }
    let gate = serde_json::from_str::<serde::de::IgnoredAny>(body).err();
    let value = match parse_to_ast(body, &CollectOptions::default(), &STRICT) {
        Ok(result) => result.value,
        Err(error) => return Err(Invalid::from_parser(text, base, &error)),
    };
    if let Some(error) = gate {
        return Err(Invalid::from_gate(text, base, &error));
    }
    let Some(value) = value else {
        return Err(Invalid::new(text, Problem::Empty, text.len(), text.len()));
    };
    let mut converter = Converter {
        file,
        base,
        text,
        body,
        duplicates,
    };
    converter.node(value, 0)
}

struct Converter<'a> {
    file: FileId,
    base: usize,
    text: &'a str,
    body: &'a str,
    duplicates: &'a mut Vec<Duplicate>,
}

impl Converter<'_> {
    fn span(&self, ranged: &impl Ranged) -> Span {
        Span::new(
            self.file,
            self.base + ranged.start(),
            self.base + ranged.end(),
        )
    }

    fn node(&mut self, value: Value<'_>, depth: usize) -> Result<Node, Invalid> {
        let span = self.span(&value);
        let kind = match value {
            Value::NullKeyword(_) => NodeKind::Null,
            Value::BooleanLit(literal) => NodeKind::Bool(literal.value),
            Value::NumberLit(literal) => NodeKind::Number(literal.value.to_owned()),
            Value::StringLit(literal) => NodeKind::String(self.string(literal)),
            Value::Array(_) | Value::Object(_) if depth >= MAX_DEPTH => {
                let start = span.start as usize;
                return Err(Invalid::new(self.text, Problem::TooDeep, start, start + 1));
            }
            Value::Array(array) => NodeKind::Array(
                array
                    .elements
                    .into_iter()
                    .map(|e| self.node(e, depth + 1))
                    .collect::<Result<_, _>>()?,
            ),
            Value::Object(object) => {
                let mut members = Vec::with_capacity(object.properties.len());
                for property in object.properties {
                    let ObjectPropName::String(name) = property.name else {
                        return Err(Invalid::new(
                            self.text,
                            Problem::Key,
                            span.start as usize,
                            span.end as usize,
                        ));
                    };
                    members.push(Member {
                        key: self.string(name),
                        value: self.node(property.value, depth + 1)?,
                    });
                }
                self.note_duplicates(&members);
                NodeKind::Object(members)
            }
        };
        Ok(Node { kind, span })
    }

    fn string(&self, literal: StringLit<'_>) -> JsonString {
        let raw = self
            .body
            .get(literal.start() + 1..literal.end().saturating_sub(1))
            .unwrap_or("");
        let span = self.span(&literal);
        JsonString::new(literal.value.into_owned(), span, raw)
    }

    fn note_duplicates(&mut self, members: &[Member]) {
        let mut note = |first: &Member, second: &Member| {
            self.duplicates.push(Duplicate {
                key: second.key.text.clone(),
                first: first.key.span,
                second: second.key.span,
            });
        };
        if members.len() <= FEW_MEMBERS {
            for (index, member) in members.iter().enumerate() {
                if let Some(first) = members
                    .iter()
                    .take(index)
                    .find(|m| m.key.text == member.key.text)
                {
                    note(first, member);
                }
            }
            return;
        }
        let mut seen: HashMap<&str, &Member> = HashMap::with_capacity(members.len());
        for member in members {
            match seen.get(member.key.text.as_str()) {
                Some(first) => note(first, member),
                None => {
                    seen.insert(&member.key.text, member);
                }
            }
        }
    }
}
