//! GitLab personal access tokens that rotate themselves: the old one dies in the same call, and using a dead one again ends
//! its whole family.

use super::super::{Credential, Kind, Received, Reply, State};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::json;
use std::time::Duration;

/// `POST …/self/rotate?expires_at=YYYY-MM-DD` with `PRIVATE-TOKEN`
pub(super) fn rotate(state: &mut State, request: &Received) -> Reply {
    let token = request.header("private-token").unwrap_or_default();
    let Some(old) = state.known(Kind::Personal, token).cloned() else {
        return unauthorized();
    };
    let now = state.now();
    if !old.is_live(now) {
        state.end(Duration::ZERO, |credential| {
            credential.kind == Kind::Personal && credential.family == old.family
        });
        return unauthorized();
    }
    let expires = match request.query("expires_at") {
        None => Some(Duration::from_secs(7 * 86_400)),
        Some(text) => text.parse::<Date>().ok().and_then(|date| until(now, date)),
    };
    let Some(lifetime) = expires.filter(|lifetime| *lifetime <= Duration::from_secs(366 * 86_400))
    else {
        return Reply::json(
            400,
            &json!({ "message": "400 Bad request - Expiration date is not valid" }),
        );
    };
    state.end(Duration::ZERO, |credential| credential.id == old.id);
    let new = state.issue(Kind::Personal, &old.name, Some(lifetime), Some(old.family));
    let mut body = described(&new, true);
    if let Some(body) = body.as_object_mut() {
        body.insert("token".to_owned(), new.value.into());
    }
    Reply::json(200, &body)
}

/// `GET …/self` with `PRIVATE-TOKEN`
pub(super) fn show(state: &State, request: &Received) -> Reply {
    match state.live(
        Kind::Personal,
        request.header("private-token").unwrap_or_default(),
    ) {
        Some(token) => Reply::json(200, &described(token, true)),
        None => unauthorized(),
    }
}

fn described(token: &Credential, active: bool) -> serde_json::Value {
    json!({
        "id": token.number,
        "name": token.name,
        "revoked": !active,
        "active": active,
        "scopes": ["api", "self_rotate"],
        "created_at": token.created_at.to_string(),
        "expires_at": token.expires_at.map(|at| at.to_zoned(TimeZone::UTC).date().to_string()),
    })
}

/// From now to midnight UTC at the start of a date; `None` when that has passed.
fn until(now: jiff::Timestamp, date: Date) -> Option<Duration> {
    let end = date.to_zoned(TimeZone::UTC).ok()?.timestamp();
    Duration::try_from(end.duration_since(now))
        .ok()
        .filter(|left| !left.is_zero())
}

fn unauthorized() -> Reply {
    Reply::json(401, &json!({ "message": "401 Unauthorized" }))
}
