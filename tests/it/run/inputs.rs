//! `--input`, `--input-file`, `--rotation`.

use super::{good, project};

const TEXT: &str = r#"rotation show {
  input name: string
  input count: int = 3
  input wait: duration = 5m
  input flag: bool = false
  input key: secret string = "k"
  output name = input.name
  output count = input.count
  output wait = input.wait
  output flag = input.flag
  output secret key = input.key
  log "hello"
}
"#;

#[test]
fn values_are_read_in_the_type_of_their_input() {
    let project = project(&good(), TEXT);
    project.file(
        "in.json",
        r#"{"name": "from a file", "count": 12, "key": "canary-input-value"}"#,
    );
    let report = project.rot("run r.rot --report json --input-file in.json --input count=7 --input wait=90s --input flag=true").code(0);
    insta::assert_json_snapshot!("outputs", report.json()["output"]);
    assert!(!report.stdout.contains("canary-input-value"));
}

#[test]
fn wrong_inputs_are_usage_errors() {
    let project = project(&good(), TEXT);
    project.file("list.json", "[1]").file("broken.json", "{");
    let mut said = String::new();
    for arguments in [
        "",
        "--input nam=x",
        "--input name=x --input count=many",
        "--input name=x --input wait=soon",
        "--input name=x --input flag=1",
        "--input name",
        "--input-file list.json",
        "--input-file broken.json",
        "--input-file none.json",
        "--rotation sho --input name=x",
    ] {
        let wrong = project.rot(&format!("run r.rot {arguments}")).code(2);
        said.push_str(&format!(
            "--- {arguments}\n{}\n",
            project.stable(&wrong.stderr)
        ));
    }
    insta::assert_snapshot!("wrong_inputs", said);
}

#[test]
fn one_of_several_rotations_is_named() {
    let project = project(
        &good(),
        "rotation a { log \"in a\" }\nrotation b { log \"in b\" }\n",
    );
    project
        .rot("run r.rot")
        .code(2)
        .says("this file has several rotations")
        .says("`a`, `b`");
    let b = project.rot("run r.rot --rotation b").code(0);
    assert!(
        b.stderr.contains("in b") && !b.stderr.contains("in a"),
        "{}",
        b.stderr
    );
    project.rot("run r.rot --rotation c").code(2);
    project.file("none.rot", "secret x\n");
    project
        .rot("run none.rot")
        .code(2)
        .says("this file has no rotation");
}
