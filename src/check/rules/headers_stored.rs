//! # ROT617 headers-stored
//!
//! What it finds: all headers of an answer in an output, a variable or an `outputFilter` of a Conductor workflow.
//!
//! ## Why it matters
//!
//! Among them may be `Set-Cookie` with a session, or a new credential that a server returns in a header.
//!
//! ## Fails
//!
//! ```json
//! {"name": "r", "version": 1, "schemaVersion": 2,
//!  "tasks": [
//!   {"name": "me", "taskReferenceName": "me", "type": "HTTP", "inputParameters": {
//!     "uri": "https://api.example.com/me", "method": "GET", "headers": {"X-Key": "${workflow.secrets.apiKey}"}}}],
//!  "outputParameters": {"headers": "${me.output.response.headers}"}}
//! ```
//!
//! ## Mended
//!
//! ```json
//! {"name": "r", "version": 1, "schemaVersion": 2,
//!  "tasks": [
//!   {"name": "me", "taskReferenceName": "me", "type": "HTTP", "inputParameters": {
//!     "uri": "https://api.example.com/me", "method": "GET", "headers": {"X-Key": "${workflow.secrets.apiKey}"}}}],
//!  "outputParameters": {"limit": "${me.output.response.headers.X-RateLimit-Remaining[0]}"}}
//! ```

use crate::check::context::{Context, Once};
use crate::check::flow::{Atom, Sink, capture_path};
use crate::diagnostic::{Diagnostic, codes};
use crate::plan::Task;

const WHY: &str = "may hold a session or a credential";
const HELP: &str = "name the header that is wanted: `${TASK.output.response.headers.NAME[0]}`";

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    if !cx.plan.dialect.semantics().keeps_executions {
        return;
    }
    for (_, node) in cx.order().iter() {
        let Task::Http(http) = &node.step.task else { continue };
        let all = http.captures.iter().filter(|c| !c.secret && is_all(&capture_path(&c.source)));
        out.extend(all.map(|c| {
            Diagnostic::new(codes::HEADERS_STORED, c.at.0, message(&node.step.name)).at(WHY).help(format!("{HELP}, with `$${{` in a filter"))
        }));
    }
    let mut once = Once::default();
    for event in &cx.flow.events {
        if !matches!(event.sink, Sink::Output { masked: false, .. } | Sink::Variable { masked: false, .. }) {
            continue;
        }
        for entry in event.taint.iter().filter(|e| !e.control) {
            let Some(Atom::Answer { step, path }) = cx.flow.trails.atom(entry.atom) else { continue };
            if is_all(path) && once.is_first(event, entry.atom) {
                out.push(cx.finding(codes::HEADERS_STORED, event, entry, message(cx.flow.step_name(*step)), WHY).help(HELP));
            }
        }
    }
}

fn is_all(path: &[String]) -> bool {
    matches!(path, [response, headers] if response == "response" && headers == "headers")
}

fn message(step: &str) -> String {
    format!("all headers of the answer of `{step}` are kept in the open")
}
