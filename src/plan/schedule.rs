//! When a rotation runs by itself: an interval or a cron expression in a named zone.
//!
//! Pure: times come in as arguments. The next due time is computed here; whether a run is due is decided by
//! `run::due`, which knows what happened.

use crate::source::At;
use serde::{Deserialize, Serialize};

/// A length of time in whole milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct Dur(pub u64);

/// When a rotation runs by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// What makes it due.
    pub trigger: Trigger,
    /// A stable share of this is added to each due time, so that a fleet does not call at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter: Option<Dur>,
    /// The clause.
    #[serde(skip)]
    pub at: At,
}

/// What makes a rotation due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// This long after the last success.
    Every(Dur),
    /// At the times of any of these expressions.
    Cron(Vec<Cron>),
}

/// A Spring cron expression (six fields, seconds first) in a zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cron {
    /// `second minute hour day-of-month month day-of-week`, or a macro such as `@daily`.
    pub expression: String,
    /// IANA zone name.
    pub zone: String,
}

impl Dur {
    /// Whole seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Self(seconds * 1000)
    }

    /// As a standard duration.
    pub fn to_std(self) -> std::time::Duration {
        std::time::Duration::from_millis(self.0)
    }
}
