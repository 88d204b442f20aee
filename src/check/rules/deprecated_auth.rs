//! # ROT405 deprecated-auth-scheme
//!
//! What it finds: a password that is sent with `basic` to a host that takes a bearer token elsewhere in the file. A note for strict reviews.
//!
//! ## Why it matters
//!
//! A password opens everything and does not expire; a token can be limited and dies by itself.
//!
//! ## Fails
//!
//! ```rot
//! secret user, password to "api.example.com"
//! secret api_key to "api.example.com"
//!
//! rotation r {
//!   http GET "https://api.example.com/me" { bearer secrets.api_key }
//!   http GET "https://api.example.com/jobs" { basic secrets.user, secrets.password }
//! }
//! ```
//!
//! ## Mended
//!
//! ```rot
//! secret api_key to "api.example.com"
//!
//! rotation r {
//!   http GET "https://api.example.com/me" { bearer secrets.api_key }
//!   http GET "https://api.example.com/jobs" { bearer secrets.api_key }
//! }
//! ```

use crate::check::context::Context;
use crate::diagnostic::{Confidence, Diagnostic, codes};
use crate::plan::task::Auth;
use std::collections::HashSet;

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    if !cx.options.pedantic {
        return;
    }
    let with_tokens = cx.flow.requests.iter().filter(|r| matches!(r.http.auth, Some(Auth::Bearer(_))));
    let take_tokens: HashSet<&str> = with_tokens.filter_map(|r| r.target.host.as_deref()).collect();
    for request in &cx.flow.requests {
        let Some(Auth::Basic(_, password)) = &request.http.auth else { continue };
        // Where a credential is asked for, the password is what it is for.
        let asks = request.http.effect.issues() || request.http.captures.iter().any(|c| c.secret);
        if let Some(host) = request.target.host.as_ref().filter(|host| !asks && take_tokens.contains(host.as_str())) {
            out.push(
                Diagnostic::new(codes::DEPRECATED_AUTH, password.at.0, format!("`{host}` takes tokens as well, and gets a password here"))
                    .at("a password")
                    .confidence(Confidence::Low)
                    .help("send a token with `bearer`"),
            );
        }
    }
}
