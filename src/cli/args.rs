//! The command line as types. No option ever takes the value of a secret: arguments are visible to every process.

use super::vault::args::VaultArgs;
use crate::report::{ColorChoice, Request};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

/// Secret rotation as a language: check, plan and run rotations.
#[derive(Debug, Parser)]
#[command(
    name = "rot",
    version,
    max_term_width = 100,
    disable_help_subcommand = true,
    infer_long_args = false
)]
pub struct Cli {
    /// Options that every command takes.
    #[command(flatten)]
    pub globals: Globals,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options that every command takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub struct Globals {
    /// The vault [default: rot.vault beside rot.toml]
    #[arg(
        long,
        value_name = "PATH",
        global = true,
        env = "ROT_VAULT",
        hide_env_values = true
    )]
    pub vault: Option<PathBuf>,
    /// A file with age identities; may be given several times
    #[arg(
        long,
        value_name = "PATH",
        global = true,
        env = "ROT_IDENTITY",
        hide_env_values = true
    )]
    pub identity: Vec<PathBuf>,
    /// Where run journals and pins are kept [default: $XDG_STATE_HOME/rot]
    #[arg(
        long,
        value_name = "DIR",
        global = true,
        env = "ROT_STATE",
        hide_env_values = true
    )]
    pub state: Option<PathBuf>,
    /// The environment: one of `[environment.NAME]` in rot.toml, with its own vault, identities and variables
    #[arg(
        long,
        value_name = "NAME",
        global = true,
        env = "ROT_ENVIRONMENT",
        hide_env_values = true
    )]
    pub environment: Option<String>,
    /// Only read the vault: compare with nothing, remember nothing, change nothing
    #[arg(long, global = true)]
    pub read_only: bool,
    /// Run with a vault that this machine has never seen, though nobody is at a terminal: for CI runners, which remember nothing
    #[arg(
        long,
        global = true,
        env = "ROT_FIRST_USE",
        hide_env_values = true,
        value_parser = clap::builder::FalseyValueParser::new()
    )]
    pub first_use: bool,
    /// How long to wait for another process that uses the same vault or rotation, such as 5s [default: 30s]
    #[arg(long, value_name = "DURATION", global = true, value_parser = duration)]
    pub lock_timeout: Option<Duration>,
    /// Project settings [default: the nearest rot.toml upward]
    #[arg(long, value_name = "PATH", global = true)]
    pub config: Option<PathBuf>,
    /// Use no rot.toml
    #[arg(long, global = true, conflicts_with = "config")]
    pub no_config: bool,
    /// When to use colours
    #[arg(long, value_name = "WHEN", global = true, value_enum, default_value_t = When::Auto)]
    pub color: When,
    /// Print only findings, results and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Print more
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

/// `--color`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl From<When> for ColorChoice {
    fn from(when: When) -> Self {
        match when {
            When::Auto => ColorChoice::Auto,
            When::Always => ColorChoice::Always,
            When::Never => ColorChoice::Never,
        }
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start a new project; overwrites nothing
    Init(InitArgs),
    /// Find mistakes before anything runs; needs no vault and no network
    Check(CheckArgs),
    /// Check a file, then run it
    Run(RunArgs),
    /// Show what a run would do; no network, no values
    Plan(PlanArgs),
    /// Try everything that can go wrong with a rotation, in a simulated world
    Rehearse(RehearseArgs),
    /// Continue interrupted runs
    Resume(ResumeArgs),
    /// Show secrets, due times and runs, and what needs attention
    Status(StatusArgs),
    /// Bring secrets to where they are used, or look whether they are there
    Deliver(DeliverArgs),
    /// Run what is due for as long as the process lives
    Serve(ServeArgs),
    /// Say which secrets a scanner has found, and replace them
    Respond(RespondArgs),
    /// Look for what is wrong with a set-up, and name the remedy
    Doctor(DoctorArgs),
    /// List runs, or show one step by step; no values
    Runs(RunsArgs),
    /// Translate a file into another form
    Compile(CompileArgs),
    /// Format .rot files
    Fmt(FmtArgs),
    /// Explain a diagnostic
    Explain(ExplainArgs),
    /// Store, list, export and restore secrets
    Vault(VaultArgs),
    /// List, show and copy ready-made rotations
    Templates(TemplatesArgs),
    /// Create your identity, or show its public key
    Identity(IdentityArgs),
    /// Run a command with secrets and mask its output
    Exec(ExecArgs),
    /// Show a rotation at work in a scratch folder
    Demo(DemoArgs),
    /// Language server for editors, on standard input and output
    Lsp,
    /// Print a completion script for a shell
    Completions(CompletionsArgs),
    /// Print the manual page
    Man(ManArgs),
}

/// `rot init`.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// The folder; created if it is missing
    #[arg(default_value = ".")]
    pub dir: PathBuf,
    /// Create a rotation from this template instead of the example
    #[arg(long, value_name = "NAME")]
    pub template: Option<String>,
    /// A parameter of the template, as NAME=VALUE; `name` names the rotation. May be given several times, never for secret values
    #[arg(long, value_name = "NAME=VALUE", value_parser = input, requires = "template")]
    pub set: Vec<(String, String)>,
}

/// `rot templates`.
#[derive(Debug, Args)]
pub struct TemplatesArgs {
    /// What to do [default: list them]
    #[command(subcommand)]
    pub command: Option<TemplatesCommand>,
}

/// `rot templates …`.
#[derive(Debug, Subcommand)]
pub enum TemplatesCommand {
    /// Show one: facts, parameters, source
    Show {
        /// Its name
        name: String,
    },
    /// Copy its source into the project, to change it
    Copy {
        /// Its name
        name: String,
        /// Output file [default: NAME.rot]
        #[arg(long, value_name = "FILE")]
        to: Option<PathBuf>,
    },
}

/// `rot check`.
#[derive(Debug, Clone, Default, Args)]
pub struct CheckArgs {
    /// Files and folders; `-` reads standard input [default: the current folder]
    pub paths: Vec<PathBuf>,
    /// Report standard input under this name; its extension decides the format
    #[arg(long, value_name = "NAME")]
    pub stdin_path: Option<String>,
    /// Output format: text, concise, json, sarif, github, gitlab or junit, each optionally with =FILE; may be given several times
    #[arg(long, value_name = "FORMAT[=FILE]")]
    pub report: Vec<Request>,
    /// The lowest severity that makes the exit code 1 [default: error]
    #[arg(long, value_name = "SEVERITY", value_enum)]
    pub fail_on: Option<FailOn>,
    /// Also report matters of style
    #[arg(long)]
    pub pedantic: bool,
    /// Ignore decisions in the project: suppressions in files, [[ignore]] and severities of rot.toml
    #[arg(long)]
    pub strict: bool,
    /// Also report what this program cannot run, although a server can
    #[arg(long)]
    pub here: bool,
    /// The files are complete: calling something that is not among them is an error
    #[arg(long)]
    pub complete: bool,
    /// Fix what can be fixed; `--fix=unsafe` also where the meaning may change
    #[arg(long, value_name = "WHICH", value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "safe")]
    pub fix: Option<Which>,
    /// Show what --fix would change; write nothing
    #[arg(long)]
    pub diff: bool,
    /// Leave out the findings recorded in this file
    #[arg(long, value_name = "FILE", conflicts_with = "write_baseline")]
    pub baseline: Option<PathBuf>,
    /// Record the current findings in a file for --baseline
    #[arg(long, value_name = "FILE")]
    pub write_baseline: Option<PathBuf>,
    /// Check again whenever a file changes
    #[arg(long, conflicts_with_all = ["fix", "diff", "write_baseline"])]
    pub watch: bool,
    /// Show where each secret goes and who can see it
    #[arg(long, conflicts_with_all = ["fix", "diff", "baseline", "write_baseline", "watch"])]
    pub flows: bool,
    /// List every `reveal` with its reason
    #[arg(long, conflicts_with_all = ["flows", "fix", "diff", "baseline", "write_baseline", "watch"])]
    pub declassifications: bool,
}

/// `--fix`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Which {
    /// Fixes that keep the meaning in every case.
    Safe,
    /// Fixes that need a look as well.
    Unsafe,
}

/// `--fail-on`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Errors only.
    Error,
    /// Warnings and errors.
    Warning,
    /// Anything.
    Note,
}

/// Arguments of `rot runs`.
#[derive(Debug, Args)]
pub struct RunsArgs {
    /// What to do [default: list the runs]
    #[command(subcommand)]
    pub command: Option<RunsCommand>,
    /// Output format
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = ResultFormat::Text)]
    pub report: ResultFormat,
}

/// `rot runs show`.
#[derive(Debug, Subcommand)]
pub enum RunsCommand {
    /// What one run did
    Show(ShowArgs),
}

/// Arguments of `rot runs show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The run's id, or the beginning of it
    #[arg(value_name = "RUN")]
    pub run: String,
    /// Show the stored answer of this step, masked
    #[arg(long, value_name = "STEP")]
    pub answer: Option<String>,
}

/// `text` or `json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ResultFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// How `rot status` answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StatusFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
    /// For Prometheus.
    Openmetrics,
}

/// Which rotation, with what.
#[derive(Debug, Args)]
pub struct Selection {
    /// A .rot file, Conductor JSON or a compiled plan
    pub file: PathBuf,
    /// Which rotation, where the file holds several
    #[arg(long, value_name = "NAME")]
    pub rotation: Option<String>,
    /// A value for an input, as NAME=VALUE; may be given several times, never for secrets
    #[arg(long, value_name = "NAME=VALUE", value_parser = input)]
    pub input: Vec<(String, String)>,
    /// A JSON file with values for inputs
    #[arg(long, value_name = "FILE")]
    pub input_file: Option<PathBuf>,
}

/// `rot run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Which rotation, with what.
    #[command(flatten)]
    pub selection: Selection,
    /// With --due, more files and folders
    #[arg(value_name = "PATH", requires = "due")]
    pub more: Vec<PathBuf>,
    /// Run only what is due by its schedule; takes files and folders
    #[arg(long)]
    pub due: bool,
    /// Output format
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = ResultFormat::Text)]
    pub report: ResultFormat,
}

/// `rot plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// Which rotation, with what.
    #[command(flatten)]
    pub selection: Selection,
    /// Output format
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = ResultFormat::Text)]
    pub report: ResultFormat,
}

/// `rot rehearse`.
#[derive(Debug, Args)]
pub struct RehearseArgs {
    /// Which rotation, with what.
    #[command(flatten)]
    pub selection: Selection,
    /// A JSON file with what cannot be invented: answers of servers, values of secrets, variables
    #[arg(long, value_name = "FILE")]
    pub answers: Option<PathBuf>,
    /// Also exit with 1 when a credential would be left at the issuer
    #[arg(long)]
    pub strict: bool,
    /// Also show in full the calls at which everything heals by itself
    #[arg(long)]
    pub all: bool,
    /// text or json
    #[arg(long, alias = "format", value_name = "FORMAT", value_enum, default_value_t = ResultFormat::Text)]
    pub report: ResultFormat,
}

/// `rot resume`.
#[derive(Debug, Args)]
pub struct ResumeArgs {
    /// The run: its id, the beginning of it, or its rotation [default: all interrupted runs]
    pub run: Option<String>,
    /// Continue with this file instead of the one that the run was started from
    #[arg(long, value_name = "FILE")]
    pub plan: Option<PathBuf>,
    /// The unanswered call may be made again: somebody has checked
    #[arg(long, conflicts_with_all = ["abandon", "accept"])]
    pub retry: bool,
    /// Give up the run; drop what it staged
    #[arg(long, conflicts_with = "accept")]
    pub abandon: bool,
    /// It was fixed by hand; the run is finished
    #[arg(long)]
    pub accept: bool,
    /// Output format
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = ResultFormat::Text)]
    pub report: ResultFormat,
}

/// `rot status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Files and folders with rotations, for their due times and missing secrets [default: the folder of rot.toml]
    pub paths: Vec<PathBuf>,
    /// Exit with 12 if something needs attention, with 11 if a rotation is due or soon will be
    #[arg(long)]
    pub exit_code: bool,
    /// Output format
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = StatusFormat::Text)]
    pub report: StatusFormat,
}

/// `rot deliver`.
#[derive(Debug, Args)]
pub struct DeliverArgs {
    /// Only this secret [default: all that have targets]
    #[arg(value_name = "NAME")]
    pub secret: Option<String>,
    /// Only to this target
    #[arg(long, value_name = "NAME")]
    pub target: Option<String>,
    /// Compare what the targets have, and change nothing; exit with 1 where one lacks the current version
    #[arg(long, conflicts_with = "again")]
    pub check: bool,
    /// Deliver also what has arrived
    #[arg(long)]
    pub again: bool,
    /// A file or folder with targets; may be given several times [default: the folder of rot.toml]
    #[arg(long = "in", value_name = "PATH")]
    pub path: Vec<PathBuf>,
    /// Output format
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = ResultFormat::Text)]
    pub report: ResultFormat,
}

/// `rot serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Files and folders with rotations [default: the folder of rot.toml]
    #[arg(value_name = "PATH")]
    pub path: Vec<PathBuf>,
}

/// `rot respond`.
#[derive(Debug, Args)]
pub struct RespondArgs {
    /// A report of gitleaks, trufflehog, GitHub secret scanning (JSON) or SARIF; `-` for standard input
    #[arg(value_name = "REPORT", required = true)]
    pub reports: Vec<PathBuf>,
    /// Rotate what was found now, and revoke it without grace
    #[arg(long)]
    pub run: bool,
    /// A file or folder with rotations; may be given several times [default: the folder of rot.toml]
    #[arg(long = "in", value_name = "PATH")]
    pub path: Vec<PathBuf>,
    /// Output format
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = ResultFormat::Text)]
    pub report: ResultFormat,
}

/// `rot doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// text or json
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = ResultFormat::Text)]
    pub report: ResultFormat,
}

/// `rot compile`.
#[derive(Debug, Args)]
pub struct CompileArgs {
    /// A .rot file or Conductor JSON
    pub file: PathBuf,
    /// Output file [default: standard output]
    #[arg(short, long, value_name = "OUT")]
    pub output: Option<PathBuf>,
    /// Target format
    #[arg(long, value_name = "FORM", value_enum, default_value_t = CompileTo::Plan)]
    pub to: CompileTo,
}

/// `--to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CompileTo {
    /// The typed plan as JSON with a digest; runs without the source.
    Plan,
    /// A Conductor workflow definition, or an array of several.
    Conductor,
    /// An entry for Conductor's scheduler.
    Schedule,
    /// `.rot` source.
    Rot,
    /// The flows of secrets for Graphviz.
    Dot,
    /// The flows of secrets for Markdown.
    Mermaid,
    /// The flows of secrets as a picture.
    Svg,
}

/// `rot fmt`.
#[derive(Debug, Args)]
pub struct FmtArgs {
    /// Files and folders; `-` formats standard input to standard output [default: the current folder]
    pub paths: Vec<PathBuf>,
    /// Change nothing; list the files that would change, and exit with 1 if there are any
    #[arg(long)]
    pub check: bool,
}

/// `rot explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// A code such as ROT301, or its name
    pub code: String,
}

/// `rot identity`.
#[derive(Debug, Args)]
pub struct IdentityArgs {
    /// What to do
    #[command(subcommand)]
    pub command: IdentityCommand,
}

/// What `rot identity` can do.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum IdentityCommand {
    /// Create an identity if there is none, and show its public key; overwrites nothing
    New,
    /// Show the public keys of your identities, for others to add with `rot vault recipients add`
    Show,
}

/// `rot exec`.
#[derive(Debug, Args)]
pub struct ExecArgs {
    /// A secret as a variable: NAME, NAME.FIELD, either with =VAR; may be given several times
    #[arg(long, value_name = "NAME[.FIELD][=VAR]")]
    pub secret: Vec<String>,
    /// A secret as a file; the variable holds its path. Kept in sealed memory
    #[arg(long, value_name = "NAME[.FIELD][=VAR]")]
    pub file: Vec<String>,
    /// Keep those files in a private folder of $XDG_RUNTIME_DIR, for programs that need a real path
    #[arg(long, requires = "file")]
    pub file_dir: bool,
    /// Pass on only PATH, HOME, USER, LANG, TERM and the like
    #[arg(long)]
    pub pure: bool,
    /// With --pure, pass this one on too; may be given several times
    #[arg(long, value_name = "VAR", requires = "pure")]
    pub keep: Vec<String>,
    /// Do not mask the output
    #[arg(long)]
    pub no_mask: bool,
    /// When a value changes in the vault: `restart`, or `signal=NAME` after rewriting the files
    #[arg(long, value_name = "ACTION", value_parser = on_change)]
    pub watch: Option<crate::exec::OnChange>,
    /// How long the command may take to stop before it is killed
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration)]
    pub stop_timeout: Duration,
    /// The command and its arguments, after `--`
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub command: Vec<std::ffi::OsString>,
}

/// `rot demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// The scratch folder [default: rot-demo]
    pub dir: Option<PathBuf>,
    /// Serve an API to practise on, until Ctrl-C, and run nothing [default port: 8555]
    #[arg(
        long,
        value_name = "PORT",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "8555",
        conflicts_with = "dir"
    )]
    pub serve: Option<u16>,
}

/// `rot completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// `rot man`.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// The command whose page to print [default: the program's own]
    pub command: Option<String>,
}

fn duration(text: &str) -> Result<Duration, String> {
    let read = crate::plan::schedule::Dur::parse(text)
        .map_err(|_| "it is written like 500ms, 5s or 2m".to_owned())?;
    Ok(read.to_std())
}

fn on_change(text: &str) -> Result<crate::exec::OnChange, String> {
    use crate::exec::OnChange;
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2};
    if text == "restart" {
        return Ok(OnChange::Restart);
    }
    let known = [
        ("HUP", SIGHUP),
        ("USR1", SIGUSR1),
        ("USR2", SIGUSR2),
        ("INT", SIGINT),
        ("TERM", SIGTERM),
    ];
    let name = text.strip_prefix("signal=").map(str::to_ascii_uppercase);
    let name = name.as_deref().map(|n| n.trim_start_matches("SIG"));
    known
        .iter()
        .find(|(own, _)| Some(*own) == name)
        .map(|(_, signal)| OnChange::Signal(*signal))
        .ok_or_else(|| "it is `restart`, or `signal=` with HUP, USR1, USR2, INT or TERM".to_owned())
}

fn input(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("it is written NAME=VALUE".into()),
    }
}

impl Globals {
    /// The options of a command line that could not be parsed.
    pub fn bare() -> Self {
        Self {
            vault: None,
            identity: Vec::new(),
            state: None,
            environment: None,
            read_only: false,
            first_use: false,
            lock_timeout: None,
            config: None,
            no_config: false,
            color: When::Auto,
            quiet: false,
            verbose: 0,
        }
    }
}
