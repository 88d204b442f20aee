//! # ROT619 credential-as-plain-input
//!
//! What it finds: an input of a definition that is a credential by its name (`newPassword`, `clientSecret`), and goes into a request or to a worker.
//!
//! ## Why it matters
//!
//! Inputs stand in each execution, in the clear, for everybody who may look at it; so does whatever a task is given of them. The open-source server masks nothing at all.
//!
//! ## Fails
//!
//! ```json
//! {
//!   "name": "set_password", "version": 1, "schemaVersion": 2, "inputParameters": ["account", "newPassword"],
//!   "tasks": [
//!     {"name": "set", "taskReferenceName": "set", "type": "HTTP", "inputParameters": {
//!       "uri": "https://api.example.com/accounts/${workflow.input.account}/password", "method": "PUT",
//!       "headers": {"Authorization": "Bearer ${workflow.secrets.ADMIN_TOKEN}"},
//!       "body": {"password": "${workflow.input.newPassword}"}}}
//!   ]
//! }
//! ```
//!
//! ## Mended
//!
//! ```json
//! {
//!   "name": "set_password", "version": 1, "schemaVersion": 2, "inputParameters": ["account"],
//!   "tasks": [
//!     {"name": "set", "taskReferenceName": "set", "type": "HTTP", "inputParameters": {
//!       "uri": "https://api.example.com/accounts/${workflow.input.account}/password", "method": "PUT",
//!       "headers": {"Authorization": "Bearer ${workflow.secrets.ADMIN_TOKEN}"},
//!       "body": {"password": "${workflow.secrets.NEXT_PASSWORD}"}}}
//!   ]
//! }
//! ```

use crate::check::context::Context;
use crate::check::vocabulary::words;
use crate::diagnostic::{Diagnostic, codes};
use crate::plan::expr::Root;
use crate::plan::{Expr, ExprKind, Task};
use std::collections::HashSet;

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    if cx.plan.dialect.semantics().declares_intent {
        return;
    }
    let mut seen = HashSet::new();
    for (_, node) in cx.order().iter() {
        if !matches!(node.step.task, Task::Http(_) | Task::Worker(_) | Task::Update(_)) {
            continue;
        }
        for expr in node.step.task.exprs() {
            expr.walk(&mut |part| {
                if let ExprKind::Ref(Root::Input(name)) = &part.kind
                    && is_credential(name)
                    && seen.insert((node.rotation, name))
                {
                    out.push(found(name, part, &node.step.name, node.step.at.0));
                }
            });
        }
    }
}

fn found(name: &str, part: &Expr, step: &str, task: crate::source::Span) -> Diagnostic {
    let place = if part.at.0.is_some() { part.at.0 } else { task };
    Diagnostic::new(
        codes::CREDENTIAL_INPUT,
        place,
        format!("`{name}` is a plain input of the workflow, and `{step}` is given it: everybody who may look at the execution reads it"),
    )
    .at("stands in the execution")
    .help("keep it as a secret of the server, `${workflow.secrets.NAME}`, and start the workflow with its name")
}

/// Whether an input is a credential by its name, one that is to be used and not one that is over.
fn is_credential(name: &str) -> bool {
    let words = words(name);
    let says = |list: &[&str]| words.iter().any(|w| list.contains(&w.as_str()));
    let last = words.last().map_or("", String::as_str);
    let opens = ["password", "passwd", "passphrase", "secret"].contains(&last) && !words.is_empty()
        || last == "key" && says(&["private"])
        || last == "value" && says(&["secret", "password", "token"])
        || last == "token" && says(&["new", "access", "admin", "api", "bearer", "auth", "refresh"]);
    opens && !says(&["old", "previous", "prev", "expired", "masked", "has", "is"]) && (last != "secret" || words.len() > 1)
}
