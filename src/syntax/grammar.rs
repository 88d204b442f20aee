//! The parser that pest makes of `grammar/rot.pest`.
#![allow(missing_docs)]

/// The parser; its rules are [`Rule`].
#[derive(pest_derive::Parser)]
#[grammar = "../grammar/rot.pest"]
pub struct Grammar;
