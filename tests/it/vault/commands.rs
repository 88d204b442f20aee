//! The bodies of `rot vault`, as the command line calls them.

use super::support::*;
use clap::Parser;
use rot::cli::vault::args::VaultArgs;
use rot::cli::vault::{Ctx, Output, run};
use rot::diagnostic::Result;
use rot::vault::Paths;
use std::os::unix::fs::PermissionsExt;
use zeroize::Zeroizing;

#[derive(clap::Parser)]
struct Line {
    #[command(flatten)]
    vault: VaultArgs,
}

impl Home {
    /// Runs `rot vault LINE` with `input` on standard input.
    fn rot(&self, line: &str, input: &[u8]) -> Result<Output> {
        let args = Line::try_parse_from(std::iter::once("vault").chain(line.split_whitespace()))
            .unwrap_or_else(|e| panic!("{e}"));
        let answers: Vec<&[u8]> = if input.is_empty() {
            vec![]
        } else {
            vec![input]
        };
        run(&Ctx::new(world(&answers), self.paths.clone()), &args.vault)
    }

    fn text(&self, line: &str) -> String {
        String::from_utf8(ok(self.rot(line, b"")).stdout.to_vec()).unwrap()
    }

    fn json(&self, line: &str) -> serde_json::Value {
        serde_json::from_str(&self.text(line)).unwrap()
    }
}

#[test]
fn init_makes_what_is_missing_and_overwrites_nothing() {
    let home = Home::empty();
    let (other, _) = new_identity();
    let identity = home.path("config/rot/identity.txt");
    let fresh = Home {
        paths: Paths {
            identities: vec![identity.clone()],
            ..home.paths.clone()
        },
        ..home
    };
    let output = ok(fresh.rot(&format!("init --recipient {other}"), b""));
    assert!(output.stdout.is_empty());
    let mode =
        |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&identity), 0o600);
    assert_eq!(mode(identity.parent().unwrap()), 0o700);
    let text = std::fs::read_to_string(&identity).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "# created: 2026-11-23T12:00:00Z");
    assert!(
        lines[1].starts_with("# public key: age1")
            && lines[2].starts_with("AGE-SECRET-KEY-1")
            && lines.len() == 3
    );
    assert_eq!(fresh.text("recipients").lines().count(), 2);
    let before = fresh.vault_bytes();
    assert_eq!(code(fresh.rot("init", b"")), ("ROT802", 2));
    assert_eq!(fresh.vault_bytes(), before);
    assert_eq!(std::fs::read_to_string(&identity).unwrap(), text);
    let said = output.notes.join("\n");
    assert!(!said.contains("AGE-SECRET-KEY"), "{said}");
}

#[test]
fn init_keeps_an_identity_and_refuses_before_it_makes_anything() {
    let home = Home::empty();
    let identity = std::fs::read(&home.paths.identities[0]).unwrap();
    assert_eq!(
        code(home.rot("init --recipient nonsense", b"")),
        ("ROT816", 2)
    );
    let left: Vec<_> = std::fs::read_dir(home.dir.path())
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(left, ["identity.txt"]);
    ok(home.rot("init", b""));
    assert_eq!(std::fs::read(&home.paths.identities[0]).unwrap(), identity);
}

#[test]
fn set_and_get_are_inverse() {
    let home = Home::new();
    for value in [
        &b"plain"[..],
        b"two\nlines",
        b"ends in a newline\n",
        b"\xff\x00binary",
        "\u{1F511}".as_bytes(),
    ] {
        ok(home.rot("set team/key", value));
        let got = ok(home.rot("get team/key", b"")).stdout;
        assert_eq!(got.as_slice(), [value, b"\n"].concat());
    }
    ok(home.rot("set db --field user", b"ada"));
    ok(home.rot(
        "set db --field password --expires 2027-01-31T00:00:00Z",
        b"pw",
    ));
    assert_eq!(home.text("get db --field user"), "ada\n");
    assert_eq!(
        home.text("get db --field password --version current"),
        "pw\n"
    );
}

#[test]
fn set_and_get_refuse_with_the_reason() {
    let home = Home::new();
    ok(home.rot("set one", b"1"));
    ok(home.rot("set db --field user", b"ada"));
    let cases: [(&str, &[u8], &str); 11] = [
        ("set empty", b"", "ROT812"),
        ("set a.b", b"x", "ROT118"),
        ("set db --field a.b", b"x", "ROT118"),
        ("set db", b"x", "ROT812"),
        ("set one --field f", b"x", "ROT812"),
        ("get two", b"", "ROT811"),
        ("get one --field f", b"", "ROT841"),
        ("get db", b"", "ROT841"),
        ("get db --field host", b"", "ROT811"),
        ("get one --version previous", b"", "ROT811"),
        ("get one --version v9", b"", "ROT811"),
    ];
    for (line, input, expected) in cases {
        assert_eq!(code(home.rot(line, input)), (expected, 2), "{line}");
    }
    ok(home.rot("set empty --allow-empty", b""));
    assert_eq!(home.text("get empty"), "\n");
    assert_eq!(
        home.rot("get onee", b"").err().unwrap().diagnostics[0]
            .help
            .as_deref(),
        Some("did you mean `one`?")
    );
    assert_eq!(code(Home::empty().rot("set x", b"v")), ("ROT801", 2));
}

#[test]
fn a_value_is_read_before_a_passphrase() {
    let home = Home::new();
    let path = &home.paths.identities[0];
    let plain = std::fs::read(path).unwrap();
    let mut to = age::scrypt::Recipient::new(age::secrecy::SecretString::from("open sesame"));
    to.set_work_factor(10);
    let sealed = {
        use std::io::Write;
        let encryptor =
            age::Encryptor::with_recipients(std::iter::once(&to as &dyn age::Recipient)).unwrap();
        let mut out = Vec::new();
        let mut writer = encryptor.wrap_output(&mut out).unwrap();
        writer.write_all(&plain).unwrap();
        writer.finish().unwrap();
        out
    };
    std::fs::write(path, sealed).unwrap();
    let args = Line::try_parse_from(["vault", "set", "a"]).unwrap();
    ok(run(
        &Ctx::new(world(&[b"the value", b"open sesame"]), home.paths.clone()),
        &args.vault,
    ));
    // Piped input is used up by the value: the passphrase is not taken from it, and nobody is waited for.
    assert_eq!(code(home.rot("set a", b"the value")), ("ROT815", 2));
    std::fs::write(path, plain).unwrap();
    assert_eq!(home.text("get a"), "the value\n");
}

/// A vault with something of everything, and the canary in every value.
fn furnished() -> Home {
    let home = Home::new();
    let mut vault = home.open();
    let at = |text: &str| Some(text.parse::<jiff::Timestamp>().unwrap());
    ok(vault.commit(|doc| {
        let old = |v: rot::vault::NewVersion, t: &str| rot::vault::NewVersion {
            created_at: at(t).unwrap(),
            ..v
        };
        doc.put_current(
            "ci/token",
            old(single("t1", "CANARY-1"), "2026-08-20T12:00:00Z"),
        )?;
        let mut second = old(single("t2", "CANARY-2"), "2026-11-20T12:00:00Z");
        second.expires_at = at("2027-02-18T12:00:00Z");
        second.rotation = Some("rotate-ci".to_owned());
        second.run = Some("run-7".to_owned());
        doc.put_current("ci/token", second)?;
        doc.mark_revoked("ci/token", "t1", now())?;
        doc.stage(
            "ci/token",
            old(single("t3", "CANARY-3"), "2026-11-23T11:58:00Z"),
        )?;
        let mut db = old(
            record("d1", &[("user", "CANARY-4"), ("password", "CANARY-5")]),
            "2026-11-23T07:00:00Z",
        );
        db.expires_at = at("2026-11-22T12:00:00Z");
        doc.put_current("db", db)?;
        doc.stage(
            "next",
            old(single("n1", "CANARY-6"), "2026-11-23T11:59:20Z"),
        )
    }));
    home
}

#[test]
fn lists_show_facts_and_never_values() {
    let home = furnished();
    insta::assert_snapshot!("list", home.text("list"));
    insta::assert_snapshot!("history", home.text("history ci/token"));
    let mut list = home.json("list --report json");
    list["vault"]["id"] = "[id]".into();
    list["vault"]["file"] = "[hash]".into();
    insta::assert_json_snapshot!("list_json", list);
    insta::assert_json_snapshot!("history_json", home.json("history ci/token --report json"));
    for line in [
        "list",
        "list --report json",
        "history ci/token",
        "history db --report json",
        "verify",
        "recipients",
    ] {
        let output = ok(home.rot(line, b""));
        let said = format!(
            "{}{:?}{:?}",
            String::from_utf8_lossy(&output.stdout),
            output.notes,
            output.warnings
        );
        assert!(!said.contains("CANARY"), "{line} shows a value");
    }
    assert_eq!(
        home.json("list --report json")["schema"],
        "rot.vault-list/v1"
    );
    assert_eq!(
        home.json("history db --report json")["schema"],
        "rot.vault-history/v1"
    );
}

#[test]
fn rollback_and_remove() {
    let home = Home::new();
    for value in ["one", "two"] {
        ok(home.rot("set a", value.as_bytes()));
    }
    ok(home.rot("rollback a", b""));
    assert_eq!(home.text("get a"), "one\n");
    assert_eq!(code(home.rot("rollback b", b"")), ("ROT811", 2));
    ok(home.rot("remove a", b""));
    assert_eq!(code(home.rot("remove a", b"")), ("ROT811", 2));
    assert_eq!(home.text("list"), "");
}

#[test]
fn recipients_come_and_go() {
    let home = Home::new();
    ok(home.rot("set a", b"one"));
    ok(home.rot("set b", b"two"));
    let (public, file) = new_identity();
    write_private(&home.path("second.txt"), &file);
    let second = Paths {
        identities: vec![home.path("second.txt")],
        state: home.path("s2"),
        ..home.paths.clone()
    };
    let as_second = || rot::vault::Vault::open(&home.world, &second);
    assert_eq!(code(as_second()), ("ROT804", 2));
    ok(home.rot(&format!("recipients add {public}"), b""));
    let generation = ok(as_second()).generation();
    assert!(ok(home.rot(&format!("recipients add {public}"), b"")).notes[0].contains("already"));
    assert_eq!(ok(as_second()).generation(), generation);
    let output = ok(home.rot(&format!("recipients remove {public}"), b""));
    assert!(
        output
            .notes
            .iter()
            .any(|n| n.contains("should be rotated: a, b")),
        "{:?}",
        output.notes
    );
    assert_eq!(code(as_second()), ("ROT804", 2));

    let own = home.recipient();
    assert_eq!(
        code(home.rot(&format!("recipients remove {own}"), b"")),
        ("ROT816", 2),
        "the last one"
    );
    assert_eq!(
        code(home.rot(&format!("recipients remove {public}"), b"")),
        ("ROT816", 2),
        "not one"
    );
    ok(home.rot(&format!("recipients add {public}"), b""));
    assert_eq!(
        code(home.rot(&format!("recipients remove {own}"), b"")),
        ("ROT816", 2),
        "locked out"
    );
    assert_eq!(home.text("recipients").lines().count(), 2);
    ok(home.rot(&format!("recipients remove {own} --force"), b""));
    assert_eq!(code(home.try_open()), ("ROT804", 2));
    assert_eq!(current(&ok(as_second()), "a", None).unwrap(), "one");
}

#[test]
fn verify_says_what_it_saw() {
    let home = Home::new();
    ok(home.rot("set a", b"one"));
    let output = ok(home.rot("verify", b""));
    let text = String::from_utf8(output.stdout.to_vec()).unwrap();
    assert_eq!(text.lines().nth(1), Some("generation: 2"));
    assert_eq!(
        text.lines().nth(2),
        Some(format!("file: {}", home.open().file_hash()).as_str())
    );
    assert!(
        output
            .notes
            .contains(&"the backup is the generation before".to_owned())
    );
    std::fs::write(home.path(".rot.vault.prev"), "other").unwrap();
    assert!(
        ok(home.rot("verify", b""))
            .notes
            .contains(&"the backup is of another generation than the one before".to_owned())
    );
    std::fs::write(&home.paths.vault, "other").unwrap();
    assert_eq!(code(home.rot("verify", b"")), ("ROT803", 23));
}

#[test]
fn exports_hold_what_they_can() {
    let home = Home::new();
    ok(home.rot("set team/api-key", b"it's \"$HOME\" `x`\nnext"));
    ok(home.rot("set db --field user", b"ada"));
    ok(home.rot("set db --field pass", b"p w"));
    let mut vault = home.open();
    ok(vault.commit(|doc| doc.stage("waiting", single("w1", "not yet"))));
    insta::assert_snapshot!("export_env", home.text("export --format env"));
    insta::assert_snapshot!("export_json", home.text("export --format json"));
    insta::assert_snapshot!(
        "export_k8s",
        home.text("export --format k8s --name app team/api-key db")
    );
    serde_json::from_str::<serde_json::Value>(&home.text("export --format k8s")).unwrap();
    assert_eq!(
        home.json("export --format json db"),
        serde_json::json!({"db": {"user": "ada", "pass": "p w"}})
    );

    // A shell reads back what was written.
    let sourced = std::process::Command::new("sh")
        .arg("-c")
        .arg("eval \"$EXPORTED\"; printf %s \"$TEAM_API_KEY\"")
        .env("EXPORTED", home.text("export --format env team/api-key"))
        .output()
        .unwrap();
    assert_eq!(sourced.stdout, b"it's \"$HOME\" `x`\nnext");

    ok(home.rot("set blob", b"\xff\xfe"));
    ok(home.rot("set team-api/key", b"x"));
    for (line, expected) in [
        ("export --format env blob", "ROT812"),
        ("export --format env team/api-key team-api/key", "ROT812"),
        ("export --format json nothing", "ROT811"),
        ("export --format json waiting", "ROT811"),
        ("export --format k8s --name Bad_Name db", "ROT841"),
    ] {
        assert_eq!(code(home.rot(line, b"")), (expected, 2), "{line}");
    }
    assert_eq!(
        home.json("export --format json blob"),
        serde_json::json!({"blob": {"base64": "//4="}})
    );
    let _wiped: Zeroizing<Vec<u8>> = ok(home.rot("export --format json", b"")).stdout;
}
