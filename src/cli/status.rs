//! `rot status`: secrets and runs, and what needs attention. No values.

use super::args::{ResultFormat, StatusArgs};
use super::context::Context;
use super::{paths, run};
use crate::diagnostic::{Error, Failure, Result};
use crate::report::visible;
use crate::run::sweep::{self, Due};
use crate::run::{Elsewhere, LostVersion, OpenRun, OpenState};
use crate::vault::{SecretEntry, Vault};
use crate::world::World;
use jiff::Timestamp;
use serde_json::{Value as Json, json};

/// Runs the command.
pub fn run(args: &StatusArgs, context: &Context) -> Result<()> {
    let config = context.config()?;
    let world = World::real();
    let paths = paths::resolve(context, &config, &world)?;
    let vault = run::open(context, &world, &paths)?;
    let open = crate::run::open_runs(&world, &vault)?;
    let lost = crate::run::lost(&world, &vault)?;
    let elsewhere = crate::run::elsewhere(&world, &vault)?;
    let now = world.clock.now();
    match args.report {
        ResultFormat::Json => {
            let text =
                serde_json::to_string_pretty(&document(&vault, &open, &lost, &elsewhere, now))
                    .unwrap_or_default();
            context.out.stdout(&format!("{text}\n"));
        }
        ResultFormat::Text => context
            .out
            .stdout(&text(&vault, &open, &lost, &elsewhere, now)),
    }
    // A script that asks hears of a credential that should be dead and is not.
    if sweep::list(vault.doc()).iter().any(|due| due.failures > 0) {
        return Err(Error {
            failure: Failure::Unrevoked,
            diagnostics: Vec::new(),
        });
    }
    Ok(())
}

fn current(entry: &SecretEntry) -> Option<&crate::vault::VersionEntry> {
    entry.current.as_deref().and_then(|id| entry.version(id))
}

fn text(
    vault: &Vault,
    open: &[OpenRun],
    lost: &[LostVersion],
    elsewhere: &[Elsewhere],
    now: Timestamp,
) -> String {
    let mut rows: Vec<[String; 5]> = vec![[
        "SECRET".into(),
        "VERSION".into(),
        "AGE".into(),
        "EXPIRES".into(),
        "".into(),
    ]];
    let due = sweep::list(vault.doc());
    for name in vault.doc().names() {
        let Some(entry) = vault.doc().get(name) else {
            continue;
        };
        let version = current(entry);
        let mut remarks = Vec::new();
        if let Some(pending) = &entry.pending {
            remarks.push(format!("pending {}", short(pending)));
        }
        for (version, entry) in unrevoked(vault, &due, name) {
            let what = match entry {
                Some(entry) if entry.failures > 0 => format!(
                    "not revoked, failed {} time{}",
                    entry.failures,
                    if entry.failures == 1 { "" } else { "s" }
                ),
                Some(entry) => format!("not yet revoked, due {}", relative(entry.due_at, now)),
                None => "not revoked: the next rotation does it".to_owned(),
            };
            remarks.push(format!("{} {what}", short(&version)));
        }
        if version.and_then(|v| v.expires_at).is_some_and(|e| e <= now) {
            remarks.push("expired".into());
        }
        if version.is_some_and(|v| is_ahead(v.created_at, now)) {
            remarks.push("stored ahead of this clock".into());
        }
        for old in entry.versions.iter().filter(|v| v.unrevoked.is_some()) {
            remarks.push(format!("{} not revoked", short(&old.id)));
        }
        if let Some(version) = version.filter(|v| !v.exposed_to.is_empty()) {
            let who = version.exposed_to.join(", ");
            remarks.push(format!("known to {}, who was removed", visible(&who)));
        }
        rows.push([
            visible(name).into_owned(),
            version.map_or("–".into(), |v| short(&v.id)),
            version.map_or("–".into(), |v| span(v.created_at, now)),
            version
                .and_then(|v| v.expires_at)
                .map_or("–".into(), |e| relative(e, now)),
            remarks.join("; "),
        ]);
    }
    let mut out = table(&rows);
    if rows.len() == 1 {
        out = "no secrets yet: `rot vault set NAME` stores one\n".into();
    }
    for one in lost {
        out.push_str(&format!(
            "\nversion {} of `{}`, which run {} of `{}` stored, is not in the vault: it may be live, and is lost to it\n  `rot vault merge OTHER` with the copy that has it, or revoke it at its issuer\n",
            one.version,
            visible(&one.secret),
            one.run_id,
            visible(&one.rotation)
        ));
    }
    for run in elsewhere {
        out.push_str(&of_elsewhere(run, now));
    }
    if open.is_empty() {
        out.push_str("\nno run is interrupted\n");
    }
    for run in open {
        out.push_str(&format!(
            "\nrun {} of `{}`, begun {} ago\n",
            run.run_id,
            visible(&run.rotation),
            span(run.begun_at, now)
        ));
        match &run.state {
            OpenState::Interrupted => out.push_str(&format!(
                "  interrupted; `rot resume {}` continues\n",
                run.run_id
            )),
            OpenState::Failed { code, message } => out.push_str(&format!(
                "  failed {} time{} [{code}]: {}\n  `rot resume {}` tries again\n",
                run.failures,
                if run.failures == 1 { "" } else { "s" },
                visible(message),
                run.run_id
            )),
            OpenState::NeedsOperator { code, message } => {
                out.push_str(&format!(
                    "  needs a person [{code}]: {}\n",
                    visible(message)
                ));
                for way in crate::run::ways_out(&run.run_id).split("; ") {
                    out.push_str(&format!("  - {way}\n"));
                }
            }
        }
    }
    out
}

/// A run of another machine, for people.
fn of_elsewhere(run: &Elsewhere, now: Timestamp) -> String {
    let on = crate::run::claim::machine(run.host.as_deref());
    let (id, rotation) = (&run.run_id, visible(&run.rotation));
    if run.overtaken.is_some() {
        return format!(
            "\nrun {id} of `{rotation}` {on} was overtaken {}: what it had obtained is revoked when it goes on there\n  when that machine is gone, revoke at the issuer, then `rot resume {id} --accept`\n",
            relative(run.since, now)
        );
    }
    let gone = format!("  when that machine is gone for good: `rot resume {id} --abandon`\n");
    if run.until > now {
        return format!(
            "\nrotation `{rotation}` is under way {on}: run {id}, begun {}, keeps it for another {} unless it goes on\n{gone}",
            relative(run.since, now),
            words(run.until.as_second().saturating_sub(now.as_second())),
        );
    }
    let next = if run.engaged {
        "it made a call that cannot be made twice: `rot resume` there"
    } else {
        "the next run here takes it over"
    };
    format!(
        "\nrun {id} of `{rotation}` {on} was last heard of {}: {next}\n{gone}",
        relative(run.until, now)
    )
}

/// The versions of a secret that live on at their issuer, as far as is known, with what is scheduled for them.
fn unrevoked<'d>(vault: &Vault, due: &'d [Due], name: &str) -> Vec<(String, Option<&'d Due>)> {
    let scheduled = due.iter().filter(|d| d.secret == name);
    let mut all: Vec<(String, Option<&Due>)> =
        scheduled.map(|d| (d.version.clone(), Some(d))).collect();
    for version in sweep::unrevoked(vault.doc(), name) {
        if !all.iter().any(|(id, _)| *id == version.id) {
            all.push((version.id.clone(), None));
        }
    }
    all
}

/// Columns padded to their widest cell.
fn table(rows: &[[String; 5]]) -> String {
    let mut widths = [0usize; 5];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut out = String::new();
    for row in rows {
        let line: Vec<String> = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        out.push_str(line.join("  ").trim_end());
        out.push('\n');
    }
    out
}

/// Whether a time is further ahead than clocks of good machines differ.
fn is_ahead(at: Timestamp, now: Timestamp) -> bool {
    at.duration_since(now) > jiff::SignedDuration::from_mins(5)
}

fn short(id: &str) -> String {
    id.rsplit('-')
        .next()
        .filter(|last| last.len() >= 8)
        .map_or_else(|| id.to_owned(), |last| format!("…{last}"))
}

fn span(from: Timestamp, to: Timestamp) -> String {
    let seconds = to.as_second().saturating_sub(from.as_second()).max(0);
    words(seconds)
}

fn words(seconds: i64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

fn relative(at: Timestamp, now: Timestamp) -> String {
    let seconds = at.as_second() - now.as_second();
    if seconds >= 0 {
        format!("in {}", words(seconds))
    } else {
        format!("{} ago", words(-seconds))
    }
}

/// `rot.status/v1`.
fn document(
    vault: &Vault,
    open: &[OpenRun],
    lost: &[LostVersion],
    elsewhere: &[Elsewhere],
    now: Timestamp,
) -> Json {
    let due = sweep::list(vault.doc());
    let secrets: Vec<Json> = vault
        .doc()
        .names()
        .filter_map(|name| {
            let entry = vault.doc().get(name)?;
            let version = current(entry);
            let unrevoked: Vec<Json> = unrevoked(vault, &due, name)
                .into_iter()
                .map(|(version, due)| {
                    let (at, failures) = (due.map(|d| d.due_at), due.map_or(0, |d| d.failures));
                    json!({ "version": version, "due_at": at, "failures": failures })
                })
                .collect();
            Some(json!({
                "name": name,
                "version": entry.current,
                "pending": entry.pending,
                "previous": entry.previous,
                "created_at": version.map(|v| v.created_at),
                "expires_at": version.and_then(|v| v.expires_at),
                "rotation": version.and_then(|v| v.rotation.clone()),
                "unrevoked": unrevoked,
                "live": entry.versions.iter().filter(|v| v.unrevoked.is_some()).map(|v| json!({ "version": v.id, "since": v.unrevoked.map(|u| u.since), "why": v.unrevoked.map(|u| u.why) })).collect::<Vec<_>>(),
                "exposed_to": version.map(|v| v.exposed_to.clone()).unwrap_or_default(),
                "ahead_of_clock": version.is_some_and(|v| is_ahead(v.created_at, now)),
            }))
        })
        .collect();
    let runs: Vec<Json> = open
        .iter()
        .map(|run| {
            let (state, code, message) = match &run.state {
                OpenState::Interrupted => ("interrupted", None, None),
                OpenState::Failed { code, message } => ("failed", Some(code), Some(message)),
                OpenState::NeedsOperator { code, message } => ("needs-operator", Some(code), Some(message)),
            };
            let commands: Vec<String> = match &run.state {
                OpenState::NeedsOperator { .. } => ["retry", "accept", "abandon"].iter().map(|d| format!("rot resume {} --{d}", run.run_id)).collect(),
                _ => vec![format!("rot resume {}", run.run_id)],
            };
            json!({ "run_id": run.run_id, "rotation": run.rotation, "state": state, "code": code, "message": message, "begun_at": run.begun_at, "failures": run.failures, "commands": commands })
        })
        .collect();
    let lost: Vec<Json> = lost
        .iter()
        .map(|l| json!({ "secret": l.secret, "version": l.version, "run_id": l.run_id, "rotation": l.rotation, "at": l.at }))
        .collect();
    let elsewhere: Vec<Json> = elsewhere
        .iter()
        .map(|run| json!({ "run_id": run.run_id, "rotation": run.rotation, "machine": run.host, "since": run.since, "until": run.until, "engaged": run.engaged, "overtaken": run.overtaken.is_some() }))
        .collect();
    json!({ "schema": "rot.status/v1", "vault": { "id": vault.id(), "path": vault.path().display().to_string(), "environment": vault.doc().environment() }, "generation": vault.generation(), "secrets": secrets, "runs": runs, "lost": lost, "elsewhere": elsewhere })
}
