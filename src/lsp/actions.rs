//! What can be done about findings: their fixes, all safe fixes at once, and living with one of them.

use super::lines::Lines;
use super::publish;
use super::server::{Refusal, Server, today};
use super::wire::{CodeActionKind, CodeActionParams, FIX_ALL, TextEdit};
use crate::diagnostic::{Diagnostic, Fix};
use crate::json::Node;
use crate::plan::index::Index;
use crate::source::FileId;
use crate::source::Span;
use crate::syntax::ast::Item;
use crate::workspace::fix::{self, Judged};
use crate::workspace::load::Form;
use crate::workspace::project::{View, with_ends};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;

type Answer = Result<Value, Refusal>;

/// What stands for the reason until one is written.
const REASON: &str = "accepted in the editor: say why";

/// The actions for a range.
pub(super) fn actions(server: &mut Server<'_>, params: &CodeActionParams) -> Answer {
    let Some((view, lines)) = server.view(&params.text_document.uri) else {
        return Ok(Value::Null);
    };
    let wanted = |kind: &str| match &params.context.only {
        None => kind != FIX_ALL,
        Some(only) => only.iter().any(|k| {
            let k = k.as_str();
            kind == k
                || kind
                    .strip_prefix(k)
                    .is_some_and(|rest| rest.starts_with('.'))
        }),
    };
    let text = view.file.text();
    let range = lines.bytes(text, params.range);
    let mut all: Vec<Value> = Vec::new();
    if wanted(CodeActionKind::QuickFix.as_str()) {
        let here: Vec<&Diagnostic> = view
            .own()
            .filter(|d| d.span().start <= range.end && d.span().end >= range.start)
            .collect();
        for one in &here {
            for fix in &one.fixes {
                all.extend(of_fix(server, &view, &lines, one, fix));
            }
        }
        for one in &here {
            all.extend(living_with(server, &view, &lines, one));
        }
    }
    if wanted(FIX_ALL) && params.context.only.is_some() {
        all.extend(fix_all(server, &view, &lines));
    }
    Ok(all.into())
}

/// Edits of one document, with its version where the client takes that.
fn edit(server: &Server<'_>, path: &Path, edits: &[TextEdit]) -> Value {
    let uri = server.uri(path);
    let version = server.documents.get(path).map(|d| d.version);
    if server.client.versions {
        json!({ "documentChanges": [{
            "textDocument": { "uri": uri, "version": version },
            "edits": edits,
        }] })
    } else {
        let mut changes = serde_json::Map::new();
        changes.insert(uri.0, json!(edits));
        json!({ "changes": changes })
    }
}

fn of_fix(
    server: &Server<'_>,
    view: &View,
    lines: &Lines,
    one: &Diagnostic,
    fix: &Fix,
) -> Option<Value> {
    let text = view.file.text();
    if fix.edits.is_empty() || fix.edits.iter().any(|e| e.span.file != view.id()) {
        return None;
    }
    let edits: Vec<TextEdit> = fix
        .edits
        .iter()
        .map(|e| TextEdit {
            range: lines.range_of(text, e.span),
            new_text: e.text.clone(),
        })
        .collect();
    let title = if fix.safe {
        fix.title.clone()
    } else {
        format!("{} (check the meaning)", fix.title)
    };
    Some(json!({
        "title": view.blanks.clean(FileId::NONE, &title),
        "kind": CodeActionKind::QuickFix,
        "isPreferred": fix.safe,
        "diagnostics": [publish::one(server, view, lines, one)],
        "edit": edit(server, &view.path, &edits),
    }))
}

/// As `rot check --fix`, in one edit.
fn fix_all(server: &mut Server<'_>, view: &View, lines: &Lines) -> Option<Value> {
    let today = today(server.around);
    let mended = with_ends(view, server.project.overlay(), today, |ends| {
        let judged = Judged {
            ends,
            config: &view.settings.config,
            cwd: Path::new("/"),
        };
        fix::whole(&view.file, false, &judged)
    })?;
    let change = lines.change(view.file.text(), &mended.text)?;
    Some(json!({
        "title": "Mend all that is safe to mend",
        "kind": FIX_ALL,
        "edit": edit(server, &view.path, &[change]),
    }))
}

/// A suppression at the place, tried out before it is offered: it must take this finding away, and bring none.
fn living_with(
    server: &mut Server<'_>,
    view: &Arc<View>,
    lines: &Lines,
    one: &Diagnostic,
) -> Option<Value> {
    if !one.code.may_be_turned_off() {
        return None;
    }
    let text = view.file.text();
    let before = view.own().count();
    let places = match &view.loaded.tree {
        Form::Rot(tree) => above(view, &tree.items, one.span()),
        Form::Json(node) => in_metadata(node, one).into_iter().collect(),
        Form::Other => return None,
    };
    let line = |indent: &str| format!("{indent}# rot: ignore[{}] {REASON}\n", one.code.id());
    for (at, made) in places {
        let new = match made {
            Made::Line(indent) => line(&indent),
            Made::Text(text) => text,
        };
        let mut tried = text.to_owned();
        if !tried.is_char_boundary(at as usize) {
            continue;
        }
        tried.insert_str(at as usize, &new);
        let after = server.project.look(&view.path, &tried, Index::off());
        if after.own().count() + 1 == before {
            let position = lines.position(text, at);
            let change = TextEdit {
                range: super::wire::Range {
                    start: position,
                    end: position,
                },
                new_text: new,
            };
            return Some(json!({
                "title": format!("Ignore {} here", one.code.id()),
                "kind": CodeActionKind::QuickFix,
                "diagnostics": [publish::one(server, view, lines, one)],
                "edit": edit(server, &view.path, &[change]),
            }));
        }
    }
    None
}

enum Made {
    /// A comment line with this indentation.
    Line(String),
    Text(String),
}

/// Ahead of the inmost statement that holds a place, then of those around it.
fn above(view: &View, items: &[Item], place: Span) -> Vec<(u32, Made)> {
    let Form::Rot(tree) = &view.loaded.tree else {
        return Vec::new();
    };
    let mut starts: Vec<u32> = vec![place.start];
    super::outline::each_step(tree, &mut |step| {
        if step.span.contains(place) {
            starts.push(step.span.start);
        }
    });
    for item in items {
        let span = item.span();
        if span.contains(place) {
            starts.push(span.start);
        }
    }
    starts.sort_unstable_by(|a, b| b.cmp(a));
    let mut places: Vec<(u32, Made)> = starts
        .into_iter()
        .map(|start| {
            let number = view.file.line_index(start);
            let line = view.file.line_text(number);
            let indent = line.len() - line.trim_start().len();
            let indent = line.get(..indent).unwrap_or_default().to_owned();
            (view.file.line_start(number), Made::Line(indent))
        })
        .collect();
    places.dedup_by_key(|(at, _)| *at);
    places
}

/// A member of `metadata` → `rot.ignore` of the definition that holds the place.
fn in_metadata(root: &Node, one: &Diagnostic) -> Option<(u32, Made)> {
    let mut around = None;
    super::outline::each_node(root, &mut |node| {
        if node.get("tasks").is_some() && node.span.contains(one.span()) {
            around = Some(node);
        }
    });
    let definition = around?;
    let pointer = serde_json::to_string(&definition.pointer_of(one.span())).ok()?;
    let entry = format!("{pointer}: \"{} {REASON}\"", one.code.id());
    let into = |object: &Node, member: String| {
        let comma = if object.members().is_empty() {
            ""
        } else {
            ", "
        };
        (
            object.span.start + 1,
            Made::Text(format!("{member}{comma}")),
        )
    };
    Some(match definition.get("metadata") {
        None => into(
            definition,
            format!("\"metadata\": {{\"rot.ignore\": {{{entry}}}}}"),
        ),
        Some(metadata) => match metadata.get("rot.ignore") {
            None => into(metadata, format!("\"rot.ignore\": {{{entry}}}")),
            Some(ignores) => into(ignores, entry),
        },
    })
}
