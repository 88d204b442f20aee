//! Exchanges that are not HTTP: SQL statements, Redis commands. They end as HTTP exchanges do, so that effects, journals and
//! recovery are the same: not sent, answered, or unknown.
//!
//! An answer's status is what HTTP would say in its place (200, 401, 403, 404, 429, 500); the server's own code stands in the
//! header [`CODE`]. Texts of servers are never taken over: they quote statements.

mod mysql;
mod postgres;
mod redis;

use super::BoxFuture;
use super::http::dial::Dialer;
use super::http::{Attempt, Limits, Response, Trouble, TroubleKind};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use zeroize::Zeroizing;

/// The header in which a server's own code stands: an SQLSTATE, a number of MySQL's, the first word of an error of Redis.
pub const CODE: &str = "code";

/// A server and a session at it.
pub struct Session {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// User and password.
    pub login: Option<(Zeroizing<String>, Zeroizing<String>)>,
    /// Bounds.
    pub limits: Limits,
}

/// The protocol of a server of SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SqlServer {
    /// PostgreSQL's.
    Postgres,
    /// MySQL's, which MariaDB speaks as well.
    Mysql,
}

/// What is asked.
pub enum Call {
    /// One SQL statement.
    Statement {
        /// What the server speaks.
        server: SqlServer,
        /// Database.
        database: String,
        /// The text, with its values quoted.
        text: Zeroizing<String>,
    },
    /// One Redis command.
    Command(Vec<Zeroizing<Vec<u8>>>),
}

/// Exchanges that are not HTTP.
pub trait Wire: Send + Sync {
    /// Makes one exchange in a session of its own: one attempt, nothing repeated.
    fn call<'a>(&'a self, session: &'a Session, call: &'a Call) -> BoxFuture<'a, Attempt>;
}

/// The real one.
#[derive(Default)]
pub struct RealWire {
    dialer: Dialer,
}

impl Wire for RealWire {
    fn call<'a>(&'a self, session: &'a Session, call: &'a Call) -> BoxFuture<'a, Attempt> {
        Box::pin(async move {
            match call {
                Call::Statement {
                    server,
                    database,
                    text,
                } => match server {
                    SqlServer::Postgres => {
                        postgres::call(&self.dialer, session, database, text).await
                    }
                    SqlServer::Mysql => mysql::call(&self.dialer, session, database, text).await,
                },
                Call::Command(words) => redis::call(&self.dialer, session, words).await,
            }
        })
    }
}

impl Session {
    fn shown(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    fn trouble(&self, kind: TroubleKind, what: &str) -> Trouble {
        Trouble {
            kind,
            message: format!("{} {what}", self.shown()),
        }
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// The connection within TLS, with a certificate for the name of the session.
async fn secure(
    session: &Session,
    stream: Box<dyn Stream>,
    config: ClientConfig,
) -> Result<Box<dyn Stream>, Trouble> {
    let tls = |what: &str| session.trouble(TroubleKind::Tls, what);
    let name = ServerName::try_from(session.host.clone())
        .map_err(|_| tls("has no name that a certificate could be for"))?;
    let connector = TlsConnector::from(Arc::new(config));
    let stream = connector.connect(name, stream).await;
    Ok(Box::new(stream.map_err(|_| {
        tls("does not speak TLS with a certificate that is trusted")
    })?))
}

/// A refusal, by the server's own code.
fn refusal(status: u16, code: &str) -> Response {
    let code = code.bytes().take(40).filter(u8::is_ascii_alphanumeric);
    answer(status, code.collect(), Zeroizing::new(Vec::new()))
}

/// An answer that is JSON.
fn success(body: String) -> Response {
    answer(200, Vec::new(), Zeroizing::new(body.into_bytes()))
}

fn answer(status: u16, code: Vec<u8>, body: Zeroizing<Vec<u8>>) -> Response {
    #[allow(clippy::disallowed_methods)]
    let received_at = jiff::Timestamp::now();
    let mut headers = Vec::new();
    if !code.is_empty() {
        headers.push((CODE.to_owned(), Zeroizing::new(code)));
    }
    Response {
        status,
        headers,
        body,
        received_at,
    }
}
