//! What is due next, and where secrets go: lenses, hints, and the picture.

use super::lines::Lines;
use super::server::{Refusal, Server};
use super::wire::{
    CodeLens, Command, ExecuteCommandParams, InlayHint, InlayHintKind, InlayHintParams, SHOW_FLOW,
    Uri, uri_of,
};
use crate::check::graph;
use crate::plan::index::NameKind;
use crate::plan::{Policy, Schedule, Task, Trigger};
use crate::report::graph::{Picture, svg};
use crate::source::FileId;
use crate::workspace::project::View;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::sync::Arc;

type Answer = Result<Value, Refusal>;

/// When a schedule fires next, on its own clock; for an interval, how it is counted.
pub(super) fn next(schedule: &Schedule, now: Timestamp) -> Option<String> {
    match &schedule.trigger {
        Trigger::Every(every) => Some(format!("{every} after the last success")),
        Trigger::Cron(_) => times(schedule, now, 1).pop(),
    }
}

/// The next times of a schedule, in its zone.
pub(super) fn times(schedule: &Schedule, now: Timestamp, count: usize) -> Vec<String> {
    let Trigger::Cron(crons) = &schedule.trigger else {
        return Vec::new();
    };
    let mut all = Vec::new();
    let mut after = now;
    while all.len() < count {
        let next = crons
            .iter()
            .filter_map(|cron| Some((cron.next_after(after)?, cron.zone())))
            .min_by_key(|(at, _)| *at);
        let Some((at, zone)) = next else { break };
        let shown = at.in_tz(zone).map_or_else(
            |_| at.to_string(),
            |local| local.strftime("%a %Y-%m-%d %H:%M %Z").to_string(),
        );
        all.push(shown);
        after = at;
    }
    all
}

/// Over each rotation what is due next, and the picture.
pub(super) fn lenses(server: &mut Server<'_>, view: &Arc<View>, lines: &Lines) -> Answer {
    let text = view.file.text();
    let now = (server.around.now)();
    let mut all: Vec<CodeLens> = Vec::new();
    for rotation in &view.loaded.plan.rotations {
        let at = rotation.at.0;
        if at.file != view.id() {
            continue;
        }
        let range = lines.range_of(text, at);
        let mut lens = |title: String| {
            all.push(CodeLens {
                range,
                command: Some(Command {
                    title,
                    command: SHOW_FLOW.to_owned(),
                    arguments: Some(vec![json!(server.uri(&view.path))]),
                    ..Command::default()
                }),
                ..CodeLens::default()
            });
        };
        if let Some(next) = rotation.schedule.as_ref().and_then(|s| next(s, now)) {
            lens(format!("next: {next}"));
        }
        lens("flow of secrets".to_owned());
    }
    Ok(json!(all))
}

/// Behind a secret without destinations where it goes, behind a schedule when it fires, behind a capture what it is.
pub(super) fn hints(server: &mut Server<'_>, params: &InlayHintParams) -> Answer {
    let Some((view, lines)) = server.view(&params.text_document.uri) else {
        return Ok(Value::Null);
    };
    let text = view.file.text();
    let wanted = lines.bytes(text, params.range);
    let now = (server.around.now)();
    let mut all: Vec<InlayHint> = Vec::new();
    let mut hint = |at: u32, label: String| {
        if at < wanted.start || at > wanted.end {
            return;
        }
        all.push(InlayHint {
            position: lines.position(text, at),
            label: view.blanks.clean(FileId::NONE, &label).into_owned().into(),
            kind: Some(InlayHintKind::Type),
            text_edits: None,
            tooltip: None,
            padding_left: Some(true),
            padding_right: None,
            data: None,
        });
    };
    let plan = &view.loaded.plan;
    if plan.dialect.semantics().declares_intent {
        let flows = graph::flows(plan);
        for secret in plan.secrets.iter().filter(|s| s.at.0.file == view.id()) {
            let silent = matches!(&secret.policy, Policy::Declared(to) if to.is_empty());
            let goes: Vec<String> = flows
                .secrets
                .iter()
                .filter(|f| f.span == secret.at.0)
                .flat_map(|f| &f.flows)
                .filter(|f| matches!(f.to, graph::To::Host { .. }))
                .map(|f| f.to.describe())
                .collect();
            if let (true, Some(first)) = (silent, goes.first()) {
                hint(secret.at.0.end, format!("→ {first}"));
            }
        }
    }
    for rotation in plan.rotations.iter().filter(|r| r.at.0.file == view.id()) {
        if let Some(schedule) = &rotation.schedule
            && let Some(next) = times(schedule, now, 1).pop()
        {
            hint(schedule.at.0.end, format!("next {next}"));
        }
        if server.client.label_hints {
            for step in &rotation.steps {
                if let Task::Http(http) = &step.task {
                    for capture in http.captures.iter().filter(|c| c.at.0.file == view.id()) {
                        let word = if capture.secret { "secret " } else { "" };
                        hint(
                            capture.at.0.end,
                            format!(": {word}{}", capture.ty.describe()),
                        );
                    }
                }
            }
        }
    }
    all.sort_by_key(|h| (h.position.line, h.position.character));
    Ok(json!(all))
}

/// The rotation's or secret's name with its kind, for a message.
pub(super) fn named(kind: NameKind, name: &str) -> String {
    format!("**{}** `{name}`", kind.describe())
}

/// Draws where secrets go, keeps the picture where only this user can read it, and asks to show it.
pub(super) fn execute(server: &mut Server<'_>, params: &ExecuteCommandParams) -> Answer {
    if params.command != SHOW_FLOW {
        return Err(Refusal::because("there is no such command"));
    }
    let uri = params
        .arguments
        .as_ref()
        .and_then(|all| all.first())
        .and_then(Value::as_str)
        .ok_or_else(|| Refusal::because("the command takes the URI of a document"))?;
    let Some((view, _)) = server.view(&Uri(uri.to_owned())) else {
        return Err(Refusal::because("there is no such document"));
    };
    let picture = Picture::of(&graph::flows(&view.loaded.plan));
    let title = view
        .path
        .file_name()
        .map_or_else(String::new, |n| n.to_string_lossy().into_owned());
    let drawn = view
        .blanks
        .clean(FileId::NONE, &svg(&picture, &title))
        .into_owned();
    let Some(path) = (server.around.keep)(&drawn) else {
        return Err(Refusal::because("the picture could not be written"));
    };
    let place = uri_of(&path);
    if server.client.shows {
        server.ask(
            "window/showDocument",
            json!({ "uri": place, "external": true }),
        );
    } else {
        let message = format!("the flow of secrets is drawn in {}", path.display());
        server.notify(
            "window/showMessage",
            json!({ "type": 3, "message": message }),
        );
    }
    Ok(json!({ "uri": place }))
}
