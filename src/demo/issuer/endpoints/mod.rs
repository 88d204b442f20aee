//! The endpoints: one file for each kind of issuer, each a function from state and request to an answer.

mod bundle;
mod gitlab;
mod keys;
mod oauth;
mod orkes;
mod slack;
mod slots;
mod users;

use super::{Kind, Received, Reply, State};
use serde_json::json;

/// Executes a request.
pub(super) fn handle(state: &mut State, request: &Received) -> Reply {
    // A HEAD is a GET; hyper leaves the body out.
    let method = if request.method == "HEAD" {
        "GET"
    } else {
        request.method.as_str()
    };
    let path: Vec<&str> = request.path.trim_start_matches('/').split('/').collect();
    match (method, path.as_slice()) {
        ("POST", ["api", "token"]) => orkes::token(state, request),
        ("GET", ["api", "ping"]) => orkes::ping(state, request),
        ("POST", ["oauth", "token"]) => oauth::token(state, request),
        ("POST", ["oauth", "introspect"]) => oauth::introspect(state, request),
        ("POST", ["oauth", "revoke"]) => oauth::revoke(state, request),
        ("POST", ["api", "v4", "personal_access_tokens", "self", "rotate"]) => {
            gitlab::rotate(state, request)
        }
        ("GET", ["api", "v4", "personal_access_tokens", "self"]) => gitlab::show(state, request),
        ("POST", ["keys"]) => keys::create(state, request),
        ("GET", ["keys"]) => keys::list(state, request),
        ("DELETE", ["keys", id]) => keys::delete(state, request, id),
        ("GET", ["me"]) => me(state, request),
        ("PUT", ["users", name, "password"]) => users::set_password(state, request, name),
        ("GET", ["login"]) => users::login(state, request),
        ("POST", ["slots", slot, "regenerate"]) => slots::regenerate(state, request, slot),
        ("POST", ["bundle"]) => bundle::create(state, request),
        ("GET", ["bundle", "check"]) => bundle::check(state, request),
        ("DELETE", ["bundle", id]) => bundle::delete(state, request, id),
        ("POST", ["slack", "tooling.tokens.rotate"]) => slack::rotate(state, request),
        _ => Reply::error(404, "no such endpoint"),
    }
}

/// Who the bearer is: any credential that is sent so.
fn me(state: &State, request: &Received) -> Reply {
    let bearer = request.bearer().unwrap_or_default();
    let kinds = [
        Kind::Key,
        Kind::Slot,
        Kind::Access,
        Kind::Session,
        Kind::SlackAccess,
    ];
    match kinds.iter().find_map(|kind| state.live(*kind, bearer)) {
        Some(credential) => Reply::json(
            200,
            &json!({ "id": credential.id, "name": credential.name }),
        ),
        None => unauthorized(),
    }
}

fn is_admin(state: &State, request: &Received) -> bool {
    request.bearer() == Some(state.config.admin.as_str())
}

fn unauthorized() -> Reply {
    Reply::error(401, "unauthorized").with("www-authenticate", "Bearer")
}

/// The member of a form.
fn field<'f>(form: &'f [(String, String)], name: &str) -> Option<&'f str> {
    form.iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.as_str())
}
