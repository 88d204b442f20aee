//! Texts of many like parts: the work of the checker is in proportion to them.
//!
//! It is counted in steps that are looked at, so that the machine says nothing in it. Each shape is written by the generator of
//! the soundness test from the language's own list of steps, or is one that was quadratic once.

use crate::soundness::repeated;
use rot::check::flow::Analysis;
use rot::check::{Options, check_with};
use rot::diagnostic::Severity;
use rot::source::{FileId, SourceFile};
use rot::syntax::keyword::STEPS;

const SECRETS: &str = "secret k, o to \"a.acme.dev\"\n";

/// A text for a number of parts.
type Shape = fn(usize) -> String;

fn many(n: usize, one: impl Fn(usize) -> String) -> String {
    (0..n).map(one).collect::<Vec<_>>().join("\n")
}

/// Rotations beside each other, and steps behind each other.
const SHAPES: &[(&str, Shape)] = &[
    ("rotations that write one secret", |n| {
        many(n, |i| format!("rotation r{i} {{ update k = secrets.o }}"))
    }),
    ("rotations on a schedule that write one secret", |n| {
        many(n, |i| {
            format!(
                "rotation r{i} {{ every 1h\n http m POST \"https://a.acme.dev/k\" issues additive {{ bearer secrets.k secret v = body $.v }}\n update k = m.v }}"
            )
        })
    }),
    ("calls of one rotation", |n| {
        format!(
            "rotation c {{ input x: string\n log \"a\" }}\n{}",
            many(n, |i| format!(
                "rotation r{i} {{ call c = c {{ x: secrets.k }} }}"
            ))
        )
    }),
    ("calls one behind the other", |n| {
        format!(
            "{}\nrotation r{n} {{ input x: string\n log \"x\" }}",
            many(n, |i| format!(
                "rotation r{i} {{ input x: string\n log \"a\"\n call c = r{} {{ x: input.x }} }}",
                i + 1
            ))
        )
    }),
    ("a ring of calls", |n| {
        many(n, |i| {
            format!("rotation r{i} {{ call c = r{} }}", (i + 1) % n)
        })
    }),
    ("calls that pass what is set", |n| {
        many(n, |i| {
            format!(
                "rotation s{i} {{ input p: secret string\n http POST \"https://a.acme.dev/s\" sets {{ bearer secrets.k json {{ p: input.p }} }} }}\nrotation r{i} {{ call c = s{i} {{ p: secrets.o }} }}"
            )
        })
    }),
    ("updates", |n| {
        format!(
            "rotation r {{\n{}\n}}",
            many(n, |_| "update k = secrets.o".into())
        )
    }),
    ("updates in conditions", |n| {
        format!(
            "rotation r {{\n{}\n}}",
            many(n, |_| "when is_set(secrets.k) { update k = secrets.o }"
                .into())
        )
    }),
    ("updates in branches", |n| {
        format!(
            "rotation r {{ parallel {{\n{}\n}} }}",
            many(n, |i| format!("b{i} {{ update k = secrets.o }}"))
        )
    }),
    ("whole lives", |n| {
        format!(
            "rotation r {{\n{}\n}}",
            many(n, |_| {
                "stage k = secrets.o verify { http GET \"https://a.acme.dev/m\" { bearer pending.k } } promote k revoke previous.k { http DELETE \"https://a.acme.dev/m\" revokes { bearer secrets.k } }".into()
            })
        )
    }),
    ("credentials of which nothing is used", |n| {
        format!(
            "rotation r {{\n{}\n}}",
            many(n, |i| format!(
                "http m{i} POST \"https://a.acme.dev/k\" issues additive {{ bearer secrets.k secret v = body $.v }}"
            ))
        )
    }),
    ("outputs", |n| {
        format!(
            "rotation r {{\n{}\n}}",
            many(n, |i| format!("output o{i} = secrets.k"))
        )
    }),
    ("logs in one line", |n| {
        format!(
            "rotation r {{ {} }}",
            many(n, |_| "log \"${secrets.k}\"".into()).replace('\n', " ")
        )
    }),
    ("credentials of a loop", |n| {
        format!(
            "rotation r {{ repeat at most 3 {{\n{}\n}} until is_set(secrets.k) }}",
            many(n, |i| format!(
                "http m{i} POST \"https://a.acme.dev/k\" issues additive {{ bearer secrets.k secret v = body $.v }}\nupdate k = m{i}.v"
            ))
        )
    }),
];

/// How many steps are looked at to check a text, and how many there are.
fn work(name: &str, text: &str) -> (usize, usize) {
    let source = SourceFile::new("t.rot", text);
    let (tree, mut found) = rot::syntax::parse(FileId::new(0), &source);
    let (plan, more) = rot::plan::resolve::resolve(&[], &tree);
    found.extend(more);
    let error = found.iter().find(|d| d.severity == Severity::Error);
    assert!(
        STEPS.contains(&name) || error.is_none(),
        "{name}: {error:?}"
    );
    let analysis = Analysis::of(&plan);
    let _ = check_with(&analysis, &Options::default());
    (analysis.order.looked(), analysis.order.iter().count())
}

#[test]
fn the_work_is_in_proportion_to_the_text() {
    let mut wrong = Vec::new();
    let mut judge = |name: &str, small: &str, large: &str| {
        let ((one, steps), (four, more)) = (work(name, small), work(name, large));
        println!("{name}: {one} for {steps} steps, {four} for {more}");
        // Linear is four times; quadratic is sixteen.
        if four > 6 * one.max(steps) {
            wrong.push(format!(
                "{name}: {one} for {steps} steps, {four} for {more}"
            ));
        }
    };
    for (name, shape) in SHAPES {
        let text = |n| format!("{SECRETS}{}\n", shape(n));
        judge(name, &text(60), &text(240));
    }
    for word in STEPS {
        judge(word, &repeated(word, 40), &repeated(word, 160));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
