//! # ROT510 secret-type-changes
//!
//! What it finds: a secret that is stored as a text in one place and as an object or a list in another. (`.rot` declares the fields of a secret, and
//! refuses the other form at once.)
//!
//! ## Why it matters
//!
//! What reads the secret expects one of them. After the other was stored it finds nothing where the credential was.
//!
//! ## Fails
//!
//! ```json
//! {"name": "r", "version": 1, "schemaVersion": 2,
//!  "tasks": [
//!   {"name": "mint", "taskReferenceName": "mint", "type": "HTTP", "inputParameters": {
//!     "uri": "https://api.example.com/token", "method": "POST", "headers": {"X-Key": "${workflow.secrets.apiKey}"},
//!     "outputFilter": {"_secrets": {"token": "$${mint.output.response.body.token}"}}}},
//!   {"name": "one", "taskReferenceName": "one", "type": "UPDATE_SECRET", "inputParameters": {"_secrets": {
//!     "secretKey": "api_token", "secretValue": "${mint.output._secrets.token}x"}}},
//!   {"name": "two", "taskReferenceName": "two", "type": "UPDATE_SECRET", "inputParameters": {"_secrets": {
//!     "secretKey": "api_token", "secretValue": {"token": "${mint.output._secrets.token}"}}}}]}
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
//!   {"name": "one", "taskReferenceName": "one", "type": "UPDATE_SECRET", "inputParameters": {"_secrets": {
//!     "secretKey": "api_token", "secretValue": "${mint.output._secrets.token}x"}}},
//!   {"name": "two", "taskReferenceName": "two", "type": "UPDATE_SECRET", "inputParameters": {"_secrets": {
//!     "secretKey": "api_token", "secretValue": "${mint.output._secrets.token}y"}}}]}
//! ```

use crate::check::context::Context;
use crate::diagnostic::{Diagnostic, codes};
use crate::plan::expr::Root;
use crate::plan::task::lifecycle::NewValue;
use crate::plan::{Expr, ExprKind, Task, Type};
use crate::source::Span;
use std::collections::HashMap;

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    let mut first: HashMap<&str, (Form, Span)> = HashMap::new();
    for (_, node) in cx.order().iter() {
        let Some(write) = node.step.task.write() else { continue };
        let (Some(name), Some(NewValue::Single(value))) = (write.secret, write.value) else { continue };
        let Some(form) = form(cx, node.rotation, value) else { continue };
        let (before, place) = *first.entry(name).or_insert((form, value.at.0));
        if before != form {
            out.push(
                Diagnostic::new(codes::SECRET_TYPE_CHANGES, value.at.0, format!("secret `{name}` becomes {} here, elsewhere {}", form.text(), before.text()))
                    .at(form.text())
                    .label(place, before.text())
                    .help("store the same form everywhere; a record has named fields: `secret NAME { a, b }`"),
            );
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    Structure,
}

impl Form {
    fn text(self) -> &'static str {
        match self {
            Form::Text => "a text",
            Form::Structure => "an object or a list",
        }
    }
}

/// The form of a value as far as it is certain.
fn form(cx: &Context<'_, '_>, rotation: usize, value: &Expr) -> Option<Form> {
    match &value.kind {
        ExprKind::Object(_) | ExprKind::List(_) => Some(Form::Structure),
        ExprKind::String(_) | ExprKind::Template(_) => Some(Form::Text),
        ExprKind::Call(function, _) if function.returns() == Type::String => Some(Form::Text),
        ExprKind::Ref(Root::Capture { step, name }) => {
            let task = cx.order().find(rotation, step).and_then(|id| cx.order().get(id)).map(|n| &n.step.task);
            match task {
                Some(Task::Http(http)) => http.captures.iter().find(|c| c.name == *name).and_then(|c| match c.ty {
                    Type::List(_) | Type::Record(_) => Some(Form::Structure),
                    Type::String => Some(Form::Text),
                    _ => None,
                }),
                Some(Task::Generate(_)) => Some(Form::Text),
                _ => None,
            }
        }
        _ => None,
    }
}
