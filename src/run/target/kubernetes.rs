//! A Secret of Kubernetes, by server-side apply: our keys alone, under a field manager of our own for each secret. What another
//! manager owns is not taken, and the write says which state it has seen.

use super::service::{Call, Caller, ROUNDS, Reply, segment};
use super::{Found, Payload, Trouble};
use crate::plan::service::{Word, restart_of};
use crate::vault::short_hash;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value as Json, json};
use zeroize::Zeroizing;

/// What the cluster puts into each of its containers.
pub(super) const AUTHORITY: &str = "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt";
const TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";
/// The longest Secret, all its values together.
const LIMIT: usize = 1 << 20;

pub(super) async fn put(caller: &Caller<'_>, payload: &Payload) -> Result<(), Trouble> {
    let data = encoded(caller, payload)?;
    let (manager, note) = (manager(payload), annotation(payload));
    let force = caller.target.is(Word::Force) == Some(true);
    let mut done = false;
    for _ in 0..ROUNDS {
        let there = read(caller).await?;
        let mut metadata = json!({
            "name": name(caller),
            "annotations": { note.as_str(): payload.version },
        });
        if let Some(there) = &there {
            let version = there.pointer("/metadata/resourceVersion");
            if let (Some(version), Some(object)) = (version, metadata.as_object_mut()) {
                object.insert("resourceVersion".to_owned(), version.clone());
            }
            let noted = there
                .pointer("/metadata/annotations")
                .and_then(|all| all.get(&note));
            let same = data
                .iter()
                .all(|(key, value)| at(there, key) == Some(value));
            if same && noted.and_then(Json::as_str) == Some(&payload.version) {
                done = true;
                break;
            }
            if there.get("immutable").and_then(Json::as_bool) == Some(true) && !same {
                return Err(Trouble::refused(
                    format!("Secret `{}` is immutable", caller.target.place),
                    "delete it, or deliver to one that is not: what is immutable cannot be rotated",
                ));
            }
        }
        let body = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": metadata,
            "data": data,
        });
        let force = if force { "&force=true" } else { "" };
        let url = format!(
            "{}?fieldManager={}{force}",
            secret(caller),
            segment(&manager)
        );
        // JSON is YAML.
        let call = asked(caller, "PATCH", url)?.json("application/apply-patch+yaml", &body);
        let reply = caller.call(call, false).await?;
        match reply.status {
            200..=299 => {
                let answer = reply.json();
                let fits = is_object(&reply, "Secret", name(caller))
                    && data.keys().all(|key| at(&answer, key).is_some());
                caller.confirmed(&reply, fits, "the Secret with what was written")?;
                done = true;
                break;
            }
            409 if owned_elsewhere(&reply) => {
                return Err(Trouble::refused(
                    format!(
                        "another field manager owns a key of ours in Secret `{}` (409)",
                        caller.target.place
                    ),
                    "take the key out of what the other one applies, or say `force true` in the target to take it",
                ));
            }
            // Changed since it was looked at.
            409 => {}
            _ => return Err(caller.refusal(&reply)),
        }
    }
    if !done {
        return Err(caller.contended());
    }
    restart(caller, payload).await
}

/// Workloads that read a Secret at their start are restarted for a new version: the version's id in their template does it, and
/// the same id again changes nothing.
async fn restart(caller: &Caller<'_>, payload: &Payload) -> Result<(), Trouble> {
    let Some((kind, resource, name)) = caller.target.text(Word::Restart).and_then(restart_of)
    else {
        return Ok(());
    };
    let url = format!(
        "{}/apis/apps/v1/namespaces/{}/{resource}/{}?fieldManager=rot",
        caller.target.server(),
        segment(namespace(caller)),
        segment(name)
    );
    let body = json!({ "spec": { "template": { "metadata": {
        "annotations": { annotation(payload): payload.version },
    } } } });
    let call = asked(caller, "PATCH", url)?;
    let call = call.json("application/strategic-merge-patch+json", &body);
    let reply = caller.call(call, false).await?;
    match reply.status {
        200..=299 => {
            let fits = is_object(&reply, kind, name);
            caller.confirmed(&reply, fits, "what was to be restarted")
        }
        404 => Err(Trouble::refused(
            format!(
                "there is no `{name}` among the {resource} of `{}`",
                namespace(caller)
            ),
            "the Secret has the new value; name what is to be restarted, or leave `restart` out",
        )),
        _ => Err(caller.refusal(&reply)),
    }
}

pub(super) async fn look(caller: &Caller<'_>, payload: &Payload) -> Result<Found, Trouble> {
    let Some(there) = read(caller).await? else {
        return Ok(Found::Absent);
    };
    for (key, value) in encoded(caller, payload)? {
        match at(&there, &key) {
            None => return Ok(Found::Absent),
            Some(there) if *there != value => return Ok(Found::Differs("its content")),
            Some(_) => {}
        }
    }
    Ok(Found::Same)
}

/// Whether an answer is an object of the API, by its kind and name.
fn is_object(reply: &Reply, kind: &str, name: &str) -> bool {
    reply.says("/kind", |there| there == kind)
        && reply.says("/metadata/name", |there| there == name)
}

fn at<'j>(secret: &'j Json, key: &str) -> Option<&'j Json> {
    secret.get("data").and_then(|data| data.get(key))
}

fn namespace<'c>(caller: &'c Caller<'_>) -> &'c str {
    caller.target.place.split('/').next().unwrap_or_default()
}

fn name<'c>(caller: &'c Caller<'_>) -> &'c str {
    caller.target.place.rsplit('/').next().unwrap_or_default()
}

fn secret(caller: &Caller<'_>) -> String {
    format!(
        "{}/api/v1/namespaces/{}/secrets/{}",
        caller.target.server(),
        segment(namespace(caller)),
        segment(name(caller))
    )
}

/// The token is read for each call: the cluster changes it every hour.
fn asked<'c>(caller: &Caller<'_>, method: &'c str, url: String) -> Result<Call<'c>, Trouble> {
    let call = Call::new(method, url).header("Accept", b"application/json");
    if caller.has(Word::Token) {
        return Ok(call.bearer(caller.credential(Word::Token)?.expose()));
    }
    let token: Zeroizing<Vec<u8>> =
        caller.file(caller.target.text(Word::TokenFile).unwrap_or(TOKEN))?;
    Ok(call.bearer(token.trim_ascii()))
}

/// The Secret as it is; nothing where there is none, and where it may be written but not read.
async fn read(caller: &Caller<'_>) -> Result<Option<Json>, Trouble> {
    let reply = caller
        .call(asked(caller, "GET", secret(caller))?, true)
        .await?;
    match reply.status {
        200 if is_object(&reply, "Secret", name(caller)) => Ok(Some(reply.json())),
        200 => Err(caller.unexpected(&reply, "the Secret")),
        403 | 404 => Ok(None),
        _ => Err(caller.refusal(&reply)),
    }
}

fn encoded(caller: &Caller<'_>, payload: &Payload) -> Result<Map<String, Json>, Trouble> {
    let keys = payload.keys()?;
    caller.within(keys.iter().map(|(_, value)| value.len()).sum(), LIMIT)?;
    let one = |(key, value): (String, &crate::vault::Secret)| {
        (key, Json::from(STANDARD.encode(value.expose())))
    };
    Ok(keys.into_iter().map(one).collect())
}

/// Whether a conflict is one of owners, by the reason that the API gives for each field.
fn owned_elsewhere(reply: &Reply) -> bool {
    let answer = reply.json();
    let causes = answer.pointer("/details/causes").and_then(Json::as_array);
    causes
        .into_iter()
        .flatten()
        .any(|cause| cause.get("reason").and_then(Json::as_str) == Some("FieldManagerConflict"))
}

/// One for each secret, so that two of them in one Secret do not take each other's keys away.
fn manager(payload: &Payload) -> String {
    let name = format!("rot-{}", payload.secret.replace('/', "."));
    match name.len() {
        0..=128 => name,
        _ => format!("rot-{}", short_hash(payload.secret.as_bytes())),
    }
}

/// Where the version's id stands.
fn annotation(payload: &Payload) -> String {
    let name = payload.secret.replace('/', ".");
    match name.len() {
        0..=63 => format!("rot/{name}"),
        _ => format!("rot/{}", short_hash(payload.secret.as_bytes())),
    }
}
