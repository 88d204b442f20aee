//! # ROT603 mask-lost-downstream
//!
//! What it finds: a masked value that is copied to a plain key of another task: a workflow variable, the input of a sub-workflow, the result of a
//! script.
//!
//! ## Why it matters
//!
//! Masking goes by the key and not by the value. Under a plain key the credential is kept and shown as it is.
//!
//! ## Fails
//!
//! ```json
//! {"name": "r", "version": 1, "schemaVersion": 2,
//!  "tasks": [
//!   {"name": "mint", "taskReferenceName": "mint", "type": "HTTP", "inputParameters": {
//!     "uri": "https://api.example.com/token", "method": "POST", "headers": {"X-Key": "${workflow.secrets.apiKey}"},
//!     "outputFilter": {"_secrets": {"token": "$${mint.output.response.body.token}"}}}},
//!   {"name": "v", "taskReferenceName": "v", "type": "SET_VARIABLE", "inputParameters": {"token": "${mint.output._secrets.token}"}}]}
//! ```
//!
//! ## Mended
//!
//! ```json
//! {"name": "r", "version": 1, "schemaVersion": 2,
//!  "tasks": [
//!   {"name": "mint", "taskReferenceName": "mint", "type": "HTTP", "inputParameters": {
//!     "uri": "https://api.example.com/token", "method": "POST", "headers": {"X-Key": "${workflow.secrets.apiKey}"},
//!     "outputFilter": {"_secrets": {"token": "$${mint.output.response.body.token}"}}}},
//!   {"name": "v", "taskReferenceName": "v", "type": "SET_VARIABLE", "inputParameters": {"_secrets": {"token": "${mint.output._secrets.token}"}}}]}
//! ```

use crate::check::context::{Context, Once};
use crate::check::flow::Sink;
use crate::diagnostic::{Diagnostic, codes};
use crate::plan::{Derivation, Origin};

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    if !cx.plan.dialect.is_conductor() {
        return;
    }
    let mut once = Once::default();
    for event in &cx.flow.events {
        let key = match event.sink {
            Sink::Variable { name, masked: false } => format!("the variable `{name}`"),
            Sink::CallInput { name, .. } => format!("the input `{name}` of another workflow"),
            Sink::Let { name } => format!("the result of `{name}`"),
            _ => continue,
        };
        for leak in cx.leaks(event) {
            // One bit of it, as a comparison gives, is not the credential.
            let kept = matches!(leak.origin, Origin::Minted { .. }) && leak.entry.derivation < Derivation::Opaque;
            if kept && once.is_first(event, leak.entry.atom) {
                let message = format!("{} was masked and is kept in the open in {key}", leak.origin.describe());
                out.push(
                    cx.finding(codes::MASK_LOST_DOWNSTREAM, event, &leak.entry, message, "a plain key")
                        .help("nest it here as well: `\"_secrets\": {…}`"),
                );
            }
        }
    }
}
