//! # ROT302 secret-to-output
//!
//! What it finds: a secret in an output of the run that is not masked, or in the expiry of a stored secret. In Conductor JSON also what a worker
//! gives under the name of a credential.
//!
//! ## Why it matters
//!
//! Outputs are kept with the run, shown in reports and handed to whoever called it. A server shows them to everybody who may read
//! executions.
//!
//! ## Fails
//!
//! ```rot
//! secret api_key to "api.example.com"
//! secret api_token
//!
//! rotation r {
//!   http mint POST "https://api.example.com/tokens" issues additive {
//!     bearer secrets.api_key
//!     secret token = body $.token
//!   }
//!   update api_token = mint.token
//!   output token = mint.token
//! }
//! ```
//!
//! ```json
//! {"name": "r", "version": 1, "schemaVersion": 2,
//!  "tasks": [{"name": "fetch", "taskReferenceName": "fetch", "type": "HTTP", "inputParameters": {
//!    "uri": "https://api.example.com/token", "method": "POST", "headers": {"X-Key": "${workflow.secrets.apiKey}"}}}],
//!  "outputParameters": {"t": "${fetch.output.response.body.token}"}}
//! ```
//!
//! ## Mended
//!
//! ```rot
//! secret api_key to "api.example.com"
//! secret api_token
//!
//! rotation r {
//!   http mint POST "https://api.example.com/tokens" issues additive {
//!     bearer secrets.api_key
//!     secret token = body $.token
//!     public id    = body $.id
//!   }
//!   update api_token = mint.token
//!   output id = mint.id
//! }
//! ```
//!
//! ```json
//! {"name": "r", "version": 1, "schemaVersion": 2,
//!  "tasks": [{"name": "fetch", "taskReferenceName": "fetch", "type": "HTTP", "inputParameters": {
//!    "uri": "https://api.example.com/token", "method": "POST", "headers": {"X-Key": "${workflow.secrets.apiKey}"}}}],
//!  "outputParameters": {"expires": "${fetch.output.response.body.expires_in}"}}
//! ```

use crate::check::context::{Context, Once};
use crate::check::flow::{Event, Sink};
use crate::diagnostic::{Confidence, Diagnostic, Edit, Severity, codes};
use crate::json::layout;
use crate::source::Span;
use crate::syntax::ast::Entry;

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    crate::check::intent::open::to_output(cx, out);
    let mut once = Once::default();
    for event in cx.flow.events.iter().filter(|e| !cx.is_implied(e)) {
        let (sink, help, severity) = match event.sink {
            Sink::Output { name, masked: false } => {
                let help = if cx.plan.dialect.semantics().is_json {
                    "leave it out of `outputParameters`, or nest it in `\"_secrets\": {…}`"
                } else {
                    "leave it out, or declare the output as secret: `output secret NAME = …`"
                };
                let sink = if name.is_empty() { "the output of the run".to_owned() } else { format!("the output `{name}`") };
                (sink, help, Severity::Error)
            }
            // The expiry is not what the credential is worth, but it is shown wherever the secret is listed.
            Sink::Expiry { .. } => ("the expiry, which lists show".to_owned(), "capture the time as `public`", Severity::Warning),
            _ => continue,
        };
        for leak in cx.leaks(event) {
            if once.is_first(event, leak.entry.atom) {
                let message = format!("{} reaches {sink} unmasked", leak.origin.describe());
                out.push(
                    cx.finding(codes::SECRET_TO_OUTPUT, event, &leak.entry, message, "leaves the run here")
                        .help(help)
                        .severity(severity)
                        .fix_if("declare the output as secret", false, declared(cx, event)),
                );
            }
        }
        if let (Sink::Output { .. }, Some(entry)) = (&event.sink, cx.likely_credential(event)) {
            let message = format!("{sink} holds the whole answer to a request for a credential");
            out.push(
                cx.finding(codes::SECRET_TO_OUTPUT, event, &entry, message, "leaves the run here")
                    .help("name the fields that callers need, and no credential among them")
                    .severity(Severity::Warning)
                    .confidence(Confidence::Medium),
            );
        }
    }
}

/// The output as a masked one. Whoever reads it has to ask for it by another name in Conductor, and sees `***` in `.rot`.
fn declared(cx: &Context<'_, '_>, event: &Event<'_>) -> Option<Vec<Edit>> {
    let Sink::Output { name, masked: false } = event.sink else { return None };
    if cx.plan.dialect.semantics().is_json {
        let (_, index) = cx.texts.member(event.span)?;
        let around = layout::members_around(cx.texts.json()?, event.span);
        let direct = around.iter().rev().nth(1).is_some_and(|(o, i)| o.members().get(*i).is_some_and(|m| m.key.text == "outputParameters"));
        let own = around.last().is_some_and(|(o, _)| o.members().get(index).is_some_and(|m| m.key.text == name));
        return if direct && own { cx.texts.masked(event.span) } else { None };
    }
    let place = cx.texts.entries(event.span).find_map(|entry| match entry {
        Entry::Output { name, secret: false, value, .. } if value.span.contains(event.span) => Some(name.span),
        _ => None,
    })?;
    Some(vec![Edit { span: Span { end: place.start, ..place }, text: "secret ".into() }])
}
