//! Where a secret may go: which hosts a pattern means, and what covers what.

use proptest::prelude::*;
use rot::plan::egress::{Ruling, Spot};
use rot::plan::policy::{Destination, HostPattern, Place, Policy};
use rot::source::At;

const PLACES: [Place; 5] = [
    Place::Header,
    Place::Body,
    Place::Query,
    Place::Path,
    Place::UserInfo,
];

/// Whether a policy lets a value stand in a part of a request to a host that is written out.
fn allows(policy: &Policy, host: &str, port: Option<u16>, place: Place) -> bool {
    let spot = Spot {
        host: Some(host),
        port,
        place,
        literal: true,
    };
    policy.judge(spot) == Ruling::Allowed
}

fn pattern(text: &str) -> HostPattern {
    HostPattern(text.to_owned())
}

#[test]
fn a_pattern_means_these_hosts() {
    for (text, hosts, others) in [
        (
            "api.example.com",
            &["api.example.com", "API.Example.com"][..],
            &["example.com", "x.api.example.com", "api.example.co", ""][..],
        ),
        (
            "API.example.com",
            &["api.example.com"],
            &["apixexample.com"],
        ),
        (
            "*.example.com",
            &["a.example.com", "a.b.example.com", "A.EXAMPLE.COM"],
            &[
                "example.com",
                ".example.com",
                "aexample.com",
                "badexample.com",
                "a.example.org",
                "a.example.com.evil.org",
                "com",
                "",
            ],
        ),
        ("*.co", &["a.co", "ab.co"], &["co", ".co", "a.com", "aco"]),
        ("*.Example.com", &["a.example.com"], &["a.xexample.com"]),
    ] {
        for host in hosts {
            assert!(pattern(text).matches(host), "{text} {host}");
        }
        for host in others {
            assert!(!pattern(text).matches(host), "{text} {host}");
        }
    }
}

#[test]
fn places_have_their_words() {
    assert_eq!(
        PLACES.map(Place::as_str),
        ["header", "body", "query", "path", "userinfo"]
    );
    assert_eq!(PLACES.map(|p| Place::parse(p.as_str())), PLACES.map(Some));
    assert_eq!([Place::parse("Header"), Place::parse("")], [None, None]);
}

#[test]
fn what_is_not_declared_may_stand_in_header_and_body() {
    assert_eq!(
        PLACES.map(|p| allows(&Policy::Implied, "a.example.com", None, p)),
        [true, true, false, false, false]
    );
    let none = Policy::Declared(Vec::new());
    assert_eq!(
        PLACES.map(|p| allows(&none, "a.example.com", None, p)),
        [false; 5]
    );
    assert!(
        Policy::Implied.covers(&none)
            && Policy::Implied.covers(&Policy::Implied)
            && !none.covers(&Policy::Implied)
    );
}

/// Hosts in which the patterns below differ.
const HOSTS: [&str; 9] = [
    "b.c",
    "a.b.c",
    "x.b.c",
    "x.a.b.c",
    "y.x.a.b.c",
    "ab.c",
    "x.ab.c",
    "c",
    "x.c",
];
const PATTERNS: [&str; 8] = [
    "b.c", "B.C", "a.b.c", "*.c", "*.b.c", "*.B.c", "*.a.b.c", "*.ab.c",
];
const PORTS: [Option<u16>; 3] = [None, Some(443), Some(8443)];

fn destination() -> impl Strategy<Value = Destination> {
    let places = prop::collection::btree_set(prop::sample::select(&PLACES[..]), 1..4);
    (
        prop::sample::select(&PATTERNS[..]),
        prop::sample::select(&PORTS[..]),
        places,
    )
        .prop_map(|(host, port, places)| Destination {
            host: pattern(host),
            port,
            places: places.into_iter().collect(),
            at: At::NOWHERE,
        })
}

/// All that a destination allows, of some requests. A request to no port stands for one to any.
fn allowed(destination: &Destination) -> Vec<(&'static str, Option<u16>, Place)> {
    let requests = HOSTS.into_iter().flat_map(|host| {
        PORTS
            .into_iter()
            .flat_map(move |port| PLACES.map(|place| (host, port, place)))
    });
    let policy = Policy::Declared(vec![destination.clone()]);
    requests
        .filter(|(host, port, place)| allows(&policy, host, *port, *place))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn a_destination_allows_a_host_a_port_and_places(one in destination(), host in prop::sample::select(&HOSTS[..]),
        port in prop::sample::select(&PORTS[..]), place in prop::sample::select(&PLACES[..]))
    {
        let expected = one.host.matches(host) && one.port.is_none_or(|own| port == Some(own)) && one.places.contains(&place);
        let policy = Policy::Declared(vec![one]);
        prop_assert_eq!(allows(&policy, host, port, place), expected);
    }

    /// One destination covers another exactly when it allows all that the other allows.
    #[test]
    fn covering_is_allowing_all_that_the_other_allows(a in destination(), b in destination()) {
        let (of_a, of_b) = (allowed(&a), allowed(&b));
        prop_assert_eq!(a.covers(&b), of_b.iter().all(|request| of_a.contains(request)), "{:?} {:?}", a, b);
    }

    /// A policy that covers another never allows less, and one that does not is not taken to.
    #[test]
    fn a_policy_covers_what_one_of_its_destinations_covers(a in prop::collection::vec(destination(), 0..3), b in prop::collection::vec(destination(), 0..3)) {
        let expected = b.iter().all(|theirs| a.iter().any(|mine| mine.covers(theirs)));
        prop_assert_eq!(Policy::Declared(a).covers(&Policy::Declared(b)), expected);
    }
}
