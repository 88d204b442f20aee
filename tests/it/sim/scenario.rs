//! What is rotated in the simulated world: plans, the accounts behind their secrets, and the world at the start.

use super::issuer::{ADMIN, CANARY, Issuer, Kind};
use super::{Sim, Snapshot};
use crate::support::plans::named;
use rot::plan::Plan;
use rot::sim::{Disk, Entry};
use rot::vault::crypt::Identity;
use rot::vault::{NewVersion, Paths, Secret, StoredValue, Vault, identity};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A Monday morning.
pub(super) const START: i64 = 1_767_571_200_000;

/// A secret and the account that its value opens.
pub(super) struct Bond {
    pub(super) account: &'static str,
    pub(super) kind: Kind,
    pub(super) secret: &'static str,
    pub(super) field: Option<&'static str>,
}

pub(super) struct Scenario {
    pub(super) name: &'static str,
    source: &'static str,
    /// What the plan is replaced by after its first process.
    mended: Option<&'static str>,
    pub(super) bonds: &'static [Bond],
    /// Whether it may end with a person.
    pub(super) may_halt: bool,
}

impl std::fmt::Debug for Scenario {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Scenario {
    /// One that is not among those that everything is tried with.
    pub(super) const fn new(
        name: &'static str,
        source: &'static str,
        bonds: &'static [Bond],
    ) -> Self {
        Self {
            name,
            source,
            mended: None,
            bonds,
            may_halt: false,
        }
    }
}

pub(super) const fn bond(
    account: &'static str,
    kind: Kind,
    secret: &'static str,
    field: Option<&'static str>,
) -> Bond {
    Bond {
        account,
        kind,
        secret,
        field,
    }
}

macro_rules! scenario {
    ($name:literal, [$($bond:expr),+]) => {
        Scenario { name: $name, source: include_str!(concat!("plans/", $name, ".rot")), mended: None, bonds: &[$($bond),+], may_halt: false }
    };
}

pub(super) const SCENARIOS: &[Scenario] = &[
    scenario!(
        "short_token",
        [bond("short", Kind::ShortLived, "token", None)]
    ),
    scenario!(
        "lifecycle",
        [bond("ci", Kind::AdditiveSlow, "ci_token", Some("value"))]
    ),
    scenario!(
        "later",
        [bond("ci", Kind::Additive, "ci_token", Some("value"))]
    ),
    scenario!("keyed", [bond("keyed", Kind::Keyed, "api_key", None)]),
    scenario!("grace", [bond("grace", Kind::Grace, "api_key", None)]),
    Scenario {
        may_halt: true,
        ..scenario!("bare", [bond("bare", Kind::Bare, "api_key", None)])
    },
    scenario!("set_password", [bond("db", Kind::Set, "password", None)]),
    scenario!("set_self", [bond("self", Kind::SetSelf, "password", None)]),
    scenario!("slot", [bond("slots", Kind::Slots, "connection", None)]),
    scenario!(
        "two",
        [
            bond("ci", Kind::Additive, "ci_token", Some("value")),
            bond("keyed", Kind::Keyed, "api_key", None)
        ]
    ),
    scenario!(
        "parallel",
        [
            bond("ci", Kind::Additive, "ci_token", Some("value")),
            bond("keyed", Kind::Keyed, "api_key", None)
        ]
    ),
    scenario!(
        "each",
        [
            bond("db", Kind::Set, "password", None),
            bond("db2", Kind::Set, "password", None)
        ]
    ),
    scenario!(
        "call",
        [bond("ci", Kind::Additive, "ci_token", Some("value"))]
    ),
    Scenario {
        mended: Some(include_str!("plans/typo_mended.rot")),
        ..scenario!("typo", [bond("keyed", Kind::Keyed, "api_key", None)])
    },
];

/// A scenario made ready: plans resolved, world set up.
pub(super) struct Stage {
    pub(super) scenario: &'static Scenario,
    plans: Vec<Plan>,
    pub(super) start: Snapshot,
}

impl Stage {
    pub(super) fn new(scenario: &'static Scenario) -> Self {
        let plans = std::iter::once(scenario.source)
            .chain(scenario.mended)
            .map(|text| named(scenario.name, text))
            .collect();
        Stage {
            scenario,
            plans,
            start: start(scenario),
        }
    }

    /// The plan that process number `process` runs.
    pub(super) fn plan(&self, process: usize) -> &Plan {
        &self.plans[process.min(self.plans.len() - 1)]
    }

    pub(super) fn rotation(&self, process: usize) -> &rot::plan::Rotation {
        self.plan(process)
            .rotation(self.scenario.name)
            .expect("the rotation of the file's name")
    }
}

pub(super) fn paths() -> Paths {
    paths_of(0)
}

/// Where things are on a machine; all have the same vault.
pub(super) fn paths_of(machine: usize) -> Paths {
    Paths {
        vault: PathBuf::from("/vault/secrets.age"),
        identities: vec![PathBuf::from("/home/identity.txt")],
        state: PathBuf::from(["/state", "/state2"][machine]),
        lock_wait: Duration::from_secs(1),
    }
}

fn start(scenario: &Scenario) -> Snapshot {
    let mut disk = Disk::default();
    for dir in ["/vault", "/state", "/state2", "/home"] {
        disk.name(Path::new(dir), Entry::Dir);
    }
    let mut issuer = Issuer::default();
    let now = jiff::Timestamp::from_millisecond(START).unwrap();
    let file = disk.create(Path::new("/home/identity.txt"), 0o600);
    disk.append(
        file,
        identity::render(&Identity::generate(), now)
            .unwrap()
            .as_bytes(),
    );
    let sim = Sim::new(
        &Snapshot {
            disk,
            outside: issuer.clone(),
            now: START,
        },
        7,
    );
    let mut vault =
        Vault::create(&sim.world(), &paths(), &[]).unwrap_or_else(|e| panic!("{}", e.message()));
    let version = |id: &str, value: StoredValue| version(id, value, now);
    let single = |text: &str| StoredValue::Single(Secret::from_text(text));
    vault
        .commit(|doc| {
            doc.put_current("admin_key", version("v0", single(ADMIN)))?;
            for bond in scenario.bonds {
                let value = format!("{CANARY}-{}-first", bond.secret);
                let id = issuer.open(bond.account, bond.kind, &value);
                if bond.kind == Kind::Slots {
                    let older = format!("{CANARY}-{}-older", bond.secret);
                    issuer.fill(bond.account, &older);
                    doc.put_current(bond.secret, version("v-1", single(&older)))?;
                }
                let value = match bond.field {
                    None => single(&value),
                    Some(field) => StoredValue::Fields(vec![
                        (field.to_owned(), Secret::from_text(&value)),
                        ("id".to_owned(), Secret::from_text(&id)),
                    ]),
                };
                doc.put_current(bond.secret, version("v0", value))?;
            }
            Ok(())
        })
        .unwrap_or_else(|e| panic!("{}", e.message()));
    let mut state = sim.state();
    state.outside = issuer;
    state.disk.settle();
    state.snapshot()
}

/// A version that a person stored.
pub(super) fn version(id: &str, value: StoredValue, created_at: jiff::Timestamp) -> NewVersion {
    NewVersion {
        id: id.to_owned(),
        value,
        expires_at: None,
        run: None,
        rotation: None,
        created_at,
    }
}
