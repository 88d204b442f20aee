//! Where secrets flow: logs, outputs, messages, branches, declassification, other secrets.

use super::build::*;
use rot::check::flow::{Analysis, Sink};
use rot::plan::Expr;
use rot::plan::expr::{Function, Operator, Version};
use rot::plan::label::Derivation;

const URL: &str = "https://api.example.com/tokens";

fn base() -> Build {
    rot().secret("key", &["api.example.com"])
}
/// The key is used in the way that it is meant for.
fn probe(name: &str) -> HttpStep {
    get(name, "https://api.example.com/me").bearer(secret("key"))
}

#[test]
fn a_secret_in_a_log_line_is_found_with_its_way() {
    let found = base()
        .steps(vec![
            bind("copy", secret("key")),
            log(template(vec![text("got "), bound("copy")])),
        ])
        .found()
        .are(&["ROT301"]);
    let [finding] = found.as_slice() else {
        panic!()
    };
    assert_eq!(finding.message, "secret `key` is written to the log");
    let way: Vec<&str> = finding.flow.iter().map(|l| l.text.as_str()).collect();
    assert_eq!(
        way,
        ["secret `key` is read here", "kept as `copy`", "shown here"]
    );
    assert!(finding.flow.windows(2).all(|w| w[0].span != w[1].span));
}

#[test]
fn the_shorter_of_two_ways_is_shown() {
    let found = base()
        .steps(vec![
            bind("a", secret("key")),
            bind("b", bound("a")),
            bind("c", template(vec![bound("b"), secret("key")])),
            log(bound("c")),
        ])
        .found()
        .has("ROT301");
    assert_eq!(found.flow.len(), 3, "{:?}", found.flow);
}

/// A way on which the value itself goes is shown, though the one through a condition is shorter.
#[test]
fn the_way_of_a_value_is_shown_before_that_of_a_condition() {
    for swap in [false, true] {
        let both = if swap {
            vec![bound("b"), bound("flag")]
        } else {
            vec![bound("flag"), bound("b")]
        };
        let found = base()
            .steps(vec![
                set(vec![("flag", text("no"))]),
                when(
                    equal(secret("key"), text("x")),
                    vec![set(vec![("flag", text("yes"))])],
                    vec![],
                ),
                bind("flag", variable("flag")),
                bind("a", secret("key")),
                bind("b", bound("a")),
                bind("c", bound("b")),
                log(template(both)),
            ])
            .found()
            .has("ROT301");
        let way: Vec<&str> = found.flow.iter().map(|l| l.text.as_str()).collect();
        assert_eq!(
            way,
            [
                "secret `key` is read here",
                "kept as `a`",
                "kept as `b`",
                "shown here"
            ]
        );
    }
}

#[test]
fn one_finding_for_each_origin_and_sink() {
    base()
        .secret("other", &["api.example.com"])
        .steps(vec![
            log(template(vec![
                secret("key"),
                secret("key"),
                secret("other"),
            ])),
            probe("p").done(),
        ])
        .found()
        .are(&["ROT301", "ROT301"]);
}

#[test]
fn names_ids_and_public_captures_may_be_logged() {
    base()
        .steps(vec![
            probe("me").public("name").status("code").done(),
            log(template(vec![
                text("as "),
                got("me", "name"),
                got("me", "code"),
            ])),
        ])
        .found()
        .none();
}

#[test]
fn a_minted_secret_in_a_log_line_is_found() {
    let steps = vec![
        probe("mint").effect(additive()).secret("token").done(),
        log(got("mint", "token")),
        update("kept", got("mint", "token")),
    ];
    let found = base()
        .secret("kept", &[])
        .steps(steps)
        .found()
        .has("ROT301");
    assert!(found.message.contains("`mint.token`"), "{}", found.message);
}

#[test]
fn a_field_does_not_taint_its_siblings() {
    let pair = object(vec![("open", text("x")), ("closed", secret("key"))]);
    base()
        .steps(vec![
            bind("pair", pair.clone()),
            log(member(bound("pair"), "open")),
        ])
        .found()
        .none();
    base()
        .steps(vec![
            bind("pair", pair),
            log(member(bound("pair"), "closed")),
        ])
        .found()
        .are(&["ROT301"]);
}

#[test]
fn a_transform_is_named_beside_the_leak() {
    base()
        .steps(vec![log(call(Function::Upper, vec![secret("key")]))])
        .found()
        .are(&["ROT301", "ROT319"]);
    base()
        .steps(vec![log(call(Function::Sha256, vec![secret("key")]))])
        .found()
        .are(&["ROT301", "ROT319"]);
    base()
        .steps(vec![log(call(Function::Base64, vec![secret("key")]))])
        .found()
        .are(&["ROT301"]);
    base()
        .steps(vec![
            probe("p")
                .header("X", call(Function::Sha256, vec![secret("key")]))
                .done(),
        ])
        .found()
        .none();
}

#[test]
fn outputs_are_found_unless_masked() {
    base()
        .steps(vec![probe("p").done()])
        .output("k", secret("key"))
        .found()
        .are(&["ROT302"]);
    base()
        .steps(vec![probe("p").done()])
        .output("o", object(vec![("inner", secret("key"))]))
        .found()
        .are(&["ROT302"]);
    base()
        .steps(vec![probe("p").done()])
        .masked_output("k", secret("key"))
        .found()
        .none();
    base()
        .steps(vec![probe("p").public("id").done()])
        .output("id", got("p", "id"))
        .found()
        .none();
}

#[test]
fn a_secret_expiry_is_a_warning() {
    let steps = || {
        vec![
            probe("mint")
                .effect(additive())
                .secret("token")
                .secret("ends")
                .public("expires")
                .done(),
        ]
    };
    let mut bad = steps();
    bad.push(expiring(
        update("kept", got("mint", "token")),
        got("mint", "ends"),
    ));
    base()
        .secret("kept", &[])
        .steps(bad)
        .found()
        .are(&["ROT302"]);
    let mut good = steps();
    good.push(expiring(
        update("kept", got("mint", "token")),
        got("mint", "expires"),
    ));
    base().secret("kept", &[]).steps(good).found().none();
}

#[test]
fn messages_of_failures_are_found() {
    let bad = |m: Expr| {
        base()
            .steps(vec![
                when(equal(input("x"), text("y")), vec![fail(m)], vec![]),
                probe("p").done(),
            ])
            .found()
    };
    bad(template(vec![text("bad "), secret("key")])).are(&["ROT305"]);
    bad(call(Function::Hex, vec![secret("key")])).are(&["ROT305"]);
    bad(text("bad key")).none();
    bad(template(vec![text("bad "), input("x")])).none();
}

#[test]
fn what_a_condition_on_a_secret_decides_is_found() {
    let condition = || equal(secret("key"), text("test"));
    base()
        .steps(vec![when(condition(), vec![log(text("test key"))], vec![])])
        .found()
        .are(&["ROT312"]);
    base()
        .steps(vec![
            when(condition(), vec![stop()], vec![]),
            log(text("not the test key")),
        ])
        .found()
        .are(&["ROT312"]);
    base()
        .steps(vec![
            bind("same", condition()),
            when(bound("same"), vec![], vec![log(text("else"))]),
        ])
        .found()
        .are(&["ROT312"]);
    base()
        .steps(vec![when(condition(), vec![probe("p").done()], vec![])])
        .found()
        .none();
}

#[test]
fn success_presence_and_status_may_steer_the_run() {
    base()
        .steps(vec![
            probe("p").status("code").done(),
            when(
                equal(got("p", "code"), number("401")),
                vec![log(text("refused"))],
                vec![],
            ),
        ])
        .found()
        .none();
    base()
        .steps(vec![when(
            call(Function::IsSet, vec![secret("key")]),
            vec![log(text("set"))],
            vec![],
        )])
        .found()
        .none();
    base()
        .steps(vec![probe("p").done(), log(text("it works"))])
        .found()
        .none();
}

#[test]
fn what_a_condition_tells_another_host_is_found() {
    let stats = || {
        post("stats", "https://stats.example.org/seen")
            .json(object(vec![("n", number("1"))]))
            .done()
    };
    let condition = || equal(secret("key"), text("test"));
    let found = base()
        .steps(vec![when(condition(), vec![stats()], vec![])])
        .found()
        .are(&["ROT313"]);
    assert!(found[0].flow.iter().any(|l| l.text == "decides here"));
    base()
        .steps(vec![when(condition(), vec![stop()], vec![]), stats()])
        .found()
        .are(&["ROT313"]);
    base()
        .steps(vec![
            when(equal(input("kind"), text("test")), vec![stats()], vec![]),
            probe("p").done(),
        ])
        .found()
        .none();
    base()
        .steps(vec![
            probe("p").status("code").done(),
            when(
                equal(got("p", "code"), number("200")),
                vec![stats()],
                vec![],
            ),
        ])
        .found()
        .none();
    let other = || post("self", "https://api.example.com/seen").done();
    base()
        .steps(vec![when(condition(), vec![other()], vec![])])
        .found()
        .none();
}

#[test]
fn a_secret_as_a_name_is_found() {
    base()
        .steps(vec![when(secret("key"), vec![], vec![])])
        .found()
        .are(&["ROT317"]);
    let found = base()
        .secret("kept", &[])
        .steps(vec![
            probe("p").secret("v").done(),
            update_to(secret("key"), got("p", "v")),
        ])
        .found();
    found.has("ROT317");
    base()
        .steps(vec![when(
            equal(secret("key"), text("a")),
            vec![probe("p").done()],
            vec![],
        )])
        .found()
        .lacks("ROT317");
    base()
        .steps(vec![when(input("kind"), vec![probe("p").done()], vec![])])
        .found()
        .none();
}

#[test]
fn a_reveal_lowers_what_it_holds_and_nothing_else() {
    let fingerprint = || {
        reveal(
            call(Function::Sha256, vec![secret("key")]),
            "compare with the console",
        )
    };
    base().steps(vec![log(fingerprint())]).found().none();
    base()
        .steps(vec![log(template(vec![fingerprint(), secret("key")]))])
        .found()
        .are(&["ROT301"]);
    base()
        .steps(vec![log(reveal(secret("key"), " "))])
        .found()
        .are(&["ROT322"]);
    base()
        .steps(vec![log(reveal(secret("key"), ""))])
        .found()
        .are(&["ROT322"]);
    base()
        .steps(vec![log(reveal(text("x"), "why"))])
        .found()
        .has("ROT324");
    base()
        .steps(vec![log(reveal(input("x"), "why"))])
        .found()
        .has("ROT324");
    let weak = vec![
        probe("p").status("code").done(),
        log(reveal(got("p", "code"), "the server's answer is no secret")),
    ];
    base().steps(weak).found().none();
}

#[test]
fn a_caller_may_not_choose_whether_something_is_released() {
    let shown = || {
        log(reveal(
            call(Function::Sha256, vec![secret("key")]),
            "debugging",
        ))
    };
    base()
        .steps(vec![when(input("debug"), vec![shown()], vec![])])
        .found()
        .are(&["ROT323"]);
    base()
        .steps(vec![
            bind("d", equal(input("mode"), text("x"))),
            when(bound("d"), vec![], vec![shown()]),
        ])
        .found()
        .are(&["ROT323"]);
    base()
        .steps(vec![when(
            equal(env("MODE"), text("x")),
            vec![shown()],
            vec![],
        )])
        .found()
        .none();
    base()
        .steps(vec![when(input("debug"), vec![stop()], vec![]), shown()])
        .found()
        .are(&["ROT323"]);
}

#[test]
fn a_copy_into_a_wider_secret_is_found() {
    let wide = || base().secret("wide", &["api.example.com", "other.example.org"]);
    wide()
        .steps(vec![update("wide", secret("key"))])
        .found()
        .are(&["ROT326"]);
    wide()
        .steps(vec![stage(
            "wide",
            call(Function::Base64, vec![secret("key")]),
        )])
        .found()
        .are(&["ROT326", "ROT503"]);
    base()
        .secret("narrow", &[])
        .steps(vec![update("narrow", secret("key"))])
        .found()
        .none();
    base()
        .steps(vec![update("key", version("key", Version::Previous))])
        .found()
        .none();
    let minted = vec![
        probe("mint").effect(additive()).secret("token").done(),
        update("wide", got("mint", "token")),
    ];
    wide().steps(minted).found().none();
}

#[test]
fn loops_carry_labels_around() {
    // The log of the second round shows what the first round stored.
    let body = vec![log(variable("last")), set(vec![("last", secret("key"))])];
    let found = base()
        .steps(vec![
            set(vec![("last", text(""))]),
            repeat(body, equal(input("n"), number("3"))),
        ])
        .found()
        .are(&["ROT301", "ROT209"]);
    assert!(
        found[0]
            .flow
            .iter()
            .any(|l| l.text == "kept in the variable `last`")
    );
    let items = base()
        .steps(vec![each(
            "item",
            call(Function::Split, vec![secret("key"), text(",")]),
            vec![log(variable("item"))],
        )])
        .found();
    items.has("ROT301");
    let clean = vec![
        set(vec![("last", secret("key"))]),
        set(vec![("last", text(""))]),
        log(variable("last")),
    ];
    base().steps(clean).found().none();
}

#[test]
fn branches_join() {
    let choose = |yes: Expr, no: Expr| {
        when(
            equal(input("x"), text("1")),
            vec![set(vec![("v", yes)])],
            vec![set(vec![("v", no)])],
        )
    };
    base()
        .steps(vec![choose(secret("key"), text("")), log(variable("v"))])
        .found()
        .are(&["ROT301"]);
    base()
        .steps(vec![
            choose(text("a"), text("b")),
            log(variable("v")),
            probe("p").done(),
        ])
        .found()
        .none();
}

#[test]
fn a_called_rotation_is_followed() {
    let shows = vec![log(input("what"))];
    let plan = base().rotation("shows", shows).rotation(
        "caller",
        vec![calls("c", "shows", vec![("what", secret("key"))])],
    );
    let found = plan.found().are(&["ROT301"]);
    assert!(
        found[0]
            .flow
            .iter()
            .any(|l| l.text.contains("passed as input `what`")),
        "{:?}",
        found[0].flow
    );
    let quiet = base().rotation("shows", vec![log(input("what"))]).rotation(
        "caller",
        vec![calls(
            "c",
            "shows",
            vec![("what", text("x")), ("other", secret("key"))],
        )],
    );
    quiet.found().none();
    let returns = base()
        .rotation("inner", vec![probe("p").secret("v").done()])
        .masked_output("v", got("p", "v"));
    returns
        .rotation(
            "outer",
            vec![calls("c", "inner", vec![]), log(got("c", "v"))],
        )
        .found()
        .are(&["ROT301"]);
    let echo = base()
        .rotation("echo", vec![])
        .output("same", input("what"));
    echo.rotation(
        "outer",
        vec![
            calls("c", "echo", vec![("what", secret("key"))]),
            log(got("c", "same")),
        ],
    )
    .found()
    .are(&["ROT301", "ROT302"]);
}

#[test]
fn rings_of_calls_end() {
    let a = vec![calls("c", "b", vec![("x", input("x"))])];
    let b = vec![log(input("x")), calls("c", "a", vec![("x", secret("key"))])];
    base()
        .rotation("a", a)
        .rotation("b", b)
        .found()
        .has("ROT301");
}

#[test]
fn secret_inputs_are_secrets() {
    base()
        .steps(vec![log(input("code")), probe("p").done()])
        .secret_input("code")
        .found()
        .are(&["ROT301"]);
    base()
        .steps(vec![log(input("other")), probe("p").done()])
        .secret_input("code")
        .found()
        .none();
}

#[test]
fn the_analysis_names_every_event_and_label() {
    let plan = base()
        .secret("kept", &[])
        .steps(vec![
            post("mint", URL)
                .bearer(secret("key"))
                .effect(additive())
                .secret("token")
                .public("id")
                .done(),
            update("kept", got("mint", "token")),
        ])
        .plan();
    let flow = Analysis::of(&plan);
    let names: Vec<(&str, bool)> = flow
        .names()
        .iter()
        .map(|n| (n.name, n.label.is_secret()))
        .collect();
    assert_eq!(names, [("token", true), ("id", false)]);
    let store = flow
        .events
        .iter()
        .find(|e| {
            matches!(
                e.sink,
                Sink::Store {
                    secret: Some("kept"),
                    ..
                }
            )
        })
        .unwrap();
    assert_eq!(
        flow.label(store).iter().map(|(_, d)| d).collect::<Vec<_>>(),
        [Derivation::Whole]
    );
    assert_eq!(flow.requests.len(), 1);
    assert_eq!(
        flow.carried(&flow.requests[0]).get(&origin_secret("key")),
        Some(Derivation::Whole)
    );
}

/// However values that share some of their secrets are joined, each secret is told once.
#[test]
fn secrets_that_values_share_are_each_told_once() {
    let names = ["k1", "k2", "k3", "k4"];
    let of = |names: &[&str]| template(names.iter().map(|name| variable(name)).collect());
    for values in [
        &[&["k1", "k3"][..], &["k2", "k3", "k4"]][..],
        &[&["k2", "k4"], &["k1", "k3", "k4"]],
        &[&["k1", "k2"], &["k1", "k2", "k3", "k4"]],
        &[&["k1", "k2", "k3", "k4"], &["k2", "k4"], &["k1", "k3"]],
        &[&["k1", "k3", "k4"], &["k2"], &["k2"]],
        &[&["k4"], &["k3"], &["k2"], &["k1"], &["k4"], &["k1"]],
        &[&["k1"], &["k2"], &["k3"], &["k4"], &["k3"]],
    ] {
        let build = names.iter().fold(base(), |build, name| {
            build.secret(name, &["api.example.com"])
        });
        let mut steps: Vec<_> = names
            .iter()
            .map(|name| set(vec![(*name, secret(name))]))
            .collect();
        steps.push(bind(
            "all",
            template(values.iter().map(|value| of(value)).collect()),
        ));
        steps.push(log(bound("all")));
        let found = build.steps(steps).found().0;
        let told: Vec<&str> = found
            .iter()
            .filter(|d| d.code.id() == "ROT301")
            .map(|d| d.message.as_str())
            .collect();
        assert_eq!(
            told,
            names.map(|name| format!("secret `{name}` is written to the log")),
            "{values:?}"
        );
    }
}

/// Of two ways the higher derivation holds, whichever is the shorter and whichever comes first.
#[test]
fn of_two_ways_the_higher_derivation_holds() {
    let hashed = || call(Function::Lower, vec![bound("copy")]);
    for parts in [vec![secret("key"), hashed()], vec![hashed(), secret("key")]] {
        let plan = base()
            .steps(vec![
                bind("copy", secret("key")),
                bind("both", template(parts)),
                log(bound("both")),
            ])
            .plan();
        let flow = Analysis::of(&plan);
        let shown = flow
            .events
            .iter()
            .find(|e| matches!(e.sink, Sink::Log))
            .unwrap();
        assert_eq!(
            flow.label(shown).get(&origin_secret("key")),
            Some(Derivation::Opaque)
        );
    }
}

#[test]
fn a_long_chain_through_a_loop_is_followed_and_ends() {
    let names: Vec<String> = (0..60).map(|i| format!("v{i}")).collect();
    let mut body: Vec<_> = names
        .windows(2)
        .map(|w| set(vec![(w[0].as_str(), variable(&w[1]))]))
        .collect();
    body.push(set(vec![("v59", secret("key"))]));
    base()
        .steps(vec![
            repeat(body, binary(Operator::Gt, input("n"), number("3"))),
            log(variable("v0")),
        ])
        .found()
        .has("ROT301");
}

/// A loop is gone through again as long as what is known of a secret grows, though no new secret comes.
#[test]
fn what_grows_in_a_loop_is_followed_to_its_end() {
    let names: Vec<String> = (0..12).map(|i| format!("v{i}")).collect();
    let one = || secret("key");
    let two = || template(vec![secret("key"), secret("other")]);
    for value in [one as fn() -> Expr, two] {
        let all =
            |value: fn() -> Expr| set(names.iter().map(|name| (name.as_str(), value())).collect());
        let chain = |last: Expr| {
            let mut body: Vec<_> = names
                .windows(2)
                .map(|w| set(vec![(w[0].as_str(), variable(&w[1]))]))
                .collect();
            body.push(set(vec![("v11", last)]));
            repeat(body, binary(Operator::Gt, input("n"), number("3")))
        };
        let label = |steps| {
            let plan = base()
                .secret("other", &["api.example.com"])
                .steps(steps)
                .plan();
            let flow = Analysis::of(&plan);
            let shown = flow
                .events
                .iter()
                .find(|e| matches!(e.sink, Sink::Log))
                .unwrap();
            flow.label(shown).get(&origin_secret("key"))
        };
        // From the value to something made of it.
        let lower = call(Function::Lower, vec![value()]);
        assert_eq!(
            label(vec![all(value), chain(lower), log(variable("v0"))]),
            Some(Derivation::Opaque)
        );
        // From a condition on it to the value.
        let chosen = when(equal(value(), text("x")), vec![all(|| text("yes"))], vec![]);
        let steps = vec![
            all(|| text("no")),
            chosen,
            chain(value()),
            log(variable("v0")),
        ];
        base()
            .secret("other", &["api.example.com"])
            .steps(steps)
            .found()
            .has("ROT301");
    }
}
