//! `rot plan`, `rot status`, and compiled plans.

use super::{TOKEN, good, project};
use crate::support::loopback::calls;
use crate::support::project::Project;

fn example(name: &str) -> String {
    std::fs::read_to_string(format!("{}/examples/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

#[test]
fn a_plan_says_what_would_happen_without_vault_or_network() {
    let project = Project::empty();
    for name in [
        "key_with_id_and_expiry.rot",
        "gitlab_rotate_self.rot",
        "set_password.rot",
        "update_token.json",
    ] {
        project.file(name, example(name));
        let text = project.rot(&format!("plan {name}")).code(0);
        insta::assert_snapshot!(format!("plan_{name}"), project.stable(&text.stdout));
    }
    let json = project
        .rot("plan key_with_id_and_expiry.rot --report json")
        .code(0)
        .json();
    let json: serde_json::Value = serde_json::from_str(&project.stable(&json.to_string())).unwrap();
    insta::assert_json_snapshot!("plan_json", json);
    assert!(!project.path("rot.vault").exists() && !project.path("home").exists());
}

#[test]
fn status_shows_versions_ages_and_ends() {
    let issuer = good();
    let project = project(&issuer, &example("multi_secret_response.rot"));
    project.set("admin_key", "demo-admin");
    project.rot("run r.rot").code(0);
    let text = project.stable(&project.rot("status").code(0).stdout);
    // Ages depend on how busy the machine is.
    let columns: Vec<String> = text
        .lines()
        .map(|line| {
            line.split_whitespace()
                .take(2)
                .collect::<Vec<_>>()
                .join("  ")
        })
        .collect();
    insta::assert_snapshot!("status_columns", columns.join("\n"));
    let json = project.rot("status --report json").code(0).json();
    let shape: serde_json::Value =
        serde_json::from_str(&project.stable(&json.to_string())).unwrap();
    insta::assert_json_snapshot!("status_json", shape);
}

#[test]
fn the_plan_shows_when_it_is_due_next() {
    let issuer = good();
    let project = project(&issuer, TOKEN);
    let before = project.rot("plan r.rot --report json").code(0).json();
    project.rot("run r.rot").code(0);
    let after = project.rot("plan r.rot --report json").code(0).json();
    let due = |json: &serde_json::Value| {
        json["rotations"][0]["next_due"]
            .as_str()
            .unwrap()
            .parse::<jiff::Timestamp>()
            .unwrap()
    };
    assert!(due(&before) < due(&after), "{before} {after}");
}

#[test]
fn a_compiled_plan_runs_without_its_source() {
    let issuer = good();
    let project = project(&issuer, TOKEN);
    project.rot("compile r.rot -o r.plan.json").code(0);
    std::fs::remove_file(project.path("r.rot")).unwrap();
    project.rot("check r.plan.json").code(0);
    project.rot("run r.plan.json").code(0);
    assert_eq!(calls(&issuer, "POST", "/api/token"), 1);
    assert!(!project.get("my_token").is_empty());
}

#[test]
fn a_changed_truncated_or_newer_plan_is_refused() {
    let issuer = good();
    let project = project(&issuer, TOKEN);
    project.rot("compile r.rot -o r.plan.json").code(0);
    let plan = project.read("r.plan.json");
    let changed = plan.replace("/api/token", "/api/other");
    let newer = plan.replace("rot.plan/v1", "rot.plan/v99");
    let cut = &plan[..plan.len() / 2];
    let blank = plan.replacen("sha256:", "sha256:0", 1);
    let doubled = plan.replacen('{', "{\"schema\":\"rot.plan/v1\",", 1);
    assert!(changed != plan && newer != plan && blank != plan);
    for (name, text, code) in [
        ("changed", changed.as_str(), 23),
        ("newer", &newer, 2),
        ("truncated", cut, 2),
        ("digest", &blank, 23),
        ("doubled", &doubled, 25),
    ] {
        project.file("bad.plan.json", text);
        let refused = project.rot("run bad.plan.json");
        insta::assert_snapshot!(
            format!("plan_{name}"),
            format!("exit {}\n{}", refused.code, project.stable(&refused.stderr))
        );
        assert_eq!(refused.code, code, "{name}: {}", refused.stderr);
    }
    assert!(issuer.state().requests.is_empty());
}
