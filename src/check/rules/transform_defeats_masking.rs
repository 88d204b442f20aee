//! # ROT319 transform-defeats-masking
//!
//! What it finds: a function that hides a secret from the masker, on the way to a log line, a message or an output.
//!
//! ## Why it matters
//!
//! Every output is searched for the secrets of the run, as they are and in the usual encodings. A piece, a change of case or a hash
//! is not found. The hash of a short secret can be reversed by trying.
//!
//! ## Fails
//!
//! ```rot
//! secret api_key to "api.example.com"
//!
//! rotation r {
//!   log "key ${upper(secrets.api_key)}"
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

use crate::check::context::Context;
use crate::check::flow::{HopKind, Sink};
use crate::diagnostic::{Diagnostic, codes};
use crate::plan::Derivation;
use std::collections::HashSet;

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    let mut seen = HashSet::new();
    for event in &cx.flow.events {
        let shown = matches!(event.sink, Sink::Log | Sink::Instructions | Sink::ErrorText | Sink::Output { masked: false, .. });
        if !shown {
            continue;
        }
        for leak in cx.leaks(event).into_iter().filter(|l| l.entry.derivation >= Derivation::Part) {
            let way = cx.flow.trails.way(&leak.entry);
            let Some((function, span)) = way.iter().find_map(|hop| match hop.kind {
                HopKind::Function(name) => Some((name, hop.span)),
                _ => None,
            }) else {
                continue;
            };
            if seen.insert((span, event.step, leak.entry.atom)) {
                let message = format!("no masker can find {} after `{function}`", leak.origin.describe());
                out.push(
                    Diagnostic::new(codes::TRANSFORM_DEFEATS_MASKING, span, message)
                        .at("changed beyond recognition")
                        .label(event.span, "shown here")
                        .help("do not show what is made from a secret"),
                );
            }
        }
    }
}
