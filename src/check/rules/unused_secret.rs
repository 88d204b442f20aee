//! # ROT107 unused-secret
//!
//! What it finds: a declared secret that no rotation of the file reads or writes.
//!
//! ## Why it matters
//!
//! Each declaration lets the file read a credential and send it to the hosts that it names. One that nothing needs is reach
//! without a purpose, and often what is left of a rotation that was removed.
//!
//! ## Fails
//!
//! ```rot
//! secret api_key, legacy_key to "api.example.com"
//! secret api_token
//!
//! rotation r {
//!   http mint POST "https://api.example.com/tokens" issues additive {
//!     bearer secrets.api_key
//!     secret token = body $.token
//!   }
//!   update api_token = mint.token
//! }
//! ```
//!
//! ## Mended
//!
//! ```rot
//! secret api_key to "api.example.com"
//! secret api_token
//!
//! rotation r {
//!   http mint POST "https://api.example.com/tokens" issues additive {
//!     bearer secrets.api_key
//!     secret token = body $.token
//!   }
//!   update api_token = mint.token
//! }
//! ```

use crate::check::context::Context;
use crate::diagnostic::{Diagnostic, codes};
use crate::plan::Task;
use crate::source::FileId;
use std::collections::HashSet;

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    if cx.plan.dialect.is_conductor() {
        return;
    }
    let mut used: HashSet<&str> = cx.flow.read_secrets.iter().copied().collect();
    for (_, node) in cx.order().iter() {
        used.extend(written(&node.step.task));
    }
    // What a shared file declares is used by the files that use it.
    let own: HashSet<FileId> = cx.plan.rotations.iter().filter(|r| !r.imported).map(|r| r.at.0.file).collect();
    for secret in cx.plan.secrets.iter().filter(|s| own.contains(&s.at.0.file)) {
        if !used.contains(secret.name.as_str()) {
            let name = &secret.name;
            out.push(
                Diagnostic::new(codes::UNUSED_SECRET, secret.at.0, format!("secret `{name}` is declared and never used"))
                    .at("nothing reads or writes it")
                    .help(format!("remove `{name}` from the declaration")),
            );
        }
    }
}

fn written(task: &Task) -> Option<&str> {
    match task {
        Task::Update(update) => update.secret.as_str(),
        Task::Stage(stage) => Some(&stage.secret),
        Task::Promote(promote) => Some(&promote.secret),
        Task::Revoke(revoke) => Some(&revoke.secret),
        _ => None,
    }
}
