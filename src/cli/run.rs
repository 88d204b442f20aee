//! `rot run`: checks a file, then executes it.

use super::accept::accept;
use super::args::{ResultFormat, RunArgs, Selection};
use super::context::Context;
use super::load;
use super::paths::{self, Places};
use super::watch::Watch;
use super::{environment, files, runreport, stop};
use crate::diagnostic::{Diagnostic, Error, Failure, Result, codes};
use crate::plan::{Plan, Rotation, document};
use crate::report::findings::counted;
use crate::run::deliver::{Asked, Which, deliver};
use crate::run::{self, Job, Passed};
use crate::source::Span;
use crate::vault::Vault;
use crate::workspace::shared;
use crate::world::World;
use serde_json::Value as Json;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

/// Runs the command.
pub fn run(args: &RunArgs, context: &Context) -> Result<()> {
    let many = args.due && (!args.more.is_empty() || args.selection.file.is_dir());
    if !many {
        return file(args, &args.selection.file, context);
    }
    let named: Vec<&Path> = std::iter::once(&args.selection.file)
        .chain(&args.more)
        .map(|path| path.as_path())
        .collect();
    let mut worst: Option<Failure> = None;
    let (mut ran, mut idle, mut failed, mut left) = (0, 0, 0, 0);
    let (paths, shared) = rotations(&named)?;
    for path in paths {
        if let Some((name, files)) = shared.iter().find(|(_, files)| files.contains(&path)) {
            failed += 1;
            context.complain(&of_two_files(name, files).diagnostics);
            worst = worst.or(Some(Failure::Refused));
            continue;
        }
        if stop::asked() {
            left += 1;
            continue;
        }
        match file(args, &path, context) {
            Ok(()) => ran += 1,
            Err(error) if error.failure == Failure::NothingDue => idle += 1,
            Err(error) => {
                failed += 1;
                context.complain(&error.diagnostics);
                context.out.info(&format!("in {}", path.display()));
                // What a run could not do weighs more than an old credential that lives on.
                let weight = |f: Failure| (f != Failure::Unrevoked, f.exit_code());
                if worst.is_none_or(|w| weight(error.failure) > weight(w)) {
                    worst = Some(error.failure);
                }
            }
        }
    }
    let left_out = if left == 0 {
        String::new()
    } else {
        format!(", {left} not looked at: the process was asked to end")
    };
    context.out.info(&format!(
        "{}: {ran} ran, {idle} had nothing due, {failed} failed{left_out}",
        counted(ran + idle + failed + left, "file")
    ));
    let end = |failure| {
        Err(Error {
            failure,
            diagnostics: Vec::new(),
        })
    };
    match worst {
        Some(failure) => end(failure),
        None if left > 0 => end(Failure::BeforeEffect),
        None if ran == 0 => end(Failure::NothingDue),
        None => Ok(()),
    }
}

/// What is named, else the project, else the folder in which the command runs.
pub fn named(paths: &[PathBuf], config: &super::config::Config, context: &Context) -> Vec<PathBuf> {
    match (&config.root, paths) {
        (_, [_, ..]) => paths.to_vec(),
        (Some(root), []) => vec![root.strip_prefix(&context.cwd).unwrap_or(root).to_owned()],
        (None, []) => vec![PathBuf::from(".")],
    }
}

/// The files that are named, and the `.rot` files in the folders that are, in the order of their names.
pub fn files_below(named: &[&Path]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in named {
        // The folder in which the command runs.
        let folder = if path.as_os_str().is_empty() {
            Path::new(".")
        } else {
            path
        };
        if !folder.is_dir() {
            found.push(path.to_path_buf());
            continue;
        }
        let walk = ignore::WalkBuilder::new(folder)
            .sort_by_file_path(|a, b| a.cmp(b))
            .build();
        for entry in walk.filter_map(std::result::Result::ok) {
            let file = entry.path();
            // Links are passed over, as `rot check` does: they lead out of the project.
            let plain = entry.file_type().is_some_and(|kind| kind.is_file());
            if plain && file.extension().is_some_and(|e| e == "rot") {
                found.push(file.strip_prefix(".").unwrap_or(file).to_owned());
            }
        }
    }
    found
}

/// Two files have a rotation of one name.
pub fn of_two_files(name: &str, files: &[PathBuf]) -> Error {
    let files: Vec<String> = files.iter().map(|f| format!("`{}`", f.display())).collect();
    Error::plain(
        Failure::Refused,
        codes::DUPLICATE_NAME,
        format!(
            "rotation `{name}` is in {}: it would share one journal and one schedule",
            files.join(" and ")
        ),
    )
    .help("give one of them another name; nothing was run of these files")
}

/// Names of rotations that several files have.
pub type Shared = Vec<(String, Vec<PathBuf>)>;

/// The same, without the files of folders that have neither a schedule nor targets; and what files share that must not.
///
/// # Errors
/// Where no file has either.
pub fn rotations(named: &[&Path]) -> Result<(Vec<PathBuf>, Shared)> {
    let mut found = files_below(named);
    let mut rotations: Vec<(String, PathBuf)> = Vec::new();
    let mut for_others = HashSet::new();
    found.retain(|file| {
        let looked = look_at(file);
        let names = looked.rotations.into_iter();
        rotations.extend(names.map(|name| (name, file.clone())));
        if looked.delivers_for_others {
            for_others.insert(file.clone());
        }
        looked.has_work || named.iter().any(|path| path == file)
    });
    // Their targets are known before what goes there is made, so that nothing old is revoked before it has arrived.
    found.sort_by_key(|file| !for_others.contains(file));
    if found.is_empty() {
        return Err(Error::plain(
            Failure::NoInputs,
            codes::USAGE,
            "no `.rot` file with a schedule is there",
        )
        .help("write `every 45m` or `cron … in …` in a rotation"));
    }
    Ok((found, shared::of_files(&rotations)))
}

/// What a file of many is looked at for.
#[derive(Default)]
struct Looked {
    /// It has a rotation with a schedule, or delivers something. One that cannot be read is tried, so that what is wrong with it is said.
    has_work: bool,
    /// It delivers what another file makes.
    delivers_for_others: bool,
    /// The names of its rotations.
    rotations: Vec<String>,
}

fn look_at(path: &Path) -> Looked {
    let Ok(loaded) = load::file(path, &super::config::Config::default()) else {
        return Looked {
            has_work: true,
            ..Looked::default()
        };
    };
    let own: Vec<&Rotation> = loaded
        .plan
        .rotations
        .iter()
        .filter(|r| !r.imported)
        .collect();
    let names = own.iter().map(|r| r.name.clone()).collect();
    let is_scheduled =
        own.iter().any(|r| r.schedule.is_some()) || !loaded.plan.deliveries.is_empty();
    let made: HashSet<String> = own.iter().flat_map(|r| run::due::stored_by(r)).collect();
    Looked {
        has_work: is_scheduled || load::refusal(&loaded.findings).is_some(),
        delivers_for_others: (loaded.plan.deliveries.iter())
            .any(|delivery| !made.contains(&delivery.secret)),
        rotations: names,
    }
}

/// Refuses a rotation whose schedule is that of another file, which still has it; says so where that file was moved or renamed.
fn agree_on_file(
    context: &Context,
    config: &super::config::Config,
    world: &World,
    vault: &Vault,
    job: &Job<'_>,
) -> Result<()> {
    let (Some(source), Some(known)) = (&job.source, run::due::last_file(vault, &job.rotation.name))
    else {
        return Ok(());
    };
    if run::source::known_as(vault, source) == known {
        return Ok(());
    }
    let other = run::source::found_at(vault, &known);
    let name = &job.rotation.name;
    if run::source::are_two(world, &other, Path::new(source)) {
        let has_it = |loaded: load::Loaded| {
            loaded
                .plan
                .rotations
                .iter()
                .any(|r| !r.imported && r.name == *name)
        };
        if load::file(&other, config).is_ok_and(has_it) {
            return Err(of_two_files(name, &[other, PathBuf::from(source)]));
        }
    }
    context.out.info(&format!("note: rotation `{name}` was last run from `{known}`, which does not have it any more: its schedule goes on here"));
    Ok(())
}

/// One file.
fn file(args: &RunArgs, path: &Path, context: &Context) -> Result<()> {
    let config = context.config()?;
    let loaded = load::file(path, &config)?;
    let source = Some(path).filter(|p| p.as_os_str() != "-");
    let plan = accept(loaded, &config, context)?;
    planned(args, &plan, source, context, &config)
}

/// What a file says, which was checked.
///
/// # Errors
/// As the command's.
pub fn planned(
    args: &RunArgs,
    plan: &Plan,
    source: Option<&Path>,
    context: &Context,
    config: &super::config::Config,
) -> Result<()> {
    let inputs = inputs(&args.selection)?;
    let world = environment::world_to_run(context, config)?;
    let places = paths::resolve(context, config, &world)?;
    let vault = RefCell::new(open_to_run(context, &world, &places)?);
    stop::heed();
    environment::agree_to_run(&vault.borrow(), context.globals.environment.as_deref())?;
    let chosen: Vec<&Rotation> = if args.due && args.selection.rotation.is_none() {
        plan.rotations
            .iter()
            .filter(|r| !r.imported && r.schedule.is_some())
            .collect()
    } else {
        load::chosen(plan, args.selection.rotation.as_deref())?
    };
    if chosen.is_empty() && plan.deliveries.is_empty() {
        return Err(Error::plain(
            Failure::Usage,
            codes::USAGE,
            "no rotation of this file has a schedule",
        )
        .help("write `every 45m` or `cron … in …` in the rotation, or run it without `--due`"));
    }
    let (source, certificates) = (
        source.map(|p| absolute(context, p)),
        certificates(plan, source)?,
    );
    let arrived = {
        let asked = Asked {
            plan,
            source: source.as_deref(),
            secret: None,
            target: None,
            which: Which::Due,
            certificates: &certificates,
            lock_wait: places.paths.lock_wait,
        };
        arrive(args.report, context, &world, &vault, &asked)?
    };
    if chosen.is_empty() {
        let failure = match arrived {
            Some(true) => return Ok(()),
            Some(false) => Failure::Unrevoked,
            None => Failure::NothingDue,
        };
        return Err(Error {
            failure,
            diagnostics: Vec::new(),
        });
    }
    let open = match args.due {
        true => run::open_runs(&world, &vault.borrow())?,
        false => Vec::new(),
    };
    let whole = document::encode(plan);
    let mut worst: Option<Error> = None;
    let mut idle = arrived.is_none();
    let mut unrevoked = arrived == Some(false);
    let session = Session {
        context,
        config,
        world: &world,
        vault: &vault,
    };
    for (number, rotation) in chosen.into_iter().enumerate() {
        if stop::asked() && number > 0 {
            let left = format!(
                "rotation `{}` was not looked at: the process was asked to end",
                rotation.name
            );
            context.complain_and_keep(
                Error::plain(Failure::BeforeEffect, codes::RUN_INTERRUPTED, left),
                &mut worst,
            );
            continue;
        }
        let mut job = Job {
            plan,
            rotation,
            document: &whole,
            inputs: inputs.clone(),
            scheduled_at: None,
            source: source.clone(),
            certificates: certificates.clone(),
            lock_wait: places.paths.lock_wait,
        };
        if number == 0 {
            let swept = sweep(args.report, context, &world, &vault, Some(&job))?;
            idle &= swept.revoked == 0;
            unrevoked |= !swept.trouble.is_empty();
        }
        let narrow = rotation.family.is_some();
        let narrow = narrow.then(|| plan.without_other_members(rotation));
        let narrow = narrow.map(|plan| (document::encode(&plan), plan));
        if let Some((document, plan)) = &narrow {
            (job.plan, job.document) = (plan, document);
        }
        match one(args, &session, &open, job) {
            Ok(did) => idle &= !did,
            Err(mut error) => {
                idle = false;
                // The text is that of all members: which one it is of has to be said.
                if rotation.family.is_some()
                    && let Some(first) = error.diagnostics.first_mut()
                {
                    first.message = format!("`{}`: {}", rotation.name, first.message);
                }
                context.complain_and_keep(error, &mut worst);
            }
        }
    }
    match worst {
        Some(error) => Err(error),
        None if unrevoked => Err(Error {
            failure: Failure::Unrevoked,
            diagnostics: Vec::new(),
        }),
        None if args.due && idle => Err(Error {
            failure: Failure::NothingDue,
            diagnostics: Vec::new(),
        }),
        None => Ok(()),
    }
}

/// Delivers what is behind at the targets of a plan, and was not tried a moment ago. Whether all of it arrived; `None` where
/// there was nothing to do.
pub fn arrive(
    report: ResultFormat,
    context: &Context,
    world: &World,
    vault: &RefCell<Vault>,
    asked: &Asked<'_>,
) -> Result<Option<bool>> {
    let watch = Watch::new(&context.out, Some(asked.plan), report == ResultFormat::Text);
    let came = runtime()?.block_on(deliver(world, vault, asked, &watch))?;
    let failed: Vec<Diagnostic> = came.iter().filter_map(|one| one.failure.clone()).collect();
    context.complain(&failed);
    Ok((!came.is_empty()).then_some(failed.is_empty()))
}

/// A revocation that was due and failed.
pub fn not_revoked(line: String) -> Diagnostic {
    Diagnostic::new(codes::RUN_NOT_REVOKED, Span::NONE, line)
        .help("each `rot run` tries it again; `rot status` shows what is not revoked yet")
}

/// Does the revocations that are due, of whichever rotation. What fails is heard also when nothing else is said.
pub fn sweep(
    report: ResultFormat,
    context: &Context,
    world: &World,
    vault: &RefCell<Vault>,
    job: Option<&Job<'_>>,
) -> Result<run::Swept> {
    let plan = job.map(|job| job.plan);
    let watch = Watch::new(&context.out, plan, report == ResultFormat::Text);
    let swept = runtime()?.block_on(run::sweep_due(world, vault, job, &watch))?;
    for line in &swept.trouble {
        context.complain(&[not_revoked(line.clone())]);
    }
    for line in &swept.dropped {
        context.out.info(&format!("note: {line}"));
    }
    if swept.revoked > 0 {
        context.out.info(&format!(
            "revoked {} that {} due",
            counted(swept.revoked, "old credential"),
            if swept.revoked == 1 { "was" } else { "were" }
        ));
    }
    Ok(swept)
}

/// What a command that runs rotations works with.
#[derive(Clone, Copy)]
pub struct Session<'a> {
    /// What the user asked of all commands, and where output goes.
    pub context: &'a Context,
    /// The settings of the project.
    pub config: &'a super::config::Config,
    /// The system.
    pub world: &'a World,
    /// The vault.
    pub vault: &'a RefCell<Vault>,
}

/// One rotation. Returns whether anything was done.
fn one(
    args: &RunArgs,
    session: &Session<'_>,
    open: &[run::OpenRun],
    mut job: Job<'_>,
) -> Result<bool> {
    let Session {
        context,
        config,
        world,
        vault,
    } = *session;
    let runtime = runtime()?;
    let watch = Watch::new(
        &context.out,
        Some(job.plan),
        args.report == ResultFormat::Text,
    );
    agree_on_file(context, config, world, &vault.borrow(), &job)?;
    if args.due {
        let now = world.clock.now();
        let mut past = run::due::past(&vault.borrow(), job.rotation, now);
        if let Some(wrong) = run::due::check_clock(world, &vault.borrow(), &past, now)? {
            context.out.info(&format!("warning: {wrong}"));
        }
        run::due::look(&mut vault.borrow_mut(), job.rotation, &mut past, now)?;
        match open.iter().find(|r| r.rotation == job.rotation.name) {
            Some(open)
                if !run::due::may_resume(open, now)
                    && matches!(open.state, run::OpenState::Failed { .. }) =>
            {
                context.out.info(&format!(
                    "rotation `{}`: the interrupted run waits before its next attempt",
                    job.rotation.name
                ));
                return Ok(false);
            }
            // Where another process is at it and ends it, this one looks again whether anything is due.
            Some(_) => job.scheduled_at = Some(now),
            None => match run::due::next(&vault.borrow(), job.rotation, &past, now) {
                Some(due) if due.is_due(now) => job.scheduled_at = Some(due.at),
                Some(due) => {
                    context.out.info(&format!(
                        "rotation `{}` is not due: {}",
                        job.rotation.name,
                        due.reason.explain()
                    ));
                    return Ok(false);
                }
                None => return Ok(false),
            },
        }
    }
    let report = match runtime.block_on(run::run(world, vault, &job, &watch)) {
        // Another process was quicker while this one waited for the lock.
        Err(error) if error.failure == Failure::NothingDue => return Ok(false),
        result => result?,
    };
    runreport::emit(context, &report, args.report)?;
    Ok(true)
}

/// A runtime for one run: the interpreter is a single thread of thought.
pub fn runtime() -> Result<tokio::runtime::Runtime> {
    let failed = |_| {
        Error::plain(
            Failure::BeforeEffect,
            codes::INTERNAL,
            "the system gives no more threads or descriptors",
        )
    };
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(failed)
}

/// Opens the vault to look at it, and says what there is to say of it.
///
/// # Errors
/// What the vault says.
pub fn open(context: &Context, world: &World, places: &Places) -> Result<Vault> {
    opened(context, world, places, true)
}

/// Opens it for a run: where nobody is at a terminal, only one that this machine has seen before.
///
/// # Errors
/// What the vault says; ROT818 when it is seen for the first time and nobody is there, unless `--first-use` says that this is right.
pub fn open_to_run(context: &Context, world: &World, places: &Places) -> Result<Vault> {
    let someone = std::io::stdin().is_terminal() || std::io::stderr().is_terminal();
    let first_use = someone || context.globals.first_use;
    opened(context, world, places, first_use)
}

fn opened(context: &Context, world: &World, places: &Places, first_use: bool) -> Result<Vault> {
    let paths = &places.paths;
    let vault = match (context.globals.read_only, first_use) {
        (true, _) => Vault::open_read_only(world, paths)?,
        (false, true) => Vault::open(world, paths)?,
        (false, false) => Vault::open_known(world, paths, places.usual.as_deref())?,
    };
    environment::agree(&vault, context.globals.environment.as_deref())?;
    for warning in vault.warnings() {
        context.out.info(&format!("warning: {}", warning.message));
    }
    if !vault.is_read_only() {
        // The vault itself says where nothing can be remembered.
        let _unwritten = places.project.record(world);
    }
    Ok(vault)
}

/// `--input-file`, then `--input`.
pub fn inputs(selection: &Selection) -> Result<Vec<(String, Passed)>> {
    let mut inputs: Vec<(String, Passed)> = Vec::new();
    if let Some(path) = &selection.input_file {
        let usage = |what: String| {
            Error::plain(Failure::Usage, codes::RUN_BAD_INPUT, what)
                .help("it is a JSON object: `{ \"name\": value }`")
        };
        let text = files::read_text(path)
            .map_err(|p| usage(format!("cannot read `{}`: {}", path.display(), p.why)))?;
        match Passed::members(&text) {
            Some(members) => inputs.extend(members),
            None => return Err(usage(format!("`{}` is not a JSON object", path.display()))),
        }
    }
    for (name, value) in &selection.input {
        inputs.retain(|(n, _)| n != name);
        inputs.push((name.clone(), Json::String(value.clone()).into()));
    }
    Ok(inputs)
}

/// The certificate files that a plan names, relative to the file that names them.
pub fn certificates(plan: &Plan, source: Option<&Path>) -> Result<HashMap<String, Vec<u8>>> {
    let (found, unread) = read_certificates(plan, source);
    if unread.is_empty() {
        return Ok(found);
    }
    Err(Error {
        failure: Failure::BeforeEffect,
        diagnostics: unread,
    })
}

/// The same, with what is to say of those that cannot be read.
pub fn read_certificates(
    plan: &Plan,
    source: Option<&Path>,
) -> (HashMap<String, Vec<u8>>, Vec<Diagnostic>) {
    let mut found = HashMap::new();
    let mut unread: Vec<Diagnostic> = Vec::new();
    let requests = plan.rotations.iter().flat_map(|r| r.requests());
    let of_targets = plan.target_certificates();
    for name in requests
        .flat_map(|(_, http)| &http.limits.ca)
        .map(String::as_str)
        .chain(of_targets)
    {
        let path = source
            .and_then(Path::parent)
            .unwrap_or(Path::new(""))
            .join(name);
        match files::read_text(&path) {
            Ok(text) => drop(found.insert(name.to_owned(), text.into_bytes())),
            Err(problem) => {
                let message = format!(
                    "cannot read the certificate `{}`: {}",
                    path.display(),
                    problem.why
                );
                let one = Diagnostic::new(codes::UNREADABLE_INPUT, Span::NONE, message)
                    .help("the path after `ca` is relative to the file that names it");
                if !unread.contains(&one) {
                    unread.push(one);
                }
            }
        }
    }
    (found, unread)
}

fn absolute(context: &Context, path: &Path) -> String {
    context.cwd.join(path).display().to_string()
}
