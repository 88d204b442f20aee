//! `rot completions SHELL`.

use super::args::{Cli, CompletionsArgs};
use super::context::Context;
use clap::CommandFactory;

/// Prints the script.
pub fn run(args: &CompletionsArgs, context: &Context) {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "rot", &mut script);
    context.out.stdout(&String::from_utf8_lossy(&script));
}
