//! The loop that holds a child, its streams, signals and the vault together.

use super::child::{self, Change, Child, Stream, Surroundings, Tie};
use super::environment::passed_on;
use super::files::Files;
use super::pump;
use super::terminal::{Raw, Streams, size};
use super::{Ended, Given, Job, OnChange};
use crate::diagnostic::why;
use crate::diagnostic::{Error, Failure, Result, codes};
use crate::report::redact::Redactor;
use crate::vault::Secret;
use crate::world::World;
use rustix::fs::Mode;
use rustix::process::Pid;
use signal_hook::consts::{
    SIGCONT, SIGHUP, SIGINT, SIGKILL, SIGQUIT, SIGTERM, SIGTSTP, SIGUSR1, SIGUSR2, SIGWINCH,
};
use signal_hook::iterator::{Handle, Signals};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// How often the vault is looked at with `--watch`.
const LOOK: Duration = Duration::from_secs(2);
/// How long all output of a child that is over may take.
const DRAIN: Duration = Duration::from_secs(2);

/// New values for a child: what goes into variables, and what goes into files.
pub type Fresh = (Vec<Secret>, Vec<Secret>);

/// What this machine and process look like.
pub struct Place<'a> {
    /// Files and variables.
    pub world: &'a World,
    /// `rot` itself.
    pub program: PathBuf,
    /// The file mode mask that the child gets.
    pub umask: u32,
    /// Our own environment.
    pub environment: BTreeMap<OsString, OsString>,
}

/// What happens while a child runs.
enum Event {
    Signal(i32),
    Child(Pid, Change),
    Drained,
}

/// Runs a job to its end. `look` answers with new values when one that the child got was replaced; what cannot be read then
/// is looked at again later.
///
/// # Errors
/// Exit code 2 for names that are refused; 20 when files or the child cannot be made. How the child ends is no error.
pub fn run(
    mut job: Job,
    place: &Place<'_>,
    look: &mut dyn FnMut(&Job) -> Option<Fresh>,
) -> Result<Ended> {
    super::environment::prove(job.variables.iter(), true)?;
    super::environment::prove(job.variables.iter().chain(&job.files), false)?;
    if job.command.is_empty() {
        return Err(
            Error::plain(Failure::Usage, codes::USAGE, "no command is given")
                .help("it stands behind `--`: `rot exec --secret NAME -- env`"),
        );
    }
    if !job.mask && job.files.is_empty() && job.on_change.is_none() {
        return in_place(&job, place);
    }
    let (events, inbox) = channel();
    // Before the child is started: a signal that comes in between must not end us and leave it alone.
    let streams = Streams::of_this_process();
    let handle = listen(Tie::of(streams), &events)?;
    let raw = match Tie::of(streams) {
        Tie::OwnTerminal => Some(Raw::enter().map_err(|e| failed(&e))?),
        Tie::Shared | Tie::OwnGroup => None,
    };
    let mut supervisor = Supervisor {
        place,
        streams,
        raw,
        events,
        inbox,
        typed: None,
    };
    let ended = loop {
        match supervisor.once(&mut job, look)? {
            Next::Ended(ended) => break ended,
            Next::Again => {}
        }
    };
    handle.close();
    drop(supervisor);
    Ok(ended)
}

/// Nothing stands between: this process becomes the command.
fn in_place(job: &Job, place: &Place<'_>) -> Result<Ended> {
    let environment = environment(job, place, &Files::none());
    let [program, arguments @ ..] = job.command.as_slice() else {
        return Err(failed(&io::Error::from(io::ErrorKind::InvalidInput)));
    };
    let ours = rustix::process::umask(Mode::from_bits_truncate(place.umask as _));
    #[allow(clippy::disallowed_methods)] // this room starts programs: it exists for that
    let error = Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(environment)
        .exec();
    rustix::process::umask(ours);
    Ok(super::helper::not_started(&error))
}

enum Next {
    Ended(Ended),
    Again,
}

struct Supervisor<'a> {
    place: &'a Place<'a>,
    streams: Streams,
    raw: Option<Raw>,
    events: Sender<Event>,
    inbox: Receiver<Event>,
    /// Where what is typed goes, once it is copied.
    typed: Option<pump::Typed>,
}

impl Supervisor<'_> {
    /// One life of the child.
    fn once(&mut self, job: &mut Job, look: &mut dyn FnMut(&Job) -> Option<Fresh>) -> Result<Next> {
        let files = match (job.files.is_empty(), job.file_dir) {
            (true, _) => Files::none(),
            (false, false) => Files::in_memory(&job.files)?,
            (false, true) => Files::in_folder(&job.files, self.place.world)?,
        };
        let result = self.with_files(job, &files, look);
        files.remove(self.place.world);
        result
    }

    fn with_files(
        &mut self,
        job: &mut Job,
        files: &Files,
        look: &mut dyn FnMut(&Job) -> Option<Fresh>,
    ) -> Result<Next> {
        let environment = environment(job, self.place, files);
        let around = Surroundings {
            program: &self.place.program,
            umask: self.place.umask,
            environment: &environment,
            streams: self.streams,
            raw: self.raw.as_ref(),
        };
        let events = self.events.clone();
        let mut child = child::start(job, &around, move |pid, change| {
            let _ = events.send(Event::Child(pid, change));
        })
        .map_err(|e| failed(&e))?;
        let over = Arc::new(AtomicBool::new(false));
        let open = self.copy_streams(job, &mut child, &over)?;
        let (next, open) = self.follow(job, &child, files, look, open)?;
        over.store(true, Ordering::Release);
        self.drain(open);
        Ok(next)
    }

    /// Until the child is over, for whatever reason.
    fn follow(
        &mut self,
        job: &mut Job,
        child: &Child,
        files: &Files,
        look: &mut dyn FnMut(&Job) -> Option<Fresh>,
        mut open: usize,
    ) -> Result<(Next, usize)> {
        let clock = &self.place.world.clock;
        let mut restarting = false;
        let mut kill_at = None;
        loop {
            let wait = if kill_at.is_some() {
                Duration::from_millis(50)
            } else {
                LOOK
            };
            match self.inbox.recv_timeout(wait) {
                Ok(Event::Signal(signal)) => self.pass_on(child, signal),
                Ok(Event::Drained) => open = open.saturating_sub(1),
                Ok(Event::Child(pid, _)) if pid != child.pid() => {}
                Ok(Event::Child(_, Change::Stopped(signal))) => self.stop_with(child, signal),
                Ok(Event::Child(_, Change::Ended(ended))) => {
                    let next = if restarting {
                        Next::Again
                    } else {
                        Next::Ended(ended)
                    };
                    return Ok((next, open));
                }
                Err(RecvTimeoutError::Timeout) => {
                    if kill_at.is_some_and(|at| clock.monotonic() >= at) {
                        child.signal(SIGKILL);
                        kill_at = None;
                    }
                    let Some(on_change) = job.on_change.filter(|_| !restarting) else {
                        continue;
                    };
                    let Some((variables, in_files)) = look(job) else {
                        continue;
                    };
                    replace(&mut job.variables, variables);
                    replace(&mut job.files, in_files);
                    match on_change {
                        OnChange::Signal(signal) => {
                            files.write(&job.files, self.place.world)?;
                            child.signal(signal);
                        }
                        OnChange::Restart => {
                            restarting = true;
                            kill_at = Some(clock.monotonic() + job.stop_timeout);
                            child.signal(SIGTERM);
                            child.signal(SIGCONT);
                        }
                    }
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(failed(&io::Error::other("the child was lost")));
                }
            }
        }
    }

    fn copy_streams(
        &mut self,
        job: &Job,
        child: &mut Child,
        over: &Arc<AtomicBool>,
    ) -> Result<usize> {
        let redactor = Redactor::new();
        for given in job.variables.iter().chain(&job.files).filter(|_| job.mask) {
            redactor.register(&given.value);
        }
        let mut open = 0;
        for (stream, source) in std::mem::take(&mut child.outputs) {
            let sink = match stream {
                Stream::Output => io::stdout().as_fd().try_clone_to_owned(),
                Stream::Error => io::stderr().as_fd().try_clone_to_owned(),
            };
            let done = self.events.clone();
            sink.and_then(|sink| {
                pump::start(
                    source,
                    sink,
                    redactor.clone(),
                    Arc::clone(over),
                    move || {
                        let _ = done.send(Event::Drained);
                    },
                )
            })
            .map_err(|e| failed(&e))?;
            open += 1;
        }
        if let Some(master) = &child.master {
            let master = master.try_clone().map_err(|e| failed(&e))?;
            match &self.typed {
                Some(typed) => typed.lead_to(master),
                None => self.typed = Some(pump::Typed::start(master).map_err(|e| failed(&e))?),
            }
        }
        Ok(open)
    }

    /// A signal that we got is the child's too, but for those that it got itself from a terminal that it shares with us.
    fn pass_on(&self, child: &Child, signal: i32) {
        match (signal, child.tie()) {
            (SIGWINCH, _) => {
                if let (Some(master), Some(size)) = (&child.master, size()) {
                    let _ = rustix::termios::tcsetwinsize(master, size);
                }
                if child.tie() == Tie::OwnGroup {
                    child.signal(signal);
                }
            }
            (SIGINT | SIGQUIT, Tie::Shared) => {}
            (SIGTSTP, Tie::OwnGroup) => self.stop_with(child, signal),
            _ => child.signal(signal),
        }
    }

    /// Stops this process as the child was stopped, and goes on with it.
    fn stop_with(&self, child: &Child, signal: i32) {
        if child.tie() == Tie::OwnGroup {
            child.signal(signal);
        }
        if let Some(raw) = &self.raw {
            raw.leave();
        }
        let _ = signal_hook::low_level::emulate_default_handler(SIGTSTP);
        if let Some(raw) = &self.raw {
            let _ = raw.again();
            if let (Some(master), Some(size)) = (&child.master, size()) {
                let _ = rustix::termios::tcsetwinsize(master, size);
            }
        }
        child.signal(SIGCONT);
    }

    fn drain(&self, mut open: usize) {
        let clock = &self.place.world.clock;
        let until = clock.monotonic() + DRAIN;
        while open > 0 {
            let left = until.saturating_sub(clock.monotonic());
            match self.inbox.recv_timeout(left) {
                Ok(Event::Drained) => open -= 1,
                Ok(_) => {}
                Err(_) => return,
            }
        }
    }
}

fn replace(given: &mut [Given], fresh: Vec<Secret>) {
    for (given, value) in given.iter_mut().zip(fresh) {
        given.value = value;
    }
}

/// What the child gets: ours without what is for `rot` alone, and what it was given.
fn environment(job: &Job, place: &Place<'_>, files: &Files) -> BTreeMap<OsString, OsString> {
    use std::os::unix::ffi::OsStringExt;
    let own = place.environment.clone().into_iter();
    let mut all = passed_on(own, job.pure.as_deref());
    for given in &job.variables {
        let value = OsString::from_vec(given.value.expose().to_vec());
        all.insert(given.variable.clone().into(), value);
    }
    for (variable, path) in &files.paths {
        all.insert(variable.into(), path.into());
    }
    all
}

/// Hands signals to the loop. Those that stop programs are left to the system where the terminal sends them to both.
fn listen(tie: Tie, events: &Sender<Event>) -> Result<Handle> {
    let mut wanted = vec![SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH];
    if tie == Tie::OwnGroup {
        wanted.extend([SIGTSTP, SIGCONT]);
    }
    let mut signals = Signals::new(wanted).map_err(|e| failed(&e))?;
    let handle = signals.handle();
    let events = events.clone();
    std::thread::Builder::new()
        .spawn(move || {
            for signal in signals.forever() {
                if events.send(Event::Signal(signal)).is_err() {
                    return;
                }
            }
        })
        .map_err(|e| failed(&e))?;
    Ok(handle)
}

fn failed(error: &io::Error) -> Error {
    Error::plain(
        Failure::BeforeEffect,
        codes::STORAGE_FAILED,
        format!("the command could not be started: {}", why(error)),
    )
}
