//! Secrets of GitHub: sealed for the key of the repository, environment or organization, so that GitHub alone can open them.
//! Nothing can be read there but the day of the last change.

use super::service::{Call, Caller, Reply, segment};
use super::{Found, Payload, Trouble};
use crate::plan::service::Word;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crypto_box::PublicKey;
use crypto_box::aead::rand_core::{self, CryptoRng, RngCore};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};
use zeroize::Zeroizing;

/// The longest value.
const LIMIT: usize = 48 << 10;
/// Clocks differ, and a change is noted after it was made.
const SKEW: SignedDuration = SignedDuration::from_mins(5);

pub(super) async fn put(caller: &Caller<'_>, payload: &Payload) -> Result<(), Trouble> {
    let all = payload.own_variables()?;
    for (_, value) in &all {
        caller.within(value.len(), LIMIT)?;
    }
    let mut key = public_key(caller).await?;
    for (name, value) in all {
        let mut stale = false;
        loop {
            let sealed = seal(caller, &key.1, value.expose())?;
            let mut body = json!({ "encrypted_value": sealed, "key_id": key.0 });
            if !caller.target.place.contains('/')
                && let Some(object) = body.as_object_mut()
            {
                let visibility = caller.target.text(Word::Visibility).unwrap_or("private");
                object.insert("visibility".to_owned(), visibility.into());
            }
            let call = asked(caller, "PUT", &segment(&name))?.json("application/json", &body);
            let reply = caller.call(call, false).await?;
            match reply.status {
                // Created, or replaced: without a body, or with an empty object.
                201 | 204 if reply.is_bare() => break,
                200..=299 => {
                    return caller.confirmed(&reply, false, "201 or 204 without content");
                }
                // The key was changed between the two calls.
                422 if !stale => {
                    stale = true;
                    key = public_key(caller).await?;
                }
                _ => return Err(caller.refusal(&reply)),
            }
        }
    }
    Ok(())
}

pub(super) async fn look(caller: &Caller<'_>, payload: &Payload) -> Result<Found, Trouble> {
    for (name, _) in payload.own_variables()? {
        let call = asked(caller, "GET", &segment(&name))?;
        let reply = caller.call(call, true).await?;
        match reply.status {
            200 if reply.says("/name", |there| there.eq_ignore_ascii_case(&name)) => {}
            200 => return Err(caller.unexpected(&reply, "what is known of the secret")),
            404 => return Ok(Found::Absent),
            _ => return Err(caller.refusal(&reply)),
        }
        let answer = reply.json();
        let changed = answer.get("updated_at").and_then(Json::as_str);
        let changed = changed.and_then(|text| text.parse::<Timestamp>().ok());
        if let (Some(changed), Some(arrived)) = (changed, caller.site.arrived)
            && changed.duration_since(arrived) > SKEW
        {
            return Ok(Found::Differs("the day of its last change"));
        }
    }
    Ok(Found::Unreadable("GitHub shows no values"))
}

fn asked<'c>(caller: &Caller<'_>, method: &'c str, name: &str) -> Result<Call<'c>, Trouble> {
    let target = caller.target;
    let parts: Vec<String> = target.place.split('/').map(segment).collect();
    let of = target.text(Word::For).unwrap_or("actions");
    let folder = match (parts.as_slice(), target.text(Word::Environment)) {
        ([owner, repository], Some(environment)) => {
            format!(
                "repos/{owner}/{repository}/environments/{}/secrets",
                segment(environment)
            )
        }
        ([owner, repository], None) => format!("repos/{owner}/{repository}/{of}/secrets"),
        _ => format!("orgs/{}/{of}/secrets", parts.join("")),
    };
    let url = format!("{}/{folder}/{name}", target.server());
    let call = Call::new(method, url).header("Accept", b"application/vnd.github+json");
    let call = call.header("X-GitHub-Api-Version", b"2022-11-28");
    Ok(call.bearer(caller.credential(Word::Token)?.expose()))
}

/// The key's id, and the key.
async fn public_key(caller: &Caller<'_>) -> Result<(String, PublicKey), Trouble> {
    let reply = caller
        .call(asked(caller, "GET", "public-key")?, true)
        .await?;
    key_of(&reply).ok_or_else(|| match reply.status {
        200 => Trouble::refused(
            format!(
                "{} gave no public key that can be read",
                caller.target.host()
            ),
            "is this the API of GitHub?",
        ),
        _ => caller.refusal(&reply),
    })
}

fn key_of(reply: &Reply) -> Option<(String, PublicKey)> {
    let answer = reply.json();
    let id = answer.get("key_id")?.as_str().filter(|_| reply.is_fine())?;
    let key = STANDARD.decode(answer.get("key")?.as_str()?).ok()?;
    let key: [u8; 32] = key.try_into().ok()?;
    Some((id.to_owned(), PublicKey::from(key)))
}

fn seal(caller: &Caller<'_>, key: &PublicKey, value: &[u8]) -> Result<String, Trouble> {
    let mut drawn = Drawn(Zeroizing::new([0; 64]), 0);
    let filled = caller.site.world.rng.fill(&mut *drawn.0);
    let sealed = filled.ok().and_then(|()| key.seal(&mut drawn, value).ok());
    let sealed = sealed.ok_or_else(|| {
        Trouble::refused(
            "the value could not be sealed",
            "has this system randomness?",
        )
    })?;
    Ok(STANDARD.encode(sealed))
}

/// Bytes that were drawn before: as many as the key of one sealed box takes.
struct Drawn(Zeroizing<[u8; 64]>, usize);

impl RngCore for Drawn {
    fn next_u32(&mut self) -> u32 {
        rand_core::impls::next_u32_via_fill(self)
    }

    fn next_u64(&mut self) -> u64 {
        rand_core::impls::next_u64_via_fill(self)
    }

    fn fill_bytes(&mut self, to: &mut [u8]) {
        // More than were drawn is never asked for; the error of `try_fill_bytes` says so to who could go on.
        let _ = self.try_fill_bytes(to);
    }

    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), rand_core::Error> {
        let end = self.1.saturating_add(to.len());
        let Some(from) = self.0.get(self.1..end) else {
            return Err(rand_core::Error::new("all that was drawn is used"));
        };
        to.copy_from_slice(from);
        self.1 = end;
        Ok(())
    }
}

impl CryptoRng for Drawn {}
