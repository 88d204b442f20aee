//! Arguments of `rot vault`. None of them takes the value of a secret: arguments are seen by every process of the machine.

use crate::vault::export::Format;
use clap::{Args, Subcommand, ValueEnum};

/// Arguments of `rot vault`.
#[derive(Debug, Args)]
pub struct VaultArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: VaultCommand,
}

/// What `rot vault` can do.
#[derive(Debug, Subcommand)]
pub enum VaultCommand {
    /// Makes a vault, and an identity where there is none; overwrites nothing and asks nothing.
    Init(InitArgs),
    /// Stores a value read from standard input or a hidden prompt.
    Set(SetArgs),
    /// Prints a value in clear. The only command that does, beside `export`.
    Get(GetArgs),
    /// Lists the secrets: names, versions, ages and ends, never values.
    List(ListArgs),
    /// Lists the versions of one secret.
    History(HistoryArgs),
    /// Restores an earlier value as a new version.
    Rollback(RollbackArgs),
    /// Forgets a secret with all its versions.
    Remove(RemoveArgs),
    /// Lists who can open the vault, or changes it.
    Recipients(RecipientsArgs),
    /// Checks the vault against itself and against what this machine remembers.
    Verify,
    /// Prints current values in clear, for other programs.
    Export(ExportArgs),
}

/// How a list is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Report {
    /// A table for people.
    Text,
    /// A documented, versioned JSON object.
    Json,
}

/// Arguments of `rot vault init`.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// Someone else who can open the vault: `age1…`, `ssh-ed25519 …` or `ssh-rsa …`. Repeatable.
    #[arg(long = "recipient", value_name = "RECIPIENT")]
    pub recipients: Vec<String>,
}

/// Arguments of `rot vault set`.
#[derive(Debug, Args)]
pub struct SetArgs {
    /// Name of the secret. The value is read from standard input; one final newline is dropped.
    pub name: String,
    /// One field of a record; its other fields keep their values.
    #[arg(long)]
    pub field: Option<String>,
    /// When the value ends, such as `2027-01-31T00:00:00Z`.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub expires: Option<jiff::Timestamp>,
    /// Takes a value of no bytes.
    #[arg(long)]
    pub allow_empty: bool,
}

/// Arguments of `rot vault get`.
#[derive(Debug, Args)]
pub struct GetArgs {
    /// Name of the secret.
    pub name: String,
    /// One field of a record.
    #[arg(long)]
    pub field: Option<String>,
    /// A version's id, `previous` or `pending`; the current one by default.
    #[arg(long, value_name = "VERSION")]
    pub version: Option<String>,
}

/// Arguments of `rot vault list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// How it is printed.
    #[arg(long, value_enum, default_value = "text")]
    pub report: Report,
}

/// Arguments of `rot vault history`.
#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// Name of the secret.
    pub name: String,
    /// How it is printed.
    #[arg(long, value_enum, default_value = "text")]
    pub report: Report,
}

/// Arguments of `rot vault rollback`.
#[derive(Debug, Args)]
pub struct RollbackArgs {
    /// Name of the secret.
    pub name: String,
    /// The version whose value is restored; the previous one by default.
    #[arg(long, value_name = "VERSION")]
    pub to: Option<String>,
    /// Restores a value that is revoked or has expired.
    #[arg(long)]
    pub force: bool,
}

/// Arguments of `rot vault remove`.
#[derive(Debug, Args)]
pub struct RemoveArgs {
    /// Name of the secret.
    pub name: String,
}

/// Arguments of `rot vault recipients`.
#[derive(Debug, Args)]
pub struct RecipientsArgs {
    /// What to change; lists them when nothing is said.
    #[command(subcommand)]
    pub command: Option<RecipientsCommand>,
}

/// Changes of the recipients.
#[derive(Debug, Subcommand)]
pub enum RecipientsCommand {
    /// Lets someone else open the vault.
    Add {
        /// `age1…`, `ssh-ed25519 …` or `ssh-rsa …`.
        recipient: String,
    },
    /// Seals the vault to the others from now on.
    Remove {
        /// The recipient, with or without its comment.
        recipient: String,
        /// Even if none of the identities at hand could open the vault any more.
        #[arg(long)]
        force: bool,
    },
}

/// Arguments of `rot vault export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The form.
    #[arg(long, value_enum)]
    pub format: ExportFormat,
    /// Name of the Kubernetes secret.
    #[arg(long = "name", value_name = "K8SNAME", default_value = "rot-secrets")]
    pub manifest: String,
    /// Names of secrets; all that have a current value by default.
    pub names: Vec<String>,
}

/// The forms of `rot vault export`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// `NAME='value'` lines for a POSIX shell.
    Env,
    /// One JSON object.
    Json,
    /// A Kubernetes `Secret`.
    K8s,
}

impl From<ExportFormat> for Format {
    fn from(format: ExportFormat) -> Self {
        match format {
            ExportFormat::Env => Format::Env,
            ExportFormat::Json => Format::Json,
            ExportFormat::K8s => Format::Kubernetes,
        }
    }
}

fn parse_time(text: &str) -> Result<jiff::Timestamp, String> {
    text.parse().map_err(|_| {
        "expected a time with its offset from UTC, such as 2027-01-31T00:00:00Z".to_owned()
    })
}
