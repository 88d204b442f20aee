//! JSON text → value, refusing what JSON readers disagree on: two members with the same key, and nesting without end.

use super::shown;
use crate::diagnostic::{Error, Failure, Result, codes};
use jsonc_parser::{CollectOptions, ParseOptions, ast, common::Ranged, parse_to_ast};
use serde::de::IgnoredAny;
use serde_json::{Map, Number, Value};

/// Deepest nesting. serde_json alone stops at 128, which a deeply nested rotation exceeds.
const MAX_DEPTH: usize = 384;

const REMAKE: &str = "the file is damaged or cut off: fetch it again, or compile the source again";

/// Reads a JSON text.
pub(super) fn read(text: &str) -> Result<Value> {
    // serde_json is strict and jsonc-parser is not, but has places and keeps duplicates.
    if let Err(fault) = serde_json::from_str::<IgnoredAny>(text) {
        let message = match fault.classify() {
            serde_json::error::Category::Eof => "the compiled plan ends too early".to_string(),
            _ => format!(
                "the compiled plan is not JSON: see line {}, column {}",
                fault.line(),
                fault.column()
            ),
        };
        return Err(error(codes::INVALID_JSON, message).help(REMAKE));
    }
    check_depth(text)?;
    let options = ParseOptions {
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
    let unreadable = || error(codes::INVALID_JSON, "the compiled plan is not JSON").help(REMAKE);
    let parsed =
        parse_to_ast(text, &CollectOptions::default(), &options).map_err(|_| unreadable())?;
    value(text, parsed.value.ok_or_else(unreadable)?)
}

fn error(code: crate::diagnostic::Code, message: impl Into<String>) -> Error {
    Error::plain(Failure::Usage, code, message)
}

fn check_depth(text: &str) -> Result<()> {
    let (mut depth, mut quoted, mut escaped) = (0usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = quoted,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            let help = "write the rotation with less nesting: split it, or name parts of long expressions with `let`";
            return Err(error(
                codes::NESTING_TOO_DEEP,
                format!("the compiled plan is nested deeper than {MAX_DEPTH} levels"),
            )
            .help(help));
        }
    }
    Ok(())
}

fn value(text: &str, node: ast::Value<'_>) -> Result<Value> {
    Ok(match node {
        ast::Value::NullKeyword(_) => Value::Null,
        ast::Value::BooleanLit(literal) => Value::Bool(literal.value),
        ast::Value::StringLit(literal) => Value::String(literal.value.into_owned()),
        ast::Value::NumberLit(literal) => match literal.value.parse::<Number>() {
            Ok(number) => Value::Number(number),
            Err(_) => {
                return Err(error(
                    codes::INVALID_JSON,
                    "a number in the compiled plan is out of range",
                )
                .help(REMAKE));
            }
        },
        ast::Value::Array(array) => array
            .elements
            .into_iter()
            .map(|item| value(text, item))
            .collect::<Result<Vec<_>>>()?
            .into(),
        ast::Value::Object(object) => {
            let mut members = Map::new();
            for property in object.properties {
                let start = property.start();
                let key = property.name.into_string();
                if members.contains_key(&key) {
                    let line = 1 + text.get(..start).unwrap_or("").matches('\n').count();
                    let message = format!(
                        "the compiled plan has the key `{}` twice in one object (line {line})",
                        shown(&key)
                    );
                    return Err(error(codes::DUPLICATE_KEY, message)
                        .help("compile the source again; rot writes each key once"));
                }
                members.insert(key, value(text, property.value)?);
            }
            Value::Object(members)
        }
    })
}
