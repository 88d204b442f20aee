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
        (
            "Gson",
            each(&json, "<>&='", |c| format!("\\u{:04x}", c as u32)),
        ),
        (
            ".NET",
            each(&json, "<>&'+`", |c| format!("\\u{:04X}", c as u32)),
        ),
        ("html, three digits", html(value, "&#039;")),
        ("html, hexadecimal", html(value, "&#x27;")),
        (
            "numeric entities",
            value.chars().map(|c| format!("&#{};", c as u32)).collect(),
        ),
        (
            "hexadecimal entities",
            value
                .chars()
                .map(|c| format!("&#x{:X};", c as u32))
                .collect(),
        ),
        ("html twice", html(&html(value, "&#39;"), "&#39;")),
        ("json in json", quoted(&json)),
        ("json in json in json", quoted(&quoted(&json))),
        (
            "percent twice",
            percent(b"-_.~", "%20", true).replace('%', "%25"),
        ),
        (
            "percent thrice",
            percent(b"-_.~", "%20", true).replace('%', "%2525"),
        ),
        ("percent in json", quoted(&percent(b"-_.~", "%20", true))),
        ("json in a URL", json_in_url(&json)),
        ("html in json", quoted(&html(value, "&#39;"))),
        ("SQL", value.replace('\'', "''")),
        ("CSV", value.replace('"', "\"\"")),
        ("printf", value.replace('%', "%%")),
        ("shell with two quotes", value.replace('\'', "'\"'\"'")),
        ("hex with colons", separated(value, ":", "")),
        ("hex with blanks", separated(value, " ", "")),
        ("hex with dashes", separated(value, "-", "")),
        ("hex of a C array", separated(value, ", ", "0x")),
        ("hex of a C string", separated(value, "", "\\x")),
        (
            "octal",
            value.bytes().map(|b| format!("\\{b:03o}")).collect(),
        ),
        (
            "bytes in JSON",
            format!("{:?}", value.as_bytes())
                .replace(' ', "")
                .trim_matches(['[', ']'])
                .to_owned(),
        ),
        (
            "bytes in Java",
            value
                .bytes()
                .map(|b| (b as i8).to_string())
                .collect::<Vec<_>>()
                .join(", "),
        ),
        (
            "quoted printable",
            value.bytes().map(|b| format!("={b:02X}")).collect(),
        ),
        ("base64 of json", STANDARD.encode(&json)),
        ("base64 twice", STANDARD.encode(STANDARD.encode(value))),
        (
            "base64 in a URL",
            STANDARD
                .encode(value)
                .replace('+', "%2B")
                .replace('/', "%2F")
                .replace('=', "%3D"),
        ),
        (
            "base64 in lines of 64",
            lines(&STANDARD.encode(value), 64, "\n"),
        ),
        (
            "base64 in lines of 76",
            lines(&STANDARD.encode(value), 76, "\r\n"),
        ),
        (
            "base64 in lines of 8, indented",
            lines(&STANDARD.encode(value), 8, "\n    "),
        ),
        (
            "base64 in lines in JSON",
            lines(&STANDARD.encode(value), 64, "\\n"),
        ),
        (
            "base64 in lines, made visible",
            visible(&lines(&STANDARD.encode(value), 76, "\r\n")).into_owned(),
        ),
    ]
}

fn each(text: &str, which: &str, to: impl Fn(char) -> String) -> String {
    text.chars()
        .map(|c| {
            if which.contains(c) {
                to(c)
            } else {
                c.to_string()
            }
        })
        .collect()
}

fn html(text: &str, apostrophe: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', apostrophe)
}

fn quoted(text: &str) -> String {
    let json = serde_json::to_string(text).unwrap();
    json[1..json.len() - 1].to_owned()
}

fn json_in_url(json: &str) -> String {
    url::form_urlencoded::byte_serialize(json.as_bytes()).collect()
}

fn separated(value: &str, between: &str, before: &str) -> String {
    let digits: Vec<String> = value.bytes().map(|b| format!("{before}{b:02x}")).collect();
    digits.join(between)
}

fn lines(text: &str, width: usize, end: &str) -> String {
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(width)
        .map(|l| std::str::from_utf8(l).unwrap())
        .collect();
    lines.join(end)
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
    let mut all = String::new();
    for (name, spelling) in spellings(VALUE) {
        let text = format!("{name}: [{spelling}]\n");
        let expected = redactor.redact(&text).into_owned();
        for at in 0..=text.len() {
            let (first, second) = text.as_bytes().split_at(at);
            let written = streamed(&redactor, &[first, second]);
            assert_eq!(
                String::from_utf8(written).unwrap(),
                expected,
                "split at {at}"
            );
        }
        all.push_str(&text);
    }
    let expected = redactor.redact(&all).into_owned();
    for size in [1, 7, 61, 1021] {
        let chunks: Vec<&[u8]> = all.as_bytes().chunks(size).collect();
        let written = streamed(&redactor, &chunks);
        assert_eq!(
            String::from_utf8(written).unwrap(),
            expected,
            "chunks of {size}"
        );
    }
}

/// A key pair of 4096 bits as it is stored: lines of 64 letters, 3,243 bytes.
fn long_key() -> String {
    let body: Vec<u8> = (0..2348u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    let body = lines(&STANDARD.encode(body), 64, "\n");
    format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n")
}

#[test]
fn long_values_are_found_in_all_spellings_as_short_ones_are() {
    let key = long_key();
    let redactor = knowing(&[&key]);
    for (name, spelling) in spellings(&key) {
        let shown = redactor.redact(&format!("[{spelling}]")).into_owned();
        assert!(shown.len() < 120, "{name}: {shown}");
    }
}

/// Doubling what is looked for and what is looked through at most doubles the time: four times is allowed for noise.
#[test]
fn the_cost_is_that_of_the_text_and_of_the_values() {
    let time = |size: usize| {
        let mut least = std::time::Duration::MAX;
        for _ in 0..3 {
            let begun = std::time::Instant::now();
            let redactor = knowing(&[&"ab".repeat(size), &"a".repeat(size), &"ab%41".repeat(size)]);
            let text = "ab%41&amp;\\u0061''".repeat(size) + &"a".repeat(size * 4);
            assert!(redactor.redact(&text).contains(MASK));
            least = least.min(begun.elapsed());
        }
        least
    };
    let (one, four) = (time(1000), time(4000));
    assert!(
        four < one * 16,
        "{one:?} for a size, {four:?} for four times as much"
    );
}

#[test]
fn what_any_text_holds_is_not_looked_for() {
    let prose = "the run of `deploy-key` failed: 200 of 404, status \"completed\", true, - --- a b, password";
    for value in [
        " ",
        "  \n",
        "a",
        "ab",
        "-",
        "---",
        "200",
        "404",
        "8080",
        "true",
        "null",
        "none",
        "run",
        "failed",
        "completed",
        "Password",
        "deploy-key",
        "\t",
    ] {
        let redactor = Redactor::new();
        redactor.publish("deploy-key");
        redactor.register(&Secret::from_text(value));
        assert_eq!(redactor.redact(prose), prose, "{value:?}");
    }
    // What is a word only in part is a password.
    for value in [
        "Passw0rd",
        "completed!",
        "hunter2",
        "a1-b2",
        "12345",
        "qzxjkvw",
    ] {
        let redactor = knowing(&[value]);
        assert_eq!(
            redactor.redact(&format!("it is {value} now")),
            "it is *** now",
            "{value:?}"
        );
    }
}

#[test]
fn the_frame_around_a_key_is_not_the_key() {
    let redactor = knowing(&[&long_key()]);
    let text = "-----BEGIN PRIVATE KEY----- was expected";
    assert_eq!(redactor.redact(text), text);
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

/// Fewer than three characters, fewer than five letters and signs alone are in any text.
fn is_looked_for(value: &[u8]) -> bool {
    let letters = value.iter().filter(|b| b.is_ascii_alphabetic()).count();
    value.len() >= 3
        && (letters < value.len() || value.len() >= 5)
        && (letters > 0 || value.len() >= 6)
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
        .filter(|v| is_looked_for(v))
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
