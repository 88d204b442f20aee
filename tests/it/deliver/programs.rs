//! Programs: one that brings a secret on, and one that is told of it.

use super::{CANARY, program};
use crate::support::project::Project;

#[test]
fn a_program_gets_the_value_on_standard_input_and_names_in_its_environment() {
    let project = Project::new();
    let dir = project.dir().display().to_string();
    program(
        &project,
        "bring",
        &format!(
            "cat > {dir}/got; tr '\\0' '\\n' < /proc/$$/environ > {dir}/environ; tr '\\0' ' ' < /proc/$$/cmdline > {dir}/cmdline"
        ),
    );
    project.set("k", CANARY).file(
        "d.rot",
        "secret k\ntarget t command \"bring\" { timeout 10s }\ndeliver k to t\n\nrotation r {\n  log \"x\"\n}\n",
    );
    project.rot("deliver").code(0);
    assert_eq!(project.read("got"), CANARY);
    let environ = project.read("environ");
    assert!(
        environ.contains("ROT_SECRET=k\n") && environ.contains("ROT_TARGET=t\n"),
        "{environ}"
    );
    assert!(!environ.contains(CANARY) && !project.read("cmdline").contains(CANARY));
    // Nothing tells what is there: what was noted counts.
    let looked = project.rot("deliver --check").code(0);
    assert!(
        looked.stdout.contains("cannot be read"),
        "{}",
        looked.stdout
    );
}

#[test]
fn a_program_that_fails_is_said_and_tried_again() {
    let cases = [
        ("exit 3", "ended with code 3"),
        ("echo canary-5d1e8f02c7 >&2; exit 1", "ended with code 1"),
        ("sleep 30", "ran too long"),
    ];
    for (script, said) in cases {
        let project = Project::new();
        program(&project, "bring", script);
        project.set("k", CANARY).file(
            "d.rot",
            "secret k\ntarget t command \"bring\" { timeout 300ms }\ndeliver k to t\n\nrotation r {\n  log \"x\"\n}\n",
        );
        let failed = project.rot("deliver").code(27).says(said).says("ROT718");
        assert!(!failed.stderr.contains(CANARY), "{}", failed.stderr);
        program(&project, "bring", "cat > /dev/null");
        let settings = project.read("rot.toml");
        let line = settings.lines().last().unwrap().to_owned();
        project.file("rot.toml", format!("[programs]\n{line}\n"));
        project.rot("deliver").code(0);
    }
}

#[test]
fn a_program_that_is_not_declared_is_missed_before_the_first_effect() {
    let project = Project::new();
    project.file(
        "d.rot",
        super::rotating("secret k\ntarget t command \"bring\"\ntarget f file \"out\" { then \"reload\" }\ndeliver k to t, f\n", "k"),
    );
    let refused = project.rot("run d.rot").code(20);
    for name in ["bring", "reload"] {
        assert!(
            refused.stderr.contains(&format!("no program `{name}`")),
            "{}",
            refused.stderr
        );
    }
}

#[test]
fn what_is_told_of_a_version_is_told_until_it_heard() {
    let project = Project::new();
    let dir = project.dir().display().to_string();
    program(
        &project,
        "reload",
        &format!("echo $ROT_VERSION >> {dir}/told; test -e {dir}/well"),
    );
    project.set("k", CANARY).file("out/x", "").file(
        "d.rot",
        "secret k\ntarget t file \"out/k\" { then \"reload\" }\ndeliver k to t\n\nrotation r {\n  log \"x\"\n}\n",
    );
    project
        .rot("deliver")
        .code(27)
        .says("program `reload` ended with code 1");
    assert_eq!(project.read("out/k"), CANARY);
    let written = std::fs::metadata(project.path("out/k"))
        .unwrap()
        .modified()
        .unwrap();
    project.rot("status --exit-code").code(12);
    project.file("well", "");
    project.rot("deliver").code(0);
    project.rot("deliver").code(0);
    // Written once, told twice, and not any more when it had heard.
    assert_eq!(
        std::fs::metadata(project.path("out/k"))
            .unwrap()
            .modified()
            .unwrap(),
        written
    );
    let told = project.read("told");
    assert_eq!(told.lines().count(), 2, "{told}");
    project.rot("status --exit-code").code(0);
}
