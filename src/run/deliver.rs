//! Current versions to their targets: by whoever calls, as often as it takes. What is under way is written down before, what
//! came of it after; a crash in between delivers again, which changes nothing.

use super::due::doubled;
use super::report::{Observer, StepReport};
use super::target::{Credentials, Found, Payload, Site, Trouble, recipient, tell};
use crate::diagnostic::{Diagnostic, Error, Failure, Result, codes};
use crate::plan::{Plan, Target};
use crate::vault::{Delivered, Document, Registered, Vault, short_hash};
use crate::world::World;
use crate::world::fs::Lock;
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// First pause after a failed delivery; doubled for each further one.
const PAUSE: SignedDuration = SignedDuration::from_secs(30);
/// No pause is longer.
const LONGEST: SignedDuration = SignedDuration::from_hours(1);

/// Nobody is left alone for longer because he asks for it.
const LONGEST_ASKED: SignedDuration = SignedDuration::from_hours(24);

/// What is to be delivered.
pub struct Asked<'a> {
    /// Where the targets are declared.
    pub plan: &'a Plan,
    /// The file it comes from: relative paths count from its folder.
    pub source: Option<&'a str>,
    /// Only this secret.
    pub secret: Option<&'a str>,
    /// Only this target.
    pub target: Option<&'a str>,
    /// Which of those that could be delivered.
    pub which: Which,
    /// PEM texts of the certificate files that the plan names.
    pub certificates: &'a HashMap<String, Vec<u8>>,
    /// How long to wait for another process that delivers to the same place.
    pub lock_wait: Duration,
}

/// Which deliveries are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// What is behind, and was not tried a moment ago in vain.
    Due,
    /// What is behind.
    Behind,
    /// All: also what has arrived.
    All,
}

/// What became of one delivery.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The secret.
    pub secret: String,
    /// Its version.
    pub version: String,
    /// The target.
    pub target: String,
    /// For people: kind and place.
    pub shown: String,
    /// Why it did not arrive.
    pub failure: Option<Diagnostic>,
}

/// What a target has, compared with the current version.
#[derive(Debug, Clone)]
pub struct Drift {
    /// The secret.
    pub secret: String,
    /// Its current version.
    pub version: String,
    /// The target.
    pub target: String,
    /// For people: kind and place.
    pub shown: String,
    /// What was found.
    pub found: Seen,
}

/// What was found at a target.
#[derive(Debug, Clone)]
pub enum Seen {
    /// The current version.
    Current,
    /// Something else; what differs.
    Differs(&'static str),
    /// Nothing.
    Absent,
    /// It cannot be read: what the vault noted when it arrived counts.
    Noted {
        /// Why it cannot be read.
        why: &'static str,
        /// When the current version arrived.
        at: Option<Timestamp>,
    },
    /// Looking failed.
    Failed(Diagnostic),
}

/// One delivery under way.
struct Job<'p> {
    secret: String,
    version: String,
    target: &'p Target,
    before: Delivered,
    payload: std::result::Result<Payload, Trouble>,
    credentials: std::result::Result<Credentials, Trouble>,
}

/// What came of an attempt.
struct Came {
    /// The version is there.
    arrived: bool,
    /// Whoever is told of it has heard.
    hooked: bool,
    trouble: Option<Trouble>,
}

/// Delivers what is asked for. What fails is noted, and told in the outcomes.
///
/// # Errors
/// When the vault cannot be written.
pub async fn deliver(
    world: &World,
    vault: &RefCell<Vault>,
    asked: &Asked<'_>,
    observer: &dyn Observer,
) -> Result<Vec<Outcome>> {
    register(&mut vault.borrow_mut(), asked.plan)?;
    let now = world.clock.now();
    let wanted = chosen(vault.borrow().doc(), asked, now);
    if wanted.is_empty() || observer.stopping() {
        return Ok(Vec::new());
    }
    // In one order everywhere, so that nobody waits for somebody who waits.
    let mut places: Vec<String> = wanted.iter().map(|(_, target)| place(target)).collect();
    places.sort();
    places.dedup();
    let mut held: Vec<(String, Box<dyn Lock>)> = Vec::new();
    for place in places {
        if let Some(lock) = lock(world, &vault.borrow(), &place, asked.lock_wait)? {
            held.push((place, lock));
        }
    }
    let mut jobs: Vec<Job<'_>> = Vec::new();
    vault.borrow_mut().commit(|doc| {
        // Whoever held a lock before may have delivered.
        jobs = chosen(doc, asked, now)
            .into_iter()
            .filter(|(_, target)| held.iter().any(|(known, _)| *known == place(target)))
            .filter_map(|(secret, target)| begun(doc, asked, secret, target, now))
            .collect();
        Ok(())
    })?;
    let mut by_place: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, job) in jobs.iter().enumerate() {
        by_place.entry(place(job.target)).or_default().push(index);
    }
    // One after the other at each place, all places at the same time.
    let jobs_ref = &jobs;
    let queues = by_place.into_values().map(|queue| async move {
        let mut came = Vec::with_capacity(queue.len());
        for index in queue {
            if let Some(job) = jobs_ref.get(index) {
                came.push((index, attempt(world, asked, job, observer).await));
            }
        }
        came
    });
    let mut came: Vec<(usize, Came)> = join_all(queues).await.into_iter().flatten().collect();
    came.sort_by_key(|(index, _)| *index);
    let now = world.clock.now();
    vault.borrow_mut().commit(|doc| {
        for (index, came) in &came {
            if let Some(job) = jobs.get(*index) {
                ended(doc, job, came, now);
            }
        }
        Ok(())
    })?;
    drop(held);
    let outcomes = came.into_iter().filter_map(|(index, came)| {
        let job = jobs.get(index)?;
        let told = |trouble: &Trouble| told(&job.secret, job.target, trouble);
        Some(Outcome {
            secret: job.secret.clone(),
            version: job.version.clone(),
            target: job.target.name.clone(),
            shown: job.target.describe(),
            failure: came.trouble.as_ref().map(told),
        })
    });
    Ok(outcomes.collect())
}

/// Compares what targets have with the current versions. Changes nothing.
pub async fn drift(
    world: &World,
    vault: &Vault,
    asked: &Asked<'_>,
    observer: &dyn Observer,
) -> Vec<Drift> {
    let all = Asked {
        which: Which::All,
        ..*asked
    };
    let mut found = Vec::new();
    for (secret, target) in chosen(vault.doc(), &all, world.clock.now()) {
        let Some((version, payload)) = payload(vault.doc(), asked.plan, &secret, target) else {
            continue;
        };
        if observer.stopping() {
            break;
        }
        let arrived = vault
            .doc()
            .delivered(&secret, &version, &target.name)
            .arrived(&registered(asked.plan, &secret, target));
        let looked = match (&payload, Credentials::of(asked.plan, vault.doc(), target)) {
            (Ok(payload), Ok(credentials)) => {
                let site = site(world, asked, target, &credentials, arrived);
                recipient(&target.kind).look(&site, payload).await
            }
            (Err(trouble), _) => Err(trouble.clone()),
            (_, Err(trouble)) => Err(trouble),
        };
        let seen = match looked {
            Ok(Found::Same) => Seen::Current,
            Ok(Found::Differs(what)) => Seen::Differs(what),
            Ok(Found::Absent) => Seen::Absent,
            Ok(Found::Unreadable(why)) => Seen::Noted { why, at: arrived },
            Err(trouble) => Seen::Failed(told(&secret, target, &trouble)),
        };
        found.push(Drift {
            secret,
            version,
            target: target.name.clone(),
            shown: target.describe(),
            found: seen,
        });
    }
    found
}

impl Seen {
    /// Whether the target lacks the current version, as far as can be seen.
    pub fn is_drift(&self) -> bool {
        match self {
            Seen::Differs(_) | Seen::Absent | Seen::Noted { at: None, .. } => true,
            Seen::Current | Seen::Noted { .. } | Seen::Failed(_) => false,
        }
    }
}

/// What a run that is done says of the targets that lack what it stored.
pub(super) fn behind(doc: &Document, secrets: &[String]) -> Vec<Diagnostic> {
    let mut all = Vec::new();
    for secret in secrets {
        for one in doc.behind(secret) {
            let why = match &one.state.trouble {
                Some((_, words)) => words.clone(),
                None => "it was not tried yet".to_owned(),
            };
            let message = format!(
                "`{secret}` is not delivered to `{}` ({}): {why}",
                one.target, one.registered.shown
            );
            let found =
                Diagnostic::new(codes::RUN_NOT_DELIVERED, crate::source::Span::NONE, message);
            all.push(
                found
                    .note("the new version is current; the old one is not revoked before all targets have the new one")
                    .help(format!(
                        "`rot deliver {secret}` tries it now, and every `rot run --due` tries it again; `rot status` shows what is behind"
                    )),
            );
        }
    }
    all
}

/// The targets of the secrets of a plan, in the vault. Of a secret that a rotation of the file itself makes, the file says all.
fn register(vault: &mut Vault, plan: &Plan) -> Result<()> {
    // A definition has no word for targets: that it names none says nothing.
    let says = plan.dialect.semantics().declares_intent;
    let own = declared_by(plan);
    // A file of targets alone speaks for those of such files.
    let speaks_for = |registered: &Registered| match registered.by.is_empty() {
        true => own.is_empty() && !plan.deliveries.is_empty(),
        false => registered.by.iter().any(|name| own.contains(name)),
    };
    let wanted = |doc: &Document| -> Vec<(String, BTreeMap<String, Registered>)> {
        let secrets = plan.secrets.iter().map(|secret| &secret.name);
        let changed = secrets.filter_map(|secret| {
            let known = doc.targets(secret);
            let mut now = known.clone();
            now.retain(|_, registered| !says || !speaks_for(registered));
            for target in plan.targets_of(secret) {
                now.insert(target.name.clone(), registered(plan, secret, target));
            }
            (now != known && doc.get(secret).is_some()).then(|| (secret.clone(), now))
        });
        changed.collect()
    };
    if wanted(vault.doc()).is_empty() {
        return Ok(());
    }
    vault.commit(|doc| {
        for (secret, targets) in wanted(doc) {
            doc.set_targets(&secret, &targets);
        }
        Ok(())
    })
}

/// How the vault remembers a target of a secret.
fn registered(plan: &Plan, secret: &str, target: &Target) -> Registered {
    let parts: Vec<_> = plan.deliveries_of(secret, &target.name).collect();
    let said = serde_json::to_vec(&(&target.kind, parts)).unwrap_or_default();
    Registered {
        what: short_hash(&said),
        hooked: target.kind.then().is_some(),
        shown: target.describe(),
        by: declared_by(plan),
    }
}

/// The rotations by which a file is known again.
fn declared_by(plan: &Plan) -> BTreeSet<String> {
    let own = plan.rotations.iter().filter(|r| !r.imported);
    own.map(|rotation| rotation.name.clone()).collect()
}

/// Secrets and targets that are to be delivered.
fn chosen<'p>(doc: &Document, asked: &Asked<'p>, now: Timestamp) -> Vec<(String, &'p Target)> {
    let mut found = Vec::new();
    for secret in &asked.plan.secrets {
        let name = secret.name.as_str();
        if asked.secret.is_some_and(|only| only != name) {
            continue;
        }
        let Some(current) = doc.get(name).and_then(|entry| entry.current_version()) else {
            continue;
        };
        for target in asked.plan.targets_of(name) {
            if asked.target.is_some_and(|only| only != target.name) {
                continue;
            }
            let state = doc.delivered(name, &current.id, &target.name);
            let arrived = state
                .arrived(&registered(asked.plan, name, target))
                .is_some();
            let early = state.next_at.is_some_and(|at| at > now);
            let skipped = match asked.which {
                Which::Due => arrived || early,
                Which::Behind => arrived,
                Which::All => false,
            };
            if !skipped {
                found.push((name.to_owned(), target));
            }
        }
    }
    found
}

/// The current version of a secret, as it goes to a target.
fn payload(
    doc: &Document,
    plan: &Plan,
    secret: &str,
    target: &Target,
) -> Option<(String, std::result::Result<Payload, Trouble>)> {
    let current = doc.get(secret)?.current_version()?;
    let value = current.value.as_ref()?;
    let payload = Payload::of(plan, secret, &target.name, &current.id, value);
    Some((current.id.clone(), payload))
}

/// Writes down that a delivery begins.
fn begun<'p>(
    doc: &mut Document,
    asked: &Asked<'p>,
    secret: String,
    target: &'p Target,
    now: Timestamp,
) -> Option<Job<'p>> {
    let (version, payload) = payload(doc, asked.plan, &secret, target)?;
    let registered = registered(asked.plan, &secret, target);
    let mut state = doc.delivered(&secret, &version, &target.name);
    if state.what != registered.what || asked.which == Which::All {
        state = Delivered {
            what: registered.what.clone(),
            ..Delivered::default()
        };
    }
    let before = state.clone();
    state.begun_at = Some(now);
    doc.note_delivered(&secret, &version, &target.name, state);
    Some(Job {
        secret,
        version,
        target,
        before,
        payload,
        credentials: Credentials::of(asked.plan, doc, target),
    })
}

/// One attempt: the version, then whoever is told of it.
async fn attempt(world: &World, asked: &Asked<'_>, job: &Job<'_>, observer: &dyn Observer) -> Came {
    let name = format!("{} to {}", job.secret, job.target.name);
    observer.started(&name, "deliver");
    let (started_at, started) = (world.clock.now(), world.clock.monotonic());
    let came = made(world, asked, job).await;
    let lasted = world.clock.monotonic().saturating_sub(started);
    observer.ended(&StepReport {
        name,
        kind: "deliver",
        status: if came.trouble.is_none() {
            "completed"
        } else {
            "failed"
        },
        attempts: 1,
        started_at,
        duration_ms: u64::try_from(lasted.as_millis()).unwrap_or(u64::MAX),
        output: serde_json::Value::Null,
    });
    came
}

async fn made(world: &World, asked: &Asked<'_>, job: &Job<'_>) -> Came {
    let failed = |trouble| Came {
        arrived: false,
        hooked: false,
        trouble: Some(trouble),
    };
    let payload = match &job.payload {
        Ok(payload) => payload,
        Err(trouble) => return failed(trouble.clone()),
    };
    let credentials = match &job.credentials {
        Ok(credentials) => credentials,
        Err(trouble) => return failed(trouble.clone()),
    };
    let site = site(world, asked, job.target, credentials, job.before.at);
    // What is there already is only told of.
    if job.before.at.is_none()
        && let Err(trouble) = recipient(&job.target.kind).put(&site, payload).await
    {
        return failed(trouble);
    }
    let hook = job.target.kind.then();
    let heard = match hook {
        Some(program) => tell(&site, program, payload).await.map(|()| true),
        None => Ok(false),
    };
    Came {
        arrived: true,
        hooked: heard.as_ref().is_ok_and(|hooked| *hooked),
        trouble: heard.err(),
    }
}

/// Writes down what came of a delivery.
fn ended(doc: &mut Document, job: &Job<'_>, came: &Came, now: Timestamp) {
    let target = &job.target.name;
    let mut state = job.before.clone();
    state.begun_at = None;
    if came.arrived {
        state.at.get_or_insert(now);
        state.hooked_at = came.hooked.then_some(now);
    }
    match &came.trouble {
        None => {
            state.failures = 0;
            state.trouble = None;
            state.next_at = None;
        }
        Some(trouble) => {
            if trouble.unknown && !came.arrived {
                state.begun_at = Some(now);
            }
            state.failures = state.failures.saturating_add(1);
            state.trouble = Some((
                codes::RUN_NOT_DELIVERED.id().to_owned(),
                trouble.message.clone(),
            ));
            state.next_at = Some(later(now, state.failures, trouble.pause));
        }
    }
    doc.note_delivered(&job.secret, &job.version, target, state);
    // Somebody else has made another version current meanwhile: what it had brought there may just have been overwritten.
    let current = doc.get(&job.secret).and_then(|entry| entry.current.clone());
    if let Some(current) = current.filter(|current| *current != job.version) {
        let there = doc.delivered(&job.secret, &current, target);
        if there.at.is_some() {
            doc.note_delivered(&job.secret, &current, target, Delivered::default());
        }
    }
}

/// How long what failed is left alone by itself, after so many failures before.
pub fn pause_after(failures: u32) -> SignedDuration {
    doubled(PAUSE, failures).min(LONGEST)
}

/// When a delivery that failed so often is tried again by itself: not before the other side asks for it.
fn later(now: Timestamp, failures: u32, asked: Option<Duration>) -> Timestamp {
    let pause = pause_after(failures.saturating_sub(1));
    let asked = asked.and_then(|asked| SignedDuration::try_from(asked).ok());
    let pause = asked.map_or(pause, |asked| pause.max(asked.min(LONGEST_ASKED)));
    now.checked_add(pause).unwrap_or(now)
}

fn site<'a>(
    world: &'a World,
    asked: &Asked<'a>,
    target: &'a Target,
    credentials: &'a Credentials,
    arrived: Option<Timestamp>,
) -> Site<'a> {
    let folder = asked.source.and_then(|file| Path::new(file).parent());
    Site {
        world,
        target,
        folder: folder.map(PathBuf::from),
        credentials,
        certificates: asked.certificates,
        arrived,
    }
}

/// What two deliveries must not change at the same time.
fn place(target: &Target) -> String {
    format!("{}\n{}", target.kind.word(), target.kind.place())
}

/// One delivery at a time to a place, from this machine. `None` when another process is at it still.
fn lock(
    world: &World,
    vault: &Vault,
    place: &str,
    wait: Duration,
) -> Result<Option<Box<dyn Lock>>> {
    let folder = vault.state_dir().join("locks");
    let path = folder.join(format!("deliver-{}.lock", short_hash(place.as_bytes())));
    let failed = |e: std::io::Error| super::journal::storage(&path, "locked", &e);
    world.fs.create_dir(&folder, 0o700).map_err(failed)?;
    let lock = world.fs.lock(&path, wait).map_err(failed)?;
    Ok(lock.map(|mut lock| {
        lock.describe(&format!("a delivery since {}\n", world.clock.now()));
        lock
    }))
}

fn told(secret: &str, target: &Target, trouble: &Trouble) -> Diagnostic {
    Diagnostic::new(
        codes::RUN_NOT_DELIVERED,
        target.at.0,
        format!(
            "`{secret}` is not delivered to `{}`: {}",
            target.name, trouble.message
        ),
    )
    .help(trouble.remedy.clone())
}

/// The failure of a command whose work is done but for deliveries.
pub fn undelivered(diagnostics: Vec<Diagnostic>) -> Option<Error> {
    (!diagnostics.is_empty()).then_some(Error {
        failure: Failure::Unrevoked,
        diagnostics,
    })
}
