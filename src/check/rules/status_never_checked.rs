//! # ROT208 status-never-checked
//!
//! What it finds: a new credential that is taken from an answer whose status may tell of a failure. In Conductor JSON also one that is stored over what it
//! was asked with, while nothing reads the `ok` or `success` that the same answer keeps. So is
//! a new credential that is tried at a service which always answers 200 (Slack, token introspection), while nothing reads what it says.
//!
//! ## Why it matters
//!
//! Pages for 401 and 404 have fields too. What stands there under the name of the token becomes the new secret.
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
//!     expect status 201, 4xx
//!     secret token = body $.token
//!   }
//!   update api_token = mint.token
//! }
//! ```
//!
//! ```json
//! {"name": "r", "version": 1, "schemaVersion": 2,
//!  "tasks": [
//!   {"name": "mint", "taskReferenceName": "mint", "type": "HTTP", "inputParameters": {
//!     "uri": "https://api.example.com/token", "method": "POST", "headers": {"X-Key": "${workflow.secrets.apiKey}"}, "acceptedStatusCodes": ["200", "401"],
//!     "outputFilter": {"_secrets": {"token": "$${mint.output.response.body.token}"}}}},
//!   {"name": "keep", "taskReferenceName": "keep", "type": "UPDATE_SECRET", "inputParameters": {"_secrets": {
//!     "secretKey": "api_token", "secretValue": "${mint.output._secrets.token}"}}}],
//!  "outputParameters": {}}
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
//!     expect status 201
//!     secret token = body $.token
//!   }
//!   update api_token = mint.token
//! }
//! ```
//!
//! ```json
//! {"name": "r", "version": 1, "schemaVersion": 2,
//!  "tasks": [
//!   {"name": "mint", "taskReferenceName": "mint", "type": "HTTP", "inputParameters": {
//!     "uri": "https://api.example.com/token", "method": "POST", "headers": {"X-Key": "${workflow.secrets.apiKey}"}, "acceptedStatusCodes": ["200", "201"],
//!     "outputFilter": {"_secrets": {"token": "$${mint.output.response.body.token}"}}}},
//!   {"name": "keep", "taskReferenceName": "keep", "type": "UPDATE_SECRET", "inputParameters": {"_secrets": {
//!     "secretKey": "api_token", "secretValue": "${mint.output._secrets.token}"}}}],
//!  "outputParameters": {}}
//! ```

use crate::check::context::Context;
use crate::diagnostic::{Diagnostic, Severity, codes};
use crate::plan::task::{CaptureSource, StatusPattern};
use crate::plan::Origin;
use crate::plan::task::http::Expectation;
use std::collections::HashSet;

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    crate::check::intent::keep::flag_unread(cx, out);
    always_fine(cx, out);
    // On a server an error page would be stored as it came.
    let conductor = !cx.plan.dialect.semantics().declares_intent;
    let stored: HashSet<usize> = cx.keepings().iter().filter(|_| conductor).map(|k| k.maker).collect();
    for request in &cx.flow.requests {
        let http = request.http;
        let takes = http.captures.iter().find(|c| c.secret && !c.optional && !matches!(c.source, CaptureSource::Status));
        let Some(capture) = takes else { continue };
        for expect in &http.expect {
            let Expectation::Status(patterns) = &expect.what else { continue };
            if let Some(pattern) = patterns.iter().find(|p| !is_success(**p)) {
                out.push(
                    Diagnostic::new(codes::STATUS_NEVER_CHECKED, expect.at.0, format!("`{}` is also taken from an answer with status {pattern}", capture.name))
                        .at("accepts a failure")
                        .label(capture.at.0, "becomes a secret")
                        .help("accept only the statuses with which the server gives a new credential")
                        .severity(if stored.contains(&request.step) { Severity::Error } else { Severity::Warning }),
                );
            }
        }
    }
}

/// Services that answer with 200 whatever they think of a credential: host, a part of the address, the field that tells.
const ALWAYS_FINE: [(&str, &str, &str); 3] =
    [("slack.com", "/api/", "ok"), ("graph.facebook.com", "/debug_token", "is_valid"), ("", "/introspect", "active")];

/// A new credential that is tried where the status says nothing, while nothing reads the field that does.
fn always_fine(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    for request in &cx.flow.requests {
        let (Some(node), Some(host)) = (cx.order().get(request.step), request.target.host.as_deref()) else { continue };
        let http = request.http;
        let url = crate::check::intent::written(http);
        let entry = ALWAYS_FINE.iter().find(|(service, part, _)| {
            let there = service.is_empty() || host == *service || host.strip_suffix(service).is_some_and(|rest| rest.ends_with('.'));
            let place = if service.is_empty() { url.trim_end_matches('/').ends_with(part) } else { url.contains(part) };
            there && place
        });
        let Some((_, _, field)) = entry else { continue };
        let new = cx.carried(request).into_iter().any(|origin| match origin {
            Origin::Secret(name) => cx.writes_of(name).iter().any(|w| cx.order().may_precede(w.step, request.step)),
            Origin::Minted { .. } => true,
            _ => false,
        });
        let takes = http.captures.iter().any(|c| c.secret);
        let expects = http.expect.iter().any(|e| !matches!(e.what, Expectation::Status(_)));
        // A message to people is none.
        let tries = crate::check::intent::trial::is_a_check(&node.step.name) || ["test", "introspect", "debug_token"].iter().any(|word| url.contains(word));
        if !new || !tries || takes || expects || crate::check::intent::is_revocation(http) || crate::check::intent::open::reads_field(cx, request.step, field) {
            continue;
        }
        out.push(
            Diagnostic::new(
                codes::STATUS_NEVER_CHECKED,
                node.step.at.0,
                format!("`{host}` answers 200 to a credential that it refuses as well: `{field}` of the answer of `{}` says so, and nothing reads it", node.step.name),
            )
            .at("a refused credential passes")
            .help(format!("go on only where `{field}` of the answer is true"))
            .severity(Severity::Warning),
        );
    }
}

fn is_success(pattern: StatusPattern) -> bool {
    match pattern {
        StatusPattern::Exact(code) => (200..300).contains(&code),
        StatusPattern::Family(family) => family == 2,
    }
}
