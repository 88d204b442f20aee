//! `rot vault import`: values of other programs, under names of ours. The table comes first, the change when it is asked for.

use super::args::{ImportArgs, ImportFormat};
use super::{Ctx, Output, table};
use crate::diagnostic::{Error, Failure, Printable, Result, codes, nearest};
use crate::vault::foreign::{bitwarden, one_password};
use crate::vault::import::{Foreign, dotenv, json, name_for};
use crate::vault::name::{is_field_name, is_secret_name};
use crate::vault::{Document, NewVersion, StoredValue};
use std::path::Path;
use zeroize::Zeroizing;

/// The largest file that is read.
const LIMIT: u64 = 64 * 1024 * 1024;

/// One value with the name that it gets.
struct Row {
    theirs: String,
    name: String,
    value: StoredValue,
}

pub(super) fn run(cx: &Ctx, args: &ImportArgs) -> Result<Output> {
    let rows = rows(read(cx, args)?, &args.maps)?;
    if rows.is_empty() {
        return Err(bad("the file holds no value".to_owned()));
    }
    let mut vault = cx.open()?;
    let shown = shown(&rows, vault.doc());
    let output = Output::new(&vault).text(&shown);
    if !args.apply {
        return Ok(output.note(
            "nothing was stored; `--apply` stores them, `--map THEIRS=NAME` gives another name",
        ));
    }
    let now = cx.world.clock.now();
    let ids = rows
        .iter()
        .map(|_| cx.version_id())
        .collect::<Result<Vec<_>>>()?;
    let mut stored = 0;
    vault.commit(|doc| {
        for (row, id) in rows.iter().zip(ids) {
            if is_current(doc, row) {
                continue;
            }
            stored += 1;
            let new = NewVersion {
                id,
                value: row.value.clone(),
                expires_at: None,
                run: None,
                rotation: None,
                created_at: now,
            };
            doc.put_whole(&row.name, new)?;
        }
        Ok(())
    })?;
    Ok(output
        .note(format!("stored {stored} of {}", rows.len()))
        .note("the file that they come from still holds them in clear"))
}

fn read(cx: &Ctx, args: &ImportArgs) -> Result<Vec<Foreign>> {
    if args.format == Some(ImportFormat::Sops) {
        return json(&decrypted(&args.file)?);
    }
    let from_stdin = args.file == Path::new("-");
    let bytes: Zeroizing<Vec<u8>> = if from_stdin {
        let input = cx.world.env.ask_bytes("values to import");
        let input = input.map_err(|e| unreadable("standard input", &e))?;
        input.unwrap_or_default()
    } else {
        let target = cx.world.fs.resolve(&args.file);
        let target = target.map_err(|e| unreadable(&args.file.display().to_string(), &e))?;
        cx.world
            .fs
            .read(&target, LIMIT)
            .map_err(|e| unreadable(&args.file.display().to_string(), &e))?
    };
    let by_name = args.file.extension().is_some_and(|e| e == "json");
    let format = args.format.unwrap_or(match by_name {
        true => ImportFormat::Json,
        false => ImportFormat::Dotenv,
    });
    match format {
        ImportFormat::Json | ImportFormat::Sops => json(&bytes),
        ImportFormat::Bitwarden => bitwarden(&bytes),
        ImportFormat::OnePassword => one_password(&bytes),
        ImportFormat::Dotenv => dotenv(&bytes),
    }
}

/// What the user's own `sops` makes of a file. What it writes to standard error is dropped: it may quote values.
#[allow(clippy::disallowed_methods)] // a program of the user's, as git is
fn decrypted(file: &Path) -> Result<Zeroizing<Vec<u8>>> {
    if file == Path::new("-") {
        return Err(bad("sops needs a file to decrypt".to_owned())
            .help("pipe its output in instead: `sops --decrypt --output-type json FILE | rot vault import - --format json`"));
    }
    let output = std::process::Command::new("sops")
        .args(["--decrypt", "--output-type", "json"])
        .arg(file)
        .stdin(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .output();
    match output {
        Ok(output) if output.status.success() => Ok(Zeroizing::new(output.stdout)),
        Ok(output) => {
            drop(Zeroizing::new(output.stdout));
            Err(bad(format!("sops could not decrypt {}", file.display()))
                .help(format!("`sops --decrypt {}` says why", file.display())))
        }
        Err(error) => Err(bad(format!("sops could not be started ({})", crate::diagnostic::why(&error)))
            .help("install sops, or pipe in what it decrypts elsewhere with the JSON form of this command")),
    }
}

/// The names, all of them: those that cannot be, and those that fall together, are said at once.
fn rows(found: Vec<Foreign>, maps: &[(String, String)]) -> Result<Vec<Row>> {
    for (theirs, _) in maps {
        if !found.iter().any(|f| f.name == *theirs) {
            let error = bad(format!("the file has no `{}`", theirs.printable()));
            return Err(
                match nearest(theirs, found.iter().map(|f| f.name.as_str())) {
                    Some(near) => error.help(format!("did you mean `{}`?", near.printable())),
                    None => error.help("without `--apply`, a table of its names is shown"),
                },
            );
        }
    }
    let mut rows: Vec<Row> = Vec::new();
    let mut wrong: Vec<String> = Vec::new();
    for Foreign {
        name: theirs,
        value,
    } in found
    {
        let given = maps
            .iter()
            .find(|(t, _)| *t == theirs)
            .map(|(_, name)| name.clone());
        let name = given.unwrap_or_else(|| name_for(&theirs));
        let called = theirs.printable();
        if !is_secret_name(&name) {
            wrong.push(format!("`{called}` needs a name: `--map '{called}=NAME'`"));
        } else if let Some(other) = rows.iter().find(|row| row.name == name) {
            wrong.push(format!(
                "`{called}` and `{}` would both be `{name}`: `--map '{called}=OTHER'`",
                other.theirs.printable()
            ));
        }
        if let StoredValue::Fields(parts) = &value {
            let bad = parts.iter().filter(|(field, _)| !is_field_name(field));
            wrong.extend(bad.map(|(field, _)| {
                format!("`{}` of `{called}` cannot name a field", field.printable())
            }));
        }
        rows.push(Row {
            theirs,
            name,
            value,
        });
    }
    if wrong.is_empty() {
        return Ok(rows);
    }
    let error = bad("some names of the file are none here".to_owned());
    Err(wrong.into_iter().fold(error, Error::note).help(
        "a name is letters, digits, `_` and `-`, in segments joined by `/`; `--map THEIRS=NAME` gives one",
    ))
}

fn shown(rows: &[Row], doc: &Document) -> String {
    let lines: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let kind = match &row.value {
                StoredValue::Single(_) => "value".to_owned(),
                StoredValue::Fields(parts) => {
                    let names: Vec<&str> = parts.iter().map(|(n, _)| n.as_str()).collect();
                    format!("record of {}", names.join(", "))
                }
            };
            let becomes = match doc.get(&row.name) {
                None => "new",
                Some(_) if is_current(doc, row) => "the same",
                Some(_) => "a new version",
            };
            vec![
                row.theirs.clone(),
                row.name.clone(),
                kind,
                becomes.to_owned(),
            ]
        })
        .collect();
    table::render(&["THEIRS", "NAME", "WHAT", "BECOMES"], &lines)
}

fn is_current(doc: &Document, row: &Row) -> bool {
    let current = doc.get(&row.name).and_then(|entry| entry.current_version());
    let value = current.and_then(|version| version.value.as_ref());
    value.is_some_and(|value| value.same_as(&row.value))
}

fn unreadable(what: &str, error: &std::io::Error) -> Error {
    let why = crate::diagnostic::why(error);
    bad(format!("{what} cannot be read ({why})")).help("name a file, or `-` for standard input")
}

fn bad(message: String) -> Error {
    Error::plain(Failure::Usage, codes::VAULT_BAD_VALUE, message)
}
