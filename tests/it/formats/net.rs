//! Redaction: every spelling, every split, overlapping values, against a naive reference.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use proptest::prelude::*;
use rot::report::redact::MASK;
use rot::report::{RedactingWriter, Redactor, visible};
use rot::vault::Secret;
use std::io::Write;

fn knowing(values: &[&str]) -> Redactor {
    let redactor = Redactor::new();
    values
        .iter()
        .for_each(|v| redactor.register(&Secret::from_text(v)));
    redactor
}

fn streamed(redactor: &Redactor, chunks: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    {
        let mut writer = RedactingWriter::new(&mut out, redactor.clone());
        for chunk in chunks {
            writer.write_all(chunk).unwrap();
        }
        writer.finish().unwrap();
    }
    out
}

/// A value with everything that encoders treat in their own way.
const VALUE: &str = "p/ss'w+rd \"<&>\u{1b}é\\=~?";

/// How the value may be spelled.
fn spellings(value: &str) -> Vec<(&'static str, String)> {
    let json = serde_json::to_string(value).unwrap();
    let json = json[1..json.len() - 1].to_owned();
    let percent = |keep: &[u8], space: &str, upper: bool| -> String {
        let one = |b: u8| match b {
            b' ' => space.to_owned(),
            b if b.is_ascii_alphanumeric() || keep.contains(&b) => char::from(b).to_string(),
            b if upper => format!("%{b:02X}"),
            b => format!("%{b:02x}"),
        };
        value.bytes().map(one).collect()
    };
    let hex = |upper: bool| -> String {
        value
            .bytes()
            .map(|b| {
                if upper {
                    format!("{b:02X}")
                } else {
                    format!("{b:02x}")
                }
            })
            .collect()
    };
    let escaped = |c: char| {
        c.encode_utf16(&mut [0; 2])
            .iter()
            .map(|unit| format!("\\u{unit:04x}"))
            .collect()
    };
    let ascii_json: String = json
        .chars()
        .map(|c| {
            if c.is_ascii() {
                c.to_string()
            } else {
                escaped(c)
            }
        })
        .collect();
    let debug = format!("{value:?}");
    vec![
        ("raw", value.to_owned()),
        ("json", json.clone()),
        ("json with escaped slashes", json.replace('/', "\\/")),
        ("json in ascii", ascii_json),
        (
            "json as Go writes it",
            json.replace('<', "\\u003c")
                .replace('>', "\\u003e")
                .replace('&', "\\u0026"),
        ),
        ("percent", percent(b"-_.~", "%20", true)),
        ("percent, lower", percent(b"-_.~", "%20", false)),
        ("form", percent(b"*-._", "+", true)),
        ("encodeURIComponent", percent(b"-_.!~*'()", "%20", true)),
        ("encodeURI", percent(b"-_.!~*'();/?:@&=+$,#", "%20", true)),
        ("hex", hex(false)),
        ("HEX", hex(true)),
        (
            "html text",
            value
                .replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('>', "&gt;"),
        ),
        (
            "html attribute",
            value
                .replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('>', "&gt;")
                .replace('"', "&quot;")
                .replace('\'', "&#39;"),
        ),
        ("debug", debug[1..debug.len() - 1].to_owned()),
        (
            "debug of bytes",
            format!("{:?}", value.as_bytes())
                .trim_matches(['[', ']'])
                .to_owned(),
        ),
        ("shell", value.replace('\'', r"'\''")),
        ("visible", visible(value).into_owned()),
        ("base64", STANDARD.encode(value)),
        ("base64 for URLs", URL_SAFE.encode(value)),
    ]
}

#[test]
fn every_spelling_is_found() {
    let redactor = knowing(&[VALUE]);
    for (name, spelling) in spellings(VALUE) {
        let text = format!("before[{spelling}]after");
        assert_eq!(
            redactor.redact(&text),
            format!("before[{MASK}]after"),
            "{name}: {text}"
        );
    }
}

#[test]
fn every_split_of_every_spelling_is_found() {
    let redactor = knowing(&[VALUE]);
    let text: String = spellings(VALUE)
        .into_iter()
        .map(|(name, spelling)| format!("{name}: [{spelling}]\n"))
        .collect();
    let expected = redactor.redact(&text).into_owned();
    let bytes = text.as_bytes();
    for at in 0..=bytes.len() {
        let (first, second) = bytes.split_at(at);
        assert_eq!(
            String::from_utf8(streamed(&redactor, &[first, second])).unwrap(),
            expected,
            "split at {at}"
        );
    }
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(
        String::from_utf8(streamed(&redactor, &single)).unwrap(),
        expected
    );
}

#[test]
fn base64_of_a_text_around_the_value_hides_it_at_every_offset() {
    let value = "Tr0ub4dor&3-correct-horse";
    let redactor = knowing(&[value]);
    for before in 0..30 {
        for after in 0..4 {
            let whole = format!("{}{value}{}", "u".repeat(before), "z".repeat(after));
            for encoded in [STANDARD.encode(&whole), URL_SAFE.encode(&whole)] {
                let redacted = redactor.redact(&encoded);
                assert!(redacted.contains(MASK), "{before} {after}: {redacted}");
                // What is left can hold the neighbours and less than one character of each edge.
                let left = redacted.replace(MASK, "").trim_end_matches('=').len();
                assert!(
                    left <= (before + after) * 4 / 3 + 5,
                    "{before} {after}: {redacted}"
                );
            }
        }
    }
}

#[test]
fn lines_of_a_long_value_are_found_one_by_one() {
    let key =
        "-----BEGIN KEY-----\r\nMIIEvQIBADANBgkq\nshort\nhkiG9w0BAQEFAASC\n-----END KEY-----\n";
    let redactor = knowing(&[key]);
    assert_eq!(
        redactor.redact("log: hkiG9w0BAQEFAASC, MIIEvQIBADANBgkq; short"),
        "log: ***, ***; short"
    );
    assert_eq!(redactor.redact(key.trim_end()), MASK);
    assert_eq!(
        redactor.redact(&key.trim_end().replace('\n', "\\n").replace('\r', "\\r")),
        MASK
    );
}

#[test]
fn short_values_are_found_as_whole_tokens_only() {
    let redactor = knowing(&["12345", "a-b"]);
    assert_eq!(
        redactor.redact("12345 x12345 123456 (12345) 12345é a-b a-bc"),
        "*** x12345 123456 (***) 12345é *** a-bc"
    );
    assert_eq!(redactor.redact("12345"), MASK);
}

#[test]
fn nothing_registered_changes_nothing() {
    let redactor = Redactor::new();
    redactor.register(&Secret::from_text(""));
    assert!(redactor.is_empty());
    assert!(matches!(
        redactor.redact("text"),
        std::borrow::Cow::Borrowed("text")
    ));
    assert_eq!(streamed(&redactor, &[b"te", b"xt"]), b"text");
}

#[test]
fn clones_share_values_and_late_ones_count_from_then_on() {
    let redactor = Redactor::new();
    let mut out = Vec::new();
    {
        let mut writer = RedactingWriter::new(&mut out, redactor.clone());
        writer.write_all(b"the value late-value then ").unwrap();
        redactor.clone().register(&Secret::from_text("late-value"));
        writer.write_all(b"late-value").unwrap();
    }
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "the value late-value then ***"
    );
}

#[test]
fn bytes_that_are_no_text_are_found_raw_and_encoded() {
    let bytes = [0xff, 0x00, 0x80, 0xfe, 0x10, 0x22, 0x7f];
    let redactor = Redactor::new();
    redactor.register(&Secret::new(bytes.to_vec()));
    let raw = [b"x=".as_slice(), &bytes, b";"].concat();
    assert_eq!(streamed(&redactor, &[&raw]), b"x=***;");
    assert_eq!(redactor.redact("ff0080fe10227f"), MASK);
    assert_eq!(redactor.redact(&STANDARD.encode(bytes)), MASK);
    assert_eq!(redactor.redact("[255, 0, 128, 254, 16, 34, 127]"), "[***]");
}

/// Every byte of every raw occurrence is covered; each maximal run becomes one mask.
fn naive(values: &[String], text: &str) -> String {
    let bytes = text.as_bytes();
    let joins = |b: Option<&u8>| {
        b.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_' || !b.is_ascii())
    };
    let mut covered = vec![false; bytes.len()];
    for value in values
        .iter()
        .map(|v| v.as_bytes())
        .filter(|v| !v.is_empty())
    {
        for at in 0..bytes.len() {
            if !bytes[at..].starts_with(value) {
                continue;
            }
            let end = at + value.len();
            let left = at.checked_sub(1).and_then(|i| bytes.get(i));
            let touches = (joins(left) && joins(value.first()))
                || (joins(value.last()) && joins(bytes.get(end)));
            if value.len() >= 6 || !touches {
                covered[at..end].fill(true);
            }
        }
    }
    let mut out = Vec::new();
    for (i, byte) in bytes.iter().enumerate() {
        if !covered[i] {
            out.push(*byte);
        } else if i == 0 || !covered[i - 1] {
            out.extend_from_slice(MASK.as_bytes());
        }
    }
    String::from_utf8(out).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Values over few letters overlap, nest and are prefixes of each other.
    #[test]
    fn overlapping_nested_and_prefix_values_agree_with_the_naive_reference(
        values in prop::collection::vec("[ab-]{1,9}", 1..6),
        text in "[ab -]{0,60}",
        cuts in prop::collection::vec(0usize..61, 0..8),
    ) {
        // A value with blanks or quotes around it has further forms; these have none.
        let redactor = knowing(&values.iter().map(String::as_str).collect::<Vec<_>>());
        let expected = naive(&values, &text);
        prop_assert_eq!(redactor.redact(&text), expected.as_str());
        let mut cuts: Vec<usize> = cuts.into_iter().map(|c| c.min(text.len())).collect();
        cuts.sort_unstable();
        let mut chunks = Vec::new();
        let mut at = 0;
        for cut in cuts {
            chunks.push(&text.as_bytes()[at..cut]);
            at = cut;
        }
        chunks.push(&text.as_bytes()[at..]);
        prop_assert_eq!(String::from_utf8(streamed(&redactor, &chunks)).unwrap(), expected);
    }

    /// No spelling of any value survives, whatever stands around it.
    #[test]
    fn any_value_in_any_spelling_is_gone(value in "\\PC{6,20}", around in "[a-z ]{0,6}") {
        let redactor = knowing(&[&value]);
        for (name, spelling) in spellings(&value) {
            let redacted = redactor.redact(&format!("{around}[{spelling}]{around}")).into_owned();
            prop_assert!(!redacted.contains(&spelling), "{} of {:?}: {}", name, value, redacted);
        }
    }
}
