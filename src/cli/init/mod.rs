//! `rot init`: the files of a new project. Nothing that is there is overwritten.

use super::context::Context;
use super::inputs::candidates;
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
const SETTINGS: (&str, &str) = ("rot.toml", include_str!("rot.toml"));
/// What git must not take.
const IGNORED: (&str, &str) = (".gitignore", include_str!("gitignore"));

/// The rotation of a project that is not made from a template.
const FIRST: (&str, &str) = ("rotations/first.rot", include_str!("first.rot"));

/// Runs the command: files, then identity and vault.
pub fn run(args: &super::args::InitArgs, context: &Context) -> Result<(), Error> {
    let dir = args.dir.as_path();
    // All of it is proved before anything is written.
    let rotation = match &args.template {
        Some(template) => Some(super::templates::make(dir, template, &args.set)?),
        None => None,
    };
    let has_rotations = dir.is_dir()
        && candidates(&[dir.to_owned()])
            .iter()
            .any(|path| path.extension().is_some_and(|e| e == "rot"));
    let first = Some(FIRST).filter(|_| rotation.is_none() && !has_rotations);
    let made = [Some(SETTINGS), first, Some(IGNORED)];
    lay_out(made.into_iter().flatten(), dir, context)?;
    let config = super::config::load(
        None,
        &context.cwd.join(dir),
        &mut crate::source::SourceMap::new(),
    )?;
    let world = environment::world(context, &config)?;
    let places = super::paths::resolve_anew(context, &config, &world)?;
    let paths = places.paths;
    if matches!(world.fs.stat(&paths.vault), Ok(Some(_))) {
        context.out.info("kept the vault, which was there");
        join(&world, &paths, context)?;
        return rotation.map_or(Ok(()), |made| made.write(context));
    }
    let command = VaultCommand::Init(InitArgs {
        recipients: Vec::new(),
        anew: false,
    });
    let cx = Ctx {
        environment: context.globals.environment.clone(),
        project: Some(places.project),
        ..Ctx::new(world, paths)
    };
    super::vault::run(&cx, &VaultArgs { command })?.tell(context);
    if let Some(made) = rotation {
        return made.write(context);
    }
    let which = match has_rotations {
        true => "your rotations name",
        false => "rotations/first.rot names",
    };
    context.out.info(&format!(
        "next: `rot vault set NAME` for each secret that {which}, then `rot check` and `rot run`"
    ));
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

/// Makes files in `dir`, which is made when it is missing; keeps those that are there.
fn lay_out(
    files_of_it: impl Iterator<Item = (&'static str, &'static str)>,
    dir: &Path,
    context: &Context,
) -> Result<(), Error> {
    for (name, content) in files_of_it {
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
                let message = format!("cannot make `{shown}`: {}", crate::diagnostic::why(&error));
                let error = Error::plain(Failure::Usage, codes::STORAGE_FAILED, message);
                return Err(error
                    .help("check that the folder can be written to; what was made before stays"));
            }
        }
    }
    Ok(())
}
