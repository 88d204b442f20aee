//! Byte offsets to lines and columns, for ten thousand findings in a file whose only line is a megabyte long.
//!
//! [`SourceFile::position`](crate::source::SourceFile::position) counts characters from the start of the line; here
//! counts of long lines are kept every few thousand bytes, so that a lookup does not depend on the length of the line.

use crate::source::{FileId, Position, SourceFile, SourceMap, Span};
use std::sync::OnceLock;

const STEP: usize = 2048;

/// Lookup of positions in all files of a source map.
pub struct Places<'a> {
    sources: &'a SourceMap,
    /// Per file: number of characters ahead of each multiple of `STEP` bytes.
    counts: Vec<OnceLock<Vec<u32>>>,
}

/// A span as people and machine formats give it. Byte offsets are clamped to the text and to whole characters.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// The file's display name.
    pub file: &'a SourceFile,
    /// First byte.
    pub start_byte: u32,
    /// Byte after the last.
    pub end_byte: u32,
    /// Line and column of the first character.
    pub start: Position,
    /// Line and column just after the last character.
    pub end: Position,
}

impl<'a> Places<'a> {
    /// Nothing is counted until it is asked for.
    pub fn new(sources: &'a SourceMap) -> Self {
        let counts = sources.files().map(|_| OnceLock::new()).collect();
        Self { sources, counts }
    }

    /// The texts.
    pub fn sources(&self) -> &'a SourceMap {
        self.sources
    }

    /// The place of a span; `None` where there is no text.
    pub fn resolve(&self, span: Span) -> Option<Place<'a>> {
        let file = self.sources.get(span.file)?;
        let start_byte = clamp(file.text(), span.start);
        let end_byte = clamp(file.text(), span.end.max(start_byte));
        let start = self.position(span.file, file, start_byte);
        let end = if end_byte == start_byte {
            start
        } else {
            self.position(span.file, file, end_byte)
        };
        Some(Place {
            file,
            start_byte,
            end_byte,
            start,
            end,
        })
    }

    fn position(&self, id: FileId, file: &SourceFile, offset: u32) -> Position {
        let line = file.line_index(offset);
        let start = file.line_start(line);
        let near = offset.saturating_sub(start) as usize <= STEP;
        let column = if near {
            starts(
                file.text()
                    .as_bytes()
                    .get(start as usize..offset as usize)
                    .unwrap_or_default(),
            ) + 1
        } else {
            self.characters(id, file, offset)
                .saturating_sub(self.characters(id, file, start))
                + 1
        };
        Position {
            line: u32::try_from(line + 1).unwrap_or(u32::MAX),
            column,
        }
    }

    /// Number of characters ahead of a byte offset.
    fn characters(&self, id: FileId, file: &SourceFile, offset: u32) -> u32 {
        let text = file.text();
        let Some(slot) = self.counts.get(id.index()) else {
            return 0;
        };
        let counts = slot.get_or_init(|| count(text));
        let step = offset as usize / STEP;
        let known = counts.get(step).copied().unwrap_or(0);
        let rest = text
            .as_bytes()
            .get(step * STEP..offset as usize)
            .unwrap_or_default();
        known + starts(rest)
    }
}

fn count(text: &str) -> Vec<u32> {
    let mut sum = 0;
    let mut counts = vec![0];
    for chunk in text.as_bytes().chunks(STEP) {
        sum += starts(chunk);
        counts.push(sum);
    }
    counts
}

/// Bytes that begin a character.
fn starts(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.iter().filter(|b| (**b & 0xC0) != 0x80).count()).unwrap_or(u32::MAX)
}

/// The offset, or the nearest character border before it, or the end of the text.
pub fn clamp(text: &str, offset: u32) -> u32 {
    let mut at = (offset as usize).min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    u32::try_from(at).unwrap_or(u32::MAX)
}
