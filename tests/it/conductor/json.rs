//! JSON with places.

use super::corpus_dir;
use proptest::prelude::*;
use rot::json::{self, NodeKind, Problem};
use rot::source::{FileId, SourceFile};

fn parse(text: &str) -> Result<json::Node, Vec<rot::diagnostic::Diagnostic>> {
    json::parse(FileId::new(0), &SourceFile::new("x.json", text))
}

#[test]
fn the_parsing_suite_is_accepted_and_refused_as_it_says() {
    let Some(dir) = corpus_dir("json-suite/test_parsing") else { return };
    let (mut accepted, mut refused, mut free) = (0, 0, 0);
    let mut wrong = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let result = json::parse_bytes(&std::fs::read(&path).unwrap());
        match (name.get(..2), result.is_ok()) {
            (Some("y_"), true) => accepted += 1,
            (Some("n_"), false) => refused += 1,
            (Some("i_"), _) => free += 1,
            _ => wrong.push(name),
        }
    }
    println!("accepted {accepted}, refused {refused}, either way {free}");
    assert_eq!(wrong, Vec::<String>::new());
    assert!(accepted >= 95 && refused >= 187, "the suite is incomplete: {accepted} and {refused}");
}

/// Each kind of error: the text with `«»` around the place that is shown, and the problem.
#[test]
fn errors_say_where_and_what() {
    let cases = [
        ("«»", Problem::Empty),
        ("  \n«»", Problem::Empty),
        ("{\"a\": 1«,»}", Problem::TrailingComma),
        ("[1, 2«,» ]", Problem::TrailingComma),
        ("{\"a\": 1«» \"b\": 2}", Problem::MissingComma),
        ("{\"a\" «1»}", Problem::MissingColon),
        ("{«a»: 1}", Problem::Key),
        ("{\"a\": «'»b'}", Problem::SingleQuotes),
        ("{\"a\": «\"»b}", Problem::OpenString),
        ("{\"a\": \"x«\\q»\"}", Problem::Escape),
        ("{\"a\": \"«\\ud800»\"}", Problem::Surrogate),
        ("{\"a\": \"x«\t»y\"}", Problem::ControlCharacter),
        ("{\"a\": 0«1»}", Problem::Number),
        ("«[»1", Problem::OpenArray),
        ("«{»\"a\": 1", Problem::OpenObject),
        ("{} «{»}", Problem::Trailing),
        ("{\"a\": «nul»}", Problem::Unexpected),
    ];
    for (marked, problem) in cases {
        let text = marked.replace(['«', '»'], "");
        let invalid = json::parse_text(&text).unwrap_err();
        let shown = format!("{}«{}»{}", &text[..invalid.start], &text[invalid.start..invalid.end], &text[invalid.end..]);
        assert_eq!((shown.as_str(), invalid.problem), (marked, problem));
    }
}

#[test]
fn a_trailing_comma_has_a_safe_fix() {
    let findings = parse("{\"a\": 1,}").unwrap_err();
    assert_eq!(findings[0].code.id(), "ROT002");
    assert!(findings[0].fixes[0].safe && findings[0].fixes[0].edits[0].text.is_empty());
}

#[test]
fn depth_is_bounded() {
    let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
    assert!(parse(&nested(128)).is_ok());
    for depth in [129, 600, 200_000] {
        assert_eq!(parse(&nested(depth)).unwrap_err()[0].code.id(), "ROT007");
    }
    assert_eq!(parse(&"{\"a\":".repeat(200_000)).unwrap_err()[0].code.id(), "ROT007");
}

#[test]
fn a_repeated_key_is_an_error_at_both_places() {
    let findings = parse("{\"a\": 1, \"b\": {\"\\u0061\": 1, \"a\": 2}, \"a\": 3}").unwrap_err();
    assert_eq!(findings.iter().map(|d| d.code.id()).collect::<Vec<_>>(), ["ROT003", "ROT003"]);
    assert_eq!((findings[0].labels[0].span.start, findings[0].span().start), (15, 28));
    let many: String = (0..40).map(|i| format!("\"k{}\": 0,", i % 39)).collect();
    assert_eq!(parse(&format!("{{{} \"z\": 1}}", many)).unwrap_err().len(), 1);
}

/// Raw bidirectional and invisible characters are errors; their escapes, and the joiners that emoji need, are not.
#[test]
fn invisible_characters_are_errors() {
    for (text, count) in
        [("[\"a\u{202e}b\"]", 1), ("[\"a\\u202eb\"]", 0), ("[\"👩\u{200d}💻\"]", 0), ("[\"x\u{200b}\"]", 1), ("\u{feff}[]", 0)]
    {
        let found = parse(text).map_or_else(|f| f.len(), |_| 0);
        assert_eq!(found, count, "{}", text.escape_unicode());
    }
}

#[test]
fn trojan_sources_are_seen() {
    let Some(dir) = corpus_dir("trojan-source/JavaScript") else { return };
    for entry in std::fs::read_dir(dir).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let quoted = serde_json::to_string(&text).unwrap();
        let found = parse(&quoted).map_or_else(|f| f.len(), |_| 0);
        let deceives = |c| matches!(c, '\u{200b}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        assert_eq!(found > 0, text.chars().any(deceives));
    }
}

#[test]
fn pointers_lead_both_ways() {
    let text = "{\"tasks\": [{\"a/b\": \"x\"}, {\"n\": [1, 22]}]}";
    let node = parse(text).unwrap();
    for (needle, pointer) in [("\"x\"", "/tasks/0/a~1b"), ("\"n\"", "/tasks/1/n"), ("22", "/tasks/1/n/1"), ("{\"tasks", "")] {
        let at = u32::try_from(text.find(needle).unwrap()).unwrap();
        assert_eq!(node.pointer_at(at), pointer, "{needle}");
    }
    let NodeKind::Number(raw) = &node.at_pointer("/tasks/1/n/1").unwrap().kind else { panic!("not a number") };
    assert_eq!(raw, "22");
    assert_eq!(node.node_at(33).unwrap().describe(), "a number");
}

#[test]
fn numbers_keep_their_digits() {
    let node = json::parse_text("[12345678901234567890123, 1.0, -0]").unwrap();
    let digits: Vec<String> =
        node.items().iter().map(|n| if let NodeKind::Number(raw) = &n.kind { raw.clone() } else { String::new() }).collect();
    assert_eq!(digits, ["12345678901234567890123", "1.0", "-0"]);
}

proptest! {
    /// For every piece of a decoded string, decoding the raw text at its place gives the piece back.
    #[test]
    fn every_piece_of_a_string_has_its_place(text in "(?s).{0,40}", escape in any::<u64>(), a in any::<prop::sample::Index>(), b in any::<prop::sample::Index>()) {
        let mut raw = String::from("  \"");
        for (i, c) in text.chars().enumerate() {
            let mut units = [0u16; 2];
            let must = c < ' ' || c == '"' || c == '\\';
            if must || (escape >> (i % 64)) & 1 == 1 {
                for unit in c.encode_utf16(&mut units) { raw.push_str(&format!("\\u{unit:04x}")); }
            } else {
                raw.push(c);
            }
        }
        raw.push('"');
        let node = json::parse_text(&raw).unwrap();
        let string = node.as_string().unwrap();
        prop_assert_eq!(&string.text, &text);
        let borders: Vec<usize> = text.char_indices().map(|(i, _)| i).chain([text.len()]).collect();
        let (x, y) = (borders[a.index(borders.len())], borders[b.index(borders.len())]);
        let (start, end) = (x.min(y), x.max(y));
        let span = string.span_of(start, end);
        let slice = &raw[span.start as usize..span.end as usize];
        prop_assert_eq!(serde_json::from_str::<String>(&format!("\"{slice}\"")).unwrap(), &text[start..end]);
    }

    /// What serde_json takes and this module takes is the same, and so is what they make of it.
    #[test]
    fn agrees_with_serde_json(text in "[\\[\\]{}:,\"a1\\\\u.e+ -]{0,24}|\\{\"a\":[0-9.eE+-]{1,6}\\}|\"\\PC{0,8}\"") {
        let theirs = serde_json::from_str::<serde_json::Value>(&text);
        match json::parse_text(&text) {
            Ok(node) => match theirs {
                Ok(theirs) => prop_assert_eq!(node.to_value(), theirs),
                // A number that no double holds is kept here as it was written.
                Err(error) => prop_assert!(error.to_string().starts_with("number out of range"), "{error}"),
            },
            Err(_) => prop_assert!(theirs.is_err()),
        }
    }
}
