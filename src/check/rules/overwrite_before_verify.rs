//! # ROT501 overwrite-before-verify
//!
//! What it finds: a staged value that is promoted without a step that proves that it works, or an update that comes
//! before the request that tries the new value.
//!
//! ## Why it matters
//!
//! From the promotion on everybody uses the new value. If the server did not accept it after all, everything that uses it stops, and the old one may be
//! revoked next.
//!
//! ## Fails
//!
//! ```rot
//! secret admin_key to "api.example.com"
//! secret api_token to "api.example.com"
//!
//! rotation r {
//!   http mint POST "https://api.example.com/tokens" issues additive {
//!     bearer secrets.admin_key
//!     secret token   = body $.token
//!     public expires = body $.expires_at as time
//!   }
//!   stage api_token = mint.token expires mint.expires
//!   promote api_token
//! }
//! ```
//!
//! ## Mended
//!
//! ```rot
//! secret admin_key to "api.example.com"
//! secret api_token to "api.example.com"
//!
//! rotation r {
//!   http mint POST "https://api.example.com/tokens" issues additive {
//!     bearer secrets.admin_key
//!     secret token   = body $.token
//!     public expires = body $.expires_at as time
//!   }
//!   stage api_token = mint.token expires mint.expires
//!   verify {
//!     http GET "https://api.example.com/me" { bearer pending.api_token }
//!   }
//!   promote api_token
//! }
//! ```

use crate::check::context::Context;
use crate::check::exprs;
use crate::check::flow::AtomId;
use crate::check::lifecycle::{Act, reads_secret};
use crate::diagnostic::{Diagnostic, codes};
use crate::plan::expr::Version;
use crate::plan::{Derivation, Task};
use std::collections::HashSet;

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    let writes = cx.writes();
    tried_too_late(cx, out);
    for promote in writes.iter().filter(|w| w.act == Act::Promote) {
        let stage = writes.iter().rfind(|w| {
            w.act == Act::Stage
                && w.secret == promote.secret
                && w.rotation == promote.rotation
                && cx.order().may_precede(w.step, promote.step)
        });
        let begin = stage.map_or(0, |s| s.step);
        let verified = cx.order().of_rotation(promote.rotation).any(|(id, node)| {
            id > begin
                && cx.order().dominates(id, promote.step)
                && match &node.step.task {
                    Task::Verify(_) => true,
                    Task::Manual(manual) => !manual.verify.is_empty(),
                    Task::Http(http) => {
                        http.effect.is_read() && exprs::of_http(http).iter().any(|e| reads_secret(e, promote.secret, &[Version::Pending]))
                    }
                    _ => false,
                }
        });
        if !verified {
            let name = promote.secret;
            let mut found = Diagnostic::new(
                codes::OVERWRITE_BEFORE_VERIFY,
                promote.span,
                format!("`{name}` is promoted before anything proves that the new value works"),
            )
            .at("everybody uses the new value from here on")
            .help(format!("put `verify {{ … }}` with a request that uses `pending.{name}` before it"));
            if let Some(stage) = stage {
                found = found.label(stage.span, "staged here");
            }
            out.push(found);
        }
    }
}

/// An `update` followed by the request that tries the new value, where that could have come first.
fn tried_too_late(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    let tries = |id: usize, atom: AtomId, secret: &str| {
        cx.flow.requests.iter().any(|r| {
            r.step == id
                && r.http.effect.is_read()
                && (r.carries.iter().any(|e| e.atom == atom && !e.control && e.derivation > Derivation::Weak)
                    || exprs::of_http(r.http).iter().any(|e| reads_secret(e, secret, &[Version::Current])))
        })
    };
    let mut seen = HashSet::new();
    for kept in cx.keepings() {
        let Some(store) = cx.order().get(kept.store).filter(|n| matches!(n.step.task, Task::Update(_))) else { continue };
        let steps = || cx.order().of_rotation(store.rotation).map(|(id, _)| id);
        let before = steps().any(|id| id > kept.maker && cx.order().dominates(id, kept.store) && tries(id, kept.atom, ""));
        let after = steps().find(|id| cx.order().may_precede(kept.store, *id) && tries(*id, kept.atom, kept.secret));
        if let (false, Some(late)) = (before, after.and_then(|id| cx.order().get(id)))
            && seen.insert(kept.store)
        {
            let name = kept.secret;
            let message = format!("`{name}` is overwritten before `{}` tries the new value", late.step.name);
            out.push(
                Diagnostic::new(codes::OVERWRITE_BEFORE_VERIFY, store.step.at.0, message)
                    .at("the old value is gone from here on")
                    .label(late.step.at.0, "used for the first time here")
                    .help("move the request that uses the new value before the step that stores it"),
            );
        }
    }
}
