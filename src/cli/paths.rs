//! Where the vault, the identities and the state are: option, variable, settings, default. Never in a place that nobody chose.

use super::config::Config;
use super::context::Context;
use super::environment;
use crate::diagnostic::{Error, Failure, Result, codes};
use crate::vault::{Paths, Project, guard};
use crate::world::World;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The name of an identity among the credentials of a service: `LoadCredential=rot-identity:/etc/rot/identity.txt`.
const CREDENTIAL: &str = "rot-identity";
/// How long a command waits for another one's lock.
pub const LOCK_WAIT: Duration = Duration::from_secs(30);

/// Where everything is, and what of it the settings say.
pub struct Places {
    /// The paths.
    pub paths: Paths,
    /// Where the settings say that they are.
    pub project: Project,
    /// The state folder of a command that names none.
    pub usual: Option<PathBuf>,
}

/// The places of a command that uses a vault.
///
/// # Errors
/// As [`locate`]; ROT833 when others could have put there what is there; ROT832 when `rot.toml` has moved the vault or the state.
pub fn resolve(context: &Context, config: &Config, world: &World) -> Result<Places> {
    let places = resolve_anew(context, config, world)?;
    if !context.globals.read_only {
        places.project.check(world)?;
    }
    Ok(places)
}

/// The same for a command with which a person says that they are right.
///
/// # Errors
/// As [`locate`]; ROT833 when others could have put there what is there.
pub fn resolve_anew(context: &Context, config: &Config, world: &World) -> Result<Places> {
    let places = locate(context, config, world)?;
    if !context.globals.read_only {
        guard::check(world, &places.paths)?;
    }
    Ok(places)
}

/// Where everything is.
///
/// # Errors
/// ROT840 for an unknown environment; ROT841 when nothing says where identity and state are: the folder of the project, which is
/// shared, is no place for them.
pub fn locate(context: &Context, config: &Config, world: &World) -> Result<Places> {
    let globals = &context.globals;
    let chosen = environment::chosen(context, config)?;
    let root = config.root.clone().unwrap_or_else(|| context.cwd.clone());
    let var = |name: &str| world.env.var(name).filter(|v| !v.is_empty());
    let home = var("HOME").map(PathBuf::from).filter(|p| p.is_absolute());
    let xdg = |name: &str, fallback: &str| {
        var(name)
            .map(PathBuf::from)
            .filter(|p| p.is_absolute())
            .or_else(|| home.as_ref().map(|h| h.join(fallback)))
    };
    let given = |path: &PathBuf| context.cwd.join(path);
    let written = |path: &PathBuf| expand(&root, path, home.as_deref());
    let vault = match (&globals.vault, chosen) {
        (Some(path), _) => given(path),
        (None, Some((name, settings))) => match &settings.vault {
            Some(path) => written(path)?,
            None => root.join(format!("{name}.vault")),
        },
        (None, None) => match &config.vault {
            Some(path) => written(path)?,
            None => root.join("rot.vault"),
        },
    };
    let of_settings = chosen
        .map(|(_, settings)| &settings.identity)
        .filter(|identity| !identity.is_empty())
        .unwrap_or(&config.identity);
    let identities = if !globals.identity.is_empty() {
        let path = |p: &PathBuf| {
            if crate::vault::identity::is_key(p) {
                p.clone()
            } else {
                given(p)
            }
        };
        globals.identity.iter().map(path).collect()
    } else if !of_settings.is_empty() {
        of_settings.iter().map(written).collect::<Result<_>>()?
    } else {
        // What a service manager hands over stands before what a person has at home.
        let credential = var("CREDENTIALS_DIRECTORY").map(|dir| Path::new(&dir).join(CREDENTIAL));
        let there = |path: &PathBuf| matches!(world.fs.stat(path), Ok(Some(_)));
        if let Some(credential) = credential.filter(there) {
            vec![credential]
        } else {
            let folder = xdg("XDG_CONFIG_HOME", ".config").ok_or_else(|| {
                homeless(
                    "the identity",
                    "give `--identity PATH` or ROT_IDENTITY, or write `[vault] identity` in rot.toml",
                )
            })?;
            vec![folder.join("rot").join("identity.txt")]
        }
    };
    let usual = xdg("XDG_STATE_HOME", ".local/state").map(|folder| folder.join("rot"));
    let state = match (&globals.state, &config.state) {
        (Some(path), _) => given(path),
        (None, Some(path)) => written(path)?,
        (None, None) => match &usual {
            Some(folder) => folder.clone(),
            // A look needs no memory.
            None if globals.read_only => PathBuf::new(),
            None => {
                return Err(homeless(
                    "the memory of this machine",
                    "give `--state DIR` or ROT_STATE, or write `[state] dir` in rot.toml",
                ));
            }
        },
    };
    let base = match &globals.state {
        Some(path) => given(path),
        // Where nothing else is there, the settings' own place has to do.
        None => usual.clone().unwrap_or_else(|| state.clone()),
    };
    let of_settings = globals.state.is_none() && config.state.is_some();
    Ok(Places {
        usual,
        project: Project {
            base,
            root,
            environment: chosen.map(|(name, _)| name.to_owned()),
            vault: globals.vault.is_none().then(|| vault.clone()),
            state: of_settings.then(|| state.clone()),
        },
        paths: Paths {
            vault,
            identities,
            state,
            lock_wait: globals.lock_timeout.unwrap_or(LOCK_WAIT),
        },
    })
}

/// A path of the settings: `~/` is the home folder, others are relative to `rot.toml`.
fn expand(root: &Path, path: &Path, home: Option<&Path>) -> Result<PathBuf> {
    let path = path.strip_prefix(root).unwrap_or(path);
    match (path.strip_prefix("~"), home) {
        (Ok(rest), Some(home)) => Ok(home.join(rest)),
        (Ok(_), None) => Err(homeless(
            &format!("`{}` of rot.toml", path.display()),
            "a path without `~",
        )),
        (Err(_), _) => Ok(root.join(path)),
    }
}

fn homeless(what: &str, instead: &str) -> Error {
    Error::plain(
        Failure::Usage,
        codes::USAGE,
        format!("nothing says where {what} is: HOME is not set"),
    )
    .note("the folder of the project is shared, and no place for it")
    .help(format!("set HOME, or {instead}"))
}
