//! `rot man [COMMAND]`.

use super::args::{Cli, ManArgs};
use super::context::Context;
use crate::diagnostic::{Error, Failure, codes, nearest};
use clap::CommandFactory;

/// Prints a manual page in roff.
pub fn run(args: &ManArgs, context: &Context) -> Result<(), Error> {
    let mut root = Cli::command();
    root.build();
    let command = match &args.command {
        None => root,
        Some(name) => match root.find_subcommand(name) {
            // The long name, so that the page of `check` is rot-check(1).
            Some(found) => found.clone().display_name(format!("rot-{name}")),
            None => {
                let near = nearest(name, root.get_subcommands().map(|c| c.get_name()));
                let help = near.map_or("`rot --help` lists the commands".to_owned(), |n| {
                    format!("the nearest is `{n}`")
                });
                return Err(
                    Error::plain(Failure::Usage, codes::USAGE, "there is no such command")
                        .help(help),
                );
            }
        },
    };
    let mut page = Vec::new();
    clap_mangen::Man::new(command)
        .render(&mut page)
        .map_err(|_| {
            Error::plain(
                Failure::Internal,
                codes::INTERNAL,
                "the manual page could not be made",
            )
        })?;
    context.out.stdout(&String::from_utf8_lossy(&page));
    Ok(())
}
