//! Azure Key Vault. Each write makes a version, so the newest is looked at first: where it says the same, nothing is written.

use super::service::{Call, Caller, document_text, segment, token_of};
use super::{Found, Payload, Trouble};
use crate::plan::service::Word;
use serde_json::{Value as Json, json};
use zeroize::Zeroizing;

/// The longest value.
const LIMIT: usize = 25 << 10;
/// The version of the API that all clouds have.
const VERSION: &str = "7.4";

pub(super) async fn put(caller: &Caller<'_>, payload: &Payload) -> Result<(), Trouble> {
    let value = payload.document()?;
    caller.within(value.len(), LIMIT)?;
    let text = document_text(&value, "Key Vault")?;
    let token = login(caller).await?;
    if newest(caller, &token).await?.as_deref().map(String::as_str) == Some(text) {
        return Ok(());
    }
    let body = json!({ "value": text, "tags": { "rot-version": payload.version } });
    let call = Call::new("PUT", place(caller)).bearer(&token);
    let reply = caller
        .call(call.json("application/json", &body), false)
        .await?;
    match reply.status {
        200..=299 => {
            let name = caller.target.place.rsplit('/').next().unwrap_or_default();
            let part = format!("/secrets/{}/", name.to_lowercase());
            let fits = reply.says("/id", |id| id.to_lowercase().contains(&part));
            caller.confirmed(&reply, fits, "the id of the new version")
        }
        409 => Err(Trouble::refused(
            format!(
                "Key Vault keeps a deleted secret under the name `{}` (409)",
                caller.target.place
            ),
            "recover or purge it: `az keyvault secret recover`, `az keyvault secret purge`",
        )),
        _ => Err(caller.refusal(&reply)),
    }
}

pub(super) async fn look(caller: &Caller<'_>, payload: &Payload) -> Result<Found, Trouble> {
    let own = payload.document()?;
    let token = login(caller).await?;
    let there = newest(caller, &token).await?;
    let there = there.as_ref().map(|there| there.as_bytes());
    Ok(Found::compared(there, &own))
}

fn place(caller: &Caller<'_>) -> String {
    let name = caller.target.place.split('/').nth(1).unwrap_or_default();
    format!(
        "{}/secrets/{}?api-version={VERSION}",
        caller.target.server(),
        segment(name)
    )
}

/// The newest version; nothing where there is none, and where it may not be read.
async fn newest(caller: &Caller<'_>, token: &[u8]) -> Result<Option<Zeroizing<String>>, Trouble> {
    let call = Call::new("GET", place(caller)).bearer(token);
    let reply = caller.call(call, true).await?;
    match reply.status {
        200 if reply.says("/value", |_| true) => {}
        200 => return Err(caller.unexpected(&reply, "the newest version")),
        403 | 404 => return Ok(None),
        _ => return Err(caller.refusal(&reply)),
    }
    let answer = reply.json();
    let value = answer.get("value").and_then(Json::as_str);
    Ok(value.map(|text| Zeroizing::new(text.to_owned())))
}

/// The token, or one that is given out to a registered application.
async fn login(caller: &Caller<'_>) -> Result<Zeroizing<Vec<u8>>, Trouble> {
    if let Some(token) = caller.own_token()? {
        return Ok(token);
    }
    let url = format!(
        "{}/{}/oauth2/v2.0/token",
        caller.target.authority(),
        segment(caller.target.text(Word::Tenant).unwrap_or_default())
    );
    let call = Call::new("POST", url).form(&[
        ("grant_type", "client_credentials"),
        (
            "client_id",
            caller.target.text(Word::Client).unwrap_or_default(),
        ),
        ("client_secret", caller.text(Word::ClientSecret)?),
        ("scope", "https://vault.azure.net/.default"),
    ]);
    let reply = caller.call(call, true).await?;
    token_of(caller, &reply, "/access_token")
}
