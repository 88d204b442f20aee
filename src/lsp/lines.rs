//! Byte offsets to the protocol's lines and characters and back. The one place that converts.

use super::wire::{Position, Range, TextEdit};
use crate::source::Span;

/// In what the client counts within a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encoding {
    /// Bytes.
    Utf8,
    /// Units of UTF-16: what the protocol falls back to.
    #[default]
    Utf16,
}

/// Where the lines of a text begin. Lines end as the protocol says: `\n`, `\r\n` or `\r`.
#[derive(Debug, Clone)]
pub struct Lines {
    starts: Vec<u32>,
    encoding: Encoding,
}

impl Lines {
    /// The lines of a text.
    pub fn new(text: &str, encoding: Encoding) -> Self {
        let bytes = text.as_bytes();
        let mut starts = vec![0];
        for (at, byte) in bytes.iter().enumerate() {
            let ends = match byte {
                b'\n' => true,
                b'\r' => bytes.get(at + 1) != Some(&b'\n'),
                _ => false,
            };
            if ends {
                starts.push(u32::try_from(at + 1).unwrap_or(u32::MAX));
            }
        }
        Self { starts, encoding }
    }

    /// Where a byte stands. What is within a character counts as its start, what is behind the text as its end.
    pub fn position(&self, text: &str, offset: u32) -> Position {
        let offset = floor(text, offset);
        let line = self.starts.partition_point(|start| *start <= offset) - 1;
        let start = self.starts.get(line).copied().unwrap_or(0);
        let before = text
            .get(start as usize..offset as usize)
            .unwrap_or_default();
        let character = match self.encoding {
            Encoding::Utf8 => before.len(),
            Encoding::Utf16 => before.encode_utf16().count(),
        };
        Position {
            line: u32::try_from(line).unwrap_or(u32::MAX),
            character: u32::try_from(character).unwrap_or(u32::MAX),
        }
    }

    /// The byte at a place. What is behind a line counts as its end, what is behind the text as the text's end.
    pub fn offset(&self, text: &str, position: Position) -> u32 {
        let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
        let Some(start) = self.starts.get(position.line as usize).copied() else {
            return length;
        };
        let end = self
            .starts
            .get(position.line as usize + 1)
            .copied()
            .unwrap_or(length);
        let line = text.get(start as usize..end as usize).unwrap_or_default();
        let line = line.trim_end_matches(['\n', '\r']);
        let mut units = 0;
        let mut bytes = 0;
        for c in line.chars() {
            let width = match self.encoding {
                Encoding::Utf8 => c.len_utf8(),
                Encoding::Utf16 => c.len_utf16(),
            };
            if units + width > position.character as usize {
                break;
            }
            units += width;
            bytes += c.len_utf8();
        }
        start + u32::try_from(bytes).unwrap_or(u32::MAX)
    }

    /// The place of a span.
    pub fn range(&self, text: &str, start: u32, end: u32) -> Range {
        Range {
            start: self.position(text, start),
            end: self.position(text, end.max(start)),
        }
    }

    /// The place of a span of this text.
    pub fn range_of(&self, text: &str, span: Span) -> Range {
        self.range(text, span.start, span.end)
    }

    /// The bytes of a range, in order.
    pub fn bytes(&self, text: &str, range: Range) -> std::ops::Range<u32> {
        let (start, end) = (self.offset(text, range.start), self.offset(text, range.end));
        start.min(end)..end.max(start)
    }

    /// The edit that makes `new` of a text: what both begin and end with stays.
    pub fn change(&self, old: &str, new: &str) -> Option<TextEdit> {
        if old == new {
            return None;
        }
        let head = old
            .char_indices()
            .zip(new.chars())
            .find(|((_, a), b)| a != b)
            .map_or(old.len().min(new.len()), |((at, _), _)| at);
        // The two bytes of a line's end stay together: no client can name the place between them.
        let splits = |at: usize| {
            old.get(..at).is_some_and(|before| before.ends_with('\r'))
                && old.get(at..).is_some_and(|after| after.starts_with('\n'))
        };
        let head = head - usize::from(splits(head));
        let (a, b) = (old.get(head..)?, new.get(head..)?);
        let tail: usize = a
            .chars()
            .rev()
            .zip(b.chars().rev())
            .take_while(|(a, b)| a == b)
            .map(|(a, _)| a.len_utf8())
            .sum();
        let tail = tail - usize::from(tail > 0 && splits(old.len() - tail));
        let (head, end) = (
            u32::try_from(head).ok()?,
            u32::try_from(old.len() - tail).ok()?,
        );
        Some(TextEdit {
            range: self.range(old, head, end),
            new_text: new.get(head as usize..new.len() - tail)?.to_owned(),
        })
    }
}

fn floor(text: &str, offset: u32) -> u32 {
    let mut at = (offset as usize).min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    u32::try_from(at).unwrap_or(u32::MAX)
}
