//! SARIF 2.1.0, as GitHub code scanning reads it: the way of a secret is a code flow, every result has a fingerprint.

use super::fingerprint::line_hashes;
use super::{Made, json_text};
use crate::diagnostic::{Code, Confidence, Diagnostic, Edit, Fix, Label, Severity};
use crate::report::findings::Report;
use crate::report::place::Place;
use crate::source::{FileId, Span};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write;

pub(super) fn write(report: &Report<'_>) -> String {
    let codes: BTreeSet<Code> = report.diagnostics.iter().map(|d| d.code).collect();
    let codes: Vec<Code> = codes.into_iter().collect();
    let mut hashes: HashMap<FileId, Vec<String>> = HashMap::new();
    json_text(&Log {
        schema: "https://json.schemastore.org/sarif-2.1.0.json",
        version: "2.1.0",
        runs: [Run {
            tool: json!({ "driver": {
                "name": "rot",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": codes.iter().map(|c| rule(report, *c)).collect::<Vec<_>>(),
            } }),
            column_kind: "unicodeCodePoints",
            results: Made::new(
                report
                    .diagnostics
                    .iter()
                    .map(|d| result(report, d, &codes, &mut hashes)),
            ),
        }],
    })
}

#[derive(Serialize)]
struct Log<R> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<R>; 1],
}

#[derive(Serialize)]
struct Run<R> {
    tool: Value,
    #[serde(rename = "columnKind")]
    column_kind: &'static str,
    results: R,
}

fn level(severity: Severity) -> &'static str {
    severity.as_str()
}

fn rule(report: &Report<'_>, code: Code) -> Value {
    let mut out = Map::new();
    out.insert("id".into(), code.id().into());
    out.insert("name".into(), code.name().into());
    out.insert(
        "shortDescription".into(),
        json!({ "text": code.name().replace('-', " ") }),
    );
    out.insert(
        "defaultConfiguration".into(),
        json!({ "level": level(code.info().severity) }),
    );
    let brief = format!("`rot explain {}` prints the page of this rule.", code.id());
    let markdown = report.page(code).unwrap_or(&brief);
    out.insert(
        "help".into(),
        json!({ "text": markdown, "markdown": markdown }),
    );
    out.insert("properties".into(), json!({ "tags": ["security"] }));
    Value::Object(out)
}

fn result(
    report: &Report<'_>,
    one: &Diagnostic,
    codes: &[Code],
    hashes: &mut HashMap<FileId, Vec<String>>,
) -> Value {
    let mut out = Map::new();
    out.insert("ruleId".into(), one.code.id().into());
    out.insert(
        "ruleIndex".into(),
        codes.binary_search(&one.code).ok().into(),
    );
    out.insert("level".into(), level(one.severity).into());
    out.insert("message".into(), json!({ "text": message(one) }));
    let place = report.places.resolve(one.span());
    let locations: Vec<Value> = place
        .iter()
        .map(|p| json!({ "physicalLocation": physical(p) }))
        .collect();
    out.insert("locations".into(), locations.into());
    let related: Vec<Value> = one
        .labels
        .iter()
        .enumerate()
        .filter_map(|(i, l)| location(report, l, Some(i)))
        .collect();
    if !related.is_empty() {
        out.insert("relatedLocations".into(), related.into());
    }
    let steps: Vec<Value> = one
        .flow
        .iter()
        .filter_map(|l| Some(json!({ "location": location(report, l, None)? })))
        .collect();
    if !steps.is_empty() {
        out.insert(
            "codeFlows".into(),
            json!([{ "threadFlows": [{ "locations": steps }] }]),
        );
    }
    if let Some(place) = place {
        // Over the blanked text: a hash of a short secret could be guessed.
        let file = one.span().file;
        let lines = hashes
            .entry(file)
            .or_insert_with(|| line_hashes(&report.blanks.text(file, place.file)));
        if let Some(hash) = lines.get(place.start.line as usize - 1) {
            out.insert(
                "partialFingerprints".into(),
                json!({ "primaryLocationLineHash": hash }),
            );
        }
    }
    let fixes: Vec<Value> = one.fixes.iter().filter_map(|f| fix(report, f)).collect();
    if !fixes.is_empty() {
        out.insert("fixes".into(), fixes.into());
    }
    let mut properties = json!({ "confidence": match one.confidence {
        Confidence::Low => "low",
        Confidence::Medium => "medium",
        Confidence::High => "high",
    } });
    if let (Some(pointer), Some(map)) = (
        place.and_then(|_| report.pointer(one.span())),
        properties.as_object_mut(),
    ) {
        map.insert("pointer".into(), pointer.into());
    }
    out.insert("properties".into(), properties);
    Value::Object(out)
}

/// The message, then why it matters, then what to do: code scanning shows nothing else beside the place.
fn message(one: &Diagnostic) -> String {
    let mut text = one.message.clone();
    for note in &one.notes {
        let _ = write!(text, "\n{note}");
    }
    if let Some(help) = &one.help {
        let _ = write!(text, "\nhelp: {help}");
    }
    text
}

fn location(report: &Report<'_>, label: &Label, id: Option<usize>) -> Option<Value> {
    let place = report.places.resolve(label.span)?;
    let mut out = Map::new();
    if let Some(id) = id {
        out.insert("id".into(), id.into());
    }
    out.insert("physicalLocation".into(), physical(&place));
    out.insert("message".into(), json!({ "text": label.text }));
    Some(Value::Object(out))
}

fn physical(place: &Place<'_>) -> Value {
    json!({ "artifactLocation": { "uri": uri(place.file.name()) }, "region": region(place) })
}

/// 1-based, end exclusive.
fn region(place: &Place<'_>) -> Value {
    json!({
        "startLine": place.start.line,
        "startColumn": place.start.column,
        "endLine": place.end.line,
        "endColumn": place.end.column,
    })
}

/// A path as a URI reference: relative ones stay so, absolute ones get the file scheme.
fn uri(path: &str) -> String {
    let mut out = String::from(if path.starts_with('/') { "file://" } else { "" });
    let path = path.strip_prefix("./").unwrap_or(path);
    for &byte in path.as_bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

fn fix(report: &Report<'_>, fix: &Fix) -> Option<Value> {
    let mut files: BTreeMap<FileId, Vec<&Edit>> = BTreeMap::new();
    fix.edits
        .iter()
        .for_each(|e| files.entry(e.span.file).or_default().push(e));
    let change = |edits: &Vec<&Edit>| {
        let replacement = |edit: &&Edit| {
            let place = report.places.resolve(edit.span)?;
            Some(
                json!({ "deletedRegion": region(&place), "insertedContent": { "text": edit.text } }),
            )
        };
        let first: Span = edits.first()?.span;
        let name = report.places.resolve(first)?.file.name();
        let replacements: Vec<Value> = edits.iter().filter_map(replacement).collect();
        Some(json!({ "artifactLocation": { "uri": uri(name) }, "replacements": replacements }))
    };
    let changes: Vec<Value> = files.values().filter_map(change).collect();
    (!changes.is_empty())
        .then(|| json!({ "description": { "text": fix.title }, "artifactChanges": changes }))
}
