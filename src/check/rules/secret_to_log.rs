//! # ROT301 secret-to-log
//!
//! What it finds: a secret, or something made from one, in a `log` line or in the instructions of a `manual` step.
//!
//! ## Why it matters
//!
//! Log lines are kept, shipped and read by people and programs that may not have the secret. The masking of the output is a net below this rule, not
//! a reason to rely on it: it cannot find a piece or a hash of a secret.
//!
//! ## Fails
//!
//! ```rot
//! secret api_key to "api.example.com"
//! secret api_token
//!
//! rotation r {
//!   http mint POST "https://api.example.com/tokens" issues additive {
//!     bearer secrets.api_key
//!     secret token = body $.token
//!   }
//!   log "got ${mint.token}"
//!   update api_token = mint.token
//! }
//! ```
//!
//! ## Mended
//!
//! ```rot
//! secret api_key to "api.example.com"
//! secret api_token
//!
//! rotation r {
//!   http mint POST "https://api.example.com/tokens" issues additive {
//!     bearer secrets.api_key
//!     secret token = body $.token
//!     public id    = body $.id
//!   }
//!   log "got token ${mint.id}"
//!   update api_token = mint.token
//! }
//! ```

use crate::check::context::{Context, Once};
use crate::check::flow::Sink;
use crate::diagnostic::{Diagnostic, codes};

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    let mut once = Once::default();
    for event in &cx.flow.events {
        let sink = match event.sink {
            Sink::Log => "the log",
            Sink::Instructions => "the instructions that are shown",
            _ => continue,
        };
        for leak in cx.leaks(event) {
            if once.is_first(event, leak.entry.atom) {
                let message = format!("{} is written to {sink}", leak.origin.describe());
                out.push(cx.finding(codes::SECRET_TO_LOG, event, &leak.entry, message, "shown here").help(
                    "show something public instead, such as an id or the expiry; `reveal … because \"reason\"` releases a value on purpose",
                ));
            }
        }
    }
}
