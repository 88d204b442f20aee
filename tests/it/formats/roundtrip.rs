//! All formats hold the same findings: hostile texts are written in each format and decoded back.

use proptest::prelude::*;
use rot::diagnostic::{ALL_CODES, Diagnostic, Severity};
use rot::report::{Format, RenderOptions, Report, visible};
use rot::source::{FileId, SourceFile, SourceMap, Span};
use serde_json::Value;
use std::collections::BTreeMap;

/// Code, weight, file, line, column, message. Texts in visible form, which is what all formats share.
type Key = (String, String, String, u64, u64, String);

fn hostile() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a",
        "b c",
        "\"",
        "'",
        "\\",
        "%0A",
        "%",
        "%25",
        "]]>",
        "<![CDATA[",
        "&amp;",
        "<x>",
        "\n",
        "\r\n",
        "\t",
        "\u{0}",
        "\u{1b}[31m",
        "\u{7f}",
        "\u{9b}",
        "\u{202e}",
        "\u{2066}",
        "\u{200b}",
        "\u{feff}",
        "é",
        "東",
        "😀",
        "::",
        ",",
        ":",
        "::error::",
        "\\u{1B}",
        "{",
        "}",
    ]);
    prop::collection::vec(piece, 1..8).prop_map(|pieces| pieces.concat())
}

fn decode(format: Format, text: &str) -> Vec<Key> {
    match format {
        Format::Json => json(text),
        Format::Sarif => sarif(text),
        Format::Gitlab => gitlab(text),
        Format::Github => text
            .lines()
            .filter(|l| l.starts_with("::"))
            .map(github)
            .collect(),
        Format::Junit => junit(text),
        Format::Concise => text.lines().map(concise).collect(),
        Format::Text => Vec::new(),
    }
}

/// The heading, the sign of the weight and the places of each drawing; the message is wrapped to the width.
fn drawn(written: &str) -> Vec<(String, String, Vec<(String, u64, u64)>)> {
    let mut found: Vec<(String, String, Vec<(String, u64, u64)>)> = Vec::new();
    for line in written.lines() {
        let signs = [("  × ", "error"), ("  ⚠ ", "warning"), ("  ☞ ", "note")];
        if let Some(code) = line
            .split(' ')
            .next()
            .filter(|w| w.len() == 6 && w.starts_with("ROT"))
        {
            found.push((code.to_owned(), String::new(), Vec::new()));
            continue;
        }
        let Some((_, severity, places)) = found.last_mut() else {
            continue;
        };
        if let (true, Some((_, name))) = (
            severity.is_empty(),
            signs.iter().find(|(sign, _)| line.starts_with(sign)),
        ) {
            severity.push_str(name);
        } else if let Some((_, place)) = line.split_once("─[") {
            let mut place = place.trim_end_matches(']').rsplitn(3, ':');
            let (column, row, file) = (
                place.next().unwrap(),
                place.next().unwrap(),
                place.next().unwrap(),
            );
            places.push((
                file.to_owned(),
                row.parse().unwrap(),
                column.parse().unwrap(),
            ));
        }
    }
    found
}

fn text(value: &Value) -> String {
    visible(value.as_str().unwrap()).into_owned()
}

fn json(written: &str) -> Vec<Key> {
    let value: Value = serde_json::from_str(written).unwrap();
    assert_eq!(value["schema"], "rot.check/v1");
    let key = |f: &Value| {
        (
            text(&f["code"]),
            text(&f["severity"]),
            text(&f["file"]),
            f["line"].as_u64().unwrap(),
            f["column"].as_u64().unwrap(),
            text(&f["message"]),
        )
    };
    value["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(key)
        .collect()
}

fn sarif(written: &str) -> Vec<Key> {
    let value: Value = serde_json::from_str(written).unwrap();
    let key = |r: &Value| {
        let place = &r["locations"][0]["physicalLocation"];
        let uri = place["artifactLocation"]["uri"].as_str().unwrap();
        assert!(uri.is_ascii() && !uri.contains([':', ' ']), "{uri}");
        let region = &place["region"];
        (
            text(&r["ruleId"]),
            text(&r["level"]),
            visible(&percent_decode(uri)).into_owned(),
            region["startLine"].as_u64().unwrap(),
            region["startColumn"].as_u64().unwrap(),
            text(&r["message"]["text"]),
        )
    };
    value["runs"][0]["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(key)
        .collect()
}

fn percent_decode(uri: &str) -> String {
    let bytes = uri.as_bytes();
    let mut out = Vec::new();
    let mut i = 0;
    while i < bytes.len() {
        if bytes[i] == b'%' {
            out.push(u8::from_str_radix(&uri[i + 1..i + 3], 16).unwrap());
            i += 3;
        } else {
            out.push(bytes[i]);
            i += 1;
        }
    }
    String::from_utf8(out).unwrap()
}

fn gitlab(written: &str) -> Vec<Key> {
    let value: Value = serde_json::from_str(written).unwrap();
    let issues = value.as_array().unwrap();
    let prints: std::collections::HashSet<_> = issues
        .iter()
        .map(|i| i["fingerprint"].as_str().unwrap())
        .collect();
    assert_eq!(
        prints.len(),
        issues.len(),
        "GitLab folds findings with one fingerprint"
    );
    let key = |i: &Value| {
        let (code, message) = i["description"].as_str().unwrap().split_once(": ").unwrap();
        let severity = BTreeMap::from([("major", "error"), ("minor", "warning"), ("info", "note")])
            [i["severity"].as_str().unwrap()];
        let begin = &i["location"]["positions"]["begin"];
        assert_eq!(i["location"]["lines"]["begin"], begin["line"]);
        (
            code.to_owned(),
            severity.to_owned(),
            text(&i["location"]["path"]),
            begin["line"].as_u64().unwrap(),
            begin["column"].as_u64().unwrap(),
            message.to_owned(),
        )
    };
    issues.iter().map(key).collect()
}

fn github(line: &str) -> Key {
    let (command, message) = line[2..].split_once("::").unwrap();
    let (kind, properties) = command.split_once(' ').unwrap();
    let properties: BTreeMap<&str, &str> = properties
        .split(',')
        .map(|p| p.split_once('=').unwrap())
        .collect();
    let plain = |t: &str| {
        t.replace("%0A", "\n")
            .replace("%0D", "\r")
            .replace("%3A", ":")
            .replace("%2C", ",")
            .replace("%25", "%")
    };
    let severity = if kind == "notice" { "note" } else { kind };
    (
        properties["title"].split(' ').next().unwrap().to_owned(),
        severity.to_owned(),
        plain(properties["file"]),
        properties["line"].parse().unwrap(),
        properties["col"].parse().unwrap(),
        visible(&plain(message)).into_owned(),
    )
}

fn junit(written: &str) -> Vec<Key> {
    assert!(!written.contains("]]>"));
    assert!(
        written
            .chars()
            .all(|c| c == '\n' || (c >= ' ' && c != '\u{fffe}' && c != '\u{ffff}'))
    );
    let plain = |t: &str| {
        t.replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&quot;", "\"")
            .replace("&#39;", "'")
            .replace("&amp;", "&")
    };
    let attribute = |tag: &str, name: &str| {
        let start = tag.find(&format!(" {name}=\"")).unwrap() + name.len() + 3;
        plain(tag[start..].split('"').next().unwrap())
    };
    let cases = written
        .split("<testcase")
        .skip(1)
        .filter(|c| c.contains("<failure"));
    cases
        .map(|case| {
            let (tag, failure) = case.split_once("<failure").unwrap();
            let name = attribute(tag, "name");
            let (line, column) = name
                .rsplit_once('(')
                .unwrap()
                .1
                .trim_end_matches(')')
                .split_once(':')
                .unwrap();
            assert_eq!(attribute(tag, "line"), line);
            (
                name.split(' ').next().unwrap().to_owned(),
                attribute(failure, "type"),
                attribute(tag, "file"),
                line.parse().unwrap(),
                column.parse().unwrap(),
                attribute(failure, "message"),
            )
        })
        .collect()
}

fn concise(line: &str) -> Key {
    let at = ["error[ROT", "warning[ROT", "note[ROT"]
        .iter()
        .filter_map(|k| line.find(k))
        .min()
        .unwrap();
    let (place, rest) = line.split_at(at);
    let mut place = place.trim_end_matches(": ").rsplitn(3, ':');
    let (column, row, file) = (
        place.next().unwrap(),
        place.next().unwrap(),
        place.next().unwrap(),
    );
    let (severity, rest) = rest.split_once('[').unwrap();
    let (code, message) = rest.split_once("] ").unwrap();
    (
        code.to_owned(),
        severity.to_owned(),
        file.to_owned(),
        row.parse().unwrap(),
        column.parse().unwrap(),
        message.to_owned(),
    )
}

/// The defect half of the labelled set.
fn defects() -> Vec<SourceFile> {
    let folder =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/spec/labelled/defect");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    paths.sort();
    let read = |p: &std::path::PathBuf| {
        SourceFile::new(
            p.file_name().unwrap().to_string_lossy(),
            std::fs::read_to_string(p).unwrap(),
        )
    };
    paths.iter().map(read).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Real findings, with their labels, flows and fixes: code, weight, file, line and column are the same in all seven formats.
    #[test]
    fn all_formats_say_the_same_of_real_files(chosen in prop::collection::btree_set(0usize..80, 1..9)) {
        let files = defects();
        let mut sources = SourceMap::new();
        let mut found = Vec::new();
        for file in chosen.iter().filter_map(|index| files.get(*index)) {
            let id = sources.add(file.clone());
            let config = rot::workspace::config::Config { pedantic: true, ..Default::default() };
            // Each file was read as the first of its own texts.
            for mut one in rot::workspace::load::analyse(file, &config).findings {
                one.primary.span.file = id;
                one.labels.iter_mut().chain(&mut one.flow).for_each(|l| l.span.file = id);
                one.redact.iter_mut().for_each(|s| s.file = id);
                one.fixes.iter_mut().flat_map(|f| &mut f.edits).for_each(|e| e.span.file = id);
                found.push(one);
            }
        }
        let report = Report::new(&sources, found);
        let written = |format: Format| format.write(&report, RenderOptions::default());
        let places = |format: Format| {
            let mut keys: Vec<Key> = decode(format, &written(format));
            keys.iter_mut().for_each(|key| key.5.clear());
            keys
        };
        let in_order = places(Format::Json);
        let mut expected = in_order.clone();
        expected.sort();
        prop_assert!(!expected.is_empty() || chosen.iter().all(|i| files.get(*i).is_none()));
        for (name, format) in Format::ALL.into_iter().filter(|(_, format)| *format != Format::Text) {
            let mut found = places(format);
            found.sort();
            prop_assert_eq!(&found, &expected, "{}", name);
        }
        // A drawing of several places names each of them.
        let drawings = drawn(&written(Format::Text));
        prop_assert_eq!(drawings.len(), in_order.len());
        for ((code, severity, places), (wanted, weight, file, line, column, _)) in drawings.iter().zip(&in_order) {
            prop_assert_eq!((code, severity), (wanted, weight));
            prop_assert!(places.contains(&(file.clone(), *line, *column)), "{} at {}:{}:{} in {:?}", code, file, line, column, places);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn all_formats_hold_the_same_findings(
        files in prop::collection::vec((hostile(), hostile()), 1..4),
        found in prop::collection::vec((0usize..4, 0u32..40, 0u32..9, 0usize..ALL_CODES.len(), 0u8..3, hostile()), 0..8),
    ) {
        let mut sources = SourceMap::new();
        for (i, (name, text)) in files.iter().enumerate() {
            sources.add(SourceFile::new(format!("{i}{name}"), text.as_str()));
        }
        let found: Vec<Diagnostic> = found
            .into_iter()
            .map(|(file, start, len, code, severity, message)| {
                let span = Span { file: FileId::new(file % files.len()), start, end: start + len };
                let severity = [Severity::Note, Severity::Warning, Severity::Error][usize::from(severity)];
                Diagnostic::new(ALL_CODES[code], span, message).severity(severity)
            })
            .collect();
        let mut expected: Vec<Key> = found
            .iter()
            .map(|d| {
                let file = sources.get(d.span().file).unwrap();
                let mut offset = (d.span().start as usize).min(file.text().len());
                while !file.text().is_char_boundary(offset) {
                    offset -= 1;
                }
                // Counted plainly, unlike the lookup under test.
                let before = &file.text()[..offset];
                let line = before.matches('\n').count() as u64 + 1;
                let column = before.rsplit('\n').next().unwrap().chars().count() as u64 + 1;
                let message = visible(&d.message).into_owned();
                (d.code.id().to_owned(), d.severity.as_str().to_owned(), visible(file.name()).into_owned(), line, column, message)
            })
            .collect();
        expected.sort();
        let report = Report::new(&sources, found);
        for (name, format) in Format::ALL {
            let written = format.write(&report, RenderOptions::default());
            prop_assert!(written.chars().all(|c| c == '\n' || !rot::report::redact::is_invisible(c)), "{}: {:?}", name, written);
            if format == Format::Text {
                prop_assert_eq!(written.lines().filter(|l| l.starts_with("ROT")).count(), expected.len());
                continue;
            }
            let mut decoded = decode(format, &written);
            decoded.sort();
            prop_assert_eq!(&decoded, &expected, "{}\n{}", name, written);
        }
    }
}
