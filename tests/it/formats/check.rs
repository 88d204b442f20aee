//! `rot check`: inputs, exit codes, reports; the checker itself is replaced by a rule that finds the word `BAD`.

use crate::support::process::Rot;
use rot::cli::args::{CheckArgs, FailOn, Globals};
use rot::cli::check::{FrontEnds, run};
use rot::cli::context::Context;
use rot::diagnostic::{Diagnostic, Failure, Severity, codes};
use rot::report::{Out, Redactor, Settings};
use rot::source::{SourceFile, SourceMap, Span};
use serde_json::Value;
use std::path::Path;

fn analyse(file: &SourceFile) -> (SourceMap, Vec<Diagnostic>) {
    let mut sources = SourceMap::new();
    // A text that every input uses, so that its ids differ from ours.
    let shared = sources.add(SourceFile::new("shared.rot", "secret BAD\n"));
    let id = sources.add(file.clone());
    let mut found = vec![Diagnostic::new(
        codes::UNUSED_SECRET,
        Span::new(shared, 7, 10),
        "shared",
    )];
    for (at, word) in file.text().match_indices("BAD") {
        found.push(
            Diagnostic::new(
                codes::SECRET_TO_LOG,
                Span::new(id, at, at + word.len()),
                "bad",
            )
            .at("here"),
        );
    }
    (sources, found)
}

/// Runs the command in `dir` and gives its failure and the JSON report.
fn check(dir: &Path, paths: &[&str], fail_on: Option<FailOn>) -> (Option<Failure>, Value) {
    let report = dir.join("report.json");
    let args = CheckArgs {
        paths: paths.iter().map(|p| dir.join(p)).collect(),
        report: vec![format!("json={}", report.display()).parse().unwrap()],
        fail_on,
        ..CheckArgs::default()
    };
    let out = Out::to(
        Settings::default(),
        Redactor::new(),
        Box::new(std::io::sink()),
        Box::new(std::io::sink()),
    );
    let context = Context::new(out, Globals::bare(), dir.to_owned());
    let config = context.config().unwrap();
    let ends = FrontEnds {
        analyse: &analyse,
        pointers: &|_, _| Some(Box::new(|_| Some("/tasks/0".into()))),
        pages: &Vec::new,
        today: jiff::civil::date(2026, 11, 23),
    };
    let failure = run(&args, &context, &config, &ends)
        .err()
        .map(|e| e.failure);
    (
        failure,
        serde_json::from_str(&std::fs::read_to_string(report).unwrap()).unwrap(),
    )
}

fn project(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    dir
}

fn found(report: &Value, dir: &Path) -> Vec<(String, String, String)> {
    let text = |v: &Value| {
        v.as_str()
            .unwrap_or_default()
            .replace(&format!("{}/", dir.display()), "")
    };
    report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| (text(&f["code"]), text(&f["file"]), text(&f["severity"])))
        .collect()
}

#[test]
fn folders_are_walked_in_order_and_shared_files_are_said_once() {
    let dir = project(&[
        (".gitignore", "skipped/\n"),
        ("b.rot", "BAD\n"),
        ("a/c.rot", "fine\nBAD BAD\n"),
        (
            "a/flow.json",
            "{\"tasks\": [{\"taskReferenceName\": \"BAD\"}]}",
        ),
        ("package.json", "{\"name\": \"BAD\"}"),
        (
            "x.plan.json",
            "{\"schema\": \"rot.plan/v1\", \"x\": [{\"taskReferenceName\": \"BAD\"}]}",
        ),
        ("skipped/d.rot", "BAD"),
        (".hidden/e.rot", "BAD"),
        ("notes.txt", "BAD"),
    ]);
    let (failure, report) = check(dir.path(), &[""], None);
    assert_eq!(failure, Some(Failure::Findings));
    let expected = [
        ("ROT107", "shared.rot"),
        ("ROT301", "a/c.rot"),
        ("ROT301", "a/c.rot"),
        ("ROT301", "a/flow.json"),
        ("ROT301", "b.rot"),
    ];
    let found: Vec<_> = found(&report, dir.path())
        .into_iter()
        .map(|(code, file, _)| (code, file))
        .collect();
    assert_eq!(found, expected.map(|(c, f)| (c.to_owned(), f.to_owned())));
    assert_eq!(
        report["summary"],
        serde_json::json!({ "errors": 4, "warnings": 1, "notes": 0 })
    );
}

#[test]
fn many_files_on_all_cores_give_the_same_report_each_time() {
    let files: Vec<(String, String)> = (0..200)
        .map(|i| (format!("f{i:03}.rot"), "BAD\n".repeat(i % 4 + 1)))
        .collect();
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(n, t)| (n.as_str(), t.as_str()))
        .collect();
    let dir = project(&files);
    let first = check(dir.path(), &[""], None);
    let names: Vec<String> = found(&first.1, dir.path())
        .into_iter()
        .skip(1)
        .map(|f| f.1)
        .collect();
    assert!(names.is_sorted() && names.len() == 500, "{}", names.len());
    assert_eq!(first, check(dir.path(), &[""], None));
}

#[test]
fn fail_on_decides_the_exit_code_and_the_settings_give_its_default() {
    let dir = project(&[("a.rot", "fine\n")]);
    assert_eq!(check(dir.path(), &["a.rot"], None).0, None);
    assert_eq!(
        check(dir.path(), &["a.rot"], Some(FailOn::Warning)).0,
        Some(Failure::Findings)
    );
    std::fs::write(dir.path().join("rot.toml"), "check.fail-on = \"warning\"\n").unwrap();
    assert_eq!(
        check(dir.path(), &["a.rot"], None).0,
        Some(Failure::Findings)
    );
    assert_eq!(check(dir.path(), &["a.rot"], Some(FailOn::Error)).0, None);
}

#[test]
fn severities_are_changed_and_codes_turned_off_by_the_settings() {
    let dir = project(&[
        ("a.rot", "BAD\n"),
        (
            "rot.toml",
            "[check.severity]\nROT301 = \"note\"\nunused-secret = \"off\"\n",
        ),
    ]);
    let (failure, report) = check(dir.path(), &["a.rot"], None);
    assert_eq!(failure, None);
    assert_eq!(
        found(&report, dir.path()),
        [(
            "ROT301".to_owned(),
            "a.rot".to_owned(),
            Severity::Note.as_str().to_owned()
        )]
    );
}

#[test]
fn suppressions_take_findings_away_and_unused_or_expired_ones_are_reported() {
    let ignore = |file: &str, rest: &str| {
        format!("[[ignore]]\nfile = \"{file}\"\nrule = \"ROT301\"\nreason = \"known\"\n{rest}\n")
    };
    let cases = [
        (ignore("a.rot", ""), &[] as &[&str], "by name"),
        (
            ignore("*.rot", "pointer = \"/tasks\""),
            &[],
            "by pattern and pointer above",
        ),
        (
            ignore("a.rot", "until = 2026-11-23"),
            &[],
            "on its last day",
        ),
        (
            ignore("a.rot", "until = \"2026-11-22\""),
            &["ROT301", "ROT904"],
            "expired",
        ),
        (
            ignore("b.rot", ""),
            &["ROT301", "ROT901"],
            "of another file",
        ),
        (
            ignore("a.rot", "pointer = \"/task\""),
            &["ROT301", "ROT901"],
            "of another pointer",
        ),
    ];
    for (settings, expected, what) in cases {
        let off = format!("check.severity = {{ ROT107 = \"off\" }}\n{settings}");
        let dir = project(&[("a.rot", "BAD\n"), ("rot.toml", &off)]);
        let (_, report) = check(dir.path(), &["a.rot"], None);
        let mut codes: Vec<String> = found(&report, dir.path())
            .into_iter()
            .map(|f| f.0)
            .collect();
        codes.sort();
        assert_eq!(codes, expected, "{what}");
    }
}

#[test]
fn inputs_that_cannot_be_read_say_why() {
    let cases: [(&str, Option<&[u8]>, &str); 6] = [
        ("missing.rot", None, "it does not exist"),
        ("empty.rot", Some(b"  \n"), "it is empty"),
        ("binary.rot", Some(b"a\0b"), "it is a binary file"),
        (
            "latin.rot",
            Some(b"a = \"\xe9\""),
            "it is not UTF-8 (byte 6)",
        ),
        ("bom.rot", Some(b"\xef\xbb\xbf"), "it is empty"),
        (
            "huge.rot",
            Some(&[b'a'; 8 * 1024 * 1024 + 1]),
            "it is larger than 8 MiB",
        ),
    ];
    for (name, content, why) in cases {
        let mut rot = Rot::new().args("check --report concise").arg(name);
        if let Some(content) = content {
            rot = rot.file(name, content);
        }
        let done = rot.run().code(2);
        assert_eq!(
            done.stdout,
            format!("{name}:1:1: error[ROT009] cannot read `{name}`: {why}\n")
        );
        assert_eq!(done.stderr, "checked 0 files: 1 error\n");
    }
}

#[test]
fn an_unreadable_file_in_a_walked_folder_is_a_finding_like_others() {
    let done = Rot::new()
        .args("check --report concise .")
        .file("sub/a.rot", b"\xff")
        .file("b.rot", "secret a\n")
        .run()
        .code(1);
    assert_eq!(
        done.stdout,
        "sub/a.rot:1:1: error[ROT009] cannot read `sub/a.rot`: it is not UTF-8 (byte 1)\n"
    );
    assert_eq!(done.stderr, "checked 1 file: 1 error\n");
}

#[test]
fn an_unreadable_input_reads_well() {
    let done = Rot::new()
        .args("check --color never nothing.rot")
        .run()
        .code(2);
    insta::assert_snapshot!("unreadable_input", done.stdout);
}

#[test]
fn colours_are_for_terminals_unless_they_are_forced() {
    let check = |arguments: &str| Rot::new().args(arguments).arg("nothing.rot");
    assert!(!check("check").run().code(2).stdout.contains('\u{1b}'));
    assert!(
        check("check")
            .env("CLICOLOR_FORCE", "1")
            .run()
            .code(2)
            .stdout
            .contains("\u{1b}[")
    );
    assert!(
        !check("check")
            .env("CLICOLOR_FORCE", "1")
            .env("NO_COLOR", "1")
            .run()
            .code(2)
            .stdout
            .contains('\u{1b}')
    );
    assert!(
        check("check --color always")
            .env("NO_COLOR", "1")
            .run()
            .code(2)
            .stdout
            .contains("\u{1b}[")
    );
    let ascii = Rot::new()
        .args("check --config bad.toml .")
        .file("bad.toml", "x = 1\n")
        .env("LANG", "C")
        .run()
        .code(2);
    assert!(
        ascii.stderr.is_ascii() && ascii.stderr.contains(",-["),
        "{}",
        ascii.stderr
    );
}

#[test]
fn nothing_to_check_is_its_own_exit_code() {
    let done = Rot::new().args("check").run().code(3);
    assert!(done.stderr.contains("nothing to check"), "{}", done.stderr);
    assert_eq!(done.stdout, "");
}

#[test]
fn standard_input_has_a_name() {
    let done = Rot::new()
        .args("check --report concise -")
        .stdin("")
        .run()
        .code(2);
    assert!(
        done.stdout.starts_with("<stdin>:1:1: error[ROT009]"),
        "{}",
        done.stdout
    );
    let done = Rot::new()
        .args("check --report concise --stdin-path x/y.rot -")
        .stdin("")
        .run()
        .code(2);
    assert!(
        done.stdout.starts_with("x/y.rot:1:1: error[ROT009]"),
        "{}",
        done.stdout
    );
    Rot::new().args("check -").stdin("secret a\n").run().code(0);
}

#[test]
fn several_reports_are_written_in_one_run() {
    let done = Rot::new()
        .args("check -q --report concise --report sarif=out.sarif --report junit=out.xml --report gitlab=out.json missing.rot")
        .run()
        .code(2);
    assert_eq!(done.stderr, "");
    assert_eq!(done.stdout.lines().count(), 1);
    for (file, part) in [
        ("out.sarif", "\"ROT009\""),
        ("out.xml", "ROT009 unreadable-input"),
        ("out.json", "unreadable-input"),
    ] {
        assert!(done.read(file).contains(part), "{file}");
    }
    let done = Rot::new()
        .args("check --report text=missing/out.txt a.rot")
        .file("a.rot", "secret a\n")
        .run()
        .code(2);
    assert!(
        done.stderr
            .contains("cannot write the report `missing/out.txt`"),
        "{}",
        done.stderr
    );
}

#[test]
fn a_report_keeps_the_mode_that_the_user_asks_for() {
    use std::os::unix::fs::PermissionsExt;
    let rot = Rot::new().file("a.rot", "secret a\n");
    let program = env!("CARGO_BIN_EXE_rot");
    let script = format!("umask 022; '{program}' check -q --report json=out.json a.rot");
    let status = std::process::Command::new("sh")
        .args(["-c", &script])
        .current_dir(rot.path())
        .status()
        .unwrap();
    assert!(status.success());
    assert_eq!(
        std::fs::metadata(rot.path().join("out.json"))
            .unwrap()
            .permissions()
            .mode()
            & 0o777,
        0o644
    );
}
