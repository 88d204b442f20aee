//! What runs after a failure: the steps of `on failure`, and a Conductor definition's failure workflow.

use super::engine::{BlockContext, Engine, Frame, StepError};
use super::identity::CallPath;
use super::value::{Data, Value};
use std::cell::RefCell;

/// Why a run stopped, in words that quote no value.
pub(super) fn reason(stopped: &StepError) -> String {
    match stopped {
        StepError::Failed(d)
        | StepError::Interrupted(d)
        | StepError::Overtaken(d)
        | StepError::Replay(d)
        | StepError::Heals(d)
        | StepError::Halted(d)
        | StepError::Unresolved(d) => d.message.clone(),
        StepError::Broken(error) => error.message().to_owned(),
    }
}

/// Runs what the rotation has for a failure. What fails in it is only noted: the first failure is the one that counts.
pub(super) async fn react<'a>(engine: &Engine<'a>, frame: &Frame<'a>, stopped: &StepError) {
    if matches!(
        stopped,
        StepError::Broken(_) | StepError::Interrupted(_) | StepError::Overtaken(_)
    ) {
        return;
    }
    frame.scope.borrow_mut().run.reason = Some(reason(stopped));
    if !frame.rotation.on_failure.is_empty()
        && let Err(failed) = engine
            .steps(frame, BlockContext::PROBE, &frame.rotation.on_failure)
            .await
    {
        engine.note(format!(
            "a step of `on failure` failed too: {}",
            reason(&failed)
        ));
    }
    workflow(engine, frame, stopped).await;
}

/// Starts the failure workflow with the failed one's input and the facts of the failure. The failed execution as a whole is
/// passed with everything secret in it masked: on a server it is where secrets leak.
async fn workflow<'a>(engine: &Engine<'a>, frame: &Frame<'a>, stopped: &StepError) {
    let Some(name) = &frame.rotation.failure_rotation else {
        return;
    };
    let Some(rotation) = engine.plan.rotation(name) else {
        return;
    };
    let (run, mut inputs) = {
        let scope = frame.scope.borrow();
        (
            scope.run.clone(),
            scope
                .inputs
                .iter()
                .map(|(n, v)| (n.clone(), v.clone()))
                .collect::<Vec<_>>(),
        )
    };
    let task = engine.done.borrow().failed_task.clone();
    let task_id = task.and_then(|t| {
        frame
            .scope
            .borrow()
            .task_fields
            .get(&(t, "taskId".to_owned()))
            .cloned()
    });
    let shown: Vec<(String, Value)> = inputs
        .iter()
        .map(|(name, value)| {
            (
                name.clone(),
                Value::from_json(&value.shown(), &crate::plan::Label::PUBLIC),
            )
        })
        .collect();
    let why = Value::text(reason(stopped));
    let failed = vec![
        ("workflowId".to_owned(), Value::text(run.id.clone())),
        ("workflowName".to_owned(), Value::text(run.rotation.clone())),
        ("status".to_owned(), Value::text("FAILED")),
        ("reasonForIncompletion".to_owned(), why.clone()),
        ("input".to_owned(), Data::Object(shown).into()),
    ];
    inputs.extend([
        ("workflowId".to_owned(), Value::text(run.id.clone())),
        ("reason".to_owned(), why),
        ("failureStatus".to_owned(), Value::text("FAILED")),
        (
            "failureTaskId".to_owned(),
            task_id.unwrap_or_else(Value::null),
        ),
        ("failedWorkflow".to_owned(), Data::Object(failed).into()),
    ]);
    let scope = match super::start::child_scope(&frame.scope.borrow(), rotation, inputs) {
        Ok(mut scope) => {
            scope.run.reason = None;
            scope
        }
        Err(diagnostic) => {
            return engine.note(format!(
                "the failure workflow `{name}` could not be started: {}",
                diagnostic.message
            ));
        }
    };
    let inner = Frame {
        rotation,
        scope: RefCell::new(scope),
        path: CallPath::failure(name, engine.journal.borrow().failures()),
    };
    if let Err(failed) = engine
        .steps(&inner, BlockContext::TOP, &rotation.steps)
        .await
    {
        engine.note(format!(
            "the failure workflow `{name}` failed too: {}",
            reason(&failed)
        ));
    }
}
