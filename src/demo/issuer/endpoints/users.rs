//! Passwords that the caller chooses, set by an administrator or by the user.

use super::super::{Received, Reply, State};
use super::is_admin;
use serde_json::{Value, json};

/// `PUT /users/{name}/password {password}`
pub(super) fn set_password(state: &mut State, request: &Received, name: &str) -> Reply {
    let by_itself = request.basic().is_some_and(|(user, password)| {
        user == name && state.passwords.get(name) == Some(&password)
    });
    if !by_itself && !is_admin(state, request) {
        return unauthorized();
    }
    let body = request.json();
    match body.get("password").and_then(Value::as_str) {
        None => Reply::error(422, "a password is required"),
        Some(password) if password.chars().count() < 8 => {
            Reply::error(422, "the password is too short")
        }
        Some(password) => match state.passwords.get_mut(name) {
            Some(current) => {
                password.clone_into(current);
                Reply::empty(204)
            }
            None => Reply::error(404, "no such user"),
        },
    }
}

/// `GET /login` by Basic
pub(super) fn login(state: &State, request: &Received) -> Reply {
    match request.basic() {
        Some((user, password)) if state.passwords.get(&user) == Some(&password) => {
            Reply::json(200, &json!({ "user": user }))
        }
        _ => unauthorized(),
    }
}

fn unauthorized() -> Reply {
    Reply::error(401, "unauthorized").with("www-authenticate", "Basic realm=\"users\"")
}
