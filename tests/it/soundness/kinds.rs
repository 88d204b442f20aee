//! The kinds of flow that were once missed, each with what must be found; and shapes of text that once took long.

use super::{codes, read};
use rot::check::{Options, check};
use std::time::Instant;

/// Programs within `rotation r { … }` under two secrets, each with a code that must be among the findings, or none at all.
const KINDS: &[(&str, &str, Option<&str>)] = &[
    // Whether something that was computed is there tells as much as it does.
    (
        "presence of a result",
        "log \"${text(is_set(jq(\"select(startswith(\\\"a\\\"))\", secrets.key)[0]))}\"",
        Some("ROT301"),
    ),
    (
        "presence of a part",
        "log \"${text(is_set(split(secrets.key, \"-\")[1]))}\"",
        Some("ROT301"),
    ),
    (
        "presence by way of a name",
        "let found = split(secrets.key, \"-\")[1]\n  when is_set(found) { log \"two\" }",
        Some("ROT312"),
    ),
    (
        "presence of what a branch brings",
        "when secrets.key == \"guess\" { http s GET \"https://c.example.com/x\" { public p = body $.p optional } }\n  log \"${text(is_set(s.p))}\"",
        Some("ROT312"),
    ),
    (
        "presence of a secret",
        "log \"${text(is_set(secrets.key))}\"",
        None,
    ),
    (
        "presence of a secret decides",
        "when is_set(secrets.key) { log \"there\" }",
        None,
    ),
    // What an answer is compared with decides whether there is more.
    (
        "expected equal",
        "http GET \"https://c.example.com/x\" { expect body $.p == secrets.key }\n  log \"on\"",
        Some("ROT312"),
    ),
    (
        "expected below",
        "http GET \"https://c.example.com/x\" { expect body $.p <= secrets.key }\n  log \"on\"",
        Some("ROT312"),
    ),
    (
        "expected header",
        "http GET \"https://c.example.com/x\" { expect header \"X\" != secrets.key }\n  http GET \"https://c.example.com/y\"",
        Some("ROT313"),
    ),
    (
        "expected of a credential",
        "http s POST \"https://a.example.com/x\" issues additive { bearer secrets.key expect body $.v <= \"m\" secret v = body $.v }\n  log \"low\"",
        Some("ROT312"),
    ),
    (
        "expected that a credential is there",
        "http s POST \"https://a.example.com/x\" issues additive { bearer secrets.key expect body $.v != null secret v = body $.v }\n  log \"on\"",
        None,
    ),
    (
        "expected of the public",
        "http GET \"https://c.example.com/x\" { expect body $.p == \"hello\" }\n  log \"on\"",
        None,
    ),
    (
        "tried again",
        "http GET \"https://c.example.com/x\" reads { retry 3 every 1s expect body $.p == secrets.key }",
        Some("ROT313"),
    ),
    (
        "polled",
        "verify within 1m every 5s {\n    http GET \"https://c.example.com/x\"\n    http GET \"https://b.example.com/y\" { bearer secrets.other expect body $.p == secrets.key }\n  }",
        Some("ROT313"),
    ),
    // What fails, and what follows from that.
    (
        "failed under a condition",
        "when secrets.key == \"guess\" { fail \"no\" }\n  on failure { log \"it was so\" }",
        Some("ROT312"),
    ),
    (
        "failed by an expectation",
        "http GET \"https://c.example.com/x\" { expect body $.p == secrets.key }\n  on failure { http GET \"https://c.example.com/y\" }",
        Some("ROT313"),
    ),
    (
        "failed for all to see",
        "http GET \"https://c.example.com/x\" { expect body $.p == \"hello\" }\n  on failure { log \"it failed\" }",
        None,
    ),
    (
        "the reason",
        "when input.word == \"x\" { fail \"because ${secrets.key}\" }\n  on failure { log run.reason }",
        Some("ROT301"),
    ),
    // When something happens.
    (
        "waited by a secret",
        "wait until time(secrets.key)\n  log \"now\"",
        Some("ROT312"),
    ),
    (
        "waited under a condition",
        "when secrets.key == \"guess\" { wait 1h }\n  log \"now\"",
        Some("ROT312"),
    ),
    ("waited", "wait 5s\n  log \"now\"", None),
    // What a condition brings to another rotation.
    (
        "called under a condition",
        "when secrets.key == \"guess\" { call c = speaks { } }",
        Some("ROT312"),
    ),
    (
        "a called rotation fails",
        "call c = fails { x: secrets.key }\n  log \"on\"",
        Some("ROT312"),
    ),
    ("called", "call c = speaks { }\n  log \"on\"", None),
];

#[test]
fn the_kinds_that_were_missed_are_found() {
    let mut wrong = Vec::new();
    for (name, body, wanted) in KINDS {
        let text = format!(
            "secret key to \"a.example.com\"\nsecret other to \"b.example.com\"\n\n\
             rotation speaks {{\n  log \"hi\"\n}}\n\
             rotation fails {{\n  input x: string\n  when input.x == \"guess\" {{ fail \"no\" }}\n}}\n\
             rotation r {{\n  input word: string = \"hello\"\n  {body}\n}}\n"
        );
        let mut found = codes(&text);
        found.retain(|c| !matches!(c.as_str(), "ROT316" | "ROT320"));
        let right = match wanted {
            // The called rotation has a finding of its own.
            Some(code) => {
                let own = usize::from(body.contains("fails {"));
                found.iter().filter(|c| c == code).count() > own
            }
            None => found.is_empty(),
        };
        if !right {
            wrong.push(format!(
                "{name}: wanted {wanted:?}, found {found:?}\n{text}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n----\n"));
}

/// Texts of `n` like statements, in the shapes that make labels large.
fn shapes(n: usize) -> Vec<(&'static str, String)> {
    let chain = |first: &str, next: &dyn Fn(usize) -> String| -> String {
        let mut lines = vec![format!("  let v0 = {first}")];
        lines.extend((1..n).map(|i| format!("  let v{i} = {}", next(i - 1))));
        lines.push(format!("  log \"${{json(v{})}}\"", n - 1));
        lines.join("\n")
    };
    let all: Vec<(&str, String)> = vec![
        (
            "objects of two each",
            chain("{ x: secrets.key, y: secrets.other }", &|i| {
                format!("{{ x: v{i}, y: v{i} }}")
            }),
        ),
        (
            "objects within objects",
            chain("{ x: secrets.key }", &|i| {
                format!("{{ x: v{i}, y: \"a\" }}")
            }),
        ),
        (
            "lists of two each",
            chain("[secrets.key, secrets.other]", &|i| format!("[v{i}, v{i}]")),
        ),
        (
            "texts of two each",
            chain("secrets.key", &|i| {
                format!("sha256(\"${{v{i}}}${{v{i}}}\")")
            }),
        ),
        (
            "alternatives",
            chain("{ x: secrets.key }", &|i| {
                format!("(v{i} ?? {{ y: v{i} }})")
            }),
        ),
        (
            "members of one object",
            format!(
                "  let all = {{ {} }}\n  log \"${{json(all)}}\"",
                (0..n)
                    .map(|i| format!("m{i}: secrets.key"))
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
        ),
        (
            "conditions behind each other",
            (0..n)
                .map(|i| format!("  when secrets.key == \"{i}\" {{ stop \"x\" }}"))
                .collect::<Vec<_>>()
                .join("\n"),
        ),
        (
            "waits behind each other",
            (0..n)
                .map(|_| "  wait until time(secrets.key)\n  log \"on\"".to_owned())
                .collect::<Vec<_>>()
                .join("\n"),
        ),
        (
            "expectations behind each other",
            (0..n)
                .map(|_| {
                    "  http GET \"https://c.example.com/x\" { expect body $.p == secrets.key }"
                        .to_owned()
                })
                .collect::<Vec<_>>()
                .join("\n"),
        ),
    ];
    all.into_iter()
        .map(|(name, body)| {
            (
                name,
                format!(
                    "secret key to \"a.example.com\"\nsecret other to \"b.example.com\"\nrotation r {{\n{body}\n}}\n"
                ),
            )
        })
        .collect()
}

/// Four times the text takes about four times as long: far from the sixteen of what is quadratic, and from what never ends.
#[test]
#[ignore = "measures time: run it alone, on a machine that does nothing else"]
fn labels_take_time_that_is_linear_in_the_text() {
    let time = |text: &str| {
        let (plan, _) = read(text);
        (0..3)
            .map(|_| {
                let begun = Instant::now();
                let _ = check(&plan, &Options::default());
                begun.elapsed()
            })
            .min()
            .unwrap_or_default()
    };
    for ((name, small), (_, large)) in shapes(500).into_iter().zip(shapes(2_000)) {
        let (one, four) = (time(&small), time(&large));
        println!(
            "{name}: {one:?} for {} bytes, {four:?} for {}",
            small.len(),
            large.len()
        );
        // What is too short to measure is not measured.
        let limit = one.max(std::time::Duration::from_millis(4)) * 10;
        assert!(four < limit, "{name}: {one:?}, then {four:?}");
    }
}
