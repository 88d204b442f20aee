//! `--watch`: a pass whenever a file changes. Times of change are polled twice a second: no watcher of the system is needed,
//! and network folders and containers, which tell of no changes, work too.
#![allow(clippy::disallowed_methods)]

use super::Pass;
use crate::cli::args::CheckArgs;
use crate::cli::config::FILE_NAME;
use crate::cli::context::Context;
use crate::cli::inputs;
use crate::diagnostic::{Code, Error};
use crate::source::SourceMap;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

const PAUSE: Duration = Duration::from_millis(500);

type Stamps = BTreeMap<PathBuf, Option<(SystemTime, u64)>>;
type Said = Vec<(String, Code, String)>;

/// Runs passes until the process is ended. What is wrong with settings is shown, and mending it starts the next pass.
pub fn run(
    args: &CheckArgs,
    context: &Context,
    pass: &dyn Fn() -> Result<Pass, Error>,
) -> Result<(), Error> {
    let mut before: Option<Said> = None;
    loop {
        context.out.clear();
        context.adopt(&SourceMap::new());
        // Taken first: what changes while the pass is under way is seen after it.
        let mut read = stamps(args, context, &[]);
        match pass() {
            Ok(done) => {
                let delta = before.as_ref().map_or(String::new(), |before| {
                    format!(": {}", delta(before, &done.said))
                });
                context.out.info(&format!("watching for changes{delta}"));
                // Of what came up since, only used files were read.
                for path in done.files.iter().map(|path| context.cwd.join(path)) {
                    let now = stamp(&path);
                    read.entry(path).or_insert(now);
                }
                before = Some(done.said);
                wait(args, context, &done.files, &read);
            }
            Err(error) => {
                context.complain(&error.diagnostics);
                context.out.info("watching for changes");
                wait(args, context, &[], &read);
            }
        }
    }
}

fn wait(args: &CheckArgs, context: &Context, files: &[PathBuf], read: &Stamps) {
    loop {
        std::thread::sleep(PAUSE);
        if stamps(args, context, files) != *read {
            return;
        }
    }
}

fn stamp(path: &Path) -> Option<(SystemTime, u64)> {
    std::fs::metadata(path)
        .ok()
        .and_then(|m| Some((m.modified().ok()?, m.len())))
}

/// When each file changed that the next pass would read: the inputs, the settings, and what the last pass read beside them.
fn stamps(args: &CheckArgs, context: &Context, files: &[PathBuf]) -> Stamps {
    let settings = context
        .globals
        .config
        .clone()
        .into_iter()
        .chain(context.cwd.ancestors().map(|dir| dir.join(FILE_NAME)));
    let paths = inputs::candidates(&args.paths)
        .into_iter()
        .chain(files.iter().cloned())
        .chain(args.baseline.clone());
    let settings = settings.filter(|p| p.exists());
    paths
        .chain(settings)
        .map(|path| context.cwd.join(path))
        .map(|path| (path.clone(), stamp(&path)))
        .collect()
}

/// `1 new, 2 gone`: places move while one types, so findings are the same when file, code and message are.
fn delta(before: &Said, now: &Said) -> String {
    let count = |from: &Said, of: &Said| {
        let mut left = of.clone();
        from.iter()
            .filter(|one| {
                left.iter()
                    .position(|o| o == *one)
                    .map(|at| left.swap_remove(at))
                    .is_none()
            })
            .count()
    };
    match (count(now, before), count(before, now)) {
        (0, 0) => "nothing new".to_owned(),
        (new, gone) => format!("{new} new, {gone} gone"),
    }
}
