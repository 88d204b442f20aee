//! To whom a vault is sealed: `age1…`, `ssh-ed25519 …`, `ssh-rsa …`. Programs named by a recipient (age plugins) are never run.

use super::crypt;
use super::document::{Document, VersionEntry};
use crate::diagnostic::{Error, Failure, Printable, Result, codes};
use zeroize::Zeroizing;

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
                .note("a plugin is a program that the recipient names; whoever writes the recipient would choose what runs")
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
    let canonical = parse(key_of(text).as_str())?.canonical();
    Ok(match comment_of(text) {
        Some(comment) if canonical.starts_with("ssh-") => format!("{canonical} {comment}"),
        _ => canonical,
    })
}

/// Whether two texts name the same key.
pub fn same(a: &str, b: &str) -> bool {
    let canonical = |text: &str| parse(&key_of(text)).map(|r| r.canonical()).ok();
    a == b || canonical(a).is_some_and(|key| canonical(b) == Some(key))
}

/// The key of a recipient, without what people have written behind it.
pub(super) fn key_of(text: &str) -> String {
    let words = if text.trim_start().starts_with("ssh-") {
        2
    } else {
        1
    };
    let words: Vec<&str> = text.split_whitespace().take(words).collect();
    words.join(" ")
}

/// What people have written behind the key. Characters that could hide or turn the text around are not worth a comment.
fn comment_of(text: &str) -> Option<String> {
    let words = if text.trim_start().starts_with("ssh-") {
        2
    } else {
        1
    };
    let comment: Vec<&str> = text.split_whitespace().skip(words).collect();
    let comment = comment.join(" ");
    (!comment.is_empty() && is_name(&comment)).then_some(comment)
}

/// The start of a key, for people.
pub(super) fn short(text: &str) -> String {
    let key = key_of(text);
    let end = key.split(' ').next_back().unwrap_or_default();
    match (
        key.starts_with("ssh-"),
        end.get(..12),
        end.len().checked_sub(8).and_then(|at| end.get(at..)),
    ) {
        (false, Some(start), _) => format!("{start}…"),
        (true, _, Some(tail)) => format!("ssh …{tail}"),
        _ => key,
    }
}

fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.chars().all(|c| c.is_ascii_graphic() || c == ' ')
}

impl Document {
    /// Adds a recipient, to whom the next generation is sealed too; `false` when it is one already. What stands behind the key
    /// becomes its name.
    ///
    /// # Errors
    /// As [`parse`]; ROT816 when another one has the name.
    pub fn add_recipient(&mut self, text: &str) -> Result<bool> {
        self.add_named_recipient(text, None)
    }

    /// The same, under a name.
    ///
    /// # Errors
    /// As [`Document::add_recipient`], and ROT816 for a name that cannot be one.
    pub fn add_named_recipient(&mut self, text: &str, name: Option<&str>) -> Result<bool> {
        let kept = normal(text)?;
        if let Some(name) = name
            && !is_name(name)
        {
            return Err(
                refused(format!("`{}` cannot name a recipient", name.printable()))
                    .help("up to 64 printable characters, such as `alice` or `ci@deploy`"),
            );
        }
        let name = name.map(str::to_owned).or_else(|| comment_of(text));
        let known = self.recipients.iter().any(|known| same(known, &kept));
        if let Some(name) = name {
            let taken = self
                .recipients
                .iter()
                .find(|other| !same(other, &kept) && self.name_of(other).as_ref() == Some(&name));
            if taken.is_some() {
                return Err(
                    refused(format!("another recipient is called `{name}` already"))
                        .help("give this one another name: `--name NAME`"),
                );
            }
            self.names.insert(key_of(&kept), name);
        }
        if !known {
            self.recipients.push(kept);
        }
        Ok(!known)
    }

    /// What people call a recipient.
    pub fn name_of(&self, text: &str) -> Option<String> {
        let given = self.names.get(&key_of(text)).cloned();
        given.or_else(|| comment_of(text))
    }

    /// The recipient that a key, or a name that only one of them has, stands for.
    pub fn recipient(&self, text: &str) -> Option<&str> {
        let text = text.trim();
        let by_key = self.recipients.iter().find(|known| same(known, text));
        let mut named = self
            .recipients
            .iter()
            .filter(|known| self.name_of(known).as_deref() == Some(text));
        let by_name = named.next().filter(|_| named.next().is_none());
        by_key.or(by_name).map(String::as_str)
    }

    /// Takes a recipient away, by key or by name. The commit that does so makes a new continuity key, and marks what its holder
    /// could read.
    ///
    /// # Errors
    /// ROT816 when it is none, or the last one.
    pub fn remove_recipient(&mut self, text: &str) -> Result<()> {
        let Some(found) = self.recipient(text).map(str::to_owned) else {
            return Err(refused("that is not a recipient of the vault")
                .help("`rot vault recipients` lists them"));
        };
        if self.recipients.len() == 1 {
            return Err(refused(
                "the last recipient cannot be removed: nobody could open the vault any more",
            )
            .help("add another one first: `rot vault recipients add KEY`"));
        }
        self.recipients.retain(|known| *known != found);
        Ok(())
    }

    /// What follows from recipients that are in `before` and not here: a new continuity key, and a mark on every value that
    /// they could read. Names those that were removed.
    pub(super) fn part_from(&mut self, before: &Document, fresh: &[u8]) -> Vec<String> {
        let gone: Vec<&String> = before
            .recipients
            .iter()
            .filter(|old| !self.recipients.iter().any(|new| same(new, old)))
            .collect();
        if gone.is_empty() {
            return Vec::new();
        }
        let called: Vec<String> = gone
            .iter()
            .map(|text| before.name_of(text).unwrap_or_else(|| short(text)))
            .collect();
        for text in gone {
            self.names.remove(&key_of(text));
        }
        let old = std::mem::replace(&mut self.continuity, Zeroizing::new(fresh.to_vec()));
        self.former.insert(0, old);
        for (name, entry) in &mut self.secrets {
            // What is stored in the very commit that removes somebody was never sealed to them.
            let known = before.secrets.get(name);
            for version in &mut entry.versions {
                if version.value.is_some()
                    && known.is_some_and(|k| k.version(&version.id).is_some())
                {
                    version.expose_to(&called);
                }
            }
        }
        called
    }
}

impl VersionEntry {
    /// Marks the value as known to people who are no recipients any more.
    pub(super) fn expose_to(&mut self, names: &[String]) {
        self.exposed_to.extend_from_slice(names);
        self.exposed_to.sort();
        self.exposed_to.dedup();
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
