//! Workflows as people write them, with and without a planted defect: how often the checker is right.
//!
//! `tests/spec/labelled/clean` may have no finding of the weight of an error; each file of `defect` has one mistake, and
//! `labels.json` says what it is, which codes tell of it, and what stands on the line where they have to.

use rot::diagnostic::{Diagnostic, Severity};
use rot::source::SourceFile;
use rot::workspace::config::Config;
use rot::workspace::load::analyse;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/spec/labelled");

#[derive(serde::Deserialize)]
struct Planted {
    expect: Vec<String>,
    planted: String,
    /// Text on the line of the finding.
    at: Option<String>,
}

fn files(folder: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(Path::new(ROOT).join(folder)).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|e| e.unwrap().path()).collect();
    files.sort();
    files
}

fn findings(path: &Path) -> Vec<Diagnostic> {
    let text = std::fs::read_to_string(path).unwrap();
    analyse(
        &SourceFile::new(path.file_name().unwrap().to_string_lossy(), text),
        &Config::default(),
    )
    .findings
}

/// The line on which a finding begins.
fn line<'t>(text: &'t str, finding: &Diagnostic) -> &'t str {
    let start = finding.span().start as usize;
    let begin = text[..start].rfind('\n').map_or(0, |at| at + 1);
    text[begin..].lines().next().unwrap_or("")
}

fn listed(found: &[Diagnostic]) -> String {
    found
        .iter()
        .map(|d| {
            format!(
                "\n    {} {} {}",
                d.severity.as_str(),
                d.code.id(),
                d.message
            )
        })
        .collect()
}

#[test]
fn clean_files_have_no_error_and_planted_defects_are_found() {
    let labels: BTreeMap<String, Planted> = serde_json::from_str(
        &std::fs::read_to_string(Path::new(ROOT).join("labels.json")).unwrap(),
    )
    .unwrap();
    let (clean, defects) = (files("clean"), files("defect"));
    let mut wrong = Vec::new();
    let (mut false_errors, mut warned, mut found_count) = (0, 0, 0);
    for path in &clean {
        let found = findings(path);
        let errors = found
            .iter()
            .filter(|d| d.severity == Severity::Error)
            .count();
        warned += usize::from(found.iter().any(|d| d.severity == Severity::Warning));
        false_errors += errors;
        if errors > 0 {
            wrong.push(format!("{}:{}", path.display(), listed(&found)));
        }
    }
    for path in &defects {
        let name = format!("defect/{}", path.file_name().unwrap().to_string_lossy());
        let label = labels
            .get(&name)
            .unwrap_or_else(|| panic!("{name} has no label"));
        let found = findings(path);
        let text = std::fs::read_to_string(path).unwrap();
        let is_there = |d: &&Diagnostic| {
            label
                .at
                .as_deref()
                .is_none_or(|at| line(&text, d).contains(at))
        };
        if found
            .iter()
            .filter(is_there)
            .any(|d| label.expect.iter().any(|code| code == d.code.id()))
        {
            found_count += 1;
        } else {
            wrong.push(format!(
                "{name}: {} ({:?}) is not found:{}",
                label.planted,
                label.expect,
                listed(&found)
            ));
        }
    }
    println!(
        "{} clean files, {false_errors} false errors, {warned} with warnings; {} defects, {found_count} found",
        clean.len(),
        defects.len()
    );
    assert!(clean.len() + defects.len() >= 120 && labels.len() == defects.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
