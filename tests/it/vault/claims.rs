//! Claims in two copies of a vault that went on apart.

use super::support::*;
use jiff::SignedDuration;
use rot::vault::merge::{Merged, Rules, Side, merge};
use rot::vault::{Claim, Document};

fn claim(run: &str, since: i64, until: i64) -> Claim {
    Claim {
        run: run.to_owned(),
        records: 0,
        host: Some(format!("host of {run}")),
        since: now() + SignedDuration::from_mins(since),
        until: now() + SignedDuration::from_mins(until),
        engaged: false,
    }
}

fn document() -> Document {
    Home::new().open().doc().clone()
}

fn joined(base: &Document, a: &Document, b: &Document) -> Document {
    let side = |doc, file| Side { doc, file };
    let rules = Rules {
        across_removal: false,
        fresh: &[7; 32],
        now: now(),
    };
    let one = |a, b| match ok(merge(Some(base), a, b, &rules)) {
        Merged::New(doc, _) => *doc,
        _ => panic!("neither continues the other"),
    };
    let (first, second) = (
        side(a, "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
        side(b, "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"),
    );
    let (joined, again) = (one(first, second), one(second, first));
    assert!(joined.says_the_same_as(&again), "the order matters");
    joined
}

#[test]
fn claims_are_joined_run_by_run() {
    type Change = fn(&mut Document);
    let nothing: Change = |doc| doc.meta.insert("x".to_owned(), 1.into()).map_or((), drop);
    // What each side does, and who has the rotation then, until which minute; and who was overtaken.
    let cases: [(&str, Change, Change, Option<(&str, i64)>, &[&str]); 6] = [
        ("untouched", nothing, nothing, Some(("first", 10)), &[]),
        (
            "renewed",
            |doc| doc.hold("r", &claim("first", 0, 20)),
            nothing,
            Some(("first", 20)),
            &[],
        ),
        (
            "renewed twice",
            |doc| doc.hold("r", &claim("first", 0, 20)),
            |doc| doc.hold("r", &claim("first", 0, 30)),
            Some(("first", 30)),
            &[],
        ),
        ("ended", |doc| doc.release("r", "first"), nothing, None, &[]),
        (
            "ended here, renewed there",
            |doc| doc.release("r", "first"),
            |doc| doc.hold("r", &claim("first", 0, 20)),
            None,
            &[],
        ),
        (
            "ended here, overtaken there",
            |doc| doc.release("r", "first"),
            |doc| {
                doc.overtake("r", Some("second"), now());
                doc.hold("r", &claim("second", 5, 15));
            },
            Some(("second", 15)),
            &["first"],
        ),
    ];
    for (name, here, there, left, overtaken) in cases {
        let base = {
            let mut doc = document();
            doc.hold("r", &claim("first", 0, 10));
            doc
        };
        let (mut a, mut b) = (base.clone(), base.clone());
        here(&mut a);
        there(&mut b);
        a.meta.insert("a".to_owned(), 1.into());
        b.meta.insert("b".to_owned(), 1.into());
        let joined = joined(&base, &a, &b);
        let has = joined.claim("r").map(|c| (c.run, c.until));
        let wanted =
            left.map(|(run, until)| (run.to_owned(), now() + SignedDuration::from_mins(until)));
        assert_eq!(has, wanted, "{name}");
        let gone: Vec<String> = joined.overtaken().into_keys().collect();
        assert_eq!(gone, overtaken, "{name}");
    }
}

#[test]
fn of_two_runs_that_began_apart_the_first_goes_on() {
    let base = document();
    let (mut a, mut b) = (base.clone(), base.clone());
    a.hold("r", &claim("late", 3, 13));
    b.hold("r", &claim("early", 1, 11));
    let joined = joined(&base, &a, &b);
    assert_eq!(joined.claim("r").map(|c| c.run), Some("early".to_owned()));
    let overtaken = joined.overtaken();
    assert_eq!(overtaken["late"].by.as_deref(), Some("early"));
    assert_eq!(overtaken["late"].host.as_deref(), Some("host of late"));
}
