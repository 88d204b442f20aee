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
    let output = Output::new(&vault);
    if args.report == Report::Json {
        return Ok(output.text(&json(&serde_json::json!({
            "schema": "rot.vault-list/v1",
            "vault": { "id": vault.id(), "generation": vault.generation(), "file": vault.file_hash() },
            "secrets": secrets,
        }))));
    }
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
    let state = secret.state.map(|s| s.as_str()).unwrap_or_default();
    match &secret.pending {
        Some(_) if secret.version.is_some() => format!("{state}+pending"),
        _ => state.to_owned(),
    }
}
