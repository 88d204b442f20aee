//! What a careful reviewer sees in a `.rot` file: each mistake beside what is right, which must not be told.

use rot::diagnostic::Severity;
use rot::source::SourceFile;
use rot::workspace::config::Config;
use rot::workspace::load::analyse;

/// Secrets that every case has.
const SECRETS: &str = r#"
secret admin to "api.example.com" in header
secret token to "api.example.com"
secret key { value, id } to "api.example.com"
"#;

/// A call that makes a key, as most cases begin.
const MINT: &str = r#"
  http mint POST "https://api.example.com/keys" issues additive {
    bearer secrets.admin
    secret value = body $.value
    public id = body $.id
  }
"#;

/// What follows a staged key.
const REST: &str = r#"
  verify { http GET "https://api.example.com/me" { bearer pending.key.value } }
  promote key
"#;

/// The codes of warnings and errors with a piece of the message.
fn told(text: &str) -> Vec<(String, String)> {
    let text = format!("{SECRETS}{text}");
    analyse(&SourceFile::new("r.rot", text.as_str()), &Config::default())
        .findings
        .iter()
        .filter(|d| d.severity >= Severity::Warning)
        .map(|d| (d.code.id().to_owned(), d.message.clone()))
        .collect()
}

struct Case {
    name: &'static str,
    code: &'static str,
    says: &'static str,
    wrong: String,
    right: Vec<String>,
}

fn rotation(body: &str) -> String {
    format!("rotation r {{\n{body}\n}}\n")
}

/// A credential that is replaced by a call of its own, with a step before it is tried.
fn replacing(call: &str, between: &str) -> String {
    rotation(&format!(
        r#"
  http turn POST "https://api.example.com/self/rotate" issues replacing {call} {{
    bearer secrets.token
    secret value = body $.value
  }}
  stage token = turn.value
  {between}
  verify {{ http GET "https://api.example.com/me" {{ bearer pending.token }} }}
  promote token
"#
    ))
}

fn cases() -> Vec<Case> {
    let staged = "  stage key { value: mint.value, id: mint.id }\n";
    let revoke = |after: &str, bearer: &str| {
        format!(
            "  revoke previous.key{after} {{ http DELETE \"https://api.example.com/keys/${{previous.key.id}}\" {{ bearer {bearer} }} }}\n"
        )
    };
    let bring = |version: &str| {
        format!(
            "  http PUT \"https://api.example.com/variables/KEY\" sets {{ bearer secrets.admin  json {{ value: {version}.key.value }} }}\n"
        )
    };
    let login = |ttl: &str| {
        format!(
            "  http login POST \"https://api.example.com/sessions\" reads {{ bearer secrets.admin  json {{ user: \"rotator\", {ttl} }}  secret token = body $.token }}\n"
        )
    };
    let recover = |bearer: &str| {
        format!(
            "rotation again {{\n http anew POST \"https://api.example.com/keys\" issues additive {{ bearer {bearer}  secret value = body $.value }}\n stage token = anew.value\n verify {{ http GET \"https://api.example.com/me\" {{ bearer pending.token }} }}\n promote token\n}}\n"
        )
    };
    let poll = |condition: &str| {
        rotation(&format!(
            "{MINT}  repeat at most 9 every 5s {{\n http look GET \"https://api.example.com/keys/${{mint.id}}\" {{ bearer secrets.admin  public state = body $.state as string }}\n }} until {condition}\n{staged}{REST}"
        ))
    };
    let slots = |first: &str, second: &str| {
        let branch = |made: &str, slot: &str| {
            format!(
                "http {made} POST \"https://api.example.com/keys/{slot}\" sets slot {{ bearer secrets.admin  secret value = body $.value }}\n stage key {{ value: {made}.value, id: \"{slot}\" }}"
            )
        };
        rotation(&format!(
            "when secrets.key.id == \"one\" {{ {} }} else {{ {} }}\n{REST}",
            branch("a", first),
            branch("b", second)
        ))
    };
    let made = |captures: &str, store: &str, rest: &str| {
        rotation(&format!(
            "http mint POST \"https://api.example.com/keys\" issues additive {{ bearer secrets.admin\n {captures} }}\n {store}\n{rest}"
        ))
    };
    let single = "  verify { http GET \"https://api.example.com/me\" { bearer pending.token } }\n  promote token\n";
    vec![
        Case {
            name: "a dead credential tells who asks",
            code: "ROT503",
            says: "used up by a call before",
            wrong: replacing(
                "accept lockout-risk \"an administrator makes another\"",
                "http who GET \"https://api.example.com/me\" { bearer secrets.token }",
            ),
            right: vec![
                replacing(
                    "accept lockout-risk \"an administrator makes another\"",
                    "http who GET \"https://api.example.com/me\" { bearer pending.token }",
                ),
                replacing(
                    "grace 10m",
                    "http who GET \"https://api.example.com/me\" { bearer secrets.token }",
                ),
                replacing(
                    "accept lockout-risk \"an administrator makes another\"",
                    "http who GET \"https://api.example.com/me\" { bearer secrets.admin }",
                ),
            ],
        },
        Case {
            name: "the way back is locked as well",
            code: "ROT511",
            says: "which this call has killed",
            wrong: recover("secrets.token") + &replacing("recover with again", ""),
            right: vec![recover("secrets.admin") + &replacing("recover with again", "")],
        },
        Case {
            name: "a case that never comes",
            code: "ROT205",
            says: "`lower` never gives this text",
            wrong: poll("lower(look.state) == \"ACTIVE\""),
            right: vec![
                poll("lower(look.state) == \"active\""),
                poll("look.state == \"ACTIVE\""),
                poll("upper(look.state) == \"ACTIVE\""),
            ],
        },
        Case {
            name: "a case that never comes, the other way round",
            code: "ROT205",
            says: "`upper` never gives this text",
            wrong: poll("\"active\" == upper(look.state)"),
            right: vec![poll("\"ACTIVE\" == upper(look.state)")],
        },
        Case {
            name: "one branch tells of the key and drops it",
            code: "ROT503",
            says: "nothing is done with what `mint` issues",
            wrong: rotation(&format!(
                "{MINT}  match mint.id {{ \"x\" {{ log \"key ${{mint.id}}\" }} else {{ {staged} }} }}\n{REST}"
            )),
            right: vec![rotation(&format!(
                "{MINT}  match mint.id {{ \"x\" {{ fail \"key ${{mint.id}}\" }} else {{ {staged} }} }}\n{REST}"
            ))],
        },
        Case {
            name: "the old value passes for the new one",
            code: "ROT507",
            says: "is stored as the new one",
            wrong: made(
                "secret value = body $.value optional",
                "stage token = mint.value ?? secrets.token allow unchanged",
                single,
            ),
            right: vec![
                made(
                    "secret value = body $.value",
                    "stage token = mint.value",
                    single,
                ),
                made(
                    "secret value = body $.value optional\n secret other = body $.other",
                    "stage token = mint.value ?? mint.other",
                    single,
                ),
            ],
        },
        Case {
            name: "half a record",
            code: "ROT507",
            says: "keeps its old value beside what is new",
            wrong: made(
                "secret value = body $.value optional\n public id = body $.id",
                staged,
                REST,
            ),
            right: vec![
                made(
                    "secret value = body $.value\n public id = body $.id",
                    staged,
                    REST,
                ),
                made(
                    "secret value = body $.value\n public id = body $.id optional",
                    staged,
                    REST,
                ),
            ],
        },
        Case {
            name: "revoked before it arrives",
            code: "ROT502",
            says: "before the new one has been brought",
            wrong: rotation(&format!(
                "{MINT}{staged}{REST}{}{}",
                revoke("", "secrets.admin"),
                bring("secrets")
            )),
            right: vec![
                rotation(&format!(
                    "{MINT}{staged}{REST}{}{}",
                    bring("secrets"),
                    revoke("", "secrets.admin")
                )),
                rotation(&format!(
                    "{MINT}{staged}{REST}{}{}",
                    revoke(" after 1h", "secrets.admin"),
                    bring("secrets")
                )),
            ],
        },
        Case {
            name: "the slot in use",
            code: "ROT501",
            says: "while it is the one in use",
            wrong: slots("one", "two"),
            right: vec![slots("two", "one")],
        },
        Case {
            name: "revoked by a token that is dead by then",
            code: "ROT513",
            says: "is dead after 15m",
            wrong: rotation(&format!(
                "{}{MINT}{staged}{REST}{}",
                login("ttl_seconds: 900"),
                revoke(" after 2d", "login.token")
            )),
            right: vec![
                rotation(&format!(
                    "{}{MINT}{staged}{REST}{}",
                    login("ttl_seconds: 900"),
                    revoke(" after 10m", "login.token")
                )),
                rotation(&format!(
                    "{}{MINT}{staged}{REST}{}",
                    login("ttl_seconds: 900"),
                    revoke("", "login.token")
                )),
                rotation(&format!(
                    "{}{MINT}{staged}{REST}{}",
                    login("ttl_seconds: 900"),
                    revoke(" after 2d", "secrets.admin")
                )),
            ],
        },
        Case {
            name: "a life that was not asked for",
            code: "ROT506",
            says: "asked for with a life of 1h",
            wrong: made(
                "json { requestedLifetimeSeconds: 3600 }\n secret value = body $.value",
                "stage token = mint.value expires run.started_at + 30d",
                single,
            ),
            right: vec![
                made(
                    "json { requestedLifetimeSeconds: 3600 }\n secret value = body $.value",
                    "stage token = mint.value expires run.started_at + 1h",
                    single,
                ),
                made(
                    "json { ttl: \"1h\" }\n secret value = body $.value\n public ends = body $.ends as time",
                    "stage token = mint.value expires mint.ends",
                    single,
                ),
            ],
        },
    ]
}

#[test]
fn a_mistake_is_told_and_what_is_right_is_not() {
    let mut wrong = String::new();
    for case in cases() {
        let found = told(&case.wrong);
        if !found
            .iter()
            .any(|(code, message)| code == case.code && message.contains(case.says))
        {
            wrong.push_str(&format!("{}: not told; {found:?}\n", case.name));
        }
        for (number, right) in case.right.iter().enumerate() {
            let found = told(right);
            if found.iter().any(|(code, message)| {
                code == case.code && message.contains(case.says) || code.starts_with("ROT0")
            }) {
                wrong.push_str(&format!(
                    "{}: told of what is right ({number}): {found:?}\n",
                    case.name
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// A certificate is ordered, fetched by what the order answered, and public: nothing is dropped.
#[test]
fn what_is_ordered_and_fetched_later_is_used() {
    let found = told(&rotation(
        r#"
  http order POST "https://api.example.com/certificates" issues additive { bearer secrets.admin  public id = body $.id }
  http fetched GET "https://api.example.com/certificates/${order.id}/pem" { bearer secrets.admin  public pem = body $.pem  public id = body $.id }
  stage key { value: fetched.pem, id: fetched.id }
  verify { http GET "https://api.example.com/me" { bearer pending.key.value } }
  promote key
"#,
    ));
    assert!(!found.iter().any(|(code, _)| code == "ROT503"), "{found:?}");
}
