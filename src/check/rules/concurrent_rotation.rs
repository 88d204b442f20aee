//! # ROT508 concurrent-rotation
//!
//! What it finds: two scheduled rotations of one file that write the same secret, or two branches of one `parallel` that do.
//!
//! ## Why it matters
//!
//! The vault lets one of them win and keeps the value of the other only in its history. A revocation by one may kill what the other has just
//! stored.
//!
//! ## Fails
//!
//! ```rot
//! secret admin_key to "api.example.com"
//! secret api_token
//!
//! rotation a {
//!   every 1h
//!   http mint POST "https://api.example.com/tokens" issues additive {
//!     bearer secrets.admin_key
//!     secret token = body $.token
//!   }
//!   update api_token = mint.token
//! }
//!
//! rotation b {
//!   every 2h
//!   http mint POST "https://api.example.com/tokens" issues additive {
//!     bearer secrets.admin_key
//!     secret token = body $.token
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
//! rotation a {
//!   every 1h
//!   http mint POST "https://api.example.com/tokens" issues additive {
//!     bearer secrets.admin_key
//!     secret token = body $.token
//!   }
//!   update api_token = mint.token
//! }
//! ```

use crate::check::context::Context;
use crate::check::lifecycle::{Act, Write};
use crate::diagnostic::{Diagnostic, Severity, codes};
use std::collections::HashMap;

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    let mut first: HashMap<&str, Write<'_>> = HashMap::new();
    let mut in_branches: HashMap<(usize, &str), Write<'_>> = HashMap::new();
    for write in cx.writes().iter().copied().filter(|w| matches!(w.act, Act::Update | Act::Stage)) {
        if let Some(other) =
            in_branches.insert((write.rotation, write.secret), write).filter(|o| cx.order().are_parallel(o.step, write.step))
        {
            out.push(found(&write, &other, "two branches that run at the same time write").severity(Severity::Error));
        }
        let scheduled = cx.plan.rotations.get(write.rotation).is_some_and(|r| !r.imported && r.schedule.is_some());
        if !scheduled {
            continue;
        }
        match first.get(write.secret) {
            Some(other) if other.rotation != write.rotation => out.push(found(&write, other, "two scheduled rotations write")),
            Some(_) => {}
            None => {
                first.insert(write.secret, write);
            }
        }
    }
}

fn found(write: &Write<'_>, other: &Write<'_>, who: &str) -> Diagnostic {
    Diagnostic::new(codes::CONCURRENT_ROTATION, write.span, format!("{who} `{}`", write.secret))
        .at("written here")
        .label(other.span, "and here")
        .help("let one rotation write each secret; others can call it")
}
