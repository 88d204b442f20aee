//! How labels move, and that each step may be repeated.

use super::support::*;
use rot::diagnostic::Result;
use rot::vault::{Document, NewVersion, Secret, State, StoredValue, Vault};

fn change(home: &Home, change: impl FnOnce(&mut Document) -> Result<()>) -> Result<Vault> {
    let mut vault = home.open();
    vault.commit(change)?;
    Ok(home.open())
}

/// `current/previous/pending` and the states, oldest first.
fn shape(vault: &Vault, name: &str) -> String {
    let entry = vault.doc().get(name).unwrap();
    let label = |id: &Option<String>| id.clone().unwrap_or_else(|| "-".to_owned());
    let states: Vec<String> = entry
        .versions
        .iter()
        .map(|v| format!("{}={}", v.id, v.state.as_str()))
        .collect();
    format!(
        "{}/{}/{} {}",
        label(&entry.current),
        label(&entry.previous),
        label(&entry.pending),
        states.join(" ")
    )
}

#[test]
fn a_rotation_moves_the_labels() {
    let home = Home::new();
    let vault = ok(change(&home, |d| d.put_current("a", single("v1", "one"))));
    assert_eq!(shape(&vault, "a"), "v1/-/- v1=current");
    let vault = ok(change(&home, |d| d.stage("a", single("v2", "two"))));
    assert_eq!(shape(&vault, "a"), "v1/-/v2 v1=current v2=pending");
    assert_eq!(
        current(&vault, "a", None).unwrap(),
        "one",
        "readers do not see what is pending"
    );
    let vault = ok(change(&home, |d| d.promote("a", "v2")));
    assert_eq!(shape(&vault, "a"), "v2/v1/- v1=previous v2=current");
    let vault = ok(change(&home, |d| d.mark_revoked("a", "v1", now())));
    assert_eq!(shape(&vault, "a"), "v2/v1/- v1=revoked v2=current");
    let vault = ok(change(&home, |d| d.put_current("a", single("v3", "three"))));
    assert_eq!(
        shape(&vault, "a"),
        "v3/v2/- v1=revoked v2=previous v3=current"
    );
    assert_eq!(
        vault
            .doc()
            .get("a")
            .unwrap()
            .version("v1")
            .unwrap()
            .note
            .as_deref(),
        Some("revoked at 2026-11-23T12:00:00Z")
    );
    assert!(vault.doc().inconsistencies().is_empty());
}

#[test]
fn every_step_may_be_repeated_after_a_crash() {
    type Step = fn(&mut Document) -> Result<()>;
    let steps: [Step; 7] = [
        |d| d.put_current("a", single("v1", "one")),
        |d| d.stage("a", single("v2", "two")),
        |d| d.promote("a", "v2"),
        |d| d.mark_revoked("a", "v1", now()),
        |d| d.stage("a", single("v3", "three")),
        |d| d.mark_failed("a", "v3"),
        |d| d.put_current("r", record("v1", &[("id", "1"), ("key", "k")])),
    ];
    let home = Home::new();
    for step in steps {
        let once = ok(change(&home, step));
        let twice = ok(change(&home, step));
        assert_eq!(
            once.generation(),
            twice.generation(),
            "the second time writes nothing"
        );
    }
    assert_eq!(
        shape(&home.open(), "a"),
        "v2/v1/- v1=revoked v2=current v3=failed"
    );
}

#[test]
fn conflicts_are_refused() {
    let home = Home::new();
    ok(change(&home, |d| d.put_current("a", single("v1", "one"))));
    let cases: Vec<(&str, &str, Result<Vault>)> = vec![
        (
            "same id, other value",
            "ROT810",
            change(&home, |d| d.stage("a", single("v1", "other"))),
        ),
        (
            "promoted without being staged",
            "ROT810",
            change(&home, |d| d.promote("a", "v9")),
        ),
        (
            "failed while in use",
            "ROT810",
            change(&home, |d| d.mark_failed("a", "v1")),
        ),
        (
            "no such secret",
            "ROT811",
            change(&home, |d| d.promote("b", "v1")),
        ),
        (
            "no such version",
            "ROT811",
            change(&home, |d| d.mark_revoked("a", "v9", now())),
        ),
        (
            "bad name",
            "ROT118",
            change(&home, |d| d.stage("a.b", single("v1", "x"))),
        ),
        (
            "path as a name",
            "ROT118",
            change(&home, |d| d.stage("../a", single("v1", "x"))),
        ),
        (
            "field of a single value",
            "ROT812",
            change(&home, |d| d.stage("a", record("v2", &[("f", "x")]))),
        ),
        (
            "too large",
            "ROT812",
            change(&home, |d| {
                d.stage("a", single("v2", &"x".repeat(1024 * 1024 + 1)))
            }),
        ),
        (
            "no field",
            "ROT812",
            change(&home, |d| d.stage("n", record("v1", &[]))),
        ),
        (
            "a field twice",
            "ROT812",
            change(&home, |d| {
                d.stage("n", record("v1", &[("f", "1"), ("f", "2")]))
            }),
        ),
        (
            "bad field",
            "ROT812",
            change(&home, |d| d.stage("n", record("v1", &[("a.b", "1")]))),
        ),
        (
            "changed meanwhile",
            "ROT810",
            change(&home, |d| d.expect_current("a", None)),
        ),
    ];
    for (what, expected, result) in cases {
        assert_eq!(code(result).0, expected, "{what}");
    }
    ok(change(&home, |d| d.expect_current("a", Some("v1"))));
    ok(change(&home, |d| d.expect_current("nothing", None)));
    ok(change(&home, |d| {
        d.stage("a", single("v2", &"x".repeat(1024 * 1024)))
    }));
    assert_eq!(home.open().doc().names().collect::<Vec<_>>(), ["a"]);
}

#[test]
fn a_displaced_pending_version_has_failed_and_cannot_come_back() {
    let home = Home::new();
    ok(change(&home, |d| d.stage("a", single("v1", "one"))));
    let vault = ok(change(&home, |d| d.stage("a", single("v2", "two"))));
    assert_eq!(shape(&vault, "a"), "-/-/v2 v1=failed v2=pending");
    assert_eq!(code(change(&home, |d| d.promote("a", "v1"))).0, "ROT810");
}

#[test]
fn a_record_keeps_the_fields_that_are_not_given() {
    let home = Home::new();
    ok(change(&home, |d| {
        d.put_current("db", record("v1", &[("user", "ada"), ("password", "old")]))
    }));
    let vault = ok(change(&home, |d| {
        d.put_current("db", record("v2", &[("password", "new"), ("host", "db1")]))
    }));
    let field = |name: &str| current(&vault, "db", Some(name)).unwrap();
    assert_eq!(
        [field("user"), field("password"), field("host")],
        ["ada", "new", "db1"]
    );
    let entry = vault.doc().get("db").unwrap();
    assert_eq!(entry.fields, ["user", "password", "host"]);
    let order: Vec<_> = entry
        .current_version()
        .unwrap()
        .value
        .as_ref()
        .unwrap()
        .parts()
        .into_iter()
        .filter_map(|(n, _)| n)
        .collect();
    assert_eq!(order, ["user", "password", "host"]);
    let old = entry.previous_version().unwrap().value.as_ref().unwrap();
    assert!(
        old.part(Some("password"))
            .unwrap()
            .same_as(&Secret::from_text("old")),
        "a version never changes"
    );
    assert_eq!(
        code(change(&home, |d| d.stage("db", single("v3", "x")))).0,
        "ROT812"
    );
}

#[test]
fn rollback_restores_as_a_new_version() {
    let home = Home::new();
    let past = "2026-11-01T00:00:00Z".parse().unwrap();
    ok(change(&home, |d| {
        d.put_current(
            "a",
            NewVersion {
                expires_at: Some(past),
                ..single("v1", "one")
            },
        )
    }));
    ok(change(&home, |d| d.put_current("a", single("v2", "two"))));
    ok(change(&home, |d| d.put_current("a", single("v3", "three"))));
    let back = |to: Option<&'static str>, force: bool, id: &'static str| {
        change(&home, move |d| {
            d.rollback("a", to, force, id, now()).map(drop)
        })
    };
    let vault = ok(back(None, false, "v4"));
    assert_eq!(current(&vault, "a", None).unwrap(), "two");
    assert_eq!(
        shape(&vault, "a"),
        "v4/v3/- v1=retired v2=retired v3=previous v4=current"
    );
    assert_eq!(
        vault
            .doc()
            .get("a")
            .unwrap()
            .current_version()
            .unwrap()
            .note
            .as_deref(),
        Some("restored from v2")
    );
    assert_eq!(
        code(back(Some("v1"), false, "v5")),
        ("ROT817", 2),
        "expired"
    );
    assert_eq!(
        current(&ok(back(Some("v1"), true, "v5")), "a", None).unwrap(),
        "one"
    );
    ok(change(&home, |d| d.mark_revoked("a", "v3", now())));
    assert_eq!(
        code(back(Some("v3"), false, "v6")),
        ("ROT817", 2),
        "revoked"
    );
    assert_eq!(code(back(Some("v9"), false, "v6")).0, "ROT811");
    assert_eq!(
        code(back(Some("v5"), false, "v6")).0,
        "ROT817",
        "current already"
    );
    ok(change(&home, |d| d.put_current("b", single("v1", "x"))));
    assert_eq!(
        code(change(&home, |d| d
            .rollback("b", None, false, "v2", now())
            .map(drop)))
        .0,
        "ROT817",
        "no previous version"
    );
}

#[test]
fn old_values_are_pruned_and_labelled_ones_never() {
    let home = Home::new();
    let vault = ok(change(&home, |d| {
        (0..150).try_for_each(|n| {
            d.put_current("a", single(&format!("v{n}"), &format!("value {n}")))
        })?;
        d.stage("a", single("next", "next"))
    }));
    let entry = vault.doc().get("a").unwrap();
    assert_eq!(entry.versions.len(), 100);
    let kept: Vec<&str> = entry
        .versions
        .iter()
        .filter(|v| v.value.is_some())
        .map(|v| v.id.as_str())
        .collect();
    let expected: Vec<String> = (138..150)
        .map(|n| format!("v{n}"))
        .chain(["next".to_owned()])
        .collect();
    assert_eq!(kept, expected, "pending, current, previous and ten more");
    assert!(vault.doc().inconsistencies().is_empty());

    // A previous version that is far back stays whole.
    let vault = ok(change(&home, |d| {
        (0..20).try_for_each(|n| d.stage("a", single(&format!("failed{n}"), "x")))
    }));
    let entry = vault.doc().get("a").unwrap();
    assert!(
        entry.current_version().unwrap().value.is_some()
            && entry.previous_version().unwrap().value.is_some()
    );
    assert_eq!(entry.version("v147").unwrap().state, State::Retired);
    assert!(entry.version("v147").unwrap().value.is_none());
    assert_eq!(
        code(change(&home, |d| d
            .rollback("a", Some("v147"), true, "r", now())
            .map(drop)))
        .0,
        "ROT817",
        "its value is gone"
    );
}

#[test]
fn any_value_survives_the_way_to_disk_and_back() {
    use proptest::prelude::*;
    let home = Home::new();
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 40,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let values = proptest::collection::vec(
        (proptest::collection::vec(any::<u8>(), 0..64), ".{0,32}"),
        1..4,
    );
    let vault = std::cell::RefCell::new(home.open());
    let count = std::cell::Cell::new(0);
    runner
        .run(&values, |values| {
            count.set(count.get() + 1);
            let mut vault = vault.borrow_mut();
            let id = format!("v{}", count.get());
            ok(vault.commit(|d| {
                values
                    .iter()
                    .enumerate()
                    .try_for_each(|(n, (bytes, text))| {
                        d.put_current(
                            &format!("bytes{n}"),
                            version(&id, StoredValue::Single(Secret::new(bytes.clone()))),
                        )?;
                        d.put_current(&format!("text{n}"), record(&id, &[("f", text)]))
                    })
            }));
            let again = home.open();
            for (n, (bytes, text)) in values.iter().enumerate() {
                let stored = |name: String, field: Option<&str>| {
                    let value = again
                        .doc()
                        .get(&name)
                        .unwrap()
                        .current_version()
                        .unwrap()
                        .value
                        .as_ref()
                        .unwrap();
                    value.part(field).unwrap().expose().to_vec()
                };
                prop_assert_eq!(&stored(format!("bytes{n}"), None), bytes);
                prop_assert_eq!(stored(format!("text{n}"), Some("f")), text.as_bytes());
            }
            Ok(())
        })
        .unwrap();
}
