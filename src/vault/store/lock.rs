//! The lock of the writers.

use super::Paths;
use super::write::storage;
use crate::diagnostic::{Error, Failure, Result, codes};
use crate::vault::{guard, replace};
use crate::world::World;
use crate::world::fs::Lock;
use std::io::ErrorKind;

/// `rot.vault.lock`: beside the vault, never replaced, so that the lock outlives the renames.
pub(super) fn take_lock(world: &World, paths: &Paths) -> Result<Box<dyn Lock>> {
    let mut name = paths.vault.file_name().unwrap_or_default().to_owned();
    name.push(".lock");
    let path = replace::dir_of(&paths.vault).join(name);
    match world.fs.lock(&path, paths.lock_wait) {
        Ok(Some(mut lock)) => {
            lock.describe(&format!(
                "process {} since {}\n",
                std::process::id(),
                world.clock.now()
            ));
            Ok(lock)
        }
        Ok(None) => {
            let held = Error::plain(
                Failure::Locked,
                codes::VAULT_LOCKED,
                format!("another process is writing {}", paths.vault.display()),
            )
            .help("wait until it is done; the lock goes away with its process");
            let holder = world
                .fs
                .read(&path, 1024)
                .ok()
                .and_then(|b| String::from_utf8(b.to_vec()).ok());
            Err(
                match holder.map(|h| h.chars().filter(|c| !c.is_control()).collect::<String>()) {
                    Some(holder) if !holder.is_empty() => held.note(format!("held by {holder}")),
                    _ => held,
                },
            )
        }
        Err(error) if error.kind() == ErrorKind::TooManyLinks => Err(guard::lock(&path)),
        Err(error) => Err(storage(&paths.vault, "could not be locked", &error)),
    }
}
