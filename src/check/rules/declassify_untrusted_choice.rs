//! # ROT323 declassify-untrusted-choice
//!
//! What it finds: a `reveal` that happens only when an input says so: in a branch that it chooses, behind a `stop` that it decides (a
//! warning), of what stands behind `??` where the input is left out, or of the member that the
//! input names.
//!
//! ## Why it matters
//!
//! Whoever starts the run then decides whether the secret is released. A release must not depend on data that its author does not control.
//!
//! ## Fails
//!
//! ```rot
//! secret api_key to "api.example.com"
//!
//! rotation r {
//!   input debug: bool = false
//!   when input.debug {
//!     log "${reveal sha256(secrets.api_key) because "helps when the key is refused"}"
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
//!   log "${reveal sha256(secrets.api_key) because "helps when the key is refused"}"
//! }
//! ```

use crate::check::context::Context;
use crate::check::flow::{Atom, REACHED, Taint};
use crate::diagnostic::{Diagnostic, Severity, codes};

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    for reveal in cx.flow.reveals.iter().filter(|r| r.label.is_secret()) {
        let by_caller = |taint: &Taint| {
            taint
                .iter()
                .find(|e| matches!(cx.flow.trails.atom(e.atom), Some(Atom::Caller { name, .. }) if *name != REACHED))
                .copied()
        };
        let (entry, stops) = match (by_caller(&reveal.pc), by_caller(&reveal.guard)) {
            (Some(entry), _) => (entry, false),
            (None, Some(entry)) => (entry, true),
            (None, None) => continue,
        };
        let who = cx.describe(&entry);
        let found = Diagnostic::new(
            codes::DECLASSIFY_UNTRUSTED,
            reveal.span,
            format!("{who} decides whether a secret is released"),
        )
        .at("released only when the caller wants it")
        .flow(cx.flow.way(&entry))
        .help("release it always or never; a caller may not choose");
        // A run that ends early for another reason is ordinary.
        out.push(if stops { found.severity(Severity::Warning) } else { found });
    }
}
