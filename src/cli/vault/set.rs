//! `rot vault set`: stores a value that is read, never one that is an argument.

use super::args::SetArgs;
use super::{Ctx, Output};
use crate::diagnostic::{Error, Failure, Printable, Result, codes, nearest};
use crate::vault::name::{is_field_name, is_secret_name};
use crate::vault::{NewVersion, Secret, StoredValue, Vault, import};
use std::io::ErrorKind;
use zeroize::Zeroizing;

pub(super) fn run(cx: &Ctx, args: &SetArgs) -> Result<Output> {
    check_names(args)?;
    if let Some(field) = &args.unset {
        return unset(cx, args, field);
    }
    Vault::exists(&cx.world, &cx.paths)?;
    // Before the vault is opened: an identity's passphrase must not be read from the value's input.
    let value = read(cx, args)?;
    let mut vault = cx.open()?;
    let added = match &args.field {
        Some(field) => is_added(&vault, args, field)?,
        None => false,
    };
    let id = cx.version_id()?;
    let odd = oddities(value.expose());
    let value = match &args.field {
        Some(field) => StoredValue::Fields(vec![(field.clone(), value)]),
        None if args.record => StoredValue::Fields(import::record(value.expose())?),
        None => StoredValue::Single(value),
    };
    let now = cx.world.clock.now();
    let new = NewVersion {
        id: id.clone(),
        value,
        expires_at: args.expires,
        run: None,
        rotation: None,
        created_at: now,
    };
    let mut displaced = None;
    vault.commit(|doc| {
        displaced = doc.get(&args.name).and_then(|entry| entry.pending.clone());
        if args.record {
            doc.put_whole(&args.name, new)
        } else {
            doc.put_current(&args.name, new)
        }
    })?;
    let mut output = Output::new(&vault).note(format!("stored `{}` as version {id}", args.name));
    if added && let Some(field) = &args.field {
        output = output.note(format!("the record has a new field: `{field}`"));
    }
    for oddity in odd {
        output = output.note(oddity);
    }
    if let Some(pending) = displaced {
        output = output.note(format!(
            "version {pending} was pending and is now failed; if a run is interrupted, `rot status` says what it left at the issuer"
        ));
    }
    if args.expires.is_some_and(|end| end <= now) {
        output =
            output.note("the time given with `--expires` is past: the value counts as expired");
    }
    Ok(output)
}

/// Whether the field is one that the record does not have yet. One that is spelled nearly as another is taken for a slip.
fn is_added(vault: &Vault, args: &SetArgs, field: &str) -> Result<bool> {
    let Some(entry) = vault.doc().get(&args.name) else {
        return Ok(false);
    };
    if entry.fields.is_empty() || entry.fields.iter().any(|known| known == field) {
        return Ok(false);
    }
    // Short names differ by one letter on purpose: `a` and `b`, `k1` and `k2`.
    let near = nearest(field, entry.fields.iter().map(String::as_str));
    match near.filter(|near| near.len() > 3 && !args.new_field && !numbered(near, field)) {
        Some(near) => Err(Error::plain(
            Failure::Usage,
            codes::VAULT_NO_SUCH_SECRET,
            format!("the record `{}` has no field `{field}`", args.name),
        )
        .help(format!(
            "the nearest is `{near}`; `--new-field` adds one that is called so"
        ))),
        None => Ok(true),
    }
}

/// Whether two names differ by their numbers alone.
fn numbered(a: &str, b: &str) -> bool {
    let bare = |name: &str| name.replace(|c: char| c.is_ascii_digit(), "");
    bare(a) == bare(b)
}

/// What a value has of the way in which it came here, and hardly means to have: it is stored as it is, and said.
fn oddities(value: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    let is_wide = value.starts_with(b"\xff\xfe") || value.starts_with(b"\xfe\xff");
    if is_wide {
        found.push("the value is UTF-16 text, as Windows shells write it: pipe it through `iconv -f UTF-16 -t UTF-8` where a server wants UTF-8".to_owned());
    }
    if value.starts_with(b"\xef\xbb\xbf") {
        found.push("the value begins with a byte order mark, which an editor put there and a server hardly expects".to_owned());
    }
    if !is_wide && value.ends_with(b"\r") {
        found.push("the value ends with a carriage return, from a line end of Windows: pipe it through `tr -d '\\r'` to be rid of it".to_owned());
    } else if value.windows(2).any(|w| w == b"\r\n") {
        found.push("the lines of the value end with carriage returns, as Windows writes them: pipe it through `tr -d '\\r'` to be rid of them".to_owned());
    }
    found
}

/// The record without one of its fields.
fn unset(cx: &Ctx, args: &SetArgs, field: &str) -> Result<Output> {
    let mut vault = cx.open()?;
    let id = cx.version_id()?;
    let expires_at = args.expires.or_else(|| {
        let current = vault.doc().get(&args.name)?.current_version()?;
        current.expires_at
    });
    let new = NewVersion {
        id: id.clone(),
        value: StoredValue::Fields(Vec::new()),
        expires_at,
        run: None,
        rotation: None,
        created_at: cx.world.clock.now(),
    };
    vault.commit(|doc| doc.drop_field(&args.name, field, new))?;
    Ok(Output::new(&vault).note(format!(
        "stored `{}` without `{field}` as version {id}",
        args.name
    )))
}

fn check_names(args: &SetArgs) -> Result<()> {
    if !is_secret_name(&args.name) {
        return Err(Error::plain(
            Failure::Usage,
            codes::BAD_NAME,
            format!("`{}` cannot name a secret", args.name.printable()),
        )
        .help("letters, digits, `_` and `-`, in segments joined by `/`; no dots"));
    }
    match &args.field {
        Some(field) if !is_field_name(field) => Err(Error::plain(
            Failure::Usage,
            codes::BAD_NAME,
            format!("`{}` cannot name a field", field.printable()),
        )
        .help("letters, digits, `_` and `-`; no dots and no `/`")),
        _ => Ok(()),
    }
}

fn read(cx: &Ctx, args: &SetArgs) -> Result<Secret> {
    let what = match &args.field {
        None if args.record => format!("record {} as JSON", args.name),
        Some(field) => format!("value of {}, field {field}", args.name),
        None => format!("value of {}", args.name),
    };
    let bytes = cx
        .world
        .env
        .ask_bytes(&what)
        .map_err(|error| match error.kind() {
            ErrorKind::InvalidData => bad("the value is longer than 1 MiB"),
            kind => bad(&format!("the value could not be read ({kind})")),
        })?;
    let bytes = bytes.unwrap_or_else(|| Zeroizing::new(Vec::new()));
    if bytes.is_empty() && !args.allow_empty {
        return Err(bad("no value was given")
            .help("pipe it in (`pass show x | rot vault set NAME`), or type it at the prompt; `--allow-empty` stores an empty one"));
    }
    Ok(Secret::new(bytes))
}

fn bad(message: &str) -> Error {
    Error::plain(Failure::Usage, codes::VAULT_BAD_VALUE, message)
}
