//! 2. `.rot` text → tree. Never fails: a tree and diagnostics.

pub mod ast;
