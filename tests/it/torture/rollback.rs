//! Versions after a rotation: going back is refused when the issuer has ended the old credential.

use super::project::Project;
use super::scenario::{KEYED, LIFE};

#[test]
fn rolling_back_to_a_revoked_credential_needs_force() {
    let mut project = Project::new(&LIFE);
    let old = project.current();
    assert_eq!(project.rot("run p.rot").code, Some(0), "{}", project.said);
    let new = project.current();
    let refused = project.rot("vault rollback deploy_key");
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("ROT817")
            && refused.stderr.contains("was revoked")
            && refused.stderr.contains("--force"),
        "{}",
        refused.stderr
    );
    assert_eq!(project.current(), new);
    assert_eq!(
        project.rot("vault rollback deploy_key --force").code,
        Some(0),
        "{}",
        project.said
    );
    assert_eq!(project.current(), old);
    // The version that the run made carries its id.
    let history = project.rot("vault history deploy_key --report json").stdout;
    let history: serde_json::Value = serde_json::from_str(&history).unwrap();
    assert_eq!(history["versions"].as_array().unwrap().len(), 3);
}

#[test]
fn rolling_back_to_a_credential_that_nobody_revoked_is_allowed() {
    let mut project = Project::new(&KEYED);
    let old = project.current();
    assert_eq!(project.rot("run p.rot").code, Some(0), "{}", project.said);
    assert_eq!(
        project.rot("vault rollback ci_key").code,
        Some(0),
        "{}",
        project.said
    );
    assert_eq!(project.current(), old);
}
