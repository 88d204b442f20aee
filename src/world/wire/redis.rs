//! Redis and Valkey: one command in a session of its own, in the protocol RESP2. Words are sent with their length, so that no
//! value can become another command.

use super::{Session, Stream, refusal, secure, success};
use crate::world::http::dial::Dialer;
use crate::world::http::{Attempt, Response, TroubleKind};
use serde_json::Value;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::time::timeout;
use zeroize::Zeroizing;

/// How deep lists stand in one another.
const MAX_DEPTH: usize = 16;

enum Reply {
    Value(Value),
    /// First word of an error, and whether it says that what was to be removed is not there.
    Error(String, bool),
}

enum Trouble {
    Closed,
    Malformed,
    TooLarge,
}

pub(super) async fn call(
    dialer: &Dialer,
    session: &Session,
    words: &[Zeroizing<Vec<u8>>],
) -> Attempt {
    let opening = async {
        let (stream, tls) = dialer
            .dial(&session.host, session.port, &session.limits)
            .await?;
        let stream: Box<dyn Stream> = match tls {
            None => Box::new(stream),
            Some(config) => secure(session, Box::new(stream), config).await?,
        };
        Ok(BufReader::new(stream))
    };
    let mut stream = match timeout(session.limits.connect, opening).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(trouble)) => return Attempt::NotSent(trouble),
        Err(_) => {
            return Attempt::NotSent(
                session.trouble(TroubleKind::Timeout, "took no connection in time"),
            );
        }
    };
    let sent = AtomicBool::new(false);
    let limit = session.limits.body;
    let work = async {
        if let Some((user, password)) = &session.login {
            let text = |word: &str| Zeroizing::new(word.as_bytes().to_vec());
            let login = [text("AUTH"), text(user), text(password)];
            match ask(&mut stream, &login, limit).await? {
                Reply::Value(_) => {}
                error => return Ok(error),
            }
        }
        sent.store(true, Ordering::Relaxed);
        ask(&mut stream, words, limit).await
    };
    let unsure = |trouble| match sent.load(Ordering::Relaxed) {
        true => Attempt::Unknown(trouble, None),
        false => Attempt::NotSent(trouble),
    };
    match timeout(session.limits.total, work).await {
        Ok(Ok(reply)) => Attempt::Answered(response(reply)),
        Ok(Err(Trouble::Closed)) => {
            unsure(session.trouble(TroubleKind::Reset, "ended the connection early"))
        }
        Ok(Err(Trouble::Malformed)) => {
            unsure(session.trouble(TroubleKind::Malformed, "does not answer as Redis does"))
        }
        Ok(Err(Trouble::TooLarge)) => {
            unsure(session.trouble(TroubleKind::TooLarge, "sent more than the limit allows"))
        }
        Err(_) => unsure(session.trouble(TroubleKind::Timeout, "did not answer in time")),
    }
}

/// What HTTP would say in the place of an error (Redis manual, "Error codes").
fn response(reply: Reply) -> Response {
    let (code, gone) = match reply {
        Reply::Value(value) => return success(value.to_string()),
        Reply::Error(code, gone) => (code, gone),
    };
    let status = match code.as_str() {
        _ if gone => 404,
        "WRONGPASS" | "NOAUTH" => 401,
        "NOPERM" => 403,
        "LOADING" | "BUSY" | "MASTERDOWN" | "CLUSTERDOWN" | "TRYAGAIN" => 429,
        _ => 400,
    };
    refusal(status, &code)
}

async fn ask(
    stream: &mut BufReader<Box<dyn Stream>>,
    words: &[Zeroizing<Vec<u8>>],
    limit: u64,
) -> Result<Reply, Trouble> {
    let mut request = Zeroizing::new(format!("*{}\r\n", words.len()).into_bytes());
    request.reserve(words.iter().map(|word| word.len() + 24).sum());
    for word in words {
        request.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        request.extend_from_slice(word);
        request.extend_from_slice(b"\r\n");
    }
    let closed = |_| Trouble::Closed;
    stream.write_all(&request).await.map_err(closed)?;
    stream.flush().await.map_err(closed)?;
    let mut left = limit;
    reply(stream, &mut left, 0).await
}

async fn reply(
    stream: &mut BufReader<Box<dyn Stream>>,
    left: &mut u64,
    depth: usize,
) -> Result<Reply, Trouble> {
    if depth > MAX_DEPTH {
        return Err(Trouble::Malformed);
    }
    let text = line(stream, left).await?;
    let (kind, rest) = (
        text.get(..1).unwrap_or_default(),
        text.get(1..).unwrap_or_default(),
    );
    let number = || rest.parse::<i64>().map_err(|_| Trouble::Malformed);
    Ok(Reply::Value(match kind {
        "+" => Value::from(rest),
        ":" => Value::from(number()?),
        "-" => {
            let code = rest.split(' ').next().unwrap_or_default().to_owned();
            // Redis has no code for this; its sentence is the same since version 6. It quotes the password, and goes no further.
            let gone = rest.ends_with("you are trying to remove from the user does not exist");
            return Ok(Reply::Error(code, gone));
        }
        "$" => match usize::try_from(number()?) {
            Err(_) => Value::Null,
            Ok(length) => {
                *left = left.checked_sub(length as u64).ok_or(Trouble::TooLarge)?;
                let mut bytes = Zeroizing::new(vec![0; length + 2]);
                stream
                    .read_exact(&mut bytes)
                    .await
                    .map_err(|_| Trouble::Closed)?;
                Value::from(
                    String::from_utf8_lossy(bytes.get(..length).unwrap_or_default()).into_owned(),
                )
            }
        },
        "*" => {
            let mut items = Vec::new();
            for _ in 0..number()?.max(0) {
                match Box::pin(reply(stream, left, depth + 1)).await? {
                    Reply::Value(value) => items.push(value),
                    error => return Ok(error),
                }
            }
            Value::Array(items)
        }
        _ => return Err(Trouble::Malformed),
    }))
}

async fn line(
    stream: &mut BufReader<Box<dyn Stream>>,
    left: &mut u64,
) -> Result<Zeroizing<String>, Trouble> {
    let mut bytes = Zeroizing::new(Vec::new());
    loop {
        let byte = stream.read_u8().await.map_err(|_| Trouble::Closed)?;
        *left = left.checked_sub(1).ok_or(Trouble::TooLarge)?;
        if byte == b'\n' {
            break;
        }
        bytes.push(byte);
    }
    if bytes.last() == Some(&b'\r') {
        bytes.pop();
    }
    String::from_utf8(bytes.to_vec())
        .map(Zeroizing::new)
        .map_err(|_| Trouble::Malformed)
}
