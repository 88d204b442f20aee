//! A person's editor over a text that is in memory only: an anonymous file (`memfd_create(2)`) that the editor inherits and knows
//! as `/proc/self/fd/N`. There is no name on any disk, and nothing is left behind when the process ends.

use std::io;
use zeroize::Zeroizing;

/// The longest text that is taken back, in bytes.
#[cfg(target_os = "linux")]
const LIMIT: u64 = 16 << 20;

/// What vi and its kin are told besides, so that they write nothing beside the file: no swap file, no backup, no history.
#[cfg(target_os = "linux")]
const VI: &str =
    "-n -i NONE --cmd 'set nobackup nowritebackup backupcopy=yes noswapfile noundofile'";

/// Lets the editor (`$VISUAL`, `$EDITOR`; a line for a shell, as git takes it) change a text, and answers with what it left.
/// `None` when the editor ended with a failure, which means that nothing is to be changed.
///
/// # Errors
/// What the system says; `Unsupported` where it has no files in memory.
#[cfg(target_os = "linux")]
#[allow(clippy::disallowed_methods)] // this is the world
pub fn edit(editor: &str, text: &[u8]) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    use rustix::fs::{MemfdFlags, memfd_create};
    use std::io::{Read, Seek, Write};
    use std::os::fd::AsRawFd;
    // Inherited on purpose: without a name, that is how the editor gets it.
    let mut file = std::fs::File::from(memfd_create("rot", MemfdFlags::empty())?);
    file.write_all(text)?;
    let first = editor.split_whitespace().next().unwrap_or_default();
    let name = first.rsplit('/').next().unwrap_or_default();
    let options = match name {
        "vi" | "vim" | "nvim" | "vim.basic" | "vim.tiny" => VI,
        _ => "",
    };
    let status = std::process::Command::new("/bin/sh")
        .args(["-c", &format!("{editor} {options} \"$@\""), "editor"])
        .arg(format!("/proc/self/fd/{}", file.as_raw_fd()))
        .status()?;
    match status.code() {
        Some(0) => {}
        // What a shell answers with for a program that is not there or cannot be run (POSIX, 2.8.2).
        Some(126 | 127) | None => return Err(io::ErrorKind::NotFound.into()),
        Some(_) => return Ok(None),
    }
    let length = file.metadata()?.len().min(LIMIT);
    let mut bytes = Zeroizing::new(Vec::with_capacity(
        usize::try_from(length).unwrap_or_default() + 1,
    ));
    file.rewind()?;
    file.take(LIMIT).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// There are no such files here.
///
/// # Errors
/// `Unsupported`.
#[cfg(not(target_os = "linux"))]
pub fn edit(_: &str, _: &[u8]) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    Err(io::ErrorKind::Unsupported.into())
}
