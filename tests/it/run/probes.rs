//! A call that replaces the credential that it carries, and whose answer does not say that it did: which credential is live is found
//! out by the `verify` of that very secret, wherever it stands, with all of its names exchanged.

use crate::support::plans::plan;
use crate::support::scripted::{Sent, Stage, done};
use rot::diagnostic::{Error, Failure};
use rot::run::{RunReport, Status};
use serde_json::{Value as Json, json};
use std::collections::HashMap;

fn stage(answers: &[Json]) -> Stage {
    let stage = Stage::with(answers, None, HashMap::new(), None);
    stage.put("one", "old-one-123456");
    stage.put("two", "old-two-123456");
    stage
}

fn failed(result: Result<RunReport, Error>) -> (Failure, String) {
    let error = match result {
        Ok(report) => report.failure.expect("it fails"),
        Err(error) => error,
    };
    let notes = error.diagnostics.iter().flat_map(|d| &d.notes);
    let notes: Vec<&str> = notes.map(String::as_str).collect();
    (
        error.failure,
        format!("{} {}", error.message(), notes.join(" ")),
    )
}

/// What a request was authorised with.
fn bearer(sent: &Sent) -> String {
    let headers = sent.headers.iter();
    let mut found = headers.filter(|(name, _)| name.eq_ignore_ascii_case("authorization"));
    let value = found
        .next()
        .map(|(_, value)| value.clone())
        .unwrap_or_default();
    value.trim_start_matches("Bearer ").to_owned()
}

fn sent_to(stage: &Stage, end: &str) -> Vec<Sent> {
    let all = stage.sent().into_iter();
    all.filter(|sent| sent.url.ends_with(end)).collect()
}

/// The password that a call set.
fn password(sent: &Sent) -> String {
    let body: Json = serde_json::from_str(sent.body.as_ref().unwrap()).unwrap();
    body["password"].as_str().unwrap().to_owned()
}

const SELF: &str = r#"secret one to "api.example.com"
rotation r {
  generate fresh password { length 20 }
  stage one = fresh.value
  http change POST "https://api.example.com/change" sets self {
    bearer secrets.one
    json { password: pending.one }
    expect status 200
  }
  verify { http GET "https://api.example.com/me" { bearer pending.one } }
  promote one
}
"#;

/// 204 for 200, and the change was made: the dead password is not sent again, whatever recovery finds.
#[test]
fn a_change_that_was_answered_otherwise_is_not_repeated_with_the_dead_password() {
    let odd = json!({ "to": "/change", "status": 204, "text": "" });
    let no = json!({ "to": "/me", "status": 401 });
    // The file is mended: the answer is all that is needed.
    let world = stage(std::slice::from_ref(&odd));
    assert_eq!(failed(world.run(&plan(SELF), &[])).0, Failure::AfterEffect);
    let mended = plan(&SELF.replace("status 200", "status 204"));
    done(world.run(&mended, &[]));
    assert_eq!(sent_to(&world, "/change").len(), 1);
    assert_eq!(
        world.secret("one"),
        Some(password(&sent_to(&world, "/change")[0]))
    );
    // It is not: what works is asked, and the call is made with that.
    for (says, works) in [(vec![], "pending"), (vec![no.clone()], "current")] {
        let mut answers = vec![odd.clone()];
        answers.extend(says);
        let world = stage(&answers);
        assert_eq!(failed(world.run(&plan(SELF), &[])).0, Failure::AfterEffect);
        assert_eq!(sent_to(&world, "/me").len(), 0);
        let report = done(world.run(&plan(SELF), &[]));
        assert_eq!(report.status, Status::Completed, "{works}");
        let calls = sent_to(&world, "/change");
        assert_eq!(calls.len(), 2, "{works}");
        let new = password(&calls[0]);
        assert_eq!(password(&calls[1]), new, "the same password");
        let with = match works {
            "pending" => new.as_str(),
            _ => "old-one-123456",
        };
        assert_eq!(bearer(&calls[1]), with, "{works}");
        assert_eq!(
            bearer(&sent_to(&world, "/me")[0]),
            new,
            "the pending one is tried first"
        );
        assert_eq!(world.secret("one").as_deref(), Some(new.as_str()));
    }
    // Nothing works: a person is told which one may.
    let world = stage(&[odd, json!({ "to": "/me", "status": 401, "times": 9 })]);
    let _kept = world.run(&plan(SELF), &[]);
    let (failure, message) = failed(world.run(&plan(SELF), &[]));
    assert_eq!(failure, Failure::Unknown);
    assert!(
        message.contains("the live one may be the pending version of `one`"),
        "{message}"
    );
    assert_eq!(sent_to(&world, "/change").len(), 1);
}

/// The same where the answer was lost, with the `verify` in the other places that it may have.
#[test]
fn the_verify_of_the_secret_is_found_in_branches_and_in_called_rotations() {
    let declared = "secret one to \"api.example.com\"\nsecret two to \"api.example.com\"\n";
    let change = |secret: &str| {
        format!(
            "generate g_{secret} password {{ length 20 }}\n stage {secret} = g_{secret}.value\n http change_{secret} POST \"https://api.example.com/{secret}/change\" sets self {{ bearer secrets.{secret}  json {{ password: pending.{secret} }} }}\n"
        )
    };
    let verify = |secret: &str| {
        format!(
            "verify {{ http GET \"https://api.example.com/{secret}/me\" {{ bearer pending.{secret} }} }}\n"
        )
    };
    let (one, two) = (
        change("one") + &verify("one") + "promote one\n",
        change("two") + &verify("two") + "promote two\n",
    );
    let called = format!(
        "rotation outer {{\n call a = inner {{}}\n }}\nrotation inner {{\n {one}{two} }}\n"
    );
    let split = format!(
        "rotation outer {{\n call a = inner {{}}\n {}{} promote one\n promote two\n }}\nrotation inner {{\n {}{} }}\n",
        verify("one"),
        verify("two"),
        change("one"),
        change("two")
    );
    let places = [
        ("in order", format!("rotation r {{\n {one}{two} }}\n")),
        (
            "in branches",
            format!("rotation r {{\n parallel {{\n a {{ {one} }}\n b {{ {two} }}\n }}\n }}\n"),
        ),
        ("in a called rotation", called),
        ("in the rotation that calls", split),
    ];
    for (place, text) in places {
        for lost in ["one", "two"] {
            let world = stage(&[
                json!({ "to": format!("/{lost}/change"), "fault": "unknown", "times": 3 }),
            ]);
            let rotation = plan(&(declared.to_owned() + &text));
            let _lost = world.run(&rotation, &[]);
            let report = done(world.run(&rotation, &[]));
            assert_eq!(
                report.status,
                Status::Completed,
                "{place} {lost}: {:?}",
                report.failure.map(|f| f.message().to_owned())
            );
            let other = if lost == "one" { "two" } else { "one" };
            let calls = sent_to(&world, &format!("/{lost}/change"));
            let new = password(&calls[0]);
            assert_eq!(bearer(&calls[0]), format!("old-{lost}-123456"));
            for again in &calls[1..] {
                assert_eq!(bearer(again), new, "{place} {lost}: by the live one");
                assert_eq!(password(again), new, "{place} {lost}");
            }
            assert_eq!(
                sent_to(&world, &format!("/{other}/change")).len(),
                1,
                "{place} {lost}"
            );
            // Each `verify` has asked with its own secret alone.
            for (secret, dead) in [(lost, other), (other, lost)] {
                for asked in sent_to(&world, &format!("/{secret}/me")) {
                    assert_ne!(
                        bearer(&asked),
                        format!("old-{dead}-123456"),
                        "{place} {lost}"
                    );
                }
            }
            assert_eq!(
                world.secret(lost).as_deref(),
                Some(new.as_str()),
                "{place} {lost}"
            );
        }
    }
}

/// A `verify` that reads two secrets is asked with both in the place of the pending ones.
#[test]
fn all_names_of_a_verify_are_exchanged() {
    let text = r#"secret one to "api.example.com"
secret two to "api.example.com"
rotation r {
  generate g password { length 20 }
  generate h password { length 20 }
  stage one = g.value
  stage two = h.value
  http change POST "https://api.example.com/change" sets self {
    basic secrets.one, secrets.two
    json { password: pending.one, second: pending.two }
  }
  verify { http GET "https://api.example.com/me" { header "X-One": pending.one  header "X-Two": pending.two } }
  promote one
  promote two
}
"#;
    let no = json!({ "to": "/me", "status": 401 });
    let world = stage(&[
        json!({ "to": "/change", "fault": "unknown", "times": 3 }),
        no,
    ]);
    let rotation = plan(text);
    let _lost = world.run(&rotation, &[]);
    let _again = world.run(&rotation, &[]);
    let header = |sent: &Sent, name: &str| {
        let mut found = sent
            .headers
            .iter()
            .filter(|(n, _)| n.eq_ignore_ascii_case(name));
        found.next().unwrap().1.clone()
    };
    let asked = sent_to(&world, "/me");
    let body: Json =
        serde_json::from_str(sent_to(&world, "/change")[0].body.as_ref().unwrap()).unwrap();
    let (one, two) = (
        body["password"].as_str().unwrap(),
        body["second"].as_str().unwrap(),
    );
    assert_eq!(
        (header(&asked[0], "X-One"), header(&asked[0], "X-Two")),
        (one.to_owned(), two.to_owned())
    );
    assert_eq!(
        (header(&asked[1], "X-One"), header(&asked[1], "X-Two")),
        ("old-one-123456".to_owned(), "old-two-123456".to_owned())
    );
}
