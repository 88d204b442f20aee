//! What is particular to Conductor's servers: they keep inputs and outputs, and mask by key.

use super::build::*;
use rot::diagnostic::Severity;
use rot::plan::expr::{Function, Operator};
use rot::plan::task::{Step, Task};

const URL: &str = "https://api.example.com/token";

fn base() -> Build {
    orkes().secret("key", &[])
}
fn raw() -> Step {
    post("mint", URL)
        .header("K", secret("key"))
        .effect(assumed())
        .raw_output()
        .done()
}
fn filtered() -> Step {
    post("mint", URL)
        .header("K", secret("key"))
        .effect(assumed())
        .masked("token")
        .done()
}
fn token() -> rot::plan::Expr {
    got("mint", "token")
}

#[test]
fn a_raw_answer_that_becomes_a_secret_is_found_at_its_task() {
    let found = base()
        .steps(vec![
            raw(),
            update("kept", output_of("mint", "response.body.token")),
        ])
        .found()
        .are(&["ROT601"]);
    let help = found[0].help.as_deref().unwrap();
    assert!(
        help.contains(
            r#""outputFilter": {"_secrets": {"token": "$${mint.output.response.body.token}"}}"#
        ),
        "{help}"
    );
    let twice = vec![
        raw(),
        update("kept", output_of("mint", "response.body.token")),
        update("other", output_of("mint", "response.body.id")),
    ];
    base().steps(twice).found().are(&["ROT601"]);
    let by_variable = vec![
        raw(),
        set(vec![("t", output_of("mint", "response.body.token"))]),
        update("kept", variable("t")),
    ];
    base().steps(by_variable).found().has("ROT601");
    base()
        .steps(vec![filtered(), update("kept", token())])
        .found()
        .none();
    base()
        .steps(vec![
            raw(),
            update("kept", output_of("mint", "response.body.token")),
        ])
        .masked_field("token")
        .found()
        .none();
}

#[test]
fn a_raw_read_beside_the_mask_is_found() {
    let found = base()
        .steps(vec![
            filtered(),
            update("kept", output_of("mint", "response.body.token")),
        ])
        .found()
        .are(&["ROT602"]);
    assert!(
        found[0]
            .help
            .as_deref()
            .unwrap()
            .contains("${mint.output._secrets.token}")
    );
    base()
        .steps(vec![filtered(), update("kept", token())])
        .output("all", output_of("mint", "response.body"))
        .found()
        .has("ROT602");
    base()
        .steps(vec![
            filtered(),
            update("kept", output_of("mint", "_secrets.token")),
        ])
        .found()
        .none();
    base()
        .steps(vec![filtered(), update("kept", token())])
        .output("code", output_of("mint", "response.statusCode"))
        .found()
        .none();
}

#[test]
fn a_mask_is_lost_under_a_plain_key() {
    base()
        .steps(vec![filtered(), set(vec![("t", token())])])
        .found()
        .are(&["ROT603"]);
    base()
        .steps(vec![
            filtered(),
            set(vec![("all", object(vec![("inner", token())]))]),
        ])
        .found()
        .are(&["ROT603"]);
    let sub = base().rotation("sub", vec![]).rotation(
        "r",
        vec![filtered(), calls("c", "sub", vec![("t", token())])],
    );
    sub.found().are(&["ROT603"]);
    base()
        .steps(vec![
            filtered(),
            set(vec![("_secrets", object(vec![("t", token())]))]),
        ])
        .found()
        .none();
    base()
        .steps(vec![
            filtered(),
            set(vec![(
                "all",
                object(vec![("_masked", object(vec![("t", token())]))]),
            )]),
        ])
        .found()
        .none();
    base()
        .steps(vec![
            filtered(),
            set(vec![("there", equal(token(), text("x")))]),
        ])
        .found()
        .none();
    base()
        .steps(vec![
            filtered(),
            get("use", "https://api.example.com/me")
                .bearer(token())
                .done(),
        ])
        .found()
        .none();
}

#[test]
fn vault_secrets_in_variables_are_found_where_they_are_not_masked() {
    oss()
        .secret("key", &[])
        .steps(vec![set(vec![("k", secret("key"))])])
        .found()
        .are(&["ROT606"]);
    oss()
        .secret("key", &[])
        .steps(vec![set(vec![(
            "_secrets",
            object(vec![("k", secret("key"))]),
        )])])
        .found()
        .are(&["ROT606"]);
    base()
        .steps(vec![set(vec![(
            "k",
            call(Function::Split, vec![secret("key"), text(":")]),
        )])])
        .found()
        .are(&["ROT606"]);
    let found = base()
        .steps(vec![set(vec![("k", secret("key"))])])
        .found()
        .are(&["ROT606"]);
    assert_eq!(
        found[0].severity,
        Severity::Warning,
        "masked there by its value"
    );
    oss()
        .secret("key", &[])
        .steps(vec![get("p", URL).header("K", secret("key")).done()])
        .found()
        .none();
}

#[test]
fn outputs_of_credentials_are_found() {
    base()
        .steps(vec![filtered(), update("kept", token())])
        .output("t", token())
        .found()
        .are(&["ROT302"]);
    let fetch = || {
        post("fetch", "https://api.example.com/session")
            .header("K", secret("key"))
            .raw_output()
            .done()
    };
    base()
        .steps(vec![fetch()])
        .output("t", output_of("fetch", "response.body.access_token"))
        .found()
        .are(&["ROT302"]);
    base()
        .steps(vec![fetch()])
        .output("e", output_of("fetch", "response.body.expires_in"))
        .found()
        .none();
    base()
        .steps(vec![fetch()])
        .output("n", output_of("fetch", "response.body.nextPageToken"))
        .found()
        .none();
    base()
        .steps(vec![fetch()])
        .output("s", output_of("fetch", "response.statusCode"))
        .found()
        .none();
    base()
        .steps(vec![filtered(), update("kept", token())])
        .masked_output("_secrets", object(vec![("t", token())]))
        .found()
        .none();
    let open = vec![get("open", "https://example.com/token").raw_output().done()];
    base()
        .steps(open)
        .output("t", output_of("open", "response.body.token"))
        .found()
        .none();
    let whole = base()
        .steps(vec![raw()])
        .output("all", output_of("mint", "response.body"))
        .found()
        .are(&["ROT302"]);
    assert_eq!(whole[0].severity, Severity::Warning);
}

#[test]
fn the_last_task_is_the_output_where_none_is_named() {
    base()
        .steps(vec![raw()])
        .implied_output("mint")
        .found()
        .are(&["ROT609"]);
    let stored = vec![
        raw(),
        update("kept", output_of("mint", "response.body.token")),
    ];
    base()
        .steps(stored)
        .implied_output("mint")
        .found()
        .are(&["ROT601", "ROT609"]);
    base()
        .steps(vec![
            get("list", "https://api.example.com/users")
                .header("K", secret("key"))
                .raw_output()
                .done(),
        ])
        .implied_output("list")
        .found()
        .none();
    base()
        .steps(vec![
            post("open", "https://api.example.com/token")
                .raw_output()
                .done(),
        ])
        .implied_output("open")
        .found()
        .none();
}

#[test]
fn the_caller_does_not_choose_which_secret_is_written() {
    let found = base()
        .steps(vec![filtered(), update_to(input("name"), token())])
        .found()
        .has("ROT509");
    assert!(found.message.contains("input `name`"));
    // Who may start a workflow is for the server to say.
    assert_eq!(found.severity, rot::diagnostic::Severity::Note);
    base()
        .steps(vec![
            filtered(),
            update_to(template(vec![text("app_"), input("name")]), token()),
        ])
        .found()
        .are(&[]);
    let told = get("where", "https://example.com/").raw_output().done();
    base()
        .steps(vec![
            filtered(),
            told,
            update_to(output_of("where", "response.body.name"), token()),
        ])
        .found()
        .are(&["ROT509"]);
    base()
        .steps(vec![filtered(), update_to(env("NAME"), token())])
        .found()
        .none();
    base()
        .steps(vec![
            filtered(),
            update_to(template(vec![text("kept")]), token()),
        ])
        .found()
        .none();
}

#[test]
fn an_unmasked_update_is_found() {
    let open = |value| {
        let mut step = update("kept", value);
        if let Task::Update(update) = &mut step.task {
            update.unmasked = true;
        }
        step
    };
    base()
        .steps(vec![filtered(), open(token())])
        .found()
        .are(&["ROT613"]);
    base()
        .steps(vec![open(text("x"))])
        .found()
        .are(&["ROT612", "ROT613"]);
    base()
        .steps(vec![filtered(), update("kept", token())])
        .found()
        .none();
}

#[test]
fn answers_may_steer_and_be_passed_on() {
    let list = || {
        get("list", "https://api.example.com/items")
            .header("K", secret("key"))
            .raw_output()
            .done()
    };
    let next = || {
        get("next", "https://other.example.org/x")
            .query("id", output_of("list", "response.body.id"))
            .done()
    };
    base().steps(vec![list(), next()]).found().none();
    base()
        .steps(vec![
            list(),
            when(
                output_of("list", "response.body.state"),
                vec![next()],
                vec![],
            ),
        ])
        .found()
        .none();
    base()
        .steps(vec![
            repeat(
                vec![list()],
                binary(Operator::Ge, output_of("repeat", "iteration"), number("3")),
            ),
            next(),
        ])
        .found()
        .none();
}

#[test]
fn implied_policies_allow_literal_hosts_in_header_and_body() {
    base()
        .steps(vec![
            get("a", "https://anywhere.example.org/")
                .header("K", secret("key"))
                .done(),
        ])
        .found()
        .none();
    base()
        .steps(vec![
            http(
                "a",
                "GET",
                template(vec![
                    text("https://anywhere.example.org/?k="),
                    secret("key"),
                ]),
            )
            .done(),
        ])
        .found()
        .are(&["ROT303"]);
    base()
        .steps(vec![
            http(
                "a",
                "GET",
                template(vec![text("https://"), input("host"), text("/")]),
            )
            .header("K", secret("key"))
            .done(),
        ])
        .found()
        .are(&["ROT310"]);
}
