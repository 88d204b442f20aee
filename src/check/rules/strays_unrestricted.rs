//! # ROT528 strays-unrestricted
//!
//! What it finds: the list of `strays` that is not restricted to what this run has made: neither its request nor a filter of its path names `run.id`.
//!
//! ## Why it matters
//!
//! All that is listed is revoked: the credential in use, those of other machines, and those of people.
//!
//! ## Fails
//!
//! ```rot
//! secret admin to "api.example.com"
//! secret key { value, id } to "api.example.com"
//!
//! rotation r {
//!   http mint POST "https://api.example.com/keys" issues additive {
//!     bearer secrets.admin
//!     json { name: "rot-${run.id}" }
//!     secret value = body $.value
//!     public id = body $.id
//!     strays GET "https://api.example.com/keys" {
//!       bearer secrets.admin
//!       public ids = body $.keys[*].id
//!     } revoke DELETE "https://api.example.com/keys/${stray}" { bearer secrets.admin }
//!   }
//!   stage key { value: mint.value, id: mint.id }
//!   verify { http GET "https://api.example.com/me" { bearer pending.key.value } }
//!   promote key
//!   revoke previous.key after 1d {
//!     http DELETE "https://api.example.com/keys/${previous.key.id}" { bearer secrets.admin }
//!   }
//! }
//! ```
//!
//! ## Mended
//!
//! ```rot
//! secret admin to "api.example.com"
//! secret key { value, id } to "api.example.com"
//!
//! rotation r {
//!   http mint POST "https://api.example.com/keys" issues additive {
//!     bearer secrets.admin
//!     json { name: "rot-${run.id}" }
//!     secret value = body $.value
//!     public id = body $.id
//!     strays GET "https://api.example.com/keys" {
//!       bearer secrets.admin
//!       query { name: "rot-${run.id}" }
//!       public ids = body $.keys[*].id
//!     } revoke DELETE "https://api.example.com/keys/${stray}" { bearer secrets.admin }
//!   }
//!   stage key { value: mint.value, id: mint.id }
//!   verify { http GET "https://api.example.com/me" { bearer pending.key.value } }
//!   promote key
//!   revoke previous.key after 1d {
//!     http DELETE "https://api.example.com/keys/${previous.key.id}" { bearer secrets.admin }
//!   }
//! }
//! ```

use crate::check::context::Context;
use crate::diagnostic::{Diagnostic, codes};
use crate::plan::expr::{Root, RunField};
use crate::plan::task::{CaptureSource, Http};
use crate::plan::{Expr, ExprKind, Task};

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    for (_, node) in cx.order().iter() {
        let Task::Http(http) = &node.step.task else { continue };
        let Some(strays) = http.strays.as_deref() else { continue };
        let list = &strays.list;
        let filters = |c: &crate::plan::task::Capture| match &c.source {
            CaptureSource::Body(path) => path.as_str().contains("[?"),
            CaptureSource::Expr(_) => true,
            CaptureSource::Text | CaptureSource::Header(_) | CaptureSource::Status => false,
        };
        if list.captures.iter().any(filters) || is_of_this_run(cx, node.rotation, list) {
            continue;
        }
        out.push(
            Diagnostic::new(codes::STRAYS_UNRESTRICTED, list.url.at.0, "this lists what other runs have made as well, and all that is listed is revoked")
                .at("not restricted to this run")
                .label(node.step.at.0, "after an answer that did not come")
                .help("ask for the name that the call has given: `query { name: \"rot-${run.id}\" }`, or filter the path by it"),
        );
    }
}

/// Whether a request names something that only this run has.
fn is_of_this_run<'p>(cx: &Context<'_, 'p>, rotation: usize, list: &'p Http) -> bool {
    let names = |expr: &'p Expr| {
        let mut own = false;
        expr.walk(&mut |part| {
            let meant = cx.meant(rotation, part);
            meant.walk(&mut |inner| {
                own |= matches!(
                    &inner.kind,
                    ExprKind::Ref(Root::Run(RunField::Id | RunField::StartedAt | RunField::ScheduledAt) | Root::Input(_) | Root::Capture { .. })
                );
            });
        });
        own
    };
    list.request_exprs().into_iter().filter(|(part, _)| !part.authenticates()).any(|(_, expr)| names(expr))
}
