//! 2. `.rot` text → tree. Never fails: a tree and diagnostics.
//!
//! [`lex`] looks at the characters, [`split`] cuts the text into items, the grammar (`grammar/rot.pest`) parses each
//! item alone, [`lower`] turns what it found into the tree, [`explain`] words what it did not. [`print`] is the way
//! back: the one canonical layout.

pub mod ast;
mod delivery;
pub mod expect;
mod explain;
mod family;
mod fault;
mod grammar;
pub mod keyword;
pub mod lex;
mod lower;
mod operator;
mod parse;
mod print;
pub mod remark;
mod split;
mod words;

pub use keyword::is_keyword;
pub use operator::Operator;
pub use parse::parse;
pub use print::print;
pub(crate) use print::{encode, is_word};

/// How deep brackets may nest, and how many operators may stand in a row. What walks the tree may recurse.
pub const MAX_DEPTH: usize = 64;

/// How many broken statements of a file are explained; whoever has more mends these first.
const MAX_ERRORS: usize = 50;

/// How long a file may be, in bytes.
pub const MAX_LENGTH: usize = 1024 * 1024;
