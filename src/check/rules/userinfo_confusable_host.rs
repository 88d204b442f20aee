//! # ROT408 userinfo-confusable-host
//!
//! What it finds: a URL whose part before `@` looks like a host name.
//!
//! ## Why it matters
//!
//! The request goes to what stands after the `@`. A reviewer reads the name before it.
//!
//! ## Fails
//!
//! ```rot
//! rotation r {
//!   http GET "https://api.example.com@example.org/" {
//!     expect status 200
//!   }
//! }
//! ```
//!
//! ## Mended
//!
//! ```rot
//! rotation r {
//!   http GET "https://api.example.com/" {
//!     expect status 200
//!   }
//! }
//! ```

use crate::check::context::Context;
use crate::diagnostic::{Diagnostic, codes};

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    for request in &cx.flow.requests {
        let Some(info) = &request.target.user_info else { continue };
        if looks_like_a_host(info) {
            let user = user(info);
            let host = request.target.host.as_deref().unwrap_or("another host");
            out.push(
                Diagnostic::new(codes::USERINFO_CONFUSABLE, request.http.url.at.0, format!("this URL goes to `{host}`, not to `{user}`"))
                    .at(format!("`{user}` is a user name here"))
                    .help("remove what stands before `@`; send credentials with `basic`"),
            );
        }
    }
}

/// What stands before `@` is read as the host by people.
pub(super) fn looks_like_a_host(info: &str) -> bool {
    user(info).contains('.')
}

fn user(info: &str) -> &str {
    info.split(':').next().unwrap_or(info)
}
