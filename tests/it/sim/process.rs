//! One process of `rot` in the simulated world, and what is left when it has ended.

use super::Sim;
use super::scenario::{Stage, paths_of};
use rot::diagnostic::{Error, Failure};
use rot::run::report::StepReport;
use rot::run::{self, Job, Observer, RunReport, Silent, Status, sweep};
use rot::vault::{Secret, Vault};
use std::cell::RefCell;
use std::collections::HashMap;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// What a process does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Task {
    /// `rot run`: a new run, or the interrupted one.
    Run,
    /// The revocations that are due.
    Sweep,
}

/// How a process ended.
pub(super) enum End {
    /// All is done, and it said so.
    Done { notes: Vec<String> },
    /// A person is needed.
    Operator { notes: Vec<String> },
    /// An error of this kind.
    Failed {
        failure: Failure,
        message: String,
        notes: Vec<String>,
    },
}

impl End {
    pub(super) fn notes(&self) -> &[String] {
        match self {
            End::Done { notes } | End::Operator { notes } | End::Failed { notes, .. } => notes,
        }
    }
}

/// In front of what went to standard error because it could be stored nowhere.
pub(super) const RESCUED: &str = "rescued: ";

/// Keeps what is printed as a last resort, and asks the process to end.
#[derive(Default)]
pub(super) struct Watch {
    pub(super) rescued: Mutex<Vec<String>>,
    /// The process is asked to end when it has asked so many times whether it is.
    pub(super) stop_at: Option<usize>,
    /// How many times it has.
    pub(super) asked: AtomicUsize,
}

impl Observer for Watch {
    fn started(&self, _: &str, _: &str) {}
    fn ended(&self, _: &StepReport) {}
    fn log(&self, _: &str) {}
    fn secret(&self, _: &Secret) {}
    fn rescue(&self, armored: &str, _: &str) {
        assert!(armored.starts_with("-----BEGIN AGE ENCRYPTED FILE-----"));
        let mut rescued = self.rescued.lock().unwrap();
        rescued.push(format!("{RESCUED}{armored}"));
    }
    fn stopping(&self) -> bool {
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        self.stop_at.is_some_and(|at| asked >= at)
    }
    fn stopped(&self) -> Pin<Box<dyn Future<Output = ()> + '_>> {
        let asked = self.asked.load(Ordering::Relaxed);
        match self.stop_at {
            // It is asked while it waits, too.
            Some(at) if asked >= at => Box::pin(std::future::ready(())),
            Some(_) | None => Box::pin(std::future::pending()),
        }
    }
}

pub(super) fn open(sim: &Sim) -> Result<Vault, Error> {
    open_on(0, sim)
}

pub(super) fn open_on(machine: usize, sim: &Sim) -> Result<Vault, Error> {
    Vault::open(&sim.world(), &paths_of(machine))
}

/// Runs one process to its end. `number` counts the processes of a rotation from 0.
pub(super) fn process(sim: &Sim, stage: &Stage, task: Task, number: usize) -> Result<End, String> {
    process_on(0, sim, stage, task, number)
}

/// The same on one of several machines.
pub(super) fn process_on(
    machine: usize,
    sim: &Sim,
    stage: &Stage,
    task: Task,
    number: usize,
) -> Result<End, String> {
    process_watched(machine, sim, stage, task, number, Watch::default())
}

/// The same, watched by somebody who may ask it to end.
pub(super) fn process_watched(
    machine: usize,
    sim: &Sim,
    stage: &Stage,
    task: Task,
    number: usize,
    watch: Watch,
) -> Result<End, String> {
    let ended = catch_unwind(AssertUnwindSafe(|| {
        let vault = match open_on(machine, sim) {
            Ok(vault) => RefCell::new(vault),
            Err(error) => return failed(error, Vec::new()),
        };
        let world = sim.world();
        let job = Job {
            plan: stage.plan(number),
            rotation: stage.rotation(number),
            document: "{}",
            inputs: Vec::new(),
            scheduled_at: None,
            source: None,
            certificates: HashMap::new(),
            lock_wait: Duration::from_secs(1),
        };
        match task {
            Task::Run => {
                let ran = sim
                    .block_on(run::run(&world, &vault, &job, &watch))
                    .expect("everybody waits for nothing");
                let rescued = watch.rescued.into_inner().unwrap();
                match ran {
                    Ok(mut report) => {
                        report.notes.extend(rescued);
                        reported(report)
                    }
                    Err(error) => failed(error, rescued),
                }
            }
            Task::Sweep => match sim
                .block_on(run::sweep_due(&world, &vault, Some(&job), &Silent))
                .expect("everybody waits for nothing")
            {
                Ok(swept)
                    if swept.trouble.is_empty() && sweep::list(vault.borrow().doc()).is_empty() =>
                {
                    End::Done { notes: Vec::new() }
                }
                Ok(swept) => End::Failed {
                    failure: Failure::AfterEffect,
                    message: swept.trouble.join("; "),
                    notes: Vec::new(),
                },
                Err(error) => failed(error, Vec::new()),
            },
        }
    }));
    ended.map_err(|panic| {
        let text = panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()));
        format!("I10: panicked: {}", text.unwrap_or_default())
    })
}

fn reported(report: RunReport) -> End {
    match (report.status, report.failure) {
        (Status::Completed, _) => End::Done {
            notes: report.notes,
        },
        (Status::NeedsOperator, _) => End::Operator {
            notes: report.notes,
        },
        (Status::Interrupted, Some(error)) | (Status::Failed, Some(error)) => {
            failed(error, report.notes)
        }
        (Status::Interrupted, None) | (Status::Failed, None) => End::Failed {
            failure: Failure::Internal,
            message: "failed without a reason".into(),
            notes: report.notes,
        },
    }
}

fn failed(error: Error, notes: Vec<String>) -> End {
    if error.failure == Failure::Unknown
        && error
            .diagnostics
            .first()
            .is_some_and(|d| d.code == rot::diagnostic::codes::RUN_BLOCKED)
    {
        return End::Operator { notes };
    }
    let mut message = error.message().to_owned();
    for note in error.diagnostics.iter().flat_map(|d| d.notes.iter()) {
        message.push_str(" / ");
        message.push_str(note);
    }
    End::Failed {
        failure: error.failure,
        message,
        notes,
    }
}
