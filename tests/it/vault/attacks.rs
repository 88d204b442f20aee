//! What someone can do who may write the file but not open it, and what a machine remembers against it.

use super::support::*;
use rot::vault::{Paths, Vault, crypt, recipient};

/// Decrypts the payload, lets `edit` change it, and seals it to `to`, as a person with stock `age` would.
fn resealed(home: &Home, to: &str, edit: impl FnOnce(&mut serde_json::Value)) -> Vec<u8> {
    let identities = ok(rot::vault::identity::load(
        &home.world,
        &home.paths.identities[0],
    ));
    let plain = crypt::decrypt(&home.vault_bytes(), &identities).unwrap();
    let mut value: serde_json::Value = serde_json::from_slice(&plain).unwrap();
    edit(&mut value);
    crypt::encrypt(value.to_string().as_bytes(), &[ok(recipient::parse(to))]).unwrap()
}

#[test]
fn an_older_copy_is_refused() {
    let home = Home::new();
    home.put("a", "v1", "one");
    let old = home.vault_bytes();
    home.put("a", "v2", "two");
    std::fs::write(&home.paths.vault, &old).unwrap();
    assert_eq!(code(home.try_open()), ("ROT807", 23));
    assert_eq!(home.vault_bytes(), old, "a refused vault is left as it is");
    // A machine without memory cannot know.
    ok(Vault::open(&home.world, &home.without_memory()));
}

#[test]
fn an_older_copy_put_back_under_an_open_handle_is_refused() {
    let home = Home::new();
    let old = home.vault_bytes();
    let mut vault = home.put("a", "v1", "one");
    std::fs::write(&home.paths.vault, &old).unwrap();
    assert_eq!(
        code(vault.commit(|doc| doc.put_current("a", single("v2", "two")))),
        ("ROT807", 23)
    );
    // A handle that never saw the newer generation learns of it from the pin.
    std::fs::write(&home.paths.vault, &old).unwrap();
    let paths = home.without_memory();
    let mut stale = ok(Vault::open(&home.world, &paths));
    std::fs::remove_dir_all(&paths.state).unwrap();
    std::os::unix::fs::symlink(&home.paths.state, &paths.state).unwrap();
    assert_eq!(
        code(stale.commit(|doc| doc.put_current("a", single("v2", "two")))),
        ("ROT807", 23)
    );
    assert_eq!(home.vault_bytes(), old);
}

#[test]
fn two_files_of_one_generation_are_a_fork() {
    let home = Home::new();
    let base = home.vault_bytes();
    home.put("a", "v1", "here");
    std::fs::write(&home.paths.vault, &base).unwrap();
    let mut elsewhere = ok(Vault::open(&home.world, &home.without_memory()));
    ok(elsewhere.commit(|doc| doc.put_current("a", single("v1", "elsewhere"))));
    assert_eq!(code(home.try_open()), ("ROT808", 23));
}

#[test]
fn a_later_generation_from_elsewhere_is_followed() {
    let home = Home::new();
    home.put("a", "v1", "here");
    let mut elsewhere = ok(Vault::open(&home.world, &home.without_memory()));
    ok(elsewhere.commit(|doc| doc.put_current("a", single("v2", "elsewhere"))));
    assert_eq!(current(&home.open(), "a", None).unwrap(), "elsewhere");
    assert_eq!(home.open().generation(), 3);
}

#[test]
fn a_forgery_with_only_the_public_recipient_is_refused() {
    let home = Home::new();
    let id = home.put("a", "v1", "one").id().to_owned();
    let attacker = Home::empty();
    ok(Vault::create(
        &attacker.world,
        &attacker.paths,
        &[home.recipient()],
    ));
    attacker.put("a", "v1", "forged");

    // A vault of the attacker's own that the victim's identity opens.
    std::fs::write(&home.paths.vault, attacker.vault_bytes()).unwrap();
    assert_eq!(code(home.try_open()), ("ROT806", 23));

    // The same with the victim's vault id, should that be known, and a generation far ahead.
    let forged = resealed(&attacker, &home.recipient(), |doc| {
        doc["vault_id"] = id.into();
        doc["generation"] = 99.into();
    });
    std::fs::write(&home.paths.vault, forged).unwrap();
    let error = home.try_open().err().unwrap();
    assert_eq!(
        (error.diagnostics[0].code.id(), error.failure.exit_code()),
        ("ROT806", 23)
    );
    let prints = error.diagnostics[0]
        .notes
        .join(" ")
        .matches("sha256:")
        .count();
    assert_eq!(prints, 2, "both fingerprints are shown");
}

#[test]
fn a_swap_under_an_open_handle_is_refused() {
    let home = Home::new();
    let mut vault = home.put("a", "v1", "one");
    let other = Home::empty();
    let shared = Paths {
        identities: home.paths.identities.clone(),
        ..other.paths.clone()
    };
    ok(Vault::create(&other.world, &shared, &[]));
    std::fs::write(&home.paths.vault, other.vault_bytes()).unwrap();
    assert_eq!(
        code(vault.commit(|doc| doc.put_current("a", single("v2", "two")))),
        ("ROT806", 23)
    );
    assert_eq!(code(home.try_open()), ("ROT806", 23));
    assert_eq!(home.vault_bytes(), other.vault_bytes());
}

#[test]
fn a_person_may_edit_with_stock_tools_when_the_generation_goes_up() {
    let home = Home::new();
    home.put("a", "v1", "one");
    let to = home.recipient();
    let edit = |generation: u64| {
        resealed(&home, &to, |doc| {
            doc["generation"] = generation.into();
            doc["secrets"]["a"]["versions"][0]["value"] = "mended".into();
        })
    };
    let (same, next) = (edit(2), edit(3));
    std::fs::write(&home.paths.vault, same).unwrap();
    assert_eq!(code(home.try_open()), ("ROT808", 23));
    std::fs::write(&home.paths.vault, next).unwrap();
    assert_eq!(current(&home.open(), "a", None).unwrap(), "mended");
}

#[test]
fn memory_may_be_lost_but_not_garbled() {
    let home = Home::new();
    assert!(home.open().warnings().is_empty());
    let pin = home.pin();
    std::fs::write(&pin, "{").unwrap();
    assert_eq!(code(home.try_open()), ("ROT806", 23));
    std::fs::remove_dir_all(&home.paths.state).unwrap();
    let codes: Vec<_> = home.open().warnings().iter().map(|w| w.code.id()).collect();
    assert_eq!(codes, ["ROT818"]);
    assert!(pin.exists());
    assert!(home.open().warnings().is_empty());
}

#[test]
fn a_state_directory_that_cannot_be_written_is_a_warning() {
    let home = Home::new();
    std::fs::write(
        home.path("other-state"),
        "a file where a directory should be",
    )
    .unwrap();
    let mut vault = ok(Vault::open(&home.world, &home.without_memory()));
    ok(vault.commit(|doc| doc.put_current("a", single("v1", "one"))));
    let codes: Vec<_> = vault.warnings().iter().map(|w| w.code.id()).collect();
    assert_eq!(codes, ["ROT818", "ROT819"]);
    assert_eq!(current(&home.open(), "a", None).unwrap(), "one");
}

#[test]
fn hostile_documents_are_refused_and_never_quoted() {
    let canary = "CANARY-5f1d9a";
    let edits: Vec<(&str, &str, fn(&mut serde_json::Value))> = vec![
        ("schema of the future", "ROT805", |d| {
            d["schema"] = "rot.vault/v9".into()
        }),
        ("other schema", "ROT805", |d| {
            d["schema"] = "CANARY-5f1d9a".into()
        }),
        ("id that is a path", "ROT805", |d| {
            d["vault_id"] = "../../../CANARY-5f1d9a".into()
        }),
        ("generation as text", "ROT805", |d| {
            d["generation"] = "CANARY-5f1d9a".into()
        }),
        ("short continuity", "ROT805", |d| {
            d["continuity"] = "AAAA".into()
        }),
        ("unknown member", "ROT805", |d| {
            d["CANARY-5f1d9a"] = 1.into()
        }),
        ("value of another type", "ROT805", |d| {
            d["secrets"]["a"]["versions"][0]["value"] = serde_json::json!(["CANARY-5f1d9a"])
        }),
        ("bad base64", "ROT805", |d| {
            d["secrets"]["a"]["versions"][0] = serde_json::json!({
            "id": "v1", "created_at": "2026-01-01T00:00:00Z", "base64": "CANARY-5f1d9a", "state": "current"})
        }),
        ("two values", "ROT805", |d| {
            d["secrets"]["a"]["versions"][0]["base64"] = "AAAA".into()
        }),
        ("bad name", "ROT805", |d| {
            d["secrets"]["../a"] = d["secrets"]["a"].clone()
        }),
        ("dangling label", "ROT805", |d| {
            d["secrets"]["a"]["current"] = "gone".into()
        }),
        ("two versions with one id", "ROT805", |d| {
            let version = d["secrets"]["a"]["versions"][0].clone();
            d["secrets"]["a"]["versions"]
                .as_array_mut()
                .unwrap()
                .push(version);
        }),
        ("not an object", "ROT805", |d| {
            *d = serde_json::json!(["CANARY-5f1d9a"])
        }),
    ];
    for (what, expected, edit) in edits {
        let home = Home::new();
        home.put("a", "v1", canary);
        let bytes = resealed(&home, &home.recipient(), edit);
        std::fs::write(&home.paths.vault, bytes).unwrap();
        let error = home
            .try_open()
            .err()
            .unwrap_or_else(|| panic!("{what} was accepted"));
        assert_eq!(error.diagnostics[0].code.id(), expected, "{what}");
        assert!(
            !format!("{error:?}").contains(canary),
            "{what} quotes the value"
        );
    }
}

#[test]
fn every_flipped_byte_and_every_cut_is_noticed() {
    let home = Home::new();
    home.put("a", "v1", "one");
    let whole = home.vault_bytes();
    let paths = home.without_memory();
    let mut checked = 0;
    let mut check = |bytes: &[u8], what: String| {
        std::fs::write(&home.paths.vault, bytes).unwrap();
        let error = Vault::open(&home.world, &paths)
            .err()
            .unwrap_or_else(|| panic!("{what} went unnoticed"));
        assert!(
            [2, 23].contains(&error.failure.exit_code()),
            "{what}: {}",
            error.message()
        );
        checked += 1;
    };
    for index in 0..whole.len() {
        check(&whole[..index], format!("a cut at {index}"));
        let mut flipped = whole.clone();
        flipped[index] ^= if index % 2 == 0 { 0x01 } else { 0x20 };
        check(&flipped, format!("a flip at {index}"));
    }
    let mut longer = whole.clone();
    longer.push(b'\n');
    check(&longer, "a byte more".to_owned());
    assert_eq!(checked, whole.len() * 2 + 1);
    std::fs::write(&home.paths.vault, &whole).unwrap();
    home.open();
}

#[test]
fn a_changed_armored_vault_is_noticed_or_means_the_same() {
    let home = Home::new();
    home.put("a", "v1", "one");
    let identities = ok(rot::vault::identity::load(
        &home.world,
        &home.paths.identities[0],
    ));
    let plain = crypt::decrypt(&home.vault_bytes(), &identities).unwrap();
    let whole = rot::vault::armor(&home.vault_bytes()).into_bytes();
    let mut refused = 0;
    for index in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[index] ^= 0x01;
        for bytes in [&flipped[..], &whole[..index]] {
            match crypt::decrypt(bytes, &identities) {
                Ok(same) => assert!(*same == *plain, "at {index}"),
                Err(_) => refused += 1,
            }
        }
    }
    // All but the last line break, without which it is the same file.
    assert!(
        refused >= whole.len() * 2 - 2,
        "{refused} of {}",
        whole.len() * 2
    );
}
