//! Which secrets of the vault a step writes, and which an expression reads.

use crate::plan::task::lifecycle::{Allow, NewValue};
use crate::plan::{Expr, ExprKind, Root, Task, Version};
use crate::source::Span;

/// What a step does to a stored secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// A new value at once.
    Update,
    /// A new value as pending.
    Stage,
    /// The pending value becomes the current one.
    Promote,
    /// The previous value ends.
    Revoke,
}

impl Act {
    /// Whether it brings a new value.
    pub fn stores(self) -> bool {
        match self {
            Act::Update | Act::Stage => true,
            Act::Promote | Act::Revoke => false,
        }
    }

    /// Whether the secret has a current value after it.
    pub fn makes_current(self) -> bool {
        match self {
            Act::Update | Act::Promote => true,
            Act::Stage | Act::Revoke => false,
        }
    }
}

/// A secret that a step writes.
#[derive(Debug, Clone, Copy)]
pub struct Write<'p> {
    /// What it does.
    pub act: Act,
    /// To which; absent when the name is computed.
    pub secret: Option<&'p str>,
    /// The new value, where there is one.
    pub value: Option<&'p NewValue>,
    /// When the new value expires.
    pub expires: Option<&'p Expr>,
    /// What the new value may be that is otherwise refused.
    pub allow: Allow,
}

/// A secret that an expression reads.
#[derive(Debug, Clone, Copy)]
pub struct Read<'p> {
    /// Which.
    pub secret: &'p str,
    /// Which version of it.
    pub version: Version,
    /// The name in the text.
    pub span: Span,
}

impl Task {
    /// The stored secret that the step itself writes.
    pub fn write(&self) -> Option<Write<'_>> {
        let of = |act, secret| Write {
            act,
            secret,
            value: None,
            expires: None,
            allow: Allow::default(),
        };
        match self {
            Task::Update(update) => Some(Write {
                value: Some(&update.value),
                expires: update.expires.as_ref(),
                allow: update.allow,
                ..of(Act::Update, update.secret.as_str())
            }),
            Task::Stage(stage) => Some(Write {
                value: Some(&stage.value),
                expires: stage.expires.as_ref(),
                allow: stage.allow,
                ..of(Act::Stage, Some(&stage.secret))
            }),
            Task::Promote(promote) => Some(of(Act::Promote, Some(&promote.secret))),
            Task::Revoke(revoke) => Some(of(Act::Revoke, Some(&revoke.secret))),
            Task::Http(_)
            | Task::Let(_)
            | Task::SetVariables(_)
            | Task::Generate(_)
            | Task::Log(_)
            | Task::Verify(_)
            | Task::Manual(_)
            | Task::Fail(_)
            | Task::Stop(_)
            | Task::Wait(_)
            | Task::Switch(_)
            | Task::Parallel(_)
            | Task::Fork(_)
            | Task::ForEach(_)
            | Task::Repeat(_)
            | Task::Call(_)
            | Task::Worker(_) => None,
        }
    }
}

impl Expr {
    /// Calls `visit` on each secret of the vault that is read within.
    pub fn each_secret<'p>(&'p self, visit: &mut dyn FnMut(Read<'p>)) {
        self.walk(&mut |part| {
            if let ExprKind::Ref(Root::Secret { name, version, .. }) = &part.kind {
                visit(Read {
                    secret: name,
                    version: *version,
                    span: part.at.0,
                });
            }
        });
    }

    /// Whether one of these versions of a secret is read within.
    pub fn reads_secret(&self, wanted: &str, versions: &[Version]) -> bool {
        let mut found = false;
        self.each_secret(&mut |read| {
            found |= read.secret == wanted && versions.contains(&read.version);
        });
        found
    }
}
