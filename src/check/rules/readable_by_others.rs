//! # ROT410 readable-by-others
//!
//! What it finds: a target whose file mode lets everybody on the machine read, or change, what is delivered there. What is public by its name (`certificate`, `chain`, `public_key`, an
//! id) may be read by all.
//!
//! ## Why it matters
//!
//! Every program and every account of the machine has the credential, and backups and containers that mount the folder as well.
//!
//! ## Fails
//!
//! ```rot
//! secret app_key
//! target app file "/run/app/key" { mode "0644" }
//! deliver app_key to app
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
//! target app file "/run/app/key" { mode "0440" }
//! deliver app_key to app
//!
//! rotation app_key {
//!   generate fresh password { length 32 }
//!   update app_key = fresh.value
//! }
//! ```

use crate::check::context::Context;
use crate::check::vocabulary::{Half, half, words};
use crate::diagnostic::{Diagnostic, codes};
use crate::plan::TargetKind;
use std::collections::HashSet;

/// Words of what anybody may see.
const PUBLIC: [&str; 14] = [
    "public", "pub", "certificate", "cert", "chain", "ca", "bundle", "crt", "url", "host", "name", "expires", "fingerprint", "csr",
];

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    let mut seen = HashSet::new();
    for delivery in &cx.plan.deliveries {
        let Some(target) = cx.plan.target(&delivery.target) else { continue };
        let TargetKind::File(file) = &target.kind else { continue };
        let name = delivery.field.as_deref().unwrap_or(&delivery.secret);
        let words = words(name);
        let secret_words = words.iter().any(|w| ["key", "private", "secret", "password", "token"].contains(&w.as_str()));
        let public = delivery.field.as_deref().and_then(half) == Some(Half::Who)
            || words.iter().any(|w| PUBLIC.contains(&w.as_str())) && (!secret_words || words.iter().any(|w| w == "public"));
        let (reads, writes) = (file.mode & 0o004 != 0, file.mode & 0o022 != 0);
        if !(reads && !public || writes) || !seen.insert(target.name.as_str()) {
            continue;
        }
        let (does, mode) = if reads && !public { ("read", "0400") } else { ("change", "0644") };
        out.push(
            Diagnostic::new(
                codes::READABLE_BY_OTHERS,
                target.at.0,
                format!("everybody on the machine can {does} `{name}` in `{}`: its mode is {:04o}", file.path, file.mode),
            )
            .at(format!("others may {does} it"))
            .label(delivery.at.0, "delivered here")
            .help(format!("write `mode \"{mode}\"`, or `mode \"0440\"` and the group that may read it as `owner`")),
        );
    }
}
