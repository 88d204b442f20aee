//! The checker: what each rule finds and what it leaves alone.

mod build;
pub mod cases;
mod control;
mod conductor;
mod flow;
mod labelled;
mod lattice;
mod lifecycle;
mod pages;
mod policy;
mod precision;
mod transport;
