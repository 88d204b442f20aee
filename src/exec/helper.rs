//! Our own program between `fork` and `exec`.
//!
//! A new session, a controlling terminal and a signal at the parent's death are set by the process itself, which std offers only
//! in `pre_exec`, with unsafe code. So `rot` starts itself once more, does it there, and becomes the child by `execve(2)`.
//! Neither stage gets a value as an argument; the environment is the child's already.

use crate::diagnostic::Failure;
use rustix::fs::Mode;
use rustix::process::{Pid, Signal};
use std::ffi::OsString;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// The argument that makes the program this helper.
pub const ARGUMENT: &str = "__exec";

/// Which stage, and what it must know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Becomes the command at once.
    Command,
    /// Becomes the command when its group is the terminal's foreground group.
    Foreground,
    /// Leads the session of a terminal of the child's own, starts the command in it and says how it fares on standard input,
    /// which is a socket: `P`, `T`, `C`, `E`, `K` with a number, a line each. A process group whose leader's parent is in another
    /// session cannot be stopped from its terminal (POSIX: orphaned), so job control needs this process.
    Monitor,
}

impl Stage {
    fn word(self) -> &'static str {
        match self {
            Stage::Command => "command",
            Stage::Foreground => "foreground",
            Stage::Monitor => "monitor",
        }
    }

    fn read(word: &str) -> Option<Self> {
        [Stage::Command, Stage::Foreground, Stage::Monitor]
            .into_iter()
            .find(|s| s.word() == word)
    }
}

/// The command line of a stage.
pub fn command(program: &std::path::Path, stage: Stage, umask: u32, job: &[OsString]) -> Command {
    #[allow(clippy::disallowed_methods)] // this room starts programs: it exists for that
    let mut command = Command::new(program);
    command
        .arg(ARGUMENT)
        .arg(stage.word())
        .arg(umask.to_string())
        .arg(std::process::id().to_string())
        .args(job);
    command
}

/// The helper itself: `arguments` are those behind [`ARGUMENT`].
pub fn serve(arguments: &[OsString]) -> u8 {
    let [stage, umask, parent, job @ ..] = arguments else {
        return Failure::Internal.exit_code();
    };
    let number = |text: &OsString| text.to_str().and_then(|t| t.parse::<u32>().ok());
    let (Some(stage), Some(umask), Some(parent)) = (
        stage.to_str().and_then(Stage::read),
        number(umask),
        number(parent),
    ) else {
        return Failure::Internal.exit_code();
    };
    match stage {
        Stage::Monitor => monitor(umask, job),
        Stage::Command | Stage::Foreground => become_command(stage, umask, parent, job),
    }
}

fn become_command(stage: Stage, umask: u32, parent: u32, job: &[OsString]) -> u8 {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
    // It may have died before the line above.
    let alive = rustix::process::getppid().map(|p| p.as_raw_nonzero().get().unsigned_abs());
    if alive != Some(parent) {
        return Failure::Internal.exit_code();
    }
    if stage == Stage::Foreground {
        let own = rustix::process::getpgrp();
        while rustix::termios::tcgetpgrp(std::io::stdin()).is_ok_and(|group| group != own) {
            #[allow(clippy::disallowed_methods)]
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    rustix::process::umask(Mode::from_bits_truncate(umask as _));
    let [program, arguments @ ..] = job else {
        return Failure::Internal.exit_code();
    };
    #[allow(clippy::disallowed_methods)]
    let error = Command::new(program).args(arguments).exec();
    match not_started(&error) {
        super::Ended::Code(code) => u8::try_from(code).unwrap_or(126),
        super::Ended::Signal(_) => 126,
    }
}

/// Says why a program could not be started; the codes are those of POSIX shells.
pub(super) fn not_started(error: &std::io::Error) -> super::Ended {
    let (code, why) = match error.kind() {
        std::io::ErrorKind::NotFound => (127, "it was not found"),
        std::io::ErrorKind::PermissionDenied => (126, "it may not be executed"),
        _ => (126, "the system cannot execute it"),
    };
    let _ = std::io::stderr()
        .write_all(format!("rot: the program could not be started: {why}\n").as_bytes());
    super::Ended::Code(code)
}

/// What happens to the monitor.
enum Event {
    /// The command stopped, went on, or ended.
    Changed(rustix::process::WaitStatus),
    /// Whoever started us is no more.
    Abandoned,
}

fn monitor(umask: u32, job: &[OsString]) -> u8 {
    let internal = Failure::Internal.exit_code();
    let _ = rustix::process::setsid();
    // Standard output is the child's terminal.
    if rustix::process::ioctl_tiocsctty(std::io::stdout()).is_err() {
        return internal;
    }
    let (Ok(program), Ok(terminal)) = (
        std::env::current_exe(),
        std::io::stdout().as_fd().try_clone_to_owned(),
    ) else {
        return internal;
    };
    let started = command(&program, Stage::Foreground, umask, job)
        .stdin(Stdio::from(terminal))
        .process_group(0)
        .spawn();
    let Ok(child) = started else { return internal };
    let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) else {
        return internal;
    };
    let _ = rustix::termios::tcsetpgrp(std::io::stdout(), pid);
    say('P', pid.as_raw_nonzero().get());
    let (send, events) = mpsc::channel();
    let gone = send.clone();
    let waiting = std::thread::Builder::new().spawn(move || {
        while let Some(status) = wait(Some(pid)) {
            let over = status.1.exited() || status.1.signaled();
            if send.send(Event::Changed(status.1)).is_err() || over {
                break;
            }
        }
    });
    let watching = std::thread::Builder::new().spawn(move || {
        let mut byte = [0u8; 1];
        while matches!(std::io::stdin().lock().read(&mut byte), Ok(n) if n > 0) {}
        let _ = gone.send(Event::Abandoned);
    });
    if waiting.is_err() || watching.is_err() {
        let _ = rustix::process::kill_process_group(pid, Signal::KILL);
        return internal;
    }
    for event in events {
        match event {
            Event::Abandoned => {
                let _ = rustix::process::kill_process_group(pid, Signal::HUP);
                let _ = rustix::process::kill_process_group(pid, Signal::KILL);
                return 0;
            }
            Event::Changed(status) => {
                if let Some(code) = status.exit_status() {
                    say('E', code);
                    return 0;
                }
                if let Some(signal) = status.terminating_signal() {
                    say('K', signal);
                    return 0;
                }
                if let Some(signal) = status.stopping_signal() {
                    say('T', signal);
                }
            }
        }
    }
    internal
}

/// A line for whoever started the monitor.
fn say(what: char, number: i32) {
    let _ = rustix::io::write(std::io::stdin(), format!("{what}{number}\n").as_bytes());
}

/// The next change of a child (`None`: of any), also its stopping.
pub(super) fn wait(pid: Option<Pid>) -> Option<(Pid, rustix::process::WaitStatus)> {
    use rustix::process::{WaitOptions, wait, waitpid};
    loop {
        // `waitpid` without a number means our own group, not any child.
        let found = match pid {
            Some(_) => waitpid(pid, WaitOptions::UNTRACED),
            None => wait(WaitOptions::UNTRACED),
        };
        match found {
            Ok(found) => return found,
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return None,
        }
    }
}

/// How a process ended, where `status` says that it did.
pub(super) fn ended(status: rustix::process::WaitStatus) -> Option<super::Ended> {
    status
        .exit_status()
        .map(super::Ended::Code)
        .or_else(|| status.terminating_signal().map(super::Ended::Signal))
}
