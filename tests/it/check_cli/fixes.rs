//! `--fix`: what is changed, what is not, and that nothing gets worse.

use super::screen;
use crate::support::process::Rot;
use proptest::prelude::*;
use rot::diagnostic::{Diagnostic, Severity};
use rot::source::{SourceFile, SourceMap};
use rot::workspace::config::Config;
use rot::workspace::load;
use rot::workspace::{diff, fix};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const SLIPS: &str = "secret key to \"api.example.com\";\n// the token\nrotation r {\n  http x GET 'https://api.example.com/' {\n    bearer secrets.key;\n  }\n}\n";

fn look(file: &SourceFile) -> (SourceMap, Vec<Diagnostic>) {
    let loaded = load::analyse(file, &Config::default());
    (loaded.sources, loaded.findings)
}

fn mend(name: &str, text: &str, unsafe_too: bool) -> Option<String> {
    fix::mend(&SourceFile::new(name, text), unsafe_too, &look).map(|m| m.text)
}

fn files(dir: &str) -> Vec<PathBuf> {
    let mut open = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(dir)];
    let mut found = Vec::new();
    while let Some(dir) = open.pop() {
        for path in std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()) {
            if path.ends_with("operate") {
                // Units, manifests and a dashboard: none of them is a definition.
            } else if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|e| e == "rot" || e == "json") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn the_difference_is_shown_and_nothing_is_written() {
    let done = Rot::new()
        .args("check --diff a.rot")
        .file("a.rot", SLIPS)
        .run()
        .code(1);
    assert_eq!(done.read("a.rot"), SLIPS);
    insta::assert_snapshot!("fix_diff", screen(&done));
}

#[test]
fn files_are_mended_in_place_and_keep_their_mode() {
    use std::os::unix::fs::PermissionsExt;
    let rot = Rot::new().args("check --fix a.rot").file("a.rot", SLIPS);
    std::fs::set_permissions(
        rot.path().join("a.rot"),
        std::fs::Permissions::from_mode(0o640),
    )
    .unwrap();
    let done = rot.run().code(0);
    insta::assert_snapshot!(
        "fix_done",
        format!("{}---\n{}", done.read("a.rot"), screen(&done))
    );
    assert_eq!(
        std::fs::metadata(done.path("a.rot"))
            .unwrap()
            .permissions()
            .mode()
            & 0o777,
        0o640
    );
    let again = Rot::new()
        .args("check --fix a.rot")
        .file("a.rot", done.read("a.rot"))
        .run()
        .code(0);
    assert_eq!(again.read("a.rot"), done.read("a.rot"));
    assert!(!again.stderr.contains("fixed"), "{}", again.stderr);
}

#[test]
fn what_may_change_the_meaning_needs_a_word_more() {
    let text = "secret key to \"api.example.com\"\nrotation r {\n  http x GET \"https://api.example.com/\" {\n    bearer secrets.kye\n  }\n}\n";
    let check = |line: &str| Rot::new().args(line).arg("a.rot").file("a.rot", text).run();
    assert_eq!(check("check --fix").code(1).read("a.rot"), text);
    assert_eq!(
        check("check --fix=unsafe").code(0).read("a.rot"),
        text.replace("kye", "key")
    );
    assert!(
        check("check --fix=unsafe --diff")
            .code(1)
            .stdout
            .contains("+    bearer secrets.key\n")
    );
}

#[test]
fn a_suppressed_finding_is_left_as_it_is() {
    let text = "{\"name\": \"w\", \"version\": 1, \"metadata\": {\"rot.ignore\": {\"\": \"ROT211 known\"}}, \"tasks\": [{\"name\": \"h\", \"taskReferenceName\": \"h\", \
                \"type\": \"HTTP\", \"inputParameters\": {\"uri\": \"https://a.example.com/\", \"method\": \"get\"}}]}";
    assert_eq!(
        Rot::new()
            .args("check --fix w.json")
            .file("w.json", text)
            .run()
            .code(0)
            .read("w.json"),
        text
    );
    let bare = text.replace("\"\": \"ROT211 known\"", "");
    let mended = Rot::new()
        .args("check --fix w.json")
        .file("w.json", &bare)
        .run()
        .code(0)
        .read("w.json");
    assert_eq!(mended, bare.replace("\"get\"", "\"GET\""));
}

#[test]
fn standard_input_is_only_shown() {
    let done = Rot::new().args("check --fix -").stdin(SLIPS).run().code(2);
    assert!(
        done.stderr.contains("cannot be fixed in place"),
        "{}",
        done.stderr
    );
    let done = Rot::new()
        .args("check --diff --stdin-path x.rot -")
        .stdin(SLIPS)
        .run()
        .code(1);
    assert!(
        done.stdout.starts_with("--- a/x.rot\n+++ b/x.rot\n@@ "),
        "{}",
        done.stdout
    );
}

/// All texts of the specification, the examples and the pages: fixing ends, does not grow any count of findings that could be seen
/// before, and text before and after stays.
#[test]
fn fixes_never_make_it_worse() {
    let read = |path: PathBuf| {
        (
            path.to_str().unwrap().to_owned(),
            std::fs::read_to_string(&path).unwrap(),
        )
    };
    let mut texts: Vec<(String, String)> = files("tests/spec")
        .into_iter()
        .chain(files("examples"))
        .map(read)
        .collect();
    texts.extend(
        crate::check::cases::failing()
            .into_iter()
            .map(|(_, e)| (e.name().to_owned(), e.text)),
    );
    let (mut seen, mut mended) = (0, 0);
    for (name, text) in &texts {
        let (lead, tail) = if load::is_json(&SourceFile::new(name.as_str(), text.as_str())) {
            ("\n \t", "\r\n\n")
        } else {
            ("# über\r\n\n", "\r\n\t# 末尾")
        };
        for unsafe_too in [false, true] {
            seen += 1;
            let Some(fixed) = mend(name, text, unsafe_too) else {
                continue;
            };
            mended += 1;
            let (before, after) = (counts(name, text), counts(name, &fixed));
            let hidden = before.keys().any(|code| code.as_str() < "ROT3");
            for (code, count) in after
                .iter()
                .filter(|(code, _)| !hidden || code.as_str() < "ROT1")
            {
                assert!(
                    *count <= before.get(code).copied().unwrap_or(0),
                    "{name}: {code} was added"
                );
            }
            assert_eq!(
                mend(name, &fixed, unsafe_too),
                None,
                "{name}: fixing again changes nothing"
            );
            // Ahead of a mark nothing can stand.
            if !text.starts_with('\u{feff}') {
                let framed = mend(name, &format!("{lead}{text}{tail}"), unsafe_too);
                assert_eq!(framed, Some(format!("{lead}{fixed}{tail}")), "{name}");
            }
        }
    }
    println!("{mended} of {seen} texts had fixes");
    assert!(mended > 100);
}

/// How often each code is found, errors alone for those that tell what was not read.
fn counts(name: &str, text: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for one in look(&SourceFile::new(name, text))
        .1
        .iter()
        .filter(|d| d.severity == Severity::Error || d.code.id() > "ROT3")
    {
        *counts.entry(one.code.id().to_owned()).or_default() += 1;
    }
    counts
}

/// The command mends first, then takes away the suppressions that are of no use any more.
#[test]
fn suppressions_go_last() {
    let text = super::leaky("  log \"plain\" # rot: ignore[ROT301] known").replace(
        "secret api_key to",
        "# rot: ignore[ROT107, ROT324] known\nsecret api_key, spare to",
    );
    let mended = Rot::new()
        .args("check --fix=unsafe a.rot")
        .file("a.rot", &text)
        .run()
        .code(0)
        .read("a.rot");
    assert_eq!(
        mended,
        text.replace(" # rot: ignore[ROT301] known", "")
            .replace("ROT107, ROT324", "ROT107")
    );
    let reveal =
        super::leaky("  # rot: ignore[ROT303] known\n  log \"${reveal run.id because \"an id\"}\"");
    let mended = Rot::new()
        .args("check --fix a.rot")
        .file("a.rot", &reveal)
        .run()
        .code(0);
    assert_eq!(mended.read("a.rot"), super::leaky("  log \"${run.id}\""));
    assert!(mended.stderr.contains("2 fixed"), "{}", mended.stderr);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Slips of writers of other languages, put into good files, are mended back to the byte.
    #[test]
    fn slips_are_mended_back(file in 0usize..10, at in prop::collection::btree_set(0usize..60, 1..6)) {
        let examples = files("examples");
        let path = &examples[file % examples.len()];
        let good = std::fs::read_to_string(path).unwrap();
        let mut bad = String::new();
        for (number, line) in good.split_inclusive('\n').enumerate() {
            let bare = line.trim_end();
            let slip = at.contains(&number) && (bare.trim_start().starts_with("bearer") || bare.trim_start().starts_with("promote")
                || bare.trim_start().starts_with("expect status"));
            bad.push_str(bare);
            bad.push_str(if slip { ";\n" } else { "\n" });
        }
        let name = path.to_str().unwrap();
        prop_assert_eq!(mend(name, &bad, false).unwrap_or(bad), good);
    }

    /// What a diff says is what changed: `patch` makes the new text of the old one.
    #[test]
    fn a_diff_can_be_applied(old in "([abc]\n){0,12}[ab]?", new in "([abc]\n){0,12}[ab]?") {
        let shown = diff::unified("x", &old, &new);
        prop_assert_eq!(shown.is_empty(), old == new);
        prop_assert_eq!(patched(&old, &shown), new);
    }
}

/// Applies a unified diff.
fn patched(old: &str, diff: &str) -> String {
    let lines: Vec<&str> = old.split_inclusive('\n').collect();
    let mut out = String::new();
    let mut at = 0;
    let mut rows = diff.lines().skip(2).peekable();
    while let Some(row) = rows.next() {
        if let Some(head) = row.strip_prefix("@@ -") {
            // A count of 1 may be left out.
            let range = head.split_once(' ').unwrap().0;
            let (start, count) = range.split_once(',').unwrap_or((range, "1"));
            let (start, count): (usize, usize) = (start.parse().unwrap(), count.parse().unwrap());
            let first = if count == 0 { start } else { start - 1 };
            out.push_str(&lines[at..first].concat());
            at = first;
            continue;
        }
        let (mark, text) = row.split_at(1);
        let end = if rows.peek().is_some_and(|r| r.starts_with('\\')) {
            ""
        } else {
            "\n"
        };
        match mark {
            " " => {
                assert_eq!(lines[at], format!("{text}{end}"));
                out.push_str(lines[at]);
                at += 1;
            }
            "-" => {
                assert_eq!(lines[at], format!("{text}{end}"));
                at += 1;
            }
            "+" => out.push_str(&format!("{text}{end}")),
            _ => {}
        }
    }
    out + &lines[at..].concat()
}
