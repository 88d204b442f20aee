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
            if count == 0 || (hidden.is_some() && bytes.ends_with(b"\n")) {
                break;
            }
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
        let guard = Hidden { before };
        let mut out = io::stderr();
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
    let _sent =
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::INT);
    // Another thread may be the one that takes the signal, a little later than this one goes on.
    #[allow(clippy::disallowed_methods)] // this is the world
    std::thread::sleep(std::time::Duration::from_millis(200));
    io::Error::new(ErrorKind::Interrupted, "interrupted at the prompt")
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // Nothing can be done about a terminal that is gone.
        let _gone = rustix::termios::tcsetattr(
            io::stdin(),
            rustix::termios::OptionalActions::Now,
            &self.before,
        );
    }
}
