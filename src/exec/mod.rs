//! `rot exec`: a command with secrets, its output masked.
//!
//! | file | what it does |
//! | --- | --- |
//! | [`environment`] | which variables the child gets, and which names are refused |
//! | [`files`] | secrets as files: sealed memory, or a private folder that is swept |
//! | [`child`] | starting, signalling and waiting for the child |
//! | [`terminal`] | raw mode and window size of the terminal outside |
//! | [`pump`] | output through the masker |
//! | [`supervise`] | the loop that holds all of this together |
//! | [`helper`] | our own program between `fork` and `exec`: what `pre_exec` would need unsafe code for |
//!
//! No value stands in an argument, in the environment of `rot` itself, or in a file that outlives the child.

pub mod child;
pub mod environment;
pub mod files;
pub mod helper;
pub mod pump;
pub mod supervise;
pub mod terminal;

use crate::vault::Secret;
use std::ffi::OsString;
use std::time::Duration;

/// A value for the child.
pub struct Given {
    /// The secret, with its field where it is a record: `team/db.password`.
    pub name: String,
    /// The variable that holds the value, or the path of its file.
    pub variable: String,
    /// The value.
    pub value: Secret,
}

/// What happens when a value that the child got is replaced in the vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnChange {
    /// The child is ended and started again.
    Restart,
    /// Its files are written anew and it is sent a signal (a number of this system).
    Signal(i32),
}

/// How a child is run.
pub struct Job {
    /// Program and arguments.
    pub command: Vec<OsString>,
    /// Values that go into variables.
    pub variables: Vec<Given>,
    /// Values that go into files, whose paths go into variables.
    pub files: Vec<Given>,
    /// Files lie in a private folder of the runtime directory, and not in sealed memory.
    pub file_dir: bool,
    /// Whether output is masked.
    pub mask: bool,
    /// Only a fixed list of variables is passed on, and those that are named here.
    pub pure: Option<Vec<String>>,
    /// How long a child that was asked to end may take before it is killed.
    pub stop_timeout: Duration,
    /// What a change in the vault does.
    pub on_change: Option<OnChange>,
}

/// How the child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// With this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

impl Ended {
    /// Dies as the child died: of the same signal where this process can, with `128 + n` where it cannot.
    pub fn code(self) -> u8 {
        match self {
            Ended::Code(code) => u8::try_from(code & 0xff).unwrap_or(u8::MAX),
            Ended::Signal(signal) => {
                // Returns only where the signal's default is not to end a process, or where it is blocked.
                let _ = signal_hook::low_level::emulate_default_handler(signal);
                u8::try_from(128 + signal).unwrap_or(u8::MAX)
            }
        }
    }
}
