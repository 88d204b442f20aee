//! Every code has a page; every page's examples do what the page says.

use rot::check::{Options, check, pages};
use rot::diagnostic::{ALL_CODES, Diagnostic, Severity};
use rot::plan::{Dialect, Plan};
use rot::source::{FileId, SourceFile};
use std::collections::HashSet;

/// How an example is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Rot,
    Orkes,
    Oss,
}

/// Reads an example by the front end that it is for.
fn front(text: &str, kind: Kind) -> (Plan, Vec<Diagnostic>) {
    let source = SourceFile::new("example", text);
    let file = FileId::new(0);
    let target = match kind {
        Kind::Rot => {
            let (tree, mut found) = rot::syntax::parse(file, &source);
            let (plan, more) = rot::plan::resolve::resolve(&[], &tree);
            found.extend(more);
            return (plan, found);
        }
        Kind::Orkes => Dialect::Orkes,
        Kind::Oss => Dialect::Oss,
    };
    rot::conductor::read(file, &source, &rot::conductor::ReadOptions { target, ..Default::default() })
}

struct Example<'t> {
    fails: bool,
    kind: Kind,
    text: &'t str,
}

fn examples(page: &str) -> Vec<Example<'_>> {
    let mut found = Vec::new();
    let mut fails = None;
    let mut rest = page;
    while let Some(line_end) = rest.find('\n') {
        let (line, after) = rest.split_at(line_end + 1);
        rest = after;
        match line.trim_end() {
            "## Fails" => fails = Some(true),
            "## Mended" => fails = Some(false),
            open if open.starts_with("```") => {
                let kind = match open {
                    "```rot" => Kind::Rot,
                    "```json" => Kind::Orkes,
                    "```json oss" => Kind::Oss,
                    other => panic!("unknown block {other}"),
                };
                let end = rest.find("\n```").expect("a closed block") + 1;
                let (text, after) = rest.split_at(end);
                rest = after.split_once('\n').map_or("", |(_, rest)| rest);
                found.push(Example { fails: fails.expect("a heading before the block"), kind, text });
            }
            _ => {}
        }
    }
    found
}

#[test]
fn every_code_has_one_page_in_the_fixed_shape() {
    let mut seen = HashSet::new();
    for (code, page) in pages() {
        assert!(seen.insert(code.id()), "{} has two pages", code.id());
        let title = format!("# {} {}\n\n", code.id(), code.name());
        assert!(page.starts_with(&title), "{} begins with {:?}", code.id(), page.lines().next());
        let body = &page[title.len()..];
        let is_found = body.starts_with("What it finds: ") && body.contains("\n## Why it matters\n");
        let is_met = body.starts_with("What happened: ")
            && body.contains("\n## What it means for the credential\n")
            && body.contains("\n## What to do\n");
        assert!(is_found || is_met, "{}", code.id());
        assert!(!page.contains("//!") && page.ends_with('\n'), "{}", code.id());
        examples(page);
    }
    let missing: Vec<&str> = ALL_CODES.iter().map(|c| c.id()).filter(|id| !seen.contains(id)).collect();
    assert!(missing.is_empty(), "codes without a page: {missing:?}");
}

#[test]
fn every_rule_shows_how_it_fails_and_how_it_is_mended() {
    for (code, page) in pages() {
        let examples = examples(page);
        let is_rule = page.starts_with("# ROT3") || page.starts_with("# ROT5");
        if is_rule {
            assert!(examples.iter().any(|e| e.fails) && examples.iter().any(|e| !e.fails), "{}", code.id());
        }
    }
}

#[test]
fn the_examples_of_the_pages_do_what_they_say() {
    let mut run = 0;
    let mut wrong = Vec::new();
    for (code, page) in pages() {
        for example in examples(page) {
            let (plan, mut found) = front(example.text, example.kind);
            run += 1;
            // What cannot be read is not checked further; a note does not stop anything.
            found.extend(check(&plan, &Options { pedantic: true }));
            let list: Vec<String> = found.iter().map(|d| format!("{} {}", d.code.id(), d.message)).collect();
            let is_found = found.iter().any(|d| d.code == *code);
            let is_clean = !found.iter().any(|d| d.severity > Severity::Note);
            if example.fails && !is_found {
                wrong.push(format!("{} does not find its own example ({:?}): {list:#?}", code.id(), example.kind));
            }
            if !example.fails && (is_found || !is_clean) {
                wrong.push(format!("{}: its mended example is not clean ({:?}): {list:#?}", code.id(), example.kind));
            }
        }
    }
    assert!(run > 100, "only {run} examples");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What a page shows as wrong can be accepted in `rot.toml`, for that file and no other; what may never be accepted stays.
#[test]
fn the_examples_of_the_pages_can_be_suppressed() {
    use rot::cli::config::{Config, Ignore};
    use rot::cli::suppress::{Setting, apply, is_ignorable};
    use rot::source::{SourceMap, Span};
    let mut run = 0;
    for (code, page) in pages() {
        for example in examples(page).iter().filter(|e| e.fails) {
            let (plan, mut found) = front(example.text, example.kind);
            found.extend(check(&plan, &Options { pedantic: true }));
            let mut sources = SourceMap::new();
            sources.add(SourceFile::new("example", example.text));
            let all = found.iter().filter(|d| d.code == *code).count();
            let remaining = |file: &str| {
                let reason = "accepted by this test".to_owned();
                let ignore = Ignore { file: file.to_owned(), pointer: None, rule: *code, reason, until: None, span: Span::NONE };
                let config = Config { root: Some("/p".into()), ignores: vec![ignore], ..Config::default() };
                let setting = Setting {
                    config: &config,
                    sources: &sources,
                    pointer: &|_| None,
                    cwd: std::path::Path::new("/p"),
                    today: jiff::civil::date(2027, 1, 1),
                    checked: &|_| true,
                };
                apply(found.clone(), &setting).kept.iter().filter(|d| d.code == *code).count()
            };
            run += 1;
            assert_eq!(remaining("example"), if is_ignorable(*code) { 0 } else { all }, "{}", code.id());
            assert!(all > 0 && remaining("other") == all, "{}", code.id());
        }
    }
    assert!(run > 60, "only {run} examples");
}
