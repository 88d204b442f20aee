//! Each misbehaviour of a server, and what recovery is told about it.

use super::{call, get, issuer, summary, with_json};
use proptest::prelude::*;
use rot::demo::issuer::{Fault, Phase, Rule};
use rot::world::http::{Limits, Request};
use serde_json::json;
use std::time::Duration;

fn raw(text: &str) -> Fault {
    Fault::Raw {
        bytes: text.as_bytes().to_vec(),
        execute: true,
    }
}

fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Fault {
    let headers = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    Fault::Answer {
        status,
        headers,
        body: body.to_owned(),
        execute: false,
    }
}

fn stall(at: Phase) -> Fault {
    Fault::Stall { at, millis: 60_000 }
}

/// Asks for a token with the fault; tells how that ended, and how often the issuer made one.
fn ask(fault: Fault, limits: Option<Limits>) -> (String, usize) {
    let issuer = issuer(vec![Rule::always(fault)]);
    let url = format!("{}/api/token", issuer.base_url);
    let mut request: Request = with_json(
        "POST",
        url,
        &[],
        &json!({ "keyId": "demo-key-id", "keySecret": "demo-key-secret" }),
    );
    if let Some(limits) = limits {
        request.limits = limits;
    }
    let outcome = summary(&call(&request));
    let executed = issuer.state().executed("POST", "/api/token");
    (outcome, executed)
}

#[test]
fn every_misbehaviour_is_classified() {
    let ok = "HTTP/1.1 200 OK\r\n";
    let cases: Vec<(&str, Fault, &str, usize)> = vec![
        (
            "reset before reading",
            Fault::ResetBeforeReading,
            "unknown, Reset, no answer",
            0,
        ),
        (
            "reset before executing",
            Fault::ResetBeforeExecuting,
            "unknown, Reset, no answer",
            0,
        ),
        (
            "reset after executing",
            Fault::ResetAfterExecuting,
            "unknown, Reset, no answer",
            1,
        ),
        (
            "closed after executing",
            Fault::CloseAfterExecuting,
            "unknown, Reset, no answer",
            1,
        ),
        (
            "cut in the status line",
            Fault::Cut {
                after: 7,
                reset: false,
            },
            "unknown, Reset, no answer",
            1,
        ),
        (
            "cut in the headers",
            Fault::Cut {
                after: 30,
                reset: false,
            },
            "unknown, Reset, no answer",
            1,
        ),
        (
            "reset in the headers",
            Fault::Cut {
                after: 30,
                reset: true,
            },
            "unknown, Reset, no answer",
            1,
        ),
        (
            "half a body",
            Fault::TruncatedBody,
            "unknown, Reset, 200 with 24 bytes",
            1,
        ),
        (
            "broken chunks",
            Fault::BrokenChunks,
            "unknown, Malformed, 200 with 49 bytes",
            1,
        ),
        (
            "two lengths",
            Fault::TwoContentLengths,
            "unknown, Malformed, no answer",
            1,
        ),
        (
            "no status line",
            Fault::GarbageStatus,
            "unknown, Malformed, no answer",
            1,
        ),
        (
            "HTTP/0.9",
            raw("{\"token\": \"x\"}"),
            "unknown, Malformed, no answer",
            1,
        ),
        (
            "negative length",
            raw(&format!("{ok}Content-Length: -1\r\n\r\n")),
            "unknown, Malformed, no answer",
            1,
        ),
        (
            "length beyond u64",
            raw(&format!("{ok}Content-Length: 99999999999999999999\r\n\r\n")),
            "unknown, Malformed, no answer",
            1,
        ),
        (
            "huge chunk size",
            raw(&format!(
                "{ok}Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n"
            )),
            "unknown, Malformed, 200 with 0 bytes",
            1,
        ),
        (
            "chunk cut off",
            raw(&format!("{ok}Transfer-Encoding: chunked\r\n\r\n5\r\nab")),
            "unknown, Reset, 200 with 2 bytes",
            1,
        ),
        (
            "last chunk missing",
            raw(&format!(
                "{ok}Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n"
            )),
            "unknown, Reset, 200 with 2 bytes",
            1,
        ),
        (
            "NUL in a header",
            raw(&format!("{ok}X-A: a\0b\r\nContent-Length: 0\r\n\r\n")),
            "unknown, Malformed, no answer",
            1,
        ),
        (
            "status above 999",
            raw("HTTP/1.1 20000 OK\r\nContent-Length: 0\r\n\r\n"),
            "unknown, Malformed, no answer",
            1,
        ),
        (
            "HTTP/2 preface",
            raw("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
            "unknown, Malformed, no answer",
            1,
        ),
        (
            "TLS alert",
            Fault::Raw {
                bytes: vec![0x15, 3, 3, 0, 2, 2, 40],
                execute: false,
            },
            "unknown, Malformed, no answer",
            0,
        ),
        (
            "informational first",
            raw(&format!(
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n{ok}Content-Length: 2\r\n\r\nok"
            )),
            "answered 200, 2 bytes",
            1,
        ),
        (
            "only informational",
            raw("HTTP/1.1 100 Continue\r\n\r\n"),
            "unknown, Reset, no answer",
            1,
        ),
        (
            "protocol switched unasked",
            raw("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"),
            "unknown, Malformed, 101 with 0 bytes",
            1,
        ),
        (
            "same length twice",
            raw(&format!(
                "{ok}Content-Length: 2\r\nContent-Length: 2\r\n\r\nok"
            )),
            "answered 200, 2 bytes",
            1,
        ),
        (
            "more than was declared",
            raw(&format!(
                "{ok}Content-Length: 2\r\n\r\nokHTTP/1.1 500 Late\r\n\r\n"
            )),
            "answered 200, 2 bytes",
            1,
        ),
        (
            "ESC in the reason",
            raw("HTTP/1.1 200 \x1b[31mred\r\nContent-Length: 2\r\n\r\nok"),
            "unknown, Malformed, no answer",
            1,
        ),
        (
            "ends with the connection",
            raw(&format!("{ok}\r\nabc")),
            "answered 200, 3 bytes",
            1,
        ),
        (
            "huge headers",
            Fault::HugeHead(100_000),
            "unknown, TooLarge, 200 with 0 bytes",
            1,
        ),
        (
            "ten megabytes of headers",
            Fault::HugeHead(10_000_000),
            "unknown, TooLarge, no answer",
            1,
        ),
        (
            "invalid UTF-8",
            Fault::Body(vec![0xff, 0xfe, 0, 0x1b]),
            "answered 200, 4 bytes",
            1,
        ),
        (
            "other content type",
            Fault::ContentType("text/html".to_owned()),
            "answered 200, 49 bytes",
            1,
        ),
        (
            "conflict",
            answer(409, &[], "{}"),
            "answered 409, 2 bytes",
            0,
        ),
        (
            "unprocessable",
            answer(422, &[], "{}"),
            "answered 422, 2 bytes",
            0,
        ),
        (
            "too early",
            answer(425, &[("retry-after", "1")], ""),
            "answered 425, 0 bytes",
            0,
        ),
        (
            "too many",
            answer(429, &[("retry-after", "99999999999999999999")], ""),
            "answered 429, 0 bytes",
            0,
        ),
        (
            "unavailable",
            answer(503, &[("retry-after", "Thu, 01 Jan 1970 00:00:00 GMT")], ""),
            "answered 503, 0 bytes",
            0,
        ),
        (
            "drip",
            Fault::Drip { millis: 0 },
            "answered 200, 49 bytes",
            1,
        ),
        (
            "short stall",
            Fault::Stall {
                at: Phase::Answer,
                millis: 20,
            },
            "answered 200, 49 bytes",
            1,
        ),
    ];
    let mut wrong = Vec::new();
    for (name, fault, outcome, executed) in cases {
        let seen = ask(fault, None);
        if seen != (outcome.to_owned(), executed) {
            wrong.push(format!(
                "{name}: expected {outcome} ({executed} executed), got {} ({} executed)",
                seen.0, seen.1
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_error_after_executing_is_an_answer_all_the_same() {
    let fault = Fault::Answer {
        status: 500,
        headers: Vec::new(),
        body: "oops".to_owned(),
        execute: true,
    };
    assert_eq!(ask(fault, None), ("answered 500, 4 bytes".to_owned(), 1));
}

#[test]
fn each_stall_ends_with_a_timeout() {
    let short = Duration::from_millis(150);
    let first_byte = Limits {
        first_byte: short,
        ..super::limits()
    };
    let total = Limits {
        total: short,
        ..super::limits()
    };
    for (at, limits, outcome) in [
        (Phase::Read, &first_byte, "unknown, Timeout, no answer"),
        (Phase::Execute, &first_byte, "unknown, Timeout, no answer"),
        (Phase::Answer, &first_byte, "unknown, Timeout, no answer"),
        (Phase::Head, &first_byte, "unknown, Timeout, no answer"),
        (Phase::Answer, &total, "unknown, Timeout, no answer"),
        (Phase::Body, &total, "unknown, Timeout, 200 with 24 bytes"),
    ] {
        assert_eq!(ask(stall(at), Some(limits.clone())).0, outcome, "{at:?}");
    }
    // A byte now and then does not keep the exchange alive.
    assert!(
        ask(Fault::Drip { millis: 100 }, Some(total))
            .0
            .starts_with("unknown, Timeout")
    );
}

#[test]
fn the_body_is_capped() {
    let small = Limits {
        body: 1000,
        ..super::limits()
    };
    let huge = |bytes, declared| Fault::Huge { bytes, declared };
    for (fault, outcome) in [
        (huge(1000, true), "answered 200, 1000 bytes"),
        (huge(1000, false), "answered 200, 1000 bytes"),
        (huge(1001, true), "unknown, TooLarge, 200 with 0 bytes"),
        (huge(1001, false), "unknown, TooLarge, 200 with 1000 bytes"),
        (huge(2 << 30, true), "unknown, TooLarge, 200 with 0 bytes"),
        (
            huge(2 << 30, false),
            "unknown, TooLarge, 200 with 1000 bytes",
        ),
    ] {
        assert_eq!(ask(fault, Some(small.clone())), (outcome.to_owned(), 1));
    }
}

#[test]
fn an_answer_is_whole_or_unknown_at_every_byte() {
    let issuer = issuer(Vec::new());
    let fixed = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 18\r\n\r\n{\"token\":\"abcdef\"}";
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n2;x=y\r\nfg\r\n0\r\nX-Trailer: 1\r\n\r\n";
    for (whole, body) in [(fixed, 18), (chunked, 7)] {
        for end in 0..=whole.len() {
            issuer.state().config.faults = vec![Rule::always(raw(&whole[..end]))];
            let outcome = summary(&call(&get(&issuer.base_url)));
            if end == whole.len() {
                assert_eq!(outcome, format!("answered 200, {body} bytes"));
            } else {
                assert!(
                    outcome.starts_with("unknown, Reset, "),
                    "{outcome} after {end} bytes"
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever comes back: the call ends, and never claims that nothing was sent.
    #[test]
    fn no_answer_breaks_the_client(
        lines in prop::collection::vec(prop_oneof![
            Just(b"HTTP/1.1 200 OK\r\n".to_vec()),
            Just(b"HTTP/1.1 103 Early Hints\r\n".to_vec()),
            Just(b"HTTP/1.0 500 \r\n".to_vec()),
            Just(b"Content-Length: 5\r\n".to_vec()),
            Just(b"Transfer-Encoding: chunked\r\n".to_vec()),
            Just(b"Transfer-Encoding: gzip, chunked\r\n".to_vec()),
            Just(b"\r\n".to_vec()),
            Just(b"5\r\nabcde\r\n".to_vec()),
            Just(b"0\r\n\r\n".to_vec()),
            prop::collection::vec(any::<u8>(), 0..30),
        ], 0..8),
    ) {
        let issuer = issuer(vec![Rule::always(Fault::Raw { bytes: lines.concat(), execute: false })]);
        let outcome = summary(&call(&get(&issuer.base_url)));
        prop_assert!(outcome.starts_with("answered ") || outcome.starts_with("unknown, "), "{}", outcome);
        prop_assert!(!outcome.contains("Timeout"), "{}", outcome);
    }
}
