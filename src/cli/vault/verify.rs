//! `rot vault verify`: the vault against itself, its backup and what this machine remembers.

use super::args::{Report, VerifyArgs};
use super::{Ctx, Output, json};
use crate::diagnostic::{Error, Failure, Result, codes};
use crate::vault::Backup;
use crate::world::fs::Storage;

pub(super) fn run(cx: &Ctx, args: &VerifyArgs) -> Result<Output> {
    // Opening it compares it with the pin already: rollback, fork, forgery and swap end here.
    let vault = cx.open()?;
    let doc = vault.doc();
    let broken = doc.inconsistencies();
    if !broken.is_empty() {
        let error = Error::plain(
            Failure::Tampered,
            codes::VAULT_FORMAT,
            "the vault opened, but its content does not hang together",
        )
        .help("restore the file from a copy; the `.prev` file beside it is one change older, and `rot vault accept` takes it");
        return Err(broken.into_iter().fold(error, Error::note));
    }
    let sealed = vault.sealed_to()?;
    let listed = doc.recipients().len();
    if let Some(sealed) = sealed.filter(|sealed| *sealed != listed) {
        return Err(Error::plain(
            Failure::Tampered,
            codes::VAULT_FORMAT,
            format!("the file is sealed to {sealed} keys, and the vault lists {listed} recipients"),
        )
        .note("somebody can open it who is not listed, or somebody who is listed cannot")
        .help(
            "`rot vault recipients` lists them; the next change seals it to those and nobody else",
        ));
    }
    let backup = vault.backup();
    let storage = cx.world.fs.storage(vault.path());
    let now = cx.world.clock.now();
    let expired: Vec<&str> = doc
        .secrets()
        .filter(|(_, entry)| entry.current_version().is_some_and(|v| v.is_expired(now)))
        .map(|(name, _)| name)
        .collect();
    let mut output = Output::new(&vault);
    if args.report == Report::Json {
        return Ok(output.text(&json(&serde_json::json!({
            "schema": "rot.vault-verify/v1",
            "vault": { "id": vault.id(), "generation": vault.generation(), "file": vault.file_hash(), "environment": doc.environment() },
            "previous_file": doc.prev(),
            "secrets": doc.names().count(),
            "recipients": listed,
            "sealed_to": sealed,
            "backup": match backup { Backup::Previous => "previous", Backup::Other => "other", Backup::None => "none" },
            "storage": match storage { Storage::Durable => "durable", Storage::Memory => "memory", Storage::Network => "network", Storage::Unknown => "unknown" },
            "expired": expired,
            "exposed": doc.exposed().map(|(name, _)| name).collect::<Vec<_>>(),
            "unrevoked": doc.unrevoked().map(|(name, v)| serde_json::json!({ "name": name, "version": v.id })).collect::<Vec<_>>(),
            "remembered": !vault.is_read_only(),
        }))));
    }
    let text = format!(
        "vault: {}\ngeneration: {}\nfile: {}\nprevious file: {}\nsecrets: {}\nrecipients: {listed}\n",
        vault.id(),
        vault.generation(),
        vault.file_hash(),
        doc.prev().unwrap_or("-"),
        doc.names().count(),
    );
    output = output.text(&text);
    output = match backup {
        Backup::Previous => output.note("the backup is the generation before"),
        Backup::Other => output.note("the backup is of another generation than the one before"),
        Backup::None => output.note("there is no backup beside the vault"),
    };
    match storage {
        Storage::Memory => output = output.note("the vault is on a file system in memory: it is gone after a restart"),
        Storage::Network => {
            output = output.note("the vault is on a network file system, where locks and syncs may promise more than they keep")
        }
        Storage::Durable | Storage::Unknown => {}
    }
    for name in expired {
        output = output.note(format!("`{name}` has expired"));
    }
    Ok(output.note("all checks passed"))
}
