//! Misbehaviour as data: what servers, proxies and networks do to an exchange.

use super::{Received, Reply};
use serde::{Deserialize, Serialize};

/// Which requests misbehave, and how.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Rule {
    /// Only this connection, counted from 0.
    #[serde(default)]
    pub index: Option<usize>,
    /// Only this method.
    #[serde(default)]
    pub method: Option<String>,
    /// Only this path.
    #[serde(default)]
    pub path: Option<String>,
    /// At most so often.
    #[serde(default)]
    pub times: Option<usize>,
    /// How.
    pub fault: Fault,
}

impl Rule {
    /// Every request.
    pub fn always(fault: Fault) -> Self {
        Self {
            index: None,
            method: None,
            path: None,
            times: None,
            fault,
        }
    }

    /// The request on connection `index`.
    pub fn nth(index: usize, fault: Fault) -> Self {
        Self {
            index: Some(index),
            ..Self::always(fault)
        }
    }

    /// The first request to a path.
    pub fn once(path: impl Into<String>, fault: Fault) -> Self {
        Self {
            path: Some(path.into()),
            times: Some(1),
            ..Self::always(fault)
        }
    }

    pub(super) fn fits(&self, index: usize, method: &str, path: &str) -> bool {
        self.index.is_none_or(|wanted| wanted == index)
            && self.method.as_deref().is_none_or(|wanted| wanted == method)
            && self.path.as_deref().is_none_or(|wanted| wanted == path)
    }
}

/// A point in an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The connection stands, nothing is read.
    Read,
    /// The request is read and not yet executed.
    Execute,
    /// It is executed, nothing is answered.
    Answer,
    /// In the middle of the head.
    Head,
    /// In the middle of the body.
    Body,
}

/// A way to misbehave.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The connection is reset with the request unread.
    ResetBeforeReading,
    /// The request is read, then the connection is reset; nothing is executed.
    ResetBeforeExecuting,
    /// The request is executed and the connection reset: the answer is lost.
    ResetAfterExecuting,
    /// The request is executed and the connection closed in good order, without an answer.
    CloseAfterExecuting,
    /// The answer ends after so many bytes of head and body.
    Cut {
        /// Bytes that go out.
        after: usize,
        /// Reset; closed in good order otherwise.
        reset: bool,
    },
    /// Half of the body is missing although its whole length was declared.
    TruncatedBody,
    /// Waits at a point, then goes on.
    Stall {
        /// Where.
        at: Phase,
        /// How long.
        millis: u64,
    },
    /// The answer goes out byte by byte.
    Drip {
        /// Pause after each.
        millis: u64,
    },
    /// Redirects; nothing is executed.
    Redirect {
        /// 301 to 308.
        status: u16,
        /// `Location`.
        location: String,
    },
    /// Another answer than the endpoint's.
    Answer {
        /// Status.
        status: u16,
        /// Headers.
        headers: Vec<(String, String)>,
        /// Body; may hold any character.
        body: String,
        /// Whether the request is executed first.
        execute: bool,
    },
    /// The endpoint's answer with another content type.
    ContentType(String),
    /// The endpoint's answer with another body, as bytes.
    Body(Vec<u8>),
    /// A body of so many bytes, after executing.
    Huge {
        /// Its size.
        bytes: u64,
        /// With `Content-Length`; else it ends with the connection.
        declared: bool,
    },
    /// Headers of so many bytes.
    HugeHead(usize),
    /// The endpoint's answer in chunks of which the second has no valid size.
    BrokenChunks,
    /// The endpoint's answer with two lengths that differ.
    TwoContentLengths,
    /// A status line that is none.
    GarbageStatus,
    /// These bytes and nothing else.
    Raw {
        /// What goes out.
        bytes: Vec<u8>,
        /// Whether the request is executed first.
        execute: bool,
    },
    /// An error that quotes the request: its headers and its body. Nothing is executed.
    Echo {
        /// Status.
        status: u16,
    },
}

/// What goes out instead of a well-made answer.
pub(super) struct Script {
    pub(super) pieces: Vec<Piece>,
    pub(super) reset: bool,
}

/// A part of a script.
pub(super) enum Piece {
    Bytes(Vec<u8>),
    /// So many times the letter x.
    Fill(u64),
    Wait(u64),
}

/// What the endpoint's answer becomes.
pub(super) enum Outcome {
    WellMade(Reply),
    Scripted(Script),
}

impl Fault {
    /// Whether the endpoint does its work.
    pub(super) fn executes(&self) -> bool {
        match self {
            Fault::ResetBeforeReading
            | Fault::ResetBeforeExecuting
            | Fault::Redirect { .. }
            | Fault::Echo { .. } => false,
            Fault::Answer { execute, .. } | Fault::Raw { execute, .. } => *execute,
            _ => true,
        }
    }

    /// What becomes of the endpoint's answer, where it made one.
    pub(super) fn apply(&self, request: &Received, reply: Reply) -> Outcome {
        let scripted = |bytes| {
            Outcome::Scripted(Script {
                pieces: vec![Piece::Bytes(bytes)],
                reset: false,
            })
        };
        match self {
            Fault::ResetBeforeReading
            | Fault::ResetBeforeExecuting
            | Fault::ResetAfterExecuting => Outcome::Scripted(Script {
                pieces: Vec::new(),
                reset: true,
            }),
            Fault::CloseAfterExecuting => Outcome::Scripted(Script {
                pieces: Vec::new(),
                reset: false,
            }),
            Fault::Cut { after, reset } => {
                let mut wire = reply.wire();
                wire.truncate(*after);
                Outcome::Scripted(Script {
                    pieces: vec![Piece::Bytes(wire)],
                    reset: *reset,
                })
            }
            Fault::TruncatedBody => {
                let mut wire = reply.wire();
                wire.truncate(wire.len() - reply.body.len().div_ceil(2));
                scripted(wire)
            }
            Fault::Stall {
                at: Phase::Head,
                millis,
            } => halves(reply.wire(), reply.head().len() / 2, *millis),
            Fault::Stall {
                at: Phase::Body,
                millis,
            } => {
                let wire = reply.wire();
                let middle = wire.len() - reply.body.len().div_ceil(2);
                halves(wire, middle, *millis)
            }
            Fault::Stall { .. } => Outcome::WellMade(reply),
            Fault::Drip { millis } => {
                let pieces = reply
                    .wire()
                    .into_iter()
                    .flat_map(|byte| [Piece::Bytes(vec![byte]), Piece::Wait(*millis)])
                    .collect();
                Outcome::Scripted(Script {
                    pieces,
                    reset: false,
                })
            }
            Fault::Redirect { status, location } => {
                Outcome::WellMade(Reply::empty(*status).with("location", location))
            }
            Fault::Answer {
                status,
                headers,
                body,
                ..
            } => scripted(
                Reply {
                    status: *status,
                    headers: headers.clone(),
                    body: body.clone().into_bytes(),
                }
                .wire(),
            ),
            Fault::ContentType(kind) => Outcome::WellMade(reply.with("content-type", kind)),
            Fault::Body(bytes) => Outcome::WellMade(Reply {
                body: bytes.clone(),
                ..reply
            }),
            Fault::Huge { bytes, declared } => {
                let mut head = reply.head();
                if *declared {
                    head.extend_from_slice(format!("content-length: {bytes}\r\n").as_bytes());
                }
                head.extend_from_slice(b"\r\n");
                Outcome::Scripted(Script {
                    pieces: vec![Piece::Bytes(head), Piece::Fill(*bytes)],
                    reset: false,
                })
            }
            Fault::HugeHead(bytes) => {
                // In lines of a size that parsers take, so that it is the sum that must be refused.
                let line = format!("x-filler: {}\r\n", "x".repeat(4000));
                let mut wire = reply.head();
                (0..bytes.div_ceil(line.len()))
                    .for_each(|_| wire.extend_from_slice(line.as_bytes()));
                wire.extend_from_slice(b"content-length: 0\r\n\r\n");
                scripted(wire)
            }
            Fault::BrokenChunks => {
                let mut wire = reply.head();
                wire.extend_from_slice(
                    format!(
                        "transfer-encoding: chunked\r\n\r\n{:x}\r\n",
                        reply.body.len()
                    )
                    .as_bytes(),
                );
                wire.extend_from_slice(&reply.body);
                wire.extend_from_slice(b"\r\nzz\r\nmore\r\n0\r\n\r\n");
                scripted(wire)
            }
            Fault::TwoContentLengths => {
                let mut wire = reply.head();
                let length = reply.body.len();
                wire.extend_from_slice(
                    format!(
                        "content-length: {length}\r\ncontent-length: {}\r\n\r\n",
                        length + 1
                    )
                    .as_bytes(),
                );
                wire.extend_from_slice(&reply.body);
                scripted(wire)
            }
            Fault::GarbageStatus => {
                scripted(b"SSH-2.0-OpenSSH_9.9\r\nHTTP/1.1 OK 200\r\n\r\n".to_vec())
            }
            Fault::Raw { bytes, .. } => scripted(bytes.clone()),
            Fault::Echo { status } => {
                let headers: Vec<String> = request
                    .headers
                    .iter()
                    .map(|(name, value)| format!("{name}: {value}"))
                    .collect();
                let body = String::from_utf8_lossy(&request.body);
                let query: Vec<String> = request
                    .query
                    .iter()
                    .map(|(name, value)| format!("{name}={value}"))
                    .collect();
                let error = format!(
                    "cannot accept: {} {} {body}",
                    headers.join(", "),
                    query.join("&")
                );
                Outcome::WellMade(Reply::error(*status, &error))
            }
        }
    }
}

fn halves(mut wire: Vec<u8>, middle: usize, millis: u64) -> Outcome {
    let rest = wire.split_off(middle.min(wire.len()));
    Outcome::Scripted(Script {
        pieces: vec![Piece::Bytes(wire), Piece::Wait(millis), Piece::Bytes(rest)],
        reset: false,
    })
}
