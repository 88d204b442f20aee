//! Makes characters visible that move the cursor, reorder text or cannot be seen.
//!
//! A file under review, a server's answer or a file name may hold terminal commands (CWE-150) or hide text from the
//! reader (Trojan Source); every such text goes through here before it reaches a terminal or a log.

use std::borrow::Cow;
use std::fmt::Write;

/// Whether a character acts on the terminal, changes the direction of text or has no width of its own.
pub fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e01ef}')
}

/// The text on one line: each character of [`is_invisible`], line ends and tabs among them, becomes `\u{1B}`.
pub fn visible(text: &str) -> Cow<'_, str> {
    escape(text, |_| false)
}

/// As [`visible`], but line ends and tabs stay.
pub fn visible_block(text: &str) -> Cow<'_, str> {
    escape(text, |c| c == '\n' || c == '\t')
}

fn escape(text: &str, keep: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(|c| is_invisible(c) && !keep(c)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_invisible(c) && !keep(c) {
            push_escaped(&mut out, c)
        } else {
            out.push(c)
        }
    }
    Cow::Owned(out)
}

/// Writes `\u{…}` with upper-case digits.
pub fn push_escaped(out: &mut String, c: char) {
    let _ = write!(out, "\\u{{{:X}}}", u32::from(c));
}
