//! A run in a world of its own: real files, scripted answers, a clock that jumps over every wait.

use rot::diagnostic::Result;
use rot::plan::{Plan, document};
use rot::run::{Job, Passed, RunReport, Silent};
use rot::vault::{NewVersion, Paths, Secret, StoredValue, Vault, crypt, identity};
use rot::world::BoxFuture;
use rot::world::World;
use rot::world::http::{Attempt, Http, Request, Response, Trouble, TroubleKind};
use rot::world::process::RealProcess;
use serde_json::Value as Json;
use std::cell::RefCell;
use std::collections::HashMap;
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use zeroize::Zeroizing;

pub const NOW: &str = "2026-11-23T12:00:00Z";

/// A clock that moves only when somebody waits, and remembers for how long.
#[derive(Default)]
pub struct Jumping {
    /// How many seconds this clock is ahead.
    ahead: i64,
    passed: Mutex<Duration>,
    slept: Mutex<Vec<u64>>,
}

impl Jumping {
    /// Lets time go by.
    pub fn pass(&self, duration: Duration) {
        *self.passed.lock().unwrap() += duration;
    }
}

impl rot::world::clock::Clock for Jumping {
    fn now(&self) -> jiff::Timestamp {
        let start: jiff::Timestamp = NOW.parse().unwrap();
        let passed = jiff::SignedDuration::try_from(*self.passed.lock().unwrap()).unwrap();
        start + passed + jiff::SignedDuration::from_secs(self.ahead)
    }
    fn monotonic(&self) -> Duration {
        *self.passed.lock().unwrap()
    }
    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        self.slept
            .lock()
            .unwrap()
            .push(u64::try_from(duration.as_millis()).unwrap());
        *self.passed.lock().unwrap() += duration;
        Box::pin(tokio::task::yield_now())
    }
}

/// What was sent.
#[derive(Debug, Clone)]
pub struct Sent {
    pub method: String,
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Option<String>,
}

/// Answers by path, in the order of the script; each is given once. `times` repeats one. Without one: 200 and `{}`.
#[derive(Default)]
pub struct Script {
    answers: Mutex<Vec<Json>>,
    pub sent: Mutex<Vec<Sent>>,
    /// So many requests must be under way before any is answered.
    together: Option<Arc<tokio::sync::Barrier>>,
    /// What happens while an answer with `meanwhile` is on its way.
    meanwhile: Mutex<Vec<Box<dyn FnOnce() + Send>>>,
    /// The process dies while it waits for an answer.
    died: tokio::sync::Notify,
}

impl Http for Script {
    fn call<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Attempt> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        self.sent.lock().unwrap().push(Sent {
            method: request.method.clone(),
            url: request.url.to_string(),
            headers: request
                .headers
                .iter()
                .map(|(n, v)| (n.clone(), text(v)))
                .collect(),
            body: request.body.as_ref().map(|b| text(b)),
        });
        let answer = self.take(&request.url);
        Box::pin(async move {
            if answer.get("fault").and_then(Json::as_str) == Some("dies") {
                self.died.notify_one();
                return std::future::pending().await;
            }
            if answer.get("meanwhile").is_some() {
                let happens = self.meanwhile.lock().unwrap().pop();
                let happens = happens.expect("something happens meanwhile");
                std::thread::spawn(happens).join().unwrap();
            }
            if let Some(barrier) = &self.together {
                let met = tokio::time::timeout(Duration::from_secs(20), barrier.wait()).await;
                assert!(
                    met.is_ok(),
                    "the requests were not under way at the same time"
                );
            }
            attempt(&answer)
        })
    }
}

impl Script {
    fn take(&self, url: &str) -> Json {
        let mut answers = self.answers.lock().unwrap();
        let fits = |a: &Json| {
            a.get("to")
                .and_then(Json::as_str)
                .is_none_or(|to| url.split('?').next().unwrap_or("").ends_with(to))
        };
        let Some(at) = answers.iter().position(fits) else {
            return serde_json::json!({});
        };
        let left = answers[at].get("times").and_then(Json::as_u64).unwrap_or(1);
        if left > 1 {
            answers[at]["times"] = (left - 1).into();
            return answers[at].clone();
        }
        answers.remove(at)
    }
}

fn attempt(answer: &Json) -> Attempt {
    let trouble = || Trouble {
        kind: TroubleKind::Reset,
        message: "the connection was reset".to_owned(),
    };
    match answer.get("fault").and_then(Json::as_str) {
        Some("not sent") => return Attempt::NotSent(trouble()),
        Some("unknown") => return Attempt::Unknown(trouble(), None),
        Some(other) => panic!("no fault `{other}`"),
        None => {}
    }
    let body = match answer.get("text") {
        Some(text) => text.as_str().unwrap().to_owned(),
        None => answer
            .get("body")
            .map_or_else(|| "{}".to_owned(), Json::to_string),
    };
    let headers = answer
        .get("headers")
        .and_then(Json::as_object)
        .cloned()
        .unwrap_or_default();
    let headers = headers.into_iter().flat_map(|(name, value)| {
        let values = value.as_array().cloned().unwrap_or_else(|| vec![value]);
        values.into_iter().map(move |v| {
            (
                name.clone(),
                Zeroizing::new(v.as_str().unwrap().as_bytes().to_vec()),
            )
        })
    });
    Attempt::Answered(Response {
        status: answer
            .get("status")
            .and_then(Json::as_u64)
            .unwrap_or(200)
            .try_into()
            .unwrap(),
        headers: headers.collect(),
        body: Zeroizing::new(body.into_bytes()),
        received_at: NOW.parse().unwrap(),
    })
}

/// Prompts are answered with the first; the second is what the machine is called.
struct Person(Option<String>, Option<&'static str>);

impl rot::world::env::Env for Person {
    fn var(&self, _: &str) -> Option<String> {
        None
    }
    fn host(&self) -> Option<String> {
        self.1.map(str::to_owned)
    }
    fn ask_secret(&self, _: &str) -> std::io::Result<Option<Zeroizing<String>>> {
        Ok(self.0.clone().map(Zeroizing::new))
    }
}

/// A vault and the world around it.
pub struct Stage {
    _dir: Arc<tempfile::TempDir>,
    world: World,
    paths: Paths,
    pub clock: Arc<Jumping>,
    pub http: Arc<Script>,
}

impl Stage {
    pub fn with(
        answers: &[Json],
        together: Option<usize>,
        workers: HashMap<String, Vec<String>>,
        person: Option<&str>,
    ) -> Self {
        let http = Arc::new(Script {
            answers: Mutex::new(answers.to_vec()),
            sent: Mutex::default(),
            together: together.map(|n| Arc::new(tokio::sync::Barrier::new(n))),
            meanwhile: Mutex::default(),
            died: tokio::sync::Notify::new(),
        });
        Self::in_world(http.clone(), http, workers, person)
    }

    /// A stage whose calls go to `endpoints`.
    pub fn over(endpoints: Arc<dyn Http>) -> Self {
        Self::in_world(Arc::default(), endpoints, HashMap::new(), None)
    }

    fn in_world(
        script: Arc<Script>,
        calls: Arc<dyn Http>,
        workers: HashMap<String, Vec<String>>,
        person: Option<&str>,
    ) -> Self {
        rot::world::helper::set_program(env!("CARGO_BIN_EXE_rot").into());
        let dir = tempfile::tempdir().unwrap();
        let paths = Paths {
            vault: dir.path().join("rot.vault"),
            identities: vec![dir.path().join("identity.txt")],
            state: dir.path().join("state"),
            lock_wait: Duration::from_secs(60),
        };
        let key = crypt::Identity::generate();
        let identity = identity::render(&key, NOW.parse().unwrap()).unwrap();
        std::fs::write(&paths.identities[0], identity.as_bytes()).unwrap();
        std::fs::set_permissions(&paths.identities[0], std::fs::Permissions::from_mode(0o600))
            .unwrap();
        let clock = Arc::new(Jumping::default());
        let world = World {
            fs: Arc::new(rot::world::fs::RealFs),
            http: calls,
            clock: clock.clone(),
            rng: Arc::new(rot::world::rng::RealRng),
            env: Arc::new(Person(person.map(str::to_owned), None)),
            process: Arc::new(RealProcess::new(workers, HashMap::new())),
            wire: Arc::new(rot::world::wire::RealWire::default()),
        };
        let stage = Self {
            _dir: Arc::new(dir),
            world,
            paths,
            clock,
            http: script,
        };
        done(Vault::create(&stage.world, &stage.paths, &[]));
        stage
    }

    /// Another machine that has the same vault, with a clock that is so many seconds ahead.
    pub fn machine(&self, name: &'static str, ahead: i64) -> Self {
        let passed = Mutex::new(*self.clock.passed.lock().unwrap());
        let clock = Arc::new(Jumping {
            ahead,
            passed,
            ..Jumping::default()
        });
        Self {
            _dir: self._dir.clone(),
            world: World {
                clock: clock.clone(),
                env: Arc::new(Person(None, Some(name))),
                ..self.world.clone()
            },
            paths: Paths {
                state: self.paths.state.with_file_name(name),
                ..self.paths.clone()
            },
            clock,
            http: self.http.clone(),
        }
    }

    /// More answers, after those that are left.
    pub fn http_answers(&self, answers: &[Json]) {
        self.http.answers.lock().unwrap().extend_from_slice(answers);
    }

    /// Happens while the next answer with `meanwhile` is on its way.
    pub fn meanwhile(&self, happens: impl FnOnce() + Send + 'static) {
        self.http.meanwhile.lock().unwrap().push(Box::new(happens));
    }

    pub fn world(&self) -> &World {
        &self.world
    }

    pub fn put(&self, name: &str, value: &str) {
        let mut vault = self.vault();
        let version = NewVersion {
            id: format!("first-{name}"),
            value: StoredValue::Single(Secret::from_text(value)),
            expires_at: None,
            run: None,
            rotation: None,
            created_at: NOW.parse().unwrap(),
        };
        done(vault.commit(|doc| doc.put_current(name, version)));
    }

    pub fn vault(&self) -> Vault {
        done(Vault::open(&self.world, &self.paths))
    }

    /// The current value of a secret.
    pub fn secret(&self, name: &str) -> Option<String> {
        let vault = self.vault();
        let value = vault.doc().get(name)?.current_version()?.value.as_ref()?;
        value.part(None)?.expose_text().map(str::to_owned)
    }

    /// Runs the first rotation of a plan, or continues its interrupted run.
    pub fn run(&self, plan: &Plan, inputs: &[(String, Json)]) -> Result<RunReport> {
        self.run_with(plan, passed(inputs))
    }

    /// The same with inputs whose numbers keep their digits.
    pub fn run_with(&self, plan: &Plan, inputs: Vec<(String, Passed)>) -> Result<RunReport> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let vault = RefCell::new(self.vault());
        let document = document::encode(plan);
        let rotation = plan
            .rotations
            .iter()
            .find(|r| !r.imported)
            .expect("the plan has a rotation");
        let job = Job {
            plan,
            rotation,
            document: &document,
            inputs,
            scheduled_at: None,
            source: None,
            certificates: HashMap::new(),
            lock_wait: Duration::from_secs(5),
        };
        runtime.block_on(rot::run::run(&self.world, &vault, &job, &Silent))
    }

    /// Time passes.
    pub fn wait(&self, millis: u64) {
        *self.clock.passed.lock().unwrap() += Duration::from_millis(millis);
    }

    /// Where the journals are.
    pub fn journals(&self) -> std::path::PathBuf {
        rot::run::journal::folder(&self.vault())
    }

    /// Does the revocations that are due, as a run of the first rotation of a plan does first.
    pub fn sweep(&self, plan: &Plan) -> rot::run::Swept {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let vault = RefCell::new(self.vault());
        let job = Job {
            plan,
            rotation: &plan.rotations[0],
            document: "{}",
            inputs: Vec::new(),
            scheduled_at: None,
            source: None,
            certificates: HashMap::new(),
            lock_wait: Duration::from_secs(5),
        };
        done(runtime.block_on(rot::run::sweep_due(
            &self.world,
            &vault,
            Some(&job),
            &Silent,
        )))
    }

    /// Runs until the process dies at an answer with the fault `dies`.
    pub fn run_until_it_dies(&self, plan: &Plan, inputs: &[(String, Json)]) {
        let died = std::pin::pin!(self.http.died.notified());
        let document = document::encode(plan);
        let vault = RefCell::new(self.vault());
        let job = Job {
            plan,
            rotation: plan
                .rotations
                .iter()
                .find(|r| !r.imported)
                .expect("the plan has a rotation"),
            document: &document,
            inputs: passed(inputs),
            scheduled_at: None,
            source: None,
            certificates: HashMap::new(),
            lock_wait: Duration::from_secs(5),
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let run = std::pin::pin!(rot::run::run(&self.world, &vault, &job, &Silent));
        let ended = runtime.block_on(futures_util::future::select(run, died));
        assert!(
            matches!(ended, futures_util::future::Either::Right(_)),
            "the run ended before the process died"
        );
    }

    pub fn sent(&self) -> Vec<Sent> {
        self.http.sent.lock().unwrap().clone()
    }

    pub fn slept(&self) -> Vec<u64> {
        self.clock.slept.lock().unwrap().clone()
    }
}

#[track_caller]
pub fn done<T>(result: Result<T>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!(
            "{}: {}",
            error.diagnostics.first().map_or("", |d| d.code.id()),
            error.message()
        ),
    }
}

/// A plan of Conductor JSON, whatever its findings.
pub fn conductor(text: &str, workers: &[&str], target: rot::plan::Dialect) -> (Plan, Vec<String>) {
    let source = rot::source::SourceFile::new("wf.json", text);
    let mut sources = rot::source::SourceMap::new();
    let id = sources.add(source.clone());
    let options = rot::conductor::ReadOptions {
        target,
        workers: workers.iter().map(|w| (*w).to_owned()).collect(),
        ..rot::conductor::ReadOptions::default()
    };
    let (plan, findings) = rot::conductor::read(id, &source, &options);
    (
        plan,
        findings
            .iter()
            .map(|d| format!("{} {}", d.code.id(), d.message))
            .collect(),
    )
}

fn passed(inputs: &[(String, Json)]) -> Vec<(String, Passed)> {
    let inputs = inputs.iter().cloned();
    inputs.map(|(name, value)| (name, value.into())).collect()
}
