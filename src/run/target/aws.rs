//! AWS Secrets Manager and Parameter Store: JSON 1.1 with a signature. The token of a version is made of its id, so the same
//! version again is the same call; a parameter is read first, since each write makes a new version of it.

use super::service::{Call, Caller, Reply, document_text};
use super::{Found, Payload, Trouble};
use crate::plan::service::Word;
use crate::run::ids::uuid_from;
use crate::run::sign::{AwsSigv4, Signed};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};
use serde_json::{Value as Json, json};
use std::time::Duration;
use url::Url;
use zeroize::Zeroizing;

/// The longest secret, and the longest parameter of each tier.
const SECRET: usize = 64 << 10;
const PARAMETER: usize = 4 << 10;
const ADVANCED: usize = 8 << 10;
/// Throttled calls say no time.
const THROTTLED: Duration = Duration::from_secs(60);

pub(super) async fn put_secret(caller: &Caller<'_>, payload: &Payload) -> Result<(), Trouble> {
    let value = payload.document()?;
    caller.within(value.len(), SECRET)?;
    let before = current(caller).await?;
    if is_current(&before, &value) {
        return Ok(());
    }
    let named = format!("rot version {} {}", payload.secret, payload.version);
    let token = uuid_from(digest(&SHA256, named.as_bytes()).as_ref(), 8);
    let body = |name: &str| {
        let (member, text) = match std::str::from_utf8(&value) {
            Ok(text) => ("SecretString", text.to_owned()),
            Err(_) => ("SecretBinary", STANDARD.encode(&*value)),
        };
        json!({ name: caller.target.place, "ClientRequestToken": token, member: text })
    };
    let reply = called(
        caller,
        Api::Secrets,
        "PutSecretValue",
        &body("SecretId"),
        false,
    )
    .await?;
    let reply = match kind(&reply).as_deref() {
        Some("ResourceNotFoundException") => {
            called(caller, Api::Secrets, "CreateSecret", &body("Name"), false).await?
        }
        _ => reply,
    };
    if !reply.is_fine() {
        // A token that is known with another value: somebody wrote that one under the id of this version.
        return Err(refusal(caller, &reply));
    }
    let fits = reply.says("/ARN", |arn| !arn.is_empty())
        && reply.says("/VersionId", |version| version == token);
    caller.confirmed(&reply, fits, "the id of the new version")?;
    // A version that was there before does not become current by being written again: the label is moved to it, away from the
    // version that was seen with it and from no other.
    let after = match before.is_fine() {
        true => current(caller).await?,
        false => return Ok(()),
    };
    if after.is_fine() && content_of(&after).is_none() {
        return caller.confirmed(&after, false, "the current version");
    }
    let seen = after.json();
    let seen = seen.get("VersionId").and_then(Json::as_str);
    let Some(seen) = seen.filter(|_| after.is_fine() && !is_current(&after, &value)) else {
        return Ok(());
    };
    let body = json!({
        "SecretId": caller.target.place,
        "VersionStage": "AWSCURRENT",
        "MoveToVersionId": token,
        "RemoveFromVersionId": seen,
    });
    let reply = called(
        caller,
        Api::Secrets,
        "UpdateSecretVersionStage",
        &body,
        false,
    )
    .await?;
    match reply.is_fine() {
        true => {
            let fits = reply.says("/ARN", |arn| !arn.is_empty());
            caller.confirmed(&reply, fits, "the ARN of the secret")
        }
        false => Err(refusal(caller, &reply)),
    }
}

/// The current version, where it may be read.
async fn current(caller: &Caller<'_>) -> Result<Reply, Trouble> {
    let body = json!({ "SecretId": caller.target.place });
    called(caller, Api::Secrets, "GetSecretValue", &body, true).await
}

fn is_current(reply: &Reply, own: &[u8]) -> bool {
    reply.is_fine() && content_of(reply).is_some_and(|there| there.as_slice() == own)
}

fn content_of(reply: &Reply) -> Option<Zeroizing<Vec<u8>>> {
    let answer = reply.json();
    let text = answer.get("SecretString").and_then(Json::as_str);
    if let Some(text) = text {
        return Some(Zeroizing::new(text.as_bytes().to_vec()));
    }
    let binary = answer.get("SecretBinary").and_then(Json::as_str)?;
    STANDARD.decode(binary).ok().map(Zeroizing::new)
}

pub(super) async fn look_at_secret(
    caller: &Caller<'_>,
    payload: &Payload,
) -> Result<Found, Trouble> {
    let reply = current(caller).await?;
    if kind(&reply).as_deref() == Some("ResourceNotFoundException") {
        return Ok(Found::Absent);
    }
    if !reply.is_fine() {
        return Err(refusal(caller, &reply));
    }
    let Some(there) = content_of(&reply) else {
        return Err(caller.unexpected(&reply, "the current version"));
    };
    compared(&there, payload)
}

pub(super) async fn put_parameter(caller: &Caller<'_>, payload: &Payload) -> Result<(), Trouble> {
    let value = payload.document()?;
    let tier = caller.target.text(Word::Tier);
    let limit = match tier {
        None | Some("Standard") => PARAMETER,
        Some(_) => ADVANCED,
    };
    caller.within(value.len(), limit)?;
    let text = document_text(&value, "a parameter")?;
    // Who may write need not be allowed to read: then it is written.
    let there = parameter(caller).await?;
    if there.is_fine() && value_of(&there).as_deref().map(String::as_str) == Some(text) {
        return Ok(());
    }
    let mut body = json!({
        "Name": caller.target.place,
        "Value": text,
        "Type": "SecureString",
        "Overwrite": true,
    });
    if let (Some(tier), Some(object)) = (tier, body.as_object_mut()) {
        object.insert("Tier".to_owned(), tier.into());
    }
    let reply = called(caller, Api::Parameters, "PutParameter", &body, false).await?;
    match reply.is_fine() {
        true => {
            let version = reply.json().get("Version").and_then(Json::as_u64);
            caller.confirmed(&reply, version.is_some(), "the number of the new version")
        }
        false => Err(refusal(caller, &reply)),
    }
}

pub(super) async fn look_at_parameter(
    caller: &Caller<'_>,
    payload: &Payload,
) -> Result<Found, Trouble> {
    let reply = parameter(caller).await?;
    if kind(&reply).as_deref() == Some("ParameterNotFound") {
        return Ok(Found::Absent);
    }
    if !reply.is_fine() {
        return Err(refusal(caller, &reply));
    }
    let Some(there) = value_of(&reply) else {
        return Err(caller.unexpected(&reply, "the parameter"));
    };
    compared(there.as_bytes(), payload)
}

async fn parameter(caller: &Caller<'_>) -> Result<Reply, Trouble> {
    let body = json!({ "Name": caller.target.place, "WithDecryption": true });
    called(caller, Api::Parameters, "GetParameter", &body, true).await
}

fn value_of(reply: &Reply) -> Option<Zeroizing<String>> {
    let answer = reply.json();
    let value = answer.pointer("/Parameter/Value")?.as_str()?;
    Some(Zeroizing::new(value.to_owned()))
}

fn compared(there: &[u8], payload: &Payload) -> Result<Found, Trouble> {
    Ok(Found::compared(Some(there), &payload.document()?))
}

#[derive(Clone, Copy)]
enum Api {
    Secrets,
    Parameters,
}

async fn called(
    caller: &Caller<'_>,
    api: Api,
    action: &str,
    body: &Json,
    reads: bool,
) -> Result<Reply, Trouble> {
    let (service, prefix) = match api {
        Api::Secrets => ("secretsmanager", "secretsmanager"),
        Api::Parameters => ("ssm", "AmazonSSM"),
    };
    let server = caller.target.server();
    let url = Url::parse(&format!("{server}/")).map_err(|_| {
        Trouble::refused(
            format!("`{server}` is no address"),
            "look at `region` and `server`",
        )
    })?;
    let action = format!("{prefix}.{action}");
    let mut call = Call::new("POST", url.to_string())
        .header("X-Amz-Target", action.as_bytes())
        .json("application/x-amz-json-1.1", body);
    let session = caller
        .has(Word::Session)
        .then(|| caller.text(Word::Session));
    let scheme = AwsSigv4 {
        key_id: caller.text(Word::KeyId)?,
        secret_key: caller.text(Word::Key)?,
        session_token: session.transpose()?,
        region: caller.target.text(Word::Region).unwrap_or_default(),
        service,
    };
    let signed = scheme.headers(&Signed {
        method: "POST",
        url: &url,
        headers: &call.headers,
        body: call.body.as_deref().map_or(&[], Vec::as_slice),
        at: caller.site.world.clock.now(),
    });
    call.headers.extend(signed);
    caller.call(call, reads).await
}

/// The type of an error, by its name in the API.
fn kind(reply: &Reply) -> Option<String> {
    let answer = reply.json();
    let name = answer.get("__type").and_then(Json::as_str)?;
    let name = name.rsplit('#').next().unwrap_or(name);
    (!reply.is_fine()).then(|| name.to_owned())
}

/// What an error means, by its type: AWS answers 400 to most.
fn refusal(caller: &Caller<'_>, reply: &Reply) -> Trouble {
    let (host, place) = (caller.target.host(), &caller.target.place);
    match kind(reply).as_deref() {
        Some(
            "UnrecognizedClientException"
            | "InvalidSignatureException"
            | "IncompleteSignatureException"
            | "InvalidClientTokenId"
            | "ExpiredTokenException"
            | "SignatureDoesNotMatch",
        ) => Trouble::refused(
            format!("{host} does not accept the access key of this target"),
            "store a good one with `rot vault set`, then `rot deliver`; is the clock of this machine right?",
        ),
        Some("AccessDeniedException") => Trouble::refused(
            format!("{host} does not allow this access key to write `{place}`"),
            "allow `secretsmanager:PutSecretValue`, `secretsmanager:CreateSecret` or `ssm:PutParameter` on it, then `rot deliver`",
        ),
        Some("ResourceExistsException") => Trouble::refused(
            format!("`{place}` has another value under the id of this version"),
            "rotate it once more: the next version has an id of its own",
        ),
        Some("ThrottlingException" | "TooManyRequestsException" | "LimitExceededException") => {
            Trouble {
                pause: Some(THROTTLED),
                ..Trouble::refused(
                    format!("{host} asks to be left alone"),
                    "every later call tries it again; at once: `rot deliver`",
                )
            }
        }
        Some("InternalServiceError" | "InternalServerError") => Trouble::unknown(
            format!("{host} failed ({})", reply.status),
            "every later call tries it again; at once: `rot deliver`",
        ),
        _ => caller.refusal(reply),
    }
}
