//! One HTTP exchange, and how it ended. No redirects with secrets, no hidden retries, no pool, no proxy unless asked, caps
//! on size and time (reliability dossier, section 3.5).

mod classify;
mod coding;
mod connected;
pub(in crate::world) mod dial;
mod egress;
mod prepare;
mod real;
mod resolve;
mod tls;

pub use egress::{AddressClass, classify_address};
pub use prepare::OWN_HEADERS;
pub use real::RealHttp;
pub use resolve::{Resolver, SystemResolver};

use super::BoxFuture;
use std::time::Duration;
use zeroize::Zeroizing;

/// A request that is ready to go.
pub struct Request {
    /// Upper-case method.
    pub method: String,
    /// Absolute URL, `http` or `https`.
    pub url: Zeroizing<String>,
    /// Headers in order. Values are checked for CR, LF and NUL by [`Http::call`].
    pub headers: Vec<(String, Zeroizing<Vec<u8>>)>,
    /// The body.
    pub body: Option<Zeroizing<Vec<u8>>>,
    /// Whether anything in it is secret: then no redirect is followed, and `http://` goes to loopback only.
    pub secret: bool,
    /// Bounds.
    pub limits: Limits,
}

/// Bounds on one exchange.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Until the connection stands, TLS included.
    pub connect: Duration,
    /// Until the status line is there, from the connection on.
    pub first_byte: Duration,
    /// All of it.
    pub total: Duration,
    /// Largest body in bytes.
    pub body: u64,
    /// Redirects to the same origin that are followed.
    pub follow: u8,
    /// They are followed of other methods than `GET` and `HEAD` too.
    pub follow_any: bool,
    /// PEM texts of the authorities that alone are trusted; empty for the system's.
    pub ca: Vec<Vec<u8>>,
    /// Use the proxy of the environment.
    pub proxy: bool,
    /// Private addresses (10/8, 192.168/16, fc00::/7 …) are fine because the host is a literal of the plan. Link-local
    /// and metadata addresses never are.
    pub private: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            first_byte: Duration::from_secs(15),
            total: Duration::from_secs(60),
            body: 1 << 20,
            follow: 0,
            follow_any: false,
            ca: Vec::new(),
            proxy: false,
            private: true,
        }
    }
}

/// An answer.
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Headers in order, names in lower case.
    pub headers: Vec<(String, Zeroizing<Vec<u8>>)>,
    /// The body, its content codings undone; where that failed, as it came, and `content-encoding` is still among the headers.
    pub body: Zeroizing<Vec<u8>>,
    /// When the status line came, for expiries that are relative.
    pub received_at: jiff::Timestamp,
}

/// How an exchange ended. Only the transport can tell these apart, and recovery depends on it.
pub enum Attempt {
    /// No byte of the request left this machine: may be tried again freely.
    NotSent(Trouble),
    /// A whole answer.
    Answered(Response),
    /// It may or may not have been executed. With what came of the answer.
    Unknown(Trouble, Option<Response>),
}

/// What went wrong, in our words: never quotes the URL's query, headers or body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Which kind.
    pub kind: TroubleKind,
    /// For people: `connection refused by api.example.com:443`.
    pub message: String,
}

/// Kinds of trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TroubleKind {
    /// The request itself is not allowed: address, scheme, header characters.
    Refused,
    /// The name could not be resolved.
    Dns,
    /// No connection.
    Connect,
    /// No TLS session.
    Tls,
    /// The server's certificate is not accepted: another attempt would end the same.
    Certificate,
    /// Time is over.
    Timeout,
    /// The connection ended early.
    Reset,
    /// The answer is not HTTP, or against the rules.
    Malformed,
    /// The body is above the limit.
    TooLarge,
    /// The client could not be built (no certificates on this machine).
    Client,
}

/// HTTP exchanges.
pub trait Http: Send + Sync {
    /// Makes one exchange: one attempt, nothing repeated.
    fn call<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Attempt>;
    /// Whether TLS is possible with these authorities (PEM), or with the system's where there are none: what a call would find
    /// out.
    ///
    /// # Errors
    /// What the call would say.
    fn ready(&self, ca: &[Vec<u8>]) -> Result<(), Trouble> {
        let _ = ca;
        Ok(())
    }
}

impl Trouble {
    /// Whether another attempt with the same request can end in another way.
    pub fn may_pass(&self) -> bool {
        !matches!(
            self.kind,
            TroubleKind::Refused | TroubleKind::Certificate | TroubleKind::Client
        )
    }

    /// The kind as a word for journals.
    pub fn kind_word(&self) -> &'static str {
        match self.kind {
            TroubleKind::Refused => "refused",
            TroubleKind::Dns => "dns",
            TroubleKind::Connect => "connect",
            TroubleKind::Tls => "tls",
            TroubleKind::Certificate => "certificate",
            TroubleKind::Timeout => "timeout",
            TroubleKind::Reset => "reset",
            TroubleKind::Malformed => "malformed",
            TroubleKind::TooLarge => "too_large",
            TroubleKind::Client => "client",
        }
    }

    /// What to do about it.
    pub fn remedy(&self) -> &'static str {
        match self.kind {
            TroubleKind::Refused => {
                "this is not allowed: look at the URL and the headers of this step"
            }
            TroubleKind::Dns => "is the host name right, and is there a name server?",
            TroubleKind::Connect => "is the server up, and may this machine reach it?",
            TroubleKind::Tls => "does this port speak TLS, in version 1.2 or 1.3?",
            TroubleKind::Certificate => {
                "is the certificate valid for this host? `ca \"file.pem\"` trusts a private authority, and that one alone"
            }
            TroubleKind::Timeout => {
                "the server was too slow: give it more time with `timeout 2m`, or try again"
            }
            TroubleKind::Reset => "the connection ended early: try again with `rot resume`",
            TroubleKind::Malformed => {
                "the server broke the rules of HTTP: is there something between this machine and it?"
            }
            TroubleKind::TooLarge => {
                "the answer is larger than the limit: raise it with `limit 4MiB`"
            }
            TroubleKind::Client => {
                "look at the proxy settings of this environment; install the system's certificates (Debian: `apt-get install ca-certificates`), or name one with `ca \"file.pem\"`"
            }
        }
    }
}
