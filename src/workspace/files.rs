//! Files that people wrote and read: sources, settings, reports. (The vault and the journal go through
//! [`crate::world::fs`], which is built for crashes.)
#![allow(clippy::disallowed_methods)]

use crate::world::fs::inherit;
use crate::world::platform::public_mode;
use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

/// The largest source that is read.
pub const LIMIT: u64 = 8 * 1024 * 1024;

/// Why a source cannot be read, as the end of a sentence, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// `it does not exist`.
    pub why: String,
    /// What to do.
    pub help: &'static str,
}

fn unreadable<T>(why: impl Into<String>, help: &'static str) -> Result<T, Unreadable> {
    Err(Unreadable {
        why: why.into(),
        help,
    })
}

/// The text of a source file.
pub fn read_text(path: &Path) -> Result<String, Unreadable> {
    let size = match fs::metadata(path) {
        Ok(meta) if meta.is_dir() => return unreadable("it is a folder", "name a file"),
        Ok(meta) => meta.len().min(LIMIT),
        Err(error) => return refused(&error),
    };
    // Opening a pipe that nobody writes to would wait for ever, and so would reading a terminal.
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed())
        .open(path);
    match opened {
        Ok(file) if file.metadata().is_ok_and(|meta| meta.is_file()) => {
            text(file, usize::try_from(size).unwrap_or(0) + 1)
        }
        Ok(_) => unreadable(
            "it is no regular file",
            "pass what comes out of a program on standard input, and name `-`",
        ),
        Err(error) => refused(&error),
    }
}

/// Whether a path is a link, as it is written or in one of its folders. Devices are none: `/dev/stdout` is one by name alone.
fn is_link(path: &Path) -> bool {
    !path.starts_with("/dev")
        && path
            .ancestors()
            .take_while(|part| !part.as_os_str().is_empty())
            .take(if path.is_absolute() { 1 } else { usize::MAX })
            .any(|part| fs::symlink_metadata(part).is_ok_and(|meta| meta.is_symlink()))
}

/// As [`replace`], for what a tree of strangers may have prepared a place for: never through a link.
pub fn write_report(path: &Path, content: &str) -> io::Result<()> {
    if is_link(path) {
        return Err(io::Error::new(
            ErrorKind::PermissionDenied,
            "it is a symbolic link",
        ));
    }
    replace(path, content)
}

/// Whether a file lies in a folder, links followed.
pub fn is_within(path: &Path, folder: &Path) -> bool {
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    match (fs::canonicalize(path), fs::canonicalize(folder)) {
        (Ok(path), Ok(folder)) => path.starts_with(folder),
        // What does not exist cannot be read.
        _ => true,
    }
}

/// Whether a file that was found, and not named, may be trusted: it and its folder belong to this user or to root, and others
/// cannot change them.
pub fn is_ours(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let own = rustix::process::geteuid().as_raw();
    // A user's own group, to which nobody else belongs by the custom of most systems, is no other.
    let group = rustix::process::getegid().as_raw();
    [path.to_owned(), parent(path)].iter().all(|part| {
        fs::metadata(part).is_ok_and(|meta| {
            let others = meta.mode() & 0o002 != 0
                || (meta.mode() & 0o020 != 0 && meta.gid() != group && meta.gid() != 0);
            (meta.uid() == own || meta.uid() == 0) && !others
        })
    })
}

/// The other JSON files of a folder, in the order of their names; at most a thousand.
pub fn json_beside(folder: &Path, file: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.extension() == Some(OsStr::new("json"))
                && path.file_name() != file.file_name()
                && fs::symlink_metadata(path).is_ok_and(|meta| meta.is_file())
        })
        .take(1000)
        .collect();
    paths.sort();
    paths
}

/// The text on standard input.
pub fn read_stdin() -> Result<String, Unreadable> {
    text(io::stdin().lock(), 0)
}

fn text(reader: impl Read, size: usize) -> Result<String, Unreadable> {
    let mut bytes = Vec::with_capacity(size);
    if let Err(error) = reader.take(LIMIT + 1).read_to_end(&mut bytes) {
        return refused(&error);
    }
    text_of(bytes)
}

/// The bytes of a source as its text, or why they are none.
pub fn text_of(bytes: Vec<u8>) -> Result<String, Unreadable> {
    if bytes.len() as u64 > LIMIT {
        return unreadable(
            "it is larger than 8 MiB",
            "split it: one definition rarely needs more than some kilobytes",
        );
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return unreadable("it is UTF-16", "save it as UTF-8");
    }
    if bytes.contains(&0) {
        return unreadable(
            "it is a binary file",
            "name a `.rot` file or Conductor JSON",
        );
    }
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            return unreadable(
                format!("it is not UTF-8 (byte {})", at + 1),
                "save it as UTF-8",
            );
        }
    };
    if text.trim_start_matches('\u{feff}').trim().is_empty() {
        return unreadable(
            "it is empty",
            "`rot init` writes a first rotation to start from",
        );
    }
    Ok(text)
}

fn refused<T>(error: &io::Error) -> Result<T, Unreadable> {
    match error.kind() {
        ErrorKind::NotFound => unreadable(
            "it does not exist",
            "check the path; it is taken from the current folder",
        ),
        ErrorKind::PermissionDenied => unreadable(
            "permission denied",
            "make it readable for the user that runs rot",
        ),
        ErrorKind::IsADirectory => unreadable("it is a folder", "name a file"),
        kind => unreadable(kind.to_string(), "check the path and the device"),
    }
}

/// Replaces a file in one step, keeping its mode; a symlink stays and its target is replaced. What is no regular file
/// (`/dev/null`, `/dev/stdout`, a pipe) is written to: replacing it would take a device away from everybody.
pub fn replace(path: &Path, content: &str) -> io::Result<()> {
    if fs::metadata(path).is_ok_and(|m| !m.is_file() && !m.is_dir()) {
        return OpenOptions::new()
            .write(true)
            .open(path)?
            .write_all(content.as_bytes());
    }
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mode = fs::metadata(&path).map_or(public_mode(), |m| m.permissions().mode() & 0o7777);
    let name = path
        .file_name()
        .unwrap_or(OsStr::new("out"))
        .to_string_lossy()
        .into_owned();
    let temporary = parent(&path).join(format!(".{name}.{}.tmp", std::process::id()));
    let before = fs::metadata(&path).ok();
    let written = create(&temporary, content, mode)
        .and_then(|()| match before {
            // Root rewrites what belongs to somebody else.
            Some(before) if rustix::process::geteuid().is_root() => {
                chown(&temporary, Some(before.uid()), Some(before.gid()))
            }
            _ => Ok(()),
        })
        .and_then(|()| fs::rename(&temporary, &path));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// Makes a new file; fails when something is there.
pub fn create(path: &Path, content: &str, mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)?;
    inherit(&file, path);
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    file.write_all(content.as_bytes())?;
    file.sync_all()
}

/// Makes a folder and its missing parents, open to whom the user's mask allows.
pub fn create_dir(path: &Path) -> io::Result<()> {
    let mut missing: Vec<PathBuf> = Vec::new();
    let mut at = path;
    while !at.as_os_str().is_empty() && !at.exists() {
        missing.push(at.to_owned());
        at = at.parent().unwrap_or(Path::new(""));
    }
    for dir in missing.iter().rev() {
        fs::create_dir(dir)?;
        let mode = public_mode() | ((public_mode() & 0o444) >> 2);
        fs::set_permissions(dir, fs::Permissions::from_mode(mode))?;
        inherit(&fs::File::open(dir)?, dir);
    }
    Ok(())
}

/// Makes a folder that only this user can look into; fine when it is one already.
pub fn create_private_dir(path: &Path) -> io::Result<()> {
    match fs::DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let meta = fs::symlink_metadata(path)?;
    let private = meta.is_dir() && meta.permissions().mode() & 0o077 == 0;
    if private {
        Ok(())
    } else {
        Err(io::Error::from(ErrorKind::PermissionDenied))
    }
}

/// Takes a file away, if it is there.
pub fn remove(path: &Path) {
    let _ = fs::remove_file(path);
}

/// The folder that a path is in.
pub fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir.to_owned(),
        _ => PathBuf::from("."),
    }
}
