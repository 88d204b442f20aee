//! What needs somebody, with the command that helps: one list, whatever it is about, for people and for programs.

use super::files::{DueState, Files};
use crate::report::visible;
use crate::run::due::is_ahead;
use crate::run::sweep::Due;
use crate::run::{Elsewhere, LostVersion, OpenRun, OpenState, Place};
use crate::vault::{Vault, Why};
use jiff::Timestamp;
use serde::Serialize;
use std::path::Path;

/// One thing that needs somebody.
#[derive(Debug, Clone, Serialize)]
pub struct Attention {
    /// What kind of thing.
    pub kind: Kind,
    /// The secret, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// The version of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The rotation, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotation: Option<String>,
    /// The run, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// What it is, in words; no values.
    pub message: String,
    /// What helps: one of these.
    pub commands: Vec<String>,
}

/// Kinds of things that need somebody; the most pressing first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A run waits for a decision.
    Blocked,
    /// The current version of a secret does not work any more.
    Expired,
    /// A rotation is due for so long that whoever runs it does not.
    Overdue,
    /// A run failed, and a resume continues it.
    Failed,
    /// The process of a run died, and a resume continues it.
    Interrupted,
    /// A run of this machine stored a version that the vault does not have.
    Lost,
    /// A run was given up after it had obtained a credential.
    Abandoned,
    /// A target lacks the current version of a secret.
    Undelivered,
    /// A credential that is not in use was not revoked.
    Unrevoked,
    /// The current value is known to somebody who was removed.
    Exposed,
    /// A version bears a time that has not come yet.
    Ahead,
    /// A secret is declared, and nothing makes it.
    Missing,
    /// A file of rotations has errors.
    Broken,
    /// Several files have a rotation of one name.
    Shared,
}

impl Kind {
    /// All of them, with the name of each for programs.
    pub const ALL: [(Kind, &'static str); 14] = [
        (Kind::Blocked, "blocked"),
        (Kind::Expired, "expired"),
        (Kind::Overdue, "overdue"),
        (Kind::Failed, "failed"),
        (Kind::Interrupted, "interrupted"),
        (Kind::Lost, "lost"),
        (Kind::Abandoned, "abandoned"),
        (Kind::Undelivered, "undelivered"),
        (Kind::Unrevoked, "unrevoked"),
        (Kind::Exposed, "exposed"),
        (Kind::Ahead, "ahead"),
        (Kind::Missing, "missing"),
        (Kind::Broken, "broken"),
        (Kind::Shared, "shared"),
    ];
}

/// All that the list is made from.
pub struct Sources<'a> {
    /// The vault.
    pub vault: &'a Vault,
    /// Runs that are not over, and no process is at work on them.
    pub open: &'a [&'a OpenRun],
    /// Runs whose journals are not in this state folder.
    pub elsewhere: &'a [Elsewhere],
    /// What only journals know.
    pub lost: &'a [LostVersion],
    /// Revocations that are scheduled.
    pub due: &'a [Due],
    /// The rotations of the files.
    pub files: &'a Files,
    /// Now.
    pub now: Timestamp,
    /// How commands begin: `rot`, or with the environment.
    pub rot: &'a str,
}

impl Sources<'_> {
    /// All of it, the most pressing first.
    pub fn all(&self) -> Vec<Attention> {
        let mut all = self.runs();
        all.extend(self.overdue());
        all.extend(self.secrets());
        all.extend(self.lost());
        all.extend(self.declared());
        all.sort_by_key(|one| one.kind);
        all
    }

    fn rot(&self, rest: &str) -> String {
        format!("{} {rest}", self.rot)
    }

    fn one(&self, kind: Kind, message: String, commands: Vec<String>) -> Attention {
        Attention {
            kind,
            secret: None,
            version: None,
            rotation: None,
            run_id: None,
            message,
            commands,
        }
    }

    /// What gives a secret a new value: its rotation, or a person.
    fn renew(&self, secret: &str) -> String {
        match self.files.maker(secret) {
            Some((file, rotation)) => self.run(file, rotation),
            None => self.rot(&format!("vault set {secret}")),
        }
    }

    fn run(&self, file: &Path, rotation: &str) -> String {
        let file = quoted(&file.display().to_string());
        self.rot(&format!("run {file} --rotation {}", quoted(rotation)))
    }

    fn runs(&self) -> Vec<Attention> {
        let gone = self.elsewhere.iter();
        let gone = gone.filter(|run| run.place == Place::Gone && run.overtaken.is_none());
        let gone = gone.map(|run| Attention {
            rotation: Some(run.rotation.clone()),
            run_id: Some(run.run_id.clone()),
            ..self.one(
                Kind::Blocked,
                "its run was begun here, and the journal is gone: restore the state folder, or see what the issuer has live and give the run up".to_owned(),
                vec![self.rot(&format!("resume {} --abandon", run.run_id))],
            )
        });
        let of = |run: &&OpenRun| {
            let id = &run.run_id;
            let (kind, message, commands) = match &run.state {
                OpenState::Interrupted => (
                    Kind::Interrupted,
                    "its process died".to_owned(),
                    vec![self.rot(&format!("resume {id}"))],
                ),
                OpenState::Failed { code, message } => (
                    Kind::Failed,
                    format!("it failed [{code}]: {message}"),
                    vec![self.rot(&format!("resume {id}"))],
                ),
                OpenState::NeedsOperator { code, message } => (
                    Kind::Blocked,
                    format!("it needs a person [{code}]: {message}"),
                    ["retry", "accept", "abandon"]
                        .iter()
                        .map(|way| self.rot(&format!("resume {id} --{way}")))
                        .collect(),
                ),
            };
            Attention {
                rotation: Some(run.rotation.clone()),
                run_id: Some(id.clone()),
                ..self.one(kind, message, commands)
            }
        };
        self.open.iter().map(of).chain(gone).collect()
    }

    fn overdue(&self) -> Vec<Attention> {
        let late = self.files.rotations.iter();
        let late = late.filter(|one| one.state == DueState::Overdue);
        late.map(|one| {
            let since = one
                .due_at
                .map(|at| at.strftime("%Y-%m-%d %H:%M UTC").to_string());
            let message = format!("it is due since {}", since.unwrap_or_default());
            let command = self.rot(&format!("run --due {}", quoted(&one.file)));
            Attention {
                rotation: Some(one.rotation.clone()),
                ..self.one(Kind::Overdue, message, vec![command])
            }
        })
        .collect()
    }

    fn secrets(&self) -> Vec<Attention> {
        let mut all = Vec::new();
        for (name, entry) in self.vault.doc().secrets() {
            let of = |kind, message: String, commands| Attention {
                secret: Some(name.to_owned()),
                version: entry.current.clone(),
                ..self.one(kind, message, commands)
            };
            if let Some(current) = entry.current_version() {
                if current.is_expired(self.now) {
                    let message = "its current version has expired".to_owned();
                    all.push(of(Kind::Expired, message, vec![self.renew(name)]));
                }
                if !current.exposed_to.is_empty() {
                    let who = current.exposed_to.join(", ");
                    let message = format!("its value is known to {who}, who was removed");
                    all.push(of(Kind::Exposed, message, vec![self.renew(name)]));
                }
                if is_ahead(current.created_at, self.now) {
                    let message = format!(
                        "its current version bears the time {}, which is ahead of this clock: a machine's clock was wrong",
                        current.created_at
                    );
                    all.push(of(Kind::Ahead, message, vec![self.renew(name)]));
                }
            }
            for behind in self.vault.doc().behind(name) {
                let why = match &behind.state.trouble {
                    Some((code, words)) => format!(": [{code}] {words}"),
                    None => ", and nobody has tried to deliver it".to_owned(),
                };
                let message = format!(
                    "target `{}` ({}) lacks its current version{why}",
                    behind.target, behind.registered.shown
                );
                let command = self.rot(&format!(
                    "deliver {name} --target {}",
                    quoted(&behind.target)
                ));
                all.push(of(Kind::Undelivered, message, vec![command]));
            }
            let mark = |version: &str| self.rot(&format!("vault revoked {name} {version}"));
            for version in &entry.versions {
                let Some(unrevoked) = version.unrevoked else {
                    continue;
                };
                let kind = match unrevoked.why {
                    Why::Abandoned => Kind::Abandoned,
                    Why::Lost => Kind::Lost,
                    Why::Merged | Why::Removed | Why::Replaced | Why::Refused | Why::Overtaken => {
                        Kind::Unrevoked
                    }
                };
                all.push(Attention {
                    version: Some(version.id.clone()),
                    rotation: version.rotation.clone(),
                    ..of(
                        kind,
                        format!(
                            "a version of it may be live: {}; revoke it at its issuer",
                            unrevoked.why.explain()
                        ),
                        vec![mark(&version.id), format!("{} --accept", mark(&version.id))],
                    )
                });
            }
            let failed = self
                .due
                .iter()
                .filter(|d| d.secret == name && d.failures > 0);
            for due in failed {
                let again = self.files.file_of(&due.rotation).map(|file| {
                    self.rot(&format!(
                        "run --due {}",
                        quoted(&file.display().to_string())
                    ))
                });
                all.push(Attention {
                    version: Some(due.version.clone()),
                    rotation: Some(due.rotation.clone()),
                    ..of(
                        Kind::Unrevoked,
                        "a version of it could not be revoked; each run tries it again".to_owned(),
                        again.into_iter().chain([mark(&due.version)]).collect(),
                    )
                });
            }
        }
        all
    }

    fn lost(&self) -> Vec<Attention> {
        let of = |lost: &LostVersion| {
            let mark = self.rot(&format!("vault revoked {} {}", lost.secret, lost.version));
            let message = format!(
                "run {} stored a version of it that is not in the vault: it may be live; merge the copy that has it (`rot vault merge OTHER`), or revoke it at its issuer",
                lost.run_id
            );
            Attention {
                secret: Some(lost.secret.clone()),
                version: Some(lost.version.clone()),
                rotation: Some(lost.rotation.clone()),
                run_id: Some(lost.run_id.clone()),
                ..self.one(Kind::Lost, message, vec![mark])
            }
        };
        self.lost.iter().map(of).collect()
    }

    fn declared(&self) -> Vec<Attention> {
        let missing = self.files.missing.iter().filter(|m| !m.scheduled);
        let missing = missing.map(|missing| Attention {
            secret: Some(missing.secret.clone()),
            rotation: missing.made_by.clone(),
            ..self.one(
                Kind::Missing,
                format!("{} declares it, and the vault has no value", missing.file),
                vec![self.renew(&missing.secret)],
            )
        });
        let broken = self.files.broken.iter().map(|file| {
            let shown = file.display().to_string();
            let command = self.rot(&format!("check {}", quoted(&shown)));
            self.one(Kind::Broken, format!("{shown} has errors"), vec![command])
        });
        let shared = self.files.shared().into_iter().map(|(name, files)| {
            let files: Vec<String> = files.iter().map(|f| f.display().to_string()).collect();
            let checked: Vec<String> = files.iter().map(|file| quoted(file)).collect();
            Attention {
                rotation: Some(name),
                ..self.one(
                    Kind::Shared,
                    format!(
                        "{} have a rotation of this name, and share its journal and its schedule",
                        files.join(" and ")
                    ),
                    vec![self.rot(&format!("check {}", checked.join(" ")))],
                )
            }
        });
        missing.chain(broken).chain(shared).collect()
    }
}

impl Attention {
    /// Two lines and more: what it is, and what helps.
    pub fn text(&self) -> String {
        let about = match (&self.secret, &self.rotation) {
            (Some(secret), _) => format!("secret `{}`: ", visible(secret)),
            (None, Some(rotation)) => format!("rotation `{}`: ", visible(rotation)),
            (None, None) => String::new(),
        };
        let mut text = format!("{about}{}\n", visible(&self.message));
        for command in &self.commands {
            text.push_str(&format!("  {}\n", visible(command)));
        }
        text
    }
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}
