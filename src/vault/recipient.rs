//! To whom a vault is sealed: `age1…`, `ssh-ed25519 …`, `ssh-rsa …`. Programs named by a recipient (age plugins) are never run.

use super::crypt;
use super::document::Document;
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
            refused(format!(
                "`{}` is not an SSH key that age can encrypt to",
                shown(text)
            ))
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

/// A recipient as it is kept: canonical, with the comment of an SSH key, which tells people whose it is.
///
/// # Errors
/// As [`parse`].
pub fn normal(text: &str) -> Result<String> {
    let canonical = parse(text)?.canonical();
    let comment = text
        .split_whitespace()
        .skip(2)
        .collect::<Vec<_>>()
        .join(" ");
    // Signs that could hide or turn the text around are not worth a comment.
    let plain = !comment.is_empty() && comment.chars().all(|c| c.is_ascii_graphic() || c == ' ');
    Ok(if plain {
        format!("{canonical} {comment}")
    } else {
        canonical
    })
}

/// Whether two texts name the same key.
pub fn same(a: &str, b: &str) -> bool {
    let canonical = |text: &str| parse(text).map(|r| r.canonical()).ok();
    a == b || canonical(a).is_some_and(|key| canonical(b) == Some(key))
}

impl Document {
    /// Adds a recipient, to whom the next generation is sealed too; `false` when it is one already.
    ///
    /// # Errors
    /// As [`parse`].
    pub fn add_recipient(&mut self, text: &str) -> Result<bool> {
        let text = normal(text)?;
        if self.recipients.iter().any(|known| same(known, &text)) {
            return Ok(false);
        }
        self.recipients.push(text);
        Ok(true)
    }

    /// Takes a recipient away.
    ///
    /// # Errors
    /// ROT816 when it is none, or the last one.
    pub fn remove_recipient(&mut self, text: &str) -> Result<()> {
        let text = text.trim();
        let Some(index) = self.recipients.iter().position(|known| same(known, text)) else {
            return Err(refused("that is not a recipient of the vault")
                .help("`rot vault recipients` lists them"));
        };
        if self.recipients.len() == 1 {
            return Err(refused(
                "the last recipient cannot be removed: nobody could open the vault any more",
            )
            .help("add another one first"));
        }
        self.recipients.remove(index);
        Ok(())
    }
}

fn refused(message: impl Into<String>) -> Error {
    Error::plain(Failure::Usage, codes::RECIPIENT_BAD, message)
}

fn shown(text: &str) -> String {
    if text.chars().count() <= 24 {
        text.to_owned()
    } else {
        text.chars().take(20).chain(['…']).collect()
    }
}
