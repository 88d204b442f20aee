//! What a suppression says: rules, reason, last day. One spelling for comments and for `metadata`.

use crate::diagnostic::{ALL_CODES, Code, Diagnostic, codes, nearest};
use crate::source::Span;
use jiff::civil::Date;
use std::ops::Range;

/// Rules by code or name, separated by commas, each with its place in the text.
pub fn rules(list: &str) -> Vec<(&str, Range<usize>)> {
    let mut at = 0;
    let mut found = Vec::new();
    for piece in list.split(',') {
        let name = piece.trim();
        let start = at + (piece.len() - piece.trim_start().len());
        found.push((name, start..start + name.len()));
        at += piece.len() + 1;
    }
    found
}

/// The reason, and the day that stands in it as `until 2027-01-31` at its start or end.
pub fn reason(text: &str) -> (String, Option<Date>) {
    let text = text.trim().trim_start_matches("--").trim();
    let words: Vec<&str> = text.split_whitespace().collect();
    let date = |keyword: Option<&&str>, day: Option<&&str>| {
        keyword.filter(|k| **k == "until")?;
        day.and_then(|d| {
            d.trim_end_matches(['.', ',', ';', ':'])
                .parse::<Date>()
                .ok()
        })
    };
    if let Some(day) = date(words.first(), words.get(1)) {
        return (words.get(2..).unwrap_or_default().join(" "), Some(day));
    }
    let last = words.len().saturating_sub(2);
    match date(words.get(last), words.get(last + 1)) {
        Some(day) => (
            words
                .get(..last)
                .unwrap_or_default()
                .join(" ")
                .trim_end_matches(',')
                .to_owned(),
            Some(day),
        ),
        None => (words.join(" "), None),
    }
}

/// The rule of a name, or what is wrong with the name.
pub fn rule(name: &str, span: Span) -> Result<Code, Box<Diagnostic>> {
    if let Some(code) = Code::find(name) {
        return Ok(code);
    }
    let message = if name.is_empty() {
        "this suppression names no rule".to_owned()
    } else {
        format!("there is no rule `{name}`")
    };
    let help = match nearest(name, ALL_CODES.iter().flat_map(|c| [c.id(), c.name()])) {
        Some(near) if !name.is_empty() => format!("the nearest is `{near}`"),
        _ => "rules are named by code (ROT301) or by name (secret-to-log)".to_owned(),
    };
    Err(Box::new(
        Diagnostic::new(codes::UNKNOWN_SUPPRESSION, span, message)
            .at("suppresses nothing")
            .help(help),
    ))
}
