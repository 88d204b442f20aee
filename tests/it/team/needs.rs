//! What a run will need is asked for before its first effect: each kind of thing, missing and mended.

use crate::support::loopback::{at, calls, issuer};
use crate::support::project::{Called, Project};
use rot::demo::issuer::{Config, IssuerHandle};
use std::process::Command;

/// A call that obtains a credential, and a place for what is missing before and behind it.
fn text(declared: &str, within: &str, behind: &str) -> String {
    format!(
        r#"secret appKeyId, appKeySecret to "api.example.com"
secret my_token
{declared}
rotation r {{
  {within}
  http get POST "https://api.example.com/api/token" issues additive {{
    json {{ keyId: secrets.appKeyId, keySecret: secrets.appKeySecret }}
    secret token = body $.token
  }}
  update my_token = get.token
  {behind}
}}
"#
    )
}

fn project(issuer: &IssuerHandle, text: &str) -> Project {
    let project = Project::new();
    project
        .file("r.rot", at(issuer, text))
        .set("appKeyId", "demo-key-id")
        .set("appKeySecret", "demo-key-secret");
    project
}

/// One kind of thing that is missing.
struct Case {
    what: &'static str,
    kind: &'static str,
    text: String,
    code: i32,
    says: &'static str,
    mend: &'static [&'static str],
    call: &'static str,
}

fn cases() -> Vec<Case> {
    vec![
        Case {
            what: "a variable that is read behind the call",
            kind: "variable",
            text: text("env REGION", "", "log env.REGION"),
            code: 20,
            says: "environment variable `REGION` is not set",
            mend: &[
                "settings [environment.here]\nvault = \"rot.vault\"\nvariables = { REGION = \"eu\" }\n",
                "vault environment here --environment here",
            ],
            call: "run r.rot --environment here",
        },
        Case {
            what: "a variable that only a called rotation reads",
            kind: "variable",
            text: text(
                "env REGION\nrotation inner { log env.REGION }",
                "",
                "call nothing = inner {}",
            ),
            code: 20,
            says: "environment variable `REGION` is not set",
            mend: &[
                "settings [environment.here]\nvault = \"rot.vault\"\nvariables = { REGION = \"eu\" }\n",
                "vault environment here --environment here",
            ],
            call: "run r.rot --rotation r --environment here",
        },
        Case {
            what: "an input",
            kind: "input",
            text: text("", "input where: string", "log input.where"),
            code: 2,
            says: "input `where` was not passed",
            mend: &[],
            call: "run r.rot --input where=here",
        },
        Case {
            what: "a secret that is read behind the call",
            kind: "secret",
            text: text("secret other", "", "let x = base64(secrets.other)"),
            code: 20,
            says: "secret `other` is not in the vault",
            mend: &["set other"],
            call: "run r.rot",
        },
        Case {
            what: "a secret that only a called rotation reads",
            kind: "secret",
            text: text(
                "secret other\nrotation inner { let x = base64(secrets.other) }",
                "",
                "call nothing = inner {}",
            ),
            code: 20,
            says: "secret `other` is not in the vault",
            mend: &["set other"],
            call: "run r.rot --rotation r",
        },
        Case {
            what: "a field of a record",
            kind: "secret",
            text: text(
                "secret other { user, pass }",
                "",
                "let x = base64(secrets.other.pass)",
            ),
            code: 20,
            says: "secret `other` has no field `pass`",
            mend: &["set other.pass"],
            call: "run r.rot",
        },
        Case {
            what: "a certificate that is not there",
            kind: "certificate",
            text: text(
                "",
                "",
                r#"when 1 == 2 { http look GET "https://api.example.com/api/whoami" { ca "own.pem" } }"#,
            ),
            code: 20,
            says: "cannot read the certificate `own.pem`",
            mend: &["pem own.pem"],
            call: "run r.rot",
        },
        Case {
            what: "a certificate that is none",
            kind: "certificate",
            text: text(
                "",
                "",
                r#"when 1 == 2 { http look GET "https://other.example.com/api/whoami" { ca "bad.pem" } }"#,
            ),
            code: 20,
            says: "a file given with `ca` holds no certificate",
            mend: &["pem bad.pem"],
            call: "run r.rot",
        },
    ]
}

fn mend(project: &Project, how: &str) {
    let (word, rest) = how.split_once(' ').unwrap();
    match word {
        "settings" => drop(project.file("rot.toml", rest)),
        "set" => drop(project.set(rest, "value-of-it")),
        "pem" => drop(project.file(rest, pem())),
        _ => drop(project.rot(how).code(0)),
    }
}

fn pem() -> String {
    rcgen::generate_simple_self_signed(vec!["api.example.com".to_owned()])
        .unwrap()
        .cert
        .pem()
}

#[test]
fn what_is_missing_is_said_before_anything_is_called() {
    for case in cases() {
        let issuer = issuer(Config::default());
        let project = project(&issuer, &case.text);
        project.set("other.user", "u");
        if !case.text.contains("{ user, pass }") {
            project.rot("vault remove other").code(0);
        }
        project.file("bad.pem", "no certificate\n");
        let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let run = project.rot("run r.rot --rotation r");
        assert_eq!(
            run.code, case.code,
            "{}: {}{}",
            case.what, run.stdout, run.stderr
        );
        run.says(case.says);
        assert_eq!(calls(&issuer, "POST", "/api/token"), 0, "{}", case.what);
        // Nothing is left that a later call would take for an interrupted run.
        let status = project.rot("status").code(0).stdout;
        assert!(
            status.contains("no run is interrupted"),
            "{}: {status}",
            case.what
        );
        let plan = project.rot("plan r.rot --rotation r").code(0);
        assert!(
            flat(&plan.stdout).contains(case.says),
            "{}: {}",
            case.what,
            plan.stdout
        );
        let plan = project
            .rot("plan r.rot --rotation r --report json")
            .code(0)
            .json();
        let kinds: Vec<&str> = plan["missing"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["kind"].as_str().unwrap())
            .collect();
        assert_eq!(kinds, [case.kind], "{}", case.what);
        for how in case.mend {
            mend(&project, how);
        }
        project.rot(case.call).code(0);
        assert_eq!(calls(&issuer, "POST", "/api/token"), 1, "{}", case.what);
        let plan = project.rot(&case.call.replacen("run", "plan", 1)).code(0);
        assert!(
            !plan.stdout.contains("missing, so"),
            "{}: {}",
            case.what,
            plan.stdout
        );
    }
}

#[test]
fn programs_are_looked_for_before_anything_is_called() {
    let definition = r#"{ "name": "w", "version": 1, "schemaVersion": 2, "tasks": [
      { "name": "get", "taskReferenceName": "get", "type": "HTTP", "inputParameters": { "http_request": { "uri": "https://api.example.com/api/token", "method": "POST", "body": { "keyId": "${workflow.secrets.appKeyId}", "keySecret": "${workflow.secrets.appKeySecret}" } } } },
      { "name": "greet", "taskReferenceName": "g", "type": "SIMPLE", "inputParameters": { "text": "x" } } ] }"#;
    let issuer = issuer(Config::default());
    let project = project(&issuer, "");
    project.file("w.json", at(&issuer, definition));
    let settings = |workers: &str| {
        let text = format!(
            "[conductor.hosts]\nappKeyId = [\"127.0.0.1\"]\nappKeySecret = [\"127.0.0.1\"]\n{workers}"
        );
        project.file("rot.toml", text);
    };
    let none = |workers: &str, says: &str| {
        settings(workers);
        project.rot("run w.json").code(20).says(says);
        assert_eq!(calls(&issuer, "POST", "/api/token"), 0);
        let plan = project.rot("plan w.json --report json").code(0).json();
        assert_eq!(plan["missing"][0]["kind"], "program");
    };
    // An undeclared one is a finding.
    settings("");
    project.rot("run w.json").code(25);
    none("[workers]\ngreet = [\"./greet.sh\"]\n", "cannot be started");
    project.file("greet.sh", "#!/bin/sh\ncat >/dev/null\necho '{}'\n");
    none("[workers]\ngreet = [\"./greet.sh\"]\n", "cannot be started");
    none(
        "[workers]\ngreet = [\"no-such-program-here\"]\n",
        "cannot be started",
    );
    settings("[workers]\ngreet = [\"./greet.sh\"]\n");
    let status = Command::new("chmod")
        .arg("+x")
        .arg(project.path("greet.sh"))
        .status();
    assert!(status.unwrap().success());
    project.rot("run w.json").code(0);
    assert_eq!(calls(&issuer, "POST", "/api/token"), 1);
}

/// What keeps a vault from taking a new version is found by the calls of a commit: nothing is called, `plan` tells of it, and
/// what is done about it helps.
#[test]
fn a_vault_that_cannot_be_replaced_stops_a_run_before_anything_is_called() {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: owners and mounts need root");
        return;
    }
    let issuer = issuer(Config::default());
    let text = text("", "", "");
    let shell = |script: &str, project: &Project| -> Called {
        let run = |line: &str| format!("{} {line}", env!("CARGO_BIN_EXE_rot"));
        let script = script
            .replace("RUN", &run("run r.rot"))
            .replace("PLAN", &run("plan r.rot --report json"));
        let mut command = Command::new("sh");
        command
            .args(["-c", &script])
            .current_dir(project.dir())
            .env_clear()
            .env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin")
            .env("HOME", project.path("home"))
            .env("XDG_CONFIG_HOME", project.path("home/config"))
            .env("XDG_STATE_HOME", project.path("home/state"));
        Called::from(command.output().unwrap())
    };
    let missing = |called: &Called, says: &str| {
        let plan = called.json();
        assert_eq!(plan["missing"][0]["kind"], "vault");
        let message = plan["missing"][0].to_string();
        assert!(message.contains(says), "{message}");
    };
    // Mounted as a single file, as `docker run -v ./rot.vault:/app/rot.vault` does.
    let mounted = project(&issuer, &text);
    let bind =
        "unshare -m sh -c 'mount --make-rprivate / && mount --bind rot.vault rot.vault || exit 99;";
    let run = shell(&format!("{bind} RUN'"), &mounted);
    match run.code {
        20 => {
            run.says("mounted as a single file");
            missing(
                &shell(&format!("{bind} PLAN'"), &mounted).code(0),
                "mounted as a single file",
            );
        }
        _ => println!("skipped: no mounts here"),
    }
    // A folder in which only an owner may replace a file, and the vault is somebody else's.
    let sticky = project(&issuer, &text);
    let nobody = "setpriv --reuid=65534 --regid=65534 --clear-groups";
    let prepare = "chmod 1777 . && chmod 644 rot.vault && chmod 666 rot.vault.lock && chown -R 65534:65534 home";
    shell(prepare, &sticky).code(0);
    shell(&format!("{nobody} RUN"), &sticky)
        .code(20)
        .says("sticky bit");
    missing(
        &shell(&format!("{nobody} PLAN"), &sticky).code(0),
        "could not be replaced",
    );
    // A folder of somebody else.
    shell("chmod 755 .", &sticky).code(0);
    shell(&format!("{nobody} RUN"), &sticky)
        .code(20)
        .says("could not take a new version");
    // The vault of somebody else, whose owner could not read it any more.
    shell(
        "chgrp 65534 . && chmod 770 . && chmod 640 rot.vault && chgrp 65534 rot.vault",
        &sticky,
    )
    .code(0);
    let refused = shell(&format!("{nobody} RUN"), &sticky);
    // A group that may read it is kept, and then its owner loses nothing that matters to the run.
    assert!([0, 20].contains(&refused.code), "{}", refused.stderr);
    let before = calls(&issuer, "POST", "/api/token");
    assert_eq!(before, usize::from(refused.code == 0));
    // The way out: a folder of its own, with the file in it.
    shell("chown -R 65534:65534 . && chmod 700 .", &sticky).code(0);
    shell(&format!("{nobody} RUN"), &sticky).code(0);
}

/// A record is stored whole, so the remedy names its fields.
#[test]
fn a_missing_record_says_how_it_is_stored() {
    let issuer = issuer(Config::default());
    let declared = "secret other { user, pass }";
    let project = project(
        &issuer,
        &text(declared, "", "let x = base64(secrets.other.pass)"),
    );
    let run = project.rot("run r.rot");
    assert_eq!(run.code, 20, "{}", run.stderr);
    run.says("`rot vault set other --record` reads `{\"user\": …, \"pass\": …}`");
    assert_eq!(calls(&issuer, "POST", "/api/token"), 0);
}
