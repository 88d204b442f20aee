//! What is said about a text or a run, as data: code, severity, message, places, remedy.
//!
//! A leaf: every phase makes diagnostics, only [`crate::report`] draws them. They are made by named constructors
//! next to the concept they speak of. A message never holds the value of a secret, only its name.

mod code;
mod failure;
mod system;

pub use code::{ALL_CODES, Category, Code, CodeInfo, Release, Standing, codes};
pub use failure::{Error, Failure, Result};
pub use system::why;

use crate::source::Span;

/// How bad it is. The order is by weight, so that `>=` reads as "at least as bad as".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing; never changes an exit code by default.
    Note,
    /// Probably wrong.
    Warning,
    /// Wrong: `run` refuses the file, `check` exits with 1.
    Error,
}

impl Severity {
    /// `error`, `warning` or `note`.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// How sure the checker is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    /// A heuristic fired.
    Low,
    /// Right in all but unusual cases.
    Medium,
    /// Follows from the text.
    High,
}

/// A place with a word on what it shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// What stands there; may be empty.
    pub text: String,
}

impl Label {
    /// A labelled place.
    pub fn new(span: Span, text: impl Into<String>) -> Self {
        Self {
            span,
            text: text.into(),
        }
    }
}

/// One replacement of bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// What is replaced; empty for an insertion.
    pub span: Span,
    /// By what.
    pub text: String,
}

/// A change that mends the finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// What it does, as an imperative.
    pub title: String,
    /// The edits; they do not overlap.
    pub edits: Vec<Edit>,
    /// Whether it keeps the meaning in every case (`--fix`), or needs a look (`--fix=unsafe`).
    pub safe: bool,
}

/// One thing to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable code.
    pub code: Code,
    /// Weight after configuration; starts as the code's own.
    pub severity: Severity,
    /// How sure.
    pub confidence: Confidence,
    /// What is wrong: lower case, no full stop, stands alone.
    pub message: String,
    /// The main place and what stands there. `Span::NONE` where there is no text.
    pub primary: Label,
    /// Other places.
    pub labels: Vec<Label>,
    /// What to do.
    pub help: Option<String>,
    /// Why it matters here, and other remarks.
    pub notes: Vec<String>,
    /// The way of a secret from its origin to the sink, in order; empty for other findings.
    pub flow: Vec<Label>,
    /// Changes that mend it.
    pub fixes: Vec<Fix>,
    /// Places whose text is itself a secret and is blanked in every rendering.
    pub redact: Vec<Span>,
    /// No mistake of the text, but whoever wants to run it here must be stopped.
    pub blocks_run: bool,
    /// Whose business it is.
    pub concern: Concern,
}

/// Whose business a finding is. A text is judged for the program that runs it, which is not always this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Concern {
    /// Everybody's who reads the text.
    #[default]
    Text,
    /// Theirs who want to run it here: it says nothing against the text.
    Here,
    /// Theirs who have all files that belong together.
    Complete,
}

impl Diagnostic {
    /// A diagnostic of `code` at `span`.
    pub fn new(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: code.info().severity,
            confidence: Confidence::High,
            message: message.into(),
            primary: Label::new(span, ""),
            labels: Vec::new(),
            help: None,
            notes: Vec::new(),
            flow: Vec::new(),
            fixes: Vec::new(),
            redact: Vec::new(),
            blocks_run: false,
            concern: Concern::Text,
        }
    }

    /// Right where it was written for, and not run here: nothing for whoever reads it, an error for whoever runs it.
    #[must_use]
    pub fn only_elsewhere(mut self) -> Self {
        self.severity = Severity::Note;
        self.blocks_run = true;
        self.concern = Concern::Here;
        self
    }

    /// Something is named that is not among the files: it may be elsewhere.
    #[must_use]
    pub fn not_among_the_files(mut self) -> Self {
        self.severity = Severity::Note;
        self.concern = Concern::Complete;
        self
    }

    /// Whoever wants to run the text here is stopped, however light the finding is for others.
    #[must_use]
    pub fn blocking(mut self) -> Self {
        self.blocks_run = true;
        self
    }

    /// The same for somebody who runs the text.
    pub fn for_a_run(&mut self) {
        if self.blocks_run {
            self.severity = Severity::Error;
        }
    }

    /// Says what stands at the main place.
    #[must_use]
    pub fn at(mut self, text: impl Into<String>) -> Self {
        self.primary.text = text.into();
        self
    }

    /// Adds another place.
    #[must_use]
    pub fn label(mut self, span: Span, text: impl Into<String>) -> Self {
        if span.is_some() {
            self.labels.push(Label::new(span, text));
        }
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds a remark.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Adds a change that mends it.
    #[must_use]
    pub fn fix(mut self, title: impl Into<String>, safe: bool, edits: Vec<Edit>) -> Self {
        self.fixes.push(Fix {
            title: title.into(),
            edits,
            safe,
        });
        self
    }

    /// As [`Diagnostic::fix`], where a change could be made out.
    #[must_use]
    pub fn fix_if(self, title: impl Into<String>, safe: bool, edits: Option<Vec<Edit>>) -> Self {
        match edits {
            Some(edits) => self.fix(title, safe, edits),
            None => self,
        }
    }

    /// Sets the path of a secret.
    #[must_use]
    pub fn flow(mut self, flow: Vec<Label>) -> Self {
        self.flow = flow;
        self
    }

    /// Overrides the code's own severity.
    #[must_use]
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// Overrides the confidence, which is high unless said.
    #[must_use]
    pub fn confidence(mut self, confidence: Confidence) -> Self {
        self.confidence = confidence;
        self
    }

    /// Blanks the text at `span` in every rendering.
    #[must_use]
    pub fn redacting(mut self, span: Span) -> Self {
        self.redact.push(span);
        self
    }

    /// The main place.
    pub fn span(&self) -> Span {
        self.primary.span
    }
}

/// The nearest of `candidates` to `wanted`: equal but for case first, else within a third of its length in
/// Damerau-Levenshtein distance (at least one). `None` when nothing is near.
pub fn nearest<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = wanted.chars().count();
    let limit = (length / 3).max(1);
    let mut best: Option<(usize, &'a str)> = None;
    for candidate in candidates {
        if candidate == wanted {
            continue;
        }
        if candidate.eq_ignore_ascii_case(wanted) {
            return Some(candidate);
        }
        // Names whose lengths differ by more cannot be near, and most do.
        if candidate.chars().count().abs_diff(length) > limit {
            continue;
        }
        let distance = strsim::damerau_levenshtein(wanted, candidate);
        if distance <= limit && best.is_none_or(|(d, _)| distance < d) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, name)| name)
}

/// A text of somebody else as it can be shown.
pub trait Printable {
    /// Letters of all scripts as they are; what a terminal would obey, or not show, by its number.
    fn printable(&self) -> String;
}

impl Printable for str {
    fn printable(&self) -> String {
        let mut out = String::with_capacity(self.len());
        for c in self.chars() {
            // The standard library knows what can be printed; quotes and backslashes are no danger here.
            match c {
                '\'' | '"' | '\\' => out.push(c),
                c => out.extend(c.escape_debug()),
            }
        }
        out
    }
}
