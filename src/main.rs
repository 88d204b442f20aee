//! The `rot` program: arguments, command, exit code.

fn main() {}
