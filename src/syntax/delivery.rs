//! The tree of what says where secrets are used: targets, and what is delivered to them.

use super::ast::{Expr, Name};
use crate::source::Span;

/// `target NAME KIND "place" { … }`: where secrets are used.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// Its name.
    pub name: Name,
    /// What kind of place.
    pub kind: Name,
    /// The place.
    pub place: Name,
    /// Words with their values.
    pub options: Vec<(Name, Expr)>,
    /// The item.
    pub span: Span,
}

/// `deliver SECRET.field to TARGET as "NAME", TARGET`
#[derive(Debug, Clone, PartialEq)]
pub struct Deliver {
    /// The secret.
    pub secret: Name,
    /// One field of it.
    pub field: Option<Name>,
    /// The targets, each with what the value is called there.
    pub to: Vec<(Name, Option<Name>)>,
    /// The item.
    pub span: Span,
}
