//! Which execution of which step: the key of everything that a journal knows of it.
//!
//! A step's name says nothing alone: it stands in a rotation that may be called from several places, in loops, for each
//! element of a list, or after a failure. All of that is part of the identity, each as a member of its own, so that no name,
//! whatever characters are in it, can be taken for another step's. The text of an identity is for people; nothing is looked
//! up by it.

use serde::{Deserialize, Serialize};
use std::fmt;

/// One execution of a step within a run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StepId {
    /// The calls that lead to its rotation, outermost first.
    #[serde(default, skip_serializing_if = "CallPath::is_top")]
    path: CallPath,
    /// Its name in that rotation.
    step: String,
    /// Rounds of the loops around it, outermost first, counted from 1.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    rounds: Vec<u32>,
    /// Which part of it.
    #[serde(default, skip_serializing_if = "Part::is_whole")]
    part: Part,
}

/// What of a step has records of its own.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default,
)]
#[serde(rename_all = "snake_case")]
enum Part {
    /// All of it.
    #[default]
    Whole,
    /// The pause after a round of a `repeat`.
    Pause(u32),
}

impl Part {
    fn is_whole(&self) -> bool {
        *self == Part::Whole
    }
}

/// The way from a run's own rotation to the one that a step stands in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
pub struct CallPath(Vec<Call>);

/// One call of another rotation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Call {
    /// By a `call` step.
    Step(Caller),
    /// By a `call` for each element of a list; counted from 1.
    Item(Caller, u32),
    /// By a step whose credential was lost (`recover with`).
    Recovery(Caller),
    /// The failure workflow, after so many earlier failures of the run.
    Failure(u32, String),
}

/// The step that calls.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
struct Caller {
    step: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    rounds: Vec<u32>,
}

impl CallPath {
    /// The run's own rotation.
    pub fn top() -> Self {
        Self::default()
    }

    /// A run of the failure workflow. Each failure of the run has its own; a process that dies in it has left no failure
    /// behind, so that the next one goes on in the same.
    pub fn failure(workflow: &str, before: u32) -> Self {
        Self(vec![Call::Failure(before, workflow.to_owned())])
    }

    /// How many calls lead here.
    pub fn depth(&self) -> usize {
        self.0.len()
    }

    /// Whether this is below a failure workflow: what it does is no effect of the run that failed.
    pub fn is_failure(&self) -> bool {
        matches!(self.0.first(), Some(Call::Failure(..)))
    }

    fn is_top(&self) -> bool {
        self.0.is_empty()
    }

    fn with(&self, call: Call) -> Self {
        let mut path = self.0.clone();
        path.push(call);
        Self(path)
    }
}

impl StepId {
    /// A step in a rotation, in these rounds.
    pub fn new(path: &CallPath, step: &str, rounds: &[u32]) -> Self {
        Self {
            path: path.clone(),
            step: step.to_owned(),
            rounds: rounds.to_vec(),
            part: Part::Whole,
        }
    }

    /// A step of the run's own rotation outside of all loops.
    pub fn top(step: &str) -> Self {
        Self::new(&CallPath::top(), step, &[])
    }

    /// The pause after a round of this `repeat`.
    pub fn pause(&self, round: u32) -> Self {
        Self {
            part: Part::Pause(round),
            ..self.clone()
        }
    }

    /// Where the steps of a rotation stand that this step calls.
    pub fn called(&self) -> CallPath {
        self.path.with(Call::Step(self.caller()))
    }

    /// The same for one element of a list, counted from 1.
    pub fn called_for(&self, item: u32) -> CallPath {
        self.path.with(Call::Item(self.caller(), item))
    }

    /// Where the steps of the rotation stand that gets a lost credential again.
    pub fn recovery(&self) -> CallPath {
        self.path.with(Call::Recovery(self.caller()))
    }

    fn caller(&self) -> Caller {
        Caller {
            step: self.step.clone(),
            rounds: self.rounds.clone(),
        }
    }

    /// The calls that lead to its rotation.
    pub fn path(&self) -> &CallPath {
        &self.path
    }

    /// Its name in its rotation.
    pub fn step(&self) -> &str {
        &self.step
    }

    /// Bytes that no other identity has, for digests.
    pub fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// A digest of run and step: the same for every attempt in every process, another in every other run.
    pub fn digest(&self, run: &str, purpose: &str) -> ring::digest::Digest {
        let mut context = ring::digest::Context::new(&ring::digest::SHA256);
        for part in [purpose.as_bytes(), run.as_bytes(), &self.bytes()] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        context.finish()
    }
}

fn rounds(f: &mut fmt::Formatter<'_>, rounds: &[u32]) -> fmt::Result {
    rounds.iter().try_for_each(|round| write!(f, "[{round}]"))
}

impl fmt::Display for CallPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for call in &self.0 {
            match call {
                Call::Step(caller) | Call::Item(caller, _) | Call::Recovery(caller) => {
                    f.write_str(&caller.step)?;
                    rounds(f, &caller.rounds)?;
                }
                Call::Failure(0, workflow) => write!(f, "failure {workflow}")?,
                Call::Failure(before, workflow) => write!(f, "failure {workflow} {}", before + 1)?,
            }
            match call {
                Call::Item(_, item) => write!(f, "[{item}]")?,
                Call::Recovery(_) => f.write_str(" recover")?,
                Call::Step(_) | Call::Failure(..) => {}
            }
            f.write_str("/")?;
        }
        Ok(())
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.path, self.step)?;
        rounds(f, &self.rounds)?;
        match self.part {
            Part::Whole => Ok(()),
            Part::Pause(round) => write!(f, " pause[{round}]"),
        }
    }
}
