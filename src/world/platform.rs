//! What differs from system to system: what a process may be told about itself, the modes of files, files in memory, terminals.

use rustix::fs::{Mode, RawMode};
use std::io;
use std::os::fd::OwnedFd;
use std::sync::OnceLock;

/// The file mode mask that we were started with.
static STARTED_WITH: OnceLock<u32> = OnceLock::new();

/// No core dumps, no reading of our memory by the same user, private files. Failures are borne: each is one layer of several.
pub fn harden() {
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
    let _ = STARTED_WITH.set(mode_bits(before));
}

/// The file mode mask that this process was started with, for programs that are none of ours.
pub fn original_umask() -> u32 {
    STARTED_WITH.get().copied().unwrap_or(0o022)
}

/// The mode for files that are not ours alone (sources, settings, reports): what the user's mask asks for.
pub fn public_mode() -> u32 {
    0o666 & !original_umask()
}

/// The bits of a mode: 16 of them are kept on macOS, 32 on Linux.
#[allow(clippy::useless_conversion)]
pub fn mode_bits(mode: Mode) -> u32 {
    u32::from(mode.bits())
}

/// The mode of these bits; what the system's own type cannot hold is no mode bit.
#[allow(clippy::unnecessary_fallible_conversions, clippy::useless_conversion)]
pub fn mode_of(bits: u32) -> Mode {
    Mode::from_raw_mode(RawMode::try_from(bits & 0o7777).unwrap_or(0))
}

/// A file without a name that is in memory alone and can no more be changed.
///
/// # Errors
/// [`io::ErrorKind::Unsupported`] where the system has none (all but Linux); what the system says else.
#[cfg(target_os = "linux")]
pub fn sealed_memory(name: &str, content: &[u8]) -> io::Result<OwnedFd> {
    use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
    use std::io::Write;
    let mut file = std::fs::File::from(memfd_create(name, MemfdFlags::ALLOW_SEALING)?);
    file.write_all(content)?;
    let fd = OwnedFd::from(file);
    fcntl_add_seals(
        &fd,
        SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE,
    )?;
    Ok(fd)
}

/// As on Linux, where there is such a thing.
#[cfg(not(target_os = "linux"))]
pub fn sealed_memory(_: &str, _: &[u8]) -> io::Result<OwnedFd> {
    Err(io::ErrorKind::Unsupported.into())
}

/// A new pseudo-terminal, our side first. Neither is inherited but where it is handed on.
///
/// # Errors
/// What the system says.
#[cfg(target_os = "linux")]
pub fn pseudo_terminal() -> io::Result<(OwnedFd, OwnedFd)> {
    use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let ours = openpt(flags)?;
    grantpt(&ours)?;
    unlockpt(&ours)?;
    let theirs = ioctl_tiocgptpeer(&ours, flags)?;
    Ok((ours, theirs))
}

/// As on Linux, where the other side has to be opened by name.
#[cfg(not(target_os = "linux"))]
pub fn pseudo_terminal() -> io::Result<(OwnedFd, OwnedFd)> {
    use rustix::fs::OFlags;
    use rustix::io::{FdFlags, fcntl_setfd};
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
    fcntl_setfd(&ours, FdFlags::CLOEXEC)?;
    grantpt(&ours)?;
    unlockpt(&ours)?;
    let name = ptsname(&ours, Vec::new())?;
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let theirs = rustix::fs::open(name.as_c_str(), flags, Mode::empty())?;
    Ok((ours, theirs))
}
