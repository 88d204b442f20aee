//! Files, in the few calls that a vault and a journal need. Paths are taken as they are; no call follows a symlink at
//! the last component unless it says so.

mod real;

pub use real::{RealFs, inherit};

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use zeroize::Zeroizing;

/// What `stat` tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// Kind of the file itself (a symlink is not followed).
    pub kind: FileKind,
    /// Length in bytes.
    pub len: u64,
    /// Permission bits (`0o600`).
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Number of hard links.
    pub links: u64,
    /// Device and number: two names with the same are one file.
    pub id: (u64, u64),
}

/// Kinds of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Dir,
    /// A symbolic link.
    Symlink,
    /// Anything else (fifo, socket, device).
    Other,
}

/// What kind of file system a path is on, as far as it matters for durability.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// Keeps what was synced.
    Durable,
    /// Lives in memory (tmpfs, ramfs).
    Memory,
    /// On the network (NFS, SMB, 9p, FUSE).
    Network,
    /// Could not be told.
    Unknown,
}

/// Files.
pub trait Fs: Send + Sync {
    /// The whole content, refusing files above `limit` bytes (`InvalidData`), directories and devices.
    fn read(&self, path: &Path, limit: u64) -> io::Result<Zeroizing<Vec<u8>>>;
    /// What is at `path`; `None` when nothing is.
    fn stat(&self, path: &Path) -> io::Result<Option<Stat>>;
    /// Where `path` leads when every symlink is followed; for files that their owner may well link to (identities).
    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        Ok(path.to_path_buf())
    }
    /// Makes a new file with `mode` (`O_EXCL|O_NOFOLLOW|O_CLOEXEC`); fails when something is there.
    fn create(&self, path: &Path, mode: u32) -> io::Result<Box<dyn File>>;
    /// Holds room for `bytes` in a directory by a file without a name, which goes with the process; `None` where the system
    /// knows no such files. Fails where a new file there would fail.
    fn hold(&self, dir: &Path, bytes: u64) -> io::Result<Option<Box<dyn File>>> {
        let _ = (dir, bytes);
        Ok(None)
    }
    /// Gives a file the mode, the owner and the group of another one, as far as this user may; fails when that would take it away
    /// from its owner.
    fn adopt(&self, path: &Path, like: &Stat) -> io::Result<()> {
        let _ = (path, like);
        Ok(())
    }
    /// Gives a file this owner and group, and this mode; fails where this user may not.
    fn own(&self, path: &Path, uid: Option<u32>, gid: Option<u32>, mode: u32) -> io::Result<()> {
        let _ = (path, uid, gid, mode);
        Ok(())
    }
    /// Opens an existing regular file to append to it.
    fn append(&self, path: &Path) -> io::Result<Box<dyn File>>;
    /// Replaces `to` by `from` in one step (same directory).
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// A second name for a file; replaces nothing.
    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Cuts a file to `len` bytes and syncs it.
    fn truncate(&self, path: &Path, len: u64) -> io::Result<()>;
    /// Makes the names in a directory durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
    /// Makes a directory and its missing parents with `mode`; fine when it is there.
    fn create_dir(&self, dir: &Path, mode: u32) -> io::Result<()>;
    /// What is in a directory, as paths that start with `dir`, sorted; empty when it is not there.
    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>>;
    /// Takes an exclusive lock on `path` (made with mode 0600 when missing, never replaced or removed), waiting up to
    /// `wait`. Fails with `TooManyLinks` when it has another name: what is written into it would be written into another file. `None` when another holds it still. The guard releases it; so does the end of the process.
    fn lock(&self, path: &Path, wait: Duration) -> io::Result<Option<Box<dyn Lock>>>;
    /// What kind of file system `path` (or its nearest existing parent) is on.
    fn storage(&self, path: &Path) -> Storage;
    /// The effective user.
    fn user(&self) -> u32;
    /// The effective group.
    fn group(&self) -> u32 {
        self.user()
    }
    /// The other groups that the user belongs to.
    fn groups(&self) -> Vec<u32> {
        Vec::new()
    }
    /// The user to whom files seem to belong whose owner has no number here, as in a container without root; `None` where all have one.
    fn unmapped_user(&self) -> Option<u32> {
        None
    }
}

/// An open file that is only written to, at its end.
pub trait File: Send {
    /// Writes all of `bytes`.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Makes content and length durable (`fdatasync` suffices).
    fn sync(&mut self) -> io::Result<()>;
    /// Reserves room for `bytes` more, so that "no space" appears now; does not change the length. Fine where the file system cannot.
    fn reserve(&mut self, bytes: u64) -> io::Result<()>;
}

/// A held lock. Its file's content is information for people only.
pub trait Lock: Send {
    /// Says in the lock file who holds it; failures do not matter.
    fn describe(&mut self, text: &str);
}
