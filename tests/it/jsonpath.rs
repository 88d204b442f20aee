//! JSONPath: the compliance suite of RFC 9535, Conductor's forms, messages, bounds.

use proptest::prelude::*;
use rot::plan::JsonPath;
use rot::plan::path::{Found, PathDialect, PathError, Step};
use serde_json::{Value, json};

const RFC: PathDialect = PathDialect::Rfc9535;
const CONDUCTOR: PathDialect = PathDialect::Conductor;

/// Cases of the suite that differ, by name. Empty: all hold.
const KNOWN: &[&str] = &[];

fn find(text: &str, dialect: PathDialect, document: &Value) -> Result<Value, PathError> {
    let path = JsonPath::parse(text, dialect)?;
    Ok(match path.query(document)? {
        Found::Missing => json!("MISSING"),
        Found::One(value) => value.into_owned(),
        Found::Many(values) => values.into_iter().map(|v| v.into_owned()).collect(),
    })
}

fn at<'a>(document: &'a Value, location: &[Step]) -> &'a Value {
    location.iter().fold(document, |value, step| match step {
        Step::Name(name) => &value[name.as_str()],
        Step::Index(index) => &value[*index],
    })
}

/// RFC 9535 section 2.7.
fn normalized(location: &[Step]) -> String {
    let mut out = String::from("$");
    for step in location {
        match step {
            Step::Index(index) => out.push_str(&format!("[{index}]")),
            Step::Name(name) => {
                out.push_str("['");
                for c in name.chars() {
                    match c {
                        '\u{8}' => out.push_str("\\b"),
                        '\u{c}' => out.push_str("\\f"),
                        '\n' => out.push_str("\\n"),
                        '\r' => out.push_str("\\r"),
                        '\t' => out.push_str("\\t"),
                        '\'' | '\\' => out.extend(['\\', c]),
                        c if c < ' ' => out.push_str(&format!("\\u{:04x}", c as u32)),
                        c => out.push(c),
                    }
                }
                out.push_str("']");
            }
        }
    }
    out
}

#[test]
fn compliance_suite() {
    let corpus = std::env::var("ROT_CORPUS").unwrap_or_else(|_| "../shared/corpus".into());
    let Ok(text) = std::fs::read_to_string(format!("{corpus}/jsonpath-cts/cts.json")) else {
        println!("skipped: no corpus at {corpus}");
        return;
    };
    let suite: Value = serde_json::from_str(&text).unwrap();
    let (mut held, mut failed) = (0, Vec::new());
    for case in suite["tests"].as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        let outcome = run_case(case);
        match outcome {
            Ok(()) => held += 1,
            Err(why) => failed.push(format!("{name}: {}: {why}", case["selector"])),
        }
    }
    println!("{held} cases hold, {} differ", failed.len());
    let unexpected: Vec<_> = failed
        .iter()
        .filter(|f| !KNOWN.iter().any(|k| f.starts_with(k)))
        .collect();
    assert!(unexpected.is_empty(), "{unexpected:#?}");
    assert_eq!(failed.len(), KNOWN.len());
    assert!(held >= 703, "the suite shrank to {held}");
}

fn run_case(case: &Value) -> Result<(), String> {
    let selector = case["selector"].as_str().unwrap();
    let parsed = JsonPath::parse(selector, RFC);
    if case["invalid_selector"] == json!(true) {
        return match parsed {
            Ok(_) => Err("accepted".into()),
            Err(e)
                if e.start <= e.end
                    && e.end <= selector.len()
                    && selector.is_char_boundary(e.start)
                    && selector.is_char_boundary(e.end) =>
            {
                Ok(())
            }
            Err(e) => Err(format!("bad place {}..{}", e.start, e.end)),
        };
    }
    let path = parsed.map_err(|e| format!("refused: {} {:?}", e.message, e.help))?;
    let document = &case["document"];
    let locations = path.locate(document).map_err(|e| e.message)?;
    let found: Value = match path.query(document).map_err(|e| e.message)? {
        Found::Missing => json!([]),
        Found::One(value) => json!([value.into_owned()]),
        Found::Many(values) => values.into_iter().map(|v| v.into_owned()).collect(),
    };
    let at_places: Value = locations.iter().map(|l| at(document, l).clone()).collect();
    if at_places != found {
        return Err("the places do not lead to the values".into());
    }
    let places: Value = locations.iter().map(|l| normalized(l)).collect();
    let right = match (case.get("results"), case.get("results_paths")) {
        (Some(results), paths) => results
            .as_array()
            .unwrap()
            .iter()
            .enumerate()
            .any(|(i, r)| *r == found && paths.is_none_or(|p| p[i] == places)),
        (None, _) => case["result"] == found && case["result_paths"] == places,
    };
    if right {
        Ok(())
    } else {
        Err(format!("found {found} at {places}"))
    }
}

#[test]
fn conductor_forms() {
    let document = json!({
        "a-b": 1, "1num": 2, "$ref": 3, "@type": 4, "é": 5, "x.y": 6, "a b": 7, "no": null, "flag": false,
        "items": [{"id": 1, "name": "one", "k": false}, {"id": 2, "name": "Two", "tags": ["x", "y"]}, {"id": 3}],
        "a": {"b": {"id": 9}}, "headers": {"Content-Type": ["json"]}, "two": [2, 3], "empty": [], "text": "abc",
    });
    let missing = json!("MISSING");
    let rows: Vec<(&str, Value)> = vec![
        ("$.a-b", json!(1)),
        ("a-b", json!(1)),
        ("$.1num", json!(2)),
        ("1num", json!(2)),
        ("$.$ref", json!(3)),
        ("$.@type", json!(4)),
        ("$.é", json!(5)),
        ("é", json!(5)),
        ("$['x.y']", json!(6)),
        ("$[\"x.y\"]", json!(6)),
        ("['a b']", json!(7)),
        ("$.['a b']", json!(7)),
        ("@.a-b", json!(1)),
        ("$.x.y", missing.clone()),
        ("$.nothing", missing.clone()),
        ("$.text.y", missing.clone()),
        ("$.items[7]", missing.clone()),
        ("$.no", json!(null)),
        ("items[0].id", json!(1)),
        ("items[-1].id", json!(3)),
        ("$.items[0:2].id", json!([1, 2])),
        ("$.items[*].id", json!([1, 2, 3])),
        ("$.items[0,2].id", json!([1, 3])),
        ("$.a..id", json!([9])),
        ("$..id", json!([1, 2, 3, 9])),
        ("$.two.*", json!([2, 3])),
        ("$['a-b','flag']", json!({"a-b": 1, "flag": false})),
        ("$['a-b','nothing']", json!({"a-b": 1})),
        ("$.text['a','b']", missing.clone()),
        (
            "$.items[*]['id','name']",
            json!([{"id": 1, "name": "one"}, {"id": 2, "name": "Two"}, {"id": 3}]),
        ),
        (
            "$..['id','name']",
            json!([{"id": 1, "name": "one"}, {"id": 2, "name": "Two"}]),
        ),
        ("$.items.id", missing.clone()),
        ("$.items[?(@.id==1)].name", json!(["one"])),
        ("$.items[?(@.id==8)].name", json!([])),
        ("$.nothing[*]", json!([])),
        ("$.items[?(@.name =~ /t.*/i)].id", json!([2])),
        ("$.items[?(@.name =~ /t.*/)].id", json!([])),
        ("$.items[?(@.name =~ /w/)].id", json!([])),
        ("$.items[?(@.name in ['one','three'])].id", json!([1])),
        ("$.items[?(@.name in [])].id", json!([])),
        ("$.items[?(@.name nin ['one'])].id", json!([2, 3])),
        ("$.items[?(@.name contains 'w')].id", json!([2])),
        ("$.items[?(@.tags contains 'y')].id", json!([2])),
        ("$.items[?(@.tags size 2)].id", json!([2])),
        ("$.items[?(@.tags empty false)].id", json!([2])),
        ("$.items[?(@.tags anyof ['y','z'])].id", json!([2])),
        ("$.items[?(@.tags noneof ['z'])].id", json!([2])),
        ("$.items[?(@.tags subsetof ['x','y','z'])].id", json!([2])),
        ("$.items[?(@.name == null)].id", json!([3])),
        ("$.items[?(@.name != null)].id", json!([1, 2])),
        ("$.two.max()", json!(3.0)),
        ("$.two.min()", json!(2.0)),
        ("$.two.sum()", json!(5.0)),
        ("$.two.avg()", json!(2.5)),
        ("$.two.stddev()", json!(0.5)),
        ("$.empty.sum()", missing.clone()),
        ("$.a.keys()", json!(["b"])),
        ("$.two.first()", json!(2)),
        ("$.two.last()", json!(3)),
        ("$.two.index(1)", json!(3)),
        ("$.two.index(-2)", json!(2)),
        ("$.two.append(9)", json!([2, 3, 9])),
        (r#"$.a.concat("x","y")"#, json!("xy")),
        ("$.a.concat('x','y')", json!("")),
        ("$.items[*].length()", json!([3, 3, 1])),
        ("$.items[?(@.k)].id", json!([1])),
        ("$.items[?(!@.k)].id", json!([2, 3])),
        ("$.items[?(@.tags.length() == 2)].id", json!([2])),
        (
            "$.items[?(@.id > 1 && @.id < 3 || @.id == 1)].id",
            json!([1, 2]),
        ),
        ("$.items.length()", json!(3)),
        ("items.length()", json!(3)),
        ("$.empty.length()", json!(0)),
        ("$.text.length()", missing.clone()),
        ("$.headers.Content-Type[0]", json!("json")),
        ("$.headers.content-type[0]", missing),
        ("$.a-b ", json!(1)),
        ("$", document.clone()),
    ];
    for (text, wanted) in rows {
        let found = find(text, CONDUCTOR, &document)
            .unwrap_or_else(|e| panic!("{text}: {} {:?}", e.message, e.help));
        assert_eq!(found, wanted, "{text}");
    }
}

#[test]
fn messages() {
    let rows = [
        (RFC, ""),
        (RFC, "  "),
        (RFC, " $.a"),
        (RFC, "$.a "),
        (RFC, "a.b"),
        (RFC, ".a"),
        (RFC, "@.a"),
        (RFC, "[0]"),
        (RFC, "$."),
        (RFC, "$.."),
        (RFC, "$...a"),
        (RFC, "$.a["),
        (RFC, "$.a]"),
        (RFC, "$.a[01]"),
        (RFC, "$.a[-0]"),
        (RFC, "$.a[9007199254740992]"),
        (RFC, "$['a"),
        (RFC, "$['a\\x']"),
        (RFC, "$['\\ud800']"),
        (RFC, "$.a.to ken.b"),
        (RFC, "$.a-b.c"),
        (RFC, "$..1a"),
        (RFC, "$.['a']"),
        (RFC, "$.items.length()"),
        (RFC, "$.items.sum()"),
        (RFC, "$.f(1)"),
        (RFC, "$[(@.length-1)]"),
        (RFC, "$[(@.x)]"),
        (RFC, "$[?@.a = 1]"),
        (RFC, "$[?@.a == 1 & @.b]"),
        (RFC, "$[?@.a =~ /x.y/]"),
        (RFC, "$.k[?(@.n in ['a', 'b'])].v"),
        (RFC, "$[?@.n nin [1,2]]"),
        (RFC, "$[?@.a contains 'x']"),
        (RFC, "$[?@.a like 'x']"),
        (RFC, "$[?@.* == 1]"),
        (RFC, "$[?'x']"),
        (RFC, "$[?length(@.a)]"),
        (RFC, "$[?match(@.a, 'x') == true]"),
        (RFC, "$[?lenght(@.a) > 1]"),
        (RFC, "$[?length(@.a, @.b) > 1]"),
        (RFC, "$[?count('x') > 1]"),
        (RFC, "$[?match(@.a, '(a')]"),
        (RFC, "$[?match(@.a, '(a{1000}){1000}')]"),
        (RFC, "$[?length(@.a && @.b) > 1]"),
        (RFC, "$[?@.a.length() > 1]"),
        (RFC, "$[?@.a == 01]"),
        (RFC, "$[?]"),
        (RFC, "$['a',]"),
        (RFC, "$.é b"),
        (CONDUCTOR, "$.a b"),
        (CONDUCTOR, " $.a"),
        (CONDUCTOR, "$.items[(@.length-1)]"),
        (CONDUCTOR, "$.items.keys(1)"),
        (CONDUCTOR, "$.items.tail()"),
        (CONDUCTOR, "$.items[*].sum()"),
        (CONDUCTOR, "$.items[::2]"),
        (CONDUCTOR, "$.items[?@.a == 1]"),
        (CONDUCTOR, "$.items[?(@.a in $.b)]"),
        (CONDUCTOR, "$[?(@.a startsWith 'x')]"),
        (CONDUCTOR, ".a"),
        (CONDUCTOR, "$ref"),
        (CONDUCTOR, "$[?(@.a =~ /x/g)]"),
        (CONDUCTOR, "$[?(@.a =~ /(/)]"),
        (CONDUCTOR, "$[?(@.a subsetof @.b)]"),
    ];
    let mut out = String::new();
    for (dialect, text) in rows {
        let error = JsonPath::parse(text, dialect).expect_err(text);
        let marks: String = text
            .char_indices()
            .map(|(i, _)| {
                if (error.start..error.end).contains(&i) {
                    '^'
                } else {
                    ' '
                }
            })
            .collect();
        let marks = if error.start == error.end {
            format!("{}^", " ".repeat(text.chars().count()))
        } else {
            marks
        };
        out.push_str(&format!(
            "{dialect:?}\n  {text}\n  {}\n  {}\n",
            marks.trim_end(),
            error.message
        ));
        if let Some(help) = &error.help {
            out.push_str(&format!("  help: {help}\n"));
        }
        out.push('\n');
    }
    insta::assert_snapshot!(out);
}

/// What a help text tells to write is valid, and finds what the Conductor form finds.
#[test]
fn corrections_are_right() {
    let document =
        json!({"k": [{"n": "a", "v": 1, "x y": 3}, {"n": "b", "v": 2}], "a-b": 1, "x y": 2});
    for text in [
        "k[0].v",
        "$.a-b",
        "$..a-b",
        "$.['k']",
        "$.k[?(@.n in ['a','c'])].v",
        "$.k[?(@.n nin ['a'])].v",
        "$.k[?(@.n =~ /[ac]/)].v",
    ] {
        let error = JsonPath::parse(text, RFC).expect_err(text);
        let help = error.help.unwrap();
        let mended = help
            .strip_prefix("write `")
            .and_then(|h| h.strip_suffix('`'))
            .unwrap_or_else(|| panic!("{text}: {help}"));
        assert_eq!(
            find(mended, RFC, &document).unwrap(),
            find(text, CONDUCTOR, &document).unwrap(),
            "{text} → {mended}"
        );
    }
    let error = JsonPath::parse("$.k[0].x y", RFC).unwrap_err();
    assert_eq!(error.help.unwrap(), "write `$.k[0]['x y']`");
}

#[test]
fn definite() {
    for (text, wanted) in [
        ("$", true),
        ("$.a", true),
        ("$['a'][0].b", true),
        ("$[-1]", true),
        ("$.*", false),
        ("$..a", false),
        ("$[0,1]", false),
        ("$[0:1]", false),
        ("$[?@.a]", false),
        ("$['a','b']", false),
    ] {
        assert_eq!(
            JsonPath::parse(text, RFC).unwrap().is_definite(),
            wanted,
            "{text}"
        );
    }
    assert!(
        !JsonPath::parse("$.a.length()", CONDUCTOR)
            .unwrap()
            .is_definite()
    );
}

#[test]
fn places() {
    let document = json!({"a": [{"n": 1}, {"n": 2}], "b": {"c": null}});
    let places = |text: &str, dialect| {
        JsonPath::parse(text, dialect)
            .unwrap()
            .locate(&document)
            .unwrap()
    };
    let name = |n: &str| Step::Name(n.into());
    assert_eq!(places("$.b.c", RFC), vec![vec![name("b"), name("c")]]);
    assert_eq!(
        places("$.a[-1].n", RFC),
        vec![vec![name("a"), Step::Index(1), name("n")]]
    );
    assert_eq!(places("$.x", RFC), Vec::<Vec<Step>>::new());
    assert_eq!(
        places("$.a[?@.n > 1]", RFC),
        vec![vec![name("a"), Step::Index(1)]]
    );
    assert_eq!(
        places("$['a','b']", CONDUCTOR),
        vec![vec![name("a")], vec![name("b")]]
    );
    assert_eq!(places("$.a.length()", CONDUCTOR), Vec::<Vec<Step>>::new());
}

/// Conditions that jsonpath-rust alone gets wrong.
#[test]
fn filters_beyond_the_engine() {
    let document = json!({
        "l": [[0], [1, 2], [3]], "limit": 2, "name": {"'q'": 1},
        "o": [{"c": {"x": 1}, "z": 1}, {"c": {}, "z": 0}, {"d": {"x": 5}, "z": 1}],
    });
    for (text, wanted) in [
        ("$.l[?@[?@ > 1]]", json!([[1, 2], [3]])),
        ("$.l[?count(@[?@ > $.limit]) == 1]", json!([[3]])),
        ("$.l[?count(@.*) == 2]", json!([[1, 2]])),
        ("$.o[?count(@.c.x) == 0].z", json!([0, 1])),
        ("$.o[?count(@.c.*) == @.z].z", json!([1, 0])),
        ("$.o[?value(@..x) == 5].d", json!([{"x": 5}])),
        ("$.o[?value(@.c[?@ == 1]) == 1].z", json!([1])),
        ("$.o[?value(@['c','d']) == $.o[2].d].z", json!([1])),
        ("$.l[?@[0] < $.limit][0]", json!([0, 1])),
        ("$.o[?!(@.c && @.z == 1)].z", json!([0, 1])),
        ("$.o[?$.limit].z", json!([1, 0, 1])),
        ("$.o[?$.nothing].z", json!([])),
        ("$.name[\"'q'\"]", json!(1)),
        ("$.o[?length(value(@..c)) == 1].z", json!([1])),
    ] {
        assert_eq!(
            find(text, RFC, &document).unwrap_or_else(|e| panic!("{text}: {}", e.message)),
            wanted,
            "{text}"
        );
    }
}

#[test]
fn bounds() {
    let deep = |n: usize| format!("$[?{}@.a{}]", "(".repeat(n), ")".repeat(n));
    assert!(JsonPath::parse(&deep(63), RFC).is_ok());
    assert!(
        JsonPath::parse(&deep(64), RFC)
            .unwrap_err()
            .message
            .contains("nested deeper")
    );
    assert!(
        JsonPath::parse(&deep(4000), RFC)
            .unwrap_err()
            .message
            .contains("nested deeper")
    );
    let nots = format!("$[?{}@.a]", "!(".repeat(40) + &")".repeat(0));
    assert!(JsonPath::parse(&nots, RFC).is_err());
    assert!(JsonPath::parse(&format!("${}", ".a".repeat(4999)), RFC).is_ok());
    assert!(
        JsonPath::parse(&format!("${}", ".a".repeat(5000)), RFC)
            .unwrap_err()
            .message
            .contains("longer than")
    );
    // 60 levels, each with ten members: stacked descents would visit tens of millions.
    let mut document = json!(1);
    for _ in 0..60 {
        document = json!({"a": document, "b": [1, 2, 3, 4, 5, 6, 7, 8]});
    }
    for text in [
        "$..*..*..*..*",
        "$..[?@..*..*]",
        "$..[?count(@..*..*..*) > 1]",
        "$..[?@..[?@..[?@..*]]]",
    ] {
        let error = JsonPath::parse(text, RFC)
            .unwrap()
            .query(&document)
            .expect_err(text);
        assert!(
            error.message.starts_with("too many values"),
            "{}",
            error.message
        );
    }
    let wide: Value = (0..40_000).collect();
    let path = JsonPath::parse("$[?@ > 39998]", RFC).unwrap();
    assert_eq!(
        path.query(&wide).unwrap(),
        Found::Many(vec![std::borrow::Cow::Owned(json!(39999))])
    );
}

#[test]
fn as_text() {
    let rfc = JsonPath::parse("$.a", RFC).unwrap();
    assert_eq!(serde_json::to_value(&rfc).unwrap(), json!("$.a"));
    let conductor = JsonPath::parse("$.a", CONDUCTOR).unwrap();
    assert_ne!(rfc, conductor);
    for path in [rfc, conductor, JsonPath::parse("a.b-c", CONDUCTOR).unwrap()] {
        let text = serde_json::to_string(&path).unwrap();
        assert_eq!(serde_json::from_str::<JsonPath>(&text).unwrap(), path);
    }
    assert!(serde_json::from_str::<JsonPath>("\"$.a[\"").is_err());
    assert!(serde_json::from_str::<JsonPath>("\"a.b\"").is_err());
}

proptest! {
    /// Plain paths are read without the grammar; in brackets the same names go through it.
    #[test]
    fn plain_paths_are_read_as_the_grammar_reads_them(names in proptest::collection::vec("[A-Za-z_][A-Za-z0-9_]{0,8}", 0..5)) {
        let document = names.iter().rev().fold(json!({ "leaf": [1] }), |inner, name| json!({ name: inner, "other": 2 }));
        let plain: String = names.iter().map(|name| format!(".{name}")).collect();
        let quoted: String = names.iter().map(|name| format!("['{name}']")).collect();
        for dialect in [RFC, CONDUCTOR] {
            let (plain, quoted) = (format!("${plain}"), format!("${quoted}"));
            prop_assert_eq!(find(&plain, dialect, &document), find(&quoted, dialect, &document));
            let (plain, quoted) = (JsonPath::parse(&plain, dialect).unwrap(), JsonPath::parse(&quoted, dialect).unwrap());
            prop_assert_eq!(plain.keys(), quoted.keys());
            prop_assert_eq!(plain.locate(&document).unwrap(), quoted.locate(&document).unwrap());
        }
    }

    /// No text makes the parser panic, and each place lies in the text.
    #[test]
    fn any_text_is_read_or_refused(text in "[$@.\\[\\]()'\"?*:,=<>!&|~/ \\\\a-c0-2é-]{0,24}") {
        for dialect in [RFC, CONDUCTOR] {
            match JsonPath::parse(&text, dialect) {
                Ok(path) => {
                    let _ = path.query(&json!({"a": [{"b": 1}, [2, {"c": null}]], "b": {"a": "x"}}));
                }
                Err(e) => {
                    prop_assert!(e.start <= e.end && e.end <= text.len());
                    prop_assert!(text.is_char_boundary(e.start) && text.is_char_boundary(e.end));
                }
            }
        }
    }

    /// What RFC 9535 allows, Conductor's dialect reads too, filters in parentheses.
    #[test]
    fn conductor_takes_all_of_the_rfc(parts in prop::collection::vec("\\.[a-c]|\\[[0-2]\\]|\\['[a-c ]'\\]|\\.\\*|\\.\\.[a-c]|\\[0:2\\]|\\[\\?\\(@\\.[a-c] [=<>]= 1\\)\\]", 0..5)) {
        let text = format!("${}", parts.concat());
        prop_assert!(JsonPath::parse(&text, RFC).is_ok(), "{}", text);
        prop_assert!(JsonPath::parse(&text, CONDUCTOR).is_ok(), "{}", text);
    }
}
