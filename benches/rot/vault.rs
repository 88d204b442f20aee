//! The vault with few and many secrets: one changed secret made durable, and the file opened.

use super::disk::{Meter, Metered};
use divan::{Bencher, black_box};
use rot::vault::crypt::Identity;
use rot::vault::{NewVersion, Paths, Secret, StoredValue, Vault, identity};
use rot::world::World;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tempfile::TempDir;

/// A folder with an identity.
pub struct Scratch {
    pub world: World,
    pub meter: Arc<Meter>,
    paths: Paths,
    next: AtomicU64,
    _dir: TempDir,
}

impl Scratch {
    pub fn new() -> Self {
        Self::within(&std::env::temp_dir())
    }

    /// Below a folder.
    pub fn within(folder: &Path) -> Self {
        let dir = tempfile::tempdir_in(folder).unwrap();
        let meter = Arc::new(Meter::default());
        let world = World {
            fs: Arc::new(Metered(meter.clone())),
            ..World::real()
        };
        let file = dir.path().join("identity.txt");
        std::fs::write(
            &file,
            identity::render(&Identity::generate(), world.clock.now())
                .unwrap()
                .as_str(),
        )
        .unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
        let paths = Paths {
            vault: dir.path().join("rot.vault"),
            identities: vec![file],
            state: dir.path().join("state"),
            lock_wait: Duration::from_secs(1),
        };
        Self {
            world,
            meter,
            paths,
            next: AtomicU64::new(0),
            _dir: dir,
        }
    }

    pub fn create(&self) -> Vault {
        Vault::create(&self.world, &self.paths, &[]).unwrap()
    }

    fn version(&self, value: &[u8]) -> NewVersion {
        let id = format!("v{}", self.next.fetch_add(1, Ordering::Relaxed));
        let value = StoredValue::Single(Secret::new(value.to_vec()));
        NewVersion {
            id,
            value,
            expires_at: None,
            run: None,
            rotation: None,
            created_at: self.world.clock.now(),
        }
    }

    pub fn put(&self, vault: &mut Vault, name: &str, value: &[u8]) {
        let version = self.version(value);
        vault.commit(|doc| doc.put_current(name, version)).unwrap();
    }

    fn filled(&self, count: usize) -> Vault {
        let mut vault = self.create();
        let versions: Vec<NewVersion> = (0..count)
            .map(|n| self.version(format!("{n:040}").as_bytes()))
            .collect();
        vault
            .commit(|doc| {
                versions
                    .into_iter()
                    .enumerate()
                    .try_for_each(|(n, version)| {
                        doc.put_current(&format!("team/secret_{n}"), version)
                    })
            })
            .unwrap();
        vault
    }
}

#[divan::bench(args = [10, 1_000, 10_000])]
fn commit(bencher: Bencher<'_, '_>, count: usize) {
    let scratch = Scratch::new();
    let mut vault = scratch.filled(count);
    let round = AtomicU64::new(0);
    bencher.bench_local(|| {
        let value = format!("value {}", round.fetch_add(1, Ordering::Relaxed));
        scratch.put(&mut vault, "team/secret_1", value.as_bytes());
    });
}

#[divan::bench(args = [10, 1_000, 10_000])]
fn open(bencher: Bencher<'_, '_>, count: usize) {
    let scratch = Scratch::new();
    drop(scratch.filled(count));
    bencher.bench_local(|| {
        black_box(
            Vault::open(&scratch.world, &scratch.paths)
                .unwrap()
                .doc()
                .names()
                .count(),
        )
    });
}
