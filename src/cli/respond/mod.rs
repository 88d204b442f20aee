//! `rot respond`: a scanner has found secrets somewhere. Which of them are in the vault, what replaces each, and, with `--run`,
//! rotates them now and revokes without grace.

mod compare;
mod report;

use super::accept::accept;
use super::args::{RespondArgs, ResultFormat};
use super::config::Config;
use super::context::Context;
use super::status::files::Files;
use super::watch::Watch;
use super::{environment, files, load, paths, run, stop};
use crate::diagnostic::{Diagnostic, Error, Failure, Result, codes};
use crate::plan::task::Step;
use crate::plan::{Plan, Task, document};
use crate::report::findings::counted;
use crate::report::visible;
use crate::run::sweep;
use crate::run::{Job, sweep_due};
use crate::vault::{Document, State, Vault};
use crate::world::World;
use compare::{Compared, Leaked, compare, masker};
use report::{Finding, Place};
use serde::Serialize;
use serde_json::json;
use std::cell::RefCell;
use std::path::{Path, PathBuf};

/// A leaked version, what is known of it and what was done.
#[derive(Serialize)]
struct Case {
    secret: String,
    version: String,
    fields: Vec<String>,
    state: &'static str,
    places: Vec<Place>,
    /// The file and the rotation that replace it.
    file: Option<String>,
    rotation: Option<String>,
    /// Where the new one is delivered.
    targets: Vec<Target>,
    /// What became of it.
    outcome: Outcome,
    /// What to do now, if anything.
    next: Option<String>,
}

#[derive(Serialize)]
struct Target {
    name: String,
    place: String,
    arrived: bool,
}

/// What became of a leaked version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Outcome {
    /// It is revoked.
    Revoked,
    /// It is in use.
    InUse,
    /// It is not in use any more, and not revoked.
    Alive,
}

impl Outcome {
    fn of(state: State) -> Self {
        match state {
            State::Revoked => Outcome::Revoked,
            State::Current | State::Pending => Outcome::InUse,
            State::Previous | State::Retired | State::Failed => Outcome::Alive,
        }
    }

    fn explain(self) -> &'static str {
        match self {
            Outcome::Revoked => "revoked",
            Outcome::InUse => "in use",
            Outcome::Alive => "not in use, and not revoked",
        }
    }
}

/// Runs the command.
pub fn run(args: &RespondArgs, context: &Context) -> Result<()> {
    let mut findings: Vec<Finding> = Vec::new();
    for path in &args.reports {
        let read = match path.as_os_str() == "-" {
            true => files::read_stdin(),
            false => files::read_text(path),
        };
        let shown = path.display().to_string();
        let text = read.map_err(|problem| {
            let message = format!("cannot read `{shown}`: {}", problem.why);
            Error::plain(Failure::Usage, codes::UNREADABLE_INPUT, message)
                .help("name the report of a scanner, or `-` for standard input")
        })?;
        findings.extend(report::read(&shown, &zeroize::Zeroizing::new(text))?);
    }
    let config = context.config()?;
    let world = environment::world_to_run(context, &config)?;
    let places = paths::resolve(context, &config, &world)?;
    let vault = RefCell::new(match args.run {
        true => run::open_to_run(context, &world, &places)?,
        false => run::open(context, &world, &places)?,
    });
    let Compared {
        leaked,
        unmatched,
        blank,
    } = compare(vault.borrow().doc(), &findings);
    // What a scanner writes beside a secret may hold it too: the name of a file, a link.
    let masker = masker(vault.borrow().doc(), &findings);
    let shown = |place: Place| place.map(|text| masker.redact(&text).into_owned());
    let blank: Vec<Place> = blank.into_iter().map(shown).collect();
    let paths = below(args, context, &config);
    let known = Files::read(&paths, &config, &vault.borrow(), world.clock.now());
    let mut failed: Vec<Diagnostic> = Vec::new();
    if args.run {
        environment::agree_to_run(&vault.borrow(), context.globals.environment.as_deref())?;
        stop::heed();
        let act = Act {
            args,
            context,
            config: &config,
            world: &world,
            vault: &vault,
            lock_wait: places.paths.lock_wait,
        };
        failed = act.all(&leaked, &known)?;
    }
    let vault = vault.borrow();
    let cases: Vec<Case> = leaked
        .into_iter()
        .map(|mut one| {
            one.places = one.places.into_iter().map(shown).collect();
            case(vault.doc(), one, &known, args.run)
        })
        .collect();
    match args.report {
        ResultFormat::Json => {
            let document = json!({
                "schema": "rot.respond/v1",
                "at": world.clock.now(),
                "findings": findings.len(),
                "unmatched": unmatched,
                "uncompared": blank,
                "secrets": cases,
            });
            let text = serde_json::to_string_pretty(&document).unwrap_or_default();
            context.out.stdout(&format!("{text}\n"));
        }
        ResultFormat::Text => {
            cases.iter().for_each(|case| tell(context, case));
            tell_blank(context, &blank);
        }
    }
    context.out.info(&format!(
        "{}: {} of this vault, {unmatched} of no secret in it{}",
        counted(findings.len(), "finding"),
        counted(cases.len(), "version"),
        match blank.len() {
            0 => String::new(),
            some => format!(", {some} that cannot be compared"),
        },
    ));
    context.complain(&failed);
    let end = |failure| {
        Err(Error {
            failure,
            diagnostics: Vec::new(),
        })
    };
    match cases.iter().all(|case| case.outcome == Outcome::Revoked) {
        true if blank.is_empty() => Ok(()),
        // Nobody knows what these are: no call changes that, but another report.
        true => end(Failure::Findings),
        false if args.run => end(Failure::Unrevoked),
        false => end(Failure::Findings),
    }
}

/// The files in which rotations are looked for.
fn below(args: &RespondArgs, context: &Context, config: &Config) -> Vec<PathBuf> {
    let named = run::named(&args.path, config, context);
    let named: Vec<&Path> = named.iter().map(PathBuf::as_path).collect();
    run::files_below(&named)
}

/// What is done about what was found.
struct Act<'a> {
    args: &'a RespondArgs,
    context: &'a Context,
    config: &'a Config,
    world: &'a World,
    vault: &'a RefCell<Vault>,
    lock_wait: std::time::Duration,
}

impl Act<'_> {
    /// Rotates what is in use, each rotation once, and revokes what is not. What fails is told, and holds nothing up.
    fn all(&self, leaked: &[Leaked], known: &Files) -> Result<Vec<Diagnostic>> {
        let mut failed = Vec::new();
        let mut done: Vec<(PathBuf, String)> = Vec::new();
        for one in leaked {
            if stop::asked() {
                break;
            }
            if outcome(self.vault.borrow().doc(), one) != Outcome::InUse {
                continue;
            }
            let Some((file, rotation)) = known.maker(&one.secret) else {
                continue;
            };
            let key = (file.to_owned(), rotation.to_owned());
            if !done.contains(&key) {
                if let Err(error) = self.rotate(file, rotation) {
                    failed.extend(error.diagnostics);
                }
                done.push(key);
            }
        }
        let now = self.world.clock.now();
        let scheduled = |doc: &Document, one: &Leaked| {
            let all = sweep::list(doc).into_iter();
            all.filter(|due| due.secret == one.secret && due.version == one.version)
                .any(|due| due.due_at > now || due.grace.is_some())
        };
        if leaked
            .iter()
            .any(|one| scheduled(self.vault.borrow().doc(), one))
        {
            self.vault.borrow_mut().commit(|doc| {
                for one in leaked {
                    sweep::without_grace(doc, &one.secret, &one.version, now);
                }
                Ok(())
            })?;
        }
        let watch = Watch::new(
            &self.context.out,
            None,
            self.args.report == ResultFormat::Text,
        );
        let swept = run::runtime()?.block_on(sweep_due(self.world, self.vault, None, &watch))?;
        failed.extend(swept.trouble.into_iter().map(run::not_revoked));
        Ok(failed)
    }

    /// One rotation, now, its revocations without grace.
    fn rotate(&self, path: &Path, rotation: &str) -> Result<()> {
        let loaded = load::file(path, self.config)?;
        let mut plan = accept(loaded, self.config, self.context)?;
        without_grace(&mut plan);
        let rotation = load::choose(&plan, Some(rotation))?;
        let document = document::encode(&plan);
        let job = Job {
            plan: &plan,
            rotation,
            document: &document,
            inputs: Vec::new(),
            scheduled_at: None,
            source: Some(self.context.cwd.join(path).display().to_string()),
            certificates: run::certificates(&plan, Some(path))?,
            lock_wait: self.lock_wait,
        };
        let lines = self.args.report == ResultFormat::Text;
        let watch = Watch::new(&self.context.out, Some(&plan), lines);
        let ran = crate::run::run(self.world, self.vault, &job, &watch);
        run::runtime()?.block_on(ran).map(drop)
    }
}

/// Nobody waits for readers of a credential that others have.
fn without_grace(plan: &mut Plan) {
    fn steps(all: &mut [Step]) {
        for step in all {
            if let Task::Revoke(revoke) = &mut step.task {
                revoke.after = None;
            }
            for block in step.task.blocks_mut() {
                steps(block);
            }
        }
    }
    for rotation in &mut plan.rotations {
        steps(&mut rotation.steps);
    }
}

fn outcome(doc: &Document, one: &Leaked) -> Outcome {
    let entry = doc.get(&one.secret);
    let version = entry.and_then(|entry| entry.version(&one.version));
    version.map_or(Outcome::Alive, |version| Outcome::of(version.state))
}

fn case(doc: &Document, one: Leaked, known: &Files, ran: bool) -> Case {
    let outcome = outcome(doc, &one);
    let maker = known.maker(&one.secret);
    let file = maker.map(|(file, _)| file.display().to_string());
    let rotation = maker.map(|(_, rotation)| rotation.to_owned());
    let behind = doc.behind(&one.secret);
    let targets: Vec<Target> = doc
        .targets(&one.secret)
        .into_iter()
        .map(|(name, registered)| Target {
            arrived: !behind.iter().any(|b| b.target == name),
            place: registered.shown.replace('`', ""),
            name,
        })
        .collect();
    let waits = targets.iter().any(|target| !target.arrived);
    let secret = &one.secret;
    let next = match (outcome, &rotation) {
        (Outcome::Revoked, _) => None,
        (Outcome::InUse, Some(_)) if !ran => Some("the same with `--run` rotates it now".to_owned()),
        (Outcome::InUse, Some(rotation)) => Some(format!(
            "rotation `{rotation}` did not replace it: `rot status` says what is the matter"
        )),
        (Outcome::InUse, None) if !known.broken.is_empty() => Some(format!(
            "what makes it may stand in a file that has errors: mend it by `rot check {}`, then the same again",
            known
                .broken
                .iter()
                .map(|path| path.display().to_string())
                .collect::<Vec<_>>()
                .join(" ")
        )),
        (Outcome::InUse, None) => Some(format!(
            "no rotation of these files makes it: replace it at its issuer, then `rot vault set {secret}`"
        )),
        (Outcome::Alive, _) if waits => Some(format!(
            "it is revoked once every target has the new one: `rot deliver {secret}`"
        )),
        (Outcome::Alive, _) if sweep::list(doc).iter().any(|due| due.secret == *secret && due.version == one.version) => {
            Some(match ran {
                true => "its revocation failed: `rot status` says why, and every `rot run` tries it again".to_owned(),
                false => "its revocation is scheduled: the same with `--run` makes it now".to_owned(),
            })
        }
        (Outcome::Alive, _) => Some(format!(
            "revoke it at its issuer, then `rot vault revoked {secret} {}`",
            one.version
        )),
    };
    let entry = doc.get(secret);
    let version = entry.and_then(|entry| entry.version(&one.version));
    Case {
        state: version.map_or("gone", |version| version.state.as_str()),
        secret: one.secret,
        version: one.version,
        fields: one.fields,
        places: one.places,
        file,
        rotation,
        targets,
        outcome,
        next,
    }
}

/// Where the findings were that cannot be compared.
fn tell_blank(context: &Context, blank: &[Place]) {
    if blank.is_empty() {
        return;
    }
    let mut text = "cannot be compared: the report does not say what was found\n".to_owned();
    for place in blank {
        text.push_str(&format!("  found in {}\n", visible(&place.describe())));
    }
    text.push_str("  → let the scanner write it: gitleaks without `--redact`, SARIF with snippets, alerts without `hide_secret`\n");
    context.out.stdout(&text);
}

fn tell(context: &Context, case: &Case) {
    let fields = match case.fields.is_empty() {
        true => String::new(),
        false => format!(" ({})", case.fields.join(", ")),
    };
    let mut text = format!(
        "{}{}  version {}: {}\n",
        visible(&case.secret),
        visible(&fields),
        case.version,
        case.outcome.explain()
    );
    for place in &case.places {
        text.push_str(&format!("  found in {}\n", visible(&place.describe())));
    }
    if let (Some(file), Some(rotation)) = (&case.file, &case.rotation) {
        text.push_str(&format!(
            "  rotation `{}` in {} replaces it\n",
            visible(rotation),
            visible(file)
        ));
    }
    for target in &case.targets {
        let arrived = match target.arrived {
            true => "has the current version",
            false => "lacks the current version",
        };
        text.push_str(&format!(
            "  target {} ({}) {arrived}\n",
            visible(&target.name),
            visible(&target.place)
        ));
    }
    if let Some(next) = &case.next {
        text.push_str(&format!("  → {}\n", visible(next)));
    }
    context.out.stdout(&text);
}
