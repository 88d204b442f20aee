//! What ordinary life does to a rotation: another status, a page with status 200, a refused password, a rollback during the
//! grace period. Nothing that was obtained is thrown away, and what can mend itself does.

use crate::support::plans::plan;
use crate::support::scripted::{Stage, done};
use rot::diagnostic::{Error, Failure};
use rot::run::{RunReport, Status};
use serde_json::{Value as Json, json};
use std::collections::HashMap;

fn stage(answers: &[Json]) -> Stage {
    let stage = Stage::with(answers, None, HashMap::new(), None);
    stage.put("admin", "admin-key-123456");
    stage
}

fn failure(result: Result<RunReport, Error>) -> Failure {
    match result {
        Ok(report) => report.failure.expect("it fails").failure,
        Err(error) => error.failure,
    }
}

/// One call with this effect, whose answer is stored.
fn issuing(effect: &str, clauses: &str) -> String {
    format!(
        r#"secret admin to "api.example.com"
secret tok to "api.example.com"
rotation tok {{
  http mint POST "https://api.example.com/mint" {effect} {{
    bearer secrets.admin
    {clauses}
    secret token = body $.token
  }}
  update tok = mint.token
}}
"#
    )
}

/// Each effect that makes a credential, with what it needs to be legal.
const ISSUING: [&str; 4] = [
    "issues additive",
    "issues replacing key \"Idempotency-Key\"",
    "issues replacing grace 10m",
    "issues replacing accept lockout-risk \"an owner makes a new one\"",
];

#[test]
fn an_answer_with_a_status_that_was_not_expected_is_kept() {
    for effect in ISSUING {
        for status in [201, 202, 203, 206, 301, 302, 303, 307, 308] {
            let stage = stage(&[json!({ "status": status, "body": { "token": "the-new-one-1" } })]);
            let strict = plan(&issuing(effect, "expect status 200"));
            assert_eq!(
                failure(stage.run(&strict, &[])),
                Failure::AfterEffect,
                "{effect} {status}"
            );
            let mended = plan(&issuing(effect, &format!("expect status {status}")));
            let report = done(stage.run(&mended, &[]));
            assert_eq!(report.status, Status::Completed, "{effect} {status}");
            assert_eq!(stage.secret("tok").as_deref(), Some("the-new-one-1"));
            assert_eq!(stage.sent().len(), 1, "{effect} {status}: called again");
        }
    }
}

#[test]
fn an_expectation_that_fails_keeps_the_answer() {
    for effect in ISSUING {
        let answer = json!({ "headers": { "x-kind": "new" }, "body": { "token": "the-new-one-2", "ok": "yes" } });
        for (wrong, right) in [
            ("expect body $.ok == \"YES\"", "expect body $.ok == \"yes\""),
            (
                "expect header \"x-kind\" == \"old\"",
                "expect header \"x-kind\" == \"new\"",
            ),
        ] {
            let stage = stage(std::slice::from_ref(&answer));
            let strict = plan(&issuing(effect, wrong));
            assert_eq!(failure(stage.run(&strict, &[])), Failure::AfterEffect);
            done(stage.run(&plan(&issuing(effect, right)), &[]));
            assert_eq!(stage.secret("tok").as_deref(), Some("the-new-one-2"));
            assert_eq!(stage.sent().len(), 1, "{effect}: called again");
        }
    }
}

#[test]
fn only_some_4xx_say_that_nothing_was_done() {
    for status in (100..=599u16).filter(|status| *status != 299) {
        let stage = stage(&[json!({ "status": status, "times": 9, "body": {} })]);
        let bare = plan(&issuing(ISSUING[3], "expect status 299"));
        let failed = failure(stage.run(&bare, &[]));
        let refused = matches!(status, 400..=407 | 409..=417 | 421..=426 | 428 | 429 | 431 | 451);
        let expected = if refused {
            Failure::BeforeEffect
        } else {
            failed
        };
        assert_eq!(failed, expected, "{status}");
        assert_eq!(
            failed == Failure::BeforeEffect,
            refused,
            "{status}: {failed:?}"
        );
        // Without a `verify` there is nobody to ask whether the old credential is dead: it is not called again.
        let tries = if status == 425 || status == 429 { 3 } else { 1 };
        assert_eq!(stage.sent().len(), tries, "{status}");
        if !refused {
            let again = failure(stage.run(&bare, &[]));
            assert_eq!(again, Failure::Unknown, "{status}");
            assert_eq!(stage.sent().len(), 1, "{status}: called again");
        }
    }
}

#[test]
fn a_page_with_status_200_does_not_block_a_rotation() {
    let pages = [
        json!({ "text": "<html><body>Back soon</body></html>" }),
        json!({ "text": "" }),
        json!({ "body": { "error": "try later" } }),
        json!({ "body": { "token": null } }),
        json!({ "body": { "token": "" } }),
        json!({ "body": [] }),
    ];
    for effect in &ISSUING[..3] {
        for page in &pages {
            let stage = stage(&[
                page.clone(),
                json!({ "body": { "token": "the-new-one-3" } }),
            ]);
            let plan = plan(&issuing(effect, ""));
            assert_eq!(
                failure(stage.run(&plan, &[])),
                Failure::AfterEffect,
                "{effect} {page}"
            );
            let report = done(stage.run(&plan, &[]));
            assert_eq!(report.status, Status::Completed, "{effect} {page}");
            assert_eq!(stage.secret("tok").as_deref(), Some("the-new-one-3"));
            assert_eq!(stage.sent().len(), 2, "{effect} {page}");
            assert!(
                report.notes.iter().any(|n| n.contains("may have left")),
                "{effect} {page}: {:?}",
                report.notes
            );
        }
    }
}

#[test]
fn a_page_with_status_200_never_needs_a_person_for_an_additive_call() {
    let stage = stage(&[
        json!({ "text": "<html>", "times": 12 }),
        json!({ "body": { "token": "the-new-one-4" } }),
    ]);
    let plan = plan(&issuing(ISSUING[0], ""));
    for _ in 0..12 {
        assert_eq!(failure(stage.run(&plan, &[])), Failure::AfterEffect);
    }
    assert_eq!(done(stage.run(&plan, &[])).status, Status::Completed);
}

#[test]
fn a_refused_password_is_not_tried_again() {
    let text = r#"secret admin to "api.example.com"
secret pw to "api.example.com"
rotation pw {
  generate g password { length 20 }
  stage pw = g.value
  http set POST "https://api.example.com/set" sets {
    bearer secrets.admin
    json { password: pending.pw }
  }
  promote pw
}
"#;
    let stage = stage(&[
        json!({ "status": 422 }),
        json!({ "status": 400 }),
        json!({ "status": 204 }),
    ]);
    stage.put("pw", "the-old-password");
    let plan = plan(text);
    for _ in 0..2 {
        assert_eq!(failure(stage.run(&plan, &[])), Failure::AfterEffect);
    }
    assert_eq!(done(stage.run(&plan, &[])).status, Status::Completed);
    let bodies: Vec<_> = stage.sent().into_iter().filter_map(|s| s.body).collect();
    assert!(bodies[0] != bodies[1] && bodies[1] != bodies[2] && bodies[0] != bodies[2]);
    let last: Json = serde_json::from_str(&bodies[2]).unwrap();
    assert_eq!(stage.secret("pw").as_deref(), last["password"].as_str());
}

/// An error page with status 200, and nothing was done: the value is set again, until it works.
#[test]
fn a_password_that_was_not_set_is_set_again() {
    for effect in ["sets", "sets slot"] {
        for pages in 1..=3u64 {
            let page =
                json!({ "to": "/password", "text": "<html>maintenance</html>", "times": pages });
            let refuses = json!({ "to": "/me", "status": 401, "times": pages });
            let stage = stage(&[page, refuses]);
            stage.put("pw", "the-old-one-123");
            let text = format!(
                r#"secret admin to "api.example.com"
secret pw to "api.example.com"
rotation pw {{
  generate fresh password {{ length 24 }}
  stage pw = fresh.value
  http set PUT "https://api.example.com/password" {effect} {{
    bearer secrets.admin
    json {{ password: pending.pw }}
  }}
  verify {{
    http GET "https://api.example.com/me" {{ basic "app", pending.pw }}
  }}
  promote pw
}}
"#
            );
            let plan = plan(&text);
            for _ in 0..pages {
                assert_eq!(failure(stage.run(&plan, &[])), Failure::AfterEffect);
                stage.wait(60_000);
            }
            done(stage.run(&plan, &[]));
            let sent = stage.sent();
            let set: Vec<_> = sent.iter().filter(|s| s.method == "PUT").collect();
            assert_eq!(set.len() as u64, pages + 1, "{effect}");
            assert!(set.iter().all(|s| s.body == set[0].body), "the same value");
            let body: Json = serde_json::from_str(set[0].body.as_ref().unwrap()).unwrap();
            assert_eq!(body["password"].as_str(), stage.secret("pw").as_deref());
        }
    }
}

/// Each failed attempt but the first makes the next run wait longer, and says so; who resumes does not wait.
#[test]
fn a_run_that_fails_again_and_again_waits_longer() {
    let stage = stage(&[json!({ "to": "/mint", "text": "<html>maintenance</html>", "times": 9 })]);
    let plan = plan(&issuing(ISSUING[0], ""));
    let mut waited = Vec::new();
    for _ in 0..5 {
        let before: u64 = stage.slept().iter().sum();
        let _failed = stage.run(&plan, &[]);
        waited.push(stage.slept().iter().sum::<u64>() - before);
    }
    assert_eq!(waited, [0, 0, 1_000, 2_000, 4_000]);
}

#[test]
fn a_stop_ends_a_run_whatever_has_no_value_then() {
    let text = r#"secret admin to "api.example.com"
rotation r {
  http look GET "https://api.example.com/look" { bearer secrets.admin  public left = body $.left as int }
  when look.left > 0 { stop "nothing to do" }
  http more GET "https://api.example.com/more" { bearer secrets.admin  public id = body $.id }
  output id = more.id
  output left = look.left
}
"#;
    let stage = stage(&[json!({ "body": { "left": 1 } })]);
    let report = done(stage.run(&plan(text), &[]));
    assert_eq!(report.status, Status::Completed);
    assert_eq!(report.output, json!({ "left": 1 }));
}

const GRACE: &str = r#"secret admin to "api.example.com"
secret key { value, id } to "api.example.com"
rotation key {
  input region: string = "eu"
  let base = "https://api.example.com/${input.region}"
  http mint POST "https://api.example.com/mint" issues additive {
    bearer secrets.admin
    secret value = body $.value
    public id = body $.id
    public account = body $.account
  }
  stage key { value: mint.value, id: mint.id }
  promote key
  revoke previous.key after 1m {
    http DELETE "https://api.example.com/${input.region}/${mint.account}/${previous.key.id}" revokes { bearer secrets.admin }
  }
}
"#;

fn minted(number: u32) -> Json {
    json!({ "to": "/mint", "body": { "value": format!("value-{number}-abcdef"), "id": format!("id-{number}"), "account": "acme" } })
}

fn deletions(stage: &Stage) -> Vec<String> {
    let sent = stage.sent().into_iter();
    sent.filter(|s| s.method == "DELETE")
        .map(|s| s.url)
        .collect()
}

#[test]
fn a_scheduled_revocation_has_all_that_it_needs_in_any_file() {
    let stage = stage(&[minted(1), minted(2)]);
    let rotation = plan(GRACE);
    done(stage.run(&rotation, &[]));
    done(stage.run(&rotation, &[]));
    stage.wait(120_000);
    // Another file, which knows nothing of the secret.
    let other = plan("rotation other { log \"x\" }\n");
    let swept = stage.sweep(&other);
    assert_eq!(swept.revoked, 1, "{:?}", swept.trouble);
    assert_eq!(deletions(&stage), ["https://api.example.com/eu/acme/id-1"]);
}

#[test]
fn a_revocation_that_fails_is_tried_again_by_any_call() {
    let stage = stage(&[
        minted(1),
        minted(2),
        json!({ "to": "id-1", "status": 403 }),
        json!({ "to": "id-1", "status": 204 }),
    ]);
    let rotation = plan(GRACE);
    done(stage.run(&rotation, &[]));
    done(stage.run(&rotation, &[]));
    stage.wait(120_000);
    let other = plan("rotation other { log \"x\" }\n");
    assert_eq!(stage.sweep(&other).trouble.len(), 1);
    assert_eq!(rot::run::sweep::list(stage.vault().doc())[0].failures, 1);
    assert_eq!(stage.sweep(&other).revoked, 1);
    assert_eq!(stage.sweep(&other).revoked, 0);
}

#[test]
fn a_credential_in_use_is_never_revoked() {
    // How the old credential comes back into use before its revocation is due.
    type Back = fn(&mut rot::vault::Document);
    let ways: [(&str, Back); 3] = [
        ("a rollback", |doc| {
            let now = rot::world::clock::Clock::now(&rot::world::clock::RealClock);
            done(
                doc.rollback("key", None, false, "restored", now)
                    .map(|_| ()),
            );
        }),
        ("the value set by hand", |doc| {
            let value = vec![(
                "value".to_owned(),
                rot::vault::Secret::from_text("value-1-abcdef"),
            )];
            put(doc, value);
        }),
        ("the id set by hand", |doc| {
            let value = vec![("id".to_owned(), rot::vault::Secret::from_text("id-1"))];
            put(doc, value);
        }),
    ];
    for (name, back) in ways {
        let stage = stage(&[minted(1), minted(2), minted(3)]);
        let rotation = plan(GRACE);
        done(stage.run(&rotation, &[]));
        done(stage.run(&rotation, &[]));
        done(stage.vault().commit(|doc| {
            back(doc);
            Ok(())
        }));
        stage.wait(120_000);
        let swept = stage.sweep(&rotation);
        assert_eq!(
            (swept.revoked, swept.dropped.len()),
            (0, 1),
            "{name}: {:?}",
            swept.trouble
        );
        assert_eq!(deletions(&stage), [""; 0], "{name}");
        // What the rollback took out of use is not forgotten.
        if name == "a rollback" {
            let left = stage.vault();
            assert_eq!(
                rot::run::sweep::unrevoked(left.doc(), "key").len(),
                1,
                "{name}"
            );
            done(stage.run(&rotation, &[]));
            stage.wait(120_000);
            let swept = stage.sweep(&rotation);
            assert_eq!(swept.revoked, 2, "{name}: {:?}", swept.trouble);
            let mut ended = deletions(&stage);
            ended.sort();
            assert_eq!(
                ended,
                [
                    "https://api.example.com/eu/acme/id-1",
                    "https://api.example.com/eu/acme/id-2"
                ]
            );
        }
    }
}

fn put(doc: &mut rot::vault::Document, fields: Vec<(String, rot::vault::Secret)>) {
    done(doc.put_current(
        "key",
        rot::vault::NewVersion {
            id: "by-hand".to_owned(),
            value: rot::vault::StoredValue::Fields(fields),
            expires_at: None,
            run: None,
            rotation: None,
            created_at: crate::support::scripted::NOW.parse().unwrap(),
        },
    ));
}

#[test]
fn when_a_rotation_ran_is_known_without_its_journal() {
    let stage = stage(&[]);
    let monthly = plan("rotation ping { every 30d  log \"monthly\" }\n");
    done(stage.run(&monthly, &[]));
    for file in std::fs::read_dir(stage.journals()).unwrap() {
        std::fs::remove_file(file.unwrap().path()).unwrap();
    }
    let vault = stage.vault();
    let rotation = &monthly.rotations[0];
    let now: jiff::Timestamp = crate::support::scripted::NOW.parse().unwrap();
    let past = rot::run::due::past(&vault, rotation, now);
    let due = rot::run::due::next(&vault, rotation, &past, now).expect("it has a schedule");
    assert!(!due.is_due(now + jiff::SignedDuration::from_hours(24)));
    assert!(due.is_due(now + jiff::SignedDuration::from_hours(24 * 34)));
}

#[test]
fn the_verify_of_the_secret_at_stake_is_asked() {
    let text = r#"secret admin to "api.example.com"
secret first to "api.example.com"
secret second to "api.example.com"
rotation r {
  generate g password { length 20 }
  stage first = g.value
  verify { http GET "https://api.example.com/first" { bearer pending.first } }
  promote first
  generate h password { length 20 }
  stage second = h.value
  http change POST "https://api.example.com/change" sets self { bearer secrets.second  json { password: pending.second } }
  verify { http GET "https://api.example.com/second" { bearer pending.second } }
  promote second
}
"#;
    let stage = stage(&[json!({ "to": "/change", "fault": "unknown" })]);
    stage.put("first", "first-old-123");
    stage.put("second", "second-old-123");
    done(stage.run(&plan(text), &[]));
    let urls: Vec<String> = stage.sent().into_iter().map(|s| s.url).collect();
    let after = urls.iter().position(|u| u.ends_with("/change")).unwrap() + 1;
    assert!(urls[after].ends_with("/second"), "{urls:?}");
    assert_eq!(
        urls.iter().filter(|u| u.ends_with("/first")).count(),
        1,
        "{urls:?}"
    );
}
