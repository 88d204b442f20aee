//! Characters that make a text look other than it is (Trojan Source, CVE-2021-42574).
//!
//! Only raw characters count: `\u202e` as an escape is there for everyone to see, and is what the help proposes.

use crate::diagnostic::{Diagnostic, Edit, codes};
use crate::source::{FileId, Span};

/// One finding for each such character, at most twenty.
pub(super) fn findings(file: FileId, text: &str) -> Vec<Diagnostic> {
    if text.is_ascii() {
        return Vec::new();
    }
    text.char_indices()
        .filter(|(at, c)| *at > 0 && deceives(*c))
        .take(20)
        .map(|(at, c)| finding(file, at, c))
        .collect()
}

fn finding(file: FileId, at: usize, c: char) -> Diagnostic {
    let span = Span::new(file, at, at + c.len_utf8());
    let name = format!("U+{:04X}", c as u32);
    let mut units = [0u16; 2];
    let escape: String = c
        .encode_utf16(&mut units)
        .iter()
        .map(|unit| format!("\\u{unit:04x}"))
        .collect();
    Diagnostic::new(
        codes::BIDI_OR_INVISIBLE,
        span,
        format!("the text holds {name}, which is invisible and can change how it reads"),
    )
    .at(name)
    .help(format!("remove it, or write it as `{escape}`"))
    .fix(
        "write it as an escape",
        true,
        vec![Edit { span, text: escape }],
    )
}

/// Bidirectional controls, zero-width characters but for the joiners that scripts and emoji need, and tag characters.
pub(crate) fn deceives(c: char) -> bool {
    matches!(
        c,
        '\u{061c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    )
}
