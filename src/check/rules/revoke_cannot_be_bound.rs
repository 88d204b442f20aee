//! # ROT523 revoke-cannot-be-bound
//!
//! What it finds: a `revoke … after` that reads what will not be there when it is due: the pending version of a secret, or the previous version of
//! another one than it revokes. Captures, `let`s, inputs and variables of the environment are bound when the revocation is scheduled; what may not have run by
//! then, or may be missing from its answer, is an error there too (ROT104, ROT203).
//!
//! ## Why it matters
//!
//! The run is over when the revocation is made. There is no pending version then, and the previous version of another secret may be a later one: the revocation
//! would fail for ever, or end another credential, and the old one lives on.
//!
//! ## Fails
//!
//! ```rot
//! secret admin_key to "api.example.com"
//! secret app to "api.example.com"
//! secret api_token { value, id } to "api.example.com"
//!
//! rotation r {
//!   http mint POST "https://api.example.com/tokens" issues additive {
//!     bearer secrets.admin_key
//!     secret token = body $.token
//!     public id    = body $.id
//!   }
//!   update api_token { value: mint.token, id: mint.id }
//!   revoke previous.api_token after 24h {
//!     http DELETE "https://api.example.com/tokens/${previous.api_token.id}" revokes { bearer previous.app }
//!   }
//! }
//! ```
//!
//! ## Mended
//!
//! ```rot
//! secret admin_key to "api.example.com"
//! secret app to "api.example.com"
//! secret api_token { value, id } to "api.example.com"
//!
//! rotation r {
//!   http mint POST "https://api.example.com/tokens" issues additive {
//!     bearer secrets.admin_key
//!     secret token = body $.token
//!     public id    = body $.id
//!   }
//!   update api_token { value: mint.token, id: mint.id }
//!   revoke previous.api_token after 24h {
//!     http DELETE "https://api.example.com/tokens/${previous.api_token.id}" revokes { bearer secrets.app }
//!   }
//! }
//! ```

use crate::check::context::Context;
use crate::diagnostic::{Diagnostic, Severity, codes};
use crate::plan::task::walk_steps;
use crate::plan::{Task, Version};
use crate::source::Span;

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    for (_, node) in cx.order().iter() {
        let Task::Revoke(revoke) = &node.step.task else { continue };
        if revoke.after.is_none() {
            continue;
        }
        let mut reads: Vec<(String, Version, Span)> = Vec::new();
        walk_steps(&revoke.steps, &mut |step| {
            for expr in step.task.exprs() {
                expr.each_secret(&mut |read| {
                    reads.push((read.secret.to_owned(), read.version, read.span));
                });
            }
        });
        for (name, version, span) in reads {
            let (what, why, help) = match version {
                Version::Pending => (
                    format!("this revocation reads the pending version of `{name}`, and none will be there when it is due"),
                    "the run is over then",
                    format!("read `secrets.{name}`: the new version is in use by then"),
                ),
                Version::Previous if name != revoke.secret => (
                    format!("this revocation reads the previous version of `{name}`, which may be another one when it is due"),
                    "not bound to this run",
                    format!("keep what it needs as a field of `{}`, which `previous.{}` has; or read `secrets.{name}`", revoke.secret, revoke.secret),
                ),
                Version::Previous | Version::Current => continue,
            };
            out.push(
                Diagnostic::new(codes::REVOKE_CANNOT_BE_BOUND, span, what)
                    .at(why)
                    .label(node.step.at.0, "made later")
                    .help(help),
            );
        }
    }
}

/// What a step reads that may not be there: an error within a revocation that is made later, since that would fail for ever.
pub(super) fn weight(cx: &Context<'_, '_>, reader: usize) -> Severity {
    let order = cx.order();
    let later = order.around(reader).any(|outer| {
        let task = order.get(outer).map(|node| &node.step.task);
        matches!(task, Some(Task::Revoke(revoke)) if revoke.after.is_some())
    });
    if later { Severity::Error } else { Severity::Warning }
}
