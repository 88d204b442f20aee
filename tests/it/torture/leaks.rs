//! T10: every byte that the process writes to any descriptor but the issuer's socket, and every file that it leaves, is
//! searched for the secrets of a run in all the forms that they can take on the way.

use super::project::{Project, contains, files, rot};
use super::scenario::ADDITIVE;
use super::strace;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rot::demo::issuer::{Fault, Rule};
use std::process::Stdio;
use std::time::Duration;

/// Secrets of eight shapes.
const SHAPES: &[(&str, &str)] = &[
    ("letters and digits", "qZ7xW2vK9mB4nT6yR1cL8pD3"),
    ("specials", "p<&>'\"\\/%+ =;:!@#$^*()~`|?{}[]Q"),
    ("six letters", "kW9z-Q"),
    (
        "PEM",
        "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIHxQ7vZ2\n-----END PRIVATE KEY-----",
    ),
    ("JSON", "{\"user\":\"deploy\",\"pass\":\"hGt5Rw8u\"}"),
    ("number", "9283746501928374"),
    ("unicode", "пароль-日本-Zażółć-9x"),
    ("ESC", "ab\u{1b}[31mcd\u{1b}[0m-7Yq2"),
];

/// The forms: raw, JSON in two ways, percent in three, hex in two, base64 in six.
fn forms(secret: &str) -> Vec<Vec<u8>> {
    let bytes = secret.as_bytes();
    let json = serde_json::to_string(secret).unwrap();
    let escaped: String = secret
        .encode_utf16()
        .map(|u| format!("\\u{u:04x}"))
        .collect();
    let percent = |upper: bool| -> String {
        let plain = |b: &u8| b.is_ascii_alphanumeric() || b"-._~".contains(b);
        bytes
            .iter()
            .map(|b| match (plain(b), upper) {
                (true, _) => (*b as char).to_string(),
                (_, true) => format!("%{b:02X}"),
                (_, false) => format!("%{b:02x}"),
            })
            .collect()
    };
    let form: String = url::form_urlencoded::byte_serialize(bytes).collect();
    let hex = |upper: bool| -> String {
        bytes
            .iter()
            .map(|b| {
                if upper {
                    format!("{b:02X}")
                } else {
                    format!("{b:02x}")
                }
            })
            .collect()
    };
    let mut all = vec![
        bytes.to_vec(),
        json[1..json.len() - 1].into(),
        escaped.into(),
        percent(true).into(),
        percent(false).into(),
        form.into(),
    ];
    all.extend([hex(false).into_bytes(), hex(true).into_bytes()]);
    // Inside something longer that is encoded, it stands at one of three places; its ends depend on the neighbours.
    for shift in 0..3 {
        let mut shifted = vec![b'x'; shift];
        shifted.extend_from_slice(bytes);
        let first = shift * 8_usize.div_ceil(6);
        for encoded in [STANDARD.encode(&shifted), URL_SAFE_NO_PAD.encode(&shifted)] {
            let encoded = encoded.trim_end_matches('=');
            all.push(encoded[first.min(encoded.len())..encoded.len() - 1].into());
        }
    }
    all.retain(|form| form.len() >= 6);
    all.dedup();
    all
}

/// The strings of strace's lines that go to no socket, as bytes.
fn written(log: &str) -> Vec<u8> {
    let mut all = Vec::new();
    for line in log
        .lines()
        .filter(|line| !line.contains("<TCP") && !line.contains("<socket:"))
    {
        for part in line.split('"').skip(1).step_by(2) {
            let bytes = part
                .split("\\x")
                .skip(1)
                .filter_map(|h| u8::from_str_radix(h.get(..2)?, 16).ok());
            all.extend(bytes);
            all.push(b'\n');
        }
    }
    all
}

/// How a run goes.
fn ways(secret: &str) -> Vec<(&'static str, Option<Fault>)> {
    let json =
        serde_json::json!({ "token": format!("minted-{secret}"), "message": secret }).to_string();
    let answer = |status, body: String, execute| Fault::Answer {
        status,
        headers: vec![("content-type".into(), "application/json".into())],
        body,
        execute,
    };
    vec![
        ("success", Some(answer(200, json.clone(), false))),
        (
            "the request echoed with 400",
            Some(Fault::Echo { status: 400 }),
        ),
        (
            "the request echoed with 500",
            Some(Fault::Echo { status: 500 }),
        ),
        (
            "an answer without the capture",
            Some(answer(
                200,
                serde_json::json!({ "other": secret }).to_string(),
                false,
            )),
        ),
        (
            "an answer that is not JSON",
            Some(answer(200, format!("token={secret}"), false)),
        ),
        ("half an answer", Some(Fault::TruncatedBody)),
        (
            "a status line with the secret",
            Some(Fault::Raw {
                bytes: format!("HTTP/1.1 200 {secret}\r\n\r\n").into_bytes(),
                execute: false,
            }),
        ),
    ]
}

#[test]
fn no_byte_outside_the_issuers_socket_holds_a_secret() {
    if !strace::ready("no_byte_outside_the_issuers_socket_holds_a_secret") {
        return;
    }
    let (mut runs, mut searched, mut lengths) = (0, 0, 0);
    for (shape, secret) in SHAPES {
        for (way, fault) in ways(secret) {
            let mut project = Project::with(&ADDITIVE, |state| {
                state.config.application.1 = (*secret).to_owned();
                state.config.faults = fault
                    .into_iter()
                    .map(|f| Rule {
                        path: Some("/api/token".into()),
                        ..Rule::always(f)
                    })
                    .collect();
            });
            project.write_plan(
                &ADDITIVE
                    .plan
                    .replace(
                        "  http retrieve",
                        "  output answered = \"yes\"\n  http retrieve",
                    )
                    .replace(
                        "issues additive {",
                        "issues additive {\n    retry 1 every 10ms",
                    ),
            );
            let mut set = project.around(&rot());
            set.args(["vault", "set", "appKeySecret"])
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            let mut set = set.spawn().unwrap();
            std::io::Write::write_all(&mut set.stdin.take().unwrap(), secret.as_bytes()).unwrap();
            assert!(set.wait().unwrap().success(), "{shape}");
            let log = tempfile::NamedTempFile::new().unwrap();
            let options = [
                "-yy",
                "-xx",
                "-s",
                "1000000",
                "-o",
                log.path().to_str().unwrap(),
                "-e",
                "trace=write,writev,pwrite64,sendto,sendmsg",
            ];
            let first = project.traced(&options, "run p.rot --report json -v");
            let mut bytes = written(&std::fs::read_to_string(log.path()).unwrap());
            for line in [
                "status",
                "resume -v",
                "status --report json",
                "vault list",
                "vault history appKeySecret",
            ] {
                project.traced(&options, line);
                bytes.extend(written(&std::fs::read_to_string(log.path()).unwrap()));
            }
            bytes.extend(project.said.as_bytes());
            assert!(bytes.len() > 1000, "{shape}, {way}: strace shows nothing");
            for file in files(dir(&project)) {
                if !file.ends_with("identity.txt") {
                    bytes.extend(std::fs::read(file).unwrap());
                    bytes.push(b'\n');
                }
            }
            for form in forms(secret) {
                assert!(
                    !contains(&bytes, &form),
                    "{shape}, {way} (exit code {:?}): found as {}\n{}",
                    first.code,
                    String::from_utf8_lossy(&form),
                    project.said
                );
                searched += 1;
            }
            (runs, lengths) = (runs + 1, lengths + bytes.len());
        }
    }
    println!(
        "{runs} runs, {lengths} bytes, {searched} searches for secrets of {} shapes in 14 forms, 0 lost (0 hits)",
        SHAPES.len()
    );
}

fn dir(project: &Project) -> &std::path::Path {
    project.dir.path()
}

#[test]
fn neither_arguments_nor_environment_hold_a_secret() {
    let project = Project::with(&ADDITIVE, |state| {
        state.config.faults = vec![Rule::once(
            "/api/token",
            Fault::Stall {
                at: rot::demo::issuer::Phase::Execute,
                millis: 700,
            },
        )];
    });
    let mut command = project.around(&rot());
    let mut child = command
        .args(["run", "p.rot"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut samples = 0;
    while child.try_wait().unwrap().is_none() {
        for file in ["cmdline", "environ", "comm"] {
            // The process may have hidden itself, or be gone.
            let Ok(bytes) = std::fs::read(format!("/proc/{}/{file}", child.id())) else {
                continue;
            };
            for secret in ["demo-key-secret", "AGE-SECRET-KEY", "demo_orkes"] {
                assert!(!contains(&bytes, secret.as_bytes()), "{file}");
            }
            samples += 1;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(child.wait().unwrap().success());
    println!("{samples} samples of arguments and environment, 0 lost (0 hits)");
}

#[test]
fn the_search_finds_what_it_looks_for() {
    let secret = SHAPES[1].1;
    for form in forms(secret) {
        let line = format!(
            "1 write(1<pipe:[1]>, \"{}\", 3) = 3",
            form.iter()
                .map(|b| format!("\\x{b:02x}"))
                .collect::<String>()
        );
        assert!(contains(&written(&line), &form));
    }
    let inside = STANDARD.encode(format!("user:{secret}:more"));
    assert!(
        forms(secret)
            .iter()
            .any(|form| contains(inside.as_bytes(), form))
    );
    let socket = "1 sendto(5<TCP:[127.0.0.1:1->127.0.0.1:2]>, \"\\x61\", 1) = 1";
    assert!(written(socket).is_empty());
}
