//! The language: what is accepted, what is said about the rest, and the formatter.

#[path = "language/documents.rs"]
mod documents;
#[path = "language/errors.rs"]
mod errors;
#[path = "language/format.rs"]
mod format;
#[path = "language/places.rs"]
mod places;
#[path = "language/recovery.rs"]
mod recovery;
#[path = "language/tree.rs"]
mod tree;
#[path = "language/values.rs"]
mod values;
#[path = "language/work.rs"]
mod work;

use rot::diagnostic::Diagnostic;
use rot::source::{FileId, SourceFile};
use rot::syntax::ast::Ast;
use std::fmt::Write as _;
use std::path::PathBuf;

/// A file of `tests/spec/syntax`.
fn spec(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/spec/syntax")
        .join(path)
}

/// All `.rot` files of a folder of `tests/spec/syntax`: name and text.
fn all(folder: &str) -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> = std::fs::read_dir(spec(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "rot"))
        .map(|path| {
            (
                path.file_stem().unwrap().to_string_lossy().into_owned(),
                std::fs::read_to_string(&path).unwrap(),
            )
        })
        .collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

fn parse(text: &str) -> (Ast, Vec<Diagnostic>, SourceFile) {
    let source = SourceFile::new("test.rot", text);
    let (ast, diagnostics) = rot::syntax::parse(FileId::new(0), &source);
    (ast, diagnostics, source)
}

/// Diagnostics as plain lines.
fn render(source: &SourceFile, diagnostics: &[Diagnostic]) -> String {
    let mut out = String::new();
    let place = |start: u32| {
        let at = source.position(start);
        format!("{}:{}", at.line, at.column)
    };
    for d in diagnostics {
        let found = source.slice(d.span().start, d.span().end);
        writeln!(
            out,
            "{}: {}[{}] {}",
            place(d.span().start),
            d.severity.as_str(),
            d.code.id(),
            d.message
        )
        .unwrap();
        writeln!(out, "  at `{}`: {}", found.escape_default(), d.primary.text).unwrap();
        for label in &d.labels {
            writeln!(out, "  {}: {}", place(label.span.start), label.text).unwrap();
        }
        if let Some(help) = &d.help {
            writeln!(out, "  help: {help}").unwrap();
        }
        for fix in &d.fixes {
            let edits: Vec<String> = fix
                .edits
                .iter()
                .map(|e| format!("{} → {:?}", place(e.span.start), e.text))
                .collect();
            writeln!(
                out,
                "  {}: {} ({})",
                if fix.safe { "fix" } else { "unsafe fix" },
                fix.title,
                edits.join(", ")
            )
            .unwrap();
        }
    }
    out
}

/// The items of a tree without the places, for comparison.
fn shape(ast: &Ast) -> Vec<String> {
    ast.items
        .iter()
        .map(|item| without_places(&format!("{item:?}")))
        .collect()
}

/// Cuts `Span { … }` out of debug text.
fn without_places(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("Span { file: FileId(") {
        out.push_str(before);
        out.push('@');
        rest = after.split_once(" }").unwrap().1;
    }
    out + rest
}
