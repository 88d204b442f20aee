//! The kinds of step, one file each. A new kind is a row in [`Task`]; the compiler then names each room it must visit.

pub mod control;
pub mod http;
pub mod lifecycle;
pub mod value;
pub mod worker;

pub use control::{Branch, Call, ForEach, Fork, Parallel, Repeat, Switch, Wait};
pub use http::{Auth, Body, Capture, CaptureSource, Expect, Header, Http, Limits, StatusPattern};
pub use lifecycle::{Manual, Promote, Revoke, Stage, Update, Verify};
pub use value::{Alphabet, Fail, Generate, Generator, Let, Log, SetVariables, Stop};
pub use worker::Worker;

pub use super::visit::walk_steps;

use super::schedule::Dur;
use crate::source::At;
use serde::{Deserialize, Serialize};

/// One step of a rotation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Unique in the rotation, nested steps included. A name that the author did not give is made from the kind (`update my_secret`).
    pub name: String,
    /// What it does.
    pub task: Task,
    /// How often it is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
    /// Its failure does not stop the run (Conductor `optional`).
    #[serde(default, skip_serializing_if = "super::is_false")]
    pub optional: bool,
    /// With `optional`: its failure is that of the fork that it belongs to, or of the run, when that is at its end (Conductor `permissive`).
    #[serde(default, skip_serializing_if = "super::is_false")]
    pub permissive: bool,
    /// Bound on each attempt (Conductor `timeoutSeconds` of a task's definition).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<TimeLimit>,
    /// Waits this long before the first attempt (Conductor `startDelay`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_delay: Option<Dur>,
    /// The name, or the first word of a step without one.
    #[serde(skip)]
    pub at: At,
}

/// How often a failed step is tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {
    /// Attempts after the first.
    pub count: u32,
    /// Pause before the first of them.
    pub delay: Dur,
    /// What the pause becomes.
    pub backoff: Backoff,
    /// No pause is longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_delay: Option<Dur>,
}

/// A bound on an attempt, and what comes of passing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeLimit {
    /// After this.
    pub after: Dur,
    /// What then.
    pub then: Overdue,
}

/// What comes of an attempt that takes too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overdue {
    /// The step failed, and may be tried again.
    Retry,
    /// The run stops.
    Stop,
    /// A note, and it goes on.
    Note,
}

/// How the pause between attempts grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Backoff {
    /// It stays.
    #[default]
    Fixed,
    /// It is multiplied by the number of the attempt.
    Linear,
    /// It doubles.
    Exponential,
}

impl Backoff {
    fn is_fixed(&self) -> bool {
        *self == Backoff::Fixed
    }

    /// The pause after `before` earlier ones.
    pub fn pause(self, first: Dur, before: u32) -> Dur {
        let factor = match self {
            Backoff::Fixed => 1,
            Backoff::Linear => u64::from(before) + 1,
            Backoff::Exponential => 1 << before.min(40),
        };
        Dur(first.0.saturating_mul(factor))
    }
}

/// The kinds of step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// An exchange: HTTP, a statement, a command, a program.
    Http(Box<Http>),
    /// A name for a value.
    Let(Let),
    /// Sets `workflow.variables` (Conductor `SET_VARIABLE`).
    SetVariables(SetVariables),
    /// A new random value.
    Generate(Generate),
    /// A line for people.
    Log(Log),
    /// Stages and promotes in one (Conductor `UPDATE_SECRET`).
    Update(Update),
    /// Stores a new value as pending.
    Stage(Stage),
    /// Proves that the pending value works.
    Verify(Verify),
    /// Makes the pending version the current one.
    Promote(Promote),
    /// Ends the life of the previous version, at once or after a grace.
    Revoke(Revoke),
    /// Asks a person.
    Manual(Manual),
    /// Ends the run as failed.
    Fail(Fail),
    /// Ends the run as done (Conductor `TERMINATE` with `COMPLETED`).
    Stop(Stop),
    /// Waits.
    Wait(Wait),
    /// One of several branches.
    Switch(Switch),
    /// Branches at the same time.
    Parallel(Parallel),
    /// Branches that come into being at run time.
    Fork(Fork),
    /// The same steps for each element of a list.
    ForEach(ForEach),
    /// The same steps until a condition holds.
    Repeat(Repeat),
    /// Another rotation, waited for.
    Call(Call),
    /// A local program (Conductor `SIMPLE`).
    Worker(Worker),
}

impl Task {
    /// The kind's name in reports: the language's word.
    pub fn kind(&self) -> &'static str {
        match self {
            Task::Http(http) => http.protocol().word(),
            Task::Let(_) => "let",
            Task::SetVariables(_) => "set",
            Task::Generate(_) => "generate",
            Task::Log(_) => "log",
            Task::Update(_) => "update",
            Task::Stage(_) => "stage",
            Task::Verify(_) => "verify",
            Task::Promote(_) => "promote",
            Task::Revoke(_) => "revoke",
            Task::Manual(_) => "manual",
            Task::Fail(_) => "fail",
            Task::Stop(_) => "stop",
            Task::Wait(_) => "wait",
            Task::Switch(_) => "switch",
            Task::Parallel(_) => "parallel",
            Task::Fork(_) => "fork",
            Task::ForEach(_) => "for each",
            Task::Repeat(_) => "repeat",
            Task::Call(_) => "call",
            Task::Worker(_) => "worker",
        }
    }

    /// The kind's name as Conductor's task type; what it has no type for is work of a program there.
    pub fn conductor_type(&self) -> &'static str {
        match self {
            Task::Http(_) => "HTTP",
            Task::SetVariables(_) => "SET_VARIABLE",
            Task::Update(_) => "UPDATE_SECRET",
            Task::Let(_) => "INLINE",
            Task::Wait(_) => "WAIT",
            Task::Switch(_) => "SWITCH",
            Task::Parallel(_) | Task::Fork(_) => "FORK",
            Task::ForEach(_) | Task::Repeat(_) => "DO_WHILE",
            Task::Call(_) => "SUB_WORKFLOW",
            Task::Fail(_) | Task::Stop(_) => "TERMINATE",
            Task::Manual(_) => "HUMAN",
            Task::Worker(_)
            | Task::Generate(_)
            | Task::Log(_)
            | Task::Stage(_)
            | Task::Verify(_)
            | Task::Promote(_)
            | Task::Revoke(_) => "SIMPLE",
        }
    }
}
