//! # ROT326 secret-copied-to-wider-secret
//!
//! What it finds: a secret that is stored in another one which may go to more places.
//!
//! ## Why it matters
//!
//! The copy escapes the declaration of the original: what may only go to one host can be sent to another under a new name.
//!
//! ## Fails
//!
//! ```rot
//! secret api_key  to "api.example.com"
//! secret any_key  to "api.example.com", "stats.example.org"
//!
//! rotation r {
//!   update any_key = secrets.api_key
//! }
//! ```
//!
//! ## Mended
//!
//! ```rot
//! secret api_key  to "api.example.com"
//! secret any_key  to "api.example.com"
//!
//! rotation r {
//!   update any_key = secrets.api_key
//! }
//! ```

use crate::check::context::{Context, Once};
use crate::check::flow::Sink;
use crate::diagnostic::{Diagnostic, codes};
use crate::plan::Origin;

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    let mut once = Once::default();
    for event in &cx.flow.events {
        let Sink::Store { secret: Some(target), .. } = &event.sink else { continue };
        let Some(wide) = cx.secret(target) else { continue };
        for leak in cx.leaks(event) {
            let Origin::Secret(name) = leak.origin else { continue };
            let Some(narrow) = cx.secret(name).filter(|_| name != target) else { continue };
            if narrow.policy.covers(&wide.policy) || !once.is_first(event, leak.entry.atom) {
                continue;
            }
            let message = format!("secret `{name}` is stored in `{target}`, which may go to more places");
            out.push(
                cx.finding(codes::SECRET_WIDENED, event, &leak.entry, message, &format!("stored in `{target}`"))
                    .label(narrow.at.0, format!("where `{name}` may go"))
                    .label(wide.at.0, format!("where `{target}` may go"))
                    .help(format!("let `{name}` go wherever `{target}` may, or narrow the declaration of `{target}`")),
            );
        }
    }
}
