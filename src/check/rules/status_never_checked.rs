//! # ROT208 status-never-checked
//!
//! What it finds: a new credential that is taken from an answer whose status may tell of a failure. In Conductor JSON also one that is stored over what it
//! was asked with, while nothing reads the `ok` or `success` that the same answer keeps.
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
use crate::plan::task::http::Expectation;
use std::collections::HashSet;

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    crate::check::intent::keep::flag_unread(cx, out);
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

fn is_success(pattern: StatusPattern) -> bool {
    match pattern {
        StatusPattern::Exact(code) => (200..300).contains(&code),
        StatusPattern::Family(family) => family == 2,
    }
}
