//! One file per command.

pub mod vault;
