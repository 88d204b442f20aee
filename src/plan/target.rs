//! Where secrets are used: targets, and which secret is delivered to which.
//!
//! A target belongs to a secret and not to a rotation, so that every change of the secret goes there, whoever made it.

use super::{Expr, Plan};
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
pub const KINDS: [KindWord; 2] = [
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
            (
                "then",
                "a program of `[programs]` that is told of a new version: it gets names in `ROT_SECRET`, `ROT_VERSION` and `ROT_TARGET`, no value",
                false,
            ),
        ],
    },
    KindWord {
        word: "command",
        place: "program of `[programs]`",
        doc: "a program of this machine, which gets the value on standard input, a record as JSON; it must be able to set the same value again",
        options: &[("timeout", "it is ended after this [default: `60s`]", false)],
    },
];

/// The value of an option.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// In quotes.
    Text(String),
    /// A length of time.
    Length(Dur),
}

impl TargetKind {
    /// The word of the language.
    pub fn word(&self) -> &'static str {
        match self {
            TargetKind::File(_) => "file",
            TargetKind::Command(_) => "command",
        }
    }

    /// The place, as it is written.
    pub fn place(&self) -> &str {
        match self {
            TargetKind::File(file) => &file.path,
            TargetKind::Command(command) => &command.program,
        }
    }

    /// The program that is told of a new version.
    pub fn then(&self) -> Option<&str> {
        match self {
            TargetKind::File(file) => file.then.as_deref(),
            TargetKind::Command(_) => None,
        }
    }

    /// The programs of this machine that it starts.
    pub fn programs(&self) -> Vec<&str> {
        match self {
            TargetKind::File(file) => file.then.as_deref().into_iter().collect(),
            TargetKind::Command(command) => vec![&command.program],
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
            TargetKind::File(_) | TargetKind::Command(_) => match &delivery.called {
                Some(_) => Err("a value has no name there, so leave `as` out".to_owned()),
                None => Ok(()),
            },
        }
    }

    /// Whether one value alone can stand there.
    pub fn holds_one(&self) -> bool {
        match self {
            TargetKind::File(file) => file.form == FileForm::Raw,
            TargetKind::Command(_) => true,
        }
    }

    /// The expressions that it evaluates.
    pub fn exprs(&self) -> Vec<&Expr> {
        match self {
            TargetKind::File(_) | TargetKind::Command(_) => Vec::new(),
        }
    }
}

impl Target {
    /// For people: `file /run/app/key`.
    pub fn describe(&self) -> String {
        format!("{} `{}`", self.kind.word(), self.kind.place())
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
