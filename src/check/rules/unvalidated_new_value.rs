//! # ROT507 unvalidated-new-value
//!
//! What it finds: a new value that may be missing or empty and is stored all the same.
//!
//! ## Why it matters
//!
//! A server that answers with an error page or with another field name then overwrites a credential that works with nothing.
//!
//! ## Fails
//!
//! ```rot
//! secret admin_key to "api.example.com"
//! secret api_token
//!
//! rotation r {
//!   http mint POST "https://api.example.com/tokens" issues additive {
//!     bearer secrets.admin_key
//!     secret token = body $.token optional
//!   }
//!   update api_token = mint.token
//! }
//! ```
//!
//! ## Mended
//!
//! ```rot
//! secret admin_key to "api.example.com"
//! secret api_token
//!
//! rotation r {
//!   http mint POST "https://api.example.com/tokens" issues additive {
//!     bearer secrets.admin_key
//!     secret token = body $.token
//!   }
//!   update api_token = mint.token
//! }
//! ```

use crate::check::context::Context;
use crate::diagnostic::{Diagnostic, codes};
use crate::plan::expr::Root;
use crate::plan::task::lifecycle::NewValue;
use crate::plan::{ExprKind, Task};

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    // In Conductor JSON every value may be missing; the run refuses an empty one whatever the definition says.
    if cx.plan.dialect.is_conductor() {
        return;
    }
    for (_, node) in cx.order().iter() {
        let (value, allow) = match &node.step.task {
            Task::Update(update) => (&update.value, update.allow),
            Task::Stage(stage) => (&stage.value, stage.allow),
            _ => continue,
        };
        // A field of a record that is missing keeps its old value.
        let NewValue::Single(value) = value else { continue };
        let ExprKind::Ref(Root::Capture { step, name }) = &value.kind else { continue };
        let source = cx.order().find(node.rotation, step).and_then(|id| cx.http(id));
        let Some(capture) = source.and_then(|h| h.captures.iter().find(|c| c.name == *name)) else { continue };
        let (message, help) = if capture.optional {
            (
                format!("`{step}.{name}` may be missing and is stored as the new value"),
                format!("remove `optional` from `{name}`, or give another value with `??`"),
            )
        } else if allow.empty {
            (
                format!("an empty `{step}.{name}` would be stored as the new value"),
                "remove `allow empty`: the run then refuses an empty answer".to_owned(),
            )
        } else {
            continue;
        };
        out.push(
            Diagnostic::new(codes::UNVALIDATED_NEW_VALUE, value.at.0, message)
                .at("stored without a check")
                .label(capture.at.0, "captured here")
                .help(help),
        );
    }
}
