//! Generated values, and values that a person brings.

use crate::diagnostic::{Diagnostic, codes};
use crate::plan::task::{Generate, Manual};
use crate::plan::{Label, Origin};
use crate::run::engine::{Engine, Flow, StepContext, StepError};
use crate::run::generate;
use crate::run::journal::StepEvent;
use crate::run::value::{Data, Value};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

impl<'a> Engine<'a> {
    pub(in crate::run) fn generate(
        &self,
        cx: StepContext<'_, '_>,
        task: &Generate,
    ) -> Result<(), StepError> {
        let StepContext { frame, step, .. } = cx;
        let values: Vec<(String, Zeroizing<String>)> = match self.payload(|j| j.value(cx.id))? {
            Some(payload) => {
                cx.trace.replayed.set(true);
                let stored: Vec<(String, String)> =
                    serde_json::from_slice(&payload).map_err(|_| {
                        crate::run::engine::internal(
                            "a generated value in the journal cannot be read",
                        )
                    })?;
                stored
                    .into_iter()
                    .map(|(n, v)| (n, Zeroizing::new(v)))
                    .collect()
            }
            None => {
                let made = generate::make(&task.generator, self.world.rng.as_ref()).map_err(
                    |message| {
                        StepError::Failed(Box::new(
                            Diagnostic::new(codes::RUN_EVALUATION, step.at.0, message)
                                .at("nothing was generated"),
                        ))
                    },
                )?;
                let plain: Vec<(&str, &str)> =
                    made.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
                let payload = Zeroizing::new(serde_json::to_vec(&plain).unwrap_or_default());
                self.record_step(cx.id, StepEvent::Value, Some(&payload), true)?;
                made
            }
        };
        let secret: Vec<&str> = task
            .generator
            .captures()
            .iter()
            .filter(|(_, s)| *s)
            .map(|(n, _)| *n)
            .collect();
        let mut captures = BTreeMap::new();
        for (name, text) in values {
            let label = if secret.contains(&name.as_str()) {
                Label::of(Origin::Minted {
                    rotation: frame.rotation.name.clone(),
                    step: step.name.clone(),
                    name: name.clone(),
                })
            } else {
                Label::PUBLIC
            };
            let value = Value {
                data: Data::Text(text),
                label,
            };
            self.mask(&value);
            captures.insert(name, value);
        }
        frame
            .scope
            .borrow_mut()
            .captures
            .insert(step.name.clone(), captures);
        Ok(())
    }

    pub(in crate::run) async fn manual<'b>(
        &'b self,
        cx: StepContext<'b, 'a>,
        manual: &'b Manual,
    ) -> Result<(), StepError> {
        let StepContext { frame, step, .. } = cx;
        let text = match self.payload(|j| j.value(cx.id))? {
            Some(payload) => {
                cx.trace.replayed.set(true);
                Zeroizing::new(String::from_utf8(payload.to_vec()).unwrap_or_default())
            }
            None => {
                let instructions = self.eval(frame, &manual.instructions)?;
                let shown = if instructions.full_label().is_secret() {
                    "***".to_owned()
                } else {
                    instructions
                        .scalar_text()
                        .map(|t| t.to_string())
                        .unwrap_or_default()
                };
                self.observer.log(&shown);
                let answer = self
                    .world
                    .env
                    .ask_secret(&format!("value for `{}`: ", step.name));
                let Ok(Some(text)) = answer else {
                    return Err(StepError::Failed(Box::new(
                        Diagnostic::new(
                            codes::RUN_BAD_INPUT,
                            step.at.0,
                            "a person is asked for a value here, and there is neither a terminal nor standard input",
                        )
                        .at("this step")
                        .help("run it at a terminal, or pass the value on standard input"),
                    )));
                };
                if text.trim().is_empty() {
                    return Err(StepError::Failed(Box::new(
                        Diagnostic::new(
                            codes::RUN_REFUSED_VALUE,
                            step.at.0,
                            "an empty value was entered",
                        )
                        .at("this step")
                        .help("run `rot resume` and enter the value"),
                    )));
                }
                self.record_step(cx.id, StepEvent::Value, Some(text.as_bytes()), true)?;
                text
            }
        };
        // A Conductor HUMAN task may be answered with its whole output.
        if self.plan.dialect.semantics().task_documents
            && let Some(node) = crate::json::parse_text(&text)
                .ok()
                .filter(|n| n.is_object())
        {
            let output = super::worker::minted(cx, Value::from_node(&node, &Label::PUBLIC));
            self.mask(&output);
            let captures = node
                .unique_members()
                .into_iter()
                .map(|m| m.key.text.clone());
            let captures = captures
                .filter_map(|name| Some((name.clone(), output.get(&name)?.clone())))
                .collect();
            let mut scope = frame.scope.borrow_mut();
            scope.captures.insert(step.name.clone(), captures);
            scope.outputs.insert(step.name.clone(), output);
            return Ok(());
        }
        let value = Value {
            data: Data::Text(text),
            label: Label::of(Origin::Minted {
                rotation: frame.rotation.name.clone(),
                step: step.name.clone(),
                name: "value".into(),
            }),
        };
        self.mask(&value);
        frame.scope.borrow_mut().captures.insert(
            step.name.clone(),
            BTreeMap::from([("value".to_owned(), value)]),
        );
        match self
            .steps(frame, cx.block.unjournaled(), &manual.verify)
            .await?
        {
            Flow::Next | Flow::Stop(_) => Ok(()),
        }
    }
}
