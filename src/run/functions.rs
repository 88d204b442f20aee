//! The built-in functions. Messages never quote a value.

use super::value::{Data, Value};
use crate::plan::schedule::Dur;
use crate::plan::task::http::SqlDialect;
use crate::plan::{Function, Label};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

/// Applies a function to values.
/// `seed` names the run: what is salted is the same in all of it.
pub fn apply(function: Function, values: &[Value], seed: &str) -> Result<Value, String> {
    let first = values.first().cloned().unwrap_or_else(Value::null);
    let data = match function {
        Function::Base64 => text(STANDARD.encode(&*bytes(&first)?)),
        Function::Base64Url => text(URL_SAFE_NO_PAD.encode(&*bytes(&first)?)),
        Function::Base64Decode => match String::from_utf8(unbase64(&string(&first)?)?) {
            Ok(decoded) => text(decoded),
            Err(_) => return Err("the decoded bytes are not UTF-8 text".into()),
        },
        Function::UrlEncode => text(percent_encode(&string(&first)?)),
        Function::Hex => text(hex(&bytes(&first)?)),
        Function::Json => Data::Text(first.json_text()),
        Function::ParseJson => {
            let parsed = crate::json::parse_text(&string(&first)?)
                .map_err(|_| "this is not JSON".to_owned())?;
            let label = first.full_label().raised(function.derivation());
            return Ok(Value::from_node(&parsed, &label));
        }
        Function::Lower => text(string(&first)?.to_lowercase()),
        Function::Upper => text(string(&first)?.to_uppercase()),
        Function::Trim => text(string(&first)?.trim().to_owned()),
        Function::Split => {
            let separator = values.get(1).map(string).transpose()?.unwrap_or_default();
            if separator.is_empty() {
                return Err("the separator is empty".into());
            }
            let label = first.full_label().raised(function.derivation());
            let parts = string(&first)?
                .split(separator.as_str())
                .map(|part| Value {
                    data: text(part.to_owned()),
                    label: label.clone(),
                })
                .collect();
            return Ok(Value {
                data: Data::List(parts),
                label,
            });
        }
        Function::Sha256 => text(hex(ring::digest::digest(
            &ring::digest::SHA256,
            &bytes(&first)?,
        )
        .as_ref())),
        Function::HmacSha256 => {
            let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &bytes(&first)?);
            let message = values.get(1).map(bytes).transpose()?.unwrap_or_default();
            text(hex(ring::hmac::sign(&key, &message).as_ref()))
        }
        Function::HmacSha256Bytes => {
            let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &bytes(&first)?);
            let message = values.get(1).map(bytes).transpose()?.unwrap_or_default();
            binary(ring::hmac::sign(&key, &message).as_ref())
        }
        Function::Sha256Bytes => {
            binary(ring::digest::digest(&ring::digest::SHA256, &bytes(&first)?).as_ref())
        }
        Function::HexDecode => Data::Bytes(unhex(&string(&first)?)?),
        Function::Base64Bytes => Data::Bytes(Zeroizing::new(unbase64(&string(&first)?)?)),
        Function::ScramSha256 => Data::Text(super::scram::verifier(&string(&first)?, seed)?),
        Function::Bcrypt => Data::Text(super::hash::bcrypt(&string(&first)?, seed)?),
        Function::Sha512Crypt => Data::Text(super::hash::sha512_crypt(&string(&first)?, seed)?),
        Function::Ssha => Data::Text(super::hash::ssha(&string(&first)?, seed)?),
        Function::RabbitmqHash => Data::Text(super::hash::rabbitmq(&string(&first)?, seed)?),
        Function::MysqlNative => Data::Text(super::hash::mysql_native(&string(&first)?)?),
        Function::Base32 => Data::Text(super::base32::encode(&bytes(&first)?)),
        Function::Base32Bytes => Data::Bytes(super::base32::decode(&string(&first)?)?),
        Function::Name => Data::Text(super::sql::identifier(
            &string(&first)?,
            SqlDialect::Postgres,
        )?),
        Function::Next => {
            let Data::List(items) = &first.data else {
                return Err(format!("expected a list, found {}", first.kind()));
            };
            let current = values.get(1).and_then(Value::scalar_text);
            let at = items.iter().position(|item| {
                current.is_some() && item.scalar_text().as_deref() == current.as_deref()
            });
            let next = at.map_or(0, |at| (at + 1) % items.len().max(1));
            let Some(found) = items.get(next) else {
                return Err("the list is empty".into());
            };
            found.data.clone()
        }
        Function::Date => text(instant(&first)?.strftime("%Y-%m-%d").to_string()),
        Function::Rfc3339 => text(instant(&first)?.to_string()),
        Function::Epoch => Data::Number(Zeroizing::new(instant(&first)?.as_second().to_string())),
        Function::Time => Data::Time(instant(&first)?),
        Function::Text => Data::Text(
            first
                .scalar_text()
                .ok_or_else(|| format!("a {} has no text", first.kind()))?,
        ),
        Function::Length => {
            let length = match &first.data {
                Data::Text(text) => text.chars().count(),
                Data::Bytes(bytes) => bytes.len(),
                Data::List(items) => items.len(),
                Data::Object(members) => members.len(),
                _ => return Err(format!("a {} has no length", first.kind())),
            };
            Data::Number(Zeroizing::new(length.to_string()))
        }
        Function::Member => {
            let key = values.get(1).cloned().unwrap_or_else(Value::null);
            if key.full_label().is_secret() {
                return Err("a secret may not choose which value is read".into());
            }
            if key.is_null() {
                return Ok(Value::null());
            }
            let found = member(&first, &string(&key)?).cloned();
            let label = first.label.clone();
            return Ok(found.map_or_else(Value::null, |value| value.labelled(&label)));
        }
        Function::Jq | Function::JavaScript => {
            let program = string(&first)?;
            let input = values.get(1).cloned().unwrap_or_else(Value::null);
            let label = input.full_label().raised(function.derivation());
            let found = if function == Function::Jq {
                super::script::jq(&program, &input)?
            } else {
                super::script::javascript(&program, &input)?
            };
            return Ok(Value::from_node(&found, &label));
        }
        Function::SignJwt => {
            let key = values.get(1).map(string).transpose()?.unwrap_or_default();
            let key_id = values.get(2).and_then(Value::scalar_text);
            Data::Text(super::jwt::sign(
                &first,
                &key,
                key_id.as_deref().map(String::as_str),
            )?)
        }
        Function::IsSet => Data::Bool(!first.is_blank()),
    };
    let refs: Vec<&Value> = values.iter().collect();
    if function == Function::IsSet {
        // Whether a secret is set is the one bit that every rotation may tell; the checker says the same.
        let label = refs.iter().fold(Label::PUBLIC, |all, value| {
            all.joined(&value.full_label().weakened())
        });
        return Ok(Value { data, label });
    }
    Ok(Value::derived(data, &refs, function.derivation()))
}

/// What stands under a name; a name with dots that is none leads further down.
fn member<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    let direct = match &value.data {
        Data::List(items) => name.parse::<usize>().ok().and_then(|at| items.get(at)),
        _ => value.get(name),
    };
    direct.or_else(|| {
        let (first, rest) = name.split_once('.')?;
        member(value.get(first)?, rest)
    })
}

/// `+`.
pub fn add(a: &Value, b: &Value) -> Result<Data, String> {
    match (&a.data, &b.data) {
        (Data::Time(time), Data::Duration(d)) | (Data::Duration(d), Data::Time(time)) => {
            later(*time, *d).map(Data::Time)
        }
        (Data::Duration(x), Data::Duration(y)) => Ok(Data::Duration(Dur(x.0.saturating_add(y.0)))),
        (Data::Number(x), Data::Number(y)) => match (x.parse::<i128>(), y.parse::<i128>()) {
            (Ok(x), Ok(y)) => Ok(Data::Number(Zeroizing::new(
                x.saturating_add(y).to_string(),
            ))),
            _ => match (x.parse::<f64>(), y.parse::<f64>()) {
                (Ok(x), Ok(y)) => Ok(Data::Number(Zeroizing::new((x + y).to_string()))),
                _ => Err("these are not numbers".into()),
            },
        },
        _ => Err(format!("a {} and a {} cannot be added", a.kind(), b.kind())),
    }
}

/// A time that much later.
pub fn later(time: jiff::Timestamp, duration: Dur) -> Result<jiff::Timestamp, String> {
    let span = jiff::SignedDuration::from_millis(i64::try_from(duration.0).unwrap_or(i64::MAX));
    time.checked_add(span)
        .map_err(|_| "the time is out of range".to_owned())
}

fn text(text: String) -> Data {
    Data::Text(Zeroizing::new(text))
}

fn binary(bytes: &[u8]) -> Data {
    Data::Bytes(Zeroizing::new(bytes.to_vec()))
}

/// The bytes behind base64 of either alphabet, padded or not.
fn unbase64(encoded: &str) -> Result<Vec<u8>, String> {
    let plain = encoded.trim_end_matches('=');
    STANDARD_NO_PAD
        .decode(plain)
        .or_else(|_| URL_SAFE_NO_PAD.decode(plain))
        .map_err(|_| "this is not base64".to_owned())
}

/// The bytes behind hexadecimal digits.
fn unhex(text: &str) -> Result<Zeroizing<Vec<u8>>, String> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pairs = text.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => Some((digit(*high)? * 16 + digit(*low)?) as u8),
        _ => None,
    });
    let bytes: Option<Vec<u8>> = pairs.collect();
    bytes
        .map(Zeroizing::new)
        .ok_or_else(|| "this is not hexadecimal".to_owned())
}

fn string(value: &Value) -> Result<Zeroizing<String>, String> {
    value
        .scalar_text()
        .ok_or_else(|| format!("expected text, found {}", value.kind()))
}

fn bytes(value: &Value) -> Result<Zeroizing<Vec<u8>>, String> {
    value
        .bytes()
        .ok_or_else(|| "expected a value, found null".to_owned())
}

/// A time from what endpoints send: RFC 3339, the same with a named zone or without one (UTC then), with a blank for the
/// `T`, with `UTC` or `+0000`; an HTTP date; a date (its beginning in UTC); seconds since 1970 (milliseconds when it could not
/// be seconds). A time behind the last one that can be kept, which frameworks send for "never", is that last one.
pub fn instant(value: &Value) -> Result<jiff::Timestamp, String> {
    use jiff::civil::{Date, DateTime};
    use jiff::tz::TimeZone;
    match &value.data {
        Data::Time(time) => Ok(*time),
        Data::Number(digits) => epoch(digits),
        Data::Text(text) => {
            let text = text.trim();
            if let Ok(time) = text.parse::<jiff::Timestamp>() {
                return Ok(time);
            }
            if let Ok(zoned) = text.parse::<jiff::Zoned>() {
                return Ok(zoned.timestamp());
            }
            let in_utc = |local: DateTime| {
                local
                    .to_zoned(TimeZone::UTC)
                    .map_or(jiff::Timestamp::MAX, |zoned| zoned.timestamp())
            };
            if let Ok(zoned) = jiff::fmt::rfc2822::parse(text) {
                return Ok(zoned.timestamp());
            }
            for format in [
                "%Y-%m-%d %H:%M:%S%.f %z",
                "%Y-%m-%dT%H:%M:%S%.f%z",
                "%a %b %d %H:%M:%S %z %Y",
            ] {
                if let Ok(zoned) = jiff::Zoned::strptime(format, text) {
                    return Ok(zoned.timestamp());
                }
            }
            let bare = ["UTC", "GMT", "Z"]
                .iter()
                .find_map(|zone| text.strip_suffix(zone))
                .unwrap_or(text)
                .trim_end();
            // A date also parses from the beginning of a date-time, so that comes first.
            if let Ok(local) = bare.parse::<DateTime>()
                && bare.len() > "2026-06-02".len()
            {
                return Ok(in_utc(local));
            }
            if let Ok(date) = bare.parse::<Date>() {
                return Ok(in_utc(date.to_datetime(jiff::civil::Time::midnight())));
            }
            epoch(text)
        }
        _ => Err(format!("a {} is not a time", value.kind())),
    }
}

fn epoch(digits: &str) -> Result<jiff::Timestamp, String> {
    let number: f64 = digits.parse().map_err(|_| {
        "this is not a time: expected RFC 3339, a date, or seconds since 1970".to_owned()
    })?;
    let millis = if number.abs() >= 1e11 {
        number
    } else {
        number * 1000.0
    };
    jiff::Timestamp::from_millisecond(millis as i64)
        .map_err(|_| "the time is out of range".to_owned())
}

/// RFC 3986 section 2.3: all but unreserved characters.
pub fn percent_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(byte as char);
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// `application/x-www-form-urlencoded` of one name or value.
pub fn form_encode(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        out.push_str(&format!("{byte:02x}"));
    }
    out
}
