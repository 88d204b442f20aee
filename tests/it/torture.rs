//! Nothing is lost: the real binary is killed, starved, lied to and damaged, and what is left is looked at.
//!
//! Each test prints what it did as `N …, 0 lost`. The long variants are ignored; they run with
//! `cargo test --release --test it torture:: -- --ignored --nocapture`.

mod concurrent;
mod errors;
mod full;
mod halts;
mod hostile;
mod journal;
mod kills;
mod leaks;
mod manual;
mod project;
mod rollback;
mod scenario;
mod strace;
