//! CI/CD variables of a project of GitLab. Each is named with its scope, as GitLab keeps several of one name; `raw` keeps a `$`
//! from being expanded.

use super::service::{Call, Caller, Reply, as_text, segment};
use super::{Found, Payload, Trouble};
use crate::plan::service::Word;
use serde_json::{Value as Json, json};

/// What GitLab masks.
const SHORTEST_MASKED: usize = 8;

pub(super) async fn put(caller: &Caller<'_>, payload: &Payload) -> Result<(), Trouble> {
    let masked = caller.target.is(Word::Masked).unwrap_or(true);
    let protected = caller.target.is(Word::Protected).unwrap_or(false);
    for (name, value) in payload.own_variables()? {
        let value = as_text(&name, value)?;
        if masked && (value.len() < SHORTEST_MASKED || value.contains(char::is_whitespace)) {
            return Err(Trouble::refused(
                format!(
                    "GitLab cannot mask the value of `{name}`: it masks one line of at least {SHORTEST_MASKED} characters without blanks"
                ),
                "say `masked false` in the target, or store it as base64",
            ));
        }
        let mut body = json!({
            "value": value,
            "variable_type": "env_var",
            "raw": true,
            "masked": masked,
            "protected": protected,
            "environment_scope": scope(caller),
        });
        let call = one(caller, "PUT", &name)?.json("application/json", &body);
        let reply = caller.call(call, false).await?;
        match reply.status {
            200..=299 => {
                confirmed(caller, &reply, &name)?;
                continue;
            }
            404 => {}
            _ => return Err(caller.refusal(&reply)),
        }
        if let Some(object) = body.as_object_mut() {
            object.insert("key".to_owned(), Json::from(name.as_str()));
        }
        let call = asked(caller, "POST", variables(caller))?.json("application/json", &body);
        let reply = caller.call(call, false).await?;
        if !reply.is_fine() {
            return Err(caller.refusal(&reply));
        }
        confirmed(caller, &reply, &name)?;
    }
    Ok(())
}

/// GitLab answers with the variable.
fn confirmed(caller: &Caller<'_>, reply: &Reply, name: &str) -> Result<(), Trouble> {
    let fits = reply.says("/key", |key| key == name);
    caller.confirmed(reply, fits, "the variable")
}

pub(super) async fn look(caller: &Caller<'_>, payload: &Payload) -> Result<Found, Trouble> {
    let mut hidden = false;
    for (name, value) in payload.own_variables()? {
        let reply = caller.call(one(caller, "GET", &name)?, true).await?;
        match reply.status {
            200 if reply.says("/key", |key| key == name) => {}
            200 => return Err(caller.unexpected(&reply, "the variable")),
            404 => return Ok(Found::Absent),
            _ => return Err(caller.refusal(&reply)),
        }
        match reply.json().get("value").and_then(Json::as_str) {
            None => hidden = true,
            Some(there) if Some(there) != value.expose_text() => {
                return Ok(Found::Differs("its content"));
            }
            Some(_) => {}
        }
    }
    Ok(match hidden {
        true => Found::Unreadable("GitLab hides the value"),
        false => Found::Same,
    })
}

fn scope<'c>(caller: &'c Caller<'_>) -> &'c str {
    caller.target.text(Word::Scope).unwrap_or("*")
}

fn variables(caller: &Caller<'_>) -> String {
    format!(
        "{}/api/v4/projects/{}/variables",
        caller.target.server(),
        segment(&caller.target.place)
    )
}

fn one<'c>(caller: &Caller<'_>, method: &'c str, name: &str) -> Result<Call<'c>, Trouble> {
    let url = format!(
        "{}/{}?filter%5Benvironment_scope%5D={}",
        variables(caller),
        segment(name),
        segment(scope(caller))
    );
    asked(caller, method, url)
}

fn asked<'c>(caller: &Caller<'_>, method: &'c str, url: String) -> Result<Call<'c>, Trouble> {
    let token = caller.credential(Word::Token)?;
    Ok(Call::new(method, url).header("PRIVATE-TOKEN", token.expose()))
}
