//! # ROT305 secret-in-error-message
//!
//! What it finds: a secret in the message of `fail` or `stop`.
//!
//! ## Why it matters
//!
//! The message is what reports, notifications and tickets quote, and it is kept with the run.
//!
//! ## Fails
//!
//! ```rot
//! secret api_key to "api.example.com"
//!
//! rotation r {
//!   input ready: bool = true
//!   when not input.ready {
//!     fail "cannot use ${secrets.api_key}"
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
//!   input ready: bool = true
//!   when not input.ready {
//!     fail "cannot use api_key"
//!   }
//!   http GET "https://api.example.com/me" { bearer secrets.api_key }
//! }
//! ```

use crate::check::context::{Context, Once};
use crate::check::flow::Sink;
use crate::diagnostic::{Diagnostic, codes};

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    let mut once = Once::default();
    for event in cx.flow.events.iter().filter(|e| e.sink == Sink::ErrorText) {
        for leak in cx.leaks(event) {
            if once.is_first(event, leak.entry.atom) {
                let message = format!("{} is part of a message that reports quote", leak.origin.describe());
                out.push(
                    cx.finding(codes::SECRET_IN_ERROR_MESSAGE, event, &leak.entry, message, "shown when the run ends")
                        .help("name the secret instead of its value"),
                );
            }
        }
    }
}
