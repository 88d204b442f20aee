//! Canonical JSON (RFC 8785, JCS): keys in the order of their UTF-16 code units, numbers as ECMAScript writes them.
//!
//! One thing differs: a whole number beyond 2^53 keeps its digits, where JCS would round it to a double. Two plans that
//! differ in such a number must not have the same digest.

use serde_json::{Map, Number, Value};

/// Without blanks: what is hashed.
pub fn compact(value: &Value) -> String {
    let mut out = String::new();
    write(value, None, &mut out);
    out
}

/// The same order and forms, indented by two blanks: what is stored.
pub fn pretty(value: &Value) -> String {
    let mut out = String::new();
    write(value, Some(0), &mut out);
    out
}

fn write(value: &Value, indent: Option<usize>, out: &mut String) {
    match value {
        Value::Number(n) => out.push_str(&number(n)),
        Value::Array(items) => sequence(('[', ']'), items.iter(), indent, out, write),
        Value::Object(members) => sequence(
            ('{', '}'),
            sorted(members).into_iter(),
            indent,
            out,
            |(key, value), indent, out| {
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push_str(if indent.is_some() { ": " } else { ":" });
                write(value, indent, out);
            },
        ),
        // serde_json writes texts as JCS wants them: short escapes where there are some, else `\u` in lower case.
        other => out.push_str(&other.to_string()),
    }
}

fn sequence<T>(
    (open, close): (char, char),
    items: impl Iterator<Item = T>,
    indent: Option<usize>,
    out: &mut String,
    mut each: impl FnMut(T, Option<usize>, &mut String),
) {
    let inner = indent.map(|depth| depth + 1);
    out.push(open);
    let mut any = false;
    for item in items {
        if any {
            out.push(',');
        }
        any = true;
        new_line(inner, out);
        each(item, inner, out);
    }
    if any {
        new_line(indent, out);
    }
    out.push(close);
}

fn new_line(indent: Option<usize>, out: &mut String) {
    if let Some(depth) = indent {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    }
}

fn sorted(members: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut members: Vec<_> = members.iter().collect();
    members.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
    members
}

/// ECMAScript's `Number::toString` (ECMA-262 section 6.1.6.1.20).
fn number(number: &Number) -> String {
    let float = match number.as_f64() {
        Some(float) if number.is_f64() => float,
        _ => return number.to_string(),
    };
    if float == 0.0 {
        return "0".into();
    }
    // Rust's shortest digits that read back as the same double are ECMAScript's too, save that of two that are equally near
    // ECMAScript takes the even one, as Rust does when it is told the number of digits.
    let shortest = format!("{:e}", float.abs());
    let places = shortest
        .split_once('e')
        .map_or(0, |(digits, _)| digits.len().saturating_sub(2));
    let even = format!("{:.places$e}", float.abs());
    let scientific = if even.parse() == Ok(float.abs()) {
        even
    } else {
        shortest
    };
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let digits: String = digits.chars().filter(char::is_ascii_digit).collect();
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let sign = if float < 0.0 { "-" } else { "" };
    let count = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    let zeros = |n: i32| "0".repeat(usize::try_from(n).unwrap_or(0));
    let split = |at: i32| {
        digits
            .split_at_checked(usize::try_from(at).unwrap_or(0))
            .unwrap_or((&digits, ""))
    };
    let point = exponent + 1;
    if (count..=21).contains(&point) {
        return format!("{sign}{digits}{}", zeros(point - count));
    }
    if (1..=21).contains(&point) {
        let (whole, fraction) = split(point);
        return format!("{sign}{whole}.{fraction}");
    }
    if (-5..=0).contains(&point) {
        return format!("{sign}0.{}{digits}", zeros(-point));
    }
    let (first, rest) = split(1);
    let fraction = if rest.is_empty() {
        String::new()
    } else {
        format!(".{rest}")
    };
    format!(
        "{sign}{first}{fraction}e{}{}",
        if exponent < 0 { "-" } else { "+" },
        exponent.abs()
    )
}
