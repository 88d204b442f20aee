//! Names, order of steps, conditions.

use super::build::*;
use rot::plan::expr::{Function, Operator};
use rot::plan::task::Step;

fn probe(name: &str) -> Step {
    get(name, "https://example.com/").public("v").done()
}

#[test]
fn a_value_of_a_branch_is_not_there_after_it() {
    let some = || when(input("full"), vec![probe("p")], vec![]);
    rot()
        .steps(vec![some(), log(got("p", "v"))])
        .found()
        .are(&["ROT104"]);
    rot()
        .steps(vec![when(
            input("x"),
            vec![probe("p")],
            vec![log(got("p", "v"))],
        )])
        .found()
        .are(&["ROT104"]);
    rot()
        .steps(vec![parallel(vec![
            vec![probe("p")],
            vec![log(got("p", "v"))],
        ])])
        .found()
        .are(&["ROT104"]);
    rot()
        .steps(vec![
            each("i", input("list"), vec![probe("p")]),
            log(got("p", "v")),
        ])
        .found()
        .are(&["ROT104"]);
}

#[test]
fn a_value_that_is_surely_there_may_be_read() {
    rot()
        .steps(vec![when(
            input("full"),
            vec![probe("p"), log(got("p", "v"))],
            vec![],
        )])
        .found()
        .none();
    rot()
        .steps(vec![
            when(input("full"), vec![probe("p")], vec![stop()]),
            log(got("p", "v")),
        ])
        .found()
        .none();
    rot()
        .steps(vec![
            parallel(vec![vec![probe("p")], vec![probe("q")]]),
            log(template(vec![got("p", "v"), got("q", "v")])),
        ])
        .found()
        .none();
    let other = binary(Operator::Else, got("p", "v"), text("none"));
    rot()
        .steps(vec![
            when(input("full"), vec![probe("p")], vec![]),
            log(other),
        ])
        .found()
        .none();
    rot()
        .steps(vec![
            when(input("full"), vec![probe("p")], vec![]),
            bind("b", call(Function::IsSet, vec![got("p", "v")])),
        ])
        .found()
        .none();
    rot()
        .steps(vec![probe("p")])
        .on_failure(vec![log(text("failed"))])
        .found()
        .none();
}

#[test]
fn what_follows_an_end_is_not_reached() {
    rot()
        .steps(vec![stop(), log(text("x"))])
        .found()
        .are(&["ROT114"]);
    rot()
        .steps(vec![
            when(input("x"), vec![stop()], vec![fail(text("no"))]),
            log(text("x")),
            log(text("y")),
        ])
        .found()
        .are(&["ROT114"]);
    rot()
        .steps(vec![when(input("x"), vec![stop()], vec![]), log(text("x"))])
        .found()
        .none();
    rot().steps(vec![log(text("x")), stop()]).found().none();
}

#[test]
fn unused_secrets_are_found_where_rotations_are() {
    rot()
        .secret("unused", &[])
        .steps(vec![log(text("x"))])
        .found()
        .are(&["ROT107"]);
    let one = rot()
        .secret("a", &["example.com"])
        .secret("b", &[])
        .steps(vec![
            get("p", "https://example.com/").bearer(secret("a")).done(),
        ]);
    one.found().are(&["ROT107"]);
    rot().secret("shared", &[]).found().none();
    rot()
        .secret("written", &[])
        .steps(vec![generate("g"), update("written", got("g", "value"))])
        .found()
        .none();
    orkes()
        .secret("named", &[])
        .steps(vec![log(text("x"))])
        .found()
        .none();
}

#[test]
fn unused_captures_are_a_matter_of_taste() {
    let plan = || {
        let mint = post("mint", "https://example.com/t")
            .effect(additive())
            .secret("token")
            .secret("refresh")
            .done();
        rot()
            .secret("kept", &[])
            .steps(vec![mint, update("kept", got("mint", "token"))])
    };
    plan().found().lacks("ROT108");
    plan().pedantic().has("ROT108");
    rot()
        .steps(vec![
            get("g", "https://example.com/").secret("unread").done(),
        ])
        .pedantic()
        .has("ROT108");
    let both = post("mint", "https://example.com/t")
        .effect(additive())
        .secret("token")
        .public("id")
        .done();
    rot()
        .secret("kept", &[])
        .steps(vec![both, update("kept", got("mint", "token"))])
        .pedantic()
        .lacks("ROT108");
}

#[test]
fn missing_parts_of_texts_are_found() {
    let optional = || get("p", "https://example.com/").optional_public("v").done();
    rot()
        .steps(vec![
            optional(),
            log(template(vec![text("is "), got("p", "v")])),
        ])
        .found()
        .are(&["ROT203"]);
    rot()
        .steps(vec![
            optional(),
            get("q", "https://example.com/")
                .header("X", template(vec![text("a"), got("p", "v")]))
                .done(),
        ])
        .found()
        .are(&["ROT203"]);
    rot()
        .steps(vec![
            optional(),
            log(template(vec![
                text("is "),
                binary(Operator::Else, got("p", "v"), text("-")),
            ])),
        ])
        .found()
        .none();
    rot()
        .steps(vec![
            probe("p"),
            log(template(vec![text("is "), got("p", "v")])),
        ])
        .found()
        .none();
    let mut may_fail = get("p", "https://example.com/").raw_output().done();
    may_fail.optional = true;
    orkes()
        .steps(vec![
            may_fail,
            get("q", "https://example.com/")
                .header(
                    "X",
                    template(vec![text("a"), output_of("p", "response.body.v")]),
                )
                .done(),
        ])
        .found()
        .are(&["ROT203"]);
}

#[test]
fn conditions_that_never_change_are_found() {
    rot()
        .steps(vec![when(
            equal(text("a"), text("b")),
            vec![log(text("x"))],
            vec![],
        )])
        .found()
        .are(&["ROT205"]);
    rot()
        .steps(vec![when(
            equal(input("a"), input("a")),
            vec![log(text("x"))],
            vec![],
        )])
        .found()
        .are(&["ROT205"]);
    let status = get("p", "https://example.com/").status("code").done();
    rot()
        .steps(vec![
            status,
            when(
                equal(got("p", "code"), text("200")),
                vec![log(text("x"))],
                vec![],
            ),
        ])
        .found()
        .are(&["ROT205"]);
    let status = get("p", "https://example.com/").status("code").done();
    rot()
        .steps(vec![
            status,
            when(
                equal(got("p", "code"), number("200")),
                vec![log(text("x"))],
                vec![],
            ),
        ])
        .found()
        .none();
    rot()
        .steps(vec![when(
            equal(input("a"), text("b")),
            vec![log(text("x"))],
            vec![],
        )])
        .found()
        .none();
    rot()
        .steps(vec![repeat(
            vec![log(text("x"))],
            equal(input("done"), text("yes")),
        )])
        .found()
        .are(&["ROT209"]);
}
