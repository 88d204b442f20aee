//! Revocations that were scheduled: what they need is bound when they are, and whichever run comes next does them.

use super::engine::{BlockContext, Done, Engine, Flow, Frame, StepContext, StepError};
use super::execute::Job;
use super::identity::CallPath;
use super::journal::Journal;
use super::report::Observer;
use super::scope::{RunFacts, Scope, Values};
use super::start;
use super::sweep::{self, Bound, BoundName, Due, Work};
use super::value::Value;
use crate::diagnostic::{Diagnostic, Result, codes};
use crate::plan::task::{Revoke, Step};
use crate::plan::{Egress, ExprKind, Plan, Root, Rotation, Task, Version, document};
use crate::vault::{Secret, Vault};
use crate::world::World;
use std::cell::RefCell;

/// What became of the revocations that were due.
#[derive(Debug, Default)]
pub struct Swept {
    /// How many old credentials were revoked.
    pub revoked: usize,
    /// Revocations that are not made any more, and why.
    pub dropped: Vec<String>,
    /// Revocations that failed and are still due.
    pub trouble: Vec<String>,
}

/// Does the revocations that are due now, whichever rotation scheduled them: as its file is now, where that is the one at hand.
pub async fn sweep_due(
    world: &World,
    vault: &RefCell<Vault>,
    job: Option<&Job<'_>>,
    observer: &dyn Observer,
) -> Result<Swept> {
    let now = world.clock.now();
    let due: Vec<Due> = sweep::list(vault.borrow().doc())
        .into_iter()
        .filter(|due| sweep::is_due(vault.borrow().doc(), due, now))
        .collect();
    let mut swept = Swept::default();
    for entry in due {
        if observer.stopping() {
            break;
        }
        let Due {
            secret, version, ..
        } = &entry;
        let still = sweep::list(vault.borrow().doc());
        if !still
            .iter()
            .any(|d| d.secret == *secret && d.version == *version)
        {
            continue;
        }
        match one(world, vault, job, &entry, observer).await {
            Ok(Ended::Revoked) => swept.revoked += 1,
            Ok(Ended::Later) => break,
            Ok(Ended::InUse(used)) => swept.dropped.push(format!(
                "version {version} of `{secret}` is not revoked: the same credential is in use as version {used}"
            )),
            Err(message) => {
                swept.trouble.push(format!(
                    "the revocation of `{secret}` version {version} is still due: {message}"
                ));
                // That it failed is said now; where it cannot be written down, the next call says it again.
                let _ = vault.borrow_mut().commit(|doc| {
                    sweep::failed(doc, &entry);
                    Ok(())
                });
            }
        }
    }
    Ok(swept)
}

/// The `revoke` that scheduled an entry.
fn revoke_of<'p>(rotation: &'p Rotation, entry: &Due) -> Option<&'p Revoke> {
    let mut found: Option<&Revoke> = None;
    let mut by_name = false;
    rotation.walk(&mut |step| {
        if let Task::Revoke(revoke) = &step.task
            && revoke.secret == entry.secret
            && !by_name
            && (found.is_none() || step.name == entry.step)
        {
            by_name = step.name == entry.step;
            found = Some(revoke);
        }
    });
    found
}

/// What became of one revocation that was due.
enum Ended {
    /// It is done.
    Revoked,
    /// It is not made, since this version is the same credential and in use.
    InUse(String),
    /// The process was asked to end before it was done.
    Later,
}

/// Does one.
async fn one(
    world: &World,
    vault: &RefCell<Vault>,
    job: Option<&Job<'_>>,
    entry: &Due,
    observer: &dyn Observer,
) -> std::result::Result<Ended, String> {
    let stored = entry.work.as_ref();
    // As the file is now, where it is at hand: it may have been mended.
    let own = job.and_then(|job| {
        let rotation = job.plan.rotation(&entry.rotation)?;
        revoke_of(rotation, entry).map(|_| (job.plan, rotation))
    });
    let kept: Option<Plan> = match (own, stored) {
        (None, Some(work)) => document::decode(&work.plan).ok(),
        _ => None,
    };
    let (plan, rotation) = match (own, &kept) {
        (Some(own), _) => own,
        (None, Some(plan)) => match plan.rotation(&entry.rotation) {
            Some(rotation) => (plan, rotation),
            None => return Err("its rotation is not in any file at hand".into()),
        },
        (None, None) => return Err("its `revoke` step is no longer in the file".into()),
    };
    let Some(revoke) = revoke_of(rotation, entry) else {
        return Err("its `revoke` step is no longer in the file".into());
    };
    let used = used(vault.borrow().doc(), plan, revoke, &entry.outgoing());
    if let Some(used) = used {
        commit_done(vault, entry, None)?;
        return Ok(Ended::InUse(used));
    }
    let mut certificates = job.map(|job| job.certificates.clone()).unwrap_or_default();
    for (name, text) in stored.iter().flat_map(|work| &work.certificates) {
        certificates
            .entry(name.clone())
            .or_insert_with(|| text.clone().into_bytes());
    }
    let scope = scope(world, vault, plan, entry, observer)?;
    let run_id =
        super::ids::run_id(world).map_err(|_| "the system has no randomness".to_owned())?;
    let journal = RefCell::new(Journal::detached(&vault.borrow(), &run_id));
    let engine = Engine {
        world,
        plan,
        vault,
        journal: &journal,
        observer,
        egress: Egress::of(plan),
        issuers: RefCell::default(),
        done: RefCell::new(Done::default()),
        claim: None,
        source: job.and_then(|job| job.source.as_deref()),
        lock_wait: job.map_or(std::time::Duration::ZERO, |job| job.lock_wait),
        certificates,
    };
    let frame = Frame {
        rotation,
        scope: RefCell::new(scope),
        path: CallPath::top(),
    };
    match engine
        .steps(&frame, BlockContext::PROBE, &revoke.steps)
        .await
    {
        Ok(Flow::Next | Flow::Stop(_)) => {}
        Err(StepError::Interrupted(_)) => return Ok(Ended::Later),
        Err(StepError::Broken(error)) => return Err(error.message().to_owned()),
        Err(failed) => return Err(super::failure::reason(&failed)),
    }
    commit_done(vault, entry, Some(world.clock.now()))?;
    Ok(Ended::Revoked)
}

/// The version in use that a revocation would end.
fn used(
    doc: &crate::vault::Document,
    plan: &Plan,
    revoke: &Revoke,
    old: &sweep::Outgoing<'_>,
) -> Option<String> {
    let public = crate::plan::fields::public_fields(plan);
    let is_public = |field: &str| public.contains(&(old.secret.to_owned(), field.to_owned()));
    let reads = fields_read(&revoke.steps, old.secret);
    sweep::in_use(doc, old, &reads, &is_public).map(str::to_owned)
}

/// The fields of the previous version of a secret that steps read.
fn fields_read(steps: &[Step], secret: &str) -> Vec<String> {
    let mut fields = Vec::new();
    crate::plan::task::walk_steps(steps, &mut |step| {
        for expr in step.task.exprs() {
            expr.walk(&mut |e| {
                if let ExprKind::Ref(Root::Secret {
                    name,
                    field: Some(field),
                    version: Version::Previous,
                }) = &e.kind
                    && name == secret
                {
                    fields.push(field.clone());
                }
            });
        }
    });
    fields
}

fn commit_done(
    vault: &RefCell<Vault>,
    entry: &Due,
    revoked_at: Option<jiff::Timestamp>,
) -> std::result::Result<(), String> {
    let committed = vault.borrow_mut().commit(|doc| {
        if let Some(at) = revoked_at {
            let known = doc
                .get(&entry.secret)
                .is_some_and(|s| s.version(&entry.version).is_some());
            if known {
                return sweep::revoked(doc, &entry.secret, &entry.version, at);
            }
        }
        for copy in sweep::copies(doc, &entry.secret, &entry.version) {
            sweep::done(doc, &entry.secret, &copy);
        }
        sweep::done(doc, &entry.secret, &entry.version);
        Ok(())
    });
    committed.map_err(|e| e.message().to_owned())
}

/// The scope of a revocation: the old version as the previous one, and what was bound.
fn scope(
    world: &World,
    vault: &RefCell<Vault>,
    plan: &Plan,
    entry: &Due,
    observer: &dyn Observer,
) -> std::result::Result<Scope, String> {
    let pinned = start::pin(plan, &vault.borrow());
    let mut secrets = start::secrets(plan, &vault.borrow(), &pinned);
    let old = vault
        .borrow()
        .doc()
        .get(&entry.secret)
        .and_then(|e| e.version(&entry.version))
        .and_then(|v| v.value.as_ref())
        .map(start::stored);
    if old.is_none() {
        return Err("its value is no longer kept in the vault; revoke it by hand, then `rot vault history` shows it".into());
    }
    secrets.set(&entry.secret, Version::Previous, old);
    for secret in secrets.each() {
        observer.secret(secret);
    }
    let facts = RunFacts {
        id: entry.run.clone(),
        started_at: world.clock.now(),
        scheduled_at: entry.due_at,
        rotation: entry.rotation.clone(),
        reason: None,
    };
    let bound = entry.work.as_ref().map_or(&[][..], |work| &work.bound);
    // As it is now; what the process that is at work now was not given, as it was then.
    let mut env = start::environment(world, plan);
    for Bound { name, value, label } in bound {
        if let BoundName::Env(name) = name {
            env.entry(name.clone())
                .or_insert_with(|| Value::from_json(value, label));
        }
    }
    let mut scope = start::scope(plan, facts, Values::new(), env, secrets);
    let mut inputs = Values::new();
    for Bound { name, value, label } in bound {
        let value = Value::from_json(value, label);
        if let (true, Some(bytes)) = (label.is_secret(), value.bytes()) {
            observer.secret(&Secret::new(bytes));
        }
        match name.clone() {
            BoundName::Input(name) => drop(inputs.insert(name, value)),
            BoundName::Let(name) => drop(scope.lets.insert(name, value)),
            BoundName::Variable(name) => drop(scope.variables.insert(name, value)),
            BoundName::Output(name) => drop(scope.outputs.insert(name, value)),
            BoundName::Env(_) => {}
            BoundName::Capture { step, name } => {
                scope.captures.entry(step).or_default().insert(name, value);
            }
        }
    }
    if let Some(rotation) = plan.rotation(&entry.rotation) {
        start::defaults(rotation, &mut inputs, &scope).map_err(|d| d.message)?;
    }
    scope.inputs = inputs;
    Ok(scope)
}

impl<'a> Engine<'a> {
    /// What a revocation that is scheduled now will need.
    pub(super) fn revocation_work(
        &self,
        cx: StepContext<'_, '_>,
        revoke: &Revoke,
    ) -> std::result::Result<Work, StepError> {
        let rotation = cx.frame.rotation;
        let plan = Plan {
            rotations: vec![rotation.clone()],
            ..self.plan.clone()
        };
        let mut certificates = std::collections::BTreeMap::new();
        crate::plan::task::walk_steps(&revoke.steps, &mut |step| {
            if let Task::Http(http) = &step.task {
                for name in &http.limits.ca {
                    let text = self.certificates.get(name);
                    let text = text.map(|t| String::from_utf8_lossy(t).into_owned());
                    certificates.extend(text.map(|text| (name.clone(), text)));
                }
            }
        });
        Ok(Work {
            plan: document::encode(&plan),
            certificates,
            bound: self.bound(cx, revoke)?,
        })
    }

    /// The values that the steps of a revocation read from the run.
    fn bound(
        &self,
        cx: StepContext<'_, '_>,
        revoke: &Revoke,
    ) -> std::result::Result<Vec<Bound>, StepError> {
        let mut own = Vec::new();
        let mut roots: Vec<(BoundName, Root, crate::source::Span)> = Vec::new();
        crate::plan::task::walk_steps(&revoke.steps, &mut |step| {
            own.push(step.name.clone());
            if let Task::Let(assign) = &step.task {
                own.push(assign.name.clone());
            }
            for expr in step.task.exprs() {
                expr.walk(&mut |e| {
                    let ExprKind::Ref(root) = &e.kind else { return };
                    if let Some(name) = bound_name(root)
                        && !roots.iter().any(|(known, ..)| *known == name)
                    {
                        roots.push((name, root.clone(), e.at.0));
                    }
                });
            }
        });
        let scope = cx.frame.scope.borrow();
        let mut bound = Vec::new();
        for (name, root, span) in roots {
            let made_within = match &name {
                BoundName::Capture { step, .. } | BoundName::Output(step) => own.contains(step),
                BoundName::Let(name) => own.contains(name),
                BoundName::Input(_) | BoundName::Variable(_) | BoundName::Env(_) => false,
            };
            if made_within {
                continue;
            }
            let Ok(value) = scope.root(&root) else {
                if !self.plan.dialect.semantics().declares_intent {
                    continue;
                }
                return Err(StepError::Failed(Box::new(
                    Diagnostic::new(
                        codes::RUN_EVALUATION,
                        span,
                        "what this revocation needs has no value now, and would have none when it is due",
                    )
                    .at("read here")
                    .help("store it with the secret, as a field that `previous` has, or compute it before this `revoke`"),
                )));
            };
            bound.push(Bound {
                name,
                value: value.to_json(),
                label: value.full_label(),
            });
        }
        Ok(bound)
    }

    /// The version in use that an immediate revocation would end.
    pub(super) fn revokes_in_use(
        &self,
        revoke: &Revoke,
        version: &str,
        successor: Option<&str>,
    ) -> Option<String> {
        let old = sweep::Outgoing {
            secret: &revoke.secret,
            version,
            successor,
        };
        used(self.vault.borrow().doc(), self.plan, revoke, &old)
    }
}

fn bound_name(root: &Root) -> Option<BoundName> {
    match root {
        Root::Input(name) => Some(BoundName::Input(name.clone())),
        Root::Let(name) => Some(BoundName::Let(name.clone())),
        Root::Variable(name) => Some(BoundName::Variable(name.clone())),
        Root::Capture { step, name } => Some(BoundName::Capture {
            step: step.clone(),
            name: name.clone(),
        }),
        Root::Output(step) => Some(BoundName::Output(step.clone())),
        Root::Env(name) => Some(BoundName::Env(name.clone())),
        Root::Secret { .. }
        | Root::Inputs
        | Root::TaskField { .. }
        | Root::Run(_)
        | Root::Answer => None,
    }
}
