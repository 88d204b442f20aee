//! The definition that this project starts from.

use super::{read, spec};
use rot::conductor::ReadOptions;
use rot::plan::{Effect, Issues, Old, Task};

#[test]
fn the_seed_gives_its_plan() {
    let (plan, findings) = read(&spec("seed.json"), &ReadOptions::default());
    assert_eq!(
        findings.iter().map(|d| d.code.id()).collect::<Vec<_>>(),
        ["ROT908"]
    );
    insta::assert_json_snapshot!("seed_plan", plan);
}

/// Nothing of how Conductor spells a request remains in the plan: it is the request that `.rot` writes.
#[test]
fn the_seed_request_has_no_trace_of_conductor() {
    let (plan, _) = read(&spec("seed.json"), &ReadOptions::default());
    let Task::Http(http) = &plan.rotations[0].steps[0].task else {
        panic!("not an HTTP step")
    };
    assert!(http.headers.is_empty() && http.expect.is_empty() && !http.raw_output);
    assert_eq!(http.limits, rot::plan::task::Limits::default());
    assert_eq!(http.captures[0].place, ["_secrets", "token"]);
    assert_eq!(
        http.effect,
        Effect::Issues(Issues {
            old: Old::Stays,
            at_most: None,
            assumed: true
        })
    );
}

/// The request may stand in `http_request` too, with the filter on either level.
#[test]
fn both_shapes_give_the_same_plan() {
    let flat: serde_json::Value = serde_json::from_str(&spec("seed.json")).unwrap();
    let (expected, _) = read(&flat.to_string(), &ReadOptions::default());
    let inputs = flat["tasks"][0]["inputParameters"].clone();

    let mut nested = flat.clone();
    nested["tasks"][0]["inputParameters"] = serde_json::json!({ "http_request": inputs });
    assert_eq!(
        read(&nested.to_string(), &ReadOptions::default()).0,
        expected
    );

    let mut split = flat;
    let mut request = inputs;
    let filter = request
        .as_object_mut()
        .unwrap()
        .remove("outputFilter")
        .unwrap();
    split["tasks"][0]["inputParameters"] =
        serde_json::json!({ "http_request": request, "outputFilter": filter });
    assert_eq!(
        read(&split.to_string(), &ReadOptions::default()).0,
        expected
    );
}

/// On the open-source server the seed does not do what it says.
#[test]
fn the_seed_is_refused_for_the_open_source_server() {
    let options = ReadOptions {
        target: rot::plan::Dialect::Oss,
        ..ReadOptions::default()
    };
    let (plan, findings) = read(&spec("seed.json"), &options);
    assert_eq!(plan.dialect, rot::plan::Dialect::Oss);
    assert_eq!(
        findings.iter().filter(|d| d.code.id() == "ROT605").count(),
        2
    );
}
