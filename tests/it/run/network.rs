//! What the network and servers do, and what is never sent.

use super::{TOKEN, good, project};
use crate::support::loopback::{calls, faulty};
use rot::demo::issuer::{Fault, Rule};

#[test]
fn a_redirect_is_not_followed_with_a_secret() {
    let elsewhere = good();
    let location = format!("{}/api/token", elsewhere.base_url);
    for status in [301, 302, 303, 307, 308] {
        let issuer = faulty(vec![Rule::always(Fault::Redirect {
            status,
            location: location.clone(),
        })]);
        let project = project(&issuer, TOKEN);
        project
            .rot("run r.rot")
            // Only some 4xx say that the server did nothing.
            .code(21)
            .says("redirects are not followed");
    }
    assert!(elsewhere.state().requests.is_empty());
}

#[test]
fn plain_http_to_another_machine_is_refused() {
    let issuer = good();
    let project = project(&issuer, TOKEN);
    project.file("plain.rot", TOKEN.replace("https://", "http://"));
    let refused = project.rot("run plain.rot").code(25);
    insta::assert_snapshot!("plain_http", project.stable(&refused.stderr));
    project.file(
        "plain.json",
        include_str!("../../spec/conductor/seed.json")
            .replace("https://conductor", "http://conductor"),
    );
    project.rot("run plain.json").code(25).says("ROT401");
}

#[test]
fn nobody_listening_is_a_failure_before_any_effect() {
    let project = {
        let issuer = good();
        project(
            &issuer,
            &TOKEN.replace("secret token", "retry 1 every 10ms\n    secret token"),
        )
    };
    let failed = project.rot("run r.rot").code(20);
    insta::assert_snapshot!("nobody_listens", project.stable(&failed.stderr));
}

#[test]
fn a_server_that_fails_for_a_moment_is_tried_again_as_the_author_says() {
    let busy = Fault::Answer {
        status: 503,
        headers: vec![("retry-after".into(), "0".into())],
        body: String::new(),
        execute: false,
    };
    let issuer = faulty(vec![Rule {
        times: Some(2),
        ..Rule::always(busy)
    }]);
    let project = project(
        &issuer,
        &TOKEN.replace("secret token", "retry 3 every 10ms\n    secret token"),
    );
    let report = project.rot("run r.rot --report json").code(0).json();
    assert_eq!(report["steps"][0]["attempts"], 3);
    assert_eq!(calls(&issuer, "POST", "/api/token"), 3);
}

#[test]
fn a_lost_answer_of_an_additive_issuer_is_asked_for_again() {
    let issuer = faulty(vec![Rule::once("/api/token", Fault::ResetAfterExecuting)]);
    let project = project(
        &issuer,
        &TOKEN.replace("secret token", "retry 2 every 10ms\n    secret token"),
    );
    let report = project.rot("run r.rot --report json").code(0);
    assert_eq!(calls(&issuer, "POST", "/api/token"), 2);
    assert!(
        report
            .stderr
            .contains("may have left a credential at the issuer"),
        "{}",
        report.stderr
    );
}

#[test]
fn an_error_that_quotes_the_request_shows_no_secret_of_it() {
    for status in [400, 401, 422, 500] {
        let issuer = faulty(vec![Rule::always(Fault::Echo { status })]);
        let project = project(
            &issuer,
            &TOKEN.replace("secret token", "retry 1 every 10ms\n    secret token"),
        );
        let failed = project.rot("run r.rot --report json");
        assert_ne!(failed.code, 0);
        for text in [&failed.stdout, &failed.stderr] {
            assert!(
                !text.contains("demo-key-secret") && !text.contains("demo-key-id"),
                "{text}"
            );
        }
    }
}
