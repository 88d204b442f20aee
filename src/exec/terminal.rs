//! The terminal outside: raw while the child has one of its own, and as it was on every way out.

use rustix::termios::{OptionalActions, Termios, Winsize, tcgetattr, tcgetwinsize, tcsetattr};
use std::io::{self, IsTerminal};

/// What the three standard streams are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Streams {
    /// Standard input is a terminal.
    pub input: bool,
    /// Standard output is.
    pub output: bool,
    /// Standard error is.
    pub error: bool,
}

impl Streams {
    /// Those of this process.
    pub fn of_this_process() -> Self {
        Self {
            input: io::stdin().is_terminal(),
            output: io::stdout().is_terminal(),
            error: io::stderr().is_terminal(),
        }
    }
}

/// Keeps the terminal raw; what it was comes back when this is dropped.
pub struct Raw {
    before: Termios,
}

impl Raw {
    /// Makes the terminal on standard input raw: what is typed reaches the child's terminal as it is.
    pub fn enter() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let raw = Self { before };
        raw.again()?;
        Ok(raw)
    }

    /// As it was before, for as long as this process is stopped.
    pub fn leave(&self) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Drain, &self.before);
    }

    /// Raw once more.
    pub fn again(&self) -> io::Result<()> {
        let mut modes = self.before.clone();
        modes.make_raw();
        Ok(tcsetattr(io::stdin(), OptionalActions::Now, &modes)?)
    }

    /// The modes of the terminal outside, for the child's to start from.
    pub fn before(&self) -> &Termios {
        &self.before
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        self.leave();
    }
}

/// The size of the terminal on standard input or output.
pub fn size() -> Option<Winsize> {
    tcgetwinsize(io::stdin())
        .or_else(|_| tcgetwinsize(io::stdout()))
        .or_else(|_| tcgetwinsize(io::stderr()))
        .ok()
}
