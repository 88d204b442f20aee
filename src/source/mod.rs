//! 1. Text. Source files, byte spans and line positions; nothing here touches the disk but [`load`].
//!
//! Every later phase speaks of a place as a [`Span`]: a file and two byte offsets. Lines and columns are
//! computed only when a person or a machine format asks for them.

pub mod dur;
pub mod span;

pub use dur::{Dur, DurError};
pub use span::{At, FileId, Span};

use std::sync::Arc;

/// One text that was read: its name as the user wrote it, its content and where its lines start.
#[derive(Debug, Clone)]
pub struct SourceFile {
    name: Arc<str>,
    text: Arc<str>,
    line_starts: Arc<[u32]>,
}

/// A place as people count it. Lines and columns start at 1; columns count characters, not bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// 1-based line.
    pub line: u32,
    /// 1-based column in characters.
    pub column: u32,
}

impl SourceFile {
    /// Wraps `text` under the display name `name`. Texts above 4 GiB are cut off at the span type's limit by the loader.
    pub fn new(name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        let text: Arc<str> = text.into();
        let mut line_starts = vec![0u32];
        for (i, byte) in text.bytes().enumerate() {
            if byte == b'\n' {
                line_starts.push(u32::try_from(i + 1).unwrap_or(u32::MAX));
            }
        }
        Self {
            name: name.into(),
            text,
            line_starts: line_starts.into(),
        }
    }

    /// The name to show: the path as given, `<stdin>`, or what `--stdin-path` said.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text between two byte offsets; empty when they are not on character borders or out of range.
    pub fn slice(&self, start: u32, end: u32) -> &str {
        self.text.get(start as usize..end as usize).unwrap_or("")
    }

    /// 0-based line that holds the byte `offset` (clamped to the text).
    pub fn line_index(&self, offset: u32) -> usize {
        match self.line_starts.binary_search(&offset) {
            Ok(line) => line,
            Err(next) => next.saturating_sub(1),
        }
    }

    /// Byte offset at which the 0-based `line` starts; the text's length past the last line.
    pub fn line_start(&self, line: usize) -> u32 {
        self.line_starts
            .get(line)
            .copied()
            .unwrap_or(u32::try_from(self.text.len()).unwrap_or(u32::MAX))
    }

    /// Number of lines; a text that ends in a newline has an empty last line.
    pub fn line_count(&self) -> usize {
        self.line_starts.len()
    }

    /// The content of the 0-based `line` without its line ending.
    pub fn line_text(&self, line: usize) -> &str {
        let end = self.line_start(line + 1);
        self.slice(self.line_start(line), end)
            .trim_end_matches(['\n', '\r'])
    }

    /// A place as it is cut out: with its lines when nothing else stands on them, else with the blanks towards the end of the
    /// line that would be left over.
    pub fn whole_lines(&self, place: Span) -> Span {
        let before = self.slice(0, place.start);
        let after = self.slice(
            place.end,
            u32::try_from(self.text.len()).unwrap_or(u32::MAX),
        );
        let outer = before.trim_end_matches([' ', '\t']).len();
        let behind = after.len() - after.trim_start_matches([' ', '\t']).len();
        let rest = after.get(behind..).unwrap_or_default();
        let line_end = if rest.starts_with("\r\n") {
            2
        } else {
            usize::from(rest.starts_with('\n'))
        };
        let ends_line = line_end > 0 || rest.is_empty();
        let starts_line = outer == 0 || before.get(..outer).is_some_and(|b| b.ends_with('\n'));
        let (start, end) = (place.start as usize, place.end as usize);
        match (starts_line, ends_line) {
            (true, true) => Span::new(place.file, outer, end + behind + line_end),
            (false, true) => Span::new(place.file, outer, end),
            _ => Span::new(place.file, start, end + behind),
        }
    }

    /// Line and column of a byte offset.
    pub fn position(&self, offset: u32) -> Position {
        let line = self.line_index(offset);
        let start = self.line_start(line);
        let column = self.slice(start, offset.max(start)).chars().count();
        Position {
            line: u32::try_from(line + 1).unwrap_or(u32::MAX),
            column: u32::try_from(column + 1).unwrap_or(u32::MAX),
        }
    }
}

/// All texts of one command; a [`FileId`] is an index into it.
#[derive(Debug, Clone, Default)]
pub struct SourceMap {
    files: Vec<SourceFile>,
}

impl SourceMap {
    /// An empty map.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file and returns its id.
    pub fn add(&mut self, file: SourceFile) -> FileId {
        self.files.push(file);
        FileId::new(self.files.len() - 1)
    }

    /// The file of an id; `None` for [`FileId::NONE`].
    pub fn get(&self, id: FileId) -> Option<&SourceFile> {
        self.files.get(id.index())
    }

    /// All files in the order in which they were added.
    pub fn files(&self) -> impl Iterator<Item = (FileId, &SourceFile)> {
        self.files
            .iter()
            .enumerate()
            .map(|(i, f)| (FileId::new(i), f))
    }
}
