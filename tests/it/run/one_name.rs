//! A rotation is known by its name: what happens when two files have one of the same name.

use super::{TOKEN, good, project};
use crate::support::loopback::{self, calls};
use crate::support::project::Project;

/// A rotation of this name that runs by itself and says which file it is in.
fn named(name: &str, says: &str) -> String {
    format!("rotation {name} {{\n  every 1d\n  log \"{says}\"\n}}\n")
}

#[test]
fn a_check_of_both_files_names_both() {
    let project = Project::new();
    project
        .file("a.rot", named("r", "a"))
        .file("sub/b.rot", named("r", "b"))
        .file("c.rot", named("other", "c"));
    for one in ["a.rot", "sub/b.rot", "a.rot c.rot"] {
        project.rot(&format!("check {one}")).code(0);
    }
    let found = project.rot("check --report concise").code(1).stdout;
    assert!(found.contains("sub/b.rot:1:10"), "{found}");
    assert!(found.contains("ROT110"), "{found}");
    assert!(found.contains("`a.rot`"), "{found}");
    assert_eq!(
        found.lines().filter(|l| l.contains("ROT110")).count(),
        1,
        "{found}"
    );
    // Another project has a vault of its own.
    project.file("sub/rot.toml", "");
    project.rot("check").code(0);
    // What both need is in a file that both use.
    let project = Project::new();
    let caller =
        |name: &str| format!("use \"shared.rot\"\nrotation {name} {{\n  call made = r {{}}\n}}\n");
    project
        .file("shared.rot", "rotation r {\n  log \"x\"\n}\n")
        .file("one.rot", caller("one"))
        .file("two.rot", caller("two"));
    project.rot("check").code(0);
    // Who wants it so says why.
    project.file(
        "z.rot",
        "rotation r { # rot: ignore[ROT110] a copy for the other vault\n  log \"x\"\n}\n",
    );
    project.rot("check").code(0);
}

#[test]
fn a_schedule_runs_neither_of_them() {
    let project = Project::new();
    project
        .file("rot.toml", "")
        .file("a.rot", named("r", "from a"))
        .file("b.rot", named("r", "from b"))
        .file("c.rot", named("other", "from c"));
    let ended = project
        .rot("run --due .")
        .code(25)
        .says("rotation `r` is in")
        .says("3 files: 1 ran, 0 had nothing due, 2 failed");
    assert!(ended.stderr.contains("a.rot") && ended.stderr.contains("b.rot"));
    assert!(ended.stderr.contains("from c"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("from a") && !ended.stderr.contains("from b"));
    let status = project.rot("status --report json").code(0).json();
    let shared = status["attention"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["kind"] == "shared")
        .expect("status says it");
    let message = shared["message"].as_str().unwrap();
    assert!(
        message.contains("a.rot") && message.contains("b.rot"),
        "{message}"
    );
    let doctor = project.rot("doctor").code(1).stdout;
    assert!(
        doctor.contains("a.rot and b.rot have a rotation `r` each"),
        "{doctor}"
    );
}

#[test]
fn a_run_is_gone_on_with_by_its_own_file() {
    let right = TOKEN.replace("  every 45m\n", "");
    let wrong = right.replace("body $.token", "body $.tokn");
    let issuer = good();
    let project = project(&issuer, &wrong);
    project.rot("run r.rot").code(21);
    project.file("copy.rot", loopback::at(&issuer, &right));
    for call in ["run copy.rot", "resume --plan copy.rot"] {
        let refused = project
            .rot(call)
            .code(2)
            .says("interrupted run of another file")
            .says("r.rot");
        assert!(refused.stderr.contains("ROT714"), "{}", refused.stderr);
    }
    assert_eq!(calls(&issuer, "POST", "/api/token"), 1);
    // The way out that the help names.
    let status = project.rot("status --report json").code(0).json();
    let run = status["runs"][0]["run_id"].as_str().unwrap().to_owned();
    project
        .rot(&format!("resume {run} --plan copy.rot"))
        .code(0);
    assert_eq!(calls(&issuer, "POST", "/api/token"), 1, "called again");
}

#[test]
fn the_same_file_by_another_way_is_the_same_file() {
    let right = TOKEN.replace("  every 45m\n", "");
    for way in ["link.rot", "./home/../r.rot", "folder/r.rot"] {
        let issuer = good();
        let project = project(&issuer, &right.replace("body $.token", "body $.tokn"));
        std::os::unix::fs::symlink("r.rot", project.path("link.rot")).unwrap();
        std::os::unix::fs::symlink(".", project.path("folder")).unwrap();
        project.rot("run r.rot").code(21);
        project.file("r.rot", loopback::at(&issuer, &right));
        project.rot(&format!("run {way}")).code(0);
        assert_eq!(
            calls(&issuer, "POST", "/api/token"),
            1,
            "{way}: called again"
        );
    }
}

#[test]
fn a_file_that_was_renamed_goes_on_with_its_run_and_its_schedule() {
    let issuer = good();
    let project = project(&issuer, &TOKEN.replace("body $.token", "body $.tokn"));
    project.rot("run --due r.rot").code(21);
    std::fs::remove_file(project.path("r.rot")).unwrap();
    project.file("renamed.rot", loopback::at(&issuer, TOKEN));
    project.rot("run renamed.rot").code(0);
    assert_eq!(calls(&issuer, "POST", "/api/token"), 1, "called again");
    // Its last run is known by the old name, and that is said.
    let idle = project.rot("run --due renamed.rot").code(10);
    let idle = idle.says("was last run from `r.rot`, which does not have it any more");
    drop(idle);
}

#[test]
fn a_schedule_is_not_inherited_from_a_file_that_has_it_still() {
    let project = Project::new();
    project.file("a.rot", named("r", "from a"));
    project.rot("run --due a.rot").code(0);
    project.file("b.rot", named("r", "from b"));
    for call in ["run --due b.rot", "run b.rot"] {
        let refused = project.rot(call).code(25).says("rotation `r` is in");
        assert!(!refused.stderr.contains("from b"), "{}", refused.stderr);
    }
    // Once the other file has it no more, the rotation was moved, and its time goes on.
    project.file("a.rot", named("s", "from a"));
    project
        .rot("run --due b.rot")
        .code(10)
        .says("its schedule goes on here");
    project.rot("run b.rot").code(0);
    let own = project.rot("run --due b.rot").code(10);
    assert!(!own.stderr.contains("goes on here"), "{}", own.stderr);
}
