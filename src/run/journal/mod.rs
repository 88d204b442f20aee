//! What a run did, written down before and after each effect, so that a run that dies at any instant can go on.
//!
//! One file a run: `<state>/runs/<vault id>/<run id>.jnl`. A step with an answer is never called again in its run; a step
//! with only an intent is *unknown* and goes through the rule of its effect (`run::recover`). No plaintext is in it.

mod ask;
pub mod event;
mod record;

pub use ask::{CallState, Standing, is_success};
pub use event::{Event, Header, Pins, StepEvent};
pub use record::{Damage, Record, decode, encode, ended_in_form_1, peek};

use event::Begin;

use crate::diagnostic::{Error, Failure, Result, codes};
use crate::run::identity::StepId;
use crate::vault::Vault;
use crate::world::World;
use crate::world::fs::File;
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Largest journal that is read: a run of many answers.
const MAX_FILE: u64 = 1 << 30;
/// Room that is reserved before an effect, for the answer and its envelope.
pub const RESERVE: u64 = 3 << 20;

/// An open journal.
pub struct Journal {
    path: PathBuf,
    run_id: String,
    key: ring::hmac::Key,
    /// How many continuity keys the vault has made since the run began.
    key_age: usize,
    tag: [u8; record::TAG],
    records: Vec<Record>,
    /// Where the records of each step are.
    index: HashMap<StepId, Vec<usize>>,
    file: Option<Box<dyn File>>,
    /// How much of the file a sync has made durable.
    durable: u64,
    /// How many records that is.
    kept: usize,
    /// The records behind that, as they are in the file.
    unsynced: Vec<u8>,
    /// They are not in the file any more, or not for certain: they are written again before the next record.
    rewrite: bool,
    /// The file must be cut to this length before another record: what is behind it is torn.
    cut: Option<u64>,
}

/// The folder with the journals of a vault.
pub fn folder(vault: &Vault) -> PathBuf {
    vault.state_dir().join("runs").join(vault.id())
}

impl Journal {
    /// Starts the journal of a new run: file and folder are durable when this returns.
    pub fn create(
        world: &World,
        vault: &Vault,
        run_id: &str,
        begin: Begin,
        payload: &[u8],
    ) -> Result<Self> {
        let folder = folder(vault);
        let path = folder.join(format!("{run_id}.jnl"));
        let failed = |e: io::Error| storage(&path, "begun", &e);
        world.fs.create_dir(&folder, 0o700).map_err(failed)?;
        let mut file = world.fs.create(&path, 0o600).map_err(failed)?;
        file.reserve(RESERVE).map_err(failed)?;
        let mut journal = Self {
            file: Some(file),
            ..Self::detached(vault, run_id)
        };
        journal
            .append(world, vault, Event::Begin(begin), Some(payload), true)
            .map_err(failed)?;
        settle(world, vault).map_err(failed)?;
        Ok(journal)
    }

    /// Opens the journal of an interrupted run to go on with it. The process that began it may have died before the file's
    /// name, or its last records, were durable; what follows would then rest on what a power cut takes away.
    pub fn resume(world: &World, vault: &Vault, run_id: &str) -> Result<Self> {
        let mut journal = Self::open(world, vault, run_id)?;
        journal
            .secure(world, vault)
            .map_err(|e| storage(&journal.path, "secured", &e))?;
        Ok(journal)
    }

    /// Makes durable what was read.
    fn secure(&mut self, world: &World, vault: &Vault) -> io::Result<()> {
        self.cut_torn(world)?;
        // A power cut may have taken the end of the run, and left what another process wrote in its stead.
        let _ = world.fs.remove(&self.temp());
        let mut file = world.fs.append(&self.path)?;
        file.sync()?;
        self.file = Some(file);
        settle(world, vault)
    }

    /// A journal that no file stands behind, for steps that are never journaled.
    pub fn detached(vault: &Vault, run_id: &str) -> Self {
        Self {
            path: folder(vault).join(format!("{run_id}.jnl")),
            run_id: run_id.to_owned(),
            key: key(vault, run_id),
            key_age: 0,
            tag: [0; record::TAG],
            records: Vec::new(),
            index: HashMap::new(),
            file: None,
            durable: 0,
            kept: 0,
            unsynced: Vec::new(),
            rewrite: false,
            cut: None,
        }
    }

    /// Reads a journal, leaving a torn end aside; anything else that is wrong is corruption.
    ///
    /// Nothing is changed: `rot status` reads the journals of runs that go on, and half a record may just be being written.
    pub fn open(world: &World, vault: &Vault, run_id: &str) -> Result<Self> {
        let path = &folder(vault).join(format!("{run_id}.jnl"));
        let bytes = world
            .fs
            .read(path, MAX_FILE)
            .map_err(|e| storage(path, "read", &e))?;
        let mut journal = Self::detached(vault, run_id);
        let mut at = 0usize;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            let good = journal.records.len();
            let sequence = u32::try_from(good).unwrap_or(u32::MAX);
            let mut decoded = decode(&journal.key, &journal.tag, sequence, rest);
            // A recipient was removed since it was begun, on this machine or on another one: its key is one of those before.
            while good == 0
                && matches!(decoded, Err(Damage::Corrupt))
                && let Some(before) = vault.derive_before(journal.key_age + 1, &label(run_id))
            {
                journal.key_age += 1;
                journal.key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &before);
                decoded = decode(&journal.key, &journal.tag, sequence, rest);
            }
            match decoded {
                Ok((found, next, length)) => {
                    journal.push(found);
                    journal.tag = next;
                    at += length;
                }
                Err(damage) if damage == Damage::Torn || never_written(&bytes, at) => {
                    journal.cut = Some(at as u64);
                    break;
                }
                Err(Damage::Form) if good == 0 => return Err(other_form(path, run_id)),
                Err(_) => return Err(corrupt(path, good)),
            }
        }
        if !journal.records.is_empty() && journal.begin().is_none() {
            return Err(corrupt(path, 0));
        }
        journal.durable = at as u64;
        journal.kept = journal.records.len();
        Ok(journal)
    }

    fn push(&mut self, record: Record) {
        if let Event::Step { id, .. } = &record.header.event {
            let places = self.index.entry(id.clone()).or_default();
            places.push(self.records.len());
        }
        self.records.push(record);
    }

    /// Adds a record. With `sync` it is durable when this returns.
    pub fn append(
        &mut self,
        world: &World,
        vault: &Vault,
        event: Event,
        payload: Option<&[u8]>,
        sync: bool,
    ) -> io::Result<()> {
        let header = Header {
            at: world.clock.now(),
            event,
        };
        let sealed = match payload {
            Some(payload) => vault
                .seal(payload)
                .map_err(|e| io::Error::other(e.message().to_owned()))?,
            None => Vec::new(),
        };
        let sequence =
            u32::try_from(self.records.len()).map_err(|_| io::Error::other("too many records"))?;
        let (bytes, tag) = encode(&self.key, &self.tag, sequence, &header, &sealed)
            .ok_or_else(|| io::Error::other("record too large"))?;
        self.cut_torn(world)?;
        if self.file.is_none() {
            self.file = Some(world.fs.append(&self.path)?);
        }
        let start = if self.rewrite { 0 } else { self.unsynced.len() };
        let before = self.unsynced.len();
        self.unsynced.extend_from_slice(&bytes);
        let result = match (&mut self.file, self.unsynced.get(start..)) {
            (Some(file), Some(text)) => file
                .write(text)
                .and_then(|()| if sync { file.sync() } else { Ok(()) }),
            _ => Err(io::Error::other("journal is not open")),
        };
        if let Err(error) = result {
            // What is on disk now is not known: a torn record must not stand before a later one, not even when the disk
            // refuses to take it away now. A failed sync may have dropped earlier records too that were not synced.
            self.unsynced.truncate(before);
            self.rewrite = before > 0;
            self.file = None;
            self.cut = world
                .fs
                .truncate(&self.path, self.durable)
                .err()
                .map(|_| self.durable);
            return Err(error);
        }
        self.rewrite = false;
        if sync {
            self.durable += self.unsynced.len() as u64;
            self.unsynced.clear();
        }
        self.tag = tag;
        self.push(Record { header, sealed });
        if sync {
            self.kept = self.records.len();
        }
        Ok(())
    }

    /// Takes away what is torn, durably.
    fn cut_torn(&mut self, world: &World) -> io::Result<()> {
        if let Some(length) = self.cut {
            self.file = None;
            world.fs.truncate(&self.path, length)?;
            self.cut = None;
        }
        Ok(())
    }

    /// The records in order.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// How many of them no power cut takes away.
    pub fn kept(&self) -> u32 {
        u32::try_from(self.kept).unwrap_or(u32::MAX)
    }

    /// The run's id.
    pub fn run_id(&self) -> &str {
        &self.run_id
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A key for a purpose of this run, the same from its beginning to its end: [`Vault::derive`] of the time when it began.
    pub fn derive(&self, vault: &Vault, purpose: &str) -> [u8; 32] {
        vault
            .derive_before(self.key_age, purpose)
            .unwrap_or_else(|| vault.derive(purpose))
    }

    /// Opens the payload of a record.
    pub fn payload(&self, vault: &Vault, record: &Record) -> Result<Zeroizing<Vec<u8>>> {
        if record.sealed.is_empty() {
            return Ok(Zeroizing::new(Vec::new()));
        }
        vault.unseal(&record.sealed)
    }

    /// The file that [`Self::strip`] writes before it takes the journal's place.
    fn temp(&self) -> PathBuf {
        self.path.with_file_name(format!(".{}.tmp", self.run_id))
    }

    /// Takes the journal away, with what an interrupted [`Self::strip`] may have left. Best effort.
    pub fn remove(self, world: &World) {
        let _ = world.fs.remove(&self.temp());
        let _ = world.fs.remove(&self.path);
    }

    /// Replaces the journal of an ended run by its headers: the values are in the vault, or were of no use. An answer that could
    /// not be used stays, for whoever looks for the credential in it, and so do those of a run that a person has ended.
    pub fn strip(self, world: &World) -> io::Result<()> {
        let mut bytes = Vec::new();
        let mut tag = [0; record::TAG];
        let kept = self.superseded_answers();
        let by_a_person = self.ended_by_a_person();
        for (i, record) in self.records.iter().enumerate() {
            let is_answer = matches!(
                &record.header.event,
                Event::Step {
                    event: StepEvent::Answer { effect: true, .. },
                    ..
                }
            );
            let sealed = if kept.contains(&i) || (by_a_person && is_answer) {
                record.sealed.as_slice()
            } else {
                &[]
            };
            if let Some((encoded, next)) = encode(
                &self.key,
                &tag,
                u32::try_from(i).unwrap_or(u32::MAX),
                &record.header,
                sealed,
            ) {
                bytes.extend_from_slice(&encoded);
                tag = next;
            }
        }
        let temp = self.temp();
        let _ = world.fs.remove(&temp);
        // Nothing is synced: a power cut leaves the old journal, or the beginning of the new one. Without a record it tells of no
        // run, which is what an ended run may become; with its first one, of a run that is over.
        let mut file = world.fs.create(&temp, 0o600)?;
        file.write(&bytes)?;
        drop(file);
        world.fs.rename(&temp, &self.path)
    }
}

/// Makes the names of journals durable: the folder's own, and those that lead to it, which may be as new as the file.
fn settle(world: &World, vault: &Vault) -> io::Result<()> {
    let folder = folder(vault);
    for dir in folder
        .ancestors()
        .take_while(|dir| dir.starts_with(vault.state_dir()))
    {
        world.fs.sync_dir(dir)?;
    }
    // The state directory's own name: made long ago as a rule, and its parent need not be ours to read.
    if let Some(parent) = vault.state_dir().parent() {
        let _ = world.fs.sync_dir(parent);
    }
    Ok(())
}

/// Whether a sector from `at` on reads as zeros: the power was cut after the file had grown and before all of its end was
/// written, in whatever order. Such an end is torn; sealed bytes never look so. Who may write zeros may as well cut the file.
fn never_written(bytes: &[u8], at: usize) -> bool {
    const SECTOR: usize = 512;
    let edge = (at / SECTOR + 1) * SECTOR;
    let first = bytes.get(at..edge.min(bytes.len())).unwrap_or_default();
    let zeros = |part: &[u8]| part.iter().all(|b| *b == 0);
    zeros(first)
        || bytes
            .get(edge..)
            .unwrap_or_default()
            .chunks(SECTOR)
            .any(zeros)
}

fn key(vault: &Vault, run_id: &str) -> ring::hmac::Key {
    ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &vault.derive(&label(run_id)))
}

/// What a journal's key is derived for.
fn label(run_id: &str) -> String {
    format!("rot journal v2 {run_id}")
}

/// Run ids with a journal, oldest first (ids sort by time).
pub fn list(world: &World, vault: &Vault) -> Result<Vec<String>> {
    let folder = folder(vault);
    let names = world
        .fs
        .list(&folder)
        .map_err(|e| storage(&folder, "listed", &e))?;
    Ok(names
        .iter()
        .filter_map(|p| {
            p.file_name()?
                .to_str()?
                .strip_suffix(".jnl")
                .filter(|n| !n.starts_with('.'))
                .map(str::to_owned)
        })
        .collect())
}

/// The journal cannot be written or read.
pub fn storage(path: &Path, what: &str, error: &io::Error) -> Error {
    Error::plain(
        Failure::BeforeEffect,
        codes::STORAGE_FAILED,
        format!(
            "the run's journal could not be {what}: {}",
            crate::diagnostic::why(error)
        ),
    )
    .note(format!("file: {}", path.display()))
    .help("free some space or mend the permissions of the state directory, then run `rot resume`")
}

/// A journal that has fewer records than the vault knows of: it was emptied or cut. An end that a power cut has torn is none of
/// those.
pub fn cut_short(path: &Path, good: usize) -> Error {
    corrupt(path, good).note("the vault knows of more: the file was emptied or cut, and what a call brought may have been in it")
}

fn corrupt(path: &Path, good: usize) -> Error {
    let run = path.file_stem().unwrap_or_default().to_string_lossy();
    Error::plain(Failure::Tampered, codes::JOURNAL_CORRUPT, "a run's journal was changed or damaged")
        .note(format!("file: {}; its first {good} records are good", path.display()))
        .help(format!("restore the file from a backup; or look at what the issuer has live, move the file away, give the run up with `rot resume {run} --abandon`, and start a new run"))
}

/// A whole journal that another version of this program wrote.
fn other_form(path: &Path, run_id: &str) -> Error {
    Error::plain(
        Failure::Usage,
        codes::JOURNAL_FORM,
        format!("run {run_id} was begun by another version of rot, whose journal this one does not read"),
    )
    .note(format!("file: {}", path.display()))
    .help(format!("finish or abandon the run with the version that began it (`rot resume`); or look at what the issuer has live, move the file away, give the run up with `rot resume {run_id} --abandon`, and start a new run"))
}
