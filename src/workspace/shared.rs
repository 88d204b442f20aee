//! Rotations of one name in several files of a project. A rotation is known by its name, in the journals, the schedule and the claims of
//! a vault: two files with the same name would take each other's runs and due times.

use super::inputs::Input;
use crate::diagnostic::{Diagnostic, codes};
use crate::source::{FileId, SourceFile, Span};
use crate::syntax::{self, ast::Item};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Rotations by the project that they lie in and their name, with all files that have one.
type Found<T> = BTreeMap<(PathBuf, String), Vec<T>>;

/// The project of a file: the nearest folder with a `rot.toml`. Files without one share the vault of who calls.
fn project(path: &Path) -> PathBuf {
    let own = super::files::parent(path);
    let root = own.ancestors().find(|dir| dir.join("rot.toml").exists());
    root.map_or_else(PathBuf::new, Path::to_path_buf)
}

/// The names behind the word `rotation`, without reading the text as a program: enough to tell that nothing is shared.
fn candidates(text: &str) -> impl Iterator<Item = String> + '_ {
    text.lines().filter_map(|line| {
        let rest = line.trim_start().strip_prefix("rotation")?;
        let rest = rest.strip_prefix([' ', '\t'])?.trim_start();
        let name = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split('"').next(),
            None => rest.split([' ', '\t', '{']).next(),
        };
        name.filter(|name| !name.is_empty()).map(str::to_owned)
    })
}

/// The findings over all inputs; `id` says how a text is known in the report.
pub fn findings(inputs: &[Input], id: &mut dyn FnMut(&SourceFile) -> FileId) -> Vec<Diagnostic> {
    let mut rough: Found<usize> = BTreeMap::new();
    for (at, input) in inputs.iter().enumerate() {
        let Some(path) = input.path.as_deref() else {
            continue;
        };
        if path.extension().is_none_or(|ending| ending != "rot") {
            continue;
        }
        let mut names: Vec<String> = candidates(input.file.text()).collect();
        names.sort();
        names.dedup();
        if names.is_empty() {
            continue;
        }
        let project = project(path);
        for name in names {
            let files = rough.entry((project.clone(), name)).or_default();
            files.push(at);
        }
    }
    let mut found = Vec::new();
    for ((_, name), files) in rough.into_iter().filter(|(_, files)| files.len() > 1) {
        let mut first: Option<(Span, String)> = None;
        for input in files.into_iter().filter_map(|at| inputs.get(at)) {
            let file = id(&input.file);
            let Some(span) = place(file, &input.file, &name) else {
                continue;
            };
            let Some((place, other)) = &first else {
                first = Some((span, input.file.name().to_owned()));
                continue;
            };
            let message = format!(
                "rotation `{name}` is in `{other}` as well: both would share one journal and one schedule"
            );
            found.push(
                Diagnostic::new(codes::DUPLICATE_NAME, span, message)
                    .at("the same name")
                    .label(*place, "and here")
                    .help("give one of them another name; what is to be called from both goes into a file that both `use`"),
            );
        }
    }
    found
}

/// Where a file declares a rotation.
fn place(id: FileId, file: &SourceFile, name: &str) -> Option<Span> {
    let (tree, _) = syntax::parse(id, file);
    tree.items.iter().find_map(|item| match item {
        Item::Rotation(rotation) if rotation.name.text == name => Some(rotation.name.span),
        Item::Use(_)
        | Item::Env(_)
        | Item::Secret(_)
        | Item::Target(_)
        | Item::Deliver(_)
        | Item::Rotation(_)
        | Item::Template(_)
        | Item::Error(_) => None,
    })
}

/// Of rotations with their files, those names that several files of one project have.
pub fn of_files(rotations: &[(String, PathBuf)]) -> Vec<(String, Vec<PathBuf>)> {
    let mut all: Found<PathBuf> = BTreeMap::new();
    for (name, path) in rotations {
        let files = all.entry((project(path), name.clone())).or_default();
        if !files.contains(path) {
            files.push(path.clone());
        }
    }
    let shared = all.into_iter().filter(|(_, files)| files.len() > 1);
    shared.map(|((_, name), files)| (name, files)).collect()
}
