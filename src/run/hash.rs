//! Hashes of passwords as servers keep them, so that they need not be told the password. Salts are the run's: a step that is
//! made again sends the same.

use super::functions::hex;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{Digest, SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use sha_crypt::{Algorithm, Params, PasswordHasher, ShaCrypt};
use zeroize::Zeroizing;

/// The least that OWASP's password storage guide allows for bcrypt (2^10 rounds): a generated password needs no more.
const BCRYPT_COST: u32 = 10;
/// Bcrypt reads no more of a password.
const BCRYPT_BYTES: usize = 72;
/// What `crypt(3)` takes where nothing is said, and the longest password that it is asked for here: the time grows with it.
const CRYPT_ROUNDS: u32 = 5000;
const CRYPT_BYTES: usize = 256;

type Hashed = Result<Zeroizing<String>, String>;

/// The first bytes of a digest of run and kind.
fn salt<const N: usize>(kind: &str, seed: &str) -> [u8; N] {
    let whole = digest(&SHA256, format!("rot {kind} salt v1 {seed}").as_bytes());
    let mut salt = [0; N];
    salt.iter_mut()
        .zip(whole.as_ref())
        .for_each(|(to, from)| *to = *from);
    salt
}

fn sha1(parts: &[&[u8]]) -> Digest {
    let mut context = ring::digest::Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
    parts.iter().for_each(|part| context.update(part));
    context.finish()
}

/// Refuses what no password is.
fn fits(password: &str, most: usize) -> Result<(), String> {
    if password.is_empty() {
        return Err("the password is empty".into());
    }
    if password.contains('\0') {
        return Err("NUL ends a password for most programs".into());
    }
    if password.len() > most {
        return Err(format!(
            "the password has more than {most} bytes, of which this hash reads no more: `generate password {{ length … }}` with fewer"
        ));
    }
    Ok(())
}

/// `$2y$10$…` as htpasswd, nginx, Traefik, NATS and many applications keep it.
pub fn bcrypt(password: &str, seed: &str) -> Hashed {
    fits(password, BCRYPT_BYTES)?;
    let parts = bcrypt::hash_with_salt(password, BCRYPT_COST, salt("bcrypt", seed))
        .map_err(|_| "the password could not be hashed".to_owned())?;
    Ok(Zeroizing::new(
        parts.format_for_version(bcrypt::Version::TwoY),
    ))
}

/// `$6$…` as `/etc/shadow` has it (Drepper, "Unix crypt using SHA-256 and SHA-512").
pub fn sha512_crypt(password: &str, seed: &str) -> Hashed {
    fits(password, CRYPT_BYTES)?;
    let failed = || "the password could not be hashed".to_owned();
    let rounds = Params::new(CRYPT_ROUNDS).map_err(|_| failed())?;
    // Twelve bytes are the sixteen characters that a salt may have.
    let hash = ShaCrypt::new(Algorithm::Sha512Crypt, rounds)
        .hash_password_with_salt(password.as_bytes(), &salt::<12>("sha512-crypt", seed))
        .map_err(|_| failed())?;
    Ok(Zeroizing::new(hash.as_str().to_owned()))
}

/// `{SSHA}…` as LDAP servers keep it in `userPassword` (RFC 2307, with a salt behind the hash).
pub fn ssha(password: &str, seed: &str) -> Hashed {
    fits(password, CRYPT_BYTES)?;
    let salt: [u8; 8] = salt("ssha", seed);
    let mut kept = Zeroizing::new(sha1(&[password.as_bytes(), &salt]).as_ref().to_vec());
    kept.extend_from_slice(&salt);
    Ok(Zeroizing::new(format!(
        "{{SSHA}}{}",
        STANDARD.encode(&*kept)
    )))
}

/// As RabbitMQ keeps it in `password_hash` (RabbitMQ, "Passwords": base64 of salt and SHA-256 of salt and password).
pub fn rabbitmq(password: &str, seed: &str) -> Hashed {
    fits(password, CRYPT_BYTES)?;
    let salt: [u8; 4] = salt("rabbitmq", seed);
    let mut salted = Zeroizing::new(salt.to_vec());
    salted.extend_from_slice(password.as_bytes());
    let mut kept = Zeroizing::new(salt.to_vec());
    kept.extend_from_slice(digest(&SHA256, &salted).as_ref());
    Ok(Zeroizing::new(STANDARD.encode(&*kept)))
}

/// `*` and SHA-1 of SHA-1 in hexadecimal, as `mysql_native_password` keeps it. It has no salt.
pub fn mysql_native(password: &str) -> Hashed {
    fits(password, CRYPT_BYTES)?;
    let twice = sha1(&[sha1(&[password.as_bytes()]).as_ref()]);
    let digits = Zeroizing::new(hex(twice.as_ref()));
    Ok(Zeroizing::new(format!("*{}", digits.to_ascii_uppercase())))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by other programs: `mariadb` (`PASSWORD('secret')`), RabbitMQ's own documentation of its hash.
    #[test]
    fn known_hashes() {
        assert_eq!(
            *mysql_native("secret").unwrap(),
            "*14E65567ABDB5135D0CFD9A70B3032C179A49EE7"
        );
        for hash in [bcrypt, sha512_crypt, ssha, rabbitmq] {
            assert_eq!(*hash("secret", "a").unwrap(), *hash("secret", "a").unwrap());
            assert_ne!(*hash("secret", "a").unwrap(), *hash("secret", "b").unwrap());
            assert!(hash("", "a").is_err() && hash("a\0b", "a").is_err());
            assert!(hash(&"x".repeat(300), "a").is_err());
        }
        assert!(bcrypt(&"x".repeat(73), "a").is_err() && bcrypt(&"x".repeat(72), "a").is_ok());
        assert!(bcrypt::verify("secret", &bcrypt("secret", "a").unwrap()).unwrap());
        let kept = STANDARD.decode(rabbitmq("secret", "a").unwrap().as_bytes());
        assert_eq!(kept.unwrap().len(), 36);
        assert!(sha512_crypt("secret", "a").unwrap().starts_with("$6$"));
        assert!(ssha("secret", "a").unwrap().starts_with("{SSHA}"));
    }
}
