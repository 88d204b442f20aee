//! One file per command.
//!
//! [`main`] is the only way in: it hardens the process, parses, dispatches, prints what went wrong and maps it to an
//! exit code of the contract.

pub mod accept;
pub mod args;
pub mod check;
pub mod compile;
pub mod completions;
pub mod context;
mod convert;
mod deliver;
pub mod demo;
pub mod doctor;
pub mod environment;
pub mod exec;
pub mod explain;
pub mod fmt;
pub mod identity;
pub mod init;
mod lsp;
pub mod man;
mod next;
pub mod paths;
pub mod practice;
pub mod preview;
pub mod process;
mod rehearse;
pub mod respond;
mod resume;
pub mod run;
pub mod runreport;
mod runs;
pub mod serve;
mod status;
pub mod stop;
pub mod templates;
mod topics;
pub mod usage;
pub mod vault;
pub mod watch;

use crate::diagnostic::{Diagnostic, Error, Failure, Severity};
use crate::json;
use crate::report::{ColorChoice, Out, Redactor, Settings};
use crate::source::{FileId, SourceFile, Span};
use crate::syntax;
pub use crate::workspace::{config, files, inputs, load, suppress};
use args::{Cli, Command};
use context::Context;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use usage::Parsed;

/// The whole program.
pub fn main() -> ExitCode {
    process::harden();
    let arguments: Vec<OsString> = std::env::args_os().collect();
    ExitCode::from(process::guard(|| match arguments.as_slice() {
        [_, only] if only == crate::world::helper::ARGUMENT => crate::run::serve_jq(),
        [_, first, rest @ ..] if first == crate::exec::helper::ARGUMENT => {
            crate::exec::helper::serve(rest)
        }
        arguments => {
            if let Ok(own) = std::env::current_exe() {
                crate::world::helper::set_program(own);
            }
            start(arguments)
        }
    }))
}

/// A variable of the process's environment, for what concerns the terminal.
#[allow(clippy::disallowed_methods)]
fn var(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn start(arguments: &[OsString]) -> u8 {
    let sink = |choice, quiet, verbose| {
        Out::new(
            Settings::detect(choice, quiet, verbose, &var),
            Redactor::new(),
        )
    };
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
            return if out.failed() {
                Failure::Usage.exit_code()
            } else {
                0
            };
        }
        Ok(Parsed::Nothing) => {
            let out = sink(ColorChoice::Auto, false, 0);
            let context = Context::new(out, args::Globals::bare(), cwd);
            let result = next::run(&context);
            (context, result)
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
        Ok(()) => context.status(),
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
        Command::Explain(args) => explain::run(args, context, &pages()),
        Command::Completions(args) => {
            completions::run(args, context);
            Ok(())
        }
        Command::Man(args) => man::run(args, context),
        Command::Init(args) => init::run(args, context),
        Command::Templates(args) => templates::run(args, context),
        Command::Identity(args) => identity::run(args.command, context),
        Command::Check(args) => {
            let pass = || {
                let mut config = context.config()?;
                config.pedantic |= args.pedantic;
                let analyse = |file: &SourceFile| {
                    let loaded = load::analyse(file, &config);
                    (loaded.sources, loaded.findings)
                };
                let ends = check::FrontEnds {
                    analyse: &analyse,
                    pointers: &pointers,
                    pages: &pages,
                    today: today(),
                };
                check::once(args, context, &config, &ends)
            };
            if args.flows || args.declassifications {
                return check::flows::run(args, context, &context.config()?);
            }
            if args.watch {
                check::watch::run(args, context, &pass)
            } else {
                check::end(pass()?, args, context)
            }
        }
        Command::Fmt(args) => fmt::run(args, context, &layout),
        Command::Run(args) => run::run(args, context),
        Command::Plan(args) => preview::run(args, context),
        Command::Rehearse(args) => rehearse::run(args, context),
        Command::Resume(args) => resume::run(args, context),
        Command::Status(args) => status::run(args, context),
        Command::Deliver(args) => deliver::run(args, context),
        Command::Serve(args) => serve::run(args, context),
        Command::Respond(args) => respond::run(args, context),
        Command::Doctor(args) => doctor::run(args, context),
        Command::Runs(args) => runs::run(args, context),
        Command::Compile(args) => compile::run(args, context),
        Command::Vault(args) => vault::command(args, context),
        Command::Exec(args) => {
            context.end_with(exec::run(args, context)?);
            Ok(())
        }
        Command::Demo(args) => demo::run(args, context),
        Command::Lsp => lsp::run(),
    }
}

/// The pages of all codes.
fn pages() -> Vec<(crate::diagnostic::Code, &'static str)> {
    crate::check::pages()
        .iter()
        .map(|(code, page)| (*code, page.as_str()))
        .collect()
}

fn layout(id: FileId, file: &SourceFile) -> (String, Vec<Diagnostic>) {
    let (tree, found) = syntax::parse(id, file);
    if found.iter().any(|d| d.severity == Severity::Error) {
        (String::new(), found)
    } else {
        (syntax::print(&tree, file), found)
    }
}

/// Places of a JSON text as JSON Pointers (RFC 6901).
fn pointers(id: FileId, file: &SourceFile) -> Option<Box<dyn Fn(Span) -> Option<String>>> {
    let (node, _) = json::parse_all(id, file);
    let node = node?;
    Some(Box::new(move |span| Some(node.pointer_of(span))))
}

fn today() -> jiff::civil::Date {
    use crate::world::clock::{Clock, RealClock};
    RealClock.now().to_zoned(jiff::tz::TimeZone::UTC).date()
}
