//! What a value is made of, as far as the life of credentials goes.

use super::state::{Name, State};
use crate::check::order::Order;
use crate::plan::expr::{Function, Operator, Version};
use crate::plan::task::http::Expectation;
use crate::plan::task::{CaptureSource, Http, StatusPattern};
use crate::plan::visit::Captured;
use crate::plan::{Expr, ExprKind, Root};
use std::collections::BTreeSet;

/// A call within a call: of which run of which rotation a name is.
pub(super) type Frame = u32;
/// One version of a secret.
pub(super) type VersionId = u32;

/// The version that is in use when a run begins, the one before it, and one that nothing has staged.
pub(super) const FIRST: VersionId = 0;
pub(super) const BEFORE: VersionId = 1;
pub(super) const NONE: VersionId = 2;

/// A part of a value that tells which credential it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Piece<'p> {
    /// Of a version of a secret.
    Stored {
        secret: &'p str,
        field: Option<&'p str>,
        version: VersionId,
    },
    /// What a step captured or generated.
    Made {
        frame: Frame,
        step: usize,
        name: &'p str,
    },
}

pub(super) type Pieces<'p> = BTreeSet<Piece<'p>>;

/// Where an expression is read: what holds there, in which run of which rotation.
pub(super) struct Reading<'r, 'p> {
    pub state: &'r State<'p>,
    pub frame: Frame,
    pub rotation: usize,
    pub order: &'r Order<'p>,
}

impl<'p> Reading<'_, 'p> {
    /// The pieces of an expression.
    pub(super) fn pieces(&self, expr: &'p Expr) -> Pieces<'p> {
        let mut found = Pieces::new();
        self.collect(expr, &mut found);
        found
    }

    fn collect(&self, expr: &'p Expr, found: &mut Pieces<'p>) {
        match &expr.kind {
            ExprKind::Ref(root) => self.of_root(root, found),
            // The right side is taken only where the left may be missing.
            ExprKind::Binary(Operator::Else, left, _) if is_always_there(left) => {
                self.collect(left, found);
            }
            // A truth is not the credential that it is about.
            ExprKind::Binary(operator, ..)
                if !matches!(operator, Operator::Else | Operator::Add) => {}
            ExprKind::Not(_) | ExprKind::Call(Function::IsSet, _) => {}
            _ => {
                for child in expr.children() {
                    self.collect(child, found);
                }
            }
        }
    }

    fn of_root(&self, root: &'p Root, found: &mut Pieces<'p>) {
        let mut bound = |name: Name<'p>| match self.state.bound.get(&(self.frame, name)) {
            Some(pieces) => {
                found.extend(pieces.iter().copied());
                true
            }
            None => false,
        };
        match root {
            Root::Secret {
                name,
                field,
                version,
            } => {
                let held = self.state.held(name);
                let version = match version {
                    Version::Current => held.current,
                    Version::Pending => held.pending.unwrap_or(NONE),
                    Version::Previous => held.previous,
                };
                found.insert(Piece::Stored {
                    secret: name,
                    field: field.as_deref(),
                    version,
                });
            }
            Root::Let(name) => {
                bound(Name::Let(name));
            }
            Root::Input(name) => {
                bound(Name::Input(name));
            }
            Root::Variable(name) => {
                bound(Name::Variable(name));
            }
            Root::Capture { step, name } => {
                if let Some(id) = self.order.find(self.rotation, step)
                    && !bound(Name::Capture(id, name))
                {
                    found.insert(Piece::Made {
                        frame: self.frame,
                        step: id,
                        name,
                    });
                }
            }
            Root::Inputs
            | Root::Output(_)
            | Root::TaskField { .. }
            | Root::Env(_)
            | Root::Run(_)
            | Root::Answer => {}
        }
    }
}

/// Whether a value is never null: a secret is in the vault or the run stops.
pub(crate) fn is_always_there(expr: &Expr) -> bool {
    matches!(
        &expr.kind,
        ExprKind::Ref(Root::Secret {
            version: Version::Current,
            ..
        })
    )
}

/// Whether a piece is a credential and not what names one: a secret, and not called an id or a user.
pub(super) fn is_credential(piece: &Piece<'_>, order: &Order<'_>) -> bool {
    match piece {
        Piece::Stored { field, .. } => !field.is_some_and(is_name_of),
        Piece::Made { step, name, .. } => {
            is_secret_capture(*step, name, order) && !is_name_of(name)
        }
    }
}

fn is_secret_capture(step: usize, name: &str, order: &Order<'_>) -> bool {
    let captures = order.get(step).map(|node| node.step.task.captures());
    let is_it = |c: &Captured<'_>| c.secret && c.name == name;
    captures.is_some_and(|captures| captures.iter().any(is_it))
}

/// Whether a field is what one calls a credential by, and not what opens.
fn is_name_of(field: &str) -> bool {
    let field = field.to_ascii_lowercase();
    [
        "id", "name", "user", "username", "login", "email", "account", "slot",
    ]
    .iter()
    .any(|word| {
        field
            .strip_suffix(word)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with(['_', '-']))
    })
}

/// Whether a captured name says that it is of the credential before.
pub(super) fn is_of_the_old(name: &str) -> bool {
    ["old", "prev", "prior", "former", "last", "replaced"]
        .iter()
        .any(|word| name.to_ascii_lowercase().starts_with(word))
}

/// What a request is about stands in its URL, query and body; what stands in a header authenticates it.
pub(super) fn about(http: &Http) -> Vec<&Expr> {
    let parts = http.request_exprs().into_iter();
    let about = parts.filter(|(part, _)| !part.authenticates());
    about.map(|(_, expr)| expr).collect()
}

/// What authenticates a request.
pub(super) fn authentication(http: &Http) -> Vec<&Expr> {
    let parts = http.request_exprs().into_iter();
    let who = parts.filter(|(part, _)| part.authenticates());
    who.map(|(_, expr)| expr).collect()
}

/// Where a request takes a refusal of its credential for an answer as any other: nothing else of the answer is looked at.
pub(super) fn accepts_refusal(http: &Http) -> Option<crate::source::Span> {
    let looks = http
        .expect
        .iter()
        .any(|e| !matches!(e.what, Expectation::Status(_)))
        || http
            .captures
            .iter()
            .any(|c| matches!(c.source, CaptureSource::Status));
    let refused = |pattern: &StatusPattern| {
        matches!(
            pattern,
            StatusPattern::Family(4) | StatusPattern::Exact(400 | 401 | 403)
        )
    };
    http.expect
        .iter()
        .find(|e| matches!(&e.what, Expectation::Status(all) if all.iter().any(refused)))
        .filter(|_| !looks)
        .map(|e| e.at.0)
}
