//! Signed JSON Web Tokens (RFC 7515, RFC 7518, RFC 7519, RFC 8037).

use super::value::{Data, Value};
use crate::plan::task::http::JwtAlgorithm;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::Timestamp;
use ring::rand::SystemRandom;
use ring::signature::{self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, RsaKeyPair};
use ring::{hmac, rsa};
use serde_json::Value as Json;
use zeroize::Zeroizing;

/// Clocks differ: a token says that it is a little older than it is.
const BACK: i64 = 30;

/// A token that is made for one attempt.
pub struct Token<'a> {
    /// How it is signed.
    pub algorithm: JwtAlgorithm,
    /// `kid` of the header.
    pub key_id: Option<&'a str>,
    /// More members of the header.
    pub header: Option<&'a Value>,
    /// What it claims.
    pub claims: &'a Value,
    /// The attempt's time.
    pub at: Timestamp,
    /// From then to `exp`.
    pub seconds: i64,
    /// `jti`.
    pub id: String,
}

impl Token<'_> {
    /// The token, signed. What is written by hand is taken as it is; members that are null are left out.
    ///
    /// # Errors
    /// For claims that are no object, and keys that are not of the algorithm or cannot be read.
    pub fn sign(&self, key: &[u8]) -> Result<Zeroizing<String>, &'static str> {
        let object = "claims and header of a token are objects";
        let mut header = members(self.header).ok_or(object)?;
        add(&mut header, "alg", || Value::text(self.algorithm.word()));
        add(&mut header, "typ", || Value::text("JWT"));
        if let Some(id) = self.key_id.filter(|id| !id.is_empty()) {
            add(&mut header, "kid", || Value::text(id));
        }
        let mut claims = members(Some(self.claims)).ok_or(object)?;
        let second = |second: i64| Data::Number(Zeroizing::new(second.to_string())).into();
        let now = self.at.as_second();
        add(&mut claims, "iat", || second(now - BACK));
        add(&mut claims, "exp", || second(now + self.seconds));
        add(&mut claims, "jti", || Value::text(self.id.clone()));
        finish(header, claims, self.algorithm, key)
    }
}

type Members = Vec<(String, Value)>;

fn members(value: Option<&Value>) -> Option<Members> {
    let Some(value) = value else {
        return Some(Vec::new());
    };
    match &value.data {
        Data::Object(members) => {
            let set = members.iter().filter(|(_, value)| !value.is_null());
            Some(set.cloned().collect())
        }
        _ => None,
    }
}

fn add(members: &mut Members, name: &str, value: impl FnOnce() -> Value) {
    if !members.iter().any(|(known, _)| known == name) {
        members.push((name.to_owned(), value()));
    }
}

fn finish(
    header: Members,
    claims: Members,
    algorithm: JwtAlgorithm,
    key: &[u8],
) -> Result<Zeroizing<String>, &'static str> {
    let part = |members: Members| {
        let value: Value = Data::Object(members).into();
        URL_SAFE_NO_PAD.encode(value.json_text().as_bytes())
    };
    let mut token = Zeroizing::new(format!("{}.{}", part(header), part(claims)));
    let signature = signed(algorithm, key, token.as_bytes())?;
    token.push('.');
    token.push_str(&URL_SAFE_NO_PAD.encode(signature));
    Ok(token)
}

/// Signs claims by RS256 (the function `sign_jwt`). Members that are null are left out.
pub fn sign(claims: &Value, pem: &str, key_id: Option<&str>) -> Result<Zeroizing<String>, String> {
    let Some(claims) = members(Some(claims)) else {
        return Err(format!(
            "the claims of a token are an object, this is {}",
            claims.kind()
        ));
    };
    let mut header = vec![
        ("alg".to_owned(), Value::text("RS256")),
        ("typ".to_owned(), Value::text("JWT")),
    ];
    let key_id = key_id.filter(|id| !id.is_empty());
    header.extend(key_id.map(|id| ("kid".to_owned(), Value::text(id))));
    finish(header, claims, JwtAlgorithm::Rs256, pem.as_bytes()).map_err(str::to_owned)
}

fn signed(algorithm: JwtAlgorithm, key: &[u8], text: &[u8]) -> Result<Vec<u8>, &'static str> {
    use JwtAlgorithm as A;
    match algorithm {
        A::Rs256 => with_rsa(key, &signature::RSA_PKCS1_SHA256, text),
        A::Rs384 => with_rsa(key, &signature::RSA_PKCS1_SHA384, text),
        A::Rs512 => with_rsa(key, &signature::RSA_PKCS1_SHA512, text),
        A::Ps256 => with_rsa(key, &signature::RSA_PSS_SHA256, text),
        A::Ps384 => with_rsa(key, &signature::RSA_PSS_SHA384, text),
        A::Ps512 => with_rsa(key, &signature::RSA_PSS_SHA512, text),
        A::Es256 => with_ec(key, &signature::ECDSA_P256_SHA256_FIXED_SIGNING, P256, text),
        A::Es384 => with_ec(key, &signature::ECDSA_P384_SHA384_FIXED_SIGNING, P384, text),
        A::EdDsa => {
            let wrong = "the private key is not an Ed25519 key in PKCS#8 or as a JWK";
            let pair = match read(key)? {
                Form::Jwk(jwk) => Ed25519KeyPair::from_seed_and_public_key(
                    &member(&jwk, "d")?,
                    &member(&jwk, "x")?,
                ),
                Form::Pkcs8(der) => Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der),
                Form::Pkcs1(_) | Form::Sec1(_) => return Err(wrong),
            };
            Ok(pair.map_err(|_| wrong)?.sign(text).as_ref().to_vec())
        }
        A::Hs256 => with_mac(key, hmac::HMAC_SHA256, text),
        A::Hs384 => with_mac(key, hmac::HMAC_SHA384, text),
        A::Hs512 => with_mac(key, hmac::HMAC_SHA512, text),
    }
}

/// The key of a MAC is its text as it is, or `k` of a JWK.
fn with_mac(key: &[u8], algorithm: hmac::Algorithm, text: &[u8]) -> Result<Vec<u8>, &'static str> {
    let own = match key.first() {
        Some(b'{') => match read(key)? {
            Form::Jwk(jwk) => member(&jwk, "k")?,
            Form::Pkcs8(_) | Form::Pkcs1(_) | Form::Sec1(_) => Zeroizing::new(key.to_vec()),
        },
        Some(_) => Zeroizing::new(key.to_vec()),
        None => return Err("the key of a token is empty"),
    };
    let tag = hmac::sign(&hmac::Key::new(algorithm, &own), text);
    Ok(tag.as_ref().to_vec())
}

fn with_rsa(
    key: &[u8],
    padding: &'static dyn signature::RsaEncoding,
    text: &[u8],
) -> Result<Vec<u8>, &'static str> {
    let wrong = "the private key is not an RSA key of 2048 to 4096 bits in PKCS#8 or PKCS#1 (PEM), or a JWK with all its parts";
    let pair = match read(key)? {
        Form::Pkcs8(der) => RsaKeyPair::from_pkcs8(&der),
        Form::Pkcs1(der) => RsaKeyPair::from_der(&der),
        Form::Sec1(_) => return Err(wrong),
        Form::Jwk(jwk) => {
            let (n, e) = (member(&jwk, "n")?, member(&jwk, "e")?);
            let (d, p, q) = (member(&jwk, "d")?, member(&jwk, "p")?, member(&jwk, "q")?);
            let (dp, dq, qi) = (
                member(&jwk, "dp")?,
                member(&jwk, "dq")?,
                member(&jwk, "qi")?,
            );
            RsaKeyPair::from_components(&rsa::KeyPairComponents {
                public_key: rsa::PublicKeyComponents { n: &*n, e: &*e },
                d: &*d,
                p: &*p,
                q: &*q,
                dP: &*dp,
                dQ: &*dq,
                qInv: &*qi,
            })
        }
    };
    let pair = pair.map_err(|_| wrong)?;
    let mut made = vec![0; pair.public().modulus_len()];
    pair.sign(padding, &SystemRandom::new(), text, &mut made)
        .map_err(|_| "the token could not be signed")?;
    Ok(made)
}

/// `secp256r1` and `secp384r1` as object identifiers (RFC 5480 section 2.1.1.1), and `id-ecPublicKey`.
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];

fn with_ec(
    key: &[u8],
    algorithm: &'static EcdsaSigningAlgorithm,
    curve: &[u8],
    text: &[u8],
) -> Result<Vec<u8>, &'static str> {
    let random = SystemRandom::new();
    let pair = match read(key)? {
        Form::Pkcs8(der) => EcdsaKeyPair::from_pkcs8(algorithm, &der, &random),
        Form::Sec1(der) => {
            let kind = [tlv(0x06, EC_PUBLIC_KEY), tlv(0x06, curve)].concat();
            let inner = [tlv(0x02, &[0]), tlv(0x30, &kind), tlv(0x04, &der)].concat();
            let whole = Zeroizing::new(tlv(0x30, &Zeroizing::new(inner)));
            EcdsaKeyPair::from_pkcs8(algorithm, &whole, &random)
        }
        Form::Jwk(jwk) => {
            let mut point = vec![4];
            point.extend_from_slice(&member(&jwk, "x")?);
            point.extend_from_slice(&member(&jwk, "y")?);
            let d = member(&jwk, "d")?;
            EcdsaKeyPair::from_private_key_and_public_key(algorithm, &d, &point, &random)
        }
        Form::Pkcs1(_) => return Err("the private key is an RSA key"),
    };
    let pair = pair.map_err(|_| {
        "the private key is not a key of this algorithm's curve with its public key, in PKCS#8, SEC1 (PEM) or as a JWK"
    })?;
    let made = pair.sign(&random, text);
    Ok(made
        .map_err(|_| "the token could not be signed")?
        .as_ref()
        .to_vec())
}

/// One element of DER.
fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let mut out = vec![tag];
    match u8::try_from(content.len()) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            let digits: Vec<u8> = length.into_iter().skip_while(|byte| *byte == 0).collect();
            out.push(0x80 | u8::try_from(digits.len()).unwrap_or(0x7f));
            out.extend(digits);
        }
    }
    out.extend_from_slice(content);
    out
}

/// The forms of a private key.
enum Form {
    Pkcs8(Zeroizing<Vec<u8>>),
    Pkcs1(Zeroizing<Vec<u8>>),
    Sec1(Zeroizing<Vec<u8>>),
    Jwk(Json),
}

/// A number or a coordinate of a JWK (RFC 7518 section 6).
fn member(jwk: &Json, name: &str) -> Result<Zeroizing<Vec<u8>>, &'static str> {
    let text = jwk.get(name).and_then(Json::as_str);
    text.and_then(|text| URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok())
        .map(Zeroizing::new)
        .ok_or("the JWK lacks a part that a private key of this algorithm has")
}

/// A key from PEM or a JWK; line breaks may have come as the two characters `\n`, as in a service account's JSON.
fn read(key: &[u8]) -> Result<Form, &'static str> {
    let text = std::str::from_utf8(key).map_err(|_| "the private key is neither PEM nor a JWK")?;
    if text.trim_start().starts_with('{') {
        let jwk = serde_json::from_str(text).map_err(|_| "the private key is no JWK")?;
        return Ok(Form::Jwk(jwk));
    }
    let text = Zeroizing::new(text.replace("\\n", "\n"));
    // `openssl ecparam -genkey` writes the curve before the key.
    let begins = text.find("PRIVATE KEY-----");
    let label = begins.and_then(|at| text.get(..at)?.rsplit("-----BEGIN ").next());
    let form: fn(Zeroizing<Vec<u8>>) -> Form = match label {
        Some("") => Form::Pkcs8,
        Some("RSA ") => Form::Pkcs1,
        Some("EC ") => Form::Sec1,
        Some("ENCRYPTED ") => {
            return Err(
                "the private key is encrypted with a pass phrase; store it without one: the vault encrypts it",
            );
        }
        Some("OPENSSH ") => {
            return Err(
                "the private key is in OpenSSH's form; convert it: `ssh-keygen -p -m PKCS8`",
            );
        }
        _ => return Err("the private key is not PEM (PKCS#8, PKCS#1, SEC1)"),
    };
    let body = begins.and_then(|at| {
        text.get(at + "PRIVATE KEY-----".len()..)?
            .split("-----")
            .next()
    });
    let body: Zeroizing<String> = Zeroizing::new(
        body.unwrap_or_default()
            .chars()
            .filter(|c| !c.is_whitespace())
            .collect(),
    );
    if text.contains("ENCRYPTED") {
        return Err(
            "the private key is encrypted with a pass phrase; store it without one: the vault encrypts it",
        );
    }
    let der = STANDARD.decode(body.as_bytes());
    Ok(form(Zeroizing::new(
        der.map_err(|_| "the private key is not PEM")?,
    )))
}
