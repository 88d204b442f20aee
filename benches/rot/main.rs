//! `cargo bench`: how long the things take that people and schedules wait for. `docs/performance.md` has the figures.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::print_stderr,
    missing_docs
)]

mod check;
mod disk;
mod report;
mod run;
mod shapes;
mod start;
mod vault;

/// As in the program: wiping what is freed costs something.
#[global_allocator]
static ALLOC: zeroizing_alloc::ZeroAlloc<mimalloc::MiMalloc> =
    zeroizing_alloc::ZeroAlloc(mimalloc::MiMalloc);

fn main() {
    divan::main();
}
