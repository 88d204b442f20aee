//! JSON text → value, refusing what JSON readers disagree on: two members with the same key, and nesting without end.

use super::shown;
use crate::diagnostic::{Error, Failure, Result, codes};
use crate::json::{self, Invalid, Node, NodeKind, Problem};
use serde_json::{Map, Number, Value};

/// Deepest nesting. serde_json alone stops at 128, which a deeply nested rotation exceeds.
const MAX_DEPTH: usize = 384;

const REMAKE: &str = "the file is damaged or cut off: fetch it again, or compile the source again";

/// Reads a JSON text.
pub(super) fn read(text: &str) -> Result<Value> {
    let (node, repeated) = json::bounded(text, MAX_DEPTH).map_err(|fault| invalid(text, &fault))?;
    if let Some(repeated) = repeated.first() {
        let start = repeated.second.start as usize;
        let line = 1 + text.get(..start).unwrap_or("").matches('\n').count();
        let message = format!(
            "the compiled plan has the key `{}` twice in one object (line {line})",
            shown(&repeated.key)
        );
        return Err(error(codes::DUPLICATE_KEY, message)
            .help("compile the source again; rot writes each key once"));
    }
    value(&node)
}

fn invalid(text: &str, fault: &Invalid) -> Error {
    if fault.problem == Problem::TooDeep {
        let help = "write the rotation with less nesting: split it, or name parts of long expressions with `let`";
        let message = format!("the compiled plan is nested deeper than {MAX_DEPTH} levels");
        return error(codes::NESTING_TOO_DEEP, message).help(help);
    }
    let ends = fault.start == text.len()
        || matches!(
            fault.problem,
            Problem::OpenArray | Problem::OpenObject | Problem::OpenString
        );
    let message = if ends {
        "the compiled plan ends too early".to_owned()
    } else {
        format!(
            "the compiled plan is not JSON: see line {}, column {}",
            fault.line, fault.column
        )
    };
    error(codes::INVALID_JSON, message).help(REMAKE)
}

fn error(code: crate::diagnostic::Code, message: impl Into<String>) -> Error {
    Error::plain(Failure::Usage, code, message)
}

fn value(node: &Node) -> Result<Value> {
    Ok(match &node.kind {
        NodeKind::Null => Value::Null,
        NodeKind::Bool(value) => Value::Bool(*value),
        NodeKind::String(string) => Value::String(string.text.clone()),
        NodeKind::Number(digits) => match digits.parse::<Number>() {
            Ok(number) => Value::Number(number),
            Err(_) => {
                let message = "a number in the compiled plan is out of range";
                return Err(error(codes::INVALID_JSON, message).help(REMAKE));
            }
        },
        NodeKind::Array(items) => items.iter().map(value).collect::<Result<Vec<_>>>()?.into(),
        NodeKind::Object(members) => {
            let members = members
                .iter()
                .map(|m| Ok((m.key.text.clone(), value(&m.value)?)));
            Value::Object(members.collect::<Result<Map<_, _>>>()?)
        }
    })
}
