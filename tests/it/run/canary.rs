//! A secret made of everything that gets around masking shows up nowhere.

use super::{answering, good, project};
use crate::support::loopback::at;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

/// Quotes, a newline, an escape sequence, characters outside of ASCII.
const CANARY: &str = "canary\"'\\\n\u{1b}[31mröt→\u{1F511}&=+%/?#<>end";

const TEXT: &str = r#"secret given to "api.example.com"
secret kept
rotation r {
  input count: int = 1
  output secret copy = secrets.given
  output secret joined = "${secrets.given}-${run.id}"
  http get POST "https://api.example.com/api/token" issues additive {
    bearer text(base64(secrets.given))
    json { a: secrets.given, b: [secrets.given, { c: secrets.given }], d: "x ${secrets.given}" }
    secret token = body $.token
  }
  update kept = get.token allow anything
  log "done"
}
"#;

/// The value in every form in which somebody could find it.
fn forms(value: &str) -> Vec<Vec<u8>> {
    let json = serde_json::to_string(value).unwrap();
    let ascii: String = value
        .chars()
        .map(|c| {
            if c.is_ascii() {
                c.to_string()
            } else {
                format!("\\u{:04x}", c as u32)
            }
        })
        .collect();
    let percent: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
    let mut forms: Vec<Vec<u8>> = vec![
        value.into(),
        json.trim_matches('"').into(),
        ascii.into(),
        percent.clone().into(),
        percent.replace('+', "%20").into(),
        STANDARD.encode(value).into(),
        URL_SAFE.encode(value).trim_end_matches('=').into(),
        value
            .bytes()
            .map(|b| format!("{b:02x}"))
            .collect::<String>()
            .into(),
        format!("{value:?}").trim_matches('"').into(),
        value.escape_default().to_string().into(),
        // Each part of it that is on a line of its own or survives the removal of control characters.
        value.replace(['\n', '\u{1b}'], "").into(),
        "röt→\u{1F511}".into(),
    ];
    forms.extend(value.lines().map(|line| line.as_bytes().to_vec()));
    forms
}

fn assert_clean(what: &str, bytes: &[u8], value: &str) {
    for form in forms(value) {
        let found = bytes.windows(form.len()).any(|window| window == form);
        assert!(
            !found,
            "{what} holds the secret as {:?}",
            String::from_utf8_lossy(&form)
        );
    }
}

#[test]
fn a_difficult_secret_is_in_no_output_and_no_file() {
    let minted = format!("minted-{CANARY}");
    let issuer = answering(&serde_json::json!({ "token": minted }).to_string());
    let project = project(
        &issuer,
        TEXT.replace("    bearer text(base64(secrets.given))\n", "")
            .as_str(),
    );
    project
        .feed(&["vault", "set", "given"], CANARY.as_bytes())
        .code(0);
    let mut seen: Vec<(String, String)> = Vec::new();
    let mut call = |line: &str, code: i32| {
        let called = project.rot(line);
        assert_eq!(called.code, code, "{line}: {}", called.stderr);
        seen.push((format!("stdout of {line}"), called.stdout));
        seen.push((format!("stderr of {line}"), called.stderr));
    };
    call("-v run r.rot", 0);
    call("run r.rot --report json", 21);
    call("resume", 21);
    call("resume --report json", 21);
    call("resume r --abandon", 0);
    call("status", 0);
    call("status --report json", 0);
    call("plan r.rot", 0);
    call("plan r.rot --report json", 0);
    call("check r.rot", 0);
    call("compile r.rot", 0);
    call("vault list", 0);
    call("vault list --report json", 0);
    call("vault history kept", 0);
    call("vault verify", 0);
    call("vault get nothing", 2);
    call("run r.rot --input count=x", 2);
    for (what, text) in &seen {
        assert_clean(what, text.as_bytes(), CANARY);
        assert_clean(what, text.as_bytes(), &minted);
    }
    for (path, bytes) in project.files() {
        assert_clean(&path.display().to_string(), &bytes, CANARY);
        assert_clean(&path.display().to_string(), &bytes, &minted);
    }
    assert_eq!(project.get("kept"), minted);
}

#[test]
fn nor_where_servers_and_syntax_are_against_it() {
    let issuer = good();
    let project = project(&issuer, TEXT);
    project
        .feed(&["vault", "set", "given"], CANARY.as_bytes())
        .code(0);
    // A header cannot take it as it is.
    project.file(
        "header.rot",
        at(
            &issuer,
            &TEXT.replace(
                "bearer text(base64(secrets.given))",
                "header \"X-Key\": secrets.given",
            ),
        ),
    );
    project.file(
        "typo.rot",
        at(&issuer, &TEXT.replace("update kept", "updat kept")),
    );
    for line in [
        "run header.rot",
        "run typo.rot",
        "run header.rot --report json",
    ] {
        let failed = project.rot(line);
        assert_ne!(failed.code, 0, "{line}");
        assert_clean(line, failed.stdout.as_bytes(), CANARY);
        assert_clean(line, failed.stderr.as_bytes(), CANARY);
    }
    for (path, bytes) in project.files() {
        assert_clean(&path.display().to_string(), &bytes, CANARY);
    }
}
