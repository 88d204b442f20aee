//! Frames on standard input and output. A frame that is no JSON is answered and passed over; one that has no length cannot be.

use lsp_server::{Connection, Message, RequestId, Response};
use std::io::{self, BufRead, Read, Write};
use std::thread::JoinHandle;

/// The largest frame that is looked at; a larger one is passed over.
const LARGEST: usize = 128 << 20;

/// The numbers of JSON-RPC for what cannot be read.
const PARSE_ERROR: i32 = -32700;
const INVALID_REQUEST: i32 = -32600;

/// The threads that read and write.
pub struct Threads {
    writer: JoinHandle<io::Result<()>>,
}

impl Threads {
    /// Waits until all that was to be written is.
    pub fn join(self) -> io::Result<()> {
        self.writer
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("the writer ended")))
    }
}

/// A connection over standard input and output. The reader ends with its input.
pub fn stdio() -> (Connection, Threads) {
    let (near, far) = Connection::memory();
    let answers = far.sender.clone();
    std::thread::spawn(move || {
        let mut input = io::stdin().lock();
        // What cannot be read comes as an answer that nobody asked for; the server hands it on.
        read(&mut input, &mut |message| answers.send(message).is_ok());
    });
    let incoming = far.receiver;
    let writer = std::thread::spawn(move || {
        let mut output = io::stdout();
        for message in incoming {
            message.write(&mut output)?;
        }
        output.flush()
    });
    (near, Threads { writer })
}

/// The id of an answer to what had none that could be read.
pub(super) fn nobody() -> RequestId {
    RequestId::from(String::new())
}

/// Reads frames until the input ends or cannot be understood.
pub fn read(input: &mut impl BufRead, take: &mut dyn FnMut(Message) -> bool) {
    while let Some(length) = header(input) {
        let found = match length {
            Some(length) => match body(input, length) {
                Some(bytes) => parsed(&bytes),
                None => return,
            },
            None => return,
        };
        if !take(found) {
            return;
        }
    }
}

/// The length that a header gives; the outer `None` at the end of the input.
fn header(input: &mut impl BufRead) -> Option<Option<usize>> {
    let mut length = None;
    for _ in 0..64 {
        let mut line = Vec::new();
        let read = input.take(8192).read_until(b'\n', &mut line).ok()?;
        if read == 0 {
            return None;
        }
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_end_matches(['\r', '\n']);
        if line.is_empty() {
            return Some(length);
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().ok();
        }
    }
    Some(None)
}

fn body(input: &mut impl BufRead, length: usize) -> Option<Vec<u8>> {
    if length > LARGEST {
        let skipped = io::copy(&mut input.take(length as u64), &mut io::sink()).ok()?;
        return (skipped == length as u64).then(Vec::new);
    }
    let mut bytes = Vec::new();
    let read = input.take(length as u64).read_to_end(&mut bytes).ok()?;
    (read == length).then_some(bytes)
}

fn parsed(bytes: &[u8]) -> Message {
    let refused = |code: i32, message: &str| {
        Message::Response(Response::new_err(nobody(), code, message.to_owned()))
    };
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(bytes) else {
        return refused(PARSE_ERROR, "this is no JSON");
    };
    match serde_json::from_value::<Message>(value) {
        Ok(message) => message,
        Err(_) => refused(INVALID_REQUEST, "this is no message of JSON-RPC"),
    }
}
