//! One process of `rot run` in the simulated world, and what can be seen of the world when it is over.

use super::issuer::{Credential, Issuer};
use super::stage::{Machine, Stage, paths};
use crate::diagnostic::{Error, Failure};
use crate::run::journal::{self, Journal};
use crate::run::report::StepReport;
use crate::run::{self, Job, Observer, Status, StoredAnswer, sweep};
use crate::sim::{Sim, Snapshot};
use crate::vault::{Secret, Vault};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Duration;

/// How a process ended.
#[derive(Debug, Clone)]
pub enum End {
    /// All is done.
    Done,
    /// A person is asked for, in these words.
    Person(String),
    /// It failed, and says that it goes on later.
    Failed {
        /// The kind.
        failure: Failure,
        /// In these words.
        message: String,
    },
}

impl End {
    /// Whether nothing is left to do: it is done, here or by another machine.
    pub fn is_over(&self) -> bool {
        match self {
            End::Done => true,
            End::Failed { failure, .. } => {
                matches!(failure, Failure::NothingDue | Failure::Locked)
            }
            End::Person(_) => false,
        }
    }
}

/// A process that is over.
pub struct Ran {
    /// How.
    pub end: End,
    /// Whether it took an interrupted run up.
    pub resumed: bool,
    /// Remarks of its report.
    pub notes: Vec<String>,
    /// What it saw in the vault at last.
    pub held: Option<Held>,
}

/// Tells the issuer what is under way, and which values are secret.
struct Watch<'a>(&'a Sim<Issuer>, RefCell<bool>);

impl Observer for Watch<'_> {
    fn started(&self, name: &str, _: &str) {
        self.0.state().outside.running.push(name.to_owned());
    }
    fn ended(&self, step: &StepReport) {
        let running = &mut self.0.state().outside.running;
        if let Some(at) = running.iter().rposition(|name| *name == step.name) {
            running.truncate(at);
        }
    }
    fn log(&self, _: &str) {}
    fn secret(&self, secret: &Secret) {
        if let Some(text) = secret.expose_text() {
            self.0.state().outside.secrets.insert(text.to_owned());
        }
    }
    fn rescue(&self, _: &str, _: &str) {
        *self.1.borrow_mut() = true;
    }
}

/// What a process is to do; nothing where the plan has no such rotation.
fn job(stage: &Stage) -> Option<Job<'_>> {
    Some(Job {
        plan: &stage.plan,
        rotation: stage.rotation()?,
        document: "{}",
        inputs: stage.inputs.clone(),
        scheduled_at: None,
        source: None,
        certificates: stage.certificates.clone(),
        lock_wait: Duration::from_secs(1),
    })
}

/// Runs one process to its end: revocations that are due, then the rotation.
pub fn process(sim: &Sim<Issuer>, stage: &Stage, machine: Machine) -> Ran {
    let failed = |error: Error| Ran {
        end: ended(&error),
        resumed: false,
        notes: Vec::new(),
        held: None,
    };
    let world = sim.world();
    let vault = match Vault::open(&world, &paths(machine)) {
        Ok(vault) => RefCell::new(vault),
        Err(error) => return failed(error),
    };
    let Some(job) = job(stage) else {
        return failed(super::internal("the rotation is gone"));
    };
    let watch = Watch(sim, RefCell::new(false));
    let stuck = || super::internal("the rotation waits for something that never comes");
    let swept = sim.block_on(run::sweep_due(&world, &vault, Some(&job), &watch));
    if let Some(Err(error)) = swept {
        return failed(error);
    }
    sim.state().outside.running.clear();
    let ran = sim.block_on(run::run(&world, &vault, &job, &watch));
    sim.state().outside.running.clear();
    let mut ran = match ran {
        None => failed(stuck()),
        Some(Err(error)) => failed(error),
        Some(Ok(report)) => Ran {
            end: match (report.status, &report.failure) {
                (Status::Completed, _) => End::Done,
                (Status::NeedsOperator, Some(error)) => End::Person(error.message().to_owned()),
                (Status::NeedsOperator, None) => End::Person(String::new()),
                (Status::Failed | Status::Interrupted, Some(error)) => ended(error),
                (Status::Failed | Status::Interrupted, None) => {
                    ended(&super::internal("the run failed without a reason"))
                }
            },
            resumed: report.resumed,
            notes: report.notes,
            held: None,
        },
    };
    ran.held = Some(Held::in_vault(&vault.borrow(), stage));
    if watch.1.take() {
        ran.notes.push(RESCUED.to_owned());
    }
    ran
}

/// What is noted where an answer could be written nowhere, and went sealed to the terminal.
const RESCUED: &str =
    "an answer that could be stored nowhere may have left the machine by the terminal, sealed";

fn ended(error: &Error) -> End {
    if error.failure == Failure::Unknown {
        return End::Person(error.message().to_owned());
    }
    End::Failed {
        failure: error.failure,
        message: error.message().to_owned(),
    }
}

/// Does the revocations that are due, without a run. True when nothing is left to do.
pub fn sweep(sim: &Sim<Issuer>, stage: &Stage) -> bool {
    let world = sim.world();
    let (Ok(vault), Some(job)) = (
        Vault::open(&world, &paths(Machine::First)).map(RefCell::new),
        job(stage),
    ) else {
        return false;
    };
    let watch = Watch(sim, RefCell::new(false));
    let swept = sim.block_on(run::sweep_due(&world, &vault, Some(&job), &watch));
    matches!(swept, Some(Ok(_)))
}

/// When the next scheduled revocation is due, in milliseconds since 1970.
pub fn next_sweep(world: &Snapshot<Issuer>) -> Option<i64> {
    let sim = Sim::new(world, 0);
    let vault = Vault::open(&sim.world(), &paths(Machine::First)).ok()?;
    let due = sweep::list(vault.doc());
    due.iter().map(|d| d.due_at.as_millisecond()).max()
}

/// What the vault and the journals of a world hold.
pub struct Held {
    /// The texts of the current version, by secret.
    current: Vec<(String, BTreeSet<String>)>,
    /// Every text that is anywhere.
    all: Vec<String>,
}

impl Held {
    /// Looks at the vault of a world; none where it does not open.
    pub fn of(world: &Snapshot<Issuer>, stage: &Stage) -> Option<Self> {
        let sim = Sim::new(world, 0);
        let vault = Vault::open(&sim.world(), &paths(Machine::First)).ok()?;
        Some(Self::in_vault(&vault, stage))
    }

    /// Looks at the vault and at what the journals of unfinished runs keep.
    pub fn with_journals(world: &Snapshot<Issuer>, stage: &Stage) -> Option<Self> {
        let mut held = Self::of(world, stage)?;
        let sim = Sim::new(world, 0);
        for machine in [Machine::First, Machine::Second] {
            held.read_journals(&sim, machine);
        }
        Some(held)
    }

    fn in_vault(vault: &Vault, stage: &Stage) -> Self {
        let mut held = Self {
            current: Vec::new(),
            all: Vec::new(),
        };
        for (name, entry) in vault.doc().secrets() {
            for version in &entry.versions {
                let texts: BTreeSet<String> = version
                    .value
                    .iter()
                    .flat_map(|v| v.parts())
                    .filter_map(|(_, secret)| secret.expose_text().map(str::to_owned))
                    .collect();
                held.all.extend(texts.iter().cloned());
                if entry.current.as_deref() == Some(&version.id) && stage.secrets.contains(name) {
                    held.current.push((name.to_owned(), texts));
                }
            }
        }
        held
    }

    fn read_journals(&mut self, sim: &Sim<Issuer>, machine: Machine) {
        let world = sim.world();
        let Ok(vault) = Vault::open(&world, &paths(machine)) else {
            return;
        };
        for run in journal::list(&world, &vault).unwrap_or_default() {
            let Ok(journal) = Journal::open(&world, &vault, &run) else {
                continue;
            };
            if journal.ended() {
                continue;
            }
            for record in journal.records().iter().filter(|r| !r.sealed.is_empty()) {
                let Ok(payload) = journal.payload(&vault, record) else {
                    continue;
                };
                self.all.push(match StoredAnswer::decode(&payload) {
                    Some(answer) => String::from_utf8_lossy(&answer.body).into_owned(),
                    None => String::from_utf8_lossy(&payload).into_owned(),
                });
            }
        }
    }

    /// Whether somebody who looks would find a credential.
    pub fn knows(&self, one: &Credential) -> bool {
        one.values
            .iter()
            .any(|value| self.all.iter().any(|text| text.contains(value.as_str())))
    }

    /// Whether the issuer refuses a current value.
    pub fn refuses(&self, issuer: &Issuer, now: i64) -> bool {
        self.current.iter().any(|(name, texts)| {
            !issuer.unseen.contains(name)
                && !issuer.credentials.iter().any(|c| {
                    let mine = c.accounts.contains(name) && c.works(now);
                    mine && c.values.iter().any(|v| texts.contains(v))
                })
        })
    }
}
