//! # ROT312 implicit-flow-to-log
//!
//! What it finds: a log line, message or output that appears only when a condition on a secret holds, or after a step that ends the run on
//! such a condition. That a request succeeded, or that a secret is set, is no such condition.
//!
//! ## Why it matters
//!
//! Who sees the line, or its absence, learns something of the secret: a prefix, an equality, a length.
//!
//! ## Fails
//!
//! ```rot
//! secret api_key to "api.example.com"
//!
//! rotation r {
//!   when secrets.api_key == "test" {
//!     log "this is the test key"
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
//!   http GET "https://api.example.com/me" { bearer secrets.api_key }
//!   log "the key works"
//! }
//! ```

use crate::check::context::{Context, Once};
use crate::check::flow::Sink;
use crate::diagnostic::{Diagnostic, codes};

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    let mut once = Once::default();
    for event in &cx.flow.events {
        let sink = match event.sink {
            Sink::Log | Sink::Instructions => "whether this line is shown",
            Sink::ErrorText => "whether the run ends here",
            Sink::Output { masked: false, .. } => "this output",
            _ => continue,
        };
        for leak in cx.deciders(event) {
            if once.is_first(event, leak.entry.atom) {
                let message = format!("{sink} tells something of {}", leak.origin.describe());
                out.push(
                    cx.finding(codes::IMPLICIT_FLOW_TO_LOG, event, &leak.entry, message, "depends on the secret")
                        .help("decide on something public, or release the condition on purpose: `reveal … because \"reason\"`"),
                );
            }
        }
    }
}
