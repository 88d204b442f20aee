//! Replacing a file so that a crash at any point leaves the old one or the new one, whole.
//!
//! Temporary file in the same directory → write → sync → (look at it) → rename → sync the directory. None of these may be
//! left out: see docs/reference/vault.md.

use crate::world::World;
use std::io;
use std::path::{Path, PathBuf};

/// The directory of a file; `.` for a bare name.
pub(crate) fn dir_of(path: &Path) -> &Path {
    match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    }
}

/// A file beside `path`: `.NAME` and a suffix.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(suffix);
    dir_of(path).join(name)
}

/// Writes and syncs a new temporary file beside `path`, with mode 0600 and a random name. Nothing is left when it fails.
pub(super) fn write_temp(world: &World, path: &Path, bytes: &[u8]) -> io::Result<PathBuf> {
    let temp = beside(path, &format!(".{}.tmp", random_hex(world, 8)?));
    let mut file = match world.fs.create(&temp, 0o600) {
        Ok(file) => file,
        Err(error) => {
            // An open that failed may have made the file all the same.
            if error.kind() != io::ErrorKind::AlreadyExists {
                discard(world, &temp);
            }
            return Err(error);
        }
    };
    let written = file
        .reserve(bytes.len() as u64)
        .and_then(|()| file.write(bytes))
        .and_then(|()| file.sync());
    drop(file);
    match written {
        Ok(()) => Ok(temp),
        Err(error) => {
            discard(world, &temp);
            Err(error)
        }
    }
}

/// Replaces `path` by `bytes`, durably.
pub(super) fn replace(world: &World, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temp = write_temp(world, path, bytes)?;
    if let Err(error) = world.fs.rename(&temp, path) {
        discard(world, &temp);
        return Err(error);
    }
    world.fs.sync_dir(dir_of(path))
}

/// Removes what crashed writers of `path` have left. Only under the lock of `path`: a live writer's file looks the same.
pub(super) fn sweep(world: &World, path: &Path) {
    let start = beside(path, ".");
    let Some(start) = start.file_name().and_then(|n| n.to_str()) else {
        return;
    };
    for entry in world.fs.list(dir_of(path)).unwrap_or_default() {
        let Some(name) = entry.file_name().and_then(|n| n.to_str()) else {
            continue;
        };
        let middle = name
            .strip_prefix(start)
            .and_then(|rest| rest.strip_suffix(".tmp"));
        if middle.is_some_and(|m| m.len() == 16 && m.bytes().all(|b| b.is_ascii_hexdigit())) {
            discard(world, &dir_of(path).join(name));
        }
    }
}

/// Removes a temporary file. One that stays is swept later, so a failure does not matter.
pub(super) fn discard(world: &World, temp: &Path) {
    drop(world.fs.remove(temp));
}

/// `count` random bytes as hexadecimal digits.
pub(super) fn random_hex(world: &World, count: usize) -> io::Result<String> {
    let mut bytes = vec![0u8; count];
    world.rng.fill(&mut bytes)?;
    Ok(hex(&bytes))
}

/// Lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            text.extend(
                [byte >> 4, byte & 15]
                    .iter()
                    .filter_map(|n| char::from_digit(u32::from(*n), 16)),
            );
            text
        })
}

/// `sha256:` and the digest.
pub(super) fn sha256(bytes: &[u8]) -> String {
    format!(
        "sha256:{}",
        hex(ring::digest::digest(&ring::digest::SHA256, bytes).as_ref())
    )
}

/// Half of the SHA-256 digest, for the name of a file.
pub(crate) fn short_hash(bytes: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    hex(digest.as_ref().get(..16).unwrap_or_default())
}
