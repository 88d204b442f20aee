//! # ROT215 answer-without-body
//!
//! What it finds: a capture from the body of an answer that has none: to a `HEAD`, or where every expected status is 204, 205 or 304 (RFC 9110,
//! sections 9.3.2, 15.3.5, 15.3.6, 15.4.5).
//!
//! ## Why it matters
//!
//! The step fails in every run, and only after the call has done its work.
//!
//! ## Fails
//!
//! ```rot
//! secret admin_key to "api.example.com"
//! secret api_token
//!
//! rotation r {
//!   http mint POST "https://api.example.com/tokens" issues additive {
//!     bearer secrets.admin_key
//!     expect status 204
//!     secret token = body $.token
//!   }
//!   update api_token = mint.token
//! }
//! ```
//!
//! ## Mended
//!
//! ```rot
//! secret admin_key to "api.example.com"
//! secret api_token
//!
//! rotation r {
//!   http mint POST "https://api.example.com/tokens" issues additive {
//!     bearer secrets.admin_key
//!     expect status 200, 201
//!     secret token = body $.token
//!   }
//!   update api_token = mint.token
//! }
//! ```

use crate::check::context::Context;
use crate::diagnostic::{Diagnostic, codes};
use crate::plan::task::http::Expectation;
use crate::plan::task::{CaptureSource, Http, StatusPattern};
use crate::source::Span;

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    if !cx.plan.dialect.semantics().declares_intent {
        return;
    }
    for request in &cx.flow.requests {
        let http = request.http;
        let Some((why, at)) = no_body(http) else { continue };
        let taken = http.captures.iter().find(|c| !c.optional && matches!(c.source, CaptureSource::Body(_) | CaptureSource::Text));
        if let Some(capture) = taken {
            out.push(
                Diagnostic::new(codes::ANSWER_WITHOUT_BODY, capture.at.0, format!("`{}` is taken from the body of an answer that has none", capture.name))
                    .at("fails in every run")
                    .label(at, why)
                    .help("expect the status with which the server gives it; or take it from a header, or with a request of its own"),
            );
        }
    }
}

/// Why the answer to a request has no body, and where it says so.
fn no_body(http: &Http) -> Option<(String, Span)> {
    if http.method.as_str() == "HEAD" {
        return Some(("an answer to HEAD has no body".to_owned(), http.url.at.0));
    }
    http.expect.iter().find_map(|expect| {
        let Expectation::Status(patterns) = &expect.what else { return None };
        let empty = |pattern: &StatusPattern| matches!(pattern, StatusPattern::Exact(204 | 205 | 304));
        (!patterns.is_empty() && patterns.iter().all(empty)).then(|| ("an answer with this status has no body".to_owned(), expect.at.0))
    })
}
