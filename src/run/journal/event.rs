//! What a record of a journal says. Nothing in it is secret: values stand in a record's sealed payload.

use crate::run::identity::StepId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What stands in clear beside a payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// When.
    pub at: Timestamp,
    /// What happened.
    pub event: Event,
}

/// What happened to a run, or to a step of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The run began. Payload: inputs, environment, the plan.
    Begin(Begin),
    /// Something about one step.
    Step {
        /// Which.
        id: StepId,
        /// What.
        event: StepEvent,
    },
    /// An attempt of the whole run failed.
    Failed(Reason),
    /// Nothing more happens by itself: a person is needed.
    Halted(Reason),
    /// A person decided.
    Decided(Decision),
    /// The run is over.
    Ended(End),
}

/// The first record of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begin {
    /// Name of the rotation.
    pub rotation: String,
    /// When it was due.
    pub scheduled_at: Timestamp,
    /// The very instant that the first process saw: expiries count from it.
    pub started_at: Timestamp,
    /// Which versions this run sees, by name of the secret.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pinned: Pins,
    /// The file that it was started from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// Versions of secrets by name of the secret.
pub type Pins = BTreeMap<String, PinnedVersions>;

/// The versions of one secret that a run sees: ids, nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct PinnedVersions {
    /// The current one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<String>,
    /// The one before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
}

/// Why an attempt of a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// Code of the failure.
    pub code: String,
    /// What happened. Quotes no value.
    pub message: String,
}

/// What a person decides about a run that needs one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Call again, or go on: the person knows that it is safe.
    Retry,
    /// Give the run up; what it staged is marked as failed.
    Abandon,
    /// The person mended it by hand: the run is over.
    Accept,
}

impl Decision {
    /// The word of the option.
    pub fn as_str(self) -> &'static str {
        match self {
            Decision::Retry => "retry",
            Decision::Abandon => "abandon",
            Decision::Accept => "accept",
        }
    }
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// How.
    pub status: EndStatus,
    /// Code of the failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What was to be told: the process may die before it shows them to anybody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// The ways in which a run is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndStatus {
    /// All steps done.
    Completed,
    /// It failed before any effect.
    Failed,
    /// A person mended it by hand.
    Accepted,
    /// A person gave it up.
    Abandoned,
}

/// What happened to one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepEvent {
    /// A call that changes something is about to be made.
    Intent {
        /// Which attempt of this process, counted from 1.
        attempt: u32,
        /// What the author says that it changes.
        effect: String,
        /// What is asked for.
        request: RequestDigest,
    },
    /// A whole answer came, whatever it says. Payload: the raw answer.
    Answer {
        /// Its status.
        status: u16,
        /// Length of the body.
        length: u64,
        /// Whether something outside changed, or may have.
        effect: bool,
    },
    /// What was taken from the answer may not be stored: a call that is made again may bring something better.
    Rejected,
    /// No byte left this machine.
    NotSent {
        /// Why.
        trouble: String,
    },
    /// It may or may not have been executed. Payload: what came of the answer.
    Unknown {
        /// Why.
        trouble: String,
    },
    /// What lost calls had left at the issuer was found and revoked.
    Reaped,
    /// A value that cannot be computed again. Payload: the value.
    Value,
    /// A new version is pending in the vault.
    Staged(Stored),
    /// A new version is current in the vault, without having been pending for anybody to see.
    Updated(Stored),
    /// Verification succeeded.
    Verified {
        /// After so many tries.
        attempts: u32,
    },
    /// The pending version is current.
    Promoted(Stored),
    /// The old credential is about to be revoked.
    RevokeIntent(Stored),
    /// The old credential is revoked, or its revocation is scheduled.
    Revoked {
        /// Which.
        of: Stored,
        /// When it will be.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        due_at: Option<Timestamp>,
    },
    /// A wait was begun.
    Waiting {
        /// Until then.
        until: Timestamp,
    },
    /// The server refused what was made or stored here, and nothing else was done with it: it is made anew.
    Discarded,
    /// A person said that a call whose outcome is unknown counts as not made.
    Cleared,
}

/// A version of a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// Name of the secret.
    pub secret: String,
    /// Id of the version.
    pub version: String,
}

/// What a step asked for: a keyed digest of each part of the request, which tells nothing to who has no vault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct RequestDigest(pub BTreeMap<RequestPart, String>);

/// The parts of a request that must stay what they were when a run is resumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestPart {
    /// What is done: a method, a command.
    Operation,
    /// To what: a URL, an address.
    Target,
    /// Headers and credentials.
    Headers,
    /// What is sent.
    Body,
    /// The declared effect.
    Effect,
    /// The `let`s that the request names.
    Lets,
}

impl RequestDigest {
    /// The parts that differ.
    pub fn changes(&self, now: &Self) -> Vec<RequestPart> {
        let all = self.0.keys().chain(now.0.keys());
        let mut changed: Vec<RequestPart> = all
            .filter(|part| self.0.get(part) != now.0.get(part))
            .copied()
            .collect();
        changed.sort();
        changed.dedup();
        changed
    }
}

impl RequestPart {
    /// In words.
    pub fn describe(self) -> &'static str {
        match self {
            RequestPart::Operation => "its method",
            RequestPart::Target => "its URL or query",
            RequestPart::Headers => "its headers or its authentication",
            RequestPart::Body => "its body",
            RequestPart::Effect => "its effect",
            RequestPart::Lets => "a `let` that it names",
        }
    }
}
