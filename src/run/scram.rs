//! SCRAM-SHA-256 verifiers as PostgreSQL stores them (RFC 5802, RFC 7677, RFC 5803): what a server needs to check a password
//! without being told it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::{digest, hmac, pbkdf2};
use std::num::NonZeroU32;
use zeroize::Zeroizing;

/// PostgreSQL's own default (`scram_iterations`), and the least that RFC 7677 allows.
const ITERATIONS: u32 = 4096;

/// `SCRAM-SHA-256$4096:salt$StoredKey:ServerKey`. The salt is made of `seed`, so that a step that is made again sends the same.
///
/// # Errors
/// For a password that SASLprep would change: what the client makes of it would not fit.
pub fn verifier(password: &str, seed: &str) -> Result<Zeroizing<String>, String> {
    let salt = digest::digest(
        &digest::SHA256,
        format!("rot scram salt v1 {seed}").as_bytes(),
    );
    with_salt(password, salt.as_ref().get(..16).unwrap_or_default())
}

fn with_salt(password: &str, salt: &[u8]) -> Result<Zeroizing<String>, String> {
    if password.is_empty() {
        return Err("the password is empty".into());
    }
    if !password.bytes().all(|b| (0x20..0x7f).contains(&b)) {
        return Err("a verifier is made of printable ASCII alone: other characters are changed by each client in its own way; `generate password` makes none of them".into());
    }
    let mut salted = Zeroizing::new([0u8; 32]);
    let iterations = NonZeroU32::new(ITERATIONS).ok_or("no iterations")?;
    pbkdf2::derive(
        pbkdf2::PBKDF2_HMAC_SHA256,
        iterations,
        salt,
        password.as_bytes(),
        &mut *salted,
    );
    let key = hmac::Key::new(hmac::HMAC_SHA256, &*salted);
    let client = hmac::sign(&key, b"Client Key");
    let stored = digest::digest(&digest::SHA256, client.as_ref());
    let server = hmac::sign(&key, b"Server Key");
    Ok(Zeroizing::new(format!(
        "SCRAM-SHA-256${ITERATIONS}:{}${}:{}",
        STANDARD.encode(salt),
        STANDARD.encode(stored),
        STANDARD.encode(server)
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The exchange of RFC 7677 section 3: its password and salt, and what follows of its client proof.
    #[test]
    fn the_verifier_fits_the_exchange_of_the_standard() {
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let made = with_salt("pencil", &salt).unwrap();
        assert_eq!(
            *made,
            "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
        );
        assert_eq!(
            *verifier("pencil", "a").unwrap(),
            *verifier("pencil", "a").unwrap()
        );
        assert_ne!(
            *verifier("pencil", "a").unwrap(),
            *verifier("pencil", "b").unwrap()
        );
        assert!(verifier("pässword", "a").is_err() && verifier("", "a").is_err());
    }
}
