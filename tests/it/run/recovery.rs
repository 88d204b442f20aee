//! What a later call does with what an earlier one left.

use super::{TOKEN, answering, project};
use crate::support::loopback::calls;
use crate::support::project::Project;

#[test]
fn a_mended_capture_takes_the_answer_from_the_journal() {
    let issuer = answering(r#"{"jwt": "canary-from-the-answer"}"#);
    let project = project(&issuer, TOKEN);
    let failed = project.rot("run r.rot").code(21);
    insta::assert_snapshot!("capture_failed", project.stable(&failed.stderr));
    assert_eq!(
        project.rot("vault get my_token").code,
        2,
        "nothing was stored"
    );

    let status = project.rot("status").code(0);
    assert!(
        status.stdout.contains("failed 1 time [ROT703]"),
        "{}",
        status.stdout
    );

    let mended = project.read("r.rot").replace("$.token", "$.jwt");
    project.file("r.rot", mended);
    let resumed = project.rot("resume --report json").code(0);
    let report = resumed.json();
    assert_eq!(report["resumed"], true);
    assert_eq!(report["steps"][0]["status"], "replayed");
    assert_eq!(project.get("my_token"), "canary-from-the-answer");
    assert!(!resumed.stdout.contains("canary") && !resumed.stderr.contains("canary"));
    assert_eq!(
        calls(&issuer, "POST", "/api/token"),
        1,
        "the issuer was not called again"
    );
    project.rot("resume").code(0).says("nothing to resume");
}

#[test]
fn a_run_of_the_same_rotation_continues_the_interrupted_one() {
    let issuer = answering(r#"{"jwt": "canary-from-the-answer"}"#);
    let project = project(&issuer, TOKEN);
    project.rot("run r.rot").code(21);
    let mended = project.read("r.rot").replace("$.token", "$.jwt");
    project.file("r.rot", mended);
    assert_eq!(
        project.rot("run r.rot --report json").code(0).json()["resumed"],
        true
    );
    assert_eq!(calls(&issuer, "POST", "/api/token"), 1);
}

#[test]
fn another_file_may_be_named() {
    let issuer = answering(r#"{"jwt": "canary-from-the-answer"}"#);
    let project = project(&issuer, TOKEN);
    project.rot("run r.rot").code(21);
    project.file(
        "mended.rot",
        project.read("r.rot").replace("$.token", "$.jwt"),
    );
    project.rot("resume my_token --plan mended.rot").code(0);
    assert_eq!(project.get("my_token"), "canary-from-the-answer");
}

#[test]
fn a_run_that_is_given_up_is_over() {
    let issuer = answering("{}");
    let project = project(&issuer, TOKEN);
    project.rot("run r.rot").code(21);
    project.rot("resume my_token --abandon").code(0);
    project.rot("resume").code(0).says("nothing to resume");
    project
        .rot("resume my_token")
        .code(2)
        .says("no interrupted run is named `my_token`");
}

#[test]
fn nothing_to_resume_and_no_secrets_are_said() {
    let project = Project::new();
    project
        .rot("resume")
        .code(0)
        .says("nothing to resume: no run was interrupted");
    let status = project.rot("status").code(0);
    // Above it is which vault this is, with a key that is another one each time.
    let (_, told) = status.stdout.split_once("\n\n").unwrap();
    insta::assert_snapshot!("status_of_nothing", told);
}
