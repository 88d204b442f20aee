//! The rotations of a project's files, as far as their schedules and the vault tell: when each is due next, what it stores, what
//! it reads and nobody has stored.

use crate::cli::config::Config;
use crate::cli::load;
use crate::plan::Rotation;
use crate::plan::schedule::Trigger;
use crate::run::due;
use crate::vault::Vault;
use crate::workspace::shared;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

/// A rotation that is due for longer than this is overdue, and what is due within this is due soon; with a short interval, a
/// quarter of that.
const SLACK: SignedDuration = SignedDuration::from_hours(1);

/// All that the files say.
#[derive(Default)]
pub struct Files {
    /// Their rotations, in the order of the files.
    pub rotations: Vec<Scheduled>,
    /// Secrets that are declared and have no current version.
    pub missing: Vec<Missing>,
    /// Files that have errors.
    pub broken: Vec<PathBuf>,
    /// What each rotation stores, with a schedule or not: secret, file, rotation.
    pub stores: Vec<(String, PathBuf, String)>,
    /// All rotations with their files.
    pub named: Vec<(String, PathBuf)>,
}

/// A rotation with a schedule.
#[derive(Serialize)]
pub struct Scheduled {
    /// Its name.
    pub rotation: String,
    /// The family of which it is a member.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    /// The file that it stands in.
    pub file: String,
    /// Its schedule in words.
    pub schedule: String,
    /// When it is due next; `null` when its schedule has no time left.
    pub due_at: Option<Timestamp>,
    /// Why then.
    pub reason: Option<String>,
    /// How that stands to now.
    pub state: DueState,
    /// When it last succeeded, for the metrics.
    #[serde(skip)]
    pub last_success: Option<Timestamp>,
}

/// How a due time stands to now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DueState {
    /// Not yet.
    Later,
    /// Within the hour, or a quarter of its interval.
    Soon,
    /// Now.
    Due,
    /// For so long that whoever runs it does not.
    Overdue,
    /// Never again.
    Never,
}

impl DueState {
    /// All of them, with the name of each for programs.
    pub const ALL: [(DueState, &'static str); 5] = [
        (DueState::Later, "later"),
        (DueState::Soon, "soon"),
        (DueState::Due, "due"),
        (DueState::Overdue, "overdue"),
        (DueState::Never, "never"),
    ];

    /// For people.
    pub fn word(self) -> &'static str {
        match self {
            DueState::Later => "",
            DueState::Soon => "soon",
            DueState::Due => "due",
            DueState::Overdue => "overdue",
            DueState::Never => "never again",
        }
    }
}

/// A secret that is declared and has no current version.
#[derive(Serialize)]
pub struct Missing {
    /// Its name.
    pub secret: String,
    /// The file that declares it.
    pub file: String,
    /// The rotation that makes it, where one of the files has one.
    pub made_by: Option<String>,
    /// Whether that runs by itself.
    #[serde(skip)]
    pub scheduled: bool,
}

impl Scheduled {
    /// Whether the next run is somebody's business now or soon.
    pub fn waits(&self) -> bool {
        match self.state {
            DueState::Soon | DueState::Due | DueState::Overdue => true,
            DueState::Later | DueState::Never => false,
        }
    }
}

impl Files {
    /// Reads them.
    pub fn read(paths: &[PathBuf], config: &Config, vault: &Vault, now: Timestamp) -> Self {
        let mut all = Files::default();
        for path in paths {
            all.file(path, config, vault, now);
        }
        all
    }

    fn file(&mut self, path: &Path, config: &Config, vault: &Vault, now: Timestamp) {
        let loaded = match load::file(path, config) {
            Ok(loaded) if load::refusal(&loaded.findings).is_none() => loaded,
            Ok(_) | Err(_) => {
                self.broken.push(path.to_owned());
                return;
            }
        };
        let shown = path.display().to_string();
        let plan = &loaded.plan;
        let own = plan.rotations.iter().filter(|r| !r.imported);
        for rotation in own.clone() {
            self.named.push((rotation.name.clone(), path.to_owned()));
            let stored = due::stored_by(rotation).into_iter();
            let stored = stored.map(|secret| (secret, path.to_owned(), rotation.name.clone()));
            self.stores.extend(stored);
            let Some(schedule) = &rotation.schedule else {
                continue;
            };
            let past = due::past(vault, rotation, now);
            let due = due::next(vault, rotation, &past, now);
            let slack = match schedule.trigger {
                Trigger::Every(every) => {
                    every.to_signed().checked_div(4).unwrap_or(SLACK).min(SLACK)
                }
                Trigger::Cron(_) => SLACK,
            };
            let state = due.as_ref().map_or(DueState::Never, |due| {
                let late = now.duration_since(due.at);
                // What never ran is due, and late only once it was looked at long ago.
                let since_ever = past.last_success.or(past.first_look).is_some();
                match late {
                    late if late > slack && since_ever => DueState::Overdue,
                    late if late >= SignedDuration::ZERO => DueState::Due,
                    late if late > -slack => DueState::Soon,
                    _ => DueState::Later,
                }
            });
            self.rotations.push(Scheduled {
                rotation: rotation.name.clone(),
                family: rotation.family.clone(),
                file: shown.clone(),
                schedule: schedule.describe(),
                due_at: due.as_ref().map(|due| due.at),
                reason: due.map(|due| due.reason.explain()),
                state,
                last_success: past.last_success,
            });
        }
        let mut makers: HashMap<String, &Rotation> = HashMap::new();
        for rotation in own {
            for secret in due::stored_by(rotation) {
                makers.entry(secret).or_insert(rotation);
            }
        }
        let known: HashSet<String> = self.missing.iter().map(|m| m.secret.clone()).collect();
        for declared in &plan.secrets {
            let name = &declared.name;
            let there = vault.doc().get(name).is_some_and(|e| e.current.is_some());
            if there || known.contains(name) {
                continue;
            }
            let maker = makers.get(name);
            self.missing.push(Missing {
                secret: name.clone(),
                file: shown.clone(),
                made_by: maker.map(|r| r.name.clone()),
                scheduled: maker.is_some_and(|r| r.schedule.is_some()),
            });
        }
    }

    /// The rotation that stores a secret: file and name.
    pub fn maker(&self, secret: &str) -> Option<(&Path, &str)> {
        let found = self.stores.iter().find(|(stored, ..)| stored == secret);
        found.map(|(_, file, rotation)| (file.as_path(), rotation.as_str()))
    }

    /// Names of rotations that several files have.
    pub fn shared(&self) -> Vec<(String, Vec<PathBuf>)> {
        shared::of_files(&self.named)
    }

    /// The file of a rotation.
    pub fn file_of(&self, rotation: &str) -> Option<&Path> {
        let found = self.stores.iter().find(|(.., name)| name == rotation);
        found.map(|(_, file, _)| file.as_path())
    }
}
