//! All findings of one command in the form that every output shares: sorted, counted, free of blanked texts.

use super::blank::Blanks;
use super::place::Places;
use crate::diagnostic::{Code, Diagnostic, Label, Severity};
use crate::source::{FileId, SourceMap, Span};
use std::collections::BTreeSet;
use std::fmt;

/// What all renderings of one command are made from.
pub struct Report<'a> {
    /// Sorted by file, place, code.
    pub diagnostics: Vec<Diagnostic>,
    /// Lookup of lines and columns.
    pub places: Places<'a>,
    /// What no rendering may show.
    pub blanks: Blanks,
    pointer: &'a dyn Fn(Span) -> Option<String>,
    pages: Vec<(Code, &'a str)>,
}

impl<'a> Report<'a> {
    /// Sorts the findings and takes blanked texts out of everything that they say.
    pub fn new(sources: &'a SourceMap, mut diagnostics: Vec<Diagnostic>) -> Self {
        let blanks = Blanks::collect(sources, &diagnostics);
        diagnostics.sort_by(|a, b| {
            let key = |d: &Diagnostic| (d.span().file, d.span().start, d.span().end, d.code);
            key(a).cmp(&key(b)).then_with(|| a.message.cmp(&b.message))
        });
        if !blanks.is_empty() {
            diagnostics.iter_mut().for_each(|d| clean(d, &blanks));
        }
        Self {
            diagnostics,
            places: Places::new(sources),
            blanks,
            pointer: &|_| None,
            pages: Vec::new(),
        }
    }

    /// How a place in a JSON file is named by a JSON Pointer.
    #[must_use]
    pub fn pointers(mut self, pointer: &'a dyn Fn(Span) -> Option<String>) -> Self {
        self.pointer = pointer;
        self
    }

    /// The pages of the codes, for formats that carry help texts.
    #[must_use]
    pub fn pages(mut self, pages: Vec<(Code, &'a str)>) -> Self {
        self.pages = pages;
        self
    }

    /// The JSON Pointer of a place, for JSON input.
    pub fn pointer(&self, span: Span) -> Option<String> {
        (self.pointer)(span).map(|p| self.blanks.clean(span.file, &p).into_owned())
    }

    /// The page of a code.
    pub fn page(&self, code: Code) -> Option<&'a str> {
        self.pages
            .iter()
            .find(|(c, _)| *c == code)
            .map(|(_, page)| *page)
    }

    /// How many of which weight.
    pub fn summary(&self) -> Summary {
        Summary::of(&self.diagnostics)
    }
}

fn clean(diagnostic: &mut Diagnostic, blanks: &Blanks) {
    let labels = diagnostic.labels.iter().chain(&diagnostic.flow);
    let places = labels.map(|l| l.span).chain([diagnostic.span()]);
    let files: BTreeSet<FileId> = places.map(|span| span.file).collect();
    let mend = |text: &mut String| {
        for file in &files {
            if let std::borrow::Cow::Owned(cleaned) = blanks.clean(*file, text) {
                *text = cleaned;
            }
        }
    };
    mend(&mut diagnostic.message);
    diagnostic.help.iter_mut().for_each(mend);
    diagnostic.notes.iter_mut().for_each(mend);
    let labels = [&mut diagnostic.labels, &mut diagnostic.flow];
    labels
        .into_iter()
        .flatten()
        .chain([&mut diagnostic.primary])
        .for_each(|l: &mut Label| mend(&mut l.text));
    for fix in &mut diagnostic.fixes {
        mend(&mut fix.title);
        fix.edits.iter_mut().for_each(|e| mend(&mut e.text));
    }
}

/// How many findings of which weight. Shown as `2 errors, 1 warning`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Errors.
    pub errors: usize,
    /// Warnings.
    pub warnings: usize,
    /// Notes.
    pub notes: usize,
}

impl Summary {
    /// Counts.
    pub fn of(diagnostics: &[Diagnostic]) -> Self {
        let mut sum = Self::default();
        for one in diagnostics {
            match one.severity {
                Severity::Error => sum.errors += 1,
                Severity::Warning => sum.warnings += 1,
                Severity::Note => sum.notes += 1,
            }
        }
        sum
    }

    /// Number of all findings.
    pub fn total(self) -> usize {
        self.errors + self.warnings + self.notes
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = [
            (self.errors, "error"),
            (self.warnings, "warning"),
            (self.notes, "note"),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| counted(count, word))
        .collect();
        f.write_str(if parts.is_empty() { "no findings" } else { "" })?;
        f.write_str(&parts.join(", "))
    }
}

/// `1 file`, `2 files`.
pub fn counted(count: usize, word: &str) -> String {
    if count == 1 {
        format!("1 {word}")
    } else {
        format!("{count} {word}s")
    }
}
