//! What a revocation that is made later needs: it is bound when it is scheduled, and what cannot be is an error of `check`.

use crate::support::loopback;
use crate::support::project::Project;
use rot::demo::issuer::Config;

/// A rotation whose old key is revoked like this, with these steps ahead of it.
fn text(steps: &str, when: &str, segment: &str, clause: &str) -> String {
    format!(
        r#"secret admin_key to "api.example.com"
secret app to "api.example.com"
secret deploy_key {{ value, id }} to "api.example.com"
env REGION

rotation deploy_key {{
  input place: string = "eu"
  let base = "https://api.example.com/${{input.place}}"
  http mint POST "https://api.example.com/keys" issues additive {{
    bearer secrets.admin_key
    json {{ name: "ci" }}
    secret value = body $.key
    public id = body $.id
    public account = body $.account optional
  }}
  {steps}
  stage deploy_key {{ value: mint.value, id: mint.id }}
  verify {{ http GET "https://api.example.com/me" {{ bearer pending.deploy_key.value }} }}
  promote deploy_key
  revoke previous.deploy_key{when} {{
    http DELETE "https://api.example.com/keys/{segment}${{previous.deploy_key.id}}" revokes {{
      bearer secrets.admin_key
      {clause}
    }}
  }}
}}
"#
    )
}

const LOOK: &str = r#"http look GET "https://api.example.com/look" { bearer secrets.admin_key  public region = body $.region }"#;

#[test]
fn what_cannot_be_bound_is_an_error_of_check() {
    let branch = format!("when mint.id == \"1\" {{ {LOOK} }}");
    let each = format!("for each r in [\"a\"] {{ {LOOK} }}");
    // Steps ahead, what the address reads, a clause of the request, what is found when it is made later, and when at once.
    let cases = [
        ("", "", "", "", ""),
        ("", "${input.place}/", "", "", ""),
        ("", "${mint.id}/", "", "", ""),
        (LOOK, "${look.region}/", "", "", ""),
        ("", "${env.REGION}/", "", "", ""),
        ("", "${run.id}/", "", "", ""),
        ("", "", "header \"X-App\": secrets.app", "", ""),
        (
            branch.as_str(),
            "${look.region}/",
            "",
            "error[ROT104]",
            "warning[ROT104]",
        ),
        (
            each.as_str(),
            "${look.region}/",
            "",
            "error[ROT104]",
            "warning[ROT104]",
        ),
        (
            "",
            "${mint.account}/",
            "",
            "error[ROT203]",
            "warning[ROT203]",
        ),
        (branch.as_str(), "${look.region ?? \"eu\"}/", "", "", ""),
        ("", "${mint.account ?? \"acme\"}/", "", "", ""),
        (
            "",
            "",
            "header \"X-App\": previous.app",
            "error[ROT523]",
            "",
        ),
        (
            "",
            "",
            "header \"X-Id\": pending.deploy_key.id",
            "error[ROT523]",
            "",
        ),
        ("", "${pending.deploy_key.id}/", "", "error[ROT523]", ""),
    ];
    for (steps, segment, clause, later, now) in cases {
        for (when, expected) in [(" after 1d", later), ("", now)] {
            let project = Project::empty();
            project.file("r.rot", text(steps, when, segment, clause));
            let found = project.rot("check --report concise r.rot");
            let case = format!("{steps:?} {segment:?} {clause:?}{when}\n{}", found.stdout);
            let bound = ["ROT104", "ROT203", "ROT523"];
            let said = bound.iter().any(|code| found.stdout.contains(code));
            assert_eq!(said, !expected.is_empty(), "{case}");
            assert!(found.stdout.contains(expected), "{case}");
            if expected.starts_with("error") {
                assert_eq!(found.code, 1, "{case}");
            }
        }
    }
}

/// What the process that schedules it was given, the one that makes it may lack.
#[test]
fn a_variable_of_the_environment_is_bound() {
    let issuer = loopback::issuer(Config::default());
    let project = Project::new();
    let source = text("", " after 1s", "", "header \"X-Region\": env.REGION");
    let source = source.replace("  verify { http GET \"https://api.example.com/me\" { bearer pending.deploy_key.value } }\n", "");
    project
        .set("admin_key", "demo-admin")
        .set("app", "demo-app-123456")
        .file(
            "r.rot",
            loopback::at(&issuer, &source).replace(
                "promote deploy_key\n",
                "promote deploy_key # rot: ignore[ROT501] the issuer of the tests\n",
            ),
        )
        .file("other.rot", "rotation other {\n  log \"x\"\n}\n");
    for _ in 0..2 {
        let mut command = project.command(&["run", "r.rot"]);
        let output = command.env("REGION", "north-7").output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    project
        .rot("run other.rot")
        .code(0)
        .says("revoked 1 old credential that was due");
    let state = issuer.state();
    let (request, _) = state
        .requests
        .iter()
        .rfind(|(r, _)| r.method == "DELETE")
        .unwrap();
    let sent = format!("{:?}", request.headers);
    assert!(sent.contains("north-7"), "{sent}");
}
