//! `${…}` and `$${…}` in strings, as Conductor's engine finds them (docs/reference/conductor.md, "Expressions").
//!
//! A reference begins at a `${` that no `$` stands before and ends where its brace is closed; braces within count, so
//! references nest. What is not closed is plain text. If one reference is the whole string its value keeps its type;
//! else values are spliced as text, and each `$${` of the text becomes `${`. All ranges are byte offsets into the decoded string.

use super::scan::{self, Token, TokenKind};
use std::ops::Range;

/// References nested deeper than this within each other are plain text.
const MAX_NESTING: usize = 16;

/// When the references of a string are resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Before the task runs: `${…}` is a reference, `$${` an escape.
    Now,
    /// After it, as in an `outputFilter`: `$${…}` is a reference too, and `$$${` the escape.
    Deferred,
}

/// A string, cut into text and references.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// The pieces in order; no text among them is empty.
    pub parts: Vec<Part>,
}

/// A piece of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Text with its escapes undone.
    Text(String),
    /// A reference.
    Reference(Reference),
}

/// `${…}`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// What stands between the braces, itself a template: references in it are resolved first.
    pub inner: Template,
    /// With `${` and `}`.
    pub range: Range<usize>,
    /// Without them.
    pub inner_range: Range<usize>,
    /// Written with `$${` in [`Mode::Deferred`].
    pub deferred: bool,
}

/// The text between the braces of a reference, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// The steps that name one place, the root first.
    pub steps: Vec<Step>,
    /// What follows them in JSONPath (`[*].id`); empty when nothing does.
    pub tail: String,
    /// Where the tail begins in the text.
    pub tail_start: usize,
}

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What it selects.
    pub kind: StepKind,
    /// Its place in the text: the name alone, or the brackets with what they hold.
    pub range: Range<usize>,
}

/// What a step selects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepKind {
    /// A member of an object.
    Name(String),
    /// An element of a list; negative counts from the end.
    Index(i64),
}

impl Template {
    /// The only reference, if it is the whole string.
    pub fn whole(&self) -> Option<&Reference> {
        match self.parts.as_slice() {
            [Part::Reference(reference)] => Some(reference),
            _ => None,
        }
    }

    /// The text, if there is no reference in it.
    pub fn constant(&self) -> Option<String> {
        self.parts
            .iter()
            .map(|p| {
                if let Part::Text(text) = p {
                    Some(text.as_str())
                } else {
                    None
                }
            })
            .collect()
    }

    /// All references, nested ones behind the one that holds them.
    pub fn references(&self) -> Vec<&Reference> {
        let mut all = Vec::new();
        for part in &self.parts {
            if let Part::Reference(reference) = part {
                all.push(reference);
                all.extend(reference.inner.references());
            }
        }
        all
    }
}

impl Step {
    /// The name, unless it is an index.
    pub fn name(&self) -> Option<&str> {
        match &self.kind {
            StepKind::Name(name) => Some(name),
            StepKind::Index(_) => None,
        }
    }
}

/// Cuts a string into text and references. Total: every string is a template.
pub fn parse(text: &str, mode: Mode) -> Template {
    if !text.contains("${") {
        return Template {
            parts: if text.is_empty() {
                Vec::new()
            } else {
                vec![Part::Text(text.to_owned())]
            },
        };
    }
    if let Some(reference) = lone(text, mode) {
        return Template {
            parts: vec![Part::Reference(reference)],
        };
    }
    let tokens = scan::tokens(text);
    let pairs = pairs(&tokens, mode);
    let builder = Builder {
        text,
        tokens: &tokens,
        pairs: &pairs,
        mode,
    };
    builder.build(0..tokens.len(), 0)
}

/// The reference that is all of the text and holds no other: what most strings are.
fn lone(text: &str, mode: Mode) -> Option<Reference> {
    let deferred = mode == Mode::Deferred && text.starts_with("$${");
    let start = if deferred { 3 } else { 2 };
    let inner = text
        .strip_prefix(if deferred { "$${" } else { "${" })?
        .strip_suffix('}')?;
    let nothing_else = !inner.bytes().any(|b| matches!(b, b'$' | b'{' | b'}'));
    nothing_else.then(|| Reference {
        inner: Template {
            parts: if inner.is_empty() {
                Vec::new()
            } else {
                vec![Part::Text(inner.to_owned())]
            },
        },
        range: 0..text.len(),
        inner_range: start..text.len() - 1,
        deferred,
    })
}

/// Whether an opening token begins a reference in this mode.
fn begins(kind: TokenKind, mode: Mode) -> bool {
    match kind {
        TokenKind::Opening(0) => true,
        TokenKind::Opening(1) => mode == Mode::Deferred,
        _ => false,
    }
}

/// Where the first reference that is never closed begins, and the text behind its brace.
pub fn unclosed(text: &str, mode: Mode) -> Option<(usize, &str)> {
    if !text.contains("${") {
        return None;
    }
    let tokens = scan::tokens(text);
    let pairs = pairs(&tokens, mode);
    let (token, _) = tokens
        .iter()
        .zip(&pairs)
        .find(|(token, closed_by)| begins(token.kind, mode) && closed_by.is_none())?;
    Some((token.start, text.get(token.end..)?))
}

/// For each token that begins a closed reference, the token that closes it.
fn pairs(tokens: &[Token], mode: Mode) -> Vec<Option<usize>> {
    let mut closed_by = vec![None; tokens.len()];
    let mut open = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        match token.kind {
            TokenKind::Opening(_) | TokenKind::Brace => {
                open.push((index, begins(token.kind, mode)))
            }
            TokenKind::Close => {
                if let Some((opened, true)) = open.pop()
                    && let Some(slot) = closed_by.get_mut(opened)
                {
                    *slot = Some(index);
                }
            }
            TokenKind::Text => {}
        }
    }
    closed_by
}

/// A text in tokens, with the token that closes each one that opens.
struct Builder<'t> {
    text: &'t str,
    tokens: &'t [Token],
    pairs: &'t [Option<usize>],
    mode: Mode,
}

impl Builder<'_> {
    fn build(&self, range: Range<usize>, depth: usize) -> Template {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut index = range.start;
        while index < range.end {
            let Some(token) = self.tokens.get(index) else {
                break;
            };
            let closing = self
                .pairs
                .get(index)
                .copied()
                .flatten()
                .and_then(|c| self.tokens.get(c).map(|t| (c, t)));
            match closing {
                Some((close, end)) if depth < MAX_NESTING => {
                    if !literal.is_empty() {
                        parts.push(Part::Text(unescape(
                            std::mem::take(&mut literal),
                            self.mode,
                        )));
                    }
                    parts.push(Part::Reference(Reference {
                        inner: self.build(index + 1..close, depth + 1),
                        range: token.start..end.end,
                        inner_range: token.end..end.start,
                        deferred: token.kind == TokenKind::Opening(1),
                    }));
                    index = close + 1;
                }
                _ => {
                    literal.push_str(self.text.get(token.start..token.end).unwrap_or(""));
                    index += 1;
                }
            }
        }
        if !literal.is_empty() {
            parts.push(Part::Text(unescape(literal, self.mode)));
        }
        Template { parts }
    }
}

/// Each pass over a string turns `$${` into `${`.
fn unescape(text: String, mode: Mode) -> String {
    if !text.contains("$${") {
        return text;
    }
    let once = text.replace("$${", "${");
    match mode {
        Mode::Now => once,
        Mode::Deferred => once.replace("$${", "${"),
    }
}

/// Takes the text between the braces of a reference apart. `None` when it does not begin with a name.
pub fn path(text: &str) -> Option<Path> {
    scan::path(text.trim_end())
}

/// JSONPath text for steps and a tail: `$.name`, `$['two words']`, `$[0]`.
pub fn path_text(steps: &[Step], tail: &str) -> String {
    let mut text = String::from("$");
    for step in steps {
        match &step.kind {
            StepKind::Name(name) if is_plain(name) => {
                text.push('.');
                text.push_str(name);
            }
            StepKind::Name(name) => {
                text.push_str("['");
                text.push_str(&name.replace('\\', "\\\\").replace('\'', "\\'"));
                text.push_str("']");
            }
            StepKind::Index(index) => text.push_str(&format!("[{index}]")),
        }
    }
    text.push_str(tail);
    text
}

/// Whether a name may stand behind a dot in RFC 9535 section 2.5.1.1.
fn is_plain(name: &str) -> bool {
    let mut chars = name.chars();
    chars
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_' || !c.is_ascii())
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_' || !c.is_ascii())
}
