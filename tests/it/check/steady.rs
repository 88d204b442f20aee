//! What a report does not depend on: the layout of a file, the order of its rotations, what is half typed beside them. Over all
//! files of the labelled set, so that no kind of finding is left out.

use rot::diagnostic::{Diagnostic, Severity};
use rot::source::{FileId, SourceFile};
use rot::workspace::config::Config;
use rot::workspace::load::analyse;
use rot::workspace::suppress::{Setting, apply};
use std::collections::BTreeMap;
use std::path::Path;

fn findings(text: &str) -> Vec<Diagnostic> {
    analyse(&SourceFile::new("t.rot", text), &Config::default()).findings
}

/// How often each code is left when what the text itself answers is taken away.
fn left(text: &str) -> BTreeMap<&'static str, usize> {
    let loaded = analyse(&SourceFile::new("t.rot", text), &Config::default());
    let (pointer, checked) = (|_| None, |_| true);
    let config = Config::default();
    let setting = Setting {
        config: &config,
        sources: &loaded.sources,
        pointer: &pointer,
        cwd: Path::new("/"),
        today: jiff::civil::date(2026, 1, 1),
        checked: &checked,
    };
    let mut counts = BTreeMap::new();
    for one in apply(loaded.findings, &setting).kept {
        *counts.entry(one.code.id()).or_default() += 1;
    }
    counts
}

/// How often each code is found.
fn counts(text: &str) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for one in findings(text) {
        *counts.entry(one.code.id()).or_default() += 1;
    }
    counts
}

/// The `.rot` files of the labelled set, by name.
fn labelled() -> Vec<(String, String)> {
    let mut texts = Vec::new();
    for part in ["clean", "defect"] {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/spec/labelled")
            .join(part);
        for path in std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()) {
            if path.extension().is_some_and(|e| e == "rot") {
                let name = format!("{part}/{}", path.file_name().unwrap().to_string_lossy());
                texts.push((name, std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    texts.sort();
    assert!(texts.len() > 50, "{}", texts.len());
    texts
}

/// The text in its one layout, where it can be read.
fn printed(text: &str) -> Option<String> {
    let file = SourceFile::new("t.rot", text);
    let (ast, found) = rot::syntax::parse(FileId::new(0), &file);
    found.is_empty().then(|| rot::syntax::print(&ast, &file))
}

#[track_caller]
fn all_right(wrong: Vec<String>, tried: usize) {
    println!("{tried} tried");
    assert!(
        wrong.is_empty(),
        "{} of {tried}\n{}",
        wrong.len(),
        wrong.join("\n----\n")
    );
}

#[test]
fn formatting_changes_no_finding() {
    let (mut wrong, mut tried) = (Vec::new(), 0);
    for (name, text) in labelled() {
        let Some(once) = printed(&text) else { continue };
        tried += 1;
        if printed(&once).as_ref() != Some(&once) {
            wrong.push(format!("{name}: formatting again changes it"));
        }
        let mut after = counts(&once);
        let mut before = counts(&text);
        // What formatting itself mends.
        before.remove("ROT613");
        after.remove("ROT613");
        if after != before {
            wrong.push(format!("{name}: {before:?}, then {after:?}"));
        }
    }
    all_right(wrong, tried);
}

/// A comment behind the line of each finding, one at a time: it answers the finding before and after.
#[test]
fn a_suppression_stays_with_what_it_answers() {
    let (mut wrong, mut tried) = (Vec::new(), 0);
    for (name, text) in labelled() {
        for one in findings(&text)
            .iter()
            .filter(|d| d.severity > Severity::Note && d.span().is_some())
        {
            let start = one.span().start as usize;
            let end = text[start..].find('\n').map_or(text.len(), |n| start + n);
            let begin = text[..start].rfind('\n').map_or(0, |n| n + 1);
            // What stands on the last line of its rotation stands on no line of its own afterwards.
            let line = &text[begin..end];
            let closes = line.matches('}').count() > line.matches('{').count();
            if line.contains('#') || closes {
                continue;
            }
            let answered = format!(
                "{}  # rot: ignore[{}] a test{}",
                text[..end].trim_end(),
                one.code.id(),
                &text[end..]
            );
            let before = left(&answered);
            // Not all may be answered.
            if before == left(&text) || before.contains_key("ROT901") {
                continue;
            }
            let Some(once) = printed(&answered) else {
                continue;
            };
            tried += 1;
            let after = left(&once);
            if after != before {
                wrong.push(format!(
                    "{name}: {} is answered before ({before:?}) and not after ({after:?})\n{once}",
                    one.code.id()
                ));
            }
        }
    }
    assert!(tried > 80, "{tried}");
    all_right(wrong, tried);
}

#[test]
fn the_order_of_rotations_changes_no_finding() {
    let (mut wrong, mut tried) = (Vec::new(), 0);
    for (name, text) in labelled() {
        let file = SourceFile::new("t.rot", text.as_str());
        let (ast, _) = rot::syntax::parse(FileId::new(0), &file);
        let parts: Vec<&str> = ast
            .items
            .iter()
            .map(|item| &text[item.span().start as usize..item.span().end as usize])
            .collect();
        if parts
            .iter()
            .filter(|part| part.starts_with("rotation"))
            .count()
            < 2
        {
            continue;
        }
        // Of two with one name the first is meant.
        if counts(&text).contains_key("ROT110") {
            continue;
        }
        tried += 1;
        let forwards = counts(&parts.join("\n\n"));
        let backwards: Vec<&str> = parts.iter().rev().copied().collect();
        let backwards = counts(&backwards.join("\n\n"));
        if forwards != backwards {
            wrong.push(format!("{name}: {forwards:?}, and backwards {backwards:?}"));
        }
    }
    all_right(wrong, tried);
}

#[test]
fn nothing_is_said_twice_of_one_place() {
    let (mut wrong, mut tried) = (Vec::new(), 0);
    for (name, text) in labelled() {
        tried += 1;
        let mut seen = BTreeMap::new();
        // That two secrets decide is said of each.
        let of_each = ["ROT312", "ROT313"];
        for one in findings(&text)
            .into_iter()
            .filter(|d| !of_each.contains(&d.code.id()))
        {
            let before = seen.insert(
                (one.code.id(), one.span().start, one.span().end),
                one.message.clone(),
            );
            if let Some(before) = before {
                wrong.push(format!(
                    "{name}: {} says {before:?} and {:?}",
                    one.code.id(),
                    one.message
                ));
            }
        }
    }
    all_right(wrong, tried);
}

/// Without the brace that opens a block there is one mistake, and the rotations beside it are as they were.
#[test]
fn a_missing_brace_is_one_mistake() {
    let (mut wrong, mut tried) = (Vec::new(), 0);
    for (name, text) in labelled()
        .into_iter()
        .filter(|(name, _)| name.starts_with("clean"))
    {
        for (at, _) in text.match_indices("{\n") {
            let without = format!("{}{}", text[..at].trim_end(), &text[at + 1..]);
            tried += 1;
            let errors: Vec<String> = findings(&without)
                .iter()
                .filter(|d| d.severity == Severity::Error)
                .map(|d| format!("{} {}", d.code.id(), d.message))
                .collect();
            let syntax = errors.iter().filter(|e| e.starts_with("ROT00")).count();
            // Where an arm of a `match` lacks it, the arm before is one of two values.
            if syntax != 1 || errors.len() > 2 {
                let line = text[..at].matches('\n').count() + 1;
                wrong.push(format!("{name}:{line}: {errors:#?}"));
            }
        }
    }
    all_right(wrong, tried);
}

const OTHERS: &str = "secret key, other to \"api.acme.dev\"\n\
    rotation leaks {\n  log \"x ${secrets.key}\"\n}\n\
    rotation constant {\n  when \"a\" == \"b\" { log \"never\" }\n}\n";
const TYPED: &str = "rotation typed {\n  input id: string = \"a\"\n  http mint POST \"https://api.acme.dev/k/${input.id}\" issues additive {\n    \
    bearer secrets.key\n    expect status 200, 2xx\n    secret value = body $.items[0]['v'] optional\n  }\n  \
    when is_set(mint.value) and not (input.id == \"b\") { log \"got ${length(mint.value)}\" } else { stop \"none\" }\n  \
    update other = mint.value ?? \"none\"\n  on failure { log run.reason }\n}\n";

/// One rotation, cut behind each of its characters: of the others the same is found, before it and behind it.
#[test]
fn what_is_typed_changes_nothing_beside_it() {
    let of_others = |text: &str, begin: usize, end: usize| -> Vec<(&'static str, usize)> {
        let of = |d: &Diagnostic| {
            let start = d.span().start as usize;
            match start {
                start if start < begin => Some((d.code.id(), start)),
                start if start >= end => Some((d.code.id(), start - end + begin)),
                _ => None,
            }
        };
        // Which secrets nothing reads is said of a whole file.
        let of_rotations = |d: &&Diagnostic| d.code.id() != "ROT107" && d.severity > Severity::Note;
        findings(text)
            .iter()
            .filter(of_rotations)
            .filter_map(of)
            .collect()
    };
    let (before, behind) = (
        OTHERS,
        OTHERS
            .replace("leaks", "leaks2")
            .replace("constant", "constant2"),
    );
    let behind = behind.split_once('\n').unwrap().1;
    let whole = of_others(&format!("{before}{behind}"), before.len(), before.len());
    assert!(whole.len() >= 4, "{whole:?}");
    let (mut wrong, mut tried) = (Vec::new(), 0);
    for cut in 1..=TYPED.len() {
        let typed = &TYPED[..cut];
        tried += 1;
        let text = format!("{before}{typed}\n{behind}");
        let found = of_others(&text, before.len(), before.len() + cut + 1);
        if found != whole {
            wrong.push(format!(
                "{:?}: {found:?} for {whole:?}",
                &typed[cut.saturating_sub(30)..]
            ));
        }
    }
    all_right(wrong, tried);
}

/// Texts with a code that must be among the errors.
const ERRORS: &[(&str, &str, &str)] = &[
    (
        "revealed and hard-coded",
        "ROT612",
        "rotation r {\n  http GET \"https://api.acme.dev/y\" { bearer reveal \"ghp_16C7e42F292c6912E7710c838347Ae178B4a\" because \"a test\" }\n}\n",
    ),
    (
        "revealed within and hard-coded",
        "ROT612",
        "rotation r {\n  let t = (reveal \"ghp_16C7e42F292c6912E7710c838347Ae178B4a\" because \"a test\")\n  http GET \"https://api.acme.dev/y\" { bearer t }\n}\n",
    ),
    (
        "both update",
        "ROT508",
        "secret k to \"api.acme.dev\"\nrotation r {\n  parallel {\n    a { update k = \"x\" }\n    b { update k = \"y\" }\n  }\n}\n",
    ),
    (
        "one stages, one updates",
        "ROT508",
        "secret k, o to \"api.acme.dev\"\nrotation r {\n  parallel {\n    a { stage k = secrets.o }\n    b { log \"x\" }\n    c { when input.x { update k = secrets.o } }\n  }\n  input x: bool\n}\n",
    ),
    (
        "by a call",
        "ROT508",
        "secret k, o to \"api.acme.dev\"\nrotation w { update k = secrets.o }\nrotation r {\n  parallel {\n    a { call x = w }\n    b { update k = secrets.o }\n  }\n}\n",
    ),
    (
        "in the steps of branches within branches",
        "ROT508",
        "secret k, o to \"api.acme.dev\"\nrotation r {\n  parallel {\n    a { parallel { c { update k = secrets.o } d { log \"x\" } } }\n    b { update k = secrets.o }\n  }\n}\n",
    ),
];

#[test]
fn what_nothing_hides_is_an_error() {
    for (name, code, text) in ERRORS {
        let found = findings(text);
        let own = |d: &&Diagnostic| d.code.id() == *code && d.severity == Severity::Error;
        assert_eq!(found.iter().filter(own).count(), 1, "{name}: {found:#?}");
    }
    // One branch after the other, and two secrets, are no conflict.
    for text in [
        "secret k, o to \"api.acme.dev\"\nrotation r {\n  parallel {\n    a { update k = \"x\" }\n    b { update o = \"y\" }\n  }\n  update k = \"z\"\n}\n",
        "secret k, o to \"api.acme.dev\"\nrotation r {\n  parallel {\n    a { update k = \"x\" update k = \"y\" }\n    b { log \"y\" }\n  }\n}\n",
    ] {
        assert_eq!(counts(text).get("ROT508"), None, "{text}");
    }
}
