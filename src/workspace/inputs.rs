//! Which texts a command works on: named files, folders that are walked, standard input.

use super::files::{self, Unreadable};
use crate::diagnostic::{Diagnostic, codes};
use crate::source::{FileId, SourceFile, Span};
use ignore::WalkBuilder;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// One input: its text, or why there is none.
pub struct Input {
    /// The text; empty when it could not be read. Its name is what reports show.
    pub file: SourceFile,
    /// Where it is; `None` for standard input.
    pub path: Option<PathBuf>,
    /// Why it could not be read.
    pub problem: Option<Unreadable>,
    /// Whether the user named it, rather than a folder that it is in.
    pub named: bool,
}

impl Input {
    /// The diagnostic for an input that could not be read, whose (empty) text has the id `id`.
    pub fn unreadable(&self, id: FileId) -> Option<Diagnostic> {
        let problem = self.problem.as_ref()?;
        let message = format!("cannot read `{}`: {}", self.file.name(), problem.why);
        Some(
            Diagnostic::new(codes::UNREADABLE_INPUT, Span::new(id, 0, 0), message)
                .help(problem.help),
        )
    }
}

/// Which files of a walked folder count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// `.rot` files, and JSON that looks like Conductor.
    Sources,
    /// `.rot` files.
    Rot,
}

/// Reads all inputs, in the order of `paths`, folders sorted by name. Without paths, the current folder is walked.
pub fn collect(paths: &[PathBuf], stdin_name: Option<&str>, wanted: Wanted) -> Vec<Input> {
    let here = [PathBuf::from(".")];
    let paths = if paths.is_empty() { &here } else { paths };
    let mut seen = HashSet::new();
    let mut inputs = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" {
            let name = stdin_name.unwrap_or("<stdin>").to_owned();
            inputs.push(input(name, None, files::read_stdin(), true));
        } else if path.is_dir() {
            walk(path, wanted, &mut seen, &mut inputs);
        } else if seen.insert(identity(path)) {
            let read = if path.is_symlink() && !files::is_within(path, &files::parent(path)) {
                Err(Unreadable {
                    why: "it is a link that leads out of its folder".to_owned(),
                    help: "name the file itself",
                })
            } else {
                files::read_text(path)
            };
            inputs.push(input(shown(path), Some(path.clone()), read, true));
        }
    }
    inputs
}

/// The files that [`collect`] would look at, unread.
pub fn candidates(paths: &[PathBuf]) -> Vec<PathBuf> {
    let here = [PathBuf::from(".")];
    let mut found = Vec::new();
    for path in if paths.is_empty() { &here } else { paths } {
        if path.is_dir() {
            found.extend(
                walker(path)
                    .flatten()
                    .filter(|e| e.file_type().is_some_and(|t| t.is_file()))
                    .map(|e| e.into_path())
                    .filter(|p| p.extension().is_some_and(|e| e == "rot" || e == "json")),
            );
        } else {
            found.push(path.clone());
        }
    }
    found
}

fn walker(dir: &Path) -> ignore::Walk {
    WalkBuilder::new(dir)
        .require_git(false)
        .sort_by_file_path(Ord::cmp)
        .build()
}

fn input(
    name: String,
    path: Option<PathBuf>,
    read: Result<String, Unreadable>,
    named: bool,
) -> Input {
    match read {
        Ok(text) => Input {
            file: SourceFile::new(name, text),
            path,
            problem: None,
            named,
        },
        Err(problem) => Input {
            file: SourceFile::new(name, ""),
            path,
            problem: Some(problem),
            named,
        },
    }
}

fn walk(dir: &Path, wanted: Wanted, seen: &mut HashSet<PathBuf>, inputs: &mut Vec<Input>) {
    for entry in walker(dir).flatten() {
        let path = entry.path();
        if !entry.file_type().is_some_and(|t| t.is_file()) {
            continue;
        }
        let read = match path.extension().and_then(|e| e.to_str()) {
            Some("rot") => files::read_text(path),
            // Other JSON that lives in the same tree is none of our business, nor is what cannot be read.
            Some("json") if wanted == Wanted::Sources => match files::read_text(path) {
                Ok(text) if looks_like_conductor(&text) => Ok(text),
                _ => continue,
            },
            _ => continue,
        };
        if seen.insert(identity(path)) {
            inputs.push(input(shown(path), Some(path.to_owned()), read, false));
        }
    }
}

/// Whether a JSON text has the keys by which a definition, a start request or a schedule is known. A compiled plan has
/// a schema of ours.
fn looks_like_conductor(text: &str) -> bool {
    let has = |key: &str| text.contains(key);
    !has("\"rot.plan/")
        && (has("\"taskReferenceName\"")
            || has("\"workflowDef\"")
            || has("\"startWorkflowRequest\""))
}

fn identity(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// The path as the user wrote it, without a leading `./`.
fn shown(path: &Path) -> String {
    path.strip_prefix(".").unwrap_or(path).display().to_string()
}
