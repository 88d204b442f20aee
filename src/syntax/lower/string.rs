//! Strings: escapes, interpolation.

use super::{Lower, Node, Rule};
use crate::diagnostic::{Diagnostic, codes};
use crate::source::Span;
use crate::syntax::ast::{Name, Part};

impl<'a> Lower<'a> {
    /// The parts of a string.
    pub(super) fn parts(&mut self, node: Node<'a>) -> Vec<Part> {
        let mut parts = Vec::new();
        for child in node.into_inner() {
            match child.as_rule() {
                Rule::string_text => {
                    let span = self.token(&child);
                    parts.push(Part::Text(self.decode(child.as_str(), span), span));
                }
                Rule::interpolation => {
                    if let Some(expr) = child.into_inner().next() {
                        parts.push(Part::Expr(self.expr(expr)));
                    }
                }
                _ => {}
            }
        }
        parts
    }

    /// A string in which nothing may be interpolated.
    pub(super) fn plain(&mut self, node: Node<'a>) -> Name {
        let span = self.token(&node);
        let mut text = String::new();
        for child in node.into_inner() {
            let place = self.token(&child);
            match child.as_rule() {
                Rule::string_text => text.push_str(&self.decode(child.as_str(), place)),
                _ => self.report(
                    Diagnostic::new(
                        codes::BAD_INTERPOLATION,
                        place,
                        "nothing can be interpolated here: this text has to be known before the run",
                    )
                    .at("interpolated")
                    .help("write the text itself; `$${` stands for a literal `${`"),
                ),
            }
        }
        Name { text, span }
    }

    /// Text with its escapes resolved.
    fn decode(&mut self, raw: &str, span: Span) -> String {
        if !raw.contains(['\\', '$']) {
            return raw.to_owned();
        }
        let (text, faults) = decode(raw);
        for (start, end) in faults {
            let place = Span::new(
                span.file,
                span.start as usize + start,
                span.start as usize + end,
            );
            let shown = raw.get(start..end).unwrap_or("\\");
            self.report(
                Diagnostic::new(codes::SYNTAX_ERROR, place, format!("there is no escape `{shown}`"))
                    .at("unknown escape")
                    .help("the escapes are `\\\"`, `\\\\`, `\\n`, `\\r`, `\\t` and `\\u{1F600}`; a backslash itself is written `\\\\`"),
            );
        }
        text
    }
}

/// Resolves escapes; gives the places of those that are none.
pub fn decode(raw: &str) -> (String, Vec<(usize, usize)>) {
    let mut text = String::with_capacity(raw.len());
    let mut faults = Vec::new();
    let mut rest = raw;
    while let Some(c) = rest.chars().next() {
        let at = raw.len() - rest.len();
        let mut taken = c.len_utf8();
        if c == '$' && rest.starts_with("$${") {
            text.push_str("${");
            taken = 3;
        } else if c == '\\' {
            let (value, length) = escape(rest);
            taken = length;
            match value {
                Some(value) => text.push(value),
                None => faults.push((at, at + length)),
            }
        } else {
            text.push(c);
        }
        rest = rest.get(taken..).unwrap_or("");
    }
    (text, faults)
}

/// The character of the escape at the start of `text` and its length in bytes.
fn escape(text: &str) -> (Option<char>, usize) {
    let mut chars = text.chars();
    chars.next();
    let Some(letter) = chars.next() else {
        return (None, 1);
    };
    let simple = match letter {
        '"' => '"',
        '\\' => '\\',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => {
            let Some(digits) = text
                .strip_prefix("\\u{")
                .and_then(|t| t.split_once('}'))
                .map(|(digits, _)| digits)
            else {
                return (None, 2);
            };
            let valid =
                (1..=6).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit());
            let value = u32::from_str_radix(digits, 16)
                .ok()
                .filter(|_| valid)
                .and_then(char::from_u32);
            return (value, "\\u{}".len() + digits.len());
        }
        other => return (None, 1 + other.len_utf8()),
    };
    (Some(simple), 2)
}
