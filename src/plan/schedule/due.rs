//! When a rotation is due next, and why.

use super::{Dur, Schedule, Trigger};
use jiff::Timestamp;

/// When a rotation is due, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// The time; it is due when this is not after now.
    pub at: Timestamp,
    /// Why.
    pub reason: DueReason,
}

/// Why a rotation is due at its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DueReason {
    /// It never ran.
    NeverRun,
    /// The interval since the last success is over.
    Interval {
        /// The interval.
        every: Dur,
        /// The last success.
        last: Timestamp,
    },
    /// A cron expression fires.
    Cron {
        /// When, before the jitter.
        fires: Timestamp,
        /// The time lies in the past: no run succeeded since. However many were missed, one run catches up.
        missed: bool,
    },
    /// Two thirds of the credential's life are over by then.
    Expiry {
        /// When it expires.
        expires: Timestamp,
    },
}

impl Due {
    /// Whether it is due at `now`.
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.at <= now
    }
}

impl DueReason {
    /// For people.
    pub fn explain(&self) -> String {
        match self {
            DueReason::NeverRun => "it never ran".into(),
            DueReason::Interval { every, last } => {
                format!("{every} after the last success at {}", shown(*last))
            }
            DueReason::Cron {
                fires,
                missed: false,
            } => format!("its schedule fires at {}", shown(*fires)),
            DueReason::Cron {
                fires,
                missed: true,
            } => format!(
                "its schedule fired at {} and no run has succeeded since",
                shown(*fires)
            ),
            DueReason::Expiry { expires } => format!(
                "its credential expires at {} and two thirds of its life are over",
                shown(*expires)
            ),
        }
    }
}

fn shown(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

impl Schedule {
    /// When the rotation is due next; `None` when its schedule has no time left.
    ///
    /// An interval counts from the last success, and is due at once without one. A cron expression counts from the last
    /// success, else from the time the credential was issued, else from `now`: who asks again and again for a rotation that
    /// never ran must remember when it first asked and pass that as `issued`, or the next time is always ahead.
    ///
    /// Where an expiry is known the rotation is due at two thirds of the life at the latest, whatever the schedule says, and
    /// without jitter.
    pub fn next_due(
        &self,
        last_success: Option<Timestamp>,
        now: Timestamp,
        expires: Option<Timestamp>,
        issued: Option<Timestamp>,
        jitter_key: &[u8],
    ) -> Option<Due> {
        let scheduled = match (&self.trigger, last_success) {
            (Trigger::Every(_), None) => Some(Due {
                at: now,
                reason: DueReason::NeverRun,
            }),
            (Trigger::Every(every), Some(last)) => {
                let reason = DueReason::Interval {
                    every: *every,
                    last,
                };
                self.trigger.next_after(last).map(|at| Due {
                    at: self.jittered(at, jitter_key),
                    reason,
                })
            }
            (Trigger::Cron(_), _) => self
                .trigger
                .next_after(last_success.or(issued).unwrap_or(now))
                .map(|fires| Due {
                    at: self.jittered(fires, jitter_key),
                    reason: DueReason::Cron {
                        fires,
                        missed: fires <= now,
                    },
                }),
        };
        let expiry = expires.map(|expires| {
            let at = issued
                .or(last_success)
                .map_or(expires, |issued| two_thirds(issued, expires));
            Due {
                at,
                reason: DueReason::Expiry { expires },
            }
        });
        match (scheduled, expiry) {
            (Some(scheduled), Some(expiry)) if expiry.at < scheduled.at => Some(expiry),
            (Some(scheduled), _) => Some(scheduled),
            (None, expiry) => expiry,
        }
    }

    /// The share of the jitter for `key`: the same at each call, spread evenly over keys.
    pub fn jitter_for(&self, key: &[u8]) -> Dur {
        let window = self.jitter.map_or(0, Dur::as_millis);
        let digest = ring::digest::digest(&ring::digest::SHA256, key);
        let number = digest
            .as_ref()
            .iter()
            .take(8)
            .fold(0u64, |sum, byte| (sum << 8) | u64::from(*byte));
        Dur(number.checked_rem(window).unwrap_or(0))
    }

    fn jittered(&self, at: Timestamp, key: &[u8]) -> Timestamp {
        at.checked_add(self.jitter_for(key).to_signed())
            .unwrap_or(at)
    }
}

/// The rule of cert-manager: renew when two thirds of the life are over.
fn two_thirds(issued: Timestamp, expires: Timestamp) -> Timestamp {
    let life = expires
        .as_millisecond()
        .saturating_sub(issued.as_millisecond())
        .max(0);
    let at = issued
        .as_millisecond()
        .saturating_add(life / 3 * 2 + life % 3 * 2 / 3);
    Timestamp::from_millisecond(at)
        .unwrap_or(expires)
        .min(expires)
}
