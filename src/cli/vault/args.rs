//! Arguments of `rot vault`. None of them takes the value of a secret: arguments are seen by every process of the machine.

use crate::vault::export::Format;
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

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
    /// Create a vault, and an identity if there is none; overwrites nothing and asks nothing.
    Init(InitArgs),
    /// Store a value from standard input or a hidden prompt.
    Set(SetArgs),
    /// Edit a whole record, or a value, in your editor; the text stays in memory.
    Edit(EditArgs),
    /// Print a value in clear text. Only this command and `export` do.
    Get(GetArgs),
    /// List the secrets: names, versions, ages and expiry, never values.
    List(ListArgs),
    /// List the versions of a secret.
    History(HistoryArgs),
    /// Restore an earlier value as a new version.
    Rollback(RollbackArgs),
    /// Delete a secret with all its versions.
    Remove(RemoveArgs),
    /// Record that a version was revoked at its issuer by hand.
    Revoked(RevokedArgs),
    /// List or change who can open the vault.
    Recipients(RecipientsArgs),
    /// Check the vault against itself and against what this machine remembers.
    Verify(VerifyArgs),
    /// Print current values in clear text, for other programs.
    Export(ExportArgs),
    /// Import values from other programs; shows a table of names first.
    Import(ImportArgs),
    /// Accept the file as it is, whatever this machine remembers.
    Accept,
    /// Merge the vault with a copy that was changed elsewhere.
    Merge(MergeArgs),
    /// Show or set the environment that the vault belongs to.
    Environment(EnvironmentArgs),
    /// Set up git to merge and compare the vaults of this project.
    GitSetup,
    /// Print what a vault file holds, without values, for `git diff`.
    #[command(hide = true)]
    Textconv {
        /// The file.
        file: PathBuf,
    },
    /// Joins two versions of a vault for git.
    #[command(hide = true)]
    MergeDriver {
        /// The common version.
        base: PathBuf,
        /// The own version, which the result replaces.
        ours: PathBuf,
        /// The other version.
        theirs: PathBuf,
        /// What git calls the file.
        name: String,
    },
}

/// Arguments of `rot vault import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// A file, or `-` for standard input.
    pub file: PathBuf,
    /// The format [default: by the file's name].
    #[arg(long, value_enum)]
    pub format: Option<ImportFormat>,
    /// Store one of the file's names under another name. Repeatable.
    #[arg(long = "map", value_name = "THEIRS=NAME", value_parser = pair)]
    pub maps: Vec<(String, String)>,
    /// Store them; without it, only the table is shown.
    #[arg(long)]
    pub apply: bool,
}

/// The forms of `rot vault import`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ImportFormat {
    /// One JSON object: texts, and objects of texts for records; what `export --format json` and `sops --decrypt` write.
    Json,
    /// `NAME=value` lines, quoted or not.
    Dotenv,
    /// A file that `sops` decrypts, which must be installed.
    Sops,
    /// The unencrypted JSON export of Bitwarden: `bw export --format json`.
    Bitwarden,
    /// Items of 1Password: `op item get ITEM --format json`.
    #[value(name = "1password")]
    OnePassword,
}

/// Arguments of `rot vault verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Output format.
    #[arg(long, value_enum, default_value = "text")]
    pub report: Report,
}

/// Arguments of `rot vault merge`.
#[derive(Debug, Args)]
pub struct MergeArgs {
    /// The other copy, such as `git show OTHER:rot.vault` gives.
    pub other: PathBuf,
    /// A common ancestor of both; without it, removals are found by the vaults' own records.
    #[arg(long, value_name = "FILE")]
    pub base: Option<PathBuf>,
    /// Merge although one copy was written before a recipient was removed in the other: you know who wrote it.
    #[arg(long)]
    pub across_removal: bool,
}

/// Arguments of `rot vault environment`.
#[derive(Debug, Args)]
pub struct EnvironmentArgs {
    /// The environment [default: show the current one].
    pub name: Option<String>,
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
    /// Start over where a vault was lost; what is left of the old one is kept.
    #[arg(long)]
    pub anew: bool,
}

/// Arguments of `rot vault set`.
#[derive(Debug, Args)]
pub struct SetArgs {
    /// Name of the secret. The value is read from standard input; one final newline is dropped.
    pub name: String,
    /// One field of a record; its other fields keep their values.
    #[arg(long)]
    pub field: Option<String>,
    /// The field is meant, although the record has another one that is spelled nearly so.
    #[arg(long, requires = "field")]
    pub new_field: bool,
    /// A whole record at once, read as a JSON object of texts (`{"base64": …}` for other bytes): it has these fields and no others.
    #[arg(long, alias = "json", conflicts_with = "field")]
    pub record: bool,
    /// Remove a field from the record; reads nothing.
    #[arg(long, value_name = "FIELD", conflicts_with_all = ["field", "record", "allow_empty"])]
    pub unset: Option<String>,
    /// When the value expires, such as `2027-01-31T00:00:00Z`.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub expires: Option<jiff::Timestamp>,
    /// Accept an empty value.
    #[arg(long)]
    pub allow_empty: bool,
}

/// Arguments of `rot vault edit`.
#[derive(Debug, Args)]
pub struct EditArgs {
    /// Name of the secret; one that is not there is begun as a record.
    pub name: String,
    /// When the value ends; as before by default.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub expires: Option<jiff::Timestamp>,
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
    /// Prints no final newline.
    #[arg(short = 'n', long)]
    pub no_newline: bool,
}

/// Arguments of `rot vault list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Output format.
    #[arg(long, value_enum, default_value = "text")]
    pub report: Report,
}

/// Arguments of `rot vault history`.
#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// Name of the secret.
    pub name: String,
    /// Output format.
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
    /// Restore a value even if it is revoked or expired.
    #[arg(long)]
    pub force: bool,
}

/// Arguments of `rot vault remove`.
#[derive(Debug, Args)]
pub struct RemoveArgs {
    /// Name of the secret.
    pub name: String,
}

/// Arguments of `rot vault revoked`.
#[derive(Debug, Args)]
pub struct RevokedArgs {
    /// Name of the secret.
    pub name: String,
    /// The version; the only one that is not revoked by default.
    pub version: Option<String>,
    /// It was not revoked, and you accept that: take it off the list.
    #[arg(long)]
    pub accept: bool,
}

/// Arguments of `rot vault recipients`.
#[derive(Debug, Args)]
pub struct RecipientsArgs {
    /// What to change [default: list them].
    #[command(subcommand)]
    pub command: Option<RecipientsCommand>,
    /// Output format of the list.
    #[arg(long, value_enum, default_value = "text")]
    pub report: Report,
}

/// Changes of the recipients.
#[derive(Debug, Subcommand)]
pub enum RecipientsCommand {
    /// Let someone else open the vault.
    Add {
        /// `age1…`, `ssh-ed25519 …` or `ssh-rsa …`; text after the key is taken as its name.
        recipient: String,
        /// What people call it, such as `alice` or `ci`.
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        /// Add it even while a run is open, whose kept answers it cannot open.
        #[arg(long)]
        force: bool,
    },
    /// Stop someone from opening the vault from now on.
    Remove {
        /// The recipient: its name, or its key.
        recipient: String,
        /// Remove it even if none of your identities could open the vault any more.
        #[arg(long)]
        force: bool,
    },
}

/// Arguments of `rot vault export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The format.
    #[arg(long, value_enum)]
    pub format: ExportFormat,
    /// Name of the Kubernetes secret.
    #[arg(long = "name", value_name = "K8SNAME", default_value = "rot-secrets")]
    pub manifest: String,
    /// Namespace of the Kubernetes secret.
    #[arg(long, value_name = "NAMESPACE")]
    pub namespace: Option<String>,
    /// Type of the Kubernetes secret, such as `kubernetes.io/tls`.
    #[arg(long = "type", value_name = "TYPE", default_value = "Opaque")]
    pub kind: String,
    /// A key of the Kubernetes secret for a value, such as `web/tls.private_key=tls.key`; repeatable.
    #[arg(long = "key", value_name = "NAME[.FIELD]=KEY", value_parser = pair)]
    pub keys: Vec<(String, String)>,
    /// Prefix for the names of variables.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub prefix: String,
    /// Names of secrets [default: all with a current value].
    pub names: Vec<String>,
}

/// The forms of `rot vault export`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// `NAME='value'` lines that a POSIX shell sources, and nothing else reads rightly.
    Env,
    /// `.env` files of programs (dotenv libraries, `node --env-file`, docker compose).
    Dotenv,
    /// `docker run --env-file`, `kubectl create secret generic --from-env-file`: no quotes, one line a value.
    Docker,
    /// `EnvironmentFile=` of systemd.
    Systemd,
    /// One JSON object.
    Json,
    /// A Kubernetes `Secret`.
    K8s,
}

impl From<ExportFormat> for Format {
    fn from(format: ExportFormat) -> Self {
        match format {
            ExportFormat::Env => Format::Env,
            ExportFormat::Dotenv => Format::Dotenv,
            ExportFormat::Docker => Format::Docker,
            ExportFormat::Systemd => Format::Systemd,
            ExportFormat::Json => Format::Json,
            ExportFormat::K8s => Format::Kubernetes,
        }
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.rsplit_once('=') {
        Some((theirs, name)) if !theirs.is_empty() && !name.is_empty() => {
            Ok((theirs.to_owned(), name.to_owned()))
        }
        _ => Err("it is written THEIRS=NAME".to_owned()),
    }
}

fn parse_time(text: &str) -> Result<jiff::Timestamp, String> {
    text.parse().map_err(|_| {
        "expected a time with its offset from UTC, such as 2027-01-31T00:00:00Z".to_owned()
    })
}
