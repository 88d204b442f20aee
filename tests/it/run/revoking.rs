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
