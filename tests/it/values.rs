//! What may become the new value of a secret, and what a server's expiry means: one table for both front ends.

use super::support::scripted::{Stage, conductor};
use rot::diagnostic::Severity;
use rot::plan::{Dialect, Plan};
use rot::source::SourceFile;
use rot::workspace::{config::Config, load};
use serde_json::{Value as Json, json};
use std::collections::HashMap;

const OLD: &str = "the-good-old-value";

/// The answer's body, and what is stored of its `token`; `None` where the old value stays.
const VALUES: &[(&str, &str, Option<&str>)] = &[
    ("text", r#"{"token": "tok-123456"}"#, Some("tok-123456")),
    (
        "digits",
        r#"{"token": 12345678901234567890123}"#,
        Some("12345678901234567890123"),
    ),
    ("decimal", r#"{"token": 1.10}"#, Some("1.10")),
    (
        "a word within",
        r#"{"token": "nullify-None-undefined-x"}"#,
        Some("nullify-None-undefined-x"),
    ),
    (
        "a key in lines",
        r#"{"token": "-----BEGIN KEY-----\nabcdef\n-----END KEY-----\n"}"#,
        Some("-----BEGIN KEY-----\nabcdef\n-----END KEY-----\n"),
    ),
    (
        "JSON text",
        r#"{"token": "{\"key\": null}"}"#,
        Some("{\"key\": null}"),
    ),
    ("null", r#"{"token": null}"#, None),
    ("absent", r#"{"tokn": "x"}"#, None),
    ("empty", r#"{"token": ""}"#, None),
    ("blank", r#"{"token": " \t"}"#, None),
    ("true", r#"{"token": true}"#, None),
    ("false", r#"{"token": false}"#, None),
    ("empty list", r#"{"token": []}"#, None),
    ("list of null", r#"{"token": [null]}"#, None),
    ("empty object", r#"{"token": {}}"#, None),
    ("the word null", r#"{"token": "null"}"#, None),
    ("the word undefined", r#"{"token": "undefined"}"#, None),
    ("the word None", r#"{"token": "None"}"#, None),
    ("null at the end", r#"{"token": "Bearer null"}"#, None),
    ("null after a colon", r#"{"token": "user:null"}"#, None),
    ("stars", r#"{"token": "***"}"#, None),
    ("stars at the end", r#"{"token": "glpat-********"}"#, None),
    ("redacted", r#"{"token": "[REDACTED]"}"#, None),
    ("one letter", r#"{"token": "xxxxxxxxxxxx"}"#, None),
    ("replacement", "{\"token\": \"p\u{fffd}ss-123456\"}", None),
    ("zero width", "{\"token\": \"tok\u{200b}-123456\"}", None),
    (
        "byte order mark",
        "{\"token\": \"\u{feff}tok-123456\"}",
        None,
    ),
    ("control", r#"{"token": "tok\u0007-123456"}"#, None),
    ("line end", r#"{"token": "tok-123456\n"}"#, None),
    ("blanks around", r#"{"token": " tok-123456"}"#, None),
    (
        "a page",
        r#"{"token": "<!DOCTYPE html><html><body>sign in</body></html>"}"#,
        None,
    ),
    (
        "two keys",
        r#"{"token": "tok-123456", "token": "tok-654321"}"#,
        None,
    ),
    ("a page instead of JSON", "<html>sign in</html>", None),
    ("nothing", "", None),
];

fn rot(text: &str) -> Result<Plan, String> {
    let loaded = load::analyse(&SourceFile::new("r.rot", text), &Config::default());
    let errors: Vec<String> = loaded
        .findings
        .iter()
        .filter(|d| d.severity == Severity::Error)
        .map(|d| format!("{} {}", d.code.id(), d.message))
        .collect();
    if errors.is_empty() {
        Ok(loaded.plan)
    } else {
        Err(errors.join("\n"))
    }
}

fn minting(capture: &str, store: &str) -> String {
    format!(
        "secret admin to \"api.example.com\"\nsecret tok\nrotation r {{\n  every 30d\n  http mint POST \"https://api.example.com/t\" issues additive {{\n    bearer secrets.admin\n    {capture}\n  }}\n  update tok = {store}\n}}\n"
    )
}

fn definition(filter: &str, value: &str) -> Plan {
    let text = json!({
        "name": "r", "version": 1, "schemaVersion": 2,
        "tasks": [
            { "name": "h", "taskReferenceName": "h", "type": "HTTP", "inputParameters": {
                "uri": "https://api.example.com/t", "method": "GET", "outputFilter": { "_secrets": { "t": filter } } } },
            { "name": "u", "taskReferenceName": "u", "type": "UPDATE_SECRET", "inputParameters": {
                "_secrets": { "secretKey": "tok", "secretValue": value } } },
        ],
    });
    conductor(&text.to_string(), &[], Dialect::Orkes).0
}

/// Runs a plan against one answer; what the secret is then, and what was said.
fn stored(plan: &Plan, answer: Json) -> (String, String) {
    let stage = Stage::with(&[answer], None, HashMap::new(), None);
    stage.put("admin", "an-admin-key");
    stage.put("tok", OLD);
    let said = match stage.run(plan, &[]) {
        Ok(report) => {
            let failure = report.failure.as_ref().and_then(|e| e.diagnostics.first());
            failure.map_or(String::new(), |d| d.message.clone())
        }
        Err(error) => error.message().to_owned(),
    };
    (stage.secret("tok").unwrap_or_default(), said)
}

fn answer(body: &str) -> Json {
    json!({ "text": body, "headers": { "content-type": "application/json" } })
}

#[test]
fn each_kind_of_value_is_stored_or_refused_in_both_front_ends() {
    let ours = rot(&minting("secret token = body $.token", "mint.token")).unwrap();
    let theirs = definition("$${h.output.response.body.token}", "${h.output._secrets.t}");
    let mut wrong = Vec::new();
    for (name, body, wanted) in VALUES {
        for (end, plan) in [(".rot", &ours), ("Conductor", &theirs)] {
            let (value, said) = stored(plan, answer(body));
            if value != wanted.unwrap_or(OLD) || said.is_empty() != wanted.is_some() {
                wrong.push(format!("{name} in {end}: stored {value:?}, said {said:?}"));
            }
            if said.contains("tok-123456") || said.contains("sign in") {
                wrong.push(format!("{name} in {end} quotes the answer: {said}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_a_definition_splices_never_becomes_a_word_in_a_secret() {
    let body = r#"{"token": "tok-123456", "n": null, "list": [{"n": "a", "v": "v-123456"}]}"#;
    let path = "h.output.response.body";
    for (filter, value, wanted) in [
        (
            format!("Bearer $${{{path}.token}}"),
            "${h.output._secrets.t}",
            Some("Bearer tok-123456"),
        ),
        (
            format!("Bearer $${{{path}.missing}}"),
            "${h.output._secrets.t}",
            None,
        ),
        (
            format!("$${{{path}.token}}:$${{{path}.missing}}"),
            "${h.output._secrets.t}",
            None,
        ),
        (
            format!("$${{{path}.token}}$${{{path}.n}}"),
            "${h.output._secrets.t}",
            None,
        ),
        (format!("x$${{{path}.n}}"), "${h.output._secrets.t}", None),
        (
            format!("$${{{path}.missing}}"),
            "Bearer ${h.output._secrets.t}",
            None,
        ),
        (
            format!("$${{{path}.token}}"),
            "Bearer ${h.output._secrets.t}",
            Some("Bearer tok-123456"),
        ),
        (
            format!("$${{{path}..missing}}"),
            "${h.output._secrets.t}",
            None,
        ),
        (
            format!("$${{{path}.list[*].v}}"),
            "${h.output._secrets.t}",
            None,
        ),
    ] {
        let (value, said) = stored(&definition(&filter, value), answer(body));
        assert_eq!(value, wanted.unwrap_or(OLD), "{filter}: {said}");
    }
}

#[test]
fn a_path_that_may_find_several_is_a_list_before_anything_runs() {
    for path in [
        "$..token",
        "$.list[?@.n == 'zz'].v",
        "$.list[5:].v",
        "$.list[*].v",
    ] {
        let refused = rot(&minting(
            &format!("secret token = body {path}"),
            "mint.token",
        ))
        .unwrap_err();
        assert!(refused.contains("ROT201"), "{path}: {refused}");
        let first = rot(&minting(
            &format!("secret token = body {path}"),
            "mint.token[0]",
        ))
        .unwrap();
        let found = answer(r#"{"token": "v-123456", "list": [{"n": "zz", "v": "v-123456"}]}"#);
        let (value, said) = stored(&first, found);
        if path != "$.list[5:].v" {
            assert_eq!(value, "v-123456", "{path}: {said}");
        } else {
            assert_eq!(value, OLD);
        }
    }
}

#[test]
fn the_author_may_say_that_it_is_meant() {
    for (capture, store, body, wanted) in [
        (
            "secret token = body $.token",
            "mint.token allow untrimmed",
            r#"{"token": "tok-123456\n"}"#,
            "tok-123456\n",
        ),
        (
            "secret token = body $.token",
            "trim(mint.token)",
            r#"{"token": "tok-123456\n"}"#,
            "tok-123456",
        ),
        (
            "secret token = body $.token",
            "mint.token allow anything",
            r#"{"token": "null"}"#,
            "null",
        ),
        (
            "secret token = body $.token",
            "mint.token allow empty",
            r#"{"token": ""}"#,
            "",
        ),
        (
            "secret token = body $.token as json",
            "mint.token",
            r#"{"token": {"a": [1]}}"#,
            "{\"a\":[1]}",
        ),
        (
            "secret token = body $.token",
            "json(mint.token)",
            r#"{"token": {"a": 1.10}}"#,
            "{\"a\":1.10}",
        ),
    ] {
        let (value, said) = stored(&rot(&minting(capture, store)).unwrap(), answer(body));
        assert_eq!(value, wanted, "{store}: {said}");
    }
}

#[test]
fn texts_are_read_in_the_charset_that_their_header_names() {
    let ours = rot(&minting("secret token = body", "mint.token")).unwrap();
    let theirs = definition("$${h.output.response.body}", "${h.output._secrets.t}");
    for (kind, wanted) in [
        ("text/plain", Some("plain-token-123456")),
        ("text/plain; charset=utf-8", Some("plain-token-123456")),
        (
            "text/plain; charset=\"ISO-8859-1\"",
            Some("plain-token-123456"),
        ),
        ("text/plain; charset=no-such", None),
    ] {
        let answer = json!({ "text": "plain-token-123456", "headers": { "content-type": kind } });
        let (value, said) = stored(&ours, answer.clone());
        assert_eq!(value, wanted.unwrap_or(OLD), ".rot {kind}: {said}");
        if wanted.is_some() {
            let (value, said) = stored(&theirs, answer);
            assert_eq!(value, "plain-token-123456", "Conductor {kind}: {said}");
        } else {
            assert!(said.contains("Content-Type"), "{said}");
        }
    }
    let coded = json!({ "text": "x", "headers": { "content-encoding": "aes128gcm" } });
    let (_, said) = stored(&ours, coded);
    assert!(said.contains("Content-Encoding"), "{said}");
}

#[test]
fn all_values_of_a_header_can_be_reached() {
    let plan = rot(&minting(
        "secret cookies = header \"Set-Cookie\" as list",
        "mint.cookies[1]",
    ))
    .unwrap();
    let answer =
        json!({ "body": {}, "headers": { "set-cookie": ["a=first-123456", "b=second-123456"] } });
    assert_eq!(stored(&plan, answer).0, "b=second-123456");
}

/// The test's clock stands at 2026-11-23T12:00:00Z.
#[test]
fn an_expiry_means_what_servers_mean_by_it() {
    let mut wrong = Vec::new();
    for (sent, ty, wanted, said) in [
        ("3600", "", Some("2026-11-23T13:00:00Z"), "renewed earlier"),
        (
            "\"3600\"",
            "",
            Some("2026-11-23T13:00:00Z"),
            "renewed earlier",
        ),
        (
            "\"3600\"",
            " as duration",
            Some("2026-11-23T13:00:00Z"),
            "renewed earlier",
        ),
        ("\"90d\"", " as duration", Some("2027-02-21T12:00:00Z"), ""),
        ("1798718400", "", Some("2026-12-31T12:00:00Z"), ""),
        (
            "1798718400000",
            " as time",
            Some("2026-12-31T12:00:00Z"),
            "",
        ),
        (
            "\"2026-12-31T12:00:00Z\"",
            " as time",
            Some("2026-12-31T12:00:00Z"),
            "",
        ),
        (
            "\"2026-12-31T12:00:00\"",
            " as time",
            Some("2026-12-31T12:00:00Z"),
            "",
        ),
        (
            "\"2026-12-31T12:00:00.1234567\"",
            " as time",
            Some("2026-12-31T12:00:00.1234567Z"),
            "",
        ),
        (
            "\"2026-12-31 12:00:00\"",
            "",
            Some("2026-12-31T12:00:00Z"),
            "",
        ),
        (
            "\"2026-12-31 12:00:00 UTC\"",
            " as time",
            Some("2026-12-31T12:00:00Z"),
            "",
        ),
        (
            "\"2026-12-31 12:00:00 +0000\"",
            " as time",
            Some("2026-12-31T12:00:00Z"),
            "",
        ),
        (
            "\"2026-12-31T14:00:00+02:00\"",
            " as time",
            Some("2026-12-31T12:00:00Z"),
            "",
        ),
        (
            "\"2026-12-31T13:00:00[Europe/Berlin]\"",
            " as time",
            Some("2026-12-31T12:00:00Z"),
            "",
        ),
        (
            "\"Thu, 31 Dec 2026 12:00:00 GMT\"",
            " as time",
            Some("2026-12-31T12:00:00Z"),
            "",
        ),
        (
            "\"2026-12-31\"",
            " as time",
            Some("2026-12-31T00:00:00Z"),
            "",
        ),
        (
            "\"9999-12-31T23:59:59Z\"",
            " as time",
            Some("9999-12-30T22:00:00.999999999Z"),
            "never expires",
        ),
        (
            "\"9999-12-31T23:59:59.9999999Z\"",
            " as time",
            Some("9999-12-30T22:00:00.999999999Z"),
            "never expires",
        ),
        (
            "\"0001-01-01T00:00:00Z\"",
            " as time",
            None,
            "never expires",
        ),
        ("0", "", None, "never expires"),
        ("-1", "", None, "never expires"),
        ("\"0\"", "", None, "never expires"),
        ("null", "", None, ""),
        (
            "\"2026-11-23T11:00:00Z\"",
            " as time",
            Some("2026-11-23T11:00:00Z"),
            "schedule alone",
        ),
    ] {
        let optional = if sent == "null" { " optional" } else { "" };
        let capture = format!("secret token = body $.token\n    public e = body $.e{ty}{optional}");
        let plan = rot(&minting(&capture, "mint.token expires mint.e")).unwrap();
        let stage = Stage::with(
            &[answer(&format!(
                "{{\"token\": \"tok-123456\", \"e\": {sent}}}"
            ))],
            None,
            HashMap::new(),
            None,
        );
        stage.put("admin", "an-admin-key");
        let report = match stage.run(&plan, &[]) {
            Ok(report) => report,
            Err(error) => {
                wrong.push(format!("{sent}{ty}: {}", error.message()));
                continue;
            }
        };
        let vault = stage.vault();
        let found = vault
            .doc()
            .get("tok")
            .and_then(|e| e.current_version())
            .and_then(|v| v.expires_at)
            .map(|t| t.to_string());
        let notes = report.notes.join("; ");
        let heard = if said.is_empty() {
            notes.is_empty()
        } else {
            notes.contains(said)
        };
        if found.as_deref() != wanted || !heard {
            let failure = report.failure.map(|e| e.message().to_owned());
            wrong.push(format!("{sent}{ty}: {found:?} ({notes}) {failure:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
