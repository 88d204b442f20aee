//! `rot.toml`: what is read, what is refused and where, and its JSON Schema.

use rot::diagnostic::{Diagnostic, Severity, codes};
use rot::report::{RenderOptions, Renderer};
use rot::source::{FileId, SourceFile, SourceMap};
use rot::workspace::config::{Config, KEYS, Target, parse as read};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

pub fn parse(text: &str) -> Result<Config, Vec<Diagnostic>> {
    read(
        FileId::new(0),
        &SourceFile::new("rot.toml", text),
        Path::new("/project"),
    )
}

const FULL: &str = r#"
[vault]
path = "secrets/rot.vault"
identity = ["/etc/rot/identity.txt", "own.txt"]

[state]
dir = "/var/lib/rot"

[conductor]
target = "oss"

[conductor.hosts]
api_key = ["api.example.com", "*.example.org"]
other = "one.example.com"

[check]
fail-on = "warning"
severity = { ROT301 = "warning", "unused-secret" = "off" }

[[ignore]]
file = "flows/*.json"
pointer = "/tasks/0"
rule = "secret-to-log"
reason = "a test system"
until = 2027-01-31
"#;

#[test]
fn everything_is_read() {
    let config = parse(FULL).unwrap();
    assert_eq!(
        config.vault,
        Some(PathBuf::from("/project/secrets/rot.vault"))
    );
    assert_eq!(
        config.identity,
        [
            PathBuf::from("/etc/rot/identity.txt"),
            PathBuf::from("/project/own.txt")
        ]
    );
    assert_eq!(config.state, Some(PathBuf::from("/var/lib/rot")));
    assert_eq!(config.target, Target::Oss);
    assert_eq!(
        config.hosts["api_key"],
        ["api.example.com", "*.example.org"]
    );
    assert_eq!(config.hosts["other"], ["one.example.com"]);
    assert_eq!(config.fail_on, Some(Severity::Warning));
    assert_eq!(
        config.severity[&codes::SECRET_TO_LOG],
        Some(Severity::Warning)
    );
    assert_eq!(config.severity[&codes::UNUSED_SECRET], None);
    let ignore = &config.ignores[0];
    assert_eq!(
        (ignore.file.as_str(), ignore.pointer.as_deref()),
        ("flows/*.json", Some("/tasks/0"))
    );
    assert_eq!(
        (ignore.rule, ignore.reason.as_str()),
        (codes::SECRET_TO_LOG, "a test system")
    );
    assert_eq!(ignore.until, Some(jiff::civil::date(2027, 1, 31)));
}

#[test]
fn an_empty_file_is_the_defaults() {
    let config = parse("").unwrap();
    assert_eq!(
        config,
        Config {
            root: Some(PathBuf::from("/project")),
            ..Config::default()
        }
    );
}

#[test]
fn every_mistake_has_its_place_and_a_remedy() {
    let cases = [
        (
            "[vualt]\n",
            "1:2",
            "unknown key `vualt` in rot.toml",
            "the nearest key is `vault`",
        ),
        (
            "[vault]\npth = \"x\"\n",
            "2:1",
            "unknown key `pth` in `[vault]`",
            "the nearest key is `path`",
        ),
        (
            "[vault]\nzzz = 1\n",
            "2:1",
            "unknown key `zzz` in `[vault]`",
            "the keys of `[vault]` are path, identity",
        ),
        (
            "vault = 1\n",
            "1:9",
            "`vault` is a table",
            "it is written `[vault]`",
        ),
        (
            "[vault]\npath = 1\n",
            "2:8",
            "a string is needed here",
            "put it in double quotes",
        ),
        (
            "[conductor]\ntarget = \"orks\"\n",
            "2:10",
            "is not a value of this key",
            "the nearest is \"orkes\"",
        ),
        (
            "[check]\nfail-on = \"never\"\n",
            "2:11",
            "is not a value of this key",
            "one of \"error\", \"warning\", \"note\"",
        ),
        (
            "[check.severity]\nROT999 = \"off\"\n",
            "2:1",
            "there is no rule `ROT999`",
            "the nearest is `ROT",
        ),
        (
            "[check.severity]\nROT301 = \"fatal\"\n",
            "2:10",
            "is not a value of this key",
            "one of \"error\", \"warning\", \"note\", \"off\"",
        ),
        (
            "[ignore]\n",
            "1:1",
            "`ignore` is a list of tables",
            "`[[ignore]]`",
        ),
        (
            "[[ignore]]\nfile = \"a\"\nrule = \"ROT301\"\n",
            "1:1",
            "this suppression lacks `reason`",
            "the reason why",
        ),
        (
            "[[ignore]]\nreason = \" \"\n",
            "1:1",
            "lacks `file` and `rule` and `reason`",
            "the reason why",
        ),
        (
            "[[ignore]]\nuntil = \"soon\"\n",
            "2:9",
            "this is not a date",
            "2027-01-31",
        ),
        (
            "[[ignore]]\nuntil = 07:32:00\n",
            "2:9",
            "this is not a date",
            "2027-01-31",
        ),
        ("[vault\n", "1:7", "this is not valid TOML", ""),
        ("a = 1\na = 2\n", "2:1", "this is not valid TOML", ""),
    ];
    for (text, place, message, help) in cases {
        let found = parse(text).unwrap_err();
        let one = &found[0];
        let position = SourceFile::new("rot.toml", text).position(one.span().start);
        assert_eq!(
            format!("{}:{}", position.line, position.column),
            place,
            "{text}"
        );
        assert!(one.message.contains(message), "{text}: {}", one.message);
        assert!(
            one.help.as_deref().unwrap_or_default().contains(help),
            "{text}: {:?}",
            one.help
        );
    }
}

#[test]
fn a_mistake_reads_well() {
    let text = "[conductor]\ntarget = \"orkez\"\n\n[conductor.host]\nkey = [\"a\"]\n";
    let mut sources = SourceMap::new();
    sources.add(SourceFile::new("rot.toml", text));
    let renderer = Renderer::new(RenderOptions::default());
    let drawn: Vec<String> = parse(text)
        .unwrap_err()
        .iter()
        .map(|d| renderer.render(d, &sources))
        .collect();
    insta::assert_snapshot!("settings_mistakes", drawn.join("\n"));
}

#[test]
fn the_nearest_file_upward_is_taken() {
    use crate::support::process::Rot;
    let done = Rot::new()
        .args("check sub/a.rot")
        .file("sub/a.rot", "secret a\n")
        .file("rot.toml", "bad = 1\n")
        .run()
        .code(2);
    assert!(
        done.stderr.contains("rot.toml:1:1") && done.stderr.contains("unknown key `bad`"),
        "{}",
        done.stderr
    );
    let done = Rot::new()
        .args("check --config other.toml a.rot")
        .file("a.rot", "secret a\n")
        .file("rot.toml", "bad = 1\n")
        .run()
        .code(2);
    assert!(
        done.stderr
            .contains("cannot read the settings `other.toml`: it does not exist"),
        "{}",
        done.stderr
    );
    Rot::new()
        .args("check --config ok.toml a.rot")
        .file("a.rot", "secret a\n")
        .file("ok.toml", "")
        .file("rot.toml", "bad = 1\n")
        .run()
        .code(0);
}

/// The schema that editors use and the parser know the same keys, and the schema's examples of choices are read.
#[test]
fn the_schema_agrees_with_the_parser() {
    let schema: Value =
        serde_json::from_str(include_str!("../../../docs/reference/rot.toml.schema.json")).unwrap();
    let keys = |object: &Value| -> BTreeSet<String> {
        assert_eq!(object["additionalProperties"], false);
        object["properties"]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect()
    };
    for (table, known) in KEYS {
        let object = match table {
            "" => &schema,
            "ignore" => &schema["properties"]["ignore"]["items"],
            "check.path" => &schema["properties"]["check"]["properties"]["path"]["items"],
            "environment" => &schema["properties"]["environment"]["additionalProperties"],
            table => &schema["properties"][table],
        };
        assert_eq!(
            keys(object),
            known.iter().map(|k| (*k).to_owned()).collect(),
            "[{table}]"
        );
    }
    let required: BTreeSet<&str> = schema["properties"]["ignore"]["items"]["required"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_str().unwrap())
        .collect();
    assert_eq!(required, BTreeSet::from(["file", "rule", "reason"]));
    let choices = |value: &Value| -> Vec<String> {
        value["enum"]
            .as_array()
            .unwrap()
            .iter()
            .map(|v| v.as_str().unwrap().to_owned())
            .collect()
    };
    for target in choices(&schema["properties"]["conductor"]["properties"]["target"]) {
        parse(&format!("conductor.target = \"{target}\"")).unwrap();
    }
    for weight in choices(&schema["properties"]["check"]["properties"]["fail-on"]) {
        parse(&format!("check.fail-on = \"{weight}\"")).unwrap();
    }
    for weight in
        choices(&schema["properties"]["check"]["properties"]["severity"]["additionalProperties"])
    {
        parse(&format!("check.severity.ROT301 = \"{weight}\"")).unwrap();
    }
}
