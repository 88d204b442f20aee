//! The text of the server is the text of the editor, and what it says of it is what the command line says.

use super::client::{Client, offset, uri};
use proptest::prelude::*;
use rot::lsp::{Encoding, Lines};
use rot::source::SourceFile;
use rot::workspace::config::Config;
use rot::workspace::load;
use serde_json::{Value, json};
use std::path::Path;

fn ours(found: &[Value]) -> Vec<(String, u64, u64, String)> {
    let mut all: Vec<_> = found
        .iter()
        .map(|d| {
            (
                d["code"].as_str().unwrap().to_owned(),
                d["data"]["start"].as_u64().unwrap(),
                d["data"]["end"].as_u64().unwrap(),
                d["message"]
                    .as_str()
                    .unwrap()
                    .split("\nhelp: ")
                    .next()
                    .unwrap()
                    .to_owned(),
            )
        })
        .collect();
    all.sort();
    all
}

fn theirs(path: &Path, text: &str) -> Vec<(String, u64, u64, String)> {
    let file = SourceFile::new(path.display().to_string(), text);
    let loaded = load::analyse(&file, &Config::default());
    let mut all: Vec<_> = loaded
        .findings
        .iter()
        .filter(|d| d.span().file.index() == 0)
        .map(|d| {
            let message = d.message.clone();
            (
                d.code.id().to_owned(),
                d.span().start.into(),
                d.span().end.into(),
                message,
            )
        })
        .collect();
    all.sort();
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Places convert there and back, and edits by places are edits by bytes.
    #[test]
    fn places_convert(text in "([a-z é😀\u{301}\t]|\r\n|\n|\r){0,40}", edits in prop::collection::vec((0usize..60, 0usize..60, "([aé😀]|\r\n|\n){0,4}"), 0..12)) {
        for encoding in [Encoding::Utf8, Encoding::Utf16] {
            let mut ours = text.clone();
            let mut plain = text.clone();
            for (a, b, new) in &edits {
                let borders: Vec<usize> = plain.char_indices().map(|(i, _)| i).chain([plain.len()]).collect();
                let (a, b) = (borders[a % borders.len()], borders[b % borders.len()]);
                let (start, end) = (a.min(b), a.max(b));
                // A client places nothing between the two bytes of a line's end.
                let split = |at: usize| plain[..at].ends_with('\r') && plain[at..].starts_with('\n');
                if split(start) || split(end) { continue; }
                let lines = Lines::new(&ours, encoding);
                let range = lines.range(&ours, start as u32, end as u32);
                let bytes = lines.bytes(&ours, range);
                prop_assert_eq!((bytes.start as usize, bytes.end as usize), (start, end));
                ours.replace_range(bytes.start as usize..bytes.end as usize, new);
                plain.replace_range(start..end, new);
            }
            prop_assert_eq!(&ours, &plain);
            let lines = Lines::new(&text, encoding);
            if let Some(edit) = lines.change(&text, &plain) {
                let bytes = lines.bytes(&text, edit.range);
                let mut made = text.clone();
                made.replace_range(bytes.start as usize..bytes.end as usize, &edit.new_text);
                prop_assert_eq!(made, plain);
            }
        }
    }
}

/// Random edits on every example: the server, which remembers, says what a fresh look says.
#[test]
fn findings_are_those_of_a_fresh_look_after_any_edits() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut seed: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut random = |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % below.max(1) as u64) as usize
    };
    let pieces = [
        "",
        "x",
        "}",
        "{",
        "\"",
        "secret ",
        "é😀",
        "\n",
        "  log secrets.a\n",
        "$",
        "${",
        ",",
        "#",
    ];
    let mut edits = 0;
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "rot" && e != "json") {
            continue;
        }
        let mut text = std::fs::read_to_string(&path).unwrap();
        let mut client = Client::new(path.parent().unwrap());
        client.open(&path, &text);
        for round in 0..60 {
            if round % 12 == 0 {
                text = std::fs::read_to_string(&path).unwrap();
                client.change(&path, &text);
            }
            let borders: Vec<usize> = text
                .char_indices()
                .map(|(i, _)| i)
                .chain([text.len()])
                .collect();
            let start = borders[random(borders.len())];
            let end = *borders
                .iter()
                .find(|b| **b >= start + random(6))
                .unwrap_or(&text.len());
            let new = pieces[random(pieces.len())];
            let range = json!({
                "start": super::client::position(&text, start),
                "end": super::client::position(&text, end),
            });
            client.edit(&path, json!([{ "range": range, "text": new }]));
            text.replace_range(start..end, new);
            let found = client.findings(&path);
            let is_ours = rot::workspace::project::is_ours(&path, &text);
            let wanted = if is_ours {
                theirs(&path, &text)
            } else {
                Vec::new()
            };
            assert_eq!(ours(&found), wanted, "{}\n{text}", path.display());
            for one in &found {
                let start = offset(&text, &one["range"]["start"]);
                assert_eq!(
                    start as u64,
                    one["data"]["start"]
                        .as_u64()
                        .unwrap()
                        .min(text.len() as u64)
                );
            }
            edits += 1;
        }
        client.leave();
    }
    println!("{edits} edits");
    assert!(edits > 500);
}

#[test]
fn the_unsaved_text_of_a_used_file_counts_until_it_is_closed() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    let (user, used) = (root.join("user.rot"), root.join("used.rot"));
    let text = "use \"used.rot\"\nrotation r {\n  every 1d\n  http GET \"https://api.example.com\" { bearer secrets.key   expect status 200 }\n}\n";
    std::fs::write(&used, "secret key to \"api.example.com\"\n").unwrap();
    let mut client = Client::new(&root);
    let codes = |found: Vec<Value>| -> Vec<String> {
        found
            .iter()
            .map(|d| d["code"].as_str().unwrap().to_owned())
            .collect()
    };
    let clean = codes(client.open(&user, text));
    assert!(!clean.contains(&"ROT102".to_owned()), "{clean:?}");
    client.open(&used, "secret other to \"api.example.com\"\n");
    let broken = codes(client.findings(&user));
    assert_ne!(broken, clean);
    client.close(&used);
    assert_eq!(codes(client.findings(&user)), clean);
    std::fs::remove_file(&used).unwrap();
    client.tell(
        "workspace/didChangeWatchedFiles",
        json!({ "changes": [{ "uri": uri(&used), "type": 3 }] }),
    );
    let gone = codes(client.findings(&user));
    assert!(
        gone.contains(&"ROT007".to_owned()) || gone != clean,
        "{gone:?}"
    );
    std::fs::write(&used, "secret key to \"api.example.com\"\n").unwrap();
    client.tell(
        "workspace/didChangeWatchedFiles",
        json!({ "changes": [{ "uri": uri(&used), "type": 1 }] }),
    );
    assert_eq!(codes(client.findings(&user)), clean);
    client.leave();
}

#[test]
fn a_burst_of_changes_is_one_publication_for_each_version_at_most() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    let path = root.join("a.rot");
    let mut client = Client::new(&root);
    client.open(&path, "secret a\n");
    client.told.clear();
    for _ in 0..200 {
        let start = json!({ "line": 0, "character": 0 });
        client.edit(
            &path,
            json!([{ "range": { "start": start, "end": start }, "text": "# x\n" }]),
        );
    }
    client.findings(&path);
    let told: Vec<i64> = client
        .told
        .iter()
        .filter(|n| n.method == "textDocument/publishDiagnostics")
        .map(|n| n.params["version"].as_i64().unwrap())
        .collect();
    println!("{} publications for 200 changes", told.len());
    assert!(told.is_sorted() && told.len() <= 200);
    assert_eq!(told.last(), Some(&201));
    let mut once = told.clone();
    once.dedup();
    assert_eq!(once, told);
    client.leave();
}

#[test]
fn settings_and_suppressions_hold_as_on_the_command_line() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    let path = root.join("a.rot");
    let text = "secret key to \"api.example.com\"\nsecret unused\nrotation r {\n  every 1d\n  # rot: ignore[ROT301] a test\n  log secrets.key\n}\n";
    std::fs::write(
        root.join("rot.toml"),
        "[check.severity]\nunused-secret = \"error\"\n",
    )
    .unwrap();
    std::fs::write(&path, text).unwrap();
    let mut client = Client::new(&root);
    let found = client.open(&path, text);
    let done = crate::support::process::Rot::new()
        .args("check --report json --config")
        .arg(root.join("rot.toml").display().to_string())
        .arg(path.display().to_string())
        .run();
    let report: Value = serde_json::from_str(&done.stdout).unwrap();
    let cli: Vec<(String, String)> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| {
            let text = |key: &str| f[key].as_str().unwrap().to_owned();
            (text("code"), text("severity"))
        })
        .collect();
    let editor: Vec<(String, String)> = found
        .iter()
        .map(|d| {
            let severity = match d["severity"].as_u64().unwrap() {
                1 => "error",
                2 => "warning",
                _ => "note",
            };
            (d["code"].as_str().unwrap().to_owned(), severity.to_owned())
        })
        .collect();
    assert!(!cli.is_empty());
    let sorted = |mut all: Vec<(String, String)>| {
        all.sort();
        all
    };
    assert_eq!(sorted(editor), sorted(cli));
    client.leave();
}
