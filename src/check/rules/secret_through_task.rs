//! # ROT606 secret-through-inline-or-jq
//!
//! What it finds: a vault secret in a workflow variable or in the result of a script task, where the server keeps it in the open: always on open-source
//! Conductor; on Orkes when only a part of it is left, which the masking by value cannot find.
//!
//! ## Why it matters
//!
//! Results of tasks and variables are kept with the execution and shown to everybody who may read it.
//!
//! ## Fails
//!
//! ```json oss
//! {"name": "r", "version": 1, "schemaVersion": 2,
//!  "tasks": [{"name": "v", "taskReferenceName": "v", "type": "SET_VARIABLE", "inputParameters": {"key": "${workflow.secrets.apiKey}"}}],
//!  "outputParameters": {}}
//! ```
//!
//! ## Mended
//!
//! ```json oss
//! {"name": "r", "version": 1, "schemaVersion": 2,
//!  "tasks": [{"name": "me", "taskReferenceName": "me", "type": "HTTP", "inputParameters": {"http_request": {
//!    "uri": "https://api.example.com/me", "method": "GET", "headers": {"X-Key": "${workflow.secrets.apiKey}"}}}}],
//!  "outputParameters": {}}
//! ```

use crate::check::context::{Context, Once};
use crate::check::flow::Sink;
use crate::diagnostic::{Diagnostic, codes};
use crate::plan::{Derivation, Dialect, Origin};

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    if !cx.plan.dialect.is_conductor() {
        return;
    }
    let oss = cx.plan.dialect == Dialect::Oss;
    let mut once = Once::default();
    for event in &cx.flow.events {
        let place = match event.sink {
            // On the open-source server a masking key is a key like any other.
            Sink::Variable { name, masked } if oss || !masked => format!("the variable `{name}`"),
            Sink::Let { name } => format!("the result of `{name}`"),
            _ => continue,
        };
        for leak in cx.leaks(event) {
            let wanted = if oss { Derivation::Whole..=Derivation::Part } else { Derivation::Part..=Derivation::Part };
            let found = matches!(leak.origin, Origin::Secret(_)) && wanted.contains(&leak.entry.derivation);
            if found && once.is_first(event, leak.entry.atom) {
                let message = format!("{} is kept in the open in {place}", leak.origin.describe());
                out.push(
                    cx.finding(codes::SECRET_THROUGH_TASK, event, &leak.entry, message, "kept with the execution")
                        .help("name the secret in the task that needs it instead of passing it on"),
                );
            }
        }
    }
}
