//! `rot compile`: a file in another form.

use super::args::{CompileArgs, CompileTo};
use super::context::Context;
use super::{files, load, run};
use crate::diagnostic::{Error, Failure, Result, codes};
use crate::plan::document;

/// Runs the command.
pub fn run(args: &CompileArgs, context: &Context) -> Result<()> {
    let config = context.config()?;
    let loaded = load::file(&args.file, &config)?;
    let plan = run::accept(loaded, context)?;
    let text = match args.to {
        CompileTo::Plan => document::encode(&plan),
    };
    match &args.output {
        None => context.out.stdout(&text),
        Some(path) => files::replace(path, &text).map_err(|e| {
            Error::plain(Failure::Usage, codes::STORAGE_FAILED, format!("cannot write `{}`: {}", path.display(), e.kind()))
                .help("check that its folder exists and can be written to")
        })?,
    }
    Ok(())
}
