//! Hashes that servers and machines keep in the place of passwords, tried by those: htpasswd, slapd, `chpasswd` on files of
//! its own, `crypt(3)`.

use super::servers::{ldap, program, skipped};
use crate::support::project::Project;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::io::Write;
use std::process::{Command, Stdio};

const PASSWORDS: [&str; 4] = [
    "secret",
    "with 'quotes\" and $dollars",
    "pässwörd-ü",
    "sixty-nine-bytes-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
];

/// What the functions give for a password.
fn hashed(password: &str) -> Vec<String> {
    let project = Project::new();
    let functions = ["bcrypt", "sha512_crypt", "ssha", "rabbitmq_hash"];
    let mut text = "secret p\n".to_owned();
    for name in functions {
        text += &format!("secret of_{name}\n");
    }
    text += "rotation r {\n";
    for name in functions {
        text += &format!("  update of_{name} = {name}(secrets.p)\n");
    }
    project.file("h.rot", text + "}\n").set("p", password);
    project.rot("run h.rot").code(0);
    functions
        .iter()
        .map(|name| project.get(&format!("of_{name}")))
        .collect()
}

fn feed(command: &mut Command, input: &str) -> bool {
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    child.wait().unwrap().success()
}

#[test]
fn each_is_taken_by_what_keeps_it() {
    for password in PASSWORDS {
        let made = hashed(password);
        let [bcrypt, crypt, ssha, rabbit] = made.as_slice() else {
            unreachable!()
        };
        let dir = tempfile::tempdir().unwrap();
        match program("htpasswd") {
            None => skipped("htpasswd"),
            Some(htpasswd) => {
                let file = dir.path().join("htpasswd");
                std::fs::write(&file, format!("app:{bcrypt}\n")).unwrap();
                for (tried, right) in [(password, true), ("wrong", false)] {
                    let mut command = Command::new(&htpasswd);
                    command.arg("-vb").arg(&file).args(["app", tried]);
                    let output = command.output().unwrap();
                    assert_eq!(output.status.success(), right, "{password}");
                }
            }
        }
        match program("perl") {
            None => skipped("perl"),
            Some(perl) => {
                let mut command = Command::new(perl);
                let output = command
                    .args(["-e", "print crypt($ARGV[0], $ARGV[1])", password, crypt])
                    .output();
                assert_eq!(String::from_utf8(output.unwrap().stdout).unwrap(), *crypt);
            }
        }
        match program("chpasswd").filter(|_| rustix::process::getuid().is_root()) {
            None => skipped("chpasswd, as root,"),
            Some(chpasswd) => {
                let etc = dir.path().join("etc");
                std::fs::create_dir(&etc).unwrap();
                std::fs::write(etc.join("passwd"), "app:x:1000:1000::/:/bin/sh\n").unwrap();
                std::fs::write(etc.join("shadow"), "app:!:19000:0:99999:7:::\n").unwrap();
                std::fs::write(etc.join("group"), "").unwrap();
                std::fs::write(etc.join("login.defs"), "").unwrap();
                let mut command = Command::new(chpasswd);
                command.args(["-e", "-R"]).arg(dir.path());
                assert!(feed(&mut command, &format!("app:{crypt}\n")));
                let shadow = std::fs::read_to_string(etc.join("shadow")).unwrap();
                assert!(shadow.starts_with(&format!("app:{crypt}:")));
            }
        }
        if let Some(server) = ldap(ssha) {
            for (tried, right) in [(password, true), ("wrong", false)] {
                assert_eq!(server.ldap_bind(tried), right, "{password}");
            }
        }
        // As the broker does it: the first four bytes are the salt.
        let kept = STANDARD.decode(rabbit).unwrap();
        let (salt, hash) = kept.split_at(4);
        let salted = [salt, password.as_bytes()].concat();
        assert_eq!(
            ring::digest::digest(&ring::digest::SHA256, &salted).as_ref(),
            hash
        );
    }
}

/// A hash may go where its password may, and nowhere else.
#[test]
fn a_hash_is_a_secret_of_its_password() {
    for name in [
        "bcrypt",
        "sha512_crypt",
        "ssha",
        "rabbitmq_hash",
        "mysql_native",
    ] {
        let project = Project::new();
        project.file("h.rot", format!("secret p to \"a.example.com\" in body\nrotation r {{\n  http PUT \"https://b.example.com/\" sets {{ json {{ hash: {name}(secrets.p) }} }}\n  log \"${{{name}(secrets.p)}}\"\n}}\n"));
        let found = project.rot("check h.rot").code(1);
        assert!(
            found.stdout.contains("ROT309") && found.stdout.contains("ROT301"),
            "{}",
            found.stdout
        );
    }
}
