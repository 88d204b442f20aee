//! OAuth 2: token endpoint (RFC 6749), introspection (RFC 7662), revocation (RFC 7009), refresh tokens that rotate and
//! whose reuse ends the family (RFC 9700 section 4.14).

use super::super::{Kind, Received, Reply, State};
use super::field;
use serde_json::json;
use std::time::Duration;

/// `POST /oauth/token`
pub(super) fn token(state: &mut State, request: &Received) -> Reply {
    let form = request.form();
    if let Err(reply) = authenticate(state, request, &form) {
        return reply;
    }
    match field(&form, "grant_type") {
        Some("client_credentials") => {
            let (name, lifetime) = (state.config.client.0.clone(), state.config.lifetime);
            let access = state.issue(Kind::Access, &name, Some(lifetime), None);
            answer(
                json!({ "access_token": access.value, "token_type": "Bearer", "expires_in": lifetime.as_secs() }),
            )
        }
        Some("refresh_token") => refresh(state, field(&form, "refresh_token").unwrap_or_default()),
        Some(_) => error(400, "unsupported_grant_type"),
        None => error(400, "invalid_request"),
    }
}

fn refresh(state: &mut State, token: &str) -> Reply {
    let Some(known) = state.known(Kind::Refresh, token).cloned() else {
        return error(400, "invalid_grant");
    };
    if !known.is_live(state.now()) {
        // Somebody holds a stolen copy; nobody can tell who.
        state.end(Duration::ZERO, |credential| {
            credential.family == known.family
        });
        return error(400, "invalid_grant");
    }
    let lifetime = state.config.lifetime;
    let family = Some(known.family);
    state.end(Duration::ZERO, |credential| {
        credential.kind == Kind::Access && credential.family == known.family
    });
    let access = state.issue(Kind::Access, &known.name, Some(lifetime), family);
    let mut body = json!({ "access_token": access.value, "token_type": "Bearer", "expires_in": lifetime.as_secs() });
    if !state.config.omit_refresh_token {
        state.end(Duration::ZERO, |credential| credential.id == known.id);
        let next = state.issue(Kind::Refresh, &known.name, None, family);
        if let Some(body) = body.as_object_mut() {
            body.insert("refresh_token".to_owned(), next.value.into());
        }
    }
    answer(body)
}

/// `POST /oauth/introspect`
pub(super) fn introspect(state: &mut State, request: &Received) -> Reply {
    let form = request.form();
    if let Err(reply) = authenticate(state, request, &form) {
        return reply;
    }
    let token = field(&form, "token").unwrap_or_default();
    let live = state
        .live(Kind::Access, token)
        .or_else(|| state.live(Kind::Refresh, token));
    Reply::json(
        200,
        &match live {
            Some(credential) => {
                json!({ "active": true, "client_id": state.config.client.0, "exp": credential.expires_at.map(|at| at.as_second()) })
            }
            None => json!({ "active": false }),
        },
    )
}

/// `POST /oauth/revoke`: 200 also for tokens that are unknown (RFC 7009 section 2.2).
pub(super) fn revoke(state: &mut State, request: &Received) -> Reply {
    let form = request.form();
    if let Err(reply) = authenticate(state, request, &form) {
        return reply;
    }
    let token = field(&form, "token").unwrap_or_default();
    state.end(Duration::ZERO, |c| {
        matches!(c.kind, Kind::Access | Kind::Refresh) && c.value == token
    });
    Reply::empty(200)
}

/// Checks the client by Basic (each half form-encoded, RFC 6749 section 2.3.1) or by the body, but not by both.
fn authenticate(state: &State, request: &Received, form: &[(String, String)]) -> Result<(), Reply> {
    let by_header = request
        .basic()
        .map(|(id, secret)| (form_decoded(&id), form_decoded(&secret)));
    let by_body = field(form, "client_secret").map(|secret| {
        (
            field(form, "client_id").unwrap_or_default().to_owned(),
            secret.to_owned(),
        )
    });
    match (by_header, by_body) {
        (Some(_), Some(_)) => Err(error(400, "invalid_request")),
        (Some(client), None) | (None, Some(client)) if client == state.config.client => Ok(()),
        _ => Err(error(401, "invalid_client").with("www-authenticate", "Basic realm=\"token\"")),
    }
}

fn form_decoded(text: &str) -> String {
    let pair = format!("v={text}");
    url::form_urlencoded::parse(pair.as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

fn answer(body: serde_json::Value) -> Reply {
    Reply::json(200, &body).with("cache-control", "no-store")
}

fn error(status: u16, code: &str) -> Reply {
    Reply::json(status, &json!({ "error": code })).with("cache-control", "no-store")
}
