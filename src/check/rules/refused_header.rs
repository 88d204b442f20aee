//! # ROT214 refused-header
//!
//! What it finds: a header that the run refuses: one that belongs to the connection and is set by the client itself (`Content-Length`, `Host`,
//! `Transfer-Encoding` and the like), or a private key, whose text has line ends, in any header.
//!
//! ## Why it matters
//!
//! The request is never made; the run stops in the middle of a rotation.
//!
//! ## Fails
//!
//! ```rot
//! secret api_key to "api.example.com"
//!
//! rotation r {
//!   http POST "https://api.example.com/ping" reads {
//!     bearer secrets.api_key
//!     header "Content-Length": "1"
//!     text "x"
//!   }
//! }
//! ```
//!
//! ## Mended
//!
//! ```rot
//! secret api_key to "api.example.com"
//!
//! rotation r {
//!   http POST "https://api.example.com/ping" reads {
//!     bearer secrets.api_key
//!     text "x"
//!   }
//! }
//! ```

use crate::check::context::Context;
use crate::diagnostic::{Diagnostic, codes};
use crate::world::http::OWN_HEADERS;
use crate::plan::task::{Auth, Http};
use crate::plan::{Expr, ExprKind, Root, Task};

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    if !cx.plan.dialect.semantics().declares_intent {
        return;
    }
    for (_, node) in cx.order().iter() {
        if let Task::Http(http) = &node.step.task {
            request(cx, node.rotation, http, out);
            if let Some(strays) = &http.strays {
                request(cx, node.rotation, &strays.list, out);
                request(cx, node.rotation, &strays.revoke, out);
            }
        }
    }
}

fn request(cx: &Context<'_, '_>, rotation: usize, http: &Http, out: &mut Vec<Diagnostic>) {
    for header in &http.headers {
        let own = OWN_HEADERS
            .iter()
            .any(|own| own.eq_ignore_ascii_case(&header.name));
        if own {
            let message = format!(
                "the header `{}` is set by the client alone, and the run refuses another",
                header.name
            );
            out.push(
                Diagnostic::new(codes::REFUSED_HEADER, header.value.at.0, message)
                    .at("refused")
                    .help("leave it out"),
            );
        }
    }
    let bearer = match &http.auth {
        Some(Auth::Bearer(token)) => Some(token),
        _ => None,
    };
    for value in http.headers.iter().map(|h| &h.value).chain(bearer) {
        if let Some(key) = private_key(cx, rotation, value, 0) {
            let message =
                format!("the private key of `{key}` has line ends, which no header carries");
            out.push(
                Diagnostic::new(codes::REFUSED_HEADER, value.at.0, message)
                    .at("refused")
                    .help("send it in the body, or encoded: `base64(…)`"),
            );
        }
    }
}

/// How many `let`s are followed.
const DEPTH: usize = 16;

/// The step whose private key a value is, as it is or in a text.
fn private_key<'p>(
    cx: &Context<'_, 'p>,
    rotation: usize,
    value: &'p Expr,
    depth: usize,
) -> Option<&'p str> {
    if depth > DEPTH {
        return None;
    }
    match &value.kind {
        ExprKind::Template(parts) => parts
            .iter()
            .find_map(|part| private_key(cx, rotation, part, depth + 1)),
        ExprKind::Ref(Root::Let(name)) => {
            private_key(cx, rotation, cx.let_value(rotation, name)?, depth + 1)
        }
        ExprKind::Ref(Root::Capture { step, name }) if name == "private_key" => {
            let id = cx.order().find(rotation, step)?;
            let made = matches!(&cx.order().get(id)?.step.task, Task::Generate(_));
            made.then_some(step.as_str())
        }
        _ => None,
    }
}
