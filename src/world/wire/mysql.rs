//! MySQL and MariaDB: one statement in a session of its own. TLS is required but for this machine. The session reads texts and
//! names as the SQL standard does (`ANSI_QUOTES`, `NO_BACKSLASH_ESCAPES`), whatever the server's own `sql_mode` is, and takes
//! one statement at a time.
//!
//! The protocol is spoken here: the clients that there are open connections of their own, past the rules of [`Dialer`].
//! Sources: MySQL Internals, "Client/Server Protocol"; MariaDB Knowledge Base, "Connection" and "Result Set Packets".

use super::{Session, Stream, refusal, secure, success};
use crate::world::http::dial::Dialer;
use crate::world::http::{Attempt, Response, Trouble, TroubleKind};
use ring::digest::{Algorithm, Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256};
use serde_json::{Map, Value};
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use zeroize::Zeroizing;

const LONG_FLAG: u32 = 1 << 2;
const CONNECT_WITH_DB: u32 = 1 << 3;
const PROTOCOL_41: u32 = 1 << 9;
const SSL: u32 = 1 << 11;
const TRANSACTIONS: u32 = 1 << 13;
const SECURE_CONNECTION: u32 = 1 << 15;
const PLUGIN_AUTH: u32 = 1 << 19;

/// `utf8mb4_general_ci`: no byte of a quote is part of another character.
const CHARSET: u8 = 45;
/// What we take in one packet.
const MAX_PACKET: u32 = 1 << 24;
/// What a handshake packet may have, and what is added to the limit on rows for the packet around them.
const SMALL: u64 = 64 * 1024;
/// A payload of this length goes on in the next packet.
const WHOLE_PACKET: usize = 0xff_ffff;
/// Values and names are quoted by us as the standard says, so the session has to read them so.
const MODE: &[u8] =
    b"SET SESSION sql_mode = CONCAT(@@SESSION.sql_mode, ',ANSI_QUOTES,NO_BACKSLASH_ESCAPES')";

/// Why an exchange came to no answer.
enum Failed {
    Closed,
    Malformed,
    TooLarge,
    NotText,
    NoTls,
    Tls(Trouble),
    /// The server asks for a way to log in that is not known here.
    Login(String),
}

impl From<std::io::Error> for Failed {
    fn from(_: std::io::Error) -> Self {
        Failed::Closed
    }
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
    let late = |what: &str| session.trouble(TroubleKind::Timeout, what);
    let (stream, tls) = match opened.await {
        Ok(Ok(opened)) => opened,
        Ok(Err(trouble)) => return Attempt::NotSent(trouble),
        Err(_) => return Attempt::NotSent(late("took no connection in time")),
    };
    let began = AtomicBool::new(false);
    let asked = Asked { database, text };
    let work = exchange(session, stream, tls, &asked, &began);
    let ended = timeout(session.limits.total, work).await;
    let began = began.load(Ordering::Relaxed);
    match ended {
        Ok(Ok(response)) => Attempt::Answered(response),
        Ok(Err(failed)) if began => Attempt::Unknown(after(session, &failed), None),
        Ok(Err(failed)) => Attempt::NotSent(before(session, failed)),
        Err(_) if began => Attempt::Unknown(late("did not answer the statement in time"), None),
        Err(_) => Attempt::NotSent(late("did not begin a session in time")),
    }
}

fn before(session: &Session, failed: Failed) -> Trouble {
    let tls = |what: &str| session.trouble(TroubleKind::Tls, what);
    match failed {
        Failed::Closed => session.trouble(
            TroubleKind::Reset,
            "ended the connection before the statement",
        ),
        Failed::Malformed | Failed::TooLarge | Failed::NotText => {
            session.trouble(TroubleKind::Malformed, "does not speak MySQL's protocol")
        }
        Failed::NoTls => tls("speaks no TLS, which a server on another machine must"),
        Failed::Tls(trouble) => trouble,
        Failed::Login(plugin) => tls(&format!(
            "asks for a login by `{plugin}`, which is not supported: `mysql_native_password` is, and `caching_sha2_password` over TLS (name the authority with `ca`)"
        )),
    }
}

fn after(session: &Session, failed: &Failed) -> Trouble {
    match failed {
        Failed::TooLarge => session.trouble(
            TroubleKind::TooLarge,
            "sent more rows than the limit allows",
        ),
        Failed::NotText => session.trouble(
            TroubleKind::Malformed,
            "sent a value that is not text: ask for `HEX(…)` or `TO_BASE64(…)` of it",
        ),
        Failed::Closed | Failed::Malformed | Failed::NoTls | Failed::Tls(_) | Failed::Login(_) => {
            session.trouble(
                TroubleKind::Reset,
                "ended the connection during the statement",
            )
        }
    }
}

/// A connection on which packets are counted.
struct Packets {
    stream: Box<dyn Stream>,
    sequence: u8,
    /// Nobody on the way reads what is sent.
    encrypted: bool,
}

impl Packets {
    async fn read(&mut self, limit: u64) -> Result<Zeroizing<Vec<u8>>, Failed> {
        let mut head = [0u8; 4];
        self.stream.read_exact(&mut head).await?;
        let [a, b, c, sequence] = head;
        let length = usize::from(a) | usize::from(b) << 8 | usize::from(c) << 16;
        if length as u64 > limit || length == WHOLE_PACKET {
            return Err(Failed::TooLarge);
        }
        self.sequence = sequence.wrapping_add(1);
        let mut payload = Zeroizing::new(vec![0u8; length]);
        self.stream.read_exact(&mut payload).await?;
        Ok(payload)
    }

    async fn write(&mut self, payload: &[u8]) -> Result<(), Failed> {
        if payload.len() >= WHOLE_PACKET {
            return Err(Failed::TooLarge);
        }
        let [a, b, c, _] = u32::try_from(payload.len())
            .map_err(|_| Failed::TooLarge)?
            .to_le_bytes();
        let mut packet = Zeroizing::new(Vec::with_capacity(payload.len() + 4));
        packet.extend_from_slice(&[a, b, c, self.sequence]);
        packet.extend_from_slice(payload);
        self.sequence = self.sequence.wrapping_add(1);
        self.stream.write_all(&packet).await?;
        Ok(self.stream.flush().await?)
    }

    /// A statement, which begins a new count.
    async fn ask(&mut self, statement: &[u8], limit: u64) -> Result<Result<Rows, u16>, Failed> {
        self.sequence = 0;
        let mut payload = Zeroizing::new(vec![3u8]);
        payload.extend_from_slice(statement);
        self.write(&payload).await?;
        self.rows(limit).await
    }

    /// The rows of an answer (ProtocolText::Resultset), or the number of an error.
    async fn rows(&mut self, limit: u64) -> Result<Result<Rows, u16>, Failed> {
        let head = self.read(SMALL).await?;
        let mut reader = Reader(&head);
        let columns = match head.first() {
            Some(0) => return Ok(Ok(Vec::new())),
            Some(0xff) => return Ok(Err(error_number(&head)?)),
            _ => reader.length()?.ok_or(Failed::Malformed)?,
        };
        let mut size = 0;
        let mut names = Vec::new();
        for _ in 0..columns {
            let definition = self.read(SMALL).await?;
            let mut reader = Reader(&definition);
            for _catalog_schema_table_original in 0..4 {
                reader.text()?;
            }
            let name = reader.text()?.ok_or(Failed::Malformed)?;
            size += name.len() as u64;
            if size > limit {
                return Err(Failed::TooLarge);
            }
            names.push(text_of(name)?);
        }
        let end = self.read(SMALL).await?;
        if end.first() != Some(&0xfe) {
            return Err(Failed::Malformed);
        }
        let mut rows = Vec::new();
        loop {
            let packet = self.read(limit.saturating_add(SMALL)).await?;
            match packet.first() {
                Some(0xfe) if packet.len() < 9 => return Ok(Ok(rows)),
                Some(0xff) => return Ok(Err(error_number(&packet)?)),
                _ => {}
            }
            let mut reader = Reader(&packet);
            let mut members = Map::new();
            for name in &names {
                let value = reader.text()?;
                size += value.map_or(0, |v| v.len() as u64) + name.len() as u64 + 8;
                let value = value.map(text_of).transpose()?;
                members.insert(name.clone(), value.map_or(Value::Null, Value::from));
            }
            if size > limit {
                return Err(Failed::TooLarge);
            }
            rows.push(Value::Object(members));
        }
    }
}

type Rows = Vec<Value>;

fn text_of(bytes: &[u8]) -> Result<String, Failed> {
    let text = std::str::from_utf8(bytes).map_err(|_| Failed::NotText)?;
    Ok(text.to_owned())
}

/// The parts of a packet, from its front.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Failed> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Failed::Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    fn number(&mut self, count: usize) -> Result<u64, Failed> {
        let bytes = self.take(count)?;
        Ok(bytes
            .iter()
            .rev()
            .fold(0, |all, byte| all << 8 | u64::from(*byte)))
    }

    /// What stands before the next zero, or before the end.
    fn until_zero(&mut self) -> Result<&'a [u8], Failed> {
        let length = self.0.iter().position(|byte| *byte == 0);
        let text = self.take(length.unwrap_or(self.0.len()))?;
        self.0 = self.0.get(1..).unwrap_or_default();
        Ok(text)
    }

    /// A length-encoded integer; absent for NULL.
    fn length(&mut self) -> Result<Option<u64>, Failed> {
        Ok(Some(match self.number(1)? {
            0xfb => return Ok(None),
            0xfc => self.number(2)?,
            0xfd => self.number(3)?,
            0xfe => self.number(8)?,
            0xff => return Err(Failed::Malformed),
            small => small,
        }))
    }

    /// A length-encoded string; absent for NULL.
    fn text(&mut self) -> Result<Option<&'a [u8]>, Failed> {
        let Some(length) = self.length()? else {
            return Ok(None);
        };
        let length = usize::try_from(length).map_err(|_| Failed::Malformed)?;
        Ok(Some(self.take(length)?))
    }
}

/// The number in an error packet.
fn error_number(packet: &[u8]) -> Result<u16, Failed> {
    let mut reader = Reader(packet);
    reader.take(1)?;
    u16::try_from(reader.number(2)?).map_err(|_| Failed::Malformed)
}

/// What a server says first.
struct Greeting {
    capabilities: u32,
    nonce: Vec<u8>,
    plugin: Option<Plugin>,
}

impl Greeting {
    fn read(packet: &[u8]) -> Result<Self, Failed> {
        let mut reader = Reader(packet);
        if reader.number(1)? != 10 {
            return Err(Failed::Malformed);
        }
        reader.until_zero()?;
        reader.take(4)?;
        let mut nonce = reader.take(8)?.to_vec();
        reader.take(1)?;
        let low = reader.number(2)?;
        reader.take(3)?;
        let high = reader.number(2)?;
        reader.take(11)?;
        nonce.extend_from_slice(reader.take(12)?);
        reader.take(1)?;
        let plugin = Plugin::find(reader.until_zero()?);
        let capabilities = u32::try_from(high << 16 | low).map_err(|_| Failed::Malformed)?;
        Ok(Self {
            capabilities,
            nonce,
            plugin,
        })
    }
}

/// The ways to log in that are known here. None of them sends a password in the clear but within TLS.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Plugin {
    Native,
    CachingSha2,
}

impl Plugin {
    const ALL: [Plugin; 2] = [Plugin::Native, Plugin::CachingSha2];

    fn name(self) -> &'static str {
        match self {
            Plugin::Native => "mysql_native_password",
            Plugin::CachingSha2 => "caching_sha2_password",
        }
    }

    fn find(name: &[u8]) -> Option<Plugin> {
        Plugin::ALL
            .into_iter()
            .find(|one| one.name().as_bytes() == name)
    }

    /// The answer to a nonce.
    fn answer(self, password: &str, nonce: &[u8]) -> Zeroizing<Vec<u8>> {
        let hash = |algorithm: &'static Algorithm, parts: &[&[u8]]| {
            let mut context = Context::new(algorithm);
            parts.iter().for_each(|part| context.update(part));
            Zeroizing::new(context.finish().as_ref().to_vec())
        };
        let (own, mask) = match self {
            Plugin::Native => {
                let sha1 = &SHA1_FOR_LEGACY_USE_ONLY;
                let once = hash(sha1, &[password.as_bytes()]);
                let twice = hash(sha1, &[&once]);
                (once, hash(sha1, &[nonce, &twice]))
            }
            Plugin::CachingSha2 => {
                let once = hash(&SHA256, &[password.as_bytes()]);
                let twice = hash(&SHA256, &[&once]);
                (once, hash(&SHA256, &[&twice, nonce]))
            }
        };
        Zeroizing::new(own.iter().zip(mask.iter()).map(|(a, b)| a ^ b).collect())
    }
}

/// A statement, and the database that it is for; none by an empty name.
struct Asked<'a> {
    database: &'a str,
    text: &'a str,
}

async fn exchange(
    session: &Session,
    stream: tokio::net::TcpStream,
    tls: Option<rustls::ClientConfig>,
    asked: &Asked<'_>,
    began: &AtomicBool,
) -> Result<Response, Failed> {
    let Asked { database, text } = *asked;
    let mut packets = Packets {
        stream: Box::new(stream),
        sequence: 0,
        encrypted: false,
    };
    let first = packets.read(SMALL).await?;
    if first.first() == Some(&0xff) {
        return Ok(refused(error_number(&first)?, false));
    }
    let greeting = Greeting::read(&first)?;
    let mut capabilities = LONG_FLAG | PROTOCOL_41 | TRANSACTIONS | SECURE_CONNECTION | PLUGIN_AUTH;
    if !database.is_empty() {
        capabilities |= CONNECT_WITH_DB;
    }
    if tls.is_some() {
        capabilities |= SSL;
    }
    let mut head = Zeroizing::new(capabilities.to_le_bytes().to_vec());
    head.extend_from_slice(&MAX_PACKET.to_le_bytes());
    head.push(CHARSET);
    head.extend_from_slice(&[0; 23]);
    if let Some(config) = tls {
        if greeting.capabilities & SSL == 0 {
            return Err(Failed::NoTls);
        }
        packets.write(&head).await?;
        let Packets {
            stream, sequence, ..
        } = packets;
        let stream = secure(session, stream, config).await.map_err(Failed::Tls)?;
        packets = Packets {
            stream,
            sequence,
            encrypted: true,
        };
    }
    if let Some(number) = login(&mut packets, session, database, &greeting, head).await? {
        return Ok(refused(number, false));
    }
    if let Err(number) = packets.ask(MODE, SMALL).await? {
        return Ok(refused(number, false));
    }
    began.store(true, Ordering::Relaxed);
    let answer = packets.ask(text.as_bytes(), session.limits.body).await?;
    packets.sequence = 0;
    // The answer is there; how the session ends changes nothing in it.
    let _ended = packets.write(&[1]).await;
    Ok(match answer {
        Ok(rows) => success(Value::Array(rows).to_string()),
        Err(number) => refused(number, true),
    })
}

/// Logs in; gives the number of the error when the server refuses.
async fn login(
    packets: &mut Packets,
    session: &Session,
    database: &str,
    greeting: &Greeting,
    mut response: Zeroizing<Vec<u8>>,
) -> Result<Option<u16>, Failed> {
    let (user, password) = match &session.login {
        Some((user, password)) => (user.as_str(), password.as_str()),
        None => ("", ""),
    };
    let mut plugin = greeting.plugin.unwrap_or(Plugin::Native);
    let answer = plugin.answer(password, &greeting.nonce);
    if user.contains('\0') || password.contains('\0') || database.contains('\0') {
        return Err(Failed::Malformed);
    }
    response.extend_from_slice(user.as_bytes());
    response.push(0);
    response.push(u8::try_from(answer.len()).map_err(|_| Failed::Malformed)?);
    response.extend_from_slice(&answer);
    if !database.is_empty() {
        response.extend_from_slice(database.as_bytes());
        response.push(0);
    }
    response.extend_from_slice(plugin.name().as_bytes());
    response.push(0);
    packets.write(&response).await?;
    loop {
        let packet = packets.read(SMALL).await?;
        match packet.as_slice() {
            [0, ..] => return Ok(None),
            [0xff, ..] => return Ok(Some(error_number(&packet)?)),
            [0xfe, rest @ ..] => {
                let mut reader = Reader(rest);
                let name = reader.until_zero()?;
                plugin = Plugin::find(name).ok_or_else(|| Failed::Login(shown(name)))?;
                let nonce = reader.0.get(..20).ok_or(Failed::Malformed)?;
                packets.write(&plugin.answer(password, nonce)).await?;
            }
            // The server knows the password from before.
            [1, 3] if plugin == Plugin::CachingSha2 => {}
            [1, 4] if plugin == Plugin::CachingSha2 && packets.encrypted => {
                let mut clear = Zeroizing::new(password.as_bytes().to_vec());
                clear.push(0);
                packets.write(&clear).await?;
            }
            [1, 4] => return Err(Failed::Login(shown(plugin.name().as_bytes()))),
            _ => return Err(Failed::Malformed),
        }
    }
}

/// A word of the server's, as far as it can be shown.
fn shown(word: &[u8]) -> String {
    let fits = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_';
    let word = word.iter().take(40).filter(fits);
    word.map(|byte| char::from(*byte)).collect()
}

fn refused(number: u16, began: bool) -> Response {
    refusal(status(number, began), &number.to_string())
}

/// What HTTP would say in the place of an error's number (MySQL server error message reference; MariaDB error code reference).
/// A statement that ends in an error has done nothing, but for what takes the server down in its midst.
fn status(number: u16, began: bool) -> u16 {
    match number {
        // Access denied, an expired password, a locked account.
        1045 | 1698 | 1820 | 1862 | 3118 | 4151 => 401,
        1044 | 1142 | 1143 | 1227 | 1370 => 403,
        // No such database, table, row of a user, user.
        1049 | 1133 | 1146 | 1396 => 404,
        // The server goes down, or the statement was ended from outside.
        1053 | 1077..=1079 | 1317 | 1927 if began => 500,
        // Connections, memory, locks, a server that starts or stops.
        1037..=1041 | 1053 | 1129 | 1203 | 1205 | 1213 | 1226 | 1927 => 429,
        1021 | 1026 | 1030 | 1105 | 1180 | 1181 => 500,
        _ => 400,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Python's `hashlib` computes them from the formulas of the manual, for the nonce of twenty bytes 1 to 20.
    #[test]
    fn the_answers_to_a_nonce() {
        let nonce: Vec<u8> = (1..=20).collect();
        let hex = |bytes: &[u8]| -> String { bytes.iter().map(|b| format!("{b:02x}")).collect() };
        assert_eq!(
            hex(&Plugin::Native.answer("secret", &nonce)),
            "b32bb3a583e1340c0a1108d58b1be49781ad8c2f"
        );
        assert_eq!(
            hex(&Plugin::CachingSha2.answer("secret", &nonce)),
            "746ebe205d56a0707acb3e796e834e0dd7b1d61743b26bd5202c7a623230c7c9"
        );
    }

    #[test]
    fn what_is_not_the_protocol_is_an_error() {
        for packet in [&b""[..], b"\x0a", b"\x09abc\0", &[10; 30]] {
            assert!(Greeting::read(packet).is_err());
        }
        assert!(Reader(b"\xfc\x01").length().is_err() && Reader(b"\x05ab").text().is_err());
        assert!(matches!(Reader(b"\xfb").text(), Ok(None)));
    }
}
