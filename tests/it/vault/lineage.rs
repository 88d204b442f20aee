//! What a vault knows of its ancestors, and what a machine makes of it: forks whoever counts further, removals that remove, looks
//! that move nothing.

use super::support::*;
use rot::vault::{Paths, Vault, crypt, identity, recipient};
use std::path::PathBuf;

/// A copy of a vault with a machine of its own.
struct Member {
    home: Home,
}

impl Member {
    /// The first one, with a vault.
    fn first() -> Self {
        Self { home: Home::new() }
    }

    /// Another one, who is let in by the first and gets a copy.
    fn joins(first: &Member, name: &str) -> Self {
        let home = Home::empty();
        let mut vault = first.home.open();
        ok(vault.commit(|d| {
            d.add_named_recipient(&home.recipient(), Some(name))
                .map(drop)
        }));
        let member = Self { home };
        member.pulls(first);
        member.home.open();
        member
    }

    /// Takes the other one's file.
    fn pulls(&self, from: &Member) {
        std::fs::write(&self.home.paths.vault, from.home.vault_bytes()).unwrap();
    }

    fn sets(&self, name: &str, id: &str, value: &str) {
        self.home.put(name, id, value);
    }

    fn keep(&self, name: &str) -> PathBuf {
        let path = self.home.path(name);
        std::fs::write(&path, self.home.vault_bytes()).unwrap();
        path
    }

    /// With another file in the vault's place.
    fn at(&self, path: PathBuf) -> Paths {
        Paths {
            vault: path,
            ..self.home.paths.clone()
        }
    }
}

#[test]
fn a_fork_is_noticed_however_far_each_side_counts() {
    for (mine, theirs) in [(1, 1), (1, 2), (1, 9), (2, 1), (3, 3), (9, 1)] {
        let ann = Member::first();
        let bob = Member::joins(&ann, "bob");
        for n in 0..mine {
            ann.sets("a", &format!("a{n}"), &format!("ann {n}"));
        }
        for n in 0..theirs {
            bob.sets("b", &format!("b{n}"), &format!("bob {n}"));
        }
        let own = ann.home.vault_bytes();
        ann.pulls(&bob);
        assert_eq!(
            code(ann.home.try_open()),
            ("ROT808", 23),
            "{mine} against {theirs}"
        );
        // Nothing was remembered of it: the own file is still the own file.
        std::fs::write(&ann.home.paths.vault, own).unwrap();
        ann.home.open();
    }
}

#[test]
fn a_line_that_continues_is_taken_from_any_distance() {
    let ann = Member::first();
    let bob = Member::joins(&ann, "bob");
    for n in 0..40 {
        ann.sets("a", &format!("a{n}"), &format!("ann {n}"));
    }
    bob.pulls(&ann);
    let vault = bob.home.open();
    assert!(vault.warnings().is_empty());
    assert_eq!(current(&vault, "a", None).unwrap(), "ann 39");
}

#[test]
fn beyond_what_is_remembered_it_is_said() {
    let ann = Member::first();
    let bob = Member::joins(&ann, "bob");
    // As if a thousand generations had passed: all of the ancestors are newer than what bob saw.
    let far = 5000;
    let identities = ok(identity::load(
        &ann.home.world,
        &ann.home.paths.identities[0],
    ));
    let plain = crypt::decrypt(&ann.home.vault_bytes(), &identities).unwrap();
    let mut doc: serde_json::Value = serde_json::from_slice(&plain).unwrap();
    doc["generation"] = far.into();
    doc["prev"] = format!("sha256:{}", "1".repeat(64)).into();
    doc["ancestors"] = (far - 1024..far)
        .rev()
        .map(|n| format!("{n}:{n:016x}"))
        .collect::<Vec<_>>()
        .join(" ")
        .into();
    let to = [
        ok(recipient::parse(&ann.home.recipient())),
        ok(recipient::parse(&bob.home.recipient())),
    ];
    let bytes = crypt::encrypt(doc.to_string().as_bytes(), &to).unwrap();
    std::fs::write(&bob.home.paths.vault, bytes).unwrap();
    let codes: Vec<_> = bob
        .home
        .open()
        .warnings()
        .iter()
        .map(|w| w.code.id())
        .collect();
    assert_eq!(codes, ["ROT828"]);
    assert!(bob.home.open().warnings().is_empty(), "said once");
}

#[test]
fn looking_at_any_copy_changes_nothing_for_the_own_one() {
    let ann = Member::first();
    ann.sets("a", "v1", "one");
    let old = ann.keep("old");
    ann.sets("a", "v2", "two");
    let bob = Member::joins(&ann, "bob");
    bob.sets("b", "v1", "bob");
    ann.sets("a", "v3", "three");
    ann.sets("a", "v4", "four");
    let newer = bob.home.path("theirs");
    std::fs::write(&newer, ann.home.vault_bytes()).unwrap();

    // Another branch, ahead: it can be read, and the own one is what it was.
    let vault = ok(Vault::open(&bob.home.world, &bob.at(newer.clone())));
    assert_eq!(current(&vault, "a", None).unwrap(), "four");
    assert_eq!(current(&bob.home.open(), "b", None).unwrap(), "bob");
    // To change it would make the fork grow.
    let mut vault = ok(Vault::open(&bob.home.world, &bob.at(newer)));
    assert_eq!(
        code(vault.commit(|d| d.put_current("c", single("v1", "x")))),
        ("ROT808", 23)
    );
    // An old revision.
    let mut vault = ok(Vault::open(&ann.home.world, &ann.at(old.clone())));
    assert_eq!(current(&vault, "a", None).unwrap(), "one");
    assert_eq!(
        code(vault.commit(|d| d.put_current("c", single("v1", "x")))),
        ("ROT807", 23)
    );
    assert_eq!(current(&ann.home.open(), "a", None).unwrap(), "four");
    // Read-only, also in the place of the own one.
    std::fs::copy(&old, &ann.home.paths.vault).unwrap();
    assert_eq!(code(ann.home.try_open()), ("ROT807", 23));
    let mut vault = ok(Vault::open_read_only(&ann.home.world, &ann.home.paths));
    assert_eq!(current(&vault, "a", None).unwrap(), "one");
    assert_eq!(code(vault.commit(|_| Ok(()))), ("ROT841", 2));
    assert_eq!(
        code(ann.home.try_open()),
        ("ROT807", 23),
        "a look accepts nothing"
    );
    // Knowingly.
    let (vault, before) = ok(Vault::accept(&ann.home.world, &ann.home.paths));
    assert_eq!(before.unwrap().generation, vault.generation() + 4);
    ann.home.open();
}

#[test]
fn a_moved_project_is_known_and_a_scratch_copy_blocks_nobody() {
    let ann = Member::first();
    ann.sets("a", "v1", "one");
    let scratch = ann.keep("scratch.vault");
    let mut vault = ok(Vault::open(&ann.home.world, &ann.at(scratch)));
    assert!(
        vault.warnings().is_empty(),
        "the same file under another name"
    );
    ok(vault.commit(|d| d.put_current("a", single("v2", "scratch"))));
    ok(vault.commit(|d| d.put_current("a", single("v3", "scratch"))));
    ann.sets("a", "v4", "mine");
    assert_eq!(current(&ann.home.open(), "a", None).unwrap(), "mine");
}

/// Everybody who is removed has a copy, an identity, and may write to the repository.
#[test]
fn who_was_removed_can_neither_forge_nor_come_back() {
    let ann = Member::first();
    let bob = Member::joins(&ann, "bob");
    let cat = Member::joins(&ann, "cat");
    ann.sets("a", "v1", "one");
    bob.pulls(&ann);
    let mut vault = ann.home.open();
    ok(vault.commit(|d| d.remove_recipient("bob")));
    ann.sets("b", "v1", "after");
    cat.pulls(&ann);
    let said: Vec<_> = cat
        .home
        .open()
        .warnings()
        .iter()
        .map(|w| (w.code.id(), w.message.clone()))
        .collect();
    assert_eq!(said.len(), 1);
    assert_eq!(said[0].0, "ROT826");
    assert!(said[0].1.contains("removed bob"), "{said:?}");

    let identities = ok(identity::load(
        &bob.home.world,
        &bob.home.paths.identities[0],
    ));
    let plain = crypt::decrypt(&bob.home.vault_bytes(), &identities).unwrap();
    let newest = cat.home.open().file_hash().to_owned();
    let edits: [(&str, fn(&mut serde_json::Value, &str)); 4] = [
        ("a generation far ahead", |_, _| {}),
        (
            "a child of the newest file, whose hash everybody sees",
            |d, newest| {
                d["prev"] = newest.into();
            },
        ),
        ("with ancestors", |d, newest| {
            d["prev"] = newest.into();
            d["ancestors"] =
                format!("98:{} {}", &newest[7..23], d["ancestors"].as_str().unwrap()).into();
        }),
        ("with a new key of his own", |d, newest| {
            d["prev"] = newest.into();
            d["former"] = serde_json::json!([d["continuity"]]);
            d["continuity"] = format!("{}=", "A".repeat(43)).into();
        }),
    ];
    for (what, edit) in edits {
        let mut doc: serde_json::Value = serde_json::from_slice(&plain).unwrap();
        doc["generation"] = 99.into();
        doc["secrets"]["a"]["versions"][0]["value"] = "EVIL".into();
        edit(&mut doc, &newest);
        let to: Vec<_> = doc["recipients"]
            .as_array()
            .unwrap()
            .iter()
            .map(|r| ok(recipient::parse(r.as_str().unwrap())))
            .collect();
        let bytes = crypt::encrypt(doc.to_string().as_bytes(), &to).unwrap();
        let own = cat.home.vault_bytes();
        std::fs::write(&cat.home.paths.vault, &bytes).unwrap();
        assert_eq!(code(cat.home.try_open()), ("ROT806", 23), "{what}");
        // Nor as something to be merged.
        let theirs = cat.home.path("theirs");
        std::fs::write(&theirs, &bytes).unwrap();
        std::fs::write(&cat.home.paths.vault, &own).unwrap();
        assert_eq!(
            code(Vault::merge(
                &cat.home.world,
                &cat.home.paths,
                None,
                &theirs,
                false
            )),
            ("ROT829", 23),
            "{what}"
        );
        assert_eq!(current(&cat.home.open(), "a", None).unwrap(), "one");
    }
    // His own copy cannot open what came later.
    bob.pulls(&ann);
    assert_eq!(code(bob.home.try_open()), ("ROT804", 2));
}

#[test]
fn what_a_removed_person_could_read_is_a_list_that_shrinks() {
    let ann = Member::first();
    ann.sets("a", "v1", "one");
    ann.sets("b", "v1", "one");
    ok(ann
        .home
        .open()
        .commit(|d| d.put_current("rec", record("v1", &[("user", "u"), ("pass", "p")]))));
    let _bob = Member::joins(&ann, "bob");
    let mut vault = ann.home.open();
    ok(vault.commit(|d| d.remove_recipient("bob")));
    let exposed = |vault: &Vault| -> Vec<String> {
        let all = vault.doc().exposed();
        all.map(|(name, version)| format!("{name} {}", version.exposed_to.join(",")))
            .collect()
    };
    assert_eq!(exposed(&ann.home.open()), ["a bob", "b bob", "rec bob"]);
    ann.sets("a", "v2", "two");
    assert_eq!(exposed(&ann.home.open()), ["b bob", "rec bob"]);
    // The same value under a new version is as well known as before.
    ann.sets("b", "v2", "one");
    ok(vault.commit(|d| d.rollback("a", None, false, "v3", now()).map(drop)));
    assert_eq!(exposed(&ann.home.open()), ["a bob", "b bob", "rec bob"]);
    ok(vault.commit(|d| d.put_current("rec", record("v2", &[("pass", "q")]))));
    ann.sets("a", "v4", "four");
    ann.sets("b", "v4", "four");
    assert_eq!(exposed(&ann.home.open()), [""; 0]);
}

#[test]
fn a_vault_of_the_form_before_is_read_and_written_anew() {
    let home = Home::new();
    home.put("a", "v1", "one");
    let identities = ok(identity::load(&home.world, &home.paths.identities[0]));
    let payload = |bytes: &[u8]| -> serde_json::Value {
        serde_json::from_slice(&crypt::decrypt(bytes, &identities).unwrap()).unwrap()
    };
    let mut old = payload(&home.vault_bytes());
    old["schema"] = "rot.vault/v1".into();
    old.as_object_mut().unwrap().remove("ancestors");
    let to = [ok(recipient::parse(&home.recipient()))];
    let bytes = crypt::encrypt(old.to_string().as_bytes(), &to).unwrap();
    // A machine that remembers it in the form of that time.
    let hash = format!("sha256:{}", sha256(&bytes));
    let pin: serde_json::Value =
        serde_json::from_slice(&std::fs::read(home.pin()).unwrap()).unwrap();
    std::fs::remove_file(home.pin()).unwrap();
    let folder = home.paths.state.join("vaults");
    let place = serde_json::json!({ "schema": "rot.place/v1", "path": pin["path"], "vault_id": pin["vault_id"] });
    let was = serde_json::json!({ "schema": "rot.pin/v1", "vault_id": pin["vault_id"], "continuity": pin["continuity"], "generation": 2, "file": hash });
    let name = home.place_name();
    std::fs::write(folder.join(name), place.to_string()).unwrap();
    std::fs::write(
        folder.join(format!("{}.pin", pin["vault_id"].as_str().unwrap())),
        was.to_string(),
    )
    .unwrap();

    std::fs::write(&home.paths.vault, &bytes).unwrap();
    assert!(home.open().warnings().is_empty());
    let vault = home.put("a", "v2", "two");
    assert_eq!(vault.generation(), 3);
    let new = payload(&home.vault_bytes());
    assert_eq!(new["schema"], "rot.vault/v2");
    assert_eq!(new["prev"], hash.as_str());
    assert_eq!(new["vault_id"], old["vault_id"]);
    // What was remembered then still protects.
    std::fs::write(&home.paths.vault, &bytes).unwrap();
    assert_eq!(code(home.try_open()), ("ROT807", 23));
}

fn sha256(bytes: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    digest.as_ref().iter().map(|b| format!("{b:02x}")).collect()
}

/// Others keep facts in the document, and an older or newer program carries them along.
#[test]
fn facts_of_others_are_carried_along() {
    let home = Home::new();
    let mut vault = home.put("a", "v1", "one");
    let identities = ok(identity::load(&home.world, &home.paths.identities[0]));
    let plain = crypt::decrypt(&home.vault_bytes(), &identities).unwrap();
    let mut doc: serde_json::Value = serde_json::from_slice(&plain).unwrap();
    doc["generation"] = 3.into();
    doc["meta"]["strange"] = serde_json::json!({ "x": [1, 2] });
    doc["secrets"]["a"]["ext"] = serde_json::json!({ "owner": "team" });
    doc["secrets"]["a"]["versions"][0]["ext"] = serde_json::json!({ "seen": true });
    let to = [ok(recipient::parse(&home.recipient()))];
    std::fs::write(
        &home.paths.vault,
        crypt::encrypt(doc.to_string().as_bytes(), &to).unwrap(),
    )
    .unwrap();
    ok(vault.commit(|d| d.put_current("a", single("v2", "two"))));
    let after: serde_json::Value =
        serde_json::from_slice(&crypt::decrypt(&home.vault_bytes(), &identities).unwrap()).unwrap();
    assert_eq!(after["meta"], doc["meta"]);
    assert_eq!(after["secrets"]["a"]["ext"], doc["secrets"]["a"]["ext"]);
    assert_eq!(
        after["secrets"]["a"]["versions"][0]["ext"],
        serde_json::json!({ "seen": true })
    );
}

/// git's `core.autocrlf` rewrites the line ends of an armored vault: that is no fork. Anything else is.
#[test]
fn line_ends_of_an_armored_vault_are_no_change() {
    let ann = Member::first();
    ann.sets("token", "v1", "one");
    std::fs::write(
        &ann.home.paths.vault,
        rot::vault::armor(&ann.home.vault_bytes()),
    )
    .unwrap();
    ok(Vault::accept(&world(&[]), &ann.home.paths));
    ann.sets("token", "v2", "two");
    let bytes = ann.home.vault_bytes();
    let text = String::from_utf8(bytes.clone()).expect("it stays armored");
    for (made, code_of) in [
        (text.replace('\n', "\r\n"), None),
        (text.replacen('\n', "\r\n", 3), None),
        (text.clone(), None),
        (
            rot::vault::armor(&ok(ann.home.open().seal(b"{}"))),
            Some("ROT805"),
        ),
    ] {
        std::fs::write(&ann.home.paths.vault, &made).unwrap();
        match code_of {
            None => {
                let vault = ok(ann.home.try_open());
                assert_eq!(current(&vault, "token", None).as_deref(), Some("two"));
            }
            Some(_) => assert!(ann.home.try_open().is_err()),
        }
    }
    // What is written next stays armored, whatever git made of the one before.
    std::fs::write(&ann.home.paths.vault, text.replace('\n', "\r\n")).unwrap();
    ann.sets("token", "v3", "three");
    assert!(ann.home.vault_bytes().starts_with(b"-----BEGIN AGE"));
}

/// A person takes an older copy, perhaps goes on from it, and joins it with a newer one: nothing of either is lost, whatever the
/// distance, and the machine goes on from what came of it.
#[test]
fn an_old_copy_that_was_accepted_can_be_joined() {
    for (back, goes_on) in [(1, false), (1, true), (3, false), (3, true), (5, true)] {
        let ann = Member::first();
        let mut copies = Vec::new();
        for step in 0..6 {
            ann.sets(
                &format!("s{step}"),
                &format!("v{step}"),
                &format!("value-{step}"),
            );
            copies.push(ann.keep(&format!("copy-{step}")));
        }
        let newest = ann.keep("newest");
        std::fs::copy(&copies[5 - back], &ann.home.paths.vault).unwrap();
        assert!(ann.home.try_open().is_err(), "an older copy needs a word");
        ok(Vault::accept(&world(&[]), &ann.home.paths));
        if goes_on {
            ann.sets("own", "o1", "own-value");
            ann.sets("s0", "o2", "own-zero");
        }
        let joined = ok(Vault::merge(
            &world(&[]),
            &ann.home.paths,
            None,
            &newest,
            false,
        ));
        assert!(joined.changed, "{back} {goes_on}");
        let vault = ok(ann.home.try_open());
        for step in 1..6 {
            let value = current(&vault, &format!("s{step}"), None);
            assert_eq!(value, Some(format!("value-{step}")), "{back} {goes_on}");
        }
        let own = current(&vault, "own", None);
        assert_eq!(own.is_some(), goes_on);
        // What is next goes on from there.
        ann.sets("later", "l1", "later-value");
        // The other way round comes to the same secrets.
        let again = ok(Vault::merge(
            &world(&[]),
            &ann.home.paths,
            None,
            &newest,
            false,
        ));
        assert!(!again.changed);
    }
}
