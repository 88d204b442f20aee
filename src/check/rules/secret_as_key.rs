//! # ROT317 secret-as-key-or-index
//!
//! What it finds: a secret that is used as a name: of the branch that is taken, or of the secret that is written.
//!
//! ## Why it matters
//!
//! Names are shown: the taken branch in executions and reports, the name of a secret in every list. A case is also a piece of the secret
//! in the text.
//!
//! ## Fails
//!
//! ```json
//! {"name": "r", "version": 1, "schemaVersion": 2,
//!  "tasks": [{"name": "s", "taskReferenceName": "s", "type": "SWITCH", "evaluatorType": "value-param", "expression": "k",
//!    "inputParameters": {"k": "${workflow.secrets.apiKey}"}, "decisionCases": {"abc": [
//!      {"name": "w", "taskReferenceName": "w", "type": "WAIT", "inputParameters": {"duration": "1 s"}}]}}],
//!  "outputParameters": {}}
//! ```
//!
//! ## Mended
//!
//! ```json
//! {"name": "r", "version": 1, "schemaVersion": 2, "inputParameters": ["kind"],
//!  "tasks": [{"name": "s", "taskReferenceName": "s", "type": "SWITCH", "evaluatorType": "value-param", "expression": "k",
//!    "inputParameters": {"k": "${workflow.input.kind}"}, "decisionCases": {"abc": [
//!      {"name": "w", "taskReferenceName": "w", "type": "WAIT", "inputParameters": {"duration": "1 s"}}]}}],
//!  "outputParameters": {}}
//! ```

use crate::check::context::{Context, Once};
use crate::check::flow::Sink;
use crate::diagnostic::{Diagnostic, codes};
use crate::plan::Derivation;

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    let mut once = Once::default();
    for event in &cx.flow.events {
        let (sink, help) = match event.sink {
            Sink::Branch => ("the name of the branch that is taken", "choose the branch by something public"),
            Sink::SecretName => ("the name of the secret that is written", "write the secret's name in the text"),
            _ => continue,
        };
        // One bit of a secret is no name; what it decides is the business of ROT312 and ROT313.
        for leak in cx.leaks(event).into_iter().filter(|l| l.entry.derivation < Derivation::Opaque) {
            if once.is_first(event, leak.entry.atom) {
                let message = format!("{} is used as {sink}, which is shown", leak.origin.describe());
                out.push(cx.finding(codes::SECRET_AS_KEY, event, &leak.entry, message, "used as a name").help(help));
            }
        }
    }
}
