//! # ROT109 unused-target
//!
//! What it finds: a target that is declared, and nothing is delivered to it.
//!
//! ## Why it matters
//!
//! Whoever reads there keeps the credential of before. Where the change kills that, the service stops, although its target stands in the file.
//!
//! ## Fails
//!
//! ```rot
//! secret app_key
//! target api file "/run/api/key"
//! target worker file "/run/worker/key"
//! deliver app_key to api
//!
//! rotation app_key {
//!   generate fresh password { length 32 }
//!   update app_key = fresh.value
//! }
//! ```
//!
//! ## Mended
//!
//! ```rot
//! secret app_key
//! target api file "/run/api/key"
//! deliver app_key to api
//!
//! rotation app_key {
//!   generate fresh password { length 32 }
//!   update app_key = fresh.value
//! }
//! ```

use crate::check::context::Context;
use crate::diagnostic::{Diagnostic, codes};

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    for target in &cx.plan.targets {
        if cx.plan.deliveries.iter().any(|d| d.target == target.name) {
            continue;
        }
        let sibling = cx.plan.deliveries.first();
        let mut found = Diagnostic::new(codes::UNUSED_TARGET, target.at.0, format!("nothing is delivered to target `{}`", target.name))
            .at("never gets a new version")
            .help(format!("write `deliver SECRET to {}`, or remove the target", target.name));
        if let Some(sibling) = sibling {
            found = found.label(sibling.at.0, format!("`{}` goes to another target alone", sibling.secret));
        }
        out.push(found);
    }
}
