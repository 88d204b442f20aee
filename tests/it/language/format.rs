//! The formatter: one layout, nothing lost.

use super::{all, parse, render, shape, spec, tree::Choices};
use proptest::prelude::*;
use rot::source::SourceFile;

/// Formats a text that has to be valid.
fn format(text: &str) -> String {
    let (ast, diagnostics, source) = parse(text);
    assert!(
        diagnostics.is_empty(),
        "{}\n{text}",
        render(&source, &diagnostics)
    );
    rot::syntax::print(&ast, &source)
}

/// The comments of a text in order.
fn comments(text: &str) -> Vec<String> {
    let (ast, _, source) = parse(text);
    ast.comments
        .iter()
        .map(|c| source.slice(c.start, c.end).trim_end().to_owned())
        .collect()
}

/// Checks what holds for every valid text; gives the formatted one.
fn check(text: &str) -> String {
    let once = format(text);
    assert_eq!(
        shape(&parse(text).0),
        shape(&parse(&once).0),
        "the meaning changed:\n{text}\n→\n{once}"
    );
    assert_eq!(
        comments(text),
        comments(&once),
        "comments changed:\n{text}\n→\n{once}"
    );
    let twice = format(&once);
    let differs = once
        .lines()
        .zip(twice.lines())
        .position(|(a, b)| a != b)
        .unwrap_or(0);
    let near = |text: &str| {
        text.lines()
            .skip(differs.saturating_sub(3))
            .take(8)
            .collect::<Vec<_>>()
            .join("\n")
    };
    assert!(
        once == twice,
        "formatting twice differs:\n{}\n→\n{}\nfrom\n{text}",
        near(&once),
        near(&twice)
    );
    assert!(
        once.is_empty() || once.ends_with('\n') && !once.ends_with("\n\n"),
        "{once:?}"
    );
    assert!(
        once.lines().all(|line| line.trim_end() == line),
        "blanks at a line's end:\n{once}"
    );
    once
}

#[test]
fn layouts_are_as_reviewed() {
    for (name, text) in all("valid").into_iter().chain(all("layout")) {
        insta::with_settings!({ snapshot_path => spec("layout"), prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(name.as_str(), check(&text));
        });
    }
}

#[test]
fn nothing_is_nothing() {
    assert_eq!(format(""), "");
    assert_eq!(format("\n\n"), "");
    assert_eq!(check("# only\n\n\n# comments"), "# only\n\n# comments\n");
}

#[test]
fn comments_anywhere_are_kept() {
    for (_, text) in all("valid") {
        // In the long file every third place will do.
        let step = if text.len() > 2000 { 3 } else { 1 };
        for at in blanks(&text).into_iter().step_by(step) {
            let changed = format!("{} # note\n{}", &text[..at], &text[at..]);
            check(&changed);
        }
    }
}

/// Places of blanks outside strings, paths and comments.
fn blanks(text: &str) -> Vec<usize> {
    let (ast, _, _) = parse(text);
    let comment = |at: usize| {
        ast.comments
            .iter()
            .any(|c| (c.start as usize) < at && at <= c.end as usize)
    };
    let mut quoted = false;
    let mut found = Vec::new();
    let bytes = text.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            _ if comment(at) => {}
            b'\n' => quoted = false,
            b'"' if at > 0 && bytes[at - 1] != b'\\' => quoted = !quoted,
            b' ' if !quoted && !text[..at].rsplit('\n').next().unwrap().contains("body $[") => {
                found.push(at)
            }
            _ => {}
        }
    }
    // Interpolations hold quotes of their own: leave lines with them alone.
    found.retain(|at| {
        let from = text[..*at].rfind('\n').map_or(0, |n| n + 1);
        let line = &text[from..*at + text[*at..].find('\n').unwrap_or(0)];
        !line.contains("${f")
    });
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_is_printed_parses_to_the_same_tree(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let ast = Choices::new(&bytes).ast();
        let printed = rot::syntax::print(&ast, &SourceFile::new("none", ""));
        let (again, diagnostics, source) = parse(&printed);
        prop_assert!(diagnostics.is_empty(), "{}\n{}", render(&source, &diagnostics), printed);
        prop_assert_eq!(super::shape(&ast), super::shape(&again), "{}", printed);
        check(&printed);
    }
}

proptest! {
    // Each case formats a long file three times.
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn valid_texts_with_other_blanks_keep_their_meaning(seed in proptest::collection::vec(any::<u8>(), 1..60), file in 0usize..3) {
        let (_, text) = all("valid").swap_remove(file);
        let mut changed = String::new();
        let places = blanks(&text);
        for (at, c) in text.char_indices() {
            let choice = seed[at % seed.len()];
            match choice % 8 {
                1 if places.contains(&at) => changed.push('\n'),
                2 if places.contains(&at) => changed.push_str(" # c\n"),
                3 if places.contains(&at) => changed.push_str("\n\n\n# d\n\n"),
                4 if places.contains(&at) => changed.push_str("     "),
                _ => changed.push(c),
            }
        }
        check(&changed);
    }
}
