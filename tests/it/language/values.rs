//! What literals mean, and that places are exact.

use super::parse;
use rot::source::Span;
use rot::syntax::ast::{Entry, Expr, ExprKind, Item, Part, StepKind};

/// The value in `let x = …`.
fn value(text: &str) -> (Expr, rot::source::SourceFile) {
    let (ast, diagnostics, source) = parse(&format!("rotation a {{ let x = {text} }}"));
    assert!(
        diagnostics.is_empty(),
        "{text}: {}",
        super::render(&source, &diagnostics)
    );
    let Some(Item::Rotation(rotation)) = ast.items.into_iter().next() else {
        panic!("no rotation")
    };
    match rotation.body.into_iter().next() {
        Some(Entry::Step(rot::syntax::ast::Step {
            kind: StepKind::Let { value, .. },
            ..
        })) => (value, source),
        other => panic!("{other:?}"),
    }
}

fn written(source: &rot::source::SourceFile, span: Span) -> String {
    source.slice(span.start, span.end).to_owned()
}

#[test]
fn durations_add_up() {
    for (text, milliseconds) in [
        ("500ms", 500),
        ("30s", 30_000),
        ("1h30m", 5_400_000),
        ("7d", 604_800_000),
        ("2w", 1_209_600_000),
        ("0s", 0),
    ] {
        let ExprKind::Duration(found) = value(text).0.kind else {
            panic!("{text}")
        };
        assert_eq!(found.0, milliseconds, "{text}");
    }
    let ExprKind::Duration(most) = value("99999999999999999999w").0.kind else {
        panic!()
    };
    assert_eq!(most.0, u64::MAX);
}

#[test]
fn strings_are_decoded_and_their_parts_have_exact_places() {
    let (expr, source) = value(r#""a\n\"\\\t\u{1F600}$${x} ${b.c}$ é${f("y")}""#);
    let ExprKind::String(parts) = expr.kind else {
        panic!()
    };
    let texts: Vec<String> = parts
        .iter()
        .map(|part| match part {
            Part::Text(text, span) => format!("{text:?} at {}", written(&source, *span)),
            Part::Expr(expr) => format!("expr at {}", written(&source, expr.span)),
        })
        .collect();
    assert_eq!(
        texts,
        [
            r#""a\n\"\\\t😀${x} " at a\n\"\\\t\u{1F600}$${x} "#,
            "expr at b.c",
            "\"$ é\" at $ é",
            "expr at f(\"y\")"
        ]
    );
    assert!(matches!(value("\"\"").0.kind, ExprKind::String(parts) if parts.is_empty()));
}

/// An expression with all parentheses, to show how it was grouped.
fn grouped(expr: &Expr) -> String {
    match &expr.kind {
        ExprKind::Binary(a, operator, b) => {
            format!(
                "({} {} {})",
                grouped(a),
                operator.operator.as_str(),
                grouped(b)
            )
        }
        ExprKind::Not(a) => format!("(not {})", grouped(a)),
        ExprKind::Reveal(a, reason) => format!(
            "(reveal {} {:?})",
            grouped(a),
            reason.as_ref().map(|r| r.text.as_str())
        ),
        ExprKind::Index(a, b) => format!("{}[{}]", grouped(a), grouped(b)),
        ExprKind::Path(names) => names
            .iter()
            .map(|n| n.text.as_str())
            .collect::<Vec<_>>()
            .join("."),
        ExprKind::Call(name, arguments) => format!(
            "{}({})",
            name.text,
            arguments.iter().map(grouped).collect::<Vec<_>>().join(", ")
        ),
        ExprKind::String(parts) => match parts.as_slice() {
            [Part::Text(text, _)] => format!("'{text}'"),
            _ => "string".into(),
        },
        ExprKind::Number(text) => text.clone(),
        other => format!("{other:?}"),
    }
}

#[test]
fn operators_group_by_precedence() {
    for (text, expected) in [
        (
            "a ?? b or c and not d == e + f",
            "(a ?? (b or (c and (not (d == (e + f))))))",
        ),
        ("a + b + c", "((a + b) + c)"),
        ("a ?? b ?? c", "((a ?? b) ?? c)"),
        ("(a or b) and c", "((a or b) and c)"),
        ("not a and b", "((not a) and b)"),
        ("not not a", "(not (not a))"),
        ("a.b[0].c[\"d e\"].f", "a.b[0]['c']['d e']['f']"),
        ("f(a, g(b),).c", "f(a, g(b))['c']"),
        ("reveal a + b because \"x\"", "(reveal (a + b) Some(\"x\"))"),
        ("(reveal a) == b", "((reveal a None) == b)"),
        ("secrets.\"team/db\".9x", "secrets.team/db.9x"),
        (
            "pending.team/db/2.9x + previous.a/b",
            "(pending.team/db/2.9x + previous.a/b)",
        ),
        ("nothing.or + nullx", "(nothing.or + nullx)"),
        ("a-b.c_-d", "a-b.c_-d"),
    ] {
        assert_eq!(grouped(&value(text).0), expected, "{text}");
    }
}

#[test]
fn places_are_those_of_the_text() {
    let (expr, source) = value("a.b + (c # comment\n ) # more\n");
    assert_eq!(written(&source, expr.span), "a.b + (c # comment\n )");
    let (ast, _, source) = parse("rotation r {\n  stop # why\n\n  update x = y # z\n\n}\n");
    let Some(Item::Rotation(rotation)) = ast.items.first() else {
        panic!()
    };
    let places: Vec<String> = rotation
        .body
        .iter()
        .map(|entry| match entry {
            Entry::Step(step) => written(&source, step.span),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(places, ["stop", "update x = y"]);
    assert_eq!(
        ast.comments
            .iter()
            .map(|c| written(&source, *c))
            .collect::<Vec<_>>(),
        ["# why", "# z"]
    );
}

#[test]
fn an_unclosed_string_is_an_error_in_the_tree() {
    let (ast, diagnostics, _) = parse("rotation r {\n  log \"x\n  log y\n}");
    assert_eq!(diagnostics.len(), 1);
    let Some(Item::Rotation(rotation)) = ast.items.first() else {
        panic!()
    };
    let Some(Entry::Step(first)) = rotation.body.first() else {
        panic!()
    };
    assert!(
        matches!(&first.kind, StepKind::Log(expr) if expr.kind == ExprKind::Error),
        "{first:?}"
    );
    assert_eq!(rotation.body.len(), 2);
}
