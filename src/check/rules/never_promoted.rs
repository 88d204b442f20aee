//! # ROT519 never-promoted
//!
//! What it finds: a secret that is delivered to targets, is staged, and never promoted.
//!
//! ## Why it matters
//!
//! What goes to a target is the current version. A staged one that never becomes current never arrives, and what the targets
//! serve goes on with the old credential until it dies.
//!
//! ## Fails
//!
//! ```rot
//! secret admin_key to "api.example.com"
//! secret app_key to "api.example.com"
//! target app file "/run/app/key"
//! deliver app_key to app
//!
//! rotation app_key {
//!   generate fresh password { length 32 }
//!   stage app_key = fresh.value
//!   http PUT "https://api.example.com/users/app/password" sets {
//!     bearer secrets.admin_key
//!     json { password: pending.app_key }
//!   }
//!   verify {
//!     http GET "https://api.example.com/me" { bearer pending.app_key }
//!   }
//! }
//! ```
//!
//! ## Mended
//!
//! ```rot
//! secret admin_key to "api.example.com"
//! secret app_key to "api.example.com"
//! target app file "/run/app/key"
//! deliver app_key to app
//!
//! rotation app_key {
//!   generate fresh password { length 32 }
//!   stage app_key = fresh.value
//!   http PUT "https://api.example.com/users/app/password" sets {
//!     bearer secrets.admin_key
//!     json { password: pending.app_key }
//!   }
//!   verify {
//!     http GET "https://api.example.com/me" { bearer pending.app_key }
//!   }
//!   promote app_key
//! }
//! ```

use crate::check::context::Context;
use crate::diagnostic::{Diagnostic, codes};
use crate::plan::Task;
use std::collections::HashSet;

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    let mut promoted: HashSet<&str> = HashSet::new();
    for (_, node) in cx.order().iter() {
        if let Task::Promote(promote) = &node.step.task {
            promoted.insert(&promote.secret);
        }
    }
    for (_, node) in cx.order().iter() {
        let Task::Stage(stage) = &node.step.task else { continue };
        let name = stage.secret.as_str();
        let delivery = cx.plan.deliveries.iter().find(|d| d.secret == name);
        if let Some(delivery) = delivery.filter(|_| !promoted.contains(name)) {
            out.push(
                Diagnostic::new(codes::NEVER_PROMOTED, node.step.at.0, format!("`{name}` is staged and never promoted, so it never arrives at `{}`", delivery.target))
                    .at("staged here")
                    .label(delivery.at.0, "delivered here once it is current")
                    .help(format!("`promote {name}` when the new value works")),
            );
        }
    }
}
