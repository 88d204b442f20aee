//! The small error that is branched on: which exit code, with the diagnostics for people beside it.

use super::{Code, Diagnostic};
use crate::source::Span;

/// Why a command did not end well. Each has one exit code of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Failure {
    /// Findings at or above `--fail-on`; `fmt --check` would change.
    Findings,
    /// Usage or configuration; an input that cannot be read or parsed as the arguments demand.
    Usage,
    /// No inputs.
    NoInputs,
    /// Nothing was due. Not an error: cron may call every minute.
    NothingDue,
    /// `status --exit-code`: a rotation is due, or will be soon.
    DueSoon,
    /// `status --exit-code`: something needs somebody.
    Attention,
    /// The run failed before any effect.
    BeforeEffect,
    /// The run failed after an effect; what was obtained is safe and `resume` continues.
    AfterEffect,
    /// The outcome of a call is unknown and a person is needed.
    Unknown,
    /// Tampering, rollback, fork or corruption was found.
    Tampered,
    /// Locked by another process.
    Locked,
    /// The file has error-level findings; nothing was run.
    Refused,
    /// The clock went back, or jumped far ahead.
    Clock,
    /// Done, but an old credential could not be revoked, or a target lacks the new one; it is tried again.
    Unrevoked,
    /// A bug of ours.
    Internal,
}

impl Failure {
    /// The exit code of the contract.
    pub fn exit_code(self) -> u8 {
        match self {
            Failure::Findings => 1,
            Failure::Usage => 2,
            Failure::NoInputs => 3,
            Failure::NothingDue => 10,
            Failure::DueSoon => 11,
            Failure::Attention => 12,
            Failure::BeforeEffect => 20,
            Failure::AfterEffect => 21,
            Failure::Unknown => 22,
            Failure::Tampered => 23,
            Failure::Locked => 24,
            Failure::Refused => 25,
            Failure::Clock => 26,
            Failure::Unrevoked => 27,
            Failure::Internal => 70,
        }
    }
}

/// A failure with what there is to say about it.
#[derive(Debug, Clone)]
pub struct Error {
    /// Decides the exit code.
    pub failure: Failure,
    /// For people, in order; may be empty when everything was printed already.
    pub diagnostics: Vec<Diagnostic>,
}

/// The result of anything that can fail.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error with one diagnostic.
    pub fn new(failure: Failure, diagnostic: Diagnostic) -> Self {
        Self {
            failure,
            diagnostics: vec![diagnostic],
        }
    }

    /// An error without a place in a text.
    pub fn plain(failure: Failure, code: Code, message: impl Into<String>) -> Self {
        Self::new(failure, Diagnostic::new(code, Span::NONE, message))
    }

    /// Adds a remedy to the first diagnostic.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        if let Some(first) = self.diagnostics.first_mut() {
            first.help = Some(help.into());
        }
        self
    }

    /// Adds a remark to the first diagnostic.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        if let Some(first) = self.diagnostics.first_mut() {
            first.notes.push(note.into());
        }
        self
    }

    /// The same error under another exit code.
    #[must_use]
    pub fn with(mut self, failure: Failure) -> Self {
        self.failure = failure;
        self
    }

    /// The first message, for tests and logs.
    pub fn message(&self) -> &str {
        self.diagnostics.first().map_or("", |d| d.message.as_str())
    }
}
