//! Whose turn it is on this machine: the lock of a rotation, and what its file says of the process that has it. The lock goes with
//! the process, also when it is killed; what the file says stays, and tells which run was last begun here.

use super::journal;
use crate::diagnostic::{Error, Failure, Result, codes};
use crate::vault::Vault;
use crate::world::World;
use crate::world::fs::Lock;
use jiff::Timestamp;
use std::cell::RefCell;
use std::path::PathBuf;
use std::time::Duration;

/// A held lock of a rotation.
pub(super) struct Turn {
    lock: RefCell<Box<dyn Lock>>,
    since: Timestamp,
    /// The run that was last begun here before, as far as the file says.
    pub(super) last: Option<String>,
}

/// What the file of a lock says.
#[derive(Default)]
pub(super) struct Noted {
    pub(super) pid: Option<u32>,
    pub(super) since: Option<Timestamp>,
    pub(super) run: Option<String>,
}

/// One run of a rotation at a time.
///
/// # Errors
/// ROT809 when another process has it, ROT820 when it cannot be taken.
pub(super) fn take(world: &World, vault: &Vault, rotation: &str, wait: Duration) -> Result<Turn> {
    let path = path(vault, rotation);
    let failed = |e: std::io::Error| journal::storage(&path, "locked", &e);
    if let Some(folder) = path.parent() {
        world.fs.create_dir(folder, 0o700).map_err(failed)?;
    }
    let Some(lock) = world.fs.lock(&path, wait).map_err(failed)? else {
        let noted = read(world, &path);
        let error = Error::plain(
            Failure::Locked,
            codes::VAULT_LOCKED,
            format!("another process is running rotation `{rotation}`"),
        )
        .help("wait for it to end; `rot status` shows what it does. The lock goes away with the process");
        return Err(match noted.pid {
            Some(pid) => error.note(format!("process {pid}")),
            None => error,
        });
    };
    let turn = Turn {
        lock: RefCell::new(lock),
        since: world.clock.now(),
        last: read(world, &path).run,
    };
    turn.say(turn.last.as_deref());
    Ok(turn)
}

impl Turn {
    /// Notes that a run was begun: its journal is on the disk.
    pub(super) fn began(&self, run: &str) {
        self.say(Some(run));
    }

    fn say(&self, run: Option<&str>) {
        let run = run.map_or_else(String::new, |run| format!("run {run}\n"));
        let pid = std::process::id();
        let text = format!("process {pid}\nsince {}\n{run}", self.since);
        self.lock.borrow_mut().describe(&text);
    }
}

/// Who has a rotation now; `None` when nobody has.
pub(super) fn holder(world: &World, vault: &Vault, rotation: &str) -> Option<Noted> {
    let path = path(vault, rotation);
    world.fs.stat(&path).ok()??;
    match world.fs.lock(&path, Duration::ZERO) {
        Ok(None) => Some(read(world, &path)),
        // It is free, or that cannot be told.
        Ok(Some(_)) | Err(_) => None,
    }
}

/// The run of a rotation that was last begun on this machine, as far as is known.
pub(super) fn last_run(world: &World, vault: &Vault, rotation: &str) -> Option<String> {
    read(world, &path(vault, rotation)).run
}

fn path(vault: &Vault, rotation: &str) -> PathBuf {
    let text = format!("{}\n{rotation}", vault.id());
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    let name = super::functions::hex(digest.as_ref().get(..12).unwrap_or_default());
    vault.state_dir().join("locks").join(format!("{name}.lock"))
}

/// For people, and to word a refusal: nothing that must be right rests on it.
fn read(world: &World, path: &std::path::Path) -> Noted {
    let bytes = world.fs.read(path, 1024).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let mut noted = Noted::default();
    for line in text.lines() {
        match line.split_once(' ') {
            Some(("process", pid)) => noted.pid = pid.parse().ok(),
            Some(("since", at)) => noted.since = at.parse().ok(),
            Some(("run", run)) => noted.run = Some(run.to_owned()),
            _ => {}
        }
    }
    noted
}
