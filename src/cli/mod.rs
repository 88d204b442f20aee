//! One file per command.
//!
//! [`main`] is the only way in: it hardens the process, parses, dispatches, prints what went wrong and maps it to an
//! exit code of the contract.

pub mod args;
pub mod check;
pub mod completions;
pub mod config;
pub mod context;
pub mod explain;
pub mod files;
pub mod fmt;
pub mod init;
pub mod inputs;
pub mod man;
pub mod process;
pub mod suppress;
pub mod usage;
pub mod vault;

use crate::diagnostic::{Error, Failure, codes};
use crate::report::{ColorChoice, Out, Redactor, Settings};
use args::{Cli, Command};
use context::Context;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use usage::Parsed;

/// The whole program.
pub fn main() -> ExitCode {
    process::harden();
    ExitCode::from(process::guard(|| start(&std::env::args_os().collect::<Vec<_>>())))
}

/// A variable of the process's environment, for what concerns the terminal.
#[allow(clippy::disallowed_methods)]
fn var(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn start(arguments: &[OsString]) -> u8 {
    let sink = |choice, quiet, verbose| Out::new(Settings::detect(choice, quiet, verbose, &var), Redactor::new());
    let cwd = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
    let parsed = usage::parse(arguments);
    let (context, result) = match parsed {
        Ok(Parsed::Command(cli)) => {
            let Cli { globals, command } = *cli;
            let out = sink(globals.color.into(), globals.quiet, globals.verbose);
            let context = Context::new(out, globals, cwd);
            let result = dispatch(&command, &context);
            (context, result)
        }
        Ok(Parsed::Text(text)) => {
            let out = sink(ColorChoice::Auto, false, 0);
            out.stdout(&text);
            return if out.failed() { Failure::Usage.exit_code() } else { 0 };
        }
        Err(error) => {
            let out = sink(ColorChoice::Auto, false, 0);
            (Context::new(out, args::Globals::bare(), cwd), Err(error))
        }
    };
    finish(&context, result)
}

/// Prints what went wrong and picks the exit code.
fn finish(context: &Context, result: Result<(), Error>) -> u8 {
    let code = match &result {
        Ok(()) => 0,
        Err(error) => {
            context.complain(&error.diagnostics);
            error.failure.exit_code()
        }
    };
    if code == 0 && context.out.failed() {
        context.out.stderr("rot: the output could not be written\n");
        return Failure::Usage.exit_code();
    }
    code
}

fn dispatch(command: &Command, context: &Context) -> Result<(), Error> {
    match command {
        Command::Explain(args) => explain::run(args, context, &[]),
        Command::Completions(args) => {
            completions::run(args, context);
            Ok(())
        }
        Command::Man(args) => man::run(args, context),
        Command::Init(args) => init::lay_out(&args.dir, context),
        Command::Check(args) => {
            let config = context.config()?;
            check::run(args, context, &config, &front_ends())
        }
        Command::Fmt(args) => fmt::run(args, context, &|_, file| (file.text().to_owned(), Vec::new())),
        Command::Run(_)
        | Command::Plan(_)
        | Command::Resume(_)
        | Command::Status(_)
        | Command::Compile(_)
        | Command::Vault(_)
        | Command::Demo(_) => Err(Error::plain(Failure::Internal, codes::INTERNAL, "this command is not wired up")),
    }
}

fn front_ends() -> check::FrontEnds<'static> {
    check::FrontEnds {
        analyse: &|file| {
            let mut sources = crate::source::SourceMap::new();
            sources.add(file.clone());
            (sources, Vec::new())
        },
        pointers: &|_, _| None,
        pages: &[],
        today: today(),
    }
}

fn today() -> jiff::civil::Date {
    use crate::world::clock::{Clock, RealClock};
    RealClock.now().to_zoned(jiff::tz::TimeZone::UTC).date()
}
