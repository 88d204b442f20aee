//! Environment variables, and the person at the terminal.

use std::io::{self, ErrorKind, Read, Write};
use zeroize::Zeroizing;

/// The most that is read from standard input as one secret.
pub const MAX_INPUT: usize = 1024 * 1024;

/// Environment variables, and the person at the terminal.
pub trait Env: Send + Sync {
    /// A variable; `None` when unset or not UTF-8.
    fn var(&self, name: &str) -> Option<String>;
    /// What this machine is called, if it says so.
    fn host(&self) -> Option<String> {
        None
    }
    /// A secret from a hidden prompt on the terminal, or from standard input when that is not one. `None` where
    /// there is no person and no input left.
    fn ask_secret(&self, prompt: &str) -> io::Result<Option<Zeroizing<String>>>;
    /// A question to the person at the terminal, who says yes by the letter that the question names; no where nobody is there.
    fn confirm(&self, question: &str, yes: char) -> bool {
        let _ = (question, yes);
        false
    }
    /// The same for a secret that need not be text.
    fn ask_bytes(&self, prompt: &str) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
        Ok(self
            .ask_secret(prompt)?
            .map(|text| Zeroizing::new(text.as_bytes().to_vec())))
    }
}

/// The process's environment.
pub struct RealEnv;

#[allow(clippy::disallowed_methods)]
impl Env for RealEnv {
    fn var(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn host(&self) -> Option<String> {
        let system = rustix::system::uname();
        let name = || system.nodename().to_str().ok().map(str::to_owned);
        // Containers are often all called the same, and can be given another name.
        self.var("HOSTNAME").filter(|n| !n.is_empty()).or_else(name)
    }

    fn confirm(&self, question: &str, yes: char) -> bool {
        let stdin = io::stdin();
        if !rustix::termios::isatty(&stdin) || !rustix::termios::isatty(io::stderr()) {
            return false;
        }
        let asked = io::stderr().write_all(format!("{question} ").as_bytes());
        let mut answer = String::new();
        asked.is_ok() && stdin.read_line(&mut answer).is_ok() && answer.trim().starts_with(yes)
    }

    fn ask_secret(&self, prompt: &str) -> io::Result<Option<Zeroizing<String>>> {
        let Some(bytes) = self.ask_bytes(prompt)? else {
            return Ok(None);
        };
        match std::str::from_utf8(&bytes) {
            Ok(text) => Ok(Some(Zeroizing::new(text.to_owned()))),
            Err(_) => Err(io::Error::new(
                ErrorKind::InvalidData,
                "the input is not UTF-8 text",
            )),
        }
    }

    fn ask_bytes(&self, prompt: &str) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
        let stdin = io::stdin();
        let mut hidden = if rustix::termios::isatty(&stdin) {
            Some(Hidden::start(prompt)?)
        } else {
            None
        };
        // All room at once: a growing vector would leave unwiped copies behind. Bytes are read straight from the
        // descriptor, past std's buffer, which nobody wipes.
        let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_INPUT + 1));
        let mut chunk = Zeroizing::new([0u8; 4096]);
        let mut file = Descriptor(&stdin);
        let mut pasted = Pasted::default();
        loop {
            let count = file.read(chunk.as_mut_slice())?;
            bytes.extend_from_slice(chunk.get(..count).unwrap_or_default());
            if bytes.len() > MAX_INPUT + 1 {
                return Err(io::Error::new(
                    ErrorKind::InvalidData,
                    "the input is longer than 1 MiB",
                ));
            }
            // A terminal hands out whole lines; anything else is read to its end.
            if let Some(hidden) =
                hidden.take_if(|hidden| bytes.last().is_some_and(|last| hidden.interrupts(*last)))
            {
                return Err(interrupted(hidden));
            }
            pasted.read(&bytes, count);
            let whole = hidden.is_some() && pasted.is_whole(&bytes) && !more_waits(&pasted);
            if count == 0 || whole {
                break;
            }
        }
        if hidden.is_some() {
            // What was typed or pasted behind it is nobody's answer to the next question, and no shell's command.
            let _gone = rustix::termios::tcflush(&stdin, rustix::termios::QueueSelector::IFlush);
        }
        if hidden.is_some() {
            unmark(&mut bytes);
        }
        drop(hidden);
        if bytes.is_empty() {
            return Ok(None);
        }
        if bytes.ends_with(b"\n") {
            bytes.pop();
        }
        if bytes.len() > MAX_INPUT {
            return Err(io::Error::new(
                ErrorKind::InvalidData,
                "the input is longer than 1 MiB",
            ));
        }
        Ok(Some(bytes))
    }
}

/// What a terminal that knows bracketed paste puts around what is pasted (xterm's control sequences, "Bracketed Paste Mode").
const PASTE_BEGINS: &[u8] = b"\x1b[200~";
const PASTE_ENDS: &[u8] = b"\x1b[201~";

/// How far something of several lines has come: a terminal hands out one line after the other.
#[derive(Default)]
struct Pasted {
    /// Between the marks of a paste.
    open: bool,
    /// Within a PEM text.
    pem: bool,
    /// A PEM text has ended; another may follow.
    ended: bool,
    /// Where the last line begins.
    line: usize,
}

impl Pasted {
    /// Takes note of the last `count` bytes.
    fn read(&mut self, bytes: &[u8], count: usize) {
        let new = bytes.len().saturating_sub(count + PASTE_ENDS.len() - 1);
        let tail = bytes.get(new..).unwrap_or_default();
        let last = |mark: &[u8]| tail.windows(mark.len()).rposition(|w| w == mark);
        match (last(PASTE_BEGINS), last(PASTE_ENDS)) {
            (begins, Some(ends)) => self.open = begins.is_some_and(|begins| begins > ends),
            (Some(_), None) => self.open = true,
            (None, None) => {}
        }
        while let Some(length) = bytes
            .get(self.line..)
            .and_then(|rest| rest.iter().position(|b| *b == b'\n'))
        {
            let line = bytes.get(self.line..self.line + length).unwrap_or_default();
            let line = line.strip_prefix(PASTE_BEGINS).unwrap_or(line);
            if line.starts_with(b"-----BEGIN ") {
                (self.pem, self.ended) = (true, false);
            } else if line.starts_with(b"-----END ") {
                (self.pem, self.ended) = (false, true);
            }
            self.line += length + 1;
        }
    }

    /// Whether what was read can be all of it.
    fn is_whole(&self, bytes: &[u8]) -> bool {
        bytes.ends_with(b"\n") && !self.open && !self.pem
    }
}

/// Whether more of the same paste is on its way: the next certificate of a chain, in a terminal that does not mark pastes.
fn more_waits(pasted: &Pasted) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    if !pasted.ended {
        return false;
    }
    let stdin = io::stdin();
    let mut wanted = [PollFd::new(&stdin, PollFlags::IN)];
    let soon = Timespec {
        tv_sec: 0,
        tv_nsec: 50_000_000,
    };
    poll(&mut wanted, Some(&soon)).is_ok_and(|ready| ready > 0)
}

/// Takes the marks of a paste out, in place.
fn unmark(bytes: &mut Vec<u8>) {
    for mark in [PASTE_BEGINS, PASTE_ENDS] {
        while let Some(at) = bytes.windows(mark.len()).position(|w| w == mark) {
            bytes.drain(at..at + mark.len());
        }
    }
}

/// Reads a descriptor without a buffer in between.
struct Descriptor<'a>(&'a io::Stdin);

impl Read for Descriptor<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match rustix::io::read(self.0, &mut *buffer) {
                Err(rustix::io::Errno::INTR) => {}
                other => return Ok(other?),
            }
        }
    }
}

/// The terminal with its echo off; on again when dropped.
struct Hidden {
    before: rustix::termios::Termios,
    /// The terminal was told to mark what is pasted.
    marks: bool,
}

impl Hidden {
    fn start(prompt: &str) -> io::Result<Self> {
        use rustix::termios::{
            LocalModes, OptionalActions, SpecialCodeIndex, tcgetattr, tcsetattr,
        };
        let before = tcgetattr(io::stdin())?;
        let mut quiet = before.clone();
        // A signal would end the process and leave the terminal dumb: the keys that send one end the line instead.
        quiet
            .local_modes
            .remove(LocalModes::ECHO | LocalModes::ISIG);
        quiet
            .local_modes
            .insert(LocalModes::ECHONL | LocalModes::ICANON | LocalModes::IEXTEN);
        quiet.special_codes[SpecialCodeIndex::VEOL] = before.special_codes[SpecialCodeIndex::VINTR];
        quiet.special_codes[SpecialCodeIndex::VEOL2] =
            before.special_codes[SpecialCodeIndex::VQUIT];
        tcsetattr(io::stdin(), OptionalActions::Flush, &quiet)?;
        let marks = RealEnv
            .var("TERM")
            .is_some_and(|kind| !kind.is_empty() && kind != "dumb");
        let guard = Hidden { before, marks };
        let mut out = io::stderr();
        if marks {
            out.write_all(b"\x1b[?2004h")?;
        }
        out.write_all(prompt.as_bytes())?;
        out.write_all(b": ")?;
        out.flush()?;
        Ok(guard)
    }

    /// Whether a byte is that of a key with which a person gives up.
    fn interrupts(&self, byte: u8) -> bool {
        use rustix::termios::SpecialCodeIndex;
        [SpecialCodeIndex::VINTR, SpecialCodeIndex::VQUIT]
            .iter()
            .any(|index| self.before.special_codes[*index] == byte && byte != 0)
    }
}

/// What the key would have done, once the terminal is as it was: the process ends as if interrupted, or whoever waits for the
/// signal hears of it.
fn interrupted(hidden: Hidden) -> io::Error {
    drop(hidden);
    let _ = io::stderr().write_all(b"\n");
    // To this very thread, so that it has been dealt with when this comes back, however busy the machine is.
    let _sent = signal_hook::low_level::raise(signal_hook::consts::SIGINT);
    io::Error::new(ErrorKind::Interrupted, "interrupted at the prompt")
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // Nothing can be done about a terminal that is gone.
        if self.marks {
            let _gone = io::stderr().write_all(b"\x1b[?2004l");
        }
        let _gone = rustix::termios::tcsetattr(
            io::stdin(),
            rustix::termios::OptionalActions::Now,
            &self.before,
        );
    }
}
