//! Where the vault, the identities and the state are: option, variable, settings, default.

use super::config::Config;
use super::context::Context;
use crate::vault::Paths;
use crate::world::World;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a command waits for another one's lock.
pub const LOCK_WAIT: Duration = Duration::from_secs(30);

/// The paths of this command.
pub fn resolve(context: &Context, config: &Config, world: &World) -> Paths {
    let root = config.root.clone().unwrap_or_else(|| context.cwd.clone());
    let var = |name: &str| world.env.var(name).filter(|v| !v.is_empty());
    let home = var("HOME").map(PathBuf::from);
    let xdg = |name: &str, fallback: &str| {
        var(name)
            .map(PathBuf::from)
            .filter(|p| p.is_absolute())
            .or_else(|| home.as_ref().map(|h| h.join(fallback)))
    };
    let vault = context
        .globals
        .vault
        .clone()
        .map(|p| context.cwd.join(p))
        .or_else(|| {
            config
                .vault
                .as_ref()
                .map(|p| expand(&root, p, home.as_deref()))
        })
        .unwrap_or_else(|| root.join("rot.vault"));
    let identities = if !context.globals.identity.is_empty() {
        context
            .globals
            .identity
            .iter()
            .map(|p| {
                if crate::vault::identity::is_key(p) {
                    p.clone()
                } else {
                    context.cwd.join(p)
                }
            })
            .collect()
    } else if !config.identity.is_empty() {
        config
            .identity
            .iter()
            .map(|p| expand(&root, p, home.as_deref()))
            .collect()
    } else {
        vec![
            xdg("XDG_CONFIG_HOME", ".config")
                .unwrap_or_else(|| root.clone())
                .join("rot")
                .join("identity.txt"),
        ]
    };
    let state = context
        .globals
        .state
        .clone()
        .map(|p| context.cwd.join(p))
        .or_else(|| {
            config
                .state
                .as_ref()
                .map(|p| expand(&root, p, home.as_deref()))
        })
        .unwrap_or_else(|| {
            xdg("XDG_STATE_HOME", ".local/state")
                .unwrap_or_else(|| root.clone())
                .join("rot")
        });
    Paths {
        vault,
        identities,
        state,
        lock_wait: context.globals.lock_timeout.unwrap_or(LOCK_WAIT),
    }
}

/// A path of the settings: `~/` is the home folder, others are relative to `rot.toml`.
fn expand(root: &Path, path: &Path, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix("~"), home) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => root.join(path),
    }
}
