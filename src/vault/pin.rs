//! What this machine remembers of a vault, against rollback, forks, forgery and swapped files.
//!
//! age does not say who wrote a file: whoever knows the recipients can write one that opens. So the first use is remembered
//! (`<state>/vaults/<vault id>.pin`, and which vault is at which path), and what comes later must continue it. Without
//! memory everything is a first use, which is harmless to lose and worth to keep.

use super::replace;
use crate::diagnostic::{Error, Failure, Result, codes};
use crate::world::World;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

const PIN_SCHEMA: &str = "rot.pin/v1";
const PLACE_SCHEMA: &str = "rot.place/v1";
const MAX_FILE: u64 = 64 * 1024;
const LOCK_WAIT: Duration = Duration::from_secs(5);

/// What is remembered of a vault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pin {
    schema: String,
    vault_id: String,
    /// `sha256:…` of the continuity key.
    continuity: String,
    /// The highest generation that was seen.
    generation: u64,
    /// `sha256:…` of that generation's file.
    file: String,
}

/// Which vault is at a path.
#[derive(Debug, Serialize, Deserialize)]
struct Place {
    schema: String,
    path: String,
    vault_id: String,
}

/// How a file stands to what is remembered, when it does not contradict it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nothing is remembered.
    FirstUse,
    /// The very file.
    Same,
    /// A later one.
    Later,
}

impl Pin {
    pub(super) fn new(vault_id: &str, continuity: &[u8], generation: u64, file: &str) -> Self {
        Self {
            schema: PIN_SCHEMA.to_owned(),
            vault_id: vault_id.to_owned(),
            continuity: replace::sha256(continuity),
            generation,
            file: file.to_owned(),
        }
    }

    /// Compares with what is remembered.
    ///
    /// # Errors
    /// ROT806 (another continuity key), ROT807 (an older generation), ROT808 (the same generation, another file); exit 23.
    pub(super) fn check(&self, world: &World, state: &Path) -> Result<Standing> {
        let path = pin_path(state, &self.vault_id);
        let Some(known) = load::<Pin>(world, &path)?.filter(|p| p.vault_id == self.vault_id) else {
            return Ok(Standing::FirstUse);
        };
        if known.schema != PIN_SCHEMA {
            return Err(unreadable(&path));
        }
        if known.continuity != self.continuity {
            return Err(Error::plain(
                Failure::Tampered,
                codes::VAULT_TAMPERED,
                "the vault is not a continuation of the one that was used here before",
            )
            .note(format!("continuity key remembered: {}, found: {}", known.continuity, self.continuity))
            .note("anyone who knows the vault's recipients can write such a file; do not rotate into it")
            .help(remedy(&path)));
        }
        if self.generation < known.generation {
            return Err(Error::plain(
                Failure::Tampered,
                codes::VAULT_ROLLED_BACK,
                format!("the vault is at generation {}, and generation {} was seen here before", self.generation, known.generation),
            )
            .note("an older copy holds credentials that may be revoked, and lacks those that came later")
            .help(remedy(&path)));
        }
        if self.generation == known.generation && self.file != known.file {
            return Err(Error::plain(
                Failure::Tampered,
                codes::VAULT_FORKED,
                format!("the vault has two different files of generation {}: it was changed in two places", self.generation),
            )
            .note(format!("file remembered: {}, found: {}", known.file, self.file))
            .note("one of the two lacks what was stored in the other")
            .help(remedy(&path)));
        }
        Ok(if self.generation == known.generation {
            Standing::Same
        } else {
            Standing::Later
        })
    }

    /// Remembers it, unless a later generation is remembered already.
    pub(super) fn record(&self, world: &World, state: &Path) -> io::Result<()> {
        let path = pin_path(state, &self.vault_id);
        world.fs.create_dir(replace::dir_of(&path), 0o700)?;
        let Some(lock) = world.fs.lock(&path.with_extension("lock"), LOCK_WAIT)? else {
            return Err(io::ErrorKind::WouldBlock.into());
        };
        replace::sweep(world, &path);
        if load::<Pin>(world, &path)
            .ok()
            .flatten()
            .is_none_or(|known| known.generation < self.generation)
        {
            replace::replace(world, &path, &json(self)?)?;
        }
        drop(lock);
        Ok(())
    }
}

/// Makes sure that the vault at `vault` is the one that was there before; `false` when nothing is remembered.
///
/// # Errors
/// ROT806 when another vault was there.
pub(super) fn check_place(
    world: &World,
    state: &Path,
    vault: &Path,
    vault_id: &str,
) -> Result<bool> {
    let path = place_path(world, state, vault);
    let Some(known) = load::<Place>(world, &path)? else {
        return Ok(false);
    };
    if known.schema != PLACE_SCHEMA {
        return Err(unreadable(&path));
    }
    if known.vault_id == vault_id {
        return Ok(true);
    }
    Err(Error::plain(
        Failure::Tampered,
        codes::VAULT_TAMPERED,
        format!(
            "another vault stood at {} before: the file was swapped",
            vault.display()
        ),
    )
    .note(format!(
        "vault remembered: {}, found: {vault_id}",
        known.vault_id
    ))
    .note("anyone who knows the vault's recipients can write such a file; do not rotate into it")
    .help(remedy(&path)))
}

/// Remembers which vault is at `vault`.
pub(super) fn record_place(
    world: &World,
    state: &Path,
    vault: &Path,
    vault_id: &str,
) -> io::Result<()> {
    let path = place_path(world, state, vault);
    world.fs.create_dir(replace::dir_of(&path), 0o700)?;
    let place = Place {
        schema: PLACE_SCHEMA.to_owned(),
        path: resolved(world, vault).display().to_string(),
        vault_id: vault_id.to_owned(),
    };
    replace::replace(world, &path, &json(&place)?)
}

fn pin_path(state: &Path, vault_id: &str) -> PathBuf {
    state.join("vaults").join(format!("{vault_id}.pin"))
}

fn place_path(world: &World, state: &Path, vault: &Path) -> PathBuf {
    let resolved = resolved(world, vault);
    let digest = ring::digest::digest(
        &ring::digest::SHA256,
        resolved.as_os_str().as_encoded_bytes(),
    );
    let short = digest.as_ref().get(..16).unwrap_or_default();
    state
        .join("vaults")
        .join(format!("{}.place", replace::hex(short)))
}

/// The same file has the same name here, however the directory was reached.
fn resolved(world: &World, vault: &Path) -> PathBuf {
    let dir = replace::dir_of(vault);
    world
        .fs
        .resolve(dir)
        .unwrap_or_else(|_| dir.to_path_buf())
        .join(vault.file_name().unwrap_or_default())
}

fn json(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(value).map_err(|_| io::ErrorKind::InvalidData)?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn load<T: DeserializeOwned>(world: &World, path: &Path) -> Result<Option<T>> {
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
                error.kind()
            );
            Err(
                Error::plain(Failure::BeforeEffect, codes::STORAGE_FAILED, message)
                    .note(format!("file: {}", path.display()))
                    .help("see to permissions and health of the disk, then run it again"),
            )
        }
        Err(_) => Err(unreadable(path)),
    }
}

fn unreadable(path: &Path) -> Error {
    Error::plain(
        Failure::Tampered,
        codes::VAULT_TAMPERED,
        "what this machine remembers of the vault cannot be read",
    )
    .note("without it, an older or forged vault would not be noticed")
    .help(remedy(path))
}

fn remedy(path: &Path) -> String {
    format!(
        "restore the newest copy of the vault; when this one is right, and you know why, remove {} and run it again",
        path.display()
    )
}
