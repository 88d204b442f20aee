//! # ROT506 interval-not-below-expiry
//!
//! What it finds: a rotation that runs less often than its credential lives: as `expires` says, or the request that asked for it (`expires_in: 3600` in its body).
//!
//! ## Why it matters
//!
//! Between the expiry and the next run there is no credential that works.
//!
//! ## Fails
//!
//! ```rot
//! secret client_id, client_secret to "auth.example.com"
//! secret access
//!
//! rotation r {
//!   every 1h
//!   http grant POST "https://auth.example.com/token" issues additive {
//!     client secrets.client_id, secrets.client_secret
//!     form { grant_type: "client_credentials" }
//!     secret token = body $.access_token
//!   }
//!   update access = grant.token expires run.started_at + 1h
//! }
//! ```
//!
//! ## Mended
//!
//! ```rot
//! secret client_id, client_secret to "auth.example.com"
//! secret access
//!
//! rotation r {
//!   every 30m
//!   http grant POST "https://auth.example.com/token" issues additive {
//!     client secrets.client_id, secrets.client_secret
//!     form { grant_type: "client_credentials" }
//!     secret token = body $.access_token
//!   }
//!   update access = grant.token expires run.started_at + 1h
//! }
//! ```

use crate::check::context::Context;
use crate::check::lifetime::{life_of, period, show};
use crate::diagnostic::{Diagnostic, codes};

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    for (id, node) in cx.order().iter() {
        let Some(schedule) = cx.plan.rotations.get(node.rotation).and_then(|r| r.schedule.as_ref()) else { continue };
        let (Some((life, said)), Some(period)) = (life_of(cx, id), period(schedule)) else { continue };
        if period < life {
            continue;
        }
        let (every, lives) = (show(period), show(life));
        out.push(
            Diagnostic::new(
                codes::INTERVAL_NOT_BELOW_EXPIRY,
                schedule.at.0,
                format!("this runs every {every}, but the credential lives for {lives}"),
            )
            .at(format!("every {every}"))
            .label(said, format!("expires after {lives}"))
            .help(format!("run it at least every {}, so that one missed run does no harm", show(crate::plan::schedule::Dur(life.0 / 2)))),
        );
    }
}
