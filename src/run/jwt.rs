//! A signed JSON Web Token, RS256 (RFC 7515, RFC 7519).

use super::value::{Data, Value};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use zeroize::Zeroizing;

/// Signs claims. Members that are null are left out.
pub fn sign(claims: &Value, pem: &str, key_id: Option<&str>) -> Result<Zeroizing<String>, String> {
    let Data::Object(members) = &claims.data else {
        return Err(format!(
            "the claims of a token are an object, this is {}",
            claims.kind()
        ));
    };
    let kept: Vec<(String, Value)> = members
        .iter()
        .filter(|(_, v)| !v.is_null())
        .cloned()
        .collect();
    let claims: Value = Data::Object(kept).into();
    let key = private_key(pem)?;
    let mut header = vec![
        ("alg".to_owned(), Value::text("RS256")),
        ("typ".to_owned(), Value::text("JWT")),
    ];
    header.extend(
        key_id
            .filter(|k| !k.is_empty())
            .map(|k| ("kid".to_owned(), Value::text(k))),
    );
    let header: Value = Data::Object(header).into();
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.json_text().as_bytes());
    let mut token = Zeroizing::new(format!("{}.{}", part(&header), part(&claims)));
    let mut signature = vec![0; key.public().modulus_len()];
    // PKCS#1 v1.5 is deterministic; the randomness only blinds the computation.
    key.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        token.as_bytes(),
        &mut signature,
    )
    .map_err(|_| "the token could not be signed".to_owned())?;
    token.push('.');
    token.push_str(&URL_SAFE_NO_PAD.encode(signature));
    Ok(token)
}

/// A key from PEM; line breaks may have come as the two characters `\n`, as in a service account's JSON.
fn private_key(pem: &str) -> Result<RsaKeyPair, String> {
    let text = Zeroizing::new(pem.replace("\\n", "\n"));
    if text.contains("-----BEGIN RSA PRIVATE KEY-----") {
        return Err(
            "the private key is in PKCS#1; convert it: `openssl pkcs8 -topk8 -nocrypt`".into(),
        );
    }
    if text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----") {
        return Err("the private key is encrypted with a pass phrase; store it without one: the vault encrypts it".into());
    }
    let body: Zeroizing<String> = Zeroizing::new(
        text.lines()
            .filter(|line| !line.trim_start().starts_with("-----"))
            .flat_map(|l| l.chars().filter(|c| !c.is_whitespace()))
            .collect(),
    );
    let der = Zeroizing::new(
        STANDARD
            .decode(body.as_bytes())
            .map_err(|_| "the private key is not PEM (PKCS#8)".to_owned())?,
    );
    RsaKeyPair::from_pkcs8(&der)
        .map_err(|_| "the private key is not an RSA key in PKCS#8 of 2048 bits or more".to_owned())
}
