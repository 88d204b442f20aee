//! Conductor JSON as it is read: the JSON layer, templates, definitions, the public corpus.

mod corpus;
mod definitions;
mod grammar;
mod json;
mod mutations;
mod seed;
mod template;

use rot::conductor::{self, ReadOptions};
use rot::diagnostic::Diagnostic;
use rot::plan::Plan;
use rot::source::{SourceFile, SourceMap};
use std::path::{Path, PathBuf};

/// Where the public corpus stands, unless this machine has none.
pub fn corpus_dir(part: &str) -> Option<PathBuf> {
    let root = std::env::var_os("ROT_CORPUS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"),
        PathBuf::from,
    );
    let dir = root.join(part);
    if dir.is_dir() {
        return Some(dir);
    }
    println!("skipped: no corpus at {}", dir.display());
    None
}

/// The definitions under a folder of the corpus, in order.
pub fn files(dir: &Path) -> Vec<PathBuf> {
    fn add(dir: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let listing =
                path.ends_with("manifest.json") || path.to_string_lossy().contains("/schemas/");
            if path.is_dir() {
                add(&path, found);
            } else if path.extension().is_some_and(|e| e == "json") && !listing {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    add(dir, &mut found);
    found.sort();
    found
}

/// A case of `tests/spec/conductor`.
fn spec(name: &str) -> String {
    std::fs::read_to_string(
        PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("tests/spec/conductor")
            .join(name),
    )
    .unwrap()
}

fn read(text: &str, options: &ReadOptions) -> (Plan, Vec<Diagnostic>) {
    let mut map = SourceMap::new();
    let source = SourceFile::new("workflow.json", text);
    let file = map.add(source.clone());
    conductor::read(file, &source, options)
}
