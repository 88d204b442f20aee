//! Whole records in an editor, Kubernetes manifests, values without a newline, and the doctor.

use crate::support::project::{Called, Project};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;

fn edited(project: &Project, editor: &str, name: &str) -> Called {
    let mut command = project.command(&["vault", "edit", name]);
    Called::from(command.env("EDITOR", editor).output().unwrap())
}

#[test]
fn a_record_is_edited_whole_and_in_memory() {
    let project = Project::new();
    let canary = "CANARY-EDIT-7741";
    project
        .set("rec.user", "u")
        .set("rec.pass", canary)
        .set("one", canary);
    // What the editor sees, and where.
    project.file("look.sh", "cp \"$1\" seen\nreadlink \"$1\" > where\n");
    edited(&project, "sh look.sh", "rec")
        .code(0)
        .says("nothing was changed");
    let seen: serde_json::Value = serde_json::from_str(&project.read("seen")).unwrap();
    assert_eq!(seen["pass"], canary);
    assert!(
        project.read("where").starts_with("/memfd:rot"),
        "{}",
        project.read("where")
    );
    std::fs::remove_file(project.path("seen")).unwrap();
    project.file(
        "change.sh",
        "printf '{\"user\": \"v\", \"otp\": \"o\"}' > \"$1\"\n",
    );
    edited(&project, "sh change.sh", "rec")
        .code(0)
        .says("stored `rec` as version");
    assert_eq!(
        (project.get("rec.user"), project.get("rec.otp")),
        ("v".into(), "o".into())
    );
    project.rot("vault get rec --field pass").code(2);
    // A value as it is, and a record that is begun.
    project.file("value.sh", "printf 'two\\n' > \"$1\"\n");
    edited(&project, "sh value.sh", "one").code(0);
    assert_eq!(project.get("one"), "two");
    edited(&project, "sh change.sh", "new").code(0);
    assert_eq!(project.get("new.user"), "v");
    // What is wrong changes nothing, and is not shown.
    project.file(
        "wrong.sh",
        format!("printf '{{ \"a\": {canary} }}' > \"$1\"\n"),
    );
    let generation =
        || project.rot("vault list --report json").json()["vault"]["generation"].clone();
    let before = generation();
    let wrong = edited(&project, "sh wrong.sh", "rec").code(2);
    assert!(!wrong.stderr.contains(canary), "{}", wrong.stderr);
    edited(&project, "false", "rec")
        .code(0)
        .says("nothing was changed");
    for missing in [
        "no-such-editor-here",
        "/no/such/editor --wait",
        "./wrong.sh",
    ] {
        edited(&project, missing, "rec")
            .code(2)
            .says("the editor could not be started");
    }
    assert_eq!(generation(), before);
    // Somebody else was quicker.
    project.file(
        "race.sh",
        format!(
            "printf x | {} -q vault set one; printf y > \"$1\"\n",
            env!("CARGO_BIN_EXE_rot")
        ),
    );
    edited(&project, "sh race.sh", "one")
        .code(20)
        .says("was changed meanwhile");
    assert_eq!(project.get("one"), "x");
    // No file has the value but the scripts of this test and the vault, which is sealed.
    for (path, bytes) in project.files() {
        let scripts = path.extension().is_some_and(|e| e == "sh");
        let found = bytes.windows(canary.len()).any(|w| w == canary.as_bytes());
        assert!(scripts || !found, "{}", path.display());
    }
}

#[test]
fn a_kubernetes_secret_has_its_namespace_keys_and_type() {
    let project = Project::new();
    project
        .set("web/tls.cert", "c")
        .set("web/tls.key", "k")
        .set("token", "t");
    let arguments = [
        "vault",
        "export",
        "--format",
        "k8s",
        "--name",
        "web",
        "--namespace",
        "prod",
        "--type",
        "kubernetes.io/tls",
        "--key",
        "web/tls.cert=tls.crt",
        "--key",
        "web/tls.key=tls.key",
        "web/tls",
    ];
    let made = project.with(&arguments).code(0).json();
    assert_eq!(
        made,
        serde_json::json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "web", "namespace": "prod" },
            "type": "kubernetes.io/tls", "data": { "tls.crt": "Yw==", "tls.key": "aw==" }
        })
    );
    for wrong in [
        ["--namespace", "Not A Name"],
        ["--type", "no type"],
        ["--key", "token=a b"],
        ["--key", "nothing=x"],
        ["--name", "Upper"],
    ] {
        let mut arguments = vec!["vault", "export", "--format", "k8s"];
        arguments.extend(wrong);
        arguments.push("token");
        project.with(&arguments).code(2);
    }
    assert_eq!(project.rot("vault get token -n").code(0).stdout, "t");
    assert_eq!(project.rot("vault get token").code(0).stdout, "t\n");
}

/// What `docker run --env-file` does with a file (`opts.ParseEnvFile` of the docker CLI).
fn docker(text: &str) -> Vec<(String, String)> {
    let lines = text.lines().map(str::trim_start);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let (name, value) = line
                .split_once('=')
                .expect("a name alone takes the host's variable");
            assert!(!name.contains(char::is_whitespace) && !name.is_empty());
            (name.to_owned(), value.to_owned())
        })
        .collect()
}

/// What `EnvironmentFile=` does with one, as systemd.exec(5) says: double quotes with escapes of `"`, `\`, `` ` `` and `$`.
fn systemd(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut chars = text.chars().peekable();
    while chars.peek().is_some() {
        let name: String = chars.by_ref().take_while(|c| *c != '=').collect();
        assert_eq!(chars.next(), Some('"'));
        let mut value = String::new();
        loop {
            match chars.next().expect("the quote is closed") {
                '"' => break,
                '\\' => match chars.next().unwrap() {
                    c @ ('"' | '\\' | '`' | '$') => value.push(c),
                    '\n' => {}
                    c => value.extend(['\\', c]),
                },
                c => value.push(c),
            }
        }
        assert_eq!(chars.next(), Some('\n'));
        found.push((name, value));
    }
    found
}

/// What docker's own client reads of a file: it asks a server of ours to make a container, and sends the variables with it.
fn docker_itself(file: &Path) -> Option<Vec<(String, String)>> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    let heard = std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            loop {
                let (mut first, mut length) = (String::new(), 0);
                if stream.read_line(&mut first).unwrap() == 0 {
                    break;
                }
                loop {
                    let mut line = String::new();
                    stream.read_line(&mut line).unwrap();
                    if line.trim().is_empty() {
                        break;
                    }
                    if let Some(n) = line.to_lowercase().strip_prefix("content-length:") {
                        length = n.trim().parse().unwrap();
                    }
                }
                let mut body = vec![0; length];
                stream.read_exact(&mut body).unwrap();
                let made = first.starts_with("POST");
                let (status, answer) = match made {
                    true => ("201 Created", r#"{"Id":"made","Warnings":[]}"#),
                    false if first.contains("/stop") => return None,
                    false => ("200 OK", ""),
                };
                let head = format!(
                    "HTTP/1.1 {status}\r\nApi-Version: 1.41\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
                    answer.len()
                );
                let shown = if first.starts_with("HEAD") {
                    ""
                } else {
                    answer
                };
                stream
                    .get_mut()
                    .write_all(format!("{head}{shown}").as_bytes())
                    .unwrap();
                if made {
                    return Some(body);
                }
            }
        }
        None
    });
    let mut docker = Command::new("docker");
    docker
        .env("DOCKER_HOST", format!("tcp://{at}"))
        .args(["create", "--env-file"])
        .arg(file)
        .arg("image");
    let done = docker.output();
    if done.as_ref().is_ok_and(|out| !out.status.success()) {
        panic!("{}", String::from_utf8_lossy(&done.unwrap().stderr));
    }
    if done.is_err() {
        let mut stop = TcpStream::connect(at).unwrap();
        stop.write_all(b"GET /stop HTTP/1.1\r\n\r\n").unwrap();
    }
    let body: serde_json::Value = serde_json::from_slice(&heard.join().unwrap()?).unwrap();
    let pairs = body["Env"].as_array().unwrap().iter();
    Some(
        pairs
            .map(|pair| {
                let (name, value) = pair.as_str().unwrap().split_once('=').unwrap();
                (name.to_owned(), value.to_owned())
            })
            .collect(),
    )
}

/// What systemd's own reader of such files makes of one: a generator of environments shows it, in quotes of its own. It expands
/// `$` in what was read, which a service does not.
fn systemd_itself(project: &Project, text: &str) -> Option<Vec<(String, String)>> {
    const READER: &str =
        "/usr/lib/systemd/user-environment-generators/30-systemd-environment-d-generator";
    project.file("systemd/environment.d/s.conf", text);
    let done = Command::new(READER)
        .env_clear()
        .env("XDG_CONFIG_HOME", project.path("systemd"))
        .env("HOME", project.path("nobody"))
        .output()
        .ok()?;
    let text = String::from_utf8(done.stdout).unwrap();
    let unquoted = |value: &str| -> String {
        let Some(inner) = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')) else {
            return value.to_owned();
        };
        let (mut out, mut chars) = (String::new(), inner.chars());
        while let Some(c) = chars.next() {
            out.push(match c {
                '\\' => match chars.next().unwrap() {
                    'n' => '\n',
                    't' => '\t',
                    other => other,
                },
                c => c,
            });
        }
        out
    };
    let lines = text.lines().filter_map(|line| line.split_once('='));
    Some(
        lines
            .map(|(name, value)| (name.to_owned(), unquoted(value)))
            .collect(),
    )
}

#[test]
fn what_docker_and_systemd_read_is_what_was_stored() {
    let project = Project::new();
    let all = [
        ("plain", "abc"),
        ("blanks", "  two  words  "),
        ("hash", "# a # b"),
        ("dollar", "$HOME ${X} `id` $(id) %h"),
        ("quotes", "say \"hi\" or 'ho' \\n \\"),
        ("equals", "=a=b=="),
        ("unicode", "grüße 🔑"),
    ];
    for (name, value) in all {
        project.set(name, value);
    }
    let expected: Vec<(String, String)> = {
        let mut all: Vec<_> = all
            .iter()
            .map(|(n, v)| (n.to_uppercase(), (*v).to_owned()))
            .collect();
        all.sort();
        all
    };
    let export = |format: &str| {
        project
            .rot(&format!("vault export --format {format}"))
            .code(0)
            .stdout
    };
    assert_eq!(docker(&export("docker")), expected);
    assert_eq!(systemd(&export("systemd")), expected);
    // Docker's own client.
    project.file("d.env", export("docker"));
    match docker_itself(&project.path("d.env")) {
        Some(read) => assert_eq!(read, expected),
        None => println!("skipped: no docker (apt-get install docker.io, or its client alone)"),
    }
    project.set("lines", "one\ntwo");
    assert!(systemd(&export("systemd")).contains(&("LINES".into(), "one\ntwo".into())));
    // systemd's own reader of such files.
    match systemd_itself(&project, &export("systemd")) {
        Some(read) => {
            let lines = ("LINES".to_owned(), "one\ntwo".to_owned());
            for pair in expected.iter().chain([&lines]) {
                let expands = pair.1.contains('$');
                assert!(expands || read.contains(pair), "{pair:?} in {read:?}");
            }
        }
        None => println!("skipped: no systemd (apt-get install systemd)"),
    }
    // The program itself, where its service manager runs.
    project.file("s.env", export("systemd"));
    let mut run = Command::new("systemd-run");
    run.args(["--quiet", "--pipe", "--wait", "--collect"]);
    run.arg(format!(
        "--property=EnvironmentFile={}",
        project.path("s.env").display()
    ));
    match run.args(["--", "env", "-0"]).output() {
        Ok(out) if out.status.success() => {
            let text = String::from_utf8(out.stdout).unwrap();
            for (name, value) in expected {
                assert!(
                    text.split('\0')
                        .any(|line| line == format!("{name}={value}")),
                    "{name}"
                );
            }
        }
        _ => println!("skipped: no running systemd"),
    }
}

#[test]
fn the_doctor_names_what_is_wrong_and_the_remedy() {
    let project = Project::new();
    project.file("rot.toml", "").set("a", "1");
    let checks = |project: &Project, subject: &str, state: &str| -> Vec<String> {
        let report = project.rot("doctor --report json").json();
        assert_eq!(report["schema"], "rot.doctor/v1");
        let all = report["checks"].as_array().unwrap();
        let those = all
            .iter()
            .filter(|c| c["subject"] == subject && c["state"] == state);
        those
            .map(|c| format!("{} | {}", c["message"], c["remedy"]))
            .collect()
    };
    let text = project.rot("doctor").code(0).stdout;
    assert!(
        text.contains("✓ vault") && text.contains("! people"),
        "{text}"
    );
    assert!(!text.contains('✗'), "{text}");
    let other = Project::empty();
    let key = other.rot("identity new").code(0).stdout;
    project
        .with(&["vault", "recipients", "add", key.trim(), "--name", "dan"])
        .code(0);
    assert!(checks(&project, "people", "weak").is_empty());
    project.rot("vault recipients remove dan").code(0);
    assert!(
        checks(&project, "people", "weak")
            .iter()
            .any(|c| c.contains("was removed knows"))
    );
    // A plan that cannot run, and one that is none.
    project.file("r.rot", "secret b to \"x.example\"\nenv REGION\nrotation r { every 1h log env.REGION let x = base64(secrets.b) }\n");
    let plans = checks(&project, "plans", "bad");
    assert!(
        plans.iter().any(|c| c.contains("REGION"))
            && plans.iter().any(|c| c.contains("rot vault set b")),
        "{plans:?}"
    );
    project.rot("doctor").code(1);
    project.file("r.rot", "rotation r { nonsense }\n");
    assert!(checks(&project, "plans", "bad")[0].contains("rot check"));
    project.file("r.rot", "rotation r { every 1h log \"x\" }\n");
    assert_eq!(checks(&project, "plans", "good").len(), 1);
    // Modes, and a vault that is not there.
    let mode = |mode: &str, file: &str| {
        let status = Command::new("chmod")
            .arg(mode)
            .arg(project.path(file))
            .status();
        assert!(status.unwrap().success());
    };
    mode("666", "rot.vault");
    assert!(checks(&project, "vault", "bad")[0].contains("chmod go-w"));
    mode("600", "rot.vault");
    mode("777", "home/state/rot");
    assert!(checks(&project, "state", "bad")[0].contains("chmod go-w"));
    mode("700", "home/state/rot");
    mode("644", "home/config/rot/identity.txt");
    assert!(checks(&project, "identity", "bad")[0].contains("chmod 600"));
    mode("600", "home/config/rot/identity.txt");
    project.rot("doctor").code(0);
    project.file(".git/config", "[core]\n");
    assert!(checks(&project, "git", "weak")[0].contains("rot vault git-setup"));
    let vault = std::fs::read(project.path("rot.vault")).unwrap();
    std::fs::remove_file(project.path("rot.vault")).unwrap();
    assert!(checks(&project, "vault", "bad")[0].contains("rot vault accept"));
    project.file("rot.vault", vault);
    project.rot("doctor").code(0);
}

#[test]
fn other_stores_are_imported_in_their_documented_forms() {
    let project = Project::new();
    project.file(
        "bw.json",
        r#"{ "encrypted": false, "folders": [{ "id": "f1", "name": "web" }], "items": [
            { "id": "1", "folderId": "f1", "type": 1, "name": "github.com", "notes": null, "login": { "uris": [], "username": "u", "password": "CANARY-1", "totp": null }, "fields": [{ "name": "API key", "value": "CANARY-2", "type": 1 }] },
            { "id": "2", "folderId": null, "type": 2, "name": "note", "notes": "CANARY-3", "secureNote": { "type": 0 } },
            { "id": "3", "folderId": null, "type": 2, "name": "empty", "notes": null } ] }"#,
    );
    let shown = project
        .rot("vault import bw.json --format bitwarden")
        .code(0);
    assert!(
        !shown.stdout.contains("CANARY") && shown.stdout.contains("web/github-com"),
        "{}",
        shown.stdout
    );
    project
        .rot("vault import bw.json --format bitwarden --apply")
        .code(0);
    assert_eq!(project.get("web/github-com.password"), "CANARY-1");
    assert_eq!(project.get("web/github-com.API-key"), "CANARY-2");
    assert_eq!(project.get("note.notes"), "CANARY-3");
    project.file("bw.json", r#"{ "encrypted": true, "items": [] }"#);
    project
        .rot("vault import bw.json --format bitwarden")
        .code(2)
        .says("is encrypted");
    let item = |title: &str| {
        format!(
            r#"{{ "id": "x", "title": "{title}", "category": "LOGIN", "vault": {{ "id": "v", "name": "Ops" }}, "fields": [
            {{ "id": "username", "type": "STRING", "purpose": "USERNAME", "label": "username", "value": "op-u" }},
            {{ "id": "password", "type": "CONCEALED", "purpose": "PASSWORD", "label": "password", "value": "CANARY-4" }},
            {{ "id": "notesPlain", "type": "STRING", "purpose": "NOTES", "label": "notesPlain" }} ] }}"#
        )
    };
    for (text, names) in [
        (item("db"), vec!["Ops/db"]),
        (
            format!("{}\n{}", item("db"), item("db")),
            vec!["Ops/db", "Ops/db-2"],
        ),
        (format!("[{}]", item("other")), vec!["Ops/other"]),
    ] {
        project.file("op.json", text);
        project
            .rot("vault import op.json --format 1password --apply")
            .code(0);
        for name in names {
            assert_eq!(project.get(&format!("{name}.password")), "CANARY-4");
        }
    }
    let wrong = project
        .feed(
            &["vault", "import", "-", "--format", "1password"],
            b"{ \"CANARY-5\": 1 }",
        )
        .code(2);
    assert!(!wrong.stderr.contains("CANARY"), "{}", wrong.stderr);
    // sops is the user's own program.
    project.file("bin/sops", "#!/bin/sh\n[ \"$1 $2 $3 $4\" = \"--decrypt --output-type json secrets.enc.yaml\" ] || exit 3\necho '{ \"db\": { \"user\": \"s-u\", \"pass\": \"CANARY-6\" } }'\n");
    project.file("secrets.enc.yaml", "sops: {}\n");
    let sops = |arguments: &[&str]| {
        let mut command = project.command(arguments);
        let path = format!("{}:/usr/bin:/bin", project.path("bin").display());
        Called::from(command.env("PATH", path).output().unwrap())
    };
    let import = [
        "vault",
        "import",
        "secrets.enc.yaml",
        "--format",
        "sops",
        "--apply",
    ];
    assert_eq!(sops(&import).code, 2, "it is no program yet");
    Command::new("chmod")
        .arg("+x")
        .arg(project.path("bin/sops"))
        .status()
        .unwrap();
    sops(&import).code(0);
    assert_eq!(project.get("db.pass"), "CANARY-6");
    project.file("other.yaml", "");
    sops(&["vault", "import", "other.yaml", "--format", "sops"])
        .code(2)
        .says("sops");
    sops(&["vault", "import", "-", "--format", "sops"]).code(2);
}

#[test]
fn a_service_gets_its_identity_as_a_credential() {
    let project = Project::new();
    project.set("a", "1");
    let text = project.read("home/config/rot/identity.txt");
    project.file("run/credentials/rot-identity", text);
    let credential = project.path("run/credentials/rot-identity");
    // As systemd makes it for a user: the mask of an access list shows as the group's bits.
    Command::new("chmod")
        .arg("440")
        .arg(&credential)
        .status()
        .unwrap();
    std::fs::remove_file(project.path("home/config/rot/identity.txt")).unwrap();
    project.rot("vault get a").code(2);
    let with = || {
        let mut command = project.command(&["vault", "get", "a"]);
        let folder = project.path("run/credentials");
        Called::from(
            command
                .env("CREDENTIALS_DIRECTORY", folder)
                .output()
                .unwrap(),
        )
    };
    assert_eq!(with().code(0).stdout, "1\n");
    Command::new("chmod")
        .arg("444")
        .arg(&credential)
        .status()
        .unwrap();
    with().code(2).says("others than its owner");
}
