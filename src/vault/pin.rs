//! What this machine remembers of a vault, against rollback, forks, forgery and swapped files.
//!
//! age does not say who wrote a file: whoever knows the recipients can write one that opens. So each file that is used is
//! remembered by its path (`<state>/vaults/<path's hash>.pin`), and what comes later at that path must continue it. A copy at
//! another path has a memory of its own: looking at it changes nothing for the first one. Without memory everything is a
//! first use, which is harmless to lose and worth to keep.

use super::ancestry::Ancestry;
use super::document::Document;
use super::{recipient, replace};
use crate::diagnostic::{Error, Failure, Printable, Result, codes};
use crate::world::World;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

const PIN_SCHEMA: &str = "rot.pin/v2";
const PLACE_SCHEMA: &str = "rot.place/v2";
const MAX_FILE: u64 = 256 * 1024;
const LOCK_WAIT: Duration = Duration::from_secs(5);

/// What is remembered of a vault, or what a file says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    schema: String,
    /// Where the file is.
    pub path: String,
    /// Its UUID.
    pub vault_id: String,
    /// `sha256:…` of the continuity key.
    continuity: String,
    /// The same of the keys before.
    #[serde(default)]
    former: Vec<String>,
    /// The generation that was seen.
    pub generation: u64,
    /// `sha256:…` of that generation's file.
    pub file: String,
    #[serde(default)]
    prev: Option<String>,
    #[serde(default)]
    ancestors: Ancestry,
    /// Who could open it: names, or keys.
    #[serde(default)]
    pub recipients: Vec<String>,
    /// When it was seen.
    pub seen_at: Option<Timestamp>,
    /// On which machine: the state may be on a shared disk.
    #[serde(default)]
    pub host: Option<String>,
}

/// The form before: one file for a vault, wherever it was.
#[derive(Deserialize)]
struct OldPin {
    schema: String,
    vault_id: String,
    continuity: String,
    generation: u64,
    file: String,
}

/// Beside a pin, that there is one: a pin that was taken away alone is noticed. Before there were pins by path, which vault is at one.
#[derive(Serialize, Deserialize)]
struct Place {
    #[serde(default)]
    schema: String,
    vault_id: String,
}

/// How a file stands to what is remembered of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nothing is remembered.
    FirstUse,
    /// The very file.
    Same,
    /// It continues what was seen.
    Later,
    /// It is so far ahead that nobody can say whether it continues what was seen.
    Distant,
    /// What was seen continues it.
    Older,
    /// Both went on apart.
    Forked,
    /// Written with a key from before a recipient was removed: an older copy, or a forgery by who was removed.
    BeforeRemoval,
    /// Written by somebody who could not open it.
    Forged,
    /// Another vault.
    Swapped,
    /// It was remembered, and what was remembered is gone.
    Forgotten,
}

/// What is known of a file.
pub(super) struct Known {
    pub(super) standing: Standing,
    /// What it was compared with.
    pub(super) pin: Option<Pin>,
    /// That was seen at this very path.
    pub(super) here: bool,
}

impl Pin {
    pub(super) fn of(world: &World, path: &Path, doc: &Document, file: &str) -> Self {
        Self {
            schema: PIN_SCHEMA.to_owned(),
            path: resolved(world, path).display().to_string(),
            vault_id: doc.vault_id.clone(),
            continuity: replace::sha256(&doc.continuity),
            former: doc.former.iter().map(|key| replace::sha256(key)).collect(),
            generation: doc.generation,
            file: file.to_owned(),
            prev: doc.prev.clone(),
            ancestors: lineage(doc),
            recipients: doc.recipient_names(),
            seen_at: Some(world.clock.now()),
            host: world.env.host(),
        }
    }

    /// How this file stands to one that was seen before.
    pub(super) fn stands_to(&self, seen: &Pin) -> Standing {
        if self.vault_id != seen.vault_id {
            return Standing::Swapped;
        }
        if self.continuity != seen.continuity && !self.former.contains(&seen.continuity) {
            return if seen.former.contains(&self.continuity) {
                Standing::BeforeRemoval
            } else {
                Standing::Forged
            };
        }
        if self.file == seen.file {
            return Standing::Same;
        }
        if self.generation > seen.generation {
            // A person with stock tools raises the generation and leaves the rest as it was.
            let by_hand = self.generation == seen.generation + 1 && self.prev == seen.prev;
            return if self.ancestors.holds(&seen.file) || by_hand {
                Standing::Later
            } else if self.ancestors.reaches(seen.generation) {
                Standing::Forked
            } else {
                Standing::Distant
            };
        }
        let older = seen.ancestors.holds(&self.file) || !seen.ancestors.reaches(self.generation);
        if self.generation < seen.generation && older {
            Standing::Older
        } else {
            Standing::Forked
        }
    }

    /// Compares with what is remembered of this path, else with what is remembered of the same vault elsewhere.
    ///
    /// # Errors
    /// ROT806 when the memory cannot be read.
    pub(super) fn look_up(&self, world: &World, state: &Path, vault: &Path) -> Result<Known> {
        if let Some(pin) = remembered(world, state, vault)? {
            return Ok(Known {
                standing: self.stands_to(&pin),
                pin: Some(pin),
                here: true,
            });
        }
        if is_forgotten(world, state, vault) {
            return Ok(Known {
                standing: Standing::Forgotten,
                pin: None,
                here: true,
            });
        }
        // The worst is what counts: one copy that this file lacks is enough to lose something.
        let mut worst: Option<(Standing, Pin)> = None;
        for pin in elsewhere(world, state, &self.vault_id) {
            let standing = self.stands_to(&pin);
            if worst
                .as_ref()
                .is_none_or(|(w, _)| rank(*w) < rank(standing))
            {
                worst = Some((standing, pin));
            }
        }
        Ok(match worst {
            Some((standing, pin)) => Known {
                standing,
                pin: Some(pin),
                here: false,
            },
            None => Known {
                standing: Standing::FirstUse,
                pin: None,
                here: false,
            },
        })
    }

    /// Remembers it, unless a later generation is remembered already; `accept` takes it whatever was.
    pub(super) fn record(
        &self,
        world: &World,
        state: &Path,
        vault: &Path,
        accept: bool,
    ) -> io::Result<()> {
        let path = file(world, state, vault);
        world.fs.create_dir(replace::dir_of(&path), 0o700)?;
        let Some(lock) = world.fs.lock(&path.with_extension("lock"), LOCK_WAIT)? else {
            return Err(io::ErrorKind::WouldBlock.into());
        };
        replace::sweep(world, &path);
        let known = load::<Pin>(world, &path).ok().flatten();
        if accept
            || known.is_none_or(|known| {
                known.vault_id != self.vault_id || known.generation < self.generation
            })
        {
            let mut bytes =
                serde_json::to_vec_pretty(self).map_err(|_| io::ErrorKind::InvalidData)?;
            bytes.push(b'\n');
            replace::replace(world, &path, &bytes)?;
        }
        let place = place(&path);
        if accept || world.fs.stat(&place)?.is_none() {
            let content = Place {
                schema: PLACE_SCHEMA.to_owned(),
                vault_id: self.vault_id.clone(),
            };
            let mut bytes =
                serde_json::to_vec_pretty(&content).map_err(|_| io::ErrorKind::InvalidData)?;
            bytes.push(b'\n');
            replace::replace(world, &place, &bytes)?;
        }
        drop(lock);
        Ok(())
    }

    /// Where, when and on which machine it was seen.
    pub fn describe(&self) -> String {
        let mut text = format!("generation {}", self.generation);
        if !self.path.is_empty() {
            text.push_str(&format!(" of {}", self.path));
        }
        if let Some(at) = self.seen_at {
            text.push_str(&format!(", seen {}", at.strftime("%Y-%m-%dT%H:%M:%SZ")));
        }
        if let Some(host) = &self.host {
            text.push_str(&format!(" on {}", host.printable()));
        }
        text
    }

    /// Why a file is refused that stands so to what was seen at its path; `None` when it is not.
    pub(super) fn refusal(&self, seen: &Pin, standing: Standing) -> Option<Error> {
        let error = |code, message: String| {
            Error::plain(Failure::Tampered, code, message)
                .note(format!("remembered: {}", seen.describe()))
        };
        let (here, before) = (self.generation, seen.generation);
        Some(match standing {
            Standing::FirstUse | Standing::Same | Standing::Later | Standing::Distant | Standing::Forgotten => {
                return None;
            }
            Standing::Swapped => error(
                codes::VAULT_TAMPERED,
                format!("another vault stood at {} before: the file was swapped", self.path),
            )
            .note(format!("vault remembered: {}, found: {}", seen.vault_id, self.vault_id))
            .note(FORGEABLE)
            .help(ACCEPT),
            Standing::Forged => Error::plain(
                Failure::Tampered,
                codes::VAULT_TAMPERED,
                "the vault is not a continuation of the one that was used here before",
            )
            .note(format!(
                "continuity key remembered: {}, found: {}",
                seen.continuity, self.continuity
            ))
            .note(format!("remembered: {}", seen.describe()))
            .note(FORGEABLE)
            .help(ACCEPT),
            Standing::BeforeRemoval => error(
                codes::VAULT_TAMPERED,
                "the vault was written with a key from before a recipient was removed".to_owned(),
            )
            .note("it is an older copy, or somebody who was removed has written it")
            .help("restore the newest copy; what a member stored in this one meanwhile is read with `--read-only`, and stored again"),
            Standing::Older => error(
                codes::VAULT_ROLLED_BACK,
                format!("the vault is at generation {here}, and generation {before} was seen here before"),
            )
            .note("an older copy holds credentials that may be revoked, and lacks those that came later")
            .help(ACCEPT),
            Standing::Forked => error(
                codes::VAULT_FORKED,
                if here == before {
                    format!("the vault forked: it has two different files of generation {here}, so it was changed in two places")
                } else {
                    format!("the vault forked: this file, of generation {here}, does not continue generation {before} that was seen here")
                },
            )
            .note(format!("file remembered: {}, found: {}", seen.file, self.file))
            .note("each of the two lacks what was stored in the other")
            .help("`rot vault merge OTHER` joins this file with a copy of the other one, such as `git show HEAD:rot.vault` gives; `rot vault accept` takes this one as it is"),
        })
    }
}

const FORGEABLE: &str =
    "anyone who knows the vault's recipients can write such a file; do not rotate into it";
const ACCEPT: &str = "restore the newest copy of the vault; when this one is right, and you know why, `rot vault accept` takes it";

/// What is remembered of the file at `vault`.
///
/// # Errors
/// ROT806 when it cannot be read; ROT820 when the disk or the system fails.
pub(super) fn remembered(world: &World, state: &Path, vault: &Path) -> Result<Option<Pin>> {
    let path = file(world, state, vault);
    if let Some(pin) = load::<Pin>(world, &path)? {
        return if pin.schema == PIN_SCHEMA {
            Ok(Some(pin))
        } else {
            Err(unreadable(&path))
        };
    }
    Ok(before_paths(world, state, &path).map(|old| Pin {
        path: resolved(world, vault).display().to_string(),
        ..old.into()
    }))
}

/// What was remembered in the form before, one file for a vault wherever it is.
fn before_paths(world: &World, state: &Path, pin: &Path) -> Option<OldPin> {
    let place = load::<Place>(world, &place(pin)).ok()??;
    let old = state.join("vaults").join(format!("{}.pin", place.vault_id));
    load::<OldPin>(world, &old).ok()?
}

/// Whether something was remembered of a path, and the memory of it was taken away.
pub(super) fn is_forgotten(world: &World, state: &Path, vault: &Path) -> bool {
    let pin = file(world, state, vault);
    // A disk that fails is not somebody who takes something away.
    let is_there = |path: &Path| world.fs.stat(path).map(|stat| stat.is_some());
    matches!(is_there(&place(&pin)), Ok(true))
        && matches!(is_there(&pin), Ok(false))
        && before_paths(world, state, &pin).is_none()
}

/// Why a vault is not changed of which the memory was taken away.
pub(super) fn forgotten(path: &Path) -> Error {
    Error::plain(Failure::Tampered, codes::VAULT_TAMPERED, FORGOTTEN)
        .note(format!("vault: {}", path.display()))
        .note("without it, an older or forged vault would not be noticed")
        .help("when the vault is right, and you know why, `rot vault accept` remembers it anew")
}

/// What is said of it.
pub(super) const FORGOTTEN: &str = "what this machine remembered of the vault was taken away, and that it had been remembered was not";

impl From<OldPin> for Pin {
    fn from(old: OldPin) -> Self {
        Self {
            schema: old.schema,
            path: String::new(),
            vault_id: old.vault_id,
            continuity: old.continuity,
            former: Vec::new(),
            generation: old.generation,
            file: old.file,
            prev: None,
            ancestors: Ancestry::default(),
            recipients: Vec::new(),
            seen_at: None,
            host: None,
        }
    }
}

/// What is remembered of a vault at other paths. What cannot be read there is no reason to refuse a file here.
fn elsewhere(world: &World, state: &Path, vault_id: &str) -> Vec<Pin> {
    let files = world.fs.list(&state.join("vaults")).unwrap_or_default();
    let pins = files
        .iter()
        .filter(|p| p.extension().is_some_and(|e| e == "pin"));
    pins.filter_map(|path| {
        let new = load::<Pin>(world, path).ok().flatten();
        new.filter(|pin| pin.schema == PIN_SCHEMA)
            .or_else(|| load::<OldPin>(world, path).ok().flatten().map(Pin::from))
    })
    .filter(|pin| pin.vault_id == vault_id)
    .collect()
}

/// What a file is an heir of, by its own word.
pub(super) fn lineage(doc: &Document) -> Ancestry {
    let mut all = doc.ancestry.clone();
    if let Some(prev) = &doc.prev {
        all.add(doc.generation.saturating_sub(1), prev);
    }
    all
}

fn rank(standing: Standing) -> u8 {
    match standing {
        Standing::Same | Standing::FirstUse | Standing::Forgotten => 0,
        Standing::Later => 1,
        Standing::Distant => 2,
        Standing::Older => 3,
        Standing::Forked => 4,
        Standing::BeforeRemoval => 5,
        Standing::Forged | Standing::Swapped => 6,
    }
}

/// Where what is remembered of a vault is kept.
pub(super) fn file(world: &World, state: &Path, vault: &Path) -> PathBuf {
    let resolved = resolved(world, vault);
    let short = replace::short_hash(resolved.as_os_str().as_encoded_bytes());
    state.join("vaults").join(format!("{short}.pin"))
}

fn place(pin: &Path) -> PathBuf {
    pin.with_extension("place")
}

/// The same file has the same name here, however the directory was reached.
pub(super) fn resolved(world: &World, vault: &Path) -> PathBuf {
    let dir = replace::dir_of(vault);
    world
        .fs
        .resolve(dir)
        .unwrap_or_else(|_| dir.to_path_buf())
        .join(vault.file_name().unwrap_or_default())
}

pub(super) fn load<T: DeserializeOwned>(world: &World, path: &Path) -> Result<Option<T>> {
    match world.fs.read(path, MAX_FILE) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|_| unreadable(path)),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            Ok(None)
        }
        // A disk or a system that fails is no sign of an attack. A symbolic link where a file was is one.
        Err(error)
            if error
                .raw_os_error()
                .is_some_and(|code| code != rustix::io::Errno::LOOP.raw_os_error()) =>
        {
            let message = format!(
                "what this machine remembers of the vault could not be read ({})",
                crate::diagnostic::why(&error)
            );
            Err(
                Error::plain(Failure::BeforeEffect, codes::STORAGE_FAILED, message)
                    .note(format!("file: {}", path.display()))
                    .help("check the permissions and the health of the disk, then run it again"),
            )
        }
        Err(_) => Err(unreadable(path)),
    }
}

pub(super) fn unreadable(path: &Path) -> Error {
    Error::plain(
        Failure::Tampered,
        codes::VAULT_TAMPERED,
        "what this machine remembers of the vault cannot be read",
    )
    .note(format!("file: {}", path.display()))
    .note("without it, an older or forged vault would not be noticed")
    .help("when the vault is right, and you know why, `rot vault accept` remembers it anew")
}

impl Document {
    /// The recipients as people know them: by name, or by key.
    pub fn recipient_names(&self) -> Vec<String> {
        let called = |text: &String| self.name_of(text).unwrap_or_else(|| recipient::short(text));
        self.recipients.iter().map(called).collect()
    }
}

/// Forgets what is remembered of a path.
pub(super) fn forget(world: &World, state: &Path, vault: &Path) -> io::Result<()> {
    let path = file(world, state, vault);
    for path in [place(&path), path] {
        match world.fs.remove(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}
