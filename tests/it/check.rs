//! The checker: what each rule finds and what it leaves alone.

mod build;
mod careful;
pub mod cases;
mod conductor;
mod control;
mod flow;
mod intact;
mod labelled;
mod lattice;
mod lifecycle;
mod neighbours;
mod pages;
mod policy;
mod precision;
mod refused;
mod reviewed;
mod shapes;
mod steady;
mod strangers;
mod transport;
