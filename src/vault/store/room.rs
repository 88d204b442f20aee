//! Room for the next generation, before anything happens that would have to be stored.

use super::Vault;
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
    /// Proves that a next generation can be written, and holds the room for it until the next commit: a full disk, a quota, a
    /// read-only or forbidden directory show before the first effect instead of after it.
    ///
    /// # Errors
    /// ROT820 when it could not be written now.
    pub fn hold_room(&mut self) -> Result<()> {
        self.room = None;
        self.room = self.take_room().map_err(|e| {
            storage(&self.paths.vault, "could not take a new version", &e)
                .note("nothing was called and nothing was changed")
        })?;
        Ok(())
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
