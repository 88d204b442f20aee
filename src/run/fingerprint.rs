//! What a step asked for, as digests: an interrupted run must not go on with another request under the same name.
//!
//! The request is compared as it is written, with the `let`s that it names. Captures, expectations, timeouts and retries
//! may be mended; they change nothing at the issuer. So may `strays`, which only look for what a lost answer left behind. The digests are keyed, so that they tell nothing to who reads a
//! journal without the vault.

use super::journal::Journal;
use super::journal::event::{RequestDigest, RequestPart};
use crate::plan::Task;
use crate::plan::task::http::Http;
use crate::plan::{Expr, ExprKind, Root, Rotation};
use crate::vault::Vault;
use serde_json::{Value as Json, json};

/// One digest for each part of a request.
pub fn of(vault: &Vault, journal: &Journal, rotation: &Rotation, http: &Http) -> RequestDigest {
    let key = ring::hmac::Key::new(
        ring::hmac::HMAC_SHA256,
        &journal.derive(vault, &format!("rot request v1 {}", journal.run_id())),
    );
    let digest = |what: Json| {
        let tag = ring::hmac::sign(
            &key,
            crate::plan::document::canonical::compact(&what).as_bytes(),
        );
        super::functions::hex(tag.as_ref().get(..8).unwrap_or_default())
    };
    let parts = [
        (RequestPart::Operation, json!(http.method)),
        (
            RequestPart::Target,
            json!([http.url, http.encode, http.query]),
        ),
        (
            RequestPart::Headers,
            match &http.sign {
                None => json!([http.headers, http.auth]),
                Some(sign) => json!([http.headers, http.auth, sign]),
            },
        ),
        (RequestPart::Body, json!(http.body)),
        (RequestPart::Effect, json!(http.effect)),
        (RequestPart::Lets, json!(lets(rotation, http))),
    ];
    RequestDigest(parts.map(|(part, what)| (part, digest(what))).into())
}

/// The `let`s that a request names, and those that they name.
fn lets<'a>(rotation: &'a Rotation, http: &'a Http) -> Vec<(&'a str, &'a Expr)> {
    let mut all: Vec<(&str, &Expr)> = Vec::new();
    rotation.walk(&mut |step| {
        if let Task::Let(assign) = &step.task {
            all.push((&assign.name, &assign.value));
        }
    });
    let mut open: Vec<&Expr> = http
        .request_exprs()
        .into_iter()
        .map(|(_, expr)| expr)
        .collect();
    let mut found: Vec<(&str, &Expr)> = Vec::new();
    while let Some(expr) = open.pop() {
        expr.walk(&mut |e| {
            let ExprKind::Ref(Root::Let(name)) = &e.kind else {
                return;
            };
            for (known, value) in all.iter().filter(|(known, _)| known == name) {
                if !found.iter().any(|(_, seen)| std::ptr::eq(*seen, *value)) {
                    found.push((known, value));
                    open.push(value);
                }
            }
        });
    }
    found.sort_by_key(|(name, _)| *name);
    found
}
