//! Templates: the library, what is made from it, and what is said of mistakes in using one.

use crate::support::project::Project;
use rot::check::{Options, check};
use rot::plan::resolve::resolve;
use rot::source::{FileId, SourceFile};
use rot::syntax;
use rot::templates::ALL;

#[test]
fn each_of_the_library_makes_a_rotation_that_checks_clean() {
    for library in ALL {
        let project = Project::empty();
        let made = project
            .rot(&format!("init --template {}", library.name))
            .code(0);
        let file = format!("rotations/{}.rot", library.name);
        assert!(project.path(&file).exists(), "{}", made.stderr);
        assert!(!project.path("rotations/first.rot").exists());
        let checked = project.rot(&format!("check --fail-on note {file}"));
        assert_eq!(
            checked.code, 0,
            "{}:\n{}{}",
            library.name, checked.stdout, checked.stderr
        );
        project.rot(&format!("fmt --check {file}")).code(0);
        // The next steps name what the rotation starts from, and each of them is a command.
        let named: Vec<&str> = made
            .stderr
            .lines()
            .filter_map(|line| line.trim().strip_prefix("rot vault set "))
            .collect();
        for line in named {
            let mut arguments = vec!["vault", "set"];
            arguments.extend(line.split(' '));
            project
                .feed(&arguments, b"a-value-that-is-long-enough")
                .code(0);
        }
    }
}

#[test]
fn the_library_is_formatted_and_says_what_a_template_must_say() {
    for library in ALL {
        let source = SourceFile::new(library.name, library.text);
        let (tree, found) = syntax::parse(FileId::new(0), &source);
        assert!(found.is_empty(), "{}: {found:?}", library.name);
        assert_eq!(
            syntax::print(&tree, &source),
            library.text,
            "{}",
            library.name
        );
        let shown = Project::empty().rot(&format!("templates show {}", library.name));
        for word in ["source \"", "summary \"", "needs \"", "lag \""] {
            assert!(shown.stdout.contains(word), "{} lacks {word}", library.name);
        }
    }
}

#[test]
fn a_copy_is_used_as_the_original_is() {
    let project = Project::empty();
    project.rot("templates copy api_key_additive").code(0);
    project
        .rot("templates copy api_key_additive")
        .code(2)
        .says("nothing is overwritten");
    let text = |used: &str| {
        format!(
            "use \"{used}\"\nsecret admin\nsecret key {{ value, id }}\n\nrotation r from api_key_additive {{\n  with {{ host: \"api.example.com\", admin: admin, key: key }}\n  every 7d\n}}\n"
        )
    };
    let plan = |name: &str, used: &str| {
        project.file(name, text(used));
        project.rot(&format!("check --fail-on note {name}")).code(0);
        project
            .rot(&format!("plan {name}"))
            .stdout
            .replace(name, "FILE")
    };
    let (library, copy) = (
        plan("a.rot", "std:api_key_additive@1"),
        plan("b.rot", "./api_key_additive.rot"),
    );
    assert_eq!(library, copy);
    assert!(library.contains("api.example.com"), "{library}");
}

#[test]
fn one_template_serves_many() {
    let project = Project::empty();
    let mut text = String::from("use \"std:rabbitmq_user@1\"\n");
    for n in 0..50 {
        text.push_str(&format!(
            "secret admin_{n}, mq_{n}\nrotation mq_{n} from rabbitmq_user {{\n  with {{ host: \"mq{n}.example.com:15671\", admin_user: \"rot\", user: \"orders\", admin: admin_{n}, password: mq_{n} }}\n  every 30d\n}}\n"
        ));
    }
    project.file("all.rot", &text);
    project.rot("check --fail-on note all.rot").code(0);
    let plan = project.rot("plan all.rot --rotation mq_7").stdout;
    assert!(plan.contains("mq7.example.com:15671"), "{plan}");
    assert!(plan.contains("mq_7") && !plan.contains("mq_8"), "{plan}");
}

#[test]
fn the_secret_goes_nowhere_but_where_its_own_declaration_says() {
    let project = Project::empty();
    project.file(
        "bound.rot",
        "use \"std:rabbitmq_user@1\"\nsecret admin to \"other.example.com\"\nsecret mq\nrotation mq from rabbitmq_user {\n  with { host: \"mq.example.com\", admin_user: \"rot\", user: \"u\", admin: admin, password: mq }\n  every 30d\n}\n",
    );
    let found = project.rot("check --report concise bound.rot").code(1);
    assert!(found.stdout.contains("ROT309"), "{}", found.stdout);
}

/// A use of a template with one thing wrong: the text, and what is said.
const MISTAKES: &[(&str, &str, &str)] = &[
    (
        "rotation r from tt { every 1d }",
        "ROT101",
        "no template `tt`",
    ),
    (
        "rotation r from t { every 1d }",
        "ROT202",
        "needs `host`, `user`, `admin`",
    ),
    (
        "rotation r from t { with { host: \"h.example.com\", user: \"u\", admin: a, usr: \"x\" } every 1d }",
        "ROT101",
        "no parameter `usr`",
    ),
    (
        "rotation r from t { with { host: \"h.example.com\", user: 5, admin: a } every 1d }",
        "ROT201",
        "is a string, and this is an int",
    ),
    (
        "rotation r from t { input x: string\n with { host: input.x, user: \"u\", admin: a } every 1d }",
        "ROT310",
        "not known before the run",
    ),
    (
        "rotation r from t { with { host: \"https://h/x\", user: \"u\", admin: a } every 1d }",
        "ROT",
        "not a host",
    ),
    (
        "rotation r from t { with { host: \"h.example.com\", user: \"u\", admin: b } every 1d }",
        "ROT105",
        "`b` is not declared",
    ),
    (
        "rotation r from t { with { host: \"h.example.com\", user: \"u\", admin: rec } every 1d }",
        "ROT106",
        "does not have the fields",
    ),
    (
        "rotation r from t { with { host: \"h.example.com\", user: \"u\", admin: secrets.a } every 1d }",
        "ROT201",
        "takes the name of a declared secret",
    ),
    (
        "rotation r from t { with { host: \"h.example.com\", user: \"u\", user: \"v\", admin: a } every 1d }",
        "ROT110",
        "given twice",
    ),
    (
        "rotation r from t { with { host: \"h.example.com\", user: \"u\", admin: a } every 1d log \"x\" }",
        "ROT001",
        "no steps of its own",
    ),
    (
        "rotation r { with { host: \"h.example.com\" } every 1d log \"x\" }",
        "ROT001",
        "`with` belongs",
    ),
    (
        "rotation r { parameter x: string\n log \"x\" }",
        "ROT001",
        "`parameter` belongs",
    ),
    (
        "rotation r { about { source \"x\" } log \"x\" }",
        "ROT001",
        "`about` belongs",
    ),
    (
        "secret c to \"${other}\"\nrotation r { log \"x\" }",
        "ROT001",
        "is not known here",
    ),
    (
        "template t { log \"x\" }\nrotation r { log \"x\" }",
        "ROT110",
        "template `t` is defined twice",
    ),
    (
        "template u { parameter x: strin\n log x }\nrotation r { log \"x\" }",
        "ROT201",
        "not a kind of parameter",
    ),
    (
        "template u { parameter x: string, y: int\n log x }\nrotation r { log \"x\" }",
        "ROT001",
        "",
    ),
    (
        "template u { parameter x: string to \"h\"\n log x }\nrotation r { log \"x\" }",
        "ROT001",
        "only a `secret`",
    ),
    (
        "use \"std:rabbitmq_usr@1\"\nrotation r { log \"x\" }",
        "ROT116",
        "rabbitmq_user@1",
    ),
    (
        "use \"std:rabbitmq_user\"\nrotation r { log \"x\" }",
        "ROT116",
        "rabbitmq_user@1",
    ),
];

#[test]
fn mistakes_are_named_where_they_stand() {
    for (text, code, message) in MISTAKES {
        let project = Project::empty();
        let base = "secret a\nsecret rec { x }\n\ntemplate t {\n  parameter host: host\n  parameter user: string\n  parameter admin: secret to \"${host}\"\n  http GET \"https://${host}/u/${user}\" { bearer secrets.admin }\n}\n\n";
        project.file("f.rot", format!("{base}{text}\n"));
        let found = project.rot("check --report json f.rot");
        let json = found.json();
        let all = json["findings"].as_array().unwrap();
        let hit = all.iter().any(|f| {
            f["code"].as_str().unwrap().starts_with(code)
                && format!("{} {}", f["message"], f["help"]).contains(message)
        });
        assert!(hit, "{text}\n{}", found.stdout);
        assert_eq!(found.code, 1, "{text}");
    }
}

#[test]
fn a_finding_within_a_template_says_where_it_is_used() {
    let project = Project::empty();
    project.file(
        "lib.rot",
        "template t {\n  parameter host: host\n  parameter admin: secret\n  http GET \"https://${host}/u\" { bearer secrets.nothing }\n}\n",
    );
    project.file(
        "f.rot",
        "use \"lib.rot\"\nuse \"./lib.rot\"\nsecret a to \"h.example.com\"\nrotation r from t { with { host: \"h.example.com\", admin: a } every 1d }\n",
    );
    let found = project.rot("check --report json f.rot").code(1).json();
    let first = &found["findings"][0];
    assert!(
        first["file"].as_str().unwrap().ends_with("lib.rot"),
        "{found}"
    );
    let labels = first["labels"].to_string();
    assert!(labels.contains("is used here"), "{found}");
}

#[test]
fn what_a_template_makes_equals_what_is_written_out() {
    let template = "template t {\n  parameter host: host\n  parameter life: duration = 5m\n  parameter names: list\n  parameter n: int\n  parameter s: secret { value, id } to \"${host}\" in header, path\n  http mint POST \"https://${host}/k/${n}\" issues additive {\n    json { names: names, first: names[0] }\n    secret v = body $.v\n    public id = body $.id\n  }\n  stage s { value: mint.v, id: mint.id }\n  verify { http GET \"https://${host}/me\" { bearer pending.s.value } }\n  promote s\n  revoke previous.s after life { http DELETE \"https://${host}/k/${previous.s.id}\" { bearer secrets.s.value } }\n}\nsecret key { value, id }\nrotation r from t { with { host: \"h.example.com\", names: [\"a\", \"b\"], n: 7, s: key } every 1d }\n";
    let written = "secret key { value, id } to \"h.example.com\" in header, path\nrotation r {\n  every 1d\n  http mint POST \"https://h.example.com/k/7\" issues additive {\n    json { names: [\"a\", \"b\"], first: [\"a\", \"b\"][0] }\n    secret v = body $.v\n    public id = body $.id\n  }\n  stage key { value: mint.v, id: mint.id }\n  verify { http GET \"https://h.example.com/me\" { bearer pending.key.value } }\n  promote key\n  revoke previous.key after 5m { http DELETE \"https://h.example.com/k/${previous.key.id}\" { bearer secrets.key.value } }\n}\n";
    let plan = |text: &str| {
        let source = SourceFile::new("f.rot", text);
        let (tree, found) = syntax::parse(FileId::new(0), &source);
        assert!(found.is_empty(), "{found:?}");
        let (plan, found) = resolve(&[], &tree);
        assert!(found.is_empty(), "{found:?}");
        let findings: Vec<&str> = check(&plan, &Options::default())
            .iter()
            .map(|d| d.code.id())
            .collect();
        (rot::plan::document::encode(&plan), findings)
    };
    let ((made, found), (own, wanted)) = (plan(template), plan(written));
    assert_eq!(found, wanted);
    let strip = |text: &str| {
        let mut json: serde_json::Value = serde_json::from_str(text).unwrap();
        fn clean(json: &mut serde_json::Value) {
            match json {
                serde_json::Value::Object(members) => {
                    members.retain(|k, _| k != "at" && k != "digest");
                    members.values_mut().for_each(clean);
                }
                serde_json::Value::Array(items) => items.iter_mut().for_each(clean),
                _ => {}
            }
        }
        clean(&mut json);
        json
    };
    assert_eq!(strip(&made), strip(&own));
}

#[test]
fn what_is_set_is_text_and_names_are_quoted_where_they_must_be() {
    let project = Project::empty();
    let made = project.with(&[
        "init",
        "--template",
        "rabbitmq_user",
        "--set",
        "name=orders",
        "--set",
        "host=mq.example.com",
        "--set",
        "user=a ${run.id} \"b\" \\ c",
        "--set",
        "admin=team/admin",
        "--set",
        "password=client",
    ]);
    assert_eq!(made.code, 0, "{}", made.stderr);
    assert!(
        made.stderr.contains("rot vault set team/admin"),
        "{}",
        made.stderr
    );
    let plan = project.rot("plan rotations/orders.rot").stdout;
    let text = project.read("rotations/orders.rot");
    assert!(
        text.contains("\"team/admin\"") && text.contains("\"client\""),
        "{text}"
    );
    assert!(text.contains("a $${run.id} \\\"b\\\" \\\\ c"), "{text}");
    assert!(plan.contains("team/admin"), "{plan}\n{text}");
}

/// A recipe is a rotation that is copied: it is formatted, and nothing is found in it.
#[test]
fn recipes_check_clean() {
    let project = Project::new();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/recipes");
    for file in std::fs::read_dir(folder).unwrap() {
        let file = file.unwrap();
        let name = file.file_name().into_string().unwrap();
        if name.ends_with(".rot") {
            project.file(&name, std::fs::read_to_string(file.path()).unwrap());
            let checked = project.rot(&format!("check --fail-on note {name}"));
            assert_eq!(checked.code, 0, "{name}:\n{}", checked.stdout);
            project.rot(&format!("fmt --check {name}")).code(0);
        }
    }
}

/// One file for all environments: each gives the parameters of its own, hosts above all, in the place of what `with` says or of a
/// default; the secret goes where that leads and nowhere else.
#[test]
fn an_environment_gives_what_a_template_asks_for() {
    let file = |with: &str| {
        format!(
            "template key {{\n  parameter api: host = \"api.example.com\"\n  parameter token: secret to \"${{api}}\"\n  parameter note: string = \"none\"\n  http mint POST \"https://${{api}}/keys\" issues additive {{\n    bearer secrets.token\n    json {{ note: note }}\n    secret value = body $.key\n  }}\n  update token = mint.value\n}}\n\nsecret token\n\nrotation svc from key {{\n  with {{ {with}token: token }}\n}}\n"
        )
    };
    let settings = "[environment.dev.with.svc]\napi = \"api.dev.example.com\"\nnote = \"for a ${trial}\"\n\n[environment.prod]\n\n[environment.slip.with.svc]\napy = \"x.example.com\"\n\n[environment.odd.with.svc]\napi = \"no host\"\n";
    for with in ["api: \"api.example.com\", ", ""] {
        let project = Project::empty();
        project
            .file("rot.toml", settings)
            .file("svc.rot", file(with));
        for (environment, host) in [
            ("", "api.example.com"),
            ("--environment prod ", "api.example.com"),
            ("--environment dev ", "api.dev.example.com"),
        ] {
            project.rot(&format!("{environment}check svc.rot")).code(0);
            let plan = project.rot(&format!("{environment}compile svc.rot "));
            let plan = plan.code(0).stdout;
            assert!(plan.contains(host), "{plan}");
            let other = match host {
                "api.example.com" => "api.dev.example.com",
                _ => "api.example.com",
            };
            assert!(!plan.contains(other), "{plan}");
        }
        // It is text, whatever is in it; and what is wrong with it is said where it is used.
        let plan = project.rot("--environment dev compile svc.rot ").stdout;
        assert!(plan.contains("for a ${trial}"), "{plan}");
        let slip = project.rot("--environment slip check svc.rot").code(1);
        assert!(slip.stdout.contains("apy"), "{}", slip.stdout);
        project.rot("--environment odd check svc.rot").code(1);
    }
    let project = Project::empty();
    project.file("rot.toml", "[environment.dev.with]\nsvc = \"x\"\n");
    project.rot("check .").code(2);
}
