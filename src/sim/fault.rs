//! What can go wrong with one call.

use serde_json::Value as Json;

/// What goes wrong with one HTTP exchange.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HttpFault {
    /// No connection.
    NotSent,
    /// The request is lost on its way.
    LostRequest,
    /// It is executed, and the answer is lost.
    LostAnswer,
    /// It is executed, and half of the answer's body comes.
    HalfAnswer,
    /// It is executed, and the server says 500.
    ErrorAfter,
    /// The server says 500 and has done nothing.
    ErrorBefore,
    /// The server says 429.
    TooMany,
    /// The network is gone from here on.
    Outage,
    /// It is executed, the answer is lost, and the network is gone from here on.
    LostAnswerOutage,
    /// The request is lost, and the network is gone from here on.
    LostRequestOutage,
    /// The server does nothing and says this status, with a word on why.
    Refused(u16),
    /// It is executed, and answered with this status instead of its own; the body is its own, but for 204.
    Status(u16),
    /// It is executed, and answered with this body instead of its own, the status being its own.
    Executed(Nonsense),
    /// Nothing is done, and this body comes with status 200: whatever stands before the server has answered.
    Instead(Nonsense),
}

impl HttpFault {
    /// Those of the line: what a network and a server that fails do.
    pub const LINE: [HttpFault; 10] = [
        HttpFault::LostAnswerOutage,
        HttpFault::LostAnswer,
        HttpFault::LostRequestOutage,
        HttpFault::HalfAnswer,
        HttpFault::ErrorAfter,
        HttpFault::Outage,
        HttpFault::NotSent,
        HttpFault::LostRequest,
        HttpFault::ErrorBefore,
        HttpFault::TooMany,
    ];

    /// Statuses that no author has written down.
    pub const STATUSES: [HttpFault; 8] = [
        HttpFault::Status(201),
        HttpFault::Status(202),
        HttpFault::Status(204),
        HttpFault::Status(206),
        HttpFault::Status(303),
        HttpFault::Status(408),
        HttpFault::Refused(403),
        HttpFault::Refused(422),
    ];

    /// Answers that are none.
    pub const ANSWERS: [HttpFault; 8] = [
        HttpFault::Executed(Nonsense::Page),
        HttpFault::Executed(Nonsense::Empty),
        HttpFault::Executed(Nonsense::Error),
        HttpFault::Executed(Nonsense::Nulls),
        HttpFault::Instead(Nonsense::Page),
        HttpFault::Instead(Nonsense::Empty),
        HttpFault::Instead(Nonsense::Error),
        HttpFault::Instead(Nonsense::Nulls),
    ];

    /// Whether the request is executed although something goes wrong.
    pub fn executes(self) -> bool {
        match self {
            HttpFault::LostAnswer
            | HttpFault::HalfAnswer
            | HttpFault::ErrorAfter
            | HttpFault::LostAnswerOutage
            | HttpFault::Status(_)
            | HttpFault::Executed(_) => true,
            HttpFault::NotSent
            | HttpFault::LostRequest
            | HttpFault::ErrorBefore
            | HttpFault::TooMany
            | HttpFault::Outage
            | HttpFault::LostRequestOutage
            | HttpFault::Refused(_)
            | HttpFault::Instead(_) => false,
        }
    }
}

/// A body that says nothing of use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Nonsense {
    /// A page for people, as a proxy or a maintenance mode sends it.
    Page,
    /// Nothing.
    Empty,
    /// `{"error": …}`
    Error,
    /// The right members, with null for each value.
    Nulls,
}

impl Nonsense {
    /// The content type and the body, where the right body is `own`.
    pub(super) fn body(self, own: &[u8]) -> (&'static str, Vec<u8>) {
        match self {
            Nonsense::Page => (
                "text/html",
                b"<!doctype html><title>Down for maintenance</title><p>We will be back soon."
                    .to_vec(),
            ),
            Nonsense::Empty => ("application/json", Vec::new()),
            Nonsense::Error => (
                "application/json",
                br#"{"error":"internal","message":"something went wrong"}"#.to_vec(),
            ),
            Nonsense::Nulls => {
                let mut json: Json = serde_json::from_slice(own).unwrap_or(Json::Null);
                empty(&mut json);
                ("application/json", json.to_string().into_bytes())
            }
        }
    }
}

/// Replaces each value by null.
fn empty(json: &mut Json) {
    match json {
        Json::Object(members) => members.values_mut().for_each(empty),
        Json::Array(items) => items.iter_mut().for_each(empty),
        leaf => *leaf = Json::Null,
    }
}

/// What goes wrong with one call to the file system.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FsFault {
    /// The system's number.
    pub errno: i32,
    /// The call did what it should before it reported the error. (A failed write has written half; a failed sync has
    /// dropped what it should have written.)
    pub done: bool,
    /// All later calls that need the disk fail like it.
    pub lasting: bool,
}

/// "No space left on device" (errno.h of Linux).
pub(super) const ENOSPC: i32 = 28;
/// "Read-only file system".
pub(super) const EROFS: i32 = 30;

impl FsFault {
    /// The disk is full from here on.
    pub const FULL: FsFault = FsFault {
        errno: ENOSPC,
        done: false,
        lasting: true,
    };

    pub(super) fn error(self) -> std::io::Error {
        std::io::Error::from_raw_os_error(self.errno)
    }

    pub(super) fn is_full(self) -> bool {
        self.errno == ENOSPC
    }
}
