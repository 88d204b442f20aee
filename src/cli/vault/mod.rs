//! `rot vault`: one file per subcommand. Bodies take a world and paths and answer with what is to be printed; they print
//! nothing themselves.

mod accept;
pub mod args;
mod edit;
mod environment;
mod export;
mod get;
mod git;
mod history;
mod import;
mod init;
mod list;
mod merge;
mod recipients;
mod remove;
mod revoked;
mod rollback;
mod set;
mod table;
mod verify;

use crate::cli;
use crate::cli::context::Context;
use crate::cli::paths;
use crate::diagnostic::{Diagnostic, Error, Failure, Result, codes};
use crate::vault::{Paths, Project, Vault};
use crate::world::World;
use args::{VaultArgs, VaultCommand};
use zeroize::Zeroizing;

pub use git::add_lines;
pub(crate) use init::make_identity;

/// What a body gets.
pub struct Ctx {
    /// The only effects.
    pub world: World,
    /// Where vault, identities and state are.
    pub paths: Paths,
    /// What the settings say of it, to be remembered when it is used.
    pub project: Option<Project>,
    /// Look only: ask no memory and keep none.
    pub read_only: bool,
    /// The environment that was chosen.
    pub environment: Option<String>,
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
    if let VaultCommand::GitSetup = args.command {
        return git::set_up(context, &config);
    }
    let world = cli::environment::world(context, &config)?;
    let places = match args.command {
        // With these a person says where the vault is.
        VaultCommand::Accept | VaultCommand::Init(_) => {
            paths::resolve_anew(context, &config, &world)?
        }
        _ => paths::resolve(context, &config, &world)?,
    };
    let cx = Ctx {
        world,
        paths: places.paths,
        project: Some(places.project),
        read_only: context.globals.read_only,
        environment: context.globals.environment.clone(),
    };
    let output = run(&cx, args)?;
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
        VaultCommand::Edit(args) => edit::run(cx, args),
        VaultCommand::Get(args) => get::run(cx, args),
        VaultCommand::List(args) => list::run(cx, args),
        VaultCommand::History(args) => history::run(cx, args),
        VaultCommand::Rollback(args) => rollback::run(cx, args),
        VaultCommand::Remove(args) => remove::run(cx, args),
        VaultCommand::Revoked(args) => revoked::run(cx, args),
        VaultCommand::Recipients(args) => recipients::run(cx, args),
        VaultCommand::Verify(args) => verify::run(cx, args),
        VaultCommand::Export(args) => export::run(cx, args),
        VaultCommand::Import(args) => import::run(cx, args),
        VaultCommand::Accept => accept::run(cx),
        VaultCommand::Merge(args) => merge::run(cx, args),
        VaultCommand::Environment(args) => environment::run(cx, args),
        VaultCommand::GitSetup => Ok(Output::default()),
        VaultCommand::Textconv { file } => git::textconv(cx, file),
        VaultCommand::MergeDriver {
            base, ours, theirs, ..
        } => git::merge_driver(cx, base, ours, theirs),
    }
}

impl Ctx {
    /// A context that uses what it finds.
    pub fn new(world: World, paths: Paths) -> Self {
        Self {
            world,
            paths,
            project: None,
            read_only: false,
            environment: None,
        }
    }

    fn open(&self) -> Result<Vault> {
        let vault = if self.read_only {
            Vault::open_read_only(&self.world, &self.paths)?
        } else {
            Vault::open(&self.world, &self.paths)?
        };
        cli::environment::agree(&vault, self.environment.as_deref())?;
        if !self.read_only {
            self.remember_places();
        }
        Ok(vault)
    }

    /// Remembers where the settings say that the vault and the state are. The vault says where nothing can be remembered.
    fn remember_places(&self) {
        if let Some(project) = &self.project {
            let _unwritten = project.record(&self.world);
        }
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
