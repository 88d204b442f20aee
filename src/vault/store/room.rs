//! Room for the next generation, before anything happens that would have to be stored.

use super::Vault;
use super::load::read;
use super::lock::take_lock;
use super::write::storage;
use crate::diagnostic::Result;
use crate::vault::replace;
use crate::world::fs::File;
use std::io;

/// Room beyond the vault as it is: for the secrets that a run adds.
const GROWTH: u64 = 64 << 10;

/// A file without a name that holds room. The system takes it back with the process.
pub(super) struct Room(#[allow(dead_code, reason = "held, never used")] Box<dyn File>);

impl Vault {
    /// Proves that a next generation can be stored, and holds the room for it until the next commit: a full disk, a quota, a
    /// read-only or forbidden folder, a vault that is mounted as a single file or belongs to somebody else show before the first
    /// effect instead of after it. The proof makes the calls of a commit, with the vault as it is.
    ///
    /// # Errors
    /// ROT820 when it could not be stored now; what [`Vault::commit`] says of a vault that may not be changed.
    pub fn hold_room(&mut self) -> Result<()> {
        self.room = None;
        let nothing = "nothing was called and nothing was changed";
        self.may_write()?;
        let _lock = take_lock(&self.world, &self.paths)?;
        self.refresh()?;
        self.room = self.take_room().map_err(|e| {
            storage(&self.paths.vault, "could not take a new version", &e).note(nothing)
        })?;
        self.replace_by_itself().map_err(|e| e.note(nothing))
    }

    /// Holds the room again after a commit that came before the first effect.
    ///
    /// # Errors
    /// ROT820 when there is none.
    pub fn hold_room_again(&mut self) -> Result<()> {
        self.room = None;
        self.room = self
            .take_room()
            .map_err(|e| storage(&self.paths.vault, "could not take a new version", &e))?;
        Ok(())
    }

    fn replace_by_itself(&self) -> Result<()> {
        let path = &self.paths.vault;
        let (bytes, _) = read(&self.world, path)?;
        replace::sweep(&self.world, path);
        let temp = self.write_synced(&bytes)?;
        if let Err(error) = self.place(&temp) {
            replace::discard(&self.world, &temp);
            return Err(error);
        }
        self.sync_place()
    }

    fn take_room(&self) -> io::Result<Option<Room>> {
        let path = &self.paths.vault;
        let size = self.world.fs.stat(path)?.map_or(0, |stat| stat.len);
        Ok(self
            .world
            .fs
            .hold(replace::dir_of(path), size + GROWTH)?
            .map(Room))
    }
}
