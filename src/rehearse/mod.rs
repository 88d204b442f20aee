//! A rehearsal: a rotation in the simulated world, where the declared effects play the issuer and everything goes wrong once
//! at every call.
//!
//! Interpreter, vault and journal are the real ones; disk, network, clock and issuer are made up ([`crate::sim`]), so no real
//! vault is opened, nothing is sent, and no file is written. The secrets are invented. What an author sees is what three in the
//! morning will look like: what is left behind, what the next run does, whether a person is needed.

mod answers;
mod findings;
mod heard;
mod issuer;
mod process;
mod reply;
mod script;
mod stage;
mod trial;

pub use answers::Answers;
pub use findings::{findings, phrases};
pub use trial::{Mishap, Next, Old, Outcome};

use crate::diagnostic::{Error, Failure, Result, codes};
use crate::plan::{Plan, Rotation};
use crate::run::Passed;
use crate::source::Span;
use process::End;
use stage::Stage;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// What a rehearsal found.
pub struct Rehearsal {
    /// The rotation.
    pub rotation: String,
    /// The calls that it makes, in order.
    pub calls: Vec<Call>,
    /// How many worlds were tried.
    pub trials: usize,
    /// What comes of the old credentials when nothing goes wrong, by secret.
    pub fates: Vec<(String, Fate)>,
}

/// What comes of an old credential when nothing goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It lives on, and nothing of this file ends it.
    LivesOn,
    /// It is revoked by a step.
    Revoked {
        /// So many milliseconds after the run.
        after: i64,
    },
    /// The call that brings the new one ends it.
    Replaced,
    /// It ends so many milliseconds after the run.
    Expires {
        /// Milliseconds.
        after: i64,
    },
}

/// A call, and what is tried at it.
pub struct Call {
    /// Its step.
    pub step: String,
    /// Method and URL, `…` for what a run fills in.
    pub title: String,
    /// The declared effect.
    pub effect: &'static str,
    /// Whether the file says that a person may be needed.
    pub says_person: bool,
    /// Where it stands.
    pub at: Span,
    /// What is tried at it.
    pub trials: Vec<Trial>,
}

/// Something that goes wrong, and what it leads to.
pub struct Trial {
    /// What.
    pub mishap: Mishap,
    /// What it can lead to: more than one where it depends on the instant.
    pub outcomes: Vec<Outcome>,
}

/// How bad an outcome is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// It heals by itself.
    Heals,
    /// A credential is left at the issuer, and the run's report says so.
    Stray,
    /// A person is needed, as the file says.
    Person,
    /// A person is needed, and the file does not say so.
    PersonUnsaid,
    /// A credential is lost: what is in the vault is dead, or one lives that nobody knows of.
    Lost,
}

impl Verdict {
    /// A word for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Heals => "heals",
            Verdict::Stray => "stray",
            Verdict::Person => "person",
            Verdict::PersonUnsaid => "person-unsaid",
            Verdict::Lost => "lost",
        }
    }
}

impl Call {
    /// How bad an outcome at this call is.
    pub fn verdict(&self, outcome: &Outcome) -> Verdict {
        match (&outcome.person, outcome.old) {
            (Some(_), _) if self.says_person => Verdict::Person,
            (Some(_), _) => Verdict::PersonUnsaid,
            (None, Old::Dead) => Verdict::Lost,
            (None, _) if outcome.strays > 0 && outcome.told => Verdict::Stray,
            (None, _) if outcome.strays > 0 && !outcome.strays_expire => Verdict::Lost,
            (None, _) if outcome.strays > 0 => Verdict::Stray,
            (None, _) => Verdict::Heals,
        }
    }
}

fn internal(what: &str) -> Error {
    Error::plain(Failure::Internal, codes::INTERNAL, what.to_owned())
}

/// Rehearses a rotation of a checked plan.
///
/// # Errors
/// A file of answers that does not fit; a rotation that does not come to its end even when nothing goes wrong, because the
/// declared effects do not say what a server must answer (exit 2).
pub fn rehearse(
    plan: &Plan,
    rotation: &Rotation,
    inputs: Vec<(String, Passed)>,
    answers: Answers,
) -> Result<Rehearsal> {
    // What is rehearsed is the issuer's side: a target is this machine's, and is not simulated.
    let plan = &Plan {
        targets: Vec::new(),
        deliveries: Vec::new(),
        ..plan.clone()
    };
    let stage = Arc::new(Stage::new(plan, rotation, inputs, answers)?);
    let tape = trial::tape(&stage);
    if let End::Person(message) | End::Failed { message, .. } = &tape.ran.end {
        return Err(Error::plain(
            Failure::Usage,
            codes::REHEARSAL_FAILS,
            format!("`{}` does not come to its end in the simulated world, where nothing went wrong yet: {message}", rotation.name),
        )
        .note(format!("it made {} before that", crate::report::findings::counted(tape.calls.len(), "call")))
        .help("the plan does not say all that a server must answer, or a value must not be invented: tell it with `--answers FILE` (docs/how-to/rehearse.md)"));
    }
    let script = stage.start.outside.script.clone();
    let mut calls = Vec::new();
    let mut work = Vec::new();
    for index in trial::tried(&stage, &tape) {
        let Some(part) = tape
            .calls
            .get(index)
            .and_then(|(p, _)| script.parts.get(*p))
        else {
            continue;
        };
        let exchanges = Mishap::exchanges().map(Mishap::Http);
        let mishaps = [Mishap::Before, Mishap::Unheard, Mishap::Later]
            .into_iter()
            .chain(exchanges)
            .chain([Mishap::DiskFull, Mishap::SecondMachine]);
        work.extend(mishaps.map(|mishap| (calls.len(), index, mishap)));
        calls.push(Call {
            step: part.step.clone(),
            title: part.title(),
            effect: part.http.effect.describe(),
            says_person: part.says_person(),
            at: part.at,
            trials: Vec::new(),
        });
    }
    let (found, trials) = spread(&stage, &tape, &work);
    for (call, trial) in found {
        if let Some(call) = calls.get_mut(call)
            && !trial.outcomes.is_empty()
        {
            call.trials.push(trial);
        }
    }
    Ok(Rehearsal {
        rotation: rotation.name.clone(),
        calls,
        trials,
        fates: fates(&stage, &tape),
    })
}

/// Does the work on all processors.
fn spread(
    stage: &Arc<Stage>,
    tape: &trial::Tape,
    work: &[(usize, usize, Mishap)],
) -> (Vec<(usize, Trial)>, usize) {
    let next = AtomicUsize::new(0);
    let all: Mutex<Vec<(usize, usize, Trial)>> = Mutex::default();
    let tried = AtomicUsize::new(0);
    let hands = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..hands {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some((call, index, mishap)) = work.get(at).copied() else {
                        break;
                    };
                    let (outcomes, count) = trial::outcomes(stage, tape, index, mishap);
                    tried.fetch_add(count, Ordering::Relaxed);
                    let trial = Trial { mishap, outcomes };
                    all.lock()
                        .unwrap_or_else(std::sync::PoisonError::into_inner)
                        .push((at, call, trial));
                }
            });
        }
    });
    let mut all = all
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    all.sort_by_key(|(at, _, _)| *at);
    let found = all.into_iter().map(|(_, call, trial)| (call, trial));
    (found.collect(), tried.into_inner())
}

/// What comes of the old credentials when nothing goes wrong.
fn fates(stage: &Stage, tape: &trial::Tape) -> Vec<(String, Fate)> {
    let mut world = tape.last.clone();
    let over = world.now;
    let swept = trial::swept(stage, &mut world);
    let mut fates = Vec::new();
    for secret in &stage.secrets {
        let old = |w: &crate::sim::Snapshot<issuer::Issuer>| {
            let first = w.outside.credentials.iter();
            let mut first = first.rev();
            first
                .find(|c| c.born.is_none() && c.accounts.contains(secret))
                .cloned()
        };
        let (Some(then), Some(later)) = (old(&tape.last), old(&world)) else {
            continue;
        };
        let fate = match (then.ended, later.ended) {
            (Some(issuer::Ended::Replaced), _) => Fate::Replaced,
            (Some(_), _) => Fate::Revoked { after: 0 },
            (None, Some(_)) => Fate::Revoked {
                after: swept.unwrap_or(over) - over,
            },
            (None, None) if later.until != i64::MAX => Fate::Expires {
                after: later.until - over,
            },
            (None, None) => Fate::LivesOn,
        };
        fates.push((secret.clone(), fate));
    }
    fates
}
