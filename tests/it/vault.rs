//! The vault: real files in temporary directories, through the library and through its command bodies.

mod attacks;
mod claims;
mod commands;
mod documents;
mod faults;
mod guard;
mod identities;
mod lineage;
mod merging;
mod people;
mod prompt;
mod store;
mod support;
mod vectors;
