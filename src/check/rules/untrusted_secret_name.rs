//! # ROT509 untrusted-secret-name
//!
//! What it finds: an input or the answer of a server that chooses which secret is overwritten. In Conductor JSON a warning where it is an answer, and a note
//! where it is an input, since who may start a workflow is for the server to say, or where the name begins with a text that is written out. `rot run` refuses it, unless `rot.toml` says which
//! names may come so: with `[conductor] secret-names = ["tenant-*"]` a run stores under those names and no others. `*` stands for any characters but `/`.
//!
//! ## Why it matters
//!
//! Whoever starts the workflow, or answers its request, can then overwrite any secret that the workflow may write.
//!
//! ## Fails
//!
//! ```json
//! {"name": "r", "version": 1, "schemaVersion": 2, "inputParameters": ["name"],
//!  "tasks": [
//!   {"name": "mint", "taskReferenceName": "mint", "type": "HTTP", "inputParameters": {
//!     "uri": "https://api.example.com/token", "method": "POST", "headers": {"X-Key": "${workflow.secrets.apiKey}"},
//!     "outputFilter": {"_secrets": {"token": "$${mint.output.response.body.token}"}}}},
//!   {"name": "keep", "taskReferenceName": "keep", "type": "UPDATE_SECRET", "inputParameters": {"_secrets": {
//!     "secretKey": "${workflow.input.name}", "secretValue": "${mint.output._secrets.token}"}}}]}
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
//!   {"name": "keep", "taskReferenceName": "keep", "type": "UPDATE_SECRET", "inputParameters": {"_secrets": {
//!     "secretKey": "api_token", "secretValue": "${mint.output._secrets.token}"}}}]}
//! ```

use crate::check::context::Context;
use crate::check::flow::{Atom, Sink};
use crate::diagnostic::{Diagnostic, Severity, codes};
use crate::plan::{ExprKind, Task};

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    // Where the settings say which names may come, the run takes no other.
    if !cx.plan.secret_names.is_empty() {
        return;
    }
    for event in cx.flow.events.iter().filter(|e| e.sink == Sink::SecretName) {
        if let Some(entry) = cx.untrusted(event) {
            let unsaid = !cx.plan.dialect.semantics().declares_intent;
            let message = format!("{} chooses which secret is overwritten", cx.describe(&entry));
            out.push(
                cx.finding(codes::UNTRUSTED_SECRET_NAME, event, &entry, message, "names the secret")
                    .help("write the name in the text, choose between literal names with a switch, or say in rot.toml which names may come as data: `[conductor] secret-names = [\"tenant-*\"]`")
                    .severity(match (unsaid, is_of_a_family(cx, event.step)) {
                        (false, _) => Severity::Error,
                        // Whoever may start a workflow is for the server to say, and a workflow that is called by others takes its names from them.
                        (true, false) if !matches!(cx.flow.trails.atom(entry.atom), Some(Atom::Caller { .. })) => Severity::Warning,
                        (true, _) => Severity::Note,
                    })
                    .blocking(),
            );
        }
    }
}

/// Letters of a name that have to be written out, so that only a family of secrets is left to choose from.
const PREFIX: usize = 3;

/// Whether a name begins with a text that is written out: what is chosen is one of its own family.
fn is_of_a_family(cx: &Context<'_, '_>, step: Option<usize>) -> bool {
    let Some(Task::Update(update)) = step.and_then(|id| cx.order().get(id)).map(|n| &n.step.task) else { return false };
    let ExprKind::Template(parts) = &update.secret.kind else { return false };
    parts.first().and_then(|part| part.as_str()).is_some_and(|text| text.len() >= PREFIX)
}
