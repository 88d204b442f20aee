//! A vault with an identity in a directory of its own.

use rot::diagnostic::Result;
use rot::vault::{NewVersion, Paths, Secret, StoredValue, Vault, crypt, identity};
use rot::world::World;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use zeroize::Zeroizing;

/// Answers to prompts, in order; nothing when they are used up.
#[derive(Default)]
pub struct Answers(Mutex<Vec<Vec<u8>>>);

impl rot::world::env::Env for Answers {
    fn var(&self, _: &str) -> Option<String> {
        None
    }
    fn ask_secret(&self, prompt: &str) -> std::io::Result<Option<Zeroizing<String>>> {
        Ok(self
            .ask_bytes(prompt)?
            .map(|b| Zeroizing::new(String::from_utf8(b.to_vec()).unwrap())))
    }
    fn ask_bytes(&self, _: &str) -> std::io::Result<Option<Zeroizing<Vec<u8>>>> {
        let mut left = self.0.lock().unwrap();
        Ok(if left.is_empty() {
            None
        } else {
            Some(Zeroizing::new(left.remove(0)))
        })
    }
}

struct NoHttp;
impl rot::world::http::Http for NoHttp {
    fn call<'a>(
        &'a self,
        _: &'a rot::world::http::Request,
    ) -> rot::world::BoxFuture<'a, rot::world::http::Attempt> {
        unreachable!("a vault sends nothing")
    }
}

/// The clock stands still, so that output can be compared.
struct Stopped;
impl rot::world::clock::Clock for Stopped {
    fn now(&self) -> jiff::Timestamp {
        NOW.parse().unwrap()
    }
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
    fn sleep(&self, _: Duration) -> rot::world::BoxFuture<'_, ()> {
        unreachable!("a vault does not sleep")
    }
}

pub const NOW: &str = "2026-11-23T12:00:00Z";

pub fn now() -> jiff::Timestamp {
    NOW.parse().unwrap()
}

/// A real file system, a stopped clock, and prompts that are answered by `answers`.
pub fn world(answers: &[&[u8]]) -> World {
    World {
        fs: Arc::new(rot::world::fs::RealFs),
        http: Arc::new(NoHttp),
        clock: Arc::new(Stopped),
        rng: Arc::new(rot::world::rng::RealRng),
        env: Arc::new(Answers(Mutex::new(
            answers.iter().map(|a| a.to_vec()).collect(),
        ))),
        process: Arc::new(rot::world::process::RealProcess::default()),
        wire: Arc::new(rot::world::wire::RealWire::default()),
    }
}

pub struct Home {
    pub dir: tempfile::TempDir,
    pub world: World,
    pub paths: Paths,
}

impl Home {
    /// A directory with an identity and no vault.
    pub fn empty() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let paths = Paths {
            vault: dir.path().join("rot.vault"),
            identities: vec![dir.path().join("identity.txt")],
            state: dir.path().join("state"),
            lock_wait: Duration::from_secs(60),
        };
        write_private(&paths.identities[0], &new_identity().1);
        Self {
            dir,
            world: world(&[]),
            paths,
        }
    }

    /// With a vault in it.
    pub fn new() -> Self {
        let home = Self::empty();
        home.create();
        home
    }

    pub fn create(&self) -> Vault {
        ok(Vault::create(&self.world, &self.paths, &[]))
    }

    pub fn open(&self) -> Vault {
        ok(Vault::open(&self.world, &self.paths))
    }

    pub fn try_open(&self) -> Result<Vault> {
        Vault::open(&self.world, &self.paths)
    }

    /// Stores `value` under `name` in a commit of its own.
    pub fn put(&self, name: &str, id: &str, value: &str) -> Vault {
        let mut vault = self.open();
        ok(vault.commit(|doc| doc.put_current(name, single(id, value))));
        vault
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The public key of the first identity.
    pub fn recipient(&self) -> String {
        ok(identity::load(&self.world, &self.paths.identities[0]))[0]
            .recipient()
            .unwrap()
    }

    pub fn vault_bytes(&self) -> Vec<u8> {
        std::fs::read(&self.paths.vault).unwrap()
    }

    /// What the machine remembers of the vault.
    pub fn pin(&self) -> PathBuf {
        let files = std::fs::read_dir(self.paths.state.join("vaults")).unwrap();
        let mut pins = files
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|e| e == "pin"));
        let pin = pins.next().unwrap();
        assert_eq!(pins.next(), None);
        pin
    }

    /// The file in which a machine noted in former times which vault is at this path.
    pub fn place_name(&self) -> String {
        let name = self.paths.vault.canonicalize().unwrap();
        let digest =
            ring::digest::digest(&ring::digest::SHA256, name.as_os_str().as_encoded_bytes());
        let hex: String = digest.as_ref()[..16]
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        format!("{hex}.place")
    }

    /// Another machine: the same files, no memory.
    pub fn without_memory(&self) -> Paths {
        Paths {
            state: self.path("other-state"),
            ..self.paths.clone()
        }
    }
}

/// Public key and identity file.
pub fn new_identity() -> (String, String) {
    let key = crypt::Identity::generate();
    (
        key.recipient().unwrap(),
        identity::render(&key, now()).unwrap().to_string(),
    )
}

pub fn write_private(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

pub fn single(id: &str, value: &str) -> NewVersion {
    version(id, StoredValue::Single(Secret::from_text(value)))
}

pub fn record(id: &str, fields: &[(&str, &str)]) -> NewVersion {
    version(
        id,
        StoredValue::Fields(
            fields
                .iter()
                .map(|(n, v)| ((*n).to_owned(), Secret::from_text(v)))
                .collect(),
        ),
    )
}

pub fn version(id: &str, value: StoredValue) -> NewVersion {
    NewVersion {
        id: id.to_owned(),
        value,
        expires_at: None,
        run: None,
        rotation: None,
        created_at: now(),
    }
}

/// The current value as text.
pub fn current(vault: &Vault, name: &str, field: Option<&str>) -> Option<String> {
    let value = vault.doc().get(name)?.current_version()?.value.as_ref()?;
    value.part(field)?.expose_text().map(str::to_owned)
}

/// Unwraps a result whose value may not be shown.
#[track_caller]
pub fn ok<T>(result: Result<T>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{}: {}", error.diagnostics[0].code.id(), error.message()),
    }
}

/// Code and exit code of what must fail.
#[track_caller]
pub fn code<T>(result: Result<T>) -> (&'static str, u8) {
    match result {
        Ok(_) => panic!("this must fail"),
        Err(error) => (error.diagnostics[0].code.id(), error.failure.exit_code()),
    }
}

/// A generator of histories.
pub struct Chance(pub u64);

impl Chance {
    /// A number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % limit as u64).unwrap()
    }
}
