//! The grammar does work in proportion to the size of the text, also for the worst texts.

use super::parse;
use std::num::NonZeroUsize;

/// Calls of rules that pest may make for each byte, whatever the text. Realistic files need about eight.
const CALLS_PER_BYTE: usize = 100;

fn families(n: usize) -> Vec<(&'static str, String)> {
    let body = |text: String| format!("rotation a {{ {text} }}");
    let nest = |open: &str, close: &str, depth: usize, inner: &str| {
        format!("{}{inner}{}", open.repeat(depth), close.repeat(depth))
    };
    let deep = |open: &str, close: &str| {
        let one = format!("log {} ", nest(open, close, 55, "x"));
        body(one.repeat(n / one.len()))
    };
    vec![
        ("calls", deep("f(", ")")),
        ("parentheses", deep("(", ")")),
        ("lists", deep("[", "]")),
        ("objects", deep("{a: ", "}")),
        ("interpolations", deep("\"${", "}\"")),
        ("indexes", deep("a[", "]")),
        ("broken parentheses", deep("(", "")),
        ("broken calls", deep("f(", "")),
        ("broken objects", deep("{a ", "}")),
        ("broken strings", deep("\"${", "")),
        (
            "blocks",
            body(nest("when x { ", "} ", 55, "log y ").repeat(n / 600)),
        ),
        (
            "repeats without until",
            body(nest("repeat { ", "} ", 55, "log y ").repeat(n / 600)),
        ),
        (
            "branches without names",
            body(nest("parallel { ", "} ", 55, "log y ").repeat(n / 700)),
        ),
        ("nots", body(format!("log {} x", "not ".repeat(n / 4)))),
        ("sums", body(format!("log x{}", " + x".repeat(n / 4)))),
        ("blank lines", body(format!("frob {} frob", "\n".repeat(n)))),
        ("blank lines in junk", body("= ,\n\n\n\n".repeat(n / 8))),
        (
            "comments in junk",
            body(format!("frob\n{}", "# x\n\n".repeat(n / 5))),
        ),
        (
            "brackets in paths",
            body(format!(
                "http GET \"u\" {{ {} }}",
                "secret a = body $[[[[[[[[ ".repeat(n / 25)
            )),
        ),
        ("commas", format!("secret a{}", ", a".repeat(n / 3))),
        ("braces", "{".repeat(60).repeat(n / 60)),
        ("unknown words", body("frob\n".repeat(n / 5))),
        (
            "else",
            body(format!(
                "when x {{ }} {}",
                "else when x { } ".repeat(n / 16)
            )),
        ),
    ]
}

#[test]
fn parsing_is_linear() {
    // The limit is one of the whole process. It is far above what the small texts of the other tests need.
    for size in [4 * 1024, 16 * 1024, 64 * 1024] {
        for (name, text) in families(size) {
            let limit = NonZeroUsize::new(CALLS_PER_BYTE * text.len().max(4 * 1024));
            pest::set_call_limit(limit);
            let failure = rot_grammar_limit(&text);
            pest::set_call_limit(None);
            assert!(
                !failure,
                "{name} of {} bytes takes more than {CALLS_PER_BYTE} calls a byte",
                text.len()
            );
        }
    }
}

/// Whether pest gave up.
fn rot_grammar_limit(text: &str) -> bool {
    parse(text).1.iter().any(|d| d.code.id() == "ROT870")
}
