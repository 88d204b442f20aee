//! What a person decides about a run forgets no credential: what was obtained and is not in use is on the list until it is revoked or
//! somebody says that it is.

use crate::support::loopback;
use crate::support::project::Project;
use rot::demo::issuer::{Config, Kind};
use serde_json::Value as Json;

/// One call that makes a credential, stored in one of the ways.
fn text(stores: &str, effect: &str) -> String {
    format!(
        r#"secret admin_key to "api.example.com"
secret deploy_key {{ value, id }} to "api.example.com"

rotation deploy_key {{
  http mint POST "https://api.example.com/keys" {effect} {{
    bearer secrets.admin_key
    json {{ name: "ci" }}
    secret value = body $.key
    public id = body $.id
  }}
{stores}
}}
"#
    )
}

const STAGED: &str = r#"  stage deploy_key { value: mint.value, id: mint.id }
  verify {
    http GET "https://api.example.com/nowhere" { bearer pending.deploy_key.value }
  }
  promote deploy_key"#;
const UPDATED: &str = "  update deploy_key { value: mint.value, id: mint.id }";

/// What `rot status` has on its list of the secret.
fn listed(project: &Project) -> Vec<String> {
    let status: Json = serde_json::from_str(&project.rot("status --report json").stdout).unwrap();
    let secrets = status["secrets"].as_array().unwrap();
    let live = |secret: &Json| secret["live"].as_array().cloned().unwrap_or_default();
    let live = secrets
        .iter()
        .filter(|s| s["name"] == "deploy_key")
        .flat_map(live);
    live.map(|one| one["version"].as_str().unwrap().to_owned())
        .collect()
}

fn record(value: &str, id: &str) -> String {
    format!("{{\"value\": \"{value}\", \"id\": \"{id}\"}}")
}

#[test]
fn what_a_run_obtained_and_did_not_bring_into_use_is_listed() {
    // How the run stops behind its call, and what is decided.
    let wrong = |text: String| text.replace("body $.key", "body $.kee");
    let additive = "issues additive";
    for (what, broken) in [
        ("before it is stored", wrong(text(UPDATED, additive))),
        ("before it is staged", wrong(text(STAGED, additive))),
        ("when it is staged", text(STAGED, additive)),
    ] {
        for decision in ["--accept", "--abandon"] {
            for by_hand in [false, true] {
                let issuer = loopback::issuer(Config::default());
                let project = Project::new();
                project
                    .set("admin_key", "demo-admin")
                    .file("r.rot", loopback::at(&issuer, &broken));
                project.rot("run r.rot").code(21);
                if by_hand {
                    project
                        .feed(
                            &["vault", "set", "deploy_key", "--record"],
                            record("by-hand-123456", "id-by-hand").as_bytes(),
                        )
                        .code(0);
                }
                let case = format!("{what}, {decision}, by hand: {by_hand}");
                let before = listed(&project);
                let ended = project.rot(&format!("resume {decision}")).code(0);
                assert!(
                    !before.is_empty() || ended.stderr.contains("may be live"),
                    "{case}: {before:?} {}",
                    ended.stderr
                );
                let left = listed(&project);
                assert_eq!(left.len(), 1, "{case}: {left:?}");
                // It stays through whatever comes next, until somebody says that it is revoked.
                project.file("r.rot", loopback::at(&issuer, &text(UPDATED, additive)));
                project.rot("run r.rot").code(0);
                assert!(listed(&project).contains(&left[0]), "{case}");
                project
                    .rot(&format!("vault revoked deploy_key {}", left[0]))
                    .code(0);
                assert!(!listed(&project).contains(&left[0]), "{case}");
                assert_eq!(
                    issuer
                        .state()
                        .credentials
                        .iter()
                        .filter(|c| c.kind == Kind::Key)
                        .count(),
                    2
                );
            }
        }
    }
}

#[test]
fn what_a_person_stored_from_the_kept_answer_is_not_listed() {
    let issuer = loopback::issuer(Config::default());
    let project = Project::new();
    let broken = text(UPDATED, "issues additive").replace("body $.key", "body $.kee");
    project
        .set("admin_key", "demo-admin")
        .file("r.rot", loopback::at(&issuer, &broken));
    project.rot("run r.rot").code(21);
    let (value, id) = {
        let state = issuer.state();
        let made = state
            .credentials
            .iter()
            .rfind(|c| c.kind == Kind::Key)
            .unwrap();
        (made.value.clone(), made.id.clone())
    };
    project
        .feed(
            &["vault", "set", "deploy_key", "--record"],
            record(&value, &id).as_bytes(),
        )
        .code(0);
    project.rot("resume --accept").code(0);
    assert_eq!(listed(&project), Vec::<String>::new());
    project.rot("status --exit-code").code(0);
}
