//! What the grammar did not find, in words for people.
//!
//! pest says where it got stuck and which rules it tried there. Here that becomes one sentence, with the common
//! mistakes told apart: a duration without unit, `=` for `:`, a missing comma, a misspelt keyword.

use super::grammar::{Grammar, Rule};
use super::keyword::{CLAUSES, EFFECTS, ENTRIES, STEPS, TEMPLATES};
use super::lex::{Kind, Token};
use super::words;
use crate::diagnostic::{Diagnostic, Edit, codes, nearest};
use crate::source::{FileId, Span};
use pest::Parser;
use pest::error::{Error, ErrorVariant, InputLocation};

/// Which kind of statement was looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the braces of a rotation.
    Body,
    /// In the braces of a step.
    Steps,
    /// In the braces of a request.
    Clauses,
    /// In the braces of `match`.
    Arms,
    /// In the braces of `parallel`.
    Branches,
}

/// What the messages are made from.
pub struct Explain<'a> {
    /// The file.
    pub file: FileId,
    /// Its text.
    pub source: &'a str,
    /// Its tokens.
    pub tokens: &'a [Token],
    /// Places where an error was reported already, in order.
    pub known: &'a [usize],
}

/// Words of other languages and tools for what has another name here.
const SYNONYMS: [(&str, &str); 25] = [
    ("assert", "expect"),
    ("auth", "bearer"),
    ("body", "json"),
    ("case", "match"),
    ("check", "verify"),
    ("data", "json"),
    ("echo", "log"),
    ("error", "fail"),
    ("exit", "stop"),
    ("if", "when"),
    ("import", "use"),
    ("include", "use"),
    ("interval", "every"),
    ("loop", "repeat"),
    ("print", "log"),
    ("request", "http"),
    ("schedule", "every"),
    ("set", "update"),
    ("sleep", "wait"),
    ("store", "update"),
    ("switch", "match"),
    ("test", "verify"),
    ("throw", "fail"),
    ("var", "let"),
    ("while", "repeat"),
];

impl Explain<'_> {
    fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.file, start, end)
    }

    fn text(&self, token: &Token) -> &str {
        self.source.get(token.start..token.end).unwrap_or("")
    }

    /// The first token that ends after `at`.
    fn token(&self, at: usize) -> Option<&Token> {
        self.tokens
            .get(self.tokens.partition_point(|t| t.end <= at))
    }

    /// The last token that ends at or before `at`.
    fn before(&self, at: usize) -> Option<&Token> {
        self.tokens.get(
            self.tokens
                .partition_point(|t| t.end <= at)
                .checked_sub(1)?,
        )
    }

    /// Whether an error between `start` and `end` would repeat one that was reported.
    pub fn is_known(&self, start: usize, end: usize) -> bool {
        self.known
            .get(self.known.partition_point(|k| *k < start))
            .is_some_and(|k| *k < end)
    }

    /// Text at top level that begins with none of the four words.
    pub fn unknown_item(&self, start: usize, end: usize, word: &str) -> Option<Diagnostic> {
        if self.is_known(start, end) {
            return None;
        }
        let token = self.token(start)?;
        let span = self.span(token.start, token.end);
        let text = self.text(token);
        let list = "an item begins with `secret`, `rotation`, `target`, `deliver`, `env` or `use`";
        if text == "}" {
            return Some(
                Diagnostic::new(codes::SYNTAX_ERROR, span, "this `}` closes nothing")
                    .at("nothing is open here")
                    .help("remove it"),
            );
        }
        let diagnostic = Diagnostic::new(
            codes::SYNTAX_ERROR,
            span,
            format!("expected an item, found {}", quoted(text)),
        );
        Some(match suggestion(word, &super::split::ITEMS) {
            Some(near) => misspelt(diagnostic.at("not a keyword"), span, near),
            None if STEPS.contains(&word) || ENTRIES.contains(&word) || CLAUSES.contains(&word) => {
                diagnostic
                    .at("not inside a rotation")
                    .help(format!("move it into the braces of a `rotation`; {list}"))
            }
            None => diagnostic.at("begins no item").help(list),
        })
    }

    /// Text in braces that is no statement. `previous` is the statement before it.
    pub fn statement(
        &self,
        input: &str,
        base: usize,
        range: (usize, usize),
        previous: Option<(usize, usize)>,
        place: Place,
    ) -> Option<Diagnostic> {
        let (start, end) = range;
        if self.is_known(start, end) {
            return None;
        }
        let first = self.token(start)?;
        let (word, span) = (self.text(first), self.span(first.start, first.end));
        let keywords: Vec<&str> = match place {
            Place::Body => {
                let clauses = ENTRIES.iter().chain(&TEMPLATES);
                clauses.chain(&STEPS).copied().collect()
            }
            Place::Steps => STEPS.to_vec(),
            Place::Clauses => CLAUSES.to_vec(),
            Place::Arms | Place::Branches => Vec::new(),
        };
        let same_line = previous.filter(|p| {
            self.source
                .get(p.1..start)
                .is_some_and(|gap| !gap.contains('\n'))
        });
        if first.kind == Kind::Word && !keywords.is_empty() && !keywords.contains(&word) {
            let what = match place {
                Place::Clauses => "clause",
                Place::Body => "clause or step",
                _ => "step",
            };
            let near = suggestion(word, &keywords);
            if near.is_some() || same_line.is_none() {
                let diagnostic = Diagnostic::new(
                    codes::SYNTAX_ERROR,
                    span,
                    format!("there is no {what} `{word}`"),
                )
                .at("not a keyword here");
                return Some(match near {
                    Some(near) => misspelt(diagnostic, span, near),
                    None => diagnostic.help(elsewhere(word, place)),
                });
            }
        }
        let from = same_line.map_or(start, |p| p.0);
        let slice = input.get(from.checked_sub(base)?..end.checked_sub(base)?)?;
        let rule = match place {
            Place::Body => Rule::entry_only,
            Place::Steps => Rule::step_only,
            Place::Clauses => Rule::clause_only,
            Place::Arms => Rule::arm_only,
            Place::Branches => Rule::branch_only,
        };
        Some(match Grammar::parse(rule, slice) {
            Err(failure) => self.failure(&failure, from, from, end),
            Ok(_) => Diagnostic::new(
                codes::SYNTAX_ERROR,
                span,
                format!("unexpected {}", quoted(word)),
            )
            .at("not expected here"),
        })
    }

    /// What pest said about the text from `base`; the statement spans `start` to `end`.
    pub fn failure(
        &self,
        failure: &Error<Rule>,
        base: usize,
        start: usize,
        end: usize,
    ) -> Diagnostic {
        let at = base
            + match failure.location {
                InputLocation::Pos(at) => at,
                InputLocation::Span((at, _)) => at,
            };
        let positives: &[Rule] = match &failure.variant {
            ErrorVariant::ParsingError { positives, .. } => positives,
            // The stack or the number of calls ran out; the limits before should not let it come to that.
            ErrorVariant::CustomError { .. } => {
                return Diagnostic::new(
                    codes::INTERNAL,
                    self.span(start, end),
                    "the parser gave up on this text",
                )
                .at("too much for it")
                .help("write it in several statements, and report this file as a fault of rot");
            }
        };
        let expected = words::expected(positives);
        let Some(found) = self.token(at).filter(|t| t.start < end) else {
            return self.cut_short(start, end, &expected);
        };
        let found = &self.inside(found, at);
        let (text, span) = (self.text(found), self.span(found.start, found.end));
        let plain = || {
            Diagnostic::new(
                codes::SYNTAX_ERROR,
                span,
                format!("expected {}, found {}", expected.list(), quoted(text)),
            )
        };
        if expected.has("a duration such as `45m`") && text.bytes().all(|b| b.is_ascii_digit()) {
            return Diagnostic::new(
                codes::SYNTAX_ERROR,
                span,
                format!("the duration `{text}` has no unit"),
            )
            .at("seconds, minutes, hours?")
            .help(format!(
                "write `{text}s`, `{text}m`, `{text}h` or `{text}d`"
            ));
        }
        if text == "=" && expected.has("`:`") {
            let edit = Edit {
                span,
                text: ":".into(),
            };
            return plain()
                .at("write `:`")
                .help("the key of a member or header is followed by `:`")
                .fix("write `:`", true, vec![edit]);
        }
        if text == ":" && expected.has("`=`") {
            let edit = Edit {
                span,
                text: "=".into(),
            };
            return plain()
                .at("write `=`")
                .help("a name is given its value with `=`; `:` is for members in braces")
                .fix("write `=`", true, vec![edit]);
        }
        if text == "=" && expected.has("an operator") {
            let edit = Edit {
                span,
                text: "==".into(),
            };
            return plain()
                .at("gives no value here")
                .help("to compare, write `==`")
                .fix("write `==`", false, vec![edit]);
        }
        if let Some(path) =
            quoted_path(text).filter(|_| expected.has("a JSONPath such as `$.token`"))
        {
            let edit = Edit {
                span,
                text: path.to_owned(),
            };
            return plain()
                .at("a string")
                .help(format!("a JSONPath stands without quotes: `{path}`"))
                .fix("take the quotes away", true, vec![edit]);
        }
        if matches!(text, "&" | "|" | "!" | "-" | "*" | "/" | "%" | "?")
            && expected.has("an operator")
        {
            return Diagnostic::new(codes::SYNTAX_ERROR, span, format!("there is no operator `{text}`"))
                .at("not an operator")
                .help("the operators are `+`, `==`, `!=`, `<`, `<=`, `>`, `>=`, `and`, `or`, `not` and `??`");
        }
        if expected.has("`,`")
            && matches!(found.kind, Kind::Word | Kind::String)
            && !self.misspells(text, &expected)
        {
            let before = self.before(at).map_or(span, |t| self.span(t.start, t.end));
            return Diagnostic::new(
                codes::SYNTAX_ERROR,
                span,
                format!("a comma is missing before {}", quoted(text)),
            )
            .at("next one begins here")
            .label(before, "ends here")
            .help("put a `,` between them");
        }
        if let Some(near) = (found.kind == Kind::Word)
            .then(|| suggestion(text, &expected.words()))
            .flatten()
        {
            return misspelt(plain().at("not a keyword here"), span, near);
        }
        let help = self.advice(found, &expected);
        let diagnostic = plain().at("not expected here");
        match help {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        }
    }

    /// What stands at `at` in `token`: the token itself, or a word or mark of an interpolation in it.
    fn inside(&self, token: &Token, at: usize) -> Token {
        let rest = self
            .source
            .get(at..token.end)
            .filter(|_| token.kind == Kind::String && at > token.start)
            .unwrap_or("");
        let trimmed = rest.trim_start();
        let Some(first) = trimmed.chars().next() else {
            return *token;
        };
        let start = at + rest.len() - trimmed.len();
        let word = trimmed
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-')
            .unwrap_or(trimmed.len());
        let kind = if word > 0 { Kind::Word } else { Kind::Other };
        Token {
            kind,
            start,
            end: start + word.max(first.len_utf8()),
            first: false,
            indent: 0,
            depth: 0,
        }
    }

    fn misspells(&self, text: &str, expected: &words::Expected) -> bool {
        nearest(text, expected.words()).is_some()
    }

    /// The statement ends too early.
    fn cut_short(&self, start: usize, end: usize, expected: &words::Expected) -> Diagnostic {
        let last = self.before(end).filter(|t| t.start >= start);
        let Some(last) = last else {
            return Diagnostic::new(
                codes::SYNTAX_ERROR,
                self.span(start, end),
                format!("expected {}", expected.list()),
            );
        };
        let message = format!(
            "expected {} after {}",
            expected.list(),
            quoted(self.text(last))
        );
        let diagnostic = Diagnostic::new(
            codes::SYNTAX_ERROR,
            self.span(last.start, last.end),
            message,
        )
        .at("something is missing after this");
        if expected.has("a JSONPath such as `$.token`") {
            diagnostic.help("a JSONPath begins with `$`")
        } else {
            diagnostic
        }
    }

    /// A remedy for what is often written in place of what is expected.
    fn advice(&self, near: &Token, expected: &words::Expected) -> Option<String> {
        let text = self.text(near);
        let before = self.before(near.start).map_or("", |t| self.text(t));
        for word in [text, before] {
            if expected.has("a method such as `GET`")
                && ["get", "head", "post", "put", "patch", "delete", "options"]
                    .contains(&word.to_ascii_lowercase().as_str())
            {
                return Some(format!(
                    "methods are written in upper case: `{}`",
                    word.to_ascii_uppercase()
                ));
            }
        }
        if expected.has("`previous.` and a secret's name") {
            return Some(format!(
                "only the version before is revoked: write `revoke previous.{text}`"
            ));
        }
        if expected.has("`{`") && ENTRIES.contains(&text) {
            return Some(format!(
                "`{text}` belongs in the braces of the rotation: `{{ {text} …`"
            ));
        }
        if text == "reveal" {
            return Some("put `(reveal … because \"…\")` in parentheses".into());
        }
        if expected.has("an expression") && super::is_keyword(text) && near.kind == Kind::Word {
            return Some(format!(
                "`{text}` is a keyword and cannot stand alone as a value"
            ));
        }
        if expected.has("a quoted string") && near.kind == Kind::Word {
            return Some(format!("write it in quotes: `\"{text}\"`"));
        }
        if expected.has("a JSONPath such as `$.token`") {
            return Some("a JSONPath begins with `$`".into());
        }
        let in_string = self.token(near.start).is_some_and(|t| t.start < near.start);
        if expected.has("an operator") && near.kind != Kind::Other && !in_string {
            return Some(
                "the statement could end before this; the next one begins with its keyword".into(),
            );
        }
        None
    }
}

/// The path in a string that holds nothing else.
fn quoted_path(text: &str) -> Option<&str> {
    text.strip_prefix('"')?
        .strip_suffix('"')
        .filter(|path| path.starts_with('$') && !path.contains(['\\', '"', '{']))
}

/// The keyword that was probably meant by `word`.
fn suggestion<'a>(word: &str, keywords: &[&'a str]) -> Option<&'a str> {
    let lower = word.to_ascii_lowercase();
    let synonym = SYNONYMS
        .iter()
        .find(|(other, _)| *other == lower)
        .map(|(_, ours)| *ours);
    synonym
        .and_then(|ours| keywords.iter().find(|k| **k == ours))
        .copied()
        .or_else(|| nearest(word, keywords.iter().copied()))
}

fn misspelt(diagnostic: Diagnostic, span: Span, near: &str) -> Diagnostic {
    let edit = Edit {
        span,
        text: near.to_owned(),
    };
    diagnostic.help(format!("did you mean `{near}`?")).fix(
        format!("write `{near}`"),
        false,
        vec![edit],
    )
}

/// Where a keyword belongs that stands in the wrong braces.
fn elsewhere(word: &str, place: Place) -> String {
    let list = |words: &[&str]| {
        words
            .iter()
            .map(|w| format!("`{w}`"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    match place {
        Place::Clauses if STEPS.contains(&word) || ENTRIES.contains(&word) => {
            format!("`{word}` is no clause of a request: close its braces before this line")
        }
        Place::Clauses if EFFECTS.contains(&word) => {
            format!(
                "the effect of a request stands ahead of its braces: `http NAME POST \"…\" {word} … {{`"
            )
        }
        Place::Clauses => format!("a clause begins with one of {}", list(&CLAUSES)),
        _ if CLAUSES.contains(&word) => {
            format!("`{word}` is a clause of a request: move it into the braces of `http`")
        }
        _ if ENTRIES.contains(&word) => {
            format!("`{word}` belongs in the braces of the rotation itself, not in a step")
        }
        _ if super::split::ITEMS.contains(&word) => {
            format!("`{word}` stands outside of rotations: close the braces before this line")
        }
        _ => format!("a step begins with one of {}", list(&STEPS)),
    }
}

/// Found text in backticks, cut short.
fn quoted(text: &str) -> String {
    let mut short: String = text.chars().take(40).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    if text.starts_with('"') {
        format!("the string `{short}`")
    } else {
        format!("`{short}`")
    }
}
