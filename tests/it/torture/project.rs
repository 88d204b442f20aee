//! A project with a vault, and an issuer of its own. Projects of one scenario start from the same bytes.

use super::scenario::{Scenario, Strays};
use rot::demo::issuer::{Issuer, IssuerHandle};
use rot::vault::{NewVersion, Paths, Secret, StoredValue, Vault, crypt, identity};
use rot::world::World;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The binary: the one that was built with the tests, or that which `ROT_TORTURE_BIN` names (a release to be shipped).
pub fn rot() -> String {
    std::env::var("ROT_TORTURE_BIN").unwrap_or_else(|_| env!("CARGO_BIN_EXE_rot").to_owned())
}

/// A vault, a plan and an issuer.
pub struct Project {
    pub dir: TempDir,
    pub issuer: IssuerHandle,
    pub scenario: &'static Scenario,
    /// All that the program wrote in this project.
    pub said: String,
}

/// How one call of the program ended.
pub struct Ended {
    /// `None`: by a signal.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Project {
    pub fn new(scenario: &'static Scenario) -> Self {
        Self::with(scenario, |_| {})
    }

    /// With a changed issuer.
    pub fn with(
        scenario: &'static Scenario,
        change: impl FnOnce(&mut rot::demo::issuer::State),
    ) -> Self {
        let issuer = Issuer::spawn((scenario.config)()).unwrap();
        let secrets = (scenario.seed)(&issuer);
        change(&mut issuer.state());
        let dir = tempfile::tempdir().unwrap();
        copy(template(scenario, &secrets).path(), dir.path());
        let project = Self {
            dir,
            issuer,
            scenario,
            said: String::new(),
        };
        project.write_plan(scenario.plan);
        project
    }

    pub fn write_plan(&self, plan: &str) {
        std::fs::write(
            self.path("p.rot"),
            plan.replace("BASE", &self.issuer.base_url),
        )
        .unwrap();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn paths(&self) -> Paths {
        paths(self.dir.path())
    }

    /// The environment of a call, around `program`.
    pub fn around(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.dir.path())
            .env_clear()
            .env("HOME", self.path("home"))
            .env("PATH", "/usr/bin:/bin")
            .env("ROT_VAULT", "rot.vault")
            .env("ROT_IDENTITY", "identity.txt")
            .env("ROT_STATE", "state")
            .stdin(Stdio::null());
        command
    }

    /// `rot LINE`
    pub fn rot(&mut self, line: &str) -> Ended {
        let mut command = self.around(&rot());
        command.args(line.split_whitespace());
        self.wait(command)
    }

    pub fn wait(&mut self, mut command: Command) -> Ended {
        let Output {
            status,
            stdout,
            stderr,
        } = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the program prints UTF-8");
        let ended = Ended {
            code: status.code(),
            stdout: text(stdout),
            stderr: text(stderr),
        };
        self.said.push_str(&ended.stdout);
        self.said.push_str(&ended.stderr);
        ended
    }

    /// Opens the vault, as a reader who knows nothing.
    pub fn vault(&self) -> Vault {
        match Vault::open(&World::real(), &self.paths()) {
            Ok(vault) => vault,
            Err(error) => panic!(
                "{}: the vault does not open: {}",
                self.scenario.name,
                error.message()
            ),
        }
    }

    /// The current value of what is rotated.
    pub fn current(&self) -> Option<String> {
        let vault = self.vault();
        let (name, field) = self.scenario.secret;
        let value = vault
            .doc()
            .get(name)?
            .current_version()?
            .value
            .as_ref()?
            .part(field)?
            .expose()
            .to_vec();
        Some(String::from_utf8(value).unwrap())
    }

    /// All values that the vault holds in any version.
    pub fn known(&self) -> Vec<String> {
        let vault = self.vault();
        let versions = vault
            .doc()
            .secrets()
            .flat_map(|(_, entry)| entry.versions.iter());
        let values = versions
            .filter_map(|v| v.value.as_ref())
            .flat_map(|v| v.parts().into_iter().map(|(_, s)| s.expose().to_vec()));
        values
            .map(|v| String::from_utf8_lossy(&v).into_owned())
            .collect()
    }

    /// Runs until it is over: at most so many times. Answers with the last exit code.
    pub fn until_over(&mut self, tries: usize) -> i32 {
        let mut last = -1;
        for _ in 0..tries {
            let ended = self.rot("run p.rot");
            last = ended.code.unwrap_or(-1);
            if matches!(last, 0 | 22) {
                break;
            }
        }
        last
    }

    /// What must hold when a run came to its end with `code`, whatever happened before. `None` when it does.
    pub fn lost(&self, code: i32) -> Option<String> {
        let bare = self.scenario.name == super::scenario::BARE.name;
        match code {
            0 => {}
            22 if bare => return self.canary(),
            _ => return Some(format!("ended with {code}:\n{}", self.said)),
        }
        let Some(current) = self.current() else {
            return Some("nothing is current".into());
        };
        let known = self.known();
        let state = self.issuer.state();
        if !(self.scenario.accepted)(&state, &current) {
            return Some(format!(
                "the issuer does not take what is current:\n{}",
                self.said
            ));
        }
        let live = self
            .scenario
            .makes
            .iter()
            .flat_map(|kind| state.live_all(*kind));
        let unknown = live.filter(|c| !known.contains(&c.value));
        let unknown = match self.scenario.strays {
            Strays::Dying => unknown.filter(|c| c.dies_at.is_none()).count(),
            Strays::Noted if self.said.contains("may have left a credential") => 0,
            _ => unknown.count(),
        };
        if unknown > 0 {
            return Some(format!(
                "{unknown} live credentials are neither stored nor told of:\n{}",
                self.said
            ));
        }
        drop(state);
        self.canary()
    }

    /// A file that holds a secret in clear, or something of it that was printed.
    pub fn canary(&self) -> Option<String> {
        let mut needles: Vec<String> = self.known();
        needles.extend(
            self.issuer
                .state()
                .credentials
                .iter()
                .map(|c| c.value.clone()),
        );
        needles.retain(|n| n.len() >= 8 && !n.starts_with("key") && !n.starts_with("bundle"));
        for file in files(self.dir.path()) {
            if file.ends_with("identity.txt") || file.ends_with("p.rot") {
                continue;
            }
            let bytes = std::fs::read(&file).unwrap();
            if needles.iter().any(|n| contains(&bytes, n.as_bytes())) {
                return Some(format!("{} holds a secret in clear", file.display()));
            }
        }
        needles
            .iter()
            .any(|n| self.said.contains(n))
            .then(|| format!("a secret was printed:\n{}", self.said))
    }
}

pub fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|w| w == needle)
}

/// All regular files below a folder.
pub fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        match entry.file_type().unwrap() {
            kind if kind.is_dir() => found.extend(files(&entry.path())),
            kind if kind.is_file() => found.push(entry.path()),
            _ => {}
        }
    }
    found.sort();
    found
}

pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

pub fn paths(dir: &Path) -> Paths {
    Paths {
        vault: dir.join("rot.vault"),
        identities: vec![dir.join("identity.txt")],
        state: dir.join("state"),
        lock_wait: Duration::from_secs(30),
    }
}

/// A vault with these secrets, made once for each scenario.
fn template(
    scenario: &Scenario,
    secrets: &[(&'static str, Option<&'static str>, String)],
) -> &'static TempDir {
    static MADE: OnceLock<Mutex<BTreeMap<&'static str, &'static TempDir>>> = OnceLock::new();
    let mut made = MADE.get_or_init(Mutex::default).lock().unwrap();
    made.entry(scenario.name).or_insert_with(|| {
        let dir = tempfile::tempdir().unwrap();
        make_vault(dir.path(), secrets);
        Box::leak(Box::new(dir))
    })
}

/// Makes an identity and a vault with secrets in a folder.
pub fn make_vault(dir: &Path, secrets: &[(&'static str, Option<&'static str>, String)]) {
    let world = World::real();
    let text = identity::render(&crypt::Identity::generate(), world.clock.now()).unwrap();
    let path = dir.join("identity.txt");
    std::fs::write(&path, text.as_bytes()).unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let made = Vault::create(&world, &paths(dir), &[]);
    let mut vault = made.unwrap_or_else(|e| panic!("{}", e.message()));
    let stored = vault.commit(|doc| {
        let mut names: Vec<&str> = secrets.iter().map(|(n, _, _)| *n).collect();
        names.dedup();
        for name in names {
            let parts: Vec<_> = secrets.iter().filter(|(n, _, _)| *n == name).collect();
            let secret = |v: &String| Secret::new(v.clone().into_bytes());
            let value = match parts.as_slice() {
                [(_, None, value)] => StoredValue::Single(secret(value)),
                parts => StoredValue::Fields(
                    parts
                        .iter()
                        .map(|(_, f, v)| (f.unwrap().to_owned(), secret(v)))
                        .collect(),
                ),
            };
            let id = format!("first-{name}");
            doc.put_current(
                name,
                NewVersion {
                    id,
                    value,
                    expires_at: None,
                    run: None,
                    rotation: None,
                    created_at: world.clock.now(),
                },
            )?;
        }
        Ok(())
    });
    stored.unwrap_or_else(|e| panic!("{}", e.message()));
}

/// Does work on two threads; stops early when the time is up. Answers with how much was done and what went wrong.
pub fn on_two<T: Sync>(
    work: &[T],
    limit: Duration,
    one: impl Fn(&T) -> Option<String> + Sync,
) -> (usize, Vec<String>) {
    let start = Instant::now();
    let next = std::sync::atomic::AtomicUsize::new(0);
    let done = std::sync::atomic::AtomicUsize::new(0);
    let wrong = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while start.elapsed() < limit {
                    let Some(item) =
                        work.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
                    else {
                        return;
                    };
                    if let Some(message) = one(item) {
                        wrong.lock().unwrap().push(message);
                    }
                    done.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                }
            });
        }
    });
    (done.into_inner(), wrong.into_inner().unwrap())
}
