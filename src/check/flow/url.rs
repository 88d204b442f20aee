//! In which part of a URL each dynamic piece stands, and whether the host is certain.

use crate::plan::Expr;
use crate::plan::task::http::Protocol;

/// What is known of a URL.
#[derive(Debug, Clone, Default)]
pub struct Target {
    /// `https`, lower case; absent when it is computed.
    pub scheme: Option<String>,
    /// Lower case, no port, no brackets; absent when any part of it is computed.
    pub host: Option<String>,
    /// The port, or the scheme's own.
    pub port: Option<u16>,
    /// What is written before `@`, where that is literal.
    pub user_info: Option<String>,
}

impl Target {
    /// Whether the host is this machine by its literal name.
    pub fn is_loopback(&self) -> bool {
        self.host.as_deref().is_some_and(|host| {
            host == "localhost"
                || host.ends_with(".localhost")
                || host
                    .parse::<std::net::IpAddr>()
                    .is_ok_and(|ip| ip.is_loopback())
        })
    }
}

/// A part of a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UrlPart {
    /// Scheme, host or port.
    Host,
    UserInfo,
    Path,
    Query,
}

/// Text that is certain, or an expression.
#[derive(Debug, Clone)]
pub(crate) enum Piece<'p> {
    Text(String),
    Dynamic(&'p Expr),
}

/// The port of a server that does not speak HTTP, where none is written.
fn default_port(scheme: &str) -> Option<u16> {
    Protocol::with_schemes()
        .find(|protocol| protocol.scheme() == Some(scheme))
        .and_then(Protocol::port)
}

enum State {
    Scheme(String),
    Authority,
    Path,
    Query,
}

/// Splits a URL that is put together from `pieces`.
pub(crate) fn split<'p>(pieces: &[Piece<'p>]) -> (Target, Vec<(UrlPart, &'p Expr)>) {
    let mut splitter = Splitter {
        state: State::Scheme(String::new()),
        authority: String::new(),
        holes: Vec::new(),
        parts: Vec::new(),
        scheme: None,
    };
    for piece in pieces {
        match piece {
            Piece::Text(text) => splitter.text(text),
            Piece::Dynamic(expr) => splitter.hole(expr),
        }
    }
    splitter.finish()
}

struct Splitter<'p> {
    state: State,
    scheme: Option<String>,
    authority: String,
    /// Dynamic pieces of the authority with their offsets in its text.
    holes: Vec<(usize, &'p Expr)>,
    parts: Vec<(UrlPart, &'p Expr)>,
}

impl<'p> Splitter<'p> {
    fn text(&mut self, text: &str) {
        let mut rest = text;
        while !rest.is_empty() {
            match &mut self.state {
                State::Scheme(scheme) => {
                    scheme.push_str(rest);
                    let Some((name, after)) = scheme.split_once("://") else {
                        return;
                    };
                    let after = after.to_owned();
                    self.scheme = Some(name.trim().to_ascii_lowercase());
                    self.state = State::Authority;
                    self.text(&after);
                    return;
                }
                State::Authority => match rest.find(['/', '?', '#', '\\']) {
                    Some(end) => {
                        let (head, tail) = rest.split_at(end);
                        self.authority.push_str(head);
                        self.state = State::Path;
                        rest = tail;
                    }
                    None => {
                        self.authority.push_str(rest);
                        return;
                    }
                },
                State::Path => {
                    if rest.contains('?') {
                        self.state = State::Query;
                    }
                    return;
                }
                State::Query => return,
            }
        }
    }

    fn hole(&mut self, expr: &'p Expr) {
        match self.state {
            State::Scheme(_) => {
                // It may hold scheme, host and more; what is known begins at the next separator.
                self.holes.push((self.authority.len(), expr));
                self.state = State::Authority;
            }
            State::Authority => self.holes.push((self.authority.len(), expr)),
            State::Path => self.parts.push((UrlPart::Path, expr)),
            State::Query => self.parts.push((UrlPart::Query, expr)),
        }
    }

    fn finish(self) -> (Target, Vec<(UrlPart, &'p Expr)>) {
        let Splitter {
            scheme,
            authority,
            holes,
            parts,
            ..
        } = self;
        let at = authority.rfind('@');
        let in_user_info = |offset: usize| at.is_some_and(|at| offset <= at);
        let mut pieces: Vec<(UrlPart, &'p Expr)> = holes
            .iter()
            .map(|(offset, e)| {
                (
                    if in_user_info(*offset) {
                        UrlPart::UserInfo
                    } else {
                        UrlPart::Host
                    },
                    *e,
                )
            })
            .collect();
        let mut target = Target {
            scheme: scheme.clone(),
            ..Target::default()
        };
        if let (Some(at), true) = (at, holes.is_empty()) {
            target.user_info = authority.get(..at).map(str::to_owned);
        }
        let computed = pieces.iter().any(|(part, _)| *part == UrlPart::Host);
        let host = at
            .and_then(|at| authority.get(at + 1..))
            .unwrap_or(&authority);
        if let (false, Some(scheme)) = (computed, scheme)
            && let Ok(url) = url::Url::parse(&format!("{scheme}://{host}/"))
        {
            target.host = url
                .host_str()
                .map(|h| h.trim_matches(['[', ']']).to_ascii_lowercase());
            target.port = url
                .port_or_known_default()
                .or_else(|| default_port(&scheme));
        }
        pieces.extend(parts);
        (target, pieces)
    }
}
