//! # ROT518 effect-contradicted
//!
//! What it finds: a request that is declared `reads` and is none by what the text does with it: a `DELETE`, or a `POST`, `PUT` or `PATCH` whose answer
//! is stored as the new value of a secret.
//!
//! ## Why it matters
//!
//! What only reads is called again after a lost answer, as often as need be, and nothing is written down before it. Of a call that makes a
//! credential each lost answer then leaves one that nobody knows of; of one that ends something nobody learns that it was done.
//!
//! ## Fails
//!
//! ```rot
//! secret admin_key to "api.example.com"
//! secret api_token { value, id } to "api.example.com"
//!
//! rotation r {
//!   http mint POST "https://api.example.com/tokens" reads {
//!     bearer secrets.admin_key
//!     secret token = body $.token
//!     public id    = body $.id
//!   }
//!   stage api_token { value: mint.token, id: mint.id }
//!   verify { http GET "https://api.example.com/me" { bearer pending.api_token.value } }
//!   promote api_token
//!   revoke previous.api_token after 24h {
//!     http DELETE "https://api.example.com/tokens/${previous.api_token.id}" { bearer secrets.admin_key }
//!   }
//! }
//! ```
//!
//! ## Mended
//!
//! ```rot
//! secret admin_key to "api.example.com"
//! secret api_token { value, id } to "api.example.com"
//!
//! rotation r {
//!   http mint POST "https://api.example.com/tokens" issues additive {
//!     bearer secrets.admin_key
//!     secret token = body $.token
//!     public id    = body $.id
//!   }
//!   stage api_token { value: mint.token, id: mint.id }
//!   verify { http GET "https://api.example.com/me" { bearer pending.api_token.value } }
//!   promote api_token
//!   revoke previous.api_token after 24h {
//!     http DELETE "https://api.example.com/tokens/${previous.api_token.id}" { bearer secrets.admin_key }
//!   }
//! }
//! ```

use crate::check::context::Context;
use crate::diagnostic::{Diagnostic, codes};
use crate::plan::effect::Effect;
use std::collections::HashMap;

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    if !cx.plan.dialect.semantics().declares_intent {
        return;
    }
    let stored: HashMap<usize, _> = cx.keepings().iter().map(|k| (k.maker, k)).collect();
    for request in &cx.flow.requests {
        let http = request.http;
        if http.effect != Effect::Reads {
            continue;
        }
        let method = http.method.as_str();
        if method == "DELETE" {
            out.push(
                Diagnostic::new(codes::EFFECT_CONTRADICTED, http.url.at.0, "a DELETE is declared `reads`")
                    .at("ends something")
                    .help("write `revokes` for what ends a credential, `sets` for any other change that may be made twice"),
            );
        } else if matches!(method, "POST" | "PUT" | "PATCH")
            && let Some(kept) = stored.get(&request.step)
        {
            let store = cx.order().get(kept.store).map_or(crate::source::Span::NONE, |n| n.step.at.0);
            out.push(
                Diagnostic::new(
                    codes::EFFECT_CONTRADICTED,
                    http.url.at.0,
                    format!("a {method} is declared `reads`, and what it answers becomes the new value of `{}`", kept.secret),
                )
                .at("makes a credential")
                .label(store, "stored here")
                .help("write `issues additive` where the old one lives on, `issues replacing` where it dies on the call"),
            );
        }
    }
}
