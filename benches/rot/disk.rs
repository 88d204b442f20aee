//! The real file system with a clock on it: how often a run syncs, and how long it waits for files in all.

use rot::world::fs::{File, Fs, Lock, RealFs, Stat, Storage};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// What was done to files so far.
#[derive(Default)]
pub struct Meter {
    syncs: AtomicU64,
    in_syncs: AtomicU64,
    in_all: AtomicU64,
}

impl Meter {
    fn time<T>(&self, call: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = call();
        self.in_all.fetch_add(nanos(start), Ordering::Relaxed);
        result
    }

    fn sync<T>(&self, call: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = self.time(call);
        self.syncs.fetch_add(1, Ordering::Relaxed);
        self.in_syncs.fetch_add(nanos(start), Ordering::Relaxed);
        result
    }

    /// Syncs, time in them and time in all calls, for each of `runs`.
    pub fn per_run(&self, runs: u32) -> (f64, Duration, Duration) {
        let part = |total: &AtomicU64| Duration::from_nanos(total.load(Ordering::Relaxed)) / runs;
        (
            self.syncs.load(Ordering::Relaxed) as f64 / f64::from(runs),
            part(&self.in_syncs),
            part(&self.in_all),
        )
    }

    /// Forgets what was before.
    pub fn reset(&self) {
        [&self.syncs, &self.in_syncs, &self.in_all]
            .iter()
            .for_each(|count| count.store(0, Ordering::Relaxed));
    }
}

fn nanos(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_nanos()).unwrap()
}

/// [`RealFs`], metered.
pub struct Metered(pub Arc<Meter>);

struct MeteredFile(Arc<Meter>, Box<dyn File>);

impl File for MeteredFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.time(|| self.1.write(bytes))
    }
    fn sync(&mut self) -> io::Result<()> {
        self.0.sync(|| self.1.sync())
    }
    fn reserve(&mut self, bytes: u64) -> io::Result<()> {
        self.0.time(|| self.1.reserve(bytes))
    }
}

impl Metered {
    fn file(&self, open: impl FnOnce() -> io::Result<Box<dyn File>>) -> io::Result<Box<dyn File>> {
        let file = self.0.time(open)?;
        Ok(Box::new(MeteredFile(self.0.clone(), file)))
    }
}

impl Fs for Metered {
    fn read(&self, path: &Path, limit: u64) -> io::Result<Zeroizing<Vec<u8>>> {
        self.0.time(|| RealFs.read(path, limit))
    }
    fn stat(&self, path: &Path) -> io::Result<Option<Stat>> {
        self.0.time(|| RealFs.stat(path))
    }
    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        self.0.time(|| RealFs.resolve(path))
    }
    fn create(&self, path: &Path, mode: u32) -> io::Result<Box<dyn File>> {
        self.file(|| RealFs.create(path, mode))
    }
    fn append(&self, path: &Path) -> io::Result<Box<dyn File>> {
        self.file(|| RealFs.append(path))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.time(|| RealFs.rename(from, to))
    }
    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.time(|| RealFs.hard_link(from, to))
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.0.time(|| RealFs.remove(path))
    }
    fn truncate(&self, path: &Path, len: u64) -> io::Result<()> {
        self.0.sync(|| RealFs.truncate(path, len))
    }
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.0.sync(|| RealFs.sync_dir(dir))
    }
    fn create_dir(&self, dir: &Path, mode: u32) -> io::Result<()> {
        self.0.time(|| RealFs.create_dir(dir, mode))
    }
    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        self.0.time(|| RealFs.list(dir))
    }
    fn lock(&self, path: &Path, wait: Duration) -> io::Result<Option<Box<dyn Lock>>> {
        self.0.time(|| RealFs.lock(path, wait))
    }
    fn storage(&self, path: &Path) -> Storage {
        self.0.time(|| RealFs.storage(path))
    }
    fn user(&self) -> u32 {
        RealFs.user()
    }
}
