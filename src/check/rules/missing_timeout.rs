//! # ROT407 missing-timeout
//!
//! What it finds: a request that says nothing of how long it may take. A note for strict reviews.
//!
//! ## Why it matters
//!
//! A server that never answers holds up the rotation. The interpreter ends a request after 60 seconds; a Conductor server has bounds of its own.
//!
//! ## Fails
//!
//! ```rot
//! rotation r {
//!   http GET "https://api.example.com/health" {
//!     expect status 200
//!   }
//! }
//! ```
//!
//! ```json
//! {"name": "r", "version": 1, "schemaVersion": 2,
//!  "tasks": [
//!   {"name": "health", "taskReferenceName": "health", "type": "HTTP", "inputParameters": {
//!     "uri": "https://api.example.com/health", "method": "GET"}}],
//!  "outputParameters": {}}
//! ```
//!
//! ## Mended
//!
//! ```rot
//! rotation r {
//!   http GET "https://api.example.com/health" {
//!     timeout 10s
//!     expect status 200
//!   }
//! }
//! ```
//!
//! ```json
//! {"name": "r", "version": 1, "schemaVersion": 2,
//!  "tasks": [
//!   {"name": "health", "taskReferenceName": "health", "type": "HTTP", "inputParameters": {
//!     "uri": "https://api.example.com/health", "method": "GET", "readTimeOut": 10000}}],
//!  "outputParameters": {}}
//! ```

use crate::check::context::Context;
use crate::diagnostic::{Diagnostic, codes};

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    if !cx.options.pedantic {
        return;
    }
    let help = if cx.plan.dialect.semantics().is_json { "add `readTimeOut` in milliseconds" } else { "add `timeout 10s`" };
    for request in cx.flow.requests.iter().filter(|r| r.http.limits.total.is_none()) {
        out.push(
            Diagnostic::new(codes::MISSING_TIMEOUT, request.http.url.at.0, "this request may take as long as the usual bounds allow")
                .at("no bound of its own")
                .help(help),
        );
    }
}
