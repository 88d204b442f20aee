//! Findings to the client: once for each version of a text, and for another text only when they changed.

use super::lines::Lines;
use super::server::Server;
use super::wire::{DiagnosticSeverity, DiagnosticTag, Uri};
use crate::diagnostic::{Code, Diagnostic, Severity, codes};
use crate::report::Blanks;
use crate::source::FileId;
use crate::source::Span;
use crate::workspace::config::FILE_NAME;
use crate::workspace::files::LIMIT;
use crate::workspace::project::View;
use serde_json::{Value, json};
use std::path::Path;

const METHOD: &str = "textDocument/publishDiagnostics";

/// Findings of names and steps that nothing needs: editors grey them out.
const UNNEEDED: [Code; 5] = [
    codes::UNUSED_SECRET,
    codes::UNUSED_STEP_OUTPUT,
    codes::UNREACHABLE_STEP,
    codes::DECLASSIFY_UNUSED,
    codes::UNUSED_SUPPRESSION,
];

/// Tells what is found in a text that is open.
pub(super) fn publish(server: &mut Server<'_>, path: &Path) {
    let Some(document) = server.documents.get(path) else {
        return;
    };
    let (uri, version) = (document.uri.clone(), document.version);
    let found = if document.refused {
        let limit = LIMIT >> 20;
        vec![json!({
            "range": { "start": { "line": 0, "character": 0 }, "end": { "line": 0, "character": 0 } },
            "severity": DiagnosticSeverity::Warning,
            "code": codes::UNREADABLE_INPUT.id(),
            "source": "rot",
            "message": format!("this text is larger than {limit} MiB and is not looked at"),
        })]
    } else if path.file_name().is_some_and(|name| name == FILE_NAME) {
        settings(server, path)
    } else {
        findings(server, &uri)
    };
    let value = json!({ "uri": uri, "version": version, "diagnostics": found });
    if server.sent.get(path) != Some(&value) {
        server.notify(METHOD, &value);
        server.sent.insert(path.to_owned(), value);
    }
}

/// Takes back what was told of a text that is closed.
pub(super) fn clear(server: &mut Server<'_>, uri: &Uri) {
    if let Some(path) = super::server::key(uri) {
        server.sent.remove(&path);
    }
    server.notify(METHOD, json!({ "uri": uri, "diagnostics": [] }));
}

fn findings(server: &mut Server<'_>, uri: &Uri) -> Vec<Value> {
    let Some((view, lines)) = server.view(uri) else {
        return Vec::new();
    };
    let own_json = server.client.own_json;
    let syntax = |d: &Diagnostic| own_json && d.code == codes::INVALID_JSON;
    view.own()
        .filter(|d| !syntax(d))
        .map(|d| one(server, &view, &lines, d))
        .collect()
}

/// A finding as the client gets it.
pub(super) fn one(server: &Server<'_>, view: &View, lines: &Lines, d: &Diagnostic) -> Value {
    let text = view.file.text();
    let clean = |text: &str| view.blanks.clean(FileId::NONE, text).into_owned();
    let related: Vec<Value> = d
        .flow
        .iter()
        .chain(&d.labels)
        .filter_map(|label| {
            let place = location(server, view, label.span)?;
            let words = if label.text.is_empty() {
                "here"
            } else {
                label.text.as_str()
            };
            Some(json!({ "location": place, "message": clean(words) }))
        })
        .collect();
    let mut message = clean(&d.message);
    if let Some(help) = &d.help {
        message.push_str("\nhelp: ");
        message.push_str(&clean(help));
    }
    let severity = match d.severity {
        Severity::Error => DiagnosticSeverity::Error,
        Severity::Warning => DiagnosticSeverity::Warning,
        Severity::Note => DiagnosticSeverity::Information,
    };
    let mut made = json!({
        "range": lines.range_of(text, d.span()),
        "severity": severity,
        "code": d.code.id(),
        "source": "rot",
        "message": message,
        "data": { "name": d.code.name(), "start": d.span().start, "end": d.span().end },
    });
    if let Value::Object(fields) = &mut made {
        if !related.is_empty() {
            fields.insert("relatedInformation".into(), related.into());
        }
        if UNNEEDED.contains(&d.code) {
            fields.insert("tags".into(), json!([DiagnosticTag::Unnecessary]));
        }
    }
    made
}

/// The place of a span of a view, in its own text or in another.
pub(super) fn location(server: &Server<'_>, view: &View, span: Span) -> Option<Value> {
    let (path, file) = view.source(span.file)?;
    let lines = server.lines(file.text());
    Some(json!({ "uri": server.uri(&path), "range": lines.range_of(file.text(), span) }))
}

/// What is wrong with the settings themselves.
fn settings(server: &mut Server<'_>, path: &Path) -> Vec<Value> {
    let settings = server.project.settings(path);
    let Some(text) = server.project.text(path) else {
        return Vec::new();
    };
    let lines = server.lines(&text);
    let blanks = Blanks::default();
    let message = |d: &Diagnostic| blanks.clean(FileId::NONE, &d.message).into_owned();
    let mine = settings
        .sources
        .files()
        .any(|(_, file)| Path::new(file.name()) == path);
    let found = if mine {
        settings.findings.as_slice()
    } else {
        &[]
    };
    found
        .iter()
        .map(|d| {
            json!({
                "range": lines.range_of(&text, d.span()),
                "severity": DiagnosticSeverity::Error,
                "code": d.code.id(),
                "source": "rot",
                "message": message(d),
            })
        })
        .collect()
}
