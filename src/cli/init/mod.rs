//! `rot init`: the files of a new project. Nothing that is there is overwritten.

use super::context::Context;
use super::process::public_mode;
use super::vault::args::{InitArgs, VaultArgs, VaultCommand};
use super::vault::{Ctx, add_lines, make_identity};
use super::{environment, files, identity};
use crate::diagnostic::{Error, Failure, codes};
use crate::vault::{Paths, Vault};
use crate::world::World;
use std::io::ErrorKind;
use std::path::Path;

/// What a new project holds: path and content.
const FILES: [(&str, &str); 3] = [
    ("rot.toml", include_str!("rot.toml")),
    ("rotations/first.rot", include_str!("first.rot")),
    (".gitignore", include_str!("gitignore")),
];

/// Runs the command: files, then identity and vault.
pub fn run(dir: &Path, context: &Context) -> Result<(), Error> {
    lay_out(dir, context)?;
    let config = super::config::load(
        None,
        &context.cwd.join(dir),
        &mut crate::source::SourceMap::new(),
    )?;
    let world = environment::world(context, &config)?;
    let paths = super::paths::resolve(context, &config, &world)?;
    if matches!(world.fs.stat(&paths.vault), Ok(Some(_))) {
        context.out.info("kept the vault, which was there");
        return join(&world, &paths, context);
    }
    let command = VaultCommand::Init(InitArgs {
        recipients: Vec::new(),
        anew: false,
    });
    let cx = Ctx {
        environment: context.globals.environment.clone(),
        ..Ctx::new(world, paths)
    };
    super::vault::run(&cx, &VaultArgs { command })?.tell(context);
    context.out.info("next: `rot vault set NAME` for each secret that rotations/first.rot names, then `rot check` and `rot run`");
    Ok(())
}

/// Somebody who joins: a key of their own, and what the others do with it.
fn join(world: &World, paths: &Paths, context: &Context) -> Result<(), Error> {
    if let [only] = paths.identities.as_slice()
        && world.fs.stat(only).is_ok_and(|stat| stat.is_none())
    {
        make_identity(world, only)?;
        context
            .out
            .info(&format!("made the identity {}", only.display()));
    }
    let keys = identity::public(world, paths)?;
    match Vault::open_read_only(world, paths) {
        Ok(_) => context.out.info(&format!(
            "your key opens it: {}; `rot status` shows what there is",
            keys.join(", ")
        )),
        Err(_) => {
            context.out.info("your key does not open it yet");
            identity::invite(context, &keys);
        }
    }
    Ok(())
}

/// Lays out the project in `dir`, which is made when it is missing.
pub fn lay_out(dir: &Path, context: &Context) -> Result<(), Error> {
    for (name, content) in FILES {
        let path = dir.join(name);
        let made = files::create_dir(&files::parent(&path))
            .and_then(|()| files::create(&path, content, public_mode()));
        let shown = path.strip_prefix(".").unwrap_or(&path).display();
        match made {
            Ok(()) => context.out.info(&format!("made {shown}")),
            Err(error) if error.kind() == ErrorKind::AlreadyExists && name == ".gitignore" => {
                let lines: Vec<&str> = content.lines().filter(|l| !l.starts_with('#')).collect();
                add_lines(context, &path, &lines)?;
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_file() => {
                context.out.info(&format!("kept {shown}, which was there"));
            }
            Err(error) => {
                let message = format!("cannot make `{shown}`: {}", error.kind());
                let error = Error::plain(Failure::Usage, codes::STORAGE_FAILED, message);
                return Err(error
                    .help("check that the folder can be written to; what was made before stays"));
            }
        }
    }
    Ok(())
}
