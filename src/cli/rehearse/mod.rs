//! `rot rehearse`: what a rotation does when everything goes wrong that can. No vault, no network, no values.

mod document;
mod table;

use super::accept::accept;
use super::args::{RehearseArgs, ResultFormat};
use super::context::Context;
use super::{check, files, load, pointers, run, suppress, today};
use crate::diagnostic::{Diagnostic, Error, Failure, Result, Severity, codes};
use crate::plan::Rotation;
use crate::rehearse::{self, Answers, Rehearsal};
use crate::report::findings::counted;
use std::path::Path;

/// Runs the command.
pub fn run(args: &RehearseArgs, context: &Context) -> Result<()> {
    let config = context.config()?;
    let loaded = load::file(&args.selection.file, &config)?;
    let sources = loaded.sources.clone();
    let plan = accept(loaded, &config, context)?;
    let inputs = run::inputs(&args.selection)?;
    let answers = answers(args.answers.as_deref())?;
    let chosen: Vec<&Rotation> = match &args.selection.rotation {
        Some(name) => load::chosen(&plan, Some(name))?,
        None if plan.dialect.semantics().is_json => vec![load::choose(&plan, None)?],
        None => plan.rotations.iter().filter(|r| !r.imported).collect(),
    };
    let chosen = first_members(chosen, context);
    if chosen.is_empty() {
        // Says why there is none.
        load::choose(&plan, None)?;
    }
    let mut rehearsals = Vec::new();
    let mut found: Vec<Diagnostic> = Vec::new();
    for rotation in chosen {
        let mine = inputs
            .iter()
            .filter(|(name, _)| {
                plan.dialect.semantics().open_inputs
                    || rotation.inputs.iter().any(|i| i.name == *name)
            })
            .cloned()
            .collect();
        let narrow = rotation.family.is_some();
        let narrow = narrow.then(|| plan.without_other_members(rotation));
        let plan = narrow.as_ref().unwrap_or(&plan);
        let rehearsal = rehearse::rehearse(plan, rotation, mine, answers.clone())?;
        found.extend(rehearse::findings(&rehearsal));
        rehearsals.push(rehearsal);
    }
    let pointer = check::pointer(&sources, &pointers);
    let setting = suppress::Setting {
        config: &config,
        sources: &sources,
        pointer: &pointer,
        cwd: &context.cwd,
        today: today(),
        checked: &|_| false,
    };
    let judged = suppress::apply(found, &setting);
    let of_rehearsals = judged
        .kept
        .into_iter()
        .filter(|d| d.code.is_of_rehearsals());
    let found: Vec<Diagnostic> = of_rehearsals.collect();
    let bad = found
        .iter()
        .any(|d| d.severity == Severity::Error || args.strict);
    match args.report {
        ResultFormat::Json => {
            let document = document::of(&rehearsals, &found, judged.suppressed);
            let text = serde_json::to_string_pretty(&document).unwrap_or_default();
            context.out.stdout(&format!("{text}\n"));
        }
        ResultFormat::Text => {
            let width = context.out.settings().drawing_out().width;
            let tables: Vec<String> = rehearsals
                .iter()
                .map(|r| table::of(r, width, args.all))
                .collect();
            context.out.stdout(&tables.join("\n"));
            context.complain(&found);
        }
    }
    context
        .out
        .info(&summary(&rehearsals, &found, judged.suppressed));
    if bad {
        return Err(Error {
            failure: Failure::Findings,
            diagnostics: Vec::new(),
        });
    }
    Ok(())
}

/// One member stands for its family: its steps are those of the others.
fn first_members<'p>(chosen: Vec<&'p Rotation>, context: &Context) -> Vec<&'p Rotation> {
    let mut families: Vec<(&str, &str, usize)> = Vec::new();
    let mut kept = Vec::new();
    for rotation in chosen {
        let Some(family) = rotation.family.as_deref() else {
            kept.push(rotation);
            continue;
        };
        match families.iter_mut().find(|(known, ..)| *known == family) {
            Some((.., others)) => *others += 1,
            None => {
                families.push((family, &rotation.name, 0));
                kept.push(rotation);
            }
        }
    }
    for (family, name, others) in families {
        if others > 0 {
            context.out.info(&format!(
                "note: `{name}` stands for {} of family `{family}`; `--rotation` names another one",
                counted(others, "other member")
            ));
        }
    }
    kept
}

fn answers(path: Option<&Path>) -> Result<Answers> {
    let Some(path) = path else {
        return Ok(Answers::default());
    };
    let name = path.display().to_string();
    let text = files::read_text(path).map_err(|problem| {
        Error::plain(
            Failure::Usage,
            codes::UNREADABLE_INPUT,
            format!("cannot read `{name}`: {}", problem.why),
        )
        .help("`--answers` takes a JSON file (docs/how-to/rehearse.md)")
    })?;
    Answers::parse(&text, &name)
}

fn summary(rehearsals: &[Rehearsal], found: &[Diagnostic], suppressed: usize) -> String {
    let trials: usize = rehearsals.iter().map(|r| r.trials).sum();
    let calls: usize = rehearsals.iter().map(|r| r.calls.len()).sum();
    let count = |code| found.iter().filter(|d| d.code == code).count();
    let mut facts = Vec::new();
    for (code, what) in [
        (codes::REHEARSAL_LOSES, "would lose a credential"),
        (codes::REHEARSAL_NEEDS_PERSON, "would need a person"),
        (codes::REHEARSAL_LEAVES, "would leave one behind"),
    ] {
        match count(code) {
            0 => {}
            number => facts.push(format!("{} {what}", counted(number, "call"))),
        }
    }
    if facts.is_empty() {
        facts.push("nothing would be lost".to_owned());
    }
    if suppressed > 0 {
        facts.push(format!("{suppressed} suppressed"));
    }
    format!(
        "{} tried at {}: {}",
        counted(trials, "world"),
        counted(calls, "call"),
        facts.join(", ")
    )
}
