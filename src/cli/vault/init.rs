//! `rot vault init`: a vault, and an identity where there is none. Overwrites nothing and asks nothing.

use super::args::InitArgs;
use super::{Ctx, Output};
use crate::diagnostic::{Error, Failure, Result, codes};
use crate::vault::crypt::Identity;
use crate::vault::{Vault, identity, recipient};
use crate::world::World;
use crate::world::env::Env;
use std::io;
use std::path::Path;
use std::sync::Arc;
use zeroize::Zeroizing;

pub(super) fn run(cx: &Ctx, args: &InitArgs) -> Result<Output> {
    let path = &cx.paths.vault;
    if cx.world.fs.stat(path).is_ok_and(|stat| stat.is_some()) {
        return Err(Error::plain(
            Failure::Usage,
            codes::VAULT_EXISTS,
            format!("there is something at {} already", path.display()),
        )
        .note("a vault is never overwritten")
        .help("use it as it is, or name another file with `--vault PATH`; to join its people, `rot identity new` makes your key"));
    }
    for text in &args.recipients {
        recipient::parse(text)?;
    }
    let mut output = Output::default();
    if args.anew
        && let Some(kept) = Vault::forget(&cx.world, &cx.paths)?
    {
        output = output.note(format!(
            "what is left of the vault before is {}",
            kept.display()
        ));
    }
    if let [only] = cx.paths.identities.as_slice()
        && !identity::is_key(only)
        && cx.world.fs.stat(only).is_ok_and(|stat| stat.is_none())
    {
        make_identity(&cx.world, only)?;
        output = output
            .note(format!("made the identity {}", only.display()))
            .note("keep a copy of it in a safe place: without it nobody can open the vault");
    }
    let silent = World {
        env: Arc::new(Silent(cx.world.env.clone())),
        ..cx.world.clone()
    };
    let vault = Vault::create_for(
        &silent,
        &cx.paths,
        &args.recipients,
        cx.environment.as_deref(),
    )?;
    cx.remember_places();
    output.warnings = vault.warnings().to_vec();
    output = output.note(format!("made the vault {}", path.display()));
    for text in vault.doc().recipients() {
        output = output.note(format!("recipient: {text}"));
    }
    if vault.doc().recipients().len() == 1 {
        output = output
            .note("only one identity opens it; `rot vault recipients add` lets a second one in");
    }
    Ok(output)
}

pub(crate) fn make_identity(world: &World, path: &Path) -> Result<()> {
    let text = identity::render(&Identity::generate(), world.clock.now()).ok_or_else(|| {
        Error::plain(
            Failure::Internal,
            codes::INTERNAL,
            "a new identity could not be written as text",
        )
    })?;
    let dir = path.parent().unwrap_or(Path::new(""));
    let write = || -> io::Result<()> {
        world.fs.create_dir(dir, 0o700)?;
        let mut file = world.fs.create(path, 0o600)?;
        if let Err(error) = file.write(text.as_bytes()).and_then(|()| file.sync()) {
            // Half an identity would stand in the way of the next try.
            drop(world.fs.remove(path));
            return Err(error);
        }
        world.fs.sync_dir(dir)
    };
    write().map_err(|error| {
        let message = format!(
            "the identity {} could not be made ({})",
            path.display(),
            crate::diagnostic::why(&error)
        );
        Error::plain(Failure::BeforeEffect, codes::STORAGE_FAILED, message)
            .help("check the free space and the permissions, or name another place with `--identity PATH`")
    })
}

/// Nobody answers: scripts and containers run this.
struct Silent(Arc<dyn Env>);

impl Env for Silent {
    fn var(&self, name: &str) -> Option<String> {
        self.0.var(name)
    }

    fn ask_secret(&self, _: &str) -> io::Result<Option<Zeroizing<String>>> {
        Ok(None)
    }
}
