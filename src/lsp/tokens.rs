//! Semantic tokens: what each name is, and whether what it stands for is secret.

use super::lines::Lines;
use super::server::{Refusal, Server};
use super::wire::{SemanticToken, SemanticTokens, SemanticTokensRangeParams};
use crate::check::flow::Analysis;
use crate::plan::index::NameKind;
use crate::source::Span;
use crate::workspace::load::Form;
use crate::workspace::project::View;
use serde_json::{Value, json};
use std::sync::Arc;

type Answer = Result<Value, Refusal>;

/// The kinds of token, in the order of their numbers.
pub(super) const TYPES: [&str; 8] = [
    "variable",
    "property",
    "function",
    "class",
    "parameter",
    "namespace",
    "enumMember",
    "comment",
];

/// The modifiers, in the order of their bits.
pub(super) const MODIFIERS: [&str; 2] = ["declaration", "secret"];
const DECLARATION: u32 = 1;
const SECRET: u32 = 2;

/// Tokens that are told of one text, at most.
const MOST: usize = 20_000;

/// The tokens of a text.
pub(super) fn full(_: &mut Server<'_>, view: &Arc<View>, lines: &Lines) -> Answer {
    Ok(json!(encoded(view, lines, 0..u32::MAX)))
}

/// The tokens of a part of it.
pub(super) fn range(server: &mut Server<'_>, params: &SemanticTokensRangeParams) -> Answer {
    let Some((view, lines)) = server.view(&params.text_document.uri) else {
        return Ok(Value::Null);
    };
    let wanted = lines.bytes(view.file.text(), params.range);
    Ok(json!(encoded(&view, &lines, wanted)))
}

fn encoded(view: &View, lines: &Lines, wanted: std::ops::Range<u32>) -> SemanticTokens {
    let text = view.file.text();
    let mut data = Vec::new();
    let (mut line, mut character) = (0, 0);
    for (span, kind, modifiers) in all(view) {
        if span.end <= wanted.start || span.start >= wanted.end || data.len() >= MOST {
            continue;
        }
        let range = lines.range_of(text, span);
        if range.start.line != range.end.line {
            continue;
        }
        let delta_line = range.start.line - line;
        let from = if delta_line == 0 { character } else { 0 };
        (line, character) = (range.start.line, range.start.character);
        data.push(SemanticToken {
            delta_line,
            delta_start: character - from,
            length: range.end.character - range.start.character,
            token_type: kind,
            token_modifiers_bitset: modifiers,
        });
    }
    SemanticTokens {
        result_id: None,
        data,
    }
}

fn kind(kind: NameKind) -> u32 {
    match kind {
        NameKind::Secret | NameKind::Let | NameKind::Element => 0,
        NameKind::Field | NameKind::Capture | NameKind::Output => 1,
        NameKind::Step => 2,
        NameKind::Rotation => 3,
        NameKind::Input => 4,
        NameKind::Branch => 5,
        NameKind::Env | NameKind::Target => 6,
    }
}

/// The tokens in the order of the text; none overlap.
fn all(view: &View) -> Vec<(Span, u32, u32)> {
    let own = view.id();
    let index = &view.loaded.index;
    // What the flow analysis says of expressions; in a text with mistakes it would say too little.
    let labels = Analysis::labels(&view.loaded.plan);
    let mut secret: Vec<Span> = labels
        .keys()
        .copied()
        .filter(|span| span.file == own)
        .collect();
    secret.sort_by_key(|span| (span.start, span.end));
    let is_secret = |at: Span| {
        let upto = secret.partition_point(|s| s.start <= at.start);
        secret
            .get(..upto)
            .unwrap_or_default()
            .iter()
            .rev()
            .take(8)
            .any(|s| s.contains(at))
    };
    let defined = index
        .definitions
        .iter()
        .filter(|d| d.at.file == own)
        .map(|d| (d.at, kind(d.kind), DECLARATION));
    let used = index.references.iter().filter_map(|r| {
        let of = index.definition(r.to)?;
        let modifiers = if is_secret(r.at) { SECRET } else { 0 };
        (r.at.file == own).then_some((r.at, kind(of.kind), modifiers))
    });
    let mut tokens: Vec<(Span, u32, u32)> = defined.chain(used).collect();
    if let Form::Rot(tree) = &view.loaded.tree {
        tokens.extend(tree.comments.iter().map(|span| (*span, 7, 0)));
    }
    tokens.sort_by_key(|(span, ..)| (span.start, span.end));
    let mut at = 0;
    tokens.retain(|(span, ..)| {
        let apart = span.start >= at && span.end > span.start;
        if apart {
            at = span.end;
        }
        apart
    });
    tokens
}
