//! What people and machines see: findings and errors drawn ([`render`]), written in machine formats ([`format`]), kept
//! free of secret values ([`redact`]) and let out through one sink ([`out`]).
//!
//! The only effects are in [`out`]. Nothing here decides what is a finding.

pub mod blank;
pub mod explain;
pub mod findings;
pub mod format;
pub mod graph;
pub mod out;
pub mod place;
pub mod redact;
pub mod render;

pub use blank::Blanks;
pub use findings::{Report, Summary};
pub use format::{Format, Request};
pub use out::{ColorChoice, Out, Settings};
pub use redact::{RedactingWriter, Redactor, visible};
pub use render::{RenderOptions, Renderer};
