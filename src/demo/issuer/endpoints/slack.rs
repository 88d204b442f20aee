//! Slack: every answer is 200, and `ok` in the body tells whether it worked.

use super::super::{Kind, Received, Reply, State};
use super::field;
use serde_json::json;
use std::time::Duration;

/// `POST /slack/tooling.tokens.rotate` with the refresh token, which is good once.
pub(super) fn rotate(state: &mut State, request: &Received) -> Reply {
    let form = request.form();
    let Some(token) = field(&form, "refresh_token") else {
        return Reply::json(200, &json!({ "ok": false, "error": "invalid_arguments" }));
    };
    let Some(old) = state.live(Kind::SlackRefresh, token).cloned() else {
        return Reply::json(
            200,
            &json!({ "ok": false, "error": "invalid_refresh_token" }),
        );
    };
    let lifetime = state.config.lifetime;
    state.end(Duration::ZERO, |credential| credential.family == old.family);
    let access = state.issue(
        Kind::SlackAccess,
        &old.name,
        Some(lifetime),
        Some(old.family),
    );
    let refresh = state.issue(Kind::SlackRefresh, &old.name, None, Some(old.family));
    Reply::json(
        200,
        &json!({
            "ok": true,
            "token": access.value,
            "refresh_token": refresh.value,
            "team_id": "T0DEMO",
            "iat": access.created_at.as_second(),
            "exp": access.expires_at.map(|at| at.as_second()),
        }),
    )
}
