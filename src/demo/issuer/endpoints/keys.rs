//! Keys with an id and an expiry: made, listed and deleted by an administrator.

use super::super::{KeyMode, Kind, Received, Reply, State};
use super::{is_admin, unauthorized};
use serde_json::{Value, json};
use std::time::Duration;

/// `POST /keys {name, expires_in}`; `Idempotency-Key` is honoured.
pub(super) fn create(state: &mut State, request: &Received) -> Reply {
    if !is_admin(state, request) {
        return unauthorized();
    }
    let mode = state.config.keys;
    let Some(key) = request.header("idempotency-key") else {
        return match mode {
            KeyMode::Keyed => Reply::error(400, "the header Idempotency-Key is required"),
            _ => make(state, &request.json()),
        };
    };
    if let Some((body, reply)) = state.idempotent.get(key) {
        return if *body == request.body {
            reply.clone()
        } else {
            Reply::error(422, "this Idempotency-Key was used for another request")
        };
    }
    let reply = make(state, &request.json());
    if reply.status < 400 {
        state
            .idempotent
            .insert(key.to_owned(), (request.body.clone(), reply.clone()));
    }
    reply
}

fn make(state: &mut State, body: &Value) -> Reply {
    let Some(name) = body.get("name").and_then(Value::as_str) else {
        return Reply::error(422, "a name is required");
    };
    let lifetime = body
        .get("expires_in")
        .and_then(Value::as_u64)
        .map(Duration::from_secs);
    let same = |credential: &super::super::Credential| {
        credential.kind == Kind::Key && credential.name == name
    };
    match state.config.keys {
        KeyMode::Additive => {}
        KeyMode::Replacing | KeyMode::Keyed => {
            state.end(Duration::ZERO, same);
        }
        KeyMode::Grace(grace) => {
            state.end(grace, same);
        }
    }
    if state.live_all(Kind::Key).len() >= state.config.key_cap {
        return Reply::error(409, "too many keys: delete one first");
    }
    let key = state.issue(Kind::Key, name, lifetime, None);
    Reply::json(
        201,
        &json!({ "id": key.id, "key": key.value, "expires_at": key.expires_at.map(|at| at.to_string()) }),
    )
}

/// `GET /keys?name=`: the live ones whose name is this, or all.
pub(super) fn list(state: &State, request: &Received) -> Reply {
    if !is_admin(state, request) {
        return unauthorized();
    }
    let wanted = request.query("name");
    let keys = state
        .live_all(Kind::Key)
        .into_iter()
        .filter(|key| wanted.is_none_or(|name| key.name == name));
    let keys: Vec<Value> = keys.map(|key| json!({ "id": key.id, "name": key.name, "created_at": key.created_at.to_string() })).collect();
    Reply::json(200, &json!({ "keys": keys }))
}

/// `DELETE /keys/{id}`: 204, then 404.
pub(super) fn delete(state: &mut State, request: &Received, id: &str) -> Reply {
    if !is_admin(state, request) {
        return unauthorized();
    }
    match state.end(Duration::ZERO, |credential| {
        credential.kind == Kind::Key && credential.id == id
    }) {
        0 => Reply::error(404, "no such key"),
        _ => Reply::empty(204),
    }
}
