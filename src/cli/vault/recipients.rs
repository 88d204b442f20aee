//! `rot vault recipients`: who can open the vault.

use super::args::{RecipientsArgs, RecipientsCommand};
use super::{Ctx, Output};
use crate::diagnostic::{Error, Failure, Result, codes};

pub(super) fn run(cx: &Ctx, args: &RecipientsArgs) -> Result<Output> {
    match &args.command {
        None => list(cx),
        Some(RecipientsCommand::Add { recipient }) => add(cx, recipient),
        Some(RecipientsCommand::Remove { recipient, force }) => remove(cx, recipient, *force),
    }
}

fn list(cx: &Ctx) -> Result<Output> {
    let vault = cx.open()?;
    let lines: String = vault
        .doc()
        .recipients()
        .iter()
        .map(|text| format!("{}\n", text.escape_default()))
        .collect();
    Ok(Output::new(&vault).text(&lines))
}

fn add(cx: &Ctx, text: &str) -> Result<Output> {
    let mut vault = cx.open()?;
    let mut added = false;
    vault.commit(|doc| {
        added = doc.add_recipient(text)?;
        Ok(())
    })?;
    let output = Output::new(&vault);
    Ok(if added {
        output.note("added: from now on that key opens the vault, with the whole history in it")
    } else {
        output.note("that key is a recipient already; nothing was changed")
    })
}

fn remove(cx: &Ctx, text: &str, force: bool) -> Result<Output> {
    let mut vault = cx.open()?;
    // What is at hand is asked for before, on the document that is about to change.
    let own: Vec<String> = vault
        .opens(vault.doc().recipients())
        .into_iter()
        .map(str::to_owned)
        .collect();
    vault.commit(|doc| {
        doc.remove_recipient(text)?;
        let still = doc.recipients().iter().any(|left| own.contains(left));
        if still || force {
            return Ok(());
        }
        Err(Error::plain(Failure::Usage, codes::RECIPIENT_BAD, "none of the identities at hand could open the vault any more")
            .help("`--force` removes the recipient all the same; make sure that another one's identity works first"))
    })?;
    let mut output = Output::new(&vault)
        .note("removed: what is stored from now on is sealed to the others only")
        .note("older copies of the vault (the `.prev` file, backups, version control) still open for the removed key");
    let known: Vec<&str> = vault.doc().names().collect();
    if !known.is_empty() {
        output = output.note(format!(
            "its holder could read these {}, which should be rotated: {}",
            known.len(),
            known.join(", ")
        ));
    }
    Ok(output)
}
