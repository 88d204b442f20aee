//! The vault on disk: opened, checked against what this machine remembers, and replaced as a whole under a lock.

mod load;
mod lock;
mod room;
mod write;

use super::crypt::{self, Identity};
use super::document::Document;
use super::pin::Standing;
use super::{derive, identity, pin, recipient, replace, wire};
use crate::diagnostic::{Diagnostic, Error, Failure, Result, Severity, codes};
use crate::source::Span;
use crate::world::World;
use load::{MAX_FILE, View, inspect, read, unopened, view};
use lock::take_lock;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use write::{encrypt, storage};
use zeroize::Zeroizing;

/// How often a reader looks again when a writer has replaced the file under its eyes.
const READ_RETRIES: usize = 16;

/// Where a vault and what belongs to it are.
#[derive(Debug, Clone)]
pub struct Paths {
    /// The vault file.
    pub vault: PathBuf,
    /// Identity files; the first that fits opens the vault.
    pub identities: Vec<PathBuf>,
    /// State directory of this machine: pins.
    pub state: PathBuf,
    /// How long to wait for another writer.
    pub lock_wait: Duration,
}

/// An open vault. Reading needs no lock; every change is one [`Vault::commit`].
pub struct Vault {
    world: World,
    paths: Paths,
    identities: Arc<Vec<Identity>>,
    view: View,
    warnings: Vec<Diagnostic>,
    room: Option<room::Room>,
}

/// What the `.prev` file beside a vault is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backup {
    /// The generation before.
    Previous,
    /// Some other file.
    Other,
    /// It is not there.
    None,
}

impl Vault {
    /// Makes a new vault for the identities in `paths` and for `recipients`.
    ///
    /// # Errors
    /// ROT802 when something is there already; what reading identities and recipients says; ROT820 when it cannot be written.
    pub fn create(world: &World, paths: &Paths, recipients: &[String]) -> Result<Vault> {
        let identities = identity::load_all(world, &paths.identities)?;
        let mut continuity = Zeroizing::new(vec![0u8; 32]);
        world
            .rng
            .fill(&mut continuity)
            .map_err(|e| storage(&paths.vault, "could not be made", &e))?;
        let vault_id = new_id(world).map_err(|e| storage(&paths.vault, "could not be made", &e))?;
        let mut doc = Document::new(vault_id, continuity, Vec::new());
        for text in identities
            .iter()
            .filter_map(Identity::recipient)
            .chain(recipients.iter().cloned())
        {
            doc.add_recipient(&text)?;
        }
        let dir = replace::dir_of(&paths.vault);
        world
            .fs
            .create_dir(dir, 0o700)
            .map_err(|e| storage(&paths.vault, "its directory could not be made", &e))?;
        let _lock = take_lock(world, paths)?;
        let there = world
            .fs
            .stat(&paths.vault)
            .map_err(|e| storage(&paths.vault, "could not be looked at", &e))?;
        if there.is_some() {
            return Err(exists(&paths.vault));
        }
        let mut vault = Vault {
            world: world.clone(),
            paths: paths.clone(),
            identities: Arc::new(identities),
            view: View {
                doc: doc.clone(),
                hash: String::new(),
                armored: false,
            },
            warnings: Vec::new(),
            room: None,
        };
        let hash = vault.write(&doc, false, false)?;
        vault.view = View {
            doc,
            hash,
            armored: false,
        };
        vault.remember();
        Ok(vault)
    }

    /// Opens a vault, asking for passphrases where its identities need them.
    ///
    /// # Errors
    /// ROT801 missing, ROT803 unreadable, ROT804 wrong identity, ROT805 unknown form, ROT806 to ROT808 contradicting what
    /// this machine remembers, ROT813 to ROT815 identities.
    pub fn open(world: &World, paths: &Paths) -> Result<Vault> {
        inspect(world, &paths.vault)?;
        let identities = Arc::new(identity::load_all(world, &paths.identities)?);
        let mut attempt = 0;
        let (view, standing, known_place) = loop {
            let (bytes, hash) = read(world, &paths.vault)?;
            let view = view(&paths.vault, &bytes, hash, &identities)?;
            let checked = view.pin().check(world, &paths.state).and_then(|standing| {
                let known =
                    pin::check_place(world, &paths.state, &paths.vault, &view.doc.vault_id)?;
                Ok((standing, known))
            });
            match checked {
                Ok((standing, known)) => break (view, standing, known),
                // A writer was quicker than this reader: what is remembered is of the file that it has put there since.
                Err(error) => {
                    attempt += 1;
                    if attempt > READ_RETRIES || read(world, &paths.vault)?.1 == view.hash {
                        return Err(error);
                    }
                }
            }
        };
        let mut vault = Vault {
            world: world.clone(),
            paths: paths.clone(),
            identities,
            view,
            warnings: Vec::new(),
            room: None,
        };
        if standing == Standing::FirstUse {
            vault.warn(
                codes::VAULT_FIRST_USE,
                "this machine sees the vault for the first time and takes it as it is",
                Severity::Note,
            );
        }
        if standing != Standing::Same || !known_place {
            vault.remember_seen();
        }
        Ok(vault)
    }

    /// Makes sure that there is something like a vault, before a person is asked for what is to go into it.
    ///
    /// # Errors
    /// ROT801 missing, ROT803 not a regular file or too large.
    pub fn exists(world: &World, paths: &Paths) -> Result<()> {
        inspect(world, &paths.vault)
    }

    /// Changes the vault as one step: all of `change`, durably, or nothing. `change` gets the newest document, whoever wrote it.
    ///
    /// # Errors
    /// Those of `change`; ROT809 when another writer holds the lock too long; what [`Vault::open`] says of a file that was
    /// changed meanwhile; ROT820 when it could not be written. With `Failure::Unknown` the new file is in place, but may not
    /// survive a power cut.
    pub fn commit(&mut self, change: impl FnOnce(&mut Document) -> Result<()>) -> Result<()> {
        let _lock = take_lock(&self.world, &self.paths)?;
        self.refresh()?;
        let mut next = self.view.doc.clone();
        change(&mut next)?;
        if wire::encode(&next)? == wire::encode(&self.view.doc)? {
            return Ok(());
        }
        next.prev = Some(self.view.hash.clone());
        next.generation = next.generation.checked_add(1).ok_or_else(|| {
            Error::plain(
                Failure::Tampered,
                codes::VAULT_FORMAT,
                "the vault's generation cannot go any higher",
            )
        })?;
        let armored = self.view.armored;
        self.room = None;
        let hash = self.write(&next, armored, true)?;
        self.view = View {
            doc: next,
            hash,
            armored,
        };
        self.remember();
        Ok(())
    }

    /// What it holds.
    pub fn doc(&self) -> &Document {
        &self.view.doc
    }

    /// Its UUID.
    pub fn id(&self) -> &str {
        &self.view.doc.vault_id
    }

    /// Where this machine keeps its state.
    pub fn state_dir(&self) -> &Path {
        &self.paths.state
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.paths.vault
    }

    /// Goes up by one with each commit.
    pub fn generation(&self) -> u64 {
        self.view.doc.generation
    }

    /// `sha256:…` of the file.
    pub fn file_hash(&self) -> &str {
        &self.view.hash
    }

    /// What is worth saying and no reason to stop.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// Which of `recipients` the identities at hand open.
    pub fn opens<'a>(&self, recipients: &'a [String]) -> Vec<&'a str> {
        let own: Vec<String> = self
            .identities
            .iter()
            .filter_map(Identity::recipient)
            .collect();
        recipients
            .iter()
            .map(String::as_str)
            .filter(|text| own.iter().any(|o| recipient::same(o, text)))
            .collect()
    }

    /// A key of its own for each purpose: HKDF-SHA256 (RFC 5869) of the continuity key, one block.
    pub fn derive(&self, label: &str) -> [u8; 32] {
        derive::hkdf(&self.view.doc.continuity, b"rot.vault/v1", label.as_bytes())
    }

    /// Encrypts bytes to the vault's recipients, in binary form.
    ///
    /// # Errors
    /// ROT816 when a recipient in the vault cannot be used.
    pub fn seal(&self, bytes: &[u8]) -> Result<Vec<u8>> {
        encrypt(&self.view.doc, bytes)
    }

    /// Decrypts what [`Vault::seal`] made.
    ///
    /// # Errors
    /// ROT804 when it is for someone else, ROT803 when it is damaged.
    pub fn unseal(&self, bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        crypt::decrypt(bytes, &self.identities).map_err(|fault| unopened("the sealed text", fault))
    }

    /// What the file beside the vault is.
    pub fn backup(&self) -> Backup {
        match self
            .world
            .fs
            .read(&replace::beside(&self.paths.vault, ".prev"), MAX_FILE)
        {
            Ok(bytes) if self.view.doc.prev.as_deref() == Some(&replace::sha256(&bytes)) => {
                Backup::Previous
            }
            Ok(_) => Backup::Other,
            Err(_) => Backup::None,
        }
    }

    /// Reads the file again where it is not the one we know, and checks what this machine remembers either way. Under the lock.
    fn refresh(&mut self) -> Result<()> {
        let path = &self.paths.vault;
        inspect(&self.world, path)?;
        let (bytes, hash) = read(&self.world, path)?;
        if hash != self.view.hash {
            let fresh = view(path, &bytes, hash, &self.identities)?;
            if fresh.doc.vault_id != self.view.doc.vault_id
                || fresh.doc.continuity != self.view.doc.continuity
            {
                return Err(Error::plain(
                    Failure::Tampered,
                    codes::VAULT_TAMPERED,
                    "the vault was swapped for another one while it was in use",
                )
                .note("anyone who knows the vault's recipients can write such a file")
                .help("find out who replaced it; restore the file from a copy"));
            }
            if fresh.doc.generation <= self.view.doc.generation {
                let (now, before) = (fresh.doc.generation, self.view.doc.generation);
                let code = if now < before {
                    codes::VAULT_ROLLED_BACK
                } else {
                    codes::VAULT_FORKED
                };
                return Err(Error::plain(
                    Failure::Tampered,
                    code,
                    format!("the vault was put back while it was in use: generation {now} after generation {before}"),
                )
                .help("find out who replaced it; restore the newest copy"));
            }
            self.view = fresh;
            // Its writer may have died, or failed, before the name was durable: nothing may be built on it before it is.
            self.world
                .fs
                .sync_dir(replace::dir_of(path))
                .map_err(|e| storage(path, "could not be secured", &e))?;
        }
        self.view
            .pin()
            .check(&self.world, &self.paths.state)
            .map(drop)
    }

    /// Remembers a file that another process has put there. It may have died before the file's name was durable: what is
    /// remembered must not outlive what it is of, or a power cut would look like a rollback.
    fn remember_seen(&mut self) {
        match self.world.fs.sync_dir(replace::dir_of(&self.paths.vault)) {
            Ok(()) => self.remember(),
            Err(error) => {
                let kind = error.kind();
                let message = format!(
                    "the directory of the vault could not be synced ({kind}), so this state of it is not remembered on this machine"
                );
                self.warn(codes::VAULT_NOT_PINNED, &message, Severity::Warning);
            }
        }
    }

    /// Remembers the file on this machine. A vault that cannot be remembered is still a vault.
    fn remember(&mut self) {
        let (world, paths) = (&self.world, &self.paths);
        let recorded = self.view.pin().record(world, &paths.state).and_then(|()| {
            match pin::check_place(world, &paths.state, &paths.vault, &self.view.doc.vault_id) {
                Ok(true) => Ok(()),
                _ => pin::record_place(world, &paths.state, &paths.vault, &self.view.doc.vault_id),
            }
        });
        if let Err(error) = recorded {
            let state = self.paths.state.display();
            let message = format!(
                "this machine cannot remember the vault, so a rollback would not be noticed: {state} could not be written ({})",
                error.kind()
            );
            self.warn(codes::VAULT_NOT_PINNED, &message, Severity::Warning);
        }
    }

    fn warn(&mut self, code: crate::diagnostic::Code, message: &str, severity: Severity) {
        let warning = Diagnostic::new(code, Span::NONE, message).severity(severity);
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }
}

/// The armored form of what [`Vault::seal`] made.
pub fn armor(bytes: &[u8]) -> String {
    crypt::armor(bytes)
}

/// A random UUID (version 4).
fn new_id(world: &World) -> io::Result<String> {
    let mut bytes = [0u8; 16];
    world.rng.fill(&mut bytes)?;
    let [a, b, c, d, e, f, g, h, i, rest @ ..] = bytes;
    let parts: [&[u8]; 5] = [
        &[a, b, c, d],
        &[e, f],
        &[g & 0x0f | 0x40, h],
        &[i & 0x3f | 0x80, rest[0]],
        &rest[1..],
    ];
    Ok(parts.map(replace::hex).join("-"))
}

fn exists(path: &Path) -> Error {
    Error::plain(
        Failure::Usage,
        codes::VAULT_EXISTS,
        format!("there is something at {} already", path.display()),
    )
    .note("a vault is never overwritten")
    .help("use it as it is, or name another file with `--vault PATH`")
}
