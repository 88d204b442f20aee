//! Tokens, verified by OpenSSL: made for each attempt, of every algorithm and form of key.

use crate::support::project::Project;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

/// A server that keeps what it is sent, and answers by the number of the request.
fn keeper(answers: Vec<&'static str>) -> (u16, std::thread::JoinHandle<Vec<(u64, String)>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let served = std::thread::spawn(move || {
        let mut kept = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut head, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                head.push_str(&line);
                if line.trim().is_empty() {
                    break;
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let status = format!(
                "HTTP/1.1 {answer}\r\nContent-Length: 2\r\nConnection: close\r\nContent-Type: application/json\r\n\r\n{{}}"
            );
            stream.write_all(status.as_bytes()).unwrap();
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            kept.push((now.as_secs(), head + &String::from_utf8(body).unwrap()));
        }
        kept
    });
    (port, served)
}

fn openssl(dir: &Path, arguments: &str) -> String {
    let output = Command::new("openssl")
        .args(arguments.split(' '))
        .current_dir(dir)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "openssl {arguments}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A signature of two numbers as DER, which OpenSSL takes.
fn der_of(fixed: &[u8]) -> Vec<u8> {
    let number = |half: &[u8]| {
        let mut digits: Vec<u8> = half.iter().copied().skip_while(|b| *b == 0).collect();
        if digits.first().is_none_or(|b| *b >= 0x80) {
            digits.insert(0, 0);
        }
        [vec![2, digits.len() as u8], digits].concat()
    };
    let (r, s) = fixed.split_at(fixed.len() / 2);
    let both = [number(r), number(s)].concat();
    [vec![0x30, both.len() as u8], both].concat()
}

fn json(part: &str) -> serde_json::Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

fn token_of(request: &str) -> String {
    let bearer = request
        .lines()
        .find_map(|line| line.split_once("Bearer ").map(|(_, token)| token));
    let field = || request.split("assertion=").nth(1);
    bearer.or_else(field).unwrap().trim().to_owned()
}

/// Algorithm, key, and how OpenSSL verifies it.
const KINDS: &[(&str, &str, &str)] = &[
    ("RS256", "rsa8", "dgst -sha256"),
    ("RS384", "rsa1", "dgst -sha384"),
    ("RS512", "rsa8", "dgst -sha512"),
    (
        "PS256",
        "rsa1",
        "dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32",
    ),
    (
        "PS384",
        "rsa8",
        "dgst -sha384 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:48",
    ),
    (
        "PS512",
        "rsa8",
        "dgst -sha512 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:64",
    ),
    ("ES256", "p256", "dgst -sha256"),
    ("ES256", "p256sec1", "dgst -sha256"),
    ("ES384", "p384", "dgst -sha384"),
    ("ES384", "p384sec1", "dgst -sha384"),
    ("EdDSA", "ed", "pkeyutl -rawin"),
    ("HS256", "mac", ""),
    ("HS512", "mac", ""),
];

#[test]
fn tokens_of_every_algorithm_verify_by_openssl() {
    let (port, served) = keeper(vec!["200 OK"; KINDS.len()]);
    let project = Project::new();
    let keys = tempfile::tempdir().unwrap();
    let dir = keys.path();
    openssl(
        dir,
        "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa8.pem",
    );
    openssl(dir, "rsa -traditional -in rsa8.pem -out rsa1.pem");
    for (name, curve) in [("p256", "prime256v1"), ("p384", "secp384r1")] {
        openssl(
            dir,
            &format!("ecparam -name {curve} -genkey -out {name}sec1.pem"),
        );
        openssl(
            dir,
            &format!("pkcs8 -topk8 -nocrypt -in {name}sec1.pem -out {name}.pem"),
        );
    }
    openssl(dir, "genpkey -algorithm ED25519 -out ed.pem");
    std::fs::write(
        dir.join("mac.pem"),
        "a key of more than thirty-two bytes for a mac",
    )
    .unwrap();
    let mut names = Vec::new();
    let mut steps = String::new();
    for (at, (algorithm, key, _)) in KINDS.iter().enumerate() {
        if !names.contains(key) {
            names.push(*key);
            let text = std::fs::read_to_string(dir.join(format!("{key}.pem"))).unwrap();
            project.set(key, text.trim_end());
        }
        let place = if at % 2 == 0 {
            "field \"assertion\""
        } else {
            ""
        };
        let form = if at % 2 == 0 { "form { a: \"b\" }" } else { "" };
        steps += &format!(
            "  http POST \"http://127.0.0.1:{port}/t\" sets {{\n    {form}\n    sign jwt {{ algorithm \"{algorithm}\"  key secrets.{key}  key_id \"k{at}\"  header {{ x5t: \"abc\" }}  claims {{ iss: \"me\", none: null }}  lifetime 9m {place} }}\n  }}\n"
        );
    }
    let declared: String = names
        .iter()
        .map(|name| format!("secret {name} to \"127.0.0.1\" in signature\n"))
        .collect();
    project.file("jwt.rot", format!("{declared}rotation r {{\n{steps}}}\n"));
    project.rot("check jwt.rot").code(0);
    project.rot("run jwt.rot").code(0);
    for ((algorithm, key, verify), (at, request)) in KINDS.iter().zip(served.join().unwrap()) {
        let token = token_of(&request);
        let parts: Vec<&str> = token.split('.').collect();
        let header = json(parts[0]);
        assert_eq!(header["alg"], *algorithm);
        assert!(header["kid"].as_str().unwrap().starts_with('k') && header["x5t"] == "abc");
        let claims = json(parts[1]);
        assert!(claims["iss"] == "me" && claims.get("none").is_none());
        let (iat, exp) = (
            claims["iat"].as_u64().unwrap(),
            claims["exp"].as_u64().unwrap(),
        );
        assert!(exp - iat == 570 && at - iat <= 40 && iat <= at, "{claims}");
        let signed = format!("{}.{}", parts[0], parts[1]);
        let signature = URL_SAFE_NO_PAD.decode(parts[2]).unwrap();
        if verify.is_empty() {
            let bits = if *algorithm == "HS256" {
                ring::hmac::HMAC_SHA256
            } else {
                ring::hmac::HMAC_SHA512
            };
            let own = std::fs::read(dir.join("mac.pem")).unwrap();
            ring::hmac::verify(
                &ring::hmac::Key::new(bits, &own),
                signed.as_bytes(),
                &signature,
            )
            .unwrap();
            continue;
        }
        let signature = if algorithm.starts_with("ES") {
            der_of(&signature)
        } else {
            signature
        };
        std::fs::write(dir.join("text"), signed).unwrap();
        std::fs::write(dir.join("signature"), signature).unwrap();
        openssl(dir, &format!("pkey -in {key}.pem -pubout -out public.pem"));
        let command = if verify.starts_with("pkeyutl") {
            format!("{verify} -verify -pubin -inkey public.pem -in text -sigfile signature")
        } else {
            format!("{verify} -verify public.pem -signature signature text")
        };
        openssl(dir, &command);
    }
}

#[test]
fn each_attempt_has_its_own_token() {
    let (port, served) = keeper(vec!["429 Later", "200 OK"]);
    let project = Project::new();
    project.set("k", "a key of more than thirty-two bytes for a mac");
    project.file("jwt.rot", format!("secret k to \"127.0.0.1\" in signature\nrotation r {{\n  wait 3s\n  http POST \"http://127.0.0.1:{port}/t\" sets {{\n    sign jwt {{ algorithm \"HS256\"  key secrets.k  claims {{ iss: \"me\" }}  lifetime 4s }}\n    retry 2 every 2s\n  }}\n}}\n"));
    project.rot("run jwt.rot").code(0);
    let kept = served.join().unwrap();
    let claims: Vec<serde_json::Value> = kept
        .iter()
        .map(|(_, request)| json(token_of(request).split('.').nth(1).unwrap()))
        .collect();
    assert_ne!(claims[0]["jti"], claims[1]["jti"]);
    for ((at, _), claims) in kept.iter().zip(&claims) {
        let left = claims["exp"].as_u64().unwrap().saturating_sub(*at);
        assert!((2..=4).contains(&left), "{left}");
    }
}

#[test]
fn what_cannot_be_a_token_is_said() {
    let step = |clauses: &str| {
        format!(
            "secret k to \"h.example.com\" in signature\nrotation r {{\n  http POST \"https://h.example.com/t\" sets {{\n    {clauses}\n  }}\n}}\n"
        )
    };
    let jwt = "sign jwt { algorithm \"RS256\"  key secrets.k  claims { iss: \"me\" }";
    for (clauses, words) in [
        (format!("{jwt} field \"assertion\" }}"), "there is none"),
        (format!("bearer \"x\"\n    {jwt} }}"), "two ways"),
        (format!("{jwt} lifetime \"5m\" }}"), "length of time"),
        (jwt.replace("RS256", "none") + " }", "RS512"),
        (
            format!("{} }}", jwt.replace("claims { iss: \"me\" }", "")),
            "needs `claims`",
        ),
        // A key that signs stands in no request.
        ("bearer secrets.k".to_owned(), "ROT309"),
        (
            format!("{} }}", jwt.replace("\"me\"", "secrets.k")),
            "ROT309",
        ),
    ] {
        let project = Project::new();
        project.file("jwt.rot", step(&clauses));
        let found = project.rot("check jwt.rot").code(1);
        assert!(found.stdout.contains(words), "{clauses}: {}", found.stdout);
    }
    // A key that cannot be read costs nothing, and is not shown.
    for key in [
        "canary-no-key",
        "-----BEGIN OPENSSH PRIVATE KEY-----\ncanary\n-----END OPENSSH PRIVATE KEY-----",
        "{\"canary\":1}",
    ] {
        let project = Project::new();
        project.file("jwt.rot", step(&format!("{jwt} }}")));
        project.set("k", key);
        let failed = project.rot("run jwt.rot");
        assert!(!failed.stderr.contains("canary"), "{}", failed.stderr);
        failed.says("private key");
    }
}
