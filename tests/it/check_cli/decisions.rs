//! Suppressions in comments and `metadata`, weights by path, the baseline.

use super::{leaky, screen};
use crate::support::process::Rot;

const LOG: &str = "  log \"got ${mint.token}\"";

/// Codes of the findings of `check`, in order.
fn codes(rot: Rot) -> Vec<String> {
    let done = rot.run();
    let code = |line: &str| {
        line.split_once('[')
            .and_then(|(_, rest)| rest.split_once(']'))
            .map(|(code, _)| code.to_owned())
    };
    done.stdout.lines().filter_map(code).collect()
}

fn concise() -> Rot {
    Rot::new().args("check --report concise")
}

#[test]
fn a_comment_suppresses_what_it_stands_at() {
    let own = |comment: &str| format!("  {comment}\n{LOG}");
    let cases: [(String, &[&str], &str); 17] = [
        (LOG.to_owned(), &["ROT301"], "nothing"),
        (
            own("# rot: ignore[ROT301] known"),
            &[],
            "the next statement, by code",
        ),
        (own("# rot: ignore[secret-to-log] known"), &[], "by name"),
        (
            own("# rot: ignore[ROT107, ROT301] known"),
            &["ROT901"],
            "one of two rules",
        ),
        (
            own("# rot: ignore[ROT301] known\n  # and more\n"),
            &[],
            "other comments and blank lines between",
        ),
        (
            format!("{LOG} # rot: ignore[ROT301] known"),
            &[],
            "behind the text",
        ),
        (
            format!("  # rot: ignore[ROT301] known\n  log \"fine\"\n{LOG}"),
            &["ROT901", "ROT301"],
            "not the statement after the next",
        ),
        (
            format!("{LOG}\n  # rot: ignore[ROT301] known"),
            &["ROT301", "ROT901"],
            "not the statement before",
        ),
        (
            own("# rot: ignore[ROT301]"),
            &["ROT902"],
            "without a reason it holds, with a note",
        ),
        (
            own("# rot: ignore[ROT301] known until 2999-01-31"),
            &[],
            "before its last day",
        ),
        (
            own("# rot: ignore[ROT301] until 2020-01-31 known"),
            &["ROT904", "ROT301"],
            "after its last day",
        ),
        (
            own("# rot: ignore[ROT3O1] known"),
            &["ROT903", "ROT301"],
            "a rule that does not exist",
        ),
        (
            own("# rot: ignore known"),
            &["ROT903", "ROT301"],
            "without a rule",
        ),
        (
            own("# rot: ignroe[ROT301] known"),
            &["ROT903", "ROT301"],
            "misspelt",
        ),
        (
            own("# rot: ignore-file[ROT301] known"),
            &["ROT903", "ROT301"],
            "for the file, too far down",
        ),
        (
            own("# the rot: ignore[ROT301] known"),
            &["ROT301"],
            "talk about suppressions",
        ),
        (
            format!("  log \"# rot: ignore[ROT301] known\"\n{LOG}"),
            &["ROT301"],
            "within a string",
        ),
    ];
    for (line, expected, what) in cases {
        assert_eq!(
            codes(concise().arg("a.rot").file("a.rot", leaky(&line))),
            expected,
            "{what}"
        );
        let with_crlf = leaky(&line).replace('\n', "\r\n");
        assert_eq!(
            codes(concise().arg("a.rot").file("a.rot", with_crlf)),
            expected,
            "{what}, with CRLF"
        );
    }
}

#[test]
fn a_block_is_suppressed_with_all_its_lines_and_a_rotation_is_not() {
    let block = "  # rot: ignore[ROT301] known\n  if mint.token == \"x\" {\n    log \"got ${mint.token}\"\n  }";
    let of_block = codes(concise().arg("a.rot").file("a.rot", leaky(block)));
    assert!(
        !of_block.contains(&"ROT301".to_owned()) && !of_block.contains(&"ROT901".to_owned()),
        "{of_block:?}"
    );
    let of_rotation = leaky(LOG).replace("rotation r", "# rot: ignore[ROT301] known\nrotation r");
    assert_eq!(
        codes(concise().arg("a.rot").file("a.rot", of_rotation)),
        ["ROT901", "ROT301"]
    );
    let of_file = format!(
        "# Tokens.\n# rot: ignore-file[ROT301] known\n{}",
        leaky(&format!("{LOG}\n{LOG}"))
    );
    assert!(codes(concise().arg("a.rot").file("a.rot", of_file)).is_empty());
}

#[test]
fn what_hides_other_findings_cannot_be_suppressed_and_hides_unused_ones() {
    let broken =
        "# rot: ignore-file[ROT001] known\n# rot: ignore-file[ROT301] known\nsecret a to\n";
    let found = codes(concise().arg("a.rot").file("a.rot", broken));
    assert!(found.contains(&"ROT001".to_owned()), "{found:?}");
    assert_eq!(
        found.iter().filter(|c| *c == "ROT901").count(),
        1,
        "ROT301 may stand in what could not be read: {found:?}"
    );
    let done = concise().arg("a.rot").file("a.rot", broken).run().code(1);
    assert!(done.stdout.contains("ROT901"), "{}", done.stdout);
}

#[test]
fn metadata_suppresses_by_pointer() {
    let definition = |ignores: &str| {
        format!(
            "{{\"name\": \"w\", \"version\": 1, \"metadata\": {{\"rot.ignore\": {ignores}}}, \"tasks\": [{{\"name\": \"h\", \"taskReferenceName\": \"h\", \
             \"type\": \"HTTP\", \"inputParameters\": {{\"uri\": \"https://api.example.com/x?key=${{workflow.secrets.k}}\", \"method\": \"GET\"}}}}]}}"
        )
    };
    let cases: [(&str, &[&str], &str); 9] = [
        ("{}", &["ROT303"], "nothing"),
        (
            r#"{"/tasks/0/inputParameters/uri": "ROT303 the vendor takes it nowhere else"}"#,
            &[],
            "at the place",
        ),
        (
            r#"{"/tasks/0": "secret-in-url-query known until 2999-01-01"}"#,
            &[],
            "above, by name",
        ),
        (
            r#"{"": ["ROT303, ROT304 known", "ROT301 known"]}"#,
            &["ROT901", "ROT901"],
            "a list, of which some do nothing",
        ),
        (
            r#"{"/tasks/0/inputParameters/method": "ROT303 known"}"#,
            &["ROT901", "ROT303"],
            "elsewhere",
        ),
        (
            r#"{"/tasks/7": "ROT303 known"}"#,
            &["ROT901", "ROT303"],
            "nowhere",
        ),
        (r#"{"/tasks/0": "ROT303"}"#, &["ROT902"], "without a reason"),
        (
            r#"{"/tasks/0": "ROT3O3 known"}"#,
            &["ROT903", "ROT303"],
            "of no rule",
        ),
        (r#"{"/tasks/0": 303}"#, &["ROT903", "ROT303"], "not a text"),
    ];
    for (ignores, expected, what) in cases {
        let all = codes(concise().arg("w.json").file("w.json", definition(ignores)));
        let of_interest: Vec<String> = all
            .into_iter()
            .filter(|c| c.starts_with("ROT90") && c < &"ROT906".to_owned() || c == "ROT303")
            .collect();
        assert_eq!(of_interest, expected, "{what}");
    }
    let list = format!(
        "[{}, {}]",
        definition("{}").replace("\"w\"", "\"v\""),
        definition(r#"{"": "ROT303 known"}"#)
    );
    let found = codes(concise().arg("w.json").file("w.json", list));
    assert_eq!(
        found.iter().filter(|c| *c == "ROT303").count(),
        1,
        "each definition speaks for itself: {found:?}"
    );
}

#[test]
fn suppressions_read_well() {
    let text = leaky(
        "  # rot: ignore[ROT301] on purpose, the log is thrown away\n  log \"1 ${mint.token}\"\n  log \"2 ${mint.token}\" # rot: ignore[ROT30l] typo\n  \
                      # rot: ignore[ROT301] until the server is gone, until 2020-06-30\n  log \"3 ${mint.token}\"\n  log \"4\" # rot: ignore[ROT301]",
    );
    let done = Rot::new()
        .args("check a.rot")
        .file("a.rot", text)
        .run()
        .code(1);
    insta::assert_snapshot!("suppressions", screen(&done));
}

#[test]
fn weights_by_path_win_over_the_general_ones() {
    let settings = "[check.severity]\nROT301 = \"warning\"\n[[check.path]]\nfiles = [\"old/**\"]\nseverity = { ROT301 = \"note\" }\n\
                    [[check.path]]\nfiles = \"old/gone.rot\"\nseverity = { secret-to-log = \"off\" }\n";
    let done = concise()
        .arg(".")
        .file("a.rot", leaky(LOG))
        .file("old/b.rot", leaky(LOG).replace("rotation r", "rotation b"))
        .file(
            "old/gone.rot",
            leaky(LOG).replace("rotation r", "rotation c"),
        )
        .file("rot.toml", settings)
        .run()
        .code(0);
    insta::assert_snapshot!("weights_by_path", screen(&done));
}

#[test]
fn taste_is_asked_for() {
    let unused = leaky("  log \"fine\"").replace(
        "    secret token",
        "    secret other = body $.other\n    secret token",
    );
    let check = |line: &str| {
        codes(
            Rot::new()
                .args("check --report concise a.rot")
                .args(line)
                .file("a.rot", &unused),
        )
    };
    assert!(!check("").contains(&"ROT108".to_owned()));
    assert!(check("--pedantic").contains(&"ROT108".to_owned()));
    let by_settings = concise()
        .arg("a.rot")
        .file("a.rot", &unused)
        .file("rot.toml", "check.pedantic = true\n");
    assert!(codes(by_settings).contains(&"ROT108".to_owned()));
    let commented = format!("# rot: ignore-file[ROT108] known\n{unused}");
    let found = |line: &str| {
        codes(
            Rot::new()
                .args("check --report concise a.rot")
                .args(line)
                .file("a.rot", &commented),
        )
    };
    for line in ["", "--pedantic"] {
        let of_rule = |c: &String| c == "ROT901" || c == "ROT108";
        assert!(
            !found(line).iter().any(of_rule),
            "a rule that is not on leaves no suppression unused"
        );
    }
}

/// The list in the checker names the rules that look at the option.
#[test]
fn rules_of_taste_are_listed() {
    let rules = concat!(env!("CARGO_MANIFEST_DIR"), "/src/check/rules");
    let mut in_sources = Vec::new();
    for entry in std::fs::read_dir(rules).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        if text.contains("options.pedantic") {
            in_sources.push(text.split_whitespace().nth(2).unwrap().to_owned());
        }
    }
    in_sources.sort();
    let mut listed: Vec<&str> = rot::diagnostic::ALL_CODES
        .iter()
        .filter(|c| c.is_pedantic())
        .map(|c| c.id())
        .collect();
    listed.sort_unstable();
    assert_eq!(in_sources, listed);
}

#[test]
fn hooks_that_name_some_files_hear_nothing_of_the_others() {
    let settings = "[[ignore]]\nfile = \"b.rot\"\nrule = \"ROT301\"\nreason = \"known\"\n[[ignore]]\nfile = \"old/*.rot\"\nrule = \"ROT301\"\nreason = \"known\"\n";
    let project = |line: &str| {
        Rot::new()
            .args(line)
            .file("a.rot", "secret a\n")
            .file("b.rot", leaky(LOG))
            .file("rot.toml", settings)
    };
    let names = |found: Vec<String>| found.iter().filter(|c| c.starts_with("ROT9")).count();
    assert_eq!(names(codes(project("check --report concise a.rot"))), 0);
    assert_eq!(names(codes(project("check --report concise b.rot"))), 0);
    let fixed = project("check --report concise b.rot").file("b.rot", "secret a\n");
    assert_eq!(
        names(codes(fixed)),
        1,
        "it was looked at, and there was nothing"
    );
}

#[test]
fn a_baseline_knows_findings_again_until_their_text_changes() {
    let write = Rot::new().args("check --write-baseline base.json a.rot w.json").file("a.rot", leaky(LOG)).file(
        "w.json",
        r#"{"name":"w","version":1,"tasks":[{"name":"h","taskReferenceName":"h","type":"HTTP","inputParameters":{"uri":"https://a.example.com/?k=${workflow.secrets.k}"}}]}"#,
    );
    let done = write.run().code(0);
    insta::assert_snapshot!("baseline_written", screen(&done));
    let baseline = done.read("base.json");
    insta::assert_snapshot!("baseline_file", baseline);
    let json = done.read("w.json");
    let check = |rot_file: String, json: &str| {
        Rot::new()
            .args("check --report concise --baseline base.json a.rot w.json")
            .file("base.json", &baseline)
            .file("a.rot", rot_file)
            .file("w.json", json)
    };
    assert!(codes(check(leaky(LOG), &json)).is_empty());
    let moved = format!("\n\n# moved\n{}", leaky(&format!("\n      {}", LOG.trim())));
    let pretty =
        serde_json::to_string_pretty(&serde_json::from_str::<serde_json::Value>(&json).unwrap())
            .unwrap();
    let before = pretty.replace("\"tasks\": [", "\"tasks\": [{\"name\": \"wait\", \"taskReferenceName\": \"wait\", \"type\": \"WAIT\", \"inputParameters\": {\"duration\": \"1 s\"}},");
    let survived = codes(check(moved, &before));
    assert!(
        !survived
            .iter()
            .any(|c| c == "ROT301" || c == "ROT303" || c == "ROT905"),
        "{survived:?}"
    );
    let unformatted = leaky(&LOG.replace("log \"", "log\n      \""));
    let survived = codes(check(unformatted, &json));
    assert!(
        survived.is_empty(),
        "formatting changes nothing: {survived:?}"
    );
    let twice = codes(check(leaky(&format!("{LOG}\n{LOG}")), &json));
    assert_eq!(twice, ["ROT301"], "a second one of the same text is new");
    let changed = codes(check(leaky(&LOG.replace("got", "have")), &json));
    assert_eq!(changed, ["ROT301", "ROT905"]);
    let gone = check(leaky("  log \"fine\""), &json).run().code(0);
    insta::assert_snapshot!("baseline_stale", screen(&gone));
}

#[test]
fn a_baseline_that_cannot_be_read_is_a_usage_error() {
    for (content, why) in [
        (None, "it does not exist"),
        (Some("{"), "it is not JSON"),
        (Some("{\"schema\": \"x\"}"), "not a baseline"),
    ] {
        let mut rot = Rot::new()
            .args("check --baseline base.json a.rot")
            .file("a.rot", "secret a\n");
        if let Some(content) = content {
            rot = rot.file("base.json", content);
        }
        let done = rot.run().code(2);
        assert!(done.stderr.contains(why), "{}", done.stderr);
    }
}

/// A hard-coded secret stands in no baseline, not even as a hash of its own text.
#[test]
fn a_baseline_holds_no_secret_and_its_fingerprint_does_not_depend_on_one() {
    let text = |secret: &str| {
        format!(
            "secret a\nrotation r {{\n  http x GET \"https://api.example.com/\" {{\n    header \"Authorization\": \"Bearer {secret}\"\n  }}\n}}\n"
        )
    };
    let prints = |secret: &str| {
        let done = Rot::new()
            .args("check --write-baseline base.json a.rot")
            .file("a.rot", text(secret))
            .run();
        done.read("base.json")
    };
    let (one, other) = (
        prints("ghp_16C7e42F292c6912E7710c838347Ae178B4a"),
        prints("ghp_26C7e42F292c6912E7710c838347Ae178B4b"),
    );
    assert!(!one.contains("16C7e42F") && !other.contains("26C7e42F"));
    if one.contains("ROT612") {
        assert_eq!(one, other);
    }
}

#[test]
fn what_check_is_told_to_accept_can_be_run_and_compiled() {
    let own = |comment: &str| leaky(&format!("  {comment}\n{LOG}"));
    let compiled = |text: String| {
        Rot::new()
            .args("compile a.rot --to plan -o p.json")
            .file("a.rot", text)
            .run()
    };
    compiled(own("")).code(25);
    compiled(own("# rot: ignore[ROT301] known until 2020-01-31")).code(25);
    let accepted = compiled(own("# rot: ignore[ROT301] known")).code(0);
    assert!(
        accepted.stderr.contains("accepted by decision: ROT301"),
        "{}",
        accepted.stderr
    );
    // The plan has no comments, and holds the decision under its digest.
    let plan = accepted.read("p.json");
    Rot::new()
        .args("plan p.json")
        .file("p.json", &plan)
        .run()
        .code(0);
    assert!(codes(concise().arg("p.json").file("p.json", &plan)).is_empty());
    let forged = compiled(leaky("  log \"fine\""))
        .code(0)
        .read("p.json")
        .replacen(
            "\"rotations\"",
            "\"accepted\":[\"ROT301\"],\"rotations\"",
            1,
        );
    Rot::new()
        .args("plan p.json")
        .file("p.json", forged)
        .run()
        .code(23);
    let settings = "[[ignore]]\nrule = \"ROT301\"\nfile = \"a.rot\"\nreason = \"known\"\n";
    Rot::new()
        .args("plan a.rot")
        .file("a.rot", own(""))
        .file("rot.toml", settings)
        .run()
        .code(0);
    // What was not understood cannot be run, whatever anybody accepts.
    let unresolved = leaky("  # rot: ignore[ROT103] known\n  log \"${nobody.there}\"");
    Rot::new()
        .args("plan a.rot")
        .file("a.rot", unresolved)
        .run()
        .code(25);
}
