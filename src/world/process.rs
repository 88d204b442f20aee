//! Local programs that the settings of this machine declare as workers: JSON in on standard input, JSON out on standard
//! output. No shell, no environment, a bound on time and output. What a program writes to standard error is dropped: it
//! may quote its input.

use super::BoxFuture;
use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Stdio;
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
}

impl RealProcess {
    /// With these programs: name, then program and arguments.
    pub fn new(commands: HashMap<String, Vec<String>>) -> Self {
        Self { commands }
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

impl Process for RealProcess {
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
