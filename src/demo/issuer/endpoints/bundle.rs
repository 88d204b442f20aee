//! Several secrets in one answer: a key pair and a session token.

use super::super::{Kind, Received, Reply, State};
use super::{is_admin, unauthorized};
use serde_json::json;
use std::time::Duration;

/// `POST /bundle`
pub(super) fn create(state: &mut State, request: &Received) -> Reply {
    if !is_admin(state, request) {
        return unauthorized();
    }
    let lifetime = state.config.lifetime;
    let secret = state.issue(Kind::Bundle, "bundle", None, None);
    let session = state.issue(
        Kind::Session,
        &secret.id,
        Some(lifetime),
        Some(secret.family),
    );
    Reply::json(
        200,
        &json!({
            "access_key": secret.id,
            "secret_key": secret.value,
            "session": { "token": session.value, "expires_in": lifetime.as_secs() },
        }),
    )
}

/// `GET /bundle/check` with `X-Access-Key` and `X-Secret-Key`
pub(super) fn check(state: &State, request: &Received) -> Reply {
    let secret = state.live(
        Kind::Bundle,
        request.header("x-secret-key").unwrap_or_default(),
    );
    match secret {
        Some(secret) if Some(secret.id.as_str()) == request.header("x-access-key") => {
            Reply::json(200, &json!({ "id": secret.id }))
        }
        _ => unauthorized(),
    }
}

/// `DELETE /bundle/{access_key}`: the pair and its session; 204, then 404.
pub(super) fn delete(state: &mut State, request: &Received, id: &str) -> Reply {
    if !is_admin(state, request) {
        return unauthorized();
    }
    match state.end(Duration::ZERO, |c| {
        (c.kind == Kind::Bundle && c.id == id) || (c.kind == Kind::Session && c.name == id)
    }) {
        0 => Reply::error(404, "no such bundle"),
        _ => Reply::empty(204),
    }
}
