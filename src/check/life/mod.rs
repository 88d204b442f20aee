//! The life of credentials along every way through a rotation: which version of a secret is in use, staged or gone when a step
//! runs, what has been tried, and what is still in nobody's hands when the run ends.
//!
//! The flow analysis joins all ways and so cannot tell what holds on one of them; this walk keeps them apart. It follows
//! branches, called rotations, `let`s and the steps for a failed run, and knows that two conditions with the same text
//! choose the same way. Every fact is of a way that exists; where there are more than [`walk::WAYS`] the rest is not looked
//! at, so that cost stays linear and nothing is claimed that is not so. Only `.rot` says what a call does; Conductor JSON has
//! no facts here.

mod branch;
mod request;
mod state;
mod value;
mod walk;

pub(crate) use value::is_always_there;

use super::order::Order;
use crate::plan::Plan;
use crate::source::Span;

/// Something about a credential that holds on some way through a rotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fact<'p> {
    /// The secret that it is about; for [`Kind::Unused`] the step that made the credential.
    pub(crate) secret: &'p str,
    /// Where.
    pub(crate) span: Span,
    /// What.
    pub(crate) kind: Kind,
}

/// What a fact says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The version in use is revoked, and a new one comes into use only later.
    RevokedEarly { published: Span },
    /// The version in use is revoked while a new one is staged that nothing on this way puts to use.
    RevokedUnreplaced { staged: Span },
    /// The new version is revoked, which is in use.
    RevokedNew { published: Span, deferred: bool },
    /// The new version is revoked, and put to use afterwards.
    RevokedStaged { published: Span },
    /// The steps for a failed run revoke what is in use.
    RevokedOnFailure,
    /// A staged version comes into use that nothing has tried.
    Untried {
        staged: Span,
        attempt: Option<(Span, Attempt)>,
    },
    /// The run ends well with a staged version that does not come into use.
    LeftStaged { end: Option<Span> },
    /// A credential that other ways store is not used at all on this one.
    Unused { end: Option<Span> },
    /// What was sent to a call that ends its life is stored again.
    SpentStored { sent: Span },
    /// What was sent to a call that ends its life is sent again.
    SpentSent { sent: Span },
    /// The version of before is brought somewhere, when the new one is in use already.
    StaleSent { published: Span },
    /// A call sets something else than what is staged.
    SetsOther { staged: Span, old: bool },
}

/// Why a request proves nothing about a staged version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Attempt {
    /// It carries no secret.
    Open,
    /// It carries the version in use.
    Current,
    /// It carries another secret.
    Other,
    /// It carries a name or id of it alone.
    Part,
    /// It accepts being refused.
    Refused,
    /// The value was set after it.
    SetLater,
}

/// All facts of a plan, each once, in the order of the steps.
pub(crate) fn facts<'p>(plan: &'p Plan, order: &Order<'p>) -> Vec<Fact<'p>> {
    if !plan.dialect.semantics().declares_intent {
        return Vec::new();
    }
    walk::Walk::new(plan, order).run()
}
