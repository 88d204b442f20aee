//! What the grammar found → tree, one file for each noun.
//!
//! Must not judge: whether names exist, types fit or paths are valid is decided later. What the grammar is too weak
//! to say (escapes, missing commas, clauses said twice) is reported here.

mod clause;
mod control;
mod expr;
mod file;
mod http;
mod rotation;
mod step;
mod string;

pub(super) use string::decode;

use super::ast::{Count, Duration, Name};
use super::explain::{Explain, Place};
use super::grammar::Rule;
use crate::diagnostic::{Diagnostic, Edit, codes};
use crate::source::Dur;
use crate::source::Span;
use pest::iterators::Pair;

/// What the grammar found for one rule.
type Node<'a> = Pair<'a, Rule>;

/// Turns the pairs of one item into its tree.
pub struct Lower<'a> {
    explain: &'a Explain<'a>,
    /// The text that was parsed.
    input: &'a str,
    /// Where it begins in the file.
    base: usize,
    comments: &'a [(usize, usize)],
    diagnostics: &'a mut Vec<Diagnostic>,
    /// How many expressions are open.
    level: usize,
}

impl<'a> Lower<'a> {
    /// For the item at `base`, which was parsed from `input`.
    pub fn new(
        explain: &'a Explain<'a>,
        input: &'a str,
        base: usize,
        comments: &'a [(usize, usize)],
        diagnostics: &'a mut Vec<Diagnostic>,
    ) -> Self {
        Self {
            explain,
            input,
            base,
            comments,
            diagnostics,
            level: 0,
        }
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// A place in the file from offsets in the input.
    fn place(&self, start: usize, end: usize) -> Span {
        let limit = self.explain.source.len();
        Span::new(
            self.explain.file,
            (self.base + start).min(limit),
            (self.base + end).min(limit),
        )
    }

    /// The place of a token.
    fn token(&self, node: &Node<'_>) -> Span {
        let span = node.as_span();
        self.place(span.start(), span.end())
    }

    /// The place of a node without the blanks and comments that pest counts to a rule that ends in something
    /// optional.
    fn span(&self, node: &Node<'_>) -> Span {
        let mut span = self.token(node);
        loop {
            let text = self
                .explain
                .source
                .get(span.start as usize..span.end as usize)
                .unwrap_or("");
            let end = span.start as usize + text.trim_end().len();
            let comment = self
                .comments
                .binary_search_by_key(&end, |c| c.1)
                .ok()
                .and_then(|i| self.comments.get(i));
            match comment.filter(|c| c.0 > span.start as usize) {
                Some(comment) => span = Span::new(span.file, span.start as usize, comment.0),
                None => return Span::new(span.file, span.start as usize, end),
            }
        }
    }

    /// A name: a word, or a string without interpolation.
    fn name(&mut self, node: Node<'a>) -> Name {
        if node.as_rule() == Rule::string {
            self.plain(node)
        } else {
            Name {
                text: node.as_str().to_owned(),
                span: self.token(&node),
            }
        }
    }

    /// A name that is used without a dot behind it, so that it must not be a keyword.
    fn bare_name(&mut self, node: Node<'a>) -> Name {
        let name = self.name(node);
        if super::is_keyword(&name.text) {
            self.report(
                Diagnostic::new(
                    codes::BAD_NAME,
                    name.span,
                    format!(
                        "`{}` is a keyword and cannot stand alone as a value",
                        name.text
                    ),
                )
                .at("could not be used by this name")
                .help(format!(
                    "choose another name, such as `{}_value`",
                    name.text
                )),
            );
        }
        name
    }

    fn duration(&mut self, node: &Node<'_>) -> Duration {
        Duration {
            value: Dur::sum(node.as_str()),
            span: self.token(node),
        }
    }

    fn count(&mut self, node: &Node<'_>) -> Count {
        Count {
            value: digits(node.as_str()),
            span: self.token(node),
        }
    }

    /// `4MiB`
    fn size(&mut self, node: &Node<'_>) -> Count {
        let text = node.as_str();
        let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let unit = match text.strip_prefix(number) {
            Some("MiB") => 1024 * 1024,
            Some("KiB") => 1024,
            _ => 1,
        };
        Count {
            value: digits(number).saturating_mul(unit),
            span: self.token(node),
        }
    }

    /// The duration in a node such as `jitter 5m`.
    fn inner_duration(&mut self, node: Node<'a>) -> Option<Duration> {
        let token = node.into_inner().find(|n| n.as_rule() == Rule::duration)?;
        Some(self.duration(&token))
    }

    /// Reads an option of a statement into its slot, or says that it was given before.
    fn option<T>(
        &mut self,
        slot: &mut Option<T>,
        node: Node<'a>,
        read: impl FnOnce(&mut Self, Node<'a>) -> Option<T>,
    ) {
        let (place, rule) = (self.token(&node), node.as_rule());
        let value = read(self, node);
        self.once(slot, value, &super::words::name(rule), place);
    }

    /// Fills `slot`, or says that it was filled before.
    fn once<T>(&mut self, slot: &mut Option<T>, value: Option<T>, what: &str, span: Span) {
        if slot.is_some() {
            self.report(
                Diagnostic::new(codes::SYNTAX_ERROR, span, format!("{what} is given twice"))
                    .at("again here")
                    .help("keep one of the two"),
            );
        } else {
            *slot = value;
        }
    }

    /// Says what is wrong with text that is no statement.
    fn bad(&mut self, node: &Node<'_>, previous: Option<Span>, place: Place) {
        if self.diagnostics.len() >= super::MAX_ERRORS {
            return;
        }
        let span = self.span(node);
        let previous = previous.map(|p| (p.start as usize, p.end as usize));
        let range = (span.start as usize, span.end as usize);
        let diagnostic = self
            .explain
            .statement(self.input, self.base, range, previous, place);
        self.diagnostics.extend(diagnostic);
    }

    /// Says that a comma is missing between two things on one line.
    fn comma_between(&mut self, before: Span, after: Span) {
        let gap = self
            .explain
            .source
            .get(before.end as usize..after.start as usize)
            .unwrap_or("\n");
        if gap.contains('\n')
            || self
                .explain
                .is_known(before.start as usize, after.end as usize)
        {
            return;
        }
        let edit = Edit {
            span: before.after(),
            text: ",".into(),
        };
        self.report(
            Diagnostic::new(
                codes::SYNTAX_ERROR,
                after,
                "a comma is missing between two members on one line",
            )
            .at("next one begins here")
            .label(before, "ends here")
            .help("put a `,` between them, or a line end")
            .fix("add the `,`", true, vec![edit]),
        );
    }
}

/// Digits as a number, saturated.
fn digits(text: &str) -> u64 {
    text.bytes().filter(u8::is_ascii_digit).fold(0, |n, b| {
        n.saturating_mul(10).saturating_add(u64::from(b - b'0'))
    })
}
