//! # ROT108 unused-step-output
//!
//! What it finds: a secret that is captured from an answer and then used nowhere (pedantic).
//!
//! ## Why it matters
//!
//! What is not captured is never held. A captured refresh token that is not stored beside its access token is usually forgotten, not
//! superfluous.
//!
//! ## Fails
//!
//! ```rot
//! secret client_id, client_secret to "auth.example.com"
//! secret access
//!
//! rotation r {
//!   http grant POST "https://auth.example.com/token" issues additive {
//!     client secrets.client_id, secrets.client_secret
//!     form { grant_type: "client_credentials" }
//!     secret token   = body $.access_token
//!     secret refresh = body $.refresh_token
//!   }
//!   update access = grant.token
//! }
//! ```
//!
//! ## Mended
//!
//! ```rot
//! secret client_id, client_secret to "auth.example.com"
//! secret access { token, refresh }
//!
//! rotation r {
//!   http grant POST "https://auth.example.com/token" issues additive {
//!     client secrets.client_id, secrets.client_secret
//!     form { grant_type: "client_credentials" }
//!     secret token   = body $.access_token
//!     secret refresh = body $.refresh_token
//!   }
//!   update access { token: grant.token, refresh: grant.refresh }
//! }
//! ```

use crate::check::context::Context;
use crate::diagnostic::{Diagnostic, codes};
use crate::plan::Task;

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    if !cx.options.pedantic {
        return;
    }
    for (id, node) in cx.order().iter() {
        let Task::Http(http) = &node.step.task else { continue };
        let is_used = |name: &str| cx.flow.used.contains(&(id, name));
        // Where nothing at all is used, that is said of the step (ROT503).
        if http.effect.issues() && !http.captures.iter().any(|c| c.secret && is_used(&c.name)) {
            continue;
        }
        for capture in http.captures.iter().filter(|c| c.secret && !is_used(&c.name)) {
            let name = format!("{}.{}", node.step.name, capture.name);
            out.push(
                Diagnostic::new(codes::UNUSED_STEP_OUTPUT, capture.at.0, format!("secret `{name}` is captured and never used"))
                    .at("nothing reads it")
                    .help("store it beside the credential that it belongs to, or remove the capture"),
            );
        }
    }
}
