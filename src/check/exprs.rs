//! The expressions of a step.

use crate::plan::task::http::Expectation;
use crate::plan::task::lifecycle::NewValue;
use crate::plan::task::{Auth, Body, CaptureSource, Http, Wait};
use crate::plan::{Expr, Task};

/// The expressions of a task itself, without those of the steps within.
pub(crate) fn of_task(task: &Task) -> Vec<&Expr> {
    match task {
        Task::Http(http) => of_http(http),
        Task::Let(item) => vec![&item.value],
        Task::SetVariables(set) => set.values.iter().map(|(_, e)| e).collect(),
        Task::Log(log) => vec![&log.message],
        Task::Update(update) => {
            let mut all = vec![&update.secret];
            all.extend(of_value(&update.value));
            all.extend(&update.expires);
            all
        }
        Task::Stage(stage) => {
            let mut all = of_value(&stage.value);
            all.extend(&stage.expires);
            all
        }
        Task::Manual(manual) => vec![&manual.instructions],
        Task::Fail(fail) => vec![&fail.message],
        Task::Stop(stop) => stop.reason.iter().chain(&stop.output).collect(),
        Task::Wait(Wait::For(e) | Wait::Until(e)) => vec![e],
        Task::Switch(switch) => vec![&switch.subject],
        Task::ForEach(each) => vec![&each.items],
        Task::Repeat(repeat) => vec![&repeat.until],
        Task::Call(call) => call
            .inputs
            .iter()
            .map(|(_, e)| e)
            .chain(&call.each)
            .collect(),
        Task::Worker(worker) => vec![&worker.input],
        Task::Fork(fork) => std::iter::once(&fork.tasks).chain(&fork.inputs).collect(),
        Task::Generate(_)
        | Task::Verify(_)
        | Task::Promote(_)
        | Task::Revoke(_)
        | Task::Parallel(_) => Vec::new(),
    }
}

/// The expressions of a new value.
pub(crate) fn of_value(value: &NewValue) -> Vec<&Expr> {
    match value {
        NewValue::Single(value) => vec![value],
        NewValue::Fields(fields) => fields.iter().map(|(_, e)| e).collect(),
    }
}

/// The expressions of an exchange.
pub(crate) fn of_http(http: &Http) -> Vec<&Expr> {
    let mut all = vec![&http.url];
    all.extend(http.query.iter().map(|(_, e)| e));
    all.extend(http.headers.iter().map(|h| &h.value));
    match &http.auth {
        Some(Auth::Bearer(token)) => all.push(token),
        Some(Auth::Basic(user, password) | Auth::Client(user, password)) => {
            all.extend([user, password])
        }
        None => {}
    }
    match &http.body {
        Body::None => {}
        Body::Json(e) | Body::Text(e) | Body::Raw(e) => all.push(e),
        Body::Form(members) => all.extend(members.iter().map(|(_, e)| e)),
    }
    for expect in &http.expect {
        if let Expectation::Header { value, .. } | Expectation::Body { value, .. } = &expect.what {
            all.push(value);
        }
    }
    for capture in &http.captures {
        if let CaptureSource::Expr(e) = &capture.source {
            all.push(e);
        }
    }
    if let Some(strays) = &http.strays {
        all.extend(of_http(&strays.list));
        all.extend(of_http(&strays.revoke));
    }
    all
}
