//! The file system of the simulated world: each call is counted, and may fail as it is told to.

use super::Outside;
use super::disk::Entry;
use super::fault::EROFS;
use super::machine::{Sim, millis};
use crate::world::fs::{File, FileKind, Fs, Lock, Stat, Storage};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;
use zeroize::Zeroizing;

/// The user of the simulated machine.
const USER: u32 = 1000;

impl<O: Outside> Fs for Sim<O> {
    fn read(&self, path: &Path, limit: u64) -> io::Result<Zeroizing<Vec<u8>>> {
        let (state, fault) = self.enter("read", path, false);
        if let Some(fault) = fault {
            return Err(fault.error());
        }
        match state.disk.entry(path) {
            None => Err(ErrorKind::NotFound.into()),
            Some(Entry::Dir) => Err(ErrorKind::IsADirectory.into()),
            Some(Entry::File(inode)) => {
                let content = state.disk.content(inode);
                if content.len() as u64 > limit {
                    Err(ErrorKind::InvalidData.into())
                } else {
                    Ok(Zeroizing::new(content.to_vec()))
                }
            }
        }
    }

    fn stat(&self, path: &Path) -> io::Result<Option<Stat>> {
        let (state, fault) = self.enter("stat", path, false);
        if let Some(fault) = fault {
            return Err(fault.error());
        }
        Ok(state.disk.entry(path).map(|entry| match entry {
            Entry::Dir => Stat {
                kind: FileKind::Dir,
                len: 0,
                mode: 0o700,
                uid: USER,
                gid: USER,
                links: 2,
                id: (0, 0),
            },
            Entry::File(inode) => Stat {
                kind: FileKind::File,
                len: state.disk.content(inode).len() as u64,
                mode: state.disk.mode(inode),
                uid: USER,
                gid: USER,
                links: state.disk.links(inode) as u64,
                id: (1, inode),
            },
        }))
    }

    fn create(&self, path: &Path, mode: u32) -> io::Result<Box<dyn File>> {
        let (mut state, fault) = self.enter("create", path, true);
        if state.disk.entry(path).is_some() {
            return Err(ErrorKind::AlreadyExists.into());
        }
        if path
            .parent()
            .is_none_or(|dir| state.disk.entry(dir) != Some(Entry::Dir))
        {
            return Err(ErrorKind::NotFound.into());
        }
        if let Some(fault) = fault.filter(|f| !f.done) {
            return Err(fault.error());
        }
        let inode = state.disk.create(path, mode);
        match fault {
            Some(fault) => Err(fault.error()),
            None => Ok(Box::new(SimFile {
                sim: self.clone(),
                inode,
                path: path.to_path_buf(),
            })),
        }
    }

    fn hold(&self, dir: &Path, bytes: u64) -> io::Result<Option<Box<dyn File>>> {
        let (mut state, fault) = self.enter("hold", dir, true);
        if let Some(fault) = fault {
            return Err(fault.error());
        }
        if state.disk.entry(dir) != Some(Entry::Dir) {
            return Err(ErrorKind::NotFound.into());
        }
        let inode = state.disk.nameless();
        state
            .reserved
            .insert(inode, usize::try_from(bytes).unwrap_or(usize::MAX));
        Ok(Some(Box::new(SimFile {
            sim: self.clone(),
            inode,
            path: dir.to_path_buf(),
        })))
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn File>> {
        let (state, fault) = self.enter("append", path, true);
        if let Some(fault) = fault.filter(|f| !f.is_full()) {
            return Err(fault.error());
        }
        match state.disk.entry(path) {
            Some(Entry::File(inode)) => Ok(Box::new(SimFile {
                sim: self.clone(),
                inode,
                path: path.to_path_buf(),
            })),
            _ => Err(ErrorKind::NotFound.into()),
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let (mut state, fault) = self.enter("rename", from, true);
        if let Some(fault) = fault.filter(|f| !f.done) {
            return Err(fault.error());
        }
        if state.disk.entry(from).is_none() {
            return Err(ErrorKind::NotFound.into());
        }
        // Not atomic everywhere.
        if from.parent() != to.parent() {
            return Err(ErrorKind::CrossesDevices.into());
        }
        state.disk.rename(from, to);
        fault.map_or(Ok(()), |f| Err(f.error()))
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let (mut state, fault) = self.enter("link", from, true);
        if let Some(fault) = fault.filter(|f| !f.done) {
            return Err(fault.error());
        }
        if state.disk.entry(to).is_some() {
            return Err(ErrorKind::AlreadyExists.into());
        }
        let entry = state.disk.entry(from).ok_or(ErrorKind::NotFound)?;
        state.disk.name(to, entry);
        fault.map_or(Ok(()), |f| Err(f.error()))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let (mut state, fault) = self.enter("remove", path, true);
        if let Some(fault) = fault.filter(|f| !f.done && !f.is_full()) {
            return Err(fault.error());
        }
        if state.disk.entry(path).is_none() {
            return Err(ErrorKind::NotFound.into());
        }
        state.disk.unname(path);
        fault.filter(|f| f.done).map_or(Ok(()), |f| Err(f.error()))
    }

    fn truncate(&self, path: &Path, len: u64) -> io::Result<()> {
        let (mut state, fault) = self.enter("truncate", path, true);
        if let Some(fault) = fault.filter(|f| !f.done && !f.is_full()) {
            return Err(fault.error());
        }
        let Some(Entry::File(inode)) = state.disk.entry(path) else {
            return Err(ErrorKind::NotFound.into());
        };
        state
            .disk
            .cut_to(inode, usize::try_from(len).unwrap_or(usize::MAX));
        state.reserved.remove(&inode);
        state.keep();
        state.changes += 1;
        state.disk.sync(inode);
        fault.filter(|f| f.done).map_or(Ok(()), |f| Err(f.error()))
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let (mut state, fault) = self.enter("sync_dir", dir, true);
        if let Some(fault) = fault.filter(|f| !f.done && !f.is_full()) {
            return Err(fault.error());
        }
        if state.disk.entry(dir) != Some(Entry::Dir) {
            return Err(ErrorKind::NotFound.into());
        }
        state.disk.sync_dir(dir);
        fault.filter(|f| f.done).map_or(Ok(()), |f| Err(f.error()))
    }

    fn create_dir(&self, dir: &Path, _mode: u32) -> io::Result<()> {
        let (mut state, fault) = self.enter("create_dir", dir, true);
        let mut missing: Vec<&Path> = dir
            .ancestors()
            .take_while(|a| state.disk.entry(a).is_none())
            .collect();
        if missing.is_empty() {
            return fault
                .filter(|f| !f.lasting)
                .map_or(Ok(()), |f| Err(f.error()));
        }
        if let Some(fault) = fault.filter(|f| !f.done) {
            return Err(fault.error());
        }
        while let Some(dir) = missing.pop() {
            state.disk.name(dir, Entry::Dir);
        }
        fault.map_or(Ok(()), |f| Err(f.error()))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        let (state, fault) = self.enter("list", dir, false);
        if let Some(fault) = fault {
            return Err(fault.error());
        }
        Ok(state.disk.children(dir))
    }

    fn lock(&self, path: &Path, wait: Duration) -> io::Result<Option<Box<dyn Lock>>> {
        let (mut state, fault) = self.enter("lock", path, true);
        if let Some(fault) = fault.filter(|f| !f.lasting || state.disk.entry(path).is_none()) {
            return Err(fault.error());
        }
        if path
            .parent()
            .is_none_or(|dir| state.disk.entry(dir) != Some(Entry::Dir))
        {
            return Err(ErrorKind::NotFound.into());
        }
        if state.disk.entry(path).is_none() {
            state.disk.create(path, 0o600);
        }
        if !state.locks.insert(path.to_path_buf()) {
            state.now += millis(wait);
            return Ok(None);
        }
        Ok(Some(Box::new(SimLock {
            sim: self.clone(),
            path: path.to_path_buf(),
        })))
    }

    fn storage(&self, _path: &Path) -> Storage {
        Storage::Durable
    }

    fn user(&self) -> u32 {
        USER
    }
}

struct SimFile<O: Outside> {
    sim: Sim<O>,
    inode: u64,
    path: PathBuf,
}

impl<O: Outside> File for SimFile<O> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let (mut state, mut fault) = self.sim.enter("write", &self.path, true);
        // What was reserved is there also on a full disk.
        if fault.is_some_and(|f| f.is_full() && f.lasting)
            && state
                .reserved
                .get(&self.inode)
                .is_some_and(|room| *room >= bytes.len())
        {
            fault = None;
        }
        if let Some(room) = state.reserved.get_mut(&self.inode) {
            *room = room.saturating_sub(bytes.len());
        }
        let count = if fault.is_some_and(|f| !f.done) {
            bytes.len() / 2
        } else {
            bytes.len()
        };
        if fault.is_none_or(|f| f.done || f.errno != EROFS) {
            state
                .disk
                .append(self.inode, bytes.get(..count).unwrap_or(bytes));
        }
        fault.map_or(Ok(()), |f| Err(f.error()))
    }

    fn sync(&mut self) -> io::Result<()> {
        let (mut state, fault) = self.sim.enter("sync", &self.path, true);
        match fault {
            Some(fault) if fault.is_full() && fault.lasting => {}
            Some(fault) if !fault.done => {
                state.disk.forget_pending(self.inode);
                return Err(fault.error());
            }
            _ => {}
        }
        state.disk.sync(self.inode);
        fault.filter(|f| f.done).map_or(Ok(()), |f| Err(f.error()))
    }

    fn reserve(&mut self, bytes: u64) -> io::Result<()> {
        let (mut state, fault) = self.sim.enter("reserve", &self.path, true);
        if let Some(fault) = fault {
            return Err(fault.error());
        }
        state
            .reserved
            .insert(self.inode, usize::try_from(bytes).unwrap_or(usize::MAX));
        Ok(())
    }
}

struct SimLock<O: Outside> {
    sim: Sim<O>,
    path: PathBuf,
}

impl<O: Outside> Lock for SimLock<O> {
    fn describe(&mut self, _text: &str) {}
}

impl<O: Outside> Drop for SimLock<O> {
    fn drop(&mut self) {
        self.sim.state().locks.remove(&self.path);
    }
}
