//! Every file of `examples/` is checked, formatted and run against an issuer that behaves like the documented endpoint. Only
//! hosts are replaced, and hours of grace by a moment.

use crate::support::loopback::{at, calls, is_live, issuer};
use crate::support::project::Project;
use rot::demo::issuer::{Config, IssuerHandle, Kind};
use std::path::Path;

/// What a file starts from, and what must live at the issuer after a run.
struct Case {
    file: &'static str,
    given: &'static [(&'static str, &'static str)],
    /// Secret and what it is at the issuer; `None` for what only the issuer's own check can tell.
    made: &'static [(&'static str, Option<Kind>)],
}

const CASES: &[Case] = &[
    Case {
        file: "update_token.rot",
        given: APPLICATION,
        made: &[("my_secret_holding_a_token", Some(Kind::Orkes))],
    },
    Case {
        file: "update_token.json",
        given: APPLICATION,
        made: &[("my_secret_holding_a_token", Some(Kind::Orkes))],
    },
    Case {
        file: "oauth_client_credentials_form.rot",
        given: CLIENT,
        made: &[("service_token", Some(Kind::Access))],
    },
    Case {
        file: "oauth_client_credentials_basic.rot",
        given: CLIENT,
        made: &[("service_token", Some(Kind::Access))],
    },
    Case {
        file: "oauth_refresh_token.rot",
        given: &[
            ("client_id", "demo-client"),
            ("client_secret", "demo-client-secret"),
            ("login.access_token", "from-a-login-by-hand"),
            ("login.refresh_token", "demo-refresh-0"),
        ],
        made: &[
            ("login.access_token", Some(Kind::Access)),
            ("login.refresh_token", Some(Kind::Refresh)),
        ],
    },
    Case {
        file: "gitlab_rotate_self.rot",
        given: &[("gitlab_token", "demo-personal-0")],
        made: &[("gitlab_token", Some(Kind::Personal))],
    },
    Case {
        file: "key_with_id_and_expiry.rot",
        given: ADMIN,
        made: &[
            ("deploy_key.value", Some(Kind::Key)),
            ("deploy_key.id", None),
        ],
    },
    Case {
        file: "json_secret_fields.rot",
        given: ADMIN,
        made: &[
            ("storage.secret_key", Some(Kind::Bundle)),
            ("storage.access_key", None),
        ],
    },
    Case {
        file: "multi_secret_response.rot",
        given: ADMIN,
        made: &[
            ("storage.secret_key", Some(Kind::Bundle)),
            ("session_token", Some(Kind::Session)),
        ],
    },
    Case {
        file: "set_password.rot",
        given: ADMIN,
        made: &[("deploy_password", None)],
    },
    Case {
        file: "slack_tooling_tokens.rot",
        given: &[
            ("slack_config.token", "from-the-settings-page"),
            ("slack_config.refresh_token", "demo-slack-refresh-0"),
        ],
        made: &[
            ("slack_config.token", Some(Kind::SlackAccess)),
            ("slack_config.refresh_token", Some(Kind::SlackRefresh)),
        ],
    },
];

const APPLICATION: &[(&str, &str)] = &[
    ("appKeyId", "demo-key-id"),
    ("appKeySecret", "demo-key-secret"),
];
const CLIENT: &[(&str, &str)] = &[
    ("client_id", "demo-client"),
    ("client_secret", "demo-client-secret"),
];
const ADMIN: &[(&str, &str)] = &[("admin_key", "demo-admin")];

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/examples"))
}

fn text(file: &str) -> String {
    std::fs::read_to_string(folder().join(file)).unwrap()
}

/// A project with the example, its issuer in place, and the secrets that it starts from.
fn project(case: &Case, issuer: &IssuerHandle, graces: bool) -> Project {
    let project = Project::new();
    let mut text = at(issuer, &text(case.file));
    if !graces {
        ["after 24h", "after 1h", "after 5m"]
            .iter()
            .for_each(|grace| text = text.replace(grace, "after 1ms"));
    }
    project.file(case.file, text);
    case.given.iter().for_each(|(name, value)| {
        project.set(name, value);
    });
    project
}

fn case(file: &str) -> &'static Case {
    CASES.iter().find(|case| case.file == file).unwrap()
}

#[test]
fn each_example_has_a_case() {
    let mut found: Vec<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(Result::unwrap)
        .filter(|entry| entry.path().is_file())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    found.sort();
    let mut known: Vec<&str> = CASES.iter().map(|case| case.file).collect();
    known.sort_unstable();
    assert_eq!(found, known);
}

#[test]
fn they_are_formatted_and_have_no_findings() {
    let project = Project::empty();
    for case in CASES {
        project.file(case.file, text(case.file));
    }
    project.rot("fmt --check .").code(0);
    let checked = project.rot("check --report json --fail-on error .").code(0);
    let findings: Vec<String> = checked.json()["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| {
            format!(
                "{}:{} {} {}",
                f["file"].as_str().unwrap(),
                f["line"],
                f["code"].as_str().unwrap(),
                f["message"].as_str().unwrap()
            )
        })
        .collect();
    insta::assert_snapshot!("findings", findings.join("\n"));
}

/// Twice in a row: the first time with what a person put into the vault, then with what the run itself stored.
#[test]
fn each_puts_live_values_into_the_vault_twice() {
    for case in CASES {
        let issuer = issuer(Config::default());
        let project = project(case, &issuer, true);
        let mut before: Vec<Option<String>> = case.made.iter().map(|_| None).collect();
        for _ in 0..2 {
            let report = project
                .rot(&format!("run {} --report json", case.file))
                .code(0)
                .json();
            assert_eq!(report["status"], "completed", "{}", case.file);
            for ((name, kind), before) in case.made.iter().zip(&mut before) {
                let value = project.get(name);
                if let Some(kind) = kind {
                    assert!(
                        is_live(&issuer, *kind, &value),
                        "{}: {name} is not live",
                        case.file
                    );
                }
                assert_ne!(
                    before.replace(value.clone()),
                    Some(value),
                    "{}: {name} is the old one",
                    case.file
                );
            }
            project.rot("vault verify").code(0);
            let status = project.rot("status --report json").code(0).json();
            assert_eq!(status["runs"], serde_json::json!([]), "{}", case.file);
        }
    }
}

#[test]
fn the_seed_definition_runs_as_it_is_written() {
    let seed = include_str!("../spec/conductor/seed.json");
    assert_eq!(text("update_token.json"), seed);
    let issuer = issuer(Config::default());
    let project = project(case("update_token.json"), &issuer, true);
    assert_eq!(
        project
            .read("update_token.json")
            .matches(&issuer.base_url)
            .count(),
        1,
        "only the host differs"
    );
    let report = project.rot("run update_token.json --report json").code(0);
    let value = project.get("my_secret_holding_a_token");
    assert!(is_live(&issuer, Kind::Orkes, &value));
    assert!(!report.stdout.contains(&value) && !report.stderr.contains(&value));
    assert_eq!(calls(&issuer, "POST", "/api/token"), 1);
}

#[test]
fn a_key_dies_when_its_grace_is_over_and_not_before() {
    let issuer = issuer(Config::default());
    let project = project(case("key_with_id_and_expiry.rot"), &issuer, false);
    project.rot("run key_with_id_and_expiry.rot").code(0);
    let first = project.get("deploy_key.value");
    let report = project
        .rot("run key_with_id_and_expiry.rot --report json")
        .code(0)
        .json();
    let actions: Vec<&str> = report["secrets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["action"].as_str().unwrap())
        .collect();
    assert_eq!(actions, ["staged", "promoted", "revocation scheduled"]);
    assert!(
        is_live(&issuer, Kind::Key, &first),
        "the old key lives until the next look at what is due"
    );
    assert_eq!(
        project
            .with(&[
                "vault",
                "get",
                "deploy_key",
                "--field",
                "value",
                "--version",
                "previous"
            ])
            .code(0)
            .stdout
            .trim_end(),
        first
    );

    // Nothing is due by the schedule, so the sweep is all that happens.
    let swept = project.rot("run key_with_id_and_expiry.rot --due").code(0);
    assert!(
        swept
            .stderr
            .contains("revoked 1 old credential that was due"),
        "{}",
        swept.stderr
    );
    assert!(!is_live(&issuer, Kind::Key, &first));
    assert!(is_live(
        &issuer,
        Kind::Key,
        &project.get("deploy_key.value")
    ));
    project.rot("run key_with_id_and_expiry.rot --due").code(10);
    assert_eq!(
        issuer
            .state()
            .requests
            .iter()
            .filter(|(r, _)| r.method == "DELETE")
            .count(),
        1,
        "revoked once"
    );
}

#[test]
fn other_graces_are_kept_too() {
    for (file, name, kind) in [
        ("json_secret_fields.rot", "storage.secret_key", Kind::Bundle),
        (
            "oauth_client_credentials_basic.rot",
            "service_token",
            Kind::Access,
        ),
    ] {
        let issuer = issuer(Config::default());
        let project = project(case(file), &issuer, false);
        project.rot(&format!("run {file}")).code(0);
        let first = project.get(name);
        project.rot(&format!("run {file}")).code(0);
        assert!(is_live(&issuer, kind, &first), "{file}");
        project.rot(&format!("run {file} --due")).code(0);
        assert!(!is_live(&issuer, kind, &first), "{file}");
        assert!(is_live(&issuer, kind, &project.get(name)), "{file}");
    }
}

#[test]
fn a_login_keeps_its_refresh_token_where_the_server_leaves_it_out() {
    let issuer = issuer(Config {
        omit_refresh_token: true,
        ..Config::default()
    });
    let project = project(case("oauth_refresh_token.rot"), &issuer, true);
    project.rot("run oauth_refresh_token.rot").code(0);
    assert_eq!(project.get("login.refresh_token"), "demo-refresh-0");
    assert!(is_live(
        &issuer,
        Kind::Access,
        &project.get("login.access_token")
    ));
    project.rot("run oauth_refresh_token.rot").code(0);
}

#[test]
fn a_chosen_password_is_the_one_that_the_server_has() {
    let issuer = issuer(Config::default());
    let project = project(case("set_password.rot"), &issuer, true);
    project.rot("run set_password.rot").code(0);
    assert_eq!(
        issuer.state().passwords["deploy"],
        project.get("deploy_password")
    );
    assert_eq!(project.get("deploy_password").chars().count(), 32);
}
