//! Conductor JSON as it is read: the JSON layer, templates, definitions, the public corpus.

mod corpus;
mod definitions;
mod json;
mod seed;
mod template;

use rot::conductor::{self, ReadOptions};
use rot::diagnostic::Diagnostic;
use rot::plan::Plan;
use rot::source::{SourceFile, SourceMap};
use std::path::PathBuf;

/// Where the public corpus stands, unless this machine has none.
fn corpus_dir(part: &str) -> Option<PathBuf> {
    let root =
        std::env::var_os("ROT_CORPUS").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"), PathBuf::from);
    let dir = root.join(part);
    if dir.is_dir() {
        return Some(dir);
    }
    println!("skipped: no corpus at {}", dir.display());
    None
}

/// A case of `tests/spec/conductor`.
fn spec(name: &str) -> String {
    std::fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/spec/conductor").join(name)).unwrap()
}

fn read(text: &str, options: &ReadOptions) -> (Plan, Vec<Diagnostic>) {
    let mut map = SourceMap::new();
    let source = SourceFile::new("workflow.json", text);
    let file = map.add(source.clone());
    conductor::read(file, &source, options)
}
