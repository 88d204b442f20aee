//! The simulated world: a disk that can lose power, a network that can fail in every way, a clock that only moves when
//! nobody has anything left to do, and randomness from a seed, behind the traits of [`world`](crate::world).
//!
//! Interpreter, journal and vault run in it as they are. `rot rehearse` plays a rotation through it, and the tests explore
//! hundreds of thousands of crashes in it. What is outside the machine (servers, the person at the terminal, programs) is an
//! [`Outside`] that the caller brings. Nothing here touches the real machine.

mod disk;
mod fault;
mod files;
mod machine;
mod network;
mod random;

pub use disk::{Cut, Disk, Entry};
pub use fault::{FsFault, HttpFault, Nonsense};
pub use machine::{Interruption, PROGRAM, Sim, Snapshot, State};
pub use random::Random;

use crate::world::http::Request;
use zeroize::Zeroizing;

/// What is outside the simulated machine.
pub trait Outside: Clone + Send + 'static {
    /// Executes a request: `now` in milliseconds since 1970, `disk` as it is at that moment.
    fn answer(&mut self, request: &Request, now: i64, disk: &Disk) -> Reply;

    /// An environment variable.
    fn variable(&self, name: &str) -> Option<String> {
        let _ = name;
        None
    }

    /// What the person at the terminal enters; `None` where nobody is there.
    fn ask(&mut self, prompt: &str) -> Option<Zeroizing<String>> {
        let _ = prompt;
        None
    }

    /// Whether a program is declared as this worker.
    fn knows(&self, worker: &str) -> bool {
        let _ = worker;
        false
    }

    /// What a worker writes, given its input.
    fn work(&mut self, worker: &str, input: &[u8]) -> Option<Vec<u8>> {
        let _ = (worker, input);
        None
    }
}

/// A server's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Status code.
    pub status: u16,
    /// Headers besides `Content-Type`, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body; JSON unless a header says otherwise.
    pub body: Vec<u8>,
}

impl Reply {
    /// A status alone.
    pub fn status(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// A status with a JSON body.
    pub fn json(status: u16, body: &serde_json::Value) -> Self {
        Self {
            body: body.to_string().into_bytes(),
            ..Self::status(status)
        }
    }
}
