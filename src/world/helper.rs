//! A process of our own program for work that may run out of its bounds: a jq program can fill the memory or the stack, and
//! neither can be caught within a process. It gets its input on standard input, so that nothing stands in an argument, and
//! has none of this program's environment; what it writes to standard error is dropped.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{OnceLock, mpsc};
use std::time::Duration;
use zeroize::Zeroizing;

/// The argument that makes the program a helper.
pub const ARGUMENT: &str = "__jq";

static PROGRAM: OnceLock<PathBuf> = OnceLock::new();

/// Says which program can be started as a helper: `rot` itself. Whoever uses the library alone names an installed one.
pub fn set_program(path: PathBuf) {
    let _ = PROGRAM.set(path);
}

/// Why there is no output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// No program is named, or it could not be started.
    NotStarted,
    /// It ran too long and was ended.
    TimedOut,
    /// It ended by itself without an answer: out of memory or out of stack.
    Died,
}

/// Runs a helper to its end, or ends it.
pub fn call(
    input: Zeroizing<Vec<u8>>,
    most: u64,
    timeout: Duration,
) -> Result<Zeroizing<Vec<u8>>, Trouble> {
    let program = PROGRAM.get().ok_or(Trouble::NotStarted)?;
    #[allow(clippy::disallowed_methods)] // this is the world
    let mut child = Command::new(program)
        .arg(ARGUMENT)
        .env_clear()
        // The allocator would reserve more of the address space at once than the helper may have.
        .env("MIMALLOC_ARENA_RESERVE", "0")
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|_| Trouble::NotStarted)?;
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let (send, receive) = mpsc::sync_channel(1);
    // Threads, because both pipes may be full at once. They end with the child, whose ends of the pipes close.
    let writer = std::thread::Builder::new().spawn(move || {
        if let Some(mut pipe) = stdin {
            // A program may end without reading all.
            let _closed = pipe.write_all(&input);
        }
    });
    let reader = std::thread::Builder::new().spawn(move || {
        let mut output = Zeroizing::new(Vec::with_capacity(64 << 10));
        if let Some(pipe) = stdout {
            let _closed = pipe.take(most).read_to_end(&mut output);
        }
        let _gone = send.send(output);
    });
    let output = match (writer, reader) {
        (Ok(_), Ok(_)) => receive.recv_timeout(timeout).map_err(|_| Trouble::TimedOut),
        _ => Err(Trouble::NotStarted),
    };
    // It has closed its output, or is to end in any case.
    let ended = match output {
        Ok(_) => child.wait(),
        Err(_) => {
            let _ended = child.kill();
            child.wait()
        }
    };
    match (output, ended) {
        (Ok(output), Ok(status)) if status.success() => Ok(output),
        (Ok(_), _) => Err(Trouble::Died),
        (Err(trouble), _) => Err(trouble),
    }
}

/// The other side: bounds this process, takes the input, answers.
pub fn serve(memory: u64, seconds: u64, work: impl FnOnce(&[u8]) -> Zeroizing<Vec<u8>>) -> u8 {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let bounded = |resource, most| {
        setrlimit(
            resource,
            Rlimit {
                current: Some(most),
                maximum: Some(most),
            },
        )
        .is_ok()
    };
    // Not every system lets its address space be bounded; where this one does, it must be.
    if !bounded(Resource::As, memory) && cfg!(target_os = "linux") {
        return 1;
    }
    // The time is a second line: whoever started this ends it, unless it was ended itself.
    let _bounded = bounded(Resource::Cpu, seconds);
    let mut input = Zeroizing::new(Vec::with_capacity(64 << 10));
    if std::io::stdin().lock().read_to_end(&mut input).is_err() {
        return 1;
    }
    let output = work(&input);
    let mut stdout = std::io::stdout().lock();
    u8::from(
        stdout
            .write_all(&output)
            .and_then(|()| stdout.flush())
            .is_err(),
    )
}
