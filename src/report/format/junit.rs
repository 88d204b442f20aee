//! JUnit XML: a suite for each file, a failed case for each finding, a passed case for a clean file.

use crate::diagnostic::Diagnostic;
use crate::report::findings::Report;
use crate::report::redact::{visible, visible_block};
use crate::source::FileId;
use std::collections::BTreeMap;
use std::fmt::Write;

pub(super) fn write(report: &Report<'_>) -> String {
    let mut suites: BTreeMap<FileId, Vec<&Diagnostic>> = report
        .places
        .sources()
        .files()
        .map(|(id, _)| (id, Vec::new()))
        .collect();
    for one in &report.diagnostics {
        let id = if report.places.resolve(one.span()).is_some() {
            one.span().file
        } else {
            FileId::NONE
        };
        suites.entry(id).or_default().push(one);
    }
    let failures = report.diagnostics.len();
    let tests: usize = suites.values().map(|f| f.len().max(1)).sum();
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        out,
        "<testsuites name=\"rot\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\">"
    );
    for (id, findings) in &suites {
        let name = report.places.sources().get(*id).map_or("rot", |f| f.name());
        let name = escape(&visible(name));
        let count = findings.len();
        let _ = writeln!(
            out,
            "  <testsuite name=\"{name}\" tests=\"{}\" failures=\"{count}\" errors=\"0\">",
            count.max(1)
        );
        if findings.is_empty() {
            let _ = writeln!(
                out,
                "    <testcase name=\"no findings\" classname=\"{name}\" file=\"{name}\"/>"
            );
        }
        for one in findings {
            case(&mut out, report, one, &name);
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

fn case(out: &mut String, report: &Report<'_>, one: &Diagnostic, name: &str) {
    let rule = format!("{} {}", one.code.id(), one.code.name());
    let message = escape(&visible(&one.message));
    let severity = one.severity.as_str();
    let place = report.places.resolve(one.span()).map(|p| p.start);
    let (at, line) = place.map_or_else(Default::default, |p| {
        (
            format!(" ({}:{})", p.line, p.column),
            format!(" line=\"{}\"", p.line),
        )
    });
    let _ = writeln!(
        out,
        "    <testcase name=\"{rule}{at}\" classname=\"{name}\" file=\"{name}\"{line}>"
    );
    let _ = write!(
        out,
        "      <failure type=\"{severity}\" message=\"{message}\">"
    );
    if let Some(start) = place {
        let _ = write!(out, "{name}:{}:{}: ", start.line, start.column);
    }
    let _ = write!(out, "{severity}[{}] {message}", one.code.id());
    for note in &one.notes {
        let _ = write!(out, "\nnote: {}", escape(&visible_block(note)));
    }
    if let Some(help) = &one.help {
        let _ = write!(out, "\nhelp: {}", escape(&visible_block(help)));
    }
    out.push_str("</failure>\n    </testcase>\n");
}

/// For text and attributes. XML 1.0 has no way to write most control characters and two code points: they were made
/// visible, or become the replacement character.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
