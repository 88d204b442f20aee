//! What is sent, what is refused before anything is sent, and connections that never stand.

use super::{answered, call, get, issuer, not_sent, request, summary};
use rot::demo::issuer::{Fault, Rule};
use rot::world::http::{Limits, TroubleKind};
use std::net::TcpListener;
use std::time::Duration;

#[test]
fn a_request_arrives_as_it_was_given() {
    let issuer = issuer(Vec::new());
    let url = format!("{}/x%2Fy/%E2%82%AC?a=1&b=%20&c", issuer.base_url);
    answered(&request(
        "PATCH",
        url,
        &[("X-One", "1"), ("x-two", "caf\u{e9}"), ("X-One", "again")],
        Some("b\0dy"),
    ));
    let state = issuer.state();
    let (seen, status) = &state.requests[0];
    assert_eq!(
        (seen.method.as_str(), seen.path.as_str(), *status),
        ("PATCH", "/x%2Fy/%E2%82%AC", Some(404))
    );
    assert_eq!(
        seen.query,
        [("a", "1"), ("b", " "), ("c", "")].map(|(k, v)| (k.to_owned(), v.to_owned()))
    );
    assert_eq!(seen.body, b"b\0dy");
    let mut headers: Vec<_> = seen
        .headers
        .iter()
        .filter(|(name, _)| name != "host")
        .map(|(n, v)| format!("{n}: {v}"))
        .collect();
    headers.sort();
    let agent = concat!("user-agent: rot/", env!("CARGO_PKG_VERSION"));
    assert_eq!(
        headers,
        [
            "accept-encoding: identity",
            "accept: */*",
            "content-length: 4",
            agent,
            "x-one: 1",
            "x-one: again",
            "x-two: café"
        ]
    );
}

#[test]
fn a_head_has_no_body() {
    let issuer = issuer(Vec::new());
    let response = answered(&request(
        "HEAD",
        format!("{}/me", issuer.base_url),
        &[],
        None,
    ));
    assert_eq!((response.status, response.body.len()), (401, 0));
    assert!(
        response
            .headers
            .iter()
            .any(|(name, value)| name == "content-type" && value.as_slice() == b"application/json")
    );
}

#[test]
fn a_head_may_announce_more_than_the_limit() {
    let issuer = issuer(vec![Rule::always(Fault::Raw {
        bytes: b"HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\n".to_vec(),
        execute: false,
    })]);
    assert_eq!(
        summary(&call(&request("HEAD", &issuer.base_url, &[], None))),
        "answered 200, 0 bytes"
    );
}

#[test]
fn header_values_cannot_split_the_request() {
    let issuer = issuer(Vec::new());
    for value in [
        "a\r\nX-Evil: 1",
        "a\nb",
        "a\rb",
        "a\0b",
        "a\u{1b}[31m",
        "a\u{7f}",
    ] {
        let (kind, message) = not_sent(&request(
            "GET",
            &issuer.base_url,
            &[("X-Api-Key", value)],
            None,
        ));
        assert_eq!(kind, TroubleKind::Refused, "{value:?}");
        assert!(
            message.contains("`x-api-key`") && !message.contains("Evil"),
            "{message}"
        );
    }
    for name in [
        "X Y",
        "",
        "X:Y",
        "X\r\nY",
        "Content-Length",
        "transfer-encoding",
        "Host",
        "Connection",
        "Expect",
    ] {
        assert_eq!(
            not_sent(&request("GET", &issuer.base_url, &[(name, "1")], None)).0,
            TroubleKind::Refused,
            "{name:?}"
        );
    }
    assert_eq!(issuer.state().requests.len(), 0);
}

#[test]
fn urls_that_cannot_be_called_are_refused() {
    for url in [
        "",
        "/api/token",
        "api.example.com/token",
        "//api.example.com/",
        "ftp://api.example.com/",
        "file:///etc/passwd",
        "unix:///run/x.sock",
        "data:,x",
        "javascript:1",
        "https://",
        "https:///",
        "https://[::1/",
        "https://a b/",
        "https://user:password@api.example.com/",
        "https://user@api.example.com/",
        "https://api.example.com:99999/",
        "https://api.example.com/\r\nX-Evil: 1",
        "https://api.example.com/\0",
        "https://api.example.com/a\tb",
        "http://api.example.com/",
    ] {
        assert_eq!(not_sent(&get(url)).0, TroubleKind::Refused, "{url:?}");
    }
    for method in ["CONNECT", "TRACE", "", "G ET", "GET\r\n"] {
        assert_eq!(
            not_sent(&request(method, "https://localhost/", &[], None)).0,
            TroubleKind::Refused,
            "{method:?}"
        );
    }
}

#[test]
fn a_closed_port_is_not_sent() {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let (kind, message) = not_sent(&get(format!("http://127.0.0.1:{port}/?key=CANARY")));
    assert_eq!(
        (kind, message),
        (
            TroubleKind::Connect,
            format!("connection refused by 127.0.0.1:{port}")
        )
    );
    assert_eq!(
        not_sent(&get(format!("http://localhost:{port}/"))).1,
        format!("connection refused by localhost:{port}")
    );
}

#[test]
fn a_handshake_that_never_ends_is_not_sent() {
    // It accepts and says nothing; TLS waits for its greeting.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut request = get(format!("https://{}/", silent.local_addr().unwrap()));
    for limits in [
        Limits {
            connect: Duration::from_millis(100),
            ..super::limits()
        },
        Limits {
            total: Duration::from_millis(100),
            ..super::limits()
        },
    ] {
        request.limits = limits;
        assert_eq!(not_sent(&request).0, TroubleKind::Timeout);
    }
}

#[test]
fn limits_without_end_are_fine() {
    let issuer = issuer(Vec::new());
    let mut request = get(format!("{}/me", issuer.base_url));
    request.limits = Limits {
        connect: Duration::MAX,
        first_byte: Duration::MAX,
        total: Duration::MAX,
        body: u64::MAX,
        ..super::limits()
    };
    assert_eq!(answered(&request).status, 401);
}

#[test]
fn nothing_is_repeated() {
    let issuer = issuer(vec![Rule::always(Fault::ResetBeforeReading)]);
    assert_eq!(
        summary(&call(&get(&issuer.base_url))),
        "unknown, Reset, no answer"
    );
    let mut state = issuer.state();
    state.config.faults.clear();
    drop(state);
    // The second connection ever is the second call.
    answered(&get(&issuer.base_url));
    assert_eq!(issuer.state().requests[0].0.index, 1);
}

#[test]
fn the_issuer_is_reached_over_ipv6_too() {
    let issuer = issuer(Vec::new());
    let Ok(listener) = TcpListener::bind("[::1]:0") else {
        eprintln!("skipped: no IPv6 loopback on this machine");
        return;
    };
    let (front, back) = (listener.local_addr().unwrap(), issuer.address);
    std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let mut server = std::net::TcpStream::connect(back).unwrap();
        let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        std::thread::spawn(move || std::io::copy(&mut from, &mut to));
        let _ = std::io::copy(&mut server, &mut client);
    });
    assert_eq!(answered(&get(format!("http://{front}/me"))).status, 401);
}

/// A server that answers each connection with these bytes.
fn raw(head: &str, body: &[u8]) -> String {
    use std::io::{Read, Write};
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let answer = [
        format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n{head}\r\n",
            body.len()
        )
        .as_bytes(),
        body,
    ]
    .concat();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = stream;
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(&answer);
        }
    });
    format!("http://{address}/x")
}

#[test]
fn content_codings_are_undone_within_the_limit() {
    use base64::Engine;
    let bytes = |text: &str| {
        base64::engine::general_purpose::STANDARD
            .decode(text)
            .unwrap()
    };
    let plain = b"{\"token\": \"gzip-token-1\"}";
    let gzip = {
        use std::io::Write;
        let mut to = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        to.write_all(plain).unwrap();
        to.finish().unwrap()
    };
    let zlib = {
        use std::io::Write;
        let mut to = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        to.write_all(plain).unwrap();
        to.finish().unwrap()
    };
    let bare = {
        use std::io::Write;
        let mut to = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
        to.write_all(plain).unwrap();
        to.finish().unwrap()
    };
    let (br, zstd) = (
        bytes("CwuAeyJ0b2tlbiI6ICJici10b2tlbi0xIn0D"),
        bytes("KLUv/QRYyQAAeyJ0b2tlbiI6ICJ6c3RkLXRva2VuLTEifaifgSk="),
    );
    for (coding, body, token) in [
        ("gzip", &gzip, "gzip-token-1"),
        ("identity, GZIP", &gzip, "gzip-token-1"),
        ("deflate", &zlib, "gzip-token-1"),
        ("deflate", &bare, "gzip-token-1"),
        ("br", &br, "br-token-1"),
        ("zstd", &zstd, "zstd-token-1"),
    ] {
        let url = raw(&format!("content-encoding: {coding}\r\n"), body);
        let response = answered(&get(url.clone()));
        let text = String::from_utf8_lossy(&response.body).into_owned();
        assert!(text.contains(token), "{coding}: {text:?}");
        assert!(
            !response
                .headers
                .iter()
                .any(|(name, _)| name == "content-encoding")
        );
        let mut small = get(url);
        small.limits.body = 4;
        assert!(
            summary(&call(&small)).starts_with("unknown, TooLarge"),
            "{coding}"
        );
    }
    // What cannot be undone stays as it came: it may be the only copy.
    for (coding, body) in [("gzip", b"no gzip".as_slice()), ("aes128gcm", b"secret")] {
        let response = answered(&get(raw(&format!("content-encoding: {coding}\r\n"), body)));
        assert_eq!(response.body.as_slice(), body);
        assert!(
            response
                .headers
                .iter()
                .any(|(name, _)| name == "content-encoding")
        );
    }
    // A small answer that grows without end.
    let bomb = {
        use std::io::Write;
        let mut to = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        for _ in 0..512 {
            to.write_all(&[0; 65536]).unwrap();
        }
        to.finish().unwrap()
    };
    assert!(
        summary(&call(&get(raw("content-encoding: gzip\r\n", &bomb))))
            .starts_with("unknown, TooLarge")
    );
}

#[test]
fn a_method_with_a_use_for_a_body_says_that_there_is_none() {
    let issuer = issuer(Vec::new());
    for (method, body, length) in [
        ("POST", None, Some("0")),
        ("PUT", None, Some("0")),
        ("PATCH", Some(""), Some("0")),
        ("POST", Some("x"), Some("1")),
        ("GET", None, None),
        ("DELETE", None, None),
    ] {
        call(&request(
            method,
            format!("{}/x", issuer.base_url),
            &[],
            body,
        ));
        let state = issuer.state();
        let (seen, _) = state.requests.last().unwrap();
        let found = seen
            .headers
            .iter()
            .find(|(name, _)| name == "content-length")
            .map(|(_, v)| v.as_str());
        assert_eq!(found, length, "{method} {body:?}");
    }
}
