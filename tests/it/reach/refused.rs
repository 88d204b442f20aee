//! What is wrong with a step that is not plain HTTP is said before anything runs: code and words of each.

use crate::support::project::Project;

const MISTAKES: &[(&str, &str, &str)] = &[
    (
        "sql postgres \"h.example.com/db\" sets { login \"u\", \"p\"  statement \"SELECT 1; SELECT 2\" }",
        "ROT",
        "two statements",
    ),
    (
        "sql postgres \"h.example.com/db\" sets { login \"u\", \"p\"  statement \"SELECT '${input.x}'\" }",
        "ROT",
        "cannot stand in quotes",
    ),
    (
        "sql postgres \"h.example.com/db\" sets { login \"u\", \"p\"  statement \"SELECT \\\"${input.x}\\\"\" }",
        "ROT",
        "cannot stand in quotes",
    ),
    (
        "sql mysql \"h.example.com\" sets { login \"u\", \"p\"  statement \"SELECT `${input.x}`\" }",
        "ROT",
        "cannot stand in quotes",
    ),
    (
        "sql mysql \"h.example.com\" sets { login \"u\", \"p\"  statement \"SELECT 1 # ${input.x}\" }",
        "ROT",
        "cannot stand in a comment",
    ),
    (
        "sql mysql \"h.example.com\" sets { login \"u\", \"p\"  statement \"SELECT $$ , 1 FROM t\" }",
        "",
        "",
    ),
    (
        "sql mysql \"h.example.com\" sets { login \"u\", \"p\"  statement \"SELECT '\\\\'; DROP TABLE t\" }",
        "ROT",
        "two statements",
    ),
    (
        "sql postgres \"h.example.com/db\" sets { login \"u\", \"p\"  statement \"SELECT 1 -- ${input.x}\" }",
        "ROT",
        "cannot stand in a comment",
    ),
    (
        "sql postgres \"h.example.com/db\" sets { login \"u\", \"p\"  statement \"SELECT $$ ${input.x} $$\" }",
        "ROT",
        "cannot stand in quotes",
    ),
    (
        "sql postgres \"h.example.com/db\" sets { login \"u\", \"p\"  statement \"SELECT ';' /* ; */ -- ;\" }",
        "",
        "",
    ),
    (
        "sql postgres \"h.example.com/db\" sets { login \"u\", \"p\"  statement \"SELECT 1;\" }",
        "",
        "",
    ),
    (
        "sql postgres \"h.example.com/db\" sets { login \"u\", \"p\" }",
        "ROT",
        "no `statement",
    ),
    (
        "sql postgres \"h.example.com/db\" sets { statement \"SELECT 1\" }",
        "ROT",
        "no `login",
    ),
    (
        "sql postgres \"h.example.com\" sets { login \"u\", \"p\"  statement \"SELECT 1\" }",
        "ROT",
        "not a server with a database",
    ),
    (
        "sql postgres \"u:p@h.example.com/db\" sets { login \"u\", \"p\"  statement \"SELECT 1\" }",
        "ROT",
        "not a server with a database",
    ),
    (
        "sql postgres \"h.example.com/db\" { login \"u\", \"p\"  statement \"SELECT 1\" }",
        "ROT",
        "does not say what it changes",
    ),
    (
        "sql postgres \"h.example.com/db\" reads { login \"u\", \"p\"  statement \"SELECT 1\"  bearer \"x\" }",
        "ROT",
        "no clause of `sql`",
    ),
    (
        "redis \"h.example.com\" reads { command [] }",
        "ROT",
        "no word",
    ),
    ("redis \"h.example.com\" reads { }", "ROT", "no `command"),
    ("exec \"/bin/sh\" reads", "ROT", "not the name of a program"),
    ("exec \"${input.x}\" reads", "ROT310", "chooses a program"),
    (
        "exec \"tool\" reads { environment { \"A-B\": \"x\" } }",
        "ROT",
        "not the name of a variable",
    ),
    (
        "exec \"tool\" reads { stdin \"a\"  stdin \"b\" }",
        "ROT110",
        "one `stdin`",
    ),
    (
        "exec \"tool\" reads { expect status 200 }",
        "ROT",
        "no clause of `exec`",
    ),
    (
        "http GET \"https://h.example.com/\" { expect exit 0 }",
        "ROT",
        "no clause of `http`",
    ),
    (
        "http GET \"https://h.example.com/\" { sign aws_sigv5 { region \"x\" } }",
        "ROT",
        "not a way to sign",
    ),
    (
        "http GET \"https://h.example.com/\" { sign aws_sigv4 { region \"x\" } }",
        "ROT",
        "needs `key_id`, `secret_key`, `service`",
    ),
    (
        "http GET \"https://h.example.com/\" { sign hmac { key \"x\"  text \"y\"  header \"A B\" } }",
        "ROT",
        "not a header name",
    ),
    (
        "http GET \"https://h.example.com/\" { sign hmac { key \"x\"  text \"y\"  header \"A\"  algorithm \"md5\" } }",
        "ROT",
        "md5",
    ),
    ("log \"${request.time}\"", "ROT101", "request"),
    (
        "generate k ed25519 { format \"der\" }",
        "ROT",
        "format of keys",
    ),
];

#[test]
fn mistakes_are_named_before_anything_runs() {
    for (step, code, words) in MISTAKES {
        let project = Project::empty();
        project.file(
            "f.rot",
            format!("rotation r {{\n  input x: string\n  {step}\n}}\n"),
        );
        let found = project.rot("check --report json f.rot");
        let json = found.json();
        let all = json["findings"].as_array().unwrap();
        let errors: Vec<String> = all
            .iter()
            .filter(|f| f["severity"] == "error")
            .map(|f| {
                format!(
                    "{} {} {}",
                    f["code"].as_str().unwrap(),
                    f["message"],
                    f["help"]
                )
            })
            .collect();
        if words.is_empty() {
            assert!(errors.is_empty(), "{step}\n{errors:?}");
            continue;
        }
        assert!(
            errors
                .iter()
                .any(|e| e.starts_with(code) && e.contains(words)),
            "{step}\n{errors:#?}"
        );
    }
}

#[test]
fn places_belong_to_hosts_or_to_programs() {
    for (text, fine) in [
        (
            "secret a to \"h.example.com\" in login, statement, signature",
            true,
        ),
        (
            "secret a to program \"ssh\" in stdin, file, program \"scp\" in environment",
            true,
        ),
        ("secret a to \"h.example.com\" in stdin", false),
        ("secret a to program \"ssh\" in header", false),
        ("secret a to program \"/usr/bin/ssh\"", false),
    ] {
        let project = Project::empty();
        project.file("f.rot", format!("{text}\nrotation r {{ log \"x\" }}\n"));
        let found = project.rot("check --report json f.rot").json();
        let errors = found["findings"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|f| f["severity"] == "error")
            .count();
        assert_eq!(errors == 0, fine, "{text}: {found}");
    }
}
