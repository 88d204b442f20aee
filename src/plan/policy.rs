//! Where the value of a secret may be sent.

use crate::source::At;
use serde::{Deserialize, Serialize};

/// Where the value of a secret may be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// To these places and nowhere else. An empty list: it is only stored.
    Declared(Vec<Destination>),
    /// Not declared (Conductor JSON without host policies in `rot.toml`): to the literal hosts of the definition.
    Implied,
}

/// A host with the parts of a request in which the value may stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Destination {
    /// Which hosts.
    pub host: HostPattern,
    /// Only this port; any port of the scheme's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Parts of the request; header and body unless said.
    pub places: Vec<Place>,
    /// The declaration.
    #[serde(skip)]
    pub at: At,
}

/// A host name, or `*.` and a domain for all its subdomains.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HostPattern(pub String);

/// A part of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// A header's value.
    Header,
    /// The body.
    Body,
    /// The query string.
    Query,
    /// The path.
    Path,
    /// `user:password@`.
    UserInfo,
    /// The key of a signature: it is not sent, what is made with it is.
    Signature,
    /// The credential with which a session at a server begins.
    Login,
    /// A value in an SQL statement, or a word of a Redis command.
    Statement,
    /// The standard input of a program.
    Stdin,
    /// The environment of a program.
    Environment,
    /// A file in memory that a program reads.
    File,
    /// An argument of a program, which every user of the machine can read: nothing may be declared for it.
    Argument,
}

impl Place {
    /// What is allowed where nothing is said.
    pub const DEFAULT: [Place; 2] = [Place::Header, Place::Body];

    /// What is allowed of a program where nothing is said.
    pub const OF_PROGRAMS: [Place; 3] = [Place::Stdin, Place::Environment, Place::File];

    /// Those that may be declared, in the order of the reference.
    pub const DECLARED: [Place; 11] = [
        Place::Header,
        Place::Body,
        Place::Query,
        Place::Path,
        Place::UserInfo,
        Place::Signature,
        Place::Login,
        Place::Statement,
        Place::Stdin,
        Place::Environment,
        Place::File,
    ];

    /// Whether it is allowed where nothing is said.
    pub fn is_usual(self) -> bool {
        Place::DEFAULT.contains(&self)
    }

    /// The word in the language.
    pub fn as_str(self) -> &'static str {
        match self {
            Place::Header => "header",
            Place::Body => "body",
            Place::Query => "query",
            Place::Path => "path",
            Place::UserInfo => "userinfo",
            Place::Signature => "signature",
            Place::Login => "login",
            Place::Statement => "statement",
            Place::Stdin => "stdin",
            Place::Environment => "environment",
            Place::File => "file",
            Place::Argument => "arguments",
        }
    }

    /// Whether it is a part of the start of a program, else of a request to a host.
    pub fn is_of_program(self) -> bool {
        match self {
            Place::Stdin | Place::Environment | Place::File | Place::Argument => true,
            Place::Header
            | Place::Body
            | Place::Query
            | Place::Path
            | Place::UserInfo
            | Place::Signature
            | Place::Login
            | Place::Statement => false,
        }
    }

    /// One line of documentation.
    pub fn doc(self) -> &'static str {
        match self {
            Place::Header => "a header, `Authorization` among them",
            Place::Body => "the body",
            Place::Query => "the query of the URL, which servers and proxies log",
            Place::Path => "the path of the URL, which servers and proxies log",
            Place::UserInfo => "`user:password@` in the URL",
            Place::Signature => "the key of `sign`: what is made with it is sent, the key is not",
            Place::Login => "`login` of `sql` and `redis`; SCRAM does not send the password",
            Place::Statement => "a value in `statement` of `sql`, a word in `command` of `redis`",
            Place::Stdin => "the standard input of a program",
            Place::Environment => "the environment of a program",
            Place::File => "a file in memory that a program reads",
            Place::Argument => "an argument of a program, which every user of the machine can read",
        }
    }

    /// From the word in the language.
    pub fn parse(word: &str) -> Option<Place> {
        Place::DECLARED.into_iter().find(|p| p.as_str() == word)
    }
}

impl HostPattern {
    /// Whether `host` (lower case, no port, brackets stripped from IPv6) matches.
    pub fn matches(&self, host: &str) -> bool {
        let pattern = self.0.to_ascii_lowercase();
        let host = host.to_ascii_lowercase();
        match pattern.strip_prefix("*.") {
            Some(domain) => host
                .strip_suffix(domain)
                .and_then(|rest| rest.strip_suffix('.'))
                .is_some_and(|own| !own.is_empty()),
            None => pattern == host,
        }
    }

    /// Whether every host that `other` matches is matched by `self`.
    pub fn covers(&self, other: &HostPattern) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
            || match (self.0.strip_prefix("*."), other.0.strip_prefix("*.")) {
                (Some(mine), Some(theirs)) => {
                    theirs.eq_ignore_ascii_case(mine)
                        || theirs
                            .to_ascii_lowercase()
                            .ends_with(&format!(".{}", mine.to_ascii_lowercase()))
                }
                (Some(_), None) => self.matches(&other.0),
                (None, _) => false,
            }
    }
}

impl Destination {
    /// Whether all that `other` allows is allowed by `self`.
    pub fn covers(&self, other: &Destination) -> bool {
        self.host.covers(&other.host)
            && (self.port.is_none() || self.port == other.port)
            && other.places.iter().all(|p| self.places.contains(p))
    }
}

impl Policy {
    /// Whether all that `other` allows is allowed by `self`.
    pub fn covers(&self, other: &Policy) -> bool {
        match (self, other) {
            (Policy::Implied, _) => true,
            (Policy::Declared(_), Policy::Implied) => false,
            (Policy::Declared(mine), Policy::Declared(theirs)) => {
                theirs.iter().all(|t| mine.iter().any(|m| m.covers(t)))
            }
        }
    }
}
