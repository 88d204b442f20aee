//! Who opens a vault: identity files as `age-keygen` writes them, passphrase-protected ones, and SSH private keys.
//!
//! A file that group or others can read is refused: its secrets must be taken as known.

use super::crypt::{self, Fault, Form, Identity, SshKey};
use super::guard;
use crate::diagnostic::{Error, Failure, Result, codes};
use crate::world::World;
use crate::world::fs::FileKind;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

const MAX_FILE: u64 = 1024 * 1024;

/// Reads all identity files, asking for passphrases where they are needed.
///
/// # Errors
/// ROT813 when one is missing, ROT814 when one is exposed, ROT815 when one cannot be used; exit 2.
pub fn load_all(world: &World, paths: &[PathBuf]) -> Result<Vec<Identity>> {
    if paths.is_empty() {
        return Err(Error::plain(
            Failure::Usage,
            codes::IDENTITY_MISSING,
            "no identity is given to open the vault with",
        )
        .help("give `--identity PATH` or set ROT_IDENTITY"));
    }
    let mut identities = Vec::new();
    for path in paths {
        identities.extend(load(world, path)?);
    }
    Ok(identities)
}

/// Reads one identity file.
///
/// # Errors
/// As [`load_all`].
pub fn load(world: &World, path: &Path) -> Result<Vec<Identity>> {
    if is_key(path) {
        let key = path
            .to_str()
            .and_then(|text| Identity::from_native(text.trim()));
        return key.map(|identity| vec![identity]).ok_or_else(|| {
            let message = "the key that is given as an identity is not one that age reads";
            Error::plain(Failure::Usage, codes::IDENTITY_UNREADABLE, message)
                .help("it is one line of an identity file; a file (`--identity PATH`) is safer, because other programs of the same user can read a variable")
        });
    }
    let bytes = read(world, path)?;
    if matches!(crypt::form(&bytes), Form::Binary | Form::Armored) {
        let passphrase = ask(world, path)?;
        let plain = crypt::decrypt_with_passphrase(&bytes, &passphrase)
            .map_err(|fault| locked(path, fault))?;
        return parse(world, path, &plain);
    }
    parse(world, path, &bytes)
}

/// Whether what is given for the path of an identity is a key itself, as CI systems hand it over in `ROT_IDENTITY`. Such a
/// "path" is never shown.
pub fn is_key(path: &Path) -> bool {
    path.to_str().is_some_and(|text| {
        text.trim_start()
            .to_ascii_uppercase()
            .starts_with("AGE-SECRET-KEY-")
    })
}

/// The text of a new identity file, in the form of `age-keygen`.
pub fn render(identity: &Identity, created: jiff::Timestamp) -> Option<Zeroizing<String>> {
    let secret = identity.expose_native()?;
    let public = identity.recipient()?;
    let created = created.strftime("%Y-%m-%dT%H:%M:%SZ");
    Some(Zeroizing::new(format!(
        "# created: {created}\n# public key: {public}\n{}\n",
        secret.as_str()
    )))
}

/// Whether what is given for a path names no file: a key, or an open descriptor.
pub(super) fn is_special(path: &Path) -> bool {
    is_key(path) || is_descriptor(path)
}

/// Whether a path names an open descriptor, as a shell's `<(…)` does.
fn is_descriptor(path: &Path) -> bool {
    let folders = ["/dev/fd", "/proc/self/fd", "/dev/stdin"];
    folders.iter().any(|folder| path.starts_with(folder))
}

fn read(world: &World, path: &Path) -> Result<Zeroizing<Vec<u8>>> {
    let shown = path.display();
    // An identity may be linked to by its owner (dotfiles, mounted secrets); what counts is where the link leads.
    let target = match world.fs.resolve(path) {
        Ok(target) => target,
        // A pipe has no place in the file system: its link leads to a name that is none.
        Err(_) if is_descriptor(path) => {
            return Err(unusable(
                path,
                "is no open file: an identity is read again and again, which a pipe cannot be",
            )
            .help("name a file; or give the key itself, as a password manager prints it: `ROT_IDENTITY=\"$(COMMAND)\"`"));
        }
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Err(missing(path));
        }
        Err(error) => {
            return Err(unusable(
                path,
                &format!("cannot be reached ({})", crate::diagnostic::why(&error)),
            ));
        }
    };
    let stat = match world.fs.stat(&target) {
        Ok(Some(stat)) => stat,
        Ok(None) => return Err(missing(path)),
        Err(error) => {
            return Err(unusable(
                path,
                &format!("cannot be looked at ({})", crate::diagnostic::why(&error)),
            ));
        }
    };
    if stat.kind != FileKind::File {
        return Err(unusable(path, "is not a regular file"));
    }
    guard::identity(world, &target, &stat)?;
    // systemd gives a credential to a service's user by an access list, whose mask shows as the group's bits.
    let credentials = world.env.var("CREDENTIALS_DIRECTORY");
    let credential = credentials.is_some_and(|dir| !dir.is_empty() && path.starts_with(dir));
    let exposed = if credential { 0o037 } else { 0o077 };
    let bytes = world.fs.read(&target, MAX_FILE).map_err(|error| {
        unusable(
            path,
            &format!("cannot be read ({})", crate::diagnostic::why(&error)),
        )
    })?;
    if stat.mode & exposed != 0 {
        // A file that is none is nobody's secret, and no mode of ours to change.
        if !looks_like_identity(&bytes) {
            return Err(unusable(path, "holds no identity"));
        }
        let message = format!(
            "others than its owner may read or change the identity {shown} (mode {:04o})",
            stat.mode & 0o7777
        );
        return Err(
            Error::plain(Failure::Usage, codes::IDENTITY_EXPOSED, message)
                .note("whoever has read it can open every copy of the vault")
                .help(format!("chmod 600 {}", target.display())),
        );
    }
    Ok(bytes)
}

/// Whether a file may be what opens a vault: a key of age's, a private key in PEM, or either of them sealed by a passphrase.
fn looks_like_identity(bytes: &[u8]) -> bool {
    let holds = |word: &[u8]| bytes.windows(word.len()).any(|w| w == word);
    matches!(crypt::form(bytes), Form::Binary | Form::Armored)
        || holds(b"AGE-SECRET-KEY-")
        || holds(b"AGE-PLUGIN-")
        || holds(b"PRIVATE KEY-----")
}

fn parse(world: &World, path: &Path, bytes: &[u8]) -> Result<Vec<Identity>> {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(unusable(path, "is UTF-16: save it as UTF-8"));
    }
    // Editors of other systems put a byte order mark ahead, which belongs to no key.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Err(unusable(path, "is not an identity: it is not text"));
    };
    if text.trim_start().starts_with("-----BEGIN ") {
        return parse_ssh(world, path, text).map(|identity| vec![identity]);
    }
    let mut identities = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim_end();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        // The line itself is never quoted: it may be a key with a typing error.
        let Some(identity) = Identity::from_native(line) else {
            let number = index + 1;
            let what = if line.starts_with("AGE-PLUGIN-") {
                format!(
                    "needs an age plugin on line {number}, and plugins are programs that are not run"
                )
            } else if line.starts_with("age1") || line.starts_with("ssh-") {
                format!("holds a public key on line {number}, which cannot open anything")
            } else if line.starts_with("AGE-SECRET-KEY-PQ-") {
                format!("holds a post-quantum key on line {number}, which is not supported yet")
            } else {
                format!("holds something that is not an identity on line {number}")
            };
            return Err(unusable(path, &what));
        };
        identities.push(identity);
    }
    if identities.is_empty() {
        return Err(unusable(path, "holds no identity"));
    }
    Ok(identities)
}

fn parse_ssh(world: &World, path: &Path, text: &str) -> Result<Identity> {
    match crypt::parse_ssh_identity(text.trim_start()) {
        SshKey::Plain(identity) => Ok(identity),
        SshKey::Locked(key) => key.unlock(&ask(world, path)?).map_err(|fault| locked(path, fault)),
        SshKey::Unsupported => Err(unusable(path, "is an SSH key of a kind that age cannot use")
            .help("use an ssh-ed25519 or ssh-rsa key in OpenSSH's format; keys on hardware and ECDSA keys cannot decrypt")),
        SshKey::Invalid => Err(unusable(path, "is not an SSH private key that can be read")),
    }
}

fn ask(world: &World, path: &Path) -> Result<Zeroizing<String>> {
    match world.env.ask_secret(&format!("passphrase of {}", path.display())) {
        Ok(Some(passphrase)) if !passphrase.is_empty() => Ok(passphrase),
        Ok(_) => Err(unusable(path, "is protected by a passphrase, and none was given")
            .help("run it on a terminal, or use an identity without a passphrase where nobody can type one")),
        Err(error) => Err(unusable(path, &format!("wants a passphrase, which could not be read ({})", crate::diagnostic::why(&error)))),
    }
}

fn locked(path: &Path, fault: Fault) -> Error {
    match fault {
        Fault::WrongPassphrase => unusable(path, "did not open with that passphrase"),
        Fault::TooMuchWork => unusable(
            path,
            "asks for more work than is sensible to try its passphrase",
        ),
        Fault::NoMatch => unusable(path, "is itself encrypted to a key, not to a passphrase"),
        other => unusable(path, &format!("is {other}")),
    }
}

fn missing(path: &Path) -> Error {
    Error::plain(Failure::Usage, codes::IDENTITY_MISSING, format!("there is no identity at {}", path.display()))
        .help("`rot identity new` makes one; `--identity PATH` names another; a vault that is there already opens for it when somebody who can open it has run `rot vault recipients add` with its public key")
}

fn unusable(path: &Path, what: &str) -> Error {
    Error::plain(
        Failure::Usage,
        codes::IDENTITY_UNREADABLE,
        format!("the identity {} {what}", path.display()),
    )
}
