//! GitLab Code Quality (the Code Climate subset). GitLab folds issues with one fingerprint into the first, and takes a
//! changed fingerprint for a new issue: it is made of the rule, the path, the line's text and which of several such it
//! is, but not of the line number, which moves.

use super::{Made, json_text};
use crate::diagnostic::Severity;
use crate::report::findings::Report;
use crate::report::redact::visible;
use std::collections::HashMap;
use std::fmt::Write;

pub(super) fn write(report: &Report<'_>) -> String {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut blanked = HashMap::new();
    let issues = report.diagnostics.iter().map(|one| {
        let place = report.places.resolve(one.span());
        let path = place.map_or("", |p| p.file.name());
        let line_text = place.map(|p| {
            let text = blanked.entry(one.span().file).or_insert_with(|| Lines::new(&report.blanks.text(one.span().file, p.file)));
            text.normalised(p.start.line as usize - 1)
        });
        let anchor = line_text.unwrap_or_else(|| one.message.clone());
        let key = [one.code.id(), path, &anchor].join("\0");
        let nth = seen.entry(key.clone()).and_modify(|n| *n += 1).or_insert(0);
        let severity = match one.severity {
            Severity::Error => "major",
            Severity::Warning => "minor",
            Severity::Note => "info",
        };
        serde_json::json!({
            "description": format!("{}: {}", one.code.id(), visible(&one.message)),
            "check_name": one.code.name(),
            "fingerprint": digest(&format!("{key}\0{nth}")),
            "severity": severity,
            "location": {
                "path": path,
                "lines": { "begin": place.map_or(1, |p| p.start.line), "end": place.map_or(1, |p| p.end.line) },
                "positions": {
                    "begin": { "line": place.map_or(1, |p| p.start.line), "column": place.map_or(1, |p| p.start.column) },
                    "end": { "line": place.map_or(1, |p| p.end.line), "column": place.map_or(1, |p| p.end.column) },
                },
            },
        })
    });
    json_text(&Made::new(issues))
}

/// A blanked text cut into lines once.
struct Lines(Vec<String>);

impl Lines {
    fn new(text: &str) -> Self {
        Self(text.split('\n').map(str::to_owned).collect())
    }

    /// The start of a line without its blanks: layout does not change the fingerprint, and a long line costs no more.
    fn normalised(&self, line: usize) -> String {
        self.0
            .get(line)
            .map(|l| l.chars().filter(|c| !c.is_whitespace()).take(200).collect())
            .unwrap_or_default()
    }
}

fn digest(text: &str) -> String {
    let hash = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    let mut out = String::new();
    for byte in hash.as_ref().iter().take(20) {
        let _ = write!(out, "{byte:02x}");
    }
    out
}
