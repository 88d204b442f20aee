//! # ROT320 response-echoes-secret
//!
//! What it finds: `public NAME = body` without a path, of a request that carried a secret.
//!
//! ## Why it matters
//!
//! Servers repeat what they were sent, and add fields. All of it is then public: the log, the output and other hosts may have it.
//!
//! ## Fails
//!
//! ```rot
//! secret api_key to "api.example.com"
//!
//! rotation r {
//!   http probe POST "https://api.example.com/echo" reads {
//!     json { key: secrets.api_key }
//!     public answer = body
//!   }
//!   log "got ${probe.answer}"
//! }
//! ```
//!
//! ## Mended
//!
//! ```rot
//! secret api_key to "api.example.com"
//!
//! rotation r {
//!   http probe POST "https://api.example.com/echo" reads {
//!     json { key: secrets.api_key }
//!     public id = body $.id
//!   }
//!   log "got ${probe.id}"
//! }
//! ```

use crate::check::context::Context;
use crate::diagnostic::{Confidence, Diagnostic, codes};
use crate::plan::task::CaptureSource;

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    if !cx.plan.dialect.semantics().declares_intent {
        return;
    }
    for request in &cx.flow.requests {
        let carried = cx.carried(request);
        let Some(origin) = carried.first() else { continue };
        for capture in request.http.captures.iter().filter(|c| !c.secret) {
            let whole = match &capture.source {
                CaptureSource::Text => true,
                CaptureSource::Body(path) => matches!(path.as_str(), "$" | "$.*" | "$[*]" | "$..*"),
                _ => false,
            };
            if whole {
                let message = format!("the whole answer to a request with {} is declared public", origin.describe());
                out.push(
                    Diagnostic::new(codes::RESPONSE_ECHOES, capture.at.0, message)
                        .at("may repeat what was sent")
                        .confidence(Confidence::Medium)
                        .help(format!("name the field: `public {} = body $.FIELD`", capture.name)),
                );
            }
        }
    }
}
