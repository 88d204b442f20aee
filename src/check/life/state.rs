//! What holds at one point of one way.

use super::Attempt;
use super::value::{BEFORE, FIRST, Frame, Piece, Pieces, VersionId};
use crate::source::Span;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// What a value is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Name<'p> {
    Let(&'p str),
    Input(&'p str),
    /// A loop's element.
    Variable(&'p str),
    /// An output of a called rotation, by the step that called it.
    Capture(usize, &'p str),
}

/// The versions of one secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Held {
    pub(super) current: VersionId,
    pub(super) previous: VersionId,
    pub(super) pending: Option<VersionId>,
    /// The step that put the current one to use.
    pub(super) published: Option<usize>,
    /// The step that revoked the current one, the place in it, and whether that was there when the run began.
    pub(super) revoked: Option<Span>,
}

/// What holds at one point of one way.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct State<'p> {
    pub(super) secrets: BTreeMap<&'p str, Held>,
    pub(super) bound: BTreeMap<(Frame, Name<'p>), Rc<Pieces<'p>>>,
    /// The credentials that were issued on this way, and whether something was done with each.
    pub(super) issued: BTreeMap<(Frame, usize), bool>,
    /// Versions and values that a request has tried.
    pub(super) tried: BTreeSet<Piece<'p>>,
    /// The last request since something was staged that proves nothing.
    pub(super) attempt: Option<(Span, Attempt)>,
    /// What was sent to a call that ends its life, where, and whether it dies on the call.
    pub(super) spent: BTreeMap<Piece<'p>, (Span, bool)>,
    /// Staged versions that were revoked, and where.
    pub(super) dead: BTreeMap<(&'p str, VersionId), Span>,
    /// What was decided: the condition and the branch.
    pub(super) chosen: BTreeMap<(Frame, usize), usize>,
}

impl<'p> State<'p> {
    /// The versions of a secret.
    pub(super) fn held(&self, secret: &str) -> Held {
        self.secrets.get(secret).copied().unwrap_or(Held {
            current: FIRST,
            previous: BEFORE,
            pending: None,
            published: None,
            revoked: None,
        })
    }
}
