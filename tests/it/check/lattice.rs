//! Laws of the label lattice.

use proptest::prelude::*;
use rot::plan::label::{Derivation, Label, Origin};

const DERIVATIONS: [Derivation; 5] = [
    Derivation::Weak,
    Derivation::Whole,
    Derivation::Encoded,
    Derivation::Part,
    Derivation::Opaque,
];

fn derivation() -> impl Strategy<Value = Derivation> {
    prop::sample::select(&DERIVATIONS[..])
}

fn origin() -> impl Strategy<Value = Origin> {
    prop_oneof![
        "[a-c]".prop_map(Origin::Secret),
        ("[a-b]", "[a-b]", "[a-b]").prop_map(|(rotation, step, name)| Origin::Minted {
            rotation,
            step,
            name
        }),
        "[a-b]".prop_map(Origin::Response),
        "[a-b]".prop_map(Origin::Input),
    ]
}

fn label() -> impl Strategy<Value = Label> {
    prop::collection::vec((origin(), derivation()), 0..6).prop_map(|parts| {
        parts
            .into_iter()
            .fold(Label::PUBLIC, |all, (origin, derivation)| {
                all.joined(&Label::derived(origin, derivation))
            })
    })
}

#[test]
fn origins_are_told_by_their_names() {
    let told = |origin: Origin| origin.describe();
    assert_eq!(told(Origin::Secret("a".into())), "secret `a`");
    assert_eq!(
        told(Origin::Minted {
            rotation: "r".into(),
            step: "a".into(),
            name: "b".into()
        }),
        "`a.b`"
    );
    assert_eq!(told(Origin::Response("a".into())), "the answer of `a`");
    assert_eq!(told(Origin::Input("a".into())), "secret input `a`");
    assert_eq!(told(Origin::Literal(3)), "a secret in the text");
}

#[test]
fn one_origin_is_secret_unless_weak() {
    let origin = Origin::Secret("a".into());
    assert_eq!(
        DERIVATIONS.map(|d| Label::derived(origin.clone(), d).is_secret()),
        [false, true, true, true, true]
    );
    assert_eq!(
        DERIVATIONS.map(|d| Label::derived(origin.clone(), d).get(&origin)),
        DERIVATIONS.map(Some)
    );
    assert_eq!(
        Label::of(origin.clone()),
        Label::derived(origin, Derivation::Whole)
    );
    assert!(Label::PUBLIC.is_public() && !Label::PUBLIC.is_secret());
}

proptest! {
    /// What the operations are, for each origin by itself; no origin at all is less than a weak one.
    #[test]
    fn operations_work_on_each_origin(a in label(), b in label(), d in derivation(), origin in origin()) {
        let (mine, theirs) = (a.get(&origin), b.get(&origin));
        prop_assert_eq!(a.clone().joined(&Label::derived(origin.clone(), d)).get(&origin), mine.max(Some(d)));
        prop_assert_eq!(a.clone().joined(&b).get(&origin), mine.max(theirs));
        prop_assert_eq!(a.raised(d).get(&origin), mine.map(|m| if m == Derivation::Weak { m } else { m.max(d) }));
        prop_assert_eq!(a.weakened().get(&origin), mine.map(|_| Derivation::Weak));
        prop_assert_eq!(a.iter().find(|(o, _)| **o == origin).map(|(_, d)| d), mine);
        prop_assert_eq!(a.is_public(), a.iter().next().is_none());
        prop_assert_eq!(a.is_below(&b), a.iter().all(|(o, d)| Some(d) <= b.get(o)));
    }

    #[test]
    fn join_is_a_least_upper_bound(a in label(), b in label(), c in label()) {
        let ab = a.clone().joined(&b);
        prop_assert!(a.is_below(&ab) && b.is_below(&ab));
        if a.is_below(&c) && b.is_below(&c) {
            prop_assert!(ab.is_below(&c));
        }
        prop_assert_eq!(&ab, &b.clone().joined(&a));
        prop_assert_eq!(a.clone().joined(&a), a.clone());
        prop_assert_eq!(ab.joined(&c), a.clone().joined(&b.joined(&c)));
        prop_assert_eq!(a.clone().joined(&Label::PUBLIC), a);
    }

    #[test]
    fn below_is_a_partial_order(a in label(), b in label(), c in label()) {
        prop_assert!(a.is_below(&a));
        prop_assert!(Label::PUBLIC.is_below(&a));
        if a.is_below(&b) && b.is_below(&a) {
            prop_assert_eq!(&a, &b);
        }
        if a.is_below(&b) && b.is_below(&c) {
            prop_assert!(a.is_below(&c));
        }
    }

    #[test]
    fn raising_is_monotone_and_idempotent(a in label(), b in label(), d in derivation()) {
        prop_assert!(a.is_below(&a.raised(d)));
        prop_assert_eq!(a.raised(d).raised(d), a.raised(d));
        prop_assert_eq!(a.clone().joined(&b).raised(d), a.raised(d).joined(&b.raised(d)));
        if a.is_below(&b) {
            prop_assert!(a.raised(d).is_below(&b.raised(d)));
        }
        prop_assert_eq!(a.raised(d).is_secret(), a.is_secret());
    }

    #[test]
    fn weak_is_the_least_that_is_not_nothing(a in label(), b in label()) {
        prop_assert!(a.weakened().is_below(&a));
        prop_assert!(!a.weakened().is_secret());
        prop_assert_eq!(a.weakened().is_public(), a.is_public());
        prop_assert_eq!(a.clone().joined(&b).weakened(), a.weakened().joined(&b.weakened()));
    }
}
