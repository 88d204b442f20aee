//! The command line's frame: help, usage errors, explain, completions, manual page, init, fmt.

use crate::support::process::Rot;
use std::collections::BTreeSet;

const COMMANDS: [&str; 16] = [
    "templates",
    "init",
    "check",
    "run",
    "plan",
    "resume",
    "status",
    "compile",
    "fmt",
    "exec",
    "explain",
    "vault",
    "demo",
    "completions",
    "man",
    "identity",
];

#[test]
fn usage_errors_say_what_is_wrong_without_the_value() {
    let cases = [
        ("hunter2", "argument 1 is not a command"),
        ("chekc", "argument 1 is not a command"),
        ("check --tokne=hunter2", "argument 2 is not expected here"),
        ("check --hunter2", "argument 2 is not expected here"),
        ("check -Hunter2", "is not expected here"),
        ("explain ROT301 hunter2", "argument 3 is not expected here"),
        (
            "check --color hunter2",
            "this is not a value for `--color <WHEN>`",
        ),
        (
            "check --color=hunter2",
            "this is not a value for `--color <WHEN>`",
        ),
        (
            "check --report hunter2",
            "this is not a value for `--report <FORMAT[=FILE]>`",
        ),
        (
            "check --report hunter2=x",
            "this is not a value for `--report <FORMAT[=FILE]>`",
        ),
        (
            "check --fail-on hunter2",
            "this is not a value for `--fail-on <SEVERITY>`",
        ),
        ("check --quiet=hunter2", "`--quiet` has too many values"),
        ("check --config", "a value is missing for `--config <PATH>`"),
        (
            "check -q -v hunter2",
            "`--quiet` and `--verbose...` exclude each other",
        ),
        (
            "run f --input hunter2",
            "this is not a value for `--input <NAME=VALUE>`",
        ),
        ("run", "missing: <FILE>"),
        ("completions hunter2", "this is not a value for `<SHELL>`"),
        ("explain hunter2", "there is no such code"),
        ("man hunter2", "there is no such command"),
    ];
    for (line, expected) in cases {
        let done = Rot::new().args(line).run().code(2);
        assert_eq!(done.stdout, "", "{line}");
        assert!(done.stderr.contains(expected), "{line}\n{}", done.stderr);
        assert!(done.stderr.contains("help: "), "{line}\n{}", done.stderr);
        assert!(
            !done.stderr.to_lowercase().contains("hunter"),
            "{line}\n{}",
            done.stderr
        );
    }
}

#[test]
fn a_misspelt_command_or_option_names_the_nearest() {
    for (line, near) in [
        ("chekc", "`check`"),
        ("check --repotr x", "`--report`"),
        ("explain ROT30l", "`ROT301`"),
        ("man chekc", "`check`"),
    ] {
        let done = Rot::new().args(line).run().code(2);
        assert!(
            done.stderr.contains(&format!("the nearest is {near}")),
            "{line}\n{}",
            done.stderr
        );
    }
}

/// Options of other programs lead to ours, where the command has it.
#[test]
fn an_option_of_other_programs_leads_to_ours() {
    for (line, help) in [
        ("check --format json", "the nearest is `--report json`"),
        ("check --format=sarif x", "the nearest is `--report sarif`"),
        ("check --format hunter2", "the nearest is `--report`"),
        ("check --json", "the nearest is `--report json`"),
        ("status --output json", "the nearest is `--report json`"),
        ("vault list --json", "the nearest is `--report json`"),
        ("run a.rot --dry-run", "the nearest is `rot plan`"),
        ("check --severity warning", "the nearest is `--fail-on`"),
        ("vault list --env prod", "the nearest is `--environment`"),
        ("fmt --format json", "`rot fmt --help` shows"),
    ] {
        let done = Rot::new().args(line).run().code(2);
        assert!(done.stderr.contains(help), "{line}\n{}", done.stderr);
        assert!(!done.stderr.contains("hunter"), "{line}\n{}", done.stderr);
    }
}

#[test]
fn a_misspelt_option_is_named_and_anything_else_is_not() {
    let done = Rot::new().args("check --repotr x").run().code(2);
    assert!(
        done.stderr.contains("`--repotr` is not an option here"),
        "{}",
        done.stderr
    );
    let done = Rot::new().args("check --hunter").run().code(2);
    assert!(
        done.stderr.contains("argument 2 is not expected here"),
        "{}",
        done.stderr
    );
    let done = Rot::new().args("help exit-code").run().code(2);
    assert!(done.stderr.contains("`exit-codes`"), "{}", done.stderr);
}

/// What is said depends on what is in the folder; nothing is opened and nothing is made.
#[test]
fn the_program_alone_says_what_to_do_next_here() {
    let definition =
        r#"{"name": "a", "tasks": [{"name": "t", "taskReferenceName": "t", "type": "HTTP"}]}"#;
    let mut all = String::new();
    for (folder, files) in [
        ("an empty folder", vec![]),
        ("a file, no vault", vec![("a.rot", "secret a\n")]),
        ("a definition, no vault", vec![("wf/a.json", definition)]),
        ("JSON that is none", vec![("x.json", "{}")]),
        ("a vault alone", vec![("rot.vault", "")]),
        (
            "a project",
            vec![("rotations/a b.rot", "secret a\n"), ("rot.vault", "")],
        ),
        (
            "both, with a vault",
            vec![
                ("rotations/a.rot", "secret a\n"),
                ("wf/a.json", definition),
                ("rot.vault", ""),
            ],
        ),
        (
            "a definition and a vault",
            vec![("a.json", definition), ("rot.vault", "")],
        ),
    ] {
        let rot = files
            .iter()
            .fold(Rot::new(), |rot, (name, text)| rot.file(name, text));
        let done = rot.run().code(0);
        assert_eq!(done.stderr, "");
        all.push_str(&format!("== {folder}\n{}\n", done.stdout));
    }
    insta::assert_snapshot!("alone", all);
}

/// The practice API says where it is, answers, shows each request, and no value.
#[test]
fn the_practice_api_serves_and_shows_requests() {
    use std::io::{BufRead, BufReader, Read, Write};
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_rot"))
        .args(["demo", "--serve=0"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    let address = first.split("http://").nth(1).unwrap();
    let address = address.split(',').next().unwrap();
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    let body = r#"{"name": "a"}"#;
    write!(
        stream,
        "POST /keys HTTP/1.1\r\nhost: a\r\nauthorization: Bearer demo-admin\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let shown = lines
        .map(Result::unwrap)
        .find(|l| l.starts_with("POST   /keys  "));
    let port: u16 = address.split(':').nth(1).unwrap().parse().unwrap();
    let taken = Rot::new().arg("demo").arg(format!("--serve={port}")).run();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    assert_eq!(shown.as_deref(), Some("POST   /keys  201"));
    assert_eq!(taken.code, 2, "{}", taken.stderr);
    assert!(
        taken.stderr.contains("another program has it"),
        "{}",
        taken.stderr
    );
}

#[test]
fn each_topic_has_a_page() {
    let list = Rot::new().args("help topics").run().code(0).stdout;
    assert!(list.lines().count() >= 10);
    for line in list.lines() {
        let word = line.split_whitespace().next().unwrap();
        let page = Rot::new().args("help").arg(word).run().code(0).stdout;
        assert!(page.lines().count() > 4, "{word}: {page}");
    }
    let run = Rot::new().args("help run").run().code(0).stdout;
    assert!(run.contains("Usage:"), "{run}");
}

#[test]
fn explain_prints_the_page_by_code_or_name() {
    for name in ["ROT301", "rot301", "secret-to-log"] {
        let done = Rot::new().args("explain").arg(name).run().code(0);
        assert!(
            done.stdout
                .starts_with("ROT301 secret-to-log (error by default)\n===="),
            "{}",
            done.stdout
        );
    }
}

#[test]
fn a_page_stands_under_its_heading() {
    use rot::diagnostic::codes;
    let page = rot::report::explain::page(codes::SECRET_TO_LOG, Some("\nWhy it matters.\n\n"));
    assert_eq!(
        page,
        format!(
            "ROT301 secret-to-log (error by default)\n{}\n\nWhy it matters.\n",
            "=".repeat(39)
        )
    );
}

#[test]
fn completions_for_every_shell_and_manual_pages_for_every_command() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let done = Rot::new().args("completions").arg(shell).run().code(0);
        assert!(done.stdout.contains("explain"), "{shell}");
    }
    assert!(
        Rot::new()
            .args("man")
            .run()
            .code(0)
            .stdout
            .contains(".TH rot 1")
    );
    for command in COMMANDS {
        let done = Rot::new().args("man").arg(command).run().code(0);
        assert!(
            done.stdout.contains(&format!(".TH rot-{command} 1")),
            "{command}"
        );
    }
}

#[test]
fn init_lays_out_a_project_and_overwrites_nothing() {
    let done = Rot::new().args("init new/project").run().code(0);
    for name in ["rot.toml", "rotations/first.rot", ".gitignore"] {
        assert!(!done.read(&format!("new/project/{name}")).is_empty());
        assert!(
            done.stderr.contains(&format!("made new/project/{name}\n")),
            "{}",
            done.stderr
        );
    }
    let done = Rot::new()
        .args("init")
        .file("rot.toml", "# mine\n")
        .run()
        .code(0);
    assert_eq!(done.read("rot.toml"), "# mine\n");
    assert!(
        done.stderr.contains("kept rot.toml, which was there\n")
            && done.stderr.contains("made .gitignore\n"),
        "{}",
        done.stderr
    );
}

#[test]
fn the_settings_of_a_new_project_are_valid() {
    let text = include_str!("../../../src/cli/init/rot.toml");
    super::settings::parse(text).unwrap();
}

/// The layout itself is the language's; here a stand-in that upper-cases, and fails on `BAD`.
mod fmt {
    use crate::support::process::Rot;
    use rot::cli::args::{FmtArgs, Globals};
    use rot::cli::context::Context;
    use rot::cli::fmt::run;
    use rot::diagnostic::{Diagnostic, Failure, codes};
    use rot::report::{Out, Redactor, Settings};
    use rot::source::Span;
    use std::path::Path;

    fn fmt(dir: &Path, check: bool) -> Option<Failure> {
        let out = Out::to(
            Settings::default(),
            Redactor::new(),
            Box::new(std::io::sink()),
            Box::new(std::io::sink()),
        );
        let context = Context::new(out, Globals::bare(), dir.to_owned());
        let args = FmtArgs {
            paths: vec![dir.to_owned()],
            check,
        };
        let result = run(&args, &context, &|id, file| {
            let wrong = file
                .text()
                .contains("BAD")
                .then(|| Diagnostic::new(codes::SYNTAX_ERROR, Span::new(id, 0, 3), "bad"));
            (file.text().to_uppercase(), wrong.into_iter().collect())
        });
        result.err().map(|e| e.failure)
    }

    #[test]
    fn files_are_replaced_in_one_step_with_their_mode_and_through_links() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        std::fs::write(path("a.rot"), "abc\n").unwrap();
        std::fs::write(path("real.rot"), "link\n").unwrap();
        std::fs::write(path("other.json"), "abc\n").unwrap();
        std::fs::set_permissions(path("a.rot"), std::fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(fmt(dir.path(), true), Some(Failure::Findings));
        assert_eq!(std::fs::read_to_string(path("a.rot")).unwrap(), "abc\n");
        assert_eq!(fmt(dir.path(), false), None);
        assert_eq!(std::fs::read_to_string(path("a.rot")).unwrap(), "ABC\n");
        assert_eq!(
            std::fs::read_to_string(path("other.json")).unwrap(),
            "abc\n"
        );
        assert_eq!(
            std::fs::metadata(path("a.rot"))
                .unwrap()
                .permissions()
                .mode()
                & 0o777,
            0o640
        );
        assert_eq!(fmt(dir.path(), true), None);
        assert_eq!(
            std::fs::read_dir(dir.path()).unwrap().count(),
            3,
            "no temporary file stays"
        );
        // A link stays a link.
        std::fs::write(path("real.rot"), "link\n").unwrap();
        std::os::unix::fs::symlink("real.rot", path("link")).unwrap();
        rot::workspace::files::replace(&path("link"), "NEW\n").unwrap();
        assert_eq!(std::fs::read_to_string(path("real.rot")).unwrap(), "NEW\n");
        assert!(path("link").is_symlink());
    }

    #[test]
    fn a_file_with_a_syntax_error_stays_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.rot"), "BAD x\n").unwrap();
        std::fs::write(dir.path().join("b.rot"), "good\n").unwrap();
        assert_eq!(fmt(dir.path(), false), Some(Failure::Usage));
        assert_eq!(
            std::fs::read_to_string(dir.path().join("a.rot")).unwrap(),
            "BAD x\n"
        );
        assert_eq!(
            std::fs::read_to_string(dir.path().join("b.rot")).unwrap(),
            "GOOD\n"
        );
    }

    #[test]
    fn nothing_to_format_and_a_missing_file() {
        Rot::new().args("fmt").run().code(3);
        let done = Rot::new().args("fmt nothing.rot").run().code(2);
        assert!(
            done.stderr
                .contains("cannot read `nothing.rot`: it does not exist"),
            "{}",
            done.stderr
        );
    }
}

/// Every long option that `--help` shows stands in the reference under its command, and the other way round.
#[test]
fn the_reference_lists_every_command_and_option() {
    let reference = include_str!("../../../docs/reference/cli.md");
    let options = |text: &str| -> BTreeSet<String> {
        let words = text.split(|c: char| !(c.is_ascii_lowercase() || c == '-'));
        words
            .filter(|w| w.starts_with("--") && w.len() > 3 && *w != "--help" && *w != "--version")
            .map(str::to_owned)
            .collect()
    };
    let section = |title: &str| -> &str {
        let start = reference
            .find(&format!("\n## {title}\n"))
            .unwrap_or_else(|| panic!("no section {title}"));
        let rest = &reference[start + 4..];
        rest.split("\n## ").next().unwrap()
    };
    let global = options(&Rot::new().args("--help").run().code(0).stdout);
    assert_eq!(options(section("Global options")), global);
    for command in COMMANDS.into_iter().filter(|c| *c != "vault") {
        let shown = options(&Rot::new().args(command).arg("--help").run().code(0).stdout);
        let own: BTreeSet<String> = shown.difference(&global).cloned().collect();
        assert_eq!(
            options(section(&format!("rot {command}"))),
            own,
            "{command}"
        );
    }
}

#[test]
fn the_reference_lists_every_exit_code() {
    use rot::diagnostic::Failure::*;
    let reference = include_str!("../../../docs/reference/cli.md");
    let all = [
        Findings,
        Usage,
        NoInputs,
        NothingDue,
        BeforeEffect,
        AfterEffect,
        Unknown,
        Tampered,
        Locked,
        Refused,
        Clock,
        Internal,
    ];
    for failure in all {
        assert!(
            reference.contains(&format!("\n| {} | ", failure.exit_code())),
            "{failure:?}"
        );
    }
}
