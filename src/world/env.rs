//! Environment variables, and the person at the terminal.

use zeroize::Zeroizing;

/// Environment variables, and the person at the terminal.
pub trait Env: Send + Sync {
    /// A variable; `None` when unset or not UTF-8.
    fn var(&self, name: &str) -> Option<String>;
    /// A secret from a hidden prompt on the terminal, or from standard input when that is not one. `None` where
    /// there is no person and no input left.
    fn ask_secret(&self, prompt: &str) -> std::io::Result<Option<Zeroizing<String>>>;
}

/// The process's environment.
pub struct RealEnv;
