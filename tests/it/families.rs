//! Families: one rotation over a list of names. Each member is a rotation of its own, and what is said of the text is said once.

use crate::support::loopback::{self, calls};
use crate::support::project::Project;
use rot::check::{Options, check};
use rot::demo::issuer::{Config, IssuerHandle};
use rot::diagnostic::{Code, Diagnostic, codes};
use rot::plan::Plan;
use rot::plan::resolve::resolve;
use rot::source::{FileId, SourceFile};
use rot::syntax;
use rot::workspace::load;
use serde_json::Value as Json;

const KEYS: &str = r#"secret admin to "api.example.com"
secret tenant/* { key, id } to "api.example.com"

rotation tenant_key for each tenant in ["acme", "globex", "initech"] {
  every 30d

  http mint POST "https://api.example.com/tenants/${tenant}/keys" issues additive {
    bearer secrets.admin
    json { name: "rot-${run.id}" }
    expect status 201
    secret key = body $.key
    public id = body $.id
  }

  stage tenant/* { key: mint.key, id: mint.id }

  verify within 2m every 5s {
    http GET "https://api.example.com/me" {
      bearer pending.tenant/*.key
      expect status 200
    }
  }

  promote tenant/*

  revoke previous.tenant/* after 24h {
    http DELETE "https://api.example.com/tenants/${tenant}/keys/${previous.tenant/*.id}" {
      bearer secrets.admin
      expect status 204, 404
    }
  }
}
"#;

fn tree(text: &str) -> (syntax::ast::Ast, Vec<Diagnostic>) {
    syntax::parse(FileId::new(0), &SourceFile::new("f.rot", text))
}

fn plan(text: &str) -> (Plan, Vec<Diagnostic>) {
    let (tree, mut found) = tree(text);
    let (plan, more) = resolve(&[], &tree);
    found.extend(more);
    (plan, found)
}

/// All that a file says of itself, as commands see it.
fn findings(text: &str) -> Vec<Diagnostic> {
    let file = SourceFile::new("f.rot", text);
    load::analyse(&file, &rot::workspace::config::Config::default()).findings
}

#[test]
fn each_member_is_a_rotation_with_its_own_secrets() {
    let (plan, found) = plan(KEYS);
    assert_eq!(found, []);
    let names: Vec<&str> = plan.rotations.iter().map(|r| r.name.as_str()).collect();
    assert_eq!(
        names,
        ["tenant_key/acme", "tenant_key/globex", "tenant_key/initech"]
    );
    let secrets: Vec<&str> = plan.secrets.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(
        secrets,
        ["admin", "tenant/acme", "tenant/globex", "tenant/initech"]
    );
    assert_eq!(check(&plan, &Options { pedantic: false }), []);
    assert_eq!(findings(KEYS), []);
    // What a run of one member keeps knows nothing of the others.
    let one = plan.rotations.first().unwrap();
    let narrow = plan.without_other_members(one);
    let kept: Vec<&str> = narrow.secrets.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(kept, ["admin", "tenant/acme"]);
    assert_eq!(narrow.rotations, std::slice::from_ref(one));
    // The canonical layout is what was written.
    let (tree, _) = tree(KEYS);
    assert_eq!(syntax::print(&tree, &SourceFile::new("f.rot", KEYS)), KEYS);
}

#[test]
fn a_family_is_the_same_plan_as_its_members_written_out() {
    let head = "secret admin to \"api.example.com\"\n";
    let body = KEYS
        .split_once("in [\"acme\", \"globex\", \"initech\"] ")
        .unwrap()
        .1;
    let mut text = head.to_owned();
    for member in ["acme", "globex", "initech"] {
        let own = |part: &str| {
            part.replace("${tenant}", member)
                .replace("tenant/*", &format!("tenant/{member}"))
        };
        text += &own("secret tenant/* { key, id } to \"api.example.com\"\n");
        text += &format!("rotation \"tenant_key/{member}\" {}", own(body));
    }
    let (mut made, _) = plan(KEYS);
    for rotation in &mut made.rotations {
        assert_eq!(rotation.family.take().as_deref(), Some("tenant_key"));
    }
    assert_eq!(made, plan(&text).0);
}

#[test]
fn members_have_fields_and_templates_serve_them() {
    let text = r#"secret admin to "acme.example.com", "globex.example.com"
secret api/* to "acme.example.com", "globex.example.com"

template key {
  parameter api: host
  parameter id: string
  parameter credential, root: secret to "${api}"

  every 30d
  generate fresh password { length 32 }
  stage credential = fresh.value
  http PUT "https://${api}/keys/${id}" sets {
    bearer secrets.root
    json { value: pending.credential }
  }
  verify {
    http GET "https://${api}/me" { bearer pending.credential }
  }
  promote credential
}

rotation api_key from key for each tenant in [
  { name: "acme", host: "acme.example.com" },
  { name: "globex", host: "globex.example.com" },
] {
  with { api: tenant.host, id: "key-of-${tenant}", credential: "api/*", root: admin }
}
"#;
    let (plan, found) = plan(text);
    assert_eq!(found, []);
    let shown: Vec<String> = plan
        .rotations
        .iter()
        .map(|r| format!("{} {}", r.name, r.schedule.as_ref().unwrap().describe()))
        .collect();
    assert_eq!(
        shown,
        ["api_key/acme every 30 days", "api_key/globex every 30 days"]
    );
    let document = rot::plan::document::encode(&plan);
    for url in [
        "https://acme.example.com/keys/",
        "https://globex.example.com/keys/",
        "key-of-acme",
    ] {
        assert!(document.contains(url), "{url}");
    }
    // A member that is sent somewhere else than its secrets may go is found, and no other.
    let wrong = text.replace(
        "host: \"globex.example.com\"",
        "host: \"globex.example.org\"",
    );
    let found = findings(&wrong);
    let errors: Vec<&Diagnostic> = found
        .iter()
        .filter(|d| d.code == codes::SECRET_TO_UNDECLARED_HOST)
        .collect();
    assert!(!errors.is_empty(), "{found:?}");
    assert!(
        errors
            .iter()
            .all(|d| d.notes.iter().all(|n| !n.contains("same for"))),
        "{errors:?}"
    );
}

#[test]
fn what_is_wrong_with_a_family_is_said_at_its_place_once() {
    let list = "[\"acme\", \"globex\", \"initech\"]";
    let table: [(&str, &str, Code, &str); 9] = [
        (list, "[]", codes::BAD_VALUE, "a family without members"),
        (
            list,
            "[\"a\", run.id]",
            codes::TYPE_MISMATCH,
            "a member is a name in quotes",
        ),
        (
            list,
            "[\"a\", { host: \"x\" }]",
            codes::TYPE_MISMATCH,
            "a member is a name in quotes",
        ),
        (
            list,
            "[\"a\", \"b.c\"]",
            codes::BAD_NAME,
            "`b.c` cannot name a member",
        ),
        (
            list,
            "[\"a\", \"b/c\"]",
            codes::BAD_NAME,
            "`b/c` cannot name a member",
        ),
        (
            list,
            "[\"a\", \"b\", \"a\"]",
            codes::DUPLICATE_NAME,
            "member `a` is in the list twice",
        ),
        (
            list,
            "[{ name: \"a\", x: 1 }, { name: \"b\" }]",
            codes::MISSING_REQUIRED,
            "member `b` has no `x`",
        ),
        (
            "secret tenant/* {",
            "secret other/*\nsecret tenant/* {",
            codes::UNUSED_SECRET,
            "no family uses secret `other/*`",
        ),
        (
            "promote tenant/*\n",
            "promote tennant/*\n",
            codes::UNDECLARED_SECRET,
            "secret `tennant/acme` is not declared",
        ),
    ];
    for (from, to, code, message) in table {
        let text = KEYS.replace(from, to);
        assert_ne!(text, KEYS);
        let found = findings(&text);
        let of_it: Vec<&Diagnostic> = found
            .iter()
            .filter(|d| d.code == code && d.message.contains(message))
            .collect();
        assert_eq!(of_it.len(), 1, "{to}: {found:#?}");
    }
    // Outside of a family the star stands for nothing.
    let found = findings("secret a\nrotation r {\n  update a = secrets.tenant/*\n}\n");
    assert!(
        found.iter().any(|d| d
            .help
            .as_deref()
            .is_some_and(|h| h.contains("stands for the member"))),
        "{found:?}"
    );
    // A finding of the checker is one as well, and says for how many it holds.
    let found = findings(&KEYS.replace(
        "      bearer pending.tenant/*.key\n",
        "      query { k: pending.tenant/*.key }\n",
    ));
    let query: Vec<&Diagnostic> = found
        .iter()
        .filter(|d| d.code == codes::SECRET_IN_URL_QUERY)
        .collect();
    assert_eq!(query.len(), 1, "{found:#?}");
    assert!(
        query[0]
            .notes
            .iter()
            .any(|n| n == "the same for 2 other members"),
        "{query:?}"
    );
}

#[test]
fn a_family_that_would_not_fit_into_memory_is_refused() {
    let members: Vec<String> = (0..60_000).map(|n| format!("\"t{n}\"")).collect();
    let text = KEYS.replace(
        "[\"acme\", \"globex\", \"initech\"]",
        &format!("[{}]", members.join(", ")),
    );
    let found = findings(&text);
    assert!(
        found.iter().any(|d| d.message.contains("60000 members")),
        "{found:?}"
    );
}

/// Tenants at the issuer, one of which it does not know.
const TENANTS: &str = r#"secret appKeyId, appKeySecret to "api.example.com"
secret token/*

rotation token for each tenant in [
  { name: "acme", path: "token" },
  { name: "globex", path: "nothing-here" },
  { name: "initech", path: "token" },
] {
  every 45m

  http get POST "https://api.example.com/api/${tenant.path}" issues additive {
    json { keyId: secrets.appKeyId, keySecret: secrets.appKeySecret }
    secret token = body $.token
  }

  update token/* = get.token
}
"#;

fn good() -> IssuerHandle {
    loopback::issuer(Config::default())
}

fn tenants(issuer: &IssuerHandle) -> Project {
    let project = Project::new();
    project.file("r.rot", loopback::at(issuer, TENANTS));
    project
        .set("appKeyId", "demo-key-id")
        .set("appKeySecret", "demo-key-secret");
    project
}

#[test]
fn a_member_that_fails_stops_no_other() {
    let issuer = good();
    let project = tenants(&issuer);
    let ran = project.rot("run r.rot --due");
    assert_ne!(ran.code, 0);
    assert!(ran.stderr.contains("`token/globex`: "), "{}", ran.stderr);
    assert_eq!(calls(&issuer, "POST", "/api/token"), 2);
    assert_eq!(calls(&issuer, "POST", "/api/nothing-here"), 1);
    let list = project.rot("vault list").code(0);
    assert!(list.stdout.contains("token/acme"), "{}", list.stdout);
    assert!(!list.stdout.contains("token/globex"), "{}", list.stdout);
    assert!(list.stdout.contains("token/initech"), "{}", list.stdout);
    // Status shows each, with the family that it is of.
    let status = project.rot("status --report json r.rot");
    let document: Json = serde_json::from_str(&status.stdout).unwrap();
    let rows: Vec<(String, String, String)> = document["rotations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| {
            let text = |key: &str| r[key].as_str().unwrap().to_owned();
            (text("family"), text("rotation"), text("state"))
        })
        .collect();
    let row = |member: &str, state: &str| {
        (
            "token".to_owned(),
            format!("token/{member}"),
            state.to_owned(),
        )
    };
    assert_eq!(
        rows,
        [
            row("acme", "soon"),
            row("globex", "due"),
            row("initech", "soon")
        ]
        .map(|(f, r, s)| { (f, r, if s == "soon" { rows[0].2.clone() } else { s }) })
    );
    assert_ne!(rows[0].2, "due");
    // The others are not due again; the one that failed is, by itself.
    project.rot("run r.rot --due");
    assert_eq!(calls(&issuer, "POST", "/api/token"), 2);
    // One member by its name, all by the family's.
    project.rot("run r.rot --rotation token/acme").code(0);
    assert_eq!(calls(&issuer, "POST", "/api/token"), 3);
    project.file(
        "r.rot",
        loopback::at(&issuer, &TENANTS.replace("nothing-here", "token")),
    );
    project.rot("run r.rot --rotation token/globex");
    let all = project.rot("run r.rot --rotation token");
    assert!(
        all.stderr.contains("token/initech") || all.stdout.contains("token/initech"),
        "{} {}",
        all.stdout,
        all.stderr
    );
}

#[test]
fn members_have_locks_journals_and_reports_of_their_own() {
    let issuer = good();
    let project = tenants(&issuer);
    let ran = project.rot("run r.rot --due --report json");
    let reports: Vec<Json> = serde_json::Deserializer::from_str(&ran.stdout)
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let names: Vec<&str> = reports
        .iter()
        .map(|r| r["rotation"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["token/acme", "token/globex", "token/initech"]);
    let ids: std::collections::BTreeSet<&str> = reports
        .iter()
        .map(|r| r["run_id"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), 3);
}

#[test]
fn many_members_are_told_in_a_line() {
    let members: Vec<String> = (0..1000).map(|n| format!("\"t{n}\"")).collect();
    let text = KEYS.replace(
        "[\"acme\", \"globex\", \"initech\"]",
        &format!("[{}]", members.join(", ")),
    );
    assert_eq!(findings(&text), []);
    let project = Project::new();
    project.file("r.rot", &text);
    let status = project.rot("status r.rot");
    assert!(
        status.stdout.contains("tenant_key (1000 members)"),
        "{}",
        status.stdout
    );
    assert!(status.stdout.contains("1000 due"), "{}", status.stdout);
    assert!(
        status
            .stdout
            .lines()
            .filter(|l| l.starts_with("tenant_key/"))
            .count()
            == 12
    );
    let wrong = project.rot("run r.rot --rotation tenant_keys").code(2);
    assert!(wrong.stderr.len() < 500, "{}", wrong.stderr);
    let practised = project.rot("rehearse r.rot");
    assert!(
        practised.stderr.contains("stands for 999 other members"),
        "{}",
        practised.stderr
    );
    let planned = project.rot("plan r.rot");
    assert!(
        planned
            .stdout
            .contains("rotation tenant_key/t999\n  the same for another member"),
        "{}",
        planned.stderr
    );
}
