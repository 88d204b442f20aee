//! # ROT608 escaped-secret-still-resolves
//!
//! What it finds: a reference to a secret that is escaped with `$$`. A warning for Orkes, whose servers may do as the open-source one does.
//!
//! ## Why it matters
//!
//! The first pass of that server turns `$${` into `${`; the second then fills in the secret. What was meant as text sends the value.
//!
//! ## Fails
//!
//! ```json oss
//! {"name": "r", "version": 1, "schemaVersion": 2,
//!  "tasks": [
//!   {"name": "help", "taskReferenceName": "help", "type": "HTTP", "inputParameters": {"http_request": {
//!     "uri": "https://api.example.com/help", "method": "POST", "body": {"text": "write $${workflow.secrets.apiKey} in a header"}}}}],
//!  "outputParameters": {}}
//! ```
//!
//! ## Mended
//!
//! ```json oss
//! {"name": "r", "version": 1, "schemaVersion": 2,
//!  "tasks": [
//!   {"name": "help", "taskReferenceName": "help", "type": "HTTP", "inputParameters": {"http_request": {
//!     "uri": "https://api.example.com/help", "method": "POST", "body": {"text": "refer to the secret apiKey in a header"}}}}],
//!  "outputParameters": {}}
//! ```

use crate::check::context::Context;
use crate::diagnostic::{Confidence, Diagnostic, Severity, codes};
use crate::plan::{Dialect, Expr};

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    if !cx.plan.dialect.semantics().keeps_executions {
        return;
    }
    let outputs = cx.plan.rotations.iter().flat_map(|r| r.outputs.iter().map(|o| &o.value).chain(r.variables.iter().map(|(_, v)| v)));
    let steps = cx.order().iter().flat_map(|(_, node)| node.step.task.exprs());
    outputs.chain(steps).for_each(|expr| expr.walk(&mut |part| text(part, cx.plan.dialect, out)));
}

fn text(expr: &Expr, dialect: Dialect, out: &mut Vec<Diagnostic>) {
    if !expr.as_str().is_some_and(|text| text.contains("${workflow.secrets.")) {
        return;
    }
    let help = "describe the reference in other words";
    out.push(if !dialect.semantics().server_masks {
        Diagnostic::new(codes::ESCAPED_SECRET, expr.at.0, "the open-source server fills in this secret although it is escaped")
            .at("becomes the value of the secret")
            .help(help)
    } else {
        Diagnostic::new(codes::ESCAPED_SECRET, expr.at.0, "a server may fill in this secret although it is escaped")
            .at("may become the value of the secret")
            .help(help)
            .severity(Severity::Warning)
            .confidence(Confidence::Medium)
    });
}
