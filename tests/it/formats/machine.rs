//! Machine formats: snapshots of one report, and the properties of SARIF that its schema demands. (The schema file
//! itself is not in the repository; the assertions below are its required properties, written by hand.)

use super::sample::{findings, texts};
use rot::diagnostic::{Diagnostic, Severity, codes};
use rot::report::{Format, RenderOptions, Report};
use rot::source::Span;
use serde_json::Value;

fn pointer(span: Span) -> Option<String> {
    (span.start == 7).then(|| "/tasks/0/a~1b".to_owned())
}

#[test]
fn each_format_of_one_report() {
    let texts = texts();
    let page = "A secret is written to a log.\n\n## Why\n\nLogs are read by many.";
    let pages = [(codes::SECRET_TO_LOG, page)];
    let report = Report::new(&texts.sources, findings(&texts))
        .pointers(&pointer)
        .pages(pages.to_vec());
    for (name, format) in Format::ALL {
        insta::assert_snapshot!(
            format!("format_{name}"),
            format.write(&report, RenderOptions::default())
        );
    }
}

#[test]
fn blanked_text_is_in_no_format() {
    let texts = texts();
    let mut found = findings(&texts);
    // A rule that quotes what it must not, in every field.
    let quoted = "it is hunter2-hunter2";
    let literal = texts.find(0, "hunter2-hunter2");
    found.push(
        Diagnostic::new(codes::TYPE_MISMATCH, literal, quoted)
            .at(quoted)
            .help(quoted)
            .note(quoted)
            .label(literal, quoted)
            .flow(vec![rot::diagnostic::Label::new(literal, quoted)])
            .fix(
                quoted,
                false,
                vec![rot::diagnostic::Edit {
                    span: literal,
                    text: quoted.into(),
                }],
            ),
    );
    let pointer = |_: Span| Some("/hunter2-hunter2".to_owned());
    let report = Report::new(&texts.sources, found).pointers(&pointer);
    for (name, format) in Format::ALL {
        let written = format.write(&report, RenderOptions::default());
        assert!(!written.contains("hunter2"), "{name}\n{written}");
        assert!(
            written.contains("ROT612") || name == "gitlab",
            "{name}\n{written}"
        );
    }
}

/// A fingerprint must not let a short secret be guessed: it is the same for every secret at the same place.
#[test]
fn fingerprints_do_not_depend_on_the_blanked_text() {
    let prints = |value: &str| {
        let texts = super::sample::Texts::of(&[("a.json", &format!("{{\"key\": \"{value}\"}}\n"))]);
        let span = texts.find(0, value);
        let report = Report::new(
            &texts.sources,
            vec![Diagnostic::new(codes::HARDCODED_SECRET, span, "m").redacting(span)],
        );
        let sarif: Value =
            serde_json::from_str(&Format::Sarif.write(&report, RenderOptions::default())).unwrap();
        let gitlab: Value =
            serde_json::from_str(&Format::Gitlab.write(&report, RenderOptions::default())).unwrap();
        (
            sarif["runs"][0]["results"][0]["partialFingerprints"].clone(),
            gitlab[0]["fingerprint"].clone(),
        )
    };
    assert_eq!(prints("aaaaaaaa"), prints("bbbbbbbb"));
    assert!(prints("aaaaaaaa").0["primaryLocationLineHash"].is_string());
}

#[test]
fn gitlab_fingerprints_differ_for_equal_findings_and_survive_moved_lines() {
    let prints = |text: &str| -> Vec<String> {
        let texts = super::sample::Texts::of(&[("a.rot", text)]);
        let found = (0..3)
            .map(|i| Diagnostic::new(codes::SYNTAX_ERROR, texts.nth(0, "x", i), "m"))
            .collect();
        let written = Format::Gitlab.write(
            &Report::new(&texts.sources, found),
            RenderOptions::default(),
        );
        let issues: Vec<Value> = serde_json::from_str(&written).unwrap();
        issues
            .iter()
            .map(|i| i["fingerprint"].as_str().unwrap().to_owned())
            .collect()
    };
    let before = prints("x x\nx\n");
    assert_eq!(
        before
            .iter()
            .collect::<std::collections::HashSet<_>>()
            .len(),
        3
    );
    assert_eq!(before, prints("\n\n  x   x\n\tx\n"));
}

#[test]
fn github_lists_errors_first_and_says_when_some_are_not_shown() {
    let texts = texts();
    let span = texts.find(0, "secret");
    let mut found: Vec<_> = (0..11)
        .map(|i| Diagnostic::new(codes::UNUSED_SECRET, span, format!("w{i}")))
        .collect();
    found.push(Diagnostic::new(
        codes::SECRET_TO_LOG,
        texts.find(0, "update"),
        "e",
    ));
    found.push(Diagnostic::new(codes::SECRET_TO_LOG, span, "n").severity(Severity::Note));
    let written = Format::Github.write(
        &Report::new(&texts.sources, found),
        RenderOptions::default(),
    );
    let commands: Vec<&str> = written
        .lines()
        .filter_map(|l| l.strip_prefix("::")?.split(' ').next())
        .collect();
    assert_eq!(commands[0], "error");
    assert_eq!(commands[12], "notice");
    assert_eq!(
        written.lines().last(),
        Some("rot: 1 error, 11 warnings, 1 note; GitHub shows 10 annotations of each kind")
    );
}

#[test]
fn sarif_has_what_its_schema_requires() {
    let texts = texts();
    let report = Report::new(&texts.sources, findings(&texts));
    let log: Value =
        serde_json::from_str(&Format::Sarif.write(&report, RenderOptions::default())).unwrap();
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    assert_eq!(run["columnKind"], "unicodeCodePoints");
    let driver = &run["tool"]["driver"];
    assert!(driver["name"].is_string());
    let rules = driver["rules"].as_array().unwrap();
    for rule in rules {
        assert!(
            rule["id"].is_string()
                && rule["shortDescription"]["text"].is_string()
                && rule["help"]["text"].is_string()
        );
        assert!(
            ["error", "warning", "note"]
                .contains(&rule["defaultConfiguration"]["level"].as_str().unwrap())
        );
    }
    let region = |region: &Value| {
        let number = |key: &str| region[key].as_u64().unwrap();
        assert!(number("startLine") >= 1 && number("startColumn") >= 1);
        assert!(
            (number("endLine"), number("endColumn"))
                >= (number("startLine"), number("startColumn"))
        );
    };
    let location = |location: &Value| {
        let physical = &location["physicalLocation"];
        assert!(
            !physical["artifactLocation"]["uri"]
                .as_str()
                .unwrap()
                .contains([' ', '<', '\\'])
        );
        region(&physical["region"]);
    };
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), 4);
    let (mut flows, mut fixes) = (0, 0);
    for result in results {
        assert!(result["message"]["text"].is_string());
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        result["locations"]
            .as_array()
            .unwrap()
            .iter()
            .for_each(location);
        for related in result["relatedLocations"].as_array().into_iter().flatten() {
            location(related);
            assert!(related["message"]["text"].is_string() && related["id"].is_u64());
        }
        for flow in result["codeFlows"].as_array().into_iter().flatten() {
            for step in flow["threadFlows"][0]["locations"].as_array().unwrap() {
                location(&step["location"]);
                flows += 1;
            }
        }
        for fix in result["fixes"].as_array().into_iter().flatten() {
            assert!(fix["description"]["text"].is_string());
            for change in fix["artifactChanges"].as_array().unwrap() {
                assert!(change["artifactLocation"]["uri"].is_string());
                for replacement in change["replacements"].as_array().unwrap() {
                    region(&replacement["deletedRegion"]);
                    fixes += 1;
                }
            }
        }
        let placed = !result["locations"].as_array().unwrap().is_empty();
        assert_eq!(
            placed,
            result["partialFingerprints"]["primaryLocationLineHash"].is_string()
        );
    }
    assert_eq!((flows, fixes), (3, 1));
}
