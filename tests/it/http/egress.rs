//! Which addresses may be called.

use super::{Attempt, call_with, get, not_sent, summary};
use rot::world::BoxFuture;
use rot::world::http::{AddressClass, RealHttp, Resolver, TroubleKind, classify_address};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::sync::Arc;

#[test]
fn the_table() {
    use AddressClass::*;
    for (class, addresses) in [
        (
            Global,
            "1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 223.255.255.255 2606:4700::1111 2a00::1 64:ff9b::808:808 ::ffff:8.8.8.8 2001:4860:4860::8888 2001:200::1",
        ),
        (
            Loopback,
            "127.0.0.1 127.0.0.0 127.255.255.255 ::1 ::ffff:127.0.0.1 ::ffff:7f00:1",
        ),
        (
            Private,
            "10.0.0.0 10.255.255.255 172.16.0.0 172.31.255.255 192.168.0.0 192.168.255.255 100.64.0.0 100.127.255.255 198.18.0.0 198.19.255.255 fc00::1 fdff::1 fec0::1 ::ffff:10.0.0.1",
        ),
        (
            LinkLocal,
            "169.254.0.0 169.254.255.255 fe80::1 febf::1 ::ffff:169.254.1.1 64:ff9b::a9fe:101 2002:a9fe:101::1 ::169.254.1.1",
        ),
        (
            Metadata,
            "169.254.169.254 169.254.170.2 169.254.170.23 100.100.100.200 192.0.0.192 168.63.129.16 fd00:ec2::254 fd20:ce::254 ::ffff:169.254.169.254 64:ff9b::169.254.169.254 2002:a9fe:a9fe:: ::a9fe:a9fe ::ffff:0:a9fe:a9fe",
        ),
        (
            Multicast,
            "224.0.0.0 239.255.255.255 ff02::1 ff0e::1 ::ffff:224.0.0.1",
        ),
        (Unspecified, "0.0.0.0 0.1.2.3 :: ::ffff:0.0.0.0"),
        (
            Broadcast,
            "255.255.255.255 ::ffff:255.255.255.255 2002:ffff:ffff::",
        ),
        (
            Reserved,
            "192.0.0.1 192.0.2.1 198.51.100.1 203.0.113.1 192.88.99.1 240.0.0.1 255.255.255.254 2001::1 2001:db8::1 3fff::1 100::1 64:ff9b:1::1 64:ff9b::7f00:1 64:ff9b::a00:1 2002:7f00:1:: 2002:a00:1:: 2002:808:808:: ::8.8.8.8 ::127.0.0.1 ::ffff:0:808:808 4000::1 5f00::1 e000::1",
        ),
    ] {
        for address in addresses.split(' ') {
            assert_eq!(
                classify_address(address.parse().unwrap()),
                class,
                "{address}"
            );
        }
    }
}

#[test]
fn forbidden_addresses_are_refused_in_every_spelling() {
    for host in [
        "169.254.169.254",
        "169.254.1.1",
        "0xa9fea9fe",
        "0xa9.0xfe.0xa9.0xfe",
        "2852039166",
        "0251.0376.0251.0376",
        "169.254.43518",
        "169.254.169.254.",
        "%31%36%39.254.169.254",
        "１６９.254.169.254",
        "[fe80::1]",
        "[::ffff:169.254.169.254]",
        "[::ffff:a9fe:a9fe]",
        "[::a9fe:a9fe]",
        "[64:ff9b::a9fe:a9fe]",
        "[2002:a9fe:a9fe::]",
        "[fd00:ec2::254]",
        "metadata.google.internal",
        "METADATA.google.internal.",
        "metadata",
        "0.0.0.0",
        "0",
        "[::]",
        "224.0.0.1",
        "[ff02::1]",
        "255.255.255.255",
        "240.0.0.1",
        "[::127.0.0.1]",
        "[2002:7f00:1::]",
        "[64:ff9b::7f00:1]",
    ] {
        for scheme in ["http", "https"] {
            for secret in [true, false] {
                let mut request = get(format!("{scheme}://{host}/"));
                request.secret = secret;
                assert_eq!(
                    not_sent(&request).0,
                    TroubleKind::Refused,
                    "{scheme}://{host}"
                );
            }
        }
    }
}

#[test]
fn private_addresses_need_leave() {
    for host in [
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "[fd12::1]",
        "0xa000001",
    ] {
        let mut request = get(format!("https://{host}/"));
        request.limits.private = false;
        let (kind, message) = not_sent(&request);
        assert_eq!(kind, TroubleKind::Refused, "{host}");
        assert!(message.contains("private address"), "{message}");
    }
}

#[test]
fn loopback_is_reached_in_every_spelling_that_says_so() {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    for host in [
        "127.0.0.1",
        "127.1",
        "0x7f.1",
        "2130706433",
        "017700000001",
        "localhost",
        "LOCALHOST.",
        "api.localhost",
        "[::1]",
        "[::ffff:7f00:1]",
    ] {
        let mut request = get(format!("http://{host}:{port}/"));
        request.limits.private = false;
        assert_eq!(not_sent(&request).0, TroubleKind::Connect, "{host}");
    }
}

/// Names as an attacker's server would resolve them.
struct Names(BTreeMap<&'static str, Vec<&'static str>>);

impl Resolver for Names {
    fn lookup<'a>(&'a self, name: &'a str) -> BoxFuture<'a, std::io::Result<Vec<IpAddr>>> {
        let found = self.0.get(name).map(|addresses| {
            addresses
                .iter()
                .map(|address| address.parse().unwrap())
                .collect()
        });
        Box::pin(async move { found.ok_or_else(|| std::io::Error::other("NXDOMAIN")) })
    }
}

#[test]
fn names_are_judged_by_what_they_resolve_to() {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let http = RealHttp::with_resolver(Arc::new(Names(BTreeMap::from([
        ("rebinding.example", vec!["127.0.0.1", "::1"]),
        ("metadata.example", vec!["169.254.169.254"]),
        ("mapped.example", vec!["::ffff:169.254.169.254"]),
        ("zero.example", vec!["0.0.0.0"]),
        ("private.example", vec!["10.1.2.3"]),
        ("empty.example", vec![]),
        ("localhost", vec!["8.8.8.8"]),
    ]))));
    for (host, outcome) in [
        ("rebinding.example", "not sent, Refused"),
        ("metadata.example", "not sent, Refused"),
        ("mapped.example", "not sent, Refused"),
        ("zero.example", "not sent, Refused"),
        ("private.example", "not sent, Refused"),
        ("empty.example", "not sent, Dns"),
        ("missing.example", "not sent, Dns"),
        // Never asked of the network, so it cannot be pointed elsewhere.
        ("localhost", "not sent, Connect"),
    ] {
        let mut request = get(format!("http://{host}:{port}/"));
        request.secret = false;
        request.limits.private = false;
        let attempt = call_with(&http, &request);
        assert_eq!(summary(&attempt), outcome, "{host}");
        let Attempt::NotSent(trouble) = attempt else {
            unreachable!()
        };
        assert!(
            trouble.message.contains(&format!("{host}:{port}")),
            "{}",
            trouble.message
        );
    }
}

/// The URLs of the web platform's own tests: each is judged, none reaches a forbidden address.
#[test]
fn hosts_of_the_web_platform_tests() {
    let corpus = std::env::var("ROT_CORPUS").unwrap_or_else(|_| "../shared/corpus".to_owned());
    let Ok(text) = std::fs::read_to_string(format!("{corpus}/url-wpt/url/tests/urltestdata.json"))
    else {
        eprintln!("skipped: no corpus");
        return;
    };
    // Nothing resolves: whatever is not refused ends there, or at a literal address.
    let http = RealHttp::with_resolver(Arc::new(Names(BTreeMap::new())));
    let cases: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    let mut judged = 0;
    for input in cases.iter().filter_map(|case| case.get("input")?.as_str()) {
        let mut request = get(input);
        request.limits.private = false;
        let literal = url::Url::parse(input)
            .ok()
            .filter(|url| url.scheme().starts_with("http"))
            .and_then(|url| match url.host()? {
                url::Host::Ipv4(address) => Some(IpAddr::V4(address)),
                url::Host::Ipv6(address) => Some(IpAddr::V6(address)),
                url::Host::Domain(_) => None,
            });
        if literal.is_some_and(|address| classify_address(address) == AddressClass::Global) {
            // These would leave this machine.
            continue;
        }
        judged += 1;
        match call_with(&http, &request) {
            Attempt::NotSent(trouble) => match literal.map(classify_address) {
                None | Some(AddressClass::Loopback) => {}
                Some(_) => assert_eq!(trouble.kind, TroubleKind::Refused, "{input:?}"),
            },
            // Something may listen on a loopback port.
            other => assert_eq!(
                literal.map(classify_address),
                Some(AddressClass::Loopback),
                "{input:?}: {}",
                summary(&other)
            ),
        }
    }
    assert!(judged > 500, "{judged}");
}
