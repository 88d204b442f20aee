//! `rot doctor`: what is wrong with a set-up, and the remedy. Looks at files, the clock, what is remembered, people and plans;
//! opens no connection and changes nothing but the vault by itself, to prove that it can be replaced.

use super::args::{DoctorArgs, ResultFormat};
use super::config::Config;
use super::context::Context;
use super::status::files::Files;
use super::{environment, paths, run};
use crate::diagnostic::{Error, Failure, Result};
use crate::report::visible;
use crate::run::Place;
use crate::run::due::is_ahead;
use crate::run::needs::{AtHand, missing};
use crate::vault::crypt::Identity;
use crate::vault::{Paths, Vault, guard, identity};
use crate::world::World;
use crate::world::env::Env;
use crate::world::fs::{FileKind, Storage};
use serde::Serialize;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

/// The program is younger than this: a clock before it was never set.
const BUILT_AFTER: &str = "2026-01-01T00:00:00Z";

/// How a thing stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Good,
    /// Works, and will not always.
    Weak,
    /// Does not work.
    Bad,
}

/// What was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Subject {
    Settings,
    Identity,
    State,
    Clock,
    Vault,
    Memory,
    People,
    Git,
    Runs,
    Certificates,
    Plans,
}

impl Subject {
    fn word(self) -> &'static str {
        match self {
            Subject::Settings => "settings",
            Subject::Identity => "identity",
            Subject::State => "state",
            Subject::Clock => "clock",
            Subject::Vault => "vault",
            Subject::Memory => "memory",
            Subject::People => "people",
            Subject::Git => "git",
            Subject::Runs => "runs",
            Subject::Certificates => "certificates",
            Subject::Plans => "plans",
        }
    }
}

/// One look.
#[derive(Debug, Serialize)]
struct Finding {
    subject: Subject,
    state: State,
    message: String,
    remedy: Option<String>,
}

/// Runs the command.
pub fn run(args: &DoctorArgs, context: &Context) -> Result<()> {
    let mut doctor = Doctor { found: Vec::new() };
    doctor.all(context);
    let bad = doctor.found.iter().any(|one| one.state == State::Bad);
    match args.report {
        ResultFormat::Json => {
            let document = serde_json::json!({ "schema": "rot.doctor/v1", "healthy": !bad, "checks": doctor.found });
            let text = serde_json::to_string_pretty(&document).unwrap_or_default();
            context.out.stdout(&format!("{text}\n"));
        }
        ResultFormat::Text => {
            for one in &doctor.found {
                let mark = match one.state {
                    State::Good => "✓",
                    State::Weak => "!",
                    State::Bad => "✗",
                };
                let subject = one.subject.word();
                let mut line = format!("{mark} {subject:<12}  {}\n", visible(&one.message));
                if let Some(remedy) = &one.remedy {
                    line.push_str(&format!("{:16}{}\n", "", visible(remedy)));
                }
                context.out.stdout(&line);
            }
        }
    }
    match bad {
        true => Err(Error {
            failure: Failure::Findings,
            diagnostics: Vec::new(),
        }),
        false => Ok(()),
    }
}

struct Doctor {
    found: Vec<Finding>,
}

impl Doctor {
    fn say(&mut self, subject: Subject, state: State, message: String, remedy: Option<&str>) {
        self.found.push(Finding {
            subject,
            state,
            message,
            remedy: remedy.map(str::to_owned),
        });
    }

    fn good(&mut self, subject: Subject, message: String) {
        self.say(subject, State::Good, message, None);
    }

    fn error(&mut self, subject: Subject, error: &Error) {
        let help = error.diagnostics.first().and_then(|d| d.help.clone());
        self.say(
            subject,
            State::Bad,
            error.message().to_owned(),
            help.as_deref(),
        );
    }

    fn all(&mut self, context: &Context) {
        let config = match context.config() {
            Ok(config) => {
                let where_ = config.root.as_ref().map(|root| root.join("rot.toml"));
                self.good(
                    Subject::Settings,
                    where_.map_or("no rot.toml: the defaults".to_owned(), |path| {
                        path.display().to_string()
                    }),
                );
                config
            }
            Err(error) => return self.error(Subject::Settings, &error),
        };
        let made = environment::world(context, &config)
            .and_then(|world| Ok((paths::locate(context, &config, &world)?, world)));
        let (places, world) = match made {
            Ok(made) => made,
            Err(error) => return self.error(Subject::Settings, &error),
        };
        let paths = places.paths;
        let moved = places.project.check(&world).err();
        if let Some(error) = moved.as_ref().filter(|_| !context.globals.read_only) {
            self.error(Subject::Settings, error);
        }
        // What nobody has confirmed is looked at, and not remembered.
        let look = context.globals.read_only || moved.is_some();
        // Nobody is asked for a passphrase here.
        let world = World {
            env: Arc::new(Silent(world.env.clone())),
            ..world
        }
        .with_programs(
            config.workers.clone().into_iter().collect(),
            config.programs.clone().into_iter().collect(),
        );
        let own = self.identities(&world, &paths);
        self.state(&world, &paths);
        self.clock(&world);
        let vault = self.vault(context, look, &world, &paths, &own);
        self.git(&world, &config, context);
        if let Err(trouble) = world.http.ready(&[]) {
            let remedy = trouble.remedy();
            self.say(
                Subject::Certificates,
                State::Weak,
                trouble.message,
                Some(remedy),
            );
        }
        if let Some(vault) = vault {
            self.runs(&world, &vault);
            self.plans(context, &config, &world, &vault);
        }
    }

    fn identities(&mut self, world: &World, paths: &Paths) -> Vec<String> {
        let mut own = Vec::new();
        for path in &paths.identities {
            let shown = match identity::is_key(path) {
                true => "the key in ROT_IDENTITY".to_owned(),
                false => path.display().to_string(),
            };
            match identity::load(world, path) {
                Ok(all) => {
                    own.extend(all.iter().filter_map(Identity::recipient));
                    self.good(Subject::Identity, shown);
                }
                Err(error) => self.error(Subject::Identity, &error),
            }
        }
        own
    }

    fn state(&mut self, world: &World, paths: &Paths) {
        let shown = paths.state.display();
        if let Err(error) = guard::check(world, paths) {
            return self.error(Subject::State, &error);
        }
        match world.fs.stat(&paths.state) {
            Ok(None) => self.good(Subject::State, format!("{shown}: made at the first use")),
            Ok(Some(stat)) if stat.kind != FileKind::Dir => self.say(
                Subject::State,
                State::Bad,
                format!("{shown} is no folder"),
                Some("name a folder: `--state DIR`, ROT_STATE, or `[state] dir` in rot.toml"),
            ),
            Ok(Some(_)) => match world.fs.storage(&paths.state) {
                Storage::Memory => self.say(
                    Subject::State,
                    State::Weak,
                    format!("{shown} is in memory: a restart forgets interrupted runs and what was seen of the vault"),
                    Some("keep it on a disk: `--state DIR`"),
                ),
                Storage::Network => self.say(
                    Subject::State,
                    State::Weak,
                    format!("{shown} is on the network, where locks may hold nothing"),
                    Some("keep it on a local disk: `--state DIR`"),
                ),
                Storage::Durable | Storage::Unknown => {
                    self.good(Subject::State, shown.to_string());
                }
            },
            Err(error) => self.say(
                Subject::State,
                State::Bad,
                format!("{shown} cannot be looked at ({})", crate::diagnostic::why(&error)),
                Some("mend the permissions of the folders above it"),
            ),
        }
    }

    fn clock(&mut self, world: &World) {
        let now = world.clock.now();
        let built: Option<jiff::Timestamp> = BUILT_AFTER.parse().ok();
        if built.is_some_and(|built| now < built) {
            let message = format!("the clock shows {now}, which is before this program was made");
            let remedy = "set the clock, and see to it that time is synchronised";
            return self.say(Subject::Clock, State::Bad, message, Some(remedy));
        }
        self.good(
            Subject::Clock,
            now.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        );
    }

    fn vault(
        &mut self,
        context: &Context,
        look: bool,
        world: &World,
        paths: &Paths,
        own: &[String],
    ) -> Option<Vault> {
        let opened = match look {
            true => Vault::open_read_only(world, paths),
            false => Vault::open(world, paths),
        };
        let mut vault = match opened {
            Ok(vault) => vault,
            Err(error) => {
                self.error(Subject::Vault, &error);
                return None;
            }
        };
        let shown = vault.path().display().to_string();
        let of = vault
            .doc()
            .environment()
            .map(|name| format!(", environment {name}"));
        self.good(
            Subject::Vault,
            format!(
                "{shown}{}, generation {}",
                of.unwrap_or_default(),
                vault.generation()
            ),
        );
        if let Err(error) = environment::agree(&vault, context.globals.environment.as_deref()) {
            self.error(Subject::Vault, &error);
        }
        if let Ok(Some(stat)) = world.fs.stat(vault.path())
            && stat.mode & 0o022 != 0
        {
            let message = format!(
                "others may write to {shown} (mode {:04o})",
                stat.mode & 0o7777
            );
            self.say(
                Subject::Vault,
                State::Weak,
                message,
                Some(&format!("chmod go-w {shown}")),
            );
        }
        if !look && let Err(error) = vault.hold_room() {
            self.error(Subject::Vault, &error);
        }
        let warnings: Vec<String> = vault.warnings().iter().map(|w| w.message.clone()).collect();
        for warning in warnings {
            let remedy = "`rot vault verify` prints generation and hash, to be compared with another machine's";
            self.say(Subject::Memory, State::Weak, warning, Some(remedy));
        }
        let now = world.clock.now();
        let ahead = vault.doc().secrets().filter(|(_, entry)| {
            let current = entry.current_version();
            current.is_some_and(|version| is_ahead(version.created_at, now))
        });
        let ahead: Vec<&str> = ahead.map(|(name, _)| name).collect();
        if !ahead.is_empty() {
            let message = format!("stored ahead of this clock: {}", ahead.join(", "));
            self.say(Subject::Clock, State::Weak, message, Some("compare the clocks of the machines that share the vault; `rot status` names what renews them"));
        }
        self.people(&vault, own);
        Some(vault)
    }

    fn people(&mut self, vault: &Vault, own: &[String]) {
        let listed = vault.doc().recipients().len();
        match vault.sealed_to() {
            Ok(Some(sealed)) if sealed != listed => self.say(
                Subject::People,
                State::Bad,
                format!("the file is sealed to {sealed} keys, and the vault lists {listed} recipients"),
                Some("`rot vault recipients` lists them; the next change seals it to those and nobody else"),
            ),
            _ if listed == 1 && own.len() == 1 => self.say(
                Subject::People,
                State::Weak,
                "only one identity opens the vault: losing it is losing the vault".to_owned(),
                Some("`rot vault recipients add KEY` lets a second one in"),
            ),
            _ => self.good(Subject::People, vault.doc().recipient_names().join(", ")),
        }
        let known = vault.doc().exposed().count();
        if known > 0 {
            let message = format!("somebody who was removed knows the value of {known} secrets");
            self.say(
                Subject::People,
                State::Weak,
                message,
                Some("`rot status` lists them, and what renews each"),
            );
        }
    }

    fn git(&mut self, world: &World, config: &Config, context: &Context) {
        let root = config.root.as_deref().unwrap_or(&context.cwd);
        let repository = root.ancestors().find(|dir| {
            let there = world.fs.stat(&dir.join(".git"));
            there.is_ok_and(|stat| stat.is_some())
        });
        let Some(repository) = repository else { return };
        let holds = |path: &Path, text: &str| {
            let bytes = world.fs.read(path, 1 << 20).unwrap_or_default();
            String::from_utf8_lossy(&bytes).contains(text)
        };
        let driver = holds(&repository.join(".git/config"), "[merge \"rot\"]");
        let attributes = holds(&root.join(".gitattributes"), "merge=rot");
        match driver && attributes {
            true => self.good(
                Subject::Git,
                "git merges and compares the vault by rot".to_owned(),
            ),
            false => self.say(
                Subject::Git,
                State::Weak,
                "git does not know how to merge this vault".to_owned(),
                Some("`rot vault git-setup`, once in each clone"),
            ),
        }
    }

    fn runs(&mut self, world: &World, vault: &Vault) {
        match crate::run::open_runs(world, vault) {
            Ok(open) if open.is_empty() => {}
            Ok(open)
                if open
                    .iter()
                    .all(|run| crate::run::under_way(world, vault, &run.rotation).is_some()) =>
            {
                let count = crate::report::findings::counted(open.len(), "run");
                self.good(Subject::Runs, format!("{count} under way"));
            }
            Ok(open) => self.say(
                Subject::Runs,
                State::Weak,
                format!(
                    "{} not over",
                    crate::report::findings::counted(open.len(), "run")
                ),
                Some("`rot status` says what each waits for"),
            ),
            Err(error) => self.error(Subject::Runs, &error),
        }
        for run in crate::run::elsewhere(world, vault).unwrap_or_default() {
            if run.place == Place::Gone && run.overtaken.is_none() {
                let message = format!(
                    "the journal of run {} of rotation `{}` is gone",
                    run.run_id, run.rotation
                );
                self.say(
                    Subject::Runs,
                    State::Bad,
                    message,
                    Some("`rot status` says what helps"),
                );
            }
        }
    }

    fn plans(&mut self, context: &Context, config: &Config, world: &World, vault: &Vault) {
        let Some(root) = &config.root else { return };
        let below = root.strip_prefix(&context.cwd).unwrap_or(root).to_owned();
        let paths: Vec<PathBuf> = run::files_below(&[&below]);
        let files = Files::read(&paths, config, vault, world.clock.now());
        for file in &files.broken {
            let shown = file.display();
            let remedy = format!("`rot check {shown}` says which");
            self.say(
                Subject::Plans,
                State::Bad,
                format!("{shown} has errors"),
                Some(&remedy),
            );
        }
        for (name, shared) in files.shared() {
            let shared: Vec<String> = shared.iter().map(|f| f.display().to_string()).collect();
            let message = format!(
                "{} have a rotation `{name}` each, and share its journal and its schedule",
                shared.join(" and ")
            );
            self.say(
                Subject::Plans,
                State::Bad,
                message,
                Some("give one of them another name"),
            );
        }
        let mut whole = 0;
        for path in &paths {
            let Ok(loaded) = super::load::file(path, config) else {
                continue;
            };
            let plan = &loaded.plan;
            let (certificates, unread) = run::read_certificates(plan, Some(path));
            for one in &unread {
                self.say(
                    Subject::Plans,
                    State::Bad,
                    one.message.clone(),
                    one.help.as_deref(),
                );
            }
            let pinned = crate::run::pin(plan, vault);
            let secrets = crate::run::secrets_at_start(plan, vault, &pinned);
            for rotation in plan
                .rotations
                .iter()
                .filter(|r| !r.imported && r.schedule.is_some())
            {
                let at_hand = AtHand {
                    world,
                    inputs: &|_| false,
                    variables: &|name| world.env.var(name).is_some(),
                    secrets: Some(&secrets),
                    certificates: &certificates,
                };
                let lacks = missing(plan, rotation, &at_hand);
                whole += usize::from(lacks.is_empty());
                for need in lacks {
                    let message = format!(
                        "rotation `{}` cannot run: {}",
                        rotation.name, need.diagnostic.message
                    );
                    self.say(
                        Subject::Plans,
                        State::Bad,
                        message,
                        need.diagnostic.help.as_deref(),
                    );
                }
            }
        }
        if whole > 0 {
            let message = format!(
                "{} with a schedule can run",
                crate::report::findings::counted(whole, "rotation")
            );
            self.good(Subject::Plans, message);
        }
    }
}

/// Nobody answers.
struct Silent(Arc<dyn Env>);

impl Env for Silent {
    fn var(&self, name: &str) -> Option<String> {
        self.0.var(name)
    }

    fn host(&self) -> Option<String> {
        self.0.host()
    }

    fn ask_secret(&self, _: &str) -> io::Result<Option<Zeroizing<String>>> {
        Ok(None)
    }
}
