//! Which front end's rules hold where the two differ on purpose, as answers to single questions: a room asks what it needs to
//! know and not which dialect it is in.

use serde::{Deserialize, Serialize};

/// Which front end's rules hold where they differ on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// `.rot`.
    Rot,
    /// Conductor JSON as Orkes runs it.
    Orkes,
    /// Conductor JSON as the open-source server runs it.
    Oss,
}

/// What the words of a plan mean in a dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Semantics {
    /// What is not there (a name, a member, an element, the capture of a step that did not run) is null. Otherwise it is an
    /// error where it is read.
    pub absent_is_null: bool,
    /// Any value may stand in a text or a header, as Java writes it. Otherwise only those with a text of their own.
    pub splices_any_value: bool,
    /// Conditions are JavaScript's: each value has a truth, values of different types compare. Otherwise a condition is a bool.
    pub script_conditions: bool,
    /// Each step has an output document and facts (`status`, `startTime`, …) that others read, beside the captures.
    pub task_documents: bool,
    /// Inputs may be given that nobody declared.
    pub open_inputs: bool,
    /// The plan says where a value may be sent, what a call does, and what is public. Otherwise that is told from the plan.
    pub declares_intent: bool,
    /// What passes between steps is kept where others read it (a server's executions), but for what stands under a masking key.
    pub keeps_executions: bool,
    /// A request without a body says `Content-Type: application/json` too.
    pub types_empty_bodies: bool,
    /// A call is tried again only where the step says so, also one that only reads.
    pub retries_only_as_told: bool,
    /// It was written as JSON: what a help advises to write is JSON too.
    pub is_json: bool,
    /// The server knows `_secrets`, `_masked` and `maskedFields`.
    pub server_masks: bool,
    /// The server fills in secrets that data names, after everything else.
    pub expands_data: bool,
    /// A secret that is not there is null, or an empty part of a text, and not an error before the run.
    pub absent_secret_is_null: bool,
    /// An answer with an unexpected status is the output of a failed optional call. Otherwise a sentence is.
    pub keeps_refused_answers: bool,
    /// The largest answer in bytes that is read, unless the call says another bound.
    pub answer_limit: u64,
    /// How many redirects of a call without secrets are followed, unless the call says so, and whether also those of a call that
    /// does more than read.
    pub follows: u8,
}

const ROT: Semantics = Semantics {
    absent_is_null: false,
    splices_any_value: false,
    script_conditions: false,
    task_documents: false,
    open_inputs: false,
    declares_intent: true,
    keeps_executions: false,
    types_empty_bodies: false,
    retries_only_as_told: false,
    is_json: false,
    server_masks: false,
    expands_data: false,
    absent_secret_is_null: false,
    keeps_refused_answers: false,
    answer_limit: 1 << 20,
    follows: 0,
};

const ORKES: Semantics = Semantics {
    absent_is_null: true,
    splices_any_value: true,
    script_conditions: true,
    task_documents: true,
    open_inputs: true,
    declares_intent: false,
    keeps_executions: true,
    types_empty_bodies: true,
    retries_only_as_told: true,
    is_json: true,
    server_masks: true,
    expands_data: false,
    absent_secret_is_null: false,
    keeps_refused_answers: true,
    answer_limit: 8 << 20,
    follows: 5,
};

const OSS: Semantics = Semantics {
    server_masks: false,
    expands_data: true,
    absent_secret_is_null: true,
    keeps_refused_answers: false,
    ..ORKES
};

impl Dialect {
    /// What the words of a plan mean.
    pub const fn semantics(self) -> &'static Semantics {
        match self {
            Dialect::Rot => &ROT,
            Dialect::Orkes => &ORKES,
            Dialect::Oss => &OSS,
        }
    }
}
