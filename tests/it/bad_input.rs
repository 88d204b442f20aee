//! Whatever is wrong with what it is given: a clear message, the exit code of the contract, and nothing lost that was stored.

use crate::support::loopback::{at, issuer};
use crate::support::project::{Called, Project};
use rot::demo::issuer::Config;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

const SEED: &str = include_str!("../spec/conductor/seed.json");
const ROT: &str = "secret a to \"api.example.com\"\nrotation r { log \"x\" }\n";

/// Source texts that are wrong in one way: name, bytes, exit codes of `check` and `run`.
fn texts() -> Vec<(&'static str, Vec<u8>, i32, i32)> {
    let nested = |open: &str, close: &str, count: usize| {
        format!("{}{}", open.repeat(count), close.repeat(count)).into_bytes()
    };
    let utf16 = |text: &str| {
        [0xff, 0xfe]
            .into_iter()
            .chain(text.encode_utf16().flat_map(u16::to_le_bytes))
            .collect::<Vec<u8>>()
    };
    vec![
        ("empty.rot", Vec::new(), 2, 2),
        ("blank.rot", b" \n\t\n".to_vec(), 2, 2),
        ("empty.json", Vec::new(), 2, 2),
        ("binary.rot", b"\x7fELF\x02\x01\x01\0\0\0".to_vec(), 2, 2),
        (
            "latin1.rot",
            b"# r\xf6tation\nrotation r { log \"x\" }\n".to_vec(),
            2,
            2,
        ),
        ("utf16.rot", utf16(ROT), 2, 2),
        ("utf16.json", utf16(SEED), 2, 2),
        (
            "huge.rot",
            b"# padding padding padding padding padding padding padding padding\n".repeat(140_000),
            2,
            2,
        ),
        ("nested.json", nested("[", "]", 100_000), 1, 25),
        (
            "nested.rot",
            format!(
                "rotation r {{ let x = {} }}\n",
                String::from_utf8(nested("[", "]", 50_000)).unwrap()
            )
            .into_bytes(),
            1,
            25,
        ),
        (
            "blocks.rot",
            format!(
                "rotation r {{ {} }}\n",
                String::from_utf8(nested("when true { ", "}", 20_000)).unwrap()
            )
            .into_bytes(),
            1,
            25,
        ),
        (
            "unclosed.rot",
            b"rotation r {\n  log \"x\"\n".to_vec(),
            1,
            25,
        ),
        (
            "duplicate.json",
            SEED.replacen("\"version\": 1,", "\"version\": 1,\n  \"version\": 2,", 1)
                .into_bytes(),
            1,
            25,
        ),
        (
            "truncated.json",
            SEED.as_bytes()[..SEED.len() / 2].to_vec(),
            1,
            2,
        ),
        ("number.json", b"42\n".to_vec(), 1, 25),
        (
            "bidi.rot",
            "secret a to \"api.example.com\"\nrotation r { log \"\u{202e}x\u{202c}\" }\n".into(),
            1,
            25,
        ),
        (
            "bidi.json",
            SEED.replace("Workflow to", "Workflow \u{202e}to")
                .into_bytes(),
            1,
            25,
        ),
        (
            "escape.rot",
            b"rotation r { log \"\x1b[31mred\" }\n".to_vec(),
            1,
            25,
        ),
        ("crlf.rot", ROT.replace('\n', "\r\n").into_bytes(), 0, 0),
        ("bom.rot", format!("\u{feff}{ROT}").into_bytes(), 0, 0),
    ]
}

#[test]
fn wrong_texts_are_said_and_refused() {
    let project = Project::new();
    let mut said = String::new();
    let mut wrong = Vec::new();
    for (name, bytes, check, run) in texts() {
        project.file(name, bytes);
        let checked = project.rot(&format!("check {name}"));
        let ran = project.rot(&format!("run {name}"));
        if (checked.code, ran.code) != (check, run) {
            wrong.push(format!(
                "{name}: check {} for {check}, run {} for {run}",
                checked.code, ran.code
            ));
        }
        let text = |called: &Called| {
            project
                .stable(&format!("{}{}", called.stdout, called.stderr))
                .chars()
                .take(1500)
                .collect::<String>()
        };
        said.push_str(&format!(
            "=== {name}: check {}, run {}\n{}\n",
            checked.code,
            ran.code,
            text(&checked)
        ));
        if check == 0 {
            continue;
        }
        said.push_str(&format!("--- run\n{}\n", text(&ran)));
    }
    insta::assert_snapshot!("texts", said);
    assert_eq!(wrong, Vec::<String>::new());
    project.rot("vault verify").code(0);
}

#[test]
fn what_cannot_be_read_is_said() {
    let project = Project::new();
    project.file("dir.rot/x", "").file("secret.rot", ROT);
    let mut said = String::new();
    for line in [
        "check none.rot",
        "run none.rot",
        "plan none.rot",
        "compile none.rot",
        "fmt none.rot",
        "run dir.rot",
        "run /dev/null",
        "check empty",
        "run",
    ] {
        std::fs::create_dir_all(project.path("empty")).unwrap();
        let called = project.rot(line);
        said.push_str(&format!(
            "=== {line}: {}\n{}\n",
            called.code,
            project.stable(&format!("{}{}", called.stdout, called.stderr))
        ));
        assert!([1, 2, 3].contains(&called.code), "{line}: {}", called.code);
    }
    insta::assert_snapshot!("unreadable", said);
    std::fs::set_permissions(project.path("secret.rot"), PermissionsExt::from_mode(0o000)).unwrap();
    if std::fs::read(project.path("secret.rot")).is_ok() {
        println!("skipped: this user reads every file whatever its mode is");
        return;
    }
    project
        .rot("run secret.rot")
        .code(2)
        .says("permission denied");
}

/// A project with one stored secret, a change to it, and what must be said. Afterwards the change is undone and the secret is
/// still there.
#[test]
fn wrong_vaults_and_identities_are_said_and_nothing_is_lost() {
    let mut said = String::new();
    let identity = "home/config/rot/identity.txt";
    type Change = fn(&Project);
    let changes: &[(&str, &[i32], Change)] = &[
        ("identity readable by others", &[2], |p| {
            mode(p, "home/config/rot/identity.txt", 0o644)
        }),
        ("identity missing", &[2], |p| {
            std::fs::remove_file(p.path("home/config/rot/identity.txt")).unwrap()
        }),
        ("identity empty", &[2], |p| {
            write(p, "home/config/rot/identity.txt", b"")
        }),
        ("identity not an identity", &[2], |p| {
            write(p, "home/config/rot/identity.txt", b"hello\n")
        }),
        ("identity a folder", &[2], |p| {
            std::fs::remove_file(p.path("home/config/rot/identity.txt")).unwrap();
            std::fs::create_dir(p.path("home/config/rot/identity.txt")).unwrap();
        }),
        ("identity of somebody else", &[2], |p| {
            let other = Project::new();
            write(
                p,
                "home/config/rot/identity.txt",
                &std::fs::read(other.path("home/config/rot/identity.txt")).unwrap(),
            );
        }),
        ("vault missing", &[2], |p| {
            std::fs::remove_file(p.path("rot.vault")).unwrap()
        }),
        ("vault empty", &[23], |p| write(p, "rot.vault", b"")),
        ("vault cut short", &[23], |p| {
            let bytes = std::fs::read(p.path("rot.vault")).unwrap();
            write(p, "rot.vault", &bytes[..bytes.len() - 20]);
        }),
        ("vault altered", &[23], |p| {
            let mut bytes = std::fs::read(p.path("rot.vault")).unwrap();
            let last = bytes.len() - 1;
            bytes[last] ^= 1;
            write(p, "rot.vault", &bytes);
        }),
        ("vault of another program", &[23], |p| {
            write(p, "rot.vault", b"$ANSIBLE_VAULT;1.1;AES256\n616263\n")
        }),
        ("vault of a later age", &[2, 23], |p| {
            let bytes = std::fs::read(p.path("rot.vault")).unwrap();
            let line = b"age-encryption.org/v1";
            write(
                p,
                "rot.vault",
                &[b"age-encryption.org/v2".as_slice(), &bytes[line.len()..]].concat(),
            );
        }),
        ("vault put back", &[23], |p| {
            let before = std::fs::read(p.path("rot.vault")).unwrap();
            p.set("another", "x");
            write(p, "rot.vault", &before);
        }),
        ("settings that are no settings", &[2], |p| {
            write(p, "rot.toml", b"[vault\npath = 1\n")
        }),
        ("settings with an unknown key", &[2], |p| {
            write(p, "rot.toml", b"[vault]\npaht = \"x\"\n")
        }),
    ];
    for (name, codes, change) in changes {
        let project = Project::new();
        project.set("kept", "the-stored-value");
        let files: Vec<(std::path::PathBuf, Vec<u8>)> = project.files();
        change(&project);
        let vault = std::fs::read(project.path("rot.vault")).ok();
        for line in ["vault get kept", "status"] {
            let called = project.rot(line);
            said.push_str(&format!(
                "=== {name}: {line}: {}\n{}\n",
                called.code,
                project.stable(&called.stderr)
            ));
            assert!(
                codes.contains(&called.code),
                "{name}: {line}: {}\n{}{}",
                called.code,
                called.stdout,
                called.stderr
            );
            assert!(!called.stdout.contains("the-stored-value"));
        }
        let set = project.feed(&["vault", "set", "kept"], b"a new value");
        assert!(codes.contains(&set.code), "{name}: set: {}", set.code);
        assert_eq!(
            std::fs::read(project.path("rot.vault")).ok(),
            vault,
            "{name}: the vault was touched"
        );
        // Undone, all is as it was.
        let _ = std::fs::remove_dir(project.path(identity));
        let _ = std::fs::remove_file(project.path("rot.toml"));
        if *name != "vault put back" {
            for (path, bytes) in files {
                std::fs::write(&path, bytes).unwrap();
            }
            mode(&project, identity, 0o600);
            assert_eq!(project.get("kept"), "the-stored-value", "{name}");
        }
    }
    insta::assert_snapshot!("vaults", said);
}

fn mode(project: &Project, name: &str, mode: u32) {
    std::fs::set_permissions(project.path(name), PermissionsExt::from_mode(mode)).unwrap();
}

fn write(project: &Project, name: &str, bytes: &[u8]) {
    std::fs::write(project.path(name), bytes).unwrap();
}

#[test]
fn wrong_values_for_secrets_are_refused() {
    let project = Project::new();
    project.set("kept", "the-stored-value");
    let mut said = String::new();
    let large = vec![b'x'; (1 << 20) + 1];
    for (arguments, input) in [
        (&["vault", "set", "kept"][..], &b""[..]),
        (&["vault", "set", "kept"], b"\n"),
        (&["vault", "set", "kept"], &large),
        (&["vault", "set", "a.b"], b"x"),
        (&["vault", "set", "kept", "the-value"], b"x"),
        (&["vault", "set", "kept", "--field", "f"], b"x"),
        (&["vault", "set", "kept", "--expires", "tomorrow"], b"x"),
        (&["vault", "get", "kep"], b""),
        (&["vault", "get", "kept", "--field", "x"], b""),
        (&["vault", "rollback", "kept"], b""),
        (&["vault", "recipients", "add", "age1nonsense"], b""),
    ] {
        let called = project.feed(arguments, input);
        said.push_str(&format!(
            "=== {}: {}\n{}\n",
            arguments.join(" "),
            called.code,
            project.stable(&called.stderr)
        ));
        assert_eq!(called.code, 2, "{arguments:?}: {}", called.stderr);
        assert!(!called.stderr.contains("the-value"), "{}", called.stderr);
    }
    insta::assert_snapshot!("values", said);
    assert_eq!(project.get("kept"), "the-stored-value");
}

#[test]
fn a_closed_standard_error_or_output_does_not_stop_a_run() {
    let issuer = issuer(Config::default());
    let project = Project::new();
    project
        .set("appKeyId", "demo-key-id")
        .set("appKeySecret", "demo-key-secret");
    project.file("seed.json", at(&issuer, SEED));
    let program = env!("CARGO_BIN_EXE_rot");
    let before = issuer.state().requests.len();
    for closed in ["2>&-", "1>&-", "1>&- 2>&-", "0<&-", "0<&- 1>&- 2>&-"] {
        let mut shell = std::process::Command::new("/bin/sh");
        let mut rot = project.command(&[]);
        rot.stdin(Stdio::null());
        shell
            .args(["-c", &format!("'{program}' run seed.json {closed}")])
            .current_dir(project.dir())
            .env_clear();
        shell.envs(
            rot.get_envs()
                .filter_map(|(k, v)| Some((k.to_owned(), v?.to_owned()))),
        );
        let code = shell
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap()
            .code();
        // Where the report could not be written, that is said by the exit code; the run itself is done.
        let expected: &[i32] = if closed.contains("1>&-") {
            &[0, 2]
        } else {
            &[0]
        };
        assert!(expected.contains(&code.unwrap_or(-1)), "{closed}: {code:?}");
        assert_eq!(
            project.rot("status --report json").code(0).json()["runs"],
            serde_json::json!([]),
            "{closed}"
        );
    }
    assert_eq!(issuer.state().requests.len() - before, 5);
    // What was opened in the place of a closed descriptor was not written to: the vault is whole.
    project.rot("vault verify").code(0);
    assert!(!project.get("my_secret_holding_a_token").is_empty());
}

/// A file system that holds little; `None` where this user may not mount one.
struct Small(std::path::PathBuf);

impl Small {
    fn mount(path: std::path::PathBuf, size: &str) -> Option<Self> {
        let mounted = std::process::Command::new("mount")
            .args([
                "-t",
                "tmpfs",
                "-o",
                &format!("size={size},mode=700"),
                "tmpfs",
            ])
            .arg(&path)
            .stderr(Stdio::null())
            .status();
        mounted
            .is_ok_and(|status| status.success())
            .then_some(Self(path))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_loses_nothing_that_is_stored() {
    let issuer = issuer(Config::default());
    let project = Project::new();
    project
        .set("appKeyId", "demo-key-id")
        .set("appKeySecret", "demo-key-secret");
    project.file("seed.json", at(&issuer, SEED));
    for folder in ["disk", "fullstate"] {
        std::fs::create_dir(project.path(folder)).unwrap();
    }
    let Some(disk) = Small::mount(project.path("disk"), "256k") else {
        println!("skipped: a small file system can only be mounted by root");
        return;
    };
    // The vault stands on the small disk with hardly any room beside it.
    std::fs::copy(project.path("rot.vault"), project.path("disk/rot.vault")).unwrap();
    std::fs::remove_file(project.path("rot.vault")).unwrap();
    fill(&project.path("disk/filler"));
    let before = std::fs::read(project.path("disk/rot.vault")).unwrap();
    let mut said = String::new();
    let set = project.feed(
        &["--vault", "disk/rot.vault", "vault", "set", "another"],
        b"x",
    );
    said.push_str(&format!(
        "=== vault set: {}\n{}\n",
        set.code,
        project.stable(&set.stderr)
    ));
    assert_eq!(set.code, 20, "{}", set.stderr);
    assert_eq!(
        std::fs::read(project.path("disk/rot.vault")).unwrap(),
        before
    );

    // There would be no room for what the call brings: that shows before it is made.
    let run = project.rot("--vault disk/rot.vault run seed.json");
    said.push_str(&format!(
        "=== run: {}\n{}\n",
        run.code,
        project.stable(&run.stderr)
    ));
    assert_eq!(run.code, 20, "{}", run.stderr);
    assert_eq!(
        std::fs::read(project.path("disk/rot.vault")).unwrap(),
        before
    );
    assert_eq!(
        issuer.state().executed("POST", "/api/token"),
        0,
        "nothing was called"
    );
    std::fs::remove_file(project.path("disk/filler")).unwrap();
    project.rot("--vault disk/rot.vault run seed.json").code(0);
    assert_eq!(
        issuer.state().executed("POST", "/api/token"),
        1,
        "the issuer was called once"
    );
    let token = project
        .rot("--vault disk/rot.vault vault get my_secret_holding_a_token")
        .code(0)
        .stdout;
    assert!(crate::support::loopback::is_live(
        &issuer,
        rot::demo::issuer::Kind::Orkes,
        token.trim()
    ));

    // No room for the journal: nothing is called at all.
    if let Some(state) = Small::mount(project.path("fullstate"), "16k") {
        fill(&project.path("fullstate/filler"));
        let calls = issuer.state().requests.len();
        let run = project.rot("--vault disk/rot.vault --first-use --state fullstate run seed.json");
        said.push_str(&format!(
            "=== run without room for the journal: {}\n{}\n",
            run.code,
            project.stable(&run.stderr)
        ));
        assert_eq!(run.code, 20, "{}", run.stderr);
        assert_eq!(issuer.state().requests.len(), calls);
        drop(state);
    }
    insta::assert_snapshot!("full_disk", said);
    drop(disk);
}

/// Takes all the room that is left.
fn fill(path: &std::path::Path) {
    use std::io::Write;
    let mut file = std::fs::File::create(path).unwrap();
    while file.write(&[0; 512]).is_ok_and(|written| written > 0) {}
}
