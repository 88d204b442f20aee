//! Local programs that the settings of this machine declare: as workers, which get JSON on standard input and write JSON on
//! standard output, and for `exec`. No shell, no environment but what is given, a bound on time and output. What a program
//! writes to standard error is dropped: it may quote its input.

use super::BoxFuture;
use super::http::{Attempt, Response, Trouble as Cause, TroubleKind};
use rustix::process::{Pid, Signal, kill_process_group};
use std::collections::HashMap;
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use zeroize::Zeroizing;

/// The longest output.
const MAX_OUTPUT: usize = 8 << 20;

/// Local programs.
pub trait Process: Send + Sync {
    /// Whether a worker is declared.
    fn knows(&self, worker: &str) -> bool;
    /// Whether its program is there and can be started.
    fn ready(&self, worker: &str) -> Readiness {
        match self.knows(worker) {
            true => Readiness::Ready,
            false => Readiness::Undeclared,
        }
    }
    /// Runs it to its end.
    fn call<'a>(
        &'a self,
        worker: &'a str,
        input: &'a [u8],
        timeout: Duration,
    ) -> BoxFuture<'a, Result<Zeroizing<Vec<u8>>, Trouble>>;

    /// Whether a program of `exec` is declared, is there and can be started.
    fn ready_program(&self, program: &str) -> Readiness {
        let _unknown = program;
        Readiness::Undeclared
    }

    /// Runs a program of `exec` to its end. The answer's status is its exit code, the body its output.
    fn start<'a>(&'a self, start: &'a Start) -> BoxFuture<'a, Attempt> {
        Box::pin(async move { Attempt::NotSent(undeclared(&start.program)) })
    }
}

/// What stands in an argument where the path of the file in memory goes: no argument can hold it otherwise.
pub const PATH: &str = "\0";

/// How a program of `exec` is started.
pub struct Start {
    /// The name that the settings know.
    pub program: String,
    /// Arguments behind those of the settings.
    pub arguments: Vec<String>,
    /// All of its environment.
    pub environment: Vec<(String, Zeroizing<String>)>,
    /// What it reads on standard input.
    pub stdin: Option<Zeroizing<Vec<u8>>>,
    /// What stands in the file in memory.
    pub file: Option<Zeroizing<Vec<u8>>>,
    /// It is ended after this, with all that it started.
    pub timeout: Duration,
    /// The longest output in bytes.
    pub limit: u64,
}

/// A program that the settings declare for `exec`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Declared {
    /// Absolute path and first arguments.
    pub command: Vec<String>,
    /// What the SHA-256 of the file must be, in lower-case hexadecimal.
    pub sha256: Option<String>,
}

fn undeclared(program: &str) -> Cause {
    Cause {
        kind: TroubleKind::Refused,
        message: format!(
            "no program `{program}` is declared: write `[programs]` in rot.toml, then `{program} = [\"/path/of/it\"]`"
        ),
    }
}

/// Whether a program can be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// It can.
    Ready,
    /// No program is declared.
    Undeclared,
    /// This program is declared, and there is no such one, or it is no program.
    Missing(String),
}

/// Why a program gave no output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// It is not declared, or could not be started: nothing happened.
    NotStarted,
    /// It ended with this code, or by a signal.
    Exit(Option<i32>),
    /// It ran too long and was ended.
    TimedOut,
    /// It wrote more than is taken.
    TooLong,
}

impl Trouble {
    /// For messages.
    pub fn describe(self) -> String {
        match self {
            Trouble::NotStarted => "it could not be started".to_owned(),
            Trouble::Exit(Some(code)) => format!("it ended with code {code}"),
            Trouble::Exit(None) => "it was ended by a signal".to_owned(),
            Trouble::TimedOut => "it ran too long and was ended".to_owned(),
            Trouble::TooLong => format!("it wrote more than {} MiB", MAX_OUTPUT >> 20),
        }
    }
}

/// The programs of this machine, by the worker's name.
#[derive(Default)]
pub struct RealProcess {
    commands: HashMap<String, Vec<String>>,
    programs: HashMap<String, Declared>,
}

impl RealProcess {
    /// With these workers (name, then program and arguments) and these programs for `exec`.
    pub fn new(
        commands: HashMap<String, Vec<String>>,
        programs: HashMap<String, Declared>,
    ) -> Self {
        Self { commands, programs }
    }

    async fn exec(&self, start: &Start) -> Attempt {
        let shown = format!("program `{}`", start.program);
        let cause = |kind, what: &str| Cause {
            kind,
            message: format!("{shown} {what}"),
        };
        let Some(declared) = self.programs.get(&start.program) else {
            return Attempt::NotSent(undeclared(&start.program));
        };
        let [program, first @ ..] = declared.command.as_slice() else {
            return Attempt::NotSent(undeclared(&start.program));
        };
        if let Some(wanted) = &declared.sha256
            && digest(program).as_ref() != Some(wanted)
        {
            return Attempt::NotSent(cause(
                TroubleKind::Refused,
                "is another file than the settings name by its sha256",
            ));
        }
        let mut child = match spawn(program, first, start) {
            Ok(child) => child,
            Err(()) => return Attempt::NotSent(cause(TroubleKind::Client, "could not be started")),
        };
        let group = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw);
        let ends = async {
            let mut stdin = child.stdin.take();
            let stdout = child.stdout.take();
            let mut output = Zeroizing::new(Vec::with_capacity(64 << 10));
            let write = async {
                if let (Some(pipe), Some(bytes)) = (&mut stdin, &start.stdin) {
                    // A program may end without reading all.
                    let _closed = pipe.write_all(bytes).await;
                }
                drop(stdin.take());
            };
            let read = async {
                if let Some(stdout) = stdout {
                    let _closed = stdout.take(start.limit + 1).read_to_end(&mut output).await;
                }
            };
            futures_util::future::join(write, read).await;
            if output.len() as u64 > start.limit {
                return Err(cause(
                    TroubleKind::TooLarge,
                    "wrote more than the limit allows",
                ));
            }
            match child.wait().await.ok().and_then(|status| status.code()) {
                Some(code) => Ok((code, output)),
                None => Err(cause(TroubleKind::Reset, "was ended by a signal")),
            }
        };
        let ended = tokio::time::timeout(start.timeout, ends).await;
        if !matches!(ended, Ok(Ok(_)))
            && let Some(group) = group
        {
            // It may be gone already.
            let _gone = kill_process_group(group, Signal::KILL);
        }
        match ended {
            Ok(Ok((code, body))) => {
                #[allow(clippy::disallowed_methods)]
                let received_at = jiff::Timestamp::now();
                Attempt::Answered(Response {
                    status: u16::try_from(code).unwrap_or(u16::MAX),
                    headers: Vec::new(),
                    body,
                    received_at,
                })
            }
            Ok(Err(cause)) => Attempt::Unknown(cause, None),
            Err(_) => Attempt::Unknown(
                cause(TroubleKind::Timeout, "ran too long and was ended"),
                None,
            ),
        }
    }

    async fn run(&self, worker: &str, input: &[u8]) -> Result<Zeroizing<Vec<u8>>, Trouble> {
        let Some([program, arguments @ ..]) = self.commands.get(worker).map(Vec::as_slice) else {
            return Err(Trouble::NotStarted);
        };
        let program = find(program).ok_or(Trouble::NotStarted)?;
        let mut command = tokio::process::Command::new(program);
        // Ctrl-C at a terminal asks this process to end, which hears the program out; it must not end the program itself.
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command
            .args(arguments)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|_| Trouble::NotStarted)?;
        let mut pipe = child.stdin.take();
        let mut output = Zeroizing::new(Vec::with_capacity(64 << 10));
        let write = async {
            if let Some(pipe) = &mut pipe {
                // A program may end without reading all.
                let _closed = pipe.write_all(input).await;
            }
            drop(pipe);
        };
        let read = async {
            if let Some(stdout) = child.stdout.take() {
                let _closed = stdout
                    .take(MAX_OUTPUT as u64 + 1)
                    .read_to_end(&mut output)
                    .await;
            }
        };
        futures_util::future::join(write, read).await;
        if output.len() > MAX_OUTPUT {
            return Err(Trouble::TooLong);
        }
        match child.wait().await {
            Ok(status) if status.success() => Ok(output),
            Ok(status) => Err(Trouble::Exit(status.code())),
            Err(_) => Err(Trouble::Exit(None)),
        }
    }
}

/// One start at a time: a file in memory is inherited by what is started while it is open.
static STARTING: Mutex<()> = Mutex::new(());

fn spawn(program: &str, first: &[String], start: &Start) -> Result<tokio::process::Child, ()> {
    let _alone = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
    let file = match &start.file {
        Some(bytes) => Some(super::platform::sealed_memory("rot", bytes).map_err(|_| ())?),
        None => None,
    };
    let path = file
        .as_ref()
        .map(|fd| format!("/proc/self/fd/{}", fd.as_raw_fd()));
    let path = path.unwrap_or_default();
    tokio::process::Command::new(program)
        .args(first)
        .args(start.arguments.iter().map(|one| one.replace(PATH, &path)))
        .env_clear()
        .envs(
            start
                .environment
                .iter()
                .map(|(name, value)| (name, value.as_str())),
        )
        .stdin(match start.stdin {
            Some(_) => Stdio::piped(),
            None => Stdio::null(),
        })
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|_| ())
}

fn digest(program: &str) -> Option<String> {
    #[allow(clippy::disallowed_methods)] // the program that is started, not a file of ours
    let bytes = std::fs::read(program).ok()?;
    let digest = ring::digest::digest(&ring::digest::SHA256, &bytes);
    Some(
        digest
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect(),
    )
}

impl Process for RealProcess {
    fn ready_program(&self, program: &str) -> Readiness {
        let declared = self.programs.get(program);
        match declared.and_then(|declared| declared.command.first()) {
            None => Readiness::Undeclared,
            Some(program) if find(program).is_some() => Readiness::Ready,
            Some(program) => Readiness::Missing(program.clone()),
        }
    }

    fn start<'a>(&'a self, start: &'a Start) -> BoxFuture<'a, Attempt> {
        Box::pin(self.exec(start))
    }

    fn knows(&self, worker: &str) -> bool {
        self.commands.contains_key(worker)
    }

    fn ready(&self, worker: &str) -> Readiness {
        match self
            .commands
            .get(worker)
            .and_then(|command| command.first())
        {
            None => Readiness::Undeclared,
            Some(program) if find(program).is_some() => Readiness::Ready,
            Some(program) => Readiness::Missing(program.clone()),
        }
    }

    fn call<'a>(
        &'a self,
        worker: &'a str,
        input: &'a [u8],
        timeout: Duration,
    ) -> BoxFuture<'a, Result<Zeroizing<Vec<u8>>, Trouble>> {
        Box::pin(async move {
            tokio::time::timeout(timeout, self.run(worker, input))
                .await
                .unwrap_or(Err(Trouble::TimedOut))
        })
    }
}

/// The file that a program's name stands for: a path as it is, a bare name where PATH says. One that may not be executed is none.
#[allow(clippy::disallowed_methods)] // this is the world
fn find(program: &str) -> Option<PathBuf> {
    let is_program = |path: &PathBuf| {
        path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
    };
    if program.contains('/') {
        return Some(PathBuf::from(program)).filter(is_program);
    }
    let folders = std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into());
    std::env::split_paths(&folders)
        .map(|folder| folder.join(program))
        .find(is_program)
}
