//! One mistake is one message, and does not reach beyond its item.

use super::{all, parse, render, shape};
use proptest::prelude::*;
use rot::source::Span;
use rot::syntax::ast::Item;

/// The places of the tokens of a text, by a simple view of its own.
fn tokens(text: &str) -> Vec<(usize, usize)> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut i = 0;
    while i < bytes.len() {
        let start = i;
        match bytes[i] {
            b' ' | b'\n' => {
                i += 1;
                continue;
            }
            b'#' => {
                i += text[i..].find('\n').unwrap_or(text.len() - i);
                continue;
            }
            b'"' => {
                let mut depth = 0;
                i += 1;
                loop {
                    match bytes[i] {
                        b'\\' => i += 1,
                        b'{' if bytes[i - 1] == b'$' && bytes[i - 2] != b'$' => depth += 1,
                        b'}' if depth > 0 => depth -= 1,
                        b'"' if depth == 0 => break,
                        _ => {}
                    }
                    i += 1;
                }
                i += 1;
            }
            b if b.is_ascii_alphanumeric() || b"_$".contains(&b) => {
                while bytes
                    .get(i)
                    .is_some_and(|b| b.is_ascii_alphanumeric() || b"_-$.".contains(b))
                {
                    i += 1;
                }
            }
            _ => i += 1,
        }
        found.push((start, i));
    }
    found
}

/// Checks what a change in one item of `text` leads to.
fn check(name: &str, text: &str, changed: &str, at: usize) {
    let (before, _, _) = parse(text);
    let (after, diagnostics, source) = parse(changed);
    assert!(
        diagnostics.len() <= 3,
        "{name}: {} messages for one mistake at byte {at}\n{}\n{changed}",
        diagnostics.len(),
        render(&source, &diagnostics)
    );
    let found = shape(&after);
    let owner = before
        .items
        .iter()
        .position(|item| at < end(item))
        .unwrap_or(before.items.len() - 1);
    // Between two items it may belong to either.
    let border = owner > 0 && at == start(&before.items[owner]);
    for (index, item) in shape(&before).into_iter().enumerate() {
        assert!(
            index == owner || (border && index + 1 == owner) || found.contains(&item),
            "{name}: the mistake at byte {at} is in item {owner}, but item {index} is lost\n{}\n{changed}",
            render(&source, &diagnostics)
        );
    }
}

fn start(item: &Item) -> usize {
    span(item).start as usize
}

fn end(item: &Item) -> usize {
    span(item).end as usize
}

fn span(item: &Item) -> Span {
    match item {
        Item::Use(i) => i.span,
        Item::Env(i) => i.span,
        Item::Secret(i) => i.span,
        Item::Rotation(i) => i.span,
        Item::Template(i) => i.span,
        Item::Target(i) => i.span,
        Item::Deliver(i) => i.span,
        Item::Error(span) => *span,
    }
}

#[test]
fn a_token_that_is_missing() {
    for (name, text) in all("valid") {
        for (start, end) in tokens(&text) {
            let changed = format!("{}{}", &text[..start], &text[end..]);
            check(&name, &text, &changed, start);
        }
    }
}

#[test]
fn a_token_too_many() {
    for (name, text) in all("valid") {
        if name == "everything" {
            continue;
        }
        for (start, _) in tokens(&text) {
            for token in ["{", "}", "(", "]", "\"", ",", "=", "frob", "log", ";"] {
                let changed = format!("{}{token} {}", &text[..start], &text[start..]);
                check(&name, &text, &changed, start);
            }
        }
    }
}

#[test]
fn half_typed_statements_leave_their_neighbours() {
    let (ast, diagnostics, source) = parse(
        "rotation r {\n  every 5m\n  update a =\n  log \"x\"\n  http mint\n  promote a\n}\nsecret b\n",
    );
    assert_eq!(diagnostics.len(), 2, "{}", render(&source, &diagnostics));
    let expected = parse("rotation r { every 5m\n log \"x\"\n promote a }\nsecret b\n").0;
    assert_eq!(shape(&ast), shape(&expected));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_text_gives_a_tree(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let text = String::from_utf8_lossy(&bytes);
        let (ast, diagnostics, source) = parse(&text);
        for diagnostic in &diagnostics {
            prop_assert!((diagnostic.span().end as usize) <= source.text().len());
        }
        rot::syntax::print(&ast, &source);
    }

    #[test]
    fn any_mix_of_tokens_gives_a_tree(picks in proptest::collection::vec(0usize..64, 0..80)) {
        const TOKENS: [&str; 40] = [
            "{", "}", "(", ")", "[", "]", "\"", "\"a\"", "${", "$", "'", "\\", "#", "\n", "\n  ", ",", ":", "=", "==", "+", "??", "not ", "and ",
            "http ", "GET ", "update ", "rotation ", "secret ", "x ", "a.b", "5m ", "5 ", "when ", "else ", "reveal ", "json ", "expect ", "status ",
            "body ", "$.a[",
        ];
        let text: String = picks.iter().map(|p| TOKENS[p % TOKENS.len()]).collect();
        let (ast, diagnostics, source) = parse(&text);
        for diagnostic in &diagnostics {
            prop_assert!((diagnostic.span().end as usize) <= text.len());
            prop_assert!(text.is_char_boundary(diagnostic.span().start as usize));
        }
        rot::syntax::print(&ast, &source);
    }
}
