//! age's own test vectors through our one way to decrypt, and the stock `age` on our files.

use super::support::*;
use rot::vault::{Vault, crypt};
use std::path::PathBuf;
use std::process::Command;

/// One file of C2SP/CCTV: a header of `key: value` lines, an empty line, an age file.
struct Vector {
    facts: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Vector {
    fn parse(bytes: &[u8]) -> Self {
        let split = bytes.windows(2).position(|w| w == b"\n\n").unwrap();
        let header = std::str::from_utf8(&bytes[..split]).unwrap();
        let facts = header
            .lines()
            .map(|line| line.split_once(": ").unwrap())
            .map(|(k, v)| (k.to_owned(), v.to_owned()));
        Self {
            facts: facts.collect(),
            body: bytes[split + 2..].to_vec(),
        }
    }

    fn all(&self, key: &str) -> Vec<&str> {
        self.facts
            .iter()
            .filter(|(k, _)| k == key)
            .map(|(_, v)| v.as_str())
            .collect()
    }
}

/// The age crate still reads a stanza form of age's beta versions. Header and payload are authenticated all the same.
const KNOWN: [&str; 2] = ["stanza_missing_body", "stanza_missing_final_line"];

#[test]
fn the_published_vectors_are_judged_as_published() {
    let corpus = std::env::var_os("ROT_CORPUS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"),
        PathBuf::from,
    );
    let Ok(entries) = std::fs::read_dir(corpus.join("age-cctv/testdata")) else {
        println!("skipped: no age vectors below {}", corpus.display());
        return;
    };
    let (mut opened, mut refused, mut skipped) = (0, 0, 0);
    let mut wrong = Vec::new();
    for entry in entries {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let vector = Vector::parse(&std::fs::read(&path).unwrap());
        let keys = vector.all("identity");
        let identities: Vec<_> = keys
            .iter()
            .filter_map(|line| crypt::Identity::from_native(line))
            .collect();
        let verdict = match vector.all("passphrase").first() {
            Some(passphrase) => crypt::decrypt_with_passphrase(&vector.body, passphrase),
            None => crypt::decrypt(&vector.body, &identities),
        };
        assert!(
            verdict.as_ref().err() != Some(&crypt::Fault::Panic),
            "{name} panics"
        );
        // Compressed bodies and post-quantum keys are only tried for panics.
        if !vector.all("compressed").is_empty() || identities.len() < keys.len() {
            skipped += 1;
            continue;
        }
        match (vector.all("expect")[0], verdict) {
            ("success", Ok(plain)) => {
                let digest = ring::digest::digest(&ring::digest::SHA256, &plain);
                let hex: String = digest.as_ref().iter().map(|b| format!("{b:02x}")).collect();
                assert_eq!(hex, vector.all("payload")[0], "{name}");
                opened += 1;
            }
            ("success", Err(fault)) => wrong.push(format!("{name} is refused: {fault}")),
            (expect, Ok(_)) => wrong.push(format!("{name} is opened, expected {expect}")),
            (_, Err(_)) => refused += 1,
        }
    }
    wrong.sort();
    let known = KNOWN.map(|name| format!("{name} is opened, expected header failure"));
    assert_eq!(wrong, known);
    println!("{opened} opened, {refused} refused, {skipped} only tried");
    assert!(
        opened >= 14 && refused >= 88,
        "{opened} opened, {refused} refused, {skipped} only tried"
    );
}

#[test]
fn stock_age_opens_our_vault_and_we_open_what_it_seals() {
    let home = Home::new();
    home.put("team/key", "v1", "one");
    let plain = home.path("plain.json");
    let decrypt = Command::new("age")
        .arg("--decrypt")
        .arg("-i")
        .arg(&home.paths.identities[0])
        .arg("-o")
        .arg(&plain)
        .arg(&home.paths.vault)
        .status();
    let Ok(status) = decrypt else {
        println!("skipped: no age in PATH");
        return;
    };
    assert!(status.success());
    let text = std::fs::read_to_string(&plain).unwrap();
    assert!(
        text.starts_with("{\n  \"schema\": \"rot.vault/v2\",\n"),
        "readable JSON"
    );
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["secrets"]["team/key"]["versions"][0]["value"], "one");

    std::fs::write(&plain, text.replace("\"one\"", "\"mended\"")).unwrap();
    for form in [&["--encrypt"][..], &["--encrypt", "--armor"]] {
        std::fs::remove_file(&home.paths.vault).unwrap();
        let sealed = Command::new("age")
            .args(form)
            .args(["-r", &home.recipient(), "-o"])
            .arg(&home.paths.vault)
            .arg(&plain)
            .status();
        assert!(sealed.unwrap().success());
        let mut elsewhere = home.without_memory();
        elsewhere.state = home.path(&format!("state-{}", form.len()));
        assert_eq!(
            current(&ok(Vault::open(&home.world, &elsewhere)), "team/key", None).unwrap(),
            "mended"
        );
    }
}
