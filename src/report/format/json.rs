//! Our own form, `rot.check/v1`. Fields may be added within the version; none changes its meaning.

use super::{Made, json_text};
use crate::diagnostic::{Confidence, Diagnostic, Edit, Fix, Label};
use crate::report::findings::Report;
use crate::source::Span;
use serde::Serialize;
use serde_json::{Map, Value, json};

pub(super) fn write(report: &Report<'_>) -> String {
    let sum = report.summary();
    json_text(&Document {
        schema: "rot.check/v1",
        findings: Made::new(report.diagnostics.iter().map(|d| finding(report, d))),
        summary: json!({ "errors": sum.errors, "warnings": sum.warnings, "notes": sum.notes }),
    })
}

#[derive(Serialize)]
struct Document<F> {
    schema: &'static str,
    findings: F,
    summary: Value,
}

fn finding(report: &Report<'_>, one: &Diagnostic) -> Value {
    let confidence = match one.confidence {
        Confidence::Low => "low",
        Confidence::Medium => "medium",
        Confidence::High => "high",
    };
    let mut out = Map::new();
    out.insert("code".into(), one.code.id().into());
    out.insert("name".into(), one.code.name().into());
    out.insert("severity".into(), one.severity.as_str().into());
    out.insert("confidence".into(), confidence.into());
    out.insert("message".into(), one.message.as_str().into());
    place(report, one.span(), &mut out);
    out.insert("help".into(), one.help.as_deref().into());
    out.insert("notes".into(), one.notes.as_slice().into());
    out.insert("labels".into(), labels(report, &one.labels));
    out.insert("flow".into(), labels(report, &one.flow));
    out.insert(
        "fixes".into(),
        one.fixes.iter().map(|f| fix(report, f)).collect(),
    );
    Value::Object(out)
}

/// The place's fields; all `null` where there is no text.
fn place(report: &Report<'_>, span: Span, out: &mut Map<String, Value>) {
    let place = report.places.resolve(span);
    out.insert("file".into(), place.map(|p| p.file.name()).into());
    out.insert(
        "span".into(),
        place.map_or(
            Value::Null,
            |p| json!({ "start": p.start_byte, "end": p.end_byte }),
        ),
    );
    out.insert("line".into(), place.map(|p| p.start.line).into());
    out.insert("column".into(), place.map(|p| p.start.column).into());
    out.insert("end_line".into(), place.map(|p| p.end.line).into());
    out.insert("end_column".into(), place.map(|p| p.end.column).into());
    out.insert(
        "pointer".into(),
        place.and_then(|_| report.pointer(span)).into(),
    );
}

fn labels(report: &Report<'_>, labels: &[Label]) -> Value {
    labels
        .iter()
        .map(|label| {
            let mut out = Map::new();
            out.insert("message".into(), label.text.as_str().into());
            place(report, label.span, &mut out);
            Value::Object(out)
        })
        .collect()
}

fn fix(report: &Report<'_>, fix: &Fix) -> Value {
    let edit = |edit: &Edit| {
        let place = report.places.resolve(edit.span);
        json!({
            "file": place.map(|p| p.file.name()),
            "span": place.map(|p| json!({ "start": p.start_byte, "end": p.end_byte })),
            "text": edit.text,
        })
    };
    json!({ "title": fix.title, "safe": fix.safe, "edits": fix.edits.iter().map(edit).collect::<Vec<_>>() })
}
