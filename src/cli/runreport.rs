//! The report of a run, for people and as `rot.run/v1`.

use super::args::ResultFormat;
use super::context::Context;
use crate::diagnostic::{Error, Result};
use crate::report::visible;
use crate::run::{RunReport, Status};
use serde_json::{Value as Json, json};

/// Prints a report; a run that did not end well is the command's error.
pub fn emit(context: &Context, report: &RunReport, format: ResultFormat) -> Result<()> {
    for note in &report.notes {
        context.out.info(&format!("note: {}", visible(note)));
    }
    match format {
        ResultFormat::Json => {
            let text = serde_json::to_string_pretty(&document(report)).unwrap_or_default();
            context.out.stdout(&format!("{text}\n"));
        }
        ResultFormat::Text => context.out.stdout(&text(report)),
    }
    match &report.failure {
        None => Ok(()),
        Some(error) => Err(Error {
            failure: error.failure,
            diagnostics: error.diagnostics.clone(),
        }),
    }
}

fn text(report: &RunReport) -> String {
    let mut out = String::new();
    for secret in &report.secrets {
        let when = match (secret.action, secret.expires_at) {
            ("revocation scheduled", Some(at)) => format!(", due {}", shown(at)),
            (_, Some(at)) => format!(", expires {}", shown(at)),
            (_, None) => String::new(),
        };
        out.push_str(&format!(
            "{}: {} (version {}{when})\n",
            secret.name, secret.action, secret.version
        ));
    }
    if report.output.as_object().is_some_and(|o| !o.is_empty()) {
        let pretty = serde_json::to_string_pretty(&report.output).unwrap_or_default();
        let lines: Vec<String> = pretty
            .lines()
            .map(|line| visible(line).into_owned())
            .collect();
        out.push_str(&format!("output: {}\n", lines.join("\n")));
    }
    let resumed = if report.resumed { "continued and " } else { "" };
    match report.status {
        Status::Completed => out.push_str(&format!(
            "{}: {resumed}completed (run {})\n",
            report.rotation, report.run_id
        )),
        Status::Failed => out.push_str(&format!(
            "{}: {resumed}failed (run {})\n",
            report.rotation, report.run_id
        )),
        Status::Interrupted => out.push_str(&format!(
            "{}: {resumed}interrupted (run {})\n",
            report.rotation, report.run_id
        )),
        Status::NeedsOperator => out.push_str(&format!(
            "{}: needs a person (run {})\n",
            report.rotation, report.run_id
        )),
    }
    out
}

fn shown(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// `rot.run/v1`.
fn document(report: &RunReport) -> Json {
    let steps: Vec<Json> = report
        .steps
        .iter()
        .map(|s| json!({ "ref": s.name, "kind": s.kind, "status": s.status, "attempts": s.attempts, "started_at": s.started_at, "duration_ms": s.duration_ms, "output": s.output }))
        .collect();
    let secrets: Vec<Json> = report
        .secrets
        .iter()
        .map(|s| json!({ "name": s.name, "action": s.action, "version": s.version, "expires_at": s.expires_at }))
        .collect();
    let failure = report
        .failure
        .as_ref()
        .and_then(|e| e.diagnostics.first())
        .map(|d| json!({ "code": d.code.id(), "name": d.code.name(), "message": d.message, "help": d.help }));
    json!({
        "schema": "rot.run/v1",
        "run_id": report.run_id,
        "rotation": report.rotation,
        "status": report.status.as_str(),
        "resumed": report.resumed,
        "steps": steps,
        "secrets": secrets,
        "output": report.output,
        "failure": failure,
        "notes": report.notes,
    })
}
