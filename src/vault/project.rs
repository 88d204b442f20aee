//! What this machine remembers of a project: which vaults and which state folders its settings have named.
//!
//! A pin guards what is at a path. Who can change `rot.toml` could name another path, at which nothing is remembered, and have the
//! next rotation stored in a vault of their own. So what is named for the first time where something else was named before is
//! confirmed by a person. The memory is in the state folder that the user or the system says, never in one that `rot.toml` names.

use super::{pin, replace};
use crate::diagnostic::{Error, Failure, Result, codes};
use crate::world::World;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

const SCHEMA: &str = "rot.project/v1";

/// Where the settings of a project say that things are.
#[derive(Debug, Clone)]
pub struct Project {
    /// The state folder that `rot.toml` has no say in.
    pub base: PathBuf,
    /// The folder of `rot.toml`, or the one in which the command runs.
    pub root: PathBuf,
    /// Of which environment.
    pub environment: Option<String>,
    /// The vault; `None` where the user named one for this call.
    pub vault: Option<PathBuf>,
    /// The state folder that the settings name, if they do.
    pub state: Option<PathBuf>,
}

#[derive(Default, PartialEq, Eq, Clone, Serialize, Deserialize)]
struct Memory {
    schema: String,
    root: String,
    #[serde(default)]
    environment: Option<String>,
    /// Vaults that were used, or accepted.
    #[serde(default)]
    vaults: BTreeSet<String>,
    /// State folders that were.
    #[serde(default)]
    states: BTreeSet<String>,
}

impl Project {
    /// Refuses a vault or a state folder that `rot.toml` names where it, or its absence, named another one before.
    ///
    /// # Errors
    /// ROT832 when one was moved; ROT806 when what is remembered cannot be read; exit 23.
    pub fn check(&self, world: &World) -> Result<()> {
        let memory = self.load(world)?.unwrap_or_default();
        let state = self.state.as_ref().unwrap_or(&self.base);
        if let Some(vault) = &self.vault {
            let mut before: Vec<String> = memory.vaults.iter().cloned().collect();
            let usual = self.root.join("rot.vault");
            // Before there were settings, the vault was beside them.
            if before.is_empty()
                && self.environment.is_none()
                && matches!(pin::remembered(world, state, &usual), Ok(Some(_)))
            {
                before.push(name(world, &usual));
            }
            let now = name(world, vault);
            if !before.is_empty() && !before.contains(&now) {
                return Err(moved("another vault", &now, &before, "--vault PATH"));
            }
        }
        if let Some(state) = &self.state {
            let mut before: Vec<String> = memory.states.iter().cloned().collect();
            if before.is_empty()
                && let Some(vault) = &self.vault
                && matches!(pin::remembered(world, &self.base, vault), Ok(Some(_)))
            {
                before.push(name(world, &self.base));
            }
            let now = name(world, state);
            if !before.is_empty() && !before.contains(&now) {
                return Err(moved("another state folder", &now, &before, "--state DIR"));
            }
        } else if let (false, Some(vault)) = (memory.states.is_empty(), &self.vault) {
            let now = name(world, &self.base);
            let before: Vec<String> = memory.states.iter().cloned().collect();
            // What was remembered under the folder that the settings named is not asked any more.
            if !before.contains(&now) && pin::remembered(world, &self.base, vault)?.is_none() {
                return Err(moved("another state folder", &now, &before, "--state DIR"));
            }
        }
        Ok(())
    }

    /// Remembers what was used, or accepted.
    ///
    /// # Errors
    /// What the system says.
    pub fn record(&self, world: &World) -> io::Result<()> {
        let known = self.load(world).ok().flatten();
        let mut next = known.clone().unwrap_or_else(|| Memory {
            schema: SCHEMA.to_owned(),
            root: name(world, &self.root),
            environment: self.environment.clone(),
            ..Memory::default()
        });
        next.vaults
            .extend(self.vault.iter().map(|p| name(world, p)));
        match &self.state {
            Some(state) => {
                next.states.insert(name(world, state));
            }
            // The usual one is worth a word only where another was named.
            None if !next.states.is_empty() => {
                next.states.insert(name(world, &self.base));
            }
            None => {}
        }
        if known.as_ref() == Some(&next) || (next.vaults.is_empty() && next.states.is_empty()) {
            return Ok(());
        }
        let path = self.file(world);
        world.fs.create_dir(replace::dir_of(&path), 0o700)?;
        let mut bytes = serde_json::to_vec_pretty(&next).map_err(|_| io::ErrorKind::InvalidData)?;
        bytes.push(b'\n');
        replace::replace(world, &path, &bytes)
    }

    fn load(&self, world: &World) -> Result<Option<Memory>> {
        let path = self.file(world);
        let memory = pin::load::<Memory>(world, &path)?;
        match memory {
            Some(memory) if memory.schema != SCHEMA => Err(pin::unreadable(&path)),
            other => Ok(other),
        }
    }

    fn file(&self, world: &World) -> PathBuf {
        let mut key = name(world, &self.root).into_bytes();
        key.push(0);
        key.extend(self.environment.iter().flat_map(|name| name.bytes()));
        self.base
            .join("projects")
            .join(format!("{}.json", replace::short_hash(&key)))
    }
}

fn name(world: &World, path: &Path) -> String {
    pin::resolved(world, path).display().to_string()
}

fn moved(what: &str, now: &str, before: &[String], option: &str) -> Error {
    Error::plain(
        Failure::Tampered,
        codes::VAULT_MOVED,
        format!("the settings of this project name {what} than before: {now}"),
    )
    .note(format!("used on this machine until now: {}", before.join(", ")))
    .note("who can change rot.toml could lead the next credential to a vault of their own")
    .help(format!(
        "when it is right, and you know who changed it, `rot vault accept` takes it from now on; `{option}` names one for a single call"
    ))
}
