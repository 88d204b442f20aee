//! Public definitions: each is read, and what is said about it is reviewed by its codes.

use super::{corpus_dir, files, read};
use rot::conductor::ReadOptions;
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
