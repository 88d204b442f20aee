//! Steps in the life of a secret: stored as pending, verified, promoted, the old one revoked.

use super::Step;
use crate::plan::Expr;
use crate::plan::schedule::Dur;
use serde::{Deserialize, Serialize};

/// The new value of a secret: one expression, or one for each field of a record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NewValue {
    /// A single value; in Conductor JSON an object or list is stored as its JSON text.
    Single(Expr),
    /// Fields of a record. A field that is left out, or whose value is null, keeps its old value.
    Fields(Vec<(String, Expr)>),
}

/// What a new value may be that is otherwise refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Allow {
    /// Empty or blank text.
    #[serde(default, skip_serializing_if = "crate::plan::is_false")]
    pub empty: bool,
    /// The value that is current already.
    #[serde(default, skip_serializing_if = "crate::plan::is_false")]
    pub unchanged: bool,
    /// Blanks and line ends around it.
    #[serde(default, skip_serializing_if = "crate::plan::is_false")]
    pub untrimmed: bool,
    /// Whatever is not null: words for nothing, placeholders, pages, truth values, lists, characters that cannot be seen.
    #[serde(default, skip_serializing_if = "crate::plan::is_false")]
    pub anything: bool,
}

impl Allow {
    /// The words of the language.
    pub const WORDS: [&'static str; 4] = ["empty", "unchanged", "untrimmed", "anything"];

    /// The exceptions that are made, by word.
    pub fn words(self) -> Vec<&'static str> {
        let made = [self.empty, self.unchanged, self.untrimmed, self.anything];
        Self::WORDS
            .into_iter()
            .zip(made)
            .filter_map(|(word, made)| made.then_some(word))
            .collect()
    }
}

/// Stages and promotes in one, for credentials that need no test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Update {
    /// Which secret: a literal, or in Conductor JSON any expression.
    pub secret: Expr,
    /// Its new value.
    pub value: NewValue,
    /// When the value expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Expr>,
    /// Exceptions.
    #[serde(default)]
    pub allow: Allow,
    /// The value stood where a masking server shows it (Conductor: `secretValue` outside `_secrets`).
    #[serde(default, skip_serializing_if = "crate::plan::is_false")]
    pub unmasked: bool,
}

/// Stores a new value as pending.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// Which secret.
    pub secret: String,
    /// Its new value.
    pub value: NewValue,
    /// When the value expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Expr>,
    /// Exceptions.
    #[serde(default)]
    pub allow: Allow,
}

/// Proves that the pending value works: its steps must succeed within a time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verify {
    /// Until when it is tried again; once when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Dur>,
    /// Pause between tries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<Dur>,
    /// Requests that only read.
    pub steps: Vec<Step>,
}

/// Makes the pending version the current one, and the current one the previous, in one commit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Promote {
    /// Which secret.
    pub secret: String,
}

/// Ends the life of the previous version of a secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Revoke {
    /// Which secret.
    pub secret: String,
    /// How long after the promotion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Dur>,
    /// The calls that do it.
    pub steps: Vec<Step>,
}

/// Asks a person to do something, and for the value that came of it. Captures `value`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manual {
    /// What to do.
    pub instructions: Expr,
    /// Steps that must succeed with the value before the run goes on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub verify: Vec<Step>,
}
