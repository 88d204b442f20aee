//! What a value came from, and by which way: the labels of [`crate::plan::label`] with witnesses.
//!
//! An [`Atom`] is anything that a value may come from: a secret, the answer of a step, the caller. A [`Taint`] maps
//! atoms to how they are in the value and to the shortest way by which they got there.

use crate::plan::{Derivation, Label, Origin};
use crate::source::Span;
use std::collections::HashMap;

/// Something that a value may come from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Atom<'p> {
    /// A secret (confidentiality). Vault secrets belong to no rotation.
    Origin {
        /// Index of the rotation.
        rotation: Option<usize>,
        /// Which.
        origin: Origin,
    },
    /// Data that a server sent (integrity), and where it stood in the step's output.
    Answer {
        /// Number of the step.
        step: usize,
        /// Keys from the output's root.
        path: Vec<String>,
    },
    /// Data that the caller passed (integrity). An empty name: all inputs.
    Caller {
        /// Index of the rotation.
        rotation: usize,
        /// Input name.
        name: &'p str,
    },
}

pub(crate) type AtomId = u32;
pub(crate) type HopId = u32;

/// How one atom is in a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) atom: AtomId,
    pub(crate) derivation: Derivation,
    /// Only through a condition: whether, not what.
    pub(crate) control: bool,
    /// What is there was computed from the contents, so that even whether it is there tells of them.
    pub(crate) computed: bool,
    pub(crate) hop: HopId,
    pub(crate) depth: u16,
}

impl Entry {
    /// The same atom by two ways: of both the more, and the shorter way.
    fn joined(self, other: Entry) -> Entry {
        let derivation = self.derivation.max(other.derivation);
        // A way that is more than a condition tells more than a shorter one that is a condition.
        let keep = if self.control == other.control {
            self.depth <= other.depth
        } else {
            !self.control
        };
        Entry {
            derivation,
            computed: self.computed || other.computed,
            ..if keep { self } else { other }
        }
    }
}

impl Entry {
    /// Whether joining made more of it than `before` was.
    fn tells_more_than(self, before: Entry) -> bool {
        self.derivation != before.derivation
            || self.control != before.control
            || self.computed != before.computed
    }
}

/// What a value came from: entries ordered by atom.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Taint(Vec<Entry>);

impl Taint {
    pub(crate) fn one(entry: Entry) -> Self {
        Self(vec![entry])
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.0.iter()
    }

    /// Adds all of `other`; tells whether the label grew. Of two ways the shorter stays.
    pub(crate) fn join(&mut self, other: &Taint) -> bool {
        if other.0.is_empty() {
            return false;
        }
        match (self.0.last(), other.0.as_slice()) {
            (None, _) => {
                self.0.clone_from(&other.0);
                return true;
            }
            // Atoms are numbered as they are met, so that what is new mostly stands behind all that is known.
            (Some(last), [first, ..]) if last.atom < first.atom => {
                self.0.extend_from_slice(&other.0);
                return true;
            }
            (_, [only]) => return self.add(*only),
            _ => {}
        }
        let mut grew = false;
        let mut merged = Vec::with_capacity(self.0.len() + other.0.len());
        let mut mine = self.0.iter().copied().peekable();
        let mut theirs = other.0.iter().copied().peekable();
        loop {
            match (mine.peek().copied(), theirs.peek().copied()) {
                (Some(a), Some(b)) if a.atom == b.atom => {
                    let both = a.joined(b);
                    grew |= both.tells_more_than(a);
                    merged.push(both);
                    mine.next();
                    theirs.next();
                }
                (Some(a), Some(b)) if a.atom < b.atom => {
                    merged.push(a);
                    mine.next();
                }
                (_, Some(b)) => {
                    merged.push(b);
                    grew = true;
                    theirs.next();
                }
                (Some(a), None) => {
                    merged.push(a);
                    mine.next();
                }
                (None, None) => break,
            }
        }
        self.0 = merged;
        grew
    }

    /// Adds one entry; tells whether the label grew.
    fn add(&mut self, entry: Entry) -> bool {
        let at = self.0.partition_point(|e| e.atom < entry.atom);
        match self.0.get_mut(at).filter(|e| e.atom == entry.atom) {
            Some(known) => {
                let both = known.joined(entry);
                let grew = both.tells_more_than(*known);
                *known = both;
                grew
            }
            None => {
                self.0.insert(at, entry);
                true
            }
        }
    }

    pub(crate) fn joined(mut self, other: &Taint) -> Taint {
        self.join(other);
        self
    }

    /// Each entry changed, or dropped for `None`.
    pub(crate) fn map(&self, change: impl FnMut(&Entry) -> Option<Entry>) -> Taint {
        Taint(self.0.iter().filter_map(change).collect())
    }

    /// As [`Label::raised`].
    pub(crate) fn raised(&self, derivation: Derivation) -> Taint {
        self.map(|e| {
            Some(Entry {
                derivation: raise(e.derivation, derivation),
                ..*e
            })
        })
    }

    /// As [`Label::weakened`].
    pub(crate) fn weakened(&self) -> Taint {
        self.map(|e| {
            Some(Entry {
                derivation: Derivation::Weak,
                ..*e
            })
        })
    }

    /// As what was computed from it.
    pub(crate) fn computed(&self) -> Taint {
        self.map(|e| {
            Some(Entry {
                computed: true,
                ..*e
            })
        })
    }

    /// What whether a value is there tells: of what is stored only that it is stored, the one bit that every rotation may tell;
    /// of what was computed, or is there on some paths only, as much as the value itself.
    pub(crate) fn presence(&self) -> Taint {
        self.map(|e| {
            let telling = e.computed || e.control;
            Some(Entry {
                derivation: if telling {
                    raise(e.derivation, Derivation::Opaque)
                } else {
                    Derivation::Weak
                },
                ..*e
            })
        })
    }

    /// As the condition under which something happens.
    pub(crate) fn as_control(&self) -> Taint {
        self.map(|e| {
            Some(Entry {
                derivation: raise(e.derivation, Derivation::Opaque),
                control: true,
                ..*e
            })
        })
    }
}

/// The higher derivation, but weak stays weak.
pub(crate) fn raise(from: Derivation, to: Derivation) -> Derivation {
    if from == Derivation::Weak {
        from
    } else {
        from.max(to)
    }
}

/// One station on the way of an atom.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hop<'p> {
    pub(crate) span: Span,
    pub(crate) kind: HopKind<'p>,
    pub(crate) previous: Option<HopId>,
}

/// What happened at a station.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HopKind<'p> {
    /// The atom came into being or was read.
    Source(AtomId),
    Let(&'p str),
    Variable(&'p str),
    Function(&'static str),
    Condition,
    Passed(&'p str),
    Returned(&'p str),
}

/// All atoms and stations of one analysis.
#[derive(Debug, Default)]
pub(crate) struct Trails<'p> {
    atoms: Vec<Atom<'p>>,
    ids: HashMap<Atom<'p>, AtomId>,
    secrets: HashMap<&'p str, AtomId>,
    hops: Vec<Hop<'p>>,
}

impl<'p> Trails<'p> {
    pub(crate) fn atom(&self, id: AtomId) -> Option<&Atom<'p>> {
        self.atoms.get(id as usize)
    }

    pub(crate) fn origin(&self, id: AtomId) -> Option<&Origin> {
        match self.atom(id) {
            Some(Atom::Origin { origin, .. }) => Some(origin),
            _ => None,
        }
    }

    pub(crate) fn intern(&mut self, atom: Atom<'p>) -> AtomId {
        if let Some(id) = self.ids.get(&atom) {
            return *id;
        }
        let id = u32::try_from(self.atoms.len()).unwrap_or(u32::MAX);
        self.atoms.push(atom.clone());
        self.ids.insert(atom, id);
        id
    }

    /// The atom of a vault secret, without an allocation when it is known.
    pub(crate) fn secret(&mut self, name: &'p str) -> AtomId {
        if let Some(id) = self.secrets.get(name) {
            return *id;
        }
        let id = self.intern(Atom::Origin {
            rotation: None,
            origin: Origin::Secret(name.to_owned()),
        });
        self.secrets.insert(name, id);
        id
    }

    /// A new taint that begins at `span`.
    pub(crate) fn source(&mut self, atom: AtomId, derivation: Derivation, span: Span) -> Taint {
        let hop = self.push(Hop {
            span,
            kind: HopKind::Source(atom),
            previous: None,
        });
        Taint::one(Entry {
            atom,
            derivation,
            control: false,
            computed: false,
            hop,
            depth: 0,
        })
    }

    /// The same taint after one more station.
    pub(crate) fn through(&mut self, taint: &Taint, span: Span, kind: HopKind<'p>) -> Taint {
        taint.map(|e| {
            let hop = self.push(Hop {
                span,
                kind,
                previous: Some(e.hop),
            });
            Some(Entry {
                hop,
                depth: e.depth.saturating_add(1),
                ..*e
            })
        })
    }

    fn push(&mut self, hop: Hop<'p>) -> HopId {
        let id = u32::try_from(self.hops.len()).unwrap_or(u32::MAX);
        self.hops.push(hop);
        id
    }

    /// The stations of an entry, from the source on.
    pub(crate) fn way(&self, entry: &Entry) -> Vec<Hop<'p>> {
        let mut way: Vec<Hop<'p>> =
            std::iter::successors(self.hops.get(entry.hop as usize), |hop| {
                hop.previous.and_then(|id| self.hops.get(id as usize))
            })
            .copied()
            .collect();
        way.reverse();
        way
    }

    /// The label of the part of `taint` that is as `control` says.
    pub(crate) fn label(&self, taint: &Taint, control: bool) -> Label {
        let mut label = Label::PUBLIC;
        for entry in taint.iter().filter(|e| e.control == control) {
            if let Some(origin) = self.origin(entry.atom) {
                label.join(&Label::derived(origin.clone(), entry.derivation));
            }
        }
        label
    }
}
