//! Joining the vault with another copy of it, under the lock; and the same for git, which has its own files for the three.

use super::load::{View, inspect, read, view};
use super::lock::take_lock;
use super::write::{encrypt, storage};
use super::{Mode, Paths, Vault};
use crate::diagnostic::{Error, Failure, Result, codes};
use crate::vault::crypt::{self, Identity};
use crate::vault::document::Document;
use crate::vault::merge::{Merged, Rules, Side, merge};
use crate::vault::{identity, pin, replace, wire};
use crate::world::World;
use std::path::Path;
use std::sync::Arc;

/// What became of two copies.
pub struct Joined {
    /// Whether the file was written.
    pub changed: bool,
    /// The generation that is in place now.
    pub generation: u64,
    /// What there is to tell, a line each; names, never values.
    pub told: Vec<String>,
}

/// The two copies that are joined, and the one that both come from.
struct Copies {
    identities: Vec<Identity>,
    ours: View,
    theirs: View,
    base: Option<View>,
}

impl Copies {
    fn read(world: &World, paths: &Paths, base: Option<&Path>, theirs: &Path) -> Result<Self> {
        let identities = identity::load_all(world, &paths.identities)?;
        let open = |path: &Path| -> Result<View> {
            inspect(
                world,
                &Paths {
                    vault: path.to_owned(),
                    ..paths.clone()
                },
                Mode::Look,
            )?;
            let (bytes, hash) = read(world, path)?;
            view(path, &bytes, hash, &identities)
        };
        Ok(Self {
            ours: open(&paths.vault)?,
            theirs: open(theirs).map_err(|error| other(error, theirs))?,
            // git passes an empty file where there is no common one.
            base: base
                .filter(|path| matches!(world.fs.stat(path), Ok(Some(stat)) if stat.len > 0))
                .map(open)
                .transpose()?,
            identities,
        })
    }

    fn join(&self, world: &World, path: &Path, across_removal: bool) -> Result<Merged> {
        let mut fresh = zeroize::Zeroizing::new([0u8; 32]);
        world
            .rng
            .fill(fresh.as_mut_slice())
            .map_err(|e| storage(path, "could not be joined", &e))?;
        let side = |view: &View| -> (Document, String) { (view.doc.clone(), view.hash.clone()) };
        let (ours, theirs) = (side(&self.ours), side(&self.theirs));
        merge(
            self.base.as_ref().map(|view| &view.doc),
            Side {
                doc: &ours.0,
                file: &ours.1,
            },
            Side {
                doc: &theirs.0,
                file: &theirs.1,
            },
            &Rules {
                across_removal,
                fresh: &fresh,
                now: world.clock.now(),
            },
        )
    }
}

impl Vault {
    /// Joins the vault with another copy of it; `base` is a copy that both come from.
    ///
    /// # Errors
    /// ROT829 when they cannot be joined; ROT806 to ROT808 when what came of it would not continue what this machine remembers;
    /// what [`Vault::open`] and [`Vault::commit`] say.
    pub fn merge(
        world: &World,
        paths: &Paths,
        base: Option<&Path>,
        theirs: &Path,
        across_removal: bool,
    ) -> Result<Joined> {
        inspect(world, paths, Mode::Use)?;
        let _lock = take_lock(world, paths)?;
        if pin::is_forgotten(world, &paths.state, &paths.vault) {
            return Err(pin::forgotten(&paths.vault));
        }
        let copies = Copies::read(world, paths, base, theirs)?;
        let merged = copies.join(world, &paths.vault, across_removal)?;
        let continues = |view: &View| -> Result<()> {
            let found = view.pin(world, &paths.vault);
            let seen = pin::remembered(world, &paths.state, &paths.vault)?;
            let refusal = seen.and_then(|seen| found.refusal(&seen, found.stands_to(&seen)));
            refusal.map_or(Ok(()), Err)
        };
        let generation = copies.ours.doc.generation;
        let armored = copies.ours.armored;
        let (next, told) = match merged {
            Merged::First => {
                continues(&copies.ours)?;
                return Ok(Joined {
                    changed: false,
                    generation,
                    told: vec!["this vault continues the other copy already".to_owned()],
                });
            }
            Merged::Second => (
                None,
                vec!["the other copy continues this vault: it was taken".to_owned()],
            ),
            Merged::New(doc, told) => (Some(*doc), told),
        };
        let mut vault = Vault {
            world: world.clone(),
            paths: paths.clone(),
            identities: Arc::new(copies.identities),
            view: copies.ours,
            warnings: Vec::new(),
            room: None,
            mode: Mode::Use,
            behind: None,
            forgotten: false,
        };
        match next {
            Some(doc) => {
                let view = View {
                    doc,
                    hash: String::new(),
                    armored,
                };
                continues(&view)?;
                let hash = vault.write(&view.doc, armored, true)?;
                vault.view = View { hash, ..view };
            }
            None => {
                continues(&copies.theirs)?;
                let (bytes, hash) = read(world, theirs)?;
                if hash != copies.theirs.hash {
                    return Err(changed(theirs));
                }
                let temp = vault.write_synced(&bytes)?;
                vault.back_up();
                if let Err(error) = vault.place(&temp) {
                    replace::discard(world, &temp);
                    return Err(error);
                }
                vault.sync_place()?;
                vault.view = copies.theirs;
            }
        }
        vault.remember();
        Ok(Joined {
            changed: true,
            generation: vault.view.doc.generation,
            told,
        })
    }

    /// The same for git's merge driver: the vault in `paths` is git's own copy, which the result replaces. Nothing is locked and
    /// nothing is remembered; the next command that opens the vault compares it with what is.
    ///
    /// # Errors
    /// ROT829 when they cannot be joined; what reading and writing say.
    pub fn merge_for_git(
        world: &World,
        paths: &Paths,
        base: &Path,
        theirs: &Path,
    ) -> Result<Vec<String>> {
        let copies = Copies::read(world, paths, Some(base), theirs)?;
        let (bytes, told) = match copies.join(world, &paths.vault, false)? {
            Merged::First => return Ok(Vec::new()),
            Merged::Second => (read(world, theirs)?.0.to_vec(), Vec::new()),
            Merged::New(doc, told) => {
                let sealed = encrypt(&doc, &wire::encode(&doc)?)?;
                let armored = copies.ours.armored;
                let bytes = match armored {
                    true => crypt::armor(&sealed).into_bytes(),
                    false => sealed,
                };
                (bytes, told)
            }
        };
        replace::replace(world, &paths.vault, &bytes)
            .map_err(|e| storage(&paths.vault, "could not be written", &e))?;
        Ok(told)
    }
}

/// What is wrong with the copy, which is no reason to touch the own vault.
fn other(error: Error, path: &Path) -> Error {
    let Some(code) = error.diagnostics.first().map(|d| d.code) else {
        return error;
    };
    let help = if code == codes::VAULT_MISSING {
        "name a file: `git show BRANCH:rot.vault > other.vault` writes the copy of a branch into one"
    } else if code == codes::VAULT_UNREADABLE {
        "name a copy of this vault, as `git show BRANCH:rot.vault > other.vault` gives it"
    } else {
        return error;
    };
    let message = format!(
        "{} is no copy of the vault: {}",
        path.display(),
        error.message()
    );
    Error::plain(Failure::Usage, code, message)
        .note("nothing was changed")
        .help(help)
}

fn changed(path: &Path) -> Error {
    Error::plain(
        Failure::BeforeEffect,
        codes::VAULT_CONFLICT,
        format!("{} changed while it was read", path.display()),
    )
    .help("run it again")
}
