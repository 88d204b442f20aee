//! Public definitions: each is read, and what is said about it is reviewed by its codes.

use super::{corpus_dir, files, read};
use rot::conductor::ReadOptions;
use rot::diagnostic::{Diagnostic, Severity};
use std::collections::BTreeMap;
use std::fmt::Write as _;

#[test]
fn every_public_definition_is_read() {
    let Some(dir) = corpus_dir("conductor") else {
        return;
    };
    let paths = files(&dir);
    let mut summary = String::new();
    let mut total: BTreeMap<&'static str, usize> = BTreeMap::new();
    let (mut rotations, mut steps) = (0, 0);
    for path in &paths {
        let (plan, findings) = read(
            &std::fs::read_to_string(path).unwrap(),
            &ReadOptions::default(),
        );
        let mut codes: BTreeMap<&'static str, usize> = BTreeMap::new();
        for finding in &findings {
            *codes.entry(finding.code.id()).or_default() += 1;
            *total.entry(finding.code.id()).or_default() += 1;
        }
        let mut own = 0;
        for rotation in &plan.rotations {
            rot::plan::task::walk_steps(&rotation.steps, &mut |_| own += 1);
        }
        (rotations, steps) = (rotations + plan.rotations.len(), steps + own);
        let codes: Vec<String> = codes
            .iter()
            .map(|(code, n)| format!("{code}×{n}"))
            .collect();
        let name = path.strip_prefix(&dir).unwrap().display();
        let _ = writeln!(
            summary,
            "{name}: {} rotations, {own} steps; {}",
            plan.rotations.len(),
            codes.join(" ")
        );
    }
    println!(
        "{} files, {rotations} rotations, {steps} steps; {total:?}",
        paths.len()
    );
    let _ = writeln!(
        summary,
        "total: {} files, {rotations} rotations, {steps} steps; {total:?}",
        paths.len()
    );
    insta::assert_snapshot!("corpus_summary", summary);
}

/// What `rot check` says about each file: codes and counts, reviewed. Errors of the text hide those of the checker that may
/// follow from them.
#[test]
fn every_public_definition_is_checked() {
    let Some(dir) = corpus_dir("conductor") else {
        return;
    };
    let mut summary = String::new();
    for path in files(&dir) {
        let name = path.strip_prefix(&dir).unwrap().display().to_string();
        let source =
            rot::source::SourceFile::new("workflow.json", std::fs::read_to_string(&path).unwrap());
        let loaded = rot::workspace::load::analyse(&source, &rot::cli::config::Config::default());
        let mut codes: BTreeMap<String, usize> = BTreeMap::new();
        for finding in &loaded.findings {
            *codes
                .entry(format!(
                    "{} {}",
                    finding.severity.as_str(),
                    finding.code.id()
                ))
                .or_default() += 1;
        }
        let codes: Vec<String> = codes
            .iter()
            .map(|(code, n)| format!("{code}×{n}"))
            .collect();
        let _ = writeln!(summary, "{name}: {}", codes.join(", "));
    }
    insta::assert_snapshot!("corpus_checked", summary);
}

/// Each error that is said of a public definition was judged by hand: file, code, how many, judgement.
#[test]
fn every_error_of_a_public_definition_was_judged() {
    let Some(dir) = corpus_dir("conductor") else {
        return;
    };
    let judged: Vec<(String, String, usize, String)> =
        serde_json::from_str(&super::spec("public-errors.json")).unwrap();
    let mut found: BTreeMap<(String, String), usize> = BTreeMap::new();
    for path in files(&dir) {
        let name = path.strip_prefix(&dir).unwrap().display().to_string();
        let text = std::fs::read_to_string(&path).unwrap();
        for error in checked(&text)
            .iter()
            .filter(|d| d.severity == Severity::Error)
        {
            let key = (name.clone(), error.code.id().to_owned());
            *found.entry(key).or_default() += 1;
        }
    }
    let known: BTreeMap<(String, String), usize> = judged
        .iter()
        .map(|(file, code, count, _)| ((file.clone(), code.clone()), *count))
        .collect();
    assert_eq!(found, known);
    assert!(
        judged
            .iter()
            .all(|(.., judgement)| judgement.starts_with("right"))
    );
}

/// Definitions that were written from Conductor's documentation and frozen before they were first checked: each defect is
/// found with a code that was accepted for it, and nothing is said against a clean one.
#[test]
fn a_set_that_was_written_from_the_documentation_is_judged_right() {
    let set: serde_json::Value = serde_json::from_str(&super::spec("documentation.json")).unwrap();
    let mut wrong = Vec::new();
    for clean in set["clean"].as_array().unwrap() {
        let found = checked(&clean.to_string());
        let errors = found.iter().filter(|d| d.severity == Severity::Error);
        wrong.extend(errors.map(|d| format!("{}: {} {}", clean["name"], d.code.id(), d.message)));
    }
    for defect in set["defects"].as_array().unwrap() {
        let codes: Vec<&str> = defect[1]
            .as_array()
            .unwrap()
            .iter()
            .map(|c| c.as_str().unwrap())
            .collect();
        let found = checked(&defect[2].to_string());
        let hit = found
            .iter()
            .any(|d| d.severity >= Severity::Warning && codes.contains(&d.code.id()));
        if !hit {
            wrong.push(format!("not found: {}", defect[0]));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

fn checked(text: &str) -> Vec<Diagnostic> {
    let source = rot::source::SourceFile::new("workflow.json", text);
    let config = rot::workspace::config::Config::default();
    rot::workspace::load::analyse(&source, &config).findings
}

/// Every prefix, and every file with a character changed, is read to an end.
#[test]
fn broken_definitions_are_read_to_an_end() {
    let Some(dir) = corpus_dir("conductor") else {
        return;
    };
    let paths = files(&dir);
    for path in paths
        .iter()
        .filter(|p| std::fs::metadata(p).unwrap().len() < 6_000)
    {
        let text = std::fs::read_to_string(path).unwrap();
        for (at, c) in text.char_indices().filter(|(at, _)| at % 97 == 0) {
            read(&text[..at], &ReadOptions::default());
            for other in ["", "{", "}", "null", "\"", "$"] {
                read(
                    &format!("{}{other}{}", &text[..at], &text[at + c.len_utf8()..]),
                    &ReadOptions::default(),
                );
            }
        }
    }
}
