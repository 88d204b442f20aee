//! # ROT304 secret-in-url-path-or-userinfo
//!
//! What it finds: a secret in the path of a URL, or before its `@`, where its declaration does not allow that.
//!
//! ## Why it matters
//!
//! Proxies, servers and clients log URLs; Conductor writes the URL of each failed HTTP task to its own log and into the task's error.
//!
//! ## Fails
//!
//! ```rot
//! secret hook to "hooks.example.com"
//!
//! rotation r {
//!   http POST "https://hooks.example.com/${secrets.hook}" {
//!     json { text: "rotated" }
//!   }
//! }
//! ```
//!
//! ```json
//! {"name": "r", "version": 1, "schemaVersion": 2,
//!  "tasks": [{"name": "me", "taskReferenceName": "me", "type": "HTTP", "inputParameters": {
//!    "uri": "https://admin:${workflow.secrets.password}@api.example.com/me", "method": "GET"}}],
//!  "outputParameters": {}}
//! ```
//!
//! ## Mended
//!
//! ```rot
//! secret hook to "hooks.example.com" in path
//!
//! rotation r {
//!   http POST "https://hooks.example.com/${secrets.hook}" {
//!     json { text: "rotated" }
//!   }
//! }
//! ```
//!
//! ```json
//! {"name": "r", "version": 1, "schemaVersion": 2,
//!  "tasks": [{"name": "me", "taskReferenceName": "me", "type": "HTTP", "inputParameters": {
//!    "uri": "https://api.example.com/me", "method": "GET", "headers": {"Authorization": "Basic ${workflow.secrets.basic}"}}}],
//!  "outputParameters": {}}
//! ```

use crate::check::context::{Context, Once, place_of};
use crate::check::flow::Part;
use super::unmasked_minted_secret::names_identifier;
use crate::diagnostic::{Code, Diagnostic, codes};
use crate::plan::Origin;
use crate::plan::egress::Ruling;

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    in_url(cx, &[Part::Path, Part::UserInfo], codes::SECRET_IN_URL_PATH, out);
}

/// Secrets in these parts of URLs whose host may have them, but not there.
pub(super) fn in_url(cx: &Context<'_, '_>, parts: &[Part<'_>], code: Code, out: &mut Vec<Diagnostic>) {
    let mut once = Once::default();
    for event in &cx.flow.events {
        let Some((request, part)) = cx.request(event).filter(|(_, part)| parts.contains(part)) else { continue };
        let Some(place) = place_of(part) else { continue };
        for leak in cx.leaks(event) {
            // Conductor has no word for what is public of a credential; by its name the id of one is.
            if part == Part::Path
                && !cx.plan.dialect.semantics().declares_intent
                && matches!(leak.origin, Origin::Secret(name) if names_identifier(name))
            {
                continue;
            }
            if cx.may_go(&leak, &request.target, place) != Ruling::WrongPlace || !once.is_first(event, leak.entry.atom) {
                continue;
            }
            let message = format!("{} stands in the {} of a URL, which is logged on the way", leak.origin.describe(), place.as_str());
            let help = if cx.plan.dialect.semantics().is_json {
                "send it in a header or in the body".to_owned()
            } else {
                format!(
                    "send it in a header or in the body; where the server takes it nowhere else, declare the secret `to \"host\" in {}`",
                    place.as_str()
                )
            };
            out.push(cx.finding(code, event, &leak.entry, message, "part of the URL").help(help));
        }
    }
}
