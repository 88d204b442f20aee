//! Pieces of `.rot` text: names and quoted strings.

use crate::syntax::{encode, is_word};

/// A string in quotes.
pub fn quoted(text: &str) -> String {
    format!("\"{}\"", encode(text, false))
}

/// A secret's name, in quotes where it has to be.
pub fn secret_name(name: &str) -> String {
    if is_word(name, true, true) {
        name.to_owned()
    } else {
        quoted(name)
    }
}

/// A rotation's name or the key of a member.
pub(super) fn key(name: &str) -> String {
    if is_word(name, false, false) {
        name.to_owned()
    } else {
        quoted(name)
    }
}

/// A segment of a path behind the first.
pub(super) fn segment(name: &str) -> String {
    if is_word(name, true, false) {
        name.to_owned()
    } else {
        quoted(name)
    }
}

/// Lines of a block, indented.
pub(super) fn block(head: &str, lines: &[String]) -> String {
    if lines.is_empty() {
        return format!("{head} {{ }}");
    }
    let inner: String = lines
        .iter()
        .flat_map(|l| l.lines())
        .map(|l| format!("  {l}\n"))
        .collect();
    format!("{head} {{\n{inner}}}")
}
