//! Where a rehearsal begins: a vault with invented values on a disk in memory, two machines that know it, and an issuer to
//! whom those values are credentials.

use super::answers::Answers;
use super::issuer::Issuer;
use super::script::Script;
use crate::diagnostic::{Error, Failure, Result, codes};
use crate::plan::task::Generator;
use crate::plan::{Expr, ExprKind, Function, Plan, Root, Rotation, Type, Version};
use crate::run::{Passed, generate};
use crate::sim::{Disk, Entry, Random, Sim, Snapshot};
use crate::vault::crypt::Identity;
use crate::vault::{NewVersion, Paths, Secret, StoredValue, Vault, identity};
use jiff::Timestamp;
use serde_json::{Value as Json, json};
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// When rehearsals begin: a Monday morning, a quarter past three.
pub const START: Timestamp = Timestamp::constant(1_767_582_900, 0);

/// A machine that works on the vault: which of the state folders is its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Machine {
    /// The one that is rehearsed.
    First,
    /// Another one.
    Second,
}

/// Everything that the processes of a rehearsal work on.
pub struct Stage {
    /// The checked plan.
    pub plan: Plan,
    /// The name of the rotation.
    pub rotation: String,
    /// What it is passed.
    pub inputs: Vec<(String, Passed)>,
    /// PEM texts of the certificate files that the plan names.
    pub certificates: HashMap<String, Vec<u8>>,
    /// The world at the start.
    pub start: Snapshot<Issuer>,
    /// The secrets that the plan's requests give or set.
    pub secrets: BTreeSet<String>,
}

impl Stage {
    /// Builds the world at the start.
    ///
    /// # Errors
    /// An answers file that does not fit the plan; an internal error where the simulated vault cannot be made.
    pub fn new(
        plan: &Plan,
        rotation: &Rotation,
        inputs: Vec<(String, Passed)>,
        answers: Answers,
    ) -> Result<Self> {
        fits(plan, &answers)?;
        let script = Arc::new(Script::new(plan, rotation, answers));
        let secrets = script.secrets();
        let start = start(plan, script)?;
        Ok(Self {
            plan: plan.clone(),
            rotation: rotation.name.clone(),
            inputs: with_invented(rotation, inputs),
            certificates: HashMap::new(),
            start,
            secrets,
        })
    }

    /// The rotation.
    pub fn rotation(&self) -> Option<&Rotation> {
        self.plan.rotation(&self.rotation)
    }
}

/// The paths of a machine.
pub fn paths(machine: Machine) -> Paths {
    let state = match machine {
        Machine::First => "/state",
        Machine::Second => "/state2",
    };
    Paths {
        vault: PathBuf::from("/vault/rot.vault"),
        identities: vec![PathBuf::from("/home/identity.txt")],
        state: PathBuf::from(state),
        lock_wait: Duration::from_secs(1),
    }
}

/// What the author tells must be of this plan: a misspelt step would rehearse something else.
fn fits(plan: &Plan, answers: &Answers) -> Result<()> {
    let mut steps: Vec<&str> = Vec::new();
    plan.walk(&mut |_, step| steps.push(&step.name));
    let secrets: Vec<&str> = plan.secrets.iter().map(|s| s.name.as_str()).collect();
    let unknown = |what: &str, name: &str, all: &[&str]| {
        let error = Error::plain(
            Failure::Usage,
            codes::USAGE,
            format!("the file of answers names {what} `{name}`, which the plan does not have"),
        );
        Err(
            match crate::diagnostic::nearest(name, all.iter().copied()) {
                Some(near) => error.help(format!("a name that is close: `{near}`")),
                None => error.help(format!("it has: {}", all.join(", "))),
            },
        )
    };
    for name in answers.answers.keys() {
        if !steps.contains(&name.as_str()) {
            return unknown("a step", name, &steps);
        }
    }
    for name in answers.secrets.keys() {
        if !secrets.contains(&name.as_str()) {
            return unknown("a secret", name, &secrets);
        }
    }
    Ok(())
}

/// The inputs with a value for each that must be passed and is not.
fn with_invented(rotation: &Rotation, mut given: Vec<(String, Passed)>) -> Vec<(String, Passed)> {
    for input in &rotation.inputs {
        if input.default.is_none() && !given.iter().any(|(name, _)| *name == input.name) {
            given.push((input.name.clone(), of_type(&input.ty).into()));
        }
    }
    given
}

fn of_type(ty: &Type) -> Json {
    match ty {
        Type::Int | Type::Number => json!(1),
        Type::Bool => json!(true),
        Type::Time => json!(START.to_string()),
        Type::Duration => json!("1h"),
        Type::List(item) => json!([of_type(item)]),
        Type::Json => json!({}),
        Type::Null => Json::Null,
        Type::Record(fields) => fields
            .iter()
            .map(|(name, ty)| (name.clone(), of_type(ty)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Type::Any | Type::String | Type::Bytes => json!("rehearsed"),
    }
}

fn internal(what: &str) -> Error {
    Error::plain(Failure::Internal, codes::INTERNAL, what.to_owned())
}

fn start(plan: &Plan, script: Arc<Script>) -> Result<Snapshot<Issuer>> {
    let mut disk = Disk::default();
    for dir in ["/vault", "/state", "/state2", "/home"] {
        disk.name(Path::new(dir), Entry::Dir);
    }
    let file = disk.create(Path::new("/home/identity.txt"), 0o600);
    let key = identity::render(&Identity::generate(), START)
        .ok_or_else(|| internal("the rehearsal's identity cannot be written"))?;
    disk.append(file, key.as_bytes());
    let mut issuer = Issuer::new(script.clone());
    let versions = versions(plan, &script, &mut issuer)?;
    let sim = Sim::new(
        &Snapshot {
            disk,
            outside: issuer,
            now: START.as_millisecond(),
        },
        7,
    );
    let mut vault = Vault::create(&sim.world(), &paths(Machine::First), &[])?;
    vault.commit(|doc| {
        for (name, version) in versions {
            doc.put_current(&name, version)?;
        }
        Ok(())
    })?;
    drop(vault);
    // The second machine has seen the vault before.
    drop(Vault::open(&sim.world(), &paths(Machine::Second))?);
    let mut state = sim.state();
    state.disk.settle();
    Ok(state.snapshot())
}

/// The versions that the vault holds at the start, oldest first. The issuer learns of those that it would have given.
fn versions(
    plan: &Plan,
    script: &Script,
    issuer: &mut Issuer,
) -> Result<Vec<(String, NewVersion)>> {
    let keys = signing_keys(plan);
    let (slots, previous) = older(plan, script);
    let given = script.secrets();
    let mut versions = Vec::new();
    let mut seed = 0;
    for declared in &plan.secrets {
        let mut generations = vec![true];
        if slots.contains(&declared.name) || previous.contains(&declared.name) {
            generations.insert(0, slots.contains(&declared.name));
        }
        let count = generations.len();
        for (age, works) in generations.into_iter().enumerate() {
            let last = age + 1 == count;
            let told = script.answers.secrets.get(&declared.name).filter(|_| last);
            let mut one = |field: Option<&str>| -> Result<String> {
                let told = match (told, field) {
                    (Some(Json::Object(fields)), Some(field)) => fields.get(field),
                    (Some(json), None) => Some(json),
                    _ => None,
                };
                let told = told.and_then(super::reply::said).filter(|t| t != "<new>");
                seed += 1;
                match told {
                    Some(text) => Ok(text),
                    None if keys.contains(&declared.name) => private_key(seed),
                    None => Ok(invented(seed)),
                }
            };
            let value = if declared.fields.is_empty() {
                vec![(String::new(), one(None)?)]
            } else {
                let fields = declared.fields.iter();
                fields
                    .map(|field| Ok((field.clone(), one(Some(field))?)))
                    .collect::<Result<Vec<_>>>()?
            };
            let values = value.iter().map(|(_, text)| text.clone());
            if given.contains(&declared.name) {
                issuer.found(&declared.name, values.collect(), works);
            } else {
                issuer.others.extend(values);
            }
            let stored = match value.as_slice() {
                [(name, text)] if name.is_empty() => StoredValue::Single(Secret::from_text(text)),
                fields => StoredValue::Fields(
                    fields
                        .iter()
                        .map(|(name, text)| (name.clone(), Secret::from_text(text)))
                        .collect(),
                ),
            };
            let version = NewVersion {
                id: format!("before-{}", count - age),
                value: stored,
                expires_at: None,
                run: None,
                rotation: None,
                created_at: START,
            };
            versions.push((declared.name.clone(), version));
        }
    }
    Ok(versions)
}

fn invented(seed: u64) -> String {
    let mut random = Random::new(seed ^ 0x5eed);
    format!("rhs_{:016x}{:016x}", random.next(), random.next())
}

/// Secrets of which two live side by side, and secrets whose previous version is read outside of its `revoke`.
fn older(plan: &Plan, script: &Script) -> (BTreeSet<String>, BTreeSet<String>) {
    let slots = script
        .parts
        .iter()
        .filter(|p| p.http.effect == crate::plan::Effect::SetsSlot)
        .flat_map(|p| p.accounts().cloned())
        .collect();
    let mut previous = BTreeSet::new();
    for rotation in &plan.rotations {
        let mut within: BTreeSet<&str> = BTreeSet::new();
        rotation.walk(&mut |step| {
            if let crate::plan::Task::Revoke(revoke) = &step.task {
                within.insert(&revoke.secret);
            }
        });
        rotation.exprs(&mut |expr| {
            expr.each_secret(&mut |read| {
                if read.version == Version::Previous && !within.contains(read.secret) {
                    previous.insert(read.secret.to_owned());
                }
            });
        });
    }
    (slots, previous)
}

/// Secrets that a token is signed with: an invented text would be no key.
fn signing_keys(plan: &Plan) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    let mut note = |expr: &Expr| {
        expr.walk(&mut |e| {
            if let ExprKind::Call(Function::SignJwt, arguments) = &e.kind
                && let Some(key) = arguments.get(1)
            {
                key.walk(&mut |part| {
                    if let ExprKind::Ref(Root::Secret { name, .. }) = &part.kind {
                        keys.insert(name.clone());
                    }
                });
            }
        });
    };
    for rotation in &plan.rotations {
        rotation.exprs(&mut note);
    }
    keys
}

fn private_key(seed: u64) -> Result<String> {
    let rng = Seeded(std::sync::Mutex::new(Random::new(seed)));
    let made = generate::make(&Generator::Rsa { bits: 2048 }, &rng).map_err(|e| internal(&e))?;
    let key = made.into_iter().find(|(name, _)| name == "private_key");
    key.map(|(_, pem)| pem.to_string())
        .ok_or_else(|| internal("no key could be made"))
}

struct Seeded(std::sync::Mutex<Random>);

impl crate::world::rng::Rng for Seeded {
    fn fill(&self, bytes: &mut [u8]) -> std::io::Result<()> {
        let mut random = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        for chunk in bytes.chunks_mut(8) {
            let word = random.next().to_le_bytes();
            chunk.iter_mut().zip(word).for_each(|(to, from)| *to = from);
        }
        Ok(())
    }
}
