//! In which spellings a value may show up: as it is, escaped for a language, or encoded.
//!
//! Forms are made from one value alone; what a value inside other text looks like is covered for base64, whose
//! letters depend on what stands before and after (all three alignments, edge letters cut off).

use super::visible::visible;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Values shorter than this are looked for as whole tokens only: as parts of words they would wreck the output.
const SHORT: usize = 6;
/// Lines of a value that spans several are looked for one by one from this length on.
const LINE: usize = 8;
/// A cut-off piece of base64 shorter than this says nothing and matches everywhere.
const PIECE: usize = 6;

/// Adds all forms of `value` to `forms`; the flag says "whole token only".
pub(super) fn collect(value: &[u8], forms: &mut BTreeMap<Vec<u8>, bool>) {
    piece(value, forms);
    let Ok(text) = std::str::from_utf8(value) else {
        return;
    };
    let trimmed = text.trim();
    if trimmed != text {
        piece(trimmed.as_bytes(), forms);
    }
    if let Some(inner) = trimmed.strip_prefix('"').and_then(|t| t.strip_suffix('"')) {
        piece(inner.as_bytes(), forms);
    }
    if trimmed.contains('\n') {
        for line in text
            .lines()
            .map(str::trim)
            .filter(|l| l.chars().count() >= LINE)
        {
            piece(line.as_bytes(), forms);
        }
    }
}

fn piece(value: &[u8], forms: &mut BTreeMap<Vec<u8>, bool>) {
    if value.is_empty() {
        return;
    }
    let whole = value.len() < SHORT;
    let mut add = |bytes: Vec<u8>| {
        if !bytes.is_empty() {
            forms
                .entry(bytes)
                .and_modify(|w| *w &= whole)
                .or_insert(whole);
        }
    };
    add(value.to_vec());
    hex(value, &mut add);
    percent(value, &mut add);
    base64_forms(value, &mut add);
    // What `{:?}` of a byte vector prints, for instance within a `FromUtf8Error`.
    let list = format!("{value:?}");
    add(list.trim_matches(['[', ']']).as_bytes().to_vec());
    if let Ok(text) = std::str::from_utf8(value) {
        json(text, &mut add);
        markup(text, &mut add);
        let debug = format!("{text:?}");
        add(inside_quotes(&debug).into());
        add(text.escape_default().to_string().into_bytes());
        add(text.replace('\'', r"'\''").into_bytes());
        add(text.replace('\'', r#"'"'"'"#).into_bytes());
        add(visible(text).into_owned().into_bytes());
    }
}

fn inside_quotes(quoted: &str) -> &str {
    quoted
        .strip_prefix('"')
        .and_then(|t| t.strip_suffix('"'))
        .unwrap_or(quoted)
}

fn hex(value: &[u8], add: &mut impl FnMut(Vec<u8>)) {
    let (mut lower, mut upper) = (String::new(), String::new());
    for byte in value {
        let _ = write!(lower, "{byte:02x}");
        let _ = write!(upper, "{byte:02X}");
    }
    add(lower.into_bytes());
    add(upper.into_bytes());
}

/// The sets of characters that encoders in the field leave as they are.
const KEPT: [&[u8]; 5] = [
    b"-_.~",
    b"-_.!~*'()",
    b"*-._",
    b"-_.!~*'();/?:@&=+$,#",
    b"-_.~/",
];

fn percent(value: &[u8], add: &mut impl FnMut(Vec<u8>)) {
    for kept in KEPT {
        for upper in [true, false] {
            for plus in [true, false] {
                let mut out = String::new();
                for &byte in value {
                    match byte {
                        b' ' if plus => out.push('+'),
                        b if b.is_ascii_alphanumeric() || kept.contains(&b) => {
                            out.push(char::from(b))
                        }
                        b if upper => drop(write!(out, "%{b:02X}")),
                        b => drop(write!(out, "%{b:02x}")),
                    }
                }
                add(out.into_bytes());
            }
        }
    }
}

fn base64_forms(value: &[u8], add: &mut impl FnMut(Vec<u8>)) {
    for engine in [&STANDARD, &URL_SAFE] {
        let own = engine.encode(value);
        add(own.trim_end_matches('=').as_bytes().to_vec());
        add(own.into_bytes());
        for before in 0..3usize {
            let mut padded = vec![0u8; before];
            padded.extend_from_slice(value);
            let text = engine.encode(&padded);
            // Letters that hold bits of a neighbour: 2 after one byte, 3 after two; one at a ragged end.
            let start = if before == 0 { 0 } else { before + 1 };
            let letters = text.trim_end_matches('=').len();
            let end = if padded.len().is_multiple_of(3) {
                letters
            } else {
                letters.saturating_sub(1)
            };
            if let Some(piece) = text.get(start..end).filter(|p| p.len() >= PIECE) {
                add(piece.as_bytes().to_vec());
            }
        }
    }
}

fn json(text: &str, add: &mut impl FnMut(Vec<u8>)) {
    let Ok(quoted) = serde_json::to_string(text) else {
        return;
    };
    let plain = inside_quotes(&quoted);
    add(plain.into());
    add(plain.replace('/', r"\/").into_bytes());
    // Encoders that stay within ASCII, that guard against markup (Go, .NET), with either case of digits.
    type Test = fn(char) -> bool;
    let tests: [Test; 4] = [
        |c| !c.is_ascii(),
        |c| !c.is_ascii() || matches!(c, '<' | '>' | '&'),
        |c| matches!(c, '<' | '>' | '&'),
        |c| {
            !c.is_ascii() || c.is_control() || matches!(c, '<' | '>' | '&' | '\'' | '"' | '+' | '`')
        },
    ];
    for test in tests {
        for upper in [false, true] {
            for slash in [false, true] {
                let mut out = String::new();
                for c in text.chars() {
                    if test(c) {
                        unicode_escape(&mut out, c, upper);
                    } else if c == '/' && slash {
                        out.push_str(r"\/");
                    } else {
                        let one =
                            serde_json::to_string(c.encode_utf8(&mut [0; 4])).unwrap_or_default();
                        out.push_str(inside_quotes(&one));
                    }
                }
                add(out.into_bytes());
            }
        }
    }
}

fn unicode_escape(out: &mut String, c: char, upper: bool) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        let _ = if upper {
            write!(out, "\\u{unit:04X}")
        } else {
            write!(out, "\\u{unit:04x}")
        };
    }
}

fn markup(text: &str, add: &mut impl FnMut(Vec<u8>)) {
    let base = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    add(base.clone().into_bytes());
    for double in ["\"", "&quot;", "&#34;", "&#x22;"] {
        for single in ["'", "&#39;", "&apos;", "&#x27;"] {
            add(base.replace('"', double).replace('\'', single).into_bytes());
        }
    }
}
