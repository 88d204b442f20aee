//! A world in memory that answers by rule: the same request gets the same answer, and nothing public in an answer depends on
//! what the request carried.

use rot::diagnostic::Result;
use rot::run::{Observer, StepReport};
use rot::vault::{NewVersion, Paths, Secret, StoredValue, Vault, crypt, identity};
use rot::world::clock::Clock;
use rot::world::env::Env;
use rot::world::fs::{File, FileKind, Fs, Lock, Stat, Storage};
use rot::world::http::{Attempt, Http, Request, Response};
use rot::world::process::{Process, Readiness, Start, Trouble};
use rot::world::rng::Rng;
use rot::world::wire::{Call, Session, Wire};
use rot::world::{BoxFuture, World};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use zeroize::Zeroizing;

/// Choices from a seed.
#[derive(Clone)]
pub struct Random(rot::sim::Random);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(rot::sim::Random::new(seed))
    }

    pub fn next(&mut self) -> u64 {
        self.0.next()
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub fn pick<'t, T>(&mut self, items: &'t [T]) -> &'t T {
        &items[self.below(items.len())]
    }
}

/// Files by path; `None` is a folder.
pub type Files = BTreeMap<PathBuf, Option<(Vec<u8>, u32)>>;

struct Memory(Arc<Mutex<Files>>);

struct Handle(Arc<Mutex<Files>>, PathBuf);

struct Held;

impl Lock for Held {
    fn describe(&mut self, _: &str) {}
}

impl File for Handle {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self.0.lock().unwrap().get_mut(&self.1) {
            Some(Some((content, _))) => content.extend_from_slice(bytes),
            _ => return Err(ErrorKind::NotFound.into()),
        }
        Ok(())
    }
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
    fn reserve(&mut self, _: u64) -> io::Result<()> {
        Ok(())
    }
}

impl Fs for Memory {
    fn read(&self, path: &Path, _: u64) -> io::Result<Zeroizing<Vec<u8>>> {
        match self.0.lock().unwrap().get(path) {
            Some(Some((content, _))) => Ok(Zeroizing::new(content.clone())),
            _ => Err(ErrorKind::NotFound.into()),
        }
    }
    fn stat(&self, path: &Path) -> io::Result<Option<Stat>> {
        let stat = |kind, len: usize, mode| Stat {
            kind,
            len: len as u64,
            mode,
            uid: 1000,
            gid: 1000,
            links: 1,
            id: (0, 0),
        };
        Ok(self.0.lock().unwrap().get(path).map(|entry| match entry {
            Some((content, mode)) => stat(FileKind::File, content.len(), *mode),
            None => stat(FileKind::Dir, 0, 0o700),
        }))
    }
    fn create(&self, path: &Path, mode: u32) -> io::Result<Box<dyn File>> {
        let mut files = self.0.lock().unwrap();
        if files.contains_key(path) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        files.insert(path.to_owned(), Some((Vec::new(), mode)));
        Ok(Box::new(Handle(self.0.clone(), path.to_owned())))
    }
    fn append(&self, path: &Path) -> io::Result<Box<dyn File>> {
        if !self.0.lock().unwrap().contains_key(path) {
            return Err(ErrorKind::NotFound.into());
        }
        Ok(Box::new(Handle(self.0.clone(), path.to_owned())))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut files = self.0.lock().unwrap();
        let entry = files.remove(from).ok_or(ErrorKind::NotFound)?;
        files.insert(to.to_owned(), entry);
        Ok(())
    }
    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut files = self.0.lock().unwrap();
        if files.contains_key(to) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        let entry = files.get(from).cloned().ok_or(ErrorKind::NotFound)?;
        files.insert(to.to_owned(), entry);
        Ok(())
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.0
            .lock()
            .unwrap()
            .remove(path)
            .map(|_| ())
            .ok_or_else(|| ErrorKind::NotFound.into())
    }
    fn truncate(&self, path: &Path, len: u64) -> io::Result<()> {
        if let Some(Some((content, _))) = self.0.lock().unwrap().get_mut(path) {
            content.truncate(len as usize);
        }
        Ok(())
    }
    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }
    fn create_dir(&self, dir: &Path, _: u32) -> io::Result<()> {
        let mut files = self.0.lock().unwrap();
        for folder in dir.ancestors() {
            files.entry(folder.to_owned()).or_insert(None);
        }
        Ok(())
    }
    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        Ok(self
            .0
            .lock()
            .unwrap()
            .keys()
            .filter(|p| p.parent() == Some(dir))
            .cloned()
            .collect())
    }
    fn lock(&self, path: &Path, _: Duration) -> io::Result<Option<Box<dyn Lock>>> {
        self.0
            .lock()
            .unwrap()
            .entry(path.to_owned())
            .or_insert(Some((Vec::new(), 0o600)));
        Ok(Some(Box::new(Held)))
    }
    fn storage(&self, _: &Path) -> Storage {
        Storage::Durable
    }
    fn user(&self) -> u32 {
        1000
    }
}

/// Time that moves only when somebody waits.
struct Still(AtomicU64);

impl Clock for Still {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::from_millisecond(1_795_000_000_000 + self.0.load(Ordering::Relaxed) as i64)
            .unwrap()
    }
    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::Relaxed))
    }
    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        self.0
            .fetch_add(duration.as_millis() as u64, Ordering::Relaxed);
        Box::pin(async {})
    }
}

struct Seeded(Mutex<Random>);

impl Rng for Seeded {
    fn fill(&self, bytes: &mut [u8]) -> io::Result<()> {
        let mut random = self.0.lock().unwrap();
        bytes.iter_mut().for_each(|b| *b = random.next() as u8);
        Ok(())
    }
}

/// A person who types what depends on the salt.
struct Person(u64);

impl Env for Person {
    fn var(&self, name: &str) -> Option<String> {
        (name == "REGION").then(|| "eu".to_owned())
    }
    fn ask_secret(&self, _: &str) -> io::Result<Option<Zeroizing<String>>> {
        Ok(Some(Zeroizing::new(format!(
            "typed-{:016x}",
            hash(b"typed", self.0)
        ))))
    }
}

/// Servers: each answers with a credential that depends on all that it was sent (and on `salt`), and with public fields that
/// depend on its own count of requests alone.
pub struct Servers {
    pub salt: u64,
    pub seen: Mutex<Vec<(String, String)>>,
}

fn hash(bytes: &[u8], salt: u64) -> u64 {
    let start = 0xcbf2_9ce4_8422_2325 ^ salt;
    bytes.iter().fold(start, |h, b| {
        (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3)
    })
}

impl Servers {
    /// Notes what somebody was sent, and makes the answer.
    fn answer(&self, host: String, text: String, status: u16) -> Attempt {
        let mut seen = self.seen.lock().unwrap();
        let count = seen.iter().filter(|(h, _)| *h == host).count();
        let credential = format!("minted-{:016x}", hash(text.as_bytes(), self.salt));
        let body = format!(
            r#"{{"v":"{credential}","p":"public-{count}","n":{count},"items":["first","second"],"deep":{{"v":"{credential}","p":"inner"}}}}"#
        );
        seen.push((host, text));
        Attempt::Answered(Response {
            status,
            headers: vec![(
                "content-type".into(),
                Zeroizing::new(b"application/json".to_vec()),
            )],
            body: Zeroizing::new(body.into_bytes()),
            received_at: jiff::Timestamp::from_millisecond(1_795_000_000_000).unwrap(),
        })
    }
}

impl Wire for Servers {
    fn call<'a>(&'a self, session: &'a Session, call: &'a Call) -> BoxFuture<'a, Attempt> {
        let mut text = match &session.login {
            Some((user, password)) => format!("{} {}\n", user.as_str(), password.as_str()),
            None => String::new(),
        };
        match call {
            Call::Statement {
                database, text: it, ..
            } => text.push_str(&format!("{database} {}", it.as_str())),
            Call::Command(words) => {
                for word in words {
                    text.push_str(&format!("{}\n", String::from_utf8_lossy(word)));
                }
            }
        }
        let answer = self.answer(session.host.clone(), text, 200);
        Box::pin(async move { answer })
    }
}

impl Process for Servers {
    fn knows(&self, _: &str) -> bool {
        false
    }
    fn call<'a>(
        &'a self,
        _: &'a str,
        _: &'a [u8],
        _: Duration,
    ) -> BoxFuture<'a, std::result::Result<Zeroizing<Vec<u8>>, Trouble>> {
        Box::pin(async { Err(Trouble::NotStarted) })
    }
    fn ready_program(&self, _: &str) -> Readiness {
        Readiness::Ready
    }
    fn start<'a>(&'a self, start: &'a Start) -> BoxFuture<'a, Attempt> {
        let mut text = start.arguments.join(" ");
        for (name, value) in &start.environment {
            text.push_str(&format!("\n{name}={}", value.as_str()));
        }
        for bytes in start.stdin.iter().chain(&start.file) {
            text.push_str(&format!("\n{}", String::from_utf8_lossy(bytes)));
        }
        let answer = self.answer(format!("program {}", start.program), text, 0);
        Box::pin(async move { answer })
    }
}

impl Http for Servers {
    fn call<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Attempt> {
        let mut text = format!("{} {}\n", request.method, request.url.as_str());
        for (name, value) in &request.headers {
            text.push_str(&format!("{name}: {}\n", String::from_utf8_lossy(value)));
        }
        if let Some(body) = &request.body {
            text.push_str(&String::from_utf8_lossy(body));
        }
        let rest = request
            .url
            .as_str()
            .split_once("://")
            .map_or("", |(_, rest)| rest);
        let host = rest.split(['/', '?']).next().unwrap_or("").to_owned();
        let answer = self.answer(host, text, 200);
        Box::pin(async move { answer })
    }
}

pub fn paths() -> Paths {
    Paths {
        vault: PathBuf::from("/home/v/rot.vault"),
        identities: vec![PathBuf::from("/home/v/identity.txt")],
        state: PathBuf::from("/home/v/state"),
        lock_wait: Duration::ZERO,
    }
}

pub fn world(files: Files, http: Arc<Servers>) -> World {
    World {
        fs: Arc::new(Memory(Arc::new(Mutex::new(files)))),
        env: Arc::new(Person(http.salt)),
        process: http.clone(),
        wire: http.clone(),
        http,
        clock: Arc::new(Still(AtomicU64::new(0))),
        rng: Arc::new(Seeded(Mutex::new(Random::new(7)))),
    }
}

/// Unwraps a result whose value may not be shown.
#[track_caller]
pub fn ok<T>(result: Result<T>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{}: {}", error.diagnostics[0].code.id(), error.message()),
    }
}

/// The files of a vault with these secrets.
pub fn vault_files(secrets: &[(&str, &str)]) -> Files {
    let paths = paths();
    let key = crypt::Identity::generate();
    let now = jiff::Timestamp::from_millisecond(1_795_000_000_000).unwrap();
    let text = identity::render(&key, now).unwrap();
    let mut files = Files::new();
    for folder in Path::new("/home/v/state").ancestors() {
        files.insert(folder.to_owned(), None);
    }
    files.insert(
        paths.identities[0].clone(),
        Some((text.as_bytes().to_vec(), 0o600)),
    );
    let shared = Arc::new(Mutex::new(files));
    let mut made = world(
        Files::new(),
        Arc::new(Servers {
            salt: 0,
            seen: Mutex::default(),
        }),
    );
    made.fs = Arc::new(Memory(shared.clone()));
    let mut vault = ok(Vault::create(&made, &paths, &[]));
    ok(vault.commit(|doc| {
        for (name, value) in secrets {
            let value = StoredValue::Single(Secret::from_text(value));
            let id = format!("{name}-1");
            doc.put_current(
                name,
                NewVersion {
                    id,
                    value,
                    expires_at: None,
                    run: None,
                    rotation: None,
                    created_at: now,
                },
            )?;
        }
        Ok(())
    }));
    drop(vault);
    shared.lock().unwrap().clone()
}

/// A label that a name had during a run: rotation, step, name.
pub type NamedLabel = ((String, Option<String>, String), rot::plan::Label);

/// Keeps what is shown.
#[derive(Default)]
pub struct Watch {
    pub lines: RefCell<Vec<String>>,
    pub labels: RefCell<Vec<NamedLabel>>,
}

impl Observer for Watch {
    fn started(&self, name: &str, kind: &str) {
        self.lines
            .borrow_mut()
            .push(format!("started {name} {kind}"));
    }
    fn ended(&self, step: &StepReport) {
        self.lines.borrow_mut().push(format!(
            "ended {} {} {}",
            step.name, step.status, step.output
        ));
    }
    fn log(&self, line: &str) {
        self.lines.borrow_mut().push(format!("log {line}"));
    }
    fn secret(&self, _: &Secret) {}
    fn rescue(&self, _: &str, advice: &str) {
        self.lines.borrow_mut().push(format!("rescue {advice}"));
    }
    fn named(&self, rotation: &str, step: Option<&str>, name: &str, label: &rot::plan::Label) {
        self.labels.borrow_mut().push((
            (
                rotation.to_owned(),
                step.map(str::to_owned),
                name.to_owned(),
            ),
            label.clone(),
        ));
    }
}
