//! Where secrets are used: targets, and which secret is delivered to which.
//!
//! A target belongs to a secret and not to a rotation, so that every change of the secret goes there, whoever made it.

use super::Plan;
pub use super::service::{Credential, Said, Service, ServiceTarget, Word};
use crate::diagnostic::Printable;
use crate::plan::schedule::Dur;
use crate::source::At;
use crate::vault::variable;
use serde::{Deserialize, Serialize};

/// A place where secrets are used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// Its name.
    pub name: String,
    /// What kind of place, and where.
    pub kind: TargetKind,
    /// The name in the declaration.
    #[serde(skip)]
    pub at: At,
}

/// The kinds of target, each with what it says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TargetKind {
    /// A file of this machine.
    File(FileTarget),
    /// A program of this machine, which brings the secret wherever it knows.
    Command(CommandTarget),
    /// A credential of systemd.
    Systemd(SystemdTarget),
    /// A service that is called over HTTPS.
    Service(ServiceTarget),
}

/// A file of this machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FileTarget {
    /// Its path; a relative one counts from the folder of the file that declares it.
    pub path: String,
    /// How it is written.
    pub form: FileForm,
    /// Its permission bits.
    pub mode: u32,
    /// `user` or `user:group`, by name or number; this process' own when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The program that is told of a new version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then: Option<String>,
}

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileForm {
    /// The value as it is; a record as JSON.
    Raw,
    /// `NAME="value"`, beside the lines of others.
    Dotenv,
    /// `NAME=value` without quotes, for `docker run --env-file`, beside the lines of others.
    Docker,
}

impl FileForm {
    /// The words of the language.
    pub const WORDS: [(&'static str, FileForm); 3] = [
        ("raw", FileForm::Raw),
        ("dotenv", FileForm::Dotenv),
        ("docker", FileForm::Docker),
    ];

    /// The word of the language.
    pub fn as_str(self) -> &'static str {
        match self {
            FileForm::Raw => "raw",
            FileForm::Dotenv => "dotenv",
            FileForm::Docker => "docker",
        }
    }
}

/// A program of this machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CommandTarget {
    /// Its name in `[programs]`.
    pub program: String,
    /// It is ended after this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Dur>,
}

/// A credential that systemd hands to a service: a file in a credential store, plain or encrypted for this machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SystemdTarget {
    /// The credential's name, which is the file's too.
    pub credential: String,
    /// The folder of the store; the usual one when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// `systemd-creds`, as `[programs]` names it; plain when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encrypt: Option<String>,
    /// What it is encrypted with; what `systemd-creds` chooses when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The program that is told of a new version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then: Option<String>,
}

impl SystemdTarget {
    /// The keys that `systemd-creds` takes.
    pub const KEYS: [(&'static str, &'static str); 4] = [
        ("auto", "auto"),
        ("host", "host"),
        ("tpm2", "tpm2"),
        ("host+tpm2", "host+tpm2"),
    ];

    /// The file.
    pub fn path(&self) -> String {
        let usual = match self.encrypt {
            Some(_) => "/etc/credstore.encrypted",
            None => "/etc/credstore",
        };
        let folder = self.folder.as_deref().unwrap_or(usual);
        format!("{}/{}", folder.trim_end_matches('/'), self.credential)
    }
}

/// A secret, or one field of it, on its way to a target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// Which secret.
    pub secret: String,
    /// One field of a record; all of it when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Which target.
    pub target: String,
    /// What it is called there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub called: Option<String>,
    /// The target's name behind `to`.
    #[serde(skip)]
    pub at: At,
}

/// A kind of target as the language knows it.
pub struct KindWord {
    /// The word.
    pub word: &'static str,
    /// What stands in quotes behind it.
    pub place: &'static str,
    /// What it is.
    pub doc: &'static str,
    /// Its options: the word, what it says, and whether it must be there.
    pub options: &'static [(&'static str, &'static str, bool)],
}

/// The kinds of target.
pub const KINDS: [KindWord; 11] = [
    KindWord {
        word: "file",
        place: "path",
        doc: "a file of this machine, replaced as a whole in its folder",
        options: &[
            (
                "form",
                "`raw` (the value as it is, a record as JSON), `dotenv` or `docker` (own names are replaced, other lines stay as they are) [default: `raw`]",
                false,
            ),
            (
                "mode",
                "permission bits such as `\"0440\"` [default: `\"0400\"`]",
                false,
            ),
            (
                "owner",
                "`\"user\"` or `\"user:group\"`, names or numbers",
                false,
            ),
            THEN,
        ],
    },
    KindWord {
        word: "command",
        place: "program of `[programs]`",
        doc: "a program of this machine, which gets the value on standard input, a record as JSON; it must be able to set the same value again",
        options: &[("timeout", "it is ended after this [default: `60s`]", false)],
    },
    KindWord {
        word: "systemd",
        place: "name of a credential",
        doc: "a credential of systemd in a store of this machine, which a unit takes with `LoadCredential=` or `LoadCredentialEncrypted=`; a running service keeps the old one, so `then` restarts it",
        options: &[
            (
                "folder",
                "the store [default: `/etc/credstore`, with `encrypt` `/etc/credstore.encrypted`]",
                false,
            ),
            (
                "encrypt",
                "`systemd-creds`, as `[programs]` names it",
                false,
            ),
            (
                "key",
                "`host`, `tpm2`, `host+tpm2` or `auto` [default: what `systemd-creds` chooses]",
                false,
            ),
            THEN,
        ],
    },
    KindWord {
        word: "kv",
        place: "`MOUNT/PATH`",
        doc: "a secret of Vault or OpenBao (KV version 2), written with check-and-set; keys of others stay as they are",
        options: &[
            (
                "server",
                "the address: `\"https://vault.example.com:8200\"`",
                true,
            ),
            TOKEN,
            (
                "role-id",
                "AppRole, with `secret-id`: `secrets.NAME.field`",
                false,
            ),
            ("secret-id", "AppRole, with `role-id`", false),
            ("namespace", "the namespace", false),
            CA,
            TIMEOUT,
        ],
    },
    KindWord {
        word: "kubernetes",
        place: "`NAMESPACE/NAME`",
        doc: "keys of a Secret, by server-side apply; what other field managers own is not taken",
        options: &[
            (
                "server",
                "the API server [default: the cluster in which this runs]",
                false,
            ),
            TOKEN,
            (
                "token-file",
                "a file with a token, read for each call [default: the one of the service account]",
                false,
            ),
            (
                "restart",
                "`\"deployment/NAME\"`, `\"statefulset/NAME\"` or `\"daemonset/NAME\"` that is restarted for each new version",
                false,
            ),
            (
                "force",
                "`true`: take keys from other field managers [default: `false`]",
                false,
            ),
            (
                "ca",
                "the authority that alone is trusted, a PEM file [default: the one of the service account, without `server`]",
                false,
            ),
            TIMEOUT,
        ],
    },
    KindWord {
        word: "github",
        place: "`OWNER/REPOSITORY` or `ORGANIZATION`",
        doc: "secrets of GitHub Actions, Dependabot or Codespaces, sealed for GitHub; nothing can be read there",
        options: &[
            (
                "token",
                "a token that may write secrets: `secrets.NAME`",
                true,
            ),
            (
                "environment",
                "of this environment of the repository",
                false,
            ),
            (
                "for",
                "`actions`, `dependabot` or `codespaces` [default: `actions`]",
                false,
            ),
            (
                "visibility",
                "of an organization: `all` or `private` [default: `private`]",
                false,
            ),
            (
                "server",
                "the API [default: `https://api.github.com`]",
                false,
            ),
            CA,
            TIMEOUT,
        ],
    },
    KindWord {
        word: "gitlab",
        place: "`GROUP/PROJECT` or its number",
        doc: "CI/CD variables of a project, written raw",
        options: &[
            ("token", "a token with `api`: `secrets.NAME`", true),
            ("scope", "the environment [default: `*`]", false),
            (
                "masked",
                "`false`: job logs may show it [default: `true`]",
                false,
            ),
            (
                "protected",
                "`true`: for protected branches alone [default: `false`]",
                false,
            ),
            (
                "server",
                "the address [default: `https://gitlab.com`]",
                false,
            ),
            CA,
            TIMEOUT,
        ],
    },
    KindWord {
        word: "aws-secrets",
        place: "name or ARN",
        doc: "a secret of AWS Secrets Manager; the version's token makes it repeatable",
        options: &[
            ("region", "for example `\"eu-central-1\"`", true),
            KEY_ID,
            KEY,
            SESSION,
            SERVER,
            CA,
            TIMEOUT,
        ],
    },
    KindWord {
        word: "aws-ssm",
        place: "name of a parameter",
        doc: "a `SecureString` of AWS Systems Manager Parameter Store",
        options: &[
            ("region", "for example `\"eu-central-1\"`", true),
            KEY_ID,
            KEY,
            SESSION,
            (
                "tier",
                "`Standard`, `Advanced` or `Intelligent-Tiering` [default: what the parameter has]",
                false,
            ),
            SERVER,
            CA,
            TIMEOUT,
        ],
    },
    KindWord {
        word: "gcp",
        place: "`projects/PROJECT/secrets/NAME`",
        doc: "a secret of Google Cloud Secret Manager; a version is added where the newest has another value",
        options: &[
            TOKEN,
            (
                "account",
                "the key of a service account, as the JSON that Google gives out: `secrets.NAME`",
                false,
            ),
            (
                "authority",
                "who gives out tokens for `account` [default: `https://oauth2.googleapis.com`]",
                false,
            ),
            SERVER,
            CA,
            TIMEOUT,
        ],
    },
    KindWord {
        word: "azure",
        place: "`VAULT/NAME`",
        doc: "a secret of Azure Key Vault; a version is made where the newest has another value",
        options: &[
            TOKEN,
            (
                "tenant",
                "with `client` and `client-secret`: a registered application",
                false,
            ),
            ("client", "its id", false),
            ("client-secret", "its secret: `secrets.NAME`", false),
            (
                "authority",
                "who gives out tokens for it [default: `https://login.microsoftonline.com`]",
                false,
            ),
            SERVER,
            CA,
            TIMEOUT,
        ],
    },
];

/// An option: the word, what it says, and whether it must be there.
type OptionWord = (&'static str, &'static str, bool);

const THEN: OptionWord = (
    "then",
    "a program of `[programs]` that is told of a new version: it gets names in `ROT_SECRET`, `ROT_VERSION` and `ROT_TARGET`, no value",
    false,
);
const TOKEN: OptionWord = ("token", "a token of the service: `secrets.NAME`", false);
const KEY_ID: OptionWord = ("key-id", "the access key's id: `secrets.NAME.field`", true);
const KEY: OptionWord = (
    "key",
    "the secret access key, whose place is `signature`",
    true,
);
const SESSION: OptionWord = ("session", "the session token of temporary keys", false);
const SERVER: OptionWord = ("server", "another address than the service's own", false);
const CA: OptionWord = (
    "ca",
    "the authority that alone is trusted, a PEM file",
    false,
);
const TIMEOUT: OptionWord = (
    "timeout",
    "a call is given up after this [default: `30s`]",
    false,
);

impl TargetKind {
    /// The word of the language.
    pub fn word(&self) -> &'static str {
        match self {
            TargetKind::File(_) => "file",
            TargetKind::Command(_) => "command",
            TargetKind::Systemd(_) => "systemd",
            TargetKind::Service(target) => target.service.word(),
        }
    }

    /// The place, as it is written.
    pub fn place(&self) -> &str {
        match self {
            TargetKind::File(file) => &file.path,
            TargetKind::Command(command) => &command.program,
            TargetKind::Systemd(systemd) => &systemd.credential,
            TargetKind::Service(target) => &target.place,
        }
    }

    /// The program that is told of a new version.
    pub fn then(&self) -> Option<&str> {
        match self {
            TargetKind::File(file) => file.then.as_deref(),
            TargetKind::Systemd(systemd) => systemd.then.as_deref(),
            TargetKind::Command(_) | TargetKind::Service(_) => None,
        }
    }

    /// The programs of this machine that it starts.
    pub fn programs(&self) -> Vec<&str> {
        match self {
            TargetKind::File(file) => file.then.as_deref().into_iter().collect(),
            TargetKind::Command(command) => vec![&command.program],
            TargetKind::Systemd(systemd) => {
                let all = [systemd.encrypt.as_deref(), systemd.then.as_deref()];
                all.into_iter().flatten().collect()
            }
            TargetKind::Service(_) => Vec::new(),
        }
    }

    /// What is said of it beside its place, where that is not what holds anyway.
    pub fn options(&self) -> Vec<(&'static str, Said)> {
        let mut said = Vec::new();
        match self {
            TargetKind::File(file) => {
                if file.form != FileForm::Raw {
                    said.push(("form", Said::Text(file.form.as_str().to_owned())));
                }
                said.push(("mode", Said::Text(format!("{:04o}", file.mode))));
                let texts = [("owner", &file.owner), ("then", &file.then)];
                for (word, text) in texts {
                    said.extend(text.clone().map(|text| (word, Said::Text(text))));
                }
            }
            TargetKind::Command(command) => {
                said.extend(
                    command
                        .timeout
                        .map(|length| ("timeout", Said::Length(length))),
                );
            }
            TargetKind::Systemd(systemd) => {
                let texts = [
                    ("folder", &systemd.folder),
                    ("encrypt", &systemd.encrypt),
                    ("key", &systemd.key),
                    ("then", &systemd.then),
                ];
                for (word, text) in texts {
                    said.extend(text.clone().map(|text| (word, Said::Text(text))));
                }
            }
            TargetKind::Service(target) => {
                let all = target.options.iter();
                said.extend(all.map(|(word, value)| (word.as_str(), value.clone())));
            }
        }
        said
    }

    /// Whether a delivery fits, as far as its text tells; the reason when it does not. `record` is one that delivers a record
    /// whole.
    ///
    /// # Errors
    /// Why it does not fit.
    pub fn takes(&self, delivery: &Delivery, record: bool) -> Result<(), String> {
        match self {
            TargetKind::File(file) if file.form != FileForm::Raw => {
                let Some(name) = delivery.called.as_deref().filter(|_| !record) else {
                    return Ok(());
                };
                if !variable::is_valid(name) {
                    return Err(format!(
                        "`{}` is not the name of a variable",
                        name.printable()
                    ));
                }
                if variable::is_steering(name) {
                    return Err(format!("`{name}` says what programs run or load"));
                }
                Ok(())
            }
            TargetKind::Service(target) => target.takes(delivery.called.as_deref(), record),
            TargetKind::File(_) | TargetKind::Command(_) | TargetKind::Systemd(_) => {
                match &delivery.called {
                    Some(_) => Err("a value has no name there, so leave `as` out".to_owned()),
                    None => Ok(()),
                }
            }
        }
    }

    /// Whether one value alone can stand there.
    pub fn holds_one(&self) -> bool {
        match self {
            TargetKind::File(file) => file.form == FileForm::Raw,
            TargetKind::Command(_) | TargetKind::Systemd(_) => true,
            TargetKind::Service(target) => target.service.holds_one(),
        }
    }
}

impl Target {
    /// For people: `file /run/app/key`.
    pub fn describe(&self) -> String {
        let at = match &self.kind {
            TargetKind::Service(target) => format!(" at {}", target.host()),
            TargetKind::File(_) | TargetKind::Command(_) | TargetKind::Systemd(_) => String::new(),
        };
        format!("{} `{}`{at}", self.kind.word(), self.kind.place())
    }
}

impl Plan {
    /// A target by name.
    pub fn target(&self, name: &str) -> Option<&Target> {
        self.targets.iter().find(|t| t.name == name)
    }

    /// What of a secret goes to a target.
    pub fn deliveries_of<'p>(
        &'p self,
        secret: &'p str,
        target: &'p str,
    ) -> impl Iterator<Item = &'p Delivery> {
        let of = move |d: &&Delivery| d.secret == secret && d.target == target;
        self.deliveries.iter().filter(of)
    }

    /// The targets of a secret, each once, in the order of the text.
    pub fn targets_of<'p>(&'p self, secret: &str) -> Vec<&'p Target> {
        let mut found: Vec<&Target> = Vec::new();
        for delivery in self.deliveries.iter().filter(|d| d.secret == secret) {
            let new = !found.iter().any(|t| t.name == delivery.target);
            found.extend(self.target(&delivery.target).filter(|_| new));
        }
        found
    }
}
