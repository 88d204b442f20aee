//! `--watch`: a pass after each change, told as a difference.

use super::leaky;
use crate::support::process::Rot;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

#[test]
fn a_change_is_seen_and_told_as_a_difference() {
    let rot = Rot::new()
        .args("check --watch --report concise .")
        .file("a.rot", leaky("  log \"got ${mint.token}\""));
    let mut child = rot
        .command()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let mut until = |start: &str| lines.find(|l| l.starts_with(start)).unwrap();
    assert_eq!(
        until("checked"),
        "checked 1 file: 1 error; 1 can be fixed with `--fix=unsafe`"
    );
    assert_eq!(until("watching"), "watching for changes");
    std::fs::write(rot.path().join("a.rot"), leaky("  log \"fine\"")).unwrap();
    assert_eq!(until("checked"), "checked 1 file: no findings");
    assert_eq!(until("watching"), "watching for changes: 0 new, 1 gone");
    let other = leaky("  log \"${mint.token}\"").replace("rotation r", "rotation other");
    std::fs::write(rot.path().join("b.rot"), other).unwrap();
    assert_eq!(
        until("checked"),
        "checked 2 files: 1 error; 1 can be fixed with `--fix=unsafe`"
    );
    assert_eq!(until("watching"), "watching for changes: 1 new, 0 gone");
    std::fs::write(
        rot.path().join("rot.toml"),
        "check.severity = { ROT301 = \"off\" }\n",
    )
    .unwrap();
    assert_eq!(
        until("checked"),
        "checked 2 files: no findings; 1 rule turned off"
    );
    std::fs::write(rot.path().join("rot.toml"), "bad = 1\n").unwrap();
    assert_eq!(until("watching"), "watching for changes: 0 new, 1 gone");
    assert_eq!(until("watching"), "watching for changes");
    std::fs::remove_file(rot.path().join("rot.toml")).unwrap();
    assert_eq!(
        until("checked"),
        "checked 2 files: 1 error; 1 can be fixed with `--fix=unsafe`"
    );
    child.kill().unwrap();
    child.wait().unwrap();
}
