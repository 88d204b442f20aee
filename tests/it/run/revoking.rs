//! A revocation that fails: the new credential is in use, so the run is done; that the old one lives is heard, and any call
//! tries again.

use crate::support::loopback::{self, calls};
use crate::support::project::Project;
use rot::demo::issuer::{Fault, Rule};

const KEY: &str = r#"secret admin_key to "api.example.com"
secret deploy_key { value, id } to "api.example.com"

rotation deploy_key {
  http mint POST "https://api.example.com/keys" issues additive {
    bearer secrets.admin_key
    json { name: "ci" }
    expect status 201
    secret value = body $.key
    public id = body $.id
  }
  stage deploy_key { value: mint.value, id: mint.id }
  promote deploy_key
  revoke previous.deploy_key {
    http DELETE "https://api.example.com/keys/${previous.deploy_key.id}" revokes {
      bearer secrets.admin_key
      expect status 204
    }
  }
}
"#;

/// What the answer to a `revokes` call counts as, by what the author expects.
#[test]
fn gone_is_revoked_where_the_author_lists_no_status() {
    let listed = "      expect status 204\n";
    for (expects, status, code) in [
        ("", 404, 0),
        ("", 410, 0),
        ("", 403, 27),
        (listed, 204, 0),
        (listed, 404, 27),
        (listed, 410, 27),
        ("      expect status 204, 404\n", 404, 0),
        ("      expect status 204, 404\n", 410, 27),
        ("      expect status 4xx\n", 410, 0),
    ] {
        for after in ["", " after 1s"] {
            let answer = Rule {
                method: Some("DELETE".to_owned()),
                ..Rule::always(Fault::Answer {
                    status,
                    headers: Vec::new(),
                    body: String::new(),
                    execute: false,
                })
            };
            let issuer = loopback::faulty(vec![answer]);
            let project = Project::new();
            let text = KEY.replace(listed, expects).replace(
                "revoke previous.deploy_key",
                &format!("revoke previous.deploy_key{after}"),
            );
            project
                .set("admin_key", "demo-admin")
                .file("r.rot", loopback::at(&issuer, &text))
                .file("other.rot", "rotation other {\n  log \"x\"\n}\n");
            project.rot("run r.rot").code(0);
            let ended = project.rot("run r.rot");
            let ended = match after {
                "" => ended,
                _ => {
                    ended.code(0);
                    std::thread::sleep(std::time::Duration::from_millis(1_100));
                    project.rot("run other.rot")
                }
            };
            assert_eq!(
                ended.code, code,
                "{expects:?} {status} {after:?}\n{}",
                ended.stderr
            );
        }
    }
}

#[test]
fn a_resume_with_nothing_to_resume_tries_what_was_not_revoked() {
    let issuer = loopback::faulty(vec![Rule {
        method: Some("DELETE".to_owned()),
        ..Rule::always(Fault::Answer {
            status: 403,
            headers: Vec::new(),
            body: String::new(),
            execute: false,
        })
    }]);
    let project = Project::new();
    project
        .set("admin_key", "demo-admin")
        .file("r.rot", loopback::at(&issuer, KEY));
    project.rot("run r.rot").code(0);
    let path = format!("/keys/{}", project.get("deploy_key.id"));
    project.rot("-q run r.rot").code(27);
    let quiet = project.rot("-q resume").code(27);
    assert!(quiet.stderr.contains("ROT716"), "{}", quiet.stderr);
    assert_eq!(calls(&issuer, "DELETE", &path), 2);
    issuer.state().config.faults.clear();
    project
        .rot("resume")
        .code(0)
        .says("nothing to resume")
        .says("revoked 1 old credential that was due");
    assert_eq!(calls(&issuer, "DELETE", &path), 3);
    project.rot("-q resume").code(0);
}

#[test]
fn an_immediate_revocation_that_fails_ends_with_27_and_is_tried_by_any_call() {
    let issuer = loopback::faulty(vec![Rule {
        method: Some("DELETE".to_owned()),
        ..Rule::always(Fault::Answer {
            status: 403,
            headers: Vec::new(),
            body: String::new(),
            execute: false,
        })
    }]);
    let project = Project::new();
    project
        .set("admin_key", "demo-admin")
        .file("r.rot", loopback::at(&issuer, KEY))
        .file("other.rot", "rotation other {\n  log \"x\"\n}\n");
    project.rot("run r.rot").code(0);
    let old = project.get("deploy_key.id");
    let path = format!("/keys/{old}");
    let failed = project.rot("-q run r.rot").code(27);
    assert!(failed.stderr.contains("ROT716"), "{}", failed.stderr);
    let new = project.get("deploy_key.id");
    assert_ne!(old, new, "the new one is in use");
    assert_eq!(calls(&issuer, "DELETE", &path), 1);
    let status = project.rot("status").code(27);
    assert!(
        status.stdout.contains("not revoked, failed 1 time"),
        "{}",
        status.stdout
    );
    project.rot("-q run other.rot").code(27);
    assert_eq!(calls(&issuer, "DELETE", &path), 2);
    // A run that waits is resumed, and the revocation is tried beside it.
    let broken = KEY
        .replace("body $.id", "body $.ident")
        .replace("deploy_key", "second_key");
    project.file("second.rot", loopback::at(&issuer, &broken));
    project.rot("run second.rot").code(21);
    project.file(
        "second.rot",
        loopback::at(&issuer, &KEY.replace("deploy_key", "second_key")),
    );
    let before = calls(&issuer, "DELETE", &path);
    project.rot("resume").code(27);
    assert_eq!(calls(&issuer, "DELETE", &path), before + 1);
    issuer.state().config.faults.clear();
    project
        .rot("run other.rot")
        .code(0)
        .says("revoked 1 old credential that was due");
    project.rot("status").code(0);
}
