//! `rot vault history`: the versions of one secret, newest first.

use super::args::{HistoryArgs, Report};
use super::{Ctx, Output, json, table};
use crate::diagnostic::Result;
use crate::vault::history::{VersionSummary, versions};

pub(super) fn run(cx: &Ctx, args: &HistoryArgs) -> Result<Output> {
    let vault = cx.open()?;
    let now = cx.world.clock.now();
    let entry = vault.doc().entry(&args.name)?;
    let versions = versions(entry, now);
    let output = Output::new(&vault);
    if args.report == Report::Json {
        return Ok(output.text(&json(&serde_json::json!({
            "schema": "rot.vault-history/v1",
            "name": args.name,
            "fields": entry.fields,
            "current": entry.current,
            "previous": entry.previous,
            "pending": entry.pending,
            "versions": versions,
        }))));
    }
    let rows: Vec<Vec<String>> = versions
        .iter()
        .map(|version| {
            vec![
                version.version.clone(),
                version.state.as_str().to_owned(),
                table::length(version.age_seconds),
                table::end(version.expires_at, now),
                version.rotation.clone().unwrap_or_default(),
                if version.has_value { "kept" } else { "pruned" }.to_owned(),
                remark(version),
            ]
        })
        .collect();
    Ok(output.text(&table::render(
        &[
            "VERSION", "STATE", "AGE", "EXPIRES", "ROTATION", "VALUE", "NOTE",
        ],
        &rows,
    )))
}

/// What people should know of a version.
fn remark(version: &VersionSummary) -> String {
    let mut words: Vec<String> = Vec::new();
    words.extend(
        version
            .unrevoked
            .map(|u| format!("not revoked: {}", u.why.explain())),
    );
    if !version.exposed_to.is_empty() {
        words.push(format!("known to {}", version.exposed_to.join(", ")));
    }
    words.extend(version.note.clone());
    words.join("; ")
}
