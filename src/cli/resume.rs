//! `rot resume`: continues interrupted runs from their journals, or writes down what a person decides about one.

use super::accept::accept;
use super::args::{ResultFormat, ResumeArgs};
use super::context::Context;
use super::run::Session;
use super::watch::Watch;
use super::{environment, load, paths, run, runreport, stop};
use crate::diagnostic::{Error, Failure, Result, codes};
use crate::plan::{Plan, document};
use crate::report::visible;
use crate::run::deliver::{Asked, Which};
use crate::run::{Decision, Elsewhere, Job, OpenRun};
use std::cell::RefCell;
use std::path::{Path, PathBuf};

/// Runs the command.
pub fn run(args: &ResumeArgs, context: &Context) -> Result<()> {
    let config = context.config()?;
    let world = environment::world_to_run(context, &config)?;
    let places = paths::resolve(context, &config, &world)?;
    let vault = RefCell::new(run::open_to_run(context, &world, &places)?);
    environment::agree_to_run(&vault.borrow(), context.globals.environment.as_deref())?;
    let open = crate::run::open_runs(&world, &vault.borrow())?;
    let decision = match (args.retry, args.abandon, args.accept) {
        (true, _, _) => Some(Decision::Retry),
        (_, true, _) => Some(Decision::Abandon),
        (_, _, true) => Some(Decision::Accept),
        _ => None,
    };
    let chosen: Vec<OpenRun> = match &args.run {
        Some(id) => {
            let found: Vec<OpenRun> = open
                .iter()
                .filter(|r| r.run_id.starts_with(id.as_str()) || r.rotation == *id)
                .cloned()
                .collect();
            if found.is_empty() {
                let decision = decision.unwrap_or(Decision::Retry);
                if let Some(run) =
                    crate::run::decide_elsewhere(&world, &mut vault.borrow_mut(), id, decision)?
                {
                    return elsewhere(context, &run, decision);
                }
            }
            if found.len() != 1 {
                let what = if found.is_empty() {
                    format!("no interrupted run is named `{id}`")
                } else {
                    format!("`{id}` names several runs")
                };
                return Err(Error::plain(Failure::Usage, codes::RUN_INTERRUPTED, what)
                    .help("`rot status` lists them"));
            }
            found
        }
        None => open,
    };
    if chosen.is_empty() {
        context
            .out
            .info("nothing to resume: no run was interrupted");
        // What could not be revoked needs no run to be tried again.
        stop::heed();
        let swept = run::sweep(args.report, context, &world, &vault, None)?;
        return unrevoked(&swept, None);
    }
    if decision.is_some() && args.run.is_none() && chosen.len() > 1 {
        return Err(
            Error::plain(Failure::Usage, codes::USAGE, "several runs are interrupted")
                .help("say which: `rot resume RUN --retry`; `rot status` lists them"),
        );
    }
    let mut worst: Option<Error> = None;
    stop::heed();
    for open in chosen {
        if stop::asked() {
            let left = format!(
                "run {} was not resumed: the process was asked to end",
                open.run_id
            );
            context.complain_and_keep(
                Error::plain(Failure::AfterEffect, codes::RUN_INTERRUPTED, left),
                &mut worst,
            );
            continue;
        }
        // A file that is named for all runs is the file of none but its own.
        if let (None, Some(named), Some(began)) = (&args.run, &args.plan, open.source.as_deref()) {
            let named = context.cwd.join(named);
            if crate::run::source::are_two(&world, Path::new(began), &named) {
                let error = crate::run::source::of_another(&open, began);
                context.complain_and_keep(error, &mut worst);
                continue;
            }
        }
        let lock_wait = places.paths.lock_wait;
        let session = Session {
            context,
            config: &config,
            world: &world,
            vault: &vault,
        };
        let result = match decision {
            Some(decision) => {
                let left = crate::run::acknowledge(
                    &world,
                    &mut vault.borrow_mut(),
                    &open,
                    decision,
                    places.paths.lock_wait,
                )?;
                context.out.info(&format!(
                    "run {} of `{}`: {}",
                    open.run_id,
                    open.rotation,
                    decision.as_str()
                ));
                for secret in left {
                    context.out.info(&format!(
                        "  what the run had obtained for `{}` may be live: `rot status` lists it until it is revoked",
                        visible(&secret)
                    ));
                }
                if decision != Decision::Retry {
                    continue;
                }
                one(args, &session, lock_wait, &open)
            }
            None => one(args, &session, lock_wait, &open),
        };
        if let Err(error) = result {
            context.complain_and_keep(error, &mut worst);
        }
    }
    worst.map_or(Ok(()), Err)
}

/// What is said of a run that is on another machine.
fn elsewhere(context: &Context, run: &Elsewhere, decision: Decision) -> Result<()> {
    let on = crate::run::claim::machine(run.host.as_deref());
    let (id, rotation) = (&run.run_id, visible(&run.rotation));
    match (decision, &run.overtaken) {
        (Decision::Abandon, None) => context.out.info(&format!(
            "run {id} of `{rotation}` {on} is given up: the next run begins anew. What it had obtained is in the journal of that machine, which revokes it when it goes on; otherwise revoke it at the issuer"
        )),
        (Decision::Abandon | Decision::Accept, Some(_)) => context.out.info(&format!(
            "run {id} of `{rotation}` {on}: accept"
        )),
        (Decision::Retry, _) | (Decision::Accept, None) => {
            return Err(Error::plain(
                Failure::Usage,
                codes::RUN_CLAIMED,
                format!("run {id} of `{rotation}` is {on}, and so is its journal"),
            )
            .help(format!("resume it there; when that machine is gone for good: `rot resume {id} --abandon`")));
        }
    }
    Ok(())
}

fn one(
    args: &ResumeArgs,
    session: &Session<'_>,
    lock_wait: std::time::Duration,
    open: &OpenRun,
) -> Result<()> {
    let Session {
        context,
        world,
        vault,
        ..
    } = *session;
    let (plan, source) = plan(args, session, open)?;
    let rotation = plan.rotation(&open.rotation).ok_or_else(|| {
        Error::plain(
            Failure::Usage,
            codes::RUN_INTERRUPTED,
            format!("the file has no rotation `{}` any more", open.rotation),
        )
        .help("name the file that has it: `rot resume RUN --plan FILE`")
    })?;
    let document = document::encode(&plan);
    let job = Job {
        plan: &plan,
        rotation,
        document: &document,
        inputs: Vec::new(),
        scheduled_at: None,
        source: source.as_ref().map(|p| p.display().to_string()),
        certificates: run::certificates(&plan, source.as_deref())?,
        lock_wait,
    };
    let asked = Asked {
        plan: &plan,
        source: job.source.as_deref(),
        secret: None,
        target: None,
        which: Which::Due,
        certificates: &job.certificates,
        lock_wait: job.lock_wait,
    };
    let arrived = run::arrive(args.report, context, world, vault, &asked)?;
    let swept = run::sweep(args.report, context, world, vault, Some(&job))?;
    let watch = Watch::new(&context.out, Some(&plan), args.report == ResultFormat::Text);
    let report = run::runtime()?.block_on(crate::run::resume(world, vault, &job, open, &watch))?;
    runreport::emit(context, &report, args.report)?;
    unrevoked(&swept, arrived)
}

/// What failed has been said; the exit code says it too.
fn unrevoked(swept: &crate::run::Swept, arrived: Option<bool>) -> Result<()> {
    if swept.trouble.is_empty() && arrived != Some(false) {
        return Ok(());
    }
    Err(Error {
        failure: Failure::Unrevoked,
        diagnostics: Vec::new(),
    })
}

/// The plan to go on with: the named file; else the file that the run was started from, as it is now, so that a mended
/// mistake counts; else what the journal holds.
fn plan(
    args: &ResumeArgs,
    session: &Session<'_>,
    open: &OpenRun,
) -> Result<(Plan, Option<PathBuf>)> {
    let Session {
        context,
        config,
        world,
        vault,
    } = *session;
    let named = args.plan.clone();
    let recorded = open
        .source
        .as_deref()
        .map(PathBuf::from)
        .filter(|p| matches!(world.fs.stat(p), Ok(Some(_))));
    if let Some(path) = named.or(recorded) {
        let loaded = load::file(&path, config)?;
        return Ok((accept(loaded, config, context)?, Some(path)));
    }
    let text = crate::run::journaled_plan(world, &vault.borrow(), &open.run_id)?;
    let plan = document::decode(&text)?;
    Ok((
        plan,
        open.source.as_deref().map(|p| Path::new(p).to_owned()),
    ))
}
