//! Conditions of Conductor definitions: JavaScript over values of a run.
//!
//! Most conditions compare values of one type, and that is done here, with labels of single values and without an engine.
//! What compares values of different types goes to the engine that runs scripts, operator by operator.

use super::javascript;
use crate::diagnostic::codes;
use crate::plan::path::Key;
use crate::plan::{Derivation, Expr, ExprKind, Function, Operator};
use crate::run::eval::{EvalError, eval};
use crate::run::scope::Scope;
use crate::run::value::{Data, Value};
use std::cmp::Ordering;
use zeroize::Zeroizing;

/// Whether an expression is a condition's, and not a value that is computed in another way.
pub fn is_condition(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Not(_) => true,
        ExprKind::Binary(operator, ..) => !matches!(operator, Operator::Add | Operator::Else),
        _ => false,
    }
}

/// The value of a condition; `undefined` is null.
pub fn condition(expr: &Expr, scope: &Scope) -> Result<Value, EvalError> {
    Ok(operand(expr, scope)?.unwrap_or_else(Value::null))
}

/// Whether JavaScript takes a value for true.
pub fn is_truthy(value: &Value) -> bool {
    match &value.data {
        Data::Null => false,
        Data::Bool(flag) => *flag,
        Data::Number(digits) => number(digits).is_some_and(|n| n != 0.0 && !n.is_nan()),
        Data::Text(text) => !text.is_empty(),
        Data::Bytes(bytes) => !bytes.is_empty(),
        Data::Time(_) | Data::Duration(_) | Data::List(_) | Data::Object(_) => true,
    }
}

/// What a condition is made of; none is `undefined`.
fn operand(expr: &Expr, scope: &Scope) -> Result<Option<Value>, EvalError> {
    match &expr.kind {
        ExprKind::Binary(operator @ (Operator::And | Operator::Or), left, right) => {
            let first = operand(left, scope)?;
            let decided = first.as_ref().is_some_and(is_truthy) == (*operator == Operator::Or);
            if decided {
                return Ok(first);
            }
            let label = first.map(|v| v.full_label().raised(Derivation::Opaque));
            Ok(operand(right, scope)?.map(|value| match &label {
                Some(label) => value.labelled(label),
                None => value,
            }))
        }
        ExprKind::Binary(operator, left, right) if is_condition(expr) => {
            let (a, b) = (operand(left, scope)?, operand(right, scope)?);
            // A list or an object is one with itself alone.
            let is_itself = left.kind == right.kind
                && a.as_ref()
                    .is_some_and(|a| matches!(a.data, Data::List(_) | Data::Object(_)));
            let natively = match operator {
                Operator::Eq | Operator::Same if is_itself => Some(true),
                Operator::Ne | Operator::Different if is_itself => Some(false),
                _ => natively(*operator, a.as_ref(), b.as_ref()),
            };
            let flag = match natively {
                Some(flag) => flag,
                None => by_engine(*operator, a.as_ref(), b.as_ref())
                    .map_err(|message| EvalError::new(codes::RUN_EVALUATION, expr, message))?,
            };
            let from: Vec<&Value> = a.iter().chain(&b).collect();
            Ok(Some(Value::derived(
                Data::Bool(flag),
                &from,
                Derivation::Opaque,
            )))
        }
        ExprKind::Not(inner) => {
            let value = operand(inner, scope)?;
            let flag = !value.as_ref().is_some_and(is_truthy);
            let from: Vec<&Value> = value.iter().collect();
            Ok(Some(Value::derived(
                Data::Bool(flag),
                &from,
                Derivation::Opaque,
            )))
        }
        ExprKind::Path(base, path) => match path.keys() {
            Some(keys) => keys
                .iter()
                .try_fold(operand(base, scope)?, |value, key| below(value, key, expr)),
            None => eval(expr, scope).map(Some),
        },
        ExprKind::Field(base, name) => below(operand(base, scope)?, &Key::Name(name.clone()), expr),
        ExprKind::Call(Function::Length, arguments) => match arguments.as_slice() {
            [inner] => below(
                operand(inner, scope)?,
                &Key::Name("length".to_owned()),
                expr,
            ),
            _ => eval(expr, scope).map(Some),
        },
        _ => eval(expr, scope).map(Some),
    }
}

/// `value.name`, `value[0]`.
fn below(value: Option<Value>, key: &Key, expr: &Expr) -> Result<Option<Value>, EvalError> {
    let Some(value) = value.filter(|v| !v.is_null()) else {
        return Err(EvalError::new(
            codes::RUN_EVALUATION,
            expr,
            "the condition reads a member of what is null or not there",
        )
        .help("a script ends with an error there; ask first: `$.a && $.a.b`"));
    };
    let found = match (key, &value.data) {
        (Key::Name(name), Data::Text(text)) if name == "length" => {
            let units = text.encode_utf16().count();
            Some(Value::int(i64::try_from(units).unwrap_or(i64::MAX)))
        }
        (Key::Name(name), Data::List(items)) if name == "length" => {
            Some(Value::int(i64::try_from(items.len()).unwrap_or(i64::MAX)))
        }
        (Key::Name(name), Data::Object(_)) => value.get(name).cloned(),
        (Key::Index(index), Data::Object(_)) => value.get(&index.to_string()).cloned(),
        (Key::Index(index), Data::List(items)) => usize::try_from(*index)
            .ok()
            .and_then(|i| items.get(i))
            .cloned(),
        (Key::Index(index), Data::Text(text)) => usize::try_from(*index)
            .ok()
            .and_then(|i| text.chars().nth(i))
            .map(Value::text),
        _ => None,
    };
    Ok(found.map(|found| found.labelled(&value.label)))
}

/// A comparison whose answer JavaScript's rules give without changing a type.
fn natively(operator: Operator, a: Option<&Value>, b: Option<&Value>) -> Option<bool> {
    let (equal, negated) = match operator {
        Operator::Eq | Operator::Same => (true, false),
        Operator::Ne | Operator::Different => (true, true),
        _ => (false, false),
    };
    if !equal {
        let ordering = match (&a?.data, &b?.data) {
            (Data::Number(x), Data::Number(y)) => order(x, y),
            (Data::Text(x), Data::Text(y)) => Some(x.encode_utf16().cmp(y.encode_utf16())),
            _ => return None,
        };
        // No number is neither less nor greater.
        return Some(ordering.is_some_and(|ordering| match operator {
            Operator::Lt => ordering == Ordering::Less,
            Operator::Le => ordering != Ordering::Greater,
            Operator::Gt => ordering == Ordering::Greater,
            _ => ordering != Ordering::Less,
        }));
    }
    let strict = matches!(operator, Operator::Same | Operator::Different);
    let absent = |value: Option<&Value>| value.is_none_or(Value::is_null);
    let same = match (a, b) {
        _ if !strict && (absent(a) || absent(b)) => absent(a) && absent(b),
        (None, None) => true,
        (None, _) | (_, None) => false,
        (Some(a), Some(b)) => match (&a.data, &b.data) {
            (Data::Null, Data::Null) => true,
            (Data::Bool(x), Data::Bool(y)) => x == y,
            (Data::Number(x), Data::Number(y)) => order(x, y) == Some(Ordering::Equal),
            (Data::Text(_) | Data::Bytes(_), Data::Text(_) | Data::Bytes(_)) => a.equals(b),
            // Two of them are never one.
            (Data::List(_) | Data::Object(_), Data::List(_) | Data::Object(_)) => false,
            _ if strict => false,
            // A server's lists and objects are Java's, which are equal to no text and no number.
            (Data::List(_) | Data::Object(_), _) | (_, Data::List(_) | Data::Object(_)) => false,
            _ => return None,
        },
    };
    Some(same != negated)
}

/// The order of two numbers: of whole ones to the last digit.
fn order(a: &str, b: &str) -> Option<Ordering> {
    match (a.parse::<i128>(), b.parse::<i128>()) {
        (Ok(x), Ok(y)) => Some(x.cmp(&y)),
        _ => number(a)?.partial_cmp(&number(b)?),
    }
}

fn number(digits: &str) -> Option<f64> {
    digits.parse().ok()
}

/// Values of different types, as the engine has it.
fn by_engine(operator: Operator, a: Option<&Value>, b: Option<&Value>) -> Result<bool, String> {
    let sign = match operator {
        Operator::Same => "===",
        Operator::Different => "!==",
        other => other.as_str(),
    };
    let members = [("a", a), ("b", b)]
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?.clone())));
    let input = Value::from(Data::Object(members.collect()));
    let found = javascript(&format!("$.a {sign} $.b"), &input)?;
    Ok(matches!(found.kind, crate::json::NodeKind::Bool(true)))
}

/// The text of a number as Java writes it where it is no whole one (`Double.toString`).
pub fn java_number(digits: &str) -> Zeroizing<String> {
    let whole = digits.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    let Some(value) = number(digits).filter(|v| !whole && v.is_finite()) else {
        return Zeroizing::new(digits.to_owned());
    };
    let size = value.abs();
    if size == 0.0 || (1e-3..1e7).contains(&size) {
        let text = format!("{value}");
        let point = if text.contains('.') { "" } else { ".0" };
        return Zeroizing::new(format!("{text}{point}"));
    }
    // One digit before the point, at least one behind.
    let text = format!("{value:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let point = if mantissa.contains('.') { "" } else { ".0" };
    Zeroizing::new(format!("{mantissa}{point}E{exponent}"))
}
