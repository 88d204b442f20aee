//! Two copies of a vault that went on apart: by themselves, in every order and with everything that may happen to a secret.

use super::support::*;
use jiff::{SignedDuration, Timestamp};
use rot::vault::merge::{Merged, Rules, Side, merge};
use rot::vault::{Document, SecretEntry, State, Vault, VersionEntry, Why};
use std::collections::BTreeSet;

const FRESH: [u8; 32] = [7; 32];

fn rules() -> Rules<'static> {
    Rules {
        across_removal: false,
        fresh: &FRESH,
        now: now() + SignedDuration::from_hours(1000),
    }
}

fn sides<'a>(a: &'a Document, b: &'a Document) -> (Side<'a>, Side<'a>) {
    (
        Side {
            doc: a,
            file: "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        },
        Side {
            doc: b,
            file: "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
        },
    )
}

/// Joined in both orders, which must come to the same.
#[track_caller]
fn joined(base: Option<&Document>, a: &Document, b: &Document) -> (Document, Vec<String>) {
    let (first, second) = sides(a, b);
    let one = ok(merge(base, first, second, &rules()));
    let other = ok(merge(base, second, first, &rules()));
    match (one, other) {
        (Merged::New(one, told), Merged::New(other, told_again)) => {
            assert!(
                one.says_the_same_as(&other),
                "the order of the two sides matters"
            );
            assert_eq!(told, told_again);
            (*one, told)
        }
        _ => panic!("neither continues the other"),
    }
}

/// One thing that may happen to one of a few secrets. What is not possible just now does not happen.
fn happen(doc: &mut Document, chance: &mut Chance, side: &str, step: usize, at: Timestamp) {
    let name = ["a", "b/c", "rec"][chance.below(3)];
    let id = format!("{side}{step}");
    let new = || {
        let mut new = match name {
            "rec" => record(
                &id,
                &[("user", "same"), ("pass", &format!("value of {id}"))],
            ),
            _ => single(&id, &format!("value of {id}")),
        };
        new.created_at = at;
        new
    };
    let entry = doc.get(name).cloned().unwrap_or_default();
    match chance.below(12) {
        0..=3 => ok(doc.put_current(name, new())),
        4 => ok(doc.stage(name, new())),
        5 => {
            if let Some(pending) = entry.pending {
                ok(doc.promote(name, &pending));
            }
        }
        6 => {
            if let Some(pending) = entry.pending {
                ok(doc.mark_failed(name, &pending));
            }
        }
        7 => {
            if let Some(previous) = entry.previous {
                ok(doc.mark_revoked(name, &previous, at));
            }
        }
        8 => drop(doc.rollback(name, None, false, &id, at)),
        9 if chance.below(3) == 0 => drop(doc.remove(name, at)),
        10 => {
            if let Some(previous) = entry.previous {
                ok(doc.mark_unrevoked(name, &previous, at, Why::Refused));
            }
        }
        _ => {
            doc.meta.insert(
                format!("fact {}", chance.below(3)),
                serde_json::json!({ "of": { "last": at, "by": side }, "list": [step] }),
            );
        }
    }
}

fn is_held(entry: Option<&SecretEntry>, id: &str) -> bool {
    let Some(entry) = entry else { return false };
    let labelled = [&entry.current, &entry.previous, &entry.pending]
        .into_iter()
        .any(|label| label.as_deref() == Some(id));
    entry
        .version(id)
        .is_some_and(|v| v.value.is_some() && (labelled || v.unrevoked.is_some()))
}

fn is_live(entry: &SecretEntry, version: &VersionEntry) -> bool {
    version.state != State::Revoked && is_held(Some(entry), &version.id)
}

/// What one side knows to be live is held by the result, but for what the other side has knowingly put aside.
fn nothing_is_lost(
    seed: u64,
    base: &Document,
    side: &Document,
    other: &Document,
    result: &Document,
) {
    for (name, entry) in side.secrets() {
        for version in entry.versions.iter().filter(|v| is_live(entry, v)) {
            let then = base.get(name).and_then(|e| e.version(&version.id));
            let there = other.get(name).and_then(|e| e.version(&version.id));
            let put_aside = match (then, there) {
                (None, _) => false,
                (Some(_), None) => true,
                (Some(then), Some(there)) => {
                    there.state != then.state
                        || (then.unrevoked.is_some() && there.unrevoked.is_none())
                }
            };
            assert!(
                put_aside || is_held(result.get(name), &version.id),
                "seed {seed}: `{name}` version {} is lost",
                version.id
            );
        }
    }
}

#[test]
fn any_two_histories_of_one_ancestor_join_and_lose_nothing() {
    let start = Home::new().open().doc().clone();
    let mut both = 0;
    for seed in 0..4000u64 {
        let mut chance = Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) + 1);
        let mut at = now();
        let mut doc = start.clone();
        let mut run = |doc: &mut Document, chance: &mut Chance, side: &str, most: usize| {
            for step in 0..chance.below(most) {
                // Clocks of two machines: not in the order of what happened.
                at += SignedDuration::from_secs(i64::try_from(chance.below(100)).unwrap() - 20);
                happen(doc, chance, side, step, at);
            }
        };
        run(&mut doc, &mut chance, "o", 8);
        let base = doc;
        let (mut a, mut b) = (base.clone(), base.clone());
        run(&mut a, &mut chance, "a", 8);
        run(&mut b, &mut chance, "b", 8);
        let (result, told) = joined(Some(&base), &a, &b);
        assert_eq!(result.inconsistencies(), [""; 0], "seed {seed}");
        nothing_is_lost(seed, &base, &a, &b, &result);
        nothing_is_lost(seed, &base, &b, &a, &result);
        // Whatever has no place on either side any more has none in the result.
        for (name, entry) in result.secrets() {
            let gone = |doc: &Document| base.get(name).is_some() && doc.get(name).is_none();
            if gone(&a) || gone(&b) {
                assert_eq!(entry.current, None, "seed {seed}: `{name}` came back");
                assert!(
                    told.iter().any(|t| t.contains(&format!("`{name}`"))),
                    "seed {seed}"
                );
            }
        }
        for (name, version) in result.unrevoked() {
            let known = |doc: &Document| {
                let old = doc.get(name).and_then(|e| e.version(&version.id));
                old.is_some_and(|v| v.unrevoked.is_some())
            };
            both += usize::from(!known(&a) && !known(&b));
        }
        // What was joined continues both.
        for side in [&a, &b] {
            let (mut first, mut second) = sides(&result, side);
            first.file = "sha256:cccccccccccccccccccccccccccccccc";
            if std::ptr::eq(side, &a) {
                second.file = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
            }
            assert!(matches!(
                ok(merge(Some(&base), first, second, &rules())),
                Merged::First
            ));
            assert!(matches!(
                ok(merge(None, second, first, &rules())),
                Merged::Second
            ));
        }
        // Without the common copy as well: nothing that is live is lost.
        let (result, _) = joined(None, &a, &b);
        assert_eq!(result.inconsistencies(), [""; 0], "seed {seed}, no base");
        for (side, other) in [(&a, &b), (&b, &a)] {
            for (name, entry) in side
                .secrets()
                .filter(|(n, _)| other.removed_at(n).is_none())
            {
                for version in entry.versions.iter().filter(|v| is_live(entry, v)) {
                    let there = other.get(name).and_then(|e| e.version(&version.id));
                    if there.is_none() {
                        assert!(
                            is_held(result.get(name), &version.id),
                            "seed {seed}, no base: {name} {}",
                            version.id
                        );
                    }
                }
            }
        }
    }
    assert!(
        both > 500,
        "{both} versions went to the list: the histories must meet"
    );
}

#[test]
fn the_newer_is_current_and_the_other_is_on_the_list() {
    let home = Home::new();
    home.put("a", "v0", "zero");
    let base = home.open().doc().clone();
    let (mut a, mut b) = (base.clone(), base.clone());
    let put = |doc: &mut Document, id: &str, minutes: i64| {
        let mut new = single(id, id);
        new.created_at = now() + SignedDuration::from_mins(minutes);
        ok(doc.put_current("a", new));
    };
    put(&mut a, "older", 1);
    put(&mut b, "newer", 2);
    ok(b.put_current("only-b", single("v1", "x")));
    let (doc, told) = joined(Some(&base), &a, &b);
    let entry = doc.get("a").unwrap();
    assert_eq!(entry.current.as_deref(), Some("newer"));
    assert_eq!(entry.previous.as_deref(), Some("v0"));
    let list: Vec<_> = doc
        .unrevoked()
        .map(|(n, v)| (n, v.id.as_str(), v.unrevoked.unwrap().why))
        .collect();
    assert_eq!(list, [("a", "older", Why::Merged)]);
    assert!(doc.get("only-b").is_some());
    assert_eq!(told.len(), 1);
    assert!(
        told[0].contains("`a` was changed in both copies"),
        "{told:?}"
    );
    assert_eq!(doc.unrevoked().count(), 1);
}

#[test]
fn what_cannot_be_joined_is_refused() {
    let (one, two) = (Home::new(), Home::new());
    let (a, b) = (one.open().doc().clone(), two.open().doc().clone());
    let (first, second) = sides(&a, &b);
    assert_eq!(code(merge(None, first, second, &rules())), ("ROT829", 23));
    let mut dev = a.clone();
    dev.set_environment("dev");
    let mut prod = a.clone();
    prod.set_environment("prod");
    let (first, second) = sides(&dev, &prod);
    assert_eq!(
        code(merge(Some(&a), first, second, &rules())),
        ("ROT829", 23)
    );
}

#[test]
fn files_are_joined_in_place_and_continue_what_each_machine_saw() {
    let ann = Home::new();
    ann.put("a", "v0", "zero");
    let base = ann.path("base");
    std::fs::write(&base, ann.vault_bytes()).unwrap();
    // Another machine with the same identity.
    let bob = ann.without_memory();
    let bob = rot::vault::Paths {
        vault: ann.path("bob.vault"),
        ..bob
    };
    std::fs::copy(&ann.paths.vault, &bob.vault).unwrap();
    let mut theirs = ok(Vault::open(&ann.world, &bob));
    ok(theirs.commit(|d| d.put_current("b", single("b1", "bob"))));
    ok(theirs.commit(|d| d.put_current("b", single("b2", "bob"))));
    ann.put("a", "v1", "ann");
    // git leaves the other side's file in the place: the own machine notices, and joining is the way out.
    let mine = ann.path("mine");
    std::fs::write(&mine, ann.vault_bytes()).unwrap();
    std::fs::copy(&bob.vault, &ann.paths.vault).unwrap();
    assert_eq!(code(ann.try_open()), ("ROT808", 23));
    let joined = ok(Vault::merge(
        &ann.world,
        &ann.paths,
        Some(&base),
        &mine,
        false,
    ));
    assert!(joined.changed);
    let vault = ann.open();
    assert_eq!(vault.generation(), 5);
    assert_eq!(current(&vault, "a", None).unwrap(), "ann");
    assert_eq!(current(&vault, "b", None).unwrap(), "bob");
    // The other machine follows, and joining again changes nothing.
    std::fs::copy(&ann.paths.vault, &bob.vault).unwrap();
    assert!(ok(Vault::open(&ann.world, &bob)).warnings().is_empty());
    assert!(
        !ok(Vault::merge(
            &ann.world,
            &ann.paths,
            Some(&base),
            &mine,
            false
        ))
        .changed
    );
    // A file that holds neither of what was seen is refused, and nothing is changed.
    let before = ann.vault_bytes();
    std::fs::copy(&base, &ann.paths.vault).unwrap();
    assert_eq!(
        code(Vault::merge(
            &ann.world,
            &ann.paths,
            Some(&base),
            &base,
            false
        ))
        .1,
        23
    );
    std::fs::write(&ann.paths.vault, before).unwrap();
    ann.open();
}

/// Across a removal only knowingly, and the removed person stays removed.
#[test]
fn a_removal_wins() {
    let ann = Home::new();
    let bob = Home::empty();
    let mut vault = ann.put("a", "v0", "zero");
    ok(vault.commit(|d| {
        d.add_named_recipient(&bob.recipient(), Some("bob"))
            .map(drop)
    }));
    let base = ann.path("base");
    std::fs::write(&base, ann.vault_bytes()).unwrap();
    let cat = rot::vault::Paths {
        vault: ann.path("cat.vault"),
        ..ann.without_memory()
    };
    std::fs::copy(&base, &cat.vault).unwrap();
    let mut theirs = ok(Vault::open(&ann.world, &cat));
    ok(theirs.commit(|d| d.put_current("c", single("c1", "cat"))));
    ok(vault.commit(|d| d.remove_recipient("bob")));
    for (paths, other) in [(&ann.paths, &cat.vault), (&cat, &ann.paths.vault)] {
        assert_eq!(
            code(Vault::merge(&ann.world, paths, Some(&base), other, false)),
            ("ROT829", 23)
        );
    }
    assert!(
        ok(Vault::merge(
            &ann.world,
            &ann.paths,
            Some(&base),
            &cat.vault,
            true
        ))
        .changed
    );
    let vault = ann.open();
    assert_eq!(current(&vault, "c", None).unwrap(), "cat");
    assert_eq!(vault.doc().recipients(), [ann.recipient()]);
    let exposed: BTreeSet<&str> = vault.doc().exposed().map(|(name, _)| name).collect();
    assert_eq!(
        exposed,
        BTreeSet::from(["a", "c"]),
        "bob could read what cat stored"
    );
}
