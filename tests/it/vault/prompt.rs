//! The hidden prompt on a real terminal: what is typed is not shown, and the terminal is left as it was.

use crate::support::process::Rot;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};

/// Types something at the prompt of a command: how it ended, what the terminal showed, and its modes afterwards.
fn typed(mut command: Command, keys: &[u8]) -> (ExitStatus, String, LocalModes) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let slave = File::options()
        .read(true)
        .write(true)
        .open(name.to_str().unwrap())
        .unwrap();
    let ours = slave.try_clone().unwrap();
    let mut child = command
        .stdin(slave.try_clone().unwrap())
        .stdout(Stdio::null())
        .stderr(slave)
        .spawn()
        .unwrap();
    let mut terminal = File::from(master);
    let mut shown = Vec::new();
    let mut buffer = [0; 256];
    while !shown.ends_with(b": ") {
        let count = terminal.read(&mut buffer).unwrap();
        shown.extend_from_slice(&buffer[..count]);
    }
    terminal.write_all(keys).unwrap();
    let status = child.wait().unwrap();
    // Something of ours ends what is read.
    (&ours).write_all(b"\x04").unwrap();
    while !shown.ends_with(b"\x04") {
        let count = terminal.read(&mut buffer).unwrap();
        shown.extend_from_slice(&buffer[..count]);
    }
    let modes = tcgetattr(&ours).unwrap().local_modes;
    (status, String::from_utf8(shown).unwrap(), modes)
}

fn project() -> Rot {
    let rot = Rot::new().args("vault set api_key");
    let status = Command::new(env!("CARGO_BIN_EXE_rot"))
        .args(["vault", "init"])
        .current_dir(rot.path())
        .env("HOME", rot.path().join("home"))
        .env("XDG_CONFIG_HOME", rot.path().join("home/config"))
        .env("XDG_STATE_HOME", rot.path().join("home/state"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    rot
}

#[test]
fn what_is_typed_is_stored_and_not_shown() {
    let rot = project();
    let (status, shown, modes) = typed(rot.command(), b"kanarienvogX\x7fel\n");
    assert!(status.success(), "{shown}");
    assert!(!shown.contains("kanarien"), "{shown}");
    assert!(modes.contains(LocalModes::ECHO | LocalModes::ISIG));
    let mut get = Command::new(env!("CARGO_BIN_EXE_rot"));
    get.args(["vault", "get", "api_key"])
        .current_dir(rot.path())
        .envs(rot.command().get_envs().filter_map(|(k, v)| Some((k, v?))));
    let got = get.output().unwrap();
    assert_eq!(
        String::from_utf8_lossy(&got.stdout).trim_end(),
        "kanarienvogel",
        "{}",
        String::from_utf8_lossy(&got.stderr)
    );
}

const PEM: &str = "-----BEGIN PRIVATE KEY-----\nkanarienvogelAAAA\nkanarienvogelBBBB\n-----END PRIVATE KEY-----\n";

/// Several lines in one paste, with and without a terminal that marks pastes; what follows them belongs to nobody.
#[test]
fn what_is_pasted_is_taken_whole() {
    let chain = format!("{PEM}{PEM}");
    let marked = |text: &str| format!("\x1b[200~{text}\x1b[201~\n");
    for (terminal, keys, stored) in [
        ("xterm", marked(PEM), PEM.to_owned()),
        ("xterm", marked(PEM.trim_end()), PEM.trim_end().to_owned()),
        ("xterm", marked("two\nlines"), "two\nlines".to_owned()),
        ("xterm", "typed\n".to_owned(), "typed".to_owned()),
        ("dumb", PEM.to_owned(), PEM.trim_end().to_owned()),
        ("dumb", chain.clone(), chain.trim_end().to_owned()),
        (
            "dumb",
            "one\nrm -rf kanarienvogel\n".to_owned(),
            "one".to_owned(),
        ),
    ] {
        let rot = project();
        let mut command = rot.command();
        command.env("TERM", terminal);
        let (status, shown, modes) = typed(command, keys.as_bytes());
        assert!(status.success(), "{shown}");
        assert!(!shown.contains("kanarien"), "{shown}");
        assert_eq!(
            shown.contains("\x1b[?2004h"),
            terminal == "xterm",
            "{shown}"
        );
        assert_eq!(
            shown.contains("\x1b[?2004l"),
            terminal == "xterm",
            "{shown}"
        );
        assert!(modes.contains(LocalModes::ECHO | LocalModes::ISIG));
        let mut get = Command::new(env!("CARGO_BIN_EXE_rot"));
        get.args(["vault", "get", "api_key"])
            .current_dir(rot.path())
            .envs(rot.command().get_envs().filter_map(|(k, v)| Some((k, v?))));
        let got = String::from_utf8(get.output().unwrap().stdout).unwrap();
        assert_eq!(got, format!("{stored}\n"), "{terminal}: {keys:?}");
    }
}

/// What a value has of its way through Windows is stored as it is, and said.
#[test]
fn carriage_returns_and_marks_on_standard_input_are_said() {
    let project = crate::support::project::Project::new();
    for (value, says) in [
        (&b"abc\r\n"[..], Some("carriage return")),
        (b"a\r\nb", Some("carriage returns")),
        (b"\xef\xbb\xbfabc\n", Some("byte order mark")),
        (b"\xff\xfea\x00b\x00", Some("UTF-16")),
        (b"abc\n", None),
        (b"a\nb\n", None),
    ] {
        let set = project.feed(&["vault", "set", "api_key"], value).code(0);
        match says {
            Some(says) => assert!(set.stderr.contains(says), "{value:?}: {}", set.stderr),
            None => assert!(!set.stderr.contains("the value"), "{}", set.stderr),
        }
        assert!(!set.stderr.contains("abc"), "{}", set.stderr);
    }
}

#[test]
fn a_person_who_gives_up_gets_the_terminal_back() {
    for key in [b"half\x03", b"half\x1c"] {
        let rot = project();
        let before = std::fs::read(rot.path().join("rot.vault")).unwrap();
        let (status, shown, modes) = typed(rot.command(), key);
        assert_eq!(status.signal(), Some(2), "{shown}");
        assert!(
            modes.contains(LocalModes::ECHO | LocalModes::ISIG),
            "{modes:?}"
        );
        assert!(!shown.contains("half"), "{shown}");
        assert_eq!(std::fs::read(rot.path().join("rot.vault")).unwrap(), before);
    }
}
