//! What a run did, as data for people and machines. No value of a secret is in it.

use crate::diagnostic::Error;
use crate::plan::Label;
use crate::vault::Secret;
use jiff::Timestamp;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// What a run did.
pub struct RunReport {
    /// UUIDv7.
    pub run_id: String,
    /// Rotation name.
    pub rotation: String,
    /// How it ended.
    pub status: Status,
    /// It continued an interrupted run.
    pub resumed: bool,
    /// Steps in the order in which they ended.
    pub steps: Vec<StepReport>,
    /// What became of secrets.
    pub secrets: Vec<SecretReport>,
    /// The rotation's outputs, masked.
    pub output: serde_json::Value,
    /// Why it failed.
    pub failure: Option<Error>,
    /// Remarks: credentials that may have been left at the issuer, repaired state.
    pub notes: Vec<String>,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// All steps done.
    Completed,
    /// A step failed; `resume` may continue.
    Failed,
    /// The process was asked to end; a later one goes on.
    Interrupted,
    /// A person is needed.
    NeedsOperator,
}

impl Status {
    /// The word in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Completed => "completed",
            Status::Failed => "failed",
            Status::Interrupted => "interrupted",
            Status::NeedsOperator => "needs-operator",
        }
    }
}

/// One step.
#[derive(Debug, Clone)]
pub struct StepReport {
    /// Step name with its loop rounds.
    pub name: String,
    /// The language's word.
    pub kind: &'static str,
    /// `completed`, `failed`, `skipped`, `replayed`, `interrupted`, `completed_with_errors`.
    pub status: &'static str,
    /// HTTP attempts; 1 for other steps.
    pub attempts: u32,
    /// When.
    pub started_at: Timestamp,
    /// How long.
    pub duration_ms: u64,
    /// What it captured, masked.
    pub output: serde_json::Value,
}

/// What became of a secret.
#[derive(Debug, Clone)]
pub struct SecretReport {
    /// Name.
    pub name: String,
    /// `staged`, `promoted`, `updated`, `revoked`, `revocation scheduled`.
    pub action: &'static str,
    /// Version id.
    pub version: String,
    /// When it expires, if known.
    pub expires_at: Option<Timestamp>,
}

/// Who watches a run while it goes on: progress, log lines, and the values that must be masked from now on.
pub trait Observer {
    /// A step began.
    fn started(&self, name: &str, kind: &str);
    /// A step ended.
    fn ended(&self, step: &StepReport);
    /// A line of the author's.
    fn log(&self, line: &str);
    /// A value that must never be shown.
    fn secret(&self, secret: &Secret);
    /// A name got a value with this label. The value itself is not told.
    fn named(&self, _rotation: &str, _step: Option<&str>, _name: &str, _label: &Label) {}
    /// Whether the process was asked to end: the call that is out is heard, and nothing further is begun.
    fn stopping(&self) -> bool {
        false
    }
    /// Is over when the process is asked to end.
    fn stopped(&self) -> Pin<Box<dyn Future<Output = ()> + '_>> {
        Box::pin(std::future::pending())
    }
    /// The process was asked to end while the call of a step is out, whose answer is waited for as long as this.
    fn hears_out(&self, _step: &str, _patience: Duration) {}
    /// Ciphertext of an answer that could be stored nowhere else, with a word on what to do with it.
    fn rescue(&self, armored: &str, advice: &str);
}

/// Watches nothing.
pub struct Silent;

impl Observer for Silent {
    fn started(&self, _: &str, _: &str) {}
    fn ended(&self, _: &StepReport) {}
    fn log(&self, _: &str) {}
    fn secret(&self, _: &Secret) {}
    fn rescue(&self, _: &str, _: &str) {}
}
