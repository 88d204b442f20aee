//! `rot status`: secrets, rotations and runs, and what needs somebody. No values.

mod attention;
pub mod files;
mod metrics;

use super::args::{StatusArgs, StatusFormat};
use super::context::Context;
use super::{paths, run};
use crate::diagnostic::{Error, Failure, Result};
use crate::report::findings::counted;
use crate::report::visible;
use crate::run::due::is_ahead;
use crate::run::sweep::{self, Due};
use crate::run::{Elsewhere, LostVersion, OpenRun, OpenState, Place, UnderWay};
use crate::vault::Vault;
use crate::world::World;
use attention::{Attention, Kind, Sources};
use files::{DueState, Files};
use jiff::Timestamp;
use serde_json::{Value as Json, json};

/// Runs the command.
pub fn run(args: &StatusArgs, context: &Context) -> Result<()> {
    let config = context.config()?;
    let world = World::real();
    let places = paths::resolve(context, &config, &world)?;
    let vault = run::open(context, &world, &places)?;
    let now = world.clock.now();
    // The project's own files, where nothing else is named: only they say what is due.
    let named = match (&config.root, args.paths.is_empty()) {
        (_, false) => args.paths.clone(),
        (Some(root), true) => vec![root.strip_prefix(&context.cwd).unwrap_or(root).to_owned()],
        (None, true) => Vec::new(),
    };
    let named: Vec<&std::path::Path> = named.iter().map(std::path::PathBuf::as_path).collect();
    let files = Files::read(&run::files_below(&named), &config, &vault, now);
    let rot = match context.globals.environment.as_deref() {
        Some(name) if !name.is_empty() => format!("rot --environment {name}"),
        _ => "rot".to_owned(),
    };
    let due = sweep::list(vault.doc());
    let open = crate::run::open_runs(&world, &vault)?;
    let lost = crate::run::lost(&world, &vault)?;
    let elsewhere = crate::run::elsewhere(&world, &vault)?;
    let open: Vec<Open> = open
        .into_iter()
        .map(|run| Open {
            under_way: crate::run::under_way(&world, &vault, &run.rotation),
            run,
        })
        .collect();
    let idle: Vec<&OpenRun> = open
        .iter()
        .filter(|open| open.under_way.is_none())
        .map(|open| &open.run)
        .collect();
    let attention = Sources {
        vault: &vault,
        open: &idle,
        elsewhere: &elsewhere,
        lost: &lost,
        due: &due,
        files: &files,
        now,
        rot: &rot,
    }
    .all();
    let report = Report {
        vault: &vault,
        due: &due,
        open: &open,
        lost: &lost,
        elsewhere: &elsewhere,
        files: &files,
        attention: &attention,
        now,
        rot: &rot,
    };
    match args.report {
        StatusFormat::Openmetrics => context.out.stdout(&metrics::text(&report)),
        StatusFormat::Json => {
            let text = serde_json::to_string_pretty(&report.document()).unwrap_or_default();
            context.out.stdout(&format!("{text}\n"));
        }
        StatusFormat::Text => context.out.stdout(&report.text()),
    }
    let failure = match args.exit_code {
        true => report.look(),
        // A script that asks hears of a credential that should be dead and is not.
        false if due.iter().any(|due| due.failures > 0) || is_behind(&vault) => {
            Some(Failure::Unrevoked)
        }
        false => None,
    };
    failure.map_or(Ok(()), |failure| {
        Err(Error {
            failure,
            diagnostics: Vec::new(),
        })
    })
}

/// As many members of a family are listed each; of more, those that wait.
const MEMBERS: usize = 12;

/// Whether a delivery failed and is still to be made.
fn is_behind(vault: &Vault) -> bool {
    let doc = vault.doc();
    doc.names()
        .any(|name| doc.behind(name).iter().any(|one| one.state.failures > 0))
}

/// A run that is not over, and the process that is at work on it.
struct Open {
    run: OpenRun,
    under_way: Option<UnderWay>,
}

/// All that is shown.
struct Report<'a> {
    vault: &'a Vault,
    /// Revocations that are left for later calls.
    due: &'a [Due],
    open: &'a [Open],
    lost: &'a [LostVersion],
    elsewhere: &'a [Elsewhere],
    files: &'a Files,
    attention: &'a [Attention],
    now: Timestamp,
    rot: &'a str,
}

impl Report<'_> {
    /// Whether somebody should look now, or soon.
    fn look(&self) -> Option<Failure> {
        let waits = |one: &files::Scheduled| matches!(one.state, DueState::Due | DueState::Soon);
        if !self.attention.is_empty() {
            Some(Failure::Attention)
        } else if self.files.rotations.iter().any(waits) {
            Some(Failure::DueSoon)
        } else {
            None
        }
    }

    fn text(&self) -> String {
        let mut out = self.heading();
        out.push_str(&secrets(self.vault, self.due, self.now));
        out.push_str(&self.rotations());
        for one in self.lost {
            out.push_str(&format!(
                "\nversion {} of `{}`, which run {} of `{}` stored, is not in the vault: it may be live, and is lost to it\n  `rot vault merge OTHER` with the copy that has it, or revoke it at its issuer and then `{} vault revoked {} {}`\n",
                one.version,
                visible(&one.secret),
                one.run_id,
                visible(&one.rotation),
                self.rot,
                visible(&one.secret),
                one.version
            ));
        }
        for run in self.elsewhere {
            out.push_str(&of_elsewhere(run, self.now));
        }
        if self.open.is_empty() {
            out.push_str("\nno run is interrupted\n");
        }
        for open in self.open {
            out.push_str(&self.run(open));
        }
        // Runs and what was lost were told above, with more words.
        let told = |one: &&Attention| match one.kind {
            Kind::Blocked | Kind::Failed | Kind::Interrupted => false,
            Kind::Lost => !self
                .lost
                .iter()
                .any(|l| Some(&l.version) == one.version.as_ref()),
            _ => true,
        };
        for one in self.attention.iter().filter(told) {
            out.push_str(&format!("\n{}", one.text()));
        }
        out.push_str(&match self.attention.len() {
            0 => "\nnothing needs anybody\n".to_owned(),
            1 => "\n1 thing needs somebody\n".to_owned(),
            count => format!("\n{count} things need somebody\n"),
        });
        out
    }

    /// Which vault this is.
    fn heading(&self) -> String {
        let environment = self.vault.doc().environment();
        let environment = environment.map(|name| format!(", environment {}", visible(name)));
        format!(
            "vault {}{}, generation {}, sealed to {}\n\n",
            visible(&self.vault.path().display().to_string()),
            environment.unwrap_or_default(),
            self.vault.generation(),
            visible(&self.vault.doc().recipient_names().join(", ")),
        )
    }

    /// When each rotation is due next.
    fn rotations(&self) -> String {
        if self.files.rotations.is_empty() {
            return String::new();
        }
        let heading = ["ROTATION", "NEXT DUE", "STATE", "FILE", ""].map(str::to_owned);
        let row = |one: &files::Scheduled| {
            [
                visible(&one.rotation).into_owned(),
                one.due_at.map_or("–".into(), |at| relative(at, self.now)),
                one.state.word().to_owned(),
                visible(&one.file).into_owned(),
                one.reason.clone().unwrap_or_default(),
            ]
        };
        let mut rows: Vec<[String; 5]> = vec![heading];
        // The members of a family stand together.
        let same = |a: &files::Scheduled, b: &files::Scheduled| {
            a.family.is_some() && a.family == b.family && a.file == b.file
        };
        for group in self.files.rotations.chunk_by(same) {
            match group {
                [first, ..] if group.len() > MEMBERS => {
                    rows.push(self.family(first, group));
                    let waiting = group.iter().filter(|one| one.waits()).take(MEMBERS);
                    rows.extend(waiting.map(row));
                }
                _ => rows.extend(group.iter().map(row)),
            }
        }
        format!("\n{}", table(&rows))
    }

    /// A family with many members: those that wait are counted here and listed below.
    fn family(&self, first: &files::Scheduled, group: &[files::Scheduled]) -> [String; 5] {
        let next = group.iter().filter_map(|one| one.due_at).min();
        let states = [DueState::Overdue, DueState::Due, DueState::Soon];
        let counts = states.map(|state| {
            let count = group.iter().filter(|one| one.state == state).count();
            (count > 0).then(|| format!("{count} {}", state.word()))
        });
        let counts: Vec<String> = counts.into_iter().flatten().collect();
        let family = first.family.as_deref().unwrap_or_default();
        [
            format!("{} ({})", visible(family), counted(group.len(), "member")),
            next.map_or("–".into(), |at| relative(at, self.now)),
            counts.join(", "),
            visible(&first.file).into_owned(),
            String::new(),
        ]
    }

    fn run(&self, open: &Open) -> String {
        let run = &open.run;
        let mut out = format!(
            "\nrun {} of `{}`, begun {} ago\n",
            run.run_id,
            visible(&run.rotation),
            span(run.begun_at, self.now)
        );
        if let Some(under_way) = &open.under_way {
            out.push_str(&format!("  {}\n", running(under_way)));
            return out;
        }
        match &run.state {
            OpenState::Interrupted => out.push_str(&format!(
                "  interrupted; `{} resume {}` continues\n",
                self.rot, run.run_id
            )),
            OpenState::Failed { code, message } => out.push_str(&format!(
                "  failed {} [{code}]: {}\n  `{} resume {}` tries again\n",
                counted(run.failures, "time"),
                visible(message),
                self.rot,
                run.run_id
            )),
            OpenState::NeedsOperator { code, message } => {
                out.push_str(&format!(
                    "  needs a person [{code}]: {}\n",
                    visible(message)
                ));
                let ways = crate::run::ways_out(&run.run_id);
                for way in ways
                    .replace("`rot ", &format!("`{} ", self.rot))
                    .split("; ")
                {
                    out.push_str(&format!("  - {way}\n"));
                }
            }
        }
        out
    }
}

/// A process that is at work, in words.
pub(super) fn running(under_way: &UnderWay) -> String {
    let process = under_way.pid.map_or_else(
        || "running".to_owned(),
        |pid| format!("running in process {pid}"),
    );
    let since = under_way
        .since
        .map(|at| format!(" since {}", at.strftime("%Y-%m-%d %H:%M:%S UTC")));
    process + &since.unwrap_or_default()
}

fn secrets(vault: &Vault, due: &[Due], now: Timestamp) -> String {
    let mut rows: Vec<[String; 5]> = vec![[
        "SECRET".into(),
        "VERSION".into(),
        "AGE".into(),
        "EXPIRES".into(),
        "".into(),
    ]];
    for name in vault.doc().names() {
        let Some(entry) = vault.doc().get(name) else {
            continue;
        };
        let version = entry.current_version();
        let mut remarks = Vec::new();
        if let Some(pending) = &entry.pending {
            remarks.push(format!("pending {}", short(pending)));
        }
        let behind = vault.doc().behind(name).len();
        if behind > 0 {
            let all = vault.doc().targets(name).len();
            remarks.push(format!("{behind} of {} behind", counted(all, "target")));
        }
        for (version, entry) in unrevoked(vault, due, name) {
            let what = match entry {
                Some(entry) if entry.failures > 0 => format!(
                    "not revoked, failed {} time{}",
                    entry.failures,
                    if entry.failures == 1 { "" } else { "s" }
                ),
                Some(entry) => match sweep::ready_at(vault.doc(), entry, now) {
                    Ok(at) => format!("not yet revoked, due {}", relative(at, now)),
                    Err(targets) => {
                        format!(
                            "not yet revoked, waits for {}",
                            visible(&targets.join(", "))
                        )
                    }
                },
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
    if rows.len() == 1 {
        return "no secrets yet: `rot vault set NAME` stores one\n".into();
    }
    table(&rows)
}

/// A run of another machine, for people.
fn of_elsewhere(run: &Elsewhere, now: Timestamp) -> String {
    let on = match run.place {
        Place::Machine => crate::run::claim::machine(run.host.as_deref()),
        Place::Folder => crate::run::claim::OTHER_FOLDER.to_owned(),
        Place::Gone => "of this machine, whose journal is gone,".to_owned(),
    };
    let (id, rotation) = (&run.run_id, visible(&run.rotation));
    if run.place == Place::Gone {
        let way = match run.overtaken {
            Some(_) => format!(
                "revoke at the issuer what it had obtained, then `rot resume {id} --accept`"
            ),
            None => format!(
                "restore the state folder from a backup; or look at what the issuer has live, then `rot resume {id} --abandon`"
            ),
        };
        return format!(
            "\nrun {id} of `{rotation}` was begun on this machine {}, and its journal is gone\n  {way}\n",
            relative(run.since, now)
        );
    }
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

/// What is known of the current version of a secret at each of its targets.
fn targets(vault: &Vault, name: &str) -> Vec<Json> {
    let doc = vault.doc();
    let current = doc.get(name).and_then(|entry| entry.current.clone());
    let of = |(target, registered): (String, crate::vault::Registered)| {
        let state = current.as_ref().map(|id| doc.delivered(name, id, &target));
        let state = state.unwrap_or_default();
        json!({
            "name": target,
            "place": registered.shown,
            "arrived_at": state.arrived(&registered),
            "failures": state.failures,
            "code": state.trouble.as_ref().map(|(code, _)| code),
            "message": state.trouble.as_ref().map(|(_, words)| words),
            "next_at": state.next_at,
        })
    };
    doc.targets(name).into_iter().map(of).collect()
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

impl Report<'_> {
    /// `rot.status/v1`.
    fn document(&self) -> Json {
        let (vault, open, lost, now) = (self.vault, self.open, self.lost, self.now);
        let due = self.due;
        let secrets: Vec<Json> = vault
        .doc()
        .names()
        .filter_map(|name| {
            let entry = vault.doc().get(name)?;
            let version = entry.current_version();
            let unrevoked: Vec<Json> = unrevoked(vault, due, name)
                .into_iter()
                .map(|(version, due)| {
                    let failures = due.map_or(0, |d| d.failures);
                    let ready = due.map(|d| sweep::ready_at(vault.doc(), d, now));
                    let (at, waits) = match ready {
                        Some(Ok(at)) => (Some(at), Vec::new()),
                        Some(Err(targets)) => (None, targets),
                        None => (None, Vec::new()),
                    };
                    json!({ "version": version, "due_at": at, "waits_for": waits, "failures": failures })
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
                "targets": targets(vault, name),
                "live": entry.versions.iter().filter(|v| v.unrevoked.is_some()).map(|v| json!({ "version": v.id, "since": v.unrevoked.map(|u| u.since), "why": v.unrevoked.map(|u| u.why) })).collect::<Vec<_>>(),
                "exposed_to": version.map(|v| v.exposed_to.clone()).unwrap_or_default(),
                "ahead_of_clock": version.is_some_and(|v| is_ahead(v.created_at, now)),
            }))
        })
        .collect();
        let runs: Vec<Json> = open
        .iter()
        .map(|open| {
            let run = &open.run;
            let (state, code, message) = match &run.state {
                _ if open.under_way.is_some() => ("running", None, None),
                OpenState::Interrupted => ("interrupted", None, None),
                OpenState::Failed { code, message } => ("failed", Some(code), Some(message)),
                OpenState::NeedsOperator { code, message } => ("needs-operator", Some(code), Some(message)),
            };
            let commands: Vec<String> = match &run.state {
                _ if open.under_way.is_some() => Vec::new(),
                OpenState::NeedsOperator { .. } => ["retry", "accept", "abandon"].iter().map(|d| format!("{} resume {} --{d}", self.rot, run.run_id)).collect(),
                _ => vec![format!("{} resume {}", self.rot, run.run_id)],
            };
            json!({ "run_id": run.run_id, "rotation": run.rotation, "state": state, "code": code, "message": message, "begun_at": run.begun_at, "failures": run.failures, "pid": open.under_way.as_ref().and_then(|u| u.pid), "since": open.under_way.as_ref().and_then(|u| u.since), "commands": commands })
        })
        .collect();
        let lost: Vec<Json> = lost
        .iter()
        .map(|l| json!({ "secret": l.secret, "version": l.version, "run_id": l.run_id, "rotation": l.rotation, "at": l.at }))
        .collect();
        let elsewhere: Vec<Json> = self
            .elsewhere
            .iter()
            .map(|run| json!({ "run_id": run.run_id, "rotation": run.rotation, "machine": run.host, "since": run.since, "until": run.until, "engaged": run.engaged, "overtaken": run.overtaken.is_some(), "journal": match run.place { Place::Machine => "elsewhere", Place::Folder => "other-folder", Place::Gone => "gone" } }))
            .collect();
        json!({ "schema": "rot.status/v1", "vault": { "id": vault.id(), "path": vault.path().display().to_string(), "environment": vault.doc().environment() }, "generation": vault.generation(), "now": now, "look": self.look().map_or("no", |f| if f == Failure::Attention { "now" } else { "soon" }), "attention": self.attention, "rotations": self.files.rotations, "missing": self.files.missing, "secrets": secrets, "runs": runs, "lost": lost, "elsewhere": elsewhere })
    }
}
