//! # ROT521 target-unfit
//!
//! What it finds: a delivery that its target cannot take, whatever the value is: a name that cannot be a variable there.
//!
//! ## Why it matters
//!
//! The new credential would become current and never arrive, and the old one would live on.
//!
//! ## Fails
//!
//! ```rot
//! secret app_key
//! target app file "/run/app/.env" { form "dotenv" }
//! deliver app_key to app as "LD_PRELOAD"
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
//! target app file "/run/app/.env" { form "dotenv" }
//! deliver app_key to app as "APP_KEY"
//!
//! rotation app_key {
//!   generate fresh password { length 32 }
//!   update app_key = fresh.value
//! }
//! ```

use crate::check::context::Context;
use crate::diagnostic::{Diagnostic, codes};

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    for delivery in &cx.plan.deliveries {
        let Some(target) = cx.plan.target(&delivery.target) else { continue };
        let record = delivery.field.is_none() && cx.plan.secret(&delivery.secret).is_some_and(|s| !s.fields.is_empty());
        if let Err(why) = target.kind.takes(delivery, record) {
            out.push(
                Diagnostic::new(codes::TARGET_UNFIT, delivery.at.0, format!("target `{}` cannot take `{}`: {why}", target.name, delivery.secret))
                    .at("never arrives")
                    .label(target.at.0, format!("a target of kind `{}`", target.kind.word()))
                    .help("give it a name that is taken there: `deliver … to … as \"NAME\"`"),
            );
        }
    }
}
