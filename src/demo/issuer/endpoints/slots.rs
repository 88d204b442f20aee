//! Two keys that are good at the same time, each made anew without touching the other.

use super::super::{Kind, Received, Reply, State};
use super::{is_admin, unauthorized};
use serde_json::json;
use std::time::Duration;

/// `POST /slots/{1|2}/regenerate`
pub(super) fn regenerate(state: &mut State, request: &Received, slot: &str) -> Reply {
    if !is_admin(state, request) {
        return unauthorized();
    }
    if !matches!(slot, "1" | "2") {
        return Reply::error(404, "no such slot");
    }
    state.end(Duration::ZERO, |credential| {
        credential.kind == Kind::Slot && credential.name == slot
    });
    let key = state.issue(Kind::Slot, slot, None, None);
    Reply::json(200, &json!({ "slot": slot, "key": key.value }))
}
