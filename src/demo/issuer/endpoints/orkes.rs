//! Orkes Conductor: a token of an application key. Earlier tokens stay good until they expire.

use super::super::{Kind, Received, Reply, State};
use serde_json::json;

/// `POST /api/token {keyId, keySecret}`
pub(super) fn token(state: &mut State, request: &Received) -> Reply {
    let body = request.json();
    let (id, secret) = &state.config.application;
    if body.get("keyId").and_then(|v| v.as_str()) != Some(id)
        || body.get("keySecret").and_then(|v| v.as_str()) != Some(secret)
    {
        return Reply::json(
            401,
            &json!({ "status": 401, "message": "invalid key", "retryable": false }),
        );
    }
    let (name, lifetime) = (id.clone(), state.config.lifetime);
    let token = state.issue(Kind::Orkes, &name, Some(lifetime), None);
    Reply::json(200, &json!({ "token": token.value }))
}

/// `GET /api/ping` with `X-Authorization`
pub(super) fn ping(state: &State, request: &Received) -> Reply {
    match state.live(
        Kind::Orkes,
        request.header("x-authorization").unwrap_or_default(),
    ) {
        Some(_) => Reply::json(200, &json!({ "status": "ok" })),
        None => Reply::json(
            401,
            &json!({ "status": 401, "message": "invalid token", "retryable": false }),
        ),
    }
}
