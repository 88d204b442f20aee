//! PostgreSQL: one statement in a session of its own. TLS is required but for this machine; SCRAM with channel binding where
//! the server offers it.

use super::{Session, refusal, success};
use crate::world::http::dial::Dialer;
use crate::world::http::{Attempt, Response, TroubleKind};
use serde_json::{Map, Value};
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{Client, Config, Error, NoTls, SimpleQueryMessage};
use tokio_postgres_rustls::MakeRustlsConnect;

/// Where an exchange has come to when it fails: only behind the last step may something have been done.
enum Failed {
    Before(Error),
    After(Error),
}

pub(super) async fn call(
    dialer: &Dialer,
    session: &Session,
    database: &str,
    text: &str,
) -> Attempt {
    let opened = timeout(
        session.limits.connect,
        dialer.dial(&session.host, session.port, &session.limits),
    );
    let (stream, tls) = match opened.await {
        Ok(Ok(opened)) => opened,
        Ok(Err(trouble)) => return Attempt::NotSent(trouble),
        Err(_) => {
            return Attempt::NotSent(
                session.trouble(TroubleKind::Timeout, "took no connection in time"),
            );
        }
    };
    let mut config = Config::new();
    config.dbname(database).application_name("rot");
    if let Some((user, password)) = &session.login {
        config.user(user.as_str()).password(password.as_bytes());
    }
    let began = AtomicBool::new(false);
    let work = async {
        match tls {
            Some(tls) => {
                config.ssl_mode(SslMode::Require);
                let Ok(connect) = MakeTlsConnect::<TcpStream>::make_tls_connect(
                    &mut MakeRustlsConnect::new(tls),
                    &session.host,
                );
                exchange(&config, stream, connect, text, session.limits.body, &began).await
            }
            None => {
                config.ssl_mode(SslMode::Disable);
                exchange(&config, stream, NoTls, text, session.limits.body, &began).await
            }
        }
    };
    match timeout(session.limits.total, work).await {
        Ok(Ok(Some(response))) => Attempt::Answered(response),
        Ok(Ok(None)) => Attempt::Unknown(
            session.trouble(
                TroubleKind::TooLarge,
                "sent more rows than the limit allows",
            ),
            None,
        ),
        Ok(Err(Failed::Before(error))) => match error.code() {
            Some(state) => Attempt::Answered(refusal(status(state.code(), false), state.code())),
            None => Attempt::NotSent(before(session, &error)),
        },
        Ok(Err(Failed::After(error))) => match error.code() {
            Some(state) => Attempt::Answered(refusal(status(state.code(), true), state.code())),
            None => Attempt::Unknown(
                session.trouble(
                    TroubleKind::Reset,
                    "ended the connection during the statement",
                ),
                None,
            ),
        },
        Err(_) if began.load(Ordering::Relaxed) => Attempt::Unknown(
            session.trouble(TroubleKind::Timeout, "did not answer the statement in time"),
            None,
        ),
        Err(_) => Attempt::NotSent(
            session.trouble(TroubleKind::Timeout, "did not begin a session in time"),
        ),
    }
}

/// One session: it begins, the statement is executed, it ends.
async fn exchange<T>(
    config: &Config,
    stream: TcpStream,
    tls: T,
    text: &str,
    limit: u64,
    began: &AtomicBool,
) -> Result<Option<Response>, Failed>
where
    T: TlsConnect<TcpStream>,
    T::Stream: Send + 'static,
{
    let (client, connection) = config
        .connect_raw(stream, tls)
        .await
        .map_err(Failed::Before)?;
    let driven = tokio::spawn(connection);
    let result = execute(&client, text, limit, began).await;
    driven.abort();
    result
}

/// Parses the statement, which refuses two of them and whatever is wrong with it before anything is done; then executes it.
async fn execute(
    client: &Client,
    text: &str,
    limit: u64,
    began: &AtomicBool,
) -> Result<Option<Response>, Failed> {
    client.prepare(text).await.map_err(Failed::Before)?;
    began.store(true, Ordering::Relaxed);
    let messages = client.simple_query(text).await.map_err(Failed::After)?;
    let mut rows = Vec::new();
    let mut size: u64 = 0;
    for message in messages {
        if let SimpleQueryMessage::Row(row) = message {
            let mut members = Map::new();
            for (at, column) in row.columns().iter().enumerate() {
                let value = row.try_get(at).ok().flatten();
                size += value.map_or(0, |v| v.len() as u64) + column.name().len() as u64 + 8;
                members.insert(
                    column.name().to_owned(),
                    value.map_or(Value::Null, Value::from),
                );
            }
            rows.push(Value::Object(members));
        }
        if size > limit {
            return Ok(None);
        }
    }
    Ok(Some(success(Value::Array(rows).to_string())))
}

/// What HTTP would say in the place of an SQLSTATE (PostgreSQL manual, appendix A). A statement that ends in an error has done
/// nothing, but for what takes the server down in its midst.
fn status(state: &str, began: bool) -> u16 {
    match (state.get(..2).unwrap_or_default(), state) {
        ("28", _) => 401,
        (_, "42501") => 403,
        ("3D", _) | (_, "42704" | "42P01") => 404,
        ("XX" | "58" | "F0", _) => 500,
        ("57", "57P01" | "57P02" | "57P03" | "57P05") if began => 500,
        ("40" | "53" | "55" | "57", _) => 429,
        _ => 400,
    }
}

fn before(session: &Session, error: &Error) -> crate::world::http::Trouble {
    let (kind, what) = match error.is_closed() {
        true => (
            TroubleKind::Reset,
            "ended the connection before the statement",
        ),
        false => (
            TroubleKind::Tls,
            "began no session: it speaks no TLS, has a certificate that is not trusted, or asks for a login that is not supported",
        ),
    };
    session.trouble(kind, what)
}
