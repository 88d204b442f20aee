//! Text → tree in one pass: strict in what it accepts (RFC 8259), and able to go on behind what it does not, so that the rest of a
//! file is still read while one line of it is being typed.
//!
//! Own code, because no crate has it all: byte ranges, repeated keys, numbers as they were written, the way back from a decoded
//! string to its raw text, strictness, and a tree of what is intact behind an error.

use super::{Duplicate, Invalid, JsonString, Member, Node, NodeKind, Problem};
use crate::source::{FileId, Span};
use std::collections::HashMap;

/// Above this many members a map finds repeated keys; below, comparing is faster.
const FEW_MEMBERS: usize = 12;
/// Behind this many faults a text is no JSON that somebody is writing.
const FAULTS: usize = 8;

/// What is done behind a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Nothing is read.
    Stops,
    /// What is intact is read.
    IsPassedOver,
}

/// What came of a text.
pub(super) struct Reading {
    /// The value; behind a fault what is intact of it, if anything is.
    pub(super) node: Option<Node>,
    /// What keeps it from being JSON; at most one a line.
    pub(super) faults: Vec<Invalid>,
    /// Repeated keys, which are kept in the tree.
    pub(super) duplicates: Vec<Duplicate>,
    /// All that the text says is in the tree, whatever is wrong with how it says it.
    pub(super) complete: bool,
}

/// Reads `text`, whose arrays and objects may be nested `depth` deep. Places are in `file`.
pub(super) fn read(file: FileId, text: &str, depth: usize, fault: Fault) -> Reading {
    let start = if text.starts_with('\u{feff}') {
        '\u{feff}'.len_utf8()
    } else {
        0
    };
    let mut reader = Reader::new(file, text, start, depth);
    reader.fault = fault;
    let whole = reader.reading(false);
    if fault == Fault::Stops || whole.complete {
        return whole;
    }
    // A bracket that is missing in one element of a list swallows the rest of it: the lines tell where each begins.
    let starts = elements(text, start);
    let items = whole.node.as_ref().map_or(&[][..], Node::items);
    let begun = items.iter().map(|item| item.span.start as usize);
    if starts.len() < 2 || begun.eq(starts.iter().copied()) {
        return whole;
    }
    by_elements(file, text, depth, &starts)
}

/// Where the elements of a list of objects begin: the lines that begin with `{` and are indented least.
fn elements(text: &str, start: usize) -> Vec<usize> {
    let mut found: Vec<(usize, usize)> = Vec::new();
    let rest = text.get(start..).unwrap_or_default();
    if !rest.trim_start().starts_with('[') {
        return Vec::new();
    }
    let mut at = start;
    for line in rest.split_inclusive('\n') {
        let indent = line.len() - line.trim_start().len();
        if line.trim_start().starts_with('{') {
            found.push((indent, at + indent));
        }
        at += line.len();
    }
    let least = found.iter().map(|(indent, _)| *indent).min();
    found.retain(|(indent, _)| Some(*indent) == least);
    found.into_iter().map(|(_, at)| at).collect()
}

/// Reads each element of a list by itself. What one of them lacks is missing in no other.
fn by_elements(file: FileId, text: &str, depth: usize, starts: &[usize]) -> Reading {
    let mut items = Vec::with_capacity(starts.len());
    let mut all = Reading {
        node: None,
        faults: Vec::new(),
        duplicates: Vec::new(),
        complete: false,
    };
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    for (start, end) in starts.iter().zip(ends) {
        let up_to = text.get(..end).unwrap_or(text);
        let read = Reader::new(file, up_to, *start, depth.saturating_sub(1)).reading(true);
        items.extend(read.node);
        all.faults.extend(read.faults);
        all.duplicates.extend(read.duplicates);
        if all.faults.len() >= FAULTS {
            break;
        }
    }
    all.node = Some(Node {
        kind: NodeKind::Array(items),
        span: Span::new(file, 0, text.len()),
    });
    all
}

/// Nothing more is read.
struct Stop;

struct Reader<'t> {
    file: FileId,
    text: &'t str,
    bytes: &'t [u8],
    /// The next byte.
    at: usize,
    /// Arrays and objects that may still be opened.
    depth: usize,
    fault: Fault,
    /// Arrays and objects that are open.
    open: (usize, usize),
    /// Faults before this byte follow from an earlier one.
    quiet: usize,
    faults: Vec<Invalid>,
    duplicates: Vec<Duplicate>,
    /// A fault was met behind which something is not read.
    lost: bool,
}

impl<'t> Reader<'t> {
    /// A reader of what stands from `at` to the end.
    fn new(file: FileId, text: &'t str, at: usize, depth: usize) -> Self {
        Self {
            file,
            text,
            bytes: text.as_bytes(),
            at,
            depth,
            fault: Fault::IsPassedOver,
            open: (0, 0),
            quiet: 0,
            faults: Vec::new(),
            duplicates: Vec::new(),
            lost: false,
        }
    }

    /// Reads all of it; `in_list` when it is an element of a list, with what stands behind one.
    fn reading(mut self, in_list: bool) -> Reading {
        let node = self.document(in_list).unwrap_or(None);
        Reading {
            complete: !self.lost,
            node,
            faults: self.faults,
            duplicates: self.duplicates,
        }
    }

    fn document(&mut self, in_list: bool) -> Result<Option<Node>, Stop> {
        self.blanks()?;
        if self.at == self.bytes.len() {
            self.report(Problem::Empty, self.at, self.at)?;
            return Ok(None);
        }
        let node = self.value()?;
        self.blanks()?;
        if in_list {
            while matches!(self.peek(), Some(b',' | b']')) {
                self.at += 1;
                self.blanks()?;
            }
        }
        if self.at < self.bytes.len() {
            let end = self.token_end(self.at);
            self.report(Problem::Trailing, self.at, end)?;
        }
        Ok(node)
    }

    fn report(&mut self, problem: Problem, start: usize, end: usize) -> Result<(), Stop> {
        self.lost |= problem.loses();
        if self.faults.is_empty() || start >= self.quiet {
            self.faults
                .push(Invalid::new(self.text, problem, start, end));
        }
        let from = end.max(self.at);
        let rest = self.bytes.get(from..).unwrap_or_default();
        self.quiet = rest
            .iter()
            .position(|b| *b == b'\n')
            .map_or(self.bytes.len(), |line| from + line);
        if self.fault == Fault::Stops || self.faults.len() >= FAULTS {
            return Err(Stop);
        }
        Ok(())
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.file, start, end)
    }

    /// Skips blanks, and comments, which are reported.
    fn blanks(&mut self) -> Result<(), Stop> {
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                Some(b'/') => {
                    let rest = self.text.get(self.at..).unwrap_or_default();
                    let length = if rest.starts_with("//") {
                        rest.find('\n').unwrap_or(rest.len())
                    } else if rest.starts_with("/*") {
                        rest.find("*/").map_or(rest.len(), |end| end + 2)
                    } else {
                        return Ok(());
                    };
                    let start = self.at;
                    self.at += length;
                    self.report(Problem::Comment, start, self.at)?;
                }
                _ => return Ok(()),
            }
        }
    }

    /// The end of the word, number or sign at `start`.
    fn token_end(&self, start: usize) -> usize {
        let rest = self.bytes.get(start..).unwrap_or_default();
        let plain =
            |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$' | b'+' | b'-' | b'.');
        let word = rest.iter().position(|b| !plain(b)).unwrap_or(rest.len());
        if word > 0 && rest.get(word).is_none_or(u8::is_ascii) {
            return start + word;
        }
        // Letters beyond ASCII: no JSON, but a word for whoever wrote it.
        let rest = self.text.get(start..).unwrap_or_default();
        let word = rest
            .find(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | '$' | '+' | '-' | '.'))
            .unwrap_or(rest.len());
        let sign = rest.chars().next().map_or(0, char::len_utf8);
        start + word.max(sign)
    }

    /// The value that stands here; none where there is none that could be read, which is reported.
    fn value(&mut self) -> Result<Option<Node>, Stop> {
        let start = self.at;
        let kind = match self.peek() {
            Some(b'"') => match self.string()? {
                Some(string) => NodeKind::String(string),
                None => return Ok(None),
            },
            Some(b'{') => self.object()?,
            Some(b'[') => self.array()?,
            Some(b'-' | b'0'..=b'9') => match self.number()? {
                Some(number) => number,
                None => return Ok(None),
            },
            Some(b'\'') => NodeKind::String(self.single_quoted()?),
            None | Some(b',' | b':' | b']' | b'}') => {
                self.report(Problem::MissingValue, start, start)?;
                return Ok(None);
            }
            Some(_) => {
                let end = self.token_end(start);
                self.at = end;
                match self.text.get(start..end) {
                    Some("null") => NodeKind::Null,
                    Some("true") => NodeKind::Bool(true),
                    Some("false") => NodeKind::Bool(false),
                    word => {
                        let number = word.is_some_and(|w| {
                            matches!(w, "NaN" | "Infinity") || w.starts_with(['+', '.'])
                        });
                        let problem = if number {
                            Problem::Number
                        } else {
                            Problem::Unexpected
                        };
                        self.report(problem, start, end)?;
                        return Ok(None);
                    }
                }
            }
        };
        Ok(Some(Node {
            kind,
            span: self.span(start, self.at),
        }))
    }

    /// Goes into an array or object whose bracket stands here.
    fn enter(&mut self) -> Result<(), Stop> {
        let start = self.at;
        if self.open.0 + self.open.1 >= self.depth {
            self.fault = Fault::Stops;
            self.report(Problem::TooDeep, start, start + 1)?;
        }
        self.at += 1;
        Ok(())
    }

    /// Whether an array or object ends here, at its own bracket, that of one around it, or the end of the text. A bracket that
    /// closes nothing is passed over.
    fn ends(&mut self, start: usize, own: u8) -> Result<bool, Stop> {
        loop {
            self.blanks()?;
            let (problem, around) = match own {
                b']' => (Problem::OpenArray, self.open.1),
                _ => (Problem::OpenObject, self.open.0),
            };
            match self.peek() {
                Some(byte) if byte == own => {
                    self.at += 1;
                    return Ok(true);
                }
                Some(b']' | b'}') if around == 0 => {
                    self.report(Problem::Unexpected, self.at, self.at + 1)?;
                    self.at += 1;
                }
                None | Some(b']' | b'}') => {
                    self.report(problem, start, start + 1)?;
                    return Ok(true);
                }
                Some(_) => return Ok(false),
            }
        }
    }

    /// Behind a value of an array or object: a comma, or what ends it. `end` is where the value ended.
    fn comma(&mut self, end: usize, own: u8) -> Result<(), Stop> {
        self.blanks()?;
        match self.peek() {
            Some(b',') => {
                let comma = self.at;
                self.at += 1;
                self.blanks()?;
                if self.peek() == Some(own) {
                    self.report(Problem::TrailingComma, comma, comma + 1)?;
                }
            }
            Some(b':') => {
                self.report(Problem::Unexpected, self.at, self.at + 1)?;
                self.at += 1;
            }
            None | Some(b']' | b'}') => {}
            Some(_) => self.report(Problem::MissingComma, end, end)?,
        }
        Ok(())
    }

    fn array(&mut self) -> Result<NodeKind, Stop> {
        let start = self.at;
        self.enter()?;
        self.open.0 += 1;
        let mut items = Vec::new();
        while !self.ends(start, b']')? {
            items.extend(self.value()?);
            self.comma(self.at, b']')?;
        }
        self.open.0 -= 1;
        Ok(NodeKind::Array(items))
    }

    fn object(&mut self) -> Result<NodeKind, Stop> {
        let start = self.at;
        self.enter()?;
        self.open.1 += 1;
        let mut members: Vec<Member> = Vec::with_capacity(8);
        while !self.ends(start, b'}')? {
            let Some(key) = self.key()? else {
                continue;
            };
            self.blanks()?;
            if self.peek() == Some(b':') {
                self.at += 1;
                self.blanks()?;
            } else {
                let end = self.token_end(self.at).min(self.bytes.len());
                self.report(Problem::MissingColon, self.at, end)?;
                if matches!(self.peek(), None | Some(b',' | b']' | b'}')) {
                    self.comma(self.at, b'}')?;
                    continue;
                }
            }
            if let Some(value) = self.value()? {
                members.push(Member { key, value });
            }
            self.comma(self.at, b'}')?;
        }
        self.open.1 -= 1;
        self.note_duplicates(&members);
        Ok(NodeKind::Object(members))
    }

    /// A key; none where something stands that can be none, which is reported and passed over.
    fn key(&mut self) -> Result<Option<JsonString>, Stop> {
        let start = self.at;
        match self.peek() {
            Some(b'"') => self.string(),
            Some(b'\'') => self.single_quoted().map(Some),
            _ => {
                let end = self.token_end(start);
                self.at = end;
                self.report(Problem::Key, start, end)?;
                let word = self.text.get(start..end).unwrap_or_default();
                let named = word.starts_with(|c: char| c.is_alphabetic() || c == '_' || c == '$');
                Ok(named
                    .then(|| JsonString::new(word.to_owned(), self.span(start, end), Vec::new())))
            }
        }
    }

    /// A string in double quotes, which stands here; none when it has no end on its line.
    fn string(&mut self) -> Result<Option<JsonString>, Stop> {
        let start = self.at;
        self.at += 1;
        let mut from = self.at;
        let mut text = String::new();
        let mut map = Vec::new();
        loop {
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            let stop = rest
                .iter()
                .position(|b| matches!(b, b'"' | b'\\') || *b < 0x20);
            self.at += stop.unwrap_or(rest.len());
            let piece = self.text.get(from..self.at).unwrap_or_default();
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    let text = if text.is_empty() {
                        piece.to_owned()
                    } else {
                        text + piece
                    };
                    return Ok(Some(JsonString::new(text, self.span(start, self.at), map)));
                }
                Some(b'\\') => {
                    text.push_str(piece);
                    text.push(self.escape()?);
                    map.push((offset(text.len()), offset(self.at)));
                    from = self.at;
                }
                None | Some(b'\n' | b'\r') => {
                    self.report(Problem::OpenString, start, start + 1)?;
                    return Ok(None);
                }
                Some(_) => {
                    self.report(Problem::ControlCharacter, self.at, self.at + 1)?;
                    self.at += 1;
                }
            }
        }
    }

    /// The character of the escape that stands here.
    fn escape(&mut self) -> Result<char, Stop> {
        let start = self.at;
        self.at += 2;
        Ok(match self.bytes.get(start + 1) {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(start),
            _ => {
                let c = self
                    .text
                    .get(start + 1..)
                    .and_then(|rest| rest.chars().next());
                self.at = start + 1 + c.filter(|c| !c.is_control()).map_or(0, char::len_utf8);
                self.report(Problem::Escape, start, self.at)?;
                c.unwrap_or('\\')
            }
        })
    }

    /// The character of the `\u` at `start`, which may be two escapes of a pair (RFC 8259 section 7).
    fn unicode(&mut self, start: usize) -> Result<char, Stop> {
        let Some(first) = self.hex(start + 2) else {
            self.report(Problem::Escape, start, self.at)?;
            return Ok('u');
        };
        self.at = start + 6;
        let low = || {
            let second = self.text.get(start + 6..start + 8) == Some("\\u");
            self.hex(start + 8)
                .filter(|low| second && (0xDC00..0xE000).contains(low))
        };
        let code = match first {
            0xD800..0xDC00 => low().map(|low| 0x10000 + ((first - 0xD800) << 10) + (low - 0xDC00)),
            _ => Some(first),
        };
        match code.and_then(char::from_u32) {
            Some(c) => {
                if first != u32::from(c) {
                    self.at = start + 12;
                }
                Ok(c)
            }
            None => {
                self.report(Problem::Surrogate, start, start + 6)?;
                Ok('\u{fffd}')
            }
        }
    }

    /// Four hexadecimal digits.
    fn hex(&self, at: usize) -> Option<u32> {
        let digits = self.text.get(at..at + 4)?;
        let all = digits.bytes().all(|b| b.is_ascii_hexdigit());
        u32::from_str_radix(digits, 16).ok().filter(|_| all)
    }

    /// A string in single quotes, which JSON has not: up to the next quote of its line.
    fn single_quoted(&mut self) -> Result<JsonString, Stop> {
        let start = self.at;
        let rest = self.text.get(start + 1..).unwrap_or_default();
        let line = rest.split('\n').next().unwrap_or_default();
        let text = line.split('\'').next().unwrap_or_default();
        self.at = start + 1 + text.len() + usize::from(text.len() < line.len());
        self.report(Problem::SingleQuotes, start, start + 1)?;
        Ok(JsonString::new(
            text.to_owned(),
            self.span(start, self.at),
            Vec::new(),
        ))
    }

    /// A number, as it is written.
    fn number(&mut self) -> Result<Option<NodeKind>, Stop> {
        let start = self.at;
        let end = self.token_end(start);
        let text = self.text.get(start..end).unwrap_or_default();
        let good = number_length(text.as_bytes());
        self.at = end;
        match good {
            Ok(length) if length == text.len() => Ok(Some(NodeKind::Number(text.to_owned()))),
            Ok(at) | Err(at) => {
                let place = start + at;
                let wrong = self
                    .text
                    .get(place..end)
                    .and_then(|rest| rest.chars().next());
                let (from, to) = wrong.map_or((start, end), |c| (place, place + c.len_utf8()));
                self.report(Problem::Number, from, to)?;
                Ok(None)
            }
        }
    }

    fn note_duplicates(&mut self, members: &[Member]) {
        let mut note = |first: &Member, second: &Member| {
            self.duplicates.push(Duplicate {
                key: second.key.text.clone(),
                first: first.key.span,
                second: second.key.span,
            });
        };
        if members.len() <= FEW_MEMBERS {
            for (index, member) in members.iter().enumerate() {
                let before = members.iter().take(index);
                if let Some(first) = before.into_iter().find(|m| m.key.text == member.key.text) {
                    note(first, member);
                }
            }
            return;
        }
        let mut seen: HashMap<&str, &Member> = HashMap::with_capacity(members.len());
        for member in members {
            match seen.get(member.key.text.as_str()) {
                Some(first) => note(first, member),
                None => {
                    seen.insert(&member.key.text, member);
                }
            }
        }
    }
}

/// How many bytes are a number (RFC 8259 section 6); the error is where it breaks off.
fn number_length(bytes: &[u8]) -> Result<usize, usize> {
    let digits = |from: usize| {
        let count = bytes
            .iter()
            .skip(from)
            .take_while(|b| b.is_ascii_digit())
            .count();
        if count == 0 {
            Err(from)
        } else {
            Ok(from + count)
        }
    };
    let start = usize::from(bytes.first() == Some(&b'-'));
    let mut at = match bytes.get(start) {
        Some(b'0') => start + 1,
        _ => digits(start)?,
    };
    if bytes.get(at) == Some(&b'.') {
        at = digits(at + 1)?;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        at = digits(at + 1 + sign)?;
    }
    Ok(at)
}

/// An offset in a text, none of which is larger.
fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
