//! The vault against what this machine remembers of it: when it is opened, when it is about to change, and after it did.

use super::load::{View, inspect, read, view};
use super::write::storage;
use super::{Mode, Paths, Vault};
use crate::diagnostic::{Error, Failure, Printable, Result, Severity, codes};
use crate::vault::pin::{self, Known, Standing};
use crate::vault::replace;
use crate::world::World;
use std::path::Path;

/// Compares a file with what is remembered of its path, else of the same vault at other paths.
///
/// # Errors
/// ROT806 to ROT808, exit 23.
pub(super) fn check(world: &World, paths: &Paths, view: &View) -> Result<Known> {
    let found = view.pin(world, &paths.vault);
    let known = found.look_up(world, &paths.state, &paths.vault)?;
    if let Some(seen) = &known.pin
        // A copy elsewhere may be an old one, or the other side of a fork: that is worth a look. A forgery is not.
        && (known.here || known.standing == Standing::Forged)
        && let Some(refusal) = found.refusal(seen, known.standing)
    {
        return Err(refusal);
    }
    Ok(known)
}

/// Whether a file continues what is remembered of it in a state folder.
pub(super) fn continues(world: &World, state: &Path, vault: &Path, view: &View) -> bool {
    let known = view.pin(world, vault).look_up(world, state, vault);
    known.is_ok_and(|known| matches!(known.standing, Standing::Same | Standing::Later))
}

impl Vault {
    /// What there is to say of a file that was opened, and whether it is remembered.
    pub(super) fn take_note(&mut self, known: Known) {
        let Known {
            standing,
            pin,
            here,
        } = known;
        match (standing, &pin) {
            (Standing::FirstUse, _) => self.warn(
                codes::VAULT_FIRST_USE,
                "this machine sees the vault for the first time and takes it as it is",
                Severity::Note,
            ),
            (Standing::Forgotten, _) => {
                let message = format!(
                    "{}; the vault can be looked at, and not changed until `rot vault accept` remembers it anew",
                    pin::FORGOTTEN
                );
                self.warn(codes::VAULT_TAMPERED, &message, Severity::Warning);
            }
            (Standing::Distant, Some(seen)) => {
                let message = format!(
                    "the vault does not say any more whether it continues what was seen here ({}): look whether what was stored on this machine is there",
                    seen.describe()
                );
                self.warn(codes::VAULT_DISTANT, &message, Severity::Warning);
            }
            (Standing::Older | Standing::Forked | Standing::BeforeRemoval, Some(seen)) => {
                let message = format!(
                    "this copy of the vault lacks what another one on this machine holds ({}); it can be looked at, and not changed",
                    seen.describe()
                );
                self.warn(codes::VAULT_FORKED, &message, Severity::Warning);
            }
            _ => {}
        }
        if let Some(seen) = &pin
            && here
            && !seen.recipients.is_empty()
        {
            let now = self.view.doc.recipient_names();
            let list = |from: &[String], without: &[String]| -> Vec<String> {
                let left = from.iter().filter(|name| !without.contains(name));
                left.map(|name| name.printable()).collect()
            };
            let (gone, came) = (list(&seen.recipients, &now), list(&now, &seen.recipients));
            let mut words = Vec::new();
            if !gone.is_empty() {
                words.push(format!("removed {}", gone.join(", ")));
            }
            if !came.is_empty() {
                words.push(format!("added {}", came.join(", ")));
            }
            if !words.is_empty() {
                let message = format!(
                    "the vault's recipients changed since this machine saw it last: {}",
                    words.join("; ")
                );
                self.warn(codes::VAULT_RECIPIENTS_CHANGED, &message, Severity::Warning);
            }
        }
        let behind = matches!(
            standing,
            Standing::Older | Standing::Forked | Standing::BeforeRemoval
        );
        if behind {
            self.behind = pin.map(|pin| (pin, standing));
        } else if standing == Standing::Forgotten {
            self.forgotten = true;
        } else if standing != Standing::Same || !here {
            self.remember_seen();
        }
    }

    /// Whether this vault may be changed.
    ///
    /// # Errors
    /// ROT841 when it was opened to be looked at, ROT806 to ROT808 when it is a copy that lacks what another one here holds.
    pub(super) fn may_write(&self) -> Result<()> {
        if self.mode == Mode::Look {
            return Err(Error::plain(
                Failure::Usage,
                codes::USAGE,
                "the vault was opened with `--read-only`, and this would change it",
            )
            .help("leave `--read-only` away"));
        }
        if self.forgotten {
            return Err(pin::forgotten(&self.paths.vault));
        }
        let found = || self.view.pin(&self.world, &self.paths.vault);
        match &self.behind {
            Some((seen, standing)) => match found().refusal(seen, *standing) {
                Some(refusal) => Err(refusal),
                None => Ok(()),
            },
            None => Ok(()),
        }
    }

    /// Reads the file again where it is not the one we know, and checks what this machine remembers either way. Under the lock.
    pub(super) fn refresh(&mut self) -> Result<()> {
        inspect(&self.world, &self.paths, self.mode)?;
        let path = &self.paths.vault;
        let (bytes, hash) = read(&self.world, path)?;
        if hash != self.view.hash {
            let fresh = view(path, &bytes, hash, &self.identities)?;
            let before = self.view.pin(&self.world, path);
            let (now, then) = (fresh.doc.generation, before.generation);
            let refused = |code, what: String| Err(Error::plain(Failure::Tampered, code, what));
            let put_back = format!(
                "the vault was put back while it was in use: generation {now} after generation {then}"
            );
            let back = "find out who replaced it; restore the newest copy";
            match fresh.pin(&self.world, path).stands_to(&before) {
                Standing::Swapped | Standing::Forged | Standing::BeforeRemoval => {
                    return refused(
                        codes::VAULT_TAMPERED,
                        "the vault was swapped for another one while it was in use".to_owned(),
                    )
                    .map_err(|error| {
                        error
                            .note("anyone who knows the vault's recipients can write such a file")
                            .help("find out who replaced it; restore the file from a copy")
                    });
                }
                Standing::Older => {
                    return refused(codes::VAULT_ROLLED_BACK, put_back).map_err(|e| e.help(back));
                }
                Standing::Forked => {
                    return refused(codes::VAULT_FORKED, put_back).map_err(|e| e.help(back));
                }
                Standing::FirstUse
                | Standing::Same
                | Standing::Later
                | Standing::Distant
                | Standing::Forgotten => {}
            }
            self.view = fresh;
            // Its writer may have died, or failed, before the name was durable: nothing may be built on it before it is.
            self.world
                .fs
                .sync_dir(replace::dir_of(&self.paths.vault))
                .map_err(|e| storage(&self.paths.vault, "could not be secured", &e))?;
        }
        if self.mode == Mode::Use {
            check(&self.world, &self.paths, &self.view)?;
        }
        Ok(())
    }

    /// Remembers a file that another process has put there. It may have died before the file's name was durable: what is
    /// remembered must not outlive what it is of, or a power cut would look like a rollback.
    pub(super) fn remember_seen(&mut self) {
        match self.world.fs.sync_dir(replace::dir_of(&self.paths.vault)) {
            Ok(()) => self.remember(),
            Err(error) => {
                let why = crate::diagnostic::why(&error);
                let message = format!(
                    "the directory of the vault could not be synced ({why}), so this state of it is not remembered on this machine"
                );
                self.warn(codes::VAULT_NOT_PINNED, &message, Severity::Warning);
            }
        }
    }

    /// Remembers the file on this machine. A vault that cannot be remembered is still a vault.
    pub(super) fn remember(&mut self) {
        let (world, paths) = (&self.world, &self.paths);
        let pin = self.view.pin(world, &paths.vault);
        let accept = self.mode == Mode::Accept;
        if let Err(error) = pin.record(world, &paths.state, &paths.vault, accept) {
            let state = self.paths.state.display();
            let message = format!(
                "this machine cannot remember the vault, so a rollback would not be noticed: {state} could not be written ({})",
                crate::diagnostic::why(&error)
            );
            self.warn(codes::VAULT_NOT_PINNED, &message, Severity::Warning);
        }
    }
}
