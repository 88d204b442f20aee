//! What single kinds of service promise beyond what all of them stand.

use super::fakes::{Aws, Azure, Fake, Gcp, Github, Kubernetes, Kv, Service, TOKEN};
use super::{CANARY, program};
use crate::support::project::Project;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use std::io::Write;
use std::process::{Command, Stdio};

/// A service that two look at: the server, and the test.
fn start<S: Service + 'static>(service: S) -> Fake {
    Fake::start(service)
}

fn project(items: &str, port: u16) -> Project {
    let project = Project::new();
    let items = items.replace("SERVER", &format!("http://127.0.0.1:{port}"));
    project.set("token", TOKEN).file(
        "d.rot",
        format!("{items}\n\nrotation r {{\n  log \"x\"\n}}\n"),
    );
    project
}

#[test]
fn two_writers_of_one_path_of_vault_lose_nothing() {
    let fake = start(Kv::default());
    let target = "target t kv \"secret/apps/db\" { server \"SERVER\"  token secrets.token }";
    let writer = |name: &str| {
        let items =
            format!("secret token to \"127.0.0.1\"\nsecret {name}\n{target}\ndeliver {name} to t");
        project(&items, fake.port)
    };
    // Two projects, each with a vault of its own: nothing but the server tells them of each other.
    let both = ["one", "two"].map(|name| (name, writer(name)));
    std::thread::scope(|scope| {
        for (name, project) in &both {
            scope.spawn(move || {
                for round in 0..12 {
                    project.set(name, &format!("{CANARY}-{name}-{round}"));
                    for _ in 0..8 {
                        let called = project.rot("deliver");
                        if called.code == 0 {
                            break;
                        }
                        called.code(27).says("changed by somebody else");
                    }
                }
            });
        }
    });
    let versions = fake.with(|s| s.service.versions());
    assert_eq!(versions, 24, "each update is a version, and none is lost");
    for (_, project) in &both {
        project.rot("deliver --check").code(0);
    }
}

#[test]
fn vault_takes_approle_and_namespaces() {
    let fake = start(Kv::default());
    let items = "secret role { id, secret } to \"127.0.0.1\" in body\nsecret k\ntarget t kv \"secret/apps/db\" { server \"SERVER\"  role-id secrets.role.id  secret-id secrets.role.secret  namespace \"team\" }\ndeliver k to t as \"key\"";
    let project = project(items, fake.port);
    project
        .set("role.id", "role")
        .set("role.secret", TOKEN)
        .set("k", CANARY);
    project.rot("deliver").code(0);
    assert_eq!(fake.with(|s| s.service.value()).as_deref(), Some(CANARY));
    project
        .set("role.secret", "wrong-canary")
        .set("k", "canary-other");
    let refused = project
        .rot("deliver")
        .code(27)
        .says("login with the credential of this target is refused");
    assert!(!refused.stderr.contains("wrong-canary"));
}

#[test]
fn nothing_of_another_field_manager_is_taken() {
    let cluster = Kubernetes {
        version: 1,
        data: [("key".to_owned(), STANDARD.encode("theirs"))].into(),
        owners: [("key".to_owned(), "helm".to_owned())].into(),
        ..Kubernetes::default()
    };
    let fake = start(cluster);
    let items = "secret token to \"127.0.0.1\"\nsecret k\ntarget t kubernetes \"apps/key\" { server \"SERVER\"  token secrets.token }\ndeliver k to t as \"key\"";
    let project = project(items, fake.port);
    project.set("k", CANARY);
    project
        .rot("deliver")
        .code(27)
        .says("another field manager owns a key of ours");
    assert_eq!(fake.with(|s| s.service.value()).as_deref(), Some("theirs"));
    let text = project
        .read("d.rot")
        .replace("token secrets.token }", "token secrets.token  force true }");
    project.file("d.rot", text);
    project.rot("deliver").code(0);
    assert_eq!(fake.with(|s| s.service.value()).as_deref(), Some(CANARY));
}

#[test]
fn two_secrets_stand_in_one_secret_of_kubernetes_and_the_token_of_the_account_is_read() {
    let fake = start(Kubernetes::default());
    let items = "secret k\nsecret db { user, password }\ntarget t kubernetes \"apps/key\" { server \"SERVER\"  token-file \"FILE\"  restart \"deployment/web\" }\ndeliver k to t as \"key\"\ndeliver db to t";
    let project = project(items, fake.port);
    project.file("account.token", TOKEN);
    let file = project.path("account.token").display().to_string();
    project.file("d.rot", project.read("d.rot").replace("FILE", &file));
    project
        .set("k", CANARY)
        .set("db.user", "app")
        .set("db.password", "canary-pw");
    project.rot("deliver").code(0);
    project.set("k", "canary-2");
    project.rot("deliver").code(0);
    project.rot("deliver --check").code(0);
    let restarts = |fake: &Fake| {
        let requests = fake.with(|s| s.requests.clone());
        requests
            .iter()
            .filter(|(_, path)| path.ends_with("/deployments/web"))
            .count()
    };
    assert_eq!(restarts(&fake), 3);
    // The same version again writes nothing into the Secret.
    let versions = fake.with(|s| s.service.versions());
    project.rot("deliver --again").code(0);
    assert_eq!(fake.with(|s| s.service.versions()), versions);
    // The token is read anew for each call.
    project.file("account.token", "stale").set("k", "canary-3");
    project
        .rot("deliver")
        .code(27)
        .says("does not accept the credential");
    project.file("account.token", format!("{TOKEN}\n"));
    project.rot("deliver").code(0);
}

#[test]
fn a_secret_that_is_immutable_is_said() {
    let fake = start(Kubernetes {
        version: 3,
        immutable: true,
        ..Kubernetes::default()
    });
    let items = "secret token to \"127.0.0.1\"\nsecret k\ntarget t kubernetes \"apps/key\" { server \"SERVER\"  token secrets.token }\ndeliver k to t as \"key\"";
    let project = project(items, fake.port);
    project.set("k", CANARY);
    project.rot("deliver").code(27).says("is immutable");
}

/// Opens sealed boxes with libsodium: lines of base64 on standard input behind the key pair.
const OPENER: &str = r#"
import base64, ctypes, ctypes.util, sys
so = ctypes.CDLL(ctypes.util.find_library("sodium"))
assert so.sodium_init() >= 0
lines = sys.stdin.read().split("\n")
public, secret = (base64.b64decode(l) for l in lines[:2])
for line in lines[2:]:
    if not line: continue
    box = base64.b64decode(line)
    out = ctypes.create_string_buffer(max(1, len(box) - 48))
    assert so.crypto_box_seal_open(out, box, ctypes.c_ulonglong(len(box)), public, secret) == 0
    print(base64.b64encode(out.raw[:len(box) - 48]).decode())
"#;

/// GitHub as it stores: what was sealed is kept as it came.
struct Keeper {
    github: Github,
    boxes: std::sync::Arc<std::sync::Mutex<Vec<(String, String)>>>,
}

impl Service for Keeper {
    fn answer(&mut self, asked: &super::fakes::Asked) -> (u16, serde_json::Value) {
        if asked.method == "PUT" {
            let body: serde_json::Value = serde_json::from_slice(&asked.body).unwrap();
            let sealed = body["encrypted_value"].as_str().unwrap().to_owned();
            let name = asked.path.rsplit('/').next().unwrap().to_owned();
            self.boxes.lock().unwrap().push((name, sealed));
            return (201, json!({}));
        }
        self.github.answer(asked)
    }
    fn writes(&self, asked: &super::fakes::Asked) -> bool {
        self.github.writes(asked)
    }
    fn value(&self) -> Option<String> {
        None
    }
    fn versions(&self) -> usize {
        0
    }
    fn drift(&mut self) {}
}

#[test]
fn what_is_sealed_is_opened_by_libsodium() {
    let found = Command::new("python3")
        .args([
            "-c",
            "import ctypes.util,sys; sys.exit(ctypes.util.find_library('sodium') is None)",
        ])
        .status();
    if !found.is_ok_and(|status| status.success()) {
        println!("skipped: python3 with libsodium (apt-get install libsodium23)");
        return;
    }
    let (github, boxes) = (Github::default(), std::sync::Arc::default());
    let pair = [github.key.public_key().as_bytes(), &github.key.to_bytes()]
        .map(|key| STANDARD.encode(key));
    let keeper = Keeper {
        github,
        boxes: std::sync::Arc::clone(&boxes),
    };
    let fake = start(keeper);
    let names: Vec<String> = (0..250).map(|n| format!("f{n}")).collect();
    let items = format!(
        "secret token to \"127.0.0.1\"\nsecret k {{ {} }}\nsecret long\ntarget t github \"octo/reports\" {{ token secrets.token  server \"SERVER\" }}\ndeliver k to t\ndeliver long to t",
        names.join(", ")
    );
    let project = project(&items, fake.port);
    let mut opened = 0;
    for round in 0..4 {
        // Lengths from one byte on, with every byte that UTF-8 has.
        let value = |n: usize| -> String {
            let all: Vec<char> = "aé€\u{1f511}\n\"\\ $".chars().collect();
            (0..=(n * 7 + round) % 300)
                .map(|at| all[(at * 5 + n) % all.len()])
                .collect()
        };
        let record: serde_json::Map<String, serde_json::Value> = names
            .iter()
            .enumerate()
            .map(|(n, name)| (name.clone(), value(n).into()))
            .collect();
        let text = serde_json::Value::Object(record).to_string();
        project
            .feed(&["vault", "set", "k", "--record"], text.as_bytes())
            .code(0);
        project.set("long", &"x".repeat(48 << 10));
        project.rot("deliver --again").code(0);
        let boxes = std::mem::take(&mut *boxes.lock().unwrap());
        assert_eq!(boxes.len(), 251);
        let mut child = Command::new("python3")
            .args(["-c", OPENER])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let sealed: Vec<&str> = boxes.iter().map(|(_, sealed)| sealed.as_str()).collect();
        let input = format!("{}\n{}\n{}\n", pair[0], pair[1], sealed.join("\n"));
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        let output = String::from_utf8(output.stdout).unwrap();
        for ((name, _), line) in boxes.iter().zip(output.lines()) {
            let there = String::from_utf8(STANDARD.decode(line).unwrap()).unwrap();
            match name.strip_prefix("K_F") {
                Some(n) => assert_eq!(there, value(n.parse().unwrap())),
                None => assert_eq!(there.len(), 48 << 10),
            }
            opened += 1;
        }
    }
    assert_eq!(opened, 1004);
    project.set("long", &"x".repeat((48 << 10) + 1));
    project
        .rot("deliver")
        .code(27)
        .says("and github takes 49152");
}

#[test]
fn a_service_account_and_an_application_log_in() {
    let fake = start(Gcp::default());
    let items = "secret account to \"127.0.0.1\" in signature\nsecret k\ntarget t gcp \"projects/p/secrets/key\" { account secrets.account  authority \"SERVER\"  server \"SERVER\" }\ndeliver k to t";
    let google = project(items, fake.port);
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    // Google gives out RSA keys; one of another kind is said, and never shown.
    let account = json!({ "client_email": "a@p.iam", "private_key": key.serialize_pem(), "private_key_id": "1" });
    google.set("account", &account.to_string()).set("k", CANARY);
    let refused = google
        .rot("deliver")
        .code(27)
        .says("key of the service account cannot be read");
    assert!(!refused.stderr.contains("PRIVATE"), "{}", refused.stderr);
    google.file("m.rot", "rotation m {\n  generate pair rsa { bits 2048 }\n  update rsa = pair.private_key\n}\n\nsecret rsa\n");
    google.rot("run m.rot").code(0);
    let account = json!({ "client_email": "a@p.iam", "private_key": google.get("rsa"), "private_key_id": "1" });
    google.set("account", &account.to_string());
    google.rot("deliver").code(0);
    assert_eq!(fake.with(|s| s.service.value()).as_deref(), Some(CANARY));

    let fake = start(Azure::default());
    let items = "secret app to \"127.0.0.1\"\nsecret k\ntarget t azure \"vault-1/key\" { tenant \"tenant-1\"  client \"client-1\"  client-secret secrets.app  authority \"SERVER\"  server \"SERVER\" }\ndeliver k to t";
    let azure = project(items, fake.port);
    azure.set("app", TOKEN).set("k", CANARY);
    azure.rot("deliver").code(0);
    assert_eq!(fake.with(|s| s.service.value()).as_deref(), Some(CANARY));
    azure.set("app", "canary-wrong").set("k", "canary-2");
    azure
        .rot("deliver")
        .code(27)
        .says("login with the credential of this target is refused");
}

#[test]
fn what_is_too_long_is_said_before_anything_is_sent() {
    let cases = [
        (
            "aws-ssm \"/prod/key\" { region \"r\"  key-id secrets.token  key secrets.token  server \"SERVER\" }",
            4 << 10,
        ),
        (
            "aws-secrets \"prod/key\" { region \"r\"  key-id secrets.token  key secrets.token  server \"SERVER\" }",
            64 << 10,
        ),
    ];
    for (target, limit) in cases {
        let fake = start(Aws::default());
        let items = format!(
            "secret token to \"127.0.0.1\" in header, signature\nsecret k\ntarget t {target}\ndeliver k to t"
        );
        let project = project(&items, fake.port);
        project.set("k", &"x".repeat(limit + 1));
        project
            .rot("deliver")
            .code(27)
            .says(&format!("takes {limit}"));
        assert!(fake.with(|s| s.requests.is_empty()));
    }
}

/// A server of AWS's APIs that checks signatures.
#[test]
fn aws_takes_our_signatures() {
    let Some(server) = crate::reach::servers::moto() else {
        return;
    };
    let port = server.port;
    let made = crate::reach::signing::boss(port);
    for target in [
        "aws-secrets \"prod/key\" { region \"us-east-1\"  key-id secrets.aws.id  key secrets.aws.key  server \"SERVER\" }",
        "aws-ssm \"/prod/key\" { region \"us-east-1\"  key-id secrets.aws.id  key secrets.aws.key  server \"SERVER\" }",
    ] {
        let items = format!(
            "secret aws {{ id, key }} to \"127.0.0.1\" in header, signature\nsecret k\ntarget t {target}\ndeliver k to t"
        );
        let project = project(&items, port);
        project
            .set("aws.id", &made.0)
            .set("aws.key", &made.1)
            .set("k", CANARY);
        project.rot("deliver").code(0);
        project.rot("deliver --check").code(0);
        project.set("k", "canary-2");
        project.rot("deliver").code(0);
        project.rot("deliver --check").code(0);
        project
            .set("aws.key", "canary-wrong-key")
            .set("k", "canary-3");
        let refused = project.rot("deliver").code(27);
        assert!(
            !refused.stderr.contains("canary-wrong"),
            "{}",
            refused.stderr
        );
    }
}

#[test]
fn credentials_of_systemd_are_plain_or_encrypted_for_this_machine() {
    let project = Project::new();
    let folder = project.path("credstore").display().to_string();
    project.file("credstore/x", "").set("k", CANARY).file(
        "d.rot",
        format!("secret k\ntarget t systemd \"db-key\" {{ folder \"{folder}\" }}\ndeliver k to t\n\nrotation r {{\n  log \"x\"\n}}\n"),
    );
    project.rot("deliver").code(0);
    assert_eq!(project.read("credstore/db-key"), CANARY);
    assert_eq!(super::mode(&project.path("credstore/db-key")), 0o400);
    project.rot("deliver --check").code(0);
    let tool = Command::new("systemd-creds")
        .args(["encrypt", "--with-key=host", "--name=x", "-", "-"])
        .stdin(Stdio::null())
        .output();
    if !tool.is_ok_and(|made| made.status.success()) {
        println!(
            "skipped: systemd-creds with the key of this machine (root, apt-get install systemd)"
        );
        return;
    }
    program(&project, "creds", "exec /usr/bin/systemd-creds \"$@\"");
    let text = project
        .read("d.rot")
        .replace("{ folder", "{ encrypt \"creds\"  key \"host\"  folder");
    project.file("d.rot", text);
    project.rot("deliver").code(0);
    let sealed = project.read("credstore/db-key");
    assert!(!sealed.contains(CANARY));
    let opened = Command::new("/usr/bin/systemd-creds")
        .args(["decrypt", "--newline=no", "--name=db-key"])
        .arg(project.path("credstore/db-key"))
        .arg("-")
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&opened.stdout), CANARY);
    // Each encryption differs, and the same is not written again.
    project.rot("deliver --again").code(0);
    assert_eq!(project.read("credstore/db-key"), sealed);
    project.rot("deliver --check").code(0);
    project.set("k", "canary-2");
    let drift = project.rot("deliver --check").code(1);
    assert!(drift.stdout.contains("its content"), "{}", drift.stdout);
}
