//! New random values.

use crate::plan::task::{Alphabet, Generator};
use crate::world::rng::Rng;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

const LETTERS_AND_DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const PUNCTUATION: &str = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

/// The captures of a generator: names with values.
pub fn make(generator: &Generator, rng: &dyn Rng) -> Result<Vec<(String, Zeroizing<String>)>, String> {
    let one = |value: Zeroizing<String>| Ok(vec![("value".to_owned(), value)]);
    match generator {
        Generator::Password { length, alphabet, exclude } => one(password(*length, alphabet, exclude, rng)?),
        Generator::Hex { bytes } => one(Zeroizing::new(super::functions::hex(&random(*bytes, rng)?))),
        Generator::Base64 { bytes } => one(Zeroizing::new(STANDARD.encode(&*random(*bytes, rng)?))),
        Generator::Uuid => one(Zeroizing::new(super::ids::uuid4(rng).map_err(|_| no_randomness())?)),
        Generator::Ed25519 => ed25519(rng),
        Generator::X25519 => x25519(rng),
        Generator::Rsa { bits } => Err(format!(
            "RSA keys of {bits} bits cannot be generated yet; `ed25519` can, or generate the key with `openssl genpkey` and bring it with a `manual` step"
        )),
    }
}

fn no_randomness() -> String {
    "the system has no randomness".to_owned()
}

fn random(count: u32, rng: &dyn Rng) -> Result<Zeroizing<Vec<u8>>, String> {
    let mut bytes = Zeroizing::new(vec![0u8; count as usize]);
    rng.fill(&mut bytes).map_err(|_| no_randomness())?;
    Ok(bytes)
}

/// Characters drawn evenly, by rejection.
fn password(length: u32, alphabet: &Alphabet, exclude: &str, rng: &dyn Rng) -> Result<Zeroizing<String>, String> {
    let all = match alphabet {
        Alphabet::Ascii => format!("{LETTERS_AND_DIGITS}{PUNCTUATION}"),
        Alphabet::Alphanumeric => LETTERS_AND_DIGITS.to_owned(),
        Alphabet::Custom(characters) => characters.clone(),
    };
    let mut characters: Vec<char> = all.chars().filter(|c| !exclude.contains(*c)).collect();
    characters.sort_unstable();
    characters.dedup();
    if characters.len() < 2 || characters.len() > 256 {
        return Err(format!("the alphabet leaves {} characters to draw from", characters.len()));
    }
    let limit = 256 - 256 % characters.len();
    let mut made = Zeroizing::new(String::with_capacity(length as usize * 4));
    let mut count = 0;
    while count < length {
        for byte in random(64, rng)?.iter() {
            let byte = usize::from(*byte);
            if byte < limit
                && count < length
                && let Some(character) = characters.get(byte % characters.len())
            {
                made.push(*character);
                count += 1;
            }
        }
    }
    Ok(made)
}

/// PKCS#8 (RFC 8410) and SPKI, both PEM.
fn ed25519(rng: &dyn Rng) -> Result<Vec<(String, Zeroizing<String>)>, String> {
    use ring::signature::KeyPair;
    let seed = random(32, rng)?;
    let pair = ring::signature::Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| "no key could be made".to_owned())?;
    let mut private = Zeroizing::new(vec![0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20]);
    private.extend_from_slice(&seed);
    let mut public = vec![0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    public.extend_from_slice(pair.public_key().as_ref());
    Ok(vec![("private_key".into(), pem("PRIVATE KEY", &private)), ("public_key".into(), pem("PUBLIC KEY", &public))])
}

/// Raw keys in base64 (RFC 7748).
fn x25519(rng: &dyn Rng) -> Result<Vec<(String, Zeroizing<String>)>, String> {
    let secret = random(32, rng)?;
    let mut bytes = [0u8; 32];
    bytes.copy_from_slice(secret.get(..32).unwrap_or(&[0; 32]));
    let secret = Zeroizing::new(x25519_dalek::StaticSecret::from(bytes).to_bytes());
    let public = x25519_dalek::PublicKey::from(&x25519_dalek::StaticSecret::from(*secret));
    Ok(vec![
        ("private_key".into(), Zeroizing::new(STANDARD.encode(*secret))),
        ("public_key".into(), Zeroizing::new(STANDARD.encode(public.as_bytes()))),
    ])
}

fn pem(label: &str, der: &[u8]) -> Zeroizing<String> {
    let encoded = Zeroizing::new(STANDARD.encode(der));
    let mut out = Zeroizing::new(format!("-----BEGIN {label}-----\n"));
    for (i, character) in encoded.chars().enumerate() {
        if i > 0 && i % 64 == 0 {
            out.push('\n');
        }
        out.push(character);
    }
    out.push_str(&format!("\n-----END {label}-----\n"));
    out
}
