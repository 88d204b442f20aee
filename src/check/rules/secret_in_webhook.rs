//! # ROT615 secret-in-webhook-or-event
//!
//! What it finds: a secret in an event, in the payload of a state change, or in a message to a chat, a paging service or a
//! language model in a Conductor definition.
//!
//! ## Why it matters
//!
//! Events and messages go to queues, channels and people that were not named as places for the secret, and are kept there.
//!
//! ## Fails
//!
//! ```json
//! {"name": "r", "version": 1, "schemaVersion": 2,
//!  "tasks": [
//!   {"name": "tell", "taskReferenceName": "tell", "type": "EVENT", "sink": "conductor:rotated",
//!    "inputParameters": {"key": "${workflow.secrets.apiKey}"}}],
//!  "outputParameters": {}}
//! ```
//!
//! ```json
//! {"name": "r", "version": 1, "schemaVersion": 2,
//!  "tasks": [
//!   {"name": "mint", "taskReferenceName": "mint", "type": "HTTP", "inputParameters": {
//!     "uri": "https://api.example.com/token", "method": "POST", "headers": {"X-Key": "${workflow.secrets.apiKey}"},
//!     "outputFilter": {"_secrets": {"token": "$${mint.output.response.body.token}"}}}},
//!   {"name": "keep", "taskReferenceName": "keep", "type": "UPDATE_SECRET", "inputParameters": {"_secrets": {
//!     "secretKey": "api_token", "secretValue": "${mint.output._secrets.token}"}}},
//!   {"name": "tell", "taskReferenceName": "tell", "type": "HTTP", "inputParameters": {
//!     "uri": "https://hooks.slack.com/services/x", "method": "POST", "body": {"text": "new: ${mint.output._secrets.token}"}}}],
//!  "outputParameters": {}}
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
//!     "secretKey": "api_token", "secretValue": "${mint.output._secrets.token}"}}},
//!   {"name": "tell", "taskReferenceName": "tell", "type": "HTTP", "inputParameters": {
//!     "uri": "https://hooks.slack.com/services/x", "method": "POST", "body": {"text": "a new token is in use"}}}],
//!  "outputParameters": {}}
//! ```

use crate::check::context::{Context, Once};
use crate::check::flow::{Atom, Event, Part, Sink};
use crate::diagnostic::{Diagnostic, codes};
use crate::plan::task::Body;
use crate::plan::{Derivation, Expr, ExprKind, Origin, Root};
use std::cell::OnceCell;
use std::collections::HashSet;

/// Services that show what they are sent to people or to strangers.
const NOTIFIERS: [&str; 20] = [
    "sendgrid.com",
    "mailgun.net",
    "postmarkapp.com",
    "mandrillapp.com",
    "mailjet.com",
    "resend.com",
    "slack.com",
    "discord.com",
    "discordapp.com",
    "webhook.site",
    "webhook.office.com",
    "outlook.office.com",
    "api.telegram.org",
    "ntfy.sh",
    "pagerduty.com",
    "opsgenie.com",
    "chat.googleapis.com",
    "pipedream.net",
    "requestbin.com",
    "api.twilio.com",
];

/// Conductor tasks that hand their input to queues, people and models.
const MESSAGES: [&str; 17] = [
    "EVENT",
    "HUMAN",
    "KAFKA_PUBLISH",
    "SQS",
    "SENDGRID",
    "OPS_GENIE",
    "LLM_TEXT_COMPLETE",
    "LLM_CHAT_COMPLETE",
    "LLM_INDEX_TEXT",
    "LLM_INDEX_DOCUMENT",
    "LLM_GENERATE_EMBEDDINGS",
    "LLM_STORE_EMBEDDINGS",
    "LLM_SEARCH_INDEX",
    "GENERATE_IMAGE",
    "GENERATE_AUDIO",
    "AGENT",
    "CALL_MCP_TOOL",
];

/// Members of a message that are shown.
const TOLD: [&str; 9] = ["text", "content", "message", "summary", "title", "subject", "blocks", "attachments", "details"];

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    // In `.rot` destinations are declared.
    if cx.plan.dialect.semantics().declares_intent {
        return;
    }
    crate::check::intent::open::to_message(cx, &MESSAGES, out);
    let mut once = Once::default();
    let elsewhere = OnceCell::new();
    for event in &cx.flow.events {
        if let Sink::Elsewhere { kind, masked } = event.sink
            && MESSAGES.contains(&kind)
        {
            for leak in cx.leaks(event) {
                // A service's own key may stand in what it is given. A model has none there: its integration holds it.
                let service = matches!(kind, "SENDGRID" | "OPS_GENIE" | "AGENT" | "CALL_MCP_TOOL");
                // What another task masked is told of where it loses its mask.
                let told = kind == "HUMAN" && (masked || !matches!(leak.origin, Origin::Secret(_)));
                let own = told || service && matches!(leak.origin, Origin::Secret(name) if !elsewhere.get_or_init(|| sent_elsewhere(cx)).contains(name.as_str()));
                if !own && leak.entry.derivation < Derivation::Opaque && once.is_first(event, leak.entry.atom) {
                    let message = format!("{} is part of what the {kind} task sends", leak.origin.describe());
                    out.push(
                        cx.finding(codes::SECRET_IN_EVENT, event, &leak.entry, message, "kept and read where the message goes")
                            .help("send an id, or only that the credential was rotated"),
                    );
                }
            }
        }
        let Some((request, Part::Body)) = cx.request(event) else { continue };
        let Some(host) = request.target.host.as_deref().filter(|h| is_notifier(h) || is_hook(h)) else { continue };
        for leak in cx.leaks(event) {
            let own = match leak.origin {
                // Its own key may stand in the body of a request to it.
                Origin::Secret(name) => {
                    !elsewhere.get_or_init(|| sent_elsewhere(cx)).contains(name.as_str()) && !is_told(&request.http.body, name)
                }
                Origin::Minted { .. } => issued_by(cx, event, leak.entry.atom, host),
                _ => false,
            };
            if !own && leak.entry.derivation < Derivation::Opaque && once.is_first(event, leak.entry.atom) {
                let message = format!("{} is part of a message to `{host}`", leak.origin.describe());
                out.push(
                    cx.finding(codes::SECRET_IN_EVENT, event, &leak.entry, message, "read by whoever reads the messages")
                        .help("send an id, or only that the credential was rotated"),
                );
            }
        }
    }
}

/// Whether a secret stands in the text of a message, where no service looks for its key.
fn is_told(body: &Body, secret: &str) -> bool {
    let reads = |expr: &Expr| {
        let mut reads = false;
        expr.walk(&mut |part| reads |= matches!(&part.kind, ExprKind::Ref(Root::Secret { name, .. }) if name == secret));
        reads
    };
    let Body::Json(body) = body else { return false };
    let mut told = false;
    body.walk(&mut |part| match &part.kind {
        ExprKind::Object(members) => {
            told |= members.iter().any(|(key, value)| TOLD.contains(&key.as_str()) && reads(value));
        }
        ExprKind::Template(parts) => told |= parts.iter().any(|p| p.as_str().is_some_and(|text| text.contains(' '))) && reads(part),
        _ => {}
    });
    told
}

fn is_notifier(host: &str) -> bool {
    NOTIFIERS.iter().any(|n| host == *n || host.strip_suffix(n).is_some_and(|rest| rest.ends_with('.')))
}

/// A host whose name says that it takes messages.
fn is_hook(host: &str) -> bool {
    host.split('.').next().is_some_and(|first| matches!(first, "hooks" | "hook" | "webhook" | "webhooks" | "chat" | "alerts" | "notify" | "notifications"))
}

/// The secrets that go to hosts that are no such service.
fn sent_elsewhere<'a>(cx: &Context<'a, '_>) -> HashSet<&'a str> {
    let others = cx.flow.requests.iter().filter(|r| r.target.host.as_deref().is_some_and(|h| !is_notifier(h)));
    let secret = |o: &'a Origin| if let Origin::Secret(name) = o { Some(name.as_str()) } else { None };
    others.flat_map(|r| cx.carried(r)).filter_map(secret).collect()
}

fn issued_by(cx: &Context<'_, '_>, event: &Event<'_>, atom: u32, host: &str) -> bool {
    let Some(Atom::Origin { origin: Origin::Minted { step, .. }, .. }) = cx.flow.trails.atom(atom) else { return false };
    let maker = cx.order().find(event.rotation, step);
    maker.into_iter().flat_map(|id| cx.requests_of(id)).any(|r| r.target.host.as_deref() == Some(host))
}
