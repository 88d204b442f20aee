//! A step that a local program does.

use crate::diagnostic::{Diagnostic, codes};
use crate::json;
use crate::plan::name::is_mask;
use crate::plan::task::{Step, Worker};
use crate::plan::{Derivation, Effect, Label, Origin};
use crate::run::engine::{Engine, StepContext, StepError};
use crate::run::journal::event::RequestDigest;
use crate::run::journal::{CallState, StepEvent};
use crate::run::value::{Data, Value};
use std::time::Duration;
use zeroize::Zeroizing;

/// The bound on a program for which the definition names none.
const TIMEOUT: Duration = Duration::from_secs(300);

impl<'a> Engine<'a> {
    pub(in crate::run) async fn worker(
        &self,
        cx: StepContext<'_, '_>,
        worker: &Worker,
    ) -> Result<(), StepError> {
        let StepContext { frame, step, .. } = cx;
        let input = self.eval(frame, &worker.input)?;
        let label = input.full_label().raised(Derivation::Opaque);
        let recorded = if cx.block.volatile {
            None
        } else {
            self.payload(|j| match j.call(cx.id) {
                CallState::Answered(record) => Some(record),
                CallState::NotMade | CallState::Unknown | CallState::Rejected(_) => None,
            })?
        };
        let output = match recorded {
            Some(payload) => {
                cx.trace.replayed.set(true);
                payload
            }
            None => self.work(cx, worker, &input).await?,
        };
        let value = parsed(&output, &label)
            .ok_or_else(|| self.trouble(step, worker, "what it wrote is not a JSON object"))?;
        let value = minted(cx, value);
        self.mask(&value);
        frame
            .scope
            .borrow_mut()
            .outputs
            .insert(step.name.clone(), value);
        Ok(())
    }

    async fn work(
        &self,
        cx: StepContext<'_, '_>,
        worker: &Worker,
        input: &Value,
    ) -> Result<Zeroizing<Vec<u8>>, StepError> {
        let step = cx.step;
        if !self.world.process.knows(&worker.name) {
            return Err(StepError::Failed(Box::new(
                Diagnostic::new(
                    codes::UNSUPPORTED_TASK,
                    step.at.0,
                    format!(
                        "no local program is declared for the task `{}`",
                        worker.name
                    ),
                )
                .at("this task")
                .help(format!(
                    "declare it in rot.toml: `[workers]`, then `{} = [\"program\", \"argument\"]`",
                    worker.name
                )),
            )));
        }
        self.keep_claim(step, &Effect::Unspecified)?;
        let journaled = !cx.block.volatile;
        if journaled {
            if self.journal.borrow().first_call_at(cx.id).is_some() {
                self.note(format!(
                    "the program of step `{}` may have run twice: its end was not seen",
                    step.name
                ));
            }
            let intent = StepEvent::Intent {
                attempt: 1,
                effect: "worker".to_owned(),
                request: RequestDigest::default(),
            };
            self.record_step(cx.id, intent, None, true)?;
        }
        let timeout = worker.timeout.map_or(TIMEOUT, |t| t.to_std());
        let text = input.json_text();
        let program = self
            .world
            .process
            .call(&worker.name, text.as_bytes(), timeout);
        match self.heard(step, program).await? {
            Ok(output) => {
                if journaled {
                    let answer = StepEvent::Answer {
                        status: 0,
                        length: output.len() as u64,
                        effect: true,
                    };
                    self.record_step(cx.id, answer, Some(&output), true)?;
                }
                Ok(output)
            }
            Err(trouble) => {
                if journaled {
                    let why = trouble.describe();
                    let event = if trouble == crate::world::process::Trouble::NotStarted {
                        StepEvent::NotSent { trouble: why }
                    } else {
                        StepEvent::Unknown { trouble: why }
                    };
                    self.record_step(cx.id, event, None, true)?;
                }
                Err(self.trouble(step, worker, &trouble.describe()))
            }
        }
    }

    fn trouble(&self, step: &Step, worker: &Worker, what: &str) -> StepError {
        StepError::Failed(Box::new(
            Diagnostic::new(codes::RUN_REQUEST_FAILED, step.at.0, format!("the program of the task `{}` failed: {what}", worker.name))
                .at("this task")
                .help(
                    "it gets a JSON object on standard input and answers with one on standard output; run it by hand with the same input",
                ),
        ))
    }
}

/// A program without output gives an empty object.
fn parsed(output: &[u8], label: &Label) -> Option<Value> {
    let text = std::str::from_utf8(output).ok()?;
    if text.trim().is_empty() {
        return Some(Data::Object(Vec::new()).into());
    }
    let node = json::parse_text(text).ok()?;
    node.is_object().then(|| Value::from_node(&node, label))
}

/// What stands under a masking key is a credential of its own.
pub(super) fn minted(cx: StepContext<'_, '_>, value: Value) -> Value {
    let Value {
        data: Data::Object(members),
        label,
    } = value
    else {
        return value;
    };
    let members = members
        .into_iter()
        .map(|(name, value)| {
            let hidden = is_mask(&name);
            let origin = || Origin::Minted {
                rotation: cx.frame.rotation.name.clone(),
                step: cx.step.name.clone(),
                name: name.clone(),
            };
            let value = if hidden {
                value.relabelled(&Label::of(origin()))
            } else {
                value
            };
            (name, value)
        })
        .collect();
    Value {
        data: Data::Object(members),
        label,
    }
}
