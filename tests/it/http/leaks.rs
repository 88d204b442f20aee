//! Where secrets must not go: to a second host, and into messages.

use super::{answered, call, get, issuer, request, summary, with_json};
use rot::demo::issuer::{Fault, Phase, Rule};
use rot::world::http::{Attempt, Limits};
use serde_json::json;
use std::time::Duration;

const CANARY: &str = "CANARY-7f3a";

#[test]
fn a_redirect_carries_no_secret_anywhere() {
    let second = issuer(Vec::new());
    for status in [300, 301, 302, 303, 304, 307, 308] {
        for location in [
            format!("{}/me", second.base_url),
            second.base_url.replace("http:", ""),
            "/api/ping".to_owned(),
        ] {
            for method in ["GET", "HEAD", "POST", "DELETE"] {
                let first = issuer(vec![Rule::once(
                    "/start",
                    Fault::Redirect {
                        status,
                        location: location.clone(),
                    },
                )]);
                let url = format!("{}/start?api_key={CANARY}", first.base_url);
                let mut request = request(
                    method,
                    url,
                    &[("X-Api-Key", CANARY), ("Authorization", CANARY)],
                    Some(CANARY),
                );
                request.limits.follow = 5;
                assert_eq!(answered(&request).status, status);
                assert_eq!(
                    first.state().requests.len(),
                    1,
                    "{method} {status} {location}"
                );
            }
        }
    }
    assert_eq!(second.state().requests.len(), 0);
}

#[test]
fn only_public_reads_are_followed_and_only_to_the_same_origin() {
    let second = issuer(Vec::new());
    let port = second.address.port();
    let cases = [
        ("GET", "/me".to_owned(), 3, 401, 2),
        ("HEAD", "/me".to_owned(), 3, 401, 2),
        ("POST", "/me".to_owned(), 3, 307, 1),
        ("GET", "/me".to_owned(), 0, 307, 1),
        // It goes round in a circle.
        ("GET", "/start".to_owned(), 3, 307, 4),
        ("GET", format!("{}/me", second.base_url), 3, 307, 1),
        ("GET", format!("//localhost:{port}/me"), 3, 307, 1),
        ("GET", "https:/me".to_owned(), 3, 307, 1),
        ("GET", "http://169.254.169.254/".to_owned(), 3, 307, 1),
        ("GET", "file:///etc/passwd".to_owned(), 3, 307, 1),
        ("GET", "http://u:p@[".to_owned(), 3, 307, 1),
    ];
    for (method, location, follow, status, requests) in cases {
        let rule = Rule {
            path: Some("/start".to_owned()),
            ..Rule::always(Fault::Redirect {
                status: 307,
                location: location.clone(),
            })
        };
        let first = issuer(vec![rule]);
        let mut request = request(method, format!("{}/start", first.base_url), &[], None);
        request.secret = false;
        request.limits.follow = follow;
        assert_eq!(answered(&request).status, status, "{method} {location}");
        assert_eq!(
            first.state().requests.len(),
            requests,
            "{method} {location}"
        );
    }
    assert_eq!(second.state().requests.len(), 0);
}

#[test]
fn no_message_quotes_the_request_or_the_answer() {
    let noisy = format!("HTTP/1.1 {CANARY} {CANARY}\r\n{CANARY}\r\n\r\n");
    let faults = vec![
        Fault::ResetBeforeReading,
        Fault::ResetAfterExecuting,
        Fault::CloseAfterExecuting,
        Fault::TruncatedBody,
        Fault::BrokenChunks,
        Fault::TwoContentLengths,
        Fault::GarbageStatus,
        Fault::HugeHead(100_000),
        Fault::HugeHead(1_000_000),
        Fault::Huge {
            bytes: 5 << 20,
            declared: false,
        },
        Fault::Raw {
            bytes: noisy.into_bytes(),
            execute: false,
        },
        Fault::Stall {
            at: Phase::Answer,
            millis: 60_000,
        },
        Fault::Stall {
            at: Phase::Body,
            millis: 60_000,
        },
    ];
    let mut messages = Vec::new();
    for fault in faults {
        let issuer = issuer(vec![Rule::always(fault)]);
        let url = format!("{}/{CANARY}?api_key={CANARY}#{CANARY}", issuer.base_url);
        let mut request = with_json(
            "POST",
            url,
            &[("X-Api-Key", CANARY)],
            &json!({ "key": CANARY }),
        );
        request.limits = Limits {
            first_byte: Duration::from_millis(200),
            total: Duration::from_secs(1),
            ..super::limits()
        };
        match call(&request) {
            Attempt::NotSent(trouble) | Attempt::Unknown(trouble, _) => {
                messages.push(trouble.message)
            }
            other => panic!("no trouble: {}", summary(&other)),
        }
    }
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    for url in [
        format!("http://127.0.0.1:{port}/{CANARY}?k={CANARY}"),
        format!("https://{CANARY}:{CANARY}@api.example.com/{CANARY}"),
        format!("{CANARY}://x/{CANARY}"),
        format!("/{CANARY}"),
        format!("https://[{CANARY}/"),
        format!("http://api.example.com/{CANARY}"),
        format!("https://169.254.169.254/{CANARY}?{CANARY}"),
    ] {
        match call(&request("GET", url, &[("X-Api-Key", CANARY)], Some(CANARY))) {
            Attempt::NotSent(trouble) => messages.push(trouble.message),
            other => panic!("sent: {}", summary(&other)),
        }
    }
    let split = format!("{CANARY}\r\n{CANARY}");
    for headers in [[("X-Api-Key", split.as_str())], [(split.as_str(), CANARY)]] {
        if let Attempt::NotSent(trouble) =
            call(&request("GET", "https://localhost/", &headers, None))
        {
            messages.push(trouble.message);
        }
    }
    assert_eq!(messages.len(), 22);
    for message in messages {
        assert!(!message.to_lowercase().contains("canary"), "{message}");
        assert!(
            !message.is_empty() && !message.ends_with('.') && !message.contains('\n'),
            "{message}"
        );
    }
}

#[test]
fn a_server_that_quotes_the_request_reaches_only_the_body() {
    let issuer = issuer(vec![Rule::always(Fault::Echo { status: 400 })]);
    let response = answered(&request(
        "GET",
        &issuer.base_url,
        &[("X-Api-Key", CANARY)],
        None,
    ));
    assert!(String::from_utf8_lossy(&response.body).contains(CANARY));
    assert!(
        response
            .headers
            .iter()
            .all(|(_, value)| !String::from_utf8_lossy(value).contains(CANARY))
    );
}

#[test]
fn the_time_of_an_answer_is_that_of_its_status_line() {
    let issuer = issuer(vec![Rule::always(Fault::Stall {
        at: Phase::Body,
        millis: 600,
    })]);
    let before = jiff::Timestamp::now();
    let response = answered(&get(format!("{}/me", issuer.base_url)));
    let after = jiff::Timestamp::now();
    assert!(before <= response.received_at && response.received_at <= after);
    // The body came later by what the server waited; the bound leaves half a second for a busy machine.
    assert!(after.duration_since(response.received_at) >= jiff::SignedDuration::from_millis(100));
}
