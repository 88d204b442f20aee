//! The literals of a path: strings, numbers, names and regular expressions.

use super::PathError;
use jsonpath_rust::parser::model::Literal;

/// Largest whole number that every JSON reader keeps (RFC 9535 section 2.1).
const MAX_INT: i64 = 9_007_199_254_740_991;

pub(super) fn error(start: usize, end: usize, message: impl Into<String>) -> PathError {
    PathError {
        message: message.into(),
        start,
        end,
        help: None,
    }
}

impl PathError {
    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// The text of a quoted string that stands at byte `at`, quotes included (RFC 9535 section 2.3.1.1).
pub(super) fn string(quoted: &str, at: usize) -> Result<String, PathError> {
    let quote = if quoted.starts_with('"') { '"' } else { '\'' };
    let inner = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or("");
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.char_indices();
    while let Some((offset, c)) = chars.next() {
        let start = at + 1 + offset;
        if c < ' ' {
            return Err(error(
                start,
                start + 1,
                "a quoted name contains a control character",
            )
            .help(format!("write it as `\\u{:04x}`", u32::from(c))));
        }
        if c != '\\' {
            out.push(c);
            continue;
        }
        let Some((_, escaped)) = chars.next() else {
            return Err(error(start, start + 1, "the escape is cut off"));
        };
        let decoded = match escaped {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            '/' | '\\' => escaped,
            'u' => unicode(&mut chars).ok_or_else(|| {
                error(
                    start,
                    start + 2,
                    "`\\u` needs four hexadecimal digits that make a character",
                )
                .help("write the character itself")
            })?,
            same if same == quote => same,
            other => {
                return Err(error(
                    start,
                    start + 1 + other.len_utf8(),
                    format!("`\\{other}` is not an escape"),
                )
                .help("write `\\\\` for a backslash"));
            }
        };
        out.push(decoded);
    }
    Ok(out)
}

fn unicode(chars: &mut std::str::CharIndices<'_>) -> Option<char> {
    let mut four = || {
        (0..4).try_fold(0u32, |sum, _| {
            Some(sum * 16 + chars.next()?.1.to_digit(16)?)
        })
    };
    let first = four()?;
    if !(0xD800..0xDC00).contains(&first) {
        return char::from_u32(first);
    }
    if chars.next()?.1 != '\\' || chars.next()?.1 != 'u' {
        return None;
    }
    let second = (0..4).try_fold(0u32, |sum, _| {
        Some(sum * 16 + chars.next()?.1.to_digit(16)?)
    })?;
    if !(0xDC00..0xE000).contains(&second) {
        return None;
    }
    char::from_u32(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00))
}

/// An index or slice bound.
pub(super) fn int(digits: &str, at: usize) -> Result<i64, PathError> {
    let end = at + digits.len();
    let unsigned = digits.strip_prefix('-').unwrap_or(digits);
    if digits == "-0" || (unsigned.len() > 1 && unsigned.starts_with('0')) {
        let plain = unsigned.trim_start_matches('0');
        let sign = if digits.starts_with('-') && !plain.is_empty() {
            "-"
        } else {
            ""
        };
        return Err(
            error(at, end, "an index has no leading zero and no `-0`").help(format!(
                "write `{sign}{}`",
                if plain.is_empty() { "0" } else { plain }
            )),
        );
    }
    digits
        .parse::<i64>()
        .ok()
        .filter(|i| i.abs() <= MAX_INT)
        .ok_or_else(|| error(at, end, format!("an index is at most {MAX_INT}")))
}

/// A number in a condition.
pub(super) fn number(digits: &str, at: usize) -> Result<Literal, PathError> {
    let end = at + digits.len();
    let unsigned = digits.strip_prefix('-').unwrap_or(digits);
    let mut leading = unsigned.chars();
    if leading.next() == Some('0') && leading.next().is_some_and(|c| c.is_ascii_digit()) {
        return Err(error(at, end, "a number has no leading zero"));
    }
    if let Ok(whole) = digits.parse::<i64>() {
        return Ok(Literal::Int(whole));
    }
    match digits.parse::<f64>() {
        Ok(float) if float.is_finite() => Ok(Literal::Float(float)),
        _ => Err(error(at, end, "the number is too large")),
    }
}

/// Whether a name may stand after a dot by RFC 9535 section 2.5.1.1.
pub(super) fn is_rfc_name(name: &str) -> bool {
    let first = |c: char| c.is_ascii_alphabetic() || c == '_' || !c.is_ascii();
    let mut chars = name.chars();
    chars.next().is_some_and(first) && chars.all(|c| first(c) || c.is_ascii_digit())
}

/// A name in single quotes.
pub(super) fn quote(name: &str) -> String {
    let mut out = String::from("'");
    for c in name.chars() {
        match c {
            '\'' | '\\' => out.extend(['\\', c]),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('\'');
    out
}

/// What is plainly wrong with a regular expression that is written in the path. An engine that meets one it cannot read
/// says "no match" (RFC 9535 section 2.4.6), which hides the mistake from the author.
pub(super) fn check_regex(pattern: &str) -> Option<&'static str> {
    let mut depth = 0i32;
    let mut class = false;
    let mut may_repeat = false;
    let mut weight = 1u64;
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                if chars.next().is_none() {
                    return Some("ends in a backslash");
                }
                may_repeat = true;
            }
            ']' if class => (class, may_repeat) = (false, true),
            _ if class => {}
            '[' => class = true,
            '(' => {
                depth += 1;
                may_repeat = false;
                // `(?i)`, `(?:`: the question mark is no repetition.
                chars.next_if_eq(&'?');
            }
            ')' => {
                depth -= 1;
                may_repeat = true;
                if depth < 0 {
                    return Some("closes a parenthesis that is not open");
                }
            }
            '*' | '+' | '?' if !may_repeat => return Some("repeats nothing"),
            '{' if !may_repeat => return Some("repeats nothing"),
            '{' => {
                let counts: String = chars.by_ref().take_while(|c| *c != '}').collect();
                let largest = counts
                    .split(',')
                    .filter_map(|n| n.trim().parse::<u64>().ok())
                    .max()
                    .unwrap_or(1);
                weight = weight.saturating_mul(largest.max(1));
            }
            '|' => may_repeat = false,
            _ => may_repeat = true,
        }
    }
    match () {
        () if class => Some("leaves `[` open"),
        () if depth > 0 => Some("leaves `(` open"),
        () if weight > 10_000 => Some("repeats too often"),
        () => None,
    }
}

/// The text of a path: names without quotes where RFC 9535 section 2.5.1.1 allows it.
pub(super) fn of(keys: &[super::Key]) -> String {
    let mut text = String::from("$");
    for key in keys {
        match key {
            super::Key::Name(name) if is_plain(name) => {
                text.push('.');
                text.push_str(name);
            }
            super::Key::Name(name) => {
                text.push_str("['");
                for c in name.chars() {
                    match c {
                        '\\' | '\'' => text.extend(['\\', c]),
                        c if c < ' ' => text.push_str(&format!("\\u{:04x}", u32::from(c))),
                        c => text.push(c),
                    }
                }
                text.push_str("']");
            }
            super::Key::Index(index) => text.push_str(&format!("[{index}]")),
        }
    }
    text
}

fn is_plain(name: &str) -> bool {
    let first = |c: char| c.is_ascii_alphabetic() || c == '_' || !c.is_ascii();
    name.starts_with(first) && name.chars().all(|c| first(c) || c.is_ascii_digit())
}
