//! When a rotation runs by itself: an interval or a cron expression in a named zone.
//!
//! Pure: times come in as arguments. The next due time is computed here; whether a run is due is decided by
//! `run::due`, which knows what happened. Zone rules are read from the machine's time-zone database by jiff.

pub mod cron;
mod describe;
mod due;

mod fields;

pub use crate::source::{Dur, DurError};
pub use cron::{Cron, CronError, CronRemark};
pub use due::{Due, DueReason};

use crate::source::At;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

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

impl Trigger {
    /// The first time after `after`. For an interval that is `after` and the interval: it is counted from the last success.
    /// `None` when there is none before the end of the calendar.
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        match self {
            Trigger::Every(every) => after.checked_add(every.to_signed()).ok(),
            Trigger::Cron(crons) => crons.iter().filter_map(|cron| cron.next_after(after)).min(),
        }
    }
}
