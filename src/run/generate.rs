//! New random values.

use crate::plan::task::{Alphabet, Generator};
use crate::world::rng::Rng;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

const LETTERS_AND_DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const PUNCTUATION: &str = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

/// The captures of a generator: names with values.
pub fn make(
    generator: &Generator,
    rng: &dyn Rng,
) -> Result<Vec<(String, Zeroizing<String>)>, String> {
    let one = |value: Zeroizing<String>| Ok(vec![("value".to_owned(), value)]);
    match generator {
        Generator::Password {
            length,
            alphabet,
            exclude,
        } => one(credible(|| password(*length, alphabet, exclude, rng))?),
        Generator::Hex { bytes } => {
            one(Zeroizing::new(super::functions::hex(&random(*bytes, rng)?)))
        }
        Generator::Base64 { bytes } => one(Zeroizing::new(STANDARD.encode(&*random(*bytes, rng)?))),
        Generator::Uuid => one(Zeroizing::new(
            super::ids::uuid4(rng).map_err(|_| no_randomness())?,
        )),
        Generator::Ed25519 => ed25519(rng),
        Generator::Openssh { comment } => openssh(comment, rng),
        Generator::X25519 => x25519(rng),
        Generator::Rsa { bits } => rsa(*bits, rng),
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

/// How often another password is drawn. An alphabet that gives nothing else is refused when the value is stored.
const DRAWS: usize = 16;

/// Chance also makes what would be taken for a placeholder (`a***b`): then another is drawn.
fn credible(
    draw: impl Fn() -> Result<Zeroizing<String>, String>,
) -> Result<Zeroizing<String>, String> {
    let mut drawn = draw()?;
    for _ in 1..DRAWS {
        if !super::accept::is_suspect(&drawn) {
            break;
        }
        drawn = draw()?;
    }
    Ok(drawn)
}

/// Characters drawn evenly, by rejection.
fn password(
    length: u32,
    alphabet: &Alphabet,
    exclude: &str,
    rng: &dyn Rng,
) -> Result<Zeroizing<String>, String> {
    let all = match alphabet {
        Alphabet::Ascii => format!("{LETTERS_AND_DIGITS}{PUNCTUATION}"),
        Alphabet::Alphanumeric => LETTERS_AND_DIGITS.to_owned(),
        Alphabet::Custom(characters) => characters.clone(),
    };
    let mut characters: Vec<char> = all.chars().filter(|c| !exclude.contains(*c)).collect();
    characters.sort_unstable();
    characters.dedup();
    if characters.len() < 2 || characters.len() > 256 {
        return Err(format!(
            "the alphabet leaves {} characters to draw from",
            characters.len()
        ));
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
    let pair = ring::signature::Ed25519KeyPair::from_seed_unchecked(&seed)
        .map_err(|_| "no key could be made".to_owned())?;
    let mut private = Zeroizing::new(vec![
        0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04,
        0x20,
    ]);
    private.extend_from_slice(&seed);
    let mut public = vec![
        0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
    ];
    public.extend_from_slice(pair.public_key().as_ref());
    Ok(vec![
        ("private_key".into(), pem("PRIVATE KEY", &private)),
        ("public_key".into(), pem("PUBLIC KEY", &public)),
    ])
}

/// OpenSSH's own form of a private key, without a pass phrase (OpenSSH, PROTOCOL.key), and the line of its public key.
fn openssh(comment: &str, rng: &dyn Rng) -> Result<Vec<(String, Zeroizing<String>)>, String> {
    use ring::signature::KeyPair;
    const KIND: &[u8] = b"ssh-ed25519";
    let field = |out: &mut Zeroizing<Vec<u8>>, bytes: &[u8]| {
        out.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
        out.extend_from_slice(bytes);
    };
    let seed = random(32, rng)?;
    let pair = ring::signature::Ed25519KeyPair::from_seed_unchecked(&seed)
        .map_err(|_| "no key could be made".to_owned())?;
    let key = pair.public_key().as_ref();
    let mut public = Zeroizing::new(Vec::new());
    field(&mut public, KIND);
    field(&mut public, key);
    // All at its full size from the beginning: what grows leaves copies behind.
    let mut inner = Zeroizing::new(Vec::with_capacity(256 + comment.len()));
    let check = random(4, rng)?;
    inner.extend_from_slice(&check);
    inner.extend_from_slice(&check);
    field(&mut inner, KIND);
    field(&mut inner, key);
    let mut both = Zeroizing::new(Vec::with_capacity(64));
    both.extend_from_slice(&seed);
    both.extend_from_slice(key);
    field(&mut inner, &both);
    field(&mut inner, comment.as_bytes());
    for filler in 1u8.. {
        if inner.len() % 8 == 0 {
            break;
        }
        inner.push(filler);
    }
    let mut outer = Zeroizing::new(Vec::with_capacity(512 + comment.len()));
    outer.extend_from_slice(b"openssh-key-v1\0");
    field(&mut outer, b"none");
    field(&mut outer, b"none");
    field(&mut outer, b"");
    outer.extend_from_slice(&1u32.to_be_bytes());
    field(&mut outer, &public);
    field(&mut outer, &inner);
    let line = format!("ssh-ed25519 {} {comment}", STANDARD.encode(&*public));
    Ok(vec![
        ("private_key".into(), pem("OPENSSH PRIVATE KEY", &outer)),
        (
            "public_key".into(),
            Zeroizing::new(line.trim_end().to_owned()),
        ),
    ])
}

/// PKCS#8 and SPKI, both PEM.
fn rsa(bits: u32, rng: &dyn Rng) -> Result<Vec<(String, Zeroizing<String>)>, String> {
    use rsa::pkcs8::{EncodePrivateKey, EncodePublicKey, LineEnding};
    let failed = |_| "no key could be made".to_owned();
    let mut source = Source {
        rng,
        failed: false,
        filler: 0,
    };
    let key = rsa::RsaPrivateKey::new(&mut source, bits as usize)
        .map_err(|_| "no key could be made".to_owned())?;
    if source.failed {
        return Err(no_randomness());
    }
    let private = key.to_pkcs8_pem(LineEnding::LF).map_err(failed)?;
    let public = key
        .to_public_key()
        .to_public_key_pem(LineEnding::LF)
        .map_err(|_| "no key could be made".to_owned())?;
    Ok(vec![
        (
            "private_key".into(),
            Zeroizing::new(private.as_str().to_owned()),
        ),
        ("public_key".into(), Zeroizing::new(public)),
    ])
}

/// The world's randomness as the `rsa` crate wants it. A failure is remembered, for the trait has no way to tell it.
struct Source<'a> {
    rng: &'a dyn Rng,
    failed: bool,
    filler: u64,
}

impl rsa::rand_core::RngCore for Source<'_> {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.fill_bytes(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill_bytes(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        if self.rng.fill(bytes).is_err() {
            // The search for primes must end all the same; what it finds is thrown away.
            self.failed = true;
            for chunk in bytes.chunks_mut(32) {
                self.filler += 1;
                let digest =
                    ring::digest::digest(&ring::digest::SHA256, &self.filler.to_le_bytes());
                for (target, source) in chunk.iter_mut().zip(digest.as_ref()) {
                    *target = *source;
                }
            }
        }
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rsa::rand_core::Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl rsa::rand_core::CryptoRng for Source<'_> {}

/// Raw keys in base64 (RFC 7748).
fn x25519(rng: &dyn Rng) -> Result<Vec<(String, Zeroizing<String>)>, String> {
    let secret = random(32, rng)?;
    let mut bytes = [0u8; 32];
    bytes.copy_from_slice(secret.get(..32).unwrap_or(&[0; 32]));
    let secret = Zeroizing::new(x25519_dalek::StaticSecret::from(bytes).to_bytes());
    let public = x25519_dalek::PublicKey::from(&x25519_dalek::StaticSecret::from(*secret));
    Ok(vec![
        (
            "private_key".into(),
            Zeroizing::new(STANDARD.encode(*secret)),
        ),
        (
            "public_key".into(),
            Zeroizing::new(STANDARD.encode(public.as_bytes())),
        ),
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

#[cfg(test)]
#[allow(clippy::disallowed_methods)]
mod tests {
    use super::*;
    use crate::world::rng::RealRng;

    fn made(generator: &Generator) -> Vec<(String, Zeroizing<String>)> {
        make(generator, &RealRng).unwrap()
    }

    #[test]
    fn passwords_keep_to_length_and_alphabet() {
        for _ in 0..200 {
            let value = &made(&Generator::Password {
                length: 40,
                alphabet: Alphabet::Ascii,
                exclude: "\"'\\$`".into(),
            })[0]
                .1;
            assert_eq!(value.chars().count(), 40);
            assert!(
                value
                    .chars()
                    .all(|c| c.is_ascii_graphic() && !"\"'\\$`".contains(c))
            );
        }
        let custom = &made(&Generator::Password {
            length: 64,
            alphabet: Alphabet::Custom("abä".into()),
            exclude: "b".into(),
        })[0]
            .1;
        assert!(
            custom.chars().all(|c| c == 'a' || c == 'ä')
                && custom.contains('a')
                && custom.contains('ä')
        );
        assert!(
            make(
                &Generator::Password {
                    length: 8,
                    alphabet: Alphabet::Custom("a".into()),
                    exclude: String::new()
                },
                &RealRng
            )
            .is_err()
        );
    }

    /// Keys are in the forms that other programs read: `openssl` where it is installed.
    #[test]
    fn key_pairs_fit_together() {
        for generator in [Generator::Ed25519, Generator::Rsa { bits: 2048 }] {
            let pair = made(&generator);
            assert!(
                pair[0].1.starts_with("-----BEGIN PRIVATE KEY-----\n")
                    && pair[0].1.ends_with("-----END PRIVATE KEY-----\n")
            );
            let mut child = match std::process::Command::new("openssl")
                .args(["pkey", "-pubout"])
                .stdin(std::process::Stdio::piped())
                .stdout(std::process::Stdio::piped())
                .spawn()
            {
                Ok(child) => child,
                Err(_) => {
                    println!("skipped: openssl is not installed");
                    continue;
                }
            };
            std::io::Write::write_all(child.stdin.as_mut().unwrap(), pair[0].1.as_bytes()).unwrap();
            let output = child.wait_with_output().unwrap();
            assert_eq!(
                String::from_utf8(output.stdout).unwrap(),
                *pair[1].1,
                "{}",
                generator.word()
            );
        }
        let openssh = made(&Generator::Openssh {
            comment: "rot on api".into(),
        });
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("key");
        std::fs::write(&file, openssh[0].1.as_bytes()).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&file, mode).unwrap();
        match std::process::Command::new("ssh-keygen")
            .arg("-y")
            .arg("-f")
            .arg(&file)
            .output()
        {
            Ok(read) => assert_eq!(
                String::from_utf8(read.stdout).unwrap().trim_end(),
                *openssh[1].1
            ),
            Err(_) => println!("skipped: ssh-keygen is not installed"),
        }
        let x25519 = made(&Generator::X25519);
        assert_eq!(STANDARD.decode(x25519[0].1.as_bytes()).unwrap().len(), 32);
    }
}
