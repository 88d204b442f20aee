//! The old version lives until every target has the new one.

use super::{program, rotating};
use crate::support::loopback::{self, calls};
use crate::support::project::Project;
use rot::demo::issuer::Config;

const KEY: &str = r#"secret admin_key to "api.example.com"
secret deploy_key { value, id } to "api.example.com"

target here file "here/key"
target there file "there/key"
target env file ".env" {
  form "dotenv"
}
deliver deploy_key.value to here, there, env as "DEPLOY_KEY"

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
  revoke previous.deploy_key AFTER {
    http DELETE "https://api.example.com/keys/${previous.deploy_key.id}" revokes {
      bearer secrets.admin_key
      expect status 204
    }
  }
}
"#;

#[test]
fn one_of_three_is_down_and_the_old_one_lives_until_it_is_back() {
    let issuer = loopback::issuer(Config::default());
    let project = Project::new();
    project
        .set("admin_key", "demo-admin")
        .file("here/x", "")
        .file("there/x", "")
        .file("other.rot", "rotation other {\n  log \"x\"\n}\n")
        .file("r.rot", loopback::at(&issuer, &KEY.replace(" AFTER", "")));
    project.rot("run r.rot").code(0);
    let old = project.get("deploy_key.id");
    let path = format!("/keys/{old}");
    std::fs::rename(project.path("there"), project.path("away")).unwrap();
    let run = project
        .rot("run r.rot")
        .code(27)
        .says("`deploy_key` is not delivered to `there`");
    assert!(
        run.stderr.contains("✓ deliver deploy_key to here"),
        "{}",
        run.stderr
    );
    let new = project.get("deploy_key.value");
    assert_eq!(project.read("here/key"), new);
    assert_eq!(project.read(".env"), format!("DEPLOY_KEY='{new}'\n"));
    // Neither this run nor one of another file revokes it.
    project.rot("run other.rot").code(0);
    assert_eq!(calls(&issuer, "DELETE", &path), 0);
    let status = project.rot("status").code(27);
    for said in [
        "1 of 3 targets behind",
        "waits for there",
        "rot deliver deploy_key --target there",
    ] {
        assert!(
            status.stdout.contains(said),
            "no {said} in {}",
            status.stdout
        );
    }
    // Not tried again at once by itself: it was a moment ago.
    project.rot("run other.rot").code(0);
    std::fs::rename(project.path("away"), project.path("there")).unwrap();
    project.rot("deliver deploy_key").code(0);
    assert_eq!(project.read("there/key"), new);
    project
        .rot("run other.rot")
        .code(0)
        .says("revoked 1 old credential that was due");
    assert_eq!(calls(&issuer, "DELETE", &path), 1);
    project.rot("status --exit-code").code(0);
}

#[test]
fn the_grace_counts_from_the_last_arrival() {
    let issuer = loopback::issuer(Config::default());
    let project = Project::new();
    project
        .set("admin_key", "demo-admin")
        .file("here/x", "")
        .file("there/x", "")
        .file(
            "r.rot",
            loopback::at(&issuer, &KEY.replace("AFTER", "after 2h")),
        );
    project.rot("run r.rot").code(0);
    std::fs::rename(project.path("there"), project.path("away")).unwrap();
    project.rot("run r.rot").code(27);
    let seen = |project: &Project| {
        let status = project.with(&["status", "--report", "json"]).json();
        let secret = status["secrets"]
            .as_array()
            .unwrap()
            .iter()
            .find(|s| s["name"] == "deploy_key");
        secret.unwrap().clone()
    };
    let waiting = seen(&project);
    assert_eq!(
        waiting["unrevoked"][0]["waits_for"][0], "there",
        "{waiting}"
    );
    assert!(waiting["unrevoked"][0]["due_at"].is_null());
    std::fs::rename(project.path("away"), project.path("there")).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    project.rot("deliver").code(0);
    let after = seen(&project);
    let time =
        |value: &serde_json::Value| value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let targets = after["targets"].as_array().unwrap();
    let last = targets
        .iter()
        .map(|t| time(&t["arrived_at"]))
        .max()
        .unwrap();
    let due = time(&after["unrevoked"][0]["due_at"]);
    assert_eq!(due.duration_since(last).as_secs(), 2 * 3_600);
}

#[test]
fn every_change_goes_there_whoever_made_it() {
    let project = Project::new();
    project.set("k", "by hand, 1").file("out/x", "").file(
        "d.rot",
        rotating("secret k\ntarget t file \"out/k\"\ndeliver k to t\n", "k"),
    );
    project.rot("deliver").code(0);
    assert_eq!(project.read("out/k"), "by hand, 1");
    project.rot("run d.rot").code(0);
    assert_eq!(project.read("out/k"), project.get("k"));
    project.set("k", "by hand, 2");
    project.rot("status --exit-code").code(12);
    // A run of the file brings it there, before it does anything else.
    project.file(
        "f.rot",
        project
            .read("d.rot")
            .replace("update k = fresh.value", "log \"x\"")
            .replace(
                "generate fresh password {\n    length 32\n    alphabet \"alphanumeric\"\n  }\n",
                "",
            ),
    );
    project.rot("run f.rot").code(0);
    assert_eq!(project.read("out/k"), "by hand, 2");
    project.rot("vault rollback k").code(0);
    project.rot("deliver k").code(0);
    assert_eq!(project.read("out/k"), project.get("k"));
    // What is taken out of the file of the rotation is waited for no more.
    project.file("d.rot", rotating("secret k\n", "k"));
    project.rot("run d.rot").code(0);
    assert_ne!(project.read("out/k"), project.get("k"));
    project.file("f.rot", "rotation f {\n  log \"x\"\n}\n");
    project.rot("status --exit-code").code(0);
}

#[test]
fn killed_while_it_delivers_it_delivers_again() {
    let project = Project::new();
    let dir = project.dir().display().to_string();
    program(
        &project,
        "slow",
        &format!("cat > {dir}/got; echo x >> {dir}/times; test -e {dir}/quick || sleep 4"),
    );
    project.file(
        "d.rot",
        rotating(
            "secret k\ntarget t command \"slow\" { timeout 1m }\ndeliver k to t\n",
            "k",
        ),
    );
    let mut child = project.command(&["run", "d.rot"]).spawn().unwrap();
    for _ in 0..400 {
        if project.path("times").exists() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(25));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let status = project.rot("status --report json").json();
    let kinds: Vec<&str> = status["attention"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| a["kind"].as_str().unwrap())
        .collect();
    assert!(kinds.contains(&"undelivered"), "{status}");
    project.file("quick", "");
    project.rot("resume").code(0);
    assert_eq!(project.read("got"), project.get("k"));
    assert_eq!(project.read("times").lines().count(), 2);
    project.rot("status --exit-code").code(0);
}

/// Where a secret goes may stand in another file than the rotation that makes it, and a second rotation of it may know nothing of it.
#[test]
fn a_file_that_names_no_targets_revokes_nothing_that_they_still_have() {
    let (targets, rotation) = KEY.split_once("rotation deploy_key").unwrap();
    let declared = targets.split_once("\ntarget").unwrap().0;
    let alone = format!("{declared}\nrotation deploy_key{rotation}").replace(" AFTER", "");
    let scheduled = alone.replacen("{\n  http mint", "{\n  every 1s\n  http mint", 1);
    assert_ne!(alone, scheduled);
    for apart in [true, false] {
        let issuer = loopback::issuer(Config::default());
        let project = Project::new();
        project
            .set("admin_key", "demo-admin")
            .file("all/here/x", "")
            .file("all/there/x", "");
        let whole = loopback::at(&issuer, &KEY.replace(" AFTER", ""));
        let first = match apart {
            true => {
                project
                    .file("all/k.rot", loopback::at(&issuer, &scheduled))
                    .file("all/targets.rot", loopback::at(&issuer, targets));
                "run --due all"
            }
            false => {
                project.file("all/whole.rot", whole).file(
                    "all/k.rot",
                    loopback::at(&issuer, &alone).replace("rotation deploy_key", "rotation again"),
                );
                "run all/whole.rot"
            }
        };
        project.rot(first).code(0);
        project.rot("deliver");
        let old = project.get("deploy_key.id");
        std::fs::rename(project.path("all/there"), project.path("all/away")).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(1100));
        let again = if apart {
            "run --due all"
        } else {
            "run all/k.rot"
        };
        let run = project.rot(again);
        assert_ne!(project.get("deploy_key.id"), old, "{}", run.stderr);
        let path = format!("/keys/{old}");
        assert_eq!(calls(&issuer, "DELETE", &path), 0, "{}", run.stderr);
        let status = project.rot("status");
        assert!(status.stdout.contains("waits for"), "{}", status.stdout);
    }
}
