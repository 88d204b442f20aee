//! Vault and OpenBao, KV version 2. Our keys are put beside those of others, and the write says which version it has seen:
//! whoever wrote in between makes it begin again, so nothing of either is lost.

use super::service::{Call, Caller, ROUNDS, as_text, segment, segments, token_of};
use super::{Found, Payload, Trouble};
use crate::plan::service::Word;
use serde_json::{Map, Value as Json, json};
use zeroize::Zeroizing;

/// What is there: the number of the newest version, and its keys; none where it is deleted.
struct There {
    version: u64,
    data: Option<Map<String, Json>>,
}

pub(super) async fn put(caller: &Caller<'_>, payload: &Payload) -> Result<(), Trouble> {
    let token = login(caller).await?;
    let own = payload.keys()?;
    for _ in 0..ROUNDS {
        let there = read(caller, &token).await?;
        let mut data = there.data.clone().unwrap_or_default();
        for (key, value) in &own {
            data.insert(key.clone(), Json::from(as_text(key, value)?));
        }
        if there.data.as_ref() == Some(&data) {
            return Ok(());
        }
        let body = json!({ "options": { "cas": there.version }, "data": data });
        let call = with(caller, "POST", &token).json("application/json", &body);
        let reply = caller.call(call, false).await?;
        match reply.status {
            200..=299 => {
                let version = reply.json().pointer("/data/version").cloned();
                let fits = version.is_some_and(|number| number.is_u64());
                return caller.confirmed(&reply, fits, "the number of the new version");
            }
            // A version that is not the newest any more is 400, as a body is that is not taken: the next look tells.
            400 if read(caller, &token).await?.version != there.version => {}
            _ => return Err(caller.refusal(&reply)),
        }
    }
    Err(caller.contended())
}

pub(super) async fn look(caller: &Caller<'_>, payload: &Payload) -> Result<Found, Trouble> {
    let token = login(caller).await?;
    let Some(data) = read(caller, &token).await?.data else {
        return Ok(Found::Absent);
    };
    for (key, value) in payload.keys()? {
        match data.get(&key).and_then(Json::as_str) {
            None => return Ok(Found::Absent),
            Some(there) if Some(there) != value.expose_text() => {
                return Ok(Found::Differs("its content"));
            }
            Some(_) => {}
        }
    }
    Ok(Found::Same)
}

fn with<'c>(caller: &Caller<'_>, method: &'c str, token: &[u8]) -> Call<'c> {
    let (mount, path) = caller.target.place.split_once('/').unwrap_or_default();
    let url = format!(
        "{}/v1/{}/data/{}",
        caller.target.server(),
        segment(mount),
        segments(path)
    );
    namespaced(caller, Call::new(method, url)).header("X-Vault-Token", token)
}

fn namespaced<'c>(caller: &Caller<'_>, call: Call<'c>) -> Call<'c> {
    match caller.target.text(Word::Namespace) {
        Some(namespace) => call.header("X-Vault-Namespace", namespace.as_bytes()),
        None => call,
    }
}

async fn read(caller: &Caller<'_>, token: &[u8]) -> Result<There, Trouble> {
    let reply = caller.call(with(caller, "GET", token), true).await?;
    let answer = reply.json();
    // A deleted version is 404 with its metadata; a path that never was, 404 without.
    let version = answer.pointer("/data/metadata/version");
    let version = version.and_then(Json::as_u64);
    match (reply.status, version) {
        (200, Some(version)) => Ok(There {
            version,
            data: answer
                .pointer("/data/data")
                .and_then(Json::as_object)
                .cloned(),
        }),
        (200, None) if answer.get("data").is_none_or(|data| !data.is_object()) => {
            Err(caller.unexpected(&reply, "a version of the secret"))
        }
        (200, None) => Err(Trouble::refused(
            format!(
                "`{}` is not in a mount of KV version 2",
                caller.target.place
            ),
            "name a mount that keeps versions: `vault secrets enable -version=2 -path=MOUNT kv`",
        )),
        (404, version) => Ok(There {
            version: version.unwrap_or(0),
            data: None,
        }),
        _ => Err(caller.refusal(&reply)),
    }
}

/// The token, or one that AppRole gives out for it.
async fn login(caller: &Caller<'_>) -> Result<Zeroizing<Vec<u8>>, Trouble> {
    if let Some(token) = caller.own_token()? {
        return Ok(token);
    }
    let body = json!({
        "role_id": caller.text(Word::RoleId)?,
        "secret_id": caller.text(Word::SecretId)?,
    });
    let url = format!("{}/v1/auth/approle/login", caller.target.server());
    let call = namespaced(caller, Call::new("POST", url)).json("application/json", &body);
    let reply = caller.call(call, true).await?;
    token_of(caller, &reply, "/auth/client_token")
}
