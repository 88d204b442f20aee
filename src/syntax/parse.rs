//! Text → tree: brings scanner, splitter, grammar and lowering together. Total: whatever the text, there is a tree
//! and, where something is wrong, a diagnostic that no other one caused.

use super::ast::{Ast, Item};
use super::explain::Explain;
use super::grammar::{Grammar, Rule};
use super::lower::Lower;
use super::split::{Chunk, ITEMS};
use super::{MAX_ERRORS, MAX_LENGTH, fault, lex, split};
use crate::diagnostic::Diagnostic;
use crate::source::{FileId, SourceFile, Span};
use pest::Parser;

/// Parses a file. Items and statements that cannot be parsed are left out of the tree (an item leaves
/// [`Item::Error`]); everything around them is there. Diagnostics come in the order of the text.
pub fn parse(file: FileId, source: &SourceFile) -> (Ast, Vec<Diagnostic>) {
    let text = source.text();
    if text.len() > MAX_LENGTH {
        let items = vec![Item::Error(Span::new(file, 0, text.len()))];
        return (
            Ast {
                file,
                items,
                comments: Vec::new(),
            },
            vec![fault::too_large(file, text.len())],
        );
    }
    let mut lexed = lex::lex(file, text);
    let split = split::split(file, text, &mut lexed);
    let comments = lexed
        .comments
        .iter()
        .map(|(start, end)| Span::new(file, *start, *end))
        .collect();
    let mended =
        String::from_utf8(std::mem::take(&mut lexed.text)).unwrap_or_else(|_| text.to_owned());
    let mut known = split.known;
    known.extend(lexed.faults.iter().map(|d| d.span().start as usize));
    known.sort_unstable();
    let explain = Explain {
        file,
        source: text,
        tokens: &lexed.tokens,
        known: &known,
    };
    let mut diagnostics = lexed.faults;
    diagnostics.extend(split.faults);
    let mut items = Vec::with_capacity(split.chunks.len());
    for chunk in &split.chunks {
        items.push(item(
            &explain,
            &mended,
            chunk,
            &lexed.comments,
            &mut diagnostics,
        ));
    }
    diagnostics.sort_by_key(|d| d.span().start);
    (
        Ast {
            file,
            items,
            comments,
        },
        diagnostics,
    )
}

fn item(
    explain: &Explain<'_>,
    mended: &str,
    chunk: &Chunk,
    comments: &[(usize, usize)],
    diagnostics: &mut Vec<Diagnostic>,
) -> Item {
    let error = Item::Error(Span::new(explain.file, chunk.start, chunk.end));
    let enough = diagnostics.len() >= MAX_ERRORS;
    if chunk.deep {
        return error;
    }
    let slice = mended.get(chunk.start..chunk.end).unwrap_or("");
    let appended;
    let input = if chunk.append == 0 {
        slice
    } else {
        appended = format!("{slice}\n{}", "}".repeat(chunk.append));
        &appended
    };
    let word = slice
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-')
        .next()
        .unwrap_or("");
    if !ITEMS.contains(&word) {
        if !enough {
            diagnostics.extend(explain.unknown_item(chunk.start, chunk.end, word));
        }
        return error;
    }
    match Grammar::parse(Rule::item, input) {
        Ok(pairs) => {
            let mut lower = Lower::new(explain, input, chunk.start, comments, diagnostics);
            lower.item(pairs).unwrap_or(error)
        }
        Err(failure) => {
            if !enough && !explain.is_known(chunk.start, chunk.end) {
                diagnostics.push(explain.failure(&failure, chunk.start, chunk.start, chunk.end));
            }
            error
        }
    }
}
