//! Places whose text is itself a secret: a checker that finds a hard-coded secret must not print it.
//!
//! The spans are blanked in every excerpt and every derived hash, also of findings that speak of something else on
//! the same line; the text is taken out of every message as well.

use super::place::clamp;
use super::redact::Redactor;
use crate::diagnostic::Diagnostic;
use crate::source::{FileId, SourceFile, SourceMap};
use crate::vault::Secret;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

/// What stands for each character of a blanked span where text in place is shown.
pub const BLANK: char = '•';

/// All blanked spans of a report, and the net that knows their texts.
#[derive(Clone, Default)]
pub struct Blanks {
    spans: BTreeMap<FileId, Vec<Range<u32>>>,
    /// By file: what is a secret in one is an ordinary word in another, whose report must not change by it.
    nets: BTreeMap<FileId, Redactor>,
    /// For texts that are of no file.
    all: Redactor,
}

impl Blanks {
    /// Gathers the blanked spans of all diagnostics.
    pub fn collect<'d>(
        sources: &SourceMap,
        diagnostics: impl IntoIterator<Item = &'d Diagnostic>,
    ) -> Self {
        let mut blanks = Self::default();
        for span in diagnostics.into_iter().flat_map(|d| &d.redact) {
            let Some(file) = sources.get(span.file) else {
                continue;
            };
            let range = clamp(file.text(), span.start)..clamp(file.text(), span.end);
            let text = file.slice(range.start, range.end);
            if text.is_empty() {
                continue;
            }
            let inner = text.strip_prefix('"').unwrap_or(text);
            let inner = inner.strip_suffix('"').unwrap_or(inner);
            let decoded = serde_json::from_str::<String>(&format!("\"{inner}\"")).ok();
            let net = blanks.nets.entry(span.file).or_default();
            for spelling in [Some(text), Some(inner), decoded.as_deref()]
                .into_iter()
                .flatten()
            {
                let secret = Secret::from_text(spelling);
                net.register(&secret);
                blanks.all.register(&secret);
            }
            blanks.spans.entry(span.file).or_default().push(range);
        }
        for ranges in blanks.spans.values_mut() {
            ranges.sort_by_key(|r| (r.start, r.end));
            ranges.dedup_by(|next, first| {
                let joined = next.start <= first.end;
                if joined {
                    first.end = first.end.max(next.end);
                }
                joined
            });
        }
        blanks
    }

    /// Whether nothing is blanked.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// A text that speaks of a file and is no excerpt of it, without what is blanked there.
    pub fn clean<'t>(&self, file: FileId, text: &'t str) -> Cow<'t, str> {
        match self.nets.get(&file) {
            Some(net) => net.redact(text),
            None if file == FileId::NONE && !self.is_empty() => self.all.redact(text),
            None => Cow::Borrowed(text),
        }
    }

    /// The blanked byte ranges within `start..end` of a file, in order: the spans, and other occurrences of their text.
    pub fn within(&self, id: FileId, file: &SourceFile, start: u32, end: u32) -> Vec<Range<u32>> {
        if self.is_empty() {
            return Vec::new();
        }
        let mut found: Vec<Range<u32>> = Vec::new();
        if let Some(ranges) = self.spans.get(&id) {
            let from = ranges.partition_point(|r| r.end <= start);
            found.extend(
                ranges
                    .iter()
                    .skip(from)
                    .take_while(|r| r.start < end)
                    .map(|r| r.start.max(start)..r.end.min(end)),
            );
        }
        let covered = self
            .nets
            .get(&id)
            .map(|net| net.covered(file.slice(start, end)));
        for run in covered.unwrap_or_default() {
            found.push(
                start + u32::try_from(run.start).unwrap_or(0)
                    ..start + u32::try_from(run.end).unwrap_or(0),
            );
        }
        found.sort_by_key(|r| (r.start, r.end));
        found
    }

    /// The whole text with blanked characters replaced by [`BLANK`]; line ends stay.
    pub fn text<'f>(&self, id: FileId, file: &'f SourceFile) -> Cow<'f, str> {
        let text = file.text();
        let ranges = self.within(id, file, 0, clamp(text, u32::MAX));
        if ranges.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut out = String::with_capacity(text.len());
        let mut ranges = ranges.into_iter().peekable();
        for (at, c) in text.char_indices() {
            while ranges.next_if(|r| r.end as usize <= at).is_some() {}
            let blanked =
                ranges.peek().is_some_and(|r| r.start as usize <= at) && c != '\n' && c != '\r';
            out.push(if blanked { BLANK } else { c });
        }
        Cow::Owned(out)
    }
}
