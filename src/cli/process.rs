//! Makes the process a poor place to steal from, before anything else happens.
//!
//! What the Rust runtime does already: closed standard descriptors are opened on `/dev/null`, so that no file that we
//! open becomes standard output; SIGPIPE is ignored, so that a closed pipe is an error value.

use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit, setrlimit, umask};
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

/// The file mode mask that we were started with.
static STARTED_WITH: OnceLock<u32> = OnceLock::new();

/// No core dumps, no reading of our memory by the same user, private files, panics without their text, and the
/// cryptography that TLS uses. Failures are borne: each is one layer of several.
pub fn harden() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    let _ = setrlimit(
        Resource::Core,
        Rlimit {
            current: Some(0),
            maximum: Some(0),
        },
    );
    let before = umask(Mode::RWXG | Mode::RWXO);
    let _ = STARTED_WITH.set(before.bits());
    quiet_panics();
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// The file mode mask that this process was started with, for programs that are none of ours.
pub fn original_umask() -> u32 {
    STARTED_WITH.get().copied().unwrap_or(0o022)
}

/// The mode for files that are not ours alone (sources, settings, reports): what the user's mask asks for.
pub fn public_mode() -> u32 {
    0o666 & !STARTED_WITH.get().copied().unwrap_or(0o022)
}

/// A panic's text can hold a value (`unwrap` on an error prints it): only the place is told.
pub fn quiet_panics() {
    std::panic::set_hook(Box::new(|info| {
        let (file, line) = info
            .location()
            .map_or(("unknown", 0), |l| (l.file(), l.line()));
        let text = format!(
            "rot: internal error at {file}:{line}\nThis is a bug in rot; the text of the panic is withheld.\n"
        );
        let _ = std::io::stderr().write_all(text.as_bytes());
    }));
}

/// Runs `body` and turns a panic, which the hook has reported, into the exit code of an internal error.
pub fn guard(body: impl FnOnce() -> u8) -> u8 {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(crate::diagnostic::Failure::Internal.exit_code())
}
