//! The facts of a Conductor task that a definition may read beside its output: `${TASK.status}`, `${TASK.retryCount}`, …

use super::engine::{Engine, Frame, StepContext, StepError};
use super::value::Value;
use crate::plan::Task;
use crate::plan::task::Step;

/// Before a task acts.
pub(super) fn begun(cx: StepContext<'_, '_>, at: jiff::Timestamp) {
    let StepContext { frame, step, .. } = cx;
    let run = frame.scope.borrow().run.id.clone();
    let digest = cx.id.digest(&run, "task");
    // The innermost round.
    let round = cx.block.rounds.last().copied().map_or(0, i64::from);
    let name = if let Task::Worker(worker) = &step.task {
        worker.name.clone()
    } else {
        step.name.clone()
    };
    set(
        frame,
        step,
        "taskId",
        Value::text(super::ids::uuid_from(digest.as_ref(), 8)),
    );
    set(frame, step, "status", Value::text("IN_PROGRESS"));
    set(
        frame,
        step,
        "referenceTaskName",
        Value::text(step.name.clone()),
    );
    set(frame, step, "taskDefName", Value::text(name));
    set(
        frame,
        step,
        "taskType",
        Value::text(step.task.conductor_type()),
    );
    set(frame, step, "workflowInstanceId", Value::text(run));
    set(frame, step, "retryCount", Value::int(0));
    set(frame, step, "pollCount", Value::int(0));
    set(frame, step, "callbackAfterSeconds", Value::int(0));
    set(frame, step, "iteration", Value::int(round));
    for name in ["scheduledTime", "startTime"] {
        set(frame, step, name, Value::int(at.as_millisecond()));
    }
}

/// After it acted.
pub(super) fn ended(
    engine: &Engine<'_>,
    cx: StepContext<'_, '_>,
    failure: Option<&StepError>,
    at: jiff::Timestamp,
) {
    let StepContext { frame, step, .. } = cx;
    let status = match failure {
        None => "COMPLETED",
        Some(_) if step.optional && !step.permissive => "COMPLETED_WITH_ERRORS",
        Some(_) => "FAILED",
    };
    set(frame, step, "status", Value::text(status));
    set(
        frame,
        step,
        "retryCount",
        Value::int(i64::from(cx.trace.attempts.get().max(1) - 1)),
    );
    set(frame, step, "endTime", Value::int(at.as_millisecond()));
    if let Some(stopped) = failure {
        let reason = super::failure::reason(stopped);
        set(frame, step, "reasonForIncompletion", Value::text(reason));
        engine
            .done
            .borrow_mut()
            .failed_task
            .get_or_insert_with(|| step.name.clone());
    }
}

fn set(frame: &Frame<'_>, step: &Step, field: &str, value: Value) {
    frame
        .scope
        .borrow_mut()
        .task_fields
        .insert((step.name.clone(), field.to_owned()), value);
}
