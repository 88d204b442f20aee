//! # ROT511 unprotected-replacing
//!
//! What it finds: a request that kills the old credential on the call, without a way back when the answer is lost.
//!
//! ## Why it matters
//!
//! If the connection breaks after the server has acted, the old credential is dead and the new one was never received. Nothing that the program can do
//! afterwards brings one back.
//!
//! ## Fails
//!
//! ```rot
//! secret api_key to "api.example.com"
//!
//! rotation r {
//!   http renew POST "https://api.example.com/renew" issues replacing {
//!     bearer secrets.api_key
//!     secret key = body $.key
//!   }
//!   update api_key = renew.key
//! }
//! ```
//!
//! ## Mended
//!
//! ```rot
//! secret api_key to "api.example.com"
//!
//! rotation r {
//!   http renew POST "https://api.example.com/renew" issues replacing key "Idempotency-Key" {
//!     bearer secrets.api_key
//!     secret key = body $.key
//!   }
//!   update api_key = renew.key
//! }
//! ```

use crate::check::context::Context;
use crate::diagnostic::{Diagnostic, codes};
use crate::plan::effect::{Effect, Issues, Old};

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    for (id, node) in cx.order().iter() {
        let Some(Effect::Issues(Issues { old: Old::Dies { key, grace, recover, accept }, .. })) = cx.http(id).map(|h| &h.effect) else {
            continue;
        };
        let accepted = accept.as_deref().is_some_and(|reason| reason.chars().any(char::is_alphanumeric));
        if key.is_none() && grace.is_none() && recover.is_none() && !accepted {
            out.push(
                Diagnostic::new(codes::UNPROTECTED_REPLACING, node.step.at.0, format!("`{}` kills the old credential: if its answer is lost, nobody has one that works", node.step.name))
                    .at("issues replacing, without a way back")
                    .help("say what the server offers: `key \"Idempotency-Key\"` or `grace 10m`; or what helps: `recover with ROTATION`; or why it is right: `accept lockout-risk \"reason\"`"),
            );
        }
    }
}
