//! # ROT406 non-idempotent-retry
//!
//! What it finds: a blind retry of a request that issues a credential, where nothing cleans up what a lost answer leaves behind. In
//! Conductor JSON not for the token of a login, nor for a call with an `Idempotency-Key`; but also for a worker whose
//! name says that it creates a key, a token or the like.
//!
//! ## Why it matters
//!
//! An attempt whose answer was lost may have made a credential. The retry makes another; the first stays valid and nobody knows of it. Where the
//! old one dies on the call, the second attempt is made with a credential that is dead already.
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
//!     retry 5 every 2s
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
//!     secret token = body $.token
//!   }
//!   update api_token = mint.token
//! }
//! ```

use crate::check::context::Context;
use crate::check::intent;
use crate::diagnostic::{Diagnostic, Severity, codes};
use crate::plan::Origin;
use crate::plan::task::Http;
use crate::plan::effect::{Effect, Issues, Old};
use std::collections::HashSet;

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    intent::workers::made_again(cx, out);
    let expiring: HashSet<usize> = cx.keepings().iter().filter(|k| cx.expires(k.store).is_some()).map(|k| k.maker).collect();
    for (id, node) in cx.order().iter() {
        let (Some(http), Some(retry)) = (cx.http(id), &node.step.retry) else { continue };
        let Effect::Issues(Issues { old, assumed, .. }) = &http.effect else { continue };
        // A call that is authenticated by what it replaces: the second attempt may come with a credential that is dead.
        let itself = *assumed && replaces_itself(cx, id);
        // Access tokens of a login die by themselves.
        let in_place = *assumed && intent::is_in_place(http) && keeps(cx, id);
        if *assumed && !itself && (intent::is_login(http) || has_key(http)) {
            continue;
        }
        let expires = expiring.contains(&id);
        let risk = match old {
            // What is left behind is revoked by its tag, or dies by itself.
            Old::Stays if itself => "the second attempt is made with a credential that the first may have killed",
            Old::Stays if in_place => "each attempt kills the credential of the one before, whose answer may be lost",
            Old::Stays if http.strays.is_some() || expires => continue,
            Old::Stays => "each attempt whose answer is lost leaves a credential that nobody knows of",
            Old::Dies { key: Some(_), .. } | Old::Dies { grace: Some(_), .. } => continue,
            Old::Dies { .. } => "the second attempt is made with a credential that the first may have killed",
        };
        if retry.count > 0 {
            out.push(
                Diagnostic::new(codes::NON_IDEMPOTENT_RETRY, node.step.at.0, format!("`{}` is retried blindly: {risk}", node.step.name))
                    .at(format!("{}, up to {} more attempts", http.effect.describe(), retry.count))
                    .help("remove the retry: an interrupted run is continued by `rot resume`; or say how strays are found and revoked, or how long the credential lives")
                    .severity(if itself { Severity::Error } else { Severity::Warning }),
            );
        }
    }
}

/// Whether the answer of a call is stored in the secret that the call was made with.
fn replaces_itself(cx: &Context<'_, '_>, id: usize) -> bool {
    cx.keepings().iter().filter(|k| k.maker == id).any(|kept| {
        cx.requests_of(id).any(|r| cx.carried(r).iter().any(|o| matches!(o, Origin::Secret(name) if name == kept.secret)))
    })
}

/// Whether the answer of a call is stored.
fn keeps(cx: &Context<'_, '_>, id: usize) -> bool {
    cx.keepings().iter().any(|k| k.maker == id)
}

/// Whether a call carries a key by which the server knows it again.
fn has_key(http: &Http) -> bool {
    http.headers.iter().any(|header| header.name.eq_ignore_ascii_case("idempotency-key"))
}
