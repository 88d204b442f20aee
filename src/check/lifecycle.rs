//! Which steps store, promote and revoke which secret, and which steps made what is stored.

use super::context::Context;
use super::flow::{Analysis, Atom, AtomId, Sink};
use crate::plan::task::Http;
pub(crate) use crate::plan::visit::Act;
use crate::plan::{Derivation, Expr, Origin, Task};
use crate::source::Span;
use std::collections::HashMap;

/// A step that does something to a stored secret.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Write<'p> {
    pub(crate) step: usize,
    pub(crate) rotation: usize,
    pub(crate) secret: &'p str,
    pub(crate) act: Act,
    pub(crate) span: Span,
}

/// A new credential on its way into a secret.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Keeping<'p> {
    /// The step that made it.
    pub(crate) maker: usize,
    /// The step that stores it.
    pub(crate) store: usize,
    pub(crate) secret: &'p str,
    pub(crate) atom: AtomId,
}

/// All writes and keepings of a plan, found once.
#[derive(Debug, Default)]
pub(crate) struct Lifecycle<'p> {
    writes: Vec<Write<'p>>,
    keepings: Vec<Keeping<'p>>,
    writes_of: HashMap<&'p str, Vec<Write<'p>>>,
    keepings_of: HashMap<&'p str, Vec<Keeping<'p>>>,
    kept_atoms: HashMap<AtomId, Vec<Keeping<'p>>>,
    kept_at: HashMap<usize, Vec<Keeping<'p>>>,
}

impl<'p> Lifecycle<'p> {
    pub(super) fn of(flow: &Analysis<'p>) -> Self {
        let (writes, keepings) = (writes(flow), keepings(flow));
        let mut all = Self::default();
        for write in &writes {
            all.writes_of.entry(write.secret).or_default().push(*write);
        }
        for keeping in &keepings {
            all.keepings_of
                .entry(keeping.secret)
                .or_default()
                .push(*keeping);
            all.kept_at.entry(keeping.store).or_default().push(*keeping);
            all.kept_atoms
                .entry(keeping.atom)
                .or_default()
                .push(*keeping);
        }
        Self {
            writes,
            keepings,
            ..all
        }
    }
}

fn writes<'p>(flow: &Analysis<'p>) -> Vec<Write<'p>> {
    let mut writes = Vec::new();
    for (step, node) in flow.order.iter() {
        let Some((secret, write)) = node.step.task.write().and_then(|w| Some((w.secret?, w)))
        else {
            continue;
        };
        writes.push(Write {
            step,
            rotation: node.rotation,
            secret,
            act: write.act,
            span: node.step.at.0,
        });
    }
    writes
}

fn keepings<'p>(flow: &Analysis<'p>) -> Vec<Keeping<'p>> {
    let mut keepings = Vec::new();
    for event in &flow.events {
        let (
            Sink::Store {
                secret: Some(secret),
                ..
            },
            Some(store),
        ) = (&event.sink, event.step)
        else {
            continue;
        };
        for entry in event
            .taint
            .iter()
            .filter(|e| !e.control && e.derivation > Derivation::Weak)
        {
            let Some(Atom::Origin {
                rotation: Some(rotation),
                origin: Origin::Minted { step, .. },
            }) = flow.trails.atom(entry.atom)
            else {
                continue;
            };
            if let Some(maker) = flow.order.find(*rotation, step) {
                keepings.push(Keeping {
                    maker,
                    store,
                    secret,
                    atom: entry.atom,
                });
            }
        }
    }
    keepings
}

impl<'p> Context<'_, 'p> {
    /// All steps that do something to a stored secret of a literal name, in text order.
    pub(crate) fn writes(&self) -> &[Write<'p>] {
        &self.lifecycle.writes
    }

    /// Those of one secret, in text order.
    pub(crate) fn writes_of(&self, secret: &str) -> &[Write<'p>] {
        self.lifecycle
            .writes_of
            .get(secret)
            .map_or(&[], Vec::as_slice)
    }

    /// Which made credential is stored where.
    pub(crate) fn keepings(&self) -> &[Keeping<'p>] {
        &self.lifecycle.keepings
    }

    /// Those that are stored in one secret.
    pub(crate) fn keepings_of(&self, secret: &str) -> &[Keeping<'p>] {
        self.lifecycle
            .keepings_of
            .get(secret)
            .map_or(&[], Vec::as_slice)
    }

    /// Those that one step stores.
    pub(crate) fn keepings_at(&self, store: usize) -> &[Keeping<'p>] {
        self.lifecycle
            .kept_at
            .get(&store)
            .map_or(&[], Vec::as_slice)
    }

    /// Those of one credential.
    pub(crate) fn keepings_of_atom(&self, atom: AtomId) -> &[Keeping<'p>] {
        self.lifecycle
            .kept_atoms
            .get(&atom)
            .map_or(&[], Vec::as_slice)
    }

    /// The HTTP exchange of a step.
    pub(crate) fn http(&self, step: usize) -> Option<&'p Http> {
        match self.order().get(step).map(|n| &n.step.task) {
            Some(Task::Http(http)) => Some(http),
            _ => None,
        }
    }

    /// The secret of a literal name that a step stores.
    pub(crate) fn stored_by(&self, store: usize) -> Option<&'p str> {
        let write = self.order().get(store)?.step.task.write()?;
        write.secret.filter(|_| write.act.stores())
    }

    /// The expiry that a step gives to what it stores.
    pub(crate) fn expires(&self, store: usize) -> Option<&'p Expr> {
        self.order().get(store)?.step.task.write()?.expires
    }
}
