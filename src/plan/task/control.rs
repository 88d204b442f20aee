//! Control flow: the same steps serve `.rot` and Conductor JSON.

use super::{Backoff, Step};
use crate::plan::Expr;
use crate::plan::schedule::Dur;
use crate::source::At;
use serde::{Deserialize, Serialize};

/// Rounds of a `repeat` that says no number.
pub const DEFAULT_ROUNDS: u32 = 1000;

/// Waits for a time or until one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wait {
    /// This long.
    For(Expr),
    /// Until this time.
    Until(Expr),
}

/// One of several branches. `when … else` is a switch on a bool with one case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Switch {
    /// What is looked at. Compared with the cases as text (Conductor's rule; a bool is `true` or `false`).
    pub subject: Expr,
    /// Branches: the text that chooses each.
    pub cases: Vec<Branch>,
    /// When none is chosen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub otherwise: Vec<Step>,
    /// What a Conductor script gives where the subject holds and where not (`test ? 'a' : 'b'`); the cases are then those of a bool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub results: Option<(String, String)>,
    /// It is Conductor's DECISION, whose output is another.
    #[serde(default, skip_serializing_if = "crate::plan::is_false")]
    pub is_decision: bool,
}

/// A named list of steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Branch {
    /// Case text, or the branch's name.
    pub name: String,
    /// What is done.
    pub steps: Vec<Step>,
    /// The name or case.
    #[serde(skip)]
    pub at: At,
}

/// Branches at the same time; all must end before the next step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Parallel {
    /// The branches.
    pub branches: Vec<Branch>,
}

/// The same steps for each element of a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ForEach {
    /// Name of the element within.
    pub item: String,
    /// The list.
    pub items: Expr,
    /// What is done.
    pub steps: Vec<Step>,
    /// Ends the loop before the list does (Conductor `items` with a `loopCondition`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Expr>,
    /// As many of the last rounds are kept in the step's output (Conductor `keepLastN`); all unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_last: Option<u32>,
}

/// The same steps until a condition holds; at least once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Repeat {
    /// What is done.
    pub steps: Vec<Step>,
    /// Ends the loop when true.
    pub until: Expr,
    /// Rounds after which the step fails.
    pub at_most: u32,
    /// Pause between rounds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<Dur>,
    /// How the pause grows from round to round.
    #[serde(default, skip_serializing_if = "Backoff::is_fixed")]
    pub backoff: Backoff,
    /// As many of the last rounds are kept in the step's output (Conductor `keepLastN`); all unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_last: Option<u32>,
}

/// Runs another rotation and waits for it. Captures its outputs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// Its name.
    pub rotation: String,
    /// Its inputs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<(String, Expr)>,
    /// A list of objects: the rotation runs once for each, all at the same time, with the object's members as inputs
    /// besides the others. The captures are then the outputs of each run under `_NAME_0`, `_NAME_1`, …
    /// (Conductor `FORK_JOIN_DYNAMIC`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub each: Option<Expr>,
    /// That name; the step's own unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub each_name: Option<String>,
    /// Its failure is its own, and nothing of it is captured but the id of its run (Conductor `START_WORKFLOW`).
    #[serde(default, skip_serializing_if = "crate::plan::is_false")]
    pub is_apart: bool,
}

/// Branches that come into being at run time: what they do is read from data, by the reader of definitions (Conductor
/// `FORK_JOIN_DYNAMIC`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fork {
    /// A list of tasks, or one task that runs once for each of the inputs.
    pub tasks: Expr,
    /// What they are given: an object by reference name, or for one task a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<Expr>,
}
