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
const FILES: [(&str, &str); 3] = [
    ("rot.toml", include_str!("rot.toml")),
    ("rotations/first.rot", include_str!("first.rot")),
    (".gitignore", include_str!("gitignore")),
];

/// Runs the command: files, then identity and vault.
pub fn run(dir: &Path, context: &Context) -> Result<(), Error> {
    lay_out(dir, context)?;
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
    context.out.info("next: `rot vault set NAME` for each secret that rotations/first.rot names, then `rot check` and `rot run`");
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
