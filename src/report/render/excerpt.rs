//! The lines that one diagnostic shows, as a small text of its own.

use super::RenderOptions;
use super::layout::separate;
use crate::report::blank::Blanks;
use crate::report::place::{Place, Places};
use crate::report::redact::{is_invisible, push_escaped, visible};
use crate::source::{FileId, SourceFile, Span};
use miette::{MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};
use std::collections::BTreeMap;
use std::ops::Range;

/// A label over more lines than this points at its first line only.
const TALL: u32 = 6;
/// Bytes kept on either side of where a label begins and ends, when a line is too long to show.
const AROUND: usize = 60;

/// A place to draw, in the file.
pub(super) struct Mark {
    pub span: Span,
    pub text: String,
    pub primary: bool,
}

impl Mark {
    pub(super) fn new(span: Span, text: String, primary: bool) -> Self {
        Self {
            span,
            text,
            primary,
        }
    }
}

/// A place to draw, in the excerpt. Never empty.
pub(super) struct Spot {
    pub start: usize,
    pub end: usize,
    pub text: String,
    pub primary: bool,
    /// Index of the excerpt line that it starts on.
    pub line: usize,
    /// Whether it ends there.
    pub one_line: bool,
}

/// One shown line.
struct Line {
    file: FileId,
    /// 0-based number in its file.
    number: usize,
    /// Start in the excerpt's text.
    start: usize,
    /// Byte after its line end in the excerpt's text.
    end: usize,
    /// Character borders: byte offset in the file, byte offset in the excerpt.
    borders: Vec<(u32, usize)>,
}

/// The lines around all marks, escaped and blanked.
pub(super) struct Excerpt {
    text: String,
    lines: Vec<Line>,
    names: BTreeMap<FileId, String>,
    /// 0-based column in the file by start in the excerpt.
    columns: BTreeMap<usize, usize>,
    pub spots: Vec<Spot>,
}

/// A line that is shown, with what is marked in it.
struct Row<'f> {
    id: FileId,
    file: &'f SourceFile,
    number: usize,
    marked: &'f [(u32, u32)],
}

impl Excerpt {
    /// `None` when no mark has a text behind it.
    pub(super) fn build(
        places: &Places<'_>,
        blanks: &Blanks,
        marks: &[Mark],
        options: RenderOptions,
    ) -> Option<Self> {
        let mut found: Vec<(&Mark, Place<'_>)> = Vec::new();
        for mark in marks {
            // An empty text shows nothing; a diagnostic about it (it could not be read) names the file.
            let Some(mut place) = places
                .resolve(mark.span)
                .filter(|p| !p.file.text().is_empty())
            else {
                continue;
            };
            if place.end.line - place.start.line >= TALL {
                place.end.line = place.start.line;
                place.end_byte = line_end(&place).max(place.start_byte);
            } else if place.end.column == 1 && place.end.line > place.start.line {
                // It ends with a line end: that is on the line before, not on the next.
                place.end.line -= 1;
                place.end_byte = line_end(&place).max(place.start_byte);
            }
            found.push((mark, place));
        }
        // The main place's file comes first, the others in the order in which they are spoken of.
        let mut files: Vec<FileId> = Vec::new();
        for (mark, _) in &found {
            if !files.contains(&mark.span.file) {
                files.push(mark.span.file);
            }
        }
        let mut wanted: BTreeMap<(usize, usize), Vec<(u32, u32)>> = BTreeMap::new();
        for (mark, place) in &found {
            let rank = files.iter().position(|f| *f == mark.span.file).unwrap_or(0);
            let (first, last) = (place.start.line as usize - 1, place.end.line as usize - 1);
            for line in first.saturating_sub(1)..=(last + 1).min(place.file.line_count() - 1) {
                let marked = (first..=last).contains(&line);
                if !marked
                    && line + 1 == place.file.line_count()
                    && place.file.line_text(line).is_empty()
                {
                    // What follows the last line end is no line to a reader.
                    continue;
                }
                let on_line = wanted.entry((rank, line)).or_default();
                if marked {
                    on_line.push((place.start_byte, place.end_byte));
                }
            }
        }
        let mut excerpt = Self {
            text: String::new(),
            lines: Vec::new(),
            names: BTreeMap::new(),
            columns: BTreeMap::new(),
            spots: Vec::new(),
        };
        let limit = (options.width * 2).max(240);
        for ((rank, number), on_line) in &wanted {
            let Some(&id) = files.get(*rank) else {
                continue;
            };
            let Some(file) = places.sources().get(id) else {
                continue;
            };
            excerpt
                .names
                .entry(id)
                .or_insert_with(|| visible(file.name()).into_owned());
            let row = Row {
                id,
                file,
                number: *number,
                marked: on_line,
            };
            excerpt.push_line(&row, blanks, limit, options.unicode);
        }
        for (mark, place) in &found {
            excerpt.push_spot(mark, place, blanks);
        }
        excerpt.spots = separate(std::mem::take(&mut excerpt.spots));
        (!excerpt.spots.is_empty()).then_some(excerpt)
    }

    fn push_line(&mut self, row: &Row<'_>, blanks: &Blanks, limit: usize, unicode: bool) {
        let Row {
            id,
            file,
            number,
            marked,
        } = *row;
        let line_start = file.line_start(number);
        let text = file.line_text(number);
        let offset = |at: usize| line_start + u32::try_from(at).unwrap_or(0);
        let (dot, cut) = if unicode {
            (super::super::blank::BLANK, "…")
        } else {
            ('*', "...")
        };
        let start = self.text.len();
        let mut borders = Vec::new();
        let mut shown_to = 0;
        for window in windows(text, line_start, marked, limit) {
            if window.start > shown_to {
                self.text.push_str(cut);
            }
            let shown = text.get(window.clone()).unwrap_or("");
            let blanked = blanks.within(id, file, offset(window.start), offset(window.end));
            for (at, c) in shown.char_indices() {
                let at = offset(window.start + at);
                borders.push((at, self.text.len()));
                if blanked.iter().any(|r| r.contains(&at)) {
                    self.text.push(dot);
                } else if is_invisible(c) && c != '\t' {
                    push_escaped(&mut self.text, c);
                } else {
                    self.text.push(c);
                }
            }
            borders.push((offset(window.end), self.text.len()));
            shown_to = window.end;
        }
        if shown_to < text.len() {
            self.text.push_str(cut);
        }
        self.text.push('\n');
        self.lines.push(Line {
            file: id,
            number,
            start,
            end: self.text.len(),
            borders,
        });
    }

    fn push_spot(&mut self, mark: &Mark, place: &Place<'_>, blanks: &Blanks) {
        let find = |number: usize| {
            self.lines
                .iter()
                .position(|l| l.file == mark.span.file && l.number == number)
        };
        let (Some(first), Some(last)) = (
            find(place.start.line as usize - 1),
            find(place.end.line as usize - 1),
        ) else {
            return;
        };
        let (Some(first_line), Some(last_line)) = (self.lines.get(first), self.lines.get(last))
        else {
            return;
        };
        let start = first_line.offset_of(place.start_byte);
        let mut end = last_line.offset_of(place.end_byte);
        if end <= start {
            // miette drops an empty label at the end of the text: point at the character there, or at the line end.
            end = start
                + self
                    .text
                    .get(start..)
                    .and_then(|t| t.chars().next())
                    .map_or(1, char::len_utf8);
        }
        self.columns
            .entry(start)
            .or_insert(place.start.column as usize - 1);
        let text = visible(&blanks.clean(mark.span.file, &mark.text)).into_owned();
        self.spots.push(Spot {
            start,
            end,
            text,
            primary: mark.primary,
            line: first,
            one_line: end <= first_line.end,
        });
    }
}

/// Byte after the last character of the line that a place ends on.
fn line_end(place: &Place<'_>) -> u32 {
    let line = place.end.line as usize - 1;
    place.file.line_start(line) + u32::try_from(place.file.line_text(line).len()).unwrap_or(0)
}

impl Line {
    /// Where a byte of the file stands in the excerpt; clamped to what is shown of the line.
    fn offset_of(&self, byte: u32) -> usize {
        let next = self.borders.partition_point(|(at, _)| *at < byte);
        self.borders
            .get(next)
            .or(self.borders.last())
            .map_or(self.start, |(_, to)| *to)
    }
}

/// Which bytes of a line are shown: all of a short one, else what is around the borders of the marked places.
fn windows(text: &str, line_start: u32, marked: &[(u32, u32)], limit: usize) -> Vec<Range<usize>> {
    if text.len() <= limit {
        return vec![Range {
            start: 0,
            end: text.len(),
        }];
    }
    let mut points: Vec<usize> = marked
        .iter()
        .flat_map(|m| [m.0, m.1])
        .map(|at| at.saturating_sub(line_start) as usize)
        .collect();
    if points.is_empty() {
        points.push(0);
    }
    points.sort_unstable();
    let mut out: Vec<Range<usize>> = Vec::new();
    for point in points {
        let mut start = point.min(text.len()).saturating_sub(AROUND);
        let mut end = (point + AROUND).min(text.len());
        while !text.is_char_boundary(start) {
            start -= 1;
        }
        while !text.is_char_boundary(end) {
            end += 1;
        }
        match out.last_mut().filter(|last| start <= last.end) {
            Some(last) => last.end = end,
            None => out.push(start..end),
        }
    }
    out
}

impl SourceCode for Excerpt {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        context_before: usize,
        context_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let last_byte = span.offset() + span.len().saturating_sub(1);
        let holding = |at: usize| {
            self.lines
                .iter()
                .position(|l| (l.start..l.end).contains(&at))
                .ok_or(MietteError::OutOfBounds)
        };
        let (mut first, mut last) = (holding(span.offset())?, holding(last_byte)?);
        let follows = |a: usize| match (self.lines.get(a), self.lines.get(a + 1)) {
            (Some(a), Some(b)) => a.file == b.file && a.number + 1 == b.number,
            _ => false,
        };
        if !(first..last).all(follows) {
            // Two places far apart: miette then draws two boxes.
            return Err(MietteError::OutOfBounds);
        }
        for _ in 0..context_before {
            first -= usize::from(first > 0 && follows(first - 1));
        }
        for _ in 0..context_after {
            last += usize::from(follows(last));
        }
        let (Some(top), Some(bottom)) = (self.lines.get(first), self.lines.get(last)) else {
            return Err(MietteError::OutOfBounds);
        };
        let (start, end) = if context_before + context_after > 0 {
            (top.start, bottom.end)
        } else {
            (span.offset(), last_byte + 1)
        };
        let column = if context_before == 0 {
            self.columns.get(&span.offset()).copied().unwrap_or(0)
        } else {
            0
        };
        let data = self
            .text
            .as_bytes()
            .get(start..end)
            .ok_or(MietteError::OutOfBounds)?;
        let name = self.names.get(&top.file).cloned().unwrap_or_default();
        Ok(Box::new(MietteSpanContents::new_named(
            name,
            data,
            (start, end - start).into(),
            top.number,
            column,
            last - first + 1,
        )))
    }
}
