//! # ROT313 implicit-flow-to-other-host
//!
//! What it finds: a request to a host that may not have a secret, made or not made by a condition on that secret.
//!
//! ## Why it matters
//!
//! The other host learns the outcome of the condition. Repeated, that is enough to learn the secret.
//!
//! ## Fails
//!
//! ```rot
//! secret api_key to "api.example.com"
//!
//! rotation r {
//!   when secrets.api_key == "test" {
//!     http POST "https://stats.example.org/seen" { json { kind: "test" } }
//!   }
//!   http GET "https://api.example.com/me" { bearer secrets.api_key }
//! }
//! ```
//!
//! ## Mended
//!
//! ```rot
//! secret api_key to "api.example.com"
//!
//! rotation r {
//!   input kind: string = "test"
//!   when input.kind == "test" {
//!     http POST "https://stats.example.org/seen" { json { kind: "test" } }
//!   }
//!   http GET "https://api.example.com/me" { bearer secrets.api_key }
//! }
//! ```

use crate::check::context::{Context, Once};
use crate::diagnostic::{Diagnostic, codes};
use crate::plan::Place;
use crate::plan::egress::Ruling;

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    let mut once = Once::default();
    for event in &cx.flow.events {
        let Some((request, part)) = cx.request(event) else { continue };
        let Some(host) = &request.target.host else { continue };
        for leak in cx.deciders(event) {
            let mut rulings = [Place::Header, Place::Body, Place::Query].into_iter().map(|place| cx.may_go(&leak, &request.target, place));
            if rulings.any(Ruling::is_for_host) || !once.is_first(event, leak.entry.atom) {
                continue;
            }
            let what = leak.origin.describe();
            let message = if part == crate::check::flow::Part::Sent {
                format!("whether `{host}` is called tells it something of {what}")
            } else {
                format!("what is sent to `{host}` was decided by {what}")
            };
            out.push(
                cx.finding(codes::IMPLICIT_FLOW_TO_HOST, event, &leak.entry, message, &format!("`{host}` may not have it"))
                    .help("decide on something public, or release the condition on purpose: `reveal … because \"reason\"`"),
            );
        }
    }
}
