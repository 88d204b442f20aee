//! A mistake in one rotation says nothing of the others, and one file nothing of another's report.

use rot::diagnostic::{Diagnostic, Severity};
use rot::report::Report;
use rot::source::{FileId, SourceFile};
use rot::workspace::config::Config;
use rot::workspace::gather::Gathered;
use rot::workspace::load::analyse;
use std::collections::BTreeSet;

const SECRETS: &str = "secret key, other to \"api.acme.dev\"\n";

/// Rotations with a finding of flows, of conditions and of order, and what calls one of them.
const WHOLE: [&str; 4] = [
    "rotation leaks {\n  log \"x ${secrets.key}\"\n}\n",
    "rotation waits {\n  timeout 1m\n  http GET \"https://api.acme.dev/me\" { bearer secrets.other   expect status 200 }\n  wait 5m\n}\n",
    "rotation constant {\n  when \"a\" == \"b\" { log \"never\" }\n}\n",
    "rotation calls {\n  call done = waits\n  log \"y ${secrets.other}\"\n}\n",
];

/// What a person types: the same rotation half way.
const TORN: [&str; 7] = [
    "rotation typed {\n  http GET \"https://api.acme.dev/me\" { bearer secrets.ke",
    "rotation typed {\n  log \"x\n}\n",
    "rotation typed {\n  http GE { }\n  log \"x ${secrets.key}\"\n}\n",
    "rotation typed {\n  when {\n}\n",
    "rotation typed {\n  log missing.value\n}\n",
    "rotation typed {\n  expect status 20\n}\n",
    "rotation {\n  log \"x\"\n}\n",
];

fn findings(text: &str) -> Vec<Diagnostic> {
    analyse(&SourceFile::new("t.rot", text), &Config::default()).findings
}

/// The findings in a part of a text, as codes and places from its beginning.
fn of_part(text: &str, part: &str) -> BTreeSet<(String, u32)> {
    let begin = u32::try_from(text.find(part).unwrap()).unwrap();
    let end = begin + u32::try_from(part.len()).unwrap();
    findings(text)
        .iter()
        .filter(|d| (begin..end).contains(&d.span().start))
        .map(|d| (d.code.id().to_owned(), d.span().start - begin))
        .collect()
}

#[test]
fn findings_of_a_rotation_stay_while_another_is_typed() {
    let alone = format!("{SECRETS}\n{}", WHOLE.join("\n"));
    for torn in TORN {
        let text = format!("{alone}\n{torn}");
        assert!(
            findings(&text)
                .iter()
                .any(|d| d.severity == Severity::Error)
        );
        for whole in WHOLE {
            let before = of_part(&alone, whole);
            assert!(!before.is_empty(), "{whole}");
            assert_eq!(of_part(&text, whole), before, "{whole} beside {torn}");
        }
    }
}

#[test]
fn nothing_follows_from_what_could_not_be_read() {
    // What calls a broken rotation, and what is used in the broken part alone.
    let text = "secret key to \"api.acme.dev\"\nrotation a {\n  call x = b { n: 1 }\n  log x.out\n}\nrotation b {\n  input n: int\n  http GE { bearer secrets.key }\n  output out = 1\n}\n";
    let found = findings(text);
    assert!(
        found.iter().all(|d| d.code.id().starts_with("ROT00")),
        "{found:#?}"
    );
}

#[test]
fn a_literal_of_one_file_masks_nothing_in_another() {
    let token = "ghp_16C7e42F292c6912E7710c838347Ae178B4a";
    let hard = format!(
        "rotation a {{\n  http GET \"https://api.acme.dev/y\" {{ bearer \"{token}\" }}\n}}\n"
    );
    let name = format!(
        "secret {token} to \"api.acme.dev\"\nrotation b {{\n  log \"${{secrets.{token}}}\"\n}}\n"
    );
    let mut all = Gathered::default();
    for (file, text) in [("a.rot", &hard), ("b.rot", &name)] {
        let loaded = analyse(&SourceFile::new(file, text.as_str()), &Config::default());
        all.absorb(&loaded.sources, loaded.findings);
    }
    let report = Report::new(&all.sources, all.found);
    let of = |code: &str| {
        report
            .diagnostics
            .iter()
            .find(|d| d.code.id() == code)
            .unwrap()
    };
    assert!(
        of("ROT301").message.contains(token),
        "the name of a secret in another file"
    );
    assert!(!format!("{:?}", of("ROT612")).contains(token));
}

#[test]
fn a_suppression_stays_on_its_line_and_formatting_ends() {
    let text = "secret k to \"a.acme.dev\"\nrotation a {\n  log # rot: ignore[ROT301] it is a test key\n    \"${secrets.k}\"\n  let b = ( # inner\n    45m # rest\n  )\n  wait b\n}\n";
    let printed = |text: &str| {
        let file = SourceFile::new("t.rot", text);
        let (ast, found) = rot::syntax::parse(FileId::new(0), &file);
        assert!(found.is_empty(), "{found:?}");
        rot::syntax::print(&ast, &file)
    };
    let once = printed(text);
    assert!(
        once.contains("log \"${secrets.k}\"  # rot: ignore[ROT301] it is a test key\n"),
        "{once}"
    );
    assert_eq!(once, printed(&once));
}

/// Two definitions with a finding of flow and one of order each, as a program prints them.
fn two_definitions() -> (String, usize) {
    let definition = |name: &str| {
        serde_json::json!({"name": name, "version": 1, "schemaVersion": 2, "ownerEmail": "a@acme.dev", "tasks": [
            {"name": "make", "taskReferenceName": "make", "type": "HTTP", "inputParameters": {
                "uri": "https://api.acme.dev/v1/keys", "method": "POST", "headers": {"X-Key": "${workflow.secrets.ADMIN}"},
                "outputFilter": {"id": "$.response.body.id", "_secrets": {"key": "$.response.body.key"}}}},
            {"name": "save", "taskReferenceName": "save", "type": "UPDATE_SECRET", "inputParameters": {
                "_secrets": {"secretKey": name, "secretValue": "${make.output._secrets.key}"}}},
            {"name": "drop", "taskReferenceName": "drop", "type": "HTTP", "inputParameters": {
                "uri": "https://api.acme.dev/v1/keys/${make.output.id}", "method": "DELETE", "headers": {"X-Key": "${workflow.secrets.ADMIN}"}}}],
            "outputParameters": {"key": "${make.output._secrets.key}"}})
    };
    let one = serde_json::to_string_pretty(&[definition("first")]).unwrap();
    let both = serde_json::to_string_pretty(&[definition("first"), definition("second")]).unwrap();
    (both, one.lines().count() - 1)
}

/// Codes with their lines.
fn of_json(text: &str) -> BTreeSet<(String, usize)> {
    let source = SourceFile::new("w.json", text);
    analyse(&source, &Config::default())
        .findings
        .iter()
        .filter(|d| d.severity > Severity::Note)
        .map(|d| {
            let line = text[..d.span().start as usize].matches('\n').count();
            (d.code.id().to_owned(), line)
        })
        .collect()
}

/// What may be wrong with a line that somebody types: something is missing in it.
const SLIPS: [fn(&str) -> String; 5] = [
    |line| line.trim_end_matches(',').to_owned(),
    |line| line.replacen('"', "", 1),
    |line| {
        line.chars()
            .rev()
            .collect::<String>()
            .replacen('"', "", 1)
            .chars()
            .rev()
            .collect()
    },
    |line| line.trim_end_matches(['{', '[']).to_owned(),
    |line| line.replacen(['}', ']'], "", 1),
];

#[test]
fn one_broken_line_of_json_blinds_nothing_else() {
    let (text, border) = two_definitions();
    let intact = of_json(&text);
    let lines: Vec<&str> = text.lines().collect();
    let mut broken = 0;
    for (at, line) in lines.iter().enumerate() {
        for (slip, wrong) in SLIPS.iter().enumerate() {
            let wrong = wrong(line);
            if wrong == *line || at == 0 || at == lines.len() - 1 {
                continue;
            }
            let mut changed = lines.clone();
            changed[at] = &wrong;
            let changed = changed.join("\n");
            // A bracket within a text is none of JSON's.
            if serde_json::from_str::<serde_json::Value>(&changed).is_ok() {
                continue;
            }
            broken += 1;
            let found = of_json(&changed);
            // Those of the other definition; where only a comma is missing, all of them.
            let stays = |line: usize| slip == 0 || (line < border) != (at < border);
            let gone: Vec<_> = intact
                .iter()
                .filter(|(_, line)| stays(*line))
                .filter(|f| !found.contains(*f))
                .collect();
            assert!(
                gone.is_empty(),
                "line {at} as {wrong:?} hides {gone:?}, found {found:?}"
            );
            assert!(
                found.iter().any(|(code, _)| code == "ROT002"),
                "line {at} as {wrong:?}: {found:?}"
            );
        }
    }
    assert!(intact.len() >= 4 && broken > 100, "{intact:?}, {broken}");
}
