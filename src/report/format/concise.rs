//! One line a finding: `path:line:col: severity[CODE] message`, as compilers write it and editors read it.

use crate::report::findings::Report;
use crate::report::redact::visible;
use std::fmt::Write;

pub(super) fn write(report: &Report<'_>) -> String {
    let mut out = String::new();
    for one in &report.diagnostics {
        if let Some(place) = report.places.resolve(one.span()) {
            let _ = write!(
                out,
                "{}:{}:{}: ",
                visible(place.file.name()),
                place.start.line,
                place.start.column
            );
        }
        let _ = writeln!(
            out,
            "{}[{}] {}",
            one.severity.as_str(),
            one.code.id(),
            visible(&one.message)
        );
    }
    out
}
