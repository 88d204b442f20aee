//! Text → JSON with places (leaf).
//!
//! One strict reader ([`read`]). Order and repeated keys are kept, numbers stay the digits that were sent, and every decoded
//! string knows which raw characters each of its pieces came from. Nothing of what is read is quoted in an error: a text may
//! be a token response.
//!
//! Callers bound the size of what they hand in; the depth is bounded here ([`MAX_DEPTH`]).

mod invalid;
mod invisible;
pub mod layout;
mod node;
mod pointer;
mod read;
mod text;

pub use invalid::{Invalid, Problem};
pub(crate) use invisible::deceives;
pub use node::{Member, Node, NodeKind};
pub use text::JsonString;

use crate::diagnostic::{Diagnostic, Edit, codes};
use crate::source::{FileId, SourceFile, Span};
use read::Fault;

/// Deepest nesting of arrays and objects that is read.
pub const MAX_DEPTH: usize = 128;

/// Reads a source file. Any finding, a repeated key included, is an error.
pub fn parse(file: FileId, source: &SourceFile) -> Result<Node, Vec<Diagnostic>> {
    match parse_all(file, source) {
        (Some(node), findings) if findings.is_empty() => Ok(node),
        (_, findings) => Err(findings),
    }
}

/// Reads a source file and goes on behind what is wrong in it (repeated keys and invisible characters, and syntax where
/// what follows is intact), so that the rest is checked too. Without a tree there is at least one finding.
pub fn parse_all(file: FileId, source: &SourceFile) -> (Option<Node>, Vec<Diagnostic>) {
    let (node, findings, _) = parse_parts(file, source);
    (node, findings)
}

/// As [`parse_all`], with whether all that the text says is in the tree, whatever is wrong with how it says it: where a comma is
/// missing, nothing else is.
pub fn parse_parts(file: FileId, source: &SourceFile) -> (Option<Node>, Vec<Diagnostic>, bool) {
    let read::Reading {
        node,
        faults,
        duplicates,
        complete,
    } = read::read(file, source.text(), MAX_DEPTH, Fault::IsPassedOver);
    let mut findings: Vec<Diagnostic> = faults.iter().map(|f| f.diagnostic(file)).collect();
    if let Some(node) = &node {
        findings.extend(invisible::findings(file, source.text()));
        findings.extend(duplicates.iter().map(|d| repeated_key(d, node)));
    }
    findings.sort_by_key(|d| d.span().start);
    (node, findings, complete)
}

/// Reads a text that is no source file, such as the body of a response. Repeated keys are kept; [`Node::get`] takes the last.
pub fn parse_text(text: &str) -> Result<Node, Invalid> {
    bounded(text, MAX_DEPTH).map(|(node, _)| node)
}

/// Reads a text whose arrays and objects may be nested `depth` deep, with the keys that stand twice in one object.
pub(crate) fn bounded(text: &str, depth: usize) -> Result<(Node, Vec<Duplicate>), Invalid> {
    let reading = read::read(FileId::NONE, text, depth, Fault::Stops);
    match (reading.faults.into_iter().next(), reading.node) {
        (None, Some(node)) => Ok((node, reading.duplicates)),
        (Some(invalid), _) => Err(invalid),
        (None, None) => Err(Invalid::new(text, Problem::Empty, 0, 0)),
    }
}

/// As [`parse_text`], for bytes that may not be UTF-8.
pub fn parse_bytes(bytes: &[u8]) -> Result<Node, Invalid> {
    match std::str::from_utf8(bytes) {
        Ok(text) => parse_text(text),
        Err(error) => Err(Invalid::not_utf8(bytes, error.valid_up_to())),
    }
}

/// A key that an object has twice.
pub(crate) struct Duplicate {
    pub(crate) key: String,
    first: Span,
    pub(crate) second: Span,
}

fn repeated_key(duplicate: &Duplicate, root: &Node) -> Diagnostic {
    let around = layout::members_around(root, duplicate.first).pop();
    let earlier = around.and_then(|(object, index)| layout::without_member(object, index));
    Diagnostic::new(
        codes::DUPLICATE_KEY,
        duplicate.second,
        format!(
            "the key `{}` stands twice in one object",
            shown(&duplicate.key)
        ),
    )
    .at("this one wins, silently")
    .label(duplicate.first, "first here")
    .help("keep one of them")
    .fix_if(
        "remove the earlier one",
        false,
        earlier.map(|span| {
            vec![Edit {
                span,
                text: String::new(),
            }]
        }),
    )
}

/// A name from the text for a message: cut to a length that a line holds.
fn shown(name: &str) -> String {
    if name.chars().count() > 60 {
        format!("{}…", name.chars().take(59).collect::<String>())
    } else {
        name.to_owned()
    }
}
