//! # ROT310 secret-to-computed-host
//!
//! What it finds: a request that carries or issues a secret, where the host is not certain before the run. An error where an input or an answer
//! chooses it, or where a secret is part of the host name; a warning where the environment does.
//!
//! ## Why it matters
//!
//! Whoever chooses the host receives the credential. A host name is also looked up in the open.
//!
//! ## Fails
//!
//! ```rot
//! secret api_key to "api.example.com"
//!
//! rotation r {
//!   input host: string = "api.example.com"
//!   http GET "https://${input.host}/me" {
//!     bearer secrets.api_key
//!   }
//! }
//! ```
//!
//! ```json
//! {"name": "r", "version": 1, "schemaVersion": 2,
//!  "tasks": [{"name": "me", "taskReferenceName": "me", "type": "HTTP", "inputParameters": {
//!    "uri": "https://${workflow.input.host}/me", "method": "GET", "headers": {"X-Key": "${workflow.secrets.apiKey}"}}}],
//!  "outputParameters": {}}
//! ```
//!
//! ## Mended
//!
//! ```rot
//! secret api_key to "api.example.com"
//!
//! rotation r {
//!   http GET "https://api.example.com/me" {
//!     bearer secrets.api_key
//!   }
//! }
//! ```
//!
//! ```json
//! {"name": "r", "version": 1, "schemaVersion": 2,
//!  "tasks": [{"name": "me", "taskReferenceName": "me", "type": "HTTP", "inputParameters": {
//!    "uri": "https://api.example.com/me", "method": "GET", "headers": {"X-Key": "${workflow.secrets.apiKey}"}}}],
//!  "outputParameters": {}}
//! ```

use crate::check::context::{Context, Once};
use crate::check::flow::Part;
use crate::diagnostic::{Diagnostic, Severity, codes};
use crate::plan::{ExprKind, Root};

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    let mut once = Once::default();
    let mut chosen = std::collections::HashSet::new();
    for event in &cx.flow.events {
        let Some((request, Part::Host)) = cx.request(event) else { continue };
        if is_whole_secret(cx, request) {
            continue;
        }
        for leak in cx.leaks(event) {
            if once.is_first(event, leak.entry.atom) {
                chosen.insert(request.http.url.at.0);
                let message = format!("{} is part of the host name, which is looked up in the open", leak.origin.describe());
                let found = cx.finding(codes::SECRET_TO_COMPUTED_HOST, event, &leak.entry, message, "part of the host");
                out.push(found.help("write the host in the text and send the secret in a header or in the body"));
            }
        }
        let carried = cx.carried(request);
        if carried.is_empty() && !request.http.effect.issues() {
            continue;
        }
        if let Some(entry) = cx.untrusted(event).filter(|e| once.is_first(event, e.atom)) {
            chosen.insert(request.http.url.at.0);
            let who = cx.describe(&entry);
            let what = carried.first().map_or("a new credential".to_owned(), |o| o.describe());
            let message = format!("{who} chooses the host that receives {what}");
            let found = cx.finding(codes::SECRET_TO_COMPUTED_HOST, event, &entry, message, "chooses the host");
            out.push(found.help("write the host in the text, or choose between literal hosts with a condition"));
        }
    }
    for request in &cx.flow.requests {
        let carried = cx.carried(request);
        let Some(origin) = carried.first() else { continue };
        if carried.len() == 1 && is_whole_secret(cx, request) {
            continue;
        }
        if request.target.host.is_none() && !is_relative(request) && chosen.insert(request.http.url.at.0) {
            let message = format!("where {} goes is not certain before the run: the host is computed", origin.describe());
            out.push(
                Diagnostic::new(codes::SECRET_TO_COMPUTED_HOST, request.http.url.at.0, message)
                    .at("computed host")
                    .help("write the host in the text; the run refuses hosts that the secret's declaration does not name")
                    .severity(Severity::Warning),
            );
        }
    }
}

/// A literal URL that is none is another rule's business.
fn is_relative(request: &crate::check::flow::Request<'_>) -> bool {
    request.http.url.as_str().is_some()
}

/// The address of an incoming webhook is itself the credential: whoever keeps it whole in a secret chose its host with it. In
/// `.rot` a secret says where it may go, so there the address is written out.
fn is_whole_secret(cx: &Context<'_, '_>, request: &crate::check::flow::Request<'_>) -> bool {
    let whole = match &request.http.url.kind {
        ExprKind::Template(parts) => match parts.as_slice() {
            [only] => only,
            _ => return false,
        },
        _ => &request.http.url,
    };
    !cx.plan.dialect.semantics().declares_intent && matches!(whole.kind, ExprKind::Ref(Root::Secret { .. }))
}
