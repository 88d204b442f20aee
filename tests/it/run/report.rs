//! What a run says of itself, and the exit codes of the contract.

use super::{TOKEN, answering, good, project};
use crate::support::loopback::{calls, faulty};
use crate::support::project::stable;
use rot::demo::issuer::{Fault, Phase, Rule};
use serde_json::{Value, json};
use std::process::Stdio;

/// The report with what differs from run to run replaced.
fn fixed(mut report: Value) -> Value {
    for step in report["steps"].as_array_mut().unwrap() {
        assert!(step["duration_ms"].is_u64());
        step["duration_ms"] = json!(0);
    }
    serde_json::from_str(&stable(&report.to_string())).unwrap()
}

#[test]
fn the_json_report_has_the_shape_of_the_contract() {
    let issuer = good();
    let project = project(
        &issuer,
        &TOKEN.replace(
            "  update",
            "  output id = \"none\"\n  output copy = get.token\n\n  update",
        ),
    );
    let checked = project.rot("run r.rot --report json");
    // An output that shows a secret is refused before anything runs.
    checked.code(25);
    let text = project
        .read("r.rot")
        .replace("output copy", "output secret copy");
    project.file("r.rot", text);
    let done = project.rot("run r.rot --report json").code(0);
    insta::assert_json_snapshot!("completed", fixed(done.json()));
    let value = project.get("my_token");
    assert!(!done.stdout.contains(&value) && !done.stderr.contains(&value));
}

#[test]
fn the_text_report_names_versions_and_shows_no_value() {
    let issuer = good();
    let project = project(&issuer, TOKEN);
    let done = project.rot("run r.rot").code(0);
    insta::assert_snapshot!("completed_text", project.stable(&done.stdout));
    assert!(done.stderr.contains("✓ http get"), "{}", done.stderr);
    let quiet = project.rot("-q run r.rot").code(0);
    assert_eq!(quiet.stderr, "");
}

#[test]
fn a_refusal_before_any_effect_is_20() {
    let issuer = good();
    let project = project(&issuer, TOKEN);
    project.set("appKeySecret", "a-wrong-one");
    let failed = project.rot("run r.rot --report json").code(20);
    insta::assert_json_snapshot!("refused", fixed(failed.json()));
    insta::assert_snapshot!("refused_stderr", project.stable(&failed.stderr));
    assert!(!failed.stderr.contains("a-wrong-one"));
    // Nothing is left to resume.
    project.rot("resume").code(0).says("nothing to resume");
}

#[test]
fn a_failure_after_an_effect_is_21() {
    let issuer = answering(r#"{"jwt": "demo"}"#);
    let project = project(&issuer, TOKEN);
    let failed = project.rot("run r.rot --report json").code(21);
    insta::assert_json_snapshot!("after_effect", fixed(failed.json()));
}

#[test]
fn an_unknown_outcome_that_nobody_can_resolve_is_22_until_a_person_decides() {
    let text = r#"secret personal to "api.example.com" in header
rotation personal {
  http rotate POST "https://api.example.com/api/v4/personal_access_tokens/self/rotate" issues replacing accept lockout-risk "a person can make one" {
    header "PRIVATE-TOKEN": secrets.personal
    secret token = body $.token
  }
  update personal = rotate.token
}
"#;
    let path = "/api/v4/personal_access_tokens/self/rotate";
    let issuer = faulty(vec![Rule::once(path, Fault::ResetAfterExecuting)]);
    let project = project(&issuer, text);
    project.set("personal", "demo-personal-0");
    let halted = project.rot("run r.rot --report json").code(22);
    assert_eq!(halted.json()["status"], "needs-operator");
    insta::assert_snapshot!("needs_a_person", project.stable(&halted.stderr));
    assert_eq!(calls(&issuer, "POST", path), 1, "never called blindly");

    // Neither a second run nor a resume calls it again.
    project.rot("run r.rot").code(22).says("waits for a person");
    project.rot("resume").code(22);
    assert_eq!(calls(&issuer, "POST", path), 1);
    let status = project.rot("status").code(0);
    insta::assert_snapshot!(
        "status_needs_a_person",
        ageless(&project.stable(&status.stdout))
    );
    let state = project.rot("status --report json").code(0).json();
    assert_eq!(state["runs"][0]["state"], "needs-operator");
    assert_eq!(state["runs"][0]["commands"].as_array().unwrap().len(), 3);

    project.set("personal", "made-by-hand");
    project.rot("resume personal --accept").code(0);
    assert_eq!(project.get("personal"), "made-by-hand");
    assert_eq!(
        project.rot("status --report json").code(0).json()["runs"],
        json!([])
    );
}

/// `begun 3s ago`
/// Ages and the blanks that line them up differ from run to run.
fn ageless(text: &str) -> String {
    let is_age = |word: &str| {
        word.strip_suffix(['s', 'm', 'h'])
            .is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
    };
    let line = |line: &str| {
        line.split(' ')
            .map(|word| if is_age(word) { "<age>" } else { word })
            .collect::<Vec<_>>()
            .join(" ")
    };
    text.lines()
        .map(line)
        .map(|l| l.replace("<age>  ", "<age> ").replace("<age>  ", "<age> "))
        // The key of this project's own identity is another in each.
        .map(|l| match l.split_once(", sealed to ") {
            Some((vault, _)) => format!("{vault}, sealed to <key>"),
            None => l,
        })
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn a_second_run_of_the_same_rotation_waits_and_gives_up_with_24() {
    let issuer = faulty(vec![Rule::once(
        "/api/token",
        Fault::Stall {
            at: Phase::Execute,
            millis: 60_000,
        },
    )]);
    let project = project(
        &issuer,
        &TOKEN.replace("secret token", "timeout 5m\n    secret token"),
    );
    let mut first = project
        .command(&["run", "r.rot"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while issuer.state().connections() == 0 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    project
        .rot("run r.rot")
        .code(24)
        .says("another process is running rotation `my_token`");
    first.kill().unwrap();
    first.wait().unwrap();
    // The lock went with the process.
    project.rot("run r.rot").code(0);
}

#[test]
fn error_findings_are_25_and_nothing_is_called() {
    let issuer = good();
    let project = project(&issuer, &TOKEN.replace("get.token", "get.tokn"));
    let refused = project.rot("run r.rot").code(25);
    insta::assert_snapshot!("refused_findings", project.stable(&refused.stderr));
    assert!(issuer.state().requests.is_empty());
}

/// What the run itself made from a secret is masked wherever it comes back, as the secret is.
#[test]
fn what_a_run_makes_from_a_secret_is_masked() {
    let derived = [
        ("b64", "base64_decode(secrets.b64)", "decoded-value-42"),
        ("pair", "split(secrets.pair, \":\")[1]", "passw0rd-17"),
        ("up", "upper(secrets.up)", "LOWERCASE-99"),
        ("sa", "parse_json(secrets.sa).key", "S3cr3t-987"),
        (
            "sb",
            "jq(\".key\", parse_json(secrets.sb))[0]",
            "S3cr3t-654",
        ),
        (
            "inner",
            "sha256(base64_decode(secrets.inner))",
            "inner-value-1",
        ),
    ];
    let stored = [
        ("b64", "ZGVjb2RlZC12YWx1ZS00Mg=="),
        ("pair", "user17:passw0rd-17"),
        ("up", "lowercase-99"),
        ("sa", "{\"key\":\"S3cr3t-987\",\"type\":\"none\"}"),
        ("sb", "{\"key\":\"S3cr3t-654\"}"),
        ("inner", "aW5uZXItdmFsdWUtMQ=="),
    ];
    let said = derived.map(|(_, _, value)| value).join(" / ");
    let issuer = answering(&json!({ "token": "a-new-token-1", "said": said }).to_string());
    let mut text =
        String::from("secret appKeyId, appKeySecret to \"api.example.com\"\nsecret my_token\n");
    for (name, _) in stored {
        text.push_str(&format!("secret {name} to \"api.example.com\"\n"));
    }
    text.push_str("rotation r {\n");
    for (name, expression, _) in derived {
        text.push_str(&format!("  let d_{name} = {expression}\n"));
    }
    text.push_str("  http get POST \"https://api.example.com/api/token\" issues additive {\n    json { keyId: secrets.appKeyId, keySecret: secrets.appKeySecret");
    for (name, _, _) in derived {
        text.push_str(&format!(", {name}: d_{name}"));
    }
    text.push_str(" }\n    secret token = body $.token\n    public said = body $.said\n  }\n  log \"said: ${get.said}\"\n  update my_token = get.token\n}\n");
    let project = project(&issuer, &text);
    for (name, value) in stored {
        project.set(name, value);
    }
    let done = project.rot("run r.rot").code(0);
    assert!(done.stderr.contains("said: *** / ***"), "{}", done.stderr);
    for (_, _, value) in derived {
        assert!(!done.stderr.contains(value), "{value}:\n{}", done.stderr);
    }
    // The checker says what other programs will not find.
    let checked = project.rot("check --report concise r.rot").code(0);
    assert_eq!(
        checked.stdout.matches("ROT204").count(),
        3,
        "{}",
        checked.stdout
    );
}

#[test]
fn runs_are_listed_and_shown_without_values() {
    let issuer = answering(r#"{"jwt": "a-new-credential-1", "n": 7}"#);
    let project = project(&issuer, TOKEN);
    project.rot("runs").code(0).says("there were no runs");
    project.rot("run r.rot").code(21);
    let listed = project.rot("runs --report json").code(0).json();
    assert_eq!(listed["schema"], "rot.runs/v1");
    assert_eq!(listed["runs"][0]["rotation"], "my_token");
    let id = listed["runs"][0]["run_id"].as_str().unwrap().to_owned();
    let shown = project.rot(&format!("runs show {id}")).code(0);
    assert!(
        shown.stdout.contains("get: answered 200"),
        "{}",
        shown.stdout
    );
    let kept = project.rot(&format!("runs show {id} --answer get")).code(0);
    assert!(kept.stdout.contains("\"jwt\": \"***\""), "{}", kept.stdout);
    assert!(
        !kept.stdout.contains("a-new-credential-1"),
        "{}",
        kept.stdout
    );
    project
        .rot("runs show nothing")
        .code(2)
        .says("there is no run `nothing`");
}

/// What a server says of a refusal is shown, but for what may be a credential: of the request, of the vault, or a new one.
#[test]
fn a_refusal_says_what_the_server_said_and_no_credential() {
    const NEW: &str = "xK29canary7Qm4LpZt81";
    let long = "no ".repeat(2000);
    for (status, kind, body, says) in [
        (
            422,
            "application/json",
            json!({ "error": "expires_in is too long", "token": NEW, "hint": format!("use {NEW} instead") })
                .to_string(),
            "expires_in is too long",
        ),
        (
            400,
            "application/problem+json",
            json!({ "detail": "unknown field `keyIdd`", "echo": { "keySecret": "demo-key-secret" } })
                .to_string(),
            "unknown field `keyIdd`",
        ),
        (
            403,
            "text/html",
            format!("<p>Not allowed from here</p><!-- {NEW} demo-key-secret -->"),
            "Not allowed from here",
        ),
        (
            401,
            "text/plain",
            format!("refused: \u{1b}[31m demo-key-secret\n\n{long}"),
            "refused:",
        ),
    ] {
        let headers = vec![("content-type".to_owned(), kind.to_owned())];
        let issuer = faulty(vec![Rule {
            path: Some("/api/token".to_owned()),
            ..Rule::always(Fault::Answer {
                status,
                headers,
                body,
                execute: false,
            })
        }]);
        let project = project(&issuer, TOKEN);
        let failed = project.rot("run r.rot").code(20);
        assert!(failed.stderr.contains("it says: "), "{}", failed.stderr);
        assert!(failed.stderr.contains(says), "{status}: {}", failed.stderr);
        assert!(failed.stderr.len() < 4000, "{status} is not bounded");
        let json = project.rot("run r.rot --report json").code(20);
        let listed = project.rot("runs --report json").code(0).json();
        let id = listed["runs"][0]["run_id"].as_str().unwrap().to_owned();
        let shown = project.rot(&format!("runs show {id}")).code(0);
        let kept = project.rot(&format!("runs show {id} --answer get"));
        for said in [&failed, &json, &shown, &kept] {
            for value in [NEW, "canary7Qm4", "demo-key-secret", "\u{1b}[31m"] {
                assert!(
                    !said.stdout.contains(value) && !said.stderr.contains(value),
                    "{status} shows {value}: {}{}",
                    said.stdout,
                    said.stderr
                );
            }
        }
    }
}
