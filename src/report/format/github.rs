//! Annotations of GitHub Actions (workflow commands on standard output). The runner shows ten of each kind for a
//! step, so errors come first and a last line says how many there are.

use crate::diagnostic::Severity;
use crate::report::findings::Report;
use crate::report::redact::visible;
use std::fmt::Write;

const SHOWN: usize = 10;

pub(super) fn write(report: &Report<'_>) -> String {
    let mut out = String::new();
    for (severity, command) in [
        (Severity::Error, "error"),
        (Severity::Warning, "warning"),
        (Severity::Note, "notice"),
    ] {
        for one in report.diagnostics.iter().filter(|d| d.severity == severity) {
            let _ = write!(out, "::{command} ");
            if let Some(place) = report.places.resolve(one.span()) {
                let (start, end) = (place.start, place.end);
                let _ = write!(
                    out,
                    "file={},line={},endLine={}",
                    property(place.file.name()),
                    start.line,
                    end.line
                );
                let _ = write!(out, ",col={}", start.column);
                if start.line == end.line {
                    let _ = write!(out, ",endColumn={}", end.column);
                }
                out.push(',');
            }
            let _ = write!(
                out,
                "title={}",
                property(&format!("{} {}", one.code.id(), one.code.name()))
            );
            let mut message = one.message.clone();
            if let Some(help) = &one.help {
                message.push_str("\nhelp: ");
                message.push_str(help);
            }
            let _ = writeln!(out, "::{}", data(&lines(&message)));
        }
    }
    let sum = report.summary();
    if [sum.errors, sum.warnings, sum.notes]
        .into_iter()
        .any(|n| n > SHOWN)
    {
        let _ = writeln!(
            out,
            "rot: {sum}; GitHub shows {SHOWN} annotations of each kind"
        );
    }
    out
}

/// Line ends stay, as the runner shows them.
fn lines(text: &str) -> String {
    text.split('\n').map(visible).collect::<Vec<_>>().join("\n")
}

fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(&visible(text)).replace(':', "%3A").replace(',', "%2C")
}
