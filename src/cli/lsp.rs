//! `rot lsp`: an editor's server on standard input and output.

use super::files;
use crate::diagnostic::{Error, Failure};
use crate::lsp::{Ended, Surroundings, serve, stdio};
use crate::world::clock::{Clock, RealClock};
use std::path::PathBuf;

/// Serves one editor until it leaves. Ends with 1 when it left without a word.
pub fn run() -> Result<(), Error> {
    let (connection, threads) = stdio();
    let ended = serve(
        &connection,
        &Surroundings {
            now: &|| RealClock.now(),
            keep: &keep,
        },
    );
    drop(connection);
    let written = threads.join();
    match (ended, written) {
        (Ended::Properly, Ok(())) => Ok(()),
        _ => Err(Error {
            failure: Failure::Findings,
            diagnostics: Vec::new(),
        }),
    }
}

/// A picture in a file of this user alone, one for each process, so that they do not pile up.
fn keep(picture: &str) -> Option<PathBuf> {
    let folder = std::env::temp_dir().join(format!("rot-flow-{}", std::process::id()));
    files::create_private_dir(&folder).ok()?;
    let path = folder.join("flow.svg");
    files::remove(&path);
    files::create(&path, picture, 0o600).ok()?;
    Some(path)
}
