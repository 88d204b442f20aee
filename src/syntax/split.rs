//! Cuts the tokens of a file into top-level items and matches brackets, so that each item can be parsed alone and a
//! missing brace in one does not swallow the next.
//!
//! While all braces match, only they count. Once they do not, indentation says where a brace should have been; it is
//! put into the copy of the text that the grammar sees, in the place of a blank.

use super::fault;
use super::lex::{Kind, Lexed, Token};
use crate::diagnostic::Diagnostic;
use crate::source::{FileId, Span};
use std::collections::BTreeMap;

/// The text of one item.
#[derive(Debug)]
pub struct Chunk {
    /// First byte.
    pub start: usize,
    /// Byte after the last token.
    pub end: usize,
    /// Closing braces that are missing at its end.
    pub append: usize,
    /// Brackets nest too deep in it.
    pub deep: bool,
}

/// What the cutting gave.
pub struct Split {
    /// Items in order.
    pub chunks: Vec<Chunk>,
    /// What is wrong with brackets.
    pub faults: Vec<Diagnostic>,
    /// Places at which an error of the grammar would only repeat a fault.
    pub known: Vec<usize>,
}

/// The words that begin an item.
pub const ITEMS: [&str; 4] = ["rotation", "secret", "use", "env"];

/// How many superfluous closing braces are looked for before the rest is taken as it is.
const MAX_EXTRA: usize = 20;

/// Cuts `lexed` into items; mends the text in it.
pub fn split(file: FileId, source: &str, lexed: &mut Lexed) -> Split {
    let mut tokens = std::mem::take(&mut lexed.tokens);
    let mut faults = Vec::new();
    let mut known = Vec::new();
    let mut rounds = 0;
    let split = loop {
        let mut pass = Pass::new(file, source, &tokens);
        pass.patient = rounds == MAX_EXTRA;
        pass.run();
        let Some(extra) = pass.extra else {
            break pass.finish(lexed, faults, known);
        };
        rounds += 1;
        // A `}` that closes its item too early: without it the rest falls into place.
        if let Some(token) = tokens.get_mut(extra) {
            token.kind = Kind::Other;
            faults.push(fault::unopened(Span::new(file, token.start, token.end), '}'));
            known.push(token.start);
            if let Some(bytes) = lexed.text.get_mut(token.start..token.end) {
                bytes.fill(b' ');
            }
        }
    };
    lexed.tokens = tokens;
    split
}

#[derive(Clone, Copy)]
struct Lines<'a> {
    source: &'a str,
}

impl Lines<'_> {
    /// Columns of blanks in front of the line that holds `at`.
    fn indent(&self, at: usize) -> usize {
        let before = self.source.get(..at).unwrap_or("");
        let start = before.rfind('\n').map_or(0, |n| n + 1);
        let line = self.source.get(start..).unwrap_or("");
        line.len() - line.trim_start_matches([' ', '\t']).len()
    }

    fn word(&self, token: &Token) -> &str {
        self.source.get(token.start..token.end).unwrap_or("")
    }
}

/// One way through the tokens.
struct Pass<'a> {
    file: FileId,
    lines: Lines<'a>,
    tokens: &'a [Token],
    /// Whether the number of opening and closing braces differs, so that indentation is asked.
    broken: bool,
    /// Do not look for superfluous braces any more.
    patient: bool,
    stack: Vec<usize>,
    chunks: Vec<Chunk>,
    faults: Vec<Diagnostic>,
    known: Vec<usize>,
    /// Bytes to blank.
    blank: Vec<(usize, usize)>,
    /// Braces to put in before these tokens: token and how many.
    put: BTreeMap<usize, usize>,
    /// The first `}` of the item that closes at a deeper indentation than was opened at.
    early: Option<usize>,
    /// A `}` that has to go before another pass.
    extra: Option<usize>,
    /// The item's keyword is not `secret`, `use` or `env`: it ends with its closing brace.
    braced: bool,
}

impl<'a> Pass<'a> {
    fn new(file: FileId, source: &'a str, tokens: &'a [Token]) -> Self {
        let mut depth = 0i64;
        let mut broken = false;
        for token in tokens {
            depth += match token.kind {
                Kind::Open(b'{') => 1,
                Kind::Close(b'}') => -1,
                _ => 0,
            };
            broken |= depth < 0;
        }
        Self {
            file,
            lines: Lines { source },
            tokens,
            broken: broken || depth != 0,
            patient: false,
            stack: Vec::new(),
            chunks: Vec::new(),
            faults: Vec::new(),
            known: Vec::new(),
            blank: Vec::new(),
            put: BTreeMap::new(),
            early: None,
            extra: None,
            braced: false,
        }
    }

    fn token(&self, index: usize) -> Option<&'a Token> {
        self.tokens.get(index)
    }

    fn span(&self, index: usize) -> Span {
        self.token(index).map_or(Span::new(self.file, 0, 0), |t| Span::new(self.file, t.start, t.end))
    }

    fn run(&mut self) {
        for (index, token) in self.tokens.iter().enumerate() {
            if self.extra.is_some() {
                return;
            }
            if self.broken && !self.stack.is_empty() && self.begins_item_for_sure(index) {
                self.close_all(index);
            }
            if self.stack.is_empty() && self.begins_chunk(index) {
                self.braced = !matches!(self.lines.word(token), "secret" | "use" | "env");
                if ITEMS.contains(&self.lines.word(token)) {
                    self.early = None;
                }
                self.chunks.push(Chunk { start: token.start, end: token.end, append: 0, deep: false });
            }
            match token.kind {
                Kind::Open(_) => self.stack.push(index),
                Kind::Close(byte) => self.close(index, byte),
                _ => {}
            }
            let depth = self.stack.len() + token.depth;
            if let Some(chunk) = self.chunks.last_mut() {
                chunk.end = token.end;
                if depth > super::MAX_DEPTH && !chunk.deep {
                    chunk.deep = true;
                    self.faults.push(fault::too_deep(Span::new(self.file, token.start, token.end)));
                }
            }
        }
        if self.extra.is_none() && !self.stack.is_empty() {
            self.close_all(self.tokens.len());
        }
    }

    /// At no depth: whether the token at `index` begins an item.
    fn begins_chunk(&self, index: usize) -> bool {
        let Some(token) = self.token(index) else { return false };
        let Some(previous) = index.checked_sub(1).and_then(|i| self.token(i)) else { return true };
        if self.chunks.is_empty() || (self.braced && previous.kind == Kind::Close(b'}')) {
            return true;
        }
        if token.kind != Kind::Word {
            return false;
        }
        let goes_on = previous.kind == Kind::Comma
            || (previous.kind == Kind::Word && matches!(self.lines.word(previous), "to" | "in" | "secret" | "use" | "env" | "rotation"));
        let word = self.lines.word(token);
        if ITEMS.contains(&word) {
            return !goes_on || (token.first && previous.kind != Kind::Comma);
        }
        token.first && !goes_on && !matches!(word, "to" | "in")
    }

    /// Inside braces that do not match: whether an item begins here, by its place in column one and what follows.
    fn begins_item_for_sure(&self, index: usize) -> bool {
        let Some(token) = self.token(index) else { return false };
        if !token.first || token.kind != Kind::Word || self.lines.indent(token.start) > 0 {
            return false;
        }
        let next = self.token(index + 1);
        let kind = next.map(|t| t.kind);
        let then = self.token(index + 2);
        match self.lines.word(token) {
            "rotation" => matches!(kind, Some(Kind::Word | Kind::String)) && then.is_some_and(|t| t.kind == Kind::Open(b'{')),
            "use" => kind == Some(Kind::String),
            "env" => kind == Some(Kind::Word),
            "secret" => matches!(kind, Some(Kind::Word | Kind::String)) && then.is_none_or(|t| t.kind != Kind::Other),
            _ => false,
        }
    }

    fn close(&mut self, index: usize, byte: u8) {
        let opening = match byte {
            b'}' => b'{',
            b']' => b'[',
            _ => b'(',
        };
        let is = |i: &usize, byte: u8| self.tokens.get(*i).is_some_and(|t| t.kind == Kind::Open(byte));
        // `)` and `]` do not look past a brace.
        let depth = self.stack.iter().rev().position(|i| is(i, opening) || (byte != b'}' && is(i, b'{')));
        let Some(depth) = depth.filter(|d| self.stack.iter().rev().nth(*d).is_some_and(|i| is(i, opening))) else {
            self.unopened(index, byte);
            return;
        };
        for _ in 0..depth {
            if let Some(open) = self.stack.pop() {
                let guess = self.guess(open, index).unwrap_or(index);
                self.report_unclosed(open, Some(guess), &[]);
            }
        }
        let Some(token) = self.token(index) else { return };
        if byte == b'}' && self.broken && token.first {
            let indent = self.lines.indent(token.start);
            while self.stack.len() > 1 {
                let Some(&top) = self.stack.last() else { break };
                if self.token(top).is_none_or(|t| t.kind != Kind::Open(b'{') || self.lines.indent(t.start) <= indent) {
                    break;
                }
                self.stack.pop();
                let guess = self.guess(top, index).unwrap_or(index);
                self.report_unclosed(top, Some(guess), &[]);
                *self.put.entry(guess).or_default() += 1;
            }
        }
        let Some(open) = self.stack.pop() else { return };
        if byte == b'}' && self.broken && self.early.is_none() {
            let indent = |i: usize| self.token(i).map_or(0, |t| self.lines.indent(t.start));
            if indent(index) > indent(open) {
                self.early = Some(index);
            }
        }
    }

    fn unopened(&mut self, index: usize, byte: u8) {
        if byte == b'}' && self.early.is_some() && !self.patient {
            self.extra = self.early;
            return;
        }
        self.faults.push(fault::unopened(self.span(index), byte as char));
        if let Some(token) = self.token(index) {
            self.known.push(token.start);
            self.blank.push((token.start, token.end));
        }
    }

    /// The first token after `open` on a later line that is indented no deeper than the line of `open`.
    fn guess(&self, open: usize, limit: usize) -> Option<usize> {
        let indent = self.lines.indent(self.token(open)?.start);
        (open + 1..limit).find(|i| self.token(*i).is_some_and(|t| t.first && self.lines.indent(t.start) <= indent))
    }

    /// An item begins, or the text ends, while braces are open: closes them all and says so once.
    fn close_all(&mut self, limit: usize) {
        let mut open = std::mem::take(&mut self.stack);
        let Some(inner) = open.pop() else { return };
        let guess = self.guess(inner, limit);
        let others: Vec<Span> = open.iter().rev().take(3).map(|i| self.span(*i)).collect();
        self.report_unclosed(inner, guess.or(Some(limit)), &others);
        let mut append = 0;
        for index in std::iter::once(inner).chain(open.iter().rev().copied()) {
            if self.token(index).is_none_or(|t| t.kind != Kind::Open(b'{')) {
                continue;
            }
            match self.guess(index, limit) {
                Some(guess) => *self.put.entry(guess).or_default() += 1,
                None => append += 1,
            }
        }
        if let Some(chunk) = self.chunks.last_mut() {
            chunk.append = append;
        }
    }

    fn report_unclosed(&mut self, open: usize, guess: Option<usize>, also: &[Span]) {
        let (bracket, closing) = match self.token(open).map(|t| t.kind) {
            Some(Kind::Open(b'[')) => ('[', ']'),
            Some(Kind::Open(b'(')) => ('(', ')'),
            _ => ('{', '}'),
        };
        let guess = guess.and_then(|g| self.token(g)).map(|t| Span::new(self.file, t.start, t.end));
        self.faults.push(fault::unclosed(self.span(open), bracket, closing, guess, also));
        self.known.push(self.token(open).map_or(0, |t| t.start));
        if let Some(guess) = guess {
            self.known.push(guess.start as usize);
        }
    }

    /// Mends the text.
    fn finish(self, lexed: &mut Lexed, mut faults: Vec<Diagnostic>, mut known: Vec<usize>) -> Split {
        let Pass { tokens, chunks, faults: found, known: places, blank, put, .. } = self;
        let mut comments_to_blank = Vec::new();
        let mut edits = Vec::new();
        for (index, count) in put {
            let before = index.checked_sub(1).and_then(|i| tokens.get(i)).map_or(0, |t| t.end);
            let Some(at) = tokens.get(index).map(|t| t.start) else { continue };
            let first = lexed.comments.partition_point(|c| c.0 < before);
            comments_to_blank.extend(lexed.comments.iter().skip(first).take_while(|c| c.1 <= at).copied());
            edits.extend((before..at).rev().take(count));
        }
        for (start, end) in blank.into_iter().chain(comments_to_blank) {
            if let Some(bytes) = lexed.text.get_mut(start..end) {
                bytes.fill(b' ');
            }
        }
        for at in edits {
            if let Some(byte) = lexed.text.get_mut(at) {
                *byte = b'}';
            }
        }
        faults.extend(found);
        known.extend(places);
        Split { chunks, faults, known }
    }
}
