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
pub const ITEMS: [&str; 7] = [
    "rotation", "secret", "use", "env", "template", "target", "deliver",
];

/// How many superfluous closing braces are looked for before the rest is taken as it is.
const MAX_EXTRA: usize = 20;

/// How many unclosed brackets are reported one by one.
const MAX_FAULTS: usize = 20;

/// How many tokens are looked at to guess where a bracket should close.
const FAR: usize = 10_000;

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
        let Some(repair) = pass.repair else {
            break pass.finish(lexed, faults, known);
        };
        rounds += 1;
        faults.extend(repair.apply(file, &mut tokens, &mut lexed.text, &mut known));
    };
    lexed.tokens = tokens;
    split
}

/// What makes the rest fall into place.
#[derive(Clone, Copy)]
enum Repair {
    /// Without this `}`, which closes too early.
    Without(usize),
    /// With a `{` behind this token, which ends a line that is followed by deeper ones.
    OpenAfter(usize),
}

impl Repair {
    fn apply(
        self,
        file: FileId,
        tokens: &mut Vec<Token>,
        text: &mut [u8],
        known: &mut Vec<usize>,
    ) -> Option<Diagnostic> {
        match self {
            Repair::Without(index) => {
                let token = tokens.get_mut(index)?;
                token.kind = Kind::Other;
                known.push(token.start);
                text.get_mut(token.start..token.end)?.fill(b' ');
                Some(fault::unopened(
                    Span::new(file, token.start, token.end),
                    '}',
                ))
            }
            Repair::OpenAfter(index) => {
                let token = *tokens.get(index)?;
                let brace = Token {
                    kind: Kind::Open(b'{'),
                    start: token.end,
                    end: token.end + 1,
                    first: false,
                    indent: token.indent,
                    depth: 0,
                };
                *text.get_mut(token.end)? = b'{';
                tokens.insert(index + 1, brace);
                known.push(token.start);
                Some(fault::missing_open(Span::new(file, token.start, token.end)))
            }
        }
    }
}

/// One way through the tokens.
struct Pass<'a> {
    file: FileId,
    source: &'a str,
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
    /// What has to be mended before another pass.
    repair: Option<Repair>,
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
            source,
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
            repair: None,
            braced: false,
        }
    }

    fn token(&self, index: usize) -> Option<&'a Token> {
        self.tokens.get(index)
    }

    fn word(&self, token: &Token) -> &'a str {
        self.source.get(token.start..token.end).unwrap_or("")
    }

    fn span(&self, index: usize) -> Span {
        self.token(index).map_or(Span::new(self.file, 0, 0), |t| {
            Span::new(self.file, t.start, t.end)
        })
    }

    fn run(&mut self) {
        for (index, token) in self.tokens.iter().enumerate() {
            if self.repair.is_some() {
                return;
            }
            if !self.stack.is_empty()
                && (self.broken || !self.in_braces())
                && self.begins_item_for_sure(index)
            {
                self.close_all(index);
            }
            if self.stack.is_empty() && self.begins_chunk(index) {
                self.braced = !matches!(
                    self.word(token),
                    "secret" | "use" | "env" | "target" | "deliver"
                );
                // `output secret …` behind a brace too many begins nothing.
                if token.first && ITEMS.contains(&self.word(token)) {
                    self.early = None;
                }
                self.chunks.push(Chunk {
                    start: token.start,
                    end: token.end,
                    append: 0,
                    deep: false,
                });
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
                    self.faults.push(fault::too_deep(Span::new(
                        self.file,
                        token.start,
                        token.end,
                    )));
                }
            }
        }
        if self.repair.is_none() && !self.stack.is_empty() {
            self.close_all(self.tokens.len());
        }
    }

    fn in_braces(&self) -> bool {
        self.stack
            .iter()
            .any(|i| self.token(*i).is_some_and(|t| t.kind == Kind::Open(b'{')))
    }

    /// At no depth: whether the token at `index` begins an item.
    fn begins_chunk(&self, index: usize) -> bool {
        let Some(token) = self.token(index) else {
            return false;
        };
        let Some(previous) = index.checked_sub(1).and_then(|i| self.token(i)) else {
            return true;
        };
        if self.chunks.is_empty() || (self.braced && previous.kind == Kind::Close(b'}')) {
            return true;
        }
        if let Kind::Open(byte) = token.kind
            && token.first
            && token.indent == 0
            && (byte != b'{' || (self.broken && !self.braced))
        {
            return true;
        }
        if !matches!(token.kind, Kind::Word | Kind::String) {
            return false;
        }
        // Of a target the name, the kind and the place follow its keyword, on lines of their own or not.
        let back = |count| index.checked_sub(count).and_then(|at| self.token(at));
        let target = |count| back(count).is_some_and(|t| self.word(t) == "target");
        let text = |t: &Token| self.source.get(t.start..t.end);
        let goes_on = text(previous) == Some(".")
            || target(2)
            || (target(3) && token.kind == Kind::String)
            || previous.kind == Kind::Comma
            || (previous.kind == Kind::Word
                && matches!(
                    self.word(previous),
                    "to" | "in"
                        | "as"
                        | "secret"
                        | "use"
                        | "env"
                        | "rotation"
                        | "template"
                        | "from"
                        | "target"
                        | "deliver"
                ));
        let word = self.word(token);
        if ITEMS.contains(&word) {
            return !goes_on
                || (token.first
                    && (previous.kind != Kind::Comma || self.begins_item_for_sure(index)));
        }
        token.first && !goes_on && !matches!(word, "to" | "in" | "as")
    }

    /// Where brackets do not match, or a comma is left over: whether an item begins here, by its place in column one and what follows.
    fn begins_item_for_sure(&self, index: usize) -> bool {
        let Some(token) = self.token(index) else {
            return false;
        };
        if !token.first || token.kind != Kind::Word || token.indent > 0 {
            return false;
        }
        let next = self.token(index + 1);
        let kind = next.map(|t| t.kind);
        let then = self.token(index + 2);
        match self.word(token) {
            "rotation" => {
                matches!(kind, Some(Kind::Word | Kind::String))
                    && then.is_some_and(|t| t.kind == Kind::Open(b'{') || self.word(t) == "from")
            }
            "template" => {
                kind == Some(Kind::Word) && then.is_some_and(|t| t.kind == Kind::Open(b'{'))
            }
            "use" => kind == Some(Kind::String),
            "env" => kind == Some(Kind::Word),
            "target" => kind == Some(Kind::Word) && then.is_some_and(|t| t.kind == Kind::Word),
            "deliver" => matches!(kind, Some(Kind::Word | Kind::String)),
            "secret" => {
                matches!(kind, Some(Kind::Word | Kind::String))
                    && then.is_none_or(|t| t.kind != Kind::Other)
            }
            _ => false,
        }
    }

    fn close(&mut self, index: usize, byte: u8) {
        let opening = match byte {
            b'}' => b'{',
            b']' => b'[',
            _ => b'(',
        };
        let is = |i: &usize, byte: u8| {
            self.tokens
                .get(*i)
                .is_some_and(|t| t.kind == Kind::Open(byte))
        };
        // `)` and `]` do not look past a brace.
        let depth = self
            .stack
            .iter()
            .rev()
            .position(|i| is(i, opening) || (byte != b'}' && is(i, b'{')));
        let Some(depth) = depth.filter(|d| {
            self.stack
                .iter()
                .rev()
                .nth(*d)
                .is_some_and(|i| is(i, opening))
        }) else {
            self.unopened(index, byte);
            return;
        };
        for _ in 0..depth {
            if let Some(open) = self.stack.pop() {
                let guess = if self.faults.len() < MAX_FAULTS {
                    self.guess(open, index)
                } else {
                    None
                };
                self.report_unclosed(open, guess.or(Some(index)), &[]);
            }
        }
        let Some(token) = self.token(index) else {
            return;
        };
        if byte == b'}' && self.broken && token.first {
            let indent = token.indent;
            while self.stack.len() > 1 {
                let Some(&top) = self.stack.last() else { break };
                if self
                    .token(top)
                    .is_none_or(|t| t.kind != Kind::Open(b'{') || t.indent <= indent)
                {
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
            let indent = |i: usize| self.token(i).map_or(0, |t| t.indent);
            if indent(index) > indent(open) {
                self.early = Some(index);
            }
        }
    }

    fn unopened(&mut self, index: usize, byte: u8) {
        if byte == b'}' && !self.patient {
            let suspect = self.early.unwrap_or(index);
            let missing = self.missing_open(suspect).map(Repair::OpenAfter);
            self.repair = missing.or(self.early.map(Repair::Without));
            if self.repair.is_some() {
                return;
            }
        }
        self.faults
            .push(fault::unopened(self.span(index), byte as char));
        if let Some(token) = self.token(index) {
            self.known.push(token.start);
            self.blank.push((token.start, token.end));
        }
    }

    /// The last token of the line that the `}` at `index` seems to belong to, if that line lacks its `{`: it is indented
    /// as the `}`, and all lines between are deeper.
    fn missing_open(&self, index: usize) -> Option<usize> {
        let close = self.token(index).filter(|t| t.first)?;
        let indent = close.indent;
        let firsts = |range: std::ops::Range<usize>| {
            range.filter(|i| self.token(*i).is_some_and(|t| t.first))
        };
        let head = firsts(0..index)
            .rev()
            .find(|i| self.token(*i).is_some_and(|t| t.indent <= indent))?;
        let next = firsts(head + 1..index).next()?;
        let last = next.checked_sub(1)?;
        let (first, last_token) = (self.token(head)?, self.token(last)?);
        let ends = matches!(
            last_token.kind,
            Kind::Word | Kind::String | Kind::Close(b')' | b']')
        );
        let fits = ends || self.word(last_token) == "=";
        (first.indent == indent && fits).then_some(last)
    }

    /// The first token after `open` on a later line that is indented no deeper than the line of `open`.
    fn guess(&self, open: usize, limit: usize) -> Option<usize> {
        let indent = self.token(open)?.indent;
        (open + 1..limit).take(FAR).find(|i| {
            self.token(*i)
                .is_some_and(|t| t.first && t.indent <= indent)
        })
    }

    /// An item begins, or the text ends, while braces are open: closes them all and says so once.
    fn close_all(&mut self, limit: usize) {
        let mut open = std::mem::take(&mut self.stack);
        let Some(inner) = open.pop() else { return };
        let guess = self.guess(inner, limit);
        let others: Vec<Span> = open.iter().rev().take(3).map(|i| self.span(*i)).collect();
        self.report_unclosed(inner, guess.or(Some(limit)), &others);
        let mut append = 0;
        for (count, index) in std::iter::once(inner)
            .chain(open.iter().rev().copied())
            .enumerate()
        {
            // What is open deeper than that is given up for its depth anyway.
            if count > super::MAX_DEPTH {
                break;
            }
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
        if self.faults.len() >= MAX_FAULTS {
            self.known.push(self.token(open).map_or(0, |t| t.start));
            return;
        }
        let (bracket, closing) = match self.token(open).map(|t| t.kind) {
            Some(Kind::Open(b'[')) => ('[', ']'),
            Some(Kind::Open(b'(')) => ('(', ')'),
            _ => ('{', '}'),
        };
        let guess = guess
            .and_then(|g| self.token(g))
            .map(|t| Span::new(self.file, t.start, t.end));
        self.faults.push(fault::unclosed(
            self.span(open),
            bracket,
            closing,
            guess,
            also,
        ));
        self.known.push(self.token(open).map_or(0, |t| t.start));
        if let Some(guess) = guess {
            self.known.push(guess.start as usize);
        }
    }

    /// Mends the text.
    fn finish(
        self,
        lexed: &mut Lexed,
        mut faults: Vec<Diagnostic>,
        mut known: Vec<usize>,
    ) -> Split {
        let Pass {
            tokens,
            chunks,
            faults: found,
            known: places,
            blank,
            put,
            ..
        } = self;
        let mut comments_to_blank = Vec::new();
        let mut edits = Vec::new();
        for (index, count) in put {
            let before = index
                .checked_sub(1)
                .and_then(|i| tokens.get(i))
                .map_or(0, |t| t.end);
            let Some(at) = tokens.get(index).map(|t| t.start) else {
                continue;
            };
            let first = lexed.comments.partition_point(|c| c.0 < before);
            comments_to_blank.extend(
                lexed
                    .comments
                    .iter()
                    .skip(first)
                    .take_while(|c| c.1 <= at)
                    .copied(),
            );
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
        Split {
            chunks,
            faults,
            known,
        }
    }
}
