//! What a step brings into scope under names of its own.

use crate::plan::{Destination, Task};
use crate::source::At;

/// The capture of a step that asks a person.
const ANSWER: &str = "value";

/// A value that a step captures.
#[derive(Debug, Clone, Copy)]
pub struct Captured<'p> {
    /// Its name in the step.
    pub name: &'p str,
    /// Whether it is a secret.
    pub secret: bool,
    /// Where it is written; absent where the kind of step brings it by itself.
    pub at: Option<At>,
    /// The hosts that the capture itself names as those that may have it.
    pub to: &'p [Destination],
}

impl Task {
    /// What the step captures under names that are known before the run.
    pub fn captures(&self) -> Vec<Captured<'_>> {
        match self {
            Task::Http(http) => {
                let captures = http.captures.iter();
                captures
                    .map(|capture| Captured {
                        name: &capture.name,
                        secret: capture.secret,
                        at: Some(capture.at),
                        to: &capture.to,
                    })
                    .collect()
            }
            Task::Generate(generate) => {
                let captures = generate.generator.captures().iter();
                captures
                    .map(|&(name, secret)| Captured {
                        name,
                        secret,
                        at: None,
                        to: &[],
                    })
                    .collect()
            }
            Task::Manual(_) => vec![Captured {
                name: ANSWER,
                secret: true,
                at: None,
                to: &[],
            }],
            Task::Let(_)
            | Task::SetVariables(_)
            | Task::Log(_)
            | Task::Update(_)
            | Task::Stage(_)
            | Task::Verify(_)
            | Task::Promote(_)
            | Task::Revoke(_)
            | Task::Fail(_)
            | Task::Stop(_)
            | Task::Wait(_)
            | Task::Switch(_)
            | Task::Parallel(_)
            | Task::Fork(_)
            | Task::ForEach(_)
            | Task::Repeat(_)
            | Task::Call(_)
            | Task::Worker(_) => Vec::new(),
        }
    }
}
