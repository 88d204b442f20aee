//! The real file system: std, and rustix where std is too coarse. Every call fails rather than follow a symlink at the
//! last component, and no call blocks on a fifo.

#![allow(clippy::disallowed_methods)]

use super::{File, FileKind, Fs, Lock, Stat, Storage};
use crate::world::platform::{mode_bits, mode_of};
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags};
use std::io::{self, ErrorKind, Read, Seek, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// How often a held lock is asked for again. The kernel's queue would be fairer, but cannot be left after a while.
const LOCK_POLL: Duration = Duration::from_millis(10);

/// The real file system.
pub struct RealFs;

impl Fs for RealFs {
    fn read(&self, path: &Path, limit: u64) -> io::Result<Zeroizing<Vec<u8>>> {
        let mut file = open(path, OFlags::RDONLY | OFlags::NONBLOCK, 0)?;
        let meta = file.metadata()?;
        if meta.is_dir() {
            return Err(ErrorKind::IsADirectory.into());
        }
        if !meta.is_file() {
            return Err(io::Error::new(
                ErrorKind::InvalidInput,
                "not a regular file",
            ));
        }
        if meta.len() > limit {
            return Err(too_large());
        }
        // Room for all at once: a growing vector would leave unwiped copies behind.
        let room = usize::try_from(meta.len()).unwrap_or(0).saturating_add(1);
        let mut bytes = Zeroizing::new(Vec::with_capacity(room));
        Read::by_ref(&mut file)
            .take(limit.saturating_add(1))
            .read_to_end(&mut bytes)?;
        if bytes.len() as u64 > limit {
            return Err(too_large());
        }
        Ok(bytes)
    }

    // The width of the link count differs between architectures.
    #[allow(clippy::useless_conversion)]
    fn stat(&self, path: &Path) -> io::Result<Option<Stat>> {
        let stat = match rustix::fs::statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => FileKind::File,
            FileType::Directory => FileKind::Dir,
            FileType::Symlink => FileKind::Symlink,
            _ => FileKind::Other,
        };
        Ok(Some(Stat {
            kind,
            len: u64::try_from(stat.st_size).unwrap_or(0),
            mode: mode_bits(Mode::from_raw_mode(stat.st_mode)),
            uid: stat.st_uid,
            gid: stat.st_gid,
            links: u64::from(stat.st_nlink),
            id: (
                u64::try_from(stat.st_dev).unwrap_or(0),
                u64::from(stat.st_ino),
            ),
        }))
    }

    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        std::fs::canonicalize(path)
    }

    fn create(&self, path: &Path, mode: u32) -> io::Result<Box<dyn File>> {
        let file = open(path, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL, mode)?;
        inherit(&file, path);
        Ok(Box::new(RealFile(file)))
    }

    #[cfg(target_os = "linux")]
    fn hold(&self, dir: &Path, bytes: u64) -> io::Result<Option<Box<dyn File>>> {
        use rustix::io::Errno;
        let flags = OFlags::WRONLY | OFlags::TMPFILE | OFlags::CLOEXEC;
        let file: std::fs::File =
            match rustix::fs::open(or_here(dir), flags, Mode::from_raw_mode(0o600)) {
                Ok(file) => file.into(),
                // What file systems and old kernels answer that know no files without a name.
                Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL | Errno::NOSYS) => {
                    return Ok(None);
                }
                Err(error) => return Err(error.into()),
            };
        reserve(&file, bytes)?;
        Ok(Some(Box::new(RealFile(file))))
    }

    fn adopt(&self, path: &Path, like: &Stat) -> io::Result<()> {
        use rustix::fs::{Gid, Uid, fchmod, fchown};
        let file = open(path, OFlags::RDONLY | OFlags::NONBLOCK, 0)?;
        let stat = rustix::fs::fstat(&file)?;
        let (uid, gid) = (Uid::from_raw(like.uid), Gid::from_raw(like.gid));
        let owned = stat.st_uid == like.uid || fchown(&file, Some(uid), None).is_ok();
        let grouped = stat.st_gid == like.gid || fchown(&file, None, Some(gid)).is_ok();
        let mode = like.mode & 0o777;
        // Its owner must still be able to read it, and no other group may come to it.
        let readable = owned || (grouped && mode & 0o040 != 0) || mode & 0o004 != 0;
        if !readable {
            return Err(ErrorKind::PermissionDenied.into());
        }
        let mode = if grouped { mode } else { mode & 0o707 };
        if mode_bits(Mode::from_raw_mode(stat.st_mode)) & 0o777 != mode {
            fchmod(&file, mode_of(mode))?;
        }
        Ok(())
    }

    fn own(&self, path: &Path, uid: Option<u32>, gid: Option<u32>, mode: u32) -> io::Result<()> {
        use rustix::fs::{Gid, Uid, fchmod, fchown, fstat};
        let file = open(path, OFlags::RDONLY | OFlags::NONBLOCK, 0)?;
        let stat = fstat(&file)?;
        let (uid, gid) = (
            uid.filter(|uid| *uid != stat.st_uid),
            gid.filter(|gid| *gid != stat.st_gid),
        );
        if uid.is_some() || gid.is_some() {
            fchown(&file, uid.map(Uid::from_raw), gid.map(Gid::from_raw))?;
        }
        // After the owner: a change of owner takes bits away.
        if mode_bits(Mode::from_raw_mode(stat.st_mode)) & 0o7777 != mode || uid.is_some() {
            fchmod(&file, mode_of(mode))?;
        }
        Ok(())
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn File>> {
        let file = open(path, OFlags::WRONLY | OFlags::APPEND | OFlags::NONBLOCK, 0)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::new(
                ErrorKind::InvalidInput,
                "not a regular file",
            ));
        }
        Ok(Box::new(RealFile(file)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::hard_link(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn truncate(&self, path: &Path, len: u64) -> io::Result<()> {
        let file = open(path, OFlags::WRONLY | OFlags::NONBLOCK, 0)?;
        file.set_len(len)?;
        file.sync_all()
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        std::fs::File::from(rustix::fs::open(or_here(dir), flags, Mode::empty())?).sync_all()
    }

    fn create_dir(&self, dir: &Path, mode: u32) -> io::Result<()> {
        let new: Vec<&Path> = dir.ancestors().take_while(|part| !part.exists()).collect();
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(mode)
            .create(or_here(dir))?;
        for part in new.iter().rev() {
            if let Ok(made) = open(part, OFlags::RDONLY | OFlags::DIRECTORY, 0) {
                inherit(&made, part);
            }
        }
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        let entries = match std::fs::read_dir(or_here(dir)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut paths = entries
            .map(|entry| Ok(dir.join(entry?.file_name())))
            .collect::<io::Result<Vec<_>>>()?;
        paths.sort();
        Ok(paths)
    }

    fn lock(&self, path: &Path, wait: Duration) -> io::Result<Option<Box<dyn Lock>>> {
        let flags = OFlags::RDWR | OFlags::NONBLOCK;
        let file = match open(path, flags | OFlags::CREATE | OFlags::EXCL, 0o600) {
            Ok(file) => {
                inherit(&file, path);
                file
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                open(path, flags | OFlags::CREATE, 0o600)?
            }
            Err(error) => return Err(error),
        };
        let stat = rustix::fs::fstat(&file)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(io::Error::new(
                ErrorKind::InvalidInput,
                "not a regular file",
            ));
        }
        if stat.st_nlink > 1 {
            return Err(ErrorKind::TooManyLinks.into());
        }
        let start = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Some(Box::new(RealLock(file)))),
                Err(std::fs::TryLockError::WouldBlock) => {}
                Err(std::fs::TryLockError::Error(error)) => return Err(error),
            }
            let left = wait.saturating_sub(start.elapsed());
            if left.is_zero() {
                return Ok(None);
            }
            std::thread::sleep(LOCK_POLL.min(left));
        }
    }

    fn storage(&self, path: &Path) -> Storage {
        path.ancestors()
            .find_map(|p| rustix::fs::statfs(or_here(p)).ok())
            .map_or(Storage::Unknown, |s| classify(&s))
    }

    fn user(&self) -> u32 {
        rustix::process::geteuid().as_raw()
    }

    fn group(&self) -> u32 {
        rustix::process::getegid().as_raw()
    }

    fn groups(&self) -> Vec<u32> {
        let mut groups = vec![self.group()];
        let others = rustix::process::getgroups().unwrap_or_default();
        groups.extend(others.into_iter().map(|group| group.as_raw()));
        groups
    }

    #[cfg(target_os = "linux")]
    fn unmapped_user(&self) -> Option<u32> {
        // user_namespaces(7): in the first namespace every number is mapped to itself.
        let map = std::fs::read_to_string("/proc/self/uid_map").ok()?;
        if map.split_whitespace().eq(["0", "0", "4294967295"]) {
            return None;
        }
        let overflow = std::fs::read_to_string("/proc/sys/kernel/overflowuid").ok()?;
        overflow.trim().parse().ok()
    }
}

fn open(path: &Path, flags: OFlags, mode: u32) -> io::Result<std::fs::File> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NOCTTY;
    Ok(rustix::fs::open(path, flags, mode_of(mode))?.into())
}

/// What root makes in the folder of somebody else belongs to that user, who could not use it otherwise. Where it cannot be given away
/// (a share of a network), it stays root's.
pub fn inherit(file: &std::fs::File, path: &Path) {
    use rustix::fs::{Gid, Uid, fchown};
    use std::os::unix::fs::MetadataExt;
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let dir = or_here(path.parent().unwrap_or(Path::new(".")));
    if let Ok(dir) = std::fs::metadata(dir)
        && dir.uid() != 0
    {
        let _given = fchown(
            file,
            Some(Uid::from_raw(dir.uid())),
            Some(Gid::from_raw(dir.gid())),
        );
    }
}

fn too_large() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "the file is too large")
}

/// The parent of a bare file name is the empty path, which no system call takes.
fn or_here(dir: &Path) -> &Path {
    if dir.as_os_str().is_empty() {
        Path::new(".")
    } else {
        dir
    }
}

#[cfg(target_os = "linux")]
fn classify(stat: &rustix::fs::StatFs) -> Storage {
    // Magic numbers of statfs(2). The type of the field differs between architectures; all fit 32 bits.
    match stat.f_type as u32 {
        0x0102_1994 | 0x8584_58f6 => Storage::Memory,
        // NFS, SMB, SMB2, CIFS, 9p, FUSE, Ceph, AFS.
        0x6969 | 0x517b | 0xfe53_4d42 | 0xff53_4d42 | 0x0102_1997 | 0x6573_5546 | 0x00c3_6400
        | 0x5346_414f => Storage::Network,
        _ => Storage::Durable,
    }
}

#[cfg(not(target_os = "linux"))]
fn classify(_: &rustix::fs::StatFs) -> Storage {
    Storage::Unknown
}

struct RealFile(std::fs::File);

impl File for RealFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn reserve(&mut self, bytes: u64) -> io::Result<()> {
        reserve(&self.0, bytes)
    }
}

#[cfg(target_os = "linux")]
fn reserve(file: &std::fs::File, bytes: u64) -> io::Result<()> {
    use rustix::fs::{FallocateFlags, fallocate};
    if bytes == 0 {
        return Ok(());
    }
    match fallocate(
        file,
        FallocateFlags::KEEP_SIZE,
        file.metadata()?.len(),
        bytes,
    ) {
        Ok(()) | Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(target_os = "linux"))]
fn reserve(_: &std::fs::File, _: u64) -> io::Result<()> {
    Ok(())
}

/// Closing the descriptor releases the lock.
struct RealLock(std::fs::File);

impl Lock for RealLock {
    fn describe(&mut self, text: &str) {
        let said = self
            .0
            .set_len(0)
            .and_then(|()| self.0.rewind())
            .and_then(|()| self.0.write_all(text.as_bytes()));
        // Information for people only; the lock holds without it.
        drop(said);
    }
}
