//! Every rule has a case in which it fires, one in which it is silent, one in which it is suppressed and, where the documentation
//! promises a fix, one in which it is mended. The cases are the examples of the pages and the files of `tests/spec/fixes`, whose names begin with the
//! code; the promises are the table of fixes in `docs/reference/check.md`.

use crate::support::pages::{Example, Kind, examples};
use rot::check::pages;
use rot::diagnostic::{Code, Severity};
use rot::source::SourceFile;
use rot::workspace::{diff, fix};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Rules that an example on a page cannot show, and why; each has a test of its own.
const ELSEWHERE: [(&str, &str); 7] = [
    ("ROT007", "129 levels have no room on a page"),
    ("ROT009", "it takes a file that cannot be read"),
    ("ROT905", "it takes a baseline"),
    ("ROT908", "said by `rot import` alone"),
    ("ROT909", "said by `rot export` alone"),
    ("ROT920", "said by `rot export` alone"),
    ("ROT921", "said by `rot import` alone"),
];

/// The failing examples of the pages, and the files of cases.
pub fn failing() -> Vec<(String, Example)> {
    let mut all: Vec<(String, Example)> = Vec::new();
    let mut number = 0;
    for example in examples().into_iter().filter(|e| e.fails) {
        number = if all
            .last()
            .is_some_and(|(_, before)| before.code == example.code)
        {
            number + 1
        } else {
            1
        };
        all.push((format!("{} page {number}", example.code.id()), example));
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/spec/fixes");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    files.sort();
    for path in files {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let code = Code::find(name.split('-').next().unwrap())
            .unwrap_or_else(|| panic!("{name} begins with no code"));
        let kind = if name.ends_with(".rot") {
            Kind::Rot
        } else {
            Kind::Orkes
        };
        all.push((
            name,
            Example {
                code,
                fails: true,
                kind,
                text: std::fs::read_to_string(path).unwrap(),
            },
        ));
    }
    all
}

fn mended(example: &Example, unsafe_too: bool) -> Option<String> {
    let look = |file: &SourceFile| example.look(file);
    fix::mend(
        &SourceFile::new(example.name(), example.text.as_str()),
        unsafe_too,
        &look,
    )
    .map(|m| m.text)
}

/// Code → whether `--fix` alone mends it, as the documentation says.
fn promised() -> BTreeMap<String, bool> {
    let page = std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference/check.md"),
    )
    .unwrap();
    let rows = page
        .split("\n## Fixes\n")
        .nth(1)
        .unwrap()
        .split("\n## ")
        .next()
        .unwrap()
        .lines();
    rows.filter_map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let code = cells.get(1).filter(|c| c.starts_with("ROT"))?;
        Some(((*code).to_owned(), *cells.get(2)? == "`--fix`"))
    })
    .collect()
}

#[test]
fn every_rule_fires_is_silent_and_is_mended_where_that_is_promised() {
    let all = examples();
    let has = |code: Code, fails: bool| all.iter().any(|e| e.code == code && e.fails == fails);
    let mut wrong = Vec::new();
    for (code, page) in pages() {
        if page.contains("\nWhat happened: ") {
            continue;
        }
        let complete = has(*code, true) && has(*code, false);
        let elsewhere = ELSEWHERE.iter().any(|(id, _)| *id == code.id());
        if complete == elsewhere {
            wrong.push(format!(
                "{}: an example that fails and one that is mended, or a reason why not",
                code.id()
            ));
        }
    }
    let promised = promised();
    let (mut safe, mut with_a_look) = (BTreeSet::new(), BTreeSet::new());
    for (_, example) in failing() {
        let before = example.count(&example.text);
        let lowers = |unsafe_too| {
            mended(&example, unsafe_too).is_some_and(|text| example.count(&text) < before)
        };
        let offered = example
            .findings()
            .iter()
            .any(|d| d.code == example.code && !d.fixes.is_empty());
        if offered && lowers(false) {
            safe.insert(example.code.id().to_owned());
        } else if offered && lowers(true) {
            with_a_look.insert(example.code.id().to_owned());
        }
    }
    for (code, safely) in &promised {
        let shown = if *safely {
            safe.contains(code)
        } else {
            with_a_look.contains(code)
        };
        if !shown {
            wrong.push(format!(
                "{code}: no case shows the fix that docs/reference/check.md promises"
            ));
        }
    }
    for code in safe
        .iter()
        .chain(&with_a_look)
        .filter(|code| !promised.contains_key(*code))
    {
        wrong.push(format!(
            "{code}: its fix is missing in docs/reference/check.md"
        ));
    }
    println!(
        "{} examples, {} codes with a fix",
        all.len(),
        promised.len()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What each fix changes, to be looked at.
#[test]
fn what_fixes_change() {
    let mut shown = String::new();
    for (name, example) in failing() {
        let (safe, all) = (mended(&example, false), mended(&example, true));
        for (how, text) in [("--fix", &safe), ("--fix=unsafe", &all)] {
            let Some(text) = text.as_ref().filter(|_| how == "--fix" || safe != all) else {
                continue;
            };
            let diff = diff::unified("x", &example.text, text)
                .replace('\r', "␍")
                .replace('\u{feff}', "␢")
                .replace('\u{200b}', "␣");
            let lines: Vec<&str> = diff
                .lines()
                .skip(2)
                .filter(|l| l.starts_with(['-', '+', '@', '\\']))
                .collect();
            shown.push_str(&format!("{name} {how}\n{}\n\n", lines.join("\n")));
        }
    }
    insta::assert_snapshot!("fixes", shown);
}

/// A fix never adds a finding, whatever was wrong besides, and what it leaves is mended no further.
#[test]
fn a_fix_adds_no_finding() {
    let count = |example: &Example, text: &str| {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for one in example.look(&SourceFile::new(example.name(), text)).1 {
            *counts.entry(one.code.id()).or_default() += 1;
        }
        counts
    };
    let mut run = 0;
    for (name, example) in failing() {
        // What could not be read hid what now shows.
        if example
            .findings()
            .iter()
            .any(|d| d.severity == Severity::Error && d.code.id() < "ROT3")
        {
            continue;
        }
        let before = count(&example, &example.text);
        for unsafe_too in [false, true] {
            let Some(text) = mended(&example, unsafe_too) else {
                continue;
            };
            run += 1;
            for (code, after) in count(&example, &text) {
                assert!(
                    after <= before.get(code).copied().unwrap_or(0),
                    "{name}: {code} was added in\n{text}"
                );
            }
        }
    }
    assert!(run > 40, "only {run} fixes");
}
