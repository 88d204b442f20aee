//! # ROT617 headers-stored
//!
//! What it finds: all headers of an answer in an output or a variable of a Conductor workflow.
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
use crate::check::flow::{Atom, Sink};
use crate::diagnostic::{Diagnostic, codes};

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    if !cx.plan.dialect.is_conductor() {
        return;
    }
    let mut once = Once::default();
    for event in &cx.flow.events {
        if !matches!(event.sink, Sink::Output { masked: false, .. } | Sink::Variable { masked: false, .. }) {
            continue;
        }
        for entry in event.taint.iter().filter(|e| !e.control) {
            let Some(Atom::Answer { step, path }) = cx.flow.trails.atom(entry.atom) else { continue };
            let all = matches!(path.as_slice(), [response, headers] if response == "response" && headers == "headers");
            if all && once.is_first(event, entry.atom) {
                let message = format!("all headers of the answer of `{}` are kept in the open", cx.flow.step_name(*step));
                out.push(
                    cx.finding(codes::HEADERS_STORED, event, entry, message, "may hold a session or a credential")
                        .help("name the header that is wanted: `${TASK.output.response.headers.NAME[0]}`"),
                );
            }
        }
    }
}
