//! `rot compile --to …` as a user calls it.

use crate::support::process::Rot;
use serde_json::Value;

const SEED: &str = include_str!("../../spec/conductor/seed.json");
const EXAMPLE: &str = include_str!("../../../examples/update_token.rot");
const SAFE: &str = include_str!("../../../examples/set_password.rot");

#[test]
fn a_definition_becomes_rot_and_rot_becomes_a_definition() {
    let rot = Rot::new()
        .file("wf.json", SEED)
        .args("compile wf.json --to rot")
        .run()
        .code(0);
    assert!(
        rot.stdout.starts_with(
            "secret appKeyId, appKeySecret to \"conductor-server.orkesconductor.io\"\n"
        ),
        "{}",
        rot.stdout
    );
    let json = Rot::new()
        .file("wf.rot", &rot.stdout)
        .args("compile wf.rot --to conductor -o out.json")
        .run()
        .code(0);
    assert_eq!(json.stdout, "");
    let (value, seed): (Value, Value) = (
        serde_json::from_str(&json.read("out.json")).unwrap(),
        serde_json::from_str(SEED).unwrap(),
    );
    assert_eq!(value["name"], seed["name"]);
    assert_eq!(
        value["tasks"][0]["inputParameters"]["outputFilter"],
        seed["tasks"][0]["inputParameters"]["outputFilter"]
    );
    assert_eq!(
        value["tasks"][1]["inputParameters"]["_secrets"]["secretKey"],
        seed["tasks"][1]["inputParameters"]["_secrets"]["secretKey"]
    );
}

#[test]
fn notes_do_not_stop_a_conversion() {
    let done = Rot::new()
        .file("x.rot", EXAMPLE)
        .args("compile x.rot --to conductor")
        .run()
        .code(0);
    assert!(
        done.stderr.contains("ROT920")
            && done
                .stderr
                .contains("where secrets may be sent cannot be expressed"),
        "{}",
        done.stderr
    );
    serde_json::from_str::<Value>(&done.stdout).unwrap();
    let done = Rot::new()
        .file("x.rot", EXAMPLE)
        .args("compile x.rot --to schedule")
        .run()
        .code(0);
    let entry: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(
        entry["startWorkflowRequest"]["name"],
        "update_rotate_secrets_tracker_app"
    );
}

/// What would be another rotation is not written, to a file neither.
#[test]
fn what_cannot_be_said_is_refused_and_nothing_is_written() {
    let done = Rot::new()
        .file("x.rot", SAFE)
        .args("compile x.rot --to conductor -o out.json")
        .run()
        .code(25);
    assert!(
        done.stderr.contains("`verify` cannot be expressed"),
        "{}",
        done.stderr
    );
    assert_eq!(done.stdout, "");
    assert!(!done.path("out.json").exists());
    let text = "rotation r { log \"x\" }\n";
    let done = Rot::new()
        .file("x.rot", text)
        .args("compile x.rot --to schedule")
        .run()
        .code(25);
    assert!(
        done.stderr.contains("rotation `r` has no schedule"),
        "{}",
        done.stderr
    );
}

/// The target of the settings decides what can be said.
#[test]
fn the_open_source_server_has_less() {
    let settings = "[conductor]\ntarget = \"oss\"\n";
    let done = Rot::new()
        .file("x.rot", EXAMPLE)
        .file("rot.toml", settings)
        .args("compile x.rot --to conductor")
        .run()
        .code(25);
    assert!(
        done.stderr
            .contains("the open-source server has no UPDATE_SECRET"),
        "{}",
        done.stderr
    );
    let text = "rotation r {\n  http GET \"https://example.com/health\" { expect status 2xx }\n}\n";
    let done = Rot::new()
        .file("x.rot", text)
        .file("rot.toml", settings)
        .args("compile x.rot --to conductor")
        .run()
        .code(0);
    let value: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(
        value["tasks"][0]["inputParameters"]["http_request"]["uri"],
        "https://example.com/health"
    );
}

/// A file that is not safe to run can be converted: that is often the way to mend it.
#[test]
fn an_unsafe_definition_can_be_converted() {
    let text = SEED
        .replace(
            "\"_secrets\": {\n            \"token\": \"$${retrieve_token.output.response.body.token}\"\n          }",
            "\"token\": \"$${retrieve_token.output.response.body.token}\"",
        )
        .replace("output._secrets.token", "output.token");
    assert_ne!(text, SEED);
    Rot::new()
        .file("wf.json", &text)
        .args("compile wf.json")
        .run()
        .code(25);
    let done = Rot::new()
        .file("wf.json", &text)
        .args("compile wf.json --to rot")
        .run()
        .code(0);
    assert!(done.stderr.contains("not safe to run"), "{}", done.stderr);
    assert!(
        done.stdout.contains("public token = body $.token"),
        "{}",
        done.stdout
    );
}
