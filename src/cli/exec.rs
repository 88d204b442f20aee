//! `rot exec`: a command with secrets, its output masked.

use super::args::ExecArgs;
use super::context::Context;
use super::{environment, paths, run as open};
use crate::diagnostic::{Error, Failure, Printable, Result, codes};
use crate::exec::supervise::{self, Fresh, Place};
use crate::exec::{Given, Job, OnChange};
use crate::vault::{Paths, Secret, Vault, variable};
use crate::world::World;
use crate::world::platform::original_umask;
use std::path::PathBuf;

/// Runs the command; the answer is the code to end with.
///
/// # Errors
/// What the vault says, a secret that is not there, a name that is refused, a program that could not be prepared.
pub fn run(args: &ExecArgs, context: &Context) -> Result<u8> {
    if args.secret.is_empty() && args.file.is_empty() {
        return Err(Error::plain(
            Failure::Usage,
            codes::USAGE,
            "no secret is named",
        )
        .help("name each one that the command may see: `rot exec --secret NAME -- COMMAND`; all at once is never the default"));
    }
    let config = context.config()?;
    let world = environment::world(context, &config)?;
    let places = paths::resolve(context, &config, &world)?;
    let vault = open::open(context, &world, &places)?;
    let job = Job {
        command: args.command.clone(),
        variables: given(&vault, &args.secret)?,
        files: given(&vault, &args.file)?,
        file_dir: args.file_dir,
        mask: !args.no_mask,
        pure: args.pure.then(|| args.keep.clone()),
        stop_timeout: args.stop_timeout,
        on_change: args.watch,
    };
    if matches!(args.watch, Some(OnChange::Signal(_))) && (job.files.is_empty() || !job.file_dir) {
        return Err(Error::plain(
            Failure::Usage,
            codes::USAGE,
            "`--watch signal=…` needs files that can be written anew",
        )
        .help("give the secret with `--file` and add `--file-dir`, or use `--watch restart`: a running program's variables cannot be changed"));
    }
    drop(vault);
    let mut watch = Watch::new(&world, &places.paths);
    let place = Place {
        world: &world,
        program: std::env::current_exe().unwrap_or_else(|_| PathBuf::from("/proc/self/exe")),
        umask: original_umask(),
        environment: std::env::vars_os().collect(),
    };
    let ended = supervise::run(job, &place, &mut |job| watch.look(job))?;
    Ok(ended.code())
}

/// Reads `NAME[.FIELD][=VAR]` from the vault. A record without a field gives all of its fields.
fn given(vault: &Vault, wanted: &[String]) -> Result<Vec<Given>> {
    let mut all = Vec::new();
    for wanted in wanted {
        let (place, variable) = match wanted.split_once('=') {
            Some((place, variable)) => (place, Some(variable)),
            None => (wanted.as_str(), None),
        };
        let (name, field) = match place.split_once('.') {
            Some((name, field)) => (name, Some(field)),
            None => (place, None),
        };
        let parts = parts(vault, name, field)?;
        if parts.len() > 1 && variable.is_some() {
            return Err(Error::plain(
                Failure::Usage,
                codes::USAGE,
                format!("secret `{name}` is a record, and one variable holds one value"),
            )
            .help(format!("name a field: `{name}.FIELD=VAR`")));
        }
        for (field, value) in parts {
            let shown = match &field {
                Some(field) => format!("{name}.{field}"),
                None => name.to_owned(),
            };
            let variable = match variable {
                Some(variable) => variable.to_owned(),
                None => variable::of_secret(name, field.as_deref()),
            };
            all.push(Given {
                name: shown,
                variable,
                value,
            });
        }
    }
    Ok(all)
}

/// The current value of a secret: of one field, or of all.
fn parts(vault: &Vault, name: &str, field: Option<&str>) -> Result<Vec<(Option<String>, Secret)>> {
    let missing =
        |message: String| Error::plain(Failure::Usage, codes::VAULT_NO_SUCH_SECRET, message);
    let entry = vault.doc().entry(name)?;
    let Some(value) = entry.current_version().and_then(|v| v.value.as_ref()) else {
        return Err(missing(format!("secret `{name}` has no current value"))
            .help(format!("`rot vault history {name}` shows what it has")));
    };
    let parts: Vec<_> = value
        .parts()
        .into_iter()
        .filter(|(own, _)| field.is_none() || *own == field)
        .map(|(own, value)| (own.map(str::to_owned), value.clone()))
        .collect();
    if parts.is_empty() {
        let field = field.unwrap_or_default().printable();
        let error = missing(format!("secret `{name}` has no field `{field}`"));
        return Err(if entry.fields.is_empty() {
            error.help("it is a single value: leave the field away")
        } else {
            error.help(format!("its fields are {}", entry.fields.join(", ")))
        });
    }
    Ok(parts)
}

/// Looks whether a value that the child got was replaced.
struct Watch<'a> {
    world: &'a World,
    paths: &'a Paths,
    /// What the vault file looked like last.
    seen: Option<(u64, Option<std::time::SystemTime>)>,
}

impl<'a> Watch<'a> {
    fn new(world: &'a World, paths: &'a Paths) -> Self {
        let mut watch = Self {
            world,
            paths,
            seen: None,
        };
        watch.seen = watch.stamp();
        watch
    }

    #[allow(clippy::disallowed_methods)] // a look, no reading
    fn stamp(&self) -> Option<(u64, Option<std::time::SystemTime>)> {
        let found = std::fs::metadata(&self.paths.vault).ok()?;
        Some((found.len(), found.modified().ok()))
    }

    fn look(&mut self, job: &Job) -> Option<Fresh> {
        let now = self.stamp();
        if now.is_none() || now == self.seen {
            return None;
        }
        // A vault that cannot be read now is looked at again when it changes once more, or when this passes.
        let vault = Vault::open(self.world, self.paths).ok()?;
        self.seen = now;
        let fresh = |given: &[Given]| -> Option<Vec<Secret>> {
            given.iter().map(|g| current(&vault, &g.name)).collect()
        };
        let (variables, files) = (fresh(&job.variables)?, fresh(&job.files)?);
        let changed = |given: &[Given], fresh: &[Secret]| {
            given.iter().zip(fresh).any(|(g, f)| !g.value.same_as(f))
        };
        (changed(&job.variables, &variables) || changed(&job.files, &files))
            .then_some((variables, files))
    }
}

fn current(vault: &Vault, name: &str) -> Option<Secret> {
    let (name, field) = match name.split_once('.') {
        Some((name, field)) => (name, Some(field)),
        None => (name, None),
    };
    let parts = parts(vault, name, field).ok()?;
    parts.into_iter().next().map(|(_, value)| value)
}
