//! To whom a vault is sealed: `age1…`, `ssh-ed25519 …`, `ssh-rsa …`. Programs named by a recipient (age plugins) are never run.

use super::crypt;
use crate::diagnostic::{Error, Failure, Result, codes};

/// Reads a recipient.
///
/// # Errors
/// ROT816 with the reason, exit 2.
pub fn parse(text: &str) -> Result<crypt::Recipient> {
    let text = text.trim();
    if text.starts_with("AGE-SECRET-KEY-") {
        // The text is a private key: it must not be shown again.
        return Err(refused("a private key was given where a recipient was expected")
            .help("give the public key, which starts with `age1`; treat the private key as exposed if the command was recorded"));
    }
    if text.contains(|c: char| c.is_control()) {
        return Err(refused("a recipient is one line of printable text"));
    }
    if text.starts_with("ssh-") {
        return crypt::Recipient::from_ssh(text).ok_or_else(|| {
            refused(format!("`{}` is not an SSH key that age can encrypt to", shown(text)))
                .help("use an ssh-ed25519 key, or an ssh-rsa key of at least 2048 bits")
        });
    }
    if let Some(rest) = text.strip_prefix("age1") {
        if rest.contains('1') {
            return Err(refused(format!("`{}` needs an age plugin", shown(text)))
                .note("a plugin is a program whose name stands in the recipient; whoever writes the recipient would choose what runs")
                .help("use an `age1…` key made by `age-keygen`, or an SSH key"));
        }
        return crypt::Recipient::from_native(text).ok_or_else(|| {
            refused(format!("`{}` is not a whole age recipient", shown(text)))
                .help("its check sum does not fit; copy it again, all 62 characters")
        });
    }
    Err(refused(format!("`{}` is not a recipient", shown(text)))
        .help("a recipient is `age1…`, `ssh-ed25519 …` or `ssh-rsa …`"))
}

/// Reads them all.
///
/// # Errors
/// As [`parse`]; ROT816 when there are none.
pub fn parse_all(texts: &[String]) -> Result<Vec<crypt::Recipient>> {
    if texts.is_empty() {
        return Err(refused("a vault needs at least one recipient"));
    }
    texts.iter().map(|text| parse(text)).collect()
}

fn refused(message: impl Into<String>) -> Error {
    Error::plain(Failure::Usage, codes::RECIPIENT_BAD, message)
}

fn shown(text: &str) -> String {
    if text.chars().count() <= 24 { text.to_owned() } else { text.chars().take(20).chain(['…']).collect() }
}
