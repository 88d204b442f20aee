//! What is said about broken files, as reviewed snapshots beside the files.

use super::{all, parse, render, spec};

#[test]
fn messages_are_as_reviewed() {
    for (name, text) in all("errors") {
        let (_, diagnostics, source) = parse(&text);
        insta::with_settings!({ snapshot_path => spec("errors"), prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(name.as_str(), render(&source, &diagnostics));
        });
    }
}

#[test]
fn errors_come_in_the_order_of_the_text() {
    for (name, text) in all("errors") {
        let (_, diagnostics, _) = parse(&text);
        assert!(!diagnostics.is_empty(), "{name} has no error");
        assert!(
            diagnostics
                .windows(2)
                .all(|w| w[0].span().start <= w[1].span().start),
            "{name}"
        );
    }
}

#[test]
fn safe_fixes_that_are_applied_leave_no_error_of_their_kind() {
    for text in [
        "secret a to 'h'",
        "secret a;\nsecret b",
        "// c\nsecret a",
        "rotation a { log \"x\u{202e}\" }",
    ] {
        let (_, diagnostics, _) = parse(text);
        let mut mended = text.to_owned();
        for diagnostic in diagnostics.iter().rev() {
            let fix = diagnostic
                .fixes
                .iter()
                .find(|f| f.safe)
                .expect("a safe fix");
            for edit in &fix.edits {
                mended.replace_range(edit.span.start as usize..edit.span.end as usize, &edit.text);
            }
        }
        assert!(parse(&mended).1.is_empty(), "{text:?} became {mended:?}");
    }
}

#[test]
fn files_that_are_too_large_are_not_parsed() {
    let (ast, diagnostics, _) = parse(&"# x\n".repeat(300_000));
    assert_eq!(ast.items.len(), 1);
    assert_eq!(
        diagnostics.iter().map(|d| d.code.id()).collect::<Vec<_>>(),
        ["ROT009"]
    );
}

#[test]
fn a_byte_order_mark_and_carriage_returns_are_fine() {
    let plain = "secret a\nrotation b {\n  log \"x\" # c\n}\n";
    let windows = format!("\u{feff}{}", plain.replace('\n', "\r\n"));
    let (ast, diagnostics, source) = parse(&windows);
    assert!(diagnostics.is_empty(), "{}", render(&source, &diagnostics));
    assert_eq!(super::shape(&ast), super::shape(&parse(plain).0));
    assert_eq!(
        rot::syntax::print(&ast, &source),
        "secret a\n\nrotation b {\n  log \"x\"  # c\n}\n"
    );
}

#[test]
fn a_keyword_cannot_stand_alone_as_a_value() {
    for word in [
        "http", "client", "expect", "until", "env", "call", "strays", "rotation", "reveal",
    ] {
        assert!(rot::syntax::is_keyword(word));
        let (_, diagnostics, _) = parse(&format!("rotation a {{\n  log {word}\n}}"));
        assert_eq!(diagnostics.len(), 1, "{word}");
        let (_, diagnostics, source) =
            parse(&format!("rotation a {{\n  log {word}.x\n log {word}s\n}}"));
        assert!(
            diagnostics.is_empty(),
            "{word}: {}",
            render(&source, &diagnostics)
        );
    }
    for word in [
        "token",
        "status",
        "value",
        "id",
        "expires",
        "secret_id",
        "body",
        "to",
        "in",
        "grace",
    ] {
        assert!(!rot::syntax::is_keyword(word));
        let (_, diagnostics, _) = parse(&format!(
            "rotation a {{ log {word}\n let {word} = {word} }}"
        ));
        assert!(diagnostics.is_empty(), "{word}");
    }
}

#[test]
fn the_list_of_keywords_is_that_of_the_grammar() {
    let grammar =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/grammar/rot.pest")).unwrap();
    let from = grammar.find("reserved = _{").unwrap();
    let to = from + grammar[from..].find("// ----").unwrap();
    let words: Vec<&str> = grammar[from..to].split('"').skip(1).step_by(2).collect();
    assert!(words.len() > 50);
    for word in words {
        assert!(rot::syntax::is_keyword(word), "{word}");
    }
}
