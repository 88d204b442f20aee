//! Secrets as files.
//!
//! Sealed memory (`memfd_create(2)`) has no name that could be left behind; the child and what it starts read it as often as
//! they like through `/proc/self/fd/N`. Programs that close descriptors or change their user need a real path: a folder of
//! `$XDG_RUNTIME_DIR`, which is kept in memory and private, named for this process and removed at the end, or by the next
//! call when this one was killed.

use super::Given;
use crate::diagnostic::why;
use crate::diagnostic::{Error, Failure, Result, codes};
use crate::world::{World, platform};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

/// The files of one child; gone when this is dropped, but for the folder, which [`Files::remove`] takes away.
pub struct Files {
    /// Variable and path.
    pub paths: Vec<(String, PathBuf)>,
    held: Vec<OwnedFd>,
    folder: Option<PathBuf>,
}

impl Files {
    /// No files.
    pub fn none() -> Self {
        Self {
            paths: Vec::new(),
            held: Vec::new(),
            folder: None,
        }
    }

    /// Puts each value into sealed memory that the child inherits.
    ///
    /// # Errors
    /// ROT8xx when the system has no such files or no memory.
    pub fn in_memory(given: &[Given]) -> Result<Self> {
        let mut files = Self::none();
        for one in given {
            let fd = sealed(one).map_err(|error| {
                failed("a file in memory could not be made", &error)
                    .help("`--file-dir` uses files of the runtime directory instead")
            })?;
            let path = PathBuf::from(format!("/proc/self/fd/{}", fd.as_raw_fd()));
            files.paths.push((one.variable.clone(), path));
            files.held.push(fd);
        }
        Ok(files)
    }

    /// Puts each value into a file of a private folder below `$XDG_RUNTIME_DIR`, after sweeping those of processes that are no more.
    ///
    /// # Errors
    /// Exit code 2 without `$XDG_RUNTIME_DIR`; 20 when the folder cannot be made.
    pub fn in_folder(given: &[Given], world: &World) -> Result<Self> {
        let Some(runtime) = world
            .env
            .var("XDG_RUNTIME_DIR")
            .filter(|d| d.starts_with('/'))
        else {
            return Err(Error::plain(
                Failure::Usage,
                codes::USAGE,
                "`--file-dir` needs the variable XDG_RUNTIME_DIR, the folder in memory that a login session has",
            )
            .help("leave `--file-dir` away: files are then kept in sealed memory"));
        };
        let ours = Path::new(&runtime).join("rot");
        sweep(&ours, world);
        let own = std::process::id();
        let folder = ours.join(format!("{own}-{}", started(own).unwrap_or(0)));
        world
            .fs
            .create_dir(&folder, 0o700)
            .map_err(|e| failed("the folder for files could not be made", &e))?;
        let mut files = Self {
            paths: Vec::new(),
            held: Vec::new(),
            folder: Some(folder.clone()),
        };
        for one in given {
            files
                .paths
                .push((one.variable.clone(), folder.join(&one.variable)));
        }
        if let Err(error) = files.write(given, world) {
            files.remove(world);
            return Err(error);
        }
        Ok(files)
    }

    /// Writes values anew, each in one step: who reads meanwhile gets the old one or the new one, whole.
    ///
    /// # Errors
    /// Exit code 20 when a file cannot be written.
    pub fn write(&self, given: &[Given], world: &World) -> Result<()> {
        let Some(folder) = &self.folder else {
            return Ok(());
        };
        for one in given {
            let path = folder.join(&one.variable);
            let temp = folder.join(format!(".{}.tmp", one.variable));
            let _ = world.fs.remove(&temp);
            let done = world.fs.create(&temp, 0o600).and_then(|mut file| {
                file.write(one.value.expose())?;
                world.fs.rename(&temp, &path)
            });
            if let Err(error) = done {
                let _ = world.fs.remove(&temp);
                return Err(failed("a file for the child could not be written", &error));
            }
        }
        Ok(())
    }

    /// Takes the folder away.
    pub fn remove(&self, world: &World) {
        if let Some(folder) = &self.folder {
            remove(folder, world);
        }
    }
}

fn sealed(one: &Given) -> io::Result<OwnedFd> {
    // Inherited on purpose, and named for what it is: the name shows in /proc and says nothing of the value.
    platform::sealed_memory("rot-secret", one.value.expose())
}

/// Removes folders of processes that are no more: their number is free, or has been given to a process that started later.
fn sweep(ours: &Path, world: &World) {
    for folder in world.fs.list(ours).unwrap_or_default() {
        let name = folder
            .file_name()
            .and_then(|n| n.to_str())
            .and_then(|n| n.split_once('-'));
        let Some((pid, start)) = name else { continue };
        let (Ok(pid), Ok(start)) = (pid.parse::<u32>(), start.parse::<u64>()) else {
            continue;
        };
        if started(pid) != Some(start) {
            remove(&folder, world);
        }
    }
}

fn remove(folder: &Path, world: &World) {
    for file in world.fs.list(folder).unwrap_or_default() {
        let _ = world.fs.remove(&file);
    }
    let _ = std::fs::remove_dir(folder);
}

/// When a process was started, in ticks since boot (field 22 of `/proc/PID/stat`, proc(5)).
#[allow(clippy::disallowed_methods)] // a fact of the kernel, no file of a user
fn started(pid: u32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may hold blanks and parentheses; the last one ends it.
    let (_, rest) = text.rsplit_once(')')?;
    rest.split_whitespace().nth(19)?.parse().ok()
}

fn failed(what: &str, error: &io::Error) -> Error {
    Error::plain(
        Failure::BeforeEffect,
        codes::STORAGE_FAILED,
        format!("{what}: {}", why(error)),
    )
}
