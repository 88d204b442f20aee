//! What can be wrong with the text itself, in words. Each of these is found before the grammar is asked.

use super::lex::Lexed;
use crate::diagnostic::{Diagnostic, Edit, codes};
use crate::source::{FileId, Span};

/// `;`
pub fn semicolon(span: Span) -> Diagnostic {
    Diagnostic::new(
        codes::SYNTAX_ERROR,
        span,
        "`;` is not used here: each statement begins with its keyword",
    )
    .at("remove this")
    .help("remove the `;`")
    .fix(
        "remove the `;`",
        true,
        vec![Edit {
            span,
            text: String::new(),
        }],
    )
}

/// `//`
pub fn slashes(span: Span) -> Diagnostic {
    Diagnostic::new(
        codes::SYNTAX_ERROR,
        span,
        "a comment begins with `#`, not with `//`",
    )
    .at("write `#`")
    .help("write `#` in place of `//`")
    .fix(
        "write `#`",
        true,
        vec![Edit {
            span,
            text: "#".into(),
        }],
    )
}

/// `'text'`, or a lone `'`.
pub fn single_quotes(span: Span, inner: Option<&str>) -> Diagnostic {
    let diagnostic = Diagnostic::new(
        codes::SYNTAX_ERROR,
        span,
        "strings are written in double quotes",
    )
    .at("single quotes");
    match inner {
        None => diagnostic.help("write `\"` at both ends"),
        Some(inner) => {
            let text = format!(
                "\"{}\"",
                inner
                    .replace('\\', "\\\\")
                    .replace('"', "\\\"")
                    .replace("${", "$${")
            );
            let plain = !inner.contains(['\\', '$']);
            diagnostic.help("write `\"` at both ends").fix(
                "use double quotes",
                plain,
                vec![Edit { span, text }],
            )
        }
    }
}

/// A string whose closing quote is missing.
pub fn unclosed_string(open: Span, end: Span, triple: bool) -> Diagnostic {
    let help = if triple {
        "there are no `\"\"\"` strings; write a line end as `\\n`"
    } else {
        "add the closing `\"`; a string ends on its line, write a line end as `\\n`"
    };
    Diagnostic::new(codes::SYNTAX_ERROR, open, "this string is not closed")
        .at("opens here")
        .label(end, "still open where the line ends")
        .help(help)
}

/// `${` without `}`.
pub fn unclosed_interpolation(open: Span, string: Span) -> Diagnostic {
    Diagnostic::new(
        codes::BAD_INTERPOLATION,
        open,
        "this `${` is not closed before the line ends",
    )
    .at("opens here")
    .label(string, "in this string")
    .help("add the closing `}`, or write `$${` for a literal `${`")
}

/// `${}`.
pub fn empty_interpolation(span: Span) -> Diagnostic {
    Diagnostic::new(
        codes::BAD_INTERPOLATION,
        span,
        "nothing stands between these braces",
    )
    .at("empty")
    .help("write the value between them, as in `${run.id}`, or write `$${` for a literal `${`")
}

/// A bracket in a JSONPath that is not closed.
pub fn unclosed_path(open: Span, path: Span) -> Diagnostic {
    Diagnostic::new(
        codes::BAD_JSONPATH,
        open,
        "this bracket is not closed before the line ends",
    )
    .at("opens here")
    .label(path, "in this JSONPath")
    .help("add the closing bracket; a JSONPath ends on its line")
}

/// An opening bracket without its closing one; `guess` is where it should stand.
pub fn unclosed(
    open: Span,
    bracket: char,
    closing: char,
    guess: Option<Span>,
    also: &[Span],
) -> Diagnostic {
    let mut diagnostic = Diagnostic::new(
        codes::SYNTAX_ERROR,
        open,
        format!("this `{bracket}` is not closed"),
    )
    .at(format!("no `{closing}` belongs to it"));
    if let Some(guess) = guess {
        diagnostic = diagnostic.label(
            guess,
            format!("`{closing}` seems to be missing before this"),
        );
    }
    for span in also {
        diagnostic = diagnostic.label(*span, "this one is open too");
    }
    diagnostic.help(format!("add the `{closing}`"))
}

/// A closing bracket without an opening one.
pub fn unopened(close: Span, bracket: char) -> Diagnostic {
    Diagnostic::new(
        codes::SYNTAX_ERROR,
        close,
        format!("this `{bracket}` closes nothing"),
    )
    .at("nothing is open here")
    .help(format!(
        "remove the `{bracket}`, or add the one that should open before it"
    ))
}

/// A line that is followed by deeper ones and a `}`, but has no `{`.
pub fn missing_open(last: Span) -> Diagnostic {
    Diagnostic::new(
        codes::SYNTAX_ERROR,
        last,
        "a `{` is missing at the end of this line",
    )
    .at("the lines below seem to belong into braces")
    .help("add the `{`")
    .fix(
        "add the `{`",
        false,
        vec![Edit {
            span: last.after(),
            text: " {".into(),
        }],
    )
}

/// Brackets nest too deep.
pub fn too_deep(span: Span) -> Diagnostic {
    Diagnostic::new(codes::NESTING_TOO_DEEP, span, format!("brackets nest more than {} levels deep", super::MAX_DEPTH))
        .at("one level too many")
        .help("split it up: a step can be moved to a rotation of its own and called, a value can be named with `let`")
}

/// A chain of operators is too long.
pub fn too_long(span: Span) -> Diagnostic {
    Diagnostic::new(
        codes::NESTING_TOO_DEEP,
        span,
        format!("an expression has at most {} levels", super::MAX_DEPTH),
    )
    .at("too long or too deep")
    .help("name a part of it with `let`, or join text with `\"${a}${b}\"`")
}

/// The text is too large.
pub fn too_large(file: FileId, length: usize) -> Diagnostic {
    Diagnostic::new(
        codes::UNREADABLE_INPUT,
        Span::new(file, 0, 0),
        format!("the file has {length} bytes; at most 1 MiB is read"),
    )
    .help("split it into several files; `use \"file.rot\"` brings in shared parts")
}

/// Finds characters that are not allowed anywhere, also not in comments, and blanks them.
pub fn characters(file: FileId, source: &str, lexed: &mut Lexed) {
    let suspicious = |b: &u8| (*b < 0x20 && !matches!(b, b'\n' | b'\t')) || *b >= 0x7f;
    if !source.as_bytes().iter().any(suspicious) {
        return;
    }
    let mut next = source.char_indices().peekable();
    while let Some((at, c)) = next.next() {
        let line_end = c == '\r' && next.peek().is_some_and(|(_, n)| *n == '\n');
        let mark = c == '\u{feff}' && at == 0;
        let Some(name) = forbidden(c).filter(|_| !line_end && !mark) else {
            continue;
        };
        let span = Span::new(file, at, at + c.len_utf8());
        let point = format!("U+{:04X}", c as u32);
        lexed.faults.push(
            Diagnostic::new(
                codes::BIDI_OR_INVISIBLE,
                span,
                format!("the text holds {name} ({point}), which a reader cannot see"),
            )
            .at(point.clone())
            .help(format!(
                "remove it; in a string write it as `\\u{{{:X}}}`",
                c as u32
            ))
            .fix(
                format!("remove {point}"),
                true,
                vec![Edit {
                    span,
                    text: String::new(),
                }],
            ),
        );
        if let Some(bytes) = lexed.text.get_mut(at..at + c.len_utf8()) {
            bytes.fill(b' ');
        }
    }
    lexed.faults.sort_by_key(|d| d.span().start);
}

/// Whether a character has to be written as an escape.
pub fn is_forbidden(c: char) -> bool {
    forbidden(c).is_some()
}

/// What a character that is not allowed is called.
fn forbidden(c: char) -> Option<&'static str> {
    Some(match c {
        '\n' | '\t' => return None,
        '\0' => "a NUL character",
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}' => {
            "a character that changes the direction of text"
        }
        '\u{200b}'..='\u{200d}'
        | '\u{2060}'..='\u{2064}'
        | '\u{feff}'
        | '\u{ad}'
        | '\u{180e}'
        | '\u{34f}'
        | '\u{e0000}'..='\u{e007f}' => "a character without width",
        '\u{2028}' | '\u{2029}' => "a Unicode line separator",
        '\r' => "a lone carriage return",
        c if c.is_control() => "a control character",
        _ => return None,
    })
}
