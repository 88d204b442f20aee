//! Lines, blanks, comments and braces.

use super::{Printer, WIDTH};
use crate::source::Span;

/// The braces around some nodes, as they stood in the source.
pub(super) struct Braces {
    open: usize,
    close: usize,
    one_line: bool,
}

/// The brackets around nodes, and what stands between them.
pub(super) struct Separator {
    pub pair: (&'static str, &'static str),
    /// Between two of them on one line.
    pub flat: &'static str,
    /// After each on a line of its own.
    pub line: &'static str,
}

/// Statements.
pub(super) const STATEMENTS: Separator = Separator {
    pair: ("{", "}"),
    flat: "   ",
    line: "",
};
/// Members of an object.
pub(super) const MEMBERS: Separator = Separator {
    pair: ("{", "}"),
    flat: ", ",
    line: "",
};
/// Elements of a list.
pub(super) const ELEMENTS: Separator = Separator {
    pair: ("[", "]"),
    flat: ", ",
    line: ",",
};

impl<'a> Printer<'a> {
    pub(super) fn push(&mut self, text: &str) {
        self.out.push_str(text);
    }

    fn pad(&mut self) {
        for _ in 0..self.indent {
            self.out.push_str("  ");
        }
    }

    fn column(&self) -> usize {
        self.out.rsplit('\n').next().unwrap_or("").chars().count()
    }

    fn slice(&self, start: usize, end: usize) -> &'a str {
        self.source.text().get(start..end).unwrap_or("")
    }

    /// Whether a line without text stands between two places.
    fn blank_between(&self, start: usize, end: usize) -> bool {
        let mut lines = self.slice(start, end).split('\n');
        lines.next();
        let mut lines = lines.peekable();
        while let Some(line) = lines.next() {
            if lines.peek().is_some() && line.trim().is_empty() {
                return true;
            }
        }
        false
    }

    fn next_comment(&self) -> Option<Span> {
        self.comments.get(self.next).copied()
    }

    /// Whether a comment begins as suppressions do.
    fn is_suppression(&self, span: Span) -> bool {
        let text = self.slice(span.start as usize, span.end as usize);
        text.trim_start_matches('#')
            .trim_start()
            .starts_with("rot:")
    }

    fn comment(&mut self, span: Span) {
        let text = self
            .slice(span.start as usize, span.end as usize)
            .trim_end();
        self.push(text);
        self.next += 1;
        self.seen = self.seen.max(span.end as usize);
    }

    /// Prints a blank line, if one stood before `start`.
    fn blank_line(&mut self, start: usize, force: bool) {
        if !self.top && (force || self.blank_between(self.seen, start)) {
            self.out.push('\n');
        }
        self.top = false;
    }

    /// Prints the comments before `limit`, each on its line. Tells whether there were any.
    fn comments_before(&mut self, limit: usize, mut force: bool) -> bool {
        let mut any = false;
        while let Some(span) = self.next_comment().filter(|c| (c.start as usize) < limit) {
            self.blank_line(span.start as usize, force);
            force = false;
            any = true;
            self.pad();
            self.comment(span);
            self.out.push('\n');
        }
        any
    }

    /// Where what stood on one line takes several now, the suppression behind it moves above it, from where it speaks of all of them.
    fn answer_above(&mut self, place: Span, from: usize, limit: usize) {
        let (start, end) = (place.start as usize, place.end as usize);
        let trailing = self.next_comment().filter(|c| {
            let at = c.start as usize;
            end <= at && at < limit && !self.slice(start, at).contains('\n')
        });
        let Some(trailing) = trailing.filter(|c| self.is_suppression(*c)) else {
            return;
        };
        if !self.out.get(from..).is_some_and(|text| text.contains('\n')) {
            return;
        }
        let line = self.out.get(..from).and_then(|text| text.rfind('\n'));
        let printed = self.out.split_off(line.map_or(0, |at| at + 1));
        self.pad();
        self.comment(trailing);
        self.push("\n");
        self.push(&printed);
    }

    /// Ends the line of a node that ended at `end`: with the comment that stood on its line, or with those that stood
    /// inside it below.
    fn end_line(&mut self, end: usize, limit: usize) {
        let same_line = |p: &Self, c: &Span| {
            let start = c.start as usize;
            start < end || (start < limit && !p.slice(end, start).contains('\n'))
        };
        self.seen = self.seen.max(end);
        match self.next_comment() {
            Some(inside) if (inside.start as usize) < end => {
                // A suppression speaks of its line, and so stays on it.
                if self.is_suppression(inside) {
                    self.push("  ");
                    self.comment(inside);
                }
                self.out.push('\n');
                while let Some(span) = self.next_comment().filter(|c| same_line(self, c)) {
                    self.pad();
                    self.comment(span);
                    self.out.push('\n');
                }
            }
            Some(trailing) if same_line(self, &trailing) => {
                self.push("  ");
                self.comment(trailing);
                self.out.push('\n');
            }
            _ => self.out.push('\n'),
        }
    }

    /// Prints nodes, each on a line of its own, with the comments around them; `close` is where their braces end.
    /// `apart` says between which two a blank line has to stand.
    pub(super) fn lines<T>(
        &mut self,
        nodes: &[T],
        close: usize,
        span: impl Fn(&T) -> Span,
        apart: impl Fn(&T, &T) -> bool,
        mut print: impl FnMut(&mut Self, &T),
    ) {
        self.top = true;
        for (index, node) in nodes.iter().enumerate() {
            let place = span(node);
            let previous = index.checked_sub(1).and_then(|i| nodes.get(i));
            let natural = self.blank_between(self.seen, place.start as usize);
            let force = !natural && previous.is_some_and(|p| apart(p, node));
            let commented = self.comments_before(place.start as usize, force);
            self.blank_line(place.start as usize, force && !commented);
            self.pad();
            let from = self.out.len();
            print(self, node);
            let limit = nodes
                .get(index + 1)
                .map_or(close, |n| span(n).start as usize);
            self.answer_above(place, from, limit);
            self.end_line(place.end as usize, limit);
        }
        self.comments_before(close, false);
    }

    /// Finds the braces that open after `from`, with nothing but words before them.
    pub(super) fn braces(&self, from: usize, last: Option<Span>) -> Braces {
        let mut open = self.skip(from, false);
        while let Some(rest) = self
            .source
            .text()
            .get(open..)
            .filter(|r| !r.is_empty() && !r.starts_with('{'))
        {
            let word = rest.len()
                - rest
                    .trim_start_matches(|c: char| c.is_ascii_alphanumeric() || "_-./".contains(c))
                    .len();
            let step = if word == 0 {
                rest.chars().next().map_or(1, char::len_utf8)
            } else {
                word
            };
            open = self.skip(open + step, false);
        }
        let close = self.skip(
            last.map_or(open + 1, |l| l.end as usize).max(open + 1),
            true,
        );
        self.between(open, close)
    }

    /// The brackets of an expression with its own place.
    pub(super) fn brackets(&self, span: Span) -> Braces {
        self.between(span.start as usize, (span.end as usize).saturating_sub(1))
    }

    fn between(&self, open: usize, close: usize) -> Braces {
        let text = self.slice(open, close);
        Braces {
            open,
            close,
            one_line: !text.is_empty() && !text.contains('\n'),
        }
    }

    /// Past blanks and comments, and past commas where `commas` says so.
    fn skip(&self, from: usize, commas: bool) -> usize {
        let mut at = from;
        while let Some(rest) = self.source.text().get(at..) {
            let trimmed =
                rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || (commas && c == ','));
            at += rest.len() - trimmed.len();
            if !trimmed.starts_with('#') {
                break;
            }
            at += trimmed.find('\n').unwrap_or(trimmed.len());
        }
        at
    }

    /// Prints nodes in brackets: on one line where they stood on one and fit, else on lines of their own.
    pub(super) fn block<T>(
        &mut self,
        braces: &Braces,
        nodes: &[T],
        separator: &Separator,
        span: impl Fn(&T) -> Span,
        mut print: impl FnMut(&mut Self, &T),
    ) {
        let pair = separator.pair;
        let commented = self
            .next_comment()
            .is_some_and(|c| (c.start as usize) < braces.close);
        if nodes.is_empty() && (self.flat || !commented) {
            self.push(pair.0);
            self.push(pair.1);
            return;
        }
        if self.flat || braces.one_line {
            let (length, flat) = (self.out.len(), self.flat);
            self.flat = true;
            let blank = if pair.0 == "{" { " " } else { "" };
            self.push(pair.0);
            self.push(blank);
            for (index, node) in nodes.iter().enumerate() {
                if index > 0 {
                    self.push(separator.flat);
                }
                print(self, node);
            }
            self.push(blank);
            self.push(pair.1);
            self.flat = flat;
            if flat || self.column() <= WIDTH {
                return;
            }
            self.out.truncate(length);
        }
        self.push(pair.0);
        if let Some(comment) = self.next_comment().filter(|c| {
            let before = self.slice(0, c.start as usize);
            (c.start as usize) > braces.open
                && before.trim_end_matches([' ', '\t']).len() == braces.open + 1
        }) {
            self.push("  ");
            self.comment(comment);
        }
        self.out.push('\n');
        self.seen = self.seen.max(braces.open + 1);
        self.indent += 1;
        self.lines(
            nodes,
            braces.close,
            span,
            |_, _| false,
            |p, node| {
                print(p, node);
                p.push(separator.line);
            },
        );
        self.indent -= 1;
        self.seen = self.seen.max(braces.close + 1);
        self.top = false;
        self.pad();
        self.push(pair.1);
    }

    /// The first word after `from`, past a closing or opening brace.
    pub(super) fn word_after(&self, from: usize) -> usize {
        let at = self.skip(from, true);
        if self.slice(at, at + 1) == "{" {
            self.skip(at + 1, false)
        } else {
            at
        }
    }

    /// Where braces end, for what comes behind them.
    pub(super) fn after(&self, braces: &Braces) -> usize {
        braces.close + 1
    }
}
