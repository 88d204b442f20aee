//! Which file a run or a schedule belongs to. A rotation is known by its name, so two files that have one of the same name would
//! share a journal and a schedule: whoever acts for the second one is told of the first.

use super::execute::Job;
use super::open::OpenRun;
use crate::diagnostic::{Error, Failure, Result, codes};
use crate::vault::Vault;
use crate::world::World;
use std::path::{Component, Path, PathBuf};

/// A path without `.` and `..`, as far as its letters tell.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => drop(plain.pop()),
            other => plain.push(other),
        }
    }
    plain
}

/// The folder of the vault.
fn folder(vault: &Vault) -> PathBuf {
    plain(vault.path().parent().unwrap_or(Path::new("")))
}

/// A file as the vault's folder sees it: the same on each machine on which a project lies with its vault.
pub fn known_as(vault: &Vault, source: &str) -> String {
    let (from, to) = (folder(vault), plain(Path::new(source)));
    let common = from
        .components()
        .zip(to.components())
        .take_while(|(a, b)| a == b)
        .count();
    let up = from.components().skip(common).map(|_| Component::ParentDir);
    let path: PathBuf = up.chain(to.components().skip(common)).collect();
    path.display().to_string()
}

/// Where such a file is on this machine.
pub fn found_at(vault: &Vault, known: &str) -> PathBuf {
    plain(&folder(vault).join(known))
}

/// Whether two paths lead to two files that are both there. What is gone was moved or renamed.
pub fn are_two(world: &World, a: &Path, b: &Path) -> bool {
    let (a, b) = (plain(a), plain(b));
    if a == b || !matches!(world.fs.stat(&a), Ok(Some(_))) {
        return false;
    }
    let real = |path: &Path| {
        world
            .fs
            .resolve(path)
            .unwrap_or_else(|_| path.to_path_buf())
    };
    real(&a) != real(&b)
}

/// Refuses to go on with a run that another file began: its answers are not for this one.
pub(super) fn is_same(world: &World, job: &Job<'_>, open: &OpenRun) -> Result<()> {
    let Some(began) = &open.source else {
        return Ok(());
    };
    let own = job.source.as_deref().unwrap_or_default();
    if !own.is_empty() && !are_two(world, Path::new(began), Path::new(own)) {
        return Ok(());
    }
    if own.is_empty() && !matches!(world.fs.stat(Path::new(began)), Ok(Some(_))) {
        return Ok(());
    }
    Err(of_another(open, began))
}

/// The run is that of another file.
pub fn of_another(open: &OpenRun, began: &str) -> Error {
    let (run, rotation) = (&open.run_id, &open.rotation);
    Error::plain(
        Failure::Usage,
        codes::RUN_INTERRUPTED,
        format!("rotation `{rotation}` has an interrupted run of another file: `{began}`"),
    )
    .note(format!("run {run}, begun {}", open.begun_at))
    .help(format!("`rot resume {run}` goes on with that file. If the rotation was moved to this one, take it out of the other, or name this one: `rot resume {run} --plan FILE`. If they are two rotations, give one of them another name"))
}
