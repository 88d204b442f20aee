//! `rot serve`: what `rot run --due` does, again and again, in one process. It remembers nothing that the vault does not, so
//! that it and calls from cron can take over from each other at any time.
//!
//! The plans are those that were read last and checked as a whole. `SIGHUP` reads them anew: all of them, or with an error none.

use super::accept::accept;
use super::args::{ResultFormat, RunArgs, Selection, ServeArgs};
use super::config::Config;
use super::context::Context;
use super::{environment, load, paths, run, stop};
use crate::diagnostic::{Diagnostic, Error, Failure, Result, codes};
use crate::plan::Plan;
use crate::report::findings::counted;
use crate::report::visible;
use crate::run::due;
use crate::run::sweep;
use crate::source::SourceMap;
use crate::vault::Vault;
use crate::world::World;
use crate::world::fs::Lock;
use crate::world::notify;
use jiff::{SignedDuration, Timestamp};
use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A look at the clock at least so often: it may jump, and a machine may sleep.
const LOOK: Duration = Duration::from_secs(60);
/// First pause after a failure; doubled for each further one, up to an hour. It is a time at which to look again, and no sleep:
/// a file that was mended is run as soon as it was read again.
/// A look is not made more often than this, whatever is due.
const BREATH: Duration = Duration::from_secs(1);

/// What is written of what happens: a closed list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    /// Files are checked, the vault is open.
    Ready,
    /// Files were read anew.
    Reloaded,
    /// Files have errors: the old ones go on.
    ReloadFailed,
    /// What was due of a file is done.
    Ran,
    /// Something of a file failed; what, stands on standard error.
    Failed,
    /// Old credentials that were due are revoked.
    Revoked,
    /// The process was asked to end.
    Stopping,
}

impl Event {
    fn word(self) -> &'static str {
        match self {
            Event::Ready => "ready",
            Event::Reloaded => "reloaded",
            Event::ReloadFailed => "reload-failed",
            Event::Ran => "ran",
            Event::Failed => "failed",
            Event::Revoked => "revoked",
            Event::Stopping => "stopping",
        }
    }
}

/// The files as they were read last.
struct Files {
    config: Config,
    plans: Vec<(PathBuf, Plan, SourceMap)>,
}

/// The loop, with what it needs.
struct Server<'a> {
    args: &'a ServeArgs,
    context: &'a Context,
    world: World,
    socket: Option<String>,
    /// The service manager hears something at least so often.
    watchdog: Option<Duration>,
    /// Files of which something failed: how often, and when they are looked at again.
    pauses: RefCell<HashMap<PathBuf, (u32, Timestamp)>>,
}

/// Runs the command until it is asked to end.
pub fn run(args: &ServeArgs, context: &Context) -> Result<()> {
    let mut files = read(args, context)?;
    let world = environment::world(context, &files.config)?;
    let places = paths::resolve(context, &files.config, &world)?;
    let _alone = alone(&world, &places.paths.state)?;
    let vault = run::open_to_run(context, &world, &places)?;
    environment::agree_to_run(&vault, context.globals.environment.as_deref())?;
    drop(vault);
    stop::heed();
    stop::heed_reload();
    let var = |name: &str| world.env.var(name).filter(|text| !text.is_empty());
    let watchdog = var(notify::WATCHDOG).and_then(|text| text.parse().ok());
    let server = Server {
        args,
        context,
        socket: var(notify::SOCKET),
        watchdog: watchdog.map(|micros| Duration::from_micros(micros) / 2),
        pauses: RefCell::default(),
        world: world.clone(),
    };
    server.event(Event::Ready, None, &counted(files.plans.len(), "file"));
    server.notify("READY=1");
    let runtime = run::runtime()?;
    while !stop::asked() {
        if stop::take_reload() {
            server.reload(&mut files);
        }
        let next = server.look(&files);
        let now = world.clock.now();
        let until = next.map_or(LOOK, |at| {
            Duration::try_from(at.duration_since(now)).unwrap_or(BREATH)
        });
        server.notify(&status(next));
        let longest = server.watchdog.map_or(LOOK, |half| half.min(LOOK));
        let pause = until.clamp(BREATH, longest.max(BREATH));
        runtime.block_on(async {
            let woken = futures_util::future::select(
                Box::pin(stop::when_asked()),
                Box::pin(stop::when_reload()),
            );
            let slept = world.clock.sleep(pause);
            let _ = futures_util::future::select(woken, slept).await;
        });
    }
    server.notify("STOPPING=1");
    server.event(Event::Stopping, None, "what was begun is done");
    Ok(())
}

/// One process for a state folder.
fn alone(world: &World, state: &Path) -> Result<Box<dyn Lock>> {
    let path = state.join("serve.lock");
    let failed = |error: std::io::Error| {
        Error::plain(
            Failure::BeforeEffect,
            codes::STORAGE_FAILED,
            format!("`{}` could not be locked: {}", path.display(), error.kind()),
        )
        .help("look at the permissions of the state folder")
    };
    world.fs.create_dir(state, 0o700).map_err(failed)?;
    if let Some(mut lock) = world.fs.lock(&path, Duration::ZERO).map_err(failed)? {
        lock.describe(&format!(
            "process {} since {}\n",
            std::process::id(),
            world.clock.now()
        ));
        return Ok(lock);
    }
    let holder = world.fs.read(&path, 1024).unwrap_or_default();
    let holder = String::from_utf8_lossy(&holder).trim().to_owned();
    Err(Error::plain(
        Failure::Locked,
        codes::VAULT_LOCKED,
        "another `rot serve` is at work with this state folder",
    )
    .note(format!("held by {}", visible(&holder)))
    .help("stop it first; `rot run --due` beside it is fine"))
}

/// All files, checked; with an error none.
fn read(args: &ServeArgs, context: &Context) -> Result<Files> {
    let config = context.config()?;
    let named = run::named(&args.path, &config, context);
    let named: Vec<&Path> = named.iter().map(PathBuf::as_path).collect();
    let (paths, shared) = run::rotations(&named)?;
    if let Some((name, files)) = shared.first() {
        return Err(run::of_two_files(name, files));
    }
    let mut plans = Vec::with_capacity(paths.len());
    for path in paths {
        let loaded = load::file(&path, &config)?;
        let sources = loaded.sources.clone();
        let plan = accept(loaded, &config, context)?;
        run::certificates(&plan, Some(&path))?;
        plans.push((path, plan, sources));
    }
    Ok(Files { config, plans })
}

fn status(next: Option<Timestamp>) -> String {
    match next {
        Some(at) => format!("WATCHDOG=1\nSTATUS=next {at}"),
        None => "WATCHDOG=1\nSTATUS=nothing is scheduled".to_owned(),
    }
}

impl Server<'_> {
    /// One look: does what is due, and says when to look again.
    fn look(&self, files: &Files) -> Option<Timestamp> {
        match self.looked(files) {
            Ok(next) => next,
            Err(error) => {
                self.failed(None, &error);
                None
            }
        }
    }

    fn looked(&self, files: &Files) -> Result<Option<Timestamp>> {
        let now = self.world.clock.now();
        let waiting = self.waiting(files, now)?;
        if waiting.files.is_empty() && !waiting.revocations {
            return Ok(waiting.next);
        }
        for index in waiting.files {
            if stop::asked() {
                return Ok(None);
            }
            let Some((path, plan, sources)) = files.plans.get(index) else {
                continue;
            };
            self.notify("WATCHDOG=1");
            let args = due_of(path);
            self.context.adopt(sources);
            match run::planned(&args, plan, Some(path), self.context, &files.config) {
                Ok(()) => {
                    self.pauses.borrow_mut().remove(path);
                    self.event(Event::Ran, Some(path), "what was due is done");
                }
                // Another process was quicker, or a run waits for its next attempt.
                Err(error) if error.failure == Failure::NothingDue => self.pause(path),
                Err(error) => {
                    self.pause(path);
                    self.failed(Some(path), &error);
                }
            }
        }
        if waiting.revocations && !stop::asked() {
            let (world, vault) = self.open(&files.config)?;
            let vault = RefCell::new(vault);
            let swept = run::sweep(ResultFormat::Text, self.context, &world, &vault, None)?;
            if swept.revoked > 0 {
                let many = counted(swept.revoked, "old credential");
                self.event(Event::Revoked, None, &many);
            }
        }
        // What was done has a next time of its own.
        Ok(self.waiting(files, self.world.clock.now())?.next)
    }

    fn open(&self, config: &Config) -> Result<(World, Vault)> {
        let world = environment::world_to_run(self.context, config)?;
        let places = paths::resolve(self.context, config, &world)?;
        let vault = run::open_to_run(self.context, &world, &places)?;
        Ok((world, vault))
    }

    /// What the vault and the journals say, read once for all files.
    fn waiting(&self, files: &Files, now: Timestamp) -> Result<Waiting> {
        let (world, vault) = self.open(&files.config)?;
        let open = crate::run::open_runs(&world, &vault)?;
        let mut waiting = Waiting::default();
        for (index, (path, plan, _)) in files.plans.iter().enumerate() {
            let mut has = false;
            for rotation in plan.rotations.iter().filter(|r| !r.imported) {
                let past = due::past(&vault, rotation, now);
                let next = rotation.schedule.as_ref();
                let next = next.and_then(|_| due::next(&vault, rotation, &past, now));
                let begun = open.iter().find(|run| run.rotation == rotation.name);
                match (begun, next) {
                    (Some(run), _) if rotation.schedule.is_some() => {
                        has |= due::may_resume(run, now);
                    }
                    (None, Some(next)) if next.is_due(now) => has = true,
                    (None, Some(next)) => waiting.until(next.at),
                    _ => {}
                }
                // A schedule by the clock counts from the first look.
                has |= rotation.schedule.is_some()
                    && past.last_success.is_none()
                    && past.first_look.is_none();
            }
            for delivery in &plan.deliveries {
                for behind in vault.doc().behind(&delivery.secret) {
                    match behind.state.next_at.filter(|at| *at > now) {
                        Some(at) => waiting.until(at),
                        None => has = true,
                    }
                }
            }
            if has {
                let pauses = self.pauses.borrow();
                match pauses.get(path).filter(|(_, until)| *until > now) {
                    Some((_, until)) => waiting.until(*until),
                    None => waiting.files.push(index),
                }
            }
        }
        for due in sweep::list(vault.doc()) {
            match sweep::ready_at(vault.doc(), &due, now) {
                Ok(at) if at <= now && due.failures == 0 => waiting.revocations = true,
                Ok(at) if at > now => waiting.until(at),
                // One that failed is tried again with the next look that has something else to do, and each hour.
                Ok(_) => waiting.revocations |= now.as_second() % 3_600 < 60,
                Err(_) => {}
            }
        }
        Ok(waiting)
    }

    fn pause(&self, path: &Path) {
        let mut pauses = self.pauses.borrow_mut();
        let failures = pauses.get(path).map_or(0, |(failures, _)| *failures);
        let pause = crate::run::deliver::pause_after(failures);
        let now = self.world.clock.now();
        let until = now.checked_add(pause).unwrap_or(now);
        pauses.insert(path.to_owned(), (failures.saturating_add(1), until));
    }

    fn reload(&self, files: &mut Files) {
        match read(self.args, self.context) {
            Ok(new) => {
                *files = new;
                self.pauses.borrow_mut().clear();
                let many = counted(files.plans.len(), "file");
                self.event(Event::Reloaded, None, &many);
            }
            Err(error) => {
                self.context.complain(&error.diagnostics);
                let told = "the files as they were go on; send SIGHUP again when they are mended";
                self.event(Event::ReloadFailed, None, told);
            }
        }
    }

    fn failed(&self, path: Option<&Path>, error: &Error) {
        self.context.complain(&error.diagnostics);
        let code = error.failure.exit_code();
        let first: Option<&Diagnostic> = error.diagnostics.first();
        let what = first.map_or_else(String::new, |found| format!("{} ", found.code.id()));
        let text = format!("{what}(exit code {code}); `rot status` says what to do");
        self.event(Event::Failed, path, &text);
    }

    fn event(&self, event: Event, path: Option<&Path>, text: &str) {
        let file = path.map(|path| path.display().to_string());
        let file = file.map(|file| format!(" {}", visible(&file)));
        let file = file.unwrap_or_default();
        self.context
            .out
            .info(&format!("{}{file}: {text}", event.word()));
    }

    /// Where nobody listens, nobody is told.
    fn notify(&self, text: &str) {
        if let Some(socket) = &self.socket {
            let _ = notify::send(socket, text);
        }
    }
}

/// What there is to do.
#[derive(Default)]
struct Waiting {
    /// Files of which something is due.
    files: Vec<usize>,
    /// Revocations that are due.
    revocations: bool,
    /// When something is due next.
    next: Option<Timestamp>,
}

impl Waiting {
    fn until(&mut self, at: Timestamp) {
        // What lies beyond every calendar is never.
        let far = SignedDuration::from_hours(24 * 366 * 100);
        let soon = at.duration_since(Timestamp::UNIX_EPOCH) < far;
        if soon && self.next.is_none_or(|next| at < next) {
            self.next = Some(at);
        }
    }
}

fn due_of(path: &Path) -> RunArgs {
    RunArgs {
        selection: Selection {
            file: path.to_owned(),
            rotation: None,
            input: Vec::new(),
            input_file: None,
        },
        more: Vec::new(),
        due: true,
        report: ResultFormat::Text,
    }
}
