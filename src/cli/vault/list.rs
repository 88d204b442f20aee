//! `rot vault list`: what there is, never what it is.

use super::args::{ListArgs, Report};
use super::{Ctx, Output, json, table};
use crate::diagnostic::Result;
use crate::vault::history::{SecretSummary, summary};

pub(super) fn run(cx: &Ctx, args: &ListArgs) -> Result<Output> {
    let vault = cx.open()?;
    let now = cx.world.clock.now();
    let secrets: Vec<SecretSummary> = vault
        .doc()
        .secrets()
        .map(|(name, entry)| summary(name, entry, now))
        .collect();
    // What only a journal of this machine knows: the next run puts it on the vault's own list.
    let lost = crate::run::lost(&cx.world, &vault).unwrap_or_default();
    let output = Output::new(&vault);
    if args.report == Report::Json {
        return Ok(output.text(&json(&serde_json::json!({
            "schema": "rot.vault-list/v1",
            "vault": { "id": vault.id(), "generation": vault.generation(), "file": vault.file_hash() },
            "secrets": secrets,
            "lost": lost
                .iter()
                .map(|l| serde_json::json!({ "secret": l.secret, "version": l.version, "run_id": l.run_id, "rotation": l.rotation, "at": l.at }))
                .collect::<Vec<_>>(),
        }))));
    }
    let output = lost.iter().fold(output, |output, one| {
        output.note(format!(
            "version {} of `{}` is not in the vault, and may be live: a run of this machine stored it, and a merge lost it (`rot status`)",
            one.version,
            table::shown(&one.secret)
        ))
    });
    if secrets.is_empty() {
        return Ok(output.note("the vault holds no secrets; `rot vault set NAME` stores one"));
    }
    let rows: Vec<Vec<String>> = secrets
        .iter()
        .map(|secret| {
            vec![
                secret.name.clone(),
                secret.version.clone().unwrap_or_default(),
                secret.age_seconds.map(table::length).unwrap_or_default(),
                table::end(secret.expires_at, now),
                state(secret),
                secret.fields.join(","),
            ]
        })
        .collect();
    Ok(output.text(&table::render(
        &["NAME", "VERSION", "AGE", "EXPIRES", "STATE", "FIELDS"],
        &rows,
    )))
}

fn state(secret: &SecretSummary) -> String {
    let mut state = secret.state.map_or_else(
        || {
            if secret.unrevoked.is_empty() {
                ""
            } else {
                "none"
            }
            .to_owned()
        },
        |s| s.as_str().to_owned(),
    );
    if secret.pending.is_some() && secret.version.is_some() {
        state.push_str("+pending");
    }
    match secret.unrevoked.len() {
        0 => {}
        count => state.push_str(&format!(", {count} not revoked")),
    }
    if !secret.exposed_to.is_empty() {
        state.push_str(&format!(", known to {}", secret.exposed_to.join(" and ")));
    }
    state
}
