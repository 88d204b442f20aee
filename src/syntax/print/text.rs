//! Words, quoted text, durations and sizes.

use super::Printer;
use crate::source::Dur;
use crate::source::Span;
use crate::source::dur::UNITS;
use crate::syntax::ast::{Count, Duration, Name};
use crate::syntax::fault;
use crate::syntax::lower::decode;

impl<'a> Printer<'a> {
    /// The source text of a place; empty where there is none.
    pub(super) fn written(&self, span: Span) -> &'a str {
        if span.is_some() {
            self.source.slice(span.start, span.end)
        } else {
            ""
        }
    }

    /// Text in quotes, with the escapes as they were written where there was a text.
    pub(super) fn quoted(&mut self, name: &Name) {
        let written = self
            .written(name.span)
            .strip_prefix('"')
            .and_then(|w| w.strip_suffix('"'))
            .unwrap_or("");
        let (value, faults) = decode(written);
        let text = if value == name.text && faults.is_empty() {
            written.to_owned()
        } else {
            encode(&name.text, false)
        };
        self.push(&format!("\"{text}\""));
    }

    /// A rotation's name, or a member's: in quotes only where it has to be.
    pub(super) fn ident(&mut self, name: &Name) {
        if is_word(&name.text, false, false) {
            self.push(&name.text)
        } else {
            self.quoted(name)
        }
    }

    /// A segment of a path.
    pub(super) fn segment(&mut self, name: &Name) {
        if is_word(&name.text, true, false) {
            self.push(&name.text)
        } else {
            self.quoted(name)
        }
    }

    /// A secret's name.
    pub(super) fn secret_name(&mut self, name: &Name) {
        if is_word(&name.text, true, true) {
            self.push(&name.text)
        } else {
            self.quoted(name)
        }
    }

    /// Names with commas.
    pub(super) fn names(&mut self, names: &[Name]) {
        for (index, name) in names.iter().enumerate() {
            if index > 0 {
                self.push(", ");
            }
            self.push(&name.text);
        }
    }

    pub(super) fn duration(&mut self, duration: &Duration) {
        match &duration.parameter {
            Some(name) => self.push(&name.text),
            None => self.time(duration.value, duration.span),
        }
    }

    /// A length of time, as written where it was.
    pub(super) fn time(&mut self, value: Dur, span: Span) {
        let written = self.written(span);
        if written.starts_with(|c: char| c.is_ascii_digit())
            && written.bytes().all(|b| b.is_ascii_alphanumeric())
        {
            self.push(written);
            return;
        }
        let mut rest = value.0;
        if rest == 0 {
            self.push("0s");
        }
        for (unit, size) in UNITS {
            if rest >= size {
                self.push(&format!("{}{unit}", rest / size));
                rest %= size;
            }
        }
    }

    /// ` word duration`, where there is one.
    pub(super) fn optional_duration(&mut self, word: &str, duration: Option<&Duration>) {
        if let Some(duration) = duration {
            self.push(word);
            self.duration(duration);
        }
    }

    /// ` backoff linear`, where it is said.
    pub(super) fn backoff(&mut self, backoff: Option<&Name>) {
        if let Some(backoff) = backoff {
            self.push(&format!(" backoff {}", backoff.text));
        }
    }

    pub(super) fn count(&mut self, count: &Count) {
        self.push(&count.value.to_string());
    }

    /// A size in bytes, in the largest unit that divides it.
    pub(super) fn size(&mut self, count: &Count) {
        let written = self.written(count.span);
        let text = match count.value {
            _ if written.ends_with('B') && !written.contains(' ') => written.to_owned(),
            n if n > 0 && n % (1024 * 1024) == 0 => format!("{}MiB", n / (1024 * 1024)),
            n if n > 0 && n % 1024 == 0 => format!("{}KiB", n / 1024),
            n => format!("{n}B"),
        };
        self.push(&text);
    }
}

/// Whether `text` can stand without quotes. `digit`: may begin with a digit; `parts`: may have `/` inside.
pub(crate) fn is_word(text: &str, digit: bool, parts: bool) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let body = |part: &str| {
        part.starts_with(word) && part.ends_with(word) && part.chars().all(|c| word(c) || c == '-')
    };
    let first = text.starts_with(|c: char| word(c) && (digit || !c.is_ascii_digit()));
    first
        && if parts {
            let text = text.strip_suffix("/*").unwrap_or(text);
            text.split('/').all(body)
        } else {
            body(text)
        }
}

/// Text as it stands between quotes. `before_expr`: an interpolation follows.
pub(crate) fn encode(text: &str, before_expr: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '$' if chars.peek() == Some(&'{') => out.push_str("$$"),
            '$' if chars.peek().is_none() && before_expr => out.push_str("\\u{24}"),
            c if fault::is_forbidden(c) => out.push_str(&format!("\\u{{{:X}}}", c as u32)),
            c => out.push(c),
        }
    }
    out
}
