//! Tree → text: the one canonical layout.
//!
//! - Two blanks of indentation, one between words, two before a comment that ends a line.
//! - What stood on one line in braces or brackets stays there while it fits into 100 columns; else one member, element
//!   or statement a line. Members on one line have commas, those on lines of their own have none. Statements in
//!   braces on one line have three blanks between them.
//! - Up to one blank line between statements is kept; rotations have one around them.
//! - Comments keep their order: own-line ones stand before what follows them, trailing ones stay on their line; one in
//!   the middle of a statement goes behind it.
//! - Strings, numbers and durations stay as they are written; names lose quotes that they do not need.
//!
//! Must not be called for a tree with errors: what was not parsed is not in the tree.

mod expr;
mod http;
mod item;
mod layout;
mod step;
mod text;

pub(crate) use text::{encode, is_word};

use super::ast::Ast;
use crate::source::{SourceFile, Span};

/// How many columns a line may have before braces are spread over lines.
const WIDTH: usize = 100;

/// Prints `ast`, which was parsed from `source` without errors. The result ends with a line end, unless it is empty.
pub fn print(ast: &Ast, source: &SourceFile) -> String {
    let mut printer = Printer {
        source,
        comments: &ast.comments,
        next: 0,
        out: String::with_capacity(source.text().len() + 64),
        indent: 0,
        seen: 0,
        top: true,
        flat: false,
    };
    printer.items(&ast.items);
    printer.out
}

/// The text that is being made, and what of the source is in it already.
struct Printer<'a> {
    source: &'a SourceFile,
    comments: &'a [Span],
    /// The first comment that was not printed.
    next: usize,
    out: String,
    indent: usize,
    /// Up to where the source is printed.
    seen: usize,
    /// Nothing stands in these braces yet.
    top: bool,
    /// All on one line, come what may.
    flat: bool,
}
