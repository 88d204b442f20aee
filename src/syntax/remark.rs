//! Comments with the statement that each speaks of, for directives that stand in comments. Works on tokens, so that a
//! broken item elsewhere in the file does not matter.

use super::lex::{self, Kind, Token};
use crate::source::{FileId, Span};

/// A comment and what it speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remark {
    /// The comment, `#` included.
    pub span: Span,
    /// Behind other text: that line. On a line of its own: the next statement with all its lines; of a rotation only the line
    /// that opens it. Empty where nothing follows in the block.
    pub about: Span,
    /// Nothing but comments stands before it in the file.
    pub head: bool,
}

/// All comments of a text, in order.
pub fn remarks(file: FileId, source: &str) -> Vec<Remark> {
    let lexed = lex::lex(file, source);
    let tokens = lexed.tokens.as_slice();
    // Comments that stand together speak of one statement.
    let mut last: Option<(usize, Option<(usize, usize)>)> = None;
    let remark = |&(start, end): &(usize, usize)| {
        let next = tokens.partition_point(|t| t.start < start);
        let line = source
            .get(..start)
            .and_then(|before| before.rfind('\n'))
            .map_or(0, |i| i + 1);
        let trailing = next
            .checked_sub(1)
            .and_then(|i| tokens.get(i))
            .is_some_and(|t| t.end > line);
        let about = if trailing {
            (line, end)
        } else {
            let known = last.filter(|(at, _)| *at == next).map(|(_, known)| known);
            let about =
                known.unwrap_or_else(|| statement(source, tokens.get(next..).unwrap_or_default()));
            last = Some((next, about));
            about.unwrap_or((end, end))
        };
        Remark {
            span: Span::new(file, start, end),
            about: Span::new(file, about.0, about.1),
            head: next == 0,
        }
    };
    lexed.comments.iter().map(remark).collect()
}

/// From the first token to the end of the line on which all its brackets are closed again.
fn statement(source: &str, tokens: &[Token]) -> Option<(usize, usize)> {
    let first = tokens
        .first()
        .filter(|t| !matches!(t.kind, Kind::Close(_)))?;
    let opens_rotation = source.get(first.start..first.end) == Some("rotation");
    let mut depth = 0usize;
    let mut end = first.end;
    for (token, next) in tokens
        .iter()
        .zip(tokens.iter().skip(1).map(Some).chain([None]))
    {
        match token.kind {
            Kind::Open(_) => depth += 1,
            Kind::Close(_) if depth == 0 => break,
            Kind::Close(_) => depth -= 1,
            _ => {}
        }
        end = token.end;
        let line_ends = next.is_none_or(|n| n.first);
        let goes_on = matches!(token.kind, Kind::Comma)
            || next.is_some_and(|n| matches!(n.kind, Kind::Comma | Kind::Other));
        if line_ends && (opens_rotation || (depth == 0 && !goes_on)) {
            break;
        }
    }
    Some((first.start, end))
}
