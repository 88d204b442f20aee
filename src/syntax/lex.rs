//! A quick look at the text before the grammar sees it: tokens with their places, comments, and what is wrong with
//! the text itself (unclosed quotes, characters that are not allowed, marks of other languages).
//!
//! What is wrong is reported once, here, and blanked in a copy of the same length, so that the grammar does not
//! stumble over it again. Must agree with the token rules of `rot.pest` on where strings, comments and paths end.

use super::fault;
use crate::diagnostic::Diagnostic;
use crate::source::{FileId, Span};

/// What a token is, as far as cutting and matching brackets need it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A word or number.
    Word,
    /// A string.
    String,
    /// A JSONPath.
    Path,
    /// `{`, `[` or `(`.
    Open(u8),
    /// `}`, `]` or `)`.
    Close(u8),
    /// `,`
    Comma,
    /// Operators and what else stands alone.
    Other,
}

/// A token.
#[derive(Debug, Clone, Copy)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// First byte.
    pub start: usize,
    /// Byte after the last.
    pub end: usize,
    /// Nothing but blanks stands before it on its line.
    pub first: bool,
    /// How many blanks its line begins with.
    pub indent: usize,
    /// How deep brackets nest inside it.
    pub depth: usize,
}

/// What the look at the text gave.
pub struct Lexed {
    /// The text to parse: of the same length, with blanked faults.
    pub text: Vec<u8>,
    /// Tokens in order.
    pub tokens: Vec<Token>,
    /// Comments in order.
    pub comments: Vec<(usize, usize)>,
    /// What is wrong, in order, each with its diagnostic.
    pub faults: Vec<Diagnostic>,
}

/// Looks at `source`.
pub fn lex(file: FileId, source: &str) -> Lexed {
    let mut lexer = Lexer {
        file,
        source,
        bytes: source.as_bytes(),
        out: Lexed {
            text: source.as_bytes().to_vec(),
            tokens: Vec::new(),
            comments: Vec::new(),
            faults: Vec::new(),
        },
        line_start: 0,
        fresh: true,
        indent: 0,
    };
    lexer.run();
    fault::characters(file, source, &mut lexer.out);
    lexer.out
}

struct Lexer<'a> {
    file: FileId,
    source: &'a str,
    bytes: &'a [u8],
    out: Lexed,
    line_start: usize,
    fresh: bool,
    indent: usize,
}

impl Lexer<'_> {
    fn at(&self, i: usize) -> u8 {
        self.bytes.get(i).copied().unwrap_or(0)
    }

    fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.file, start, end)
    }

    fn push(&mut self, kind: Kind, start: usize, end: usize, depth: usize) -> usize {
        if self.fresh {
            self.indent = start - self.line_start;
        }
        self.out.tokens.push(Token {
            kind,
            start,
            end,
            first: self.fresh,
            indent: self.indent,
            depth,
        });
        self.fresh = false;
        end
    }

    fn blank(&mut self, start: usize, end: usize) {
        if let Some(bytes) = self.out.text.get_mut(start..end) {
            bytes.fill(b' ');
        }
    }

    fn put(&mut self, at: usize, byte: u8) {
        if let Some(slot) = self.out.text.get_mut(at) {
            *slot = byte;
        }
    }

    fn line_end(&self, from: usize) -> usize {
        let rest = self.bytes.get(from..).unwrap_or_default();
        let end = from + rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
        if end > from && self.at(end - 1) == b'\r' {
            end - 1
        } else {
            end
        }
    }

    fn run(&mut self) {
        let mut i = if self.source.starts_with('\u{feff}') {
            3
        } else {
            0
        };
        self.blank(0, i);
        self.line_start = i;
        while i < self.bytes.len() {
            let byte = self.at(i);
            i = match byte {
                b'\n' => {
                    self.line_start = i + 1;
                    self.fresh = true;
                    i + 1
                }
                b' ' | b'\t' | b'\r' => i + 1,
                b'#' => {
                    let end = self.line_end(i);
                    self.out.comments.push((i, end));
                    end
                }
                b'/' if self.at(i + 1) == b'/'
                    && (i == 0 || self.at(i - 1).is_ascii_whitespace()) =>
                {
                    self.foreign_comment(i)
                }
                b';' => {
                    let span = self.span(i, i + 1);
                    self.out.faults.push(fault::semicolon(span));
                    self.blank(i, i + 1);
                    i + 1
                }
                b'"' => self.string(i),
                b'\'' => self.single_quotes(i),
                b'$' => self.path(i),
                b'{' | b'[' | b'(' => self.push(Kind::Open(byte), i, i + 1, 0),
                b'}' | b']' | b')' => self.push(Kind::Close(byte), i, i + 1, 0),
                b',' => self.push(Kind::Comma, i, i + 1, 0),
                b if is_word(b) => {
                    let rest = self.bytes.get(i..).unwrap_or_default();
                    let end = i + rest
                        .iter()
                        .position(|b| !is_word(*b) && *b != b'-')
                        .unwrap_or(rest.len());
                    self.push(Kind::Word, i, end, 0)
                }
                _ => {
                    let width = self
                        .source
                        .get(i..)
                        .and_then(|s| s.chars().next())
                        .map_or(1, char::len_utf8);
                    self.push(Kind::Other, i, i + width, 0)
                }
            };
        }
    }

    /// `${}` in a string: a fault, and blanked, so that the rest of the statement is read.
    fn empty_interpolations(&mut self, start: usize, end: usize) {
        let mut i = start;
        while i < end {
            let rest = self.source.get(i..end).unwrap_or_default();
            if rest.starts_with("$${") {
                i += 3;
            } else if let Some(inner) = rest.strip_prefix("${") {
                let blanks = inner.len() - inner.trim_start_matches([' ', '\t']).len();
                let close = i + 2 + blanks;
                if self.bytes.get(close) == Some(&b'}') {
                    self.out
                        .faults
                        .push(fault::empty_interpolation(self.span(i, close + 1)));
                    self.blank(i, close + 1);
                }
                i += 2;
            } else {
                // An escape is two characters.
                i += if rest.starts_with('\\') { 2 } else { 1 };
            }
        }
    }

    fn foreign_comment(&mut self, start: usize) -> usize {
        let end = self.line_end(start);
        let span = self.span(start, start + 2);
        self.out.faults.push(fault::slashes(span));
        self.blank(start, end);
        end
    }

    fn string(&mut self, start: usize) -> usize {
        match string_end(self.bytes, start) {
            Ok((end, depth)) => {
                self.empty_interpolations(start, end);
                self.push(Kind::String, start, end, depth)
            }
            Err(culprit) => {
                let end = self.guess_end(start);
                let triple = self.source.get(start.saturating_sub(2)..=start) == Some("\"\"\"");
                let diagnostic = if culprit == start {
                    fault::unclosed_string(
                        self.span(start, start + 1),
                        self.span(end.saturating_sub(1).max(start), end),
                        triple,
                    )
                } else {
                    fault::unclosed_interpolation(
                        self.span(culprit, culprit + 2),
                        self.span(start, start + 1),
                    )
                };
                self.out.faults.push(diagnostic);
                self.stand_in(start, end);
                self.push(Kind::String, start, end, 0)
            }
        }
    }

    /// Where an unclosed string is taken to end: at the line's end, but before the brackets that were opened on the
    /// same line and are closed there.
    fn guess_end(&self, start: usize) -> usize {
        let mut open = 0usize;
        for token in self
            .out
            .tokens
            .iter()
            .rev()
            .take_while(|t| t.start >= self.line_start)
        {
            match token.kind {
                Kind::Open(_) => open += 1,
                Kind::Close(_) => open = open.saturating_sub(1),
                _ => {}
            }
        }
        let mut end = self.line_end(start);
        let trim = |end: usize| {
            start
                + self
                    .source
                    .get(start..end)
                    .map_or(0, |s| s.trim_end().len())
        };
        end = trim(end);
        // A brace that opens at the line's end was hardly meant as text.
        if self
            .source
            .get(start..end)
            .is_some_and(|s| s.ends_with(" {"))
        {
            return trim(end - 1).max(start + 1);
        }
        while open > 0 && end > start + 1 && matches!(self.at(end - 1), b'}' | b']' | b')') {
            end = trim(end - 1);
            open -= 1;
        }
        end.max(start + 1)
    }

    /// Puts an empty string (or a number, where there is no room) in the place of a broken one.
    fn stand_in(&mut self, start: usize, end: usize) {
        self.blank(start, end);
        if end > start + 1 {
            self.put(start, b'"');
            self.put(end - 1, b'"');
        } else {
            self.put(start, b'0');
        }
    }

    fn path(&mut self, start: usize) -> usize {
        match path_end(self.bytes, start) {
            Ok((end, depth)) => self.push(Kind::Path, start, end, depth),
            Err(bracket) => {
                let end = self.guess_end(start);
                let span = self.span(bracket, bracket + 1);
                self.out
                    .faults
                    .push(fault::unclosed_path(span, self.span(start, start + 1)));
                self.blank(start + 1, end);
                self.push(Kind::Path, start, end, 0)
            }
        }
    }

    fn single_quotes(&mut self, start: usize) -> usize {
        let line = self
            .source
            .get(start + 1..self.line_end(start))
            .unwrap_or("");
        let Some(length) = line.find('\'') else {
            let end = self.guess_end(start);
            let span = self.span(start, start + 1);
            self.out.faults.push(fault::single_quotes(span, None));
            self.stand_in(start, end);
            return self.push(Kind::String, start, end, 0);
        };
        let end = start + 1 + length + 1;
        let inner = line.get(..length).unwrap_or("");
        let span = self.span(start, end);
        self.out
            .faults
            .push(fault::single_quotes(span, Some(inner)));
        if inner.contains(['"', '\\', '$']) {
            self.stand_in(start, end);
        } else {
            self.put(start, b'"');
            self.put(end - 1, b'"');
        }
        self.push(Kind::String, start, end, 0)
    }
}

/// Whether a byte belongs to a word; `-` does too, inside.
pub fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Where the string that begins at `start` ends, and how deep brackets nest in it. `Err` with the place of what is
/// not closed: the string itself, or the first `${`.
fn string_end(bytes: &[u8], start: usize) -> Result<(usize, usize), usize> {
    // Each open string and brace; `None` is a string, `Some` an interpolation or brace with its place.
    let mut stack: Vec<Option<usize>> = vec![None];
    let mut depth = 0;
    let mut brackets = 0usize;
    let mut i = start + 1;
    let get = |i: usize| bytes.get(i).copied().unwrap_or(b'\n');
    while let Some(&top) = stack.last() {
        let byte = get(i);
        if byte == b'\n' || (byte == b'#' && top.is_some()) {
            return Err(stack.iter().flatten().next().copied().unwrap_or(start));
        }
        i += match (top, byte) {
            (None, b'\\') if get(i + 1) != b'\n' => 1 + utf8_width(get(i + 1)),
            (None, b'$') if get(i + 1) == b'$' && get(i + 2) == b'{' => 3,
            (None, b'$') if get(i + 1) == b'{' => {
                stack.push(Some(i));
                brackets += 1;
                2
            }
            (None, b'"') => {
                stack.pop();
                1
            }
            (None, _) => 1,
            (Some(_), b'"') => {
                stack.push(None);
                1
            }
            (Some(_), b'{') => {
                stack.push(Some(i));
                brackets += 1;
                1
            }
            (Some(_), b'}') => {
                stack.pop();
                brackets = brackets.saturating_sub(1);
                1
            }
            (Some(_), b'[' | b'(') => {
                brackets += 1;
                1
            }
            (Some(_), b']' | b')') => {
                brackets = brackets.saturating_sub(1);
                1
            }
            (Some(_), _) => 1,
        };
        depth = depth.max(brackets);
    }
    Ok((i, depth))
}

fn utf8_width(first: u8) -> usize {
    match first {
        0xf0.. => 4,
        0xe0.. => 3,
        0xc0.. => 2,
        _ => 1,
    }
}

/// Where the JSONPath that begins at `start` ends, and how deep brackets nest in it. `Err` with the place of a bracket
/// that is not closed on its line.
fn path_end(bytes: &[u8], start: usize) -> Result<(usize, usize), usize> {
    let mut i = start + 1;
    let mut deepest = 0;
    loop {
        match bytes.get(i).copied() {
            None | Some(b' ' | b'\t' | b'\r' | b'\n' | b',' | b'}') => return Ok((i, deepest)),
            Some(quote @ (b'"' | b'\'')) => i = quote_end(bytes, i, quote).unwrap_or(i + 1),
            Some(b'[' | b'(') => i = group_end(bytes, i, 1, &mut deepest).ok_or(i)?,
            Some(_) => i += 1,
        }
    }
}

/// The end of a quoted part; `None` when it is not closed on its line.
fn quote_end(bytes: &[u8], start: usize, quote: u8) -> Option<usize> {
    let mut i = start + 1;
    loop {
        match bytes.get(i).copied()? {
            b'\n' => return None,
            b'\\' if bytes.get(i + 1).copied()? == b'\n' => return None,
            b'\\' => i += 2,
            b if b == quote => return Some(i + 1),
            _ => i += 1,
        }
    }
}

/// The end of a bracketed part; `None` when it is not closed on its line. Deeper than is allowed anyway, brackets are
/// not matched any more.
fn group_end(bytes: &[u8], start: usize, depth: usize, deepest: &mut usize) -> Option<usize> {
    *deepest = (*deepest).max(depth);
    if depth > super::MAX_DEPTH {
        return Some(start + 1);
    }
    let closing = if bytes.get(start) == Some(&b'[') {
        b']'
    } else {
        b')'
    };
    let mut i = start + 1;
    loop {
        i = match bytes.get(i).copied()? {
            b'\n' => return None,
            b if b == closing => return Some(i + 1),
            b']' | b')' => return None,
            quote @ (b'"' | b'\'') => quote_end(bytes, i, quote).unwrap_or(i + 1),
            b'[' | b'(' => group_end(bytes, i, depth + 1, deepest)?,
            _ => i + 1,
        };
    }
}
