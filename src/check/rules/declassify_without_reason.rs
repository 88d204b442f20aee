//! # ROT322 declassify-without-reason
//!
//! What it finds: a `reveal` whose reason is empty.
//!
//! ## Why it matters
//!
//! `reveal` is the only way from secret to public. The reason is what a reviewer judges and what `rot check --declassifications` lists.
//!
//! ## Fails
//!
//! ```rot
//! secret api_key to "api.example.com"
//!
//! rotation r {
//!   log "${reveal sha256(secrets.api_key) because ""}"
//! }
//! ```
//!
//! ## Mended
//!
//! ```rot
//! secret api_key to "api.example.com"
//!
//! rotation r {
//!   log "${reveal sha256(secrets.api_key) because "a fingerprint of 256 random bits, to compare with the console"}"
//! }
//! ```

use crate::check::context::Context;
use crate::diagnostic::{Diagnostic, codes};

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    for reveal in cx.flow.reveals.iter().filter(|r| !r.reason.chars().any(char::is_alphanumeric)) {
        out.push(
            Diagnostic::new(codes::DECLASSIFY_WITHOUT_REASON, reveal.span, "a value is released without a reason")
                .at("released here")
                .help("say why everybody may see it: `reveal … because \"reason\"`"),
        );
    }
}
