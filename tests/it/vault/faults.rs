//! A file system that fails at every call in turn: the vault is then the old one or the new one, whole.

use super::support::*;
use rot::vault::{Paths, Vault};
use rot::world::World;
use rot::world::fs::{File, Fs, Lock, RealFs, Stat, Storage};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;
use zeroize::Zeroizing;

/// Counts the calls that change something and fails those that it was told to.
#[derive(Clone, Default)]
struct Plan(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    calls: Vec<&'static str>,
    fail: Vec<usize>,
    /// All calls after the first failing one fail too, as if the process were dead.
    dead: bool,
    failed: bool,
}

impl Plan {
    fn step(&self, call: &'static str) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        let index = state.calls.len();
        state.calls.push(call);
        if state.fail.contains(&index) || (state.dead && state.failed) {
            state.failed = true;
            return Err(io::Error::other("injected"));
        }
        Ok(())
    }
}

struct Faulty(Plan);

impl Fs for Faulty {
    fn read(&self, path: &Path, limit: u64) -> io::Result<Zeroizing<Vec<u8>>> {
        RealFs.read(path, limit)
    }
    fn stat(&self, path: &Path) -> io::Result<Option<Stat>> {
        RealFs.stat(path)
    }
    fn create(&self, path: &Path, mode: u32) -> io::Result<Box<dyn File>> {
        self.0.step("create")?;
        Ok(Box::new(FaultyFile(
            RealFs.create(path, mode)?,
            self.0.clone(),
        )))
    }
    fn append(&self, path: &Path) -> io::Result<Box<dyn File>> {
        RealFs.append(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.step("rename")?;
        RealFs.rename(from, to)
    }
    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.step("link")?;
        RealFs.hard_link(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.0.step("remove")?;
        RealFs.remove(path)
    }
    fn truncate(&self, path: &Path, len: u64) -> io::Result<()> {
        RealFs.truncate(path, len)
    }
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.0.step("sync_dir")?;
        RealFs.sync_dir(dir)
    }
    fn create_dir(&self, dir: &Path, mode: u32) -> io::Result<()> {
        self.0.step("create_dir")?;
        RealFs.create_dir(dir, mode)
    }
    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        RealFs.list(dir)
    }
    fn lock(&self, path: &Path, wait: Duration) -> io::Result<Option<Box<dyn Lock>>> {
        self.0.step("lock")?;
        RealFs.lock(path, wait)
    }
    fn storage(&self, path: &Path) -> Storage {
        RealFs.storage(path)
    }
    fn user(&self) -> u32 {
        RealFs.user()
    }
}

struct FaultyFile(Box<dyn File>, Plan);

impl File for FaultyFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Err(error) = self.1.step("write") {
            // As much as half of it may have arrived.
            self.0.write(&bytes[..bytes.len() / 2])?;
            return Err(error);
        }
        self.0.write(bytes)
    }
    fn sync(&mut self) -> io::Result<()> {
        self.1.step("sync")?;
        self.0.sync()
    }
    fn reserve(&mut self, bytes: u64) -> io::Result<()> {
        self.1.step("reserve")?;
        self.0.reserve(bytes)
    }
}

/// Commits once with the given calls failing; the commit's outcome, and which calls were made.
fn commit(
    home: &Home,
    paths: &Paths,
    fail: &[usize],
    dead: bool,
) -> (Result<(), (&'static str, u8)>, Vec<&'static str>) {
    let plan = Plan::default();
    let world = World {
        fs: Arc::new(Faulty(plan.clone())),
        ..home.world.clone()
    };
    let mut vault = ok(Vault::open(&world, paths));
    *plan.0.lock().unwrap() = State {
        fail: fail.to_vec(),
        dead,
        ..State::default()
    };
    let result = vault.commit(|doc| doc.put_current("a", single("v2", "new")));
    let result = result.map_err(|e| (e.diagnostics[0].code.id(), e.failure.exit_code()));
    let calls = plan.0.lock().unwrap().calls.clone();
    (result, calls)
}

fn home() -> Home {
    let home = Home::new();
    home.put("a", "v1", "old");
    home
}

#[test]
fn a_commit_writes_in_the_safe_order() {
    let home = home();
    let (result, calls) = commit(&home, &home.paths, &[], false);
    assert_eq!(result, Ok(()));
    let vault_part = [
        "lock", "create", "reserve", "write", "sync", "remove", "link", "rename", "sync_dir",
    ];
    assert_eq!(calls[..vault_part.len()], vault_part);
}

#[test]
fn every_failing_call_and_every_crash_leaves_one_whole_vault() {
    let count = commit(&home(), &home().paths, &[], false).1.len();
    let mut outcomes = std::collections::BTreeSet::new();
    for dead in [false, true] {
        for index in 0..count {
            let home = home();
            let (result, calls) = commit(&home, &home.paths, &[index], dead);
            let what = format!("{} (call {index}, dead: {dead})", calls[index]);
            let after = home.open();
            let value = current(&after, "a", None).unwrap();
            match result {
                Ok(()) => assert_eq!(value, "new", "{what}: reported as stored"),
                Err(("ROT820", 20)) => assert_eq!(value, "old", "{what}: reported as not stored"),
                Err(("ROT820", 22)) => assert!(["old", "new"].contains(&value.as_str()), "{what}"),
                Err(other) => panic!("{what}: {other:?}"),
            }
            outcomes.insert(result.map_or_else(|(_, exit)| exit, |()| 0));
            // The next writer goes on, and sweeps up.
            let vault = home.put("a", "v3", "next");
            assert_eq!(current(&vault, "a", None).unwrap(), "next");
            let left = std::fs::read_dir(home.dir.path()).unwrap().filter(|e| {
                e.as_ref()
                    .unwrap()
                    .path()
                    .extension()
                    .is_some_and(|x| x == "tmp")
            });
            assert_eq!(left.count(), 0, "{what}");
        }
    }
    assert_eq!(
        outcomes.into_iter().collect::<Vec<_>>(),
        [0, 20, 22],
        "all three outcomes were met"
    );
}

#[test]
fn a_failed_sync_is_tried_again_with_new_files_and_only_twice() {
    let syncs = |calls: &[&str]| calls.iter().filter(|c| **c == "create").count();
    // Calls: lock, then create, reserve, write, sync and remove for each failing file.
    let home_a = home();
    let (result, calls) = commit(&home_a, &home_a.paths, &[4, 9], false);
    assert_eq!(result, Ok(()));
    assert_eq!(
        calls[..11],
        [
            "lock", "create", "reserve", "write", "sync", "remove", "create", "reserve", "write",
            "sync", "remove"
        ]
    );
    let home_b = home();
    let (result, calls) = commit(&home_b, &home_b.paths, &[4, 9, 14], false);
    assert_eq!(result, Err(("ROT820", 20)));
    assert_eq!(syncs(&calls), 3);
    assert_eq!(current(&home_b.open(), "a", None).unwrap(), "old");
}
