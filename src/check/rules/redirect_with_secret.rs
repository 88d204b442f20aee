//! # ROT311 redirect-may-carry-secret
//!
//! What it finds: `follow` on a request that carries a secret.
//!
//! ## Why it matters
//!
//! A redirect would take the secret to where the answer says. The interpreter follows none for such a request, so that the step fails where the server
//! redirects.
//!
//! ## Fails
//!
//! ```rot
//! secret api_key to "api.example.com"
//!
//! rotation r {
//!   http GET "https://api.example.com/me" {
//!     bearer secrets.api_key
//!     follow 3
//!   }
//! }
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

use crate::check::context::Context;
use crate::diagnostic::{Diagnostic, codes};
use crate::syntax::ast::ClauseKind;

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    for request in cx.flow.requests.iter().filter(|r| r.http.limits.follow.is_some_and(|count| count > 0)) {
        if let Some(origin) = cx.carried(request).first() {
            let message = format!("redirects are not followed here: the request carries {}", origin.describe());
            let clause = cx.texts.clause(request.http.url.at.0, |c| matches!(c.kind, ClauseKind::Follow(_)));
            out.push(
                Diagnostic::new(codes::REDIRECT_WITH_SECRET, clause.map_or(request.http.url.at.0, |c| c.span), message)
                    .at("a redirect ends the step as failed")
                    .help("remove `follow`, and write the address that the server redirects to")
                    // No redirect was followed with it either.
                    .fix_if("remove `follow`", true, clause.and_then(|c| Some(vec![cx.texts.removal(c.span)?]))),
            );
        }
    }
}
