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
    map: Option<Box<[(u32, u32)]>>,
}

impl JsonString {
    /// A string from its decoded text and, for each escape, the offset behind it in the decoded text and in the file.
    pub(super) fn new(text: String, span: Span, map: Vec<(u32, u32)>) -> Self {
        let map = (!map.is_empty()).then(|| map.into_boxed_slice());
        Self { text, span, map }
    }

    /// Another text at the same place, for what is read as if it stood there.
    #[must_use]
    pub fn with_text(&self, text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            span: self.span,
            map: None,
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
        let map = self.map.as_deref().unwrap_or_default();
        let behind = map.partition_point(|(d, _)| *d <= decoded);
        let (base, raw) = behind
            .checked_sub(1)
            .and_then(|i| map.get(i))
            .copied()
            .unwrap_or((0, self.span.start.saturating_add(1)));
        raw.saturating_add(decoded - base)
    }
}
