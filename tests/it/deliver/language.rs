//! What `target` and `deliver` may say, and how they are shown.

use crate::support::plans::plan;
use crate::support::project::Project;

const GOOD: &str = "# Where they are used.
secret db { user, password } to \"db.example.com\"
secret key
secret gh_token to \"api.github.com\"
secret vault_role { id, secret } to \"vault.example.com:8200\" in body
secret team/aws { id, key } to \"ssm.eu-central-1.amazonaws.com\" in header, signature

target app file \"/run/app/.env\" {
  form \"dotenv\"
  mode \"0440\"
  owner \"app:app\"
  then \"reload-app\"
}
target swarm command \"update-swarm\" { timeout 30s }
target ci github \"octo/reports\" { token secrets.gh_token }
target shared kv \"secret/apps/db\" {
  server \"https://vault.example.com:8200\"
  role-id secrets.vault_role.id
  secret-id secrets.vault_role.secret
  timeout 10s
}
target param aws-ssm \"/apps/key\" {
  region \"eu-central-1\"
  key-id secrets.team/aws.id
  key secrets.team/aws.key
}
target unit systemd \"db-key\" {
  encrypt \"systemd-creds\"
  key \"host\"
}
target pod kubernetes \"apps/db\" { restart \"deployment/web\" }
deliver db to app, shared, pod
deliver key to app as \"API_KEY\", swarm, ci, param, unit

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
        ("target t kv \"secret/x\" { token secrets.k }", "ROT202"),
        (
            "target t kv \"secret/x\" { server \"http://vault.example.com\"  token secrets.k }",
            "ROT210",
        ),
        (
            "target t kv \"secret/x\" { server \"https://h\" }",
            "ROT211",
        ),
        (
            "target t kv \"secret\" { server \"https://h\"  token secrets.k }",
            "ROT211",
        ),
        (
            "target t kv \"secret/../x\" { server \"https://h\"  token secrets.k }",
            "ROT211",
        ),
        (
            "target t kv \"secret/x\" { server \"https://h\"  token secrets.k  role-id secrets.k  secret-id secrets.k }",
            "ROT211",
        ),
        (
            "target t kv \"secret/x\" { server \"https://h\"  token \"s.abc\" }",
            "ROT211",
        ),
        (
            "target t kv \"secret/x\" { server \"https://h\"  token secrets.p }",
            "ROT211",
        ),
        (
            "target t kv \"secret/x\" { server \"https://h\"  token secrets.q }",
            "ROT105",
        ),
        (
            "target t kv \"secret/x\" { server \"https://h\"  token secrets.k }",
            "ROT309",
        ),
        ("target t github \"a/b/c\" { token secrets.k }", "ROT211"),
        (
            "target t github \"org\" { token secrets.k  environment \"prod\" }",
            "ROT211",
        ),
        ("target t kubernetes \"Apps/x\"", "ROT211"),
        (
            "target t kubernetes \"apps/x\" { restart \"pod/x\" }",
            "ROT211",
        ),
        (
            "target t kubernetes \"apps/x\" { force \"perhaps\" }",
            "ROT211",
        ),
        ("target t azure \"v/a_b\" { token secrets.k }", "ROT211"),
        ("target t gcp \"p/s\" { token secrets.k }", "ROT211"),
        ("target t systemd \"a/b\"", "ROT211"),
        ("target t systemd \"a\" { key \"host\" }", "ROT202"),
        ("target t systemd \"a\" { folder \"x\" }", "ROT211"),
        (
            "secret g to \"api.github.com\"\ntarget t github \"o/r\" { token secrets.g }\ndeliver k to t as \"GITHUB_X\"",
            "ROT521",
        ),
        (
            "secret g to \"gitlab.com\"\ntarget t gitlab \"o/r\" { token secrets.g }\ndeliver k to t as \"A-B\"",
            "ROT521",
        ),
        (
            "target t kubernetes \"apps/x\"\ndeliver k to t as \"a b\"",
            "ROT521",
        ),
        (
            "target t kubernetes \"apps/x\"\ndeliver p to t as \"a\"",
            "ROT521",
        ),
        (
            "secret g to \"v.vault.azure.net\"\ntarget t azure \"v/a\" { token secrets.g }\ndeliver k to t as \"a\"",
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
    for said in [
        "target `app`",
        "target `swarm`",
        "file /run/app/.env",
        "github octo/reports at api.github.com",
        "kv secret/apps/db at vault.example.com:8200",
        "→ vault.example.com:8200",
        "→ ssm.eu-central-1.amazonaws.com",
    ] {
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
            .contains("app (file /run/app/.env), swarm (command update-swarm), ci (github octo/reports at api.github.com)"),
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
