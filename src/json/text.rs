//! A decoded string that knows where each piece of it stands in the raw text.

use crate::source::Span;

/// A JSON string: decoded, with the way back.
#[derive(Debug, Clone)]
pub struct JsonString {
    /// The decoded text.
    pub text: String,
    /// The raw text with its quotes.
    pub span: Span,
    /// Behind each escape: offset in the decoded text, offset in the file. Between two entries both run alike.
    map: Vec<(u32, u32)>,
}

impl JsonString {
    /// A string from its decoded text and the raw text between its quotes.
    pub(super) fn new(text: String, span: Span, raw: &str) -> Self {
        let map = if raw.as_bytes().contains(&b'\\') {
            breakpoints(raw, span.start.saturating_add(1))
        } else {
            Vec::new()
        };
        Self { text, span, map }
    }

    /// Another text at the same place, for what is read as if it stood there.
    #[must_use]
    pub fn with_text(&self, text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            span: self.span,
            map: Vec::new(),
        }
    }

    /// The place in the file of the decoded bytes `start..end`, which must be on character borders.
    pub fn span_of(&self, start: usize, end: usize) -> Span {
        Span {
            file: self.span.file,
            start: self.raw_offset(start),
            end: self.raw_offset(end.max(start)),
        }
    }

    /// The place of the whole text without its quotes.
    pub fn inner_span(&self) -> Span {
        self.span_of(0, self.text.len())
    }

    fn raw_offset(&self, decoded: usize) -> u32 {
        let decoded = u32::try_from(decoded).unwrap_or(u32::MAX);
        let behind = self.map.partition_point(|(d, _)| *d <= decoded);
        let (base, raw) = behind
            .checked_sub(1)
            .and_then(|i| self.map.get(i))
            .copied()
            .unwrap_or((0, self.span.start.saturating_add(1)));
        raw.saturating_add(decoded - base)
    }
}

/// The entries of the map for the raw text between quotes, which starts at `base` in the file.
fn breakpoints(raw: &str, base: u32) -> Vec<(u32, u32)> {
    let bytes = raw.as_bytes();
    let mut map = Vec::new();
    let (mut at, mut decoded) = (0usize, 0usize);
    while let Some(step) = bytes
        .get(at..)
        .and_then(|rest| rest.iter().position(|b| *b == b'\\'))
    {
        let escape = at + step;
        decoded += step;
        let (raw_len, text_len) = match bytes.get(escape + 1) {
            Some(b'u') => unicode_escape(bytes, escape),
            _ => (2, 1),
        };
        at = escape + raw_len;
        decoded += text_len;
        map.push((
            u32::try_from(decoded).unwrap_or(u32::MAX),
            base.saturating_add(u32::try_from(at).unwrap_or(u32::MAX)),
        ));
    }
    map
}

/// Raw and decoded length of the `\uXXXX` (or pair of them) at `escape`.
fn unicode_escape(bytes: &[u8], escape: usize) -> (usize, usize) {
    match hex(bytes, escape + 2) {
        0xD800..=0xDBFF => (12, 4),
        0..=0x7F => (6, 1),
        0x80..=0x7FF => (6, 2),
        _ => (6, 3),
    }
}

fn hex(bytes: &[u8], at: usize) -> u32 {
    bytes
        .get(at..at + 4)
        .and_then(|d| std::str::from_utf8(d).ok())
        .and_then(|d| u32::from_str_radix(d, 16).ok())
        .unwrap_or(0xFFFD)
}
