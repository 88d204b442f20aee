//! `rot compile`: a file in another form.

use super::accept::accept;
use super::args::{CompileArgs, CompileTo};
use super::config::Config;
use super::context::Context;
use super::suppress::hides_others;
use super::{convert, files, load};
use crate::check::graph::flows;
use crate::diagnostic::{Error, Failure, Result, codes};
use crate::plan::document;
use crate::report::graph::{self, Picture};
use crate::report::{Blanks, visible};

/// Runs the command.
pub fn run(args: &CompileArgs, context: &Context) -> Result<()> {
    let config = context.config()?;
    let loaded = load::file(&args.file, &config)?;
    let text = match args.to {
        CompileTo::Plan => document::encode(&accept(loaded, &config, context)?),
        CompileTo::Conductor | CompileTo::Schedule | CompileTo::Rot => {
            convert::convert(args.to, loaded, &config, context)?
        }
        CompileTo::Dot | CompileTo::Mermaid | CompileTo::Svg => {
            picture(loaded, args, &config, context)?
        }
    };
    match &args.output {
        None => context.out.stdout(&text),
        Some(path) => files::replace(path, &text).map_err(|e| {
            Error::plain(
                Failure::Usage,
                codes::STORAGE_FAILED,
                format!(
                    "cannot write `{}`: {}",
                    path.display(),
                    crate::diagnostic::why(&e)
                ),
            )
            .help("check that its folder exists and can be written to")
        })?,
    }
    Ok(())
}

/// The flows of secrets, also of a file that leaks: that is when the picture is wanted.
fn picture(
    mut loaded: load::Loaded,
    args: &CompileArgs,
    config: &Config,
    context: &Context,
) -> Result<String> {
    let blanks = Blanks::collect(&loaded.sources, &loaded.findings);
    loaded.findings.retain(hides_others);
    let plan = accept(loaded, config, context)?;
    let picture = Picture::of(&flows(&plan));
    let name = args
        .file
        .file_name()
        .unwrap_or(args.file.as_os_str())
        .to_string_lossy();
    let text = match args.to {
        CompileTo::Dot => graph::dot(&picture),
        CompileTo::Mermaid => graph::mermaid(&picture),
        _ => graph::svg(
            &picture,
            &format!("Where the secrets of {} go", visible(&name)),
        ),
    };
    Ok(blanks
        .clean(crate::source::FileId::NONE, &text)
        .into_owned())
}
