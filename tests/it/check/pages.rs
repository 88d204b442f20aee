//! Every code has a page; every page's examples do what the page says.

use crate::support::pages::{examples, of_page};
use rot::check::pages;
use rot::diagnostic::{ALL_CODES, Severity};
use rot::source::{SourceFile, Span};
use rot::workspace::config::{Config, Ignore};
use std::collections::HashSet;

#[test]
fn every_code_has_one_page_in_the_fixed_shape() {
    let mut seen = HashSet::new();
    for (code, page) in pages() {
        assert!(seen.insert(code.id()), "{} has two pages", code.id());
        let title = format!("# {} {}\n\n", code.id(), code.name());
        assert!(
            page.starts_with(&title),
            "{} begins with {:?}",
            code.id(),
            page.lines().next()
        );
        let body = &page[title.len()..];
        let is_found =
            body.starts_with("What it finds: ") && body.contains("\n## Why it matters\n");
        let is_met = body.starts_with("What happened: ")
            && body.contains("\n## What it means for the credential\n")
            && body.contains("\n## What to do\n");
        assert!(is_found || is_met, "{}", code.id());
        assert!(
            !page.contains("//!") && page.ends_with('\n'),
            "{}",
            code.id()
        );
        of_page(*code, page);
    }
    let missing: Vec<&str> = ALL_CODES
        .iter()
        .map(|c| c.id())
        .filter(|id| !seen.contains(id))
        .collect();
    assert!(missing.is_empty(), "codes without a page: {missing:?}");
}

#[test]
fn the_examples_of_the_pages_do_what_they_say() {
    let mut run = 0;
    let mut wrong = Vec::new();
    for example in examples() {
        let (code, found) = (example.code, example.findings());
        run += 1;
        let list: Vec<String> = found
            .iter()
            .map(|d| format!("{} {}", d.code.id(), d.message))
            .collect();
        let is_found = found.iter().any(|d| d.code == code);
        // A note does not stop anything.
        let is_clean = !found.iter().any(|d| d.severity > Severity::Note);
        if example.fails && !is_found {
            wrong.push(format!(
                "{} does not find its own example ({:?}): {list:#?}",
                code.id(),
                example.kind
            ));
        }
        if !example.fails && (is_found || !is_clean) {
            wrong.push(format!(
                "{}: its mended example is not clean ({:?}): {list:#?}",
                code.id(),
                example.kind
            ));
        }
    }
    assert!(run > 160, "only {run} examples");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What a page shows as wrong can be accepted: in `rot.toml`, for that file and no other, and in the text itself. What may never be
/// accepted stays.
#[test]
fn the_examples_of_the_pages_can_be_suppressed() {
    let mut run = 0;
    let mut wrong = Vec::new();
    for example in examples()
        .iter()
        .filter(|e| e.fails && (e.code.may_be_turned_off() || e.code.id() < "ROT9"))
    {
        let code = example.code;
        let all = example.count(&example.text);
        let remaining = |file: &str| {
            let reason = "accepted by this test".to_owned();
            let ignore = Ignore {
                file: file.to_owned(),
                pointer: None,
                rule: code,
                reason,
                until: None,
                span: Span::NONE,
            };
            let config = Config {
                ignores: vec![ignore],
                ..example.config()
            };
            let found = example
                .look_with(
                    &SourceFile::new(example.name(), example.text.as_str()),
                    &config,
                )
                .1;
            found.iter().filter(|d| d.code == code).count()
        };
        let left = if code.may_be_turned_off() { 0 } else { all };
        let within = match example.text.strip_prefix('{') {
            Some(rest) if example.name().ends_with("json") => {
                format!(
                    "{{\"metadata\": {{\"rot.ignore\": {{\"\": \"{} known\"}}}}, {rest}",
                    code.id()
                )
            }
            _ => format!("# rot: ignore-file[{}] known\n{}", code.id(), example.text),
        };
        run += 1;
        let counts = [
            all,
            remaining("example.*"),
            remaining("other"),
            example.count(&within),
        ];
        // The mark of ROT008 stands ahead of everything, and a text that cannot be read has no metadata.
        let in_text = if code.id() == "ROT008" {
            counts[3]
        } else {
            left
        };
        if all == 0 || counts != [all, left, all, in_text] {
            wrong.push(format!(
                "{} {:?}: {counts:?} of {all} findings remain",
                code.id(),
                example.kind
            ));
        }
    }
    assert!(run > 90, "only {run} examples");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
