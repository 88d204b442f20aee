//! Round trips, concurrency, and what stays on disk.

use super::support::*;
use rot::vault::{Paths, Secret, StoredValue, Vault};
use std::time::Duration;

#[test]
fn stores_text_bytes_and_records() {
    let home = Home::new();
    let mut vault = home.open();
    ok(vault.commit(|doc| {
        doc.put_current("team/api-key", single("v1", "s3cret \u{1F511}\n\"quoted\""))?;
        doc.put_current(
            "blob",
            version(
                "v1",
                StoredValue::Single(Secret::new(vec![0u8, 255, 254, 10])),
            ),
        )?;
        doc.put_current("empty", single("v1", ""))?;
        doc.put_current(
            "login",
            record("v1", &[("user", "ada"), ("password", "pw")]),
        )?;
        doc.meta.insert(
            "due".to_owned(),
            serde_json::json!({"api": "2026-12-01T00:00:00Z"}),
        );
        Ok(())
    }));
    let again = home.open();
    assert_eq!(
        current(&again, "team/api-key", None).unwrap(),
        "s3cret \u{1F511}\n\"quoted\""
    );
    assert_eq!(current(&again, "empty", None).unwrap(), "");
    assert_eq!(current(&again, "login", Some("password")).unwrap(), "pw");
    assert_eq!(
        again.doc().get("login").unwrap().fields,
        ["user", "password"]
    );
    let blob = again
        .doc()
        .get("blob")
        .unwrap()
        .current_version()
        .unwrap()
        .value
        .clone()
        .unwrap();
    assert_eq!(blob.part(None).unwrap().expose(), [0u8, 255, 254, 10]);
    assert_eq!(
        again.doc().names().collect::<Vec<_>>(),
        ["blob", "empty", "login", "team/api-key"]
    );
    assert_eq!(again.doc().meta["due"]["api"], "2026-12-01T00:00:00Z");
    assert_eq!(again.generation(), 2);
    assert_eq!(again.id(), vault.id());
}

#[test]
fn a_commit_that_changes_nothing_writes_nothing() {
    let home = Home::new();
    home.put("a", "v1", "one");
    let before = home.vault_bytes();
    let vault = home.put("a", "v1", "one");
    assert_eq!(vault.generation(), 2);
    assert_eq!(home.vault_bytes(), before);
}

#[test]
fn a_failing_change_leaves_the_vault_alone() {
    let home = Home::new();
    let before = home.vault_bytes();
    let mut vault = home.open();
    let result = vault.commit(|doc| {
        doc.put_current("a", single("v1", "one"))?;
        doc.expect_current("a", Some("v9"))
    });
    assert_eq!(code(result), ("ROT810", 20));
    assert!(vault.doc().get("a").is_none());
    assert_eq!(home.vault_bytes(), before);
}

#[test]
fn every_file_is_private_and_the_backup_opens() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    home.put("a", "v1", "one");
    home.put("a", "v2", "two");
    let mode = |name: &str| {
        std::fs::metadata(home.path(name))
            .unwrap()
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!(mode("rot.vault"), 0o600);
    assert_eq!(mode(".rot.vault.prev"), 0o600);
    assert_eq!(mode("rot.vault.lock"), 0o600);
    assert_eq!(mode("state/vaults"), 0o700);
    let backup = Paths {
        vault: home.path(".rot.vault.prev"),
        ..home.without_memory()
    };
    assert_eq!(
        current(&ok(Vault::open(&home.world, &backup)), "a", None).unwrap(),
        "one"
    );
}

#[test]
fn each_generation_names_the_file_before() {
    let home = Home::new();
    let mut last = home.open().file_hash().to_owned();
    assert!(home.open().doc().prev().is_none());
    for n in 0..3 {
        let vault = home.put("a", &format!("v{n}"), "x");
        assert_eq!(vault.doc().prev(), Some(last.as_str()));
        last = vault.file_hash().to_owned();
    }
}

#[test]
fn no_commit_of_sixteen_threads_is_lost() {
    const THREADS: usize = 16;
    const COMMITS: usize = 10;
    let home = Home::new();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let home = &home;
            scope.spawn(move || {
                // A handle opened once sees only stale generations; one opened each time races with the writers.
                let mut kept = home.open();
                for n in 0..COMMITS {
                    let name = format!("t{thread}/s{n}");
                    let mut fresh = (n % 2 == 0).then(|| home.open());
                    ok(fresh
                        .as_mut()
                        .unwrap_or(&mut kept)
                        .commit(|doc| doc.put_current(&name, single("v1", &name))));
                }
            });
        }
    });
    let vault = home.open();
    assert_eq!(vault.doc().names().count(), THREADS * COMMITS);
    assert_eq!(vault.generation() as usize, 1 + THREADS * COMMITS);
    for name in vault.doc().names() {
        assert_eq!(current(&vault, name, None).unwrap(), name);
    }
    let left: Vec<_> = std::fs::read_dir(home.dir.path())
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert!(
        !left.iter().any(|n| n.to_string_lossy().ends_with(".tmp")),
        "temporary files are left: {left:?}"
    );
}

#[test]
fn a_held_lock_is_waited_for_and_then_named() {
    use rot::world::fs::{Fs, RealFs};
    let home = Home::new();
    let mut guard = RealFs
        // A process that another test starts holds a copy of the descriptor until it runs its program.
        .lock(&home.path("rot.vault.lock"), Duration::from_secs(5))
        .unwrap()
        .unwrap();
    guard.describe("process 4711");
    let paths = Paths {
        lock_wait: Duration::from_millis(20),
        ..home.paths.clone()
    };
    let mut vault = ok(Vault::open(&home.world, &paths));
    let error = vault
        .commit(|doc| doc.put_current("a", single("v1", "x")))
        .unwrap_err();
    assert_eq!(error.diagnostics[0].code.id(), "ROT809");
    assert_eq!(error.failure.exit_code(), 24);
    assert_eq!(error.diagnostics[0].notes, ["held by process 4711"]);
    drop(guard);
    ok(vault.commit(|doc| doc.put_current("a", single("v1", "x"))));
}

#[test]
fn stale_temporary_files_are_swept_and_others_are_not() {
    let home = Home::new();
    std::fs::write(
        home.path(".rot.vault.0123456789abcdef.tmp"),
        "left by a crash",
    )
    .unwrap();
    std::fs::write(home.path(".rot.vault.mine.tmp"), "not ours").unwrap();
    home.put("a", "v1", "x");
    assert!(!home.path(".rot.vault.0123456789abcdef.tmp").exists());
    assert!(home.path(".rot.vault.mine.tmp").exists());
}

#[test]
fn an_armored_vault_is_read_and_stays_armored() {
    let home = Home::new();
    home.put("a", "v1", "one");
    let armored = rot::vault::armor(&home.vault_bytes());
    std::fs::write(&home.paths.vault, armored).unwrap();
    let paths = home.without_memory();
    let mut vault = ok(Vault::open(&home.world, &paths));
    ok(vault.commit(|doc| doc.put_current("a", single("v2", "two"))));
    assert!(
        home.vault_bytes()
            .starts_with(b"-----BEGIN AGE ENCRYPTED FILE-----")
    );
    assert_eq!(
        current(&ok(Vault::open(&home.world, &paths)), "a", None).unwrap(),
        "two"
    );
}

#[test]
fn seal_and_derive_belong_to_the_vault() {
    let home = Home::new();
    let vault = home.open();
    let sealed = ok(vault.seal(b"journal"));
    assert_eq!(ok(home.open().unseal(&sealed)).as_slice(), b"journal");
    assert_eq!(vault.derive("journal"), home.open().derive("journal"));
    assert_ne!(vault.derive("journal"), vault.derive("other"));
    let other = Home::new();
    assert_ne!(vault.derive("journal"), other.open().derive("journal"));
    assert_eq!(code(other.open().unseal(&sealed)), ("ROT804", 2));
}

#[test]
fn what_is_no_vault_is_refused() {
    let home = Home::empty();
    assert_eq!(code(home.try_open()), ("ROT801", 2));
    home.create();
    assert_eq!(
        code(Vault::create(&home.world, &home.paths, &[])),
        ("ROT802", 2)
    );
    let at = |vault: &str| {
        Vault::open(
            &home.world,
            &Paths {
                vault: home.path(vault),
                ..home.paths.clone()
            },
        )
    };
    std::os::unix::fs::symlink(home.path("rot.vault"), home.path("link")).unwrap();
    assert_eq!(code(at("link")), ("ROT803", 2));
    std::fs::create_dir(home.path("folder")).unwrap();
    assert_eq!(code(at("folder")), ("ROT803", 2));
    assert_eq!(
        code(Vault::open(
            &home.world,
            &Paths {
                vault: "/dev/null".into(),
                ..home.paths.clone()
            }
        )),
        ("ROT803", 2)
    );
    let huge = std::fs::File::create(home.path("huge")).unwrap();
    huge.set_len(64 * 1024 * 1024 + 1).unwrap();
    assert_eq!(code(at("huge")), ("ROT803", 2));
    for (name, bytes) in [
        ("empty", &b""[..]),
        ("text", b"hello"),
        ("half", b"age-encryption.org/v1\n-> X25519 "),
    ] {
        std::fs::write(home.path(name), bytes).unwrap();
        assert_eq!(code(at(name)), ("ROT803", 23), "{name}");
    }
    std::fs::write(home.path("newer"), "age-encryption.org/v2\n").unwrap();
    assert_eq!(code(at("newer")), ("ROT805", 2));
}
