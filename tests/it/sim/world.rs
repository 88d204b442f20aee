//! The world of one process: disk, issuer, clock and randomness behind the traits of `rot::world`.
//!
//! Nothing really waits: time moves on when nobody has anything left to do. Before each call that may change something, and
//! after the last, the whole world can be kept on a tape; a crash at that instant is the world as it was then, without the
//! process.

use super::disk::{Disk, Entry};
use super::issuer::{Issuer, Respond};
use rot::world::clock::Clock;
use rot::world::env::Env;
use rot::world::fs::{File, FileKind, Fs, Lock, Stat, Storage};
use rot::world::http::{Attempt, Http, Request, Response, Trouble, TroubleKind};
use rot::world::rng::Rng;
use rot::world::{BoxFuture, World};
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use zeroize::Zeroizing;

/// SplitMix64: small, seeded, the same everywhere.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Random(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// What goes wrong with one HTTP exchange.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum HttpFault {
    /// No connection.
    NotSent,
    /// The request is lost on its way.
    LostRequest,
    /// It is executed, and the answer is lost.
    LostAnswer,
    /// It is executed, and half of the answer's body comes.
    HalfAnswer,
    /// It is executed, and the server says 500.
    ErrorAfter,
    /// The server says 500 and has done nothing.
    ErrorBefore,
    /// The server says 429.
    TooMany,
    /// The network is gone from here on.
    Outage,
    /// It is executed, the answer is lost, and the network is gone from here on.
    LostAnswerOutage,
    /// The request is lost, and the network is gone from here on.
    LostRequestOutage,
}

impl HttpFault {
    pub(super) const ALL: [HttpFault; 10] = [
        HttpFault::LostAnswerOutage,
        HttpFault::LostAnswer,
        HttpFault::LostRequestOutage,
        HttpFault::HalfAnswer,
        HttpFault::ErrorAfter,
        HttpFault::Outage,
        HttpFault::NotSent,
        HttpFault::LostRequest,
        HttpFault::ErrorBefore,
        HttpFault::TooMany,
    ];
}

/// What goes wrong with one call to the file system.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct FsFault {
    /// The system's number.
    pub(super) errno: i32,
    /// The call did what it should before it reported the error. (A failed write has written half; a failed sync has
    /// dropped what it should have written.)
    pub(super) done: bool,
    /// All later calls that need the disk fail like it.
    pub(super) lasting: bool,
}

/// The world at an instant, without any process.
#[derive(Clone)]
pub(super) struct Snapshot {
    pub(super) disk: Disk,
    pub(super) issuer: Issuer,
    pub(super) now: i64,
}

pub(super) struct State {
    pub(super) disk: Disk,
    pub(super) issuer: Issuer,
    /// Milliseconds since 1970.
    pub(super) now: i64,
    pub(super) tape: Option<Vec<Snapshot>>,
    pub(super) fs_calls: usize,
    pub(super) http_calls: usize,
    pub(super) fs_fault: Option<(usize, FsFault)>,
    pub(super) http_fault: Option<(usize, HttpFault)>,
    /// Names of the calls to the file system, when they are asked for.
    pub(super) calls: Option<Vec<String>>,
    outage: bool,
    broken: Option<i32>,
    reserved: BTreeMap<u64, usize>,
    locks: BTreeSet<PathBuf>,
    random: Random,
    woken: bool,
    timers: BTreeMap<u64, i64>,
    next_timer: u64,
    /// Marks the last snapshot, so that a world that did not change is kept once.
    taped: u64,
    changes: u64,
}

/// One process in the simulated world.
#[derive(Clone)]
pub(super) struct Sim(Arc<Mutex<State>>);

impl Sim {
    pub(super) fn new(from: &Snapshot, seed: u64) -> Self {
        Sim(Arc::new(Mutex::new(State {
            disk: from.disk.clone(),
            issuer: from.issuer.clone(),
            now: from.now,
            tape: None,
            fs_calls: 0,
            http_calls: 0,
            fs_fault: None,
            http_fault: None,
            calls: None,
            outage: false,
            broken: None,
            reserved: BTreeMap::new(),
            locks: BTreeSet::new(),
            random: Random::new(seed),
            woken: false,
            timers: BTreeMap::new(),
            next_timer: 0,
            taped: u64::MAX,
            changes: 0,
        })))
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(super) fn world(&self) -> World {
        World {
            fs: Arc::new(self.clone()),
            http: Arc::new(self.clone()),
            clock: Arc::new(self.clone()),
            rng: Arc::new(self.clone()),
            env: Arc::new(self.clone()),
            // No plan of these tests has a worker; a real one with no commands knows none.
            process: Arc::new(rot::world::process::RealProcess::default()),
            wire: Arc::new(rot::world::wire::RealWire::default()),
        }
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        self.state().snapshot()
    }

    /// Runs a future to its end; when it waits for time alone, time moves on.
    pub(super) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        let mut future = std::pin::pin!(future);
        let mut context = Context::from_waker(Waker::noop());
        loop {
            if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
                self.state().tape();
                return value;
            }
            let mut state = self.state();
            if !std::mem::take(&mut state.woken) {
                let next = state
                    .timers
                    .values()
                    .min()
                    .copied()
                    .expect("everybody waits for nothing");
                state.now = state.now.max(next);
            }
        }
    }

    /// Counts a call and says what goes wrong with it.
    fn enter(
        &self,
        name: &str,
        path: &Path,
        needs_disk: bool,
    ) -> (MutexGuard<'_, State>, Option<FsFault>) {
        let mut state = self.state();
        if needs_disk {
            state.tape();
            state.changes += 1;
        }
        let index = state.fs_calls;
        state.fs_calls += 1;
        if let Some(calls) = &mut state.calls {
            calls.push(format!("{name} {}", path.display()));
        }
        let fault = match state.fs_fault {
            Some((at, fault)) if at == index => {
                if fault.lasting {
                    state.broken = Some(fault.errno);
                }
                Some(fault)
            }
            _ => state.broken.filter(|_| needs_disk).map(|errno| FsFault {
                errno,
                done: false,
                lasting: true,
            }),
        };
        (state, fault)
    }
}

impl State {
    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot {
            disk: self.disk.clone(),
            issuer: self.issuer.clone(),
            now: self.now,
        }
    }

    fn tape(&mut self) {
        if self.tape.is_some() && self.taped != self.changes {
            self.taped = self.changes;
            let snapshot = self.snapshot();
            self.tape.get_or_insert_default().push(snapshot);
        }
    }
}

fn error(fault: FsFault) -> io::Error {
    io::Error::from_raw_os_error(fault.errno)
}

const ENOSPC: i32 = 28;

impl Fs for Sim {
    fn read(&self, path: &Path, limit: u64) -> io::Result<Zeroizing<Vec<u8>>> {
        let (state, fault) = self.enter("read", path, false);
        if let Some(fault) = fault {
            return Err(error(fault));
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
            return Err(error(fault));
        }
        Ok(state.disk.entry(path).map(|entry| match entry {
            Entry::Dir => Stat {
                kind: FileKind::Dir,
                len: 0,
                mode: 0o700,
                uid: 1000,
                gid: 1000,
                links: 2,
            },
            Entry::File(inode) => Stat {
                kind: FileKind::File,
                len: state.disk.content(inode).len() as u64,
                mode: state.disk.mode(inode),
                uid: 1000,
                gid: 1000,
                links: state.disk.links(inode) as u64,
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
            return Err(error(fault));
        }
        let inode = state.disk.create(path, mode);
        match fault {
            Some(fault) => Err(error(fault)),
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
            return Err(error(fault));
        }
        if state.disk.entry(dir) != Some(Entry::Dir) {
            return Err(ErrorKind::NotFound.into());
        }
        let inode = state.disk.nameless();
        state
            .reserved
            .insert(inode, usize::try_from(bytes).unwrap());
        Ok(Some(Box::new(SimFile {
            sim: self.clone(),
            inode,
            path: dir.to_path_buf(),
        })))
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn File>> {
        let (state, fault) = self.enter("append", path, true);
        if let Some(fault) = fault.filter(|f| f.errno != ENOSPC) {
            return Err(error(fault));
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
            return Err(error(fault));
        }
        if state.disk.entry(from).is_none() {
            return Err(ErrorKind::NotFound.into());
        }
        assert_eq!(
            from.parent(),
            to.parent(),
            "a rename across directories is not atomic everywhere"
        );
        state.disk.rename(from, to);
        fault.map_or(Ok(()), |f| Err(error(f)))
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let (mut state, fault) = self.enter("link", from, true);
        if let Some(fault) = fault.filter(|f| !f.done) {
            return Err(error(fault));
        }
        if state.disk.entry(to).is_some() {
            return Err(ErrorKind::AlreadyExists.into());
        }
        let entry = state.disk.entry(from).ok_or(ErrorKind::NotFound)?;
        state.disk.name(to, entry);
        fault.map_or(Ok(()), |f| Err(error(f)))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let (mut state, fault) = self.enter("remove", path, true);
        if let Some(fault) = fault.filter(|f| !f.done && f.errno != ENOSPC) {
            return Err(error(fault));
        }
        if state.disk.entry(path).is_none() {
            return Err(ErrorKind::NotFound.into());
        }
        state.disk.unname(path);
        fault.filter(|f| f.done).map_or(Ok(()), |f| Err(error(f)))
    }

    fn truncate(&self, path: &Path, len: u64) -> io::Result<()> {
        let (mut state, fault) = self.enter("truncate", path, true);
        if let Some(fault) = fault.filter(|f| !f.done && f.errno != ENOSPC) {
            return Err(error(fault));
        }
        let Some(Entry::File(inode)) = state.disk.entry(path) else {
            return Err(ErrorKind::NotFound.into());
        };
        state.disk.cut_to(inode, usize::try_from(len).unwrap());
        state.reserved.remove(&inode);
        state.tape();
        state.changes += 1;
        state.disk.sync(inode);
        fault.filter(|f| f.done).map_or(Ok(()), |f| Err(error(f)))
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let (mut state, fault) = self.enter("sync_dir", dir, true);
        if let Some(fault) = fault.filter(|f| !f.done && f.errno != ENOSPC) {
            return Err(error(fault));
        }
        if state.disk.entry(dir) != Some(Entry::Dir) {
            return Err(ErrorKind::NotFound.into());
        }
        state.disk.sync_dir(dir);
        fault.filter(|f| f.done).map_or(Ok(()), |f| Err(error(f)))
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
                .map_or(Ok(()), |f| Err(error(f)));
        }
        if let Some(fault) = fault.filter(|f| !f.done) {
            return Err(error(fault));
        }
        while let Some(dir) = missing.pop() {
            state.disk.name(dir, Entry::Dir);
        }
        fault.map_or(Ok(()), |f| Err(error(f)))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        let (state, fault) = self.enter("list", dir, false);
        if let Some(fault) = fault {
            return Err(error(fault));
        }
        Ok(state.disk.children(dir))
    }

    fn lock(&self, path: &Path, wait: Duration) -> io::Result<Option<Box<dyn Lock>>> {
        let (mut state, fault) = self.enter("lock", path, true);
        if let Some(fault) = fault.filter(|f| !f.lasting || state.disk.entry(path).is_none()) {
            return Err(error(fault));
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
            state.now += i64::try_from(wait.as_millis()).unwrap();
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
        1000
    }
}

struct SimFile {
    sim: Sim,
    inode: u64,
    path: PathBuf,
}

impl File for SimFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let (mut state, mut fault) = self.sim.enter("write", &self.path, true);
        // What was reserved is there also on a full disk.
        if fault.is_some_and(|f| f.errno == ENOSPC && f.lasting)
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
        if fault.is_none_or(|f| f.done || f.errno != 30) {
            state.disk.append(self.inode, &bytes[..count]);
        }
        fault.map_or(Ok(()), |f| Err(error(f)))
    }

    fn sync(&mut self) -> io::Result<()> {
        let (mut state, fault) = self.sim.enter("sync", &self.path, true);
        match fault {
            Some(fault) if fault.errno == ENOSPC && fault.lasting => {}
            Some(fault) if !fault.done => {
                state.disk.forget_pending(self.inode);
                return Err(error(fault));
            }
            _ => {}
        }
        state.disk.sync(self.inode);
        fault.filter(|f| f.done).map_or(Ok(()), |f| Err(error(f)))
    }

    fn reserve(&mut self, bytes: u64) -> io::Result<()> {
        let (mut state, fault) = self.sim.enter("reserve", &self.path, true);
        if let Some(fault) = fault {
            return Err(error(fault));
        }
        state
            .reserved
            .insert(self.inode, usize::try_from(bytes).unwrap());
        Ok(())
    }
}

struct SimLock {
    sim: Sim,
    path: PathBuf,
}

impl Lock for SimLock {
    fn describe(&mut self, _text: &str) {}
}

impl Drop for SimLock {
    fn drop(&mut self) {
        self.sim.state().locks.remove(&self.path);
    }
}

impl Http for Sim {
    fn call<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Attempt> {
        Box::pin(async move {
            let attempt = self.exchange(request);
            // Others go on while the answer is on its way.
            Yield(self, false).await;
            let mut state = self.state();
            state.tape();
            state.now += 50;
            attempt
        })
    }
}

impl Sim {
    fn exchange(&self, request: &Request) -> Attempt {
        let mut state = self.state();
        state.tape();
        state.changes += 1;
        let index = state.http_calls;
        state.http_calls += 1;
        let fault = state
            .http_fault
            .filter(|(at, _)| *at == index)
            .map(|(_, fault)| fault);
        let trouble = |kind, message: &str| Trouble {
            kind,
            message: message.to_owned(),
        };
        if state.outage {
            return Attempt::NotSent(trouble(TroubleKind::Connect, "no route to host"));
        }
        if matches!(
            fault,
            Some(HttpFault::Outage | HttpFault::LostAnswerOutage | HttpFault::LostRequestOutage)
        ) {
            state.outage = true;
        }
        let received_at = jiff::Timestamp::from_millisecond(state.now).unwrap();
        let plain = |status, headers: Vec<(String, Zeroizing<Vec<u8>>)>| {
            Attempt::Answered(Response {
                status,
                headers,
                body: Zeroizing::new(Vec::new()),
                received_at,
            })
        };
        match fault {
            Some(HttpFault::NotSent | HttpFault::Outage) => {
                return Attempt::NotSent(trouble(TroubleKind::Connect, "connection refused"));
            }
            Some(HttpFault::LostRequest | HttpFault::LostRequestOutage) => {
                return Attempt::Unknown(
                    trouble(TroubleKind::Reset, "the connection was closed"),
                    None,
                );
            }
            Some(HttpFault::ErrorBefore) => return plain(500, Vec::new()),
            Some(HttpFault::TooMany) => {
                return plain(
                    429,
                    vec![("retry-after".into(), Zeroizing::new(b"1".to_vec()))],
                );
            }
            _ => {}
        }
        let State {
            disk, issuer, now, ..
        } = &mut *state;
        let Respond { status, body } = issuer.execute(request, *now, disk);
        let headers = vec![(
            "content-type".to_owned(),
            Zeroizing::new(b"application/json".to_vec()),
        )];
        let answer = |count: usize| Response {
            status,
            headers: headers.clone(),
            body: Zeroizing::new(body.as_bytes()[..count].to_vec()),
            received_at,
        };
        match fault {
            Some(HttpFault::LostAnswer | HttpFault::LostAnswerOutage) => Attempt::Unknown(
                trouble(TroubleKind::Timeout, "the server did not answer in time"),
                None,
            ),
            Some(HttpFault::HalfAnswer) => Attempt::Unknown(
                trouble(TroubleKind::Reset, "the connection was closed"),
                Some(answer(body.len() / 2)),
            ),
            Some(HttpFault::ErrorAfter) => plain(500, Vec::new()),
            _ => Attempt::Answered(answer(body.len())),
        }
    }
}

/// Lets everybody else go on once.
struct Yield<'a>(&'a Sim, bool);

impl Future for Yield<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.1 {
            return Poll::Ready(());
        }
        self.1 = true;
        self.0.state().woken = true;
        Poll::Pending
    }
}

impl Clock for Sim {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::from_millisecond(self.state().now).unwrap()
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.state().now).unwrap())
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        let mut state = self.state();
        let until = state.now + i64::try_from(duration.as_millis()).unwrap();
        state.next_timer += 1;
        let id = state.next_timer;
        drop(state);
        Box::pin(Sleep {
            sim: self.clone(),
            id,
            until,
        })
    }
}

struct Sleep {
    sim: Sim,
    id: u64,
    until: i64,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        let mut state = self.sim.state();
        if state.now >= self.until {
            return Poll::Ready(());
        }
        state.timers.insert(self.id, self.until);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.sim.state().timers.remove(&self.id);
    }
}

impl Rng for Sim {
    fn fill(&self, bytes: &mut [u8]) -> io::Result<()> {
        let mut state = self.state();
        for chunk in bytes.chunks_mut(8) {
            let word = state.random.next().to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
        Ok(())
    }
}

impl Env for Sim {
    fn var(&self, _name: &str) -> Option<String> {
        None
    }

    fn ask_secret(&self, _prompt: &str) -> io::Result<Option<Zeroizing<String>>> {
        Ok(None)
    }
}
