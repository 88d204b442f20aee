//! # ROT008 mixed-line-endings-or-bom
//!
//! What it finds: a byte order mark ahead of the text, or lines of one file that end in CRLF and lines that end in LF. Only with `--pedantic`.
//!
//! ## Why it matters
//!
//! Neither is seen in an editor. A mark is refused by readers of JSON that keep to the standard (RFC 8259), servers among them, and mixed line ends
//! make a difference of two texts show lines that nobody changed.
//!
//! ## Fails
//!
//! ```rot
//! ﻿rotation r {
//!   log "a mark stands before the first word"
//! }
//! ```
//!
//! ```json
//! ﻿{"name": "r", "version": 1, "schemaVersion": 2, "tasks": [
//!   {"name": "w", "taskReferenceName": "w", "type": "WAIT", "inputParameters": {"duration": "1 minutes"}}]}
//! ```
//!
//! ## Mended
//!
//! ```rot
//! rotation r {
//!   log "nothing stands before the first word"
//! }
//! ```
//!
//! ```json
//! {"name": "r", "version": 1, "schemaVersion": 2, "tasks": [
//!   {"name": "w", "taskReferenceName": "w", "type": "WAIT", "inputParameters": {"duration": "1 minutes"}}]}
//! ```

use crate::check::Tree;
use crate::check::context::Context;
use crate::diagnostic::{Diagnostic, Edit, codes};
use crate::source::{FileId, Span};

const MARK: char = '\u{feff}';

pub(super) fn check(cx: &Context<'_, '_>, out: &mut Vec<Diagnostic>) {
    let file = match cx.texts.tree {
        Some(Tree::Rot(tree)) => tree.file,
        Some(Tree::Json(node)) => node.span.file,
        None => return,
    };
    let Some(text) = cx.texts.of(Span::new(file, 0, 0)).filter(|_| cx.options.pedantic) else { return };
    if text.starts_with(MARK) {
        let span = Span::new(file, 0, MARK.len_utf8());
        out.push(
            Diagnostic::new(codes::MIXED_LINE_ENDINGS, span, "the text begins with a byte order mark")
                .at("U+FEFF")
                .help("remove it: the text is UTF-8 without one")
                .fix("remove the mark", true, vec![Edit { span, text: String::new() }]),
        );
    }
    out.extend(mixed(file, text));
}

fn mixed(file: FileId, text: &str) -> Option<Diagnostic> {
    let (mut long, mut short) = (Vec::new(), Vec::new());
    for (at, _) in text.match_indices('\n') {
        match text.get(..at).filter(|before| before.ends_with('\r')) {
            Some(before) => long.push(Span::new(file, before.len() - 1, at + 1)),
            None => short.push(Span::new(file, at, at + 1)),
        }
    }
    let (rare, many, end, name) = if long.len() > short.len() { (&short, &long, "\r\n", "CRLF") } else { (&long, &short, "\n", "LF") };
    let first = *rare.first()?;
    let edits = rare.iter().map(|span| Edit { span: *span, text: end.to_owned() }).collect();
    let message = format!("{} of {} lines do not end in {name} as the others do", rare.len(), rare.len() + many.len());
    Some(
        Diagnostic::new(codes::MIXED_LINE_ENDINGS, first, message)
            .at("the first of them")
            .help(format!("end all lines in {name}"))
            .fix(format!("end all lines in {name}"), true, edits),
    )
}
