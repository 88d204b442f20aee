//! Makes the process a poor place to steal from, before anything else happens.
//!
//! What the Rust runtime does already: closed standard descriptors are opened on `/dev/null`, so that no file that we
//! open becomes standard output; SIGPIPE is ignored, so that a closed pipe is an error value.

pub use crate::world::platform::public_mode;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What the system offers against being read, panics without their text, and the cryptography that TLS uses.
pub fn harden() {
    crate::world::platform::harden();
    quiet_panics();
    outlive_file_limits();
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// A file that would outgrow a limit (`ulimit -f`) is an error value from here on, not the end of a process that holds an
/// answer. From the start, for the room of the vault is written before a run begins. What `rot exec` starts has the
/// system's own behaviour again: a handler does not outlive `exec`.
fn outlive_file_limits() {
    #[cfg(unix)]
    {
        let unread = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let too_large = rustix::process::Signal::XFSZ.as_raw();
        let _ = signal_hook::flag::register(too_large, unread);
    }
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
