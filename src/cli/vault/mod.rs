//! `rot vault`: the commands of the vault.

pub mod args;
