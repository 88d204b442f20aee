//! # ROT513 grace-exceeds-life
//!
//! What it finds: a `revoke … after` that waits longer than the old credential lives.
//!
//! ## Why it matters
//!
//! Whoever still uses the old one during the grace is refused before it ends: the overlap that the text promises is not there.
//!
//! ## Fails
//!
//! ```rot
//! secret api_key { value, id } to "api.example.com"
//!
//! rotation r {
//!   http renew POST "https://api.example.com/renew" issues replacing grace 1h {
//!     bearer secrets.api_key.value
//!     secret key = body $.key
//!     public id  = body $.id
//!   }
//!   update api_key { value: renew.key, id: renew.id }
//!   revoke previous.api_key after 24h {
//!     http DELETE "https://api.example.com/keys/${previous.api_key.id}" revokes { bearer secrets.api_key.value }
//!   }
//! }
//! ```
//!
//! ## Mended
//!
//! ```rot
//! secret api_key { value, id } to "api.example.com"
//!
//! rotation r {
//!   http renew POST "https://api.example.com/renew" issues replacing grace 1h {
//!     bearer secrets.api_key.value
//!     secret key = body $.key
//!     public id  = body $.id
//!   }
//!   update api_key { value: renew.key, id: renew.id }
//!   revoke previous.api_key after 30m {
//!     http DELETE "https://api.example.com/keys/${previous.api_key.id}" revokes { bearer secrets.api_key.value }
//!   }
//! }
//! ```

use crate::check::context::Context;
use crate::check::lifetime::{life, show};
use crate::diagnostic::{Diagnostic, codes};
use crate::plan::Task;
use crate::plan::effect::{Effect, Issues, Old};

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    for (_, node) in cx.order().iter() {
        let Task::Revoke(revoke) = &node.step.task else { continue };
        let Some(after) = revoke.after else { continue };
        for keeping in cx.keepings_of(&revoke.secret) {
            let grace = match cx.http(keeping.maker).map(|h| &h.effect) {
                Some(Effect::Issues(Issues { old: Old::Dies { grace: Some(grace), .. }, .. })) => Some(*grace),
                _ => None,
            };
            let lives = cx.expires(keeping.store).and_then(|e| life(cx, node.rotation, e));
            let Some(limit) = grace.into_iter().chain(lives).min().filter(|limit| after > *limit) else { continue };
            let name = &revoke.secret;
            out.push(
                Diagnostic::new(
                    codes::GRACE_EXCEEDS_LIFE,
                    node.step.at.0,
                    format!("the old `{name}` is dead after {}, before this grace of {} ends", show(limit), show(after)),
                )
                .at(format!("after {}", show(after)))
                .label(
                    cx.order().get(keeping.maker).map_or(crate::source::Span::NONE, |n| n.step.at.0),
                    format!("dies after {}", show(limit)),
                )
                .help(format!("revoke it after less than {}", show(limit))),
            );
            break;
        }
    }
}
