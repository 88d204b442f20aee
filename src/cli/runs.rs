//! `rot runs`: which runs there were; `rot runs show RUN`: what the journal of one knows, with no value in it.

use super::args::{ResultFormat, RunsArgs, RunsCommand, ShowArgs};
use super::context::Context;
use super::{paths, run};
use crate::diagnostic::{Error, Failure, Result, codes};
use crate::report::redact::visible_block;
use crate::report::visible;
use crate::run::journal::{self, Event, Journal, StepEvent};
use crate::run::{OpenState, StoredAnswer, describe_run, under_way};
use crate::vault::Vault;
use crate::world::World;
use serde_json::{Value as Json, json};

/// Most of an answer that is shown.
const EXCERPT: usize = 4000;

/// Runs the command.
pub fn run(args: &RunsArgs, context: &Context) -> Result<()> {
    let config = context.config()?;
    let world = World::real();
    let places = paths::resolve(context, &config, &world)?;
    let vault = run::open(context, &world, &places)?;
    match &args.command {
        Some(RunsCommand::Show(show)) => one(show, context, &world, &vault),
        None => all(args.report, context, &world, &vault),
    }
}

fn all(report: ResultFormat, context: &Context, world: &World, vault: &Vault) -> Result<()> {
    let mut rows = Vec::new();
    for run_id in journal::list(world, vault)? {
        let Ok(journal) = Journal::open(world, vault, &run_id) else {
            rows.push((
                run_id,
                String::new(),
                String::new(),
                "cannot be read".to_owned(),
            ));
            continue;
        };
        if journal.records().is_empty() {
            if vault.doc().claims().values().any(|c| c.run == run_id) {
                let (none, state) = (String::new(), "its journal was emptied".to_owned());
                rows.push((run_id, none.clone(), none, state));
            }
            continue;
        }
        let about = describe_run(&journal);
        let begun = about.begun_at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
        let now = match journal.ended() {
            true => None,
            false => under_way(world, vault, &about.rotation),
        };
        let state = now.map_or_else(|| state(&journal), |now| super::status::running(&now));
        rows.push((run_id, about.rotation, begun, state));
    }
    match report {
        ResultFormat::Json => {
            let runs: Vec<Json> = rows
                .iter()
                .map(|(id, rotation, begun, state)| {
                    json!({ "run_id": id, "rotation": rotation, "begun_at": begun, "state": state })
                })
                .collect();
            let document = json!({ "schema": "rot.runs/v1", "runs": runs });
            let text = serde_json::to_string_pretty(&document).unwrap_or_default();
            context.out.stdout(&format!("{text}\n"));
        }
        ResultFormat::Text if rows.is_empty() => context.out.info("there were no runs"),
        ResultFormat::Text => {
            for (id, rotation, begun, state) in rows {
                context
                    .out
                    .stdout(&format!("{id}  {begun}  {}  {state}\n", visible(&rotation)));
            }
        }
    }
    Ok(())
}

/// How a run ended, or what it waits for.
fn state(journal: &Journal) -> String {
    let ended = journal
        .records()
        .iter()
        .rev()
        .find_map(|r| match &r.header.event {
            Event::Ended(end) => Some(end),
            _ => None,
        });
    if let Some(end) = ended {
        let word = json!(end.status);
        let word = word.as_str().unwrap_or("ended").to_owned();
        return end
            .code
            .as_ref()
            .map_or(word.clone(), |code| format!("{word} ({code})"));
    }
    match describe_run(journal).state {
        OpenState::Interrupted => "interrupted".to_owned(),
        OpenState::Failed { code, .. } => format!("to be resumed ({code})"),
        OpenState::NeedsOperator { code, .. } => format!("needs a person ({code})"),
    }
}

fn one(args: &ShowArgs, context: &Context, world: &World, vault: &Vault) -> Result<()> {
    let found: Vec<String> = journal::list(world, vault)?
        .into_iter()
        .filter(|id| id.starts_with(args.run.as_str()))
        .collect();
    let [run_id] = found.as_slice() else {
        let message = match found.len() {
            0 => format!("there is no run `{}`", visible(&args.run)),
            count => format!("{count} runs begin with `{}`", visible(&args.run)),
        };
        return Err(Error::plain(Failure::Usage, codes::USAGE, message)
            .help("`rot runs` lists them; the beginning of an id is enough"));
    };
    let journal = Journal::open(world, vault, run_id)?;
    if let Some(step) = &args.answer {
        return answer(step, context, vault, &journal);
    }
    let about = describe_run(&journal);
    let now = match journal.ended() {
        true => None,
        false => under_way(world, vault, &about.rotation),
    };
    context.out.stdout(&format!(
        "run {run_id} of `{}`: {}\n",
        visible(&about.rotation),
        now.map_or_else(|| state(&journal), |now| super::status::running(&now))
    ));
    for record in journal.records() {
        let at = record.header.at.strftime("%H:%M:%S");
        let line = match &record.header.event {
            Event::Step { id, event } => format!("{id}: {}", told(event)),
            Event::Ended(end) => end.notes.join("; "),
            _ => continue,
        };
        if !line.is_empty() {
            context.out.stdout(&format!("  {at}  {}\n", visible(&line)));
        }
    }
    Ok(())
}

/// What happened to a step, in words; the record holds no value.
fn told(event: &StepEvent) -> String {
    match event {
        StepEvent::Intent {
            attempt, effect, ..
        } => format!("attempt {attempt} ({effect})"),
        StepEvent::Answer { status, length, .. } => format!("answered {status}, {length} bytes"),
        StepEvent::NotSent { trouble } => format!("not sent: {trouble}"),
        StepEvent::Unknown { trouble } => format!("no answer: {trouble}"),
        StepEvent::Staged(stored) => format!("{} staged as {}", stored.secret, stored.version),
        StepEvent::Updated(stored) => format!("{} is {} now", stored.secret, stored.version),
        StepEvent::Promoted(stored) => format!("{} promoted to {}", stored.secret, stored.version),
        StepEvent::RevokeIntent(stored) => {
            format!("{} of {} is being revoked", stored.version, stored.secret)
        }
        StepEvent::Revoked {
            of,
            due_at: Some(at),
        } => format!("{} of {} is revoked at {at}", of.version, of.secret),
        StepEvent::Revoked { of, due_at: None } => {
            format!("{} of {} is revoked", of.version, of.secret)
        }
        StepEvent::Verified { attempts } => format!("verified after {attempts}"),
        StepEvent::Waiting { until } => format!("waits until {until}"),
        StepEvent::Rejected => "what was answered may not be stored".to_owned(),
        StepEvent::Reaped => "what lost calls had left was revoked".to_owned(),
        StepEvent::Value => "a value was made".to_owned(),
        StepEvent::Discarded => "the refused value is made anew".to_owned(),
        StepEvent::Cleared => "a person says that the call counts as not made".to_owned(),
    }
}

/// The last answer of a step. What the vault holds is masked in every spelling; of an answer that may hold a new credential only
/// the shape is shown.
fn answer(step: &str, context: &Context, vault: &Vault, journal: &Journal) -> Result<()> {
    let record = journal.records().iter().rev().find(|r| {
        matches!(&r.header.event, Event::Step { id, event: StepEvent::Answer { .. } | StepEvent::Unknown { .. } } if id.to_string() == step)
            && !r.sealed.is_empty()
    });
    let Some(record) = record else {
        return Err(Error::plain(
            Failure::Usage,
            codes::USAGE,
            format!("the journal keeps no answer of step `{}`", visible(step)),
        )
        .help("answers of runs that are over are dropped by the next run of the rotation"));
    };
    for name in vault.doc().names() {
        let versions = vault.doc().get(name).map(|entry| entry.versions.as_slice());
        for value in versions
            .unwrap_or_default()
            .iter()
            .filter_map(|v| v.value.as_ref())
        {
            for (_, secret) in value.parts() {
                context.out.redactor().register(secret);
            }
        }
    }
    let payload = journal.payload(vault, record)?;
    let Some(answer) = StoredAnswer::decode(&payload) else {
        return Err(Error::plain(
            Failure::Tampered,
            codes::JOURNAL_CORRUPT,
            "the kept answer cannot be read",
        ));
    };
    context.out.stdout(&format!("{}\n", answer.status));
    for (name, value) in &answer.headers {
        let shown = match name.as_str() {
            "content-type" | "content-length" | "date" | "server" | "retry-after" => {
                String::from_utf8_lossy(value).into_owned()
            }
            _ => "***".to_owned(),
        };
        context
            .out
            .stdout(&format!("{}: {}\n", visible(name), visible(&shown)));
    }
    let text = answer.text().map_err(|unreadable| {
        Error::plain(
            Failure::Usage,
            codes::RUN_CAPTURE_FAILED,
            unreadable.message,
        )
    })?;
    // A server error leaves it open what was done: its page may hold what a call made.
    let refused = (400..500).contains(&answer.status);
    let shown = match serde_json::from_str::<Json>(&text) {
        Ok(body) => serde_json::to_string_pretty(&masked(&body, refused)).unwrap_or_default(),
        Err(_) if refused => text.to_string(),
        Err(_) => format!("({} bytes that are no JSON)", answer.body.len()),
    };
    let excerpt: String = shown.chars().take(EXCERPT).collect();
    let more = if excerpt.len() < shown.len() {
        "\n…"
    } else {
        ""
    };
    context
        .out
        .stdout(&format!("\n{}{more}\n", visible_block(&excerpt)));
    Ok(())
}

/// A body without its texts; those of a refusal are what is looked for, but for what looks like a credential.
fn masked(body: &Json, refusal: bool) -> Json {
    match body {
        Json::Array(items) => Json::Array(items.iter().map(|item| masked(item, refusal)).collect()),
        Json::Object(members) => Json::Object(
            members
                .iter()
                .map(|(name, value)| {
                    let secret = value
                        .as_str()
                        .is_some_and(|text| crate::check::looks_secret(text, name));
                    (
                        name.clone(),
                        if secret {
                            json!("***")
                        } else {
                            masked(value, refusal)
                        },
                    )
                })
                .collect(),
        ),
        Json::String(text) if refusal => json!(text),
        Json::String(_) => json!("***"),
        Json::Number(_) if !refusal => json!("***"),
        other => other.clone(),
    }
}
