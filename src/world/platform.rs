//! What differs from system to system: what a process may be told about itself, and the modes of files.

use std::sync::OnceLock;

/// The file mode mask that we were started with.
static STARTED_WITH: OnceLock<u32> = OnceLock::new();

/// No core dumps, no reading of our memory by the same user, private files. Failures are borne: each is one layer of several.
pub fn harden() {
    use rustix::fs::Mode;
    use rustix::process::{Resource, Rlimit, setrlimit, umask};
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
}

/// The file mode mask that this process was started with, for programs that are none of ours.
pub fn original_umask() -> u32 {
    STARTED_WITH.get().copied().unwrap_or(0o022)
}

/// The mode for files that are not ours alone (sources, settings, reports): what the user's mask asks for.
pub fn public_mode() -> u32 {
    0o666 & !original_umask()
}
