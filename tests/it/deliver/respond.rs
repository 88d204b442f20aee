//! `rot respond`: what scanners found is compared with the vault, and what is in use is replaced and revoked without grace.

use super::CANARY;
use super::fakes::{Fake, Fault, Kv, TOKEN};
use crate::support::project::{Called, Project};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use serde_json::{Value as Json, json};

/// A key of an issuer, delivered to Vault; the old one lives on for a day.
fn stage() -> (Fake, Project) {
    let fake = Fake::start(Kv::default());
    let port = fake.port;
    let project = Project::new();
    project
        .set("token", TOKEN)
        .set("by_hand", "canary-by-hand-0001")
        .file(
            "rotations/k.rot",
            format!(
                r#"secret token to "127.0.0.1"
secret k {{ key, id }} to "127.0.0.1"
target t kv "secret/apps/db" {{ server "http://127.0.0.1:{port}"  token secrets.token  timeout 1s }}
deliver k.key to t as "key"

rotation k {{
  every 30d
  http mint POST "http://127.0.0.1:{port}/issue" issues additive {{
    expect status 201
    secret key = body $.key
    public id = body $.id
  }}
  stage k {{ key: mint.key, id: mint.id }}
  promote k
  revoke previous.k after 24h {{
    http DELETE "http://127.0.0.1:{port}/issue/${{previous.k.id}}" revokes {{ expect status 204 }}
  }}
}}
"#
            ),
        );
    project.rot("run rotations/k.rot").code(0);
    (fake, project)
}

fn gitleaks(values: &[&str]) -> String {
    let one = |(at, value): (usize, &&str)| json!({ "RuleID": "generic-api-key", "File": "src/app.py", "StartLine": at + 3, "Commit": "0123456789abcdef", "Secret": value, "Match": format!("key = \"{value}\"") });
    Json::from(values.iter().enumerate().map(one).collect::<Vec<_>>()).to_string()
}

fn shows_nothing(called: Called) -> Called {
    for text in [&called.stdout, &called.stderr] {
        assert!(
            !text.contains(CANARY) && !text.contains("canary-"),
            "{text}"
        );
    }
    called
}

#[test]
fn each_form_of_a_report_is_read() {
    let (_fake, project) = stage();
    let key = project.get("k.key");
    let trufflehog = format!(
        "{}\n{}\n",
        json!({ "SourceMetadata": { "Data": { "Git": { "file": "src/app.py", "line": 3, "commit": "0123456789abcdef" } } }, "DetectorName": "Custom", "Raw": key, "RawV2": "" }),
        json!({ "level": "info-0", "msg": "finished scanning" })
    );
    let github = json!([{ "number": 1, "secret_type": "custom", "secret": key, "html_url": "https://github.com/o/r/security/1", "first_location_detected": { "path": "src/app.py", "start_line": 3, "commit_sha": "0123456789abcdef" } }]).to_string();
    let sarif = json!({ "version": "2.1.0", "runs": [{ "results": [{ "ruleId": "generic-api-key", "message": { "text": "a key" }, "locations": [{ "physicalLocation": { "artifactLocation": { "uri": "src/app.py" }, "region": { "startLine": 3, "snippet": { "text": format!("api_key = '{key}'") } } } }] }] }] }).to_string();
    for text in [gitleaks(&[&key]), trufflehog, github, sarif] {
        let found = shows_nothing(project.feed(&["respond", "-"], text.as_bytes()).code(1));
        for said in [
            "k (key)",
            "in use",
            "src/app.py:3",
            "rotation `k` in rotations/k.rot",
            "target t (kv secret/apps/db",
            "--run",
        ] {
            assert!(
                found.stdout.contains(said),
                "no {said} in\n{}",
                found.stdout
            );
        }
        assert!(
            found
                .stderr
                .contains("1 finding: 1 version of this vault, 0 of no secret in it"),
            "{}",
            found.stderr
        );
        let json = project
            .feed(&["respond", "-", "--report", "json"], text.as_bytes())
            .code(1)
            .json();
        assert_eq!(json["schema"], "rot.respond/v1");
        assert_eq!(json["secrets"][0]["rotation"], "k");
        assert!(!json.to_string().contains(CANARY));
    }
    project.feed(&["respond", "-"], b"[]").code(0);
    // A scanner that failed writes nothing, and so does one that found nothing: that is for a person to tell.
    project.feed(&["respond", "-"], b"").code(2);
    for text in [
        "not json",
        "{\"a\": 1}",
        "[{\"x\": \"canary-1\"}]",
        "{\"runs\": 3}",
    ] {
        shows_nothing(project.feed(&["respond", "-"], text.as_bytes()).code(2));
    }
    project.rot("respond nothing.json").code(2);
}

#[test]
fn what_leaked_is_replaced_and_revoked_without_grace() {
    let (fake, project) = stage();
    let old = project.get("k.key");
    project.file(
        "leaks.json",
        gitleaks(&[&old, "of-nobody-here-12345", "canary-by-hand-0001"]),
    );
    let done = shows_nothing(project.rot("respond leaks.json --run").code(27));
    assert_eq!(
        fake.with(|s| (s.minted, s.revoked)),
        (2, 1),
        "{}",
        done.stdout
    );
    let new = project.get("k.key");
    assert_ne!(new, old);
    assert_eq!(fake.with(|s| s.service.value()).as_deref(), Some(&*new));
    for said in ["revoked", "by_hand", "no rotation of these files makes it"] {
        assert!(done.stdout.contains(said), "no {said} in\n{}", done.stdout);
    }
    assert!(
        done.stderr
            .contains("3 findings: 2 versions of this vault, 1 of no secret in it"),
        "{}",
        done.stderr
    );
    // The same again does nothing: it is revoked.
    project.file("leaks.json", gitleaks(&[&old]));
    shows_nothing(project.rot("respond leaks.json --run").code(0));
    assert_eq!(fake.with(|s| (s.minted, s.revoked)), (2, 1));
}

#[test]
fn an_old_value_that_lives_on_for_a_day_is_revoked_now() {
    let (fake, project) = stage();
    let old = project.get("k.key");
    project.rot("run rotations/k.rot").code(0);
    project.file("leaks.json", gitleaks(&[&old]));
    let seen = shows_nothing(project.rot("respond leaks.json").code(1));
    assert!(
        seen.stdout.contains("its revocation is scheduled"),
        "{}",
        seen.stdout
    );
    shows_nothing(project.rot("respond leaks.json --run").code(0));
    assert_eq!(fake.with(|s| (s.minted, s.revoked)), (2, 1));
}

#[test]
fn nothing_is_revoked_while_a_target_lacks_the_new_one() {
    let (fake, project) = stage();
    let old = project.get("k.key");
    project.file("leaks.json", gitleaks(&[&old]));
    fake.with(|s| s.fault = Some(Fault::Status(500)));
    let waits = shows_nothing(project.rot("respond leaks.json --run").code(27));
    assert_eq!(fake.with(|s| (s.minted, s.revoked)), (2, 0));
    assert!(
        waits.stdout.contains("once every target has the new one"),
        "{}",
        waits.stdout
    );
    fake.with(|s| s.fault = None);
    project.rot("deliver").code(0);
    shows_nothing(project.rot("respond leaks.json --run").code(0));
    assert_eq!(fake.with(|s| (s.minted, s.revoked)), (2, 1));
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// A value in each spelling that a scanner may come upon.
fn spellings(value: &str) -> Vec<String> {
    vec![
        value.to_owned(),
        STANDARD.encode(value),
        STANDARD_NO_PAD.encode(value),
        URL_SAFE.encode(value),
        URL_SAFE_NO_PAD.encode(value),
        hex(value),
        hex(value).to_uppercase(),
    ]
}

#[test]
fn each_spelling_of_a_value_is_found() {
    let (_fake, project) = stage();
    // The two alphabets of base64 differ for these, and the padding is of each length.
    for odd in [
        "canary-~~??>>\u{ff}\u{fe}",
        "canary-~~??>>\u{ff}\u{fe}1",
        "canary-~~??>>\u{ff}\u{fe}12",
    ] {
        project.set("odd", odd);
        for spelled in spellings(odd) {
            for (secret, text) in [
                (spelled.clone(), spelled.clone()),
                (format!("data: {spelled}"), String::new()),
            ] {
                let report = json!([{ "RuleID": "r", "File": "a", "StartLine": 1, "Secret": secret, "Match": text }]).to_string();
                let found = project.feed(&["respond", "-"], report.as_bytes());
                let found = shows_nothing(found.code(1));
                assert!(
                    found.stdout.starts_with("odd  version") && !found.stdout.contains(&spelled),
                    "{spelled}: {}{}",
                    found.stdout,
                    found.stderr
                );
            }
        }
    }
}

#[test]
fn no_text_of_a_report_shows_a_value() {
    let (_fake, project) = stage();
    let key = project.get("k.key");
    let theirs = "canary-of-somebody-else";
    for value in [&*key, "canary-by-hand-0001", theirs] {
        for spelled in spellings(value) {
            let place = format!("backup/{spelled}/{spelled}.env");
            let gitleaks = json!([
                { "RuleID": spelled, "File": place, "StartLine": 1, "Commit": spelled, "Secret": key },
                { "RuleID": spelled, "File": place, "StartLine": 2, "Commit": spelled, "Secret": theirs },
                { "RuleID": spelled, "File": place, "StartLine": 3, "Commit": spelled, "Secret": "REDACTED" },
            ])
            .to_string();
            for more in [&["respond", "-"][..], &["respond", "-", "--report", "json"]] {
                let shown = shows_nothing(project.feed(more, gitleaks.as_bytes()).code(1));
                for text in [&shown.stdout, &shown.stderr] {
                    assert!(!text.contains(&*spelled), "{spelled} in\n{text}");
                }
                assert!(
                    shown.stdout.contains("backup/***/***.env"),
                    "{}",
                    shown.stdout
                );
            }
        }
    }
}

#[test]
fn what_was_blacked_out_is_no_all_clear() {
    let (fake, project) = stage();
    let gitleaks = |members: Json| {
        let mut one = json!({ "RuleID": "r", "File": "src/app.py", "StartLine": 3 });
        for (name, value) in members.as_object().unwrap() {
            one[name] = value.clone();
        }
        json!([one]).to_string()
    };
    let sarif = |region: Json| {
        json!({ "runs": [{ "results": [{ "ruleId": "r", "message": { "text": "a key was found" }, "locations": [{ "physicalLocation": { "artifactLocation": { "uri": "src/app.py" }, "region": region } }] }] }] }).to_string()
    };
    let alert = |secret: Json| {
        json!([{ "secret_type": "custom", "secret": secret, "first_location_detected": { "path": "src/app.py", "start_line": 3 } }]).to_string()
    };
    let reports = [
        gitleaks(json!({ "Secret": "REDACTED", "Match": "key = REDACTED" })),
        gitleaks(json!({ "Secret": "", "Match": "" })),
        gitleaks(json!({})),
        gitleaks(json!({ "Secret": null })),
        gitleaks(json!({ "Secret": "abcd...", "Match": "key = abcd..." })),
        gitleaks(json!({ "Secret": "********" })),
        json!({ "DetectorName": "Custom", "Raw": "", "SourceMetadata": { "Data": { "Git": { "file": "src/app.py", "line": 3 } } } }).to_string(),
        alert(json!("")),
        alert(Json::Null),
        sarif(json!({ "startLine": 3 })),
        sarif(json!({ "startLine": 3, "snippet": { "text": "key = \"REDACTED\"" } })),
    ];
    for report in &reports {
        let found = project.feed(&["respond", "-"], report.as_bytes()).code(1);
        assert!(
            found.stdout.contains("cannot be compared") && found.stdout.contains("src/app.py:3"),
            "{report}\n{}",
            found.stdout
        );
        let found = found.says("0 of no secret in it, 1 that cannot be compared");
        shows_nothing(found);
        let json = project.feed(&["respond", "-", "--report", "json"], report.as_bytes());
        let json = json.code(1).json();
        assert_eq!(json["uncompared"][0]["file"], "src/app.py", "{json}");
        assert_eq!(
            (&json["findings"], &json["unmatched"]),
            (&1.into(), &0.into())
        );
    }
    // Nor is there one after everything else was done.
    let key = project.get("k.key");
    let both = json!([{ "RuleID": "r", "Secret": "REDACTED" }, { "RuleID": "r", "Secret": key }]);
    let both = both.to_string();
    shows_nothing(
        project
            .feed(&["respond", "-", "--run"], both.as_bytes())
            .code(1),
    );
    assert_eq!(fake.with(|s| (s.minted, s.revoked)), (2, 1));
    // What stands in another text of it is found all the same.
    let line = gitleaks(json!({ "Secret": "REDACTED", "Line": format!("key = {key}") }));
    let found = shows_nothing(project.feed(&["respond", "-"], line.as_bytes()).code(0));
    assert!(
        found.stderr.contains("1 version of this vault"),
        "{}",
        found.stderr
    );
}

#[test]
fn a_file_with_errors_is_said_where_a_rotation_is_missed() {
    let (_fake, project) = stage();
    project.file("rotations/k.rot", "rotation k {\n");
    let report = gitleaks(&[&project.get("k.key")]);
    let found = shows_nothing(project.feed(&["respond", "-"], report.as_bytes()).code(1));
    assert!(
        found.stdout.contains("may stand in a file that has errors")
            && found.stdout.contains("rot check rotations/k.rot"),
        "{}",
        found.stdout
    );
}
