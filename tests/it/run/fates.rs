//! Every way in which a version of a rotation stops being in use, or never comes to be: it is on the list until it is revoked or somebody
//! accepts that it is not. And what a schedule remembers when all the journals are of others.

use crate::support::loopback;
use crate::support::plans::plan;
use crate::support::project::Project;
use crate::support::scripted::{NOW, Stage, done};
use rot::demo::issuer::{Fault, IssuerHandle, Kind, Rule};
use serde_json::Value as Json;
use std::collections::{BTreeSet, HashMap};

const KEY: &str = r#"secret admin_key to "api.example.com"
secret deploy_key { value, id } to "api.example.com"

rotation deploy_key {
  http mint POST "https://api.example.com/keys" issues additive {
    bearer secrets.admin_key
    json { name: "ci" }
    secret value = body $.key
    public id = body $.id
  }
  stage deploy_key { value: mint.value, id: mint.id }
  VERIFY
  promote deploy_key
  revoke previous.deploy_key {
    http DELETE "https://api.example.com/keys/${previous.deploy_key.id}" revokes { bearer secrets.admin_key }
  }
}
"#;

/// An issuer that revokes nothing for now.
fn stubborn() -> IssuerHandle {
    loopback::faulty(vec![Rule {
        method: Some("DELETE".to_owned()),
        ..Rule::always(Fault::Answer {
            status: 403,
            headers: Vec::new(),
            body: String::new(),
            execute: false,
        })
    }])
}

/// Ids of the keys that live at the issuer, without the one that is in use.
fn live(issuer: &IssuerHandle, project: &Project) -> BTreeSet<String> {
    let used = project.rot("vault get deploy_key --field id").stdout;
    let state = issuer.state();
    let keys = state
        .credentials
        .iter()
        .filter(|c| c.kind == Kind::Key && c.dies_at.is_none());
    keys.map(|c| c.id.clone())
        .filter(|id| id != used.trim())
        .collect()
}

/// The versions that `rot status` shows as not revoked.
fn listed(project: &Project) -> BTreeSet<String> {
    let status: Json = serde_json::from_str(&project.rot("status --report json").stdout).unwrap();
    let secrets = status["secrets"].as_array().unwrap();
    let of = |kind: &'static str| {
        let lists = secrets.iter().filter_map(move |s| s[kind].as_array());
        lists
            .flatten()
            .map(|one| one["version"].as_str().unwrap().to_owned())
    };
    of("unrevoked").chain(of("live")).collect()
}

fn by_hand(project: &Project) {
    let record = br#"{"value": "by-hand-123456", "id": "id-by-hand"}"#;
    project
        .feed(&["vault", "set", "deploy_key", "--record"], record)
        .code(0);
}

#[test]
fn whatever_is_not_in_use_is_listed_until_it_is_revoked_or_accepted() {
    type Way = fn(&Project);
    let ways: [(&str, usize, Way); 9] = [
        ("a revocation that fails", 1, |p| {
            p.rot("run r.rot").code(27);
        }),
        ("a rollback", 1, |p| {
            p.rot("run r.rot").code(27);
            p.rot("vault rollback deploy_key").code(0);
        }),
        ("a rollback, and a new run", 2, |p| {
            p.rot("run r.rot").code(27);
            p.rot("vault rollback deploy_key").code(0);
            p.rot("run r.rot").code(27);
        }),
        ("two rollbacks", 1, |p| {
            p.rot("run r.rot").code(27);
            p.rot("vault rollback deploy_key").code(0);
            p.rot("vault rollback deploy_key").code(0);
        }),
        ("a value set by hand", 1, by_hand),
        ("a value set by hand, and a new run", 1, |p| {
            by_hand(p);
            p.rot("run r.rot").code(27);
        }),
        ("a run that is given up when it is staged", 1, |p| {
            p.rot("run wrong.rot --rotation deploy_key").code(21);
            p.rot("resume --abandon").code(0);
        }),
        ("a run that is given up, and a new one", 2, |p| {
            p.rot("run wrong.rot --rotation deploy_key").code(21);
            p.rot("resume --abandon").code(0);
            p.rot("run r.rot").code(27);
        }),
        ("a run that is accepted with a value set by hand", 2, |p| {
            p.rot("run wrong.rot --rotation deploy_key").code(21);
            by_hand(p);
            p.rot("resume --accept").code(0);
        }),
    ];
    for (what, lives, way) in ways {
        for accepted in [false, true] {
            let issuer = stubborn();
            let project = Project::new();
            let right = loopback::at(&issuer, &KEY.replace("  VERIFY\n", ""));
            let never = "verify { http GET \"https://api.example.com/nowhere\" { bearer pending.deploy_key.value } }";
            project
                .set("admin_key", "demo-admin")
                .file(
                    "r.rot",
                    right.replace(
                        "promote deploy_key\n",
                        "promote deploy_key # rot: ignore[ROT501] the issuer of the tests\n",
                    ),
                )
                .file(
                    "wrong.rot",
                    loopback::at(&issuer, &KEY.replace("VERIFY", never)),
                )
                .file("other.rot", "rotation other {\n  log \"x\"\n}\n");
            project.rot("run r.rot").code(0);
            way(&project);
            let left = live(&issuer, &project);
            assert_eq!(left.len(), lives, "{what}: {left:?}");
            let shown = listed(&project);
            assert!(
                shown.len() >= lives,
                "{what}: {left:?} live, {shown:?} listed"
            );
            // Another run drops what is in use again, and forgets nothing else.
            project.rot("run other.rot");
            let shown = listed(&project);
            assert!(
                shown.len() >= lives,
                "{what}: {left:?} live, {shown:?} listed"
            );
            if accepted {
                for version in &shown {
                    project
                        .rot(&format!("vault revoked deploy_key {version} --accept"))
                        .code(0);
                }
                assert_eq!(listed(&project), BTreeSet::new(), "{what}");
                continue;
            }
            // The issuer revokes again: what is known goes with the next runs of the rotation.
            issuer.state().config.faults.clear();
            let ran = project.rot("run r.rot").code(0);
            let resumed = project.rot("resume").code(0);
            assert_eq!(
                live(&issuer, &project),
                BTreeSet::new(),
                "{what}: {:?}\n{}{}{}",
                listed(&project),
                ran.stderr,
                resumed.stderr,
                project.rot("vault history deploy_key").stdout
            );
            assert_eq!(listed(&project), BTreeSet::new(), "{what}");
        }
    }
}

/// Journals are pruned by the runs of all rotations; when one ran is known all the same.
#[test]
fn three_hundred_runs_of_others_make_no_rotation_due() {
    let stage = Stage::with(&[], None, HashMap::new(), None);
    let monthly = plan("rotation ping { every 30d  log \"monthly\" }\n");
    done(stage.run(&monthly, &[]));
    let is_due = |hours: i64| {
        let now: jiff::Timestamp = NOW.parse().unwrap();
        let now = now + jiff::SignedDuration::from_hours(hours);
        let vault = stage.vault();
        let rotation = &monthly.rotations[0];
        let past = rot::run::due::past(&vault, rotation, now);
        let due = rot::run::due::next(&vault, rotation, &past, now);
        due.expect("it has a schedule").is_due(now)
    };
    let others: Vec<_> = (0..3)
        .map(|n| plan(&format!("rotation other_{n} {{ log \"x\" }}\n")))
        .collect();
    for number in 0..300 {
        stage.clock.pass(std::time::Duration::from_millis(10));
        done(stage.run(&others[number % 3], &[]));
    }
    let kept = std::fs::read_dir(stage.journals()).unwrap().count();
    assert!((100..=102).contains(&kept), "{kept} journals");
    let own = rot::run::journal::list(stage.world(), &stage.vault()).unwrap();
    let own = own.iter().filter(|run| {
        let journal = rot::run::journal::Journal::open(stage.world(), &stage.vault(), run).unwrap();
        rot::run::describe_run(&journal).rotation == "ping"
    });
    assert_eq!(own.count(), 0, "its own journal is gone");
    assert!(!is_due(1) && !is_due(24));
    assert!(is_due(24 * 34));
}
