//! `rot vault recipients`: who can open the vault.

use super::args::{RecipientsArgs, RecipientsCommand, Report};
use super::{Ctx, Output, json};
use crate::diagnostic::{Error, Failure, Printable, Result, codes};

pub(super) fn run(cx: &Ctx, args: &RecipientsArgs) -> Result<Output> {
    match &args.command {
        None => list(cx, args.report),
        Some(RecipientsCommand::Add {
            recipient,
            name,
            force,
        }) => add(cx, recipient, name.as_deref(), *force),
        Some(RecipientsCommand::Remove { recipient, force }) => remove(cx, recipient, *force),
    }
}

fn list(cx: &Ctx, report: Report) -> Result<Output> {
    let vault = cx.open()?;
    let doc = vault.doc();
    let own = vault.opens(doc.recipients());
    if report == Report::Json {
        let all: Vec<serde_json::Value> = doc
            .recipients()
            .iter()
            .map(|text| {
                serde_json::json!({
                    "recipient": text,
                    "name": doc.name_of(text),
                    "own": own.contains(&text.as_str()),
                })
            })
            .collect();
        return Ok(Output::new(&vault).text(&json(&serde_json::json!({
            "schema": "rot.vault-recipients/v1",
            "vault": { "id": vault.id(), "generation": vault.generation() },
            "recipients": all,
        }))));
    }
    let lines: String = doc
        .recipients()
        .iter()
        .map(|text| {
            // An SSH key has its name behind it already.
            let name = doc
                .name_of(text)
                .filter(|name| !text.ends_with(name.as_str()));
            let name = name.map(|name| format!("  {name}")).unwrap_or_default();
            format!("{}{}\n", text.printable(), name.printable())
        })
        .collect();
    Ok(Output::new(&vault).text(&lines))
}

/// What an open run keeps is sealed to those who were recipients when it was kept: a change would leave somebody without it,
/// or somebody with it.
fn no_open_run(cx: &Ctx, vault: &crate::vault::Vault, all_the_same: &str) -> Result<()> {
    let open = crate::run::open_runs(&cx.world, vault)?;
    let Some(run) = open.first() else {
        return Ok(());
    };
    Err(Error::plain(
        Failure::Usage,
        codes::RUN_INTERRUPTED,
        format!(
            "run {} of `{}` is open, and what it keeps is sealed to all present recipients",
            run.run_id, run.rotation
        ),
    )
    .help(format!(
        "end it first: `rot resume {}`; {all_the_same}",
        run.run_id
    )))
}

fn add(cx: &Ctx, text: &str, name: Option<&str>, force: bool) -> Result<Output> {
    let mut vault = cx.open()?;
    let known = vault.doc().name_of(text).is_some()
        || vault.doc().recipients().iter().any(|one| one == text);
    if !force && !known {
        no_open_run(
            cx,
            &vault,
            "`--force` adds the recipient all the same, who cannot end that run",
        )?;
    }
    let mut added = false;
    let mut called = None;
    vault.commit(|doc| {
        let before = doc.name_of(text);
        added = doc.add_named_recipient(text, name)?;
        called = doc.name_of(text).filter(|now| before.as_ref() != Some(now));
        Ok(())
    })?;
    let output = Output::new(&vault);
    Ok(match (added, called) {
        (true, _) => {
            output.note("added: from now on that key opens the vault, with the whole history in it")
        }
        (false, Some(name)) => output.note(format!(
            "that key is a recipient already; it is called `{name}` now"
        )),
        (false, None) => output.note("that key is a recipient already; nothing was changed"),
    })
}

fn remove(cx: &Ctx, text: &str, force: bool) -> Result<Output> {
    let mut vault = cx.open()?;
    if !force {
        no_open_run(cx, &vault, "`--force` removes the recipient all the same")?;
    }
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
        .note("removed: what is stored from now on is sealed to the others only, and a file that its holder writes is refused where this one was seen")
        .note("older copies of the vault (the `.prev` file, backups, version control) still open for the removed key");
    let known: Vec<&str> = vault.doc().exposed().map(|(name, _)| name).collect();
    if !known.is_empty() {
        output = output
            .note(format!(
                "its holder could read these {}, which should be rotated: {}",
                known.len(),
                known.join(", ")
            ))
            .note("`rot status` lists them until they are");
    }
    Ok(output)
}
