//! Current values in forms that other programs read. What comes out is clear text: it goes where the caller sends it, and
//! nowhere else.

use super::document::{Document, StoredValue};
use super::{Secret, name, variable};
use crate::diagnostic::{Error, Failure, Printable, Result, codes};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use std::collections::HashMap;
use zeroize::Zeroizing;

/// The forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `NAME='value'` lines that a POSIX shell can source.
    Env,
    /// Lines that dotenv libraries read, all to the same value.
    Dotenv,
    /// `NAME=value` lines for `docker run --env-file`: no quotes, no line ends.
    Docker,
    /// Lines for systemd's `EnvironmentFile=`.
    Systemd,
    /// One JSON object by name; records are objects.
    Json,
    /// A Kubernetes `Secret` manifest in JSON, which is also YAML.
    Kubernetes,
}

/// What a Kubernetes secret is besides its values.
#[derive(Debug, Clone, Copy)]
pub struct Manifest<'a> {
    /// `metadata.name`.
    pub name: &'a str,
    /// `metadata.namespace`.
    pub namespace: Option<&'a str>,
    /// `type`.
    pub kind: &'a str,
    /// Keys for values: `NAME` or `NAME.FIELD`, and the key.
    pub keys: &'a [(String, String)],
}

/// One value under the name that the form allows.
struct Item<'a> {
    secret: &'a str,
    field: Option<&'a str>,
    value: &'a Secret,
}

/// Renders the current values of `names`, or of all secrets when there are none.
///
/// # Errors
/// ROT811 for a secret that is not there or has no current value; ROT812 when the form cannot hold a value or two names fall
/// together; ROT841 for a bad name of the manifest.
pub fn export(
    doc: &Document,
    format: Format,
    names: &[String],
    manifest: &Manifest<'_>,
    prefix: &str,
) -> Result<Zeroizing<Vec<u8>>> {
    let chosen: Vec<&str> = if names.is_empty() {
        current_names(doc)
    } else {
        names.iter().map(String::as_str).collect()
    };
    let mut values = Vec::with_capacity(chosen.len());
    for name in chosen {
        let entry = doc.entry(name)?;
        let Some(value) = entry.current_version().and_then(|v| v.value.as_ref()) else {
            return Err(Error::plain(
                Failure::Usage,
                codes::VAULT_NO_SUCH_SECRET,
                format!("secret `{name}` has no current value"),
            )
            .help(format!("`rot vault history {name}` shows what it has")));
        };
        if !values.iter().any(|(n, _)| *n == name) {
            values.push((name, value));
        }
    }
    match format {
        Format::Env => env(&items(&values), prefix, &shell),
        Format::Dotenv => env(&items(&values), prefix, &dotenv_value),
        Format::Docker => env(&items(&values), prefix, &docker_value),
        Format::Systemd => env(&items(&values), prefix, &systemd),
        Format::Json => json(&values),
        Format::Kubernetes => kubernetes(&items(&values), manifest),
    }
}

/// A secret that only waits to be used is left out when nobody asked for it by name.
fn current_names(doc: &Document) -> Vec<&str> {
    doc.secrets()
        .filter(|(_, entry)| entry.current.is_some())
        .map(|(name, _)| name)
        .collect()
}

fn items<'a>(values: &[(&'a str, &'a StoredValue)]) -> Vec<Item<'a>> {
    let all = values.iter().flat_map(|(secret, value)| {
        value.parts().into_iter().map(move |(field, value)| Item {
            secret,
            field,
            value,
        })
    });
    all.collect()
}

/// How one value is written; the reason when the form cannot hold it.
type Quote<'q> = &'q dyn Fn(&str, &mut Zeroizing<Vec<u8>>) -> std::result::Result<(), &'static str>;

fn env(items: &[Item<'_>], prefix: &str, quote: Quote<'_>) -> Result<Zeroizing<Vec<u8>>> {
    let mut out = buffer(
        items
            .iter()
            .map(|i| i.value.len() * 4 + i.secret.len() + prefix.len() + 256),
    );
    let mut keys = HashMap::new();
    for item in items {
        let key = format!("{prefix}{}", variable::of_secret(item.secret, item.field));
        if !variable::is_valid(&key) {
            return Err(Error::plain(
                Failure::Usage,
                codes::USAGE,
                format!("`{}` cannot name a variable", key.printable()),
            )
            .help("`--prefix` takes letters, digits and `_`, and begins with a letter or `_`"));
        }
        if variable::is_steering(&key) {
            return Err(unfit(
                item,
                &format!("would be the variable `{key}`, which says what programs run or load"),
            )
            .help("give it another name: `--prefix APP_`, or `rot vault export --format json`"));
        }
        unique(&mut keys, &key, item)?;
        let text = item.value.expose_text().filter(|text| !text.contains('\0'));
        let Some(text) = text else {
            return Err(
                unfit(item, "is not text that an environment variable can hold")
                    .help("`--format json` writes it as base64"),
            );
        };
        out.extend_from_slice(key.as_bytes());
        out.push(b'=');
        quote(text, &mut out)
            .map_err(|why| unfit(item, why).help("`--format json` holds every value"))?;
        out.push(b'\n');
    }
    Ok(out)
}

/// Inside single quotes only the quote itself ends the text.
fn shell(text: &str, out: &mut Zeroizing<Vec<u8>>) -> std::result::Result<(), &'static str> {
    out.push(b'\'');
    for byte in text.bytes() {
        if byte == b'\'' {
            out.extend_from_slice(b"'\\''")
        } else {
            out.push(byte)
        }
    }
    out.push(b'\'');
    Ok(())
}

/// Single quotes, in which all of these libraries take a text as it stands; what some of them would read otherwise is refused.
///
/// # Errors
/// Why the form cannot hold it.
pub fn dotenv_value(
    text: &str,
    out: &mut Zeroizing<Vec<u8>>,
) -> std::result::Result<(), &'static str> {
    if text.contains(['\'', '\\', '\r']) {
        return Err(
            "has a quote, a backslash or a carriage return, which libraries for `.env` read in different ways",
        );
    }
    out.push(b'\'');
    out.extend_from_slice(text.as_bytes());
    out.push(b'\'');
    Ok(())
}

/// As it stands: docker knows no quotes.
///
/// # Errors
/// Why the form cannot hold it.
pub fn docker_value(
    text: &str,
    out: &mut Zeroizing<Vec<u8>>,
) -> std::result::Result<(), &'static str> {
    if text.contains(['\n', '\r']) {
        return Err("has a line end, which an env file of docker cannot hold");
    }
    out.extend_from_slice(text.as_bytes());
    Ok(())
}

/// Double quotes, in which systemd knows an escape for exactly these four.
fn systemd(text: &str, out: &mut Zeroizing<Vec<u8>>) -> std::result::Result<(), &'static str> {
    if text
        .chars()
        .any(|c| c.is_control() && !matches!(c, '\n' | '\t'))
    {
        return Err("has a control character, which systemd refuses");
    }
    out.push(b'"');
    for byte in text.bytes() {
        if matches!(byte, b'"' | b'\\' | b'`' | b'$') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
    Ok(())
}

fn json(values: &[(&str, &StoredValue)]) -> Result<Zeroizing<Vec<u8>>> {
    let mut out = buffer(values.iter().map(|(n, v)| {
        n.len()
            + v.parts()
                .iter()
                .map(|(_, s)| s.len() * 6 + 256)
                .sum::<usize>()
    }));
    out.extend_from_slice(b"{");
    for (index, (name, value)) in values.iter().enumerate() {
        out.extend_from_slice(if index == 0 { b"\n  " } else { b",\n  " });
        quote(&mut out, name)?;
        out.extend_from_slice(b": ");
        match value {
            StoredValue::Single(secret) => json_value(&mut out, secret)?,
            StoredValue::Fields(fields) => {
                out.extend_from_slice(b"{");
                for (index, (field, secret)) in fields.iter().enumerate() {
                    out.extend_from_slice(if index == 0 { b" " } else { b", " });
                    quote(&mut out, field)?;
                    out.extend_from_slice(b": ");
                    json_value(&mut out, secret)?;
                }
                out.extend_from_slice(b" }");
            }
        }
    }
    out.extend_from_slice(if values.is_empty() { b"}\n" } else { b"\n}\n" });
    Ok(out)
}

fn json_value(out: &mut Zeroizing<Vec<u8>>, secret: &Secret) -> Result<()> {
    match secret.expose_text() {
        Some(text) => quote(out, text),
        None => {
            out.extend_from_slice(b"{ \"base64\": ");
            quote(out, &Zeroizing::new(BASE64.encode(secret.expose())))?;
            out.extend_from_slice(b" }");
            Ok(())
        }
    }
}

fn quote(out: &mut Zeroizing<Vec<u8>>, text: &str) -> Result<()> {
    serde_json::to_writer(&mut **out, text).map_err(|_| {
        Error::plain(
            Failure::Internal,
            codes::INTERNAL,
            "a text could not be written as JSON",
        )
    })
}

fn kubernetes(items: &[Item<'_>], manifest: &Manifest<'_>) -> Result<Zeroizing<Vec<u8>>> {
    let label = |text: &str| text.len() <= 63 && !text.contains('.') && is_kubernetes_name(text);
    if manifest
        .namespace
        .is_some_and(|namespace| !label(namespace))
    {
        return Err(Error::plain(Failure::Usage, codes::USAGE, "the namespace is not a DNS label")
            .help("lower-case letters, digits and `-`, at most 63, beginning and ending with a letter or digit"));
    }
    let of_kind = |c: char| c.is_ascii_alphanumeric() || "/.-_".contains(c);
    if manifest.kind.is_empty() || !manifest.kind.chars().all(of_kind) {
        return Err(Error::plain(
            Failure::Usage,
            codes::USAGE,
            "that is not a type of a Kubernetes secret",
        )
        .help("such as `Opaque`, `kubernetes.io/tls` or `kubernetes.io/basic-auth`"));
    }
    if let Some((_, key)) = manifest
        .keys
        .iter()
        .find(|(_, key)| !is_kubernetes_key(key))
    {
        return Err(Error::plain(
            Failure::Usage,
            codes::USAGE,
            format!(
                "`{}` cannot be a key of a Kubernetes secret",
                key.printable()
            ),
        )
        .help("letters, digits, `-`, `_` and `.`, at most 253"));
    }
    if let Some((name, _)) = manifest
        .keys
        .iter()
        .find(|(name, _)| !items.iter().any(|i| i.called() == *name))
    {
        return Err(Error::plain(
            Failure::Usage,
            codes::VAULT_NO_SUCH_SECRET,
            format!("nothing that is exported is called `{}`", name.printable()),
        )
        .help("`--key NAME=KEY` names a secret, `--key NAME.FIELD=KEY` a field of a record"));
    }
    if !is_kubernetes_name(manifest.name) {
        return Err(Error::plain(Failure::Usage, codes::USAGE, "the name of the Kubernetes secret is not a DNS subdomain")
            .help("lower-case letters, digits, `-` and `.`, at most 253, beginning and ending with a letter or digit"));
    }
    let mut out = buffer(
        items
            .iter()
            .map(|i| i.value.len() * 2 + i.secret.len() + 256),
    );
    out.extend_from_slice(
        b"{\n  \"apiVersion\": \"v1\",\n  \"kind\": \"Secret\",\n  \"metadata\": { \"name\": ",
    );
    quote(&mut out, manifest.name)?;
    if let Some(namespace) = manifest.namespace {
        out.extend_from_slice(b", \"namespace\": ");
        quote(&mut out, namespace)?;
    }
    out.extend_from_slice(b" },\n  \"type\": ");
    quote(&mut out, manifest.kind)?;
    out.extend_from_slice(b",\n  \"data\": {");
    let mut keys = HashMap::new();
    for (index, item) in items.iter().enumerate() {
        // Keys may hold letters, digits, `-`, `_` and `.`; a name's `/` becomes a dot.
        let called = item.called();
        let given = manifest.keys.iter().find(|(name, _)| *name == called);
        let key = given.map_or_else(|| called.replace('/', "."), |(_, key)| key.clone());
        if key.len() > 253 {
            return Err(unfit(
                item,
                "has a name that is too long for a Kubernetes secret",
            ));
        }
        unique(&mut keys, &key, item)?;
        out.extend_from_slice(if index == 0 { b"\n    " } else { b",\n    " });
        quote(&mut out, &key)?;
        out.extend_from_slice(b": ");
        quote(
            &mut out,
            &Zeroizing::new(BASE64.encode(item.value.expose())),
        )?;
    }
    out.extend_from_slice(if items.is_empty() {
        b"}\n}\n"
    } else {
        b"\n  }\n}\n"
    });
    Ok(out)
}

impl Item<'_> {
    /// `NAME`, or `NAME.FIELD`.
    fn called(&self) -> String {
        match self.field {
            Some(field) => format!("{}.{field}", self.secret),
            None => self.secret.to_owned(),
        }
    }
}

/// A record as one JSON object, a line for each field, as [`super::import::record`] reads it.
///
/// # Errors
/// Only a bug makes it fail.
pub fn record_text(parts: &[(String, Secret)]) -> Result<Zeroizing<Vec<u8>>> {
    let mut out = buffer(parts.iter().map(|(n, s)| n.len() + s.len() * 6 + 256));
    out.extend_from_slice(b"{");
    for (index, (field, secret)) in parts.iter().enumerate() {
        out.extend_from_slice(if index == 0 { b"\n  " } else { b",\n  " });
        quote(&mut out, field)?;
        out.extend_from_slice(b": ");
        json_value(&mut out, secret)?;
    }
    out.extend_from_slice(b"\n}\n");
    Ok(out)
}

fn is_kubernetes_key(key: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    (1..=253).contains(&key.len()) && key.chars().all(fits)
}

fn is_kubernetes_name(name: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let ends = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    name.len() <= 253
        && name.split('.').all(|label| {
            label.chars().all(inner) && label.starts_with(ends) && label.ends_with(ends)
        })
}

/// Two secrets must not end up under one key, where the second would silently hide the first.
fn unique(keys: &mut HashMap<String, String>, key: &str, item: &Item<'_>) -> Result<()> {
    match keys.insert(key.to_owned(), item.secret.to_owned()) {
        None => Ok(()),
        Some(other) => Err(unfit(
            item,
            &format!("would have the same name `{key}` as `{other}`"),
        )
        .help("export them separately, by name")),
    }
}

fn unfit(item: &Item<'_>, what: &str) -> Error {
    debug_assert!(name::is_secret_name(item.secret));
    let field = item
        .field
        .map(|f| format!("field `{f}` of "))
        .unwrap_or_default();
    Error::plain(
        Failure::Usage,
        codes::VAULT_BAD_VALUE,
        format!("{field}secret `{}` {what}", item.secret),
    )
}

/// Room for all of it at once: a growing buffer leaves copies behind.
fn buffer(sizes: impl Iterator<Item = usize>) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(Vec::with_capacity(sizes.sum::<usize>() + 1024))
}
