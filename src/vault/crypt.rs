//! The only user of `age`: bytes to bytes, keys to text. Knows no file, no document and no person.
//!
//! Texts of `age` are localised and may quote what they read, so none leaves this file: it answers with [`Fault`]. A panic in
//! `age` on hostile input is a fault as well, never the end of the process.

use super::replace;
use age::secrecy::{ExposeSecret, SecretString};
use std::io::{Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use zeroize::Zeroizing;

/// The largest scrypt work factor (log2) that a passphrase-protected identity may ask for: about 3 s and 1 GiB.
pub const MAX_WORK_FACTOR: u8 = 20;

const BINARY_HEADER: &[u8] = b"age-encryption.org/v1\n";
const ANY_HEADER: &[u8] = b"age-encryption.org/";
const ARMOR_HEADER: &[u8] = b"-----BEGIN AGE ENCRYPTED FILE-----";

/// What the first bytes of a file say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A binary age v1 file.
    Binary,
    /// An armored age file.
    Armored,
    /// An age file of another version.
    Newer,
    /// Nothing of age's.
    Other,
}

/// Why bytes could not be encrypted or decrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Not an age file at all.
    #[error("not an age file")]
    NotAge,
    /// An age file of a version that we do not know.
    #[error("an age file of another version")]
    Newer,
    /// Cut short, altered or ill-formed.
    #[error("damaged or altered")]
    Damaged,
    /// Whole, but for none of the identities.
    #[error("not encrypted to any of the identities")]
    NoMatch,
    /// Encrypted with a passphrase where recipients were expected.
    #[error("encrypted with a passphrase")]
    Passphrase,
    /// The passphrase is not the right one.
    #[error("wrong passphrase")]
    WrongPassphrase,
    /// Asks for more work than [`MAX_WORK_FACTOR`].
    #[error("asks for too much work")]
    TooMuchWork,
    /// The recipients are none, or do not go together.
    #[error("recipients do not go together")]
    Recipients,
    /// `age` panicked.
    #[error("internal error")]
    Panic,
}

/// A private key.
pub struct Identity(Key);

enum Key {
    Native(age::x25519::Identity),
    Ssh(Box<age::ssh::Identity>),
}

impl Identity {
    /// A new X25519 key.
    pub fn generate() -> Self {
        Self(Key::Native(age::x25519::Identity::generate()))
    }

    /// Reads one `AGE-SECRET-KEY-1…` line.
    pub fn from_native(line: &str) -> Option<Self> {
        guard(|| line.parse().ok().map(|key| Self(Key::Native(key))))
            .ok()
            .flatten()
    }

    /// The `AGE-SECRET-KEY-1…` line; `None` for SSH keys.
    pub fn expose_native(&self) -> Option<Zeroizing<String>> {
        match &self.0 {
            Key::Native(key) => Some(Zeroizing::new(key.to_string().expose_secret().to_owned())),
            Key::Ssh(_) => None,
        }
    }

    /// The recipient that this key opens, as text. For SSH keys without their comment.
    pub fn recipient(&self) -> Option<String> {
        match &self.0 {
            Key::Native(key) => Some(key.to_public().to_string()),
            Key::Ssh(key) => ssh_public(key),
        }
    }

    fn as_age(&self) -> &dyn age::Identity {
        match &self.0 {
            Key::Native(key) => key,
            Key::Ssh(key) => key.as_ref(),
        }
    }
}

/// What an SSH private key file holds.
pub enum SshKey {
    /// A key that can be used at once.
    Plain(Identity),
    /// A key that wants its passphrase.
    Locked(LockedSshKey),
    /// A kind of key that age cannot use (ECDSA, hardware, encrypted PEM).
    Unsupported,
    /// Not an SSH private key.
    Invalid,
}

/// A passphrase-protected SSH key.
pub struct LockedSshKey(age::ssh::EncryptedKey);

impl LockedSshKey {
    /// Opens it.
    pub fn unlock(&self, passphrase: &str) -> Result<Identity, Fault> {
        let key = guard(|| self.0.decrypt(SecretString::from(passphrase)))?
            .map_err(|_| Fault::WrongPassphrase)?;
        Ok(Identity(Key::Ssh(Box::new(key.into()))))
    }
}

/// Reads an SSH private key file.
pub fn parse_ssh_identity(text: &str) -> SshKey {
    match guard(|| age::ssh::Identity::from_buffer(text.as_bytes(), None)) {
        Ok(Ok(age::ssh::Identity::Encrypted(key))) => SshKey::Locked(LockedSshKey(key)),
        Ok(Ok(age::ssh::Identity::Unsupported(_))) => SshKey::Unsupported,
        Ok(Ok(key)) => SshKey::Plain(Identity(Key::Ssh(Box::new(key)))),
        _ => SshKey::Invalid,
    }
}

fn ssh_public(key: &age::ssh::Identity) -> Option<String> {
    age::ssh::Recipient::try_from(key.clone())
        .ok()
        .map(|r| r.to_string())
}

/// A public key.
pub struct Recipient(Public);

enum Public {
    Native(age::x25519::Recipient),
    Ssh(age::ssh::Recipient),
}

impl Recipient {
    /// Reads `age1…`.
    pub fn from_native(text: &str) -> Option<Self> {
        guard(|| text.parse().ok().map(|key| Self(Public::Native(key))))
            .ok()
            .flatten()
    }

    /// Reads `ssh-ed25519 …` or `ssh-rsa …`, with or without a comment.
    pub fn from_ssh(text: &str) -> Option<Self> {
        guard(|| text.parse().ok().map(|key| Self(Public::Ssh(key))))
            .ok()
            .flatten()
    }

    /// The text in its one canonical form, without a comment.
    pub fn canonical(&self) -> String {
        match &self.0 {
            Public::Native(key) => key.to_string(),
            Public::Ssh(key) => key.to_string(),
        }
    }

    fn as_age(&self) -> &dyn age::Recipient {
        match &self.0 {
            Public::Native(key) => key,
            Public::Ssh(key) => key,
        }
    }
}

/// `sha256:…` of a vault file, which says whether two copies are one. What git makes of the line ends of an armored file
/// (`core.autocrlf`) is no change of it.
pub fn file_hash(bytes: &[u8]) -> String {
    if form(bytes) != Form::Armored || !bytes.contains(&b'\r') {
        return replace::sha256(bytes);
    }
    let text: Vec<u8> = bytes.iter().copied().filter(|b| *b != b'\r').collect();
    replace::sha256(&text)
}

/// Looks at the first bytes.
pub fn form(bytes: &[u8]) -> Form {
    if bytes.starts_with(BINARY_HEADER) {
        Form::Binary
    } else if bytes.starts_with(ANY_HEADER) {
        Form::Newer
    } else if bytes.trim_ascii_start().starts_with(ARMOR_HEADER) {
        Form::Armored
    } else {
        Form::Other
    }
}

/// Encrypts to all of `recipients`, in binary form.
pub fn encrypt(plain: &[u8], recipients: &[Recipient]) -> Result<Vec<u8>, Fault> {
    guard(|| {
        let keys = recipients.iter().map(Recipient::as_age);
        let encryptor = age::Encryptor::with_recipients(keys).map_err(|_| Fault::Recipients)?;
        let mut out = Vec::with_capacity(plain.len() + plain.len() / 1024 + 1024);
        let mut writer = encryptor
            .wrap_output(&mut out)
            .map_err(|_| Fault::Recipients)?;
        writer
            .write_all(plain)
            .and_then(|()| writer.finish().map(drop))
            .map_err(|_| Fault::Recipients)?;
        Ok(out)
    })?
}

/// Decrypts a binary or armored file with the first of `identities` that fits. Nothing is released unless all of it is whole.
pub fn decrypt(bytes: &[u8], identities: &[Identity]) -> Result<Zeroizing<Vec<u8>>, Fault> {
    open(bytes, |decryptor| {
        if decryptor.is_scrypt() {
            return Err(Fault::Passphrase);
        }
        decryptor
            .decrypt(identities.iter().map(Identity::as_age))
            .map_err(fault)
    })
}

/// Decrypts a file that was encrypted with a passphrase.
pub fn decrypt_with_passphrase(
    bytes: &[u8],
    passphrase: &str,
) -> Result<Zeroizing<Vec<u8>>, Fault> {
    let mut identity = age::scrypt::Identity::new(SecretString::from(passphrase));
    identity.set_max_work_factor(MAX_WORK_FACTOR);
    open(bytes, |decryptor| {
        if !decryptor.is_scrypt() {
            return Err(Fault::NoMatch);
        }
        decryptor
            .decrypt(std::iter::once(&identity as &dyn age::Identity))
            .map_err(|error| match fault(error) {
                Fault::NoMatch => Fault::WrongPassphrase,
                other => other,
            })
    })
}

/// The armored form of a binary file.
pub fn armor(bytes: &[u8]) -> String {
    use age::armor::{ArmoredWriter, Format};
    // Writing to memory does not fail; the form is ASCII by construction.
    guard(|| {
        let mut writer = ArmoredWriter::wrap_output(Vec::new(), Format::AsciiArmor).ok()?;
        writer.write_all(bytes).ok()?;
        String::from_utf8(writer.finish().ok()?).ok()
    })
    .ok()
    .flatten()
    .unwrap_or_default()
}

/// How many keys a file is sealed to, as its header says; `None` when it has no header that can be read. Stanzas of unknown
/// kinds, which age writes so that readers learn to skip them, are no keys.
pub fn stanzas(bytes: &[u8]) -> Option<usize> {
    const HEADER: u64 = 1 << 20;
    let bytes = match form(bytes) {
        Form::Armored => bytes.trim_ascii(),
        _ => bytes,
    };
    let mut head = Vec::new();
    guard(|| {
        age::armor::ArmoredReader::new(bytes)
            .take(HEADER)
            .read_to_end(&mut head)
    })
    .ok()?
    .ok()?;
    let mut count = 0;
    for line in head.split(|byte| *byte == b'\n') {
        if line.starts_with(b"--- ") {
            return Some(count);
        }
        let kind = line
            .strip_prefix(b"-> ")
            .map(|rest| rest.split(|byte| *byte == b' ').next().unwrap_or_default());
        if let Some(b"X25519" | b"ssh-ed25519" | b"ssh-rsa" | b"scrypt") = kind {
            count += 1;
        }
    }
    None
}

type Source<'a> = age::armor::ArmoredReader<std::io::BufReader<&'a [u8]>>;

fn open<'a>(
    bytes: &'a [u8],
    decrypt: impl FnOnce(
        age::Decryptor<Source<'a>>,
    ) -> Result<age::stream::StreamReader<Source<'a>>, Fault>,
) -> Result<Zeroizing<Vec<u8>>, Fault> {
    let bytes = match form(bytes) {
        Form::Other => return Err(Fault::NotAge),
        Form::Newer => return Err(Fault::Newer),
        Form::Binary => bytes,
        // Blank lines around the armor are allowed by the specification and refused by the crate.
        Form::Armored => bytes.trim_ascii(),
    };
    guard(|| {
        let decryptor =
            age::Decryptor::new_buffered(age::armor::ArmoredReader::new(bytes)).map_err(fault)?;
        let mut reader = decrypt(decryptor)?;
        // The plain text is never longer than the file: no growing, no unwiped copies.
        let mut plain = Zeroizing::new(Vec::with_capacity(bytes.len()));
        reader.read_to_end(&mut plain).map_err(|_| Fault::Damaged)?;
        Ok(plain)
    })?
}

fn fault(error: age::DecryptError) -> Fault {
    match error {
        age::DecryptError::NoMatchingKeys => Fault::NoMatch,
        age::DecryptError::ExcessiveWork { .. } => Fault::TooMuchWork,
        age::DecryptError::UnknownFormat => Fault::Newer,
        age::DecryptError::KeyDecryptionFailed => Fault::WrongPassphrase,
        _ => Fault::Damaged,
    }
}

fn guard<T>(work: impl FnOnce() -> T) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| Fault::Panic)
}
