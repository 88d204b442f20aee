//! # ROT514 interval-leaves-no-margin
//!
//! What it finds: an interval so close to the credential's life that one missed run leaves none that works; or so short that more credentials live at
//! once than the server allows.
//!
//! ## Why it matters
//!
//! A run is missed now and then: a reboot, an outage of the server. With two runs in each life that does no harm. And a server that allows two credentials
//! refuses the third while the grace of the first has not ended.
//!
//! ## Fails
//!
//! ```rot
//! secret admin_key to "api.example.com"
//! secret api_token { value, id } to "api.example.com"
//!
//! rotation r {
//!   every 1d
//!   http mint POST "https://api.example.com/tokens" issues additive at most 2 {
//!     bearer secrets.admin_key
//!     secret token = body $.token
//!     public id    = body $.id
//!   }
//!   update api_token { value: mint.token, id: mint.id }
//!   revoke previous.api_token after 2d {
//!     http DELETE "https://api.example.com/tokens/${previous.api_token.id}" revokes { bearer secrets.admin_key }
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
//!   every 7d
//!   http mint POST "https://api.example.com/tokens" issues additive at most 2 {
//!     bearer secrets.admin_key
//!     secret token = body $.token
//!     public id    = body $.id
//!   }
//!   update api_token { value: mint.token, id: mint.id }
//!   revoke previous.api_token after 2d {
//!     http DELETE "https://api.example.com/tokens/${previous.api_token.id}" revokes { bearer secrets.admin_key }
//!   }
//! }
//! ```

use crate::check::context::Context;
use crate::check::lifetime::{life, period, show};
use crate::diagnostic::{Diagnostic, Severity, codes};
use crate::plan::Task;
use crate::plan::effect::{Effect, Issues, Old};

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    for (id, node) in cx.order().iter() {
        let Some(schedule) = cx.plan.rotations.get(node.rotation).and_then(|r| r.schedule.as_ref()) else { continue };
        let Some(every) = period(schedule) else { continue };
        if let Some(life) = cx.expires(id).and_then(|e| life(cx, node.rotation, e)).filter(|life| every < *life && every.0.saturating_mul(2) > life.0) {
            out.push(
                Diagnostic::new(
                    codes::NO_MARGIN,
                    schedule.at.0,
                    format!("one missed run leaves no credential: it lives for {}, and this runs every {}", show(life), show(every)),
                )
                .at(format!("every {}", show(every)))
                .help(format!("run it at least every {}", show(crate::plan::schedule::Dur(life.0 / 2))))
                .severity(Severity::Note),
            );
        }
        let Task::Revoke(revoke) = &node.step.task else { continue };
        let Some(after) = revoke.after else { continue };
        for keeping in cx.keepings_of(&revoke.secret) {
            let Some(Effect::Issues(Issues { old: Old::Stays, at_most: Some(limit), .. })) = cx.http(keeping.maker).map(|h| &h.effect)
            else {
                continue;
            };
            // The current one, the new one, and each old one whose grace has not ended when the new one is issued.
            let alive = 1 + 1 + after.0.saturating_sub(1).checked_div(every.0).unwrap_or(0);
            if alive > u64::from(*limit) {
                out.push(
                    Diagnostic::new(
                        codes::NO_MARGIN,
                        node.step.at.0,
                        format!("{alive} credentials are alive when a new one is issued, and the server allows {limit}"),
                    )
                    .at(format!("revoked only after {}", show(after)))
                    .label(schedule.at.0, format!("a new one every {}", show(every)))
                    .help(format!("revoke it after less than {}, or run less often", show(every))),
                );
            }
            break;
        }
    }
}
