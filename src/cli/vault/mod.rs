//! `rot vault`: one file per subcommand. Bodies take a world and paths and answer with what is to be printed; they print
//! nothing themselves.

pub mod args;
mod export;
mod get;
mod history;
mod init;
mod list;
mod recipients;
mod remove;
mod rollback;
mod set;
mod table;
mod verify;

use crate::cli::context::Context;
use crate::cli::paths;
use crate::diagnostic::{Diagnostic, Error, Failure, Result, codes};
use crate::vault::{Paths, Vault};
use crate::world::World;
use args::{VaultArgs, VaultCommand};
use zeroize::Zeroizing;

/// What a body gets.
pub struct Ctx {
    /// The only effects.
    pub world: World,
    /// Where vault, identities and state are.
    pub paths: Paths,
}

/// What a body has to say.
#[derive(Default)]
pub struct Output {
    /// For standard output, as it is; may hold values in clear (`get`, `export`).
    pub stdout: Zeroizing<Vec<u8>>,
    /// Summaries for standard error, a line each; never values.
    pub notes: Vec<String>,
    /// What is worth saying and no reason to stop.
    pub warnings: Vec<Diagnostic>,
}

impl Output {
    fn new(vault: &Vault) -> Self {
        Self {
            warnings: vault.warnings().to_vec(),
            ..Self::default()
        }
    }

    /// Notes and warnings, for people.
    pub fn tell(&self, context: &Context) {
        for warning in &self.warnings {
            context.out.info(&format!("warning: {}", warning.message));
        }
        for note in &self.notes {
            context.out.info(note);
        }
    }

    fn text(mut self, text: &str) -> Self {
        self.stdout.extend_from_slice(text.as_bytes());
        self
    }

    fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }
}

/// The command: bodies, then the sink.
pub fn command(args: &VaultArgs, context: &Context) -> Result<()> {
    let config = context.config()?;
    let world = World::real();
    let paths = paths::resolve(context, &config, &world);
    let output = run(&Ctx { world, paths }, args)?;
    output.tell(context);
    if matches!(args.command, VaultCommand::Get(_) | VaultCommand::Export(_)) {
        context.out.reveal(&output.stdout);
    } else {
        context.out.stdout(&String::from_utf8_lossy(&output.stdout));
    }
    Ok(())
}

/// Does what the arguments say.
///
/// # Errors
/// What the vault says: exit codes 2, 20, 22, 23 and 24 of the contract.
pub fn run(cx: &Ctx, args: &VaultArgs) -> Result<Output> {
    match &args.command {
        VaultCommand::Init(args) => init::run(cx, args),
        VaultCommand::Set(args) => set::run(cx, args),
        VaultCommand::Get(args) => get::run(cx, args),
        VaultCommand::List(args) => list::run(cx, args),
        VaultCommand::History(args) => history::run(cx, args),
        VaultCommand::Rollback(args) => rollback::run(cx, args),
        VaultCommand::Remove(args) => remove::run(cx, args),
        VaultCommand::Recipients(args) => recipients::run(cx, args),
        VaultCommand::Verify => verify::run(cx),
        VaultCommand::Export(args) => export::run(cx, args),
    }
}

impl Ctx {
    fn open(&self) -> Result<Vault> {
        Vault::open(&self.world, &self.paths)
    }

    /// An id for a version made by hand: its time, so that it says something, and some randomness.
    fn version_id(&self) -> Result<String> {
        let mut random = [0u8; 4];
        self.world.rng.fill(&mut random).map_err(|_| {
            Error::plain(
                Failure::BeforeEffect,
                codes::STORAGE_FAILED,
                "the system has no randomness",
            )
        })?;
        let time = self
            .world
            .clock
            .now()
            .strftime("%Y%m%dT%H%M%SZ")
            .to_string();
        Ok(format!("{time}-{:08x}", u32::from_be_bytes(random)))
    }
}

/// JSON for people and programs, with a final newline.
fn json(value: &serde_json::Value) -> String {
    format!("{value:#}\n")
}
