//! # ROT315 status-leak
//!
//! What it finds: the status of an authenticated request, sent to a host that may not have the secret. A note for strict reviews.
//!
//! ## Why it matters
//!
//! It tells a third party whether the credential is valid at the moment.
//!
//! ## Fails
//!
//! ```rot
//! secret api_key to "api.example.com"
//!
//! rotation r {
//!   http probe GET "https://api.example.com/me" reads {
//!     bearer secrets.api_key
//!     expect status 200, 401
//!     public code = status
//!   }
//!   http POST "https://stats.example.org/report" {
//!     json { code: probe.code }
//!   }
//! }
//! ```
//!
//! ## Mended
//!
//! ```rot
//! secret api_key to "api.example.com"
//!
//! rotation r {
//!   http probe GET "https://api.example.com/me" reads {
//!     bearer secrets.api_key
//!     expect status 200, 401
//!     public code = status
//!   }
//!   log "answered ${probe.code}"
//! }
//! ```

use crate::check::context::{Context, Leak, Once, place_of};
use crate::diagnostic::{Diagnostic, codes};
use crate::plan::Derivation;

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    if !cx.options.pedantic {
        return;
    }
    let mut once = Once::default();
    for event in &cx.flow.events {
        let Some((request, part)) = cx.request(event) else { continue };
        let (Some(place), Some(host)) = (place_of(part), &request.target.host) else { continue };
        for entry in event.taint.iter().filter(|e| !e.control && e.derivation == Derivation::Weak) {
            let Some(origin) = cx.flow.trails.origin(entry.atom) else { continue };
            let leak = Leak { entry: *entry, origin };
            if !cx.may_go(&leak, &request.target, place).is_for_host() && once.is_first(event, entry.atom) {
                let message = format!("whether {} is valid is told to `{host}`", origin.describe());
                out.push(
                    cx.finding(codes::STATUS_LEAK, event, entry, message, "depends on whether the secret was accepted")
                        .help("send something that does not depend on the answer"),
                );
            }
        }
    }
}
