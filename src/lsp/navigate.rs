//! Definition, uses, highlights, renaming: from the index that resolving filled.

use super::lines::Lines;
use super::server::{Refusal, Server};
use super::wire::{DocumentHighlightKind, ReferenceParams, RenameParams, uri_of};
use crate::plan::index::NameKind;
use crate::workspace::names::{self, Found, Site};
use crate::workspace::project::View;
use serde_json::{Value, json};
use std::sync::Arc;

type Answer = Result<Value, Refusal>;

/// Where a name is defined.
pub(super) fn definition(
    server: &mut Server<'_>,
    view: &Arc<View>,
    _: &Lines,
    offset: u32,
) -> Answer {
    let found = names::at(view, offset);
    Ok(found.map_or(Value::Null, |found| location(server, &found.site)))
}

fn location(server: &Server<'_>, site: &Site) -> Value {
    let Some(text) = server.project.text(&site.path) else {
        return Value::Null;
    };
    let lines = server.lines(&text);
    json!({ "uri": server.uri(&site.path), "range": lines.range(&text, site.start, site.end) })
}

/// Where a name is used, in all files.
pub(super) fn references(server: &mut Server<'_>, params: &ReferenceParams) -> Answer {
    let at = &params.text_document_position_params;
    let Some((view, lines)) = server.view(&at.text_document.uri) else {
        return Ok(Value::Null);
    };
    let offset = lines.offset(view.file.text(), at.position);
    let Some(found) = names::at(&view, offset) else {
        return Ok(Value::Null);
    };
    let with = params.context.include_declaration;
    let places = names::uses(&mut server.project, &found, with);
    Ok(places.iter().map(|site| location(server, site)).collect())
}

/// Where a name stands in this text.
pub(super) fn highlight(
    _: &mut Server<'_>,
    view: &Arc<View>,
    lines: &Lines,
    offset: u32,
) -> Answer {
    let Some((definition, _)) = view.loaded.index.at(view.id(), offset) else {
        return Ok(Value::Null);
    };
    let own = view.id();
    let text = view.file.text();
    let mark = |span, kind: DocumentHighlightKind| json!({ "range": lines.range_of(text, span), "kind": kind });
    let defined =
        (definition.at.file == own).then(|| mark(definition.at, DocumentHighlightKind::Write));
    let used = view
        .loaded
        .index
        .uses(definition.at)
        .filter(|span| span.file == own)
        .map(|span| mark(span, DocumentHighlightKind::Read));
    Ok(defined.into_iter().chain(used).collect())
}

/// The name that would be renamed, without its quotes.
pub(super) fn prepare_rename(
    _: &mut Server<'_>,
    view: &Arc<View>,
    lines: &Lines,
    offset: u32,
) -> Answer {
    let Some(found) = names::at(view, offset) else {
        return Ok(Value::Null);
    };
    names::renamable(&found).map_err(Refusal::because)?;
    let quote = u32::from(
        view.file
            .slice(found.here.start, found.here.end)
            .starts_with('"'),
    );
    let (start, end) = (found.here.start + quote, found.here.end - quote);
    Ok(json!({
        "range": lines.range(view.file.text(), start, end),
        "placeholder": found.definition.name,
    }))
}

/// A new name, wherever it stands.
pub(super) fn rename(server: &mut Server<'_>, params: &RenameParams) -> Answer {
    let at = &params.text_document_position_params;
    let Some((view, lines)) = server.view(&at.text_document.uri) else {
        return Err(Refusal::because("there is nothing to rename here"));
    };
    let offset = lines.offset(view.file.text(), at.position);
    let Some(found) = names::at(&view, offset) else {
        return Err(Refusal::because("there is nothing to rename here"));
    };
    let edits = names::rename(&mut server.project, &found, params.new_name.trim())
        .map_err(Refusal::because)?;
    Ok(workspace_edit(server, &found, &edits))
}

fn workspace_edit(server: &Server<'_>, found: &Found, edits: &names::Edits) -> Value {
    let stored = server.client.annotations && found.definition.kind == NameKind::Secret;
    let mut changes = serde_json::Map::new();
    let mut documents = Vec::new();
    for (path, places) in edits {
        let text = server.project.text(path).unwrap_or_default();
        let lines = server.lines(&text);
        let edits: Vec<Value> = places
            .iter()
            .map(|(site, new)| {
                let mut edit = json!({
                    "range": lines.range(&text, site.start, site.end),
                    "newText": new,
                });
                if let (true, Value::Object(fields)) = (stored, &mut edit) {
                    fields.insert("annotationId".into(), "vault".into());
                }
                edit
            })
            .collect();
        let known = server.documents.get(path);
        let uri = known.map_or_else(|| uri_of(path), |d| d.uri.clone());
        let version = known.map(|d| d.version);
        documents.push(json!({
            "textDocument": { "uri": uri, "version": version },
            "edits": edits,
        }));
        changes.insert(uri.0, edits.into());
    }
    if !server.client.versions {
        return json!({ "changes": changes });
    }
    if !stored {
        return json!({ "documentChanges": documents });
    }
    let name = &found.definition.name;
    json!({
        "documentChanges": documents,
        "changeAnnotations": { "vault": {
            "label": format!("the vault still calls it `{name}`"),
            "description": format!("store its value under the new name with `rot vault set`, and remove `{name}`"),
            "needsConfirmation": true,
        } },
    })
}
