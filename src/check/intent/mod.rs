//! What the calls of a definition are for. Conductor JSON has no word for it, so it is told from what becomes of them: a call
//! whose answer is stored makes a credential, one that ends a life below the same address revokes one, and whatever carries a
//! new value, or reads the secret that holds it, tries it.
//!
//! [`trial`], [`revoke`], [`keep`] and [`workers`] say what is wrong with the order of them, [`open`] what of it is kept in the open; `.rot` says what its calls do, and has no
//! facts here.

mod address;
pub(crate) mod keep;
pub(crate) mod open;
pub(crate) mod revoke;
mod sources;
pub(crate) mod trial;
pub(crate) mod workers;

pub(crate) use address::{
    Relation, is_in_place, is_login, is_of_the_dead, is_revocation, kills, relation, written,
};
pub(crate) use sources::Sources;

use super::context::names_credential;
use super::flow::{Analysis, Atom, AtomId, Sink};
use crate::plan::expr::{Root, Version};
use crate::plan::task::Http;
use crate::plan::task::lifecycle::NewValue;
use crate::plan::task::walk_steps;
use crate::plan::{Derivation, Expr, ExprKind, Origin, Task};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Credentials and calls of one rotation that are compared with each other. A rotation has one or two; the bound keeps the cost
/// of a hostile text at its size.
const COMPARED: usize = 64;

/// Tasks that tell of something, and do nothing with it.
const MESSAGES: [&str; 4] = ["EVENT", "KAFKA_PUBLISH", "SQS", "HUMAN"];

/// A call whose answer is stored.
#[derive(Debug)]
pub(crate) struct Mint<'p> {
    /// The step.
    pub(crate) step: usize,
    /// Index of its rotation.
    pub(crate) rotation: usize,
    /// The call.
    pub(crate) http: &'p Http,
    /// What is stored of it, in the order of the steps.
    pub(crate) stores: Vec<Store<'p>>,
}

/// A step that stores a part of an answer.
#[derive(Debug, Clone)]
pub(crate) struct Store<'p> {
    /// The step.
    pub(crate) step: usize,
    /// The secret, where its name is written out.
    pub(crate) secret: Option<&'p str>,
    /// What is stored.
    pub(crate) atom: AtomId,
    /// The name under which the call keeps it.
    pub(crate) part: String,
    /// It is the credential, and not what tells it from others.
    pub(crate) credential: bool,
}

/// A call that ends the life of a credential.
#[derive(Debug)]
pub(crate) struct Revocation<'p> {
    /// The step.
    pub(crate) step: usize,
    /// The call.
    pub(crate) http: &'p Http,
    /// What its address and body are made from.
    pub(crate) names: Sources<'p>,
}

/// A request, or a task of somebody else, that gets a credential to work with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Use {
    /// The step.
    pub(crate) step: usize,
    /// It is no request: what it does with the credential is not known.
    pub(crate) elsewhere: bool,
}

/// What comes of a decision.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Decision {
    /// One of the branches ends the workflow as failed.
    pub(crate) fails: bool,
    /// One of them does more than to tell of it.
    pub(crate) acts: bool,
}

/// Whether a step hands its input to a program that sends it to people.
fn is_message(task: &Task) -> bool {
    let Task::Worker(worker) = task else {
        return false;
    };
    (worker.kind.as_deref()).is_some_and(|kind| MESSAGES.contains(&kind))
}

impl Decision {
    fn of(task: &Task) -> Self {
        let mut of = Self::default();
        for steps in task.blocks() {
            of.fails |= revoke::fails(steps);
            walk_steps(steps, &mut |step| {
                of.acts |= step.task.acts() && !is_message(&step.task);
            });
        }
        of
    }
}

/// All that was told.
#[derive(Debug, Default)]
pub(crate) struct Intent<'p> {
    pub(crate) mints: Vec<Mint<'p>>,
    /// By rotation, in the order of the steps.
    revocations: HashMap<usize, Vec<Revocation<'p>>>,
    /// Rotations of the steps that revoke.
    revoking: HashMap<usize, usize>,
    /// Requests by rotation, as places in the list of all.
    requests: HashMap<usize, Vec<usize>>,
    /// Steps on which a SWITCH decides, by rotation, and what comes of it.
    decided: HashMap<(usize, &'p str), Decision>,
    /// What each SWITCH decides by.
    subjects: HashMap<usize, Sources<'p>>,
    /// The steps that store a copy of a secret.
    copied: HashMap<&'p str, Vec<usize>>,
    /// Uses of a value by what it came from, in the order of the steps.
    carried: HashMap<AtomId, Vec<Use>>,
    /// Uses of a secret by its name, in the order of the steps.
    reads: BTreeMap<&'p str, Vec<Use>>,
    /// Where names get their values.
    names: sources::Names<'p>,
}

impl<'p> Intent<'p> {
    pub(super) fn of(flow: &Analysis<'p>) -> Self {
        let mut all = Self::default();
        if flow.plan.dialect.semantics().declares_intent {
            return all;
        }
        all.mints = mints(flow);
        let known = sources::Names::of(flow);
        for (step, node) in flow.order.iter() {
            if let Task::Http(http) = &node.step.task
                && is_revocation(http)
            {
                let of_rotation = all.revocations.entry(node.rotation).or_default();
                if of_rotation.len() < COMPARED {
                    let names = known.sources(node.rotation, &about(http));
                    of_rotation.push(Revocation { step, http, names });
                    all.revoking.insert(step, node.rotation);
                }
            } else if let Task::Switch(switch) = &node.step.task {
                let of = Decision::of(&node.step.task);
                let subject = known.sources(node.rotation, &[&switch.subject]);
                for (step, _) in &subject.steps {
                    let known = all.decided.entry((node.rotation, step)).or_default();
                    known.fails |= of.fails;
                    known.acts |= of.acts;
                }
                all.subjects.insert(step, subject);
            } else if let Task::Update(update) = &node.step.task
                && let NewValue::Single(value) = &update.value
            {
                value.walk(&mut |part| {
                    if let ExprKind::Ref(Root::Secret { name, .. }) = &part.kind {
                        all.copied.entry(name).or_default().push(step);
                    }
                });
            }
        }
        for (at, request) in flow.requests.iter().enumerate() {
            if let Some(node) = flow.order.get(request.step) {
                all.requests.entry(node.rotation).or_default().push(at);
            }
        }
        all.note_uses(flow);
        all.names = known;
        all
    }

    fn note_uses(&mut self, flow: &Analysis<'p>) {
        let stored: HashSet<&str> = self
            .mints
            .iter()
            .flat_map(|m| &m.stores)
            .filter_map(|s| s.secret)
            .collect();
        for request in &flow.requests {
            let of = Use {
                step: request.step,
                elsewhere: false,
            };
            for entry in request
                .carries
                .iter()
                .filter(|e| !e.control && e.derivation > Derivation::Weak)
            {
                self.carried.entry(entry.atom).or_default().push(of);
            }
            for expr in request.http.exprs() {
                self.note_reads(expr, of, &stored);
            }
        }
        for event in &flow.events {
            let elsewhere = match event.sink {
                Sink::Elsewhere { kind, .. } => !MESSAGES.contains(&kind),
                Sink::CallInput { .. } => true,
                _ => false,
            };
            if let Some(step) = event.step.filter(|_| elsewhere) {
                for entry in event.taint.iter().filter(|e| !e.control) {
                    self.carried
                        .entry(entry.atom)
                        .or_default()
                        .push(Use { step, elsewhere });
                }
            }
        }
        for (step, node) in flow.order.iter() {
            let tells = |kind: &str| MESSAGES.contains(&kind);
            let works = matches!(&node.step.task, Task::Worker(worker) if !worker.kind.as_deref().is_some_and(tells));
            let elsewhere = works || matches!(node.step.task, Task::Call(_) | Task::Fork(_));
            if elsewhere {
                for expr in node.step.task.exprs() {
                    self.note_reads(expr, Use { step, elsewhere }, &stored);
                }
            }
        }
        let reads = self.reads.values_mut();
        for uses in self.carried.values_mut().chain(reads) {
            uses.sort_unstable_by_key(|of| of.step);
            uses.dedup();
        }
    }

    /// Secrets by reference, and by a name that is handed to somebody who looks it up.
    fn note_reads(&mut self, expr: &'p Expr, of: Use, stored: &HashSet<&str>) {
        expr.walk(&mut |part| match &part.kind {
            ExprKind::Ref(Root::Secret {
                name,
                version: Version::Current,
                ..
            }) => {
                self.reads.entry(name).or_default().push(of);
            }
            ExprKind::String(text) if stored.contains(text.as_str()) => {
                self.reads.entry(text).or_default().push(Use {
                    elsewhere: true,
                    ..of
                });
            }
            _ => {}
        });
    }

    /// The calls of a rotation that end the life of something.
    pub(crate) fn revocations_of(&self, rotation: usize) -> &[Revocation<'p>] {
        self.revocations.get(&rotation).map_or(&[], Vec::as_slice)
    }

    /// All of them.
    pub(crate) fn revocations(&self) -> impl Iterator<Item = &Revocation<'p>> {
        let mut all: Vec<&Revocation<'p>> = self.revocations.values().flatten().collect();
        all.sort_unstable_by_key(|r| r.step);
        all.into_iter()
    }

    /// That of a step.
    pub(crate) fn revocation(&self, step: usize) -> Option<&Revocation<'p>> {
        self.revocations_of(*self.revoking.get(&step)?)
            .iter()
            .find(|r| r.step == step)
    }

    /// The requests of a rotation, as places in the list of all.
    pub(crate) fn requests_of(&self, rotation: usize) -> &[usize] {
        self.requests.get(&rotation).map_or(&[], Vec::as_slice)
    }

    /// Whether a SWITCH decides on what a step gives, and if so, what comes of it.
    pub(crate) fn decided(&self, rotation: usize, step: &'p str) -> Option<Decision> {
        self.decided.get(&(rotation, step)).copied()
    }

    /// What a SWITCH decides by.
    pub(crate) fn subject(&self, step: usize) -> Option<&Sources<'p>> {
        self.subjects.get(&step)
    }

    /// What values of a rotation are made from.
    pub(crate) fn sources(&self, rotation: usize, exprs: Vec<&'p Expr>) -> Sources<'p> {
        self.names.sources(rotation, &exprs)
    }

    /// Whether a step stores a copy of a secret.
    pub(crate) fn is_copied(&self, secret: &str) -> bool {
        self.copied.contains_key(secret)
    }

    /// The steps that store a copy of a secret.
    pub(crate) fn copies_of(&self, secret: &str) -> &[usize] {
        self.copied.get(secret).map_or(&[], Vec::as_slice)
    }

    /// Whoever gets a value.
    pub(crate) fn uses_of_atom(&self, atom: AtomId) -> &[Use] {
        self.carried.get(&atom).map_or(&[], Vec::as_slice)
    }

    /// Whoever reads a secret, at any time.
    pub(crate) fn uses_of(&self, secret: &str) -> &[Use] {
        self.reads.get(secret).map_or(&[], Vec::as_slice)
    }

    /// The secrets that anybody reads, by name.
    pub(crate) fn secrets_read(&self) -> impl Iterator<Item = &'p str> {
        self.reads.keys().copied()
    }
}

impl<'p> Mint<'p> {
    /// The steps that store the credential itself; all of them where none is told from the rest.
    pub(crate) fn credentials(&self) -> impl Iterator<Item = &Store<'p>> {
        let any = self.stores.iter().any(|s| s.credential);
        self.stores.iter().filter(move |s| s.credential || !any)
    }

    /// For messages: the secret, or what is stored.
    pub(crate) fn name(&self) -> &str {
        self.credentials()
            .find_map(|s| s.secret)
            .or_else(|| self.stores.first().map(|s| s.part.as_str()))
            .unwrap_or_default()
    }
}

/// What a request is about stands in its URL, query and body; what is in a header only authenticates it.
pub(crate) fn about(http: &Http) -> Vec<&Expr> {
    let parts = http.request_exprs().into_iter();
    let about = parts.filter(|(part, _)| !part.authenticates());
    about.map(|(_, expr)| expr).collect()
}

fn mints<'p>(flow: &Analysis<'p>) -> Vec<Mint<'p>> {
    let mut by_step: HashMap<usize, Vec<Store<'p>>> = HashMap::new();
    let mut order: Vec<usize> = Vec::new();
    for event in &flow.events {
        let (Sink::Store { secret, .. }, Some(step)) = (&event.sink, event.step) else {
            continue;
        };
        for entry in event
            .taint
            .iter()
            .filter(|e| !e.control && e.derivation > Derivation::Weak)
        {
            let (maker, part, masked) = match flow.trails.atom(entry.atom) {
                Some(Atom::Origin {
                    rotation: Some(rotation),
                    origin: Origin::Minted { step, name, .. },
                }) => (flow.order.find(*rotation, step), name.clone(), true),
                Some(Atom::Answer { step, path }) => {
                    (Some(*step), path.last().cloned().unwrap_or_default(), false)
                }
                _ => continue,
            };
            let Some(maker) = maker else { continue };
            let store = Store {
                step,
                secret: *secret,
                atom: entry.atom,
                credential: masked || names_credential(&part),
                part,
            };
            let stores = by_step.entry(maker).or_insert_with(|| {
                order.push(maker);
                Vec::new()
            });
            if !stores
                .iter()
                .any(|s| s.step == store.step && s.part == store.part)
            {
                stores.push(store);
            }
        }
    }
    order.sort_unstable();
    let mut mints: Vec<Mint<'p>> = Vec::new();
    let mut per_rotation: HashMap<usize, usize> = HashMap::new();
    for step in order {
        let Some(node) = flow.order.get(step) else {
            continue;
        };
        let Task::Http(http) = &node.step.task else {
            continue;
        };
        let count = per_rotation.entry(node.rotation).or_default();
        if matches!(http.method.as_str(), "GET" | "HEAD") || *count >= COMPARED {
            continue;
        }
        *count += 1;
        let mut stores = by_step.remove(&step).unwrap_or_default();
        stores.sort_by_key(|s| s.step);
        mints.push(Mint {
            step,
            rotation: node.rotation,
            http,
            stores,
        });
    }
    mints
}
