//! # ROT401 plaintext-transport
//!
//! What it finds: a request over plain `http://` that carries or brings back a secret. A loopback address is exempt.
//!
//! ## Why it matters
//!
//! Everybody on the way can read the credential and change the answer, so that a credential of theirs is stored.
//!
//! ## Fails
//!
//! ```rot
//! secret api_key to "api.example.com"
//!
//! rotation r {
//!   http GET "http://api.example.com/me" {
//!     bearer secrets.api_key
//!   }
//! }
//! ```
//!
//! ```json
//! {"name": "r", "version": 1, "schemaVersion": 2,
//!  "tasks": [{"name": "me", "taskReferenceName": "me", "type": "HTTP", "inputParameters": {
//!    "uri": "http://api.example.com/me", "method": "GET", "headers": {"X-Key": "${workflow.secrets.apiKey}"}}}],
//!  "outputParameters": {}}
//! ```
//!
//! ## Mended
//!
//! ```rot
//! secret api_key to "api.example.com"
//!
//! rotation r {
//!   http GET "https://api.example.com/me" {
//!     bearer secrets.api_key
//!   }
//! }
//! ```
//!
//! ```json
//! {"name": "r", "version": 1, "schemaVersion": 2,
//!  "tasks": [{"name": "me", "taskReferenceName": "me", "type": "HTTP", "inputParameters": {
//!    "uri": "https://api.example.com/me", "method": "GET", "headers": {"X-Key": "${workflow.secrets.apiKey}"}}}],
//!  "outputParameters": {}}
//! ```

use crate::check::context::Context;
use crate::diagnostic::{Diagnostic, Edit, codes};
use crate::source::Span;

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    for request in &cx.flow.requests {
        if request.target.scheme.as_deref() != Some("http") || request.target.is_loopback() {
            continue;
        }
        let carried = cx.carried(request);
        let answers = request.http.effect.issues() || request.http.captures.iter().any(|c| c.secret);
        let what = match carried.first() {
            Some(origin) => format!("{} is sent", origin.describe()),
            None if answers => "a new credential is fetched".to_owned(),
            None => continue,
        };
        out.push(
            Diagnostic::new(
                codes::PLAINTEXT_TRANSPORT,
                request.http.url.at.0,
                format!("{what} over plain http, which anybody on the way can read"),
            )
            .at("not encrypted")
            .help("write `https://`; only loopback addresses may do without")
            .fix_if("write `https://`", false, encrypted(cx, request.http.url.at.0)),
        );
    }
}

/// The scheme, where the URL begins with it in the text. A port is kept: which one speaks TLS is not known here.
fn encrypted(cx: &Context<'_, '_>, url: Span) -> Option<Vec<Edit>> {
    let text = cx.texts.at(url)?;
    let behind = text.trim_start_matches('"').strip_prefix("http://")?;
    let end = url.end as usize - behind.len();
    let scheme = Span::new(url.file, end - "http://".len(), end);
    Some(vec![Edit { span: scheme, text: "https://".into() }])
}
