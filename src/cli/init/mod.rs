//! `rot init`: the files of a new project. Nothing that is there is overwritten.

use super::context::Context;
use super::files;
use super::process::public_mode;
use super::vault::Ctx;
use super::vault::args::{InitArgs, VaultArgs, VaultCommand};
use crate::diagnostic::{Error, Failure, codes};
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
    let first = Some(FIRST).filter(|_| args.template.is_none());
    let made = [Some(SETTINGS), first, Some(IGNORED)];
    lay_out(made.into_iter().flatten(), dir, context)?;
    let world = crate::world::World::real();
    let config = super::config::load(
        None,
        &context.cwd.join(dir),
        &mut crate::source::SourceMap::new(),
    )?;
    let paths = super::paths::resolve(context, &config, &world);
    if matches!(world.fs.stat(&paths.vault), Ok(Some(_))) {
        context.out.info("kept the vault, which was there");
    } else {
        let command = VaultCommand::Init(InitArgs {
            recipients: Vec::new(),
        });
        super::vault::run(&Ctx { world, paths }, &VaultArgs { command })?.tell(context);
    }
    if let Some(template) = &args.template {
        return super::templates::init(dir, template, &args.set, context);
    }
    context.out.info("next: `rot vault set NAME` for each secret that rotations/first.rot names, then `rot check` and `rot run`");
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
