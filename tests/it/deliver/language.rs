//! What `target` and `deliver` may say, and how they are shown.

use crate::support::plans::plan;
use crate::support::project::Project;

const GOOD: &str = "# Where they are used.
secret db { user, password } to \"db.example.com\"
secret key

target app file \"/run/app/.env\" {
  form \"dotenv\"
  mode \"0440\"
  owner \"app:app\"
  then \"reload-app\"
}
target swarm command \"update-swarm\" { timeout 30s }
deliver db to app
deliver key to app as \"API_KEY\", swarm

rotation r {
  http GET \"https://db.example.com/me\" {
    basic secrets.db.user, secrets.db.password
    expect status 200
  }
  generate fresh password { length 32 }
  update key = fresh.value
}
";

#[test]
fn what_is_well_formed_is_taken_printed_and_written_back() {
    let project = Project::new();
    project.file("g.rot", GOOD);
    project.rot("check --fail-on warning g.rot").code(0);
    project.rot("fmt --check g.rot").code(0);
    let made = plan(GOOD);
    let (text, found) = rot::plan::write::write(&made);
    assert!(found.is_empty(), "{found:?}");
    let again = plan(&text);
    assert_eq!(
        (&made.targets, &made.deliveries),
        (&again.targets, &again.deliveries),
        "{text}"
    );
    let document = rot::plan::document::encode(&made);
    assert_eq!(rot::plan::document::decode(&document).ok(), Some(made));
}

#[test]
fn mistakes_are_named_where_they_stand() {
    let cases = [
        ("target t flie \"/a\"", "ROT211"),
        ("target t file \"/a\" { mod \"0400\" }", "ROT211"),
        (
            "target t file \"/a\" { mode \"0400\"   mode \"0400\" }",
            "ROT110",
        ),
        ("target t file \"/a\" { mode \"9\" }", "ROT211"),
        ("target t file \"/a\" { mode \"0666\" }", "ROT211"),
        ("target t file \"/a/\"", "ROT211"),
        ("target t file \"../a\"", "ROT211"),
        ("target t file \"\"", "ROT211"),
        ("target t file \"/a\" { owner \"a b\" }", "ROT211"),
        ("target t file \"/a\" { then \"./x\" }", "ROT118"),
        ("target t command \"/bin/sh\"", "ROT118"),
        ("target t command \"c\" { timeout \"x\" }", "ROT206"),
        ("target t file \"/a\"\ntarget t file \"/b\"", "ROT110"),
        ("target t file \"/a\"\ndeliver k to u", "ROT101"),
        ("target t file \"/a\"\ndeliver q to t", "ROT105"),
        ("target t file \"/a\"\ndeliver p.c to t", "ROT106"),
        ("target t file \"/a\"\ndeliver k to t, t", "ROT110"),
        (
            "target t file \"/a\"\ndeliver p.a to t\ndeliver p.b to t",
            "ROT110",
        ),
        ("target t file \"/a\"\ndeliver k to t as \"X\"", "ROT521"),
        (
            "target t file \"/a\" { form \"dotenv\" }\ndeliver k to t as \"PATH\"",
            "ROT521",
        ),
        (
            "target t file \"/a\" { form \"dotenv\" }\ndeliver k to t as \"A B\"",
            "ROT521",
        ),
        ("deliver k", "ROT001"),
        ("target t file", "ROT001"),
    ];
    for (items, code) in cases {
        let project = Project::empty();
        project.file("x.rot", format!("secret k\nsecret p {{ a, b }}\n{items}\n\nrotation r {{\n  generate fresh password {{ length 32 }}\n  update k = fresh.value\n  log \"${{secrets.p.a == \"\"}}\"\n}}\n"));
        let found = project.rot("check --report concise x.rot").code(1);
        assert!(
            found.stdout.contains(code),
            "{items}: no {code} in\n{}",
            found.stdout
        );
    }
}

#[test]
fn flows_pictures_and_plans_show_targets() {
    let project = Project::new();
    project.file("g.rot", GOOD);
    let flows = project.rot("check --flows g.rot").code(0);
    for said in ["target `app`", "target `swarm`", "file /run/app/.env"] {
        assert!(
            flows.stdout.contains(said),
            "no {said} in\n{}",
            flows.stdout
        );
    }
    let json = project
        .rot("check --flows --report json g.rot")
        .code(0)
        .json();
    assert!(json.to_string().contains("\"kind\":\"target\""), "{json}");
    assert!(
        project
            .rot("compile --to mermaid g.rot")
            .code(0)
            .stdout
            .contains("swarm")
    );
    let plan = project.rot("plan g.rot").code(0);
    assert!(
        plan.stdout
            .contains("app (file /run/app/.env), swarm (command update-swarm)"),
        "{}",
        plan.stdout
    );
    let lost = project.rot("compile --to conductor g.rot");
    assert!(
        lost.stderr
            .contains("where secrets are delivered cannot be expressed"),
        "{}",
        lost.stderr
    );
}

#[test]
fn a_target_of_a_used_file_has_a_whole_path() {
    let project = Project::empty();
    project.file("s.rot", "secret k\ntarget t file \"x\"\ndeliver k to t\n");
    project.file("m.rot", "use \"s.rot\"\n\nrotation r {\n  generate fresh password { length 32 }\n  update k = fresh.value\n}\n");
    let found = project.rot("check --report concise m.rot").code(1);
    assert!(
        found.stdout.contains("begins with `/`") || found.stdout.contains("another file for each"),
        "{}",
        found.stdout
    );
}
