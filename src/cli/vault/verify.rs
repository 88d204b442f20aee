//! `rot vault verify`: the vault against itself, its backup and what this machine remembers.

use super::{Ctx, Output};
use crate::diagnostic::{Error, Failure, Result, codes};
use crate::vault::Backup;
use crate::world::fs::Storage;

pub(super) fn run(cx: &Ctx) -> Result<Output> {
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
        .help("restore the file from a copy, for example the `.prev` file beside it");
        return Err(broken.into_iter().fold(error, Error::note));
    }
    let text = format!(
        "vault: {}\ngeneration: {}\nfile: {}\nprevious file: {}\nsecrets: {}\nrecipients: {}\n",
        vault.id(),
        vault.generation(),
        vault.file_hash(),
        doc.prev().unwrap_or("-"),
        doc.names().count(),
        doc.recipients().len(),
    );
    let mut output = Output::new(&vault).text(&text);
    output = match vault.backup() {
        Backup::Previous => output.note("the backup is the generation before"),
        Backup::Other => output.note("the backup is of another generation than the one before"),
        Backup::None => output.note("there is no backup beside the vault"),
    };
    match cx.world.fs.storage(vault.path()) {
        Storage::Memory => output = output.note("the vault is on a file system in memory: it is gone after a restart"),
        Storage::Network => {
            output = output.note("the vault is on a network file system, where locks and syncs may promise more than they keep")
        }
        Storage::Durable | Storage::Unknown => {}
    }
    let now = cx.world.clock.now();
    for (name, entry) in doc.secrets() {
        if entry.current_version().is_some_and(|v| v.is_expired(now)) {
            output = output.note(format!("`{name}` has expired"));
        }
    }
    Ok(output.note("all checks passed"))
}
