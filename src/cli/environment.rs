//! Environments: which vault, identities and variables `--environment NAME` stands for, and that a vault of one is never taken for
//! that of another.

use super::config::{Config, Environment};
use super::context::Context;
use crate::diagnostic::{Error, Failure, Printable, Result, codes, nearest};
use crate::vault::Vault;
use crate::world::World;
use crate::world::env::Env;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The environment that was chosen, with its settings.
///
/// # Errors
/// ROT840 when rot.toml has no such one.
pub fn chosen<'c>(
    context: &'c Context,
    config: &'c Config,
) -> Result<Option<(&'c str, &'c Environment)>> {
    let Some(name) = context
        .globals
        .environment
        .as_deref()
        .filter(|n| !n.is_empty())
    else {
        return Ok(None);
    };
    if let Some(settings) = config.environments.get(name) {
        return Ok(Some((name, settings)));
    }
    let names: Vec<&str> = config.environments.keys().map(String::as_str).collect();
    let message = format!("rot.toml has no environment `{}`", name.printable());
    let error = Error::plain(Failure::Usage, codes::CONFIG_INVALID, message);
    Err(match nearest(name, names.iter().copied()) {
        Some(near) => error.help(format!("did you mean `{near}`?")),
        None if names.is_empty() => error.help(format!(
            "add it: `[environment.{}]` with `vault = \"{}.vault\"`",
            name.printable(),
            name.printable()
        )),
        None => error.help(format!("it has: {}", names.join(", "))),
    })
}

/// The world of a command that runs rotations: with the programs that the settings declare.
///
/// # Errors
/// As [`chosen`].
pub fn world_to_run(context: &Context, config: &Config) -> Result<World> {
    Ok(world(context, config)?.with_programs(
        config.workers.clone().into_iter().collect(),
        config.programs.clone().into_iter().collect(),
    ))
}

/// The world of a command: the variables of the environment stand before those of the process.
///
/// # Errors
/// As [`chosen`].
pub fn world(context: &Context, config: &Config) -> Result<World> {
    let world = World::real();
    Ok(match chosen(context, config)? {
        Some((_, settings)) if !settings.variables.is_empty() => World {
            env: Arc::new(Variables {
                own: settings.variables.clone(),
                process: world.env.clone(),
            }),
            ..world
        },
        _ => world,
    })
}

/// Whether the vault is that of the environment that was chosen.
///
/// # Errors
/// ROT827 when it says that it is another one's.
pub fn agree(vault: &Vault, chosen: Option<&str>) -> Result<()> {
    match (vault.doc().environment(), chosen) {
        (Some(own), Some(chosen)) if own != chosen => Err(wrong(vault, own).help(format!(
            "give `--environment {own}`, or name the vault of `{chosen}` in `[environment.{chosen}]`"
        ))),
        _ => Ok(()),
    }
}

/// The same for a command that calls others: a vault that has an environment is used for that one only, said by name.
///
/// # Errors
/// ROT827.
pub fn agree_to_run(vault: &Vault, chosen: Option<&str>) -> Result<()> {
    agree(vault, chosen)?;
    match (vault.doc().environment(), chosen) {
        (Some(own), None) => Err(wrong(vault, own)
            .help(format!("give `--environment {own}`, or set ROT_ENVIRONMENT"))),
        (None, Some(chosen)) => Err(Error::plain(
            Failure::Usage,
            codes::VAULT_ENVIRONMENT,
            format!(
                "the vault {} does not say to which environment it belongs, and `{chosen}` was given",
                vault.path().display()
            ),
        )
        .help(format!(
            "when it is the vault of `{chosen}`: `rot --environment {chosen} vault environment {chosen}`"
        ))),
        _ => Ok(()),
    }
}

fn wrong(vault: &Vault, own: &str) -> Error {
    Error::plain(
        Failure::Usage,
        codes::VAULT_ENVIRONMENT,
        format!(
            "the vault {} belongs to the environment `{}`",
            vault.path().display(),
            own.printable()
        ),
    )
}

/// Variables of the settings before those of the process.
struct Variables {
    own: BTreeMap<String, String>,
    process: Arc<dyn Env>,
}

impl Env for Variables {
    fn var(&self, name: &str) -> Option<String> {
        self.own
            .get(name)
            .cloned()
            .or_else(|| self.process.var(name))
    }

    fn host(&self) -> Option<String> {
        self.process.host()
    }

    fn confirm(&self, question: &str, yes: char) -> bool {
        self.process.confirm(question, yes)
    }

    fn ask_secret(&self, prompt: &str) -> io::Result<Option<Zeroizing<String>>> {
        self.process.ask_secret(prompt)
    }

    fn ask_bytes(&self, prompt: &str) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
        self.process.ask_bytes(prompt)
    }
}
