//! The child: started on pipes or on a terminal of its own, signalled, waited for.

use super::helper::{self, Stage};
use super::terminal::{Raw, Streams};
use super::{Ended, Job};
use rustix::process::{Pid, Signal};
use rustix::termios::{OptionalActions, OutputModes, tcgetattr, tcsetattr, tcsetwinsize};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, BufRead, BufReader};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Stdio;

/// How the child is tied to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tie {
    /// It has a terminal of its own, in front of ours.
    OwnTerminal,
    /// It shares our process group, because it reads from our terminal: what is typed there to end programs reaches both.
    Shared,
    /// It leads a group of its own.
    OwnGroup,
}

impl Tie {
    /// A terminal on both sides is given one between them; where standard input alone is one, it stays the child's.
    pub fn of(streams: Streams) -> Self {
        match (streams.input, streams.output) {
            (true, true) => Tie::OwnTerminal,
            (true, false) => Tie::Shared,
            (false, _) => Tie::OwnGroup,
        }
    }
}

/// Which of our streams an output goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Output,
    /// Standard error.
    Error,
}

/// What became of a child.
pub enum Change {
    /// It was stopped by this signal, from its own terminal.
    Stopped(i32),
    /// It is over.
    Ended(Ended),
}

/// A running child.
pub struct Child {
    tie: Tie,
    /// The command itself: leader of its group but with [`Tie::Shared`].
    pid: Pid,
    /// What it writes, until somebody takes it.
    pub outputs: Vec<(Stream, OwnedFd)>,
    /// Our side of its terminal.
    pub master: Option<OwnedFd>,
    /// Its monitor ends it when this closes.
    _control: Option<UnixStream>,
}

/// What starting a child takes beside the job.
pub struct Surroundings<'a> {
    /// `rot` itself, which is the helper.
    pub program: &'a Path,
    /// The file mode mask of the child.
    pub umask: u32,
    /// All of its variables.
    pub environment: &'a BTreeMap<OsString, OsString>,
    /// What our own streams are.
    pub streams: Streams,
    /// The modes of the terminal outside, where there is one on both sides.
    pub raw: Option<&'a Raw>,
}

/// Starts a child. `changes` hears of it from a thread of its own, once or more.
///
/// # Errors
/// What the system says when it has no process, pipe or terminal left.
pub fn start(
    job: &Job,
    around: &Surroundings<'_>,
    changes: impl Fn(Pid, Change) + Send + 'static,
) -> io::Result<Child> {
    match Tie::of(around.streams) {
        Tie::OwnTerminal => on_terminal(job, around, changes),
        tie => on_pipes(job, around, tie, changes),
    }
}

fn on_pipes(
    job: &Job,
    around: &Surroundings<'_>,
    tie: Tie,
    changes: impl Fn(Pid, Change) + Send + 'static,
) -> io::Result<Child> {
    let mut command = helper::command(around.program, Stage::Command, around.umask, &job.command);
    command.env_clear().envs(around.environment);
    let mut outputs = Vec::new();
    if job.mask {
        let (ours, theirs) = output(around.streams.output)?;
        command.stdout(Stdio::from(theirs));
        outputs.push((Stream::Output, ours));
        let (ours, theirs) = output(around.streams.error)?;
        command.stderr(Stdio::from(theirs));
        outputs.push((Stream::Error, ours));
    }
    if tie == Tie::OwnGroup {
        command.process_group(0);
    }
    let pid = pid_of(command.spawn()?.id())?;
    // The command holds our copies of the far ends until it is dropped: without that no output would ever end.
    drop(command);
    std::thread::Builder::new().spawn(move || {
        // Any process: as process 1 of a container orphans are ours to bury.
        while let Some((who, status)) = helper::wait(None) {
            if who != pid {
                continue;
            }
            if let Some(ended) = helper::ended(status) {
                changes(pid, Change::Ended(ended));
                break;
            }
        }
    })?;
    Ok(Child {
        tie,
        pid,
        outputs,
        master: None,
        _control: None,
    })
}

fn on_terminal(
    job: &Job,
    around: &Surroundings<'_>,
    changes: impl Fn(Pid, Change) + Send + 'static,
) -> io::Result<Child> {
    let (master, slave) = crate::world::platform::pseudo_terminal()?;
    if let Some(raw) = around.raw {
        let _ = tcsetattr(&slave, OptionalActions::Now, raw.before());
    }
    if let Some(size) = super::terminal::size() {
        let _ = tcsetwinsize(&slave, size);
    }
    let (ours, theirs) = UnixStream::pair()?;
    let mut command = helper::command(around.program, Stage::Monitor, around.umask, &job.command);
    command
        .env_clear()
        .envs(around.environment)
        .stdin(Stdio::from(OwnedFd::from(theirs)));
    let mut outputs = vec![(Stream::Output, master.try_clone()?)];
    if around.streams.error {
        command.stderr(Stdio::from(slave.try_clone()?));
    } else {
        let (ours, theirs) = output(false)?;
        command.stderr(Stdio::from(theirs));
        outputs.push((Stream::Error, ours));
    }
    command.stdout(Stdio::from(slave));
    let monitor = pid_of(command.spawn()?.id())?;
    drop(command);
    let mut lines = BufReader::new(ours.try_clone()?).lines();
    let pid = match lines.next().transpose()?.as_deref().and_then(message) {
        Some(('P', number)) => Pid::from_raw(number),
        _ => None,
    };
    let Some(pid) = pid else {
        let _ = helper::wait(Some(monitor));
        return Err(io::Error::other("the child's terminal could not be set up"));
    };
    std::thread::Builder::new().spawn(move || {
        let mut known = false;
        for line in lines.map_while(Result::ok) {
            let change = match message(&line) {
                Some(('E', code)) => Change::Ended(Ended::Code(code)),
                Some(('K', signal)) => Change::Ended(Ended::Signal(signal)),
                Some(('T', signal)) => Change::Stopped(signal),
                _ => continue,
            };
            known = matches!(change, Change::Ended(_));
            changes(pid, change);
        }
        let status = helper::wait(Some(monitor)).and_then(|(_, status)| helper::ended(status));
        if !known {
            // The monitor was killed, and the command with it.
            let ended = status.unwrap_or(Ended::Signal(Signal::KILL.as_raw()));
            changes(pid, Change::Ended(ended));
        }
    })?;
    Ok(Child {
        tie: Tie::OwnTerminal,
        pid,
        outputs,
        master: Some(master),
        _control: Some(ours),
    })
}

impl Child {
    /// The command's process.
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// How it is tied to us.
    pub fn tie(&self) -> Tie {
        self.tie
    }

    /// Sends a signal: to the whole group, so that what the command started gets it too; to the command alone where the group is
    /// ours.
    pub fn signal(&self, signal: i32) {
        let Some(signal) = Signal::from_named_raw(signal) else {
            return;
        };
        let _ = match self.tie {
            Tie::Shared => rustix::process::kill_process(self.pid, signal),
            Tie::OwnGroup | Tie::OwnTerminal => {
                rustix::process::kill_process_group(self.pid, signal)
            }
        };
    }
}

fn message(line: &str) -> Option<(char, i32)> {
    let mut chars = line.chars();
    let what = chars.next()?;
    Some((what, chars.as_str().parse().ok()?))
}

/// A pipe, or a terminal that nobody controls where the stream outside is one: colours and line buffering stay.
fn output(terminal: bool) -> io::Result<(OwnedFd, OwnedFd)> {
    if terminal && let Ok((master, slave)) = crate::world::platform::pseudo_terminal() {
        if let Some(size) = super::terminal::size() {
            let _ = tcsetwinsize(&slave, size);
        }
        // The terminal outside adds the carriage returns.
        if let Ok(mut modes) = tcgetattr(&slave) {
            modes.output_modes = OutputModes::empty();
            let _ = tcsetattr(&slave, OptionalActions::Now, &modes);
        }
        return Ok((master, slave));
    }
    let (reader, writer) = io::pipe()?;
    Ok((reader.into(), writer.into()))
}

fn pid_of(number: u32) -> io::Result<Pid> {
    i32::try_from(number)
        .ok()
        .and_then(Pid::from_raw)
        .ok_or_else(|| io::Error::other("the system gave a process no number"))
}
