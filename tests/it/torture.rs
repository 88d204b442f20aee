//! Nothing is lost: the real binary is killed, starved, lied to and damaged, and what is left is looked at.
//!
//! Each test prints what it did as `N …, 0 lost`. The long variants are ignored; they run with
//! `cargo test --release --test it torture:: -- --ignored --nocapture`.

mod kills;
mod project;
mod scenario;
mod strace;
