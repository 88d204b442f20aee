//! # ROT324 declassify-unused
//!
//! What it finds: a `reveal` of a value that is public already.
//!
//! ## Why it matters
//!
//! A release that releases nothing hides the ones that matter, and it would release in silence whatever is put in its place later.
//!
//! ## Fails
//!
//! ```rot
//! rotation r {
//!   log "${reveal run.id because "an id is no secret"}"
//! }
//! ```
//!
//! ## Mended
//!
//! ```rot
//! rotation r {
//!   log "${run.id}"
//! }
//! ```

use crate::check::context::Context;
use crate::diagnostic::{Diagnostic, codes};

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    for reveal in cx.flow.reveals.iter().filter(|r| r.label.is_public()) {
        out.push(
            Diagnostic::new(codes::DECLASSIFY_UNUSED, reveal.span, "this `reveal` releases nothing: the value is public")
                .at("already public")
                .help("remove `reveal … because …` around the value"),
        );
    }
}
