//! # ROT522 delivered-unverified
//!
//! What it finds: a rotation that delivers a new value which nothing has tried.
//!
//! ## Why it matters
//!
//! A value that does not work is then at every target at once. A `verify` before `promote` costs one request.
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
//!   promote app_key
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
use crate::plan::visit::Act;

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    if !cx.options.pedantic {
        return;
    }
    for rotation in cx.plan.rotations.iter().filter(|r| !r.imported) {
        let mut verifies = false;
        rotation.walk(&mut |step| verifies |= matches!(step.task, Task::Verify(_)));
        if verifies {
            continue;
        }
        rotation.walk(&mut |step| {
            let write = step.task.write().filter(|write| matches!(write.act, Act::Promote | Act::Update));
            let secret = write.and_then(|write| write.secret);
            let delivery = secret.and_then(|name| cx.plan.deliveries.iter().find(|d| d.secret == name));
            if let Some(delivery) = delivery {
                out.push(
                    Diagnostic::new(codes::DELIVERED_UNVERIFIED, step.at.0, format!("`{}` goes to `{}` untried", delivery.secret, delivery.target))
                        .at("current, and delivered, from here on")
                        .label(delivery.at.0, "delivered here")
                        .help(format!("`stage {0} …`, `verify {{ … }}` with `pending.{0}`, then `promote {0}`", delivery.secret)),
                );
            }
        });
    }
}
