//! # ROT214 refused-header
//!
//! What it finds: a header that the run refuses: one that belongs to the connection and is set by the client itself (`Content-Length`, `Host`,
//! `Transfer-Encoding` and the like), or a private key, whose text has line ends, or another text with line ends in any header.
//! And an `Authorization` header beside `bearer`, `basic` or `client`, which servers refuse.
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
use crate::plan::task::lifecycle::NewValue;
use crate::plan::task::{Auth, Http};
use crate::plan::{Expr, ExprKind, Root, Task};
use std::collections::HashMap;

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    if !cx.plan.dialect.semantics().declares_intent {
        return;
    }
    let mut known = Keys::new();
    for (_, node) in cx.order().iter() {
        if let Task::Http(http) = &node.step.task {
            request(cx, node.rotation, http, &mut known, out);
            if let Some(strays) = &http.strays {
                request(cx, node.rotation, &strays.list, &mut known, out);
                request(cx, node.rotation, &strays.revoke, &mut known, out);
            }
        }
    }
}

fn request<'p>(cx: &Context<'_, 'p>, rotation: usize, http: &'p Http, known: &mut Keys<'p>, out: &mut Vec<Diagnostic>) {
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
    if let (Some(_), Some(header)) = (&http.auth, http.headers.iter().find(|h| h.name.eq_ignore_ascii_case("authorization"))) {
        out.push(
            Diagnostic::new(codes::REFUSED_HEADER, header.value.at.0, "the request says twice who makes it: servers refuse two `Authorization` headers")
                .at("the second one")
                .label(http.url.at.0, "`bearer`, `basic` or `client` is the first")
                .help("leave one of them out"),
        );
    }
    for header in &http.headers {
        if let Some(part) = line_end(cx, rotation, &header.value) {
            out.push(
                Diagnostic::new(codes::REFUSED_HEADER, part.at.0, format!("the value of the header `{}` has a line end, which no header carries", header.name))
                    .at("refused")
                    .help("leave it out, or encode the value: `base64(…)`"),
            );
        }
    }
    let bearer = match &http.auth {
        Some(Auth::Bearer(token)) => Some(token),
        _ => None,
    };
    for value in http.headers.iter().map(|h| &h.value).chain(bearer) {
        if let Some(key) = private_key(cx, rotation, value, known, 0) {
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

/// The text in a value that ends the line.
fn line_end<'p>(cx: &Context<'_, 'p>, rotation: usize, value: &'p Expr) -> Option<&'p Expr> {
    match &cx.meant(rotation, value).kind {
        ExprKind::String(text) => text.contains(['\r', '\n', '\0']).then_some(value),
        ExprKind::Template(parts) => parts.iter().find(|part| part.as_str().is_some_and(|text| text.contains(['\r', '\n', '\0']))),
        _ => None,
    }
}

/// By secret and field the step whose private key is stored there.
type Keys<'p> = HashMap<(&'p str, Option<&'p str>), Option<&'p str>>;

/// How many `let`s and secrets are followed.
const DEPTH: usize = 16;

/// The step whose private key a value is, as it is or in a text.
fn private_key<'p>(
    cx: &Context<'_, 'p>,
    rotation: usize,
    value: &'p Expr,
    known: &mut Keys<'p>,
    depth: usize,
) -> Option<&'p str> {
    if depth > DEPTH {
        return None;
    }
    match &value.kind {
        ExprKind::Template(parts) => parts
            .iter()
            .find_map(|part| private_key(cx, rotation, part, known, depth + 1)),
        ExprKind::Ref(Root::Let(_)) | ExprKind::Field(..) => {
            let meant = cx.meant(rotation, value);
            (!std::ptr::eq(meant, value)).then(|| private_key(cx, rotation, meant, known, depth + 1))?
        }
        // What is stored in a secret is what is read from it.
        ExprKind::Ref(Root::Secret { name, field, .. }) => {
            let place = (name.as_str(), field.as_deref());
            if let Some(found) = known.get(&place) {
                return *found;
            }
            // A secret may be stored as what it was.
            known.insert(place, None);
            let mut stores = cx.writes_of(name).iter().filter_map(|write| cx.order().get(write.step));
            let found = stores.find_map(|store| {
                let stored = match store.step.task.write()?.value? {
                    NewValue::Single(value) => field.is_none().then_some(value),
                    NewValue::Fields(fields) => {
                        fields.iter().find(|(stored, _)| Some(stored) == field.as_ref()).map(|(_, value)| value)
                    }
                }?;
                private_key(cx, store.rotation, stored, known, depth + 1)
            });
            known.insert(place, found);
            found
        }
        ExprKind::Ref(Root::Capture { step, name }) if name == "private_key" => {
            let id = cx.order().find(rotation, step)?;
            let made = matches!(&cx.order().get(id)?.step.task, Task::Generate(_));
            made.then_some(step.as_str())
        }
        _ => None,
    }
}
