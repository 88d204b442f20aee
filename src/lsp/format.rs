//! Formatting: as `rot fmt`, and nothing where a part of the text could not be understood.

use super::server::{Refusal, Server};
use super::wire::{Range, Uri};
use crate::diagnostic::Severity;
use crate::source::{FileId, SourceFile};
use crate::syntax::ast::Ast;
use crate::syntax::{parse, print};
use crate::workspace::load::is_json;
use crate::workspace::project::View;
use serde_json::{Value, json};

type Answer = Result<Value, Refusal>;

/// The whole text in its one layout.
pub(super) fn document(server: &mut Server<'_>, uri: &Uri) -> Answer {
    let Some((view, lines)) = server.view(uri) else {
        return Ok(Value::Null);
    };
    if is_json(&view.file) {
        return Ok(Value::Null);
    }
    let (_, new) = laid_out(&view)?;
    let edit = lines.change(view.file.text(), &new);
    Ok(json!(edit.into_iter().collect::<Vec<_>>()))
}

/// The items that a range touches; nothing outside them changes.
pub(super) fn range(server: &mut Server<'_>, uri: &Uri, range: Range) -> Answer {
    let Some((view, lines)) = server.view(uri) else {
        return Ok(Value::Null);
    };
    if is_json(&view.file) {
        return Ok(Value::Null);
    }
    let text = view.file.text();
    let wanted = lines.bytes(text, range);
    let (tree, new) = laid_out(&view)?;
    let file = SourceFile::new(view.file.name(), new.as_str());
    let (after, _) = parse(FileId::new(0), &file);
    if after.items.len() != tree.items.len() {
        return Ok(Value::Null);
    }
    let mut out = String::new();
    let mut at = 0;
    for (old, new) in tree.items.iter().zip(&after.items) {
        let (old, new) = (old.span(), new.span());
        if old.start > wanted.end || old.end < wanted.start {
            continue;
        }
        out.push_str(text.get(at..old.start as usize).unwrap_or_default());
        out.push_str(file.slice(new.start, new.end));
        at = old.end as usize;
    }
    out.push_str(text.get(at..).unwrap_or_default());
    let edit = lines.change(text, &out);
    Ok(json!(edit.into_iter().collect::<Vec<_>>()))
}

fn laid_out(view: &View) -> Result<(Ast, String), Refusal> {
    let (tree, found) = parse(view.id(), &view.file);
    if found.iter().any(|d| d.severity == Severity::Error) {
        return Err(Refusal::because(
            "a part of this text could not be read: mend it first, so that nothing is lost",
        ));
    }
    let new = print(&tree, &view.file);
    Ok((tree, new))
}
