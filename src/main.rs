//! The `rot` program: arguments, command, exit code.

/// Wipes memory when it is freed: what hyper, rustls and serde copied of a secret is out of reach of our own types.
#[global_allocator]
static ALLOC: zeroizing_alloc::ZeroAlloc<mimalloc::MiMalloc> =
    zeroizing_alloc::ZeroAlloc(mimalloc::MiMalloc);

fn main() -> std::process::ExitCode {
    rot::cli::main()
}
