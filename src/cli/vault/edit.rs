//! `rot vault edit`: a whole record in the person's editor. The text is in memory only.

use super::args::EditArgs;
use super::{Ctx, Output};
use crate::diagnostic::{Error, Failure, Result, codes};
use crate::vault::export::record_text;
use crate::vault::{NewVersion, Secret, StoredValue, import};
use crate::world::editor;
use std::io::ErrorKind;
use zeroize::Zeroizing;

/// What a new record begins as.
const NEW: &[u8] = b"{\n  \"user\": \"\",\n  \"password\": \"\"\n}\n";

pub(super) fn run(cx: &Ctx, args: &EditArgs) -> Result<Output> {
    let mut vault = cx.open()?;
    let name = &args.name;
    let entry = vault.doc().get(name);
    let current = entry.and_then(|entry| entry.current_version());
    let before = current.map(|version| version.id.clone());
    let expires_at = args
        .expires
        .or(current.and_then(|version| version.expires_at));
    let value = current.and_then(|version| version.value.as_ref());
    let text = match value {
        None => Zeroizing::new(NEW.to_vec()),
        Some(StoredValue::Fields(parts)) => record_text(parts)?,
        Some(StoredValue::Single(secret)) => {
            if secret.expose_text().is_none() {
                return Err(usage(format!("secret `{name}` is no text"))
                    .help(format!("pipe the new value in: `rot vault set {name}`")));
            }
            let mut text = Zeroizing::new(Vec::with_capacity(secret.len() + 1));
            text.extend_from_slice(secret.expose());
            text.push(b'\n');
            text
        }
    };
    let single = matches!(value, Some(StoredValue::Single(_)));
    let of_env = |name: &str| cx.world.env.var(name).filter(|v| !v.trim().is_empty());
    let editor = of_env("VISUAL").or_else(|| of_env("EDITOR"));
    let editor = editor.unwrap_or_else(|| "vi".to_owned());
    let open = |text: &[u8]| {
        editor::edit(&editor, text).map_err(|error| match error.kind() {
            ErrorKind::Unsupported => usage("this system has no files in memory".to_owned()).help(
                format!("pipe the record in: `rot vault set {name} --record`"),
            ),
            ErrorKind::NotFound => usage("the editor could not be started".to_owned())
                .note("it is the program that VISUAL, or else EDITOR, names; without both it is vi")
                .help("set VISUAL or EDITOR to a program that edits the file that it is given"),
            _ => usage("the editor could not be started".to_owned())
                .help("set VISUAL or EDITOR to a program that edits the file that it is given"),
        })
    };
    let mut written = text.clone();
    let value = loop {
        let Some(edited) = open(&written)? else {
            return Ok(
                Output::new(&vault).note("the editor ended with a failure: nothing was changed")
            );
        };
        if *edited == *text {
            return Ok(Output::new(&vault).note("nothing was changed"));
        }
        if single {
            let bytes = edited.strip_suffix(b"\n").unwrap_or(&edited);
            break StoredValue::Single(Secret::new(Zeroizing::new(bytes.to_vec())));
        }
        match import::record(&edited) {
            Ok(record) => break StoredValue::Fields(record),
            Err(error) => {
                // What was typed is in this process alone: it goes back into the editor, as visudo does it.
                let question = format!(
                    "{}; (e)dit again, or anything else to give up?",
                    error.message()
                );
                if cx.world.env.confirm(&question, 'e') {
                    written = edited;
                    continue;
                }
                return Err(error.note("nothing was stored, and what was written in the editor is gone: it was in memory only"));
            }
        }
    };
    let new = NewVersion {
        id: cx.version_id()?,
        value,
        expires_at,
        run: None,
        rotation: None,
        created_at: cx.world.clock.now(),
    };
    let id = new.id.clone();
    vault.commit(|doc| {
        // Somebody may have stored another value while the editor was open.
        doc.expect_current(name, before.as_deref())?;
        doc.put_whole(name, new)
    })?;
    Ok(Output::new(&vault).note(format!("stored `{name}` as version {id}")))
}

fn usage(message: String) -> Error {
    Error::plain(Failure::Usage, codes::VAULT_BAD_VALUE, message)
}
