//! JSON with places.

use super::corpus_dir;
use proptest::prelude::*;
use rot::json::{self, NodeKind, Problem};
use rot::source::{FileId, SourceFile, Span};
use serde_json::{Value, json};

fn parse(text: &str) -> Result<json::Node, Vec<rot::diagnostic::Diagnostic>> {
    json::parse(FileId::new(0), &SourceFile::new("x.json", text))
}

#[test]
fn the_parsing_suite_is_accepted_and_refused_as_it_says() {
    let Some(dir) = corpus_dir("json-suite/test_parsing") else {
        return;
    };
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
    assert!(
        accepted >= 95 && refused >= 187,
        "the suite is incomplete: {accepted} and {refused}"
    );
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
        let shown = format!(
            "{}«{}»{}",
            &text[..invalid.start],
            &text[invalid.start..invalid.end],
            &text[invalid.end..]
        );
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
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let nested = |n: usize| format!("{}1{}", open.repeat(n), close.repeat(n));
        assert!(parse(&nested(128)).is_ok());
        for depth in [129, 600, 200_000] {
            assert_eq!(parse(&nested(depth)).unwrap_err()[0].code.id(), "ROT007");
        }
        // It is told at the first bracket that is too deep.
        let start = open.len() * 128;
        assert_eq!(
            parse(&nested(129)).unwrap_err()[0].span(),
            Span::new(FileId::new(0), start, start + 1)
        );
        assert_eq!(
            parse(&open.repeat(200_000)).unwrap_err()[0].code.id(),
            "ROT007"
        );
    }
}

#[test]
fn a_repeated_key_is_an_error_at_both_places() {
    let findings = parse("{\"a\": 1, \"b\": {\"\\u0061\": 1, \"a\": 2}, \"a\": 3}").unwrap_err();
    assert_eq!(
        findings.iter().map(|d| d.code.id()).collect::<Vec<_>>(),
        ["ROT003", "ROT003"]
    );
    assert_eq!(
        (findings[0].labels[0].span.start, findings[0].span().start),
        (15, 28)
    );
    let many: String = (0..40).map(|i| format!("\"k{}\": 0,", i % 39)).collect();
    assert_eq!(
        parse(&format!("{{{} \"z\": 1}}", many)).unwrap_err().len(),
        1
    );
}

/// Raw bidirectional and invisible characters are errors; their escapes, and the joiners that emoji need, are not.
#[test]
fn invisible_characters_are_errors() {
    for (text, count) in [
        ("[\"a\u{202e}b\"]", 1),
        ("[\"a\\u202eb\"]", 0),
        ("[\"👩\u{200d}💻\"]", 0),
        ("[\"x\u{200b}\"]", 1),
        ("\u{feff}[]", 0),
    ] {
        let found = parse(text).map_or_else(|f| f.len(), |_| 0);
        assert_eq!(found, count, "{}", text.escape_unicode());
    }
}

#[test]
fn trojan_sources_are_seen() {
    let Some(dir) = corpus_dir("trojan-source/JavaScript") else {
        return;
    };
    for entry in std::fs::read_dir(dir).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let quoted = serde_json::to_string(&text).unwrap();
        let found = parse(&quoted).map_or_else(|f| f.len(), |_| 0);
        let deceives =
            |c| matches!(c, '\u{200b}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        assert_eq!(found > 0, text.chars().any(deceives));
    }
}

#[test]
fn places_between_values_belong_to_what_is_around_them() {
    // The pointer of the text between `«»`; a key, and what stands between it and its value, is its member.
    for (marked, pointer) in [
        ("{\"tasks\": [{\"a/b\": «\"x\"»}]}", "/tasks/0/a~1b"),
        ("{\"tasks\": [{«\"a~b\"»: \"x\"}]}", "/tasks/0/a~0b"),
        ("{\"a\": 1, \"n\"«»: [1, 22]}", "/n"),
        ("{\"n\": [1, «22»]}", "/n/1"),
        ("{\"n\": [1, 2«»2]}", "/n/1"),
        ("{\"n\": [«1, 22»]}", "/n"),
        ("{\"n\": [1,«» 22]}", "/n"),
        ("{\"n\": [1, 22 «»]}", "/n"),
        ("{\"n\": «[1, 22»]}", "/n"),
        ("{\"n\": [1], «»\"m\": 2}", "/m"),
        ("{\"n\": [1],«» \"m\": 2}", ""),
        ("«{»\"n\": [1]}", ""),
        ("«{\"n\": [1]}»", ""),
    ] {
        let start = marked.find('«').unwrap();
        let end = marked.find('»').unwrap() - '«'.len_utf8();
        let node = json::parse_text(&marked.replace(['«', '»'], "")).unwrap();
        assert_eq!(
            node.pointer_of(Span::new(FileId::NONE, start, end)),
            pointer,
            "{marked}"
        );
    }
    let node = json::parse_text("{\"a\": [1, {\"b\": 2, \"b\": 3}]}").unwrap();
    for (pointer, value) in [
        ("/a/0", Some(json!(1))),
        ("/a/1/b", Some(json!(3))),
        ("/a/2", None),
        ("/a/x", None),
        ("/b", None),
        ("/a/0/0", None),
    ] {
        assert_eq!(
            node.at_pointer(pointer).map(json::Node::to_value),
            value,
            "{pointer}"
        );
    }
}

/// Any value, with keys that a pointer escapes and strings that JSON does.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[a\\\\\"\né😀]{0,4}".prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let members = prop::collection::hash_map("[a-c~/01\\\\é]{0,3}", inner.clone(), 0..4);
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(Value::from),
            members.prop_map(|members| Value::Object(members.into_iter().collect()))
        ]
    })
}

/// Every node of `node` and `value`, which it was written from: its place holds it, its pointer names it.
fn has_its_place(
    root: &json::Node,
    node: &json::Node,
    value: &Value,
    text: &str,
    pointer: &str,
) -> Result<(), TestCaseError> {
    let written =
        |span: Span| serde_json::from_str::<Value>(&text[span.start as usize..span.end as usize]);
    prop_assert_eq!(&written(node.span).unwrap(), value);
    prop_assert_eq!(&node.to_value(), value);
    prop_assert_eq!(root.pointer_of(node.span), pointer);
    prop_assert_eq!(root.at_pointer(pointer).map(|n| n.span), Some(node.span));
    if let Some(string) = node.as_string() {
        prop_assert_eq!(
            string.inner_span(),
            Span {
                start: node.span.start + 1,
                end: node.span.end - 1,
                ..node.span
            }
        );
    }
    match value {
        Value::Array(values) => {
            prop_assert_eq!(node.items().len(), values.len());
            for (index, (item, value)) in node.items().iter().zip(values).enumerate() {
                has_its_place(root, item, value, text, &format!("{pointer}/{index}"))?;
            }
        }
        Value::Object(members) => {
            prop_assert_eq!(node.members().len(), members.len());
            for (member, (key, value)) in node.members().iter().zip(members) {
                let own = format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
                prop_assert_eq!(written(member.key.span).unwrap(), Value::from(key.as_str()));
                prop_assert_eq!(root.pointer_of(member.key.span), own.as_str());
                prop_assert_eq!(node.get(key).map(|n| n.span), Some(member.value.span));
                prop_assert_eq!(
                    json::layout::members_around(root, member.key.span)
                        .pop()
                        .map(|(o, i)| (o.span, o.members()[i].key.span)),
                    Some((node.span, member.key.span))
                );
                has_its_place(root, &member.value, value, text, &own)?;
            }
        }
        _ => prop_assert!(node.items().is_empty() && node.members().is_empty()),
    }
    Ok(())
}

#[test]
fn numbers_keep_their_digits() {
    let node = json::parse_text("[12345678901234567890123, 1.0, -0]").unwrap();
    let digits: Vec<String> = node
        .items()
        .iter()
        .map(|n| {
            if let NodeKind::Number(raw) = &n.kind {
                raw.clone()
            } else {
                String::new()
            }
        })
        .collect();
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

    /// Places and pointers lead both ways, for every value and key of a document, behind a byte order mark too.
    #[test]
    fn every_value_has_its_place_and_its_pointer(value in value(), pretty in any::<bool>(), before in "\u{feff}?[ \n]{0,2}") {
        let text = format!("{before}{}", if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap());
        let node = json::parse_text(&text).unwrap();
        has_its_place(&node, &node, &value, &text, "")?;
    }

    /// A member or an element that is cut out takes one comma along and nothing else: what is left is the same JSON without it, and
    /// all that stood before and after stands there still. The only one takes the blanks around it along.
    #[test]
    fn what_is_cut_out_of_json_leaves_the_rest(count in 1usize..6, at in 0usize..6, list in any::<bool>(), blanks in "[ \n\t]{0,3}", value in "(1|null|\\[ \\]|\\{\"x\": 2\\})") {
        let at = at % count;
        let one = |i: usize| if list { format!("[{i}, {value}]") } else { format!("\"k{i}\":{blanks}{value}") };
        let (open, close) = if list { ('[', ']') } else { ('{', '}') };
        let text = format!("{open}{blanks}{}{blanks}{close}\n", (0..count).map(one).collect::<Vec<_>>().join(&format!(",{blanks}")));
        let root = json::parse_text(&text).unwrap();
        let cut = if list { json::layout::without_item(&root, at) } else { json::layout::without_member(&root, at) }.unwrap();
        let left = format!("{}{}", &text[..cut.start as usize], &text[cut.end as usize..]);
        let mut wanted: Value = serde_json::from_str(&text).unwrap();
        match &mut wanted {
            Value::Array(items) => drop(items.remove(at)),
            other => drop(other.as_object_mut().unwrap().remove(&format!("k{at}"))),
        }
        prop_assert_eq!(serde_json::from_str::<Value>(&left).unwrap(), wanted);
        prop_assert!((0..count).filter(|i| *i != at).all(|i| left.contains(&one(i))), "{left}");
        prop_assert!(count > 1 || left == format!("{open}{close}\n"), "{left}");
    }

    /// A member that is added behind the last one is the last one, laid out as those before it.
    #[test]
    fn a_member_is_added_behind_the_last(count in 0usize..4, blanks in "[ \n\t]{0,3}", value in "(1|null|\\[ \\]|\\{\"x\": 2\\})") {
        let one = |i: usize| format!("\"k{i}\":{value}");
        let text = |count| format!("{{{}{blanks}}}", (0..count).map(|i| format!("{blanks}{}", one(i))).collect::<Vec<_>>().join(","));
        let old = text(count);
        let (place, before) = json::layout::behind_last(&json::parse_text(&old).unwrap(), &old);
        let new = format!("{}{before}{}{}", &old[..place.start as usize], one(count), &old[place.end as usize..]);
        // Beside one member without blanks stands one blank; in an empty object there is nothing to go by.
        let expected = match count {
            0 => format!("{{{}{blanks}}}", one(0)),
            1 if blanks.is_empty() => format!("{{{}, {}}}", one(0), one(1)),
            _ => text(count + 1),
        };
        prop_assert_eq!(new, expected);
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
