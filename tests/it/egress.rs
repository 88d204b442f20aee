//! Where a credential may go: one rule, asked by the checker of what it reads and by the interpreter of what it is about to send.
//! Each case is given to both, and both must say the same.

use super::support::plans;
use super::support::scripted::Stage;
use rot::diagnostic::{Code, Severity, codes};
use rot::plan::Plan;
use serde_json::json;
use std::collections::HashMap;

/// Steps that come before the request, and what it sends: `{}` stands for the request.
struct Case {
    name: &'static str,
    text: &'static str,
}

/// A credential of `issuer.example.com` on its ways into a secret for `home.example.com`.
const WAYS: &[Case] = &[
    Case {
        name: "stored as it is",
        text: "secret kept to \"home.example.com\"\nrotation r {\n  MINT\n  update kept = mint.token\n  SEND(mint.token)\n}\n",
    },
    Case {
        name: "stored within a text",
        text: "secret kept to \"home.example.com\"\nrotation r {\n  MINT\n  update kept = \"user:${mint.token}\"\n  SEND(mint.token)\n}\n",
    },
    Case {
        name: "stored after it was sent",
        text: "secret kept to \"home.example.com\"\nrotation r {\n  MINT\n  SEND(mint.token)\n  update kept = mint.token\n}\n",
    },
    Case {
        name: "by a name",
        text: "secret kept to \"home.example.com\"\nrotation r {\n  MINT\n  let fresh = mint.token\n  update kept = fresh\n  SEND(mint.token)\n}\n",
    },
    Case {
        name: "by a name of a name",
        text: "secret kept to \"home.example.com\"\nrotation r {\n  MINT\n  let a = \"x${mint.token}\"\n  let b = base64(a)\n  update kept = b\n  SEND(mint.token)\n}\n",
    },
    Case {
        name: "as an element of a list",
        text: "secret kept to \"home.example.com\"\nrotation r {\n  MINT\n  for each one in [mint.token] {\n    update kept = one\n  }\n  SEND(mint.token)\n}\n",
    },
    Case {
        name: "in a field of a record",
        text: "secret kept { key, id } to \"home.example.com\"\nrotation r {\n  MINT\n  update kept { key: mint.token, id: \"7\" }\n  SEND(mint.token)\n}\n",
    },
    Case {
        name: "by a rotation that is called",
        text: "secret kept to \"home.example.com\"\nrotation r {\n  MINT\n  call kept_by = keep { fresh: mint.token }\n  SEND(mint.token)\n}\nrotation keep {\n  input fresh: secret string\n  update kept = input.fresh\n}\n",
    },
    Case {
        name: "by a capture that names the host",
        text: "secret unused to \"issuer.example.com\"\nrotation r {\n  http mint POST \"https://issuer.example.com/t\" issues additive {\n    bearer secrets.admin\n    secret token = body $.token to \"home.example.com\"\n  }\n  SEND(mint.token)\n}\n",
    },
    Case {
        name: "generated",
        text: "secret kept to \"home.example.com\"\nrotation r {\n  generate mint password { length 24 }\n  update kept = mint.value\n  SEND(mint.value)\n}\n",
    },
    Case {
        name: "a secret of the vault",
        text: "secret kept to \"home.example.com\"\nrotation r {\n  SEND(secrets.kept)\n}\n",
    },
    Case {
        name: "a secret for one port",
        text: "secret kept to \"home.example.com:443\"\nrotation r {\n  SEND(secrets.kept)\n}\n",
    },
];

const MINT: &str = "http mint POST \"https://issuer.example.com/t\" issues additive {\n    bearer secrets.admin\n    secret token = body $.token\n  }";

/// Where the request goes, in which part it carries the credential, and whether it may.
const REQUESTS: &[(&str, &str, bool)] = &[
    (
        "https://home.example.com/a",
        "header \"X-Key\": VALUE",
        true,
    ),
    ("https://home.example.com:443/a", "bearer VALUE", true),
    ("https://home.example.com/a", "json { key: VALUE }", true),
    ("https://home.example.com/a", "query { key: VALUE }", false),
    (
        "https://other.example.com/a",
        "header \"X-Key\": VALUE",
        false,
    ),
    ("https://other.example.com/a", "json { key: VALUE }", false),
    ("https://home.example.com.evil.org/a", "bearer VALUE", false),
    ("https://sub.home.example.com/a", "bearer VALUE", false),
];

fn text(way: &Case, url: &str, part: &str) -> String {
    let mut text = format!(
        "secret admin to \"issuer.example.com\"\n{}",
        way.text.replace("MINT", MINT)
    );
    let begins = text.find("SEND(").unwrap();
    let ends = begins + text[begins..].find(')').unwrap();
    let value = text[begins + 5..ends].to_owned();
    let request = format!(
        "http use POST \"{url}\" sets {{\n    {}\n  }}",
        part.replace("VALUE", &value)
    );
    text.replace_range(begins..=ends, &request);
    text
}

fn checked(text: &str) -> (Plan, Vec<(Code, Severity)>) {
    let plan = plans::plan(text);
    let found = rot::check::check(&plan, &rot::check::Options::default());
    let found = found.into_iter().map(|d| (d.code, d.severity)).collect();
    (plan, found)
}

/// Whether the interpreter, which was not told of any finding, sent the request.
fn is_sent(plan: &Plan, host: &str, has_kept: bool) -> (bool, Option<(Code, String)>) {
    let answer = json!({ "to": "/t", "body": { "token": "fresh-123456-token" } });
    let stage = Stage::with(&[answer], None, HashMap::new(), None);
    stage.put("admin", "admin-key-123456");
    // What is stored for the first time may be a record.
    if has_kept {
        stage.put("kept", "kept-key-123456");
    }
    let said = match stage.run(plan, &[]) {
        Ok(report) => report.failure.and_then(|e| {
            let first = e.diagnostics.into_iter().next()?;
            Some((first.code, first.message))
        }),
        Err(error) => panic!("{}", error.message()),
    };
    let sent = stage.sent().iter().any(|s| s.url.contains(host));
    (sent, said)
}

#[test]
fn checker_and_interpreter_say_the_same_of_every_way_into_a_secret() {
    let mut wrong = Vec::new();
    for way in WAYS {
        for (url, part, may) in REQUESTS {
            let text = text(way, url, part);
            let (plan, found) = checked(&text);
            // A query has a rule of its own.
            let rules = [codes::SECRET_TO_UNDECLARED_HOST, codes::SECRET_IN_URL_QUERY];
            let refused = found
                .iter()
                .any(|(code, severity)| *severity == Severity::Error && rules.contains(code));
            let (sent, said) = is_sent(
                &plan,
                url.trim_start_matches("https://")
                    .trim_end_matches("/a")
                    .trim_end_matches(":443"),
                text.contains("secrets.kept"),
            );
            let named = said
                .as_ref()
                .is_some_and(|(code, _)| *code == codes::RUN_EGRESS_REFUSED);
            if refused == *may || sent != *may || named == *may {
                wrong.push(format!(
                    "{}: {part} to {url}: may {may}; check refuses {refused}, sent {sent}, said {said:?} {found:?}",
                    way.name
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_nothing_is_said_of_goes_back_to_its_issuer_and_elsewhere_only_where_the_host_is_written_out()
 {
    let way = Case {
        name: "a login",
        text: "rotation r {\n  input host: string = \"other.example.com\"\n  MINT\n  SEND(mint.token)\n}\n",
    };
    for (url, part, severity, goes) in [
        ("https://issuer.example.com/a", "bearer VALUE", None, true),
        (
            "https://other.example.com/a",
            "bearer VALUE",
            Some(Severity::Warning),
            true,
        ),
        ("https://${input.host}/a", "bearer VALUE", None, false),
    ] {
        let (plan, found) = checked(&text(&way, url, part));
        let of_host = found
            .iter()
            .find(|(code, _)| *code == codes::SECRET_TO_UNDECLARED_HOST);
        assert_eq!(of_host.map(|(_, s)| *s), severity, "{url} {found:?}");
        let (sent, said) = is_sent(&plan, "/a", false);
        assert_eq!(sent, goes, "{url} {said:?}");
    }
}
