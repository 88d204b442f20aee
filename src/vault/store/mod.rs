//! The vault on disk: opened, checked against what this machine remembers, and replaced as a whole under a lock.

mod join;
mod load;
mod lock;
mod memory;
mod room;
mod write;

pub use join::Joined;

use super::crypt::{self, Identity};
use super::document::Document;
use super::pin::{Pin, Standing};
use super::{derive, identity, pin, recipient, replace, wire};
use crate::diagnostic::{Diagnostic, Error, Failure, Result, Severity, codes};
use crate::source::Span;
use crate::world::World;
use load::{MAX_FILE, Traces, View, inspect, read, unopened, view};
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
    mode: Mode,
    /// A copy that lacks what another one on this machine holds may be looked at, and not written.
    behind: Option<(Pin, Standing)>,
    /// What this machine remembered of it was taken away.
    forgotten: bool,
}

/// What a vault is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// It must continue what this machine remembers, and is remembered.
    Use,
    /// Nothing is remembered and nothing is asked for; it cannot be changed.
    Look,
    /// It is taken as it is, whatever is remembered.
    Accept,
}

/// What becomes of a vault that this machine has never seen.
#[derive(Clone, Copy)]
enum FirstUse<'p> {
    /// It is taken, and said.
    Taken,
    /// It is refused, but for one that the user has seen with another state folder.
    Refused(Option<&'p Path>),
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
    /// ROT802 when something is there already, or was; what reading identities and recipients says; ROT820 when it cannot be
    /// written.
    pub fn create(world: &World, paths: &Paths, recipients: &[String]) -> Result<Vault> {
        Self::create_for(world, paths, recipients, None)
    }

    /// The same for an environment.
    ///
    /// # Errors
    /// As [`Vault::create`].
    pub fn create_for(
        world: &World,
        paths: &Paths,
        recipients: &[String],
        environment: Option<&str>,
    ) -> Result<Vault> {
        let identities = identity::load_all(world, &paths.identities)?;
        let unmade = |e| storage(&paths.vault, "could not be made", &e);
        let mut continuity = Zeroizing::new(vec![0u8; 32]);
        world.rng.fill(&mut continuity).map_err(unmade)?;
        let vault_id = new_id(world).map_err(unmade)?;
        let mut doc = Document::new(vault_id, continuity, Vec::new());
        doc.environment = environment.map(str::to_owned);
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
        was_here(world, paths)?;
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
            mode: Mode::Use,
            behind: None,
            forgotten: false,
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

    /// Forgets that there was a vault, so that another one can be made in its place. The copy beside it stays, under a name that
    /// nothing overwrites, which is what this answers with.
    ///
    /// # Errors
    /// ROT802 when there is a vault; ROT820 when the copy could not be kept.
    pub fn forget(world: &World, paths: &Paths) -> Result<Option<PathBuf>> {
        if matches!(world.fs.stat(&paths.vault), Ok(Some(_))) {
            return Err(exists(&paths.vault));
        }
        let backup = replace::beside(&paths.vault, ".prev");
        let mut kept = None;
        if matches!(world.fs.stat(&backup), Ok(Some(_))) {
            let name = format!(".{}.lost", world.clock.now().strftime("%Y%m%dT%H%M%SZ"));
            let to = replace::beside(&paths.vault, &name);
            let moved = world
                .fs
                .hard_link(&backup, &to)
                .and_then(|()| world.fs.remove(&backup));
            moved.map_err(|e| storage(&paths.vault, "its copy could not be kept", &e))?;
            kept = Some(to);
        }
        pin::forget(world, &paths.state, &paths.vault).map_err(|e| {
            storage(
                &paths.vault,
                "what is remembered of it could not be removed",
                &e,
            )
        })?;
        Ok(kept)
    }

    /// Opens a vault, asking for passphrases where its identities need them.
    ///
    /// # Errors
    /// ROT801 missing, ROT803 unreadable, ROT804 wrong identity, ROT805 unknown form, ROT806 to ROT808 contradicting what
    /// this machine remembers, ROT813 to ROT815 identities.
    pub fn open(world: &World, paths: &Paths) -> Result<Vault> {
        Self::open_as(world, paths, Mode::Use, FirstUse::Taken)
    }

    /// Opens a vault that this machine has seen before, where nobody is there to judge one that it has not. What this user has seen
    /// is in `usual` too: another state folder than the one that this command uses.
    ///
    /// # Errors
    /// As [`Vault::open`]; ROT818 when nothing is remembered of it, which then stays so.
    pub fn open_known(world: &World, paths: &Paths, usual: Option<&Path>) -> Result<Vault> {
        Self::open_as(world, paths, Mode::Use, FirstUse::Refused(usual))
    }

    /// Opens a file to look at it: whatever this machine remembers, nothing is asked for, nothing is remembered, and nothing can
    /// be changed.
    ///
    /// # Errors
    /// As [`Vault::open`], but for ROT806 to ROT808.
    pub fn open_read_only(world: &World, paths: &Paths) -> Result<Vault> {
        Self::open_as(world, paths, Mode::Look, FirstUse::Taken)
    }

    /// Takes the file as it is from now on, and answers with what was remembered before.
    ///
    /// # Errors
    /// As [`Vault::open`], but for ROT806 to ROT808.
    pub fn accept(world: &World, paths: &Paths) -> Result<(Vault, Option<Pin>)> {
        let before = pin::remembered(world, &paths.state, &paths.vault)
            .ok()
            .flatten();
        Ok((
            Self::open_as(world, paths, Mode::Accept, FirstUse::Taken)?,
            before,
        ))
    }

    fn open_as(world: &World, paths: &Paths, mode: Mode, first_use: FirstUse<'_>) -> Result<Vault> {
        inspect(world, paths, mode)?;
        let identities = Arc::new(identity::load_all(world, &paths.identities)?);
        let mut attempt = 0;
        let (view, known) = loop {
            let (bytes, hash) = read(world, &paths.vault)?;
            let view = view(&paths.vault, &bytes, hash, &identities)?;
            if mode != Mode::Use {
                break (view, None);
            }
            match memory::check(world, paths, &view) {
                Ok(known) => break (view, Some(known)),
                // A writer was quicker than this reader: what is remembered is of the file that it has put there since.
                Err(error) => {
                    attempt += 1;
                    if attempt > READ_RETRIES || read(world, &paths.vault)?.1 == view.hash {
                        return Err(error);
                    }
                }
            }
        };
        if let Some(known) = &known
            && known.standing == Standing::FirstUse
            && let FirstUse::Refused(usual) = first_use
            && !usual.is_some_and(|usual| memory::continues(world, usual, &paths.vault, &view))
        {
            return Err(unseen(&paths.vault));
        }
        let mut vault = Vault {
            world: world.clone(),
            paths: paths.clone(),
            identities,
            view,
            warnings: Vec::new(),
            room: None,
            mode,
            behind: None,
            forgotten: false,
        };
        match known {
            Some(known) => vault.take_note(known),
            None if mode == Mode::Accept => vault.remember(),
            None => {}
        }
        Ok(vault)
    }

    /// Makes sure that there is something like a vault, before a person is asked for what is to go into it.
    ///
    /// # Errors
    /// ROT801 missing, ROT803 not a regular file or too large.
    pub fn exists(world: &World, paths: &Paths) -> Result<()> {
        inspect(world, paths, Mode::Use)
    }

    /// Changes the vault as one step: all of `change`, durably, or nothing. `change` gets the newest document, whoever wrote it.
    ///
    /// # Errors
    /// Those of `change`; ROT809 when another writer holds the lock too long; what [`Vault::open`] says of a file that was
    /// changed meanwhile; ROT820 when it could not be written. With `Failure::Unknown` the new file is in place, but may not
    /// survive a power cut.
    pub fn commit(&mut self, change: impl FnOnce(&mut Document) -> Result<()>) -> Result<()> {
        self.may_write()?;
        let _lock = take_lock(&self.world, &self.paths)?;
        self.refresh()?;
        let mut next = self.view.doc.clone();
        change(&mut next)?;
        if wire::encode(&next)? == wire::encode(&self.view.doc)? {
            return Ok(());
        }
        let mut fresh = Zeroizing::new([0u8; 32]);
        self.world
            .rng
            .fill(fresh.as_mut_slice())
            .map_err(|e| storage(&self.paths.vault, "could not be written", &e))?;
        next.part_from(&self.view.doc, fresh.as_slice());
        next.ancestry = pin::lineage(&self.view.doc);
        next.ancestry.add(self.view.doc.generation, &self.view.hash);
        next.prev = Some(self.view.hash.clone());
        next.generation = next.generation.checked_add(1).ok_or_else(too_high)?;
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

    /// The same of a continuity key before: 0 is the one now, 1 the one before. `None` when there were not so many.
    pub fn derive_before(&self, age: usize, label: &str) -> Option<[u8; 32]> {
        let key = match age.checked_sub(1) {
            None => &self.view.doc.continuity,
            Some(index) => self.view.doc.former.get(index)?,
        };
        Some(derive::hkdf(key, b"rot.vault/v1", label.as_bytes()))
    }

    /// How many keys the file is sealed to, as its header says.
    ///
    /// # Errors
    /// ROT803 when it cannot be read.
    pub fn sealed_to(&self) -> Result<Option<usize>> {
        Ok(crypt::stanzas(&read(&self.world, &self.paths.vault)?.0))
    }

    /// Whether it was opened to be looked at only.
    pub fn is_read_only(&self) -> bool {
        self.mode == Mode::Look
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
            Ok(bytes) if self.view.doc.prev.as_deref() == Some(&crypt::file_hash(&bytes)) => {
                Backup::Previous
            }
            Ok(_) => Backup::Other,
            Err(_) => Backup::None,
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

/// Refuses to begin a new vault where there was one: what is left of it is the way back.
fn was_here(world: &World, paths: &Paths) -> Result<()> {
    let traces = Traces::of(world, paths);
    if traces.pin.is_none() && !traces.forgotten && !traces.backup {
        return Ok(());
    }
    let message = format!("there was a vault at {} before", paths.vault.display());
    let error = Error::plain(Failure::Usage, codes::VAULT_EXISTS, message);
    let error = traces.notes().into_iter().fold(error, Error::note);
    let anew = "`rot vault init --anew` begins a new one and keeps what is left of the old";
    Err(if traces.backup {
        error.help(format!(
            "restore it from version control or a backup; or take the copy beside it, which is one change older: `cp {} {}`, then `rot vault accept`; {anew}",
            replace::beside(&paths.vault, ".prev").display(),
            paths.vault.display()
        ))
    } else {
        error.help(format!(
            "restore it from version control or a backup; {anew}"
        ))
    })
}

fn unseen(path: &Path) -> Error {
    let message = format!(
        "this machine has never seen the vault {}, and nobody is at a terminal to say that it is the right one",
        path.display()
    );
    let refused = Diagnostic::new(codes::VAULT_FIRST_USE, Span::NONE, message);
    Error::new(Failure::Usage, refused.severity(Severity::Error))
        .note("anyone who knows the vault's recipients can write a vault that opens; what a run stores in it is theirs too")
        .help("`rot vault accept` on this machine takes it for good; a machine that remembers nothing, such as a CI runner, is told with `--first-use` or ROT_FIRST_USE=true, or keeps its state folder")
}

fn too_high() -> Error {
    Error::plain(
        Failure::Tampered,
        codes::VAULT_FORMAT,
        "the vault's generation cannot go any higher",
    )
}

fn exists(path: &Path) -> Error {
    Error::plain(
        Failure::Usage,
        codes::VAULT_EXISTS,
        format!("there is something at {} already", path.display()),
    )
    .note("a vault is never overwritten")
    .help("use it as it is, or name another file with `--vault PATH`; to join its people, `rot identity new` makes your key")
}
