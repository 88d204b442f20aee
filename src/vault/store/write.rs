//! From a document to a file that takes the place of the one before, whole or not at all.

use super::Vault;
use super::load::MAX_FILE;
use crate::diagnostic::{Error, Failure, Result, codes};
use crate::vault::crypt::{self, Fault};
use crate::vault::document::Document;
use crate::vault::{recipient, replace, wire};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// How often a new temporary file is tried after a failed sync. A failed sync is never repeated on the same file: the kernel
/// may have dropped what it could not write, and the second call would report success.
const SYNC_RETRIES: usize = 2;

impl Vault {
    /// Writes a generation in place of the file and answers with its hash. Under the lock.
    pub(super) fn write(&self, doc: &Document, armored: bool, replaces: bool) -> Result<String> {
        let path = &self.paths.vault;
        let plain = wire::encode(doc)?;
        let mut bytes = encrypt(doc, &plain)?;
        if armored {
            bytes = crypt::armor(&bytes).into_bytes();
        }
        if bytes.len() as u64 > MAX_FILE {
            return Err(Error::plain(
                Failure::Usage,
                codes::VAULT_BAD_VALUE,
                "the vault would grow beyond 64 MiB",
            )
            .help("remove secrets that are not needed, or keep large files elsewhere"));
        }
        replace::sweep(&self.world, path);
        let temp = self.write_synced(&bytes)?;
        let placed = self.verify(&temp, &bytes, &plain, doc).and_then(|()| {
            if replaces {
                self.back_up();
            }
            self.place(&temp)
        });
        if let Err(error) = placed {
            replace::discard(&self.world, &temp);
            return Err(error);
        }
        self.sync_place()?;
        Ok(crypt::file_hash(&bytes))
    }

    /// Puts a file in the vault's place, with the mode, owner and group of the one that is there.
    pub(super) fn place(&self, temp: &Path) -> Result<()> {
        let path = &self.paths.vault;
        let there = self
            .world
            .fs
            .stat(path)
            .map_err(|e| storage(path, "could not be looked at", &e))?;
        if let Some(there) = there {
            self.world.fs.adopt(temp, &there).map_err(|e| {
                storage(path, "could not keep its owner, its group and its mode", &e)
                    .help("let its owner run it; or give the file a group whose members may read it (`chgrp`, `chmod g+r`)")
            })?;
        }
        self.world
            .fs
            .rename(temp, path)
            .map_err(|e| match e.kind() {
                ErrorKind::ResourceBusy => storage(path, "could not be replaced: it is mounted as a single file", &e)
                    .help("mount the folder that the vault is in instead of the file"),
                ErrorKind::PermissionDenied => storage(path, "could not be replaced", &e)
                    .help("a folder with the sticky bit lets only a file's owner replace it; give the vault a folder of its own"),
                _ => storage(path, "could not be replaced", &e),
            })
    }

    pub(super) fn sync_place(&self) -> Result<()> {
        let path = &self.paths.vault;
        self.world.fs.sync_dir(replace::dir_of(path)).map_err(|e| {
            storage(
                path,
                "was replaced, but its directory could not be synced, so it is unknown which of the two files a power cut would leave",
                &e,
            )
            .with(Failure::Unknown)
            .help("check the disk, then run it again: what is stored already is recognised")
        })
    }

    pub(super) fn write_synced(&self, bytes: &[u8]) -> Result<PathBuf> {
        let mut tries = 0;
        loop {
            match replace::write_temp(&self.world, &self.paths.vault, bytes) {
                Ok(temp) => return Ok(temp),
                Err(error) if tries < SYNC_RETRIES && !is_final(&error) => tries += 1,
                Err(error) => {
                    return Err(storage(&self.paths.vault, "could not be written", &error)
                        .note("the file that was there before is untouched"));
                }
            }
        }
    }

    /// Reads the temporary file back, as a reader would, before it takes the place of a good one.
    pub(super) fn verify(
        &self,
        temp: &Path,
        bytes: &[u8],
        plain: &[u8],
        doc: &Document,
    ) -> Result<()> {
        let path = &self.paths.vault;
        let back = self
            .world
            .fs
            .read(temp, MAX_FILE)
            .map_err(|e| storage(path, "could not be read back", &e))?;
        let whole = *back == bytes
            && match crypt::decrypt(&back, &self.identities) {
                Ok(again) => *again == plain,
                // Somebody who takes away the own recipient, knowingly.
                Err(Fault::NoMatch) => self.opens(&doc.recipients).is_empty(),
                Err(_) => false,
            };
        if whole {
            return Ok(());
        }
        Err(Error::plain(
            Failure::BeforeEffect,
            codes::STORAGE_FAILED,
            format!(
                "the new {} did not read back as it was written",
                path.display()
            ),
        )
        .note("the file that was there before is untouched")
        .help("check the disk and the memory of this machine"))
    }

    /// Keeps the old file under a second name. Where the file system has no links there is no backup, which is no reason to
    /// lose a new credential.
    pub(super) fn back_up(&self) {
        let backup = replace::beside(&self.paths.vault, ".prev");
        drop(self.world.fs.remove(&backup));
        drop(self.world.fs.hard_link(&self.paths.vault, &backup));
    }
}

pub(super) fn encrypt(doc: &Document, plain: &[u8]) -> Result<Vec<u8>> {
    crypt::encrypt(plain, &recipient::parse_all(&doc.recipients)?).map_err(|fault| {
        Error::plain(
            Failure::BeforeEffect,
            codes::RECIPIENT_BAD,
            format!("the vault could not be encrypted: {fault}"),
        )
    })
}

/// No use to try again with a new file.
fn is_final(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::StorageFull
            | ErrorKind::QuotaExceeded
            | ErrorKind::PermissionDenied
            | ErrorKind::ReadOnlyFilesystem
            | ErrorKind::NotFound
    )
}

pub(super) fn storage(path: &Path, what: &str, error: &io::Error) -> Error {
    Error::plain(
        Failure::BeforeEffect,
        codes::STORAGE_FAILED,
        format!(
            "the vault {} {what} ({})",
            path.display(),
            crate::diagnostic::why(error)
        ),
    )
    .help("check the free space, the permissions and the health of the disk")
}
