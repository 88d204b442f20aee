//! `rot deliver`: brings current versions to their targets, or looks whether they are there.

use super::accept::accept;
use super::args::{DeliverArgs, ResultFormat};
use super::context::Context;
use super::watch::Watch;
use super::{environment, load, paths, run, stop};
use crate::diagnostic::{Diagnostic, Error, Failure, Printable, Result, codes, nearest};
use crate::plan::Plan;
use crate::report::findings::counted;
use crate::report::visible;
use crate::run::deliver::{Asked, Drift, Outcome, Seen, Which, deliver, drift, undelivered};
use serde_json::{Value as Json, json};
use std::cell::RefCell;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// Runs the command.
pub fn run(args: &DeliverArgs, context: &Context) -> Result<()> {
    let config = context.config()?;
    let files = with_targets(args, context, &config)?;
    let world = environment::world_to_run(context, &config)?;
    let places = paths::resolve(context, &config, &world)?;
    let vault = RefCell::new(run::open(context, &world, &places)?);
    environment::agree_to_run(&vault.borrow(), context.globals.environment.as_deref())?;
    stop::heed();
    let runtime = run::runtime()?;
    let (mut outcomes, mut drifts) = (Vec::new(), Vec::new());
    let mut failed: Vec<Diagnostic> = Vec::new();
    for (path, plan) in &files {
        let source = context.cwd.join(path).display().to_string();
        let certificates = run::certificates(plan, Some(path))?;
        let asked = Asked {
            plan,
            source: Some(&source),
            secret: args.secret.as_deref(),
            target: args.target.as_deref(),
            which: match args.again {
                true => Which::All,
                false => Which::Behind,
            },
            certificates: &certificates,
            lock_wait: places.paths.lock_wait,
        };
        let watch = Watch::new(&context.out, Some(plan), args.report == ResultFormat::Text);
        if args.check {
            drifts.extend(runtime.block_on(drift(&world, &vault.borrow(), &asked, &watch)));
        } else {
            let came = runtime.block_on(deliver(&world, &vault, &asked, &watch))?;
            failed.extend(came.iter().filter_map(|one| one.failure.clone()));
            outcomes.extend(came);
        }
    }
    if args.check {
        return looked(args, context, &drifts);
    }
    let document: Vec<Json> = outcomes.iter().map(of_outcome).collect();
    match args.report {
        ResultFormat::Json => print(context, &document),
        ResultFormat::Text if outcomes.is_empty() => {
            context.out.stdout("everything has arrived\n");
        }
        ResultFormat::Text => {
            for one in outcomes.iter().filter(|one| one.failure.is_none()) {
                context.out.stdout(&format!(
                    "{}: version {} delivered to {} ({})\n",
                    visible(&one.secret),
                    one.version,
                    visible(&one.target),
                    visible(&one.shown)
                ));
            }
        }
    }
    undelivered(failed).map_or(Ok(()), Err)
}

/// The files that deliver what is asked for, each as a plan.
fn with_targets(
    args: &DeliverArgs,
    context: &Context,
    config: &super::config::Config,
) -> Result<Vec<(PathBuf, Plan)>> {
    let named = run::named(&args.path, config, context);
    let named: Vec<&Path> = named.iter().map(PathBuf::as_path).collect();
    let mut known: HashSet<(String, String)> = HashSet::new();
    let (mut secrets, mut targets): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    let mut found = Vec::new();
    for path in run::files_below(&named) {
        let loaded = load::file(&path, config)?;
        let mut new = false;
        for delivery in &loaded.plan.deliveries {
            secrets.push(delivery.secret.clone());
            targets.push(delivery.target.clone());
            let wanted = args.secret.as_ref().is_none_or(|s| *s == delivery.secret)
                && args.target.as_ref().is_none_or(|t| *t == delivery.target);
            // What several files share is delivered once.
            new |= wanted && known.insert((delivery.secret.clone(), delivery.target.clone()));
        }
        if new {
            found.push((path, accept(loaded, config, context)?));
        }
    }
    if !found.is_empty() {
        return Ok(found);
    }
    let asked = [
        (&args.secret, secrets, "secret"),
        (&args.target, targets, "target"),
    ];
    for (wanted, known, what) in asked {
        if let Some(wanted) = wanted
            && !known.contains(wanted)
        {
            let message = format!(
                "no file delivers anything of {what} `{}`",
                wanted.printable()
            );
            let error = Error::plain(Failure::Usage, codes::USAGE, message);
            return Err(match nearest(wanted, known.iter().map(String::as_str)) {
                Some(near) => error.help(format!("a name that is close: `{near}`")),
                None => error.help("write `deliver SECRET to TARGET` in a file of the project"),
            });
        }
    }
    Err(Error::plain(
        Failure::NoInputs,
        codes::USAGE,
        "no `.rot` file here delivers anything",
    )
    .help("write `target NAME file \"/path\"` and `deliver SECRET to NAME`"))
}

/// What targets have, and whether that is what they should have.
fn looked(args: &DeliverArgs, context: &Context, drifts: &[Drift]) -> Result<()> {
    let document: Vec<Json> = drifts.iter().map(of_drift).collect();
    if args.report == ResultFormat::Json {
        print(context, &document);
    }
    let (mut drifted, mut failed) = (0, Vec::new());
    for one in drifts {
        let said = match &one.found {
            Seen::Current => "has the current version".to_owned(),
            Seen::Differs(what) => format!("differs: {what} is not as it was delivered"),
            Seen::Absent => "has nothing".to_owned(),
            Seen::Noted { why, at: Some(at) } => format!("cannot be read ({why}); delivered {at}"),
            Seen::Noted { why, at: None } => {
                format!("cannot be read ({why}); the current version was never delivered")
            }
            Seen::Failed(diagnostic) => {
                failed.push(diagnostic.clone());
                "could not be looked at".to_owned()
            }
        };
        drifted += usize::from(one.found.is_drift());
        if args.report == ResultFormat::Text {
            context.out.stdout(&format!(
                "{} at {} ({}): {said}\n",
                visible(&one.secret),
                visible(&one.target),
                visible(&one.shown)
            ));
        }
    }
    context.complain(&failed);
    let end = |failure| {
        Err(Error {
            failure,
            diagnostics: Vec::new(),
        })
    };
    if drifted > 0 {
        context.out.info(&format!(
            "{} without the current version: `rot deliver --again` brings it there",
            counted(drifted, "target")
        ));
        return end(Failure::Findings);
    }
    match failed.is_empty() {
        true => Ok(()),
        false => end(Failure::BeforeEffect),
    }
}

fn print(context: &Context, deliveries: &[Json]) {
    let document = json!({ "schema": "rot.deliver/v1", "deliveries": deliveries });
    let text = serde_json::to_string_pretty(&document).unwrap_or_default();
    context.out.stdout(&format!("{text}\n"));
}

fn of_outcome(one: &Outcome) -> Json {
    let failure = one.failure.as_ref();
    json!({
        "secret": one.secret,
        "version": one.version,
        "target": one.target,
        "place": one.shown,
        "state": if failure.is_none() { "delivered" } else { "failed" },
        "code": failure.map(|f| f.code.id()),
        "message": failure.map(|f| &f.message),
        "help": failure.and_then(|f| f.help.as_ref()),
    })
}

fn of_drift(one: &Drift) -> Json {
    let (state, what, at) = match &one.found {
        Seen::Current => ("current", None, None),
        Seen::Differs(what) => ("differs", Some((*what).to_owned()), None),
        Seen::Absent => ("absent", None, None),
        Seen::Noted { why, at } => ("unreadable", Some((*why).to_owned()), *at),
        Seen::Failed(diagnostic) => ("failed", Some(diagnostic.message.clone()), None),
    };
    json!({
        "secret": one.secret,
        "version": one.version,
        "target": one.target,
        "place": one.shown,
        "state": state,
        "message": what,
        "delivered_at": at,
    })
}
