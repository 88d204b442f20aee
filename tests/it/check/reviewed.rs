//! Rotations as strangers write them from the reference alone: what a careful reviewer sees in them, and what not.
//!
//! A set in `tests/spec/reviewed` is a text of whole files, each behind a head `### name | accepted codes | what is planted`.
//! In a file with a defect one of the codes has to be found as a warning or an error; a clean one has neither.

use rot::cli::config::Config;
use rot::cli::load::analyse;
use rot::diagnostic::{Diagnostic, Severity};
use rot::source::SourceFile;
use std::path::Path;

/// One file of a set.
struct Reviewed {
    name: String,
    codes: Vec<String>,
    planted: String,
    text: String,
}

/// The files of the sets whose names begin so.
fn sets(begin: &str) -> Vec<Reviewed> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/spec/reviewed");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.file_name()
                .unwrap()
                .to_string_lossy()
                .starts_with(begin)
        })
        .collect();
    paths.sort();
    let mut all = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap();
        for section in text.split("\n### ").skip(1) {
            let (head, text) = section.split_once('\n').unwrap();
            let mut parts = head.split('|').map(str::trim);
            all.push(Reviewed {
                name: parts.next().unwrap().to_owned(),
                codes: parts
                    .next()
                    .unwrap_or("")
                    .split_whitespace()
                    .map(str::to_owned)
                    .collect(),
                planted: parts.next().unwrap_or("").to_owned(),
                text: text.to_owned(),
            });
        }
    }
    all
}

/// What a reader of the report is told without asking: warnings and errors.
fn told(file: &Reviewed) -> Vec<Diagnostic> {
    let is_json = file.text.trim_start().starts_with(['{', '[']);
    let ending = if is_json { "json" } else { "rot" };
    let mut found = analyse(
        &SourceFile::new(format!("{}.{ending}", file.name), file.text.as_str()),
        &Config::default(),
    )
    .findings;
    found.retain(|d| matches!(d.severity, Severity::Warning | Severity::Error));
    found
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

/// Scores the sets `defects` and `clean`; what is wrong, in words.
fn wrong(defects: &str, clean: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let defects = sets(defects);
    for file in &defects {
        let found = told(file);
        if !found
            .iter()
            .any(|d| file.codes.iter().any(|code| code == d.code.id()))
        {
            wrong.push(format!(
                "{}: {} {:?} is not found:{}",
                file.name,
                file.planted,
                file.codes,
                listed(&found)
            ));
        }
    }
    let missed = wrong.len();
    let clean = sets(clean);
    for file in &clean {
        let mut found = told(file);
        found.retain(|d| !file.codes.iter().any(|code| code == d.code.id()));
        if !found.is_empty() {
            wrong.push(format!("{} is clean:{}", file.name, listed(&found)));
        }
    }
    println!(
        "{} of {} defects, {} of {} clean",
        defects.len() - missed,
        defects.len(),
        clean.len() + missed - wrong.len(),
        clean.len()
    );
    wrong
}

#[test]
fn the_first_set_is_judged_as_a_reviewer_would() {
    let wrong = wrong("first-defects", "first-clean");
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn the_second_set_is_judged_as_a_reviewer_would() {
    let wrong = wrong("second-defects", "second-clean");
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// Each kind of mistake in other spellings: in branches, in called rotations, in templates, with records; and what looks like it.
#[test]
fn kinds_are_found_wherever_they_stand() {
    let sets = [
        ("kinds-defects", "kinds-clean"),
        ("json-kinds-defects", "json-kinds-clean"),
    ];
    let wrong: Vec<String> = sets
        .iter()
        .flat_map(|(defects, clean)| wrong(defects, clean))
        .collect();
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
