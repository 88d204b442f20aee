//! What is accepted as the new value of a secret.

use super::{TOKEN, answering, good, project};
use crate::support::loopback::{calls, issuer};
use rot::demo::issuer::{Config, Fault, Rule};

#[test]
fn null_empty_blank_and_unchanged_values_are_refused() {
    for (name, body) in [
        ("null", r#"{"token": null}"#),
        ("empty", r#"{"token": ""}"#),
        ("blank", r#"{"token": " \t "}"#),
        ("unchanged", r#"{"token": "the-old-one"}"#),
        ("missing", "{}"),
        ("html", "<html>sign in</html>"),
        ("no_body", ""),
    ] {
        let issuer = answering(body);
        let project = project(&issuer, TOKEN);
        project.set("my_token", "the-old-one");
        let refused = project.rot("run r.rot").code(21);
        insta::assert_snapshot!(format!("refused_{name}"), project.stable(&refused.stderr));
        assert_eq!(project.get("my_token"), "the-old-one", "{name}");
        // The kept answer is looked at again; as it is still of no use, and the old credential lives on, another is asked for.
        let again = project.rot("resume").code(21);
        assert_eq!(calls(&issuer, "POST", "/api/token"), 2, "{name}");
        assert!(
            again.stderr.contains("may have left"),
            "{name}: {}",
            again.stderr
        );
    }
}

#[test]
fn the_author_may_allow_an_unchanged_value() {
    let issuer = answering(r#"{"token": "the-old-one"}"#);
    let project = project(
        &issuer,
        &TOKEN.replace("= get.token", "= get.token allow unchanged"),
    );
    project.set("my_token", "the-old-one");
    project.rot("run r.rot").code(0);
    assert_eq!(project.get("my_token"), "the-old-one");
}

#[test]
fn a_token_of_digits_stays_what_it_was() {
    for digits in ["12345678901234567890123", "1.10", "1e400"] {
        let issuer = answering(&format!("{{\"token\": {digits}}}"));
        let project = project(&issuer, TOKEN);
        project.rot("run r.rot").code(0);
        assert_eq!(project.get("my_token"), digits);
    }
}

#[test]
fn a_record_keeps_the_fields_that_the_server_leaves_out() {
    let text = r#"secret client_id, client_secret to "api.example.com"
secret login { access, refresh } to "api.example.com"
rotation login {
  http refresh POST "https://api.example.com/oauth/token" issues replacing accept lockout-risk "log in again" {
    client secrets.client_id, secrets.client_secret
    form { grant_type: "refresh_token", refresh_token: secrets.login.refresh }
    secret access = body $.access_token
    secret refresh = body $.refresh_token optional
  }
  update login { access: refresh.access, refresh: refresh.refresh }
}
"#;
    let issuer = issuer(Config {
        omit_refresh_token: true,
        ..Config::default()
    });
    let project = project(&issuer, text);
    project
        .set("client_id", "demo-client")
        .set("client_secret", "demo-client-secret");
    project
        .set("login.access", "old")
        .set("login.refresh", "demo-refresh-0");
    project.rot("run r.rot").code(0);
    assert_ne!(project.get("login.access"), "old");
    assert_eq!(project.get("login.refresh"), "demo-refresh-0");
}

#[test]
fn a_missing_secret_is_said_before_anything_is_called() {
    let issuer = good();
    let project = project(&issuer, TOKEN);
    project.rot("vault remove appKeyId").code(0);
    project.rot("vault remove appKeySecret").code(0);
    let missing = project.rot("run r.rot").code(20);
    insta::assert_snapshot!("missing_secrets", project.stable(&missing.stderr));
    assert!(issuer.state().requests.is_empty());
    project.rot("resume").code(0).says("nothing to resume");
}

/// What is read only where a run recovers is needed when it is too late to ask for it.
#[test]
fn secrets_that_only_recovery_reads_are_required_before_the_first_call() {
    let (list, revoke) = (
        "GET \"https://api.example.com/keys\" { bearer secrets.LIST query { name: run.id } public ids = body $.keys[*].id as list }",
        "DELETE \"https://api.example.com/keys/${stray}\" { bearer secrets.REVOKE }",
    );
    let strays = |list_by: &str, revoke_by: &str| {
        format!("strays {list} revoke {revoke}")
            .replace("LIST", list_by)
            .replace("REVOKE", revoke_by)
    };
    let cases = [
        (strays("watcher", "admin"), String::new()),
        (strays("admin", "watcher"), String::new()),
        (
            String::new(),
            "on failure { http DELETE \"https://api.example.com/keys/k1\" revokes { bearer secrets.watcher } }".to_owned(),
        ),
    ];
    for (strays, failure) in cases {
        let issuer = good();
        let text = format!(
            r#"secret admin, watcher to "api.example.com"
secret key to "api.example.com"
rotation key {{
  http mint POST "https://api.example.com/keys" issues additive {{
    bearer secrets.admin
    json {{ name: run.id }}
    expect status 201
    secret value = body $.key
    {strays}
  }}
  update key = mint.value
  {failure}
}}
"#
        );
        let project = project(&issuer, &text);
        project.set("admin", "demo-admin-token");
        project
            .rot("run r.rot")
            .code(20)
            .says("secret `watcher` is not in the vault");
        assert!(issuer.state().requests.is_empty(), "{text}");
        project.rot("resume").code(0).says("nothing to resume");
    }
}

#[test]
fn a_failed_verify_leaves_the_old_value_current_and_the_new_one_pending() {
    let text = r#"secret admin to "api.example.com"
secret key to "api.example.com"
rotation key {
  http mint POST "https://api.example.com/keys" issues additive {
    bearer secrets.admin
    json { name: "k" }
    expect status 201
    secret value = body $.key
  }
  stage key = mint.value
  verify within 30s every 50ms {
    http GET "https://api.example.com/me" { bearer pending.key expect status 200 }
  }
  promote key
}
"#;
    // Live at the fourth try: the first three are answered as by a server that has not heard of it yet.
    let me = |times| Rule {
        times: Some(times),
        ..Rule::once(
            "/me",
            Fault::Answer {
                status: 401,
                headers: vec![],
                body: String::new(),
                execute: false,
            },
        )
    };
    let issuer = issuer(Config {
        faults: vec![me(3)],
        ..Config::default()
    });
    let project = project(&issuer, text);
    project.set("admin", "demo-admin").set("key", "the-old-one");
    project.rot("run r.rot").code(0);
    assert_eq!(calls(&issuer, "GET", "/me"), 4);
    assert_ne!(project.get("key"), "the-old-one");

    let issuer = crate::support::loopback::faulty(vec![me(1000)]);
    let project = super::project(&issuer, &text.replace("within 30s every 50ms ", ""));
    project.set("admin", "demo-admin").set("key", "the-old-one");
    let failed = project.rot("run r.rot").code(21);
    insta::assert_snapshot!("verify_failed", project.stable(&failed.stderr));
    assert_eq!(project.get("key"), "the-old-one");
    let pending = project
        .rot("vault get key --version pending")
        .code(0)
        .stdout;
    assert!(
        rot::demo::issuer::State::live(
            &issuer.state(),
            rot::demo::issuer::Kind::Key,
            pending.trim()
        )
        .is_some()
    );
    assert!(project.rot("status").code(0).stdout.contains("pending …"));
}
