//! Where the file comes from.

use super::{TOKEN, good, project};
use crate::support::loopback::at;
use crate::support::project::Project;

#[test]
fn standard_input_is_a_file_too() {
    let issuer = good();
    let project = project(&issuer, TOKEN);
    let text = at(&issuer, TOKEN);
    project.feed(&["run", "-"], text.as_bytes()).code(0);
    let json = include_str!("../../spec/conductor/seed.json");
    project
        .feed(&["run", "-"], at(&issuer, json).as_bytes())
        .code(0);
    assert!(!project.get("my_secret_holding_a_token").is_empty());
}

#[test]
fn a_used_file_brings_its_secrets() {
    let issuer = good();
    let project = project(
        &issuer,
        &TOKEN.replace(
            "secret appKeyId, appKeySecret to \"api.example.com\"",
            "use \"lib/keys.rot\"",
        ),
    );
    project.file(
        "lib/keys.rot",
        "secret appKeyId, appKeySecret to \"127.0.0.1\"\n",
    );
    project.rot("run r.rot").code(0);
}

#[test]
fn without_a_vault_it_says_how_to_make_one() {
    let project = Project::empty();
    project.file("r.rot", TOKEN);
    let failed = project.rot("run r.rot").code(2);
    insta::assert_snapshot!("no_vault", project.stable(&failed.stderr));
}

#[test]
fn a_new_project_checks_and_plans_out_of_the_box() {
    let project = Project::empty();
    project.rot("init").code(0);
    project.rot("check").code(0);
    project.rot("plan rotations/first.rot").code(0);
    project.rot("vault list").code(0);
    // Its endpoint is an example; the first thing that it misses is said.
    project
        .rot("run rotations/first.rot")
        .code(20)
        .says("rot vault set client_id");
    // A second init overwrites nothing.
    let before = project.read("rot.toml");
    project.rot("init").code(0).says("kept");
    assert_eq!(project.read("rot.toml"), before);
}
