//! Who opens a vault, and who is refused.

use super::support::*;
use rot::vault::{Paths, Vault, recipient};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

fn chmod(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn an_identity_that_others_can_read_is_refused() {
    let home = Home::new();
    let path = &home.paths.identities[0];
    for mode in [0o640, 0o604, 0o660, 0o644, 0o610, 0o602] {
        chmod(path, mode);
        let error = home.try_open().err().unwrap();
        assert_eq!(
            (error.diagnostics[0].code.id(), error.failure.exit_code()),
            ("ROT814", 2),
            "{mode:o}"
        );
        assert!(
            error.diagnostics[0]
                .help
                .as_deref()
                .unwrap()
                .starts_with("chmod 600 ")
        );
    }
    for mode in [0o600, 0o400] {
        chmod(path, mode);
        home.open();
    }
}

#[test]
fn an_identity_may_be_linked_to_and_must_be_there() {
    let home = Home::new();
    let link = home.path("link.txt");
    std::os::unix::fs::symlink(&home.paths.identities[0], &link).unwrap();
    let with = |path: &Path| {
        Vault::open(
            &home.world,
            &Paths {
                identities: vec![path.to_owned()],
                ..home.paths.clone()
            },
        )
    };
    ok(with(&link));
    chmod(&home.paths.identities[0], 0o644);
    assert_eq!(code(with(&link)), ("ROT814", 2));
    assert_eq!(code(with(&home.path("nowhere.txt"))), ("ROT813", 2));
    assert_eq!(code(with(home.dir.path())), ("ROT815", 2));
    assert_eq!(
        code(Vault::open(
            &home.world,
            &Paths {
                identities: vec![],
                ..home.paths.clone()
            }
        )),
        ("ROT813", 2)
    );
}

#[test]
fn the_wrong_identity_is_told_apart_from_damage() {
    let home = Home::new();
    write_private(&home.path("other.txt"), &new_identity().1);
    let other = Paths {
        identities: vec![home.path("other.txt")],
        ..home.paths.clone()
    };
    assert_eq!(code(Vault::open(&home.world, &other)), ("ROT804", 2));
    let both = Paths {
        identities: vec![home.path("other.txt"), home.paths.identities[0].clone()],
        ..home.paths.clone()
    };
    ok(Vault::open(&home.world, &both));
}

#[test]
fn what_is_no_identity_is_refused_and_not_quoted() {
    let home = Home::new();
    let (public, file) = new_identity();
    let secret = file.lines().last().unwrap();
    let broken = secret.replace("AGE-SECRET-KEY-1", "AGE-SECRET-KEY-1Q");
    let cases = [
        ("empty", ""),
        ("comments", "# nothing\n"),
        ("a public key", public.as_str()),
        ("a mistyped key", broken.as_str()),
        ("a plugin's key", "AGE-PLUGIN-YUBIKEY-1CANARY"),
        (
            "half an SSH key",
            "-----BEGIN OPENSSH PRIVATE KEY-----\nCANARY\n",
        ),
    ];
    for (what, text) in cases {
        write_private(&home.path("bad.txt"), text);
        let error = Vault::open(
            &home.world,
            &Paths {
                identities: vec![home.path("bad.txt")],
                ..home.paths.clone()
            },
        )
        .err()
        .unwrap();
        assert_eq!(error.diagnostics[0].code.id(), "ROT815", "{what}");
        let said = format!("{error:?}");
        assert!(
            !said.contains("CANARY") && !said.contains(&broken[20..]),
            "{what} is quoted"
        );
    }
}

fn with_passphrase(text: &str, passphrase: &str) -> Vec<u8> {
    let mut to = age::scrypt::Recipient::new(age::secrecy::SecretString::from(passphrase));
    to.set_work_factor(10);
    let encryptor =
        age::Encryptor::with_recipients(std::iter::once(&to as &dyn age::Recipient)).unwrap();
    let mut out = Vec::new();
    let mut writer = encryptor.wrap_output(&mut out).unwrap();
    writer.write_all(text.as_bytes()).unwrap();
    writer.finish().unwrap();
    out
}

#[test]
fn a_passphrase_opens_an_identity() {
    let home = Home::new();
    let path = &home.paths.identities[0];
    let sealed = with_passphrase(&std::fs::read_to_string(path).unwrap(), "correct horse");
    for bytes in [sealed.clone(), rot::vault::armor(&sealed).into_bytes()] {
        std::fs::write(path, bytes).unwrap();
        ok(Vault::open(&world(&[b"correct horse"]), &home.paths));
        assert_eq!(
            code(Vault::open(&world(&[b"wrong"]), &home.paths)),
            ("ROT815", 2)
        );
        assert_eq!(code(Vault::open(&world(&[]), &home.paths)), ("ROT815", 2));
    }
    // The work that the file asks for is bounded before any of it is done.
    let text = sealed.iter().map(|b| char::from(*b)).collect::<String>();
    let line = text.lines().nth(1).unwrap().to_owned();
    let greedy = text.replacen(&line, &format!("{}30", line.strip_suffix("10").unwrap()), 1);
    std::fs::write(path, greedy.chars().map(|c| c as u8).collect::<Vec<_>>()).unwrap();
    let error = Vault::open(&world(&[b"correct horse"]), &home.paths)
        .err()
        .unwrap();
    assert!(
        error.message().contains("more work than is sensible"),
        "{}",
        error.message()
    );
}

fn ssh_keygen(dir: &Path, name: &str, args: &[&str]) -> bool {
    let made = std::process::Command::new("ssh-keygen")
        .args(args)
        .args(["-q", "-C", "ada@example", "-f"])
        .arg(dir.join(name))
        .output();
    if made.is_err() {
        println!("skipped: no ssh-keygen");
    }
    made.is_ok_and(|out| out.status.success())
}

#[test]
fn ssh_keys_open_vaults() {
    for (kind, passphrase) in [("ed25519", ""), ("ed25519", "open sesame"), ("rsa", "")] {
        let home = Home::new();
        let mut args = vec!["-t", kind, "-N", passphrase];
        if kind == "rsa" {
            args.extend(["-b", "2048"]);
        }
        if !ssh_keygen(home.dir.path(), "key", &args) {
            return;
        }
        let public = std::fs::read_to_string(home.path("key.pub")).unwrap();
        let mut vault = home.put("a", "v1", "one");
        ok(vault.commit(|doc| doc.add_recipient(&public).map(drop)));
        assert!(vault.doc().recipients()[1].ends_with(" ada@example"));
        let paths = Paths {
            identities: vec![home.path("key")],
            ..home.paths.clone()
        };
        let answers = world(&[passphrase.as_bytes()]);
        let mut opened = ok(Vault::open(&answers, &paths));
        assert_eq!(current(&opened, "a", None).unwrap(), "one");
        ok(opened.commit(|doc| doc.put_current("a", single("v2", "two"))));
        assert_eq!(current(&home.open(), "a", None).unwrap(), "two");
        if !passphrase.is_empty() {
            assert_eq!(
                code(Vault::open(&world(&[b"wrong"]), &paths)),
                ("ROT815", 2)
            );
        }
    }
}

#[test]
fn other_ssh_keys_are_refused_with_the_reason() {
    let home = Home::new();
    if !ssh_keygen(home.dir.path(), "ec", &["-t", "ecdsa", "-N", ""]) {
        return;
    }
    let error = Vault::open(
        &home.world,
        &Paths {
            identities: vec![home.path("ec")],
            ..home.paths.clone()
        },
    )
    .err()
    .unwrap();
    assert!(
        error.message().contains("of a kind that age cannot use"),
        "{}",
        error.message()
    );
    let public = std::fs::read_to_string(home.path("ec.pub")).unwrap();
    assert_eq!(code(recipient::parse(&public)), ("ROT816", 2));
}

#[test]
fn recipients_are_refused_with_the_reason() {
    let (public, file) = new_identity();
    ok(recipient::parse(&format!("  {public}\n")));
    let secret = file.lines().last().unwrap();
    let cases = [
        ("age1yubikey1q0qp8c6y0zs7s9k8d2", "needs an age plugin"),
        (&public[..40], "not a whole age recipient"),
        ("ssh-dss AAAA", "not an SSH key that age can encrypt to"),
        ("alice@example.org", "is not a recipient"),
        ("", "is not a recipient"),
        ("age1\u{1b}[31m", "one line of printable text"),
        (secret, "a private key was given"),
    ];
    for (text, expected) in cases {
        let error = recipient::parse(text).err().unwrap();
        assert_eq!(error.diagnostics[0].code.id(), "ROT816");
        assert!(error.message().contains(expected), "{}", error.message());
        assert!(!format!("{error:?}").contains(secret));
    }
}
