//! Hosts, parts of requests, transport.

use super::build::*;
use rot::diagnostic::Severity;
use rot::plan::expr::Version;
use rot::plan::policy::Place;

fn base() -> Build {
    rot().secret("key", &["api.example.com"])
}
fn url(parts: Vec<rot::plan::Expr>) -> HttpStep {
    http("call", "GET", template(parts))
}

#[test]
fn queries_paths_and_user_info_are_no_place_for_secrets() {
    base()
        .steps(vec![
            url(vec![text("https://api.example.com/me?key="), secret("key")]).done(),
        ])
        .found()
        .are(&["ROT303"]);
    base()
        .steps(vec![
            get("call", "https://api.example.com/me")
                .query("key", secret("key"))
                .done(),
        ])
        .found()
        .are(&["ROT303"]);
    base()
        .steps(vec![
            url(vec![
                text("https://api.example.com/"),
                secret("key"),
                text("/x"),
            ])
            .done(),
        ])
        .found()
        .are(&["ROT304"]);
    base()
        .steps(vec![
            url(vec![
                text("https://me:"),
                secret("key"),
                text("@api.example.com/"),
            ])
            .done(),
        ])
        .found()
        .are(&["ROT304"]);
    base()
        .steps(vec![
            url(vec![text("https://api.example.com/me#"), secret("key")]).done(),
        ])
        .found()
        .are(&["ROT304"]);
}

#[test]
fn a_declared_place_is_allowed() {
    let steps = || vec![url(vec![text("https://hooks.example.com/"), secret("hook")]).done()];
    rot()
        .secret_in("hook", "hooks.example.com", &[Place::Path])
        .steps(steps())
        .found()
        .none();
    rot()
        .secret_in("hook", "hooks.example.com", &[Place::Query])
        .steps(steps())
        .found()
        .are(&["ROT304"]);
    let in_header = vec![
        get("call", "https://hooks.example.com/")
            .bearer(secret("hook"))
            .done(),
    ];
    rot()
        .secret_in("hook", "hooks.example.com", &[Place::Path])
        .steps(in_header)
        .found()
        .are(&["ROT309"]);
}

#[test]
fn other_hosts_are_found() {
    let found = base()
        .steps(vec![
            get("call", "https://api.example.org/me")
                .bearer(secret("key"))
                .done(),
        ])
        .found()
        .are(&["ROT309"]);
    assert!(
        found[0]
            .labels
            .iter()
            .any(|l| l.text == "declared for `api.example.com`")
    );
    base()
        .steps(vec![
            post("call", "https://evil.example.org/")
                .json(object(vec![("k", secret("key"))]))
                .done(),
        ])
        .found()
        .are(&["ROT309"]);
    rot()
        .secret("only", &[])
        .steps(vec![
            get("call", "https://api.example.com/")
                .bearer(secret("only"))
                .done(),
        ])
        .found()
        .are(&["ROT309"]);
    base()
        .steps(vec![
            url(vec![text("https://api.example.org/?k="), secret("key")]).done(),
        ])
        .found()
        .are(&["ROT309"]);
    base()
        .steps(vec![
            get("call", "https://API.example.com/me")
                .bearer(secret("key"))
                .done(),
        ])
        .found()
        .none();
    rot()
        .secret("wild", &["*.example.com"])
        .steps(vec![
            get("call", "https://eu.example.com/me")
                .bearer(secret("wild"))
                .done(),
        ])
        .found()
        .none();
}

#[test]
fn new_credentials_may_go_home_and_where_their_secret_may() {
    let mint = || {
        post("mint", "https://issuer.example.com/tokens")
            .effect(additive())
            .secret("token")
            .done()
    };
    let call = |host: &str| {
        get("call", &format!("https://{host}/me"))
            .bearer(got("mint", "token"))
            .done()
    };
    let build = || rot().secret("kept", &["api.example.com"]);
    build()
        .steps(vec![
            mint(),
            update("kept", got("mint", "token")),
            call("issuer.example.com"),
        ])
        .found()
        .are(&["ROT501"]);
    build()
        .steps(vec![
            mint(),
            update("kept", got("mint", "token")),
            call("api.example.com"),
        ])
        .found()
        .are(&["ROT501"]);
    let found = build()
        .steps(vec![
            mint(),
            update("kept", got("mint", "token")),
            call("evil.example.org"),
        ])
        .found()
        .are(&["ROT309", "ROT501"]);
    let sent = found.iter().find(|d| d.code.id() == "ROT309").unwrap();
    assert!(sent.help.as_deref().unwrap().contains("`kept`"));
    build()
        .steps(vec![
            mint(),
            call("evil.example.org"),
            update("other", got("mint", "token")),
        ])
        .found()
        .are(&["ROT107", "ROT309"]);
}

#[test]
fn generated_values_may_go_where_their_secret_may() {
    let steps = |host: &str| {
        let set = http("set", "PUT", text(&format!("https://{host}/password")))
            .effect(rot::plan::Effect::Sets)
            .json(object(vec![("p", got("fresh", "value"))]));
        vec![
            generate("fresh"),
            stage("db", got("fresh", "value")),
            set.done(),
            verify(vec![
                get("try", "https://db.example.com/me")
                    .bearer(version("db", Version::Pending))
                    .done(),
            ]),
            promote("db"),
        ]
    };
    rot()
        .secret("db", &["db.example.com"])
        .steps(steps("db.example.com"))
        .found()
        .none();
    rot()
        .secret("db", &["db.example.com"])
        .steps(steps("evil.example.org"))
        .found()
        .are(&["ROT309"]);
}

#[test]
fn pending_and_previous_go_where_the_secret_may() {
    base()
        .steps(vec![
            get("a", "https://api.example.com/")
                .bearer(version("key", Version::Pending))
                .done(),
        ])
        .found()
        .are(&["ROT515"]);
    base()
        .steps(vec![
            get("a", "https://b.example.org/")
                .bearer(version("key", Version::Previous))
                .done(),
        ])
        .found()
        .are(&["ROT309"]);
}

#[test]
fn whoever_chooses_the_host_gets_the_secret() {
    let to = |parts| {
        base()
            .steps(vec![url(parts).bearer(secret("key")).done()])
            .found()
    };
    to(vec![text("https://"), input("host"), text("/me")]).are(&["ROT310"]);
    to(vec![input("url")]).are(&["ROT310"]);
    to(vec![text("https://api.example.com"), input("path")]).are(&["ROT310"]);
    to(vec![
        text("https://api.example.com:"),
        input("port"),
        text("/"),
    ])
    .are(&["ROT310"]);
    to(vec![text("https://"), secret("key"), text(".example.com/")]).are(&["ROT310"]);
    let found = to(vec![env("BASE"), text("/me")]).are(&["ROT310"]);
    assert_eq!(found[0].severity, Severity::Warning);
    to(vec![text("https://api.example.com/"), input("path")]).none();
    to(vec![text("https://api.example.com?"), input("query")]).none();
}

#[test]
fn a_server_may_not_choose_the_host_either() {
    let steps = vec![
        get("find", "https://api.example.com/where")
            .public("host")
            .done(),
        url(vec![text("https://"), got("find", "host"), text("/")])
            .bearer(secret("key"))
            .done(),
    ];
    let found = base().steps(steps).found().are(&["ROT310"]);
    assert!(
        found[0].message.contains("the answer of `find`"),
        "{}",
        found[0].message
    );
}

#[test]
fn constants_are_followed() {
    let steps = vec![
        bind("base", text("https://api.example.com")),
        url(vec![bound("base"), text("/me")])
            .bearer(secret("key"))
            .done(),
    ];
    base().steps(steps).found().none();
    let steps = vec![
        bind("base", text("https://api.example.org")),
        url(vec![bound("base"), text("/me")])
            .bearer(secret("key"))
            .done(),
    ];
    base().steps(steps).found().are(&["ROT309"]);
}

#[test]
fn a_public_request_may_go_anywhere() {
    rot()
        .steps(vec![
            url(vec![text("https://"), input("host"), text("/")]).done(),
        ])
        .found()
        .none();
    rot()
        .steps(vec![get("call", "http://example.com/").done()])
        .found()
        .none();
}

#[test]
fn plain_http_is_for_loopback_only() {
    let at = |url: &str, host: &str| {
        rot()
            .secret("key", &[host])
            .steps(vec![get("call", url).bearer(secret("key")).done()])
            .found()
    };
    at("http://api.example.com/", "api.example.com").are(&["ROT401"]);
    at("HTTP://api.example.com:8080/", "api.example.com").are(&["ROT401"]);
    at("http://127.0.0.1:8080/", "127.0.0.1").none();
    at("http://localhost/", "localhost").none();
    at("http://[::1]:9000/", "::1").none();
    at("https://api.example.com/", "api.example.com").none();
    let mint = vec![
        post("mint", "http://api.example.com/token")
            .effect(additive())
            .secret("t")
            .done(),
        update("kept", got("mint", "t")),
    ];
    rot()
        .secret("kept", &[])
        .steps(mint)
        .found()
        .are(&["ROT401"]);
}

#[test]
fn a_name_before_the_at_is_no_host() {
    let to = |url: &str| rot().steps(vec![get("call", url).done()]).found();
    to("https://api.example.com@evil.example.org/").are(&["ROT408"]);
    to("https://api.example.com:443@evil.example.org/").are(&["ROT408"]);
    to("https://api.example.com/users/me@example.org").none();
    to("https://user@example.org/").none();
}

#[test]
fn blind_retries_of_issuing_calls_are_found() {
    let mint = |effect| {
        post("mint", "https://api.example.com/t")
            .bearer(secret("key"))
            .effect(effect)
            .secret("t")
            .retried()
    };
    let with = |effect| {
        base()
            .secret("kept", &[])
            .steps(vec![mint(effect), update("kept", got("mint", "t"))])
            .found()
    };
    with(additive()).are(&["ROT406"]);
    with(replacing()).are(&["ROT406", "ROT511"]);
    with(replacing_key()).none();
    with(replacing_grace(HOUR)).none();
    let short = vec![
        mint(additive()),
        expiring(update("kept", got("mint", "t")), run_plus(HOUR)),
    ];
    base().secret("kept", &[]).steps(short).found().none();
    base()
        .steps(vec![
            get("read", "https://api.example.com/t")
                .bearer(secret("key"))
                .retried(),
        ])
        .found()
        .none();
}
