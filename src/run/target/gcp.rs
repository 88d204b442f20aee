//! Google Cloud Secret Manager. Adding a version is not repeatable, so the newest is looked at first: where it says the same,
//! nothing is added.

use super::service::{Call, Caller, Reply, segment, segments, token_of};
use super::{Found, Payload, Trouble};
use crate::plan::service::Word;
use crate::run::jwt;
use crate::run::value::{Data, Value};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};
use zeroize::Zeroizing;

/// The longest value.
const LIMIT: usize = 64 << 10;
/// What the token may do.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

pub(super) async fn put(caller: &Caller<'_>, payload: &Payload) -> Result<(), Trouble> {
    let value = payload.document()?;
    caller.within(value.len(), LIMIT)?;
    let token = login(caller).await?;
    let newest = newest(caller, &token).await?;
    if newest
        .as_ref()
        .is_some_and(|there| there.as_slice() == value.as_slice())
    {
        return Ok(());
    }
    let body = json!({ "payload": { "data": STANDARD.encode(&*value) } });
    let add = || {
        let url = format!("{}:addVersion", place(caller));
        Call::new("POST", url)
            .bearer(&token)
            .json("application/json", &body)
    };
    let reply = caller.call(add(), false).await?;
    if reply.is_fine() {
        return confirmed(caller, &reply);
    }
    if reply.status != 404 {
        return Err(caller.refusal(&reply));
    }
    // The secret itself is not there yet.
    let mut parts = caller.target.place.split('/').skip(1).step_by(2);
    let (project, name) = (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    );
    let url = format!(
        "{}/v1/projects/{}/secrets?secretId={}",
        caller.target.server(),
        segment(project),
        segment(name)
    );
    let create = json!({ "replication": { "automatic": {} } });
    let call = Call::new("POST", url)
        .bearer(&token)
        .json("application/json", &create);
    let reply = caller.call(call, false).await?;
    if !reply.is_fine() && reply.status != 409 {
        return Err(caller.refusal(&reply));
    }
    let reply = caller.call(add(), false).await?;
    match reply.is_fine() {
        true => confirmed(caller, &reply),
        false => Err(caller.refusal(&reply)),
    }
}

/// The answer names the new version, under the project's name or its number.
fn confirmed(caller: &Caller<'_>, reply: &Reply) -> Result<(), Trouble> {
    let name = caller.target.place.rsplit('/').next().unwrap_or_default();
    let fits = reply.says("/name", |version| {
        let parts: Vec<&str> = version.split('/').collect();
        matches!(parts.as_slice(), ["projects", _, "secrets", there, "versions", number]
            if *there == name && !number.is_empty())
    });
    caller.confirmed(reply, fits, "the name of the new version")
}

pub(super) async fn look(caller: &Caller<'_>, payload: &Payload) -> Result<Found, Trouble> {
    let own = payload.document()?;
    let token = login(caller).await?;
    let there = newest(caller, &token).await?;
    let there = there.as_ref().map(|there| there.as_slice());
    Ok(Found::compared(there, &own))
}

fn place(caller: &Caller<'_>) -> String {
    let place = segments(&caller.target.place);
    format!("{}/v1/{place}", caller.target.server())
}

/// The newest version; nothing where there is none, where it may not be read, and where it is disabled.
async fn newest(caller: &Caller<'_>, token: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, Trouble> {
    let url = format!("{}/versions/latest:access", place(caller));
    let reply = caller
        .call(Call::new("GET", url).bearer(token), true)
        .await?;
    match reply.status {
        200 if reply.json().get("payload").is_some() => {}
        200 => return Err(caller.unexpected(&reply, "the newest version")),
        400 | 403 | 404 => return Ok(None),
        _ => return Err(caller.refusal(&reply)),
    }
    let answer = reply.json();
    let data = answer.pointer("/payload/data").and_then(Json::as_str);
    let data = data.and_then(|text| STANDARD.decode(text).ok());
    Ok(data.map(Zeroizing::new))
}

/// The token, or one that is given out for a service account's signature.
async fn login(caller: &Caller<'_>) -> Result<Zeroizing<Vec<u8>>, Trouble> {
    if let Some(token) = caller.own_token()? {
        return Ok(token);
    }
    let wrong = || {
        Trouble::refused(
            "the key of the service account cannot be read",
            "store the JSON file that Google gives out, as it is: `rot vault set NAME < key.json`",
        )
    };
    let account: Json = serde_json::from_str(caller.text(Word::Account)?).map_err(|_| wrong())?;
    let member = |name: &str| account.get(name).and_then(Json::as_str).ok_or_else(wrong);
    let audience = format!("{}/token", caller.target.authority());
    let now = caller.site.world.clock.now().as_second();
    let number = |second: i64| -> Value { Data::Number(Zeroizing::new(second.to_string())).into() };
    let claims = Data::Object(vec![
        (
            "iss".to_owned(),
            Value::text(member("client_email")?.to_owned()),
        ),
        ("scope".to_owned(), Value::text(SCOPE)),
        ("aud".to_owned(), Value::text(audience.clone())),
        ("iat".to_owned(), number(now - 30)),
        ("exp".to_owned(), number(now + 600)),
    ]);
    let key_id = account.get("private_key_id").and_then(Json::as_str);
    let signed = jwt::sign(&claims.into(), member("private_key")?, key_id).map_err(|_| wrong())?;
    let call = Call::new("POST", audience).form(&[
        ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
        ("assertion", &signed),
    ]);
    let reply = caller.call(call, true).await?;
    token_of(caller, &reply, "/access_token")
}
