//! # ROT607 secret-reference-injection
//!
//! What it finds: a caller's input in a request of a definition for open-source Conductor.
//!
//! ## Why it matters
//!
//! That server looks for `${workflow.secrets.NAME}` in the text after it has filled in the inputs. A caller who passes such a text as an input
//! has the secret sent along, to wherever the request goes. `rot` itself resolves only what stands in the definition.
//!
//! ## Fails
//!
//! ```json oss
//! {"name": "r", "version": 1, "schemaVersion": 2,
//!  "inputParameters": ["note"],
//!  "tasks": [
//!   {"name": "note", "taskReferenceName": "note", "type": "HTTP", "inputParameters": {"http_request": {
//!     "uri": "https://api.example.com/notes", "method": "POST", "headers": {"X-Key": "${workflow.secrets.apiKey}"},
//!     "body": {"note": "${workflow.input.note}"}}}}],
//!  "outputParameters": {}}
//! ```
//!
//! ## Mended
//!
//! ```json oss
//! {"name": "r", "version": 1, "schemaVersion": 2,
//!  "tasks": [
//!   {"name": "note", "taskReferenceName": "note", "type": "HTTP", "inputParameters": {"http_request": {
//!     "uri": "https://api.example.com/notes", "method": "POST", "headers": {"X-Key": "${workflow.secrets.apiKey}"},
//!     "body": {"note": "rotated"}}}}],
//!  "outputParameters": {}}
//! ```

use crate::check::context::{Context, Once};
use crate::check::flow::{Atom, Part, Sink};
use crate::diagnostic::{Confidence, Diagnostic, codes};
use crate::plan::Derivation;

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    if !cx.plan.dialect.semantics().expands_data || cx.plan.secrets.is_empty() {
        return;
    }
    let mut once = Once::default();
    for event in &cx.flow.events {
        if !matches!(event.sink, Sink::Request { part: Part::Header(_) | Part::Body | Part::Query | Part::Path, .. }) {
            continue;
        }
        let passed = event.taint.iter().filter(|e| !e.control && e.derivation == Derivation::Whole);
        for entry in passed.filter(|e| matches!(cx.flow.trails.atom(e.atom), Some(Atom::Caller { .. }))) {
            if once.is_first(event, entry.atom) {
                let message = format!("{} is sent, and the server fills in secrets that it names", cx.describe(entry));
                out.push(
                    cx.finding(codes::SECRET_INJECTION, event, entry, message, "a caller may pass `${workflow.secrets.NAME}`")
                        .confidence(Confidence::Medium)
                        .help("restrict the input with an `inputSchema` whose pattern allows no `$`, or run the rotation with rot"),
                );
            }
        }
    }
}
