//! The tree of what makes one rotation many.

use super::ast::{Expr, Name};
use crate::source::Span;

/// What a rotation has to do with a family.
#[derive(Debug, Clone, PartialEq)]
pub enum Family {
    /// `for each NAME in [ … ]`: it stands for one rotation for each member.
    Each(Each),
    /// It is one of these: [`plan::template`](crate::plan::template) made it. No text says so.
    Member {
        /// The name of the family.
        family: String,
        /// Which member.
        member: String,
    },
}

/// `for each NAME in [ … ]` of a rotation.
#[derive(Debug, Clone, PartialEq)]
pub struct Each {
    /// What the member is called within.
    pub item: Name,
    /// The list: names, or objects with a `name`.
    pub members: Expr,
    /// All of it.
    pub span: Span,
}
