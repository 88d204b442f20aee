//! # ROT525 halves-exchanged
//!
//! What it finds: the two halves of a login in each other's place: `basic secrets.db.password, secrets.db.user`, a signature whose `key_id` is the secret key, a form with
//! the secret as `client_id` and the id as `client_secret`, a record whose `id` is the new token and whose `token` is its id; and an id that is stored as what opens.
//!
//! ## Why it matters
//!
//! The half that tells who asks is sent in the clear and is in every log: the server refuses the login, and knows the password from then on.
//!
//! ## Fails
//!
//! ```rot
//! secret aws { id, secret } to "sts.example.com" in header, signature
//!
//! rotation r {
//!   http who POST "https://sts.example.com/" reads {
//!     sign aws_sigv4 { key_id secrets.aws.secret   secret_key secrets.aws.id   region "eu-west-1"   service "sts" }
//!     public account = body $.account
//!   }
//! }
//! ```
//!
//! ## Mended
//!
//! ```rot
//! secret aws { id, secret } to "sts.example.com" in header, signature
//!
//! rotation r {
//!   http who POST "https://sts.example.com/" reads {
//!     sign aws_sigv4 { key_id secrets.aws.id   secret_key secrets.aws.secret   region "eu-west-1"   service "sts" }
//!     public account = body $.account
//!   }
//! }
//! ```

use crate::check::context::Context;
use crate::check::vocabulary::{Half, half, known_as};
use crate::diagnostic::{Diagnostic, Severity, codes};
use crate::plan::task::http::Sign;
use crate::plan::task::lifecycle::NewValue;
use crate::plan::task::{Auth, Body, Http};
use crate::plan::{Expr, ExprKind, Task};

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    for (_, node) in cx.order().iter() {
        let rotation = node.rotation;
        for http in node.step.task.requests() {
            logins(cx, rotation, http, out);
        }
        if let Some(NewValue::Fields(fields)) = node.step.task.write().and_then(|write| write.value) {
            crossed(cx, rotation, fields, out);
            public_as_secret(cx, rotation, fields, out);
        }
        if let Task::Worker(worker) = &node.step.task {
            objects(cx, rotation, &worker.input, out);
        }
    }
}

fn of<'p>(cx: &Context<'_, 'p>, rotation: usize, expr: &'p Expr) -> Option<Half> {
    half(known_as(cx, rotation, expr)?)
}

fn logins<'p>(cx: &Context<'_, 'p>, rotation: usize, http: &'p Http, out: &mut Vec<Diagnostic>) {
    let pair = match &http.auth {
        Some(Auth::Basic(who, opens) | Auth::Client(who, opens) | Auth::Login(who, opens)) => Some((who, opens)),
        Some(Auth::Bearer(_)) | None => None,
    };
    if let Some((who, opens)) = pair
        && of(cx, rotation, who) == Some(Half::Opens)
        && of(cx, rotation, opens) == Some(Half::Who)
    {
        out.push(found(cx, rotation, who, opens));
    }
    if let Some(Sign::AwsSigv4 { key_id, secret_key, .. }) = http.sign.as_deref()
        && of(cx, rotation, key_id) == Some(Half::Opens)
    {
        out.push(found(cx, rotation, key_id, secret_key));
    }
    match &http.body {
        Body::Json(body) => objects(cx, rotation, body, out),
        Body::Form(members) => crossed(cx, rotation, members, out),
        Body::None | Body::Text(_) | Body::Raw(_) | Body::Statement { .. } | Body::Command(_) | Body::Program(_) => {}
    }
}

fn objects<'p>(cx: &Context<'_, 'p>, rotation: usize, expr: &'p Expr, out: &mut Vec<Diagnostic>) {
    expr.walk(&mut |part| {
        if let ExprKind::Object(members) = &part.kind {
            crossed(cx, rotation, members, out);
        }
    });
}

/// One member for each half, each with the other one.
fn crossed<'p>(cx: &Context<'_, 'p>, rotation: usize, members: &'p [(String, Expr)], out: &mut Vec<Diagnostic>) {
    let wrong = |here: Half, value: Half| {
        members
            .iter()
            .find(|(name, expr)| half(name) == Some(here) && of(cx, rotation, expr) == Some(value))
            .map(|(_, expr)| expr)
    };
    if let (Some(who), Some(opens)) = (wrong(Half::Who, Half::Opens), wrong(Half::Opens, Half::Who)) {
        out.push(found(cx, rotation, who, opens));
    }
}

fn found<'p>(cx: &Context<'_, 'p>, rotation: usize, who: &'p Expr, opens: &'p Expr) -> Diagnostic {
    let name = |expr| known_as(cx, rotation, expr).unwrap_or_default();
    Diagnostic::new(
        codes::HALVES_EXCHANGED,
        who.at.0,
        format!("`{}` stands where `{}` belongs", name(who), name(opens)),
    )
    .at("tells who asks, and is not hidden")
    .label(opens.at.0, "the other half")
    .help("exchange the two")
}

/// What an answer gives in public, and calls an id, stored in the field that opens.
fn public_as_secret<'p>(cx: &Context<'_, 'p>, rotation: usize, fields: &'p [(String, Expr)], out: &mut Vec<Diagnostic>) {
    let crossed = fields.iter().any(|(name, expr)| half(name) == Some(Half::Who) && of(cx, rotation, expr) == Some(Half::Opens));
    for (field, expr) in fields {
        let is_public = || {
            let ExprKind::Ref(crate::plan::Root::Capture { step, name }) = &cx.meant(rotation, expr).kind else { return false };
            let node = cx.order().find(rotation, step).and_then(|id| cx.order().get(id));
            node.is_some_and(|n| n.step.task.captures().iter().any(|c| c.name == *name && !c.secret))
        };
        if !crossed && half(field) == Some(Half::Opens) && of(cx, rotation, expr) == Some(Half::Who) && is_public() {
            out.push(
                Diagnostic::new(
                    codes::HALVES_EXCHANGED,
                    expr.at.0,
                    format!("`{}` is stored as `{field}`: it tells which, and opens nothing", known_as(cx, rotation, expr).unwrap_or_default()),
                )
                .at("public, and an id by its name")
                .help("store what the answer gives in secret")
                .severity(Severity::Error),
            );
        }
    }
}
