//! One machine of the simulated world: its state, its time, and how a future is run in it.
//!
//! Before each call that may change something, and after the last, the whole world can be kept on a tape; a crash at that
//! instant is the world as it was then, without the process.

use super::Outside;
use super::disk::Disk;
use super::fault::{FsFault, HttpFault};
use super::random::Random;
use crate::world::clock::Clock;
use crate::world::env::Env;
use crate::world::http::{Attempt, Http, Request};
use crate::world::process::{Process, Readiness, Start, Trouble};
use crate::world::rng::Rng;
use crate::world::wire::{Call, Session, SqlServer, Wire};
use crate::world::{BoxFuture, World};
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use zeroize::Zeroizing;

/// The world at an instant, without any process.
#[derive(Clone)]
pub struct Snapshot<O> {
    /// The disk.
    pub disk: Disk,
    /// What is outside the machine.
    pub outside: O,
    /// Milliseconds since 1970.
    pub now: i64,
}

/// Done while a request is on its way, once: another process in the same world.
pub type Interruption<O> = Box<dyn FnOnce(&Sim<O>) + Send>;

/// A machine while a process runs on it.
pub struct State<O> {
    /// The disk.
    pub disk: Disk,
    /// What is outside the machine.
    pub outside: O,
    /// Milliseconds since 1970.
    pub now: i64,
    /// The worlds at each change, when they are asked for.
    pub tape: Option<Vec<Snapshot<O>>>,
    /// Calls to the file system so far.
    pub fs_calls: usize,
    /// HTTP exchanges so far.
    pub http_calls: usize,
    /// The call to the file system that fails, counted from 0, and how.
    pub fs_fault: Option<(usize, FsFault)>,
    /// The exchange that fails, counted from 0, and how.
    pub http_fault: Option<(usize, HttpFault)>,
    /// The exchange during which something else happens, counted from 0.
    pub interruption: Option<(usize, Interruption<O>)>,
    /// From this exchange on, counted from 0, the disk is full.
    pub full_from: Option<usize>,
    /// Names of the calls to the file system, when they are asked for.
    pub calls: Option<Vec<String>>,
    pub(super) outage: bool,
    pub(super) broken: Option<FsFault>,
    pub(super) reserved: BTreeMap<u64, usize>,
    pub(super) locks: BTreeSet<PathBuf>,
    pub(super) changes: u64,
    random: Random,
    pub(super) woken: bool,
    timers: BTreeMap<u64, i64>,
    next_timer: u64,
    /// Marks the last snapshot, so that a world that did not change is kept once.
    taped: u64,
}

/// A machine of the simulated world: all of [`World`] in one handle.
pub struct Sim<O>(Arc<Mutex<State<O>>>);

impl<O> Clone for Sim<O> {
    fn clone(&self) -> Self {
        Sim(self.0.clone())
    }
}

impl<O: Outside> Sim<O> {
    /// A machine that was just switched on.
    pub fn new(from: &Snapshot<O>, seed: u64) -> Self {
        Sim(Arc::new(Mutex::new(State {
            disk: from.disk.clone(),
            outside: from.outside.clone(),
            now: from.now,
            tape: None,
            fs_calls: 0,
            http_calls: 0,
            fs_fault: None,
            http_fault: None,
            interruption: None,
            full_from: None,
            calls: None,
            outage: false,
            broken: None,
            reserved: BTreeMap::new(),
            locks: BTreeSet::new(),
            changes: 0,
            random: Random::new(seed),
            woken: false,
            timers: BTreeMap::new(),
            next_timer: 0,
            taped: u64::MAX,
        })))
    }

    /// Its state, to be held for a moment only.
    pub fn state(&self) -> MutexGuard<'_, State<O>> {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// As a world that interpreter and vault can work in.
    pub fn world(&self) -> World {
        World {
            fs: Arc::new(self.clone()),
            http: Arc::new(self.clone()),
            clock: Arc::new(self.clone()),
            rng: Arc::new(self.clone()),
            env: Arc::new(self.clone()),
            process: Arc::new(self.clone()),
            wire: Arc::new(self.clone()),
        }
    }

    /// The world as it is now, without any process.
    pub fn snapshot(&self) -> Snapshot<O> {
        self.state().snapshot()
    }

    /// Runs a future to its end; when it waits for time alone, time moves on. `None` when it waits for nothing that could come.
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        let mut future = std::pin::pin!(future);
        let mut context = Context::from_waker(Waker::noop());
        loop {
            if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
                self.state().keep();
                return Some(value);
            }
            let mut state = self.state();
            if !std::mem::take(&mut state.woken) {
                let next = state.timers.values().min().copied()?;
                state.now = state.now.max(next);
            }
        }
    }

    /// Counts a call and says what goes wrong with it.
    pub(super) fn enter(
        &self,
        name: &str,
        path: &Path,
        needs_disk: bool,
    ) -> (MutexGuard<'_, State<O>>, Option<FsFault>) {
        let mut state = self.state();
        if needs_disk {
            state.keep();
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
                    state.broken = Some(fault);
                }
                Some(fault)
            }
            _ => state.broken.filter(|_| needs_disk).map(|fault| FsFault {
                done: false,
                lasting: true,
                ..fault
            }),
        };
        (state, fault)
    }
}

impl<O: Outside> State<O> {
    /// The world as it is now, without any process.
    pub fn snapshot(&self) -> Snapshot<O> {
        Snapshot {
            disk: self.disk.clone(),
            outside: self.outside.clone(),
            now: self.now,
        }
    }

    /// Puts the world on the tape where there is one.
    pub(super) fn keep(&mut self) {
        if self.tape.is_some() && self.taped != self.changes {
            self.taped = self.changes;
            let snapshot = self.snapshot();
            self.tape.get_or_insert_default().push(snapshot);
        }
    }

    pub(super) fn timestamp(&self) -> jiff::Timestamp {
        jiff::Timestamp::from_millisecond(self.now).unwrap_or_default()
    }
}

/// Milliseconds, as the machine counts them.
pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 4)
}

impl<O: Outside> Clock for Sim<O> {
    fn now(&self) -> jiff::Timestamp {
        self.state().timestamp()
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.state().now).unwrap_or(0))
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        let mut state = self.state();
        let until = state.now.saturating_add(millis(duration));
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

struct Sleep<O: Outside> {
    sim: Sim<O>,
    id: u64,
    until: i64,
}

impl<O: Outside> Future for Sleep<O> {
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

impl<O: Outside> Drop for Sleep<O> {
    fn drop(&mut self) {
        self.sim.state().timers.remove(&self.id);
    }
}

impl<O: Outside> Rng for Sim<O> {
    fn fill(&self, bytes: &mut [u8]) -> io::Result<()> {
        let mut state = self.state();
        for chunk in bytes.chunks_mut(8) {
            let word = state.random.next().to_le_bytes();
            chunk.iter_mut().zip(word).for_each(|(to, from)| *to = from);
        }
        Ok(())
    }
}

impl<O: Outside> Env for Sim<O> {
    fn var(&self, name: &str) -> Option<String> {
        self.state().outside.variable(name)
    }

    fn ask_secret(&self, prompt: &str) -> io::Result<Option<Zeroizing<String>>> {
        Ok(self.state().outside.ask(prompt))
    }
}

/// The method under which the start of a program is heard.
pub const PROGRAM: &str = "EXEC";
/// The name under which an argument of a program stands among the headers of what [`in_place`] of it is heard.
const ARGUMENT: &str = "argument:";
/// The same of the file in memory that it is given.
const FILE: &str = "file:";

/// What an exchange that is not HTTP is to the outside: a request whose URL says what is spoken, so that answers get lost and
/// processes end around it as around any other.
fn in_place<'a>(
    method: &str,
    url: String,
    headers: impl Iterator<Item = (&'a str, &'a [u8])>,
    body: Option<Zeroizing<Vec<u8>>>,
) -> Request {
    Request {
        method: method.to_owned(),
        url: Zeroizing::new(url),
        headers: headers
            .map(|(name, value)| (name.to_owned(), Zeroizing::new(value.to_vec())))
            .collect(),
        body,
        secret: false,
        limits: crate::world::http::Limits::default(),
    }
}

impl<O: Outside> Sim<O> {
    async fn call_out(&self, request: Request) -> Attempt {
        Http::call(self, &request).await
    }
}

impl<O: Outside> Wire for Sim<O> {
    fn call<'a>(&'a self, session: &'a Session, call: &'a Call) -> BoxFuture<'a, Attempt> {
        let at = format!("{}:{}", session.host, session.port);
        let login = session.login.iter();
        let headers = login.map(|(user, password)| (user.as_str(), password.as_bytes()));
        let request = match call {
            Call::Statement {
                server,
                database,
                text,
            } => {
                let scheme = match server {
                    SqlServer::Postgres => "postgres",
                    SqlServer::Mysql => "mysql",
                };
                let body = Zeroizing::new(text.as_bytes().to_vec());
                in_place(
                    "SQL",
                    format!("{scheme}://{at}/{database}"),
                    headers,
                    Some(body),
                )
            }
            Call::Command(words) => {
                let words: Vec<&[u8]> = words.iter().map(|word| word.as_slice()).collect();
                let body = Zeroizing::new(words.join(&b' '));
                in_place("REDIS", format!("redis://{at}"), headers, Some(body))
            }
        };
        Box::pin(async move { self.call_out(request).await })
    }
}

impl<O: Outside> Process for Sim<O> {
    fn knows(&self, worker: &str) -> bool {
        self.state().outside.knows(worker)
    }

    fn ready_program(&self, program: &str) -> Readiness {
        match self.state().outside.knows(program) {
            true => Readiness::Ready,
            false => Readiness::Undeclared,
        }
    }

    fn start<'a>(&'a self, start: &'a Start) -> BoxFuture<'a, Attempt> {
        let body = start.stdin.clone();
        let environment = start
            .environment
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_bytes()));
        let arguments = start.arguments.iter().map(|a| (ARGUMENT, a.as_bytes()));
        let file = start.file.iter().map(|file| (FILE, file.as_slice()));
        let headers = environment.chain(arguments).chain(file);
        let request = in_place(PROGRAM, format!("exec://{}", start.program), headers, body);
        Box::pin(async move { self.call_out(request).await })
    }

    fn call<'a>(
        &'a self,
        worker: &'a str,
        input: &'a [u8],
        _timeout: Duration,
    ) -> BoxFuture<'a, Result<Zeroizing<Vec<u8>>, Trouble>> {
        let output = self.state().outside.work(worker, input);
        Box::pin(async move { output.map(Zeroizing::new).ok_or(Trouble::NotStarted) })
    }
}
